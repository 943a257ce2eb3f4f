import json
import time

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from .models import HandledEvent
from .signals import send_all
from .verify import is_genuine


@csrf_exempt
@require_POST
def receive(request: HttpRequest) -> HttpResponse:
    """Answers 2xx when all receivers are done; what one of them raises is answered 500, and Hearback tries again."""
    if not is_genuine(settings.HEARBACK_WEBHOOK_SECRETS, request.headers, request.body, time.time()):
        return HttpResponse("signed with no secret of ours, or too long ago", status=401)
    pushed = json.loads(request.body)
    for message in pushed if isinstance(pushed, list) else [pushed]:  # a list where the destination has `batch`
        handle_once(message["data"])
    return HttpResponse()


def handle_once(event: dict) -> None:
    # In one transaction with what the receivers write: both are kept, or neither.
    with transaction.atomic():
        _, is_new = HandledEvent.objects.get_or_create(event_id=event["id"])
        if is_new:
            send_all(receive, event)
