//! One batch into one transaction: which requests are genuine news, which were known, which are forged.

use std::collections::HashMap;

use hearback_event::{DedupKey, Fact};
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::filter::Filters;
use super::posting::{Key, position_at};
use super::rows::{self, Sources};
use super::stage::{Staged, StagedEvent};
use super::tail::Tail;
use crate::{Order, Receipt, SourceRef, StoreError};

type Digest = [u8; 16];

/// What the transaction holds and memory does not know yet.
#[derive(Default)]
pub(super) struct Pending {
    /// Events of this batch: request, event within it, fact.
    pub(super) events: Vec<(usize, usize, Fact)>,
    /// Tokens bound in this batch, with the position of the event that binds them.
    pub(super) tokens: Vec<(Digest, Digest, u64)>,
    /// Sources that the log did not know.
    pub(super) sources: Vec<(u32, SourceRef)>,
    unique: std::collections::HashSet<Digest>,
    bodies: HashMap<Digest, Digest>,
    sends: std::collections::HashSet<u64>,
}

/// Writes the requests of a batch.
pub(super) struct Committer<'a> {
    pub(super) transaction: &'a Transaction<'a>,
    pub(super) tail: &'a Tail,
    pub(super) filters: &'a Filters,
    pub(super) sources: &'a Sources,
    /// Periods before this one are beyond the horizon of deduplication.
    pub(super) oldest_period: u64,
    pub(super) next_position: u64,
    pub(super) pending: Pending,
}

impl Committer<'_> {
    /// Writes what is new of request number `index` of the batch.
    pub(super) fn admit(&mut self, index: usize, request: &Staged) -> Result<Receipt, StoreError> {
        let digest = *request.digest.as_bytes();
        let token = request.token.map(|token| *token.as_bytes());
        let bound = token.map(|token| self.body_of(&token)).transpose()?.flatten();
        if bound.is_some_and(|bound| bound != digest) {
            return Ok(Receipt::ForgedReplay);
        }
        if request.known_messages_only && !self.knows_a_message(request)? {
            return Ok(Receipt::UnknownMessage);
        }
        let first = self.next_position;
        let mut duplicates = 0;
        for (number, event) in request.events.iter().enumerate() {
            if self.knows(event)? {
                duplicates += 1;
            } else {
                self.insert(index, number, request, event, first)?;
            }
        }
        let new = (self.next_position - first) as u32;
        if new > 0 {
            self.insert_payload(first, request)?;
        }
        if let (Some(token), None) = (token, bound) {
            self.bind(token, digest, (new > 0).then_some(first), request)?;
        }
        Ok(Receipt::Stored { new, duplicates })
    }

    fn insert(
        &mut self,
        index: usize,
        number: usize,
        request: &Staged,
        event: &StagedEvent,
        payload: u64,
    ) -> Result<(), StoreError> {
        let source = self.source_number(&request.source)?;
        let position = self.next_position;
        let dedup: Vec<u8> = event.unique.iter().flat_map(|key| *key.as_bytes()).collect();
        self.transaction.prepare_cached(rows::INSERT)?.execute(params![
            position as i64,
            request.received_at.as_nanos(),
            event.occurred_at.as_nanos(),
            source,
            event.kind.number(),
            event.channel,
            request.origin.number(),
            event.flags,
            event.event_recipient.as_ref().map(hearback_event::Address::as_str),
            payload as i64,
            dedup,
            event.data,
        ])?;
        self.pending.events.push((index, number, event.fact(position, source)));
        self.pending.unique.extend(event.unique.iter().map(|key| *key.as_bytes()));
        self.pending.sends.extend(event.send);
        self.next_position += 1;
        Ok(())
    }

    fn insert_payload(&self, id: u64, request: &Staged) -> Result<(), StoreError> {
        let payload = &request.payload;
        self.transaction
            .prepare_cached("INSERT INTO payloads (id, dictionary, size, digest, token, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute(params![
                id as i64,
                payload.dictionary,
                payload.size as i64,
                request.digest.as_bytes(),
                request.token.as_ref().map(DedupKey::as_bytes),
                payload.bytes,
            ])?;
        Ok(())
    }

    /// Binds a token to its body: through the payload row of its first event, or by itself where nothing was new.
    fn bind(
        &mut self,
        token: Digest,
        digest: Digest,
        event: Option<u64>,
        request: &Staged,
    ) -> Result<(), StoreError> {
        self.pending.bodies.insert(token, digest);
        if let Some(position) = event {
            self.pending.tokens.push((token, digest, position));
        } else {
            self.transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO loose_tokens (token, digest, received_at) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![token, digest, request.received_at.as_nanos()])?;
        }
        Ok(())
    }

    fn source_number(&mut self, source: &SourceRef) -> Result<u32, StoreError> {
        let pending =
            self.pending.sources.iter().find(|(_, known)| known == source).map(|(number, _)| *number);
        if let Some(number) = self.sources.number(source).or(pending) {
            return Ok(number);
        }
        let number = self.transaction.query_row(
            "INSERT INTO sources (name, provider, account) VALUES (?1, ?2, ?3) RETURNING id",
            params![&*source.name, &*source.provider, &*source.account],
            |row| row.get(0),
        )?;
        self.pending.sources.push((number, source.clone()));
        Ok(number)
    }

    /// Whether the event is known under any of its keys: in this batch, in memory, or on disk.
    fn knows(&self, event: &StagedEvent) -> Result<bool, StoreError> {
        for key in &event.unique {
            let key = key.as_bytes();
            if self.pending.unique.contains(key) || self.tail.unsealed.iter().any(|period| period.knows(key))
            {
                return Ok(true);
            }
            for period in self.filters.periods_with(key, self.oldest_period) {
                if self.sealed_event_has(period, key)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The filter said maybe: follow the postings to the rows and compare the keys.
    fn sealed_event_has(&self, period: u64, key: &Digest) -> Result<bool, StoreError> {
        let mut statement =
            self.transaction.prepare_cached("SELECT dedup FROM events WHERE position = ?1")?;
        for position in self.sealed_positions(period, key)? {
            let dedup: Option<Vec<u8>> =
                statement.query_row(params![position as i64], |row| row.get(0)).optional()?;
            if dedup.is_some_and(|dedup| rows::keys(&dedup).iter().any(|known| known.as_bytes() == key)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn sealed_positions(&self, period: u64, key: &Digest) -> Result<Vec<u64>, StoreError> {
        let Some(sealed) = self.tail.sealed(period) else { return Ok(Vec::new()) };
        let mut positions = Vec::new();
        for places in sealed.places(self.transaction, Key::unique(key), Order::Newest) {
            positions.extend(places?.into_iter().map(|place| position_at(period, place)));
        }
        Ok(positions)
    }

    /// The body that a token was bound to before.
    fn body_of(&self, token: &Digest) -> Result<Option<Digest>, StoreError> {
        let in_memory = self.pending.bodies.get(token).copied();
        let in_memory =
            in_memory.or_else(|| self.tail.unsealed.iter().rev().find_map(|period| period.body_of(token)));
        if in_memory.is_some() {
            return Ok(in_memory);
        }
        let loose = self
            .transaction
            .prepare_cached("SELECT digest FROM loose_tokens WHERE token = ?1")?
            .query_row(params![token], |row| row.get(0))
            .optional()?;
        if loose.is_some() {
            return Ok(loose);
        }
        let mut statement =
            self.transaction.prepare_cached("SELECT digest FROM payloads WHERE id = ?1 AND token = ?2")?;
        for period in self.filters.periods_with(token, self.oldest_period) {
            for position in self.sealed_positions(period, token)? {
                let body =
                    statement.query_row(params![position as i64, token], |row| row.get(0)).optional()?;
                if body.is_some() {
                    return Ok(body);
                }
            }
        }
        Ok(None)
    }

    /// Whether any event of the request belongs to a message of which something is known.
    fn knows_a_message(&self, request: &Staged) -> Result<bool, StoreError> {
        for half in request.events.iter().filter_map(|event| event.send) {
            let key = Key::send(half);
            if self.pending.sends.contains(&half)
                || self.tail.unsealed.iter().any(|period| period.places(key).next().is_some())
            {
                return Ok(true);
            }
            for sealed in self.tail.sealed.iter().rev() {
                for places in sealed.places(self.transaction, key, Order::Newest) {
                    if !places?.is_empty() {
                        return Ok(true);
                    }
                }
            }
        }
        Ok(false)
    }
}

/// The first period that deduplication looks into, for a horizon given as a moment: periods received wholly before it
/// are left out.
pub(super) fn oldest_period(tail: &Tail, horizon_nanos: i64) -> u64 {
    let at = tail.sealed.partition_point(|sealed| sealed.received_max < horizon_nanos);
    tail.sealed.get(at).map_or_else(|| tail.first_unsealed(), |sealed| sealed.number)
}
