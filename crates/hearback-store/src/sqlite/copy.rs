//! Copies of the whole file: taken while it is written, and put back.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use tempfile::NamedTempFile;

use super::schema::{APPLICATION_ID, KNOWN_SCHEMA, open_reader, schema_found};
use super::{SqliteOptions, lock};
use crate::StoreError;

/// Pages that are copied between two reports of progress: 4 MiB.
const PAGES_AT_ONCE: i32 = 1024;
/// How long to wait for another process's short write.
const BUSY: Duration = Duration::from_millis(20);

/// What is told while copying: pages done, and of how many.
pub(crate) type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// Copies the database as it is at this moment, while a server may go on writing. `replace` allows the copy to take the place
/// of another file. Gives its size in bytes.
pub(crate) fn backup(
    options: &SqliteOptions,
    to: &Path,
    replace: bool,
    progress: Progress<'_>,
) -> Result<u64, StoreError> {
    if !options.path.exists() {
        return Err(problem(
            &options.path,
            "there is no such file; has `hearback serve` ever run with this configuration?",
        ));
    }
    let source = open_reader(&options.path)?;
    schema_found(&source, &options.path)?;
    copy(&source, to, replace, progress)
}

/// Puts a copy in the place of the database, of which nothing stays. Nobody may be using it.
pub(crate) fn restore(
    options: &SqliteOptions,
    from: &Path,
    replace: bool,
    progress: Progress<'_>,
) -> Result<u64, StoreError> {
    let path = &options.path;
    let _alone = lock(path)?;
    let source = open_copy(from)?;
    if fs::canonicalize(from).ok().is_some_and(|from| fs::canonicalize(path).ok() == Some(from)) {
        return Err(problem(from, "it is the database itself"));
    }
    if path.exists() && !replace {
        return Err(problem(path, "there is a database already"));
    }
    // What belongs to the old file would be taken for a part of the new one. Until the copy is complete, nothing is touched.
    let copied = copy_to_folder(&source, path, progress)?;
    for suffix in ["-wal", "-shm"] {
        let beside = beside(path, suffix);
        if beside.exists() {
            fs::remove_file(&beside).map_err(|error| problem(&beside, &error.to_string()))?;
        }
    }
    put(copied, path, true)
}

/// Opens a copy that is to be restored: whole, ours, and not newer than this version.
fn open_copy(from: &Path) -> Result<Connection, StoreError> {
    if !from.is_file() {
        return Err(problem(from, "there is no such file"));
    }
    let not_a_backup = |error: rusqlite::Error| {
        problem(from, &format!("it cannot be read as a database, so it is no backup of Hearback: {error}"))
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(from, flags).map_err(not_a_backup)?;
    let number = |sql: &str| source.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(not_a_backup);
    let (id, found) = (number("PRAGMA application_id")?, number("PRAGMA user_version")? as u32);
    if id != APPLICATION_ID || found == 0 {
        return Err(problem(from, "it is a database of another program, not a backup of Hearback"));
    }
    if found > KNOWN_SCHEMA {
        return Err(StoreError::Newer { database: from.display().to_string(), found, known: KNOWN_SCHEMA });
    }
    let checked: String =
        source.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(not_a_backup)?;
    if checked != "ok" {
        return Err(problem(from, &format!("the backup is damaged: {checked}; take another one")));
    }
    Ok(source)
}

fn copy(source: &Connection, to: &Path, replace: bool, progress: Progress<'_>) -> Result<u64, StoreError> {
    let copied = copy_to_folder(source, to, progress)?;
    put(copied, to, replace)
}

/// Copies into a file of another name in the same folder, which only its owner may read.
fn copy_to_folder(
    source: &Connection,
    to: &Path,
    progress: Progress<'_>,
) -> Result<NamedTempFile, StoreError> {
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = tempfile::Builder::new().prefix(".hearback-").suffix(".part").tempfile_in(folder);
    let file = file.map_err(|error| {
        problem(to, &format!("{error} (does its folder exist, and may this user write there?)"))
    })?;
    let mut target = Connection::open(file.path())?;
    // One state throughout: SQLite begins anew with every change that it sees, and would never end beside a busy server.
    source.execute_batch("BEGIN")?;
    source.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
    let copied = copy_pages(source, &mut target, progress);
    source.execute_batch("COMMIT")?;
    copied.map_err(|error| problem(to, &error.to_string()))?;
    // A file by itself, also while it is read.
    target.pragma_update(None, "journal_mode", "DELETE")?;
    target.close().map_err(|(_, error)| error)?;
    Ok(file)
}

fn copy_pages(source: &Connection, target: &mut Connection, progress: Progress<'_>) -> rusqlite::Result<()> {
    let backup = Backup::new(source, target)?;
    loop {
        let step = backup.step(PAGES_AT_ONCE)?;
        let pages = backup.progress();
        progress((pages.pagecount - pages.remaining).max(0) as u64, pages.pagecount.max(0) as u64);
        match step {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            _ => std::thread::sleep(BUSY),
        }
    }
}

/// Gives a complete copy its name.
fn put(file: NamedTempFile, to: &Path, replace: bool) -> Result<u64, StoreError> {
    let failed = |error: std::io::Error| problem(to, &error.to_string());
    file.as_file().sync_all().map_err(failed)?;
    let persisted = if replace { file.persist(to) } else { file.persist_noclobber(to) };
    let file = persisted.map_err(|error| match error.error.kind() {
        std::io::ErrorKind::AlreadyExists => problem(to, "there is such a file already"),
        _ => problem(to, &error.error.to_string()),
    })?;
    Ok(file.metadata().map_err(failed)?.len())
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn problem(path: &Path, problem: &str) -> StoreError {
    StoreError::Open { database: path.display().to_string(), problem: problem.to_owned() }
}
