"""Signatures of Standard Webhooks."""

import base64
import binascii
import hashlib
import hmac
import re

from django.core.exceptions import ImproperlyConfigured

TOLERANCE_SECONDS = 5 * 60


def is_genuine(secrets: list[str], headers, body: bytes, now: float) -> bool:
    """Whether one of the secrets signed these bytes just now."""
    webhook_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not webhook_id or not re.fullmatch("[0-9]{1,12}", timestamp):
        return False
    if abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    content = f"{webhook_id}.{timestamp}.".encode() + body
    expected = [b"v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)) for key in _keys(secrets)]
    given = headers.get("webhook-signature", "").encode().split(b" ")
    return any(hmac.compare_digest(ours, theirs) for ours in expected for theirs in given)


def _keys(secrets: list[str]) -> list[bytes]:
    try:
        keys = [base64.b64decode(secret.removeprefix("whsec_"), validate=True) for secret in secrets]
    except binascii.Error:
        keys = []
    # With an empty key everybody could sign.
    if not keys or min(map(len, keys)) < 24:
        raise ImproperlyConfigured("HEARBACK_WEBHOOK_SECRETS must be a list of whsec_ and Base64")
    return keys
