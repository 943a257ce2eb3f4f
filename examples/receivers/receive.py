#!/usr/bin/env python3
"""A receiver of Hearback's webhooks with nothing but Python's own library.

    WEBHOOK_SECRET=whsec_... python3 receive.py [PORT]

It verifies the signature (Standard Webhooks), refuses what is too old, handles each event once, and answers 2xx only
when it has handled it: otherwise Hearback tries again.
"""

import base64
import hashlib
import hmac
import http.server
import json
import os
import sys
import time

TOLERANCE_SECONDS = 5 * 60


def keys_of(secrets: str) -> list[bytes]:
    """The keys in `whsec_... whsec_...`: several while a secret is changed."""
    keys = [base64.b64decode(secret.removeprefix("whsec_"), validate=True) for secret in secrets.split()]
    if not keys or min(map(len, keys)) < 24:  # With an empty key everybody could sign.
        raise ValueError("WEBHOOK_SECRET must be whsec_ and Base64")
    return keys


def verify(keys: list[bytes], headers, body: bytes, now: float) -> dict:
    """The request's JSON, if one of the keys signed it just now; ValueError otherwise."""
    webhook_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not webhook_id or not timestamp.isdigit() or abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        raise ValueError("too old, or from the future")
    content = f"{webhook_id}.{timestamp}.".encode() + body
    given = headers.get("webhook-signature", "").encode().split()
    for key in keys:
        expected = b"v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256))
        if any(hmac.compare_digest(expected, signature) for signature in given):
            return json.loads(body)
    raise ValueError("signed with no secret of ours")


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    handled: set[str] = set()  # In an application: a table with a unique key, written in the event's own transaction.

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            message = verify(KEYS, self.headers, body, time.time())
        except ValueError as error:
            return self.answer(401, str(error))
        if self.headers["webhook-id"] not in self.handled:
            self.handle_event(message["type"], message["data"])
            self.handled.add(self.headers["webhook-id"])
        self.answer(204)

    def handle_event(self, kind: str, event: dict):
        reason = (event.get("failure") or {}).get("reason", "")
        # In one piece, because requests are handled side by side.
        print(f"{kind} {event['id']} {event['recipient']} {reason}\n", end="", flush=True)

    def answer(self, status: int, text: str = ""):
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    KEYS = keys_of(os.environ.get("WEBHOOK_SECRET", ""))
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 9000
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Receiver)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
