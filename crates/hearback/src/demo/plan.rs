//! What happens: a month of it, and then one message after the other.

use std::collections::BTreeMap;

use hearback_event::{Kind, Timestamp};
use hearback_providers::Happening;

use super::people::{BROKEN, Guest, SLOW, guest};
use crate::simulate::Rng;

/// Days of history.
const DAYS: i64 = 30;
/// Bookings of a day; each gets some messages.
const BOOKINGS: usize = 42;
/// Since when the slow domain defers, before now, in seconds.
const SLOW_FOR: i64 = 5400;

/// When a whole domain refused what it was sent, before now, in seconds.
const STORM_BEFORE: i64 = 30 * 3600;
/// So many messages.
const STORM: usize = 14;

/// Something that happened, and which provider tells it.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// The provider.
    pub(crate) provider: &'static str,
    /// What.
    pub(crate) happening: Happening,
}

/// A kind of message: purpose, subject, days from the booking, and who sends it.
struct Letter {
    purpose: &'static str,
    tag: &'static str,
    subject: &'static str,
    after_days: i64,
    providers: &'static [&'static str],
    is_sms: bool,
}

const LETTERS: &[Letter] = &[
    Letter {
        purpose: "confirmation",
        tag: "confirmation",
        subject: "Your booking is confirmed",
        after_days: 0,
        providers: &["mailgun", "mandrill", "resend"],
        is_sms: false,
    },
    Letter {
        purpose: "pre_arrival",
        tag: "pre-arrival",
        subject: "Your check-in details for Harbour House",
        after_days: 3,
        providers: &["mailgun", "mailgun", "mandrill", "sendgrid"],
        is_sms: false,
    },
    Letter {
        purpose: "door_code",
        tag: "door-code",
        subject: "Door code",
        after_days: 4,
        providers: &["twilio"],
        is_sms: true,
    },
    Letter {
        purpose: "invoice",
        tag: "invoice",
        subject: "Your invoice",
        after_days: 6,
        providers: &["postmark", "mailgun"],
        is_sms: false,
    },
    Letter {
        purpose: "review",
        tag: "win-back",
        subject: "Rate your stay",
        after_days: 9,
        providers: &["sendgrid", "mandrill"],
        is_sms: false,
    },
];

/// Within how many seconds the house wants a message delivered: what a guest needs to get in.
pub(crate) fn expected_within(happening: &Happening) -> Option<u32> {
    match happening.labels.get("purpose").map(String::as_str) {
        Some("pre_arrival") => Some(1800),
        Some("door_code") => Some(300),
        _ => None,
    }
}

/// Makes happenings, each with a number of its own.
struct Maker {
    rng: Rng,
    serial: u64,
    message: u64,
    now: Timestamp,
}

/// The month before `now`, in the order in which it happened.
pub(crate) fn history(seed: u64, now: Timestamp) -> Vec<Told> {
    let mut maker = Maker { rng: Rng::new(seed), serial: 1 << 40, message: 0, now };
    let mut told = Vec::new();
    let first = now.plus_seconds(-DAYS * 86_400);
    // Who booked before the month gets letters in it.
    for day in -9..=DAYS {
        let weekday = (first.day() + day).rem_euclid(7);
        let busy = if weekday >= 5 { BOOKINGS * 3 / 2 } else { BOOKINGS };
        for number in 0..busy + maker.rng.below(9) {
            let booking = ((day + 9) as usize) * 100 + number;
            maker.booking(booking, first.plus_seconds(day * 86_400), &mut told);
        }
    }
    // At any hour of the day somebody waits for his check-in details.
    let waits = (0..1000).map(guest).find(|guest| guest.domain == SLOW).unwrap_or_else(|| guest(0));
    maker.letter(&LETTERS[1], 4242, &waits, now.plus_seconds(-4200), &mut told);
    maker.storm(now.plus_seconds(-STORM_BEFORE), &mut told);
    told.retain(|one| one.happening.occurred_at >= first && one.happening.occurred_at <= now);
    told.sort_by_key(|one| (one.happening.occurred_at, one.happening.serial));
    told
}

/// The events of one more message that was sent at `at`, some of them in its future. `count` tells messages apart.
pub(crate) fn live(seed: u64, count: u64, at: Timestamp) -> Vec<Told> {
    let mut maker = Maker {
        rng: Rng::new(seed.wrapping_add(count)),
        serial: (1 << 45) + count * 64,
        message: (1 << 32) + count,
        now: at,
    };
    let letter = &LETTERS[maker.rng.below(LETTERS.len())];
    let booking = 3000 + maker.rng.below(900);
    let mut told = Vec::new();
    maker.letter(letter, booking, &guest(booking), at, &mut told);
    // The first steps at once: whoever watches wants to see it go.
    let mut second = 0;
    for one in &mut told {
        second += 2;
        let wanted = at.plus_seconds(second);
        if one.happening.occurred_at > wanted && second < 12 {
            one.happening.occurred_at = wanted;
        }
    }
    told
}

impl Maker {
    fn booking(&mut self, number: usize, day: Timestamp, told: &mut Vec<Told>) {
        // Every sixth is somebody who was here before.
        let who = guest(if number.is_multiple_of(6) { number / 6 } else { number });
        let booked = day.plus_seconds(self.second_of_day());
        for letter in LETTERS {
            if letter.purpose == "review" && self.rng.below(2) == 0 {
                continue;
            }
            let days = letter.after_days;
            let sent =
                if days == 0 { booked } else { day.plus_seconds(days * 86_400 + self.second_of_day()) };
            self.letter(letter, number, &who, sent, told);
        }
    }

    /// Invoices of a school class, all to one domain, whose servers know none of them.
    fn storm(&mut self, at: Timestamp, told: &mut Vec<Told>) {
        let guests = (0..4000).map(guest).filter(|guest| guest.domain == BROKEN).take(STORM);
        for (number, who) in guests.enumerate() {
            let sent = at.plus_seconds(11 * number as i64);
            let from = told.len();
            self.letter(&LETTERS[3], 6000 + number, &who, sent, told);
            told.truncate(from + 2);
            let Some(model) = told.get(from..).and_then(<[Told]>::last).cloned() else { continue };
            self.serial += 1;
            let happening = Happening {
                kind: Kind::Bounced,
                occurred_at: sent.plus_seconds(3),
                serial: self.serial,
                ..model.happening
            };
            told.push(Told { happening, ..model });
        }
    }

    /// More by day than by night.
    fn second_of_day(&mut self) -> i64 {
        let hour = [7, 8, 9, 9, 10, 10, 11, 12, 13, 14, 15, 15, 16, 16, 17, 18, 19, 20, 21, 22, 0, 3, 5]
            [self.rng.below(23)];
        hour * 3600 + self.rng.below(3600) as i64
    }

    fn letter(
        &mut self,
        letter: &Letter,
        booking: usize,
        who: &Guest,
        sent: Timestamp,
        told: &mut Vec<Told>,
    ) {
        let provider = letter.providers[self.rng.below(letter.providers.len())];
        self.message += 1;
        let to = if letter.is_sms { &who.phone } else { &who.address };
        let Ok(recipient) = to.parse() else { return };
        let model = Happening {
            kind: Kind::Unknown,
            occurred_at: sent,
            recipient,
            message: format!("demo-{:x}-{:x}", self.now.as_seconds() & 0xff_ffff, self.message),
            serial: 0,
            labels: BTreeMap::from([
                ("booking_id".to_owned(), booking.to_string()),
                ("purpose".to_owned(), letter.purpose.to_owned()),
            ]),
            tags: vec![letter.tag.to_owned()],
            subject: letter.subject.to_owned(),
        };
        for (kind, second) in self.life(letter, who, sent) {
            self.serial += 1;
            let occurred_at = sent.plus_seconds(second);
            let happening = Happening { kind, occurred_at, serial: self.serial, ..model.clone() };
            told.push(Told { provider, happening });
        }
    }

    fn within(&mut self, earliest: i64, latest: i64) -> i64 {
        earliest + self.rng.below((latest - earliest) as usize) as i64
    }

    /// What becomes of a message: kinds with their seconds after it was sent.
    fn life(&mut self, letter: &Letter, who: &Guest, sent: Timestamp) -> Vec<(Kind, i64)> {
        let mut life = vec![(Kind::Queued, 0), (Kind::Sent, 1)];
        let chance = self.rng.below(1000);
        let is_slow = who.domain == SLOW && self.now.seconds_since(sent) < SLOW_FOR && !letter.is_sms;
        if is_slow {
            life.push((Kind::Deferred, self.within(4, 20)));
            life.push((Kind::Deferred, self.within(900, 1800)));
            return life;
        }
        let bounces = match (who.domain, letter.is_sms) {
            (_, true) => 12,
            (BROKEN, _) => 230,
            _ => 11,
        };
        if chance < bounces {
            life.push((Kind::Bounced, self.within(2, 30)));
            return life;
        }
        if chance > 996 {
            life.push((if chance == 997 { Kind::Rejected } else { Kind::Failed }, 2));
            return life;
        }
        let mut arrived = self.within(2, 9);
        if chance.is_multiple_of(37) {
            life.push((Kind::Deferred, arrived));
            arrived += self.within(240, 1500);
        }
        life.push((Kind::Delivered, arrived));
        if letter.is_sms {
            return life;
        }
        let read = self.rng.below(100);
        if read < 46 {
            let opened = arrived + self.within(40, 26_000);
            life.push((Kind::Opened, opened));
            if read < 13 {
                life.push((Kind::Clicked, opened + self.within(6, 240)));
            }
            if read == 45 && chance.is_multiple_of(3) {
                life.push((Kind::Unsubscribed, opened + 30));
            }
            if chance == 501 || (chance == 502 && letter.purpose == "review") {
                life.push((Kind::Complained, opened + 20));
            }
        }
        life
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_believable_and_the_same_each_time() {
        let now = Timestamp::from_seconds(1_800_000_000).unwrap();
        let told = history(7, now);
        let count = |kind: Kind| told.iter().filter(|one| one.happening.kind == kind).count() as f64;
        let sent = count(Kind::Sent);
        assert!((3000.0..12_000.0).contains(&sent), "{sent} messages");
        assert!((0.005..0.03).contains(&(count(Kind::Bounced) / sent)));
        assert!(count(Kind::Complained) > 0.0 && count(Kind::Complained) / sent < 0.002);
        assert!((0.2..0.5).contains(&(count(Kind::Opened) / sent)));
        assert!(told.iter().any(|one| one.happening.recipient.is_phone()));
        let begun =
            |one: &&Told| one.happening.kind == Kind::Queued && one.happening.labels["booking_id"] == "4242";
        let late = told.iter().find(begun).unwrap();
        let due = late.happening.occurred_at.plus_seconds(expected_within(&late.happening).unwrap().into());
        let arrived = told.iter().any(|one| {
            one.happening.message == late.happening.message && one.happening.kind == Kind::Delivered
        });
        assert!(due < now && !arrived, "there is always one that is overdue");
        let again = history(7, now);
        assert_eq!(told.len(), again.len());
        assert!(told.iter().zip(&again).all(|(one, other)| one.happening.serial == other.happening.serial));
        assert!(told.is_sorted_by_key(|one| one.happening.occurred_at));
    }
}
