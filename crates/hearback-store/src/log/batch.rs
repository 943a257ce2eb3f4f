//! One batch: decided about and written, in one go where this process was alone, and otherwise step by step.

use std::collections::HashMap;
use std::sync::Arc;

use hearback_event::Origin;

use super::admit::{Admission, Plan, first_asked, oldest_period};
use super::journal::{Submissions, Writer};
use super::known::Known;
use super::queue::{Finish, Work};
use super::{loose, values};
use crate::StoreError;
use crate::session::{Param, Session, params};

/// How often a batch is decided about anew because memory was not at the end of the log.
const ATTEMPTS: usize = 5;

/// What one transaction does.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) requests: Submissions,
    /// Small writes that are no events.
    pub(super) work: Vec<Work>,
    /// Dictionaries for compressing, each with its provider.
    pub(super) dictionaries: Vec<(Arc<str>, Vec<u8>)>,
    /// How many events the requests hold.
    pub(super) events: usize,
}

impl Batch {
    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty() && self.work.is_empty() && self.dictionaries.is_empty()
    }
}

/// What a committed transaction gave.
pub(super) struct Done {
    pub(super) plan: Plan,
    pub(super) learned: Vec<(u32, Arc<str>, Vec<u8>)>,
}

impl Writer {
    /// Writes a batch in one transaction.
    pub(super) fn transact(
        &mut self,
        batch: &mut Batch,
        finishes: &mut Vec<Finish>,
    ) -> Result<Done, StoreError> {
        if batch.work.is_empty()
            && batch.dictionaries.is_empty()
            && self.keeper.may_append()
            && let Some(plan) = self.append(&batch.requests)?
        {
            return Ok(Done { plan, learned: Vec::new() });
        }
        for _ in 0..ATTEMPTS {
            match self.attempt(batch, finishes) {
                Ok(Some(done)) => return Ok(done),
                Ok(None) => {
                    self.keeper.roll_back();
                    self.rolled_back();
                    self.shared.refresh_all(self.keeper.session())?;
                }
                Err(error) => {
                    self.keeper.roll_back();
                    return Err(error);
                }
            }
        }
        Err(StoreError::Write("what is in memory does not reach the end of the log".to_owned()))
    }

    /// Writes a batch in one go; nothing where another process had its turn meanwhile.
    fn append(&mut self, requests: &Submissions) -> Result<Option<Plan>, StoreError> {
        self.connect()?;
        // Where nothing is written, nothing tells that another process has heard of the message.
        if requests.iter().any(|(staged, _)| staged.known_messages_only) {
            self.shared.refresh(self.keeper.session())?;
        }
        let (mut plan, known) = self.admit(requests)?;
        if plan.events.is_empty() && plan.tokens.is_empty() {
            return Ok(Some(plan));
        }
        if plan.loose_tokens().next().is_some() {
            return Ok(None);
        }
        let dedup = values::dedup(requests, &plan);
        let (events, payloads) = (values::events(requests, &plan, &dedup), values::payloads(requests, &plan));
        if !self.keeper.append(&plan, &events, &payloads, known)? {
            return Ok(None);
        }
        plan.place(known + 1);
        Ok(Some(plan))
    }

    /// Writes a batch; nothing where memory turned out to be out of date.
    fn attempt(&mut self, batch: &mut Batch, finishes: &mut Vec<Finish>) -> Result<Option<Done>, StoreError> {
        let Batch { requests, work, dictionaries, events } = batch;
        self.begin()?;
        let mut learned = Vec::new();
        for (provider, body) in dictionaries {
            let id = insert_dictionary(self.keeper.session(), provider, body)?;
            learned.push((id, Arc::clone(provider), body.clone()));
        }
        let (plan, end) = if requests.is_empty() {
            (Plan::default(), 0)
        } else {
            let Some(decided) = self.decide(requests)? else { return Ok(None) };
            decided
        };
        let session = self.keeper.session();
        finishes.extend(work.drain(..).map(|work| work(session)));
        // Where it would be written apart, others wait for their turn.
        if !self.keeper.writes_apart() {
            self.proceed(*events + *events / 2 + 128)?;
        }
        let session = self.keeper.session();
        let any_loose = loose::keep(session, &plan)?;
        self.loose_tokens |= any_loose;
        if any_loose || !plan.events.is_empty() {
            self.keeper.end_turn(end)?;
        }
        values::write(session, requests, &plan)?;
        self.keeper.commit()?;
        Ok(Some(Done { plan, learned }))
    }

    /// Takes this process's turn and decides about a batch: gives where the log ends with it. Nothing where memory does not reach
    /// the end of the log.
    fn decide(&mut self, requests: &Submissions) -> Result<Option<(Plan, u64)>, StoreError> {
        let session = self.keeper.session();
        let known = self.shared.tail.read().last_position;
        let last = self.keeper.take_turn(known)?;
        if last > known {
            self.shared.refresh_all(session)?;
        } else if last < known {
            tracing::error!(
                known,
                last,
                "the log ends before events that were in it: an older copy of the database; it is read anew"
            );
            self.shared.reload(session)?;
        }
        self.loose_tokens = loose::any(session)?;
        let (mut plan, known) = self.admit(requests)?;
        if known != last {
            return Ok(None);
        }
        plan.place(known + 1);
        let end = known + plan.events.len() as u64;
        Ok(Some((plan, end)))
    }

    /// Decides about a batch by what memory knows, which is everything up to the position that it gives too.
    fn admit(&self, requests: &Submissions) -> Result<(Plan, u64), StoreError> {
        let session = self.keeper.session();
        let loose = if self.loose_tokens { loose::bodies(session, requests)? } else { HashMap::new() };
        let (tail, sources) = (self.shared.tail.read(), self.shared.sources());
        self.shared.know_filters(session, &tail)?;
        let filters = self.shared.filters.read();
        // What is imported was received elsewhere, at any time.
        let received = requests.iter().filter(|(staged, _)| staged.origin != Origin::Import);
        let now = received.map(|(staged, _)| staged.received_at.as_nanos()).max().unwrap_or_default();
        let oldest_period = oldest_period(&tail, now.saturating_sub(self.horizon_nanos));
        let asked = requests.iter().map(|(staged, _)| (staged, first_asked(staged, oldest_period)));
        let mut admission = Admission {
            session,
            tail: &tail,
            filters: &filters,
            sources: &sources,
            loose: &loose,
            known: Known::look_up(session, &tail, &filters, asked)?,
            plan: Plan::default(),
        };
        for (index, (staged, _)) in requests.iter().enumerate() {
            admission.admit(index, staged)?;
        }
        Ok((admission.plan, tail.last_position))
    }
}

fn insert_dictionary(session: &dyn Session, provider: &str, body: &[u8]) -> Result<u32, StoreError> {
    let sql = "INSERT INTO dictionaries (provider, body) VALUES ($1, $2) RETURNING id";
    Ok(session.number(sql, params![provider, Param::Blob(body)])? as u32)
}
