//! Recipients: one row per address, of what the sealed events say. Read, they are completed in [`super::people`].

use std::collections::HashMap;

use hearback_event::{Address, Counts, RecipientState, Timestamp};

use crate::StoreError;
use crate::session::{Column, Keys, Param, Row, Session, Table, WALKS, params};

/// A row per address.
const RECIPIENTS: Table = Table {
    name: "recipients",
    columns: &[
        ("address", Column::Text),
        ("upto", Column::Int),
        ("suppressed", Column::Int),
        ("state", Column::Blob),
    ],
    key: &["address"],
};

/// What dropped events said: rows of the same form.
const DROPPED: Table = Table { name: "recipients_dropped", ..RECIPIENTS };

/// The rows of some addresses, in the order of [`row_of`].
pub(super) const BY_ADDRESS: &str = "SELECT address, upto, state FROM recipients WHERE address";

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
            Self::All => BY_ADDRESS,
            Self::Dropped => "SELECT address, upto, state FROM recipients_dropped WHERE address",
        }
    }

    const fn in_order(self) -> &'static str {
        match self {
            Self::All => "SELECT /* walks */ address, upto, state FROM recipients ORDER BY address",
            Self::Dropped => {
                "SELECT /* walks */ address, upto, state FROM recipients_dropped ORDER BY address"
            }
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
    let mut written = Vec::with_capacity(recipients.len());
    for (address, state) in recipients {
        let merged = match before.get(address.as_str()) {
            Some((true_upto, _)) if *true_upto >= upto => continue,
            Some((_, before)) => before.merge(state),
            None => *state,
        };
        written.push(Written::new(address, &merged)?);
    }
    write(session, rows.table(), &written, upto)
}

/// Puts a recipient's row in the place of what is there: of events up to `upto`; none where they say nothing. How many were there.
pub(super) fn replace(
    session: &dyn Session,
    address: &Address,
    state: Option<&RecipientState>,
    upto: u64,
) -> Result<u64, StoreError> {
    let there = session.execute("DELETE FROM recipients WHERE address = $1", params![address.as_str()])?;
    let row = state.map(|state| Written::new(address, state)).transpose()?;
    write(session, &RECIPIENTS, row.as_slice(), upto)?;
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

/// A row to be written.
struct Written<'a> {
    address: &'a Address,
    suppressed: Option<u8>,
    state: Vec<u8>,
}

impl<'a> Written<'a> {
    fn new(address: &'a Address, state: &RecipientState) -> Result<Self, StoreError> {
        let suppressed = state.suppression().map(|suppression| suppression.reason.number());
        let failed = |error| StoreError::Write(format!("a recipient's state cannot be packed: {error}"));
        Ok(Self { address, suppressed, state: pack(state).map_err(failed)? })
    }
}

fn write(session: &dyn Session, table: &Table, rows: &[Written<'_>], upto: u64) -> Result<(), StoreError> {
    let values: Vec<Param<'_>> = rows
        .iter()
        .flat_map(|row| {
            let address = row.address.as_str();
            [address.into(), upto.into(), row.suppressed.into(), Param::Blob(&row.state)]
        })
        .collect();
    session.write(table, &values)
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
fn pack(s: &RecipientState) -> Result<Vec<u8>, postcard::Error> {
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
    postcard::to_allocvec(&packed)
}

fn unpack(bytes: &[u8]) -> Result<RecipientState, StoreError> {
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

/// The next addresses that sealed events suppress, after `after`, in their order.
pub(super) const SUPPRESSED: &str =
    "SELECT address FROM recipients WHERE suppressed IS NOT NULL AND address > $1 ORDER BY address LIMIT $2";

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
