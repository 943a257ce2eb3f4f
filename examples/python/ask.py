#!/usr/bin/env python3
"""Asks Hearback: ask.py MESSAGE KEY=VALUE, with HEARBACK_URL and HEARBACK_TOKEN."""

import json
import os
import sys
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen


class Problem(Exception):
    """What Hearback says is wrong with a request."""


def ask(path, **query):
    url = f"{os.environ['HEARBACK_URL']}{path}?{urlencode(query)}"
    request = Request(url, headers={"Authorization": f"Bearer {os.environ['HEARBACK_TOKEN']}"})
    try:
        with urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except HTTPError as error:
        problem = json.load(error)
        raise Problem(f"{problem['status']} {problem['detail']}") from None


def timeline(key, value):
    """Every event with a label, page by page."""
    path, query = f"/v1/timelines/{quote(key, safe='')}/{quote(value, safe='')}", {"limit": 3}
    while True:
        page = ask(path, **query)
        yield from page["data"]
        if page["next_cursor"] is None:
            return
        query["cursor"] = page["next_cursor"]


def main(message_id, label):
    for event in ask("/v1/events", type="bounced", limit=5)["data"]:
        print("event", event["id"], event["type"], event["recipient"], event["failure"]["reason"])

    message = ask(f"/v1/messages/{message_id}")
    decided = next(why["type"] for why in message["explanation"] if why["decided"])
    print("message", message["id"], message["status"], "because of", decided)

    key, value = label.split("=", 1)
    for event in timeline(key, value):
        print("timeline", label, event["type"], event["recipient"])


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Problem as problem:
        sys.exit(str(problem))
