//! The watchdog: tells of messages that were expected and did not arrive, once, and when they arrive after all.
//!
//! A registered message may say by when it should be delivered. When that time has come and the message is still under way, a
//! notice `message.overdue` is written into the log; when it is delivered later, `message.recovered`. Notices are events like any
//! other, of the message itself: they stand in its history and in its timeline, and are pushed and followed.
//!
//! What is waited for lies in the store, by due time and position alone; what became of it is asked of the log when the time has
//! come. So a million waiting messages cost an index, a crash loses nothing, and a notice that was written is not written again:
//! it has a key of its own, and stands among the message's events.

mod lookout;
mod notice;
mod rate;
mod silence;

pub use lookout::{Limits, Lookout};
pub use rate::RateLimits;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use hearback_event::{Address, Kind, MessageId, Record, Status, Timestamp};
use hearback_store::{
    Due, EventFilter, EventQuery, Expectation, MessageView, Order, Receipt, Settled, Store, StoreError,
    Submission,
};
use tokio::sync::watch;

/// Events that are read at a time.
const EVENTS_AT_ONCE: usize = 500;
/// Due messages that are looked at together.
const DUE_AT_ONCE: usize = 200;
/// Notices that wait for the journal at a time, leaving room for what comes in.
const TOLD_AT_ONCE: usize = 64;
/// How far the watchdog may have read without writing it down: so much is read again after a crash.
const UNWRITTEN_MAX: u64 = 50_000;
/// How often it looks.
const EVERY: Duration = Duration::from_secs(1);
/// How long it waits after the store could not answer.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// What can end, or change, the wait for an overdue message.
const ENDS: &[Kind] = &[
    Kind::Delivered,
    Kind::Bounced,
    Kind::Rejected,
    Kind::Failed,
    Kind::Complained,
    Kind::Opened,
    Kind::Clicked,
    Kind::Unsubscribed,
];

/// What one step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Messages that are newly waited for.
    pub expected: usize,
    /// Messages found overdue.
    pub overdue: usize,
    /// Overdue messages that were delivered.
    pub recovered: usize,
    /// Whether there is more to do at once.
    pub more: bool,
}

/// Watches over one log. Several processes may each have one over the same log: notices are written once all the same.
pub struct Watchdog {
    store: Arc<dyn Store>,
    /// How far the log is read; none before the store was asked.
    upto: Option<u64>,
    /// How much of that is written down.
    written: u64,
    /// Whether any message is overdue, as far as is known.
    any_overdue: bool,
}

impl Watchdog {
    /// Over a store.
    pub const fn new(store: Arc<dyn Store>) -> Self {
        Self { store, upto: None, written: 0, any_overdue: false }
    }

    /// Watches until `closed` becomes true.
    pub async fn run(mut self, mut closed: watch::Receiver<bool>) {
        loop {
            let pause = match self.step(Timestamp::now()).await {
                Ok(Step { more: true, .. }) => Duration::ZERO,
                Ok(_) => EVERY,
                Err(StoreError::Stopped) => return,
                Err(error) => {
                    tracing::warn!(%error, "the watchdog cannot look now; it goes on where it stopped");
                    // What is known may be out of date.
                    self.upto = None;
                    AFTER_FAILURE
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = closed.wait_for(|closed| *closed) => return,
            }
        }
    }

    /// Does some of what is to be done at a moment.
    ///
    /// # Errors
    ///
    /// Where the store cannot answer or write. Whatever was done by then stays done, and the next step goes on.
    pub async fn step(&mut self, now: Timestamp) -> Result<Step, StoreError> {
        let upto = match self.upto {
            Some(upto) => upto,
            None => self.begin().await?,
        };
        let mut step = Step::default();
        self.read_on(upto, now, &mut step).await?;
        let due = self.store.due(now, DUE_AT_ONCE).await?;
        step.more |= due.len() == DUE_AT_ONCE;
        self.look_at(due, now, &mut step).await?;
        Ok(step)
    }

    async fn begin(&mut self) -> Result<u64, StoreError> {
        let watched = self.store.watched().await?;
        self.any_overdue = watched.overdue > 0;
        self.written = watched.upto;
        self.upto = Some(watched.upto);
        Ok(watched.upto)
    }

    /// Reads the log on: new expectations, and what ends the wait for overdue messages.
    async fn read_on(&mut self, upto: u64, now: Timestamp, step: &mut Step) -> Result<(), StoreError> {
        // Before the page is read: every event up to here is in it, if it is meant.
        let last = self.store.last_position();
        let mut kinds = vec![Kind::Registered];
        if self.any_overdue {
            kinds.extend(ENDS);
        }
        let query = EventQuery {
            filter: EventFilter { kinds, ..EventFilter::default() },
            order: Order::Oldest,
            beyond: Some(upto),
            limit: EVENTS_AT_ONCE,
        };
        let page = self.store.events(query).await?;
        let read = match page.next {
            Some(next) => next,
            None => page.rows.last().map_or(last, |record| record.position.max(last)),
        };
        let expected: Vec<Expectation> = page.rows.iter().filter_map(expectation).collect();
        step.expected = expected.len();
        step.more = page.next.is_some();
        if self.any_overdue {
            let recipients: BTreeSet<Address> =
                page.rows.iter().filter_map(|record| record.event.recipient.clone()).collect();
            let overdue = self.store.overdue_to(recipients.into_iter().collect()).await?;
            self.look_at(overdue, now, step).await?;
        }
        if !expected.is_empty() || read >= self.written + UNWRITTEN_MAX {
            self.store.expect(expected, read, now).await?;
            self.written = read;
        }
        self.upto = Some(read);
        Ok(())
    }

    /// Looks at messages that are due or overdue, and writes what is to be told of them.
    async fn look_at(&mut self, due: Vec<Due>, now: Timestamp, step: &mut Step) -> Result<(), StoreError> {
        if due.is_empty() {
            return Ok(());
        }
        let id = |due: &Due| due.registration.as_ref().and_then(Record::message_id);
        let ids: BTreeSet<MessageId> = due.iter().filter_map(id).collect();
        let messages = self.store.messages_of(ids.into_iter().collect()).await?;
        let mut settled = Vec::with_capacity(due.len());
        let mut notices = Vec::new();
        for one in &due {
            let position = one.position;
            let message = id(one).and_then(|id| messages.iter().find(|message| message.ids.contains(&id)));
            let recipient = one.registration.as_ref().and_then(|record| record.event.recipient.clone());
            let (Some(message), Some(recipient)) = (message, recipient) else {
                settled.push(Settled::Over { position });
                continue;
            };
            settled.push(match Verdict::of(message, now) {
                Verdict::Overdue { told } => {
                    if !told {
                        notices.extend(notice::overdue(message, now));
                    }
                    self.any_overdue = true;
                    Settled::Overdue { position, recipient }
                }
                Verdict::Recovered => {
                    notices.extend(notice::recovered(message, now));
                    Settled::Over { position }
                }
                Verdict::Over => Settled::Over { position },
            });
        }
        self.tell(notices, step).await?;
        // The notices first: what is told twice counts once, what is settled is looked at no more.
        self.store.settle(settled).await
    }

    /// Writes notices, many together: they share commits.
    async fn tell(&self, notices: Vec<Submission>, step: &mut Step) -> Result<(), StoreError> {
        let told = notices.into_iter().map(|notice| async {
            let is_recovery = notice.events.iter().any(|event| event.kind == Kind::Recovered);
            let receipt = self.store.submit(notice).await?;
            Ok::<_, StoreError>((is_recovery, matches!(receipt, Receipt::Stored { new: 1.., .. })))
        });
        let mut told = std::pin::pin!(stream::iter(told).buffered(TOLD_AT_ONCE));
        while let Some(outcome) = told.next().await {
            let (is_recovery, is_new) = outcome?;
            let count = if is_recovery { &mut step.recovered } else { &mut step.overdue };
            *count += usize::from(is_new);
        }
        Ok(())
    }
}

/// What is to be done about a message whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// It is still under way; whether that was told already.
    Overdue { told: bool },
    /// It was told to be overdue, and was delivered then, which was not told.
    Recovered,
    /// There is nothing to be told.
    Over,
}

impl Verdict {
    fn of(message: &MessageView, now: Timestamp) -> Self {
        let told = |kind: Kind| message.events.iter().any(|record| record.event.kind == kind);
        let arrived = matches!(message.state.status, Status::Delivered | Status::Complained);
        if message.is_overdue(now) {
            Self::Overdue { told: told(Kind::Overdue) }
        } else if arrived && told(Kind::Overdue) && !told(Kind::Recovered) {
            Self::Recovered
        } else {
            Self::Over
        }
    }
}

fn expectation(record: &Record) -> Option<Expectation> {
    let within = record.event.registration.as_ref()?.expect_delivered_within?;
    let due_at = record.occurred_at().plus_seconds(i64::from(within));
    Some(Expectation { position: record.position, due_at })
}
