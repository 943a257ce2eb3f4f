//! Messages: made of their events when they are asked for, so that they can never contradict them.

use hearback_event::{Fact, MessageId, MessageState, Record};

use crate::{Explanation, MessageView};

/// The messages that records of one send make, one per recipient, in the order of the id.
pub(super) fn views(records: Vec<Record>) -> Vec<MessageView> {
    let mut messages: Vec<(MessageId, Vec<Record>)> = Vec::new();
    for record in records {
        let Some(id) = record.message_id() else { continue };
        match messages.iter_mut().find(|(known, _)| *known == id) {
            Some((_, records)) => records.push(record),
            None => messages.push((id, vec![record])),
        }
    }
    messages.sort_by_key(|(id, _)| *id);
    messages.into_iter().map(|(id, records)| view(id, records)).collect()
}

/// The message that its records make.
pub(super) fn view(id: MessageId, mut events: Vec<Record>) -> MessageView {
    events.sort_by_key(|record| (record.occurred_at(), record.position));
    let facts: Vec<Fact> = events.iter().map(|record| Fact::of(record, 0)).collect();
    let state = MessageState::of(&facts);
    let explanations = facts
        .iter()
        .map(|fact| Explanation {
            decided: state.decided_by == Some(fact.position),
            why: MessageState::why_not(&facts, fact),
        })
        .collect();
    MessageView { id, state, events, explanations }
}
