//! Rows of destinations, failed pushes and consumers.

use hearback_event::Timestamp;

use super::start::LogStart;
use crate::session::{Keys, Row, Session, params};
use crate::{
    Begin, ConsumerState, DestinationClaim, DestinationControl, DestinationState, FailedPush,
    FailedPushQuery, Fate, Outage, Progress, PushEnd, StoreError,
};

/// Ended pushes whose events are gone are shown for so long.
const SHOWN_NANOS: i64 = 30 * 86_400 * 1_000_000_000;

fn time(value: Option<i64>) -> Option<Timestamp> {
    value.map(Timestamp::from_nanos)
}

/// Sets a destination up, unless it is known.
pub(super) fn register(
    session: &dyn Session,
    name: &str,
    begin: Begin,
) -> Result<DestinationState, StoreError> {
    let begun = match begin {
        Begin::End => session.last_position()?,
        Begin::Beginning => LogStart::read(session)?.position.saturating_sub(1),
    };
    session.execute(
        "INSERT INTO destinations (name, begun, cursor, probes, delivered, skipped, beat, changes)
         VALUES ($1, $2, $2, 0, 0, 0, 0, 0) ON CONFLICT (name) DO NOTHING",
        params![name, begun],
    )?;
    let found = list(session)?.into_iter().find(|state| state.name == name);
    found.ok_or_else(|| StoreError::Damaged("a destination vanished".to_owned()))
}

/// All that were ever set up.
pub(super) fn list(session: &dyn Session) -> Result<Vec<DestinationState>, StoreError> {
    let mut states = session.all(
        "SELECT name, begun, cursor, paused_at, disabled_at, disabled_why, failing_since, probes, probe_at, delivered,
                skipped, last_success_at, last_failure_at, last_failure, owner, beat, changes
         FROM destinations ORDER BY name",
        params![],
        state,
    )?;
    // Few: while a destination fails steadily, nothing but probes is pushed to it.
    let sql =
        "SELECT /* walks */ destination, count(*), count(ended) FROM failed_pushes GROUP BY destination";
    session.query(sql, params![], &mut |row| {
        let name = row.text(0)?;
        if let Some(state) = states.iter_mut().find(|state| state.name == name) {
            state.dead = row.int(2)? as u64;
            state.waiting = row.int(1)? as u64 - state.dead;
        }
        Ok(())
    })?;
    Ok(states)
}

fn state(row: &dyn Row) -> Result<DestinationState, StoreError> {
    let text = |column| Ok::<_, StoreError>(row.maybe_text(column)?.unwrap_or_default().to_owned());
    let outage = match (time(row.maybe_int(6)?), time(row.maybe_int(8)?)) {
        (Some(since), Some(probe_at)) => Some(Outage { since, probes: row.int(7)? as u32, probe_at }),
        _ => None,
    };
    Ok(DestinationState {
        name: row.text(0)?.to_owned(),
        begun: row.int(1)? as u64,
        cursor: row.int(2)? as u64,
        paused_at: time(row.maybe_int(3)?),
        disabled: time(row.maybe_int(4)?).map(|at| Ok::<_, StoreError>((at, text(5)?))).transpose()?,
        failing: outage,
        delivered: row.int(9)? as u64,
        skipped: row.int(10)? as u64,
        last_success_at: time(row.maybe_int(11)?),
        last_failure: time(row.maybe_int(12)?).map(|at| Ok::<_, StoreError>((at, text(13)?))).transpose()?,
        owner: row.maybe_text(14)?.map(str::to_owned),
        beat: row.int(15)? as u64,
        changes: row.int(16)? as u64,
        waiting: 0,
        dead: 0,
    })
}

/// Takes what nobody has, what is the claimer's already, and what is of an owner who must be dead; of all where nobody else can
/// be alive. Which are the claimer's now.
pub(super) fn claim(
    session: &dyn Session,
    claim: &DestinationClaim,
    alone: bool,
) -> Result<Vec<String>, StoreError> {
    let mut owned = Vec::new();
    for (name, beat) in &claim.wanted {
        let taken = session.execute(
            "UPDATE destinations SET owner = $1, beat = beat + 1
             WHERE name = $2 AND (owner IS NULL OR owner = $1 OR beat = $3 OR CAST($4 AS BIGINT) = 1)",
            params![&claim.owner, name, *beat, alone],
        )?;
        if taken > 0 {
            owned.push(name.clone());
        }
    }
    Ok(owned)
}

/// Leaves all that an owner has to others.
pub(super) fn release(session: &dyn Session, owner: &str) -> Result<(), StoreError> {
    session.execute("UPDATE destinations SET owner = NULL WHERE owner = $1", params![owner]).map(|_| ())
}

/// Writes down how far an owner has come. Whether it still is the owner.
pub(super) fn save(session: &dyn Session, progress: &Progress) -> Result<bool, StoreError> {
    let Progress { name, owner, last_failure, failing, disabled, .. } = progress;
    let changed = session.execute(
        "UPDATE destinations SET cursor = $1, delivered = delivered + $2, skipped = skipped + $3,
             last_success_at = coalesce($4, last_success_at), last_failure_at = coalesce($5, last_failure_at),
             last_failure = coalesce($6, last_failure), failing_since = $7, probes = $8, probe_at = $9,
             disabled_at = coalesce($10, disabled_at), disabled_why = coalesce($11, disabled_why)
         WHERE name = $12 AND owner = $13",
        params![
            progress.cursor,
            progress.delivered,
            progress.skipped,
            progress.last_success_at,
            last_failure.as_ref().map(|(at, _)| *at),
            last_failure.as_ref().map(|(_, why)| why),
            failing.map(|outage| outage.since),
            failing.map_or(0, |outage| outage.probes),
            failing.map(|outage| outage.probe_at),
            disabled.as_ref().map(|(at, _)| *at),
            disabled.as_ref().map(|(_, why)| why),
            name,
            owner,
        ],
    )?;
    if changed == 0 {
        return Ok(false);
    }
    for push in &progress.failed {
        write_failed(session, name, push)?;
    }
    for position in &progress.recovered {
        let sql = "DELETE FROM failed_pushes WHERE position = $1 AND destination = $2";
        session.execute(sql, params![*position, name])?;
    }
    Ok(true)
}

fn write_failed(session: &dyn Session, name: &str, push: &FailedPush) -> Result<(), StoreError> {
    let (next_try, ended_at, ended) = match push.fate {
        Fate::Waits { next_try } => (Some(next_try), None, None),
        Fate::Ended { at, why } => (None, Some(at), Some(why.number())),
    };
    // What ended while it was under way, because its event is no more, stays so.
    session.execute(
        "INSERT INTO failed_pushes (position, destination, attempts, next_try, first_failed, last_try, status, error, ended_at, ended)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (position, destination) DO UPDATE SET attempts = excluded.attempts, next_try = excluded.next_try,
             last_try = excluded.last_try, status = excluded.status, error = excluded.error, ended_at = excluded.ended_at,
             ended = excluded.ended
         WHERE failed_pushes.ended IS NULL",
        params![
            push.position,
            name,
            push.attempts,
            next_try,
            push.first_failed,
            push.last_try,
            push.status,
            &push.error,
            ended_at,
            ended,
        ],
    )?;
    Ok(())
}

/// Holds a destination, or lets it go on. Whether it is known.
pub(super) fn control(
    session: &dyn Session,
    name: &str,
    control: DestinationControl,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let changed = match control {
        DestinationControl::Pause => session.execute(
            "UPDATE destinations SET paused_at = coalesce(paused_at, $1), changes = changes + 1 WHERE name = $2",
            params![now, name],
        ),
        DestinationControl::Resume => session.execute(
            "UPDATE destinations SET paused_at = NULL, disabled_at = NULL, disabled_why = NULL, failing_since = NULL,
                 probes = 0, probe_at = NULL, changes = changes + 1
             WHERE name = $1",
            params![name],
        ),
    };
    Ok(changed? > 0)
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT position, attempts, next_try, first_failed, last_try, status, error, ended_at, ended FROM failed_pushes ",
            $rest
        )
    };
}

fn failed(row: &dyn Row) -> Result<FailedPush, StoreError> {
    let ended = row.maybe_int(8)?.map(|number| PushEnd::from_number(number).unwrap_or(PushEnd::GaveUp));
    let fate = match (ended, row.maybe_int(7)?, row.maybe_int(2)?) {
        (Some(why), at, _) => Fate::Ended { at: Timestamp::from_nanos(at.unwrap_or_default()), why },
        (None, _, next) => Fate::Waits { next_try: Timestamp::from_nanos(next.unwrap_or_default()) },
    };
    Ok(FailedPush {
        position: row.int(0)? as u64,
        attempts: row.int(1)? as u32,
        first_failed: Timestamp::from_nanos(row.int(3)?),
        last_try: time(row.maybe_int(4)?),
        status: row.maybe_int(5)?.map(|status| status as u16),
        error: row.text(6)?.to_owned(),
        fate,
    })
}

/// Failed pushes in the order of the log.
pub(super) fn failed_pushes(
    session: &dyn Session,
    query: &FailedPushQuery,
) -> Result<Vec<FailedPush>, StoreError> {
    let values = params![&query.destination, query.beyond, query.limit];
    let sql = match query.ended {
        None => select!("WHERE destination = $1 AND position > $2 ORDER BY position LIMIT $3"),
        Some(true) => {
            select!(
                "WHERE destination = $1 AND position > $2 AND ended IS NOT NULL ORDER BY position LIMIT $3"
            )
        }
        Some(false) => {
            select!("WHERE destination = $1 AND position > $2 AND ended IS NULL ORDER BY position LIMIT $3")
        }
    };
    session.all(sql, values, failed)
}

/// One failed push.
pub(super) fn failed_push(
    session: &dyn Session,
    destination: &str,
    position: u64,
) -> Result<Option<FailedPush>, StoreError> {
    let sql = select!("WHERE destination = $1 AND position = $2");
    session.one(sql, params![destination, position], failed)
}

/// Has events pushed (again), as if they had never been tried. How many of them, none of which the destination does not know.
pub(super) fn push_again(
    session: &dyn Session,
    destination: &str,
    positions: &[u64],
    now: Timestamp,
) -> Result<u64, StoreError> {
    let sql = "UPDATE destinations SET changes = changes + 1 WHERE name = $1";
    if session.execute(sql, params![destination])? == 0 {
        return Ok(0);
    }
    let mut count = 0;
    let keys: Vec<i64> = positions.iter().map(|position| *position as i64).collect();
    let mut there = Vec::new();
    session.look_up("SELECT position FROM events WHERE position", Keys::Positions(&keys), &mut |row| {
        there.push(row.int(0)?);
        Ok(())
    })?;
    for position in there {
        // Who was forgotten stays forgotten.
        count += session.execute(
            "INSERT INTO failed_pushes (position, destination, attempts, next_try, first_failed, error)
             VALUES ($1, $2, 0, $3, $3, 'put back by hand')
             ON CONFLICT (position, destination) DO UPDATE SET attempts = 0, next_try = excluded.next_try, ended_at = NULL,
                 ended = NULL
             WHERE failed_pushes.ended IS NULL OR failed_pushes.ended <> $4",
            params![position, destination, now, PushEnd::Forgotten.number()],
        )?;
    }
    Ok(count)
}

/// Ends what waits for an event that is forgotten.
pub(super) fn end_forgotten(session: &dyn Session, position: u64) -> Result<(), StoreError> {
    let now = Timestamp::now();
    // What ended before is not to be put back by hand either.
    session
        .execute(
            "UPDATE failed_pushes SET next_try = NULL, ended_at = $1, ended = $2 WHERE position = $3",
            params![now, PushEnd::Forgotten.number(), position],
        )
        .map(|_| ())
}

/// Ends what waits for events that are dropped, up to a position; and forgets what ended so long ago.
pub(super) fn end_dropped(session: &dyn Session, last: u64) -> Result<(), StoreError> {
    let now = Timestamp::now();
    session.execute(
        "UPDATE failed_pushes SET next_try = NULL, ended_at = $1, ended = $2 WHERE position <= $3 AND ended IS NULL",
        params![now, PushEnd::Dropped.number(), last],
    )?;
    session.execute(
        "DELETE FROM failed_pushes WHERE position <= $1 AND ended_at < $2",
        params![last, now.as_nanos() - SHOWN_NANOS],
    )?;
    Ok(())
}

/// Consumers that pull, by name.
pub(super) fn consumers(session: &dyn Session) -> Result<Vec<ConsumerState>, StoreError> {
    session.all("SELECT name, position, at FROM consumers ORDER BY name", params![], |row| {
        Ok(ConsumerState {
            name: row.text(0)?.to_owned(),
            position: row.int(1)? as u64,
            at: Timestamp::from_nanos(row.int(2)?),
        })
    })
}

/// Keeps the place of one.
pub(super) fn set_consumer(session: &dyn Session, consumer: &ConsumerState) -> Result<(), StoreError> {
    session
        .execute(
            "INSERT INTO consumers (name, position, at) VALUES ($1, $2, $3)
             ON CONFLICT (name) DO UPDATE SET position = excluded.position, at = excluded.at",
            params![&consumer.name, consumer.position, consumer.at],
        )
        .map(|_| ())
}

/// Forgets one. Whether it was there.
pub(super) fn remove_consumer(session: &dyn Session, name: &str) -> Result<bool, StoreError> {
    Ok(session.execute("DELETE FROM consumers WHERE name = $1", params![name])? > 0)
}
