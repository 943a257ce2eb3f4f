//! Recipients: one row per address for the sealed events, completed with the events in memory when it is read.

use hearback_event::{
    Address, Counts, Fact, RecipientState, RecipientStatus, Suppression, SuppressionReason, Timestamp,
};
use rusqlite::types::ToSql;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::posting::Key;
use super::rows::Sources;
use super::tail::Tail;
use crate::{RecipientView, StoreError, SuppressionView};

/// The columns in the order of [`write`] and [`state`].
const COLUMNS: &str = "address, upto, suppressed, queued, sent, delivered, deferred, bounced_permanent, \
    bounced_temporary, rejected, failed, opened_human, opened_machine, clicked_human, \
    clicked_machine, complained, unsubscribed, inbound, other, last_at, last_kind, \
    outcome_at, outcome_kind, sent_at, first_at, bounced_at, bounced_by, complained_at, \
    complained_by, unsubscribed_at, unsubscribed_by, listed_at, listed_by, unlisted_at, \
    unlisted_by, delivered_at, delivered_by";

/// How many columns there are.
const WIDTH: usize = 37;

/// Adds what a period says about a recipient to its row, once: the row tells up to which position it is true.
pub(super) fn merge(
    transaction: &Transaction<'_>,
    address: &Address,
    state: &RecipientState,
    upto: u64,
) -> Result<(), StoreError> {
    let merged = match read_row(transaction, address)? {
        Some((true_upto, _)) if true_upto >= upto => return Ok(()),
        Some((_, before)) => before.merge(state),
        None => *state,
    };
    write(transaction, address, &merged, upto)
}

/// Writes a recipient's row.
pub(super) fn write(
    connection: &Connection,
    address: &Address,
    state: &RecipientState,
    upto: u64,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(insert_statement())?;
    let mut binder = Binder { statement: &mut statement, column: 0 };
    binder.bind(address.as_str())?;
    binder.bind(upto as i64)?;
    binder.bind(state.suppression().map(|suppression| suppression.reason.number()))?;
    for count in state.counts.as_array() {
        binder.bind(count as i64)?;
    }
    for stamp in [state.last, state.outcome] {
        binder.bind(stamp.map(|(at, _)| at.as_nanos()))?;
        binder.bind(stamp.map(|(_, kind)| kind))?;
    }
    for at in [state.sent_at, state.first_at] {
        binder.bind(at.map(Timestamp::as_nanos))?;
    }
    for mark in marks(state) {
        binder.bind(mark.map(|(at, _)| at.as_nanos()))?;
        binder.bind(mark.map(|(_, source)| source))?;
    }
    statement.raw_execute()?;
    Ok(())
}

/// Binds the columns one after the other, without a list of values in between: this is the costliest write of all.
struct Binder<'a, 'b> {
    statement: &'a mut rusqlite::CachedStatement<'b>,
    column: usize,
}

impl Binder<'_, '_> {
    fn bind(&mut self, value: impl ToSql) -> rusqlite::Result<()> {
        self.column += 1;
        self.statement.raw_bind_parameter(self.column, value)
    }
}

fn insert_statement() -> &'static str {
    static SQL: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        let places: Vec<String> = (1..=WIDTH).map(|n| format!("?{n}")).collect();
        format!("INSERT OR REPLACE INTO recipients ({COLUMNS}) VALUES ({})", places.join(", "))
    });
    &SQL
}

fn select_statement() -> &'static str {
    static SQL: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| format!("SELECT {COLUMNS} FROM recipients WHERE address = ?1"));
    &SQL
}

type Mark = Option<(Timestamp, u32)>;

const fn marks(s: &RecipientState) -> [Mark; 6] {
    [s.bounced, s.complained, s.unsubscribed, s.listed, s.unlisted, s.delivered]
}

/// Position up to which the row is true, and what it says.
fn state(row: &Row<'_>) -> rusqlite::Result<(u64, RecipientState)> {
    const COUNTS: usize = 3;
    const STAMPS: usize = COUNTS + Counts::LEN;
    const MARKS: usize = STAMPS + 6;
    let mut counts = [0_u64; Counts::LEN];
    for (column, count) in (COUNTS..).zip(&mut counts) {
        *count = row.get::<_, i64>(column)? as u64;
    }
    let time = |column: usize| row.get::<_, Option<i64>>(column).map(|at| at.map(Timestamp::from_nanos));
    let stamp =
        |column: usize| Ok::<_, rusqlite::Error>(time(column)?.zip(row.get::<_, Option<u8>>(column + 1)?));
    let mark = |n: usize| {
        let column = MARKS + 2 * n;
        Ok::<_, rusqlite::Error>(time(column)?.zip(row.get::<_, Option<u32>>(column + 1)?))
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
    Ok((row.get::<_, i64>(1)? as u64, state))
}

/// The row of a recipient.
pub(super) fn read_row(
    connection: &Connection,
    address: &Address,
) -> Result<Option<(u64, RecipientState)>, StoreError> {
    let mut statement = connection.prepare_cached(select_statement())?;
    Ok(statement.query_row(params![address.as_str()], state).optional()?)
}

/// Calls `each` with every row, in the order of the address.
pub(super) fn for_each_row(
    connection: &Connection,
    mut each: impl FnMut(&str, u64, &RecipientState),
) -> Result<(), StoreError> {
    let mut statement = connection.prepare(&format!("SELECT {COLUMNS} FROM recipients ORDER BY address"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (upto, state) = state(row)?;
        each(&row.get::<_, String>(0)?, upto, &state);
    }
    Ok(())
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
    connection: &Connection,
    sources: &Sources,
    facts: &TailFacts,
    address: &Address,
) -> Result<Option<RecipientView>, StoreError> {
    let row = read_row(connection, address)?;
    let (upto, mut state) = row.unwrap_or_default();
    for fact in facts.0.iter().filter(|fact| fact.position > upto) {
        if is_recipient(connection, fact.position, address)? {
            state.add(fact);
        }
    }
    let profile = profile(connection, address)?;
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

/// Whether the event at a position went to exactly this address: a hash may be shared.
fn is_recipient(connection: &Connection, position: u64, address: &Address) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached("SELECT recipient = ?2 FROM events WHERE position = ?1")?;
    let same: Option<Option<bool>> =
        statement.query_row(params![position as i64, address.as_str()], |row| row.get(0)).optional()?;
    Ok(same.flatten().unwrap_or(false))
}

type Profile = (Option<String>, Option<Timestamp>);

fn profile(connection: &Connection, address: &Address) -> Result<Option<Profile>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT user_id, suppressed_at FROM profiles WHERE address = ?1")?;
    let profile = statement.query_row(params![address.as_str()], |row| {
        Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?.map(Timestamp::from_nanos)))
    });
    Ok(profile.optional()?)
}

/// The next addresses that must not be sent to, after `after`. `touched` are those in memory whose state may have changed.
pub(super) fn suppressed_addresses(
    connection: &Connection,
    touched: impl IntoIterator<Item = Address>,
    after: Option<&Address>,
    limit: usize,
) -> Result<Vec<Address>, StoreError> {
    let after = after.map_or("", Address::as_str);
    let mut statement = connection.prepare_cached(
        "SELECT address FROM recipients WHERE suppressed IS NOT NULL AND address > ?1
         UNION SELECT address FROM profiles WHERE suppressed_at IS NOT NULL AND address > ?1
         ORDER BY address LIMIT ?2",
    )?;
    let rows = statement.query_map(params![after, limit as i64], |row| row.get::<_, String>(0))?;
    let mut addresses = std::collections::BTreeSet::new();
    for row in rows {
        addresses.extend(Address::parse(&row?).ok());
    }
    let full = addresses.len() == limit;
    let last = addresses.last().cloned();
    // Where the rows fill the page, addresses beyond its end belong to a later page.
    let within = |address: &Address| address.as_str() > after && (!full || Some(address) <= last.as_ref());
    addresses.extend(touched.into_iter().filter(within));
    Ok(addresses.into_iter().collect())
}
