//! Who may sign in to the interface, and what people changed there. Beside the log: nothing of it follows from events.

use std::fmt;
use std::str::FromStr;

use hearback_event::Timestamp;

use crate::Answer;

/// What a person may do; each holds the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Looks.
    Viewer,
    /// Looks at everything, and works: quarantine, suppressions.
    Operator,
    /// Also users, tokens, settings.
    Admin,
}

impl Role {
    /// From the least to the most.
    pub const ALL: &[Self] = &[Self::Viewer, Self::Operator, Self::Admin];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that is no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected viewer, operator or admin")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(name: &str) -> Result<Self, UnknownRole> {
        Self::ALL.iter().copied().find(|role| role.name() == name).ok_or(UnknownRole)
    }
}

/// Who somebody is to a provider of identities (OpenID Connect): what stays the same when names and addresses change.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider, as it calls itself.
    pub issuer: String,
    /// The user there; never given to another one.
    pub subject: String,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// A user to be kept.
#[derive(Clone)]
pub struct NewUser {
    /// What the user signs in with: an e-mail address, or any other name. Compared as it is.
    pub name: String,
    /// What the user may do.
    pub role: Role,
    /// The password's hash, as a PHC string. None where only a provider of identities says who it is.
    pub password: Option<String>,
    /// Who the user is to a provider of identities.
    pub identity: Option<Identity>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A user that is kept. Shown without the password's hash.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Its number.
    pub id: u64,
    /// What the user signs in with.
    pub name: String,
    /// What the user may do.
    pub role: Role,
    /// The password's hash, as a PHC string. None where only a provider of identities says who it is.
    pub password: Option<String>,
    /// Who the user is to a provider of identities.
    pub identity: Option<Identity>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("id", &self.id).field("role", &self.role).finish_non_exhaustive()
    }
}

impl fmt::Debug for NewUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewUser").field("role", &self.role).finish_non_exhaustive()
    }
}

/// What of a user is to change.
#[derive(Clone)]
pub enum UserChange {
    /// What the user may do. It ends the user's sessions.
    Role(Role),
    /// The new password's hash, as a PHC string. It ends the user's sessions.
    Password(String),
    /// What the user is called.
    Name(String),
    /// Who the user is to a provider of identities.
    Identity(Identity),
}

/// A session that begins.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Whose.
    pub user_id: u64,
    /// SHA-256 of what the browser has.
    pub hash: [u8; 32],
    /// When it begins.
    pub created_at: Timestamp,
    /// When it ends, unless it is used before.
    pub expires_at: Timestamp,
    /// From which address.
    pub remote: Option<String>,
    /// With which browser, in its own words.
    pub agent: Option<String>,
}

/// A session that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its number.
    pub id: u64,
    /// Whose.
    pub user_id: u64,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was used last, to some minutes.
    pub seen_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// From which address.
    pub remote: Option<String>,
    /// With which browser, in its own words.
    pub agent: Option<String>,
}

/// A change that somebody made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its number, newer ones greater; not looked at when it is written.
    pub id: u64,
    /// When.
    pub at: Timestamp,
    /// Who: the name of a user, `command line`, or the name that a proxy gave.
    pub who: String,
    /// What, in a word: `quarantine.retry`.
    pub what: String,
    /// To what, and what came of it. No address whole, no secret.
    pub detail: String,
    /// From which address.
    pub remote: Option<String>,
}

/// A place for users, their sessions, and what they changed. Object-safe.
pub trait Accounts: Send + Sync {
    /// Keeps a user; `None` where the name or the identity is taken.
    fn add_user(&self, user: NewUser) -> Answer<'_, Option<User>>;

    /// Keeps the first user of all; `None` where there is one already. Two at the same time cannot both be the first.
    fn add_first_user(&self, user: NewUser) -> Answer<'_, Option<User>>;

    /// Every user, by name.
    fn users(&self) -> Answer<'_, Vec<User>>;

    /// The user of that name.
    fn user(&self, name: String) -> Answer<'_, Option<User>>;

    /// The user of that identity.
    fn identified(&self, identity: Identity) -> Answer<'_, Option<User>>;

    /// Changes a user; whoever's role or password changes is signed out everywhere but in `keep`. Whether it was changed: not where
    /// the user is not there, or the new name or identity is another one's.
    fn change_user(&self, id: u64, change: UserChange, keep: Option<u64>) -> Answer<'_, bool>;

    /// Removes a user with all sessions. Whether the user was there.
    fn remove_user(&self, id: u64) -> Answer<'_, bool>;

    /// Begins a session, gives its number, and forgets those that have ended.
    fn begin_session(&self, session: NewSession) -> Answer<'_, u64>;

    /// The session of that hash with its user, unless it had ended at `now`.
    fn session(&self, hash: [u8; 32], now: Timestamp) -> Answer<'_, Option<(Session, User)>>;

    /// The sessions that had not ended at `now`, of one user or of all, the last used first.
    fn sessions(&self, user_id: Option<u64>, now: Timestamp) -> Answer<'_, Vec<Session>>;

    /// Writes down that a session was used, and when it ends now.
    fn extend_session(&self, id: u64, seen_at: Timestamp, expires_at: Timestamp) -> Answer<'_, ()>;

    /// Ends a session. Whether it was there.
    fn end_session(&self, id: u64) -> Answer<'_, bool>;

    /// Writes down what somebody changed.
    fn audit(&self, entry: AuditEntry) -> Answer<'_, ()>;

    /// What was changed, the newest first; only entries with a smaller number than `before`, at most `limit`.
    fn audited(&self, before: Option<u64>, limit: usize) -> Answer<'_, Vec<AuditEntry>>;
}
