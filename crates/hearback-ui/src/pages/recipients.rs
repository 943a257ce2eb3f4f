//! `/recipients`: who has trouble, and whether one may be sent to.

mod change;
mod list;
mod one;

use hearback_store::RecipientView;

pub(crate) use change::change;
pub(crate) use list::list;
pub(crate) use one::one;

/// How many were sent to it, as far as that is told: some providers tell no sends.
fn sent(view: &RecipientView) -> u64 {
    let counts = view.counts();
    let ended = counts.delivered + counts.bounced_permanent + counts.bounced_temporary;
    counts.sent.max(counts.queued).max(ended)
}
