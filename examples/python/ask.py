#!/usr/bin/env python3
"""Registers a message, waits for its outcome, and asks what is known of it.

ask.py PROVIDER_MESSAGE_ID RECIPIENT KEY=VALUE, with HEARBACK_URL and HEARBACK_TOKEN.
"""

import json
import os
import sys
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen


class Problem(Exception):
    """What Hearback says is wrong with a request."""


def ask(path, body=None, **query):
    """Asks a question; with a body, tells something."""
    url = f"{os.environ['HEARBACK_URL']}{path}?{urlencode(query)}"
    request = Request(url, headers={"Authorization": f"Bearer {os.environ['HEARBACK_TOKEN']}"})
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    try:
        with urlopen(request, timeout=60) as answer:
            return json.load(answer)
    except HTTPError as error:
        problem = json.load(error)
        raise Problem(f"{problem['status']} {problem['detail']}") from None


def outcome(message_id):
    """Waits for the event that says how it ended."""
    query = {"message": message_id, "type": "delivered,bounced,rejected,failed", "wait": 30}
    while True:
        page = ask("/v1/events", **query)
        if page["data"]:
            return page["data"][0]
        query["after"] = page["next_cursor"]


def timeline(key, value):
    """Every event with a label, page by page."""
    path, query = f"/v1/timelines/{quote(key, safe='')}/{quote(value, safe='')}", {"limit": 3}
    while True:
        page = ask(path, **query)
        yield from page["data"]
        if page["next_cursor"] is None:
            return
        query["cursor"] = page["next_cursor"]


def main(provider_message_id, recipient, label):
    key, value = label.split("=", 1)
    registered = ask("/v1/messages", {
        "source": "mailgun",
        "provider_message_id": provider_message_id,
        "recipient": recipient,
        "labels": {key: value},
        "expect_delivered_within": 900,
    })
    print("registered", registered["id"])

    event = outcome(registered["id"])
    print("outcome", event["type"], event["recipient"], event.get("failure", {}).get("reason", "-"))

    message = ask(f"/v1/messages/{registered['id']}")
    decided = next(why["type"] for why in message["explanation"] if why["decided"])
    print("message", message["id"], message["status"], "because of", decided)

    for event in timeline(key, value):
        print("timeline", label, event["type"], event["recipient"])


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Problem as problem:
        sys.exit(str(problem))
