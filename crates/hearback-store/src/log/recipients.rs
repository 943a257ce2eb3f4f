//! What is known of recipients besides what [`runs`](super::runs) say: rows by address of events that were dropped, and whoever may be
//! suppressed. Read, all of it comes together in [`super::people`].

use std::collections::{HashMap, HashSet};

use hearback_event::{Address, Counts, RecipientState, Timestamp};

use crate::StoreError;
use crate::session::{Column, Keys, Param, Row, Session, Table, params};

/// What dropped events said.
const DROPPED: Table = Table {
    name: "recipients_dropped",
    columns: &[("address", Column::Text), ("upto", Column::Int), ("state", Column::Blob)],
    key: &["address"],
};

/// What no run says: rows of the same form.
const LOOSE: Table = Table { name: "recipients_loose", ..DROPPED };

/// Who may be suppressed.
const CANDIDATES: Table =
    Table { name: "suppression_candidates", columns: &[("address", Column::Text)], key: &["address"] };

/// The rows of some addresses, in the order of [`row_of`].
pub(super) const LOOSE_BY_ADDRESS: &str = "SELECT address, upto, state FROM recipients_loose WHERE address";

/// Which rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    /// What events said that were dropped before their period was sealed, or that came to an address that was forgotten: no run
    /// has it.
    Loose,
    /// What all dropped events said: what a rebuild begins with.
    Dropped,
}

impl Rows {
    const fn table(self) -> &'static Table {
        match self {
            Self::Loose => &LOOSE,
            Self::Dropped => &DROPPED,
        }
    }

    const fn by_address(self) -> &'static str {
        match self {
            Self::Loose => LOOSE_BY_ADDRESS,
            Self::Dropped => "SELECT address, upto, state FROM recipients_dropped WHERE address",
        }
    }

    const fn in_order(self) -> &'static str {
        match self {
            Self::Loose => "SELECT /* walks */ address, upto, state FROM recipients_loose ORDER BY address",
            Self::Dropped => {
                "SELECT /* walks */ address, upto, state FROM recipients_dropped ORDER BY address"
            }
        }
    }
}

/// Adds what events up to `upto` say about recipients to their rows.
pub(super) fn merge(
    session: &dyn Session,
    rows: Rows,
    recipients: &[(Address, RecipientState)],
    upto: u64,
) -> Result<(), StoreError> {
    let addresses: Vec<&str> = recipients.iter().map(|(address, _)| address.as_str()).collect();
    let before = look_up(session, rows, &addresses)?;
    let merged = recipients.iter().map(|(address, state)| {
        (address, before.get(address.as_str()).map_or(*state, |(_, before)| before.merge(state)))
    });
    write(session, rows, merged, upto)
}

/// Puts a row in the place of what no run says of a recipient: of events up to `upto`; none where they say nothing. Whether there was one.
pub(super) fn replace(
    session: &dyn Session,
    address: &Address,
    state: Option<&RecipientState>,
    upto: u64,
) -> Result<bool, StoreError> {
    let gone =
        session.execute("DELETE FROM recipients_loose WHERE address = $1", params![address.as_str()])?;
    session.execute("DELETE FROM suppression_candidates WHERE address = $1", params![address.as_str()])?;
    if let Some(state) = state {
        write(session, Rows::Loose, std::iter::once((address, *state)), upto)?;
    }
    Ok(gone > 0)
}

/// Makes the rows those of the dropped events alone.
pub(super) fn begin_anew(session: &dyn Session) -> Result<(), StoreError> {
    for table in ["recipients_loose", "suppression_candidates"] {
        session.execute(&format!("DELETE FROM {table}"), params![])?;
    }
    let copy = "INSERT INTO recipients_loose (address, upto, state) SELECT /* walks */ address, upto, state FROM recipients_dropped";
    session.execute(copy, params![])?;
    let mut suppressing = Vec::new();
    for_each_row(session, Rows::Dropped, |address, _, state| {
        if state.is_some_and(may_suppress) {
            suppressing.push(address.to_owned());
        }
    })?;
    note_candidates(session, suppressing.iter().map(String::as_str))
}

fn write<'a>(
    session: &dyn Session,
    rows: Rows,
    recipients: impl Iterator<Item = (&'a Address, RecipientState)>,
    upto: u64,
) -> Result<(), StoreError> {
    let written: Vec<_> = recipients
        .map(|(address, state)| Ok((address, state, pack(&state)?)))
        .collect::<Result<_, StoreError>>()?;
    let values: Vec<Param<'_>> = written
        .iter()
        .flat_map(|(address, _, packed)| [address.as_str().into(), upto.into(), Param::Blob(packed)])
        .collect();
    session.write(rows.table(), &values)?;
    if rows == Rows::Dropped {
        return Ok(());
    }
    let suppressing = written.iter().filter(|(_, state, _)| may_suppress(state));
    note_candidates(session, suppressing.map(|(address, ..)| address.as_str()))
}

/// Whether there is anything in a state that would suppress its recipient if nothing else was known of him.
pub(super) fn may_suppress(s: &RecipientState) -> bool {
    [s.bounced, s.complained, s.unsubscribed, s.listed, s.by_hand].iter().any(Option::is_some)
}

/// Remembers who may be suppressed: events in runs or in rows once said so. Whether they are is decided by all that is known of them.
pub(super) fn note_candidates<'a>(
    session: &dyn Session,
    addresses: impl Iterator<Item = &'a str>,
) -> Result<(), StoreError> {
    let values: Vec<Param<'_>> = addresses.map(Param::from).collect();
    session.write(&CANDIDATES, &values)
}

/// Everybody who may be suppressed.
pub(super) fn candidates(session: &dyn Session) -> Result<HashSet<String>, StoreError> {
    let sql = "SELECT /* walks */ address FROM suppression_candidates";
    Ok(session.all(sql, params![], |row| Ok(row.text(0)?.to_owned()))?.into_iter().collect())
}

type Mark = Option<(Timestamp, u32)>;

/// A state as it is packed: the times in nanoseconds. Small numbers are a byte, and what there is not is one.
type Packed = (
    [u64; Counts::LEN],
    Option<(i64, u8, u64)>,
    Option<(i64, u8)>,
    [Option<i64>; 2],
    [Option<(i64, u32)>; 8],
);

/// The same state gives the same bytes.
pub(super) fn pack(s: &RecipientState) -> Result<Vec<u8>, StoreError> {
    let nanos = Timestamp::as_nanos;
    let marks =
        [s.bounced, s.complained, s.unsubscribed, s.listed, s.unlisted, s.delivered, s.by_hand, s.lifted];
    let packed: Packed = (
        s.counts.as_array(),
        s.last.map(|(at, kind, position)| (nanos(at), kind, position)),
        s.outcome.map(|(at, kind)| (nanos(at), kind)),
        [s.sent_at, s.first_at].map(|at| at.map(nanos)),
        marks.map(|mark| mark.map(|(at, source)| (nanos(at), source))),
    );
    let failed = |error| StoreError::Write(format!("a recipient's state cannot be packed: {error}"));
    postcard::to_allocvec(&packed).map_err(failed)
}

/// What was packed.
pub(super) fn unpack(bytes: &[u8]) -> Result<RecipientState, StoreError> {
    let damaged = |error| StoreError::Damaged(format!("a recipient's state cannot be read: {error}"));
    let (counts, last, outcome, [sent_at, first_at], marks): Packed =
        postcard::from_bytes(bytes).map_err(damaged)?;
    let time = Timestamp::from_nanos;
    let [bounced, complained, unsubscribed, listed, unlisted, delivered, by_hand, lifted] =
        marks.map(|mark| -> Mark { mark.map(|(at, source)| (time(at), source)) });
    Ok(RecipientState {
        counts: Counts::from_array(counts),
        last: last.map(|(at, kind, position)| (time(at), kind, position)),
        outcome: outcome.map(|(at, kind)| (time(at), kind)),
        sent_at: sent_at.map(time),
        first_at: first_at.map(time),
        bounced,
        complained,
        unsubscribed,
        listed,
        unlisted,
        delivered,
        by_hand,
        lifted,
    })
}

/// Position up to which the row is true, and what it says.
fn row_of(row: &dyn Row) -> Result<(u64, RecipientState), StoreError> {
    Ok((row.int(1)? as u64, unpack(row.blob(2)?)?))
}

/// Calls `each` with every row, in the order of the address: position up to which it is true, and what it says, unless that cannot
/// be read.
pub(super) fn for_each_row(
    session: &dyn Session,
    rows: Rows,
    mut each: impl FnMut(&str, u64, Option<&RecipientState>),
) -> Result<(), StoreError> {
    session.query(rows.in_order(), params![], &mut |row| {
        each(row.text(0)?, row.int(1)? as u64, unpack(row.blob(2)?).ok().as_ref());
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
        found.insert(row.text(0)?.to_owned(), row_of(row)?);
        Ok(())
    })?;
    Ok(found)
}

/// The next addresses that may be suppressed, after `after`, in their order.
pub(super) const NEXT_CANDIDATES: &str =
    "SELECT address FROM suppression_candidates WHERE address > $1 ORDER BY address LIMIT $2";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_is_read_again_and_nothing_less(packed: Packed) {
            let bytes = postcard::to_allocvec(&packed).unwrap();
            prop_assert_eq!(&pack(&unpack(&bytes).unwrap()).unwrap(), &bytes);
            for end in 0..bytes.len() {
                prop_assert!(unpack(&bytes[..end]).is_err());
            }
        }

        #[test]
        fn no_bytes_are_more_than_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(unpack(&bytes));
        }
    }
}
