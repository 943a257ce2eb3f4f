"""A Django view that verifies Hearback's webhooks and sends each event on as a Django signal.

Code that was written for the signals of django-anymail or Djrill keeps its shape: connect to `tracking` and read the event.

    # urls.py
    path("hooks/hearback", django_view.receive),

    # settings.py
    HEARBACK_WEBHOOK_SECRETS = [os.environ["HEARBACK_WEBHOOK_SECRET"]]

    # anywhere
    @receiver(django_view.tracking)
    def on_event(sender, event, event_type, esp_name, **kwargs):
        if event_type == "bounced":
            Guest.objects.filter(email=event["recipient"]).update(mail_bounced=True)
"""

import time

from django.conf import settings
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from receive import verify  # beside this file

# Sent with `event` (as GET /v1/events gives it), `event_type` (bounced, delivered, ...) and `esp_name` (mailgun, ...).
tracking = Signal()


@csrf_exempt
@require_POST
def receive(request: HttpRequest) -> HttpResponse:
    try:
        secrets = settings.HEARBACK_WEBHOOK_SECRETS
        message = verify(secrets, request.headers, request.body, time.time())
    except ValueError as error:
        return HttpResponse(str(error), status=401)
    event = message["data"]
    # An exception in a handler is answered 500, and Hearback tries again; handlers must bear an event twice.
    tracking.send(
        sender=receive,
        event=event,
        event_type=message["type"].removeprefix("message."),
        esp_name=event["provider"],
    )
    return HttpResponse(status=204)
