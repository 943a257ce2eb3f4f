//! Which event belongs to which registered message, where no id says it.
//!
//! Ids join first: the provider's id that was registered, and the id or key that was embedded and echoed
//! ([`Event::message_ids`](crate::Event::message_ids)). What is left over, a message that a provider tells of and a message
//! that was registered without the provider's id, is joined here: by labels, then by recipient and time alone.

use std::collections::BTreeMap;

use crate::{Channel, MessageId, Timestamp};

/// A message that waits to be joined: one that a provider told of, or one that was registered. All of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unjoined {
    /// Its id.
    pub id: MessageId,
    /// When it was sent, or when the provider's first event happened.
    pub at: Timestamp,
    /// How it travels.
    pub channel: Channel,
    /// The account that sent it.
    pub account: String,
    /// Its labels, of all of its events.
    pub labels: BTreeMap<String, String>,
}

/// How far apart a registration and a provider's first event may be, in seconds, where labels join them.
pub const LABELS_WITHIN: i64 = 86_400;
/// How far apart they may be, in seconds, where nothing but the recipient does.
pub const RECIPIENT_WITHIN: i64 = 3600;

/// Pairs of (told, registered), as places in the two lists. Nobody is in two pairs, and the order of the lists does not matter.
///
/// A told message is joined to a registered one only if that is the only one that it could be. Of several told messages that
/// could be the same registered one, the nearest in time is.
pub fn join(told: &[Unjoined], registered: &[Unjoined]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    by(told, registered, &mut pairs, |told, registered| {
        !registered.labels.is_empty()
            && registered.labels.iter().all(|(key, value)| told.labels.get(key) == Some(value))
            && distance(told, registered) <= LABELS_WITHIN * 1_000_000_000
    });
    by(told, registered, &mut pairs, |told, registered| {
        let contradicts =
            |(key, value): (&String, &String)| told.labels.get(key).is_some_and(|other| other != value);
        !registered.labels.iter().any(contradicts)
            && distance(told, registered) <= RECIPIENT_WITHIN * 1_000_000_000
    });
    pairs
}

fn distance(a: &Unjoined, b: &Unjoined) -> i64 {
    a.at.as_nanos().saturating_sub(b.at.as_nanos()).saturating_abs()
}

fn by(
    told: &[Unjoined],
    registered: &[Unjoined],
    pairs: &mut Vec<(usize, usize)>,
    may_be: impl Fn(&Unjoined, &Unjoined) -> bool,
) {
    let mut nearest: BTreeMap<usize, (i64, MessageId, usize)> = BTreeMap::new();
    for (place, one) in told.iter().enumerate() {
        if pairs.iter().any(|(taken, _)| *taken == place) {
            continue;
        }
        let mut could_be = registered.iter().enumerate().filter(|(other, candidate)| {
            !pairs.iter().any(|(_, taken)| taken == other)
                && candidate.channel == one.channel
                && candidate.account == one.account
                && may_be(one, candidate)
        });
        let (Some((only, candidate)), None) = (could_be.next(), could_be.next()) else { continue };
        let mine = (distance(one, candidate), one.id, place);
        let best = nearest.entry(only).or_insert(mine);
        *best = (*best).min(mine);
    }
    pairs.extend(nearest.into_iter().map(|(registered, (_, _, told))| (told, registered)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(n: u64, minute: i64, labels: &[(&str, &str)]) -> Unjoined {
        Unjoined {
            id: MessageId::from_u128(u128::from(n)),
            at: Timestamp::from_seconds(1_760_000_000 + minute * 60).unwrap(),
            channel: Channel::Email,
            account: "main".to_owned(),
            labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        }
    }

    #[test]
    fn table_of_joins() {
        type Case<'a> = (&'a str, Vec<Unjoined>, Vec<Unjoined>, Vec<(usize, usize)>);
        let (a, b) = ([("booking", "1"), ("purpose", "in")], [("booking", "1"), ("purpose", "out")]);
        let cases: Vec<Case<'_>> = vec![
            ("the only one", vec![message(1, 1, &[])], vec![message(2, 0, &[])], vec![(0, 0)]),
            ("too far", vec![message(1, 61, &[])], vec![message(2, 0, &[])], vec![]),
            ("labels reach further", vec![message(1, 600, &a)], vec![message(2, 0, &a[..1])], vec![(0, 0)]),
            ("a day at most", vec![message(1, 1441, &a)], vec![message(2, 0, &a)], vec![]),
            (
                "two candidates",
                vec![message(1, 1, &[])],
                vec![message(2, 0, &[]), message(3, 2, &[])],
                vec![],
            ),
            (
                "labels tell two apart",
                vec![message(1, 1, &a), message(2, 1, &b)],
                vec![message(3, 0, &b), message(4, 0, &a)],
                vec![(1, 0), (0, 1)],
            ),
            ("contradiction", vec![message(1, 1, &a)], vec![message(2, 0, &b)], vec![]),
            (
                "the nearest of two told",
                vec![message(1, 9, &[]), message(2, -3, &[])],
                vec![message(3, 0, &[])],
                vec![(1, 0)],
            ),
            (
                "what labels join leaves one for the rest",
                vec![message(1, 1, &a), message(2, 2, &[])],
                vec![message(3, 0, &a), message(4, 0, &[])],
                vec![(0, 0), (1, 1)],
            ),
        ];
        for (name, told, registered, expected) in cases {
            assert_eq!(join(&told, &registered), expected, "{name}");
        }
        let other = |change: fn(&mut Unjoined)| {
            let mut registered = message(2, 0, &[]);
            change(&mut registered);
            join(&[message(1, 0, &[])], &[registered])
        };
        assert!(other(|registered| registered.channel = Channel::Sms).is_empty());
        assert!(other(|registered| registered.account = "other".to_owned()).is_empty());
    }

    proptest! {
        #[test]
        fn pairs_do_not_depend_on_the_order(
            told in proptest::collection::vec((0_i64..200, 0_usize..3), 0..6),
            registered in proptest::collection::vec((0_i64..200, 0_usize..3), 0..6),
            turn in 0_usize..6,
        ) {
            const LABELS: [&[(&str, &str)]; 3] = [&[], &[("k", "1")], &[("k", "2")]];
            let make = |from: u64, list: &[(i64, usize)]| -> Vec<Unjoined> {
                (from..).zip(list).map(|(n, (minute, labels))| message(n, *minute, LABELS[*labels])).collect()
            };
            let (mut told, mut registered) = (make(1, &told), make(100, &registered));
            let ids = |told: &[Unjoined], registered: &[Unjoined]| {
                let mut pairs: Vec<_> = join(told, registered).into_iter()
                    .map(|(a, b)| (told[a].id, registered[b].id)).collect();
                pairs.sort();
                pairs
            };
            let before = ids(&told, &registered);
            let (a, b) = (turn.min(told.len()), turn.min(registered.len()));
            told.rotate_left(a);
            registered.rotate_left(b);
            prop_assert_eq!(&before, &ids(&told, &registered));
            for list in [before.iter().map(|(a, _)| a).collect::<Vec<_>>(), before.iter().map(|(_, b)| b).collect()] {
                let mut once = list.clone();
                once.dedup();
                prop_assert_eq!(once, list);
            }
        }
    }
}
