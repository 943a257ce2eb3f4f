//! What states are made of: an event without its texts.

use crate::{Event, Kind, ListAction, Reason, Record, Severity, Timestamp};

/// The few things about an event that states are made of: small enough to keep for every event of the newest
/// period, and in a store's columns for all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Position in the log.
    pub position: u64,
    /// What happened.
    pub kind: Kind,
    /// When.
    pub occurred_at: Timestamp,
    /// The rest, packed; see the constants.
    pub flags: u16,
    /// Of a delivery, how long it took ([`delay_step`](crate::delay_step)); 0 where that is not known.
    pub delay: u8,
    /// The store's number for the source.
    pub source: u32,
}

impl Fact {
    /// `occurred_at` is the time of receipt.
    pub const APPROXIMATE: u16 = 1;
    /// The request's signature was not checked or not right.
    pub const UNVERIFIED: u16 = 1 << 1;
    /// A provider's sample event.
    pub const TEST: u16 = 1 << 2;
    /// A permanent failure.
    pub const PERMANENT: u16 = 1 << 3;
    /// A temporary failure.
    pub const TEMPORARY: u16 = 1 << 4;
    /// Opened or clicked by a machine.
    pub const MACHINE: u16 = 1 << 5;
    /// A permanent bounce of a bad address.
    pub const BAD_ADDRESS: u16 = 1 << 6;
    /// The provider put the address on its global list.
    pub const LISTED: u16 = 1 << 7;
    /// The provider took the address off its global list, or the recipient subscribed again.
    pub const UNLISTED: u16 = 1 << 8;
    /// An unsubscribe from one list or group only.
    pub const SCOPED: u16 = 1 << 9;
    /// Put on the list (with [`Fact::LISTED`]) or taken off it (with [`Fact::UNLISTED`]) by hand.
    pub const MANUAL: u16 = 1 << 10;

    /// The fact of an event in the log.
    pub fn of(record: &Record, source: u32) -> Self {
        let event = &record.event;
        Self {
            position: record.position,
            kind: event.kind,
            occurred_at: record.occurred_at(),
            flags: Self::flags_of(event, record.verified),
            delay: 0,
            source,
        }
    }

    /// The flags of an event of a request that was `verified` or not.
    pub fn flags_of(event: &Event, verified: bool) -> u16 {
        flags(event) | if verified { 0 } else { Self::UNVERIFIED }
    }

    /// Whether all of `flags` are set.
    pub const fn has(&self, flags: u16) -> bool {
        self.flags & flags == flags
    }
}

fn flags(event: &Event) -> u16 {
    let mut flags = 0;
    let mut set = |on: bool, flag: u16| flags |= if on { flag } else { 0 };
    set(event.occurred_at.is_none(), Fact::APPROXIMATE);
    set(event.test, Fact::TEST);
    set(event.severity() == Some(Severity::Permanent), Fact::PERMANENT);
    set(event.severity() == Some(Severity::Temporary), Fact::TEMPORARY);
    set(event.by_machine(), Fact::MACHINE);
    set(
        event.kind == Kind::Bounced
            && event.severity() == Some(Severity::Permanent)
            && event.reason() == Some(Reason::InvalidRecipient),
        Fact::BAD_ADDRESS,
    );
    let change = event.suppression.as_ref().filter(|_| event.kind == Kind::SuppressionChanged);
    set(change.is_some_and(|change| change.by.is_some()), Fact::MANUAL);
    let scope = event.suppression.as_ref().and_then(|change| change.scope.as_ref());
    set(scope.is_some(), Fact::SCOPED);
    if scope.is_none() {
        let action = event.suppression.as_ref().map(|change| change.action);
        let listed = event.kind == Kind::SuppressionChanged && action == Some(ListAction::Added);
        let unlisted = event.kind == Kind::SuppressionChanged && action == Some(ListAction::Removed);
        set(listed, Fact::LISTED);
        set(unlisted || event.kind == Kind::Subscribed, Fact::UNLISTED);
    }
    flags
}
