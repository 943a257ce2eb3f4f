//! Nothing of what was deleted may be left in the file, its write-ahead log included.
//!
//! Under `secure_delete` SQLite overwrites what it frees, but not what it leaves behind in a page whose rows it moves to
//! another one. So the file is searched for the address, and written anew only where it is still found.

use std::fs::File;
use std::io::Read as _;

use memchr::memmem::Finder;
use rusqlite::Connection;

use crate::StoreError;
use crate::log::Purged;

/// The shortest text that is looked for.
const SHORTEST: usize = 8;
/// How much of the file is looked through at a time.
const PIECE: usize = 1 << 20;

/// Empties the write-ahead log, and rewrites the file where the address still stands in it.
pub(super) fn purge(connection: &Connection, address: &str) -> Result<Purged, StoreError> {
    let mut complete = empty_log(connection)?;
    // What is shorter stands everywhere.
    let rewritten = address.len() >= SHORTEST && stands_in_file(connection, address)?;
    if rewritten {
        tracing::info!("unused parts of the database file held what was forgotten; it is written anew");
        // The copy that SQLite makes is as large as the database: not in memory.
        connection.pragma_update(None, "temp_store", "FILE")?;
        let done = connection.execute_batch("VACUUM");
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        done?;
        complete = empty_log(connection)?;
    }
    Ok(Purged { rewritten, complete })
}

/// Whether all of the log is in the file and the log is empty. Not while somebody reads an older state.
fn empty_log(connection: &Connection) -> Result<bool, StoreError> {
    Ok(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))? == 0)
}

fn stands_in_file(connection: &Connection, address: &str) -> Result<bool, StoreError> {
    let read = |error: std::io::Error| StoreError::Read(Box::new(error));
    let Some(path) = connection.path() else { return Ok(false) };
    let mut file = File::open(path).map_err(read)?;
    let finder = Finder::new(address);
    // Pieces overlap, so that nothing is missed where one ends.
    let mut piece = vec![0; PIECE + address.len()];
    let mut kept = 0;
    loop {
        let got = file.read(piece.get_mut(kept..).unwrap_or_default()).map_err(read)?;
        if got == 0 {
            return Ok(false);
        }
        let filled = kept + got;
        let part = piece.get_mut(..filled).unwrap_or_default();
        part.make_ascii_lowercase();
        if finder.find(part).is_some() {
            return Ok(true);
        }
        kept = filled.min(address.len());
        piece.copy_within(filled - kept..filled, 0);
    }
}
