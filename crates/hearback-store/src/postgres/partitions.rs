//! The partitions of the log: so many positions each, which follow time.

use crate::StoreError;
use crate::session::{Session, params};

/// Positions of one partition.
const POSITIONS: u64 = 1 << 20;

/// Nothing in a partition changes, and its rows are found by position alone: looking through it for what changed, and for what its columns
/// hold, would take a tenth of the server's time again and again while it fills. Once it is full is enough.
const AUTOVACUUM_ONCE_FULL: &str =
    "autovacuum_vacuum_insert_threshold = 1000000, autovacuum_vacuum_insert_scale_factor = 0,
     autovacuum_analyze_threshold = 1000000, autovacuum_analyze_scale_factor = 0";

/// Makes the partitions that events up to `last` and half a partition more need. Gives back how far they reach.
pub(super) fn provide(session: &dyn Session, last: u64) -> Result<u64, StoreError> {
    let newest = (last + POSITIONS / 2) / POSITIONS;
    for number in (last / POSITIONS)..=newest {
        for table in ["events", "payloads"] {
            make(session, table, number)?;
        }
    }
    Ok((newest + 1) * POSITIONS - 1)
}

/// The partitions all of whose positions are before this one.
pub(super) fn before(session: &dyn Session, position: u64) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT relname::text FROM pg_class JOIN pg_inherits ON inhrelid = pg_class.oid
         WHERE inhparent IN ('events'::regclass, 'payloads'::regclass) ORDER BY relname";
    let mut names = session.all(sql, params![], |row| Ok(row.text(0)?.to_owned()))?;
    names.retain(|name| {
        let number = name.rsplit('_').next().and_then(|number| number.parse::<u64>().ok());
        number.is_some_and(|number| (number + 1) * POSITIONS <= position)
    });
    Ok(names)
}

/// Makes one unless it is there. Made apart and then attached, which lets others go on writing.
fn make(session: &dyn Session, table: &str, number: u64) -> Result<(), StoreError> {
    let name = format!("{table}_{number}");
    let there = session.number(
        "SELECT count(*) FROM pg_class WHERE relname = $1::text AND relnamespace = current_schema()::regnamespace",
        params![&name],
    )?;
    if there > 0 {
        return Ok(());
    }
    let (first, end) = (number * POSITIONS, (number + 1) * POSITIONS);
    session.batch(&format!(
        "CREATE TABLE {name} (LIKE {table} INCLUDING ALL) WITH ({AUTOVACUUM_ONCE_FULL});
         ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({first}) TO ({end});"
    ))
}
