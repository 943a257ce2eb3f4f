//! Users, sessions, and what people changed: small tables beside the log.

use futures_util::FutureExt as _;
use hearback_event::Timestamp;

use super::LogStore;
use crate::accounts::Session as UserSession;
use crate::session::{Row, Session, params};
use crate::{Accounts, Answer, AuditEntry, Identity, NewSession, NewUser, StoreError, User, UserChange};

/// More entries than this are not given at once.
const MOST_AUDITED: usize = 1000;

impl Accounts for LogStore {
    fn add_user(&self, user: NewUser) -> Answer<'_, Option<User>> {
        let sql = "INSERT INTO users (name, role, password, issuer, subject, created_at)
                   VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
                   RETURNING id, name, role, password, issuer, subject, created_at";
        self.write(move |session| insert(session, sql, &user)).boxed()
    }

    fn add_first_user(&self, user: NewUser) -> Answer<'_, Option<User>> {
        // Only the first has this number: of two at the same time, one comes second to it.
        let sql = "INSERT INTO users (id, name, role, password, issuer, subject, created_at)
                   SELECT 0, CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT),
                          CAST($6 AS BIGINT)
                   WHERE NOT EXISTS (SELECT 1 FROM users) ON CONFLICT DO NOTHING
                   RETURNING id, name, role, password, issuer, subject, created_at";
        self.write(move |session| insert(session, sql, &user)).boxed()
    }

    fn users(&self) -> Answer<'_, Vec<User>> {
        let sql = "SELECT id, name, role, password, issuer, subject, created_at FROM users ORDER BY name";
        self.read(move |_, session| session.all(sql, params![], |row| user(row, 0))).boxed()
    }

    fn user(&self, name: String) -> Answer<'_, Option<User>> {
        let sql = "SELECT id, name, role, password, issuer, subject, created_at FROM users WHERE name = $1";
        self.read(move |_, session| session.one(sql, params![&name], |row| user(row, 0))).boxed()
    }

    fn identified(&self, identity: Identity) -> Answer<'_, Option<User>> {
        let sql = "SELECT id, name, role, password, issuer, subject, created_at FROM users
                   WHERE issuer = $1 AND subject = $2";
        let Identity { issuer, subject } = identity;
        self.read(move |_, session| session.one(sql, params![&issuer, &subject], |row| user(row, 0))).boxed()
    }

    fn change_user(&self, id: u64, change: UserChange, keep: Option<u64>) -> Answer<'_, bool> {
        self.write(move |session| {
            let changed = match &change {
                UserChange::Role(role) => {
                    session.execute("UPDATE users SET role = $1 WHERE id = $2", params![role.name(), id])?
                }
                UserChange::Password(hash) => {
                    session.execute("UPDATE users SET password = $1 WHERE id = $2", params![hash, id])?
                }
                UserChange::Name(name) => return rename(session, id, name),
                UserChange::Identity(identity) => return identify(session, id, identity),
            };
            // The numbers of sessions begin with 1.
            let sql = "DELETE FROM sessions WHERE user_id = $1 AND id <> $2";
            session.execute(sql, params![id, keep.unwrap_or_default()])?;
            Ok(changed > 0)
        })
        .boxed()
    }

    fn remove_user(&self, id: u64) -> Answer<'_, bool> {
        self.write(move |session| {
            session.execute("DELETE FROM sessions WHERE user_id = $1", params![id])?;
            Ok(session.execute("DELETE FROM users WHERE id = $1", params![id])? > 0)
        })
        .boxed()
    }

    fn begin_session(&self, new: NewSession) -> Answer<'_, u64> {
        self.write(move |session| {
            session.execute("DELETE FROM sessions WHERE expires_at <= $1", params![new.created_at])?;
            let sql = "INSERT INTO sessions (user_id, hash, created_at, seen_at, expires_at, remote, agent)
                       VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id";
            let (remote, agent) = (new.remote.as_deref(), new.agent.as_deref());
            let at = new.created_at;
            let id = session
                .number(sql, params![new.user_id, &new.hash, at, at, new.expires_at, remote, agent])?;
            Ok(id as u64)
        })
        .boxed()
    }

    fn session(&self, hash: [u8; 32], now: Timestamp) -> Answer<'_, Option<(UserSession, User)>> {
        let sql = "SELECT s.id, s.user_id, s.created_at, s.seen_at, s.expires_at, s.remote, s.agent,
                          u.id, u.name, u.role, u.password, u.issuer, u.subject, u.created_at
                   FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.hash = $1 AND s.expires_at > $2";
        self.read(move |_, session| {
            session.one(sql, params![&hash, now], |row| Ok((user_session(row)?, user(row, 7)?)))
        })
        .boxed()
    }

    fn sessions(&self, user_id: Option<u64>, now: Timestamp) -> Answer<'_, Vec<UserSession>> {
        let all = "SELECT id, user_id, created_at, seen_at, expires_at, remote, agent FROM sessions
                   WHERE expires_at > $1 ORDER BY seen_at DESC, id DESC";
        let of_one = "SELECT id, user_id, created_at, seen_at, expires_at, remote, agent FROM sessions
                      WHERE user_id = $1 AND expires_at > $2 ORDER BY seen_at DESC, id DESC";
        self.read(move |_, session| match user_id {
            None => session.all(all, params![now], user_session),
            Some(id) => session.all(of_one, params![id, now], user_session),
        })
        .boxed()
    }

    fn extend_session(&self, id: u64, seen_at: Timestamp, expires_at: Timestamp) -> Answer<'_, ()> {
        let sql = "UPDATE sessions SET seen_at = $1, expires_at = $2 WHERE id = $3";
        self.write(move |session| session.execute(sql, params![seen_at, expires_at, id]).map(drop)).boxed()
    }

    fn end_session(&self, id: u64) -> Answer<'_, bool> {
        let sql = "DELETE FROM sessions WHERE id = $1";
        self.write(move |session| Ok(session.execute(sql, params![id])? > 0)).boxed()
    }

    fn audit(&self, entry: AuditEntry) -> Answer<'_, ()> {
        let sql = "INSERT INTO audit (at, who, what, detail, remote) VALUES ($1, $2, $3, $4, $5)";
        self.write(move |session| {
            let AuditEntry { at, who, what, detail, remote, .. } = &entry;
            session.execute(sql, params![*at, who, what, detail, remote.as_deref()]).map(drop)
        })
        .boxed()
    }

    fn audited(&self, before: Option<u64>, limit: usize) -> Answer<'_, Vec<AuditEntry>> {
        let sql =
            "SELECT id, at, who, what, detail, remote FROM audit WHERE id < $1 ORDER BY id DESC LIMIT $2";
        let before = before.unwrap_or(i64::MAX as u64);
        let limit = limit.clamp(1, MOST_AUDITED);
        self.read(move |_, session| {
            session.all(sql, params![before, limit], |row| {
                Ok(AuditEntry {
                    id: row.int(0)? as u64,
                    at: Timestamp::from_nanos(row.int(1)?),
                    who: row.text(2)?.to_owned(),
                    what: row.text(3)?.to_owned(),
                    detail: row.text(4)?.to_owned(),
                    remote: row.maybe_text(5)?.map(str::to_owned),
                })
            })
        })
        .boxed()
    }
}

fn insert(session: &dyn Session, sql: &str, new: &NewUser) -> Result<Option<User>, StoreError> {
    let issuer = new.identity.as_ref().map(|identity| identity.issuer.as_str());
    let subject = new.identity.as_ref().map(|identity| identity.subject.as_str());
    let values =
        params![&new.name, new.role.name(), new.password.as_deref(), issuer, subject, new.created_at];
    session.one(sql, values, |row| user(row, 0))
}

/// Whether nobody else has the name, and the user has it now.
fn rename(session: &dyn Session, id: u64, name: &str) -> Result<bool, StoreError> {
    let sql = "UPDATE users SET name = $1 WHERE id = $2
               AND NOT EXISTS (SELECT 1 FROM users other WHERE other.name = $3 AND other.id <> $4)";
    Ok(session.execute(sql, params![name, id, name, id])? > 0)
}

/// Whether nobody else has the identity, and the user has it now.
fn identify(session: &dyn Session, id: u64, identity: &Identity) -> Result<bool, StoreError> {
    let Identity { issuer, subject } = identity;
    let sql = "UPDATE users SET issuer = $1, subject = $2 WHERE id = $3 AND NOT EXISTS
               (SELECT 1 FROM users other WHERE other.issuer = $4 AND other.subject = $5 AND other.id <> $6)";
    Ok(session.execute(sql, params![issuer, subject, id, issuer, subject, id])? > 0)
}

/// A user whose columns begin with `first`.
fn user(row: &dyn Row, first: usize) -> Result<User, StoreError> {
    let role = row.text(first + 2)?.parse();
    Ok(User {
        id: row.int(first)? as u64,
        name: row.text(first + 1)?.to_owned(),
        role: role.map_err(|_| StoreError::Damaged("a user has an unknown role".to_owned()))?,
        password: row.maybe_text(first + 3)?.map(str::to_owned),
        identity: identity(row, first + 4)?,
        created_at: Timestamp::from_nanos(row.int(first + 6)?),
    })
}

fn identity(row: &dyn Row, first: usize) -> Result<Option<Identity>, StoreError> {
    let pair = row.maybe_text(first)?.zip(row.maybe_text(first + 1)?);
    Ok(pair.map(|(issuer, subject)| Identity { issuer: issuer.to_owned(), subject: subject.to_owned() }))
}

fn user_session(row: &dyn Row) -> Result<UserSession, StoreError> {
    let time = |column| row.int(column).map(Timestamp::from_nanos);
    Ok(UserSession {
        id: row.int(0)? as u64,
        user_id: row.int(1)? as u64,
        created_at: time(2)?,
        seen_at: time(3)?,
        expires_at: time(4)?,
        remote: row.maybe_text(5)?.map(str::to_owned),
        agent: row.maybe_text(6)?.map(str::to_owned),
    })
}
