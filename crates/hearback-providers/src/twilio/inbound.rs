//! Messages that came in, and what they say about the sender's wish to get more.
//!
//! Twilio's Advanced Opt-Out tells with `OptOutType` that a text was taken for STOP, START or HELP. Where that field
//! is absent, the default keywords decide: the whole text, trimmed, in any case.

use hearback_event::{DedupKey, Event, Inbound, Kind};

use super::payload::Callback;

const STOP_WORDS: [&str; 6] = ["STOP", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "STOPALL"];
const START_WORDS: [&str; 3] = ["START", "YES", "UNSTOP"];

/// The message, and a second event where its sender opted out or in. The message's recipient is our number; the
/// second event's is the person.
pub(super) fn events(callback: &Callback, fallback: DedupKey) -> Vec<Event> {
    let native = callback.status.clone().unwrap_or_default();
    let mut event = Event::new(Kind::Inbound, native, callback.channel(), key(callback, "inbound", fallback));
    event.occurred_at = callback.occurred_at;
    event.recipient = callback.receiver();
    event.provider_message_id.clone_from(&callback.message);
    event.labels.clone_from(&callback.labels);
    let number = |address: Option<hearback_event::Address>| address.map(|address| address.to_string());
    event.inbound = Some(Inbound {
        from: number(callback.sender()).or_else(|| callback.from.clone()),
        to: number(callback.receiver()).into_iter().collect(),
        message_id: None,
        attachments: callback.media,
    });
    let mut events = vec![event];
    events.extend(wish(callback).map(|(kind, word)| opt_event(callback, kind, word, fallback)));
    events
}

/// The second event. It belongs to no message of ours, so the inbound message is named as the event's origin only.
fn opt_event(callback: &Callback, kind: Kind, word: String, fallback: DedupKey) -> Event {
    let mut event = Event::new(kind, word, callback.channel(), key(callback, kind.name(), fallback));
    event.occurred_at = callback.occurred_at;
    event.recipient = callback.sender();
    event.provider_event_id.clone_from(&callback.message);
    event.labels.clone_from(&callback.labels);
    event
}

fn key(callback: &Callback, what: &str, fallback: DedupKey) -> DedupKey {
    match &callback.message {
        Some(message) => {
            let account = callback.account.as_deref().unwrap_or_default();
            DedupKey::of(&[b"twilio", account.as_bytes(), message.as_bytes(), what.as_bytes()])
        }
        None => DedupKey::of(&[b"twilio", fallback.as_bytes(), what.as_bytes()]),
    }
}

/// What the person wants, and the word for it.
fn wish(callback: &Callback) -> Option<(Kind, String)> {
    let (told, start, stop): (&str, &[&str], &[&str]) = match &callback.opt_out {
        Some(told) => (told, &["START"], &["STOP"]),
        None => (callback.body.as_deref()?, &START_WORDS, &STOP_WORDS),
    };
    let word = told.trim().to_uppercase();
    if stop.contains(&word.as_str()) {
        Some((Kind::Unsubscribed, word))
    } else if start.contains(&word.as_str()) {
        Some((Kind::Subscribed, word))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes() {
        let cases = [
            (Some("STOP"), Some("please"), Some(Kind::Unsubscribed)),
            (Some("START"), Some("STOP"), Some(Kind::Subscribed)),
            (Some("HELP"), Some("STOP"), None),
            (Some(""), Some("STOP"), None),
            (Some("STOPALL"), None, None),
            (None, Some(" stop "), Some(Kind::Unsubscribed)),
            (None, Some("\tStopAll\n"), Some(Kind::Unsubscribed)),
            (None, Some("unsubscribe"), Some(Kind::Unsubscribed)),
            (None, Some("Cancel"), Some(Kind::Unsubscribed)),
            (None, Some("end"), Some(Kind::Unsubscribed)),
            (None, Some("Quit"), Some(Kind::Unsubscribed)),
            (None, Some("yes"), Some(Kind::Subscribed)),
            (None, Some("UNSTOP"), Some(Kind::Subscribed)),
            (None, Some("Start"), Some(Kind::Subscribed)),
            (None, Some("stop it"), None),
            (None, Some("yes, please"), None),
            (None, Some("help"), None),
            (None, None, None),
        ];
        for (told, body, expected) in cases {
            let callback = Callback {
                opt_out: told.map(ToOwned::to_owned),
                body: body.map(ToOwned::to_owned),
                ..Callback::default()
            };
            assert_eq!(wish(&callback).map(|(kind, _)| kind), expected, "{told:?} {body:?}");
        }
    }

    #[test]
    fn the_two_events_have_keys_of_their_own() {
        let fallback = DedupKey::of(&[b"x"]);
        for message in [Some("SM1".to_owned()), None] {
            let callback = Callback { message, body: Some("stop".to_owned()), ..Callback::default() };
            let events = events(&callback, fallback);
            assert_eq!(events.len(), 2);
            assert_ne!(events[0].dedup, events[1].dedup);
        }
    }
}
