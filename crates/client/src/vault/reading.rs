//! A home that can be read and not written: its disk is full, it lies where nothing may be written, or another process is working in it.
//!
//! SQLite wants to write even to read: beside a database with a write-ahead log it makes the file that shares the log's index. So the database is copied into memory, log
//! included. The copy holds what the file holds, sealed records, and is read and never written.
//!
//! * Where nothing can be written, the home's lock keeps other processes from writing meanwhile.
//! * Where another process holds that lock, SQLite's own locks make the copy what was committed last, and nothing in the middle of a transaction.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::error::{Unwritable, VaultError};
use super::files::{io, private_file, remove};
use super::format;

/// A file that is written to see whether anything can be.
const PROBE: &str = "vault.probe";
/// As much as opening a database and one small commit take: the shared index has 32 KiB, and the log a frame for each page.
const PROBE_SIZE: usize = 64 * 1024;
/// SQLite's access to files without locks of its own: the home's lock is held, and what cannot be written cannot be locked either.
#[cfg(unix)]
const WITHOUT_LOCKS: &str = "unix-none";
#[cfg(windows)]
const WITHOUT_LOCKS: &str = "win32-none";

impl Unwritable {
    /// What the system said about a write.
    fn of(error: &std::io::Error) -> Option<Self> {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Some(Self::Full),
            ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => Some(Self::ReadOnly),
            _ => None,
        }
    }

    /// Why this happened to a vault in `dir`, if it is that nothing can be written there. The system is asked: SQLite calls most of this an I/O error.
    pub(super) fn behind(error: &VaultError, dir: &Path) -> Option<Self> {
        match error {
            VaultError::Io { source, .. } => Self::of(source),
            VaultError::Database(error) => match error.sqlite_error_code() {
                Some(
                    ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::ReadOnly | ErrorCode::CannotOpen,
                ) => Self::of(&write_something(dir).err()?),
                _ => None,
            },
            _ => None,
        }
    }
}

impl VaultError {
    /// The same, by its cause when that is that nothing can be written in `dir`.
    pub(super) fn or_unwritable(self, dir: &Path) -> Self {
        match Unwritable::behind(&self, dir) {
            Some(why) => Self::Unwritable {
                dir: dir.to_path_buf(),
                why,
            },
            None => self,
        }
    }
}

fn write_something(dir: &Path) -> std::io::Result<()> {
    let path = dir.join(PROBE);
    // Random, because some file systems keep nothing for zeros. Without randomness from the system zeros have to do.
    let mut bytes = vec![0; PROBE_SIZE];
    let _ = getrandom::fill(&mut bytes);
    let written = match private_file(&path) {
        Ok(mut file) => file.write_all(&bytes).and_then(|()| file.sync_all()),
        Err(VaultError::Io { source, .. }) => Err(source),
        Err(other) => Err(std::io::Error::other(other)),
    };
    // It may not be there; and where nothing can be written, nothing can be removed.
    let _ = remove(&path);
    written
}

/// The lock's file where it may not be opened for writing; none where there is none and none can be made: what is written nowhere needs no guard.
pub(super) fn lock_to_read(path: &Path) -> Result<Option<File>, VaultError> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io(path)(error)),
    }
}

/// A database as it is on the disk now, in memory, where nothing can be written. The home's lock is held meanwhile.
pub(super) fn copy(path: &Path) -> Result<Connection, VaultError> {
    let log = path.with_extension("db-wal");
    let logged = std::fs::metadata(&log).is_ok_and(|log| log.len() > 0);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = if logged {
        let source = Connection::open_with_flags_and_vfs(path, flags, WITHOUT_LOCKS)?;
        // Alone, it keeps the log's index in memory of its own (SQLite, "Write-Ahead Logging", section 8), …
        source.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        // … and it leaves the log as it is.
        source.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        source
    } else {
        // Without a log SQLite would make one. Nobody changes the file while it is copied.
        Connection::open_with_flags(immutable(path), flags | OpenFlags::SQLITE_OPEN_URI)?
    };
    in_memory(source)
}

/// A database as it was committed last, in memory, while another process holds the home's lock and may write.
pub(super) fn copy_beside(path: &Path) -> Result<Connection, VaultError> {
    // To share the index of the log is to write to it; the database itself is not written.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(path, flags)?;
    source.pragma_update(None, "query_only", "ON")?;
    // Folding the log into the file belongs to who holds the lock.
    source.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    in_memory(source)
}

fn in_memory(source: Connection) -> Result<Connection, VaultError> {
    let mut memory = Connection::open_in_memory()?;
    // All of it in one step, which is one transaction.
    let step = Backup::new(&source, &mut memory)?.step(-1)?;
    drop(source);
    if step != StepResult::Done {
        return Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY), None).into());
    }
    format::to_present(&mut memory)?;
    memory.pragma_update(None, "query_only", "ON")?;
    Ok(memory)
}

/// The URI of a file that does not change (SQLite, "Uniform Resource Identifiers").
fn immutable(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => uri.push(char::from(*byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    uri
}
