//! One try: the event is fetched where it is not at hand, and given to the carrier within the time that it has.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hearback_event::{Record, Timestamp};
use hearback_store::{EventQuery, Fate, Order, Store, StoreError};

use super::queue::{Again, Job};
use crate::destination::Destination;
use crate::parcel::{Failure, Outcome, Parcel};

/// A try that has ended.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) job: Job,
    pub(super) was_probe: bool,
    pub(super) result: Result<(Outcome, Duration), Void>,
}

/// Why nothing was tried.
#[derive(Debug)]
pub(super) enum Void {
    /// The event is no more; what waits for it has ended, or is to end.
    Gone,
    /// The store cannot be asked now.
    Unreadable(StoreError),
}

/// Tries once.
pub(super) async fn attempt(
    destination: Arc<Destination>,
    store: Arc<dyn Store>,
    job: Job,
    was_probe: bool,
) -> Done {
    let result = match load(&destination.name, &*store, &job).await {
        Ok(load) => {
            let begun = Instant::now();
            let carried = destination.carrier.carry(&load, Timestamp::now());
            let timeout = destination.pace.timeout;
            let outcome = tokio::time::timeout(timeout, carried).await.unwrap_or_else(|_| {
                Failure::new(format!("no answer within {} s", timeout.as_secs_f32())).into()
            });
            Ok((outcome, begun.elapsed()))
        }
        Err(void) => Err(void),
    };
    Done { job, was_probe, result }
}

async fn load(destination: &str, store: &dyn Store, job: &Job) -> Result<Vec<Parcel>, Void> {
    match job {
        Job::Fresh(records) => Ok(records.iter().map(|record| Parcel::of(Arc::clone(record))).collect()),
        Job::Again(Again { position, .. }) => {
            // Forgotten since: then nothing of it goes out any more.
            let kept =
                store.failed_push(destination.to_owned(), *position).await.map_err(Void::Unreadable)?;
            if kept.is_some_and(|push| matches!(push.fate, Fate::Ended { .. })) {
                return Err(Void::Gone);
            }
            let record = event_at(store, *position).await.map_err(Void::Unreadable)?.ok_or(Void::Gone)?;
            Ok(vec![Parcel::of(Arc::new(record))])
        }
    }
}

/// The event at a position, if it is still there.
pub(crate) async fn event_at(store: &dyn Store, position: u64) -> Result<Option<Record>, StoreError> {
    let query = EventQuery {
        order: Order::Oldest,
        beyond: Some(position.saturating_sub(1)),
        limit: 1,
        ..EventQuery::default()
    };
    Ok(store.events(query).await?.rows.pop().filter(|record| record.position == position))
}
