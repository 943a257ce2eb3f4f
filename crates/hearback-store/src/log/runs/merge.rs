//! Making one run of many, a little at a time: sixteen of a size become one of the next, so that a recipient is in some dozen
//! runs at most however long the log is, and each event's words about him are written again once for each size.
//!
//! The new run is written beside the old ones, and takes their place in one transaction; then their blocks go, a little at a
//! time as well. Whatever a crash interrupts is begun again.

use std::collections::VecDeque;
use std::ops::Range;

use hearback_event::RecipientState;

use super::super::recipients::{pack, unpack};
use super::block::{self, Entry, Filling};
use super::{Run, block_id, count_blocks, delete_blocks, id_of, level_of, list, write_blocks, write_run};
use crate::StoreError;
use crate::session::{Session, params};

/// So many runs of a level are merged together.
const TOGETHER: usize = 16;
/// Greater levels do not fit an id; sixteen runs of the last one are more events than are ever kept.
const LEVEL_MAX: u32 = 7;
/// Blocks of a run that are read together.
const READ_AT_ONCE: i64 = 16;
/// So many recipients are merged in the time in which a row of something else is written.
const RECIPIENTS_PER_ROW: usize = 2;

/// Reads the recipients of a run in their order.
pub(super) struct Cursor {
    /// The ids of the blocks that are still to be read.
    blocks: Range<i64>,
    entries: VecDeque<Entry>,
    damage: Vec<String>,
}

impl Cursor {
    pub(super) const fn new(run: u64, blocks: usize) -> Self {
        let blocks = block_id(run, 0)..block_id(run, blocks);
        Self { blocks, entries: VecDeque::new(), damage: Vec::new() }
    }

    /// Has the next entry in memory, if there is one.
    fn fill(&mut self, session: &dyn Session) -> Result<(), StoreError> {
        while self.entries.is_empty() && !self.blocks.is_empty() {
            let (first, end) = (self.blocks.start, self.blocks.end.min(self.blocks.start + READ_AT_ONCE));
            self.blocks.start = end;
            let mut read = 0;
            let sql = "SELECT block FROM recipient_blocks WHERE id BETWEEN $1 AND $2 ORDER BY id";
            session.query(sql, params![first, end - 1], &mut |row| {
                read += 1;
                match block::entries(row.blob(0)?) {
                    Ok(entries) => self.entries.extend(entries),
                    Err(error) => self.damage.push(error.to_string()),
                }
                Ok(())
            })?;
            if read != end - first {
                self.damage.push(format!("{} blocks of recipients are missing", end - first - read));
            }
        }
        Ok(())
    }

    /// What could not be read, in words.
    pub(super) fn into_damage(self) -> Vec<String> {
        self.damage
    }
}

/// What some runs say of one recipient.
pub(super) struct Together {
    key: u64,
    pub(super) address: String,
    states: Vec<Vec<u8>>,
}

impl Together {
    /// What they say together.
    pub(super) fn state(&self) -> Result<RecipientState, StoreError> {
        let mut state = RecipientState::default();
        for packed in &self.states {
            state = state.merge(&unpack(packed)?);
        }
        Ok(state)
    }

    fn into_entry(mut self) -> Result<Entry, StoreError> {
        let state = match self.states.as_mut_slice() {
            [only] => std::mem::take(only),
            _ => pack(&self.state()?)?,
        };
        Ok(Entry { key: self.key, address: self.address, state })
    }
}

/// The next recipient of some runs.
pub(super) fn next(session: &dyn Session, cursors: &mut [Cursor]) -> Result<Option<Together>, StoreError> {
    for cursor in cursors.iter_mut() {
        cursor.fill(session)?;
    }
    let fronts = cursors.iter().filter_map(|cursor| cursor.entries.front());
    let Some(least) = fronts.min_by(|a, b| (a.key, &a.address).cmp(&(b.key, &b.address))) else {
        return Ok(None);
    };
    let (key, address) = (least.key, least.address.clone());
    let mut states = Vec::new();
    for cursor in cursors {
        if let Some(entry) = cursor.entries.pop_front_if(|entry| entry.key == key && entry.address == address)
        {
            states.push(entry.state);
        }
    }
    Ok(Some(Together { key, address, states }))
}

/// What there is to be done about runs.
#[derive(Default)]
pub(in super::super) enum Upkeep {
    /// To be looked for.
    #[default]
    Unknown,
    /// Nothing, until there is another run.
    Nothing,
    /// Runs are being merged.
    Merging(Box<Merging>),
    /// A run was merged: its blocks are thrown away.
    Clearing(Clearing),
}

impl Upkeep {
    /// There is another run. What is under way goes on.
    pub(in super::super) fn look_again(&mut self) {
        if !self.is_due() {
            *self = Self::Unknown;
        }
    }

    /// Whether there may be something to be done.
    pub(in super::super) const fn is_due(&self) -> bool {
        !matches!(self, Self::Nothing)
    }

    /// Whether a run is half written, or may be: what is taken out of the others would come back with it.
    pub(in super::super) const fn is_unsettled(&self) -> bool {
        matches!(self, Self::Unknown | Self::Merging(_))
    }

    /// Does a piece of it, as long as `rows` rows take to be written. After a transaction that fails it is begun again.
    pub(in super::super) fn proceed(&mut self, session: &dyn Session, rows: usize) -> Result<(), StoreError> {
        match self {
            Self::Nothing => {}
            Self::Unknown => *self = look(session)?,
            Self::Merging(merging) => match merging.proceed(session, rows * RECIPIENTS_PER_ROW) {
                Ok(true) => *self = Self::Unknown,
                Ok(false) => {}
                Err(StoreError::Damaged(problem)) => {
                    tracing::error!(%problem, "what is known of recipients is damaged; run `hearback rebuild`");
                    // Nobody could be taken out of what is in no run.
                    delete_blocks(session, merging.id())?;
                    *self = Self::Nothing;
                }
                Err(error) => return Err(error),
            },
            Self::Clearing(clearing) => {
                if clearing.proceed(session, rows)? {
                    *self = Self::Unknown;
                }
            }
        }
        Ok(())
    }
}

/// What is to be done next.
fn look(session: &dyn Session) -> Result<Upkeep, StoreError> {
    let sql = "SELECT id, fences FROM recipient_runs WHERE id >= 0 AND merged = 1 ORDER BY id LIMIT 1";
    let merged = session.one(sql, params![], |row| {
        Ok(Clearing { run: row.int(0)? as u64, next: 0, blocks: count_blocks(row.blob(1)?) })
    })?;
    if let Some(clearing) = merged {
        return Ok(Upkeep::Clearing(clearing));
    }
    let runs = list(session)?;
    for level in 0..LEVEL_MAX {
        let mut of_level: Vec<Run> = runs.iter().copied().filter(|run| level_of(run.id) == level).collect();
        of_level.sort_unstable_by_key(|run| run.first);
        if let Some((oldest, _)) = of_level.split_at_checked(TOGETHER) {
            return Ok(Upkeep::Merging(Box::new(Merging::new(session, oldest)?)));
        }
    }
    Ok(Upkeep::Nothing)
}

/// A run that was merged, on its way out.
pub(in super::super) struct Clearing {
    run: u64,
    /// The first block that is still there. Who looked for it instead would walk past all that PostgreSQL has not cleared away yet.
    next: usize,
    blocks: usize,
}

impl Clearing {
    /// Throws away some blocks, and with the last of them the run. Whether that was all.
    fn proceed(&mut self, session: &dyn Session, blocks: usize) -> Result<bool, StoreError> {
        let end = self.blocks.min(self.next + blocks);
        let sql = "DELETE FROM recipient_blocks WHERE id >= $1 AND id < $2";
        session.execute(sql, params![block_id(self.run, self.next), block_id(self.run, end)])?;
        self.next = end;
        if end == self.blocks {
            session.execute("DELETE FROM recipient_runs WHERE id = $1", params![self.run])?;
        }
        Ok(end == self.blocks)
    }
}

/// Some runs under way to one.
pub(in super::super) struct Merging {
    from: Vec<Run>,
    cursors: Vec<Cursor>,
    filling: Filling,
    /// Blocks that are written.
    written: usize,
}

impl Merging {
    fn new(session: &dyn Session, runs: &[Run]) -> Result<Self, StoreError> {
        let mut merging =
            Self { from: runs.to_vec(), cursors: Vec::new(), filling: Filling::default(), written: 0 };
        for run in runs {
            let sql = "SELECT fences FROM recipient_runs WHERE id = $1";
            let blocks = session.one(sql, params![run.id], |row| Ok(count_blocks(row.blob(0)?)))?;
            merging.cursors.push(Cursor::new(run.id, blocks.unwrap_or_default()));
        }
        // What an interrupted attempt left behind.
        delete_blocks(session, merging.id())?;
        Ok(merging)
    }

    /// The id of the run that it becomes.
    fn id(&self) -> u64 {
        let last = self.from.iter().map(|run| run.last).max().unwrap_or_default();
        id_of(last, self.from.iter().map(|run| level_of(run.id)).max().unwrap_or_default() + 1)
    }

    /// Merges some recipients. Whether those were the last.
    fn proceed(&mut self, session: &dyn Session, recipients: usize) -> Result<bool, StoreError> {
        let mut complete = false;
        for _ in 0..recipients {
            let Some(together) = next(session, &mut self.cursors)? else {
                complete = true;
                self.filling.close();
                break;
            };
            self.filling.push(&together.into_entry()?);
        }
        if let Some(damage) = self.cursors.iter().flat_map(|cursor| &cursor.damage).next() {
            return Err(StoreError::Damaged(damage.clone()));
        }
        let blocks = self.filling.take_full();
        write_blocks(session, self.id(), self.written, &blocks)?;
        self.written += blocks.len();
        if complete {
            let first = self.from.iter().map(|run| run.first).min().unwrap_or_default();
            let last = self.from.iter().map(|run| run.last).max().unwrap_or_default();
            for run in &self.from {
                session.execute("UPDATE recipient_runs SET merged = 1 WHERE id = $1", params![run.id])?;
            }
            write_run(session, self.id(), (first, last), self.filling.fences())?;
        }
        Ok(complete)
    }
}
