"""What happened to messages, as signals: with Hearback's own words, with django-anymail's, and with Djrill's.

    @receiver(hearback.signals.tracking)
    def on_event(sender, event, esp_name, **kwargs):
        if event.event_type == "bounced":
            Guest.objects.filter(email=event.recipient).update(bounced_at=event.timestamp)

Where django-anymail is installed, `tracking` is its own signal: receivers that were connected to it need no change.
"""

from dataclasses import dataclass, field
from datetime import datetime

from django.dispatch import Signal
from django.utils.dateparse import parse_datetime

try:
    from anymail.signals import AnymailTrackingEvent as TrackingEvent
    from anymail.signals import tracking
except ImportError:
    # Sent with `event`, a TrackingEvent, and `esp_name` (Mailgun, ...): what became of a message.
    tracking = Signal()

    @dataclass
    class TrackingEvent:
        """An event as django-anymail has it."""

        event_type: str
        timestamp: datetime | None = None
        event_id: str | None = None
        esp_event: dict | None = None
        click_url: str | None = None
        description: str | None = None
        message_id: str | None = None
        metadata: dict = field(default_factory=dict)
        mta_response: str | None = None
        recipient: str | None = None
        reject_reason: str | None = None
        tags: list = field(default_factory=list)
        user_agent: str | None = None


# Sent with `event_type` and `data`, as Djrill did: the type in Mandrill's words, and what Mandrill would have said.
webhook_event = Signal()

# Sent with `event`, a dictionary as GET /v1/events gives it: everything, also of sources, destinations and alerts.
hearback_event = Signal()

ESP_NAMES = {
    "mailgun": "Mailgun",
    "mandrill": "Mandrill",
    "postmark": "Postmark",
    "resend": "Resend",
    "sendgrid": "SendGrid",
    "twilio": "Twilio",
}

# Those of which anymail knows; of the messages that come in it has another signal, with their content, which is not here.
TRACKED = {
    "autoresponded", "bounced", "clicked", "complained", "deferred", "delivered", "failed", "opened", "queued",
    "rejected", "sent", "subscribed", "unsubscribed",
}  # fmt: skip
UNTRACKED = {"inbound", "inbound_failed", "registered", "overdue", "recovered"}

REJECT_REASONS = {
    "invalid_recipient": "invalid",
    "mailbox_full": "bounced",
    "blocked": "blocked",
    "spam": "spam",
    "dns": "bounced",
    "timeout": "timed_out",
    "policy": "blocked",
    "suppressed": "blocked",
    "unsubscribed": "unsubscribed",
}

MANDRILL_TYPES = {
    "sent": "send",
    "delivered": "delivered",
    "deferred": "deferral",
    "rejected": "reject",
    "failed": "reject",
    "opened": "open",
    "clicked": "click",
    "complained": "spam",
    "unsubscribed": "unsub",
}


def send_all(sender, event: dict) -> None:
    """Sends one event as every signal that has words for it. What a receiver raises comes out of here."""
    hearback_event.send(sender=sender, event=event)
    if (tracked := as_tracking_event(event)) is not None:
        esp_name = ESP_NAMES.get(event["provider"], event["provider"])
        tracking.send(sender=sender, event=tracked, esp_name=esp_name)
    if (data := as_mandrill_event(event)) is not None:
        webhook_event.send(sender=sender, event_type=data["event"], data=data)


def as_tracking_event(event: dict) -> TrackingEvent | None:
    """The event as anymail would tell it; None of what it knows nothing of: alerts, registrations, and the like."""
    kind = _kind(event)
    if kind is None or kind in UNTRACKED:
        return None
    failure, engagement = event.get("failure") or {}, event.get("engagement") or {}
    return TrackingEvent(
        event_type=kind if kind in TRACKED else "unknown",
        timestamp=parse_datetime(event["occurred_at"]),
        event_id=event["id"],
        esp_event=event,
        click_url=engagement.get("url"),
        description=failure.get("description"),
        message_id=_message_id(event),
        metadata=event["labels"],
        mta_response=failure.get("response"),
        recipient=event["recipient"],
        reject_reason=_reject_reason(kind, failure.get("reason")),
        tags=event["tags"],
        user_agent=engagement.get("user_agent"),
    )


def as_mandrill_event(event: dict) -> dict | None:
    """The event as Mandrill would tell it, whoever sent the message; None where it has no word for it."""
    kind = _kind(event)
    failure, engagement = event.get("failure") or {}, event.get("engagement") or {}
    if kind == "bounced":
        native = "soft_bounce" if failure.get("severity") == "temporary" else "hard_bounce"
    elif (native := MANDRILL_TYPES.get(kind)) is None:
        return None
    message_id, description = _provider_id(event), failure.get("description") or failure.get("reason")
    return {
        "event": native,
        "_id": message_id,
        "ts": int(parse_datetime(event["occurred_at"]).timestamp()),
        "url": engagement.get("url"),
        "ip": engagement.get("ip"),
        "user_agent": engagement.get("user_agent"),
        "msg": {
            "_id": message_id,
            "email": event["recipient"],
            "subject": (event["message"] or {}).get("subject"),
            "tags": event["tags"],
            "metadata": event["labels"],
            "bounce_description": description if kind == "bounced" else None,
            "diag": failure.get("response"),
            "reject": {"reason": description} if native == "reject" else None,
        },
        "hearback": event,
    }


def _kind(event: dict) -> str | None:
    """`bounced` of message.bounced; None of what is no message's."""
    about, _, kind = event["type"].partition(".")
    return kind if about == "message" else None


def _provider_id(event: dict) -> str | None:
    return (event["message"] or {}).get("provider_id")


def _message_id(event: dict) -> str | None:
    """As `message.anymail_status.message_id` had it when the message was sent."""
    message_id = _provider_id(event)
    if message_id and event["provider"] == "mailgun" and not message_id.startswith("<"):
        return f"<{message_id}>"
    return message_id


def _reject_reason(kind: str, reason: str | None) -> str | None:
    if kind not in ("bounced", "rejected") or reason is None:
        return None
    if kind == "bounced" and reason == "invalid_recipient":
        return "bounced"  # a mailbox that does not exist; `invalid` is an address that cannot
    return REJECT_REASONS.get(reason, "other")
