//! What is to be told, until the log has it. No words of events: they are read again when it is written.

use std::sync::Arc;

use hearback_event::{Address, Alert, Channel, DedupKey, Event, Kind, Label, Origin, Record, Timestamp};
use hearback_store::{Payload, SourceRef, Submission};
use serde::{Deserialize, Serialize};

use crate::rule::Rule;
use crate::text;

/// The source, provider and account of what Hearback says itself.
const HEARBACK: &str = "hearback";

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Purpose {
    /// That somebody should look.
    Raised,
    /// That it is over.
    Resolved,
    /// The recipient himself, by a text.
    Fallback,
}

/// One thing that is to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Letter {
    pub(crate) purpose: Purpose,
    /// Where the first event stands in the log.
    pub(crate) cause: u64,
    /// Quiet hours end then.
    pub(crate) not_before: Timestamp,
    pub(crate) alert: Alert,
}

impl Letter {
    /// The event that tells it. `cause` is the first event, if there still is one; `phone` is where a text goes.
    pub(crate) fn submission(
        mut self,
        rule: Option<&Rule>,
        cause: Option<&Record>,
        phone: Option<Address>,
        now: Timestamp,
    ) -> Submission {
        let kind = if self.purpose == Purpose::Resolved { Kind::AlertResolved } else { Kind::AlertRaised };
        self.alert.cause = cause.map(Record::id);
        let is_one = self.alert.count == 1;
        let mut event = Event {
            occurred_at: Some(now),
            notice: Some(text::of_letter(&self, rule, cause, now)),
            ..Event::new(kind, kind.name(), Channel::Other, self.key())
        };
        if let Some(record) = cause.filter(|_| is_one) {
            // It belongs to the message: to its history, its recipient, its timeline.
            event.channel = record.event.channel;
            event.recipient.clone_from(&record.event.recipient);
            event.subject.clone_from(&record.event.subject);
            event.tags.clone_from(&record.event.tags);
            event.labels.clone_from(&record.event.labels);
            if let Some(id) = record.message_id() {
                event.labels.insert(Label::MESSAGE_ID.to_owned(), id.to_string());
            }
        }
        if let Some(phone) = phone {
            (event.channel, event.recipient, event.subject) = (Channel::Sms, Some(phone), None);
            event.labels.remove(Label::MESSAGE_ID);
        }
        event.labels.insert(Label::ALERT.to_owned(), self.alert.id.to_string());
        event.alert = Some(Box::new(self.alert));
        let name: Arc<str> = HEARBACK.into();
        Submission {
            source: SourceRef { name: Arc::clone(&name), provider: Arc::clone(&name), account: name },
            origin: Origin::Hearback,
            received_at: now,
            verified: true,
            events: vec![event],
            payload: Payload::default(),
            replay_token: None,
            digest: DedupKey::of(&[]),
            known_messages_only: false,
        }
    }

    /// Known again after a crash: the number alone would not be, should the table of alerts ever begin anew.
    fn key(&self) -> DedupKey {
        let Alert { id, rule, first_at, .. } = &self.alert;
        let purpose: &[u8] = match self.purpose {
            Purpose::Raised => b"raised",
            Purpose::Resolved => b"resolved",
            Purpose::Fallback => b"fallback",
        };
        let (id, first_at, cause) =
            (id.to_be_bytes(), first_at.as_nanos().to_be_bytes(), self.cause.to_be_bytes());
        DedupKey::of(&[HEARBACK.as_bytes(), b"alert", purpose, rule.as_bytes(), &id, &first_at, &cause])
    }
}
