//! Why a destination got an event, or did not: pure.

use hearback_event::Timestamp;
use hearback_store::{DestinationState, FailedPush};

use crate::filter::Unwanted;

/// Everything that has a say in it.
pub(crate) struct Known {
    /// Where the destination stands, if a server has set it up.
    pub(crate) state: Option<DestinationState>,
    /// The row of the push, where it failed.
    pub(crate) failed: Option<FailedPush>,
    /// When it arrived, where that is remembered.
    pub(crate) delivered_at: Option<Timestamp>,
    /// What the filter says of it today.
    pub(crate) wanted: Result<(), Unwanted>,
}

/// What became of an event at a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It has it.
    Delivered {
        /// Since when, where that is remembered: of the newest events, as long as the process runs.
        at: Option<Timestamp>,
    },
    /// It failed, and waits for another try or has ended.
    Failed(FailedPush),
    /// The filter does not want it.
    Unwanted(Unwanted),
    /// It was received before the destination was set up.
    TooOld,
    /// It comes in time: the cursor has not reached it.
    NotYet {
        /// Events before it.
        ahead: u64,
        /// Why the cursor stands still, where it does.
        state: Box<DestinationState>,
    },
    /// No server has run with this destination yet.
    NotSetUp,
}

/// Weighs what is known.
pub(crate) fn why(position: u64, known: Known) -> Why {
    let Known { state, failed, delivered_at, wanted } = known;
    let Some(state) = state else { return Why::NotSetUp };
    if let Some(push) = failed {
        return Why::Failed(push);
    }
    if delivered_at.is_some() {
        return Why::Delivered { at: delivered_at };
    }
    if let Err(unwanted) = wanted {
        return Why::Unwanted(unwanted);
    }
    if position <= state.begun {
        return Why::TooOld;
    }
    if position > state.cursor {
        return Why::NotYet { ahead: position - state.cursor - 1, state: Box::new(state) };
    }
    Why::Delivered { at: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_is_told_from_the_others() {
        let state = DestinationState { begun: 10, cursor: 20, ..DestinationState::default() };
        let known = || Known { state: Some(state.clone()), failed: None, delivered_at: None, wanted: Ok(()) };
        assert_eq!(why(15, known()), Why::Delivered { at: None });
        let at = Some(Timestamp::EPOCH);
        assert_eq!(why(21, Known { delivered_at: at, ..known() }), Why::Delivered { at });
        assert_eq!(why(10, known()), Why::TooOld);
        assert_eq!(why(23, known()), Why::NotYet { ahead: 2, state: Box::new(state.clone()) });
        let wanted = Err(Unwanted::Type);
        assert_eq!(why(15, Known { wanted, ..known() }), Why::Unwanted(Unwanted::Type));
        assert_eq!(why(15, Known { state: None, ..known() }), Why::NotSetUp);
    }
}
