//! Who gets which message, and what becomes of it: a pure function of the event's number.
//!
//! Every message has four events. They lie a thousand events apart, so that no request brings two of the same message.

use std::collections::BTreeMap;

use hearback_event::{Address, Kind, Timestamp};
use hearback_providers::Happening;

/// Events in a batch of SendGrid.
pub(crate) const BATCH: u64 = 100;
/// Different people that messages may go to.
pub(crate) const POSSIBLE_RECIPIENTS: u64 = 1_000_000;
/// The label that holds a booking's number; two messages are about each booking.
pub(super) const BOOKING: &str = "booking_id";

/// Messages whose events are interleaved.
const INTERLEAVED: u64 = 1000;
/// Events of every message.
const STAGES: u64 = 4;

/// Numbers of different series never name the same message.
#[derive(Clone, Copy, Debug)]
pub(super) enum Series {
    Mailgun,
    SendGrid,
}

/// Spreads numbers evenly: SplitMix64.
pub(super) const fn scatter(number: u64) -> u64 {
    let z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The message that an event is about, and which of its events it is.
const fn place(serial: u64) -> (u64, u64) {
    let (block, within) = (serial / (INTERLEAVED * STAGES), serial % (INTERLEAVED * STAGES));
    (block * INTERLEAVED + within % INTERLEAVED, within / INTERLEAVED)
}

/// The number of a message's first event.
pub(super) const fn first_event_of(message: u64) -> u64 {
    message / INTERLEAVED * INTERLEAVED * STAGES + message % INTERLEAVED
}

/// How many messages the first so many events are about.
pub(super) fn messages_in(events: u64) -> u64 {
    let (blocks, rest) = (events / (INTERLEAVED * STAGES), events % (INTERLEAVED * STAGES));
    blocks * INTERLEAVED + rest.min(INTERLEAVED)
}

/// What happened.
pub(super) fn happening(series: Series, serial: u64) -> Happening {
    let (message, stage) = place(serial);
    let chance = scatter(message ^ 0x5eed);
    let prefix = match series {
        Series::Mailgun => "m",
        Series::SendGrid => "s",
    };
    let person = chance % POSSIBLE_RECIPIENTS;
    let labels = [
        (BOOKING.to_owned(), format!("{prefix}{}", 4_000_000 + message / 2)),
        ("customer_id".to_owned(), format!("{}", 100_000 + person)),
    ];
    Happening {
        kind: kind(stage, chance >> 32),
        occurred_at: Timestamp::now(),
        recipient: address(person),
        message: format!("{prefix}{message:09}-{:08x}", chance >> 32),
        serial,
        labels: BTreeMap::from(labels),
        tags: vec![format!("template-{:02}", chance % 40)],
        subject: format!("Your booking {} is confirmed", 4_000_000 + message / 2),
    }
}

/// Most messages are delivered, opened, and clicked in; some are not. No kind happens to a message twice: SendGrid's events
/// of the same message, kind and second are the same event.
const fn kind(stage: u64, chance: u64) -> Kind {
    match (stage, chance % 200) {
        (0, _) => Kind::Queued,
        (1, 0..=3) => Kind::Bounced,
        (1, 4..=7) => Kind::Deferred,
        (1, _) => Kind::Delivered,
        (3, 8) => Kind::Complained,
        (3, 9 | 10) => Kind::Unsubscribed,
        (2, _) => Kind::Opened,
        _ => Kind::Clicked,
    }
}

/// Six in ten at five large hosts, the rest at four thousand small ones.
fn address(person: u64) -> Address {
    let domain = match person % 10 {
        0..=5 => format!("mail{}.example", person % 5),
        _ => format!("d{}.example.net", scatter(person) % 4000),
    };
    let text = format!("guest.{person}@{domain}");
    // It has one @ and no character that an address may not have.
    text.parse().unwrap_or_else(|_| unreachable!("{text} is an address"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn every_message_has_four_events_far_apart() {
        let mut seen: HashMap<u64, Vec<u64>> = HashMap::new();
        for serial in 0..12_000 {
            seen.entry(place(serial).0).or_default().push(serial);
        }
        assert_eq!(seen.len(), 3000);
        for (message, serials) in &seen {
            assert_eq!(serials[0], first_event_of(*message));
            assert_eq!(serials.len(), 4);
            assert!(serials.windows(2).all(|two| two[1] - two[0] == 1000));
        }
        for (events, messages) in [(0, 0), (1, 1), (1000, 1000), (3999, 1000), (4001, 1001), (8000, 2000)] {
            assert_eq!(messages_in(events), messages, "{events}");
        }
    }

    #[test]
    fn all_kinds_happen() {
        let kinds: std::collections::BTreeSet<&str> =
            (0..40_000).map(|serial| happening(Series::Mailgun, serial).kind.name()).collect();
        assert_eq!(kinds.len(), 8);
    }
}
