//! Making up what happens: bookings, guests, messages, and the requests that tell of them.

use std::collections::BTreeMap;

use hearback_event::{Address, Kind, Timestamp};
use hearback_providers::Happening;

use super::life::{LONGEST_SECONDS, Voice, live};
use super::plan::{LARGEST_BATCH, Planned, Role, Wish};
use super::rng::Rng;

/// What the planning goes along with.
pub(super) struct Stage<'a> {
    pub(super) wish: &'a Wish,
    pub(super) voice: &'a Voice<'a>,
    pub(super) happenings: Vec<Happening>,
    /// Different for every run, also of the same seed, so that a second run meets nothing of the first.
    run: String,
    first_serial: u64,
    messages: usize,
    booking: usize,
    left_in_booking: usize,
}

const PURPOSES: [(&str, &str); 4] = [
    ("confirmation", "Your booking is confirmed"),
    ("pre_arrival", "Your stay begins soon"),
    ("check_in", "Your check-in details"),
    ("check_out", "Thank you for your stay"),
];

impl<'a> Stage<'a> {
    pub(super) fn new(wish: &'a Wish, voice: &'a Voice<'a>) -> Self {
        let mut names = Rng::new(wish.seed ^ wish.start.as_nanos() as u64);
        Self {
            wish,
            voice,
            happenings: Vec::new(),
            run: format!("{:08x}", names.next() >> 32),
            // Below 2^52, so that a provider may write it as a JSON number; the low bits are counted up.
            first_serial: (names.next() >> 12) & !0xF_FFFF,
            messages: 0,
            booking: 0,
            left_in_booking: 0,
        }
    }

    fn happening(&mut self, kind: Kind, at: Timestamp, like: &Happening) -> usize {
        let serial = self.first_serial + self.happenings.len() as u64;
        self.happenings.push(Happening { kind, occurred_at: at, serial, ..like.clone() });
        self.happenings.len() - 1
    }

    /// A message with all that happens to it.
    pub(super) fn message(&mut self, rng: &mut Rng) -> Vec<usize> {
        let model = self.next_message(rng);
        let life = match self.wish.only {
            Some(kind) => vec![(kind, 1)],
            None => live(rng, self.voice),
        };
        let sent = self.wish.start.plus_seconds(-(LONGEST_SECONDS + 60 + rng.below(1200) as i64));
        // Whole seconds: several providers tell no more than that.
        let sent = Timestamp::from_seconds(sent.as_seconds()).unwrap_or(sent);
        life.into_iter()
            .map(|(kind, second)| self.happening(kind, sent.plus_seconds(second), &model))
            .collect()
    }

    /// A message to which nothing has happened yet: the next of the booking, or the first of another.
    pub(super) fn next_message(&mut self, rng: &mut Rng) -> Happening {
        if self.left_in_booking == 0 {
            self.booking += 1;
            self.left_in_booking = 1 + rng.below(PURPOSES.len());
        }
        self.left_in_booking -= 1;
        self.messages += 1;
        let (purpose, subject) = PURPOSES[self.messages % PURPOSES.len()];
        let labels = BTreeMap::from([
            ("booking_id".to_owned(), format!("{}-{}", self.run, self.booking)),
            ("purpose".to_owned(), purpose.to_owned()),
        ]);
        Happening {
            kind: Kind::Unknown,
            occurred_at: self.wish.start,
            recipient: self.guest(),
            message: format!("sim-{}-{}", self.run, self.messages),
            serial: 0,
            labels,
            tags: vec![purpose.replace('_', "-")],
            subject: subject.to_owned(),
        }
    }

    /// Who booked; every fifth booking is a second one of an earlier guest.
    fn guest(&self) -> Address {
        let number = if self.booking.is_multiple_of(5) { self.booking - 4 } else { self.booking };
        let text = if self.voice.phone {
            // +999 is no country's code, so that no made-up number can be a person's.
            format!("+999{:011}", (self.first_serial / 7 + number as u64) % 100_000_000_000)
        } else {
            let domain = ["example.com", "example.net", "example.org"][number % 3];
            format!("guest{number}.{}@{domain}", self.run)
        };
        text.parse().expect("made of letters, digits and one @")
    }

    /// Moves whole messages into the past, as if the server had been away.
    pub(super) fn hours_earlier(&mut self, rng: &mut Rng, tells: &[usize]) {
        let hours: BTreeMap<String, i64> = tells
            .iter()
            .map(|place| (self.happenings[*place].message.clone(), 2 + rng.below(5) as i64))
            .collect();
        for place in tells {
            let one = &mut self.happenings[*place];
            one.occurred_at =
                one.occurred_at.plus_seconds(-3600 * hours.get(&one.message).copied().unwrap_or(2));
        }
    }

    /// Groups what is to be told into requests.
    pub(super) fn requests(&self, rng: &mut Rng, role: Role, tells: &[usize]) -> Vec<Planned> {
        let limit = self.voice.batch_limit.clamp(1, LARGEST_BATCH);
        let mut requests = Vec::new();
        let mut rest = tells;
        while !rest.is_empty() {
            let (batch, others) = rest.split_at((1 + rng.below(limit)).min(rest.len()));
            let newest = batch.iter().map(|place| self.happenings[*place].occurred_at).max();
            let signed_before = match (role, newest) {
                (Role::Late, Some(newest)) => self.wish.start.seconds_since(newest) - 2,
                (Role::First, _) => 30,
                _ => 0,
            };
            requests.push(Planned { role, tells: batch.to_vec(), signed_before });
            rest = others;
        }
        requests
    }

    /// A lie about a message that exists.
    pub(super) fn forged(&mut self, rng: &mut Rng) -> Planned {
        let kinds = self.voice.kinds;
        let kind = if kinds.contains(&Kind::Complained) {
            Kind::Complained
        } else {
            kinds.get(rng.below(kinds.len())).copied().unwrap_or_default()
        };
        let about = self.happenings.get(rng.below(self.happenings.len())).cloned();
        let about = about.unwrap_or_else(|| self.next_message(rng));
        let place = self.happening(kind, self.wish.start, &about);
        Planned { role: Role::Forged, tells: vec![place], signed_before: 0 }
    }

    /// News of messages of their own in a request that is broken (or, in a batch, one element of it).
    pub(super) fn broken(&mut self, rng: &mut Rng) -> Planned {
        let tells = (0..self.voice.batch_limit.clamp(1, 3))
            .map(|_| {
                let model = self.next_message(rng);
                let kind = self.voice.kinds.first().copied().unwrap_or_default();
                self.happening(kind, self.wish.start.plus_seconds(-90), &model)
            })
            .collect();
        Planned { role: Role::Broken, tells, signed_before: 0 }
    }
}
