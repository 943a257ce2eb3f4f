//! Why a destination got an event, or did not: pure.

use hearback_event::Timestamp;
use hearback_store::{DestinationState, FailedPush, Fate, PushEnd};

use crate::destination::Destination;
use crate::filter::Unwanted;
use crate::standing::Standing;

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

/// What became of an event at a destination, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Became {
    /// It has it.
    Delivered,
    /// It failed and is tried again.
    Waiting,
    /// It failed and is not tried any more.
    Dead,
    /// The destination does not want it.
    Skipped,
    /// The destination has not come to it.
    NotYet,
}

/// How moments are written.
type Moment<'a> = &'a dyn Fn(Timestamp) -> String;

impl Why {
    /// In one word and in a sentence, with moments as `moment` writes them.
    pub fn told(&self, destination: &Destination, moment: Moment<'_>) -> (Became, String) {
        let filter = &destination.filter;
        let when = || filter.when().unwrap_or_default();
        match self {
            Self::Delivered { at: Some(at) } => {
                (Became::Delivered, format!("it was delivered at {}", moment(*at)))
            }
            Self::Delivered { at: None } => (Became::Delivered, "it was delivered".to_owned()),
            Self::Failed(push) => failed(push, moment),
            Self::Unwanted(Unwanted::Type) => {
                (Became::Skipped, format!("its type is none of {}", filter.types().join(", ")))
            }
            Self::Unwanted(Unwanted::AlertForOthers) => {
                (Became::Skipped, "it tells of an alert that is for other destinations".to_owned())
            }
            Self::Unwanted(Unwanted::AlertsOnly) => (
                Became::Skipped,
                "the destination gets alerts only (`alerts = true` without `events`)".to_owned(),
            ),
            Self::Unwanted(Unwanted::When { error: None }) => {
                (Became::Skipped, format!("`{}` is not so of it", when()))
            }
            Self::Unwanted(Unwanted::When { error: Some(error) }) => {
                (Became::Skipped, format!("`{}` cannot be told of it: {error}", when()))
            }
            Self::TooOld => (Became::Skipped, "it was received before the destination was set up".to_owned()),
            Self::NotSetUp => (Became::NotYet, "no server has run with this destination yet".to_owned()),
            Self::NotYet { ahead, state } => (Became::NotYet, not_yet(*ahead, state, moment)),
        }
    }
}

fn failed(push: &FailedPush, moment: Moment<'_>) -> (Became, String) {
    let tried = if push.attempts == 1 { "once".to_owned() } else { format!("{} times", push.attempts) };
    let error = &push.error;
    match push.fate {
        Fate::Waits { next_try } => (
            Became::Waiting,
            format!("it was tried {tried} ({error}) and is tried again at {}", moment(next_try)),
        ),
        Fate::Ended { at, why: PushEnd::GaveUp } => (
            Became::Dead,
            format!(
                "it was given up at {} after it was tried {tried} ({error}); a redrive tries it again",
                moment(at)
            ),
        ),
        Fate::Ended { at, why: PushEnd::Dropped } => (
            Became::Dead,
            format!("the event was dropped by age at {} before it could be delivered", moment(at)),
        ),
        Fate::Ended { at, why: PushEnd::Forgotten } => (
            Became::Dead,
            format!("the recipient was forgotten at {} before it could be delivered", moment(at)),
        ),
    }
}

fn not_yet(ahead: u64, state: &DestinationState, moment: Moment<'_>) -> String {
    let before = match ahead {
        0 => "it is the next one".to_owned(),
        1 => "one event is before it".to_owned(),
        ahead => format!("{ahead} events are before it"),
    };
    match Standing::of(Some(state)) {
        (Standing::Paused, Some(at)) => {
            format!("the destination is paused since {}; {before}", moment(at))
        }
        (Standing::Disabled, Some(at)) => {
            format!("the destination is disabled since {}, because it is gone for good; {before}", moment(at))
        }
        (Standing::Failing, Some(at)) => {
            format!("the destination takes nothing since {} and is probed now and then; {before}", moment(at))
        }
        _ => format!("it comes in a moment; {before}"),
    }
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
