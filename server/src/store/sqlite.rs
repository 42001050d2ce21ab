//! SQLite as the store: one file, one writer, a few readers.
//!
//! The verbs are plain functions over a connection, by topic. This file opens the database and runs what it is given on the writer or on a reader; `verbs.rs` gives it each verb of the store.

pub mod admin;
mod audit;
mod blocks;
mod checksums;
mod deposit_receipts;
mod envelopes;
mod gate_keys;
mod identities;
mod invitations;
mod keys;
mod licenses;
mod log;
mod mail;
mod mailbox_heads;
mod open;
mod plays;
mod removal;
mod reserve;
mod rows;
mod sealed;
mod succession;
mod sweep;
mod tokens;
mod totals;
mod verbs;
mod writer;

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::sync::Semaphore;

use super::{Result, StoreError, Verb, migrations};
use crate::store::{known_senders::KnownSenders, waiters::Waiters};
pub use audit::AuditFault;
use envelopes::{Envelopes, Index};
use open::{BUSY_TIMEOUT, PAGE_BYTES, check_files, check_rows, is_damage, open_reader, prepare_writer};
pub use open::{FILE_NAME, OpenError};
use reserve::{Reserve, empty_log};
use writer::{Aftermath, Effects, Writer};

use crate::clock::{Clock as _, SystemClock};

/// Readers at once. Reads are short and come out of memory; a handful keeps every core of a small machine busy.
const READERS: usize = 4;
/// Of these, for look-ups of what anybody may show: a session or a delivery token that is not known yet, the name of a sign-in, the capability of a license. Made-up ones come a thousand at
/// once, and whoever is known would stand behind all of them.
const LOOK_UPS: usize = 2;

/// So often, and after so long each time, a start on a full disk looks whether it has the room that was just given up: some seconds, in which a journal is written.
const FILES_TRIES: u32 = 20;
const FILES_PAUSE: Duration = Duration::from_millis(100);

/// The SQLite store.
pub struct Sqlite {
    writer: Writer,
    readers: Arc<Readers>,
    known: Arc<KnownSenders>,
    index: Arc<Index>,
    log: PathBuf,
    // Dropped last: until the database is closed nobody else may have it.
    _lock: File,
}

struct Readers {
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
    /// What a look-up needs besides.
    look_ups: Semaphore,
}

/// Writing failed for want of room, as far as that can be told; reading is another matter.
fn no_room(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure)
    )
}

/// How much of the disk a store may have, bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct DiskRules {
    /// Beyond this the database does not grow.
    pub most: Option<u64>,
    /// So much is kept for acknowledgements and deletions on a disk that is full.
    pub reserve: Option<u64>,
}

/// The same, and what else SQLite says where there is no room for the files that it makes beside the database.
fn no_files(error: &rusqlite::Error) -> bool {
    no_room(error) || matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen))
}

/// Says that nothing is kept in reserve, and why.
fn say_unkept(error: &io::Error) {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    if matches!(error.kind(), FileTooLarge | QuotaExceeded | StorageFull) {
        tracing::error!(
            "the disk has no room for the reserve (--disk-reserve): sends are refused until there is, and what is there is served"
        );
    } else {
        tracing::error!(
            %error,
            "the reserve (--disk-reserve) cannot be kept in relay.reserve: sends are refused until it can, and what is there is served"
        );
    }
}

/// Tries again for a while: some file systems give out what they were given back with the next write of their journal.
fn patiently(connect: &dyn Fn() -> rusqlite::Result<Connection>) -> rusqlite::Result<Connection> {
    for _ in 0..FILES_TRIES {
        match connect() {
            Err(error) if no_files(&error) => std::thread::sleep(FILES_PAUSE),
            outcome => return outcome,
        }
    }
    connect()
}

impl Sqlite {
    /// Opens the database in `directory`, makes it if there is none, and brings its schema up to date. With `max_bytes` it refuses to grow
    /// beyond that. Nothing of the disk is kept in reserve.
    ///
    /// `lock` is the directory's lock, kept until the database is closed: two relays on one database would not hear each other's wake-ups.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(
        directory: &Path,
        lock: File,
        max_bytes: Option<u64>,
        wakes: Arc<Waiters>,
    ) -> std::result::Result<Self, OpenError> {
        let rules = DiskRules {
            most: max_bytes,
            reserve: None,
        };
        Self::open_with(directory, lock, rules, wakes)
    }

    /// The same, with what the store may have of the disk.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_with(
        directory: &Path,
        lock: File,
        rules: DiskRules,
        wakes: Arc<Waiters>,
    ) -> std::result::Result<Self, OpenError> {
        let path = open::database(directory)?;
        let failed = |source| OpenError::Sqlite {
            path: path.clone(),
            source,
        };
        let log = path.with_file_name(format!("{FILE_NAME}-wal"));
        check_files(&path, &log)?;
        let connect = || {
            let connection = Connection::open_with_flags(&path, OpenFlags::default() | open::NOFOLLOW)?;
            if !connection.is_readonly(rusqlite::MAIN_DB)? {
                prepare_writer(&connection, rules.most)?;
            }
            Ok(connection)
        };
        let reserve = rules.reserve.map(|bytes| Reserve::new(directory, bytes));
        let gives =
            |part: fn(&Reserve) -> io::Result<bool>| reserve.as_ref().is_some_and(|all| part(all).unwrap_or(false));
        let mut given_up = false;
        // On a full disk not even the files can be made that a database is opened with. What a start needs of the reserve is its last part, or all of it.
        let mut connected = connect();
        if connected.as_ref().is_err_and(no_files) && gives(Reserve::give_up_rest) {
            given_up = true;
            connected = patiently(&connect);
        }
        if connected.as_ref().is_err_and(no_files) && reserve.is_some() && empty_log(&log) {
            given_up = true;
            connected = patiently(&connect);
        }
        let mut connection = connected.map_err(failed)?;
        if connection.is_readonly(rusqlite::MAIN_DB).map_err(failed)? {
            return Err(OpenError::ReadOnly { path });
        }
        // The runner panics on a history that it cannot read.
        let migrated =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| migrations::run_sqlite(&mut connection)));
        migrated
            .map_err(|_| OpenError::Damaged {
                path: path.clone(),
                what: "the history of its schema cannot be read".into(),
            })?
            .map_err(|source| OpenError::Schema {
                path: path.clone(),
                source: Box::new(source),
            })?;
        checksums::install(&connection).map_err(failed)?;
        check_rows(&connection, &path)?;
        let now = SystemClock.now();
        admin::begin_anew(&mut connection, now).map_err(failed)?;
        let mut envelopes = Envelopes::load(&connection).map_err(|source| OpenError::Damaged {
            path: path.clone(),
            what: match source {
                StoreError::Damaged(what) | StoreError::Fault(what) | StoreError::Full(what) => what,
                other => other.to_string(),
            },
        })?;
        // What a killed relay had left to erase, and what it left in the log, goes before anyone is served. On a full disk it stays, and what is there is served all the same.
        envelopes.erase_leftovers(&connection);
        let mut refusing = false;
        let fold = || connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        let mut folded = fold();
        if folded.as_ref().is_err_and(no_room) && gives(Reserve::give_up) {
            given_up = true;
            folded = fold();
        }
        match folded {
            Ok(0) => {}
            // An operator's command reads: the writer tries again.
            Ok(_) => envelopes.distrust_log(),
            Err(error) if no_room(&error) => {
                envelopes.distrust_log();
                refusing = true;
                tracing::error!(%error, "the disk is full or fails; what is there is served, and nothing can be added: make room");
            }
            Err(error) => return Err(failed(error)),
        }
        let index = envelopes.index();
        let idle = (0..READERS)
            .map(|_| open_reader(&path))
            .collect::<rusqlite::Result<Vec<_>>>()
            .map_err(failed)?;
        let known = Arc::new(KnownSenders::default());
        let unkept = match &reserve {
            // With what was given up just now there would be room for it again, and soon for nothing else.
            Some(_) if given_up => Some(io::ErrorKind::StorageFull.into()),
            Some(reserve) => reserve.take().err(),
            None => None,
        };
        let short = unkept.is_some();
        if let Some(error) = unkept {
            say_unkept(&error);
        }
        let aftermath = Aftermath {
            wakes,
            known: Arc::clone(&known),
            count: totals::add_totals,
            refusing,
            short,
            reserve,
        };
        Ok(Self {
            writer: Writer::start(connection, log.clone(), envelopes, aftermath)?,
            known,
            index,
            log,
            readers: Arc::new(Readers {
                idle: Mutex::new(idle),
                permits: Semaphore::new(READERS),
                look_ups: Semaphore::new(LOOK_UPS),
            }),
            _lock: lock,
        })
    }

    fn write<T, F>(&self, verb: F) -> Verb<'_, T>
    where
        T: Send + 'static,
        F: FnMut(&Connection, &mut Effects) -> Result<T> + Send + 'static,
    {
        Box::pin(self.writer.run(verb))
    }

    fn read<T, F>(&self, verb: F) -> Verb<'_, T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        Box::pin(async move {
            let _counted = self.writer.activity().read();
            self.read_in_turn(verb).await
        })
    }

    /// A read for somebody who is not known yet ([`LOOK_UPS`]).
    fn look_up<T, F>(&self, verb: F) -> Verb<'_, T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        Box::pin(async move {
            let _counted = self.writer.activity().read();
            let look_up = self.readers.look_ups.acquire().await;
            let _look_up = look_up.map_err(|_| StoreError::Closed)?;
            self.read_in_turn(verb).await
        })
    }

    async fn read_in_turn<T, F>(&self, verb: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let _permit = self.readers.permits.acquire().await.map_err(|_| StoreError::Closed)?;
        let readers = Arc::clone(&self.readers);
        let lock = |readers: &Readers| readers.idle.lock().pop();
        let Some(connection) = lock(&readers) else {
            return Err(StoreError::Fault("a reader is missing".into()));
        };
        // The connection goes back inside the blocking task: the asker may be dropped in the meantime, the task is not.
        let task = tokio::task::spawn_blocking(move || {
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| verb(&connection)));
            readers.idle.lock().push(connection);
            outcome.unwrap_or_else(|_| Err(StoreError::Fault("a verb panicked".into())))
        });
        task.await
            .unwrap_or_else(|error| Err(StoreError::Fault(error.to_string())))
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
                Self::Full(error.to_string())
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            _ if is_damage(&error) => Self::Damaged(error.to_string()),
            _ => Self::Fault(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
