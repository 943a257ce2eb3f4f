//! What else may go on while messages are told of.

use clap::ValueEnum;

/// Something that happens on real networks, or that an attacker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// Every request comes again, as the provider's retry does, and events come again in other batches
    Duplicates,
    /// Events come in any order
    Reorder,
    /// Some messages are told of hours later, as after an outage
    Late,
    /// Requests are signed with a wrong key, and genuine signatures are put on other bodies: must be refused
    Forged,
    /// Authentic requests are of a shape that the provider never sends: must be kept as `unknown`
    Broken,
}
