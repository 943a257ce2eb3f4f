//! Recipients: one row per address, of what the sealed events say. Read, they are completed in [`super::people`].

use std::collections::HashMap;

use hearback_event::{Address, Counts, RecipientState, Timestamp};

use crate::StoreError;
use crate::session::{Column, Keys, Param, Row, Session, Table, WALKS, params};

macro_rules! table {
    ($($column:literal)+) => {
        /// A row per address, in the order of [`values`] and [`state`].
        const RECIPIENTS: Table = Table {
            name: "recipients",
            columns: &[("address", Column::Text), $(($column, Column::Int)),+],
            key: &["address"],
        };

        /// What dropped events said: rows of the same form.
        const DROPPED: Table = Table { name: "recipients_dropped", ..RECIPIENTS };

        macro_rules! select {
            ($rest:literal) => { select!("recipients ", $rest) };
            ($table:literal, $rest:literal) => {
                concat!("SELECT address", $(", ", $column,)+ " FROM ", $table, $rest)
            };
        }
    };
}

table! {
    "upto" "suppressed"
    "registered" "queued" "sent" "delivered" "deferred" "bounced_permanent" "bounced_temporary" "rejected" "failed"
    "opened_human" "opened_machine" "clicked_human" "clicked_machine" "complained" "unsubscribed" "inbound" "other"
    "last_at" "last_kind" "last_position" "outcome_at" "outcome_kind" "sent_at" "first_at"
    "bounced_at" "bounced_by" "complained_at" "complained_by" "unsubscribed_at" "unsubscribed_by"
    "listed_at" "listed_by" "unlisted_at" "unlisted_by" "delivered_at" "delivered_by"
    "by_hand_at" "by_hand_by" "lifted_at" "lifted_by"
}

/// Which rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    /// What sealed and dropped events say.
    All,
    /// What dropped events said: with what the events say that are left, it makes the others anew.
    Dropped,
}

impl Rows {
    const fn table(self) -> &'static Table {
        match self {
            Self::All => &RECIPIENTS,
            Self::Dropped => &DROPPED,
        }
    }

    const fn by_address(self) -> &'static str {
        match self {
            Self::All => select!("WHERE address"),
            Self::Dropped => select!("recipients_dropped ", "WHERE address"),
        }
    }

    const fn in_order(self) -> &'static str {
        match self {
            Self::All => select!("/* walks */ ORDER BY address"),
            Self::Dropped => select!("recipients_dropped ", "/* walks */ ORDER BY address"),
        }
    }
}

/// Adds what events up to `upto` say about recipients to their rows, once: a row tells up to which position it is true.
pub(super) fn merge(
    session: &dyn Session,
    rows: Rows,
    recipients: &[(Address, RecipientState)],
    upto: u64,
) -> Result<(), StoreError> {
    let addresses: Vec<&str> = recipients.iter().map(|(address, _)| address.as_str()).collect();
    let before = look_up(session, rows, &addresses)?;
    let mut written = Vec::with_capacity(recipients.len() * RECIPIENTS.columns.len());
    for (address, state) in recipients {
        let merged = match before.get(address.as_str()) {
            Some((true_upto, _)) if *true_upto >= upto => continue,
            Some((_, before)) => before.merge(state),
            None => *state,
        };
        values(address, upto, &merged, &mut written);
    }
    session.write(rows.table(), &written)
}

/// Puts a recipient's row in the place of what is there: of events up to `upto`; none where they say nothing. How many were there.
pub(super) fn replace(
    session: &dyn Session,
    address: &Address,
    state: Option<&RecipientState>,
    upto: u64,
) -> Result<u64, StoreError> {
    let there = session.execute("DELETE FROM recipients WHERE address = $1", params![address.as_str()])?;
    let mut row = Vec::new();
    if let Some(state) = state {
        values(address, upto, state, &mut row);
    }
    session.write(&RECIPIENTS, &row)?;
    Ok(there)
}

/// Makes the rows those of the dropped events alone.
pub(super) fn begin_anew(session: &dyn Session) -> Result<(), StoreError> {
    session.execute("DELETE FROM recipients", params![])?;
    let names: Vec<&str> = RECIPIENTS.columns.iter().map(|(name, _)| *name).collect();
    let names = names.join(", ");
    let sql = format!("INSERT INTO recipients ({names}) SELECT {WALKS} {names} FROM recipients_dropped");
    session.execute(&sql, params![]).map(|_| ())
}

/// The values of a recipient's row.
fn values<'a>(address: &'a Address, upto: u64, state: &RecipientState, row: &mut Vec<Param<'a>>) {
    row.push(address.as_str().into());
    row.push(upto.into());
    row.push(state.suppression().map(|suppression| suppression.reason.number()).into());
    row.extend(state.counts.as_array().map(Param::from));
    row.push(state.last.map(|(at, _, _)| at).into());
    row.push(state.last.map(|(_, kind, _)| kind).into());
    row.push(state.last.map(|(_, _, position)| position).into());
    row.push(state.outcome.map(|(at, _)| at).into());
    row.push(state.outcome.map(|(_, kind)| kind).into());
    row.extend([state.sent_at, state.first_at].map(Param::from));
    for mark in marks(state) {
        row.push(mark.map(|(at, _)| at).into());
        row.push(mark.map(|(_, source)| source).into());
    }
}

type Mark = Option<(Timestamp, u32)>;

const fn marks(s: &RecipientState) -> [Mark; 8] {
    [s.bounced, s.complained, s.unsubscribed, s.listed, s.unlisted, s.delivered, s.by_hand, s.lifted]
}

/// Position up to which the row is true, and what it says.
fn state(row: &dyn Row) -> Result<(u64, RecipientState), StoreError> {
    const COUNTS: usize = 3;
    const STAMPS: usize = COUNTS + Counts::LEN;
    const MARKS: usize = STAMPS + 7;
    let mut counts = [0_u64; Counts::LEN];
    for (column, count) in (COUNTS..).zip(&mut counts) {
        *count = row.int(column)? as u64;
    }
    let time = |column: usize| row.maybe_int(column).map(|at| at.map(Timestamp::from_nanos));
    let stamp = |column: usize| {
        Ok::<_, StoreError>(time(column)?.zip(row.maybe_int(column + 1)?.map(|kind| kind as u8)))
    };
    let mark = |n: usize| {
        let column = MARKS + 2 * n;
        Ok::<_, StoreError>(time(column)?.zip(row.maybe_int(column + 1)?.map(|source| source as u32)))
    };
    let state = RecipientState {
        counts: Counts::from_array(counts),
        last: stamp(STAMPS)?
            .zip(row.maybe_int(STAMPS + 2)?)
            .map(|((at, kind), position)| (at, kind, position as u64)),
        outcome: stamp(STAMPS + 3)?,
        sent_at: time(STAMPS + 5)?,
        first_at: time(STAMPS + 6)?,
        bounced: mark(0)?,
        complained: mark(1)?,
        unsubscribed: mark(2)?,
        listed: mark(3)?,
        unlisted: mark(4)?,
        delivered: mark(5)?,
        by_hand: mark(6)?,
        lifted: mark(7)?,
    };
    Ok((row.int(1)? as u64, state))
}

/// Calls `each` with every row, in the order of the address.
pub(super) fn for_each_row(
    session: &dyn Session,
    rows: Rows,
    mut each: impl FnMut(&str, u64, &RecipientState),
) -> Result<(), StoreError> {
    session.query(rows.in_order(), params![], &mut |row| {
        let (upto, state) = state(row)?;
        each(row.text(0)?, upto, &state);
        Ok(())
    })
}

/// Position up to which the row is true and what it says, of those of these addresses that have one.
pub(super) fn look_up(
    session: &dyn Session,
    rows: Rows,
    addresses: &[&str],
) -> Result<HashMap<String, (u64, RecipientState)>, StoreError> {
    let mut found = HashMap::with_capacity(addresses.len());
    session.look_up(rows.by_address(), Keys::Texts(addresses), &mut |row| {
        found.insert(row.text(0)?.to_owned(), state(row)?);
        Ok(())
    })?;
    Ok(found)
}

/// Time, kind and position of the last event of those of these addresses that have one.
pub(super) fn lasts(
    session: &dyn Session,
    addresses: &[&str],
) -> Result<HashMap<String, (Timestamp, u8, u64)>, StoreError> {
    let mut found = HashMap::with_capacity(addresses.len());
    session.look_up(LASTS, Keys::Texts(addresses), &mut |row| {
        if let (Some(at), Some(kind), Some(position)) =
            (row.maybe_int(1)?, row.maybe_int(2)?, row.maybe_int(3)?)
        {
            found.insert(row.text(0)?.to_owned(), (Timestamp::from_nanos(at), kind as u8, position as u64));
        }
        Ok(())
    })?;
    Ok(found)
}

pub(super) const LASTS: &str =
    "SELECT address, last_at, last_kind, last_position FROM recipients WHERE address";

/// The next addresses that sealed events suppress, after `after`, in their order.
pub(super) const SUPPRESSED: &str =
    "SELECT address FROM recipients WHERE suppressed IS NOT NULL AND address > $1 ORDER BY address LIMIT $2";
