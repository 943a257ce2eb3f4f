//! Notices about messages: events that Hearback writes itself.

use std::sync::Arc;

use hearback_event::{DedupKey, Event, Kind, Label, Origin, Record, Timestamp};
use hearback_store::{MessageView, Payload, SourceRef, Submission};

/// That a message did not arrive in time.
pub(crate) fn overdue(message: &MessageView, now: Timestamp) -> Option<Submission> {
    let due_at = message.due_at?;
    let sent_at = registration(message)?.occurred_at();
    let within = words(due_at.as_nanos().saturating_sub(sent_at.as_nanos()));
    let text = format!("not delivered within {within}; its status is {}", message.state.status);
    notice(message, Kind::Overdue, text, now)
}

/// That an overdue message arrived after all.
pub(crate) fn recovered(message: &MessageView, now: Timestamp) -> Option<Submission> {
    let text = match message.delivered_after() {
        Some(nanos) => format!("delivered after {}", words(nanos)),
        None => "it arrived, as what followed proves".to_owned(),
    };
    notice(message, Kind::Recovered, text, now)
}

fn registration(message: &MessageView) -> Option<&Record> {
    message.events.iter().find(|record| record.event.kind == Kind::Registered)
}

/// A notice belongs to the message: to its source's account, its recipient, its timeline.
fn notice(message: &MessageView, kind: Kind, text: String, now: Timestamp) -> Option<Submission> {
    let registered = registration(message)?;
    let id = message.id.to_string();
    let dedup = DedupKey::of(&[b"hearback", kind.name().as_bytes(), id.as_bytes()]);
    let event = &registered.event;
    let mut labels = event.labels.clone();
    labels.insert(Label::MESSAGE_ID.to_owned(), id);
    let provider_id = message.events.iter().find_map(|record| record.event.provider_message_id.clone());
    let notice = Event {
        occurred_at: Some(now),
        recipient: event.recipient.clone(),
        provider_message_id: provider_id,
        subject: event.subject.clone(),
        tags: event.tags.clone(),
        labels,
        notice: Some(text),
        ..Event::new(kind, kind.name(), event.channel, dedup)
    };
    Some(Submission {
        source: SourceRef {
            name: Arc::clone(&registered.source),
            provider: Arc::clone(&registered.provider),
            account: Arc::clone(&registered.account),
        },
        origin: Origin::Hearback,
        received_at: now,
        verified: true,
        events: vec![notice],
        payload: Payload::default(),
        replay_token: None,
        digest: DedupKey::of(&[]),
        known_messages_only: false,
    })
}

/// A span as people say it: `47 min`.
pub(crate) fn words(nanos: i64) -> String {
    let seconds = nanos / 1_000_000_000;
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn spans_are_said_as_people_say_them() {
        let of = |seconds: i64| words(seconds * 1_000_000_000);
        let said = [of(0), of(119), of(2860), of(7200), of(172_799), of(172_800)];
        assert_eq!(said, ["0 s", "119 s", "47 min", "2 h", "47 h", "2 days"]);
    }
}
