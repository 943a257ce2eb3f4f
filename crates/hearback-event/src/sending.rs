//! Where a message stands that Hearback itself hands to a provider: told by events like everything else, so that a crash
//! between the registration and the provider's answer leaves a message that says so.
//!
//! An attempt is begun before the provider is asked ([`NewMessage::begin`]) and ends with the provider's answer
//! ([`NewMessage::accepted`], [`NewMessage::refused`]). Where no end is known, nobody can say whether the provider has it.

use crate::{DedupKey, Event, Failure, Kind, NewMessage, Record, Registration, Severity, Timestamp};

/// The newest attempt to hand a message to its provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sending {
    /// Which attempt, from 1.
    pub attempt: u32,
    /// How many attempts the provider refused: those after a refusal are new messages to it, those before are repeats.
    pub refusals: u32,
    /// When the first attempt was begun.
    pub first_begun_at: Timestamp,
    /// When this one was begun.
    pub begun_at: Timestamp,
    /// When it ended, where the provider answered.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub end: SendingEnd,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendingEnd {
    /// No answer is known: it is under way, or was lost with the process or the connection.
    NotKnown,
    /// The provider has the message, under this id.
    Accepted(String),
    /// The provider would not have it.
    Refused(Failure),
}

impl Sending {
    /// What a message's events say; `None` where Hearback never began to send it. A provider's event proves that the provider has
    /// the message, whatever became of the answer; unless the answer was that it never will be sent.
    pub fn of(events: &[Record]) -> Option<Self> {
        let attempt_of = |record: &Record| record.event.registration.as_ref()?.attempt;
        let attempt = events.iter().filter_map(attempt_of).max()?;
        let refusal = |record: &&Record| attempt_of(record).is_some() && record.event.failure.is_some();
        let of_attempt = || events.iter().filter(|record| attempt_of(record) == Some(attempt));
        let refused = of_attempt().find(refusal).and_then(|record| record.event.failure.clone());
        let is_end =
            |record: &&Record| record.event.failure.is_some() || record.event.provider_message_id.is_some();
        let accepted = events.iter().find_map(|record| record.event.provider_message_id.clone());
        let end = match (refused, accepted) {
            (Some(failure), _) if is_final(&failure) => SendingEnd::Refused(failure),
            (_, Some(id)) => SendingEnd::Accepted(id),
            (Some(failure), None) => SendingEnd::Refused(failure),
            (None, None) => SendingEnd::NotKnown,
        };
        let begun = |of: &dyn Fn(u32) -> bool| {
            let fitting = events.iter().filter(|record| attempt_of(record).is_some_and(of));
            fitting.map(Record::occurred_at).min()
        };
        Some(Self {
            attempt,
            refusals: events.iter().filter(refusal).count() as u32,
            first_begun_at: begun(&|_| true)?,
            begun_at: begun(&|one| one == attempt)?,
            ended_at: of_attempt().find(is_end).map(Record::occurred_at),
            end,
        })
    }
}

impl std::fmt::Display for Sending {
    /// In a sentence, for people.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { attempt, begun_at, .. } = self;
        match &self.end {
            SendingEnd::Accepted(_) => write!(f, "the provider has it, handed over at attempt {attempt}"),
            SendingEnd::Refused(failure) => {
                let reason = failure.reason.map_or("no reason was given", crate::Reason::name);
                let again = if is_final(failure) { "" } else { "; a repeat is sent" };
                write!(f, "the provider refused it at attempt {attempt}: {reason}{again}")
            }
            SendingEnd::NotKnown => write!(f, "sending was begun at {begun_at}, its outcome is not known"),
        }
    }
}

/// Whether a provider's refusal stands, so that trying again cannot help.
pub fn is_final(refusal: &Failure) -> bool {
    refusal.severity != Some(Severity::Temporary)
}

impl NewMessage {
    /// The event with which an attempt begins. A first attempt that is not insisted on counts as a registration: it is known
    /// already where the message was registered by any means.
    pub fn begin(&self, attempt: u32, insisted: bool) -> Event {
        let mut registration = self.attempt(attempt);
        if attempt == 1 {
            // Said once: a second saying would be a second expectation.
            registration.expect_delivered_within = self.registration.expect_delivered_within;
        }
        let mut event = Self { registration, ..self.clone() }.into_event();
        let key = self.sending_key(b"begun", attempt);
        if attempt == 1 && !insisted {
            event.dedup.push(key);
        } else {
            event.dedup = vec![key];
        }
        event
    }

    /// The event that ends an attempt: the provider has the message.
    pub fn accepted(&self, attempt: u32, provider_message_id: String, at: Timestamp) -> Event {
        // The first attempt's registration is completed. After a refusal that is not enough to say that the provider has it now.
        let kind = if attempt == 1 { Kind::Registered } else { Kind::Queued };
        Event {
            provider_message_id: Some(provider_message_id),
            ..self.end(kind, "accepted", b"accepted", attempt, at)
        }
    }

    /// The event that ends an attempt: the provider would not have the message.
    pub fn refused(&self, attempt: u32, failure: Failure, at: Timestamp) -> Event {
        let kind = if is_final(&failure) { Kind::Rejected } else { Kind::Deferred };
        Event { failure: Some(failure), ..self.end(kind, "refused", b"refused", attempt, at) }
    }

    fn end(&self, kind: Kind, word: &str, name: &[u8], attempt: u32, at: Timestamp) -> Event {
        Event {
            occurred_at: Some(at),
            recipient: Some(self.recipient.clone()),
            registration: Some(self.attempt(attempt)),
            labels: self.labels.clone(),
            tags: self.tags.clone(),
            ..Event::new(kind, word, self.channel, self.sending_key(name, attempt))
        }
    }

    fn attempt(&self, attempt: u32) -> Registration {
        Registration { attempt: Some(attempt), expect_delivered_within: None, ..self.registration.clone() }
    }

    fn sending_key(&self, name: &[u8], attempt: u32) -> DedupKey {
        let key = self.registration.key.as_deref().unwrap_or_default();
        let to = self.recipient.as_str().as_bytes();
        DedupKey::of(&[b"hearback", b"send", name, key.as_bytes(), to, &attempt.to_be_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::{Address, Channel, Origin};

    fn message() -> NewMessage {
        NewMessage {
            provider_message_id: None,
            recipient: Address::parse("a@x.example").unwrap(),
            channel: Channel::Email,
            subject: None,
            labels: BTreeMap::new(),
            tags: Vec::new(),
            sent_at: at(10),
            registration: Registration { key: Some("k".to_owned()), ..Registration::default() },
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_760_000_000 + second).unwrap()
    }

    fn records(events: Vec<Event>) -> Vec<Record> {
        (1..)
            .zip(events)
            .map(|(position, event)| Record {
                position,
                received_at: at(100),
                source: Arc::from("one"),
                provider: Arc::from("test"),
                account: Arc::from("one"),
                origin: Origin::Application,
                verified: true,
                payload: None,
                event,
            })
            .collect()
    }

    #[test]
    fn what_the_events_say_of_an_attempt() {
        let message = message();
        let failure = Failure { severity: Some(Severity::Temporary), ..Failure::default() };
        let end =
            |events: Vec<Event>| Sending::of(&records(events)).map(|sending| (sending.attempt, sending.end));
        assert_eq!(end(vec![message.clone().into_event()]), None);
        let begun = message.begin(1, false);
        assert_eq!(end(vec![begun.clone()]), Some((1, SendingEnd::NotKnown)));
        let refused = message.refused(1, failure.clone(), at(11));
        assert_eq!(refused.kind, Kind::Deferred);
        assert_eq!(end(vec![refused.clone(), begun.clone()]), Some((1, SendingEnd::Refused(failure))));
        let again = message.begin(2, false);
        assert_eq!(end(vec![begun.clone(), again.clone(), refused.clone()]), Some((2, SendingEnd::NotKnown)));
        let accepted = message.accepted(2, "p1".to_owned(), at(20));
        assert_eq!(accepted.kind, Kind::Queued);
        let all = records(vec![begun.clone(), again, refused, accepted]);
        let sending = Sending::of(&all).unwrap();
        assert_eq!(sending.ended_at, Some(at(20)));
        assert_eq!(sending.end, SendingEnd::Accepted("p1".to_owned()));
        assert_eq!((sending.first_begun_at, sending.begun_at, sending.refusals), (at(10), at(10), 1));
        assert_eq!(sending.to_string(), "the provider has it, handed over at attempt 2");
        // What the provider tells proves that it has the message.
        let told = Event { provider_message_id: Some("p2".to_owned()), ..Event::default() };
        assert_eq!(end(vec![begun.clone(), told.clone()]), Some((1, SendingEnd::Accepted("p2".to_owned()))));
        // But what it will not send, it tells of, too.
        let refused = message.refused(1, Failure::default(), at(11));
        assert_eq!(end(vec![begun, refused, told]), Some((1, SendingEnd::Refused(Failure::default()))));
    }

    #[test]
    fn an_attempt_is_one_event_and_the_first_is_a_registration() {
        let mut message = message();
        message.registration.expect_delivered_within = Some(60);
        let expects = |event: Event| event.registration.unwrap().expect_delivered_within;
        assert_eq!(expects(message.begin(1, true)), Some(60));
        assert_eq!(expects(message.begin(2, true)), None);
        assert_eq!(expects(message.accepted(1, "p".to_owned(), at(1))), None);
        let registered = message.clone().into_event().dedup;
        let first = message.begin(1, false).dedup;
        assert_eq!(first.first(), registered.first());
        let insisted = message.begin(1, true).dedup;
        assert!(first.contains(&insisted[0]) && !insisted.contains(&registered[0]));
        assert_ne!(message.begin(2, false).dedup, insisted);
        assert!(!message.begin(2, false).dedup.contains(&registered[0]));
        let permanent = message.refused(1, Failure::default(), at(1));
        assert_eq!(permanent.kind, Kind::Rejected);
        assert_eq!(permanent.message_ids("one").next(), message.begin(1, false).message_ids("one").next());
    }
}
