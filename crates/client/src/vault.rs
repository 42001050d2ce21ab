//! The encrypted local database: one SQLite file, every record sealed on its own.
//!
//! Not its concern: what the records mean (`records.rs` and `messages.rs` name their shapes, the messenger their order), and the network.
//!
//! * A random data key seals the records (through subkeys, one for each kind); it is itself wrapped by a key that Argon2id makes of the
//!   passphrase, so that the passphrase can change without touching the records.
//! * A record is bound to its kind, its row and its position: moved or altered, it does not open.
//! * The file tells how many records of each kind there are, how long they are and in what order they came; no name, no id, no text.
//! * One process at a time: a lock file beside the database.
//! * Where nothing can be written, and beside a process that works, what is kept can be read ([`Unwritable`]).
//!
//! Every write happens in [`Vault::transaction`]: all of it is on the disk when that returns (`synchronous=FULL`), or none of it.

mod delivery;
mod error;
mod files;
mod format;
mod gate;
mod header;
mod kdf;
mod kind;
mod message_id;
mod messages;
mod patience;
mod reading;
mod record;
mod records;
mod room;
mod seal;
mod transaction;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use zeroize::Zeroizing;

use files::{LOCK, io, is_cut_off, make_dir, private_file, remove, sync_dir, wait_for};
use header::{Header, read_header, write_header};
use kdf::KEY_LEN;
use patience::{LOCK_PATIENCE, READER_PATIENCE};
use seal::Keys;

pub use delivery::{Delivery, GivenToken, Receipts};
pub use error::{Unwritable, VaultError};
pub use gate::{
    AfterPlays, Decoys, GateDeposit, GateKeyRecord, Head, LicenseKey, LimitMode, ObliviousHalf, PendingRequest,
    PlayChain, RelayFault, RelayKey, Unconfirmed,
};
pub use kdf::{KdfCost, Passphrase};
pub use kind::Kind;
pub use message_id::MessageId;
pub use messages::{Direction, Ended, License, LimitedTerms, MessageBody, MessageState, SealedBody, StoredMessage};
pub use record::Record;
pub(crate) use records::key;
pub use records::{
    Account, AckPosition, Cleared, Moment, OutboxEntry, PinnedRelay, Quarantined, Restarts, Session, Silence, Told,
    Totals,
};
pub use transaction::{Entry, Transaction};

/// The database's name inside the home directory.
const FILE: &str = "vault.db";
/// Its name until it is finished.
const UNFINISHED: &str = "vault.new";

/// An open vault. Dropping it folds the write-ahead log into the file and releases the lock.
pub struct Vault {
    db: Connection,
    keys: Keys,
    commits: u64,
    dir: PathBuf,
    // Held for its lock; the system releases it when the file closes, whatever way the process ends. None where there is none and none can be made.
    lock: Option<File>,
    locked: bool,
    /// Another process wrote while it was not.
    outdated: bool,
    /// Since when another process was waited for, if one was.
    waiting_since: Option<Instant>,
    /// Nothing can be written; `db` is a copy in memory then.
    unwritable: Option<Unwritable>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault")
            .field("dir", &self.dir)
            .field("commits", &self.commits)
            .finish_non_exhaustive()
    }
}

/// Copies what another process keeps locked.
type CopyBeside = fn(&Path) -> Result<Connection, VaultError>;

impl Vault {
    /// Whether `dir` holds a vault. One that cannot be looked at (an unreadable home, a full or failing disk, a damaged file) is one: opening it says what is
    /// wrong, and nobody is told that there is no account.
    #[must_use]
    pub fn exists(dir: &Path) -> bool {
        match std::fs::symlink_metadata(dir.join(FILE)) {
            Ok(_) => true,
            Err(error) => error.kind() != std::io::ErrorKind::NotFound,
        }
    }

    /// Makes a new vault in `dir` (created with mode 0700 when missing). It gets its name when it is finished: a run that died half-way through is simply
    /// repeated.
    ///
    /// # Errors
    /// [`VaultError::Exists`] when there is one, [`VaultError::Busy`] when another process is making one, and file or database trouble.
    pub fn create(dir: &Path, passphrase: &Passphrase, cost: KdfCost) -> Result<Self, VaultError> {
        Self::make(dir, passphrase, cost).map_err(|error| error.or_unwritable(dir))
    }

    fn make(dir: &Path, passphrase: &Passphrase, cost: KdfCost) -> Result<Self, VaultError> {
        make_dir(dir)?;
        let lock = private_file(&dir.join(LOCK))?;
        wait_for(&lock, dir, LOCK_PATIENCE, &mut None)?;
        let (unfinished, finished) = (dir.join(UNFINISHED), dir.join(FILE));
        if Self::exists(dir) {
            return Err(VaultError::Exists(dir.to_path_buf()));
        }
        for leftover in ["", "-wal", "-shm"] {
            remove(&dir.join(format!("{UNFINISHED}{leftover}")))?;
        }
        drop(private_file(&unfinished)?);
        let mut db = connect(&unfinished)?;
        let data = Zeroizing::new(seal::random::<KEY_LEN>()?);
        write_header(&mut db, &Header::wrap(&data, passphrase, cost)?)?;
        fold(&db)?;
        db.close().map_err(|(_, error)| error)?;
        std::fs::rename(&unfinished, &finished).map_err(io(&finished))?;
        sync_dir(dir)?;
        let mut vault = Self {
            db: connect(&finished)?,
            keys: Keys::derive(data)?,
            commits: 0,
            dir: dir.to_path_buf(),
            lock: Some(lock),
            locked: true,
            outdated: false,
            waiting_since: None,
            unwritable: None,
        };
        vault.transaction(|_| Ok::<_, VaultError>(()))?;
        Ok(vault)
    }

    /// Opens the vault in `dir`.
    ///
    /// # Errors
    /// [`VaultError::NotFound`], [`VaultError::WrongPassphrase`], [`VaultError::Busy`] after thirty seconds of waiting, and what a damaged
    /// or foreign file earns.
    pub fn open(dir: &Path, passphrase: &Passphrase) -> Result<Self, VaultError> {
        Self::open_within(dir, passphrase, LOCK_PATIENCE, None)
    }

    /// Opens the vault in `dir` for what reads alone. Where another process works in it, this waits for a second, and then reads a copy of what was committed last. Nothing can be
    /// written into that ([`Vault::writable`]), however long it is kept.
    ///
    /// # Errors
    /// As [`Vault::open`], but never [`VaultError::Busy`].
    pub fn open_to_read(dir: &Path, passphrase: &Passphrase) -> Result<Self, VaultError> {
        Self::open_within(dir, passphrase, READER_PATIENCE, Some(reading::copy_beside))
    }

    /// `beside` serves where another process keeps the vault locked.
    fn open_within(
        dir: &Path,
        passphrase: &Passphrase,
        patience: Duration,
        beside: Option<CopyBeside>,
    ) -> Result<Self, VaultError> {
        let path = dir.join(FILE);
        if !Self::exists(dir) {
            return Err(VaultError::NotFound(dir.to_path_buf()));
        }
        let length = std::fs::metadata(&path).map_err(io(&path))?.len();
        // SQLite would take it for a new database.
        if length == 0 {
            return Err(VaultError::Truncated(path));
        }
        // No fault of the disk's space.
        let cut_off = |error| match error {
            VaultError::Database(_) => match is_cut_off(&path) {
                Ok(true) => VaultError::Truncated(path.clone()),
                // SQLite would speak of the disk.
                Err(source) if source.kind() == std::io::ErrorKind::PermissionDenied => io(&path)(source),
                _ => error,
            },
            other => other,
        };
        let copy_beside = |busy| match (busy, beside) {
            (VaultError::Busy(_), Some(copy)) => copy(&path).map_err(cut_off),
            (other, _) => Err(other),
        };
        let mut waiting_since = None;
        let (mut lock, mut db, mut unwritable) = match private_file(&dir.join(LOCK)) {
            Ok(lock) => match wait_for(&lock, dir, patience, &mut waiting_since) {
                Ok(()) => {
                    let (db, unwritable) = connect_or_copy(&path, dir).map_err(cut_off)?;
                    (Some(lock), db, unwritable)
                }
                Err(busy) => (None, copy_beside(busy)?, Some(Unwritable::Busy)),
            },
            Err(error) => {
                let Some(why) = Unwritable::behind(&error, dir) else {
                    return Err(error);
                };
                let lock = reading::lock_to_read(&dir.join(LOCK))?;
                if let Some(lock) = &lock {
                    wait_for(lock, dir, LOCK_PATIENCE, &mut waiting_since)?;
                }
                (lock, reading::copy(&path).map_err(cut_off)?, Some(why))
            }
        };
        let read_header = |db: &Connection| {
            read_header(db)
                .map_err(cut_off)?
                .ok_or_else(|| VaultError::Truncated(path.clone()))
        };
        let mut header = read_header(&db)?;
        let mut data = match (&lock, unwritable) {
            // The passphrase's key takes a while to derive. Others need not wait for that, or those at the end of a queue would give up.
            (Some(held), None) => {
                held.unlock().map_err(io(&dir.join(LOCK)))?;
                let data = header.unwrap(passphrase)?;
                if let Err(busy) = wait_for(held, dir, patience, &mut waiting_since) {
                    (lock, db, unwritable) = (None, copy_beside(busy)?, Some(Unwritable::Busy));
                }
                data
            }
            _ => header.unwrap(passphrase)?,
        };
        // Another process may have changed the passphrase meanwhile.
        let now = read_header(&db)?;
        if now != header {
            header = now;
            data = header.unwrap(passphrase)?;
        }
        let mut vault = Self {
            db,
            keys: Keys::derive(data)?,
            commits: 0,
            dir: dir.to_path_buf(),
            lock,
            locked: true,
            outdated: false,
            waiting_since,
            unwritable,
        };
        vault.commits = vault.read_commits()?;
        Ok(vault)
    }

    /// Lets other processes use the vault until the next write, or [`Vault::relock`]. What was read before may be outdated after that.
    ///
    /// # Errors
    /// The system's, in which case the vault stays locked.
    pub fn unlock(&mut self) -> Result<(), VaultError> {
        if let (true, Some(lock)) = (self.locked, &self.lock) {
            lock.unlock().map_err(io(&self.dir.join(LOCK)))?;
        }
        self.locked = false;
        Ok(())
    }

    /// Takes the vault back.
    ///
    /// # Errors
    /// [`VaultError::Busy`] after thirty seconds of waiting, and database trouble.
    pub fn relock(&mut self) -> Result<(), VaultError> {
        if self.locked {
            return Ok(());
        }
        if let Some(lock) = &self.lock {
            wait_for(lock, &self.dir, LOCK_PATIENCE, &mut self.waiting_since)?;
            self.locked = true;
            if self.unwritable.is_some() {
                (self.db, self.unwritable) = connect_or_copy(&self.dir.join(FILE), &self.dir)?;
            }
        }
        self.locked = true;
        let commits = self.read_commits()?;
        self.outdated |= self.commits != commits;
        self.commits = commits;
        Ok(())
    }

    /// Why nothing can be written, if that is so; what is kept can be read all the same. It is tried anew at each [`Vault::relock`].
    ///
    /// # Errors
    /// [`VaultError::Unwritable`].
    pub fn writable(&self) -> Result<(), VaultError> {
        match self.unwritable {
            Some(why) => Err(VaultError::Unwritable {
                dir: self.dir.clone(),
                why,
            }),
            None => Ok(()),
        }
    }

    /// Whether this process holds the vault, so that another one waits for it.
    pub(crate) fn is_held(&self) -> bool {
        self.locked && self.lock.is_some()
    }

    /// For how long another process has been waited for, if one was since this was asked last: since when that wait began.
    pub(crate) fn take_waited(&mut self) -> Option<Duration> {
        self.waiting_since.take().map(|since| since.elapsed())
    }

    /// Whether another process wrote to the vault while it was unlocked, since this was asked last.
    pub fn take_outdated(&mut self) -> bool {
        std::mem::take(&mut self.outdated)
    }

    /// Wraps the data key under another passphrase; the records stay as they are. The old wrapping is overwritten on the disk.
    ///
    /// # Errors
    /// Database trouble; then the old passphrase still holds. [`VaultError::NotOverwritten`]: the new one holds.
    pub fn change_passphrase(&mut self, new: &Passphrase, cost: KdfCost) -> Result<(), VaultError> {
        self.writable()?;
        let header = Header::wrap(self.keys.data(), new, cost)?;
        write_header(&mut self.db, &header)?;
        match self.compact() {
            Err(VaultError::Database(error)) => Err(VaultError::NotOverwritten(error)),
            other => other,
        }
    }

    /// Whether `passphrase` is the one that opens this vault (asked before it is changed).
    ///
    /// # Errors
    /// Database trouble.
    pub fn check_passphrase(&self, passphrase: &Passphrase) -> Result<bool, VaultError> {
        let header = read_header(&self.db)?.ok_or(VaultError::Corrupt("header"))?;
        match header.unwrap(passphrase) {
            Ok(_) => Ok(true),
            Err(VaultError::WrongPassphrase) => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// How many transactions were ever committed. A vault restored from a backup has a lower one than was seen before.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.commits
    }

    /// The home directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Folds the write-ahead log into the file and empties it, so that what was deleted is gone from both (`secure_delete`).
    ///
    /// # Errors
    /// Database trouble.
    pub fn compact(&self) -> Result<(), VaultError> {
        fold(&self.db)
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        if let Err(error) = self.compact() {
            tracing::debug!(%error, "the write-ahead log stays until the next run");
        }
    }
}

/// The database, or a copy of it in memory where nothing can be written.
fn connect_or_copy(path: &Path, dir: &Path) -> Result<(Connection, Option<Unwritable>), VaultError> {
    match connect(path) {
        Ok(db) => Ok((db, None)),
        Err(error) => match Unwritable::behind(&error, dir) {
            Some(why) => Ok((reading::copy(path)?, Some(why))),
            None => Err(error),
        },
    }
}

fn fold(db: &Connection) -> Result<(), VaultError> {
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// Of a file that exists: SQLite makes none here.
fn connect(path: &Path) -> Result<Connection, VaultError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(path, flags)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    // A commit that returned is on the disk: what is revealed afterwards can be relied upon.
    db.pragma_update(None, "synchronous", "FULL")?;
    // Deleted records are overwritten, not merely unlinked.
    db.pragma_update(None, "secure_delete", "ON")?;
    db.pragma_update(None, "trusted_schema", "OFF")?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    format::to_present(&mut db)?;
    Ok(db)
}
