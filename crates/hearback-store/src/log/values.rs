//! What a batch writes: the rows of its new events and of the requests that they came in.

use hearback_event::{Address, DedupKey, Fact};

use super::admit::Plan;
use super::journal::Submissions;
use super::rows;
use super::stage::{Staged, StagedEvent};
use crate::StoreError;
use crate::session::{Param, Session, params};

/// Writes events, raw requests, and nothing that follows from them.
pub(super) fn write(session: &dyn Session, requests: &Submissions, plan: &Plan) -> Result<(), StoreError> {
    let keys = dedup(requests, plan);
    session.write(&rows::EVENTS, &events(requests, plan, &keys))?;
    session.write(&rows::PAYLOADS, &payloads(requests, plan))
}

fn staged(requests: &Submissions, request: usize) -> Option<&Staged> {
    requests.get(request).map(|(staged, _)| staged)
}

/// The new events of a plan, each with its request.
fn new_events<'a>(
    requests: &'a Submissions,
    plan: &'a Plan,
) -> impl Iterator<Item = (&'a Staged, &'a StagedEvent, &'a Fact)> {
    plan.events.iter().filter_map(|(request, event, fact)| {
        let staged = staged(requests, *request)?;
        Some((staged, staged.events.get(*event)?, fact))
    })
}

/// The keys of each new event, side by side.
pub(super) fn dedup(requests: &Submissions, plan: &Plan) -> Vec<Vec<u8>> {
    let bytes = |event: &StagedEvent| event.unique.iter().flat_map(|key| *key.as_bytes()).collect();
    new_events(requests, plan).map(|(_, event, _)| bytes(event)).collect()
}

/// The rows of new events, positions as the plan has them.
pub(super) fn events<'a>(requests: &'a Submissions, plan: &'a Plan, dedup: &'a [Vec<u8>]) -> Vec<Param<'a>> {
    let mut values = Vec::with_capacity(plan.events.len() * rows::EVENTS.columns.len());
    let mut firsts = plan.payloads.iter().peekable();
    let mut payload = 0;
    for ((staged, event, fact), dedup) in new_events(requests, plan).zip(dedup) {
        while let Some((first, _)) = firsts.next_if(|(first, _)| *first <= fact.position) {
            payload = *first;
        }
        values.extend_from_slice(params![
            fact.position,
            staged.received_at,
            event.occurred_at,
            fact.source,
            event.kind.number(),
            event.channel,
            staged.origin.number(),
            rows::flags_and_delay(event.flags, fact.delay),
            event.event_recipient.as_ref().map(Address::as_str),
            staged.payload.as_ref().map(|_| payload),
            dedup,
            &event.data,
        ]);
    }
    values
}

/// The rows of requests with new events.
pub(super) fn payloads<'a>(requests: &'a Submissions, plan: &'a Plan) -> Vec<Param<'a>> {
    let mut values = Vec::with_capacity(plan.payloads.len() * rows::PAYLOADS.columns.len());
    for (first, request) in &plan.payloads {
        let Some(staged) = staged(requests, *request) else { continue };
        let Some(payload) = &staged.payload else { continue };
        values.extend_from_slice(params![
            *first,
            payload.dictionary,
            payload.size,
            staged.digest.as_bytes(),
            staged.token.as_ref().map(DedupKey::as_bytes),
            &payload.bytes,
        ]);
    }
    values
}
