//! The partitions of the log: so many positions each, which follow time.

use crate::StoreError;
use crate::session::{Session, params};

/// Positions of one partition.
const POSITIONS: u64 = 1 << 20;

/// Rows are found by position alone, never in an index alone: a vacuum of rows that were only added would mark pages for nobody, and does
/// not freeze rows so young. It comes, as everywhere, when enough rows were deleted, and before transaction numbers wrap around. What the
/// planner needs is looked at once, when the partition is full.
const AUTOVACUUM: &str = "autovacuum_vacuum_insert_threshold = -1,
     autovacuum_analyze_threshold = 1000000, autovacuum_analyze_scale_factor = 0";
/// That is how the key lies on the disk: a tenth of the usual sample tells. Nobody asks what other columns hold.
const STATISTICS: &str = "SELECT string_agg(
         'ALTER COLUMN ' || quote_ident(attname) || ' SET STATISTICS ' || CASE attnum WHEN 1 THEN 10 ELSE 0 END, ', ')
     FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped";

/// Whether two positions are in the same partition.
pub(super) const fn are_together(one: i64, other: i64) -> bool {
    one.div_euclid(POSITIONS as i64) == other.div_euclid(POSITIONS as i64)
}

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
    let statistics = session.all(STATISTICS, params![table], |row| Ok(row.text(0)?.to_owned()))?.concat();
    let (first, end) = (number * POSITIONS, (number + 1) * POSITIONS);
    session.batch(&format!(
        "CREATE TABLE {name} (LIKE {table} INCLUDING ALL) WITH ({AUTOVACUUM});
         ALTER TABLE {name} {statistics};
         ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({first}) TO ({end});"
    ))
}
