//! Suppressing and lifting by hand: events in the log, said by a token of the API or by a person who has signed in.

use std::collections::BTreeSet;

use hearback_event::{
    Address, Channel, DedupKey, Event, Kind, ListAction, Origin, SuppressionChange, SuppressionReason,
    Timestamp,
};
use hearback_store::{Payload, RecipientView, SourceRef, Store, StoreError, Submission, SuppressionView};

/// Suppresses addresses by hand, as `by` says. For each, whether it was not suppressed by hand before.
pub async fn suppress_by_hand(
    store: &dyn Store,
    addresses: &[Address],
    by: &str,
    reason: Option<&str>,
) -> Result<Vec<bool>, StoreError> {
    let before = store.recipients(addresses.to_vec()).await?;
    let now = Timestamp::now();
    let mut seen = BTreeSet::new();
    let (mut events, mut created) = (Vec::new(), Vec::with_capacity(addresses.len()));
    for (address, view) in addresses.iter().zip(&before) {
        let is_new = !is_by_hand(view.as_ref()) && seen.insert(address);
        if is_new {
            let at = moment(view.as_ref(), now);
            events.push(event(ListAction::Added, address, at, by, reason));
        }
        created.push(is_new);
    }
    if !events.is_empty() {
        let count = events.len();
        store.submit(submission(events, now)).await?;
        tracing::info!(count, by, "addresses were suppressed by hand");
    }
    Ok(created)
}

/// Lifts a suppression by hand, as `by` says, whatever the cause. What it was; `None` where the address is not suppressed, and
/// nothing is done.
pub async fn lift_by_hand(
    store: &dyn Store,
    address: &Address,
    by: &str,
    reason: Option<&str>,
) -> Result<Option<SuppressionView>, StoreError> {
    let view = store.recipient(address.clone()).await?;
    let Some(was) = view.as_ref().and_then(|view| view.suppression.clone()) else { return Ok(None) };
    let now = Timestamp::now();
    let lifting = event(ListAction::Removed, address, moment(view.as_ref(), now), by, reason);
    store.submit(submission(vec![lifting], now)).await?;
    tracing::info!(recipient = %address.masked(), by, "a suppression was lifted by hand");
    Ok(Some(was))
}

fn is_by_hand(view: Option<&RecipientView>) -> bool {
    let suppression = view.and_then(|view| view.suppression.as_ref());
    suppression.is_some_and(|suppression| suppression.reason == SuppressionReason::Manual)
}

fn moment(view: Option<&RecipientView>, now: Timestamp) -> Timestamp {
    view.map_or(now, |view| view.state.moment_by_hand(now))
}

fn event(action: ListAction, address: &Address, at: Timestamp, by: &str, reason: Option<&str>) -> Event {
    let word = match action {
        ListAction::Added => "suppressed",
        ListAction::Removed => "lifted",
        ListAction::Changed => "changed",
    };
    let nanos = at.as_nanos().to_be_bytes();
    let parts = [b"hearback", word.as_bytes(), address.as_str().as_bytes(), &nanos, by.as_bytes()];
    let mut event = Event::new(Kind::SuppressionChanged, word, Channel::Other, DedupKey::of(&parts));
    event.recipient = Some(address.clone());
    event.occurred_at = Some(at);
    let (reason, by) = (reason.map(str::to_owned), Some(by.to_owned()));
    event.suppression = Some(SuppressionChange { action, reason, scope: None, by });
    event
}

fn submission(events: Vec<Event>, received_at: Timestamp) -> Submission {
    Submission {
        source: SourceRef::hearback(),
        origin: Origin::Application,
        received_at,
        verified: true,
        events,
        payload: Payload::default(),
        replay_token: None,
        digest: DedupKey::of(&[]),
        known_messages_only: false,
    }
}
