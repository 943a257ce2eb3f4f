//! One follower of the log for all who listen: it reads what is new once, and wakes everybody with it.
//!
//! An idle listener costs a place in a channel. One that cannot keep up loses its place there, and reads what it missed from the
//! store, page by page, at its own speed: nothing is kept for it in memory.

use std::sync::Arc;
use std::time::Duration;

use hearback_event::Record;
use hearback_store::{EventQuery, Order, Store, StoreError};
use tokio::sync::{OnceCell, broadcast, watch};

/// Events that are read at a time.
const PAGE: usize = 500;
/// Pages that a listener may be behind before it reads by itself.
const BEHIND_MAX: usize = 64;
/// What comes within this time wakes listeners once.
const GATHER: Duration = Duration::from_millis(20);
/// The store is asked again so long after it could not answer.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// Some events of the log in its order, with nothing between them left out.
pub(crate) type News = Arc<[Arc<Record>]>;

/// The follower. Begins to follow when the first listener comes.
pub(crate) struct Follower {
    store: Arc<dyn Store>,
    closed: watch::Receiver<bool>,
    news: broadcast::Sender<News>,
    started: OnceCell<()>,
}

impl Follower {
    pub(crate) fn new(store: Arc<dyn Store>, closed: watch::Receiver<bool>) -> Self {
        Self { store, closed, news: broadcast::Sender::new(BEHIND_MAX), started: OnceCell::new() }
    }

    /// Listens: everything that is beyond the end of the log, as it is after this, comes.
    pub(crate) async fn listen(&self) -> broadcast::Receiver<News> {
        let listener = self.news.subscribe();
        self.started
            .get_or_init(async || {
                // Looked at before the listener looks how long the log is: what was there before he reads by himself.
                let mut log = self.store.follow();
                let told = *log.borrow_and_update();
                let (store, news, closed) = (Arc::clone(&self.store), self.news.clone(), self.closed.clone());
                tokio::spawn(follow(store, log, told, news, closed));
            })
            .await;
        listener
    }
}

/// Tells what comes after the position `told`.
async fn follow(
    store: Arc<dyn Store>,
    mut log: watch::Receiver<u64>,
    mut told: u64,
    news: broadcast::Sender<News>,
    mut closed: watch::Receiver<bool>,
) {
    while !*closed.borrow_and_update() {
        tokio::select! {
            grown = log.changed() => {
                if grown.is_err() {
                    return;
                }
            }
            _ = closed.changed() => continue,
        }
        tokio::time::sleep(GATHER).await;
        let last = *log.borrow_and_update();
        // Looked at after the end of the log: whoever begins to listen later reads up to there by himself.
        if news.receiver_count() == 0 {
            told = last;
        }
        while told < last {
            match read(&*store, told, last).await {
                Ok((page, upto)) => {
                    told = upto;
                    // Nobody may be listening any more.
                    drop(news.send(page));
                }
                Err(error) => {
                    tracing::warn!(%error, "the log cannot be followed now; tried again in a moment");
                    tokio::time::sleep(STORE_PAUSE).await;
                }
            }
        }
    }
}

/// The next events up to the last, and up to where they reach.
async fn read(store: &dyn Store, beyond: u64, last: u64) -> Result<(News, u64), StoreError> {
    let query =
        EventQuery { order: Order::Oldest, beyond: Some(beyond), limit: PAGE, ..EventQuery::default() };
    let page = store.events(query).await?;
    // More may have come meanwhile.
    let upto = page.rows.last().map_or(last, |record| record.position);
    let upto = if page.next.is_some() { upto } else { upto.max(last) };
    Ok((page.rows.into_iter().map(Arc::new).collect(), upto))
}
