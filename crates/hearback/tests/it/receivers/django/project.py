"""A Django project around the example, whose receivers are written as they are for django-anymail and for Djrill.

    WITHOUT_ANYMAIL=1 ... django_project.py     where only the example's own signals are there
"""

import json
import os
import sys
import wsgiref.simple_server

if os.environ.get("WITHOUT_ANYMAIL"):
    sys.modules["anymail"] = None  # an import of it fails, as if it were not installed

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.dispatch import receiver
from django.urls import include, path

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "project.db"}},
    HEARBACK_WEBHOOK_SECRETS=os.environ["HEARBACK_WEBHOOK_SECRETS"].split(),
    INSTALLED_APPS=["hearback"],
    # As `startproject` has it: the view must get along with the check for a CSRF token.
    MIDDLEWARE=["django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="of a test",
    USE_TZ=True,
)
django.setup()

from hearback.signals import hearback_event, webhook_event

if os.environ.get("WITHOUT_ANYMAIL"):
    from hearback.signals import tracking
else:
    from anymail.signals import tracking

urlpatterns = [path("hooks/hearback", include("hearback.urls"))]
failed = set()


def tell(who, **what):
    print(who, json.dumps(what, default=str), flush=True)


@receiver(tracking)
def handle_tracking(sender, event, esp_name, **kwargs):
    names = (
        "event_type timestamp message_id event_id recipient reject_reason description mta_response tags metadata click_url user_agent"
    )
    tell(
        "anymail",
        esp_name=esp_name,
        esp_event_type=event.esp_event["type"],
        aware=event.timestamp.utcoffset() is not None,
        **{name: getattr(event, name) for name in names.split()},
    )


@receiver(webhook_event)
def handle_bounce(sender, event_type, data, **kwargs):
    if event_type == "hard_bounce" or event_type == "soft_bounce":
        tell("djrill", type=event_type, email=data["msg"]["email"], why=data["msg"]["bounce_description"])


@receiver(webhook_event)
def handle_click(sender, event_type, data, **kwargs):
    if event_type == "click":
        tell("djrill", type=event_type, email=data["msg"]["email"], url=data["url"], ts=data["ts"], id=data["_id"])


@receiver(webhook_event)
def handle_others(sender, event_type, data, **kwargs):
    if event_type not in ("hard_bounce", "soft_bounce", "click"):
        tell("djrill", type=event_type, email=data["msg"]["email"])


@receiver(hearback_event)
def handle_everything(sender, event, **kwargs):
    if event["recipient"] == "fails-once@example.com" and event["id"] not in failed:
        failed.add(event["id"])
        raise RuntimeError("the database is away")
    print("handled", event["type"], event["id"], event["recipient"], flush=True)


class Quiet(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *_):
        pass


if __name__ == "__main__":
    # What is migrated must be what the models say.
    call_command("makemigrations", "hearback", check=True, dry_run=True, verbosity=0)
    call_command("migrate", verbosity=0)
    server = wsgiref.simple_server.make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
