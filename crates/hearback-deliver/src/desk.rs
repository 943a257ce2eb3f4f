//! Questions about destinations, and what persons do to them. Needs the store and the configuration, not a running engine.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hearback_event::{Channel, DedupKey, Event, EventId, Kind, Origin, Record, Timestamp};
use hearback_store::{
    DestinationControl, DestinationState, EventFilter, EventQuery, FailedPush, FailedPushQuery, Order, Store,
    StoreError,
};
use tokio::sync::Notify;

use crate::destination::Destination;
use crate::engine::{Engine, Post, Timing, event_at};
use crate::explain::{Known, Why, why};
use crate::live::Live;
use crate::parcel::{Outcome, Parcel};

/// Positions that are put back in one write.
const AT_ONCE: usize = 500;
/// Rows that are read at a time.
const PAGE: usize = 1000;

/// The configured destinations. Cheap to clone.
#[derive(Clone)]
pub struct Destinations {
    posts: Arc<[Post]>,
    store: Arc<dyn Store>,
    changed: Arc<Notify>,
}

/// How a destination stands.
#[derive(Clone, Debug)]
pub struct View {
    /// What is configured.
    pub destination: Arc<Destination>,
    /// Where it is; nothing where no server has run with this configuration yet.
    pub state: Option<DestinationState>,
    /// Events that are beyond its cursor, wanted or not.
    pub lag_events: u64,
    /// For how long the oldest of them has waited.
    pub lag: Duration,
}

/// Which pushes are put back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redrive {
    /// Of what.
    pub which: Which,
    /// Only events of these kinds; empty for any.
    pub kinds: Vec<Kind>,
    /// Only events that were received since then.
    pub since: Option<Timestamp>,
    /// Only count them.
    pub dry_run: bool,
}

/// Of what pushes are put back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// What was given up.
    #[default]
    Dead,
    /// What was given up, and what waits for another try.
    Failed,
    /// Everything that the destination wants, also what it has already.
    All,
}

impl Destinations {
    /// The handle of these destinations.
    pub fn new(destinations: Vec<Destination>, store: Arc<dyn Store>) -> Self {
        let post = |destination| Post { destination: Arc::new(destination), live: Arc::new(Live::default()) };
        Self { posts: destinations.into_iter().map(post).collect(), store, changed: Arc::new(Notify::new()) }
    }

    /// What pushes to them in this process.
    pub fn engine(&self, timing: Timing) -> Engine {
        Engine::new(Arc::clone(&self.posts), Arc::clone(&self.store), Arc::clone(&self.changed), timing)
    }

    fn post(&self, name: &str) -> Option<&Post> {
        self.posts.iter().find(|post| post.destination.name == name)
    }

    /// All of them, in the order of the configuration.
    pub async fn list(&self) -> Result<Vec<View>, StoreError> {
        let mut states = self.store.destinations().await?;
        let mut views = Vec::with_capacity(self.posts.len());
        for post in &*self.posts {
            let at = states.iter().position(|state| state.name == post.destination.name);
            let state = at.map(|at| states.swap_remove(at));
            views.push(self.view(post, state).await?);
        }
        Ok(views)
    }

    /// One of them; `None` where there is none of this name.
    pub async fn one(&self, name: &str) -> Result<Option<View>, StoreError> {
        let Some(post) = self.post(name) else { return Ok(None) };
        let state = self.state(name).await?;
        self.view(post, state).await.map(Some)
    }

    async fn state(&self, name: &str) -> Result<Option<DestinationState>, StoreError> {
        Ok(self.store.destinations().await?.into_iter().find(|state| state.name == name))
    }

    async fn view(&self, post: &Post, state: Option<DestinationState>) -> Result<View, StoreError> {
        let destination = Arc::clone(&post.destination);
        let Some(cursor) = state.as_ref().map(|state| state.cursor) else {
            return Ok(View { destination, state, lag_events: 0, lag: Duration::ZERO });
        };
        let lag_events = self.store.last_position().saturating_sub(cursor);
        let next =
            EventQuery { order: Order::Oldest, beyond: Some(cursor), limit: 1, ..EventQuery::default() };
        let oldest = if lag_events > 0 { self.store.events(next).await?.rows.pop() } else { None };
        let lag = oldest.map(|record| crate::schedule::until(record.received_at, Timestamp::now()));
        Ok(View { destination, state, lag_events, lag: lag.unwrap_or_default() })
    }

    /// Pushes that failed, in the order of the log.
    pub async fn failed(
        &self,
        query: FailedPushQuery,
    ) -> Result<Option<Vec<(FailedPush, Option<EventId>)>>, StoreError> {
        if self.post(&query.destination).is_none() {
            return Ok(None);
        }
        let mut pushes = Vec::new();
        for push in self.store.failed_pushes(query).await? {
            let id = event_at(&*self.store, push.position).await?.map(|record| record.id());
            pushes.push((push, id));
        }
        Ok(Some(pushes))
    }

    /// Holds a destination, or lets it go on. Whether there is one of this name that a server has set up.
    pub async fn control(&self, name: &str, control: DestinationControl) -> Result<bool, StoreError> {
        if self.post(name).is_none() {
            return Ok(false);
        }
        let done = self.store.control_destination(name.to_owned(), control, Timestamp::now()).await?;
        self.changed.notify_one();
        Ok(done)
    }

    /// Has events pushed once more, or counts them. `None` where there is no such destination.
    pub async fn redrive(&self, name: &str, redrive: &Redrive) -> Result<Option<u64>, StoreError> {
        let (Some(post), Some(state)) = (self.post(name), self.state(name).await?) else { return Ok(None) };
        let mut count = 0;
        let mut beyond = state.begun;
        let mut positions = Vec::new();
        loop {
            let next = match redrive.which {
                Which::All => self.more_wanted(post, &state, redrive, beyond, &mut positions).await?,
                Which::Dead | Which::Failed => {
                    self.more_failed(name, redrive, beyond, &mut positions).await?
                }
            };
            if positions.len() >= AT_ONCE || next.is_none() {
                count += self.put_back(name, redrive, std::mem::take(&mut positions)).await?;
            }
            match next {
                Some(next) => beyond = next,
                None => break,
            }
        }
        self.changed.notify_one();
        Ok(Some(count))
    }

    async fn put_back(&self, name: &str, redrive: &Redrive, positions: Vec<u64>) -> Result<u64, StoreError> {
        if redrive.dry_run || positions.is_empty() {
            return Ok(positions.len() as u64);
        }
        self.store.push_again(name.to_owned(), positions, Timestamp::now()).await
    }

    /// The next events that the destination wants, up to its cursor: what is beyond comes anyway. Where to go on.
    async fn more_wanted(
        &self,
        post: &Post,
        state: &DestinationState,
        redrive: &Redrive,
        beyond: u64,
        positions: &mut Vec<u64>,
    ) -> Result<Option<u64>, StoreError> {
        let filter = EventFilter { kinds: redrive.kinds.clone(), ..EventFilter::default() };
        let query = EventQuery { filter, order: Order::Oldest, beyond: Some(beyond), limit: PAGE };
        let page = self.store.events(query).await?;
        let is_meant = |record: &&Record| {
            record.position <= state.cursor
                && redrive.since.is_none_or(|since| record.received_at >= since)
                && post.destination.wants(record).is_ok()
        };
        positions.extend(page.rows.iter().filter(is_meant).map(|record| record.position));
        Ok(page.next.filter(|next| *next < state.cursor))
    }

    async fn more_failed(
        &self,
        name: &str,
        redrive: &Redrive,
        beyond: u64,
        positions: &mut Vec<u64>,
    ) -> Result<Option<u64>, StoreError> {
        let ended = (redrive.which == Which::Dead).then_some(true);
        let query = FailedPushQuery { destination: name.to_owned(), ended, beyond, limit: PAGE };
        let pushes = self.store.failed_pushes(query).await?;
        let asks_of_event = redrive.since.is_some() || !redrive.kinds.is_empty();
        // What was forgotten or dropped cannot be pushed any more.
        for push in pushes.iter().filter(|push| push.can_be_pushed()) {
            let is_meant = !asks_of_event
                || event_at(&*self.store, push.position).await?.is_some_and(|record| {
                    redrive.since.is_none_or(|since| record.received_at >= since)
                        && (redrive.kinds.is_empty() || redrive.kinds.contains(&record.event.kind))
                });
            positions.extend(is_meant.then_some(push.position));
        }
        Ok(pushes.last().filter(|_| pushes.len() == PAGE).map(|push| push.position))
    }

    /// Pushes an event that is made up, and marked as a test, past cursor and filter. What came of it and how long it took;
    /// `None` where there is no such destination.
    pub async fn test(&self, name: &str) -> Option<(Outcome, Duration)> {
        let destination = &self.post(name)?.destination;
        let parcels = [Parcel::of(Arc::new(sample(Timestamp::now())))];
        let begun = Instant::now();
        let carried = destination.carrier.carry(&parcels, Timestamp::now());
        let timeout = destination.pace.timeout;
        let outcome = tokio::time::timeout(timeout, carried).await.unwrap_or_else(|_| {
            let why = format!("no answer within {} s", timeout.as_secs_f32());
            crate::parcel::Failure::new(why).into()
        });
        Some((outcome, begun.elapsed()))
    }

    /// Why a destination got an event, or did not. `None` where there is no such destination, or no such event.
    pub async fn explain(&self, name: &str, event: EventId) -> Result<Option<Why>, StoreError> {
        let Some(post) = self.post(name) else { return Ok(None) };
        let Some(record) = self.store.event(event).await? else { return Ok(None) };
        let known = Known {
            state: self.state(name).await?,
            failed: self.store.failed_push(name.to_owned(), record.position).await?,
            delivered_at: post.live.delivered_at(record.position),
            wanted: post.destination.wants(&record),
        };
        Ok(Some(why(record.position, known)))
    }
}

/// An event that nobody sent.
fn sample(now: Timestamp) -> Record {
    let mut event = Event::new(Kind::Delivered, "test", Channel::Email, DedupKey::of(&[b"test"]));
    event.occurred_at = Some(now);
    event.recipient = hearback_event::Address::parse("test@example.com").ok();
    event.provider_message_id = Some("test@example.com".to_owned());
    event.subject = Some("A test by Hearback".to_owned());
    event.test = true;
    Record {
        position: 0,
        received_at: now,
        source: "hearback".into(),
        provider: "hearback".into(),
        account: "hearback".into(),
        origin: Origin::Hearback,
        verified: true,
        payload: None,
        event,
    }
}
