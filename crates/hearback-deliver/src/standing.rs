//! How a destination stands: pure.

use hearback_event::Timestamp;
use hearback_store::DestinationState;

/// How a destination stands, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Events are pushed as they come in.
    Running,
    /// A person holds it.
    Paused,
    /// Its receiver said that it is gone for good; a person must resume it.
    Disabled,
    /// It takes nothing; it is probed now and then, and goes on by itself.
    Failing,
    /// No server has run with it yet.
    NotSetUp,
}

impl Standing {
    /// How it stands, and since when where that matters. What a person says comes first.
    pub fn of(state: Option<&DestinationState>) -> (Self, Option<Timestamp>) {
        let Some(state) = state else { return (Self::NotSetUp, None) };
        if let Some(at) = state.paused_at {
            (Self::Paused, Some(at))
        } else if let Some((at, _)) = &state.disabled {
            (Self::Disabled, Some(*at))
        } else if let Some(outage) = state.failing {
            (Self::Failing, Some(outage.since))
        } else {
            (Self::Running, None)
        }
    }
}
