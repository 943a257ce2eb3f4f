//! Rows of alerts: a small table beside the log.

use futures_util::FutureExt as _;
use hearback_event::{AlertState, Kind, Timestamp, Urgency};

use super::LogStore;
use crate::session::{Column, Keys, Param, Row, Session, Table, params};
use crate::{
    AlertChange, AlertCounts, AlertDesk, AlertItem, AlertQuery, AlertSave, Alerts, Answer, StoreError,
};

/// More than these are not given at once.
const MOST: usize = 1000;

const ALERTS: Table = Table {
    name: "alerts",
    columns: &[
        ("id", Column::Int),
        ("rule", Column::Text),
        ("subject", Column::Blob),
        ("sums_up", Column::Int),
        ("part_of", Column::Int),
        ("urgency", Column::Int),
        ("kind", Column::Int),
        ("cause", Column::Int),
        ("first_at", Column::Int),
        ("last_at", Column::Int),
        ("count", Column::Int),
        ("parts_left", Column::Int),
        ("state", Column::Int),
        ("acknowledged_at", Column::Int),
        ("acknowledged_by", Column::Text),
        ("resolved_at", Column::Int),
        ("resolved_by", Column::Text),
        ("told", Column::Text),
    ],
    key: &["id"],
};

/// Everything of a row, in the order of the table.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, rule, subject, sums_up, part_of, urgency, kind, cause, first_at, last_at, count, parts_left, state, ",
            "acknowledged_at, acknowledged_by, resolved_at, resolved_by, told FROM alerts ",
            $rest
        )
    };
}

pub(super) const ABOUT: &str = select!("WHERE state < 3 AND subject");
pub(super) const BY_ID: &str = select!("WHERE id");
pub(super) const STANDING: &str = select!("WHERE state < 3 AND id > $1 ORDER BY id LIMIT $2");
pub(super) const IN_STATE: &str =
    select!("WHERE part_of IS NULL AND state = $1 AND id < $2 ORDER BY id DESC LIMIT $3");
pub(super) const OF_RULE: &str =
    select!("WHERE part_of IS NULL AND rule = $1 AND state = $2 AND id < $3 ORDER BY id DESC LIMIT $4");
pub(super) const PARTS: &str = select!("WHERE part_of = $1 AND id < $2 ORDER BY id DESC LIMIT $3");

impl Alerts for LogStore {
    fn alert_desk(&self) -> Answer<'_, AlertDesk> {
        self.read(|_, session| {
            let any = session
                .one("SELECT /* walks */ 1 FROM alerts WHERE state < 3 LIMIT 1", params![], |_| Ok(()))?
                .is_some();
            let sql = "SELECT version, upto, notes FROM alert_desk WHERE id = 1";
            let desk = session.one(sql, params![], |row| {
                let upto = row.maybe_int(1)?.map(|upto| upto as u64);
                Ok(AlertDesk { version: row.int(0)? as u64, upto, notes: row.text(2)?.to_owned(), any })
            })?;
            Ok(desk.unwrap_or(AlertDesk { any, ..AlertDesk::default() }))
        })
        .boxed()
    }

    fn save_alerts(&self, save: AlertSave) -> Answer<'_, bool> {
        self.write(move |session| {
            let sql = "INSERT INTO alert_desk (id, version, upto, notes) VALUES (1, 0, NULL, '') ON CONFLICT (id) DO NOTHING";
            session.execute(sql, params![])?;
            let sql =
                "UPDATE alert_desk SET version = version + 1, upto = $1, notes = $2 WHERE id = 1 AND version = $3";
            if session.execute(sql, params![save.upto, &save.notes, save.version])? == 0 {
                return Ok(false);
            }
            put(session, &save.items)?;
            Ok(true)
        })
        .boxed()
    }

    fn alerts_about(&self, subjects: Vec<[u8; 16]>) -> Answer<'_, Vec<AlertItem>> {
        self.read(move |_, session| {
            let keys: Vec<&[u8]> = subjects.iter().map(<[u8; 16]>::as_slice).collect();
            let mut items = Vec::new();
            session.look_up(ABOUT, Keys::Blobs(&keys), &mut |row| {
                items.push(item(row)?);
                Ok(())
            })?;
            with_sums(session, items)
        })
        .boxed()
    }

    fn alerts_standing(&self, beyond: u64, limit: usize) -> Answer<'_, Vec<AlertItem>> {
        self.read(move |_, session| {
            let items = session.all(STANDING, params![beyond, limit.clamp(1, MOST)], item)?;
            with_sums(session, items)
        })
        .boxed()
    }

    fn alerts(&self, query: AlertQuery) -> Answer<'_, Vec<AlertItem>> {
        self.read(move |_, session| list(session, &query)).boxed()
    }

    fn alert(&self, id: u64) -> Answer<'_, Option<AlertItem>> {
        self.read(move |_, session| one(session, id)).boxed()
    }

    fn change_alert(
        &self,
        id: u64,
        change: AlertChange,
        by: String,
        at: Timestamp,
    ) -> Answer<'_, Option<AlertItem>> {
        self.write(move |session| {
            let sql = match change {
                AlertChange::Acknowledge => {
                    "UPDATE alerts SET state = 2, acknowledged_at = $1, acknowledged_by = $2
                     WHERE (id = $3 OR part_of = $3) AND state = 1"
                }
                AlertChange::Resolve => {
                    "UPDATE alerts SET state = 3, resolved_at = $1, resolved_by = $2, parts_left = 0
                     WHERE (id = $3 OR part_of = $3) AND state < 3"
                }
            };
            let before = one(session, id)?;
            if session.execute(sql, params![at, &by, id])? > 0 {
                if change == AlertChange::Resolve
                    && let Some(whole) = before.and_then(|item| item.part_of)
                {
                    end_part(session, whole, &by, at)?;
                }
                // Whoever raises alerts has read what is not so any more.
                session.execute("UPDATE alert_desk SET version = version + 1 WHERE id = 1", params![])?;
            }
            one(session, id)
        })
        .boxed()
    }

    fn alert_counts(&self) -> Answer<'_, AlertCounts> {
        self.read(|_, session| {
            let count = |state: AlertState| {
                let sql = "SELECT count(*) FROM alerts WHERE part_of IS NULL AND state = $1";
                session.number(sql, params![state.number()]).map(|count| count as u64)
            };
            Ok(AlertCounts { open: count(AlertState::Open)?, acknowledged: count(AlertState::Acknowledged)? })
        })
        .boxed()
    }

    fn drop_alerts(&self, before: Timestamp) -> Answer<'_, u64> {
        self.write(move |session| {
            session.execute("DELETE FROM alerts WHERE state = 3 AND resolved_at < $1", params![before])
        })
        .boxed()
    }
}

/// One part less of an alert that sums up others; with the last of them it is over.
fn end_part(session: &dyn Session, whole: u64, by: &str, at: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE alerts SET parts_left = parts_left - 1 WHERE id = $1 AND parts_left > 0";
    session.execute(sql, params![whole])?;
    let sql = "UPDATE alerts SET state = 3, resolved_at = $1, resolved_by = $2 WHERE id = $3 AND parts_left = 0 AND state < 3";
    session.execute(sql, params![at, by, whole]).map(drop)
}

fn put(session: &dyn Session, items: &[AlertItem]) -> Result<(), StoreError> {
    if items.is_empty() {
        return Ok(());
    }
    let told: Vec<String> = items.iter().map(|item| to_json(&item.told)).collect();
    let rows: Vec<Param<'_>> = items
        .iter()
        .zip(&told)
        .flat_map(|(item, told)| {
            [
                item.id.into(),
                (&item.rule).into(),
                (&item.subject).into(),
                item.sums_up.into(),
                item.part_of.into(),
                item.urgency.number().into(),
                item.kind.number().into(),
                item.cause.into(),
                item.first_at.into(),
                item.last_at.into(),
                item.count.into(),
                item.parts_left.into(),
                item.state.number().into(),
                item.acknowledged.as_ref().map(|(at, _)| *at).into(),
                item.acknowledged.as_ref().map(|(_, by)| by).into(),
                item.resolved.as_ref().map(|(at, _)| *at).into(),
                item.resolved.as_ref().map(|(_, by)| by).into(),
                told.into(),
            ]
        })
        .collect();
    session.write(&ALERTS, &rows)
}

fn one(session: &dyn Session, id: u64) -> Result<Option<AlertItem>, StoreError> {
    session.one(&format!("{BY_ID} = $1"), params![id], item)
}

/// With the alerts that sum these up.
fn with_sums(session: &dyn Session, mut items: Vec<AlertItem>) -> Result<Vec<AlertItem>, StoreError> {
    let mut sums: Vec<i64> = items.iter().filter_map(|item| item.part_of).map(|id| id as i64).collect();
    sums.sort_unstable();
    sums.dedup();
    sums.retain(|id| items.iter().all(|item| item.id != *id as u64));
    session.look_up(BY_ID, Keys::Ints(&sums), &mut |row| {
        items.push(item(row)?);
        Ok(())
    })?;
    Ok(items)
}

fn list(session: &dyn Session, query: &AlertQuery) -> Result<Vec<AlertItem>, StoreError> {
    let before = query.before.unwrap_or(i64::MAX as u64);
    let limit = query.limit.clamp(1, MOST);
    if let Some(sum) = query.part_of {
        return session.all(PARTS, params![sum, before, limit], item);
    }
    let states = if query.states.is_empty() { AlertState::ALL } else { &query.states };
    let mut found = Vec::new();
    for state in states {
        // One state at a time, so that each goes along its index.
        let state = state.number();
        found.extend(match &query.rule {
            None => session.all(IN_STATE, params![state, before, limit], item)?,
            Some(rule) => session.all(OF_RULE, params![rule, state, before, limit], item)?,
        });
    }
    found.sort_by_key(|item: &AlertItem| std::cmp::Reverse(item.id));
    found.dedup_by_key(|item| item.id);
    found.truncate(limit);
    Ok(found)
}

fn item(row: &dyn Row) -> Result<AlertItem, StoreError> {
    let damaged = |what: &str| StoreError::Damaged(format!("an alert has an unknown {what}"));
    let time = |column| row.int(column).map(Timestamp::from_nanos);
    let number = |column| row.int(column).map(|number| number as u64);
    let mark = |column| -> Result<_, StoreError> {
        let at = row.maybe_int(column)?.map(Timestamp::from_nanos);
        Ok(at.zip(row.maybe_text(column + 1)?.map(str::to_owned)))
    };
    Ok(AlertItem {
        id: number(0)?,
        rule: row.text(1)?.to_owned(),
        subject: row.digest(2)?,
        sums_up: row.int(3)? != 0,
        part_of: row.maybe_int(4)?.map(|id| id as u64),
        urgency: Urgency::from_number(row.int(5)? as u8).ok_or_else(|| damaged("urgency"))?,
        kind: Kind::from_number(row.int(6)? as u8).ok_or_else(|| damaged("kind"))?,
        cause: number(7)?,
        first_at: time(8)?,
        last_at: time(9)?,
        count: number(10)?,
        parts_left: number(11)?,
        state: AlertState::from_number(row.int(12)? as u8).ok_or_else(|| damaged("state"))?,
        acknowledged: mark(13)?,
        resolved: mark(15)?,
        told: from_json(row.text(17)?).ok_or_else(|| damaged("list of destinations"))?,
    })
}

fn to_json(told: &[(Timestamp, Vec<String>)]) -> String {
    serde_json::to_string(told).unwrap_or_else(|_| "[]".to_owned())
}

fn from_json(text: &str) -> Option<Vec<(Timestamp, Vec<String>)>> {
    serde_json::from_str(text).ok()
}
