//! The notice that a destination takes nothing any more: an event in the log like any other, once per outage.

use hearback_event::{Channel, DedupKey, Event, Kind, Origin, Timestamp};
use hearback_store::{SourceRef, Submission};

/// The source, provider and account of what Hearback says itself.
const HEARBACK: &str = "hearback";

/// What is submitted. `since` makes it one notice per outage, however often it is submitted.
pub(crate) fn failing(destination: &str, since: Timestamp, why: &str, now: Timestamp) -> Submission {
    let kind = Kind::DestinationFailing;
    let since = since.as_nanos().to_be_bytes();
    let key = DedupKey::of(&[HEARBACK.as_bytes(), kind.name().as_bytes(), destination.as_bytes(), &since]);
    let mut event = Event::new(kind, kind.name(), Channel::Other, key);
    event.occurred_at = Some(now);
    event.labels = [("destination".to_owned(), destination.to_owned())].into();
    event.notice = Some(why.to_owned());
    Submission {
        source: SourceRef { name: HEARBACK.into(), provider: HEARBACK.into(), account: HEARBACK.into() },
        origin: Origin::Hearback,
        received_at: now,
        verified: true,
        events: vec![event],
        payload: hearback_store::Payload::default(),
        replay_token: None,
        digest: DedupKey::of(&[]),
        known_messages_only: false,
    }
}
