//! Where the log begins: events before it were dropped by age.

use crate::StoreError;
use crate::session::{Session, params};

/// Where the log begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LogStart {
    /// The first position that is still there; the next one to be given where none is.
    pub(super) position: u64,
    /// The first position whose raw request is still there.
    pub(super) payloads: u64,
    /// How often events were changed where they stand.
    pub(super) changes: u64,
}

impl LogStart {
    /// What the database says.
    pub(super) fn read(session: &dyn Session) -> Result<Self, StoreError> {
        let sql = "SELECT position, payloads, changes FROM log_start WHERE id = 1";
        let found = session.one(sql, params![], |row| {
            Ok(Self {
                position: row.int(0)? as u64,
                payloads: row.int(1)? as u64,
                changes: row.int(2)? as u64,
            })
        })?;
        found.ok_or_else(|| StoreError::Damaged("nothing says where the log begins".to_owned()))
    }

    /// Tells the database.
    pub(super) fn write(self, session: &dyn Session) -> Result<(), StoreError> {
        let sql = "UPDATE log_start SET position = $1, payloads = $2, changes = $3 WHERE id = 1";
        session.execute(sql, params![self.position, self.payloads, self.changes]).map(|_| ())
    }
}
