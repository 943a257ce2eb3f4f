//! What happens to one message: a likely course of events, as far as a provider tells of them.

use hearback_event::Kind;

use super::rng::Rng;

/// How a message ends, with its share of a hundred messages.
const ENDINGS: &[(usize, &[Step])] = &[
    (34, &[Step::at(Kind::Delivered, 4, 20)]),
    (26, &[Step::at(Kind::Delivered, 4, 20), Step::at(Kind::Opened, 60, 900)]),
    (
        14,
        &[
            Step::at(Kind::Delivered, 4, 20),
            Step::at(Kind::Opened, 60, 400),
            Step::again(Kind::Opened, 500, 900),
            Step::at(Kind::Clicked, 930, 1200),
        ],
    ),
    (8, &[Step::at(Kind::Bounced, 4, 30)]),
    (5, &[Step::at(Kind::Deferred, 10, 40), Step::at(Kind::Delivered, 300, 900)]),
    (
        3,
        &[
            Step::at(Kind::Deferred, 10, 40),
            Step::again(Kind::Deferred, 300, 600),
            Step::at(Kind::Bounced, 900, 1500),
        ],
    ),
    // A delayed bounce: the other side took the message and sent it back later.
    (2, &[Step::at(Kind::Delivered, 4, 20), Step::at(Kind::Bounced, 600, 1500)]),
    (2, &[Step::at(Kind::Delivered, 4, 20), Step::at(Kind::Complained, 300, 1500)]),
    (
        2,
        &[
            Step::at(Kind::Delivered, 4, 20),
            Step::at(Kind::Opened, 60, 300),
            Step::at(Kind::Unsubscribed, 310, 900),
        ],
    ),
    (2, &[Step::at(Kind::Rejected, 1, 3)]),
    (2, &[Step::at(Kind::Failed, 2, 9)]),
];

/// The longest that a life takes, in seconds.
pub(crate) const LONGEST_SECONDS: i64 = 1500;

/// One event of a life and when it comes, in seconds after the send.
#[derive(Clone, Copy, Debug)]
struct Step {
    kind: Kind,
    earliest: i64,
    latest: i64,
    again: bool,
}

impl Step {
    const fn at(kind: Kind, earliest: i64, latest: i64) -> Self {
        Self { kind, earliest, latest, again: false }
    }

    /// A kind that the life has had already.
    const fn again(kind: Kind, earliest: i64, latest: i64) -> Self {
        Self { kind, earliest, latest, again: true }
    }
}

/// What a provider can tell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Voice<'a> {
    /// The kinds that it tells.
    pub(crate) kinds: &'a [Kind],
    /// Whether its events carry their own time. One that gives none cannot tell two events of a kind apart, so each
    /// kind comes once per message.
    pub(crate) timed: bool,
    /// How many events fit in one request.
    pub(crate) batch_limit: usize,
    /// Whether it sends to phones.
    pub(crate) phone: bool,
}

/// A life: kinds with their seconds after the send, in the order of time, no two at the same second; never empty unless
/// the provider tells nothing.
pub(crate) fn live(rng: &mut Rng, voice: &Voice<'_>) -> Vec<(Kind, i64)> {
    let start = [Step::at(Kind::Queued, 0, 0), Step::at(Kind::Sent, 1, 3)];
    let mut steps: Vec<(Kind, i64)> = start
        .iter()
        .chain(ending(rng))
        .filter(|step| voice.kinds.contains(&step.kind) && (voice.timed || !step.again))
        .map(|step| {
            let spread = usize::try_from(step.latest - step.earliest).unwrap_or_default();
            (step.kind, step.earliest + rng.below(spread + 1) as i64)
        })
        .collect();
    steps.sort_by_key(|(_, second)| *second);
    for place in 1..steps.len() {
        steps[place].1 = steps[place].1.max(steps[place - 1].1 + 1);
    }
    if steps.is_empty() {
        steps.extend(voice.kinds.first().map(|kind| (*kind, 1)));
    }
    steps
}

fn ending(rng: &mut Rng) -> &'static [Step] {
    let mut ticket = rng.below(ENDINGS.iter().map(|(share, _)| share).sum());
    for (share, steps) in ENDINGS {
        if ticket < *share {
            return steps;
        }
        ticket -= share;
    }
    &[]
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: Voice<'_> =
        Voice { kinds: Kind::TOLD_BY_PROVIDERS, timed: true, batch_limit: 1, phone: false };

    #[test]
    fn shares_make_a_hundred_and_no_life_takes_longer_than_told() {
        assert_eq!(ENDINGS.iter().map(|(share, _)| share).sum::<usize>(), 100);
        let latest = ENDINGS.iter().flat_map(|(_, steps)| *steps).map(|step| step.latest).max();
        assert!(latest.is_some_and(|latest| latest <= LONGEST_SECONDS));
    }

    #[test]
    fn lives_run_forward_and_tell_only_what_the_provider_tells() {
        let kinds = [Kind::Sent, Kind::Delivered, Kind::Opened, Kind::Bounced, Kind::Deferred];
        let sms = Voice { kinds: &kinds, timed: false, phone: true, ..MAIL };
        let mut rng = Rng::new(3);
        for _ in 0..500 {
            let life = live(&mut rng, &MAIL);
            assert!(life.windows(2).all(|pair| pair[0].1 < pair[1].1), "{life:?}");
            assert_eq!(life[0], (Kind::Queued, 0));
            let short = live(&mut rng, &sms);
            assert!(!short.is_empty() && short.iter().all(|(kind, _)| kinds.contains(kind)));
            for kind in kinds {
                assert!(short.iter().filter(|(found, _)| *found == kind).count() <= 1, "{short:?}");
            }
        }
        assert_eq!(live(&mut rng, &Voice { kinds: &[Kind::Inbound], ..MAIL }), [(Kind::Inbound, 1)]);
        assert!(live(&mut rng, &Voice { kinds: &[], ..MAIL }).is_empty());
    }

    #[test]
    fn many_lives_show_every_outcome() {
        let mut rng = Rng::new(11);
        let seen: std::collections::HashSet<Kind> =
            (0..1000).flat_map(|_| live(&mut rng, &MAIL)).map(|(kind, _)| kind).collect();
        for kind in [
            Kind::Bounced,
            Kind::Deferred,
            Kind::Complained,
            Kind::Unsubscribed,
            Kind::Rejected,
            Kind::Failed,
        ] {
            assert!(seen.contains(&kind), "{kind}");
        }
    }
}
