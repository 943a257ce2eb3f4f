//! The engine: one task per destination, and one that watches over them.
//!
//! Every second the latter looks how destinations stand: what persons changed is passed on, what nobody pushes to is taken over. Of a
//! database that several processes share, each destination has one owner at a time. His beat grows every few seconds; whoever sees it
//! stand still for the length of a lease takes over. No clocks are compared, and a former owner who wakes up again cannot write down
//! anything: what he had under way is pushed twice at most, under the same id.

mod attempt;
mod queue;
mod runner;
mod unsaved;

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use hearback_store::{DestinationClaim, DestinationState, Store, StoreError};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

pub(crate) use attempt::event_at;
use runner::{Run, Runner};

use crate::destination::Destination;
use crate::live::Live;
use crate::meters::Meters;

/// How the engine keeps time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How often destinations are looked at.
    pub look_every: Duration,
    /// An owner whose beat stands still for so long is dead. Several times as long as `look_every`.
    pub lease: Duration,
    /// How long pushes under way may take to end when the engine stops.
    pub grace: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            look_every: Duration::from_secs(1),
            lease: Duration::from_secs(12),
            grace: Duration::from_secs(10),
        }
    }
}

/// A destination and what is known of it while it is pushed to.
#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) destination: Arc<Destination>,
    pub(crate) live: Arc<Live>,
}

/// Pushes to destinations.
pub struct Engine {
    posts: Arc<[Post]>,
    store: Arc<dyn Store>,
    timing: Timing,
    /// Woken when a person changed something in this process.
    changed: Arc<Notify>,
    owner: String,
    meters: HashMap<String, Arc<Meters>>,
    running: HashMap<String, watch::Sender<DestinationState>>,
    /// Beats of other owners, and since when they have been so.
    beats: HashMap<String, (u64, Instant)>,
    renewed: Option<Instant>,
}

impl Engine {
    pub(crate) fn new(
        posts: Arc<[Post]>,
        store: Arc<dyn Store>,
        changed: Arc<Notify>,
        timing: Timing,
    ) -> Self {
        let names = posts.iter().map(|post| &post.destination.name);
        let meters = names.map(|name| (name.clone(), Arc::new(Meters::new(name)))).collect();
        Self {
            posts,
            store,
            timing,
            changed,
            owner: uuid::Uuid::now_v7().to_string(),
            meters,
            running: HashMap::new(),
            beats: HashMap::new(),
            renewed: None,
        }
    }

    /// Sets up destinations that are new. What comes in after this is theirs.
    pub async fn register(&self) -> Result<(), StoreError> {
        for post in &*self.posts {
            let Destination { name, begin, .. } = &*post.destination;
            self.store.register_destination(name.clone(), *begin).await?;
        }
        Ok(())
    }

    /// Pushes until `stop`; then waits for what is under way, writes down how far it has come, and leaves everything to others.
    pub async fn run(mut self, stop: impl Future<Output = ()> + Send) {
        if self.posts.is_empty() {
            return stop.await;
        }
        let (stopping, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tokio::pin!(stop);
        loop {
            if let Err(error) = self.look(&mut tasks, &stopped).await {
                tracing::warn!(%error, "the destinations cannot be looked at; tried again in a moment");
            }
            let changed = Arc::clone(&self.changed);
            tokio::select! {
                () = &mut stop => break,
                Some(ended) = tasks.join_next() => self.ended(ended),
                () = changed.notified() => {}
                () = tokio::time::sleep(self.timing.look_every) => {}
            }
        }
        stopping.send_replace(true);
        while tasks.join_next().await.is_some() {}
        if let Err(error) = self.store.release_destinations(self.owner).await {
            tracing::debug!(%error, "the destinations could not be left to others");
        }
    }

    fn ended(&mut self, ended: Result<String, tokio::task::JoinError>) {
        match ended {
            Ok(name) => drop(self.running.remove(&name)),
            // Which one it was is not told: those whose task is gone do not listen any more.
            Err(error) => {
                tracing::error!(%error, "a destination's task failed and is started again");
                self.running.retain(|_, state| !state.is_closed());
            }
        }
    }

    /// Looks how everything stands.
    async fn look(
        &mut self,
        tasks: &mut JoinSet<String>,
        stopped: &watch::Receiver<bool>,
    ) -> Result<(), StoreError> {
        let states = self.store.destinations().await?;
        let last_position = self.store.last_position();
        for state in &states {
            if let Some(meters) = self.meters.get(&state.name) {
                meters.state(state, last_position);
            }
            if let Some(running) = self.running.get(&state.name) {
                running.send_if_modified(|known| {
                    let is_news = known.changes != state.changes;
                    if is_news {
                        known.clone_from(state);
                    }
                    is_news
                });
            }
        }
        let owned = self.claim(&states).await?;
        if owned.is_empty() {
            return Ok(());
        }
        // Only now nobody else moves them any more.
        for state in self.store.destinations().await? {
            if owned.contains(&state.name) && !self.running.contains_key(&state.name) {
                self.start(state, tasks, stopped);
            }
        }
        Ok(())
    }

    /// Keeps what is owned, and takes over what nobody pushes to. Which are new.
    async fn claim(&mut self, states: &[DestinationState]) -> Result<Vec<String>, StoreError> {
        let mut wanted = Vec::new();
        let renews = self.store.is_shared()
            && self.renewed.is_none_or(|renewed| renewed.elapsed() >= self.timing.lease / 4);
        for state in states.iter().filter(|state| self.meters.contains_key(&state.name)) {
            let name = state.name.clone();
            if self.running.contains_key(&name) {
                if renews {
                    wanted.push((name, None));
                }
                continue;
            }
            let is_free = state.owner.is_none() || !self.store.is_shared();
            let seen = self.beats.entry(name.clone()).or_insert((state.beat, Instant::now()));
            if seen.0 != state.beat {
                *seen = (state.beat, Instant::now());
            }
            if is_free {
                wanted.push((name, None));
            } else if seen.1.elapsed() >= self.timing.lease {
                wanted.push((name, Some(seen.0)));
            }
        }
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let claim = DestinationClaim { owner: self.owner.clone(), wanted };
        let owned = self.store.claim_destinations(claim).await?;
        if renews {
            self.renewed = Some(Instant::now());
        }
        Ok(owned.into_iter().filter(|name| !self.running.contains_key(name)).collect())
    }

    fn start(
        &mut self,
        state: DestinationState,
        tasks: &mut JoinSet<String>,
        stopped: &watch::Receiver<bool>,
    ) {
        let name = state.name.clone();
        let post = self.posts.iter().find(|post| post.destination.name == name);
        let (Some(post), Some(meters)) = (post, self.meters.get(&name)) else { return };
        let (sender, receiver) = watch::channel(state);
        let run = Run {
            destination: Arc::clone(&post.destination),
            store: Arc::clone(&self.store),
            live: Arc::clone(&post.live),
            meters: Arc::clone(meters),
            owner: self.owner.clone(),
            state: receiver,
            grace: self.timing.grace,
            stop: stopped.clone(),
        };
        self.running.insert(name.clone(), sender);
        // Reading what waits may take a while; the other destinations must not wait for it.
        tasks.spawn(async move {
            match Runner::new(run).await {
                Ok(runner) => runner.push().await,
                Err(error) => {
                    tracing::warn!(destination = name, %error, "what waits cannot be read; tried again in a moment");
                }
            }
            name
        });
    }
}
