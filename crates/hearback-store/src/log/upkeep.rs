//! What the writer does besides taking in batches: sealing full periods, dropping what they have made superfluous, and making
//! everything anew.

use hearback_event::Timestamp;

use super::filter::Filters;
use super::journal::Writer;
use super::loose;
use super::queue::Command;
use super::runs::merge::Upkeep;
use super::seal::{Prepared, Sealing, prepare};
use crate::StoreError;
use crate::session::Session;

impl Writer {
    /// Whether this process is the one that seals. When it becomes that, it first learns what its predecessor did.
    pub(super) fn seals(&mut self) -> Result<bool, StoreError> {
        let seals = self.keeper.seals()?;
        if seals && !self.is_sealer && self.shared.others_write {
            self.shared.refresh_all(self.keeper.session())?;
        }
        if seals && !self.is_sealer {
            self.runs = Upkeep::Unknown;
        }
        self.is_sealer = seals;
        Ok(seals)
    }

    /// Fails unless this process is the one that seals: nobody else may change what follows from the events.
    pub(super) fn require_seals(&mut self) -> Result<(), StoreError> {
        if self.seals()? {
            return Ok(());
        }
        let problem =
            "another process of Hearback keeps what follows from the events; ask that one, or stop it";
        Err(StoreError::Write(problem.to_owned()))
    }

    pub(super) fn finish_sealing(&mut self) {
        if let Some((sealed, filter)) = self.sealing.as_mut().and_then(Sealing::committed) {
            self.shared.filters.write().add(sealed.number, &filter);
            self.shared.tail.write().seal(sealed);
            self.sealing = None;
            self.runs.look_again();
            self.old_tokens = true;
        }
    }

    /// Whether there is something to be done when nothing else waits.
    pub(super) const fn is_behind(&self) -> bool {
        self.sealing.is_some() || self.old_tokens || self.runs.is_due()
    }

    pub(super) fn rolled_back(&mut self) {
        if let Some(sealing) = &mut self.sealing {
            sealing.rolled_back();
        }
        if self.runs.is_due() {
            self.runs = Upkeep::Unknown;
        }
    }

    /// A piece of what is done when nothing else waits, in a transaction of its own.
    pub(super) fn tidy(&mut self, rows: usize) -> Result<(), StoreError> {
        self.begin()?;
        self.proceed(rows)?;
        self.keeper.commit()?;
        self.finish_sealing();
        if self.sealing.is_none() {
            self.prepare_next();
        }
        Ok(())
    }

    /// Such a piece in the transaction that is open: a period that waits to be sealed comes first, because it is in memory so long.
    pub(super) fn proceed(&mut self, rows: usize) -> Result<(), StoreError> {
        if let Some(sealing) = &mut self.sealing {
            sealing.write(self.keeper.session(), rows)
        } else if self.old_tokens {
            self.forget_old_tokens()
        } else if self.runs.is_due() && self.seals()? {
            self.runs.proceed(self.keeper.session(), rows)
        } else {
            self.runs = Upkeep::Nothing;
            Ok(())
        }
    }

    /// Forgets loose tokens beyond the horizon: they are refused for their age before they are looked for.
    pub(super) fn forget_old_tokens(&mut self) -> Result<(), StoreError> {
        if self.seals()? {
            loose::forget(self.keeper.session(), Timestamp::now().as_nanos() - self.horizon_nanos)?;
        }
        self.old_tokens = false;
        Ok(())
    }

    /// Has the oldest full period sorted on another thread.
    pub(super) fn prepare_next(&mut self) {
        if self.sealing.is_some() || self.preparing {
            return;
        }
        if !self.has_full_period() {
            return;
        }
        match self.seals() {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return tracing::warn!(%error, "cannot tell which process seals"),
        }
        let tail = self.shared.tail.read();
        let full = tail.unsealed.first().filter(|period| period.is_full()).cloned();
        let start = tail.start();
        drop(tail);
        let Some(period) = full else { return };
        self.preparing = true;
        let sender = self.queue.sender();
        std::thread::spawn(move || {
            let prepared = prepare(&period, start).map(Box::new);
            drop(period);
            if sender.blocking_send(Command::Prepared(prepared)).is_err() {
                tracing::debug!(
                    "the journal stopped before a period was sealed; it is sealed after the next start"
                );
            }
        });
    }

    pub(super) fn take_prepared(&mut self, prepared: Result<Box<Prepared>, StoreError>) {
        self.preparing = false;
        match prepared.and_then(|prepared| Ok(self.is_still_due(&prepared)?.then_some(prepared))) {
            Ok(prepared) => self.sealing = prepared.map(|prepared| Sealing::new(*prepared)),
            Err(error) => {
                tracing::warn!(%error, "a period could not be prepared; tried again after the next batch");
            }
        }
    }

    /// Whether this process is still the one to seal it: another may have taken over, and have sealed it, meanwhile.
    fn is_still_due(&mut self, prepared: &Prepared) -> Result<bool, StoreError> {
        self.connect()?;
        Ok(self.seals()? && prepared.period() == self.shared.tail.read().first_unsealed())
    }

    /// Whether a period waits to be sealed.
    pub(super) fn has_full_period(&self) -> bool {
        self.shared.tail.read().unsealed.first().is_some_and(|period| period.is_full())
    }

    pub(super) fn rebuild(&mut self, progress: &dyn Fn(u64, u64)) -> Result<(), StoreError> {
        self.require_seals()?;
        self.keeper.take_time()?;
        self.sealing = None;
        self.runs = Upkeep::Unknown;
        *self.shared.filters.write() = Filters::default();
        let keeper = &mut self.keeper;
        let mut transaction = |work: &mut dyn FnMut(&dyn Session) -> Result<(), StoreError>| {
            if keeper.connect()? {
                // With the old connection went the right to do this.
                return Err(StoreError::Write("the connection was lost; run it again".to_owned()));
            }
            keeper.begin()?;
            match work(keeper.session()) {
                Ok(()) => keeper.commit(),
                Err(error) => {
                    keeper.roll_back();
                    Err(error)
                }
            }
        };
        super::rebuild::replace(&mut transaction, &self.shared, progress).inspect_err(|_| {
            // What is not sealed any more must be in memory, or known events would be taken for new ones.
            if let Err(error) = self.shared.reload(self.keeper.session()) {
                tracing::error!(%error, "the log could not be read again after a rebuild that failed; restart hearback");
            }
        })
    }
}
