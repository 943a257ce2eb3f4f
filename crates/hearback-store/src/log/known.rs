//! What the sealed periods know of a batch: its keys and tokens, looked for all together, since each question to the database is
//! waited for.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::admit::Digest;
use super::filter::Filters;
use super::posting::{Key, position_at};
use super::rows;
use super::stage::Staged;
use super::tail::{Blocks, Tail};
use crate::session::{Keys, Session};
use crate::{Order, StoreError};

/// What was found.
#[derive(Default)]
pub(super) struct Known {
    /// Keys of events.
    events: HashSet<Digest>,
    /// Tokens, each with the body that it is bound to.
    bodies: HashMap<Digest, Digest>,
}

/// A key and a period of which the filter says maybe.
type Maybe = (Digest, u64);

impl Known {
    /// Looks for what these requests bring, each with the first period that is asked for it.
    pub(super) fn look_up<'a>(
        session: &dyn Session,
        tail: &Tail,
        filters: &Filters,
        requests: impl Iterator<Item = (&'a Staged, u64)>,
    ) -> Result<Self, StoreError> {
        let (mut events, mut tokens) = (Vec::<Maybe>::new(), Vec::<Maybe>::new());
        let maybe = |key: Digest, oldest| {
            filters.periods_with(&key, oldest).into_iter().map(move |period| (key, period))
        };
        for (request, oldest) in requests {
            tokens.extend(request.token.iter().flat_map(|token| maybe(*token.as_bytes(), oldest)));
            let keys = request.events.iter().flat_map(|event| &event.unique);
            events.extend(keys.flat_map(|key| maybe(*key.as_bytes(), oldest)));
        }
        let mut known = Self::default();
        if events.is_empty() && tokens.is_empty() {
            return Ok(known);
        }
        let blocks = Blocks::new(session);
        let asked = events.iter().chain(&tokens);
        let ids: BTreeSet<i64> = asked.flat_map(|maybe| block_ids(tail, maybe)).collect();
        blocks.read_ahead(ids.into_iter().collect())?;
        known.find_events(session, &positions(&blocks, tail, &events)?)?;
        known.find_bodies(session, &positions(&blocks, tail, &tokens)?)?;
        Ok(known)
    }

    /// Compares the keys of the events that postings led to.
    fn find_events(&mut self, session: &dyn Session, found: &Found) -> Result<(), StoreError> {
        let positions: Vec<i64> = found.keys().copied().collect();
        session.look_up(
            "SELECT position, dedup FROM events WHERE position",
            Keys::Positions(&positions),
            &mut |row| {
                let asked = found.get(&row.int(0)?).map(Vec::as_slice).unwrap_or_default();
                let keys = rows::keys(row.blob(1)?);
                self.events.extend(keys.iter().map(|key| *key.as_bytes()).filter(|key| asked.contains(key)));
                Ok(())
            },
        )
    }

    /// Compares the tokens of the requests that postings led to.
    fn find_bodies(&mut self, session: &dyn Session, found: &Found) -> Result<(), StoreError> {
        let positions: Vec<i64> = found.keys().copied().collect();
        session.look_up(
            "SELECT token, digest, id FROM payloads WHERE id",
            Keys::Positions(&positions),
            &mut |row| {
                if row.maybe_blob(0)?.is_some() {
                    let token = row.digest(0)?;
                    if found.get(&row.int(2)?).is_some_and(|asked| asked.contains(&token)) {
                        self.bodies.insert(token, row.digest(1)?);
                    }
                }
                Ok(())
            },
        )
    }

    /// Whether there is an event with this key.
    pub(super) fn has_event(&self, key: &Digest) -> bool {
        self.events.contains(key)
    }

    /// The body that a token is bound to.
    pub(super) fn body_of(&self, token: &Digest) -> Option<Digest> {
        self.bodies.get(token).copied()
    }
}

/// Positions, each with the keys whose postings lead to it.
type Found = HashMap<i64, Vec<Digest>>;

fn block_ids(tail: &Tail, (key, period): &Maybe) -> Vec<i64> {
    let sealed = tail.sealed(*period);
    sealed.map(|sealed| sealed.block_ids(Key::unique(key), Order::Oldest)).unwrap_or_default()
}

fn positions(blocks: &Blocks<'_>, tail: &Tail, maybe: &[Maybe]) -> Result<Found, StoreError> {
    let mut found = Found::new();
    for maybe @ (key, period) in maybe {
        for id in block_ids(tail, maybe) {
            for place in blocks.places_in(id, Key::unique(key), Order::Oldest)? {
                found.entry(position_at(*period, place) as i64).or_default().push(*key);
            }
        }
    }
    Ok(found)
}
