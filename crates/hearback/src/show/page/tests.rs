use serde_json::json;

use super::*;

fn now() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

fn squeezed(page: &str) -> String {
    page.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_message_says_where_it_stands_and_why() {
    let message = json!({
        "id": "msg_1", "provider_id": "a@b", "source": "eu", "provider": "mailgun", "channel": "email",
        "recipient": "a@example.com", "subject": "Your stay", "status": "bounced", "implied": false,
        "since": "2026-11-20T10:00:03Z", "opens": {"human": 0, "machine": 2}, "clicks": {"human": 0, "machine": 0},
        "tags": ["pre-arrival"], "labels": {"booking_id": "42"},
        "failure": {"severity": "permanent", "reason": "invalid_recipient"},
        "explanation": [{"event": "evt_1", "decided": false, "why": "the message's way had ended"},
            {"event": "evt_2", "decided": true, "why": "decided the status"}],
        "events": [{"id": "evt_1", "type": "message.queued", "occurred_at": "2026-11-20T10:00:00Z"},
            {"id": "evt_2", "type": "message.bounced", "occurred_at": "2026-11-20T10:00:03Z"}],
    });
    let page = squeezed(&message_page(&message, Looks::default(), now()));
    for expected in [
        "BOUNCED since 2026-11-20 10:00:03 UTC, 1h 59m ago: permanent invalid_recipient",
        "to a@example.com (email)",
        "labels booking_id=42",
        "opened 2 times by machines only",
        "2026-11-20 10:00:00 queued the message's way had ended",
        "→ 2026-11-20 10:00:03 +3s bounced decided the status",
    ] {
        assert!(page.contains(expected), "{expected}\n{page}");
    }
    assert!(!page.contains("clicked"), "{page}");
}

#[test]
fn a_recipient_says_whether_it_may_be_sent_to() {
    let recipient = json!({
        "address": "a@example.com", "status": "suppressed",
        "suppression": {"reason": "bounced", "since": "2026-11-20T10:00:00Z", "source": "eu"},
        "last_event": {"type": "message.bounced", "occurred_at": "2026-11-20T10:00:00Z"},
        "counts": {"sent": 2, "bounced": {"permanent": 1, "temporary": 0}, "opened": {"human": 0, "machine": 0}},
    });
    let page = squeezed(&recipient_page(&recipient, &[], Looks::default(), now()));
    for expected in [
        "SUPPRESSED, must not be sent to: the address does not exist, told by eu, since 2026-11-20 10:00:00 UTC (2h ago)",
        "last event bounced, 2026-11-20 10:00:00 UTC, 2h ago",
        "counts sent 2, bounced for good 1",
    ] {
        assert!(page.contains(expected), "{expected}\n{page}");
    }
}

#[test]
fn a_timeline_reads_in_the_order_of_time() {
    let event = |kind: &str, at: &str| json!({"type": kind, "occurred_at": at, "recipient": "a@example.com"});
    let timeline = json!({"key": "booking_id", "value": "42",
        "messages": [{"recipient": "a@example.com", "status": "delivered", "provider_id": "a@b"}],
        "data": [event("message.delivered", "2026-11-20T10:00:07Z"), event("message.queued", "2026-11-20T10:00:00Z")]});
    let page = squeezed(&timeline_page(&timeline, Looks::default(), now()));
    assert!(page.starts_with("Timeline booking_id=42"), "{page}");
    let (queued, delivered) = (page.find("10:00:00 queued"), page.find("10:00:07 +7s delivered"));
    assert!(queued.is_some() && queued < delivered, "{page}");
}
