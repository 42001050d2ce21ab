//! What an operator does with the database by command: verify, check, copy, list. All of it reads, and may be done while the relay runs.

mod backup_error;
mod doors;
mod keys;
mod private;

use std::{
    collections::HashSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use protocol::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    OpenError,
    audit::{self, AuditFault},
    checksums, envelopes, log, open,
    rows::{array, timestamp},
};
use crate::{
    model::MailboxId,
    plural::counted,
    store::{AuditEvent, AuditHead, AuditRecord, KeptHead, migrations},
};

pub use backup_error::BackupError;
pub use doors::InviteLine;
use private::private;

/// A database that is only read.
pub struct Reader {
    connection: Connection,
    data_dir: PathBuf,
    /// That the log is damaged: then only what stands before the damage can be read.
    damage: Option<OpenError>,
    /// What is wrong with the file's head.
    head: Option<String>,
}

/// An account, for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountLine {
    /// The name.
    pub user: String,
    /// When it was registered.
    pub created: Timestamp,
    /// Envelopes pending.
    pub pending: u64,
    /// Bytes of them.
    pub bytes: u64,
}

/// Tables, the sums over them, and the counters that are kept of them: what must be the same.
const COUNTERS: &[(&str, &str)] = &[
    (
        "accounts",
        "SELECT accounts - (SELECT count(*) FROM account) FROM relay",
    ),
    (
        "licenses active",
        "SELECT licenses_active - (SELECT count(*) FROM license WHERE state = 0) FROM relay",
    ),
    (
        "licenses of each mailbox",
        "SELECT count(*) FROM mailbox AS m WHERE licenses <> (SELECT count(*) FROM license AS l WHERE l.mailbox = m.mailbox AND stranger = 0)
         OR stranger_licenses <> (SELECT count(*) FROM license AS l WHERE l.mailbox = m.mailbox AND stranger <> 0)",
    ),
    (
        "delivery tokens of each mailbox",
        "SELECT count(*) FROM mailbox AS m WHERE delivery_tokens <> (SELECT count(*) FROM delivery_token AS t WHERE t.mailbox = m.mailbox)",
    ),
    (
        "one-time prekeys of each batch",
        "SELECT count(*) FROM batch AS b WHERE remaining <> (SELECT count(*) FROM one_time AS o WHERE o.mailbox = b.mailbox AND o.seq = b.seq)",
    ),
    (
        "gate keys",
        "SELECT gate_keys - (SELECT count(*) FROM gate_key) FROM relay",
    ),
    (
        "bytes of gate keys",
        "SELECT gate_key_bytes - (SELECT coalesce(sum(bytes), 0) FROM gate_key) FROM relay",
    ),
    (
        "gate keys of licenses",
        "SELECT count(*) FROM oblivious WHERE gate_key IS NOT NULL AND gate_key NOT IN (SELECT id FROM gate_key)",
    ),
    (
        "encrypted counters of licenses",
        "SELECT count(*) FROM oblivious WHERE state IS NOT NULL AND state NOT IN (SELECT id FROM sealed)",
    ),
    (
        "answers to plays",
        "SELECT count(*) FROM play_op WHERE answer IS NOT NULL AND answer NOT IN (SELECT id FROM sealed)",
    ),
    (
        "contents that belong to nothing",
        "SELECT count(*) FROM sealed WHERE id NOT IN (SELECT share FROM license WHERE share IS NOT NULL
         UNION ALL SELECT state FROM oblivious WHERE state IS NOT NULL UNION ALL SELECT answer FROM play_op WHERE answer IS NOT NULL)",
    ),
    (
        "shares of licenses",
        "SELECT count(*) FROM license WHERE share IS NOT NULL AND share NOT IN (SELECT id FROM sealed)",
    ),
];

impl Reader {
    /// Opens the database in `data_dir`, which a relay may be running on. One with a damaged log is refused, as by a start: SQLite reads a log up to the first wrong frame and
    /// says nothing of what is behind it.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(data_dir: &Path) -> Result<Self, OpenError> {
        match Self::open_to_check(data_dir)? {
            Self {
                damage: Some(damage), ..
            } => Err(damage),
            sound => Ok(sound),
        }
    }

    /// The same for [`check`](Self::check), which says what else is wrong where the log is damaged.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_to_check(data_dir: &Path) -> Result<Self, OpenError> {
        let path = open::database(data_dir)?;
        let wal = path.with_file_name(format!("{}-wal", open::FILE_NAME));
        // Before SQLite is let near it.
        let look = log::examine_in_use(&wal);
        let head = open::head_fault(&path);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | open::NOFOLLOW;
        let connect = || {
            let connection = Connection::open_with_flags(&path, flags)?;
            connection.busy_timeout(super::BUSY_TIMEOUT)?;
            connection.execute_batch("PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;")?;
            checksums::function(&connection)?;
            // Opening alone looks at nothing.
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
            Ok(connection)
        };
        let connection = connect();
        let damage = match look {
            Ok(log::Log::Damaged { frame }) => Some(OpenError::DamagedLog { path: wal, frame }),
            Ok(log::Log::Empty | log::Log::Readable) => None,
            Err(source) => Some(OpenError::Damaged {
                path: wal,
                what: source.to_string(),
            }),
        };
        match (connection, damage) {
            (Ok(connection), damage) => Ok(Self {
                connection,
                data_dir: data_dir.to_owned(),
                damage,
                head,
            }),
            (Err(_), Some(damage @ OpenError::DamagedLog { .. })) => Err(damage),
            // A log that this user may not read is in a directory that this user may not read.
            (Err(source), _) => Err(OpenError::Sqlite { path, source }),
        }
    }

    /// Follows the audit log from its beginning; `kept` is a head that was kept elsewhere.
    ///
    /// # Errors
    /// [`AuditFault`].
    pub fn verify_audit(&self, kept: Option<KeptHead>) -> Result<AuditHead, AuditFault> {
        audit::verify(&self.connection, kept)
    }

    /// Everything that is wrong with the database, in words; nothing is good.
    ///
    /// # Errors
    /// When it cannot even be read.
    pub fn check(&self) -> rusqlite::Result<Vec<String>> {
        let Some(damage) = &self.damage else {
            return self.check_rows();
        };
        // Of the rest what can be read.
        let rest = self.check_rows();
        let rest = rest.unwrap_or_else(|error| vec![format!("what stands before the damage cannot be read: {error}")]);
        Ok([vec![damage.to_string()], rest].concat())
    }

    fn check_rows(&self) -> rusqlite::Result<Vec<String>> {
        // One transaction: the relay may be writing.
        let c = self.connection.unchecked_transaction()?;
        let mut faults: Vec<String> = c
            .prepare("PRAGMA integrity_check(20)")?
            .query_map([], |row| row.get::<_, String>(0))?
            .filter(|line| !line.as_ref().is_ok_and(|line| line == "ok"))
            .collect::<rusqlite::Result<_>>()?;
        let dangling = c
            .prepare("PRAGMA foreign_key_check")?
            .query_map([], |row| row.get::<_, String>(0))?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        if let Some(table) = dangling.first() {
            faults.push(format!(
                "{} without what they refer to, the first in {table}",
                counted(dangling.len() as u64, "row")
            ));
        }
        for (what, difference) in COUNTERS {
            let difference: i64 = c.query_row(difference, [], |row| row.get(0))?;
            if difference != 0 {
                faults.push(format!("{what}: the counters and the rows differ by {difference}"));
            }
        }
        faults.extend(self.head.clone());
        faults.extend(schema_faults(&c)?);
        faults.extend(history_faults(&c)?);
        faults.extend(checksums::faults(&c)?);
        faults.extend(envelopes::faults(&c)?);
        drop(c);
        match audit::verify(&self.connection, None) {
            Ok(_) => {}
            Err(AuditFault::Unreadable(error)) => return Err(error),
            Err(fault) => faults.push(format!("the audit log: {fault}")),
        }
        faults.extend(keys::check(&self.connection, &self.data_dir)?);
        Ok(faults)
    }

    /// Every account, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn accounts(&self) -> rusqlite::Result<Vec<AccountLine>> {
        let c = self.connection.unchecked_transaction()?;
        let waiting = envelopes::index(&c)?;
        c.prepare("SELECT user_name, created_at, mailbox FROM account ORDER BY user_name")?
            .query_map([], |row| {
                let mailbox = MailboxId::from_bytes(array(row, 2)?);
                let usage = waiting.usage(mailbox);
                Ok(AccountLine {
                    user: row.get(0)?,
                    created: timestamp(row, 1)?,
                    pending: usage.held.iter().map(|held| held.count).sum(),
                    bytes: usage.held.iter().map(|held| held.bytes).sum(),
                })
            })?
            .collect()
    }

    /// A consistent copy as a file of its own, of the moment at which it began, with its gate keys in a directory beside it (`keys_beside`); on the disk
    /// when this returns. A relay that starts on it knows that it is a copy (`begin_anew`). Answers how many gate keys were copied.
    ///
    /// # Errors
    /// [`BackupError`].
    pub fn backup(&self, target: &Path) -> Result<usize, BackupError> {
        let keys = keys_beside(target);
        for path in [target, &keys] {
            if path.exists() {
                return Err(BackupError::Exists(path.to_owned()));
            }
        }
        let partial = beside(target, ".partial");
        let outcome = self.copy(&partial, target);
        if outcome.is_err() {
            let _ = fs::remove_file(&partial);
            let _ = fs::remove_dir_all(&keys);
        }
        outcome
    }

    fn copy(&self, partial: &Path, target: &Path) -> Result<usize, BackupError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| BackupError::File { path, source }
        };
        // Made by us, so that it is private from the first byte; SQLite takes an empty file.
        // What cannot be made is called by the name that was given.
        private(partial).map_err(failed(target))?;
        let name = partial
            .to_str()
            .ok_or_else(|| failed(partial)(io::Error::new(io::ErrorKind::InvalidInput, "the name is no UTF-8")))?;
        self.connection.execute("VACUUM INTO ?1", params![name])?;
        let keys = {
            let copy = Connection::open(partial)?;
            copy.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL;")?;
            checksums::install(&copy)?;
            let faults = [checksums::faults(&copy)?, envelopes::faults(&copy)?].concat();
            if let Some(fault) = faults.into_iter().next() {
                return Err(BackupError::Damaged(fault));
            }
            copy.execute_batch("UPDATE relay SET is_backup = 1")?;
            // Files never change and come before their rows, so those of the copy's rows are there now.
            keys::copy(&copy, &self.connection, &self.data_dir, &keys_beside(target))?
        };
        File::open(partial)
            .and_then(|file| file.sync_all())
            .map_err(failed(partial))?;
        // Never over a file that came in the meantime.
        fs::hard_link(partial, target).map_err(failed(target))?;
        fs::remove_file(partial).map_err(failed(partial))?;
        #[cfg(unix)]
        {
            let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty());
            File::open(directory.unwrap_or(Path::new(".")))
                .and_then(|directory| directory.sync_all())
                .map_err(failed(target))?;
        }
        Ok(keys)
    }
}

/// What differs between the database's schema and the one of this program. A byte that flips in it may end a rule without anyone noticing.
fn schema_faults(c: &Connection) -> rusqlite::Result<Vec<String>> {
    let schema = |c: &Connection| -> rusqlite::Result<HashSet<(String, Option<String>)>> {
        c.prepare("SELECT name, sql FROM sqlite_schema")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
    };
    let mut fresh = Connection::open_in_memory()?;
    if let Err(error) = migrations::run_sqlite(&mut fresh) {
        return Ok(vec![format!("this program's own schema could not be made: {error}")]);
    }
    let (here, should) = (schema(c)?, schema(&fresh)?);
    let mut names: Vec<&String> = here.symmetric_difference(&should).map(|(name, _)| name).collect();
    names.sort();
    names.dedup();
    Ok(names
        .into_iter()
        .map(|name| format!("the schema of {name} is not the one of this program"))
        .collect())
}

/// What differs between the steps that the database says it was made by and those of this program: a start compares them, and refuses.
fn history_faults(c: &Connection) -> rusqlite::Result<Vec<String>> {
    type Step = (i64, String, String);
    let steps = |c: &Connection| -> rusqlite::Result<Vec<(Step, String)>> {
        c.prepare("SELECT version, name, checksum, applied_on FROM refinery_schema_history ORDER BY version")?
            .query_map([], |row| Ok(((row.get(0)?, row.get(1)?, row.get(2)?), row.get(3)?)))?
            .collect()
    };
    let mut fresh = Connection::open_in_memory()?;
    if migrations::run_sqlite(&mut fresh).is_err() {
        // It was said already.
        return Ok(Vec::new());
    }
    let only = |steps: Vec<(Step, String)>| steps.into_iter().map(|(step, _)| step).collect::<Vec<_>>();
    let here = steps(c)?;
    let mut faults = Vec::new();
    if here.iter().any(|(_, at)| OffsetDateTime::parse(at, &Rfc3339).is_err()) {
        faults.push("the history of the schema names a time that is none".to_owned());
    }
    if only(here) != only(steps(&fresh)?) {
        faults.push("the history of the schema is not that of this program".to_owned());
    }
    Ok(faults)
}

impl Reader {
    /// What some account has published as its signed prekey, with its address in it; none without accounts.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn any_signed_prekey(&self) -> rusqlite::Result<Option<Vec<u8>>> {
        let found = self
            .connection
            .query_row("SELECT spk_payload FROM account LIMIT 1", [], |row| row.get(0));
        found.optional()
    }
}

/// Where the gate keys of a backup lie: what goes into `gate-keys/` when it is put back.
#[must_use]
pub fn keys_beside(backup: &Path) -> PathBuf {
    beside(backup, ".gate-keys")
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Begins a new life when the database is a backup: what clients acknowledged after it was made must not delete what comes now under the same
/// sequence numbers, and sessions that have ended since must not live again.
pub(super) fn begin_anew(connection: &mut Connection, now: Timestamp) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    let backup: bool = transaction.query_row("SELECT is_backup FROM relay WHERE one = 1", [], |row| row.get(0))?;
    if backup {
        transaction.execute_batch(
            "UPDATE mailbox SET incarnation = randomblob(16); UPDATE token SET hash = zeroblob(32), expires = 0; UPDATE relay SET is_backup = 0;",
        )?;
        let record = AuditRecord {
            at: now,
            event: AuditEvent::Restored,
            mailbox: None,
            times: 1,
        };
        if let Err(error) = audit::append(&transaction, &[record]) {
            tracing::error!(%error, "the restore could not be noted in the audit log");
        }
        tracing::warn!("this database is a backup: every mailbox begins anew, and everyone has to sign in again");
    }
    transaction.commit()
}
