//! From a payload to an event, by its `RecordType`.

use hearback_event::{Channel, DedupKey, Engagement, Event, Kind, labels_from_json};
use serde_json::Value;

use super::{bounce, inbound, payload, subscription};
use crate::{Request, json};

/// Stable over the attempts of one webhook.
pub(super) const TRACE: &str = "x-pm-webhook-trace-id";

/// The one event of a request.
pub(super) fn event(request: &Request<'_>) -> Event {
    let body = request.body;
    if body.iter().all(u8::is_ascii_whitespace) {
        return unreadable(body, "the body is empty, as when Postmark verifies a webhook");
    }
    match serde_json::from_slice::<Value>(body) {
        Ok(payload) if payload.is_object() => of_payload(&payload, request),
        Ok(_) => unreadable(body, "not a JSON object"),
        Err(error) => unreadable(body, &format!("not JSON: {error}")),
    }
}

fn unreadable(body: &[u8], error: &str) -> Event {
    let text = String::from_utf8_lossy(body);
    Event {
        error: Some(json::cut(error).to_owned()),
        raw: Some(json::cut(&text).to_owned()).filter(|raw| !raw.is_empty()),
        ..Event::new(Kind::Unknown, "", Channel::Email, payload::raw_key(body))
    }
}

fn of_payload(payload: &Value, request: &Request<'_>) -> Event {
    let record = json::text(payload, "/RecordType").unwrap_or_default();
    if inbound::is_inbound(payload, &record) {
        return inbound::event(payload, request);
    }
    let trace = request.header(TRACE).filter(|trace| !trace.is_empty());
    let mut event = common(payload, &record, payload::keys(payload, &record, trace, request.body));
    event.provider_event_id = match record.as_str() {
        "Bounce" | "SpamComplaint" => json::text(payload, "/ID"),
        _ => trace.map(|trace| json::cut(trace).to_owned()),
    };
    match record.as_str() {
        "Delivery" => event.kind = Kind::Delivered,
        "Bounce" => bounce::fill(&mut event, payload),
        "SpamComplaint" => event.kind = Kind::Complained,
        "Open" => engaged(&mut event, Kind::Opened, payload),
        "Click" => engaged(&mut event, Kind::Clicked, payload),
        "SubscriptionChange" => subscription::fill(&mut event, payload),
        _ => {}
    }
    event
}

fn common(payload: &Value, record: &str, dedup: Vec<DedupKey>) -> Event {
    Event {
        native_type: record.to_owned(),
        channel: Channel::Email,
        occurred_at: payload::occurred_at(payload),
        recipient: payload::recipient(payload),
        provider_message_id: payload::message(payload),
        subject: json::text(payload, "/Subject"),
        tags: json::texts(payload, "/Tag"),
        labels: payload.get("Metadata").map(labels_from_json).unwrap_or_default(),
        test: payload::is_sample(payload),
        dedup,
        ..Event::default()
    }
}

/// An open or a click. Whether a machine did it Postmark does not tell.
fn engaged(event: &mut Event, kind: Kind, payload: &Value) {
    event.kind = kind;
    event.engagement = Some(Engagement {
        url: json::text(payload, "/OriginalLink"),
        user_agent: json::text(payload, "/UserAgent"),
        ip: json::text(payload, "/Geo/IP"),
        country: json::first_text(payload, &["/Geo/CountryISOCode", "/Geo/Country"]),
        region: json::first_text(payload, &["/Geo/Region", "/Geo/RegionISOCode"]),
        city: json::text(payload, "/Geo/City"),
        by: None,
        why: None,
    });
}
