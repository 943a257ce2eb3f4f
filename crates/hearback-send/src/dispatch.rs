//! From an order to what came of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hearback_event::{DedupKey, Event, MessageId, Origin, Sending, Timestamp};
use hearback_providers::{Meaning, Outgoing};
use hearback_store::{Payload, Receipt, SourceRef, Store, StoreError, Submission};
use metrics::{counter, histogram};
use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

use crate::decide::{self, Circumstances, Next};
use crate::order::{Order, Outcome, SendError, Sent};
use crate::outlet::Outlet;

/// Beyond the provider's time: so long another process may take to write down what came of it.
const WRITING: Duration = Duration::from_secs(10);
/// How often it is looked whether another process has done so.
const LOOK: Duration = Duration::from_millis(200);
/// So often others may be first with one attempt after the other while one call lasts.
const COLLISIONS_MAX: u32 = 8;
/// How often an outcome is handed to a log that has too much to do, and with which pause.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(250);

/// Sends messages, each once.
pub struct Dispatch {
    store: Arc<dyn Store>,
    /// Messages that somebody in this process is at.
    claims: Arc<Claims>,
}

#[derive(Default)]
struct Claims(Mutex<HashMap<MessageId, Arc<tokio::sync::Mutex<()>>>>);

/// The right to be at a message, in this process.
struct Claim {
    claims: Arc<Claims>,
    id: MessageId,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Claims {
    async fn claim(self: &Arc<Self>, id: MessageId) -> Claim {
        let lock = Arc::clone(self.0.lock().entry(id).or_default());
        Claim { claims: Arc::clone(self), id, guard: Some(lock.lock_owned().await) }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut claims = self.claims.0.lock();
        drop(self.guard.take());
        // Whoever waits for it holds it too.
        if claims.get(&self.id).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            claims.remove(&self.id);
        }
    }
}

/// An attempt to hand a message over.
struct Attempt {
    order: Order,
    number: u32,
    /// Whether the message may be registered already.
    insisted: bool,
    request: Outgoing,
    outlet: Arc<Outlet>,
    store: Arc<dyn Store>,
    claim: Claim,
}

/// What came of it.
enum Tried {
    /// It was made.
    Sent(Sent),
    /// Somebody else made it, or made it before.
    Beaten(Box<(Order, Claim)>),
}

impl Dispatch {
    /// Over a log.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, claims: Arc::default() }
    }

    /// Sends a message through `outlet`, unless it was sent; or tells what is known of it. Once an attempt has begun it goes on to its
    /// end, whether anybody waits for it or not.
    ///
    /// # Errors
    /// Where it cannot be sent as it is, or the log cannot answer or keep it: then nothing was begun.
    pub async fn send(&self, outlet: &Arc<Outlet>, order: Order) -> Result<Sent, SendError> {
        let source = order.source.name.to_string();
        let sent = self.work(outlet, order).await;
        let word = match &sent {
            Ok(Sent { repeated: true, .. }) => "repeated",
            Ok(sent) => sent.outcome.word(),
            Err(SendError::Draft(_)) => "invalid",
            Err(SendError::Store(_)) => "failed",
        };
        counter!("hearback_sends_total", "source" => source, "outcome" => word).increment(1);
        sent
    }

    async fn work(&self, outlet: &Arc<Outlet>, mut order: Order) -> Result<Sent, SendError> {
        let (id, asked_at) = (order.id(), Timestamp::now());
        let mut claim = self.claims.claim(id).await;
        let mut collisions = 0;
        loop {
            let view = self.store.message(id).await?;
            let sending = view.as_ref().and_then(|view| Sending::of(&view.events));
            let around = Circumstances {
                now: Timestamp::now(),
                asked_at,
                is_known: view.is_some(),
                others_take: self.store.is_shared().then(|| outlet.timeout() + WRITING),
                repeats_safely_for: outlet.repeats_safely_for(),
                retry_unknown: order.retry_unknown,
            };
            let (number, insisted, refusals) = match decide::next(sending, around) {
                Next::Tell { attempt, outcome } => return Ok(Sent { id, attempt, repeated: true, outcome }),
                Next::Wait => {
                    tokio::time::sleep(LOOK).await;
                    continue;
                }
                Next::Begin { attempt, insisted, refusals } => (attempt, insisted, refusals),
            };
            let request = outlet.request(&order.draft(refusals))?;
            if let Some(outcome) = self.suppressed(&order).await? {
                return Ok(Sent { id, attempt: number - 1, repeated: false, outcome });
            }
            order.message.sent_at = Timestamp::now();
            let (outlet, store) = (Arc::clone(outlet), Arc::clone(&self.store));
            let attempt = Attempt { order, number, insisted, request, outlet, store, claim };
            // A task of its own: who asked may go away, what was begun is brought to its end all the same.
            let tried = tokio::spawn(attempt.run()).await.unwrap_or_else(|_| {
                let why = Some("the attempt broke off in this process".to_owned());
                let outcome = Outcome::NotKnown { begun_at: Timestamp::now(), why };
                Ok(Tried::Sent(Sent { id, attempt: number, repeated: false, outcome }))
            });
            match tried? {
                Tried::Sent(sent) => return Ok(sent),
                Tried::Beaten(back) => (order, claim) = *back,
            }
            // Another process was first, and what it wrote is seen now; or the key was used and nothing is left of it.
            collisions += 1;
            if around.is_known && collisions < COLLISIONS_MAX || collisions == 1 {
                continue;
            }
            return Ok(Sent { id, attempt: 0, repeated: true, outcome: Outcome::Forgotten });
        }
    }

    async fn suppressed(&self, order: &Order) -> Result<Option<Outcome>, StoreError> {
        if order.send_to_suppressed {
            return Ok(None);
        }
        let view = self.store.recipient(order.message.recipient.clone()).await?;
        Ok(view.and_then(|view| view.suppression).map(Outcome::Suppressed))
    }
}

impl Attempt {
    async fn run(self) -> Result<Tried, StoreError> {
        let event = self.order.message.begin(self.number, self.insisted);
        let receipt = self.store.submit(submission(self.order.source.clone(), event)).await?;
        // Its beginning is new: it is ours.
        if matches!(receipt, Receipt::Stored { new: 1.., .. }) {
            Ok(Tried::Sent(self.hand_over().await))
        } else {
            Ok(Tried::Beaten(Box::new((self.order, self.claim))))
        }
    }

    async fn hand_over(self) -> Sent {
        let (id, attempt) = (self.order.id(), self.number);
        let (begun_at, started) = (self.order.message.sent_at, Instant::now());
        let (meaning, retry_after) = self.outlet.hand_over(self.request).await;
        let source = &self.order.source;
        histogram!("hearback_send_seconds", "source" => source.name.to_string()).record(started.elapsed());
        let (message, now) = (&self.order.message, Timestamp::now());
        let (event, outcome) = match meaning {
            Meaning::Accepted(provider_message_id) => {
                let event = message.accepted(attempt, provider_message_id.clone(), now);
                (Some(event), Outcome::Accepted { provider_message_id })
            }
            Meaning::Refused(failure) => {
                (Some(message.refused(attempt, failure.clone(), now)), decide::refusal(failure, retry_after))
            }
            Meaning::Unclear(why) => (None, Outcome::NotKnown { begun_at, why: Some(why) }),
        };
        let recipient = message.recipient.masked();
        tracing::info!(source = %source.name, message = %id, %recipient, attempt, outcome = outcome.word(), "sent a message");
        if let Some(event) = event
            && let Err(error) = write(&*self.store, submission(source.clone(), event)).await
        {
            tracing::error!(message = %id, %error, "what came of a message that was sent could not be stored: it will look as if that were not known");
        }
        Sent { id, attempt, repeated: false, outcome }
    }
}

/// Writes an outcome, which cannot be had again: patiently.
async fn write(store: &dyn Store, submission: Submission) -> Result<Receipt, StoreError> {
    for _ in 1..TRIES {
        match store.submit(submission.clone()).await {
            Err(StoreError::Overloaded | StoreError::Write(_)) => tokio::time::sleep(PAUSE).await,
            other => return other,
        }
    }
    store.submit(submission).await
}

fn submission(source: SourceRef, event: Event) -> Submission {
    Submission {
        source,
        origin: Origin::Application,
        received_at: Timestamp::now(),
        verified: true,
        events: vec![event],
        payload: Payload::default(),
        replay_token: None,
        digest: DedupKey::of(&[]),
        known_messages_only: false,
    }
}
