//! Recipients: one row per address for the sealed events, completed with the events in memory when it is read.

use std::collections::{BTreeSet, HashMap};

use hearback_event::{
    Address, Counts, Fact, RecipientState, RecipientStatus, Suppression, SuppressionReason, Timestamp,
};

use super::posting::Key;
use super::rows::Sources;
use super::tail::Tail;
use crate::session::{Column, Keys, Param, Row, Session, Table, params};
use crate::{RecipientView, StoreError, SuppressionView};

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
    "last_at" "last_kind" "outcome_at" "outcome_kind" "sent_at" "first_at"
    "bounced_at" "bounced_by" "complained_at" "complained_by" "unsubscribed_at" "unsubscribed_by"
    "listed_at" "listed_by" "unlisted_at" "unlisted_by" "delivered_at" "delivered_by"
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
            Self::All => select!("ORDER BY address"),
            Self::Dropped => select!("recipients_dropped ", "ORDER BY address"),
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
    let mut before = HashMap::with_capacity(addresses.len());
    session.look_up(rows.by_address(), Keys::Texts(&addresses), &mut |row| {
        before.insert(row.text(0)?.to_owned(), state(row)?);
        Ok(())
    })?;
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
    let sql = format!("INSERT INTO recipients ({names}) SELECT {names} FROM recipients_dropped");
    session.execute(&sql, params![]).map(|_| ())
}

/// The values of a recipient's row.
fn values<'a>(address: &'a Address, upto: u64, state: &RecipientState, row: &mut Vec<Param<'a>>) {
    row.push(address.as_str().into());
    row.push(upto.into());
    row.push(state.suppression().map(|suppression| suppression.reason.number()).into());
    row.extend(state.counts.as_array().map(Param::from));
    for stamp in [state.last, state.outcome] {
        row.push(stamp.map(|(at, _)| at).into());
        row.push(stamp.map(|(_, kind)| kind).into());
    }
    row.extend([state.sent_at, state.first_at].map(Param::from));
    for mark in marks(state) {
        row.push(mark.map(|(at, _)| at).into());
        row.push(mark.map(|(_, source)| source).into());
    }
}

type Mark = Option<(Timestamp, u32)>;

const fn marks(s: &RecipientState) -> [Mark; 6] {
    [s.bounced, s.complained, s.unsubscribed, s.listed, s.unlisted, s.delivered]
}

/// Position up to which the row is true, and what it says.
fn state(row: &dyn Row) -> Result<(u64, RecipientState), StoreError> {
    const COUNTS: usize = 3;
    const STAMPS: usize = COUNTS + Counts::LEN;
    const MARKS: usize = STAMPS + 6;
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
        last: stamp(STAMPS)?,
        outcome: stamp(STAMPS + 2)?,
        sent_at: time(STAMPS + 4)?,
        first_at: time(STAMPS + 5)?,
        bounced: mark(0)?,
        complained: mark(1)?,
        unsubscribed: mark(2)?,
        listed: mark(3)?,
        unlisted: mark(4)?,
        delivered: mark(5)?,
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

/// The facts of a recipient's events in memory. Ambiguous events, which carry its key too, are not its own.
pub(super) struct TailFacts(Vec<Fact>);

impl TailFacts {
    /// Taken from memory; must be taken before the row is read, so that nothing is missed while a period is sealed.
    pub(super) fn of(tail: &Tail, address: &Address) -> Self {
        Self(tail.facts(Key::recipient(address.as_str())))
    }
}

/// A recipient: its row, the events in memory that the row does not hold, and what a person said.
pub(super) fn view(
    session: &dyn Session,
    sources: &Sources,
    facts: &TailFacts,
    address: &Address,
) -> Result<Option<RecipientView>, StoreError> {
    // Before the row is read: an event that is dropped in between is in the row by then.
    let own = own_positions(session, &facts.0, address)?;
    let row = session.one(select!("WHERE address = $1"), params![address.as_str()], state)?;
    let (upto, mut state) = row.unwrap_or_default();
    for fact in facts.0.iter().filter(|fact| fact.position > upto && own.contains(&fact.position)) {
        state.add(fact);
    }
    let profile = profile(session, address)?;
    if state.first_at.is_none() && profile.is_none() {
        return Ok(None);
    }
    let (user_id, by_hand) = profile.unwrap_or_default();
    let suppression = match by_hand {
        Some(since) => Some(Suppression { reason: SuppressionReason::Manual, since, source: 0 }),
        None => state.suppression(),
    };
    let status = if suppression.is_some() { RecipientStatus::Suppressed } else { state.status() };
    let suppression = suppression.map(|suppression| SuppressionView {
        address: address.clone(),
        reason: suppression.reason,
        since: suppression.since,
        source: sources.get(suppression.source).map(|source| source.name.to_string()),
    });
    Ok(Some(RecipientView { address: address.clone(), state, status, suppression, user_id }))
}

/// Which of the events went to exactly this address: a hash may be shared.
fn own_positions(
    session: &dyn Session,
    facts: &[Fact],
    address: &Address,
) -> Result<BTreeSet<u64>, StoreError> {
    let positions: Vec<i64> = facts.iter().map(|fact| fact.position as i64).collect();
    let mut own = BTreeSet::new();
    session.look_up(
        "SELECT position, recipient FROM events WHERE position",
        Keys::Ints(&positions),
        &mut |row| {
            if row.maybe_text(1)? == Some(address.as_str()) {
                own.insert(row.int(0)? as u64);
            }
            Ok(())
        },
    )?;
    Ok(own)
}

type Profile = (Option<String>, Option<Timestamp>);

fn profile(session: &dyn Session, address: &Address) -> Result<Option<Profile>, StoreError> {
    let sql = "SELECT user_id, suppressed_at FROM profiles WHERE address = $1";
    session.one(sql, params![address.as_str()], |row| {
        Ok((row.maybe_text(0)?.map(str::to_owned), row.maybe_int(1)?.map(Timestamp::from_nanos)))
    })
}

/// The next addresses that must not be sent to, after `after`. `touched` are those in memory whose state may have changed.
pub(super) fn suppressed_addresses(
    session: &dyn Session,
    touched: impl IntoIterator<Item = Address>,
    after: Option<&Address>,
    limit: usize,
) -> Result<Vec<Address>, StoreError> {
    let after = after.map_or("", Address::as_str);
    let sql = "SELECT address FROM recipients WHERE suppressed IS NOT NULL AND address > $1
         UNION SELECT address FROM profiles WHERE suppressed_at IS NOT NULL AND address > $1
         ORDER BY address LIMIT $2";
    let mut addresses = BTreeSet::new();
    session.query(sql, params![after, limit], &mut |row| {
        addresses.extend(Address::parse(row.text(0)?).ok());
        Ok(())
    })?;
    let full = addresses.len() == limit;
    let last = addresses.last().cloned();
    // Where the rows fill the page, addresses beyond its end belong to a later page.
    let within = |address: &Address| address.as_str() > after && (!full || Some(address) <= last.as_ref());
    addresses.extend(touched.into_iter().filter(within));
    Ok(addresses.into_iter().collect())
}
