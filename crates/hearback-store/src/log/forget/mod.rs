//! Forgetting a person: everything up to this moment is looked through, away from the journal, and what is found is erased in
//! small steps between its batches.
//!
//! Indexes are not enough to find him: a later request may hold an event that was known already, and others' events may name
//! him. So every event's data, every raw request and every refused one is read.
//!
//! A row of the log stays in its place, with its kind, its times and its keys, which are digests: positions have no gap, a
//! retry is still known, what was counted stays counted. It says nothing more.

mod erase;
mod index;
mod person;

use hearback_event::Address;

use super::retain::Step;
use super::{LogStore, names, quarantine};
use crate::session::{Session, params};
use crate::{Forgotten, StoreError};
use erase::Remains;
use person::Person;

/// Rows that are read in one piece.
const READ_AT_ONCE: u64 = 2000;
/// Events that are changed in one transaction.
const ERASED_AT_ONCE: usize = 64;
/// How long to wait while a period is being sealed.
const WAIT: std::time::Duration = std::time::Duration::from_millis(50);

impl LogStore {
    /// Erases everything that is known of an address up to now.
    pub(super) async fn erase(&self, address: Address) -> Result<Forgotten, StoreError> {
        let person = Person::new(address);
        let last = self.read(|_, session| session.last_position()).await?;
        let (events, mut payloads) = self.find_events(&person, last).await?;
        payloads.extend(self.find_payloads(&person, last).await?);
        payloads.sort_unstable();
        payloads.dedup();
        let tags = self.find_tags(&person).await?;

        let mut forgotten = Forgotten::default();
        for some in events.chunks(ERASED_AT_ONCE) {
            let (person, some) = (person.clone(), some.to_vec());
            forgotten.add(self.step(move |writer| writer.erase_events(&person, &some)).await?);
        }
        for some in payloads.chunks(ERASED_AT_ONCE) {
            let some = some.to_vec();
            forgotten.add(self.step(move |writer| writer.erase_payloads(&some)).await?);
        }
        let (of, remains) = (person.clone(), Remains { last, tags });
        forgotten.add(self.step(move |writer| writer.erase_address(&of, &remains)).await?);
        forgotten.quarantine = self.erase_quarantined(&person).await?;
        let address = person.address().as_str().to_owned();
        let purged = self.apart(move |writer| writer.keeper.purge(&address)).await?;
        (forgotten.rewritten, forgotten.purged) = (purged.rewritten, purged.complete);
        Ok(forgotten)
    }

    /// Repeats a step until it is not put off any more.
    async fn step(
        &self,
        step: impl Fn(&mut super::journal::Writer) -> Result<Step<Forgotten>, StoreError> + Clone + Send + 'static,
    ) -> Result<Forgotten, StoreError> {
        loop {
            match self.apart(step.clone()).await? {
                Step::Did(done) => return Ok(done),
                Step::Done => return Ok(Forgotten::default()),
                Step::Wait => tokio::time::sleep(WAIT).await,
            }
        }
    }

    /// Positions of events that went to the person or name him, and the raw requests of those that went to him.
    async fn find_events(&self, person: &Person, last: u64) -> Result<(Vec<u64>, Vec<i64>), StoreError> {
        let (mut positions, mut payloads, mut after) = (Vec::new(), Vec::new(), 0);
        loop {
            let person = person.clone();
            let sql =
                "SELECT position, recipient, payload, data FROM events WHERE position > $1 AND position <= $2
                       ORDER BY position LIMIT $3";
            let (end, found) = self
                .read(move |_, session| {
                    let (mut end, mut found) = (None, Vec::new());
                    session.query(sql, params![after, last, READ_AT_ONCE], &mut |row| {
                        let position = row.int(0)? as u64;
                        end = Some(position);
                        let is_own = row.maybe_text(1)? == Some(person.address().as_str());
                        // A name that is too short to be looked for may be one of several recipients.
                        let quoted = serde_json::to_string(person.address()).unwrap_or_default();
                        let data = row.text(3)?;
                        if is_own || person.is_named_in(data.as_bytes()) || data.contains(&quoted) {
                            found.push((position, row.maybe_int(2)?.filter(|_| is_own)));
                        }
                        Ok(())
                    })?;
                    Ok((end, found))
                })
                .await?;
            positions.extend(found.iter().map(|(position, _)| *position));
            payloads.extend(found.iter().filter_map(|(_, payload)| *payload));
            match end {
                Some(end) => after = end,
                None => return Ok((positions, payloads)),
            }
        }
    }

    /// Raw requests that name the person.
    async fn find_payloads(&self, person: &Person, last: u64) -> Result<Vec<i64>, StoreError> {
        let (mut ids, mut after) = (Vec::new(), 0);
        loop {
            let person = person.clone();
            let sql = "SELECT id, dictionary, size, body FROM payloads WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3";
            let (end, found) = self
                .read(move |shared, session| {
                    shared.codec.load(session)?;
                    let (mut end, mut found) = (None, Vec::new());
                    session.query(sql, params![after, last, READ_AT_ONCE], &mut |row| {
                        let id = row.int(0)?;
                        end = Some(id);
                        let bytes = row.blob(3)?;
                        if bytes.is_empty() {
                            return Ok(());
                        }
                        match shared.codec.unpack(row.int(1)? as u32, row.int(2)? as usize, bytes) {
                            Ok(payload)
                                if person.is_named_in(payload.head.as_bytes())
                                    || person.is_named_in(&payload.body) =>
                            {
                                found.push(id);
                            }
                            Ok(_) => {}
                            Err(error) => {
                                tracing::warn!(id, %error, "a raw request cannot be looked through");
                            }
                        }
                        Ok(())
                    })?;
                    Ok((end, found))
                })
                .await?;
            ids.extend(found);
            match end {
                Some(end) => after = end,
                None => return Ok(ids),
            }
        }
    }

    /// Tags that name the person, in counts of every age.
    async fn find_tags(&self, person: &Person) -> Result<Vec<String>, StoreError> {
        let person = person.clone();
        self.read(move |shared, session| {
            let mut tags = names::tags(session)?;
            let owed = "SELECT DISTINCT name FROM owed_counts WHERE rollup = 2";
            tags.extend(session.all(owed, params![], |row| Ok(row.text(0)?.to_owned()))?);
            for period in &shared.tail.read().unsealed {
                tags.extend(period.rollups.tags.cells().keys().map(|(_, tag, ..)| tag.to_string()));
            }
            tags.retain(|tag| person.is_named_in(tag.as_bytes()));
            tags.sort_unstable();
            tags.dedup();
            Ok(tags)
        })
        .await
    }

    /// Throws away refused requests that name the person.
    async fn erase_quarantined(&self, person: &Person) -> Result<u64, StoreError> {
        let ids = self
            .read(|_, session| {
                session.all("SELECT id FROM quarantine ORDER BY id", params![], |row| row.int(0))
            })
            .await?;
        let mut gone = 0;
        for some in ids.chunks(ERASED_AT_ONCE) {
            let (person, some) = (person.clone(), some.to_vec());
            let found = self.read(move |_, session| named_in_quarantine(session, &person, &some)).await?;
            if found.is_empty() {
                continue;
            }
            gone += self
                .write(move |session| {
                    found
                        .iter()
                        .try_fold(0, |gone, id| Ok(gone + u64::from(quarantine::remove(session, *id)?)))
                })
                .await?;
        }
        Ok(gone)
    }
}

fn named_in_quarantine(session: &dyn Session, person: &Person, ids: &[i64]) -> Result<Vec<u64>, StoreError> {
    let mut found = Vec::new();
    for id in ids {
        // What cannot be decompressed cannot be looked through, nor be tried again: it goes as well.
        let named = match quarantine::get(session, *id as u64) {
            Ok(None) => false,
            Ok(Some(entry)) => {
                let texts = [entry.payload.head.as_bytes(), entry.detail.as_bytes(), &entry.payload.body];
                texts.iter().any(|text| person.is_named_in(text))
            }
            Err(StoreError::Damaged(_)) => true,
            Err(error) => return Err(error),
        };
        if named {
            found.push(*id as u64);
        }
    }
    Ok(found)
}
