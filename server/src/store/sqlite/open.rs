//! Opening the database: what is looked at before anything is written, and how connections are set up.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{checksums, log};

/// The database's file in the data directory.
pub const FILE_NAME: &str = "relay.sqlite3";
/// Statements kept prepared for each connection: more than there are verbs.
const STATEMENT_CACHE: usize = 128;
/// How long a checkpoint waits for readers; they take microseconds.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_millis(100);
/// SQLite's page size in a new database, bytes: the file system's, so that no write touches half a block. A page costs two system calls on its way
/// into the log, and an envelope of 4 KiB with its pad (see `sealed`) is 2 of these where it was 5 of 1 KiB. No more than this in any database.
pub(super) const PAGE_BYTES: u32 = 4096;

/// A database up to this size is checked from end to end at every start: some hundred milliseconds. A larger one is after a crash only.
const CHECKED_AT_EVERY_START: u64 = 64 << 20;

/// For every opening: the directory may be another user's, who could put a link there at any moment.
pub(super) const NOFOLLOW: OpenFlags = OpenFlags::SQLITE_OPEN_NOFOLLOW;

/// Why the database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// SQLite refused.
    #[error("cannot open the database {path}: {source}. Check its permissions and the disk")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
    /// The schema could not be brought up to date.
    #[error(
        "cannot bring the database {path} up to date: {source}. If a newer relay made it, use that version; otherwise restore a backup"
    )]
    Schema {
        /// The file.
        path: PathBuf,
        /// The migration runner's reason.
        source: Box<refinery::Error>,
    },
    /// The file is somewhere else.
    #[error(
        "the database {path} is a link, which is not followed: what runs as root would write wherever its directory's user points it. Move the file itself there, or name \
         the directory that it is in with --data-dir"
    )]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// The file can be read, and no more.
    #[error(
        "the database {path} cannot be written, so nothing could be accepted or delivered. Give the file and its directory to the user that the relay \
         runs as (chown), make them writable (chmod u+w), or mount the disk for writing"
    )]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// What is stored cannot be trusted.
    #[error(
        "{path} is damaged: {what}. Nothing was changed. Copy the whole data directory away first; then restore a backup, and look at the disk"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The log's commits can no longer be read.
    #[error(
        "the write-ahead log {path} is damaged from frame {frame} on; accepted messages would be lost silently. Nothing was changed. Copy \
         the whole data directory away first; then restore a backup, or accept the loss by moving {path} out of the directory"
    )]
    DamagedLog {
        /// The log.
        path: PathBuf,
        /// The first frame that is wrong.
        frame: usize,
    },
    /// The writer's thread did not start.
    #[error("cannot start the store's writer: {0}. Check how many threads the relay's user may have")]
    Thread(#[from] std::io::Error),
}

/// The database of a directory, by its real name: then no part of it need be a link, and none is followed ([`NOFOLLOW`]).
pub(super) fn database(directory: &Path) -> Result<PathBuf, OpenError> {
    // A directory that is not there is told of by whoever opens the file.
    let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
    let path = directory.join(FILE_NAME);
    if path.is_symlink() {
        return Err(OpenError::Link { path });
    }
    Ok(path)
}

/// Looks for damage before anything is written: what is wrong is not made worse, and what can still be copied away is as it was.
pub(super) fn check_files(path: &Path, log: &Path) -> Result<(), OpenError> {
    let unreadable = |path: &Path, source: std::io::Error| OpenError::Damaged {
        path: path.to_owned(),
        what: source.to_string(),
    };
    let state = log::examine(log).map_err(|source| unreadable(log, source))?;
    if let log::Log::Damaged { frame } = state {
        return Err(OpenError::DamagedLog {
            path: log.to_owned(),
            frame,
        });
    }
    let bytes = match path.metadata() {
        Ok(meta) => meta.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unreadable(path, error)),
    };
    if let Some(what) = head_fault(path) {
        return Err(OpenError::Damaged {
            path: path.to_owned(),
            what,
        });
    }
    if bytes > CHECKED_AT_EVERY_START && state == log::Log::Empty {
        return Ok(());
    }
    let verdict = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | NOFOLLOW)
        .and_then(|connection| connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0)));
    let what = match verdict {
        Ok(verdict) if verdict == "ok" => return Ok(()),
        Ok(verdict) => verdict,
        Err(error) if is_damage(&error) => error.to_string(),
        // That it cannot be opened is said by whoever opens it next.
        Err(_) => return Ok(()),
    };
    Err(OpenError::Damaged {
        path: path.to_owned(),
        what,
    })
}

/// What is wrong with the two bytes that say who may read and who may write the file (<https://www.sqlite.org/fileformat2.html#file_format_version_numbers>): SQLite takes a file with another
/// number for one of a later version, which it reads and does not write. To be looked at before SQLite has the file open: closing it here would end SQLite's locks.
pub(super) fn head_fault(path: &Path) -> Option<String> {
    const AT: u64 = 18;
    let mut file = File::open(path).ok()?;
    let mut versions = [0; 2];
    // What cannot be read, or has no head yet, is told of by whoever opens it.
    file.seek(SeekFrom::Start(AT)).ok()?;
    file.read_exact(&mut versions).ok()?;
    // As a copy has it, and as the relay.
    if versions == [1; 2] || versions == [2; 2] {
        return None;
    }
    let [write, read] = versions;
    Some(format!(
        "its head names the formats {write} and {read}, which no relay has written"
    ))
}

/// Looks at the rows that decide what waits: one that was altered could make mail disappear.
pub(super) fn check_rows(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let faults = checksums::faults_at_start(connection).map_err(|source| OpenError::Sqlite {
        path: path.to_owned(),
        source,
    })?;
    match faults.into_iter().next() {
        None => Ok(()),
        Some(what) => Err(OpenError::Damaged {
            path: path.to_owned(),
            what,
        }),
    }
}

pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

pub(super) fn prepare_writer(connection: &Connection, max_bytes: Option<u64>) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // FULL: a commit is on the disk when it returns, NORMAL would lose it with the power. The writer does its own checkpoints.
    // temp_store: nothing of an envelope may end up in a temporary file.
    connection.execute_batch(
        "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA foreign_keys = ON;
         PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -65536; PRAGMA trusted_schema = OFF;",
    )?;
    if let Some(bytes) = max_bytes {
        // Of this database, which may have been made with smaller pages.
        let page: u32 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let pages = (bytes / u64::from(page.max(1))).max(1);
        connection.pragma_update(None, "max_page_count", i64::try_from(pages).unwrap_or(i64::MAX))?;
    }
    Ok(())
}

/// Sets how many pages a database may have, which is no fewer than it has; how many that are.
pub(super) fn set_most(c: &Connection, pages: u64) -> rusqlite::Result<u64> {
    let pages = i64::try_from(pages).unwrap_or(i64::MAX);
    let most: i64 = c.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| row.get(0))?;
    Ok(u64::try_from(most).unwrap_or(0))
}

pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch("PRAGMA temp_store = MEMORY; PRAGMA query_only = ON; PRAGMA trusted_schema = OFF;")?;
    Ok(connection)
}
