//! What an operator does with the database by command: verify, check, copy, list. All of it reads, and may be done while the relay runs.

mod keys;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, HashSet},
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use protocol::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};

use super::{
    FILE_NAME, OpenError,
    audit::{self, AuditFault},
    mail,
    maillog::{Key, Receipt, Surveyed, runs, survey},
    rows::{array, timestamp},
    segments,
};
use crate::{
    model::MailboxId,
    store::{AuditEvent, AuditHead, AuditRecord},
};

/// A database that is only read.
pub struct Reader {
    connection: Connection,
    data_dir: PathBuf,
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

/// Why a backup was not made. Nothing of it is left behind.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The target is there.
    #[error("{0} exists: name a file that does not, or move that one away")]
    Exists(PathBuf),
    /// The target cannot be written.
    #[error("cannot write {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A gate key's file is damaged.
    #[error("{0} does not have the bytes that its name says, so it was not copied: `check` names what else is wrong")]
    Key(PathBuf),
    /// The mail log is damaged.
    #[error("the mail log is damaged, so it was not copied: {0}. `check` names what else is wrong")]
    Mail(String),
    /// SQLite refused.
    #[error("the database cannot be copied: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// So often the mail log is read for a backup: a segment that the relay deletes, or an envelope that it overwrites, while it is being read is neither there the next time
/// nor wanted.
const SURVEYS: usize = 5;

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
        "SELECT count(*) FROM mailbox AS m WHERE licenses <> (SELECT count(*) FROM license AS l WHERE l.mailbox = m.mailbox)",
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
        "contents of envelopes",
        "SELECT count(*) FROM envelope WHERE body NOT IN (SELECT id FROM sealed)",
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
        "SELECT count(*) FROM sealed WHERE id NOT IN (SELECT body FROM envelope UNION ALL SELECT share FROM license WHERE share IS NOT NULL
         UNION ALL SELECT state FROM oblivious WHERE state IS NOT NULL UNION ALL SELECT answer FROM play_op WHERE answer IS NOT NULL)",
    ),
    (
        "shares of licenses",
        "SELECT count(*) FROM license WHERE share IS NOT NULL AND share NOT IN (SELECT id FROM sealed)",
    ),
];

impl Reader {
    /// Opens the database in `data_dir`, which a relay may be running on.
    ///
    /// # Errors
    /// [`OpenError::Sqlite`].
    pub fn open(data_dir: &Path) -> Result<Self, OpenError> {
        let path = data_dir.join(FILE_NAME);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || {
            let connection = Connection::open_with_flags(&path, flags)?;
            connection.busy_timeout(super::BUSY_TIMEOUT)?;
            connection.execute_batch("PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;")?;
            // Opening alone looks at nothing.
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
            Ok(connection)
        };
        let connection = open().map_err(|source| OpenError::Sqlite {
            path: path.clone(),
            source,
        })?;
        Ok(Self {
            connection,
            data_dir: data_dir.to_owned(),
        })
    }

    /// Follows the audit log from its beginning; `kept` is a head that was kept elsewhere.
    ///
    /// # Errors
    /// [`AuditFault`].
    pub fn verify_audit(&self, kept: Option<AuditHead>) -> Result<AuditHead, AuditFault> {
        audit::verify(&self.connection, kept)
    }

    /// Everything that is wrong with the database, in words; nothing is good.
    ///
    /// # Errors
    /// When it cannot even be read.
    pub fn check(&self) -> rusqlite::Result<Vec<String>> {
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
                "{} row(s) refer to nothing, the first in {table}",
                dangling.len()
            ));
        }
        for (what, difference) in COUNTERS {
            let difference: i64 = c.query_row(difference, [], |row| row.get(0))?;
            if difference != 0 {
                faults.push(format!("{what}: the counters and the rows differ by {difference}"));
            }
        }
        drop(c);
        faults.extend(self.lost()?);
        faults.extend(keys::check(&self.connection, &self.data_dir)?);
        Ok(faults)
    }

    /// What the mail log should have and has not. The relay may be writing: only what is still wrong when it is looked at again is.
    fn lost(&self) -> rusqlite::Result<Vec<String>> {
        let mut faults = self.survey(|_| Ok(()))?;
        if !faults.is_empty() {
            let again = self.survey(|_| Ok(()))?;
            faults.retain(|fault| again.contains(fault));
        }
        Ok(faults)
    }

    fn survey(&self, each: impl FnMut(Surveyed<'_>) -> rusqlite::Result<()>) -> rusqlite::Result<Vec<String>> {
        let c = self.connection.unchecked_transaction()?;
        survey(&self.data_dir, &c, each)
    }

    /// Every account, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn accounts(&self) -> rusqlite::Result<Vec<AccountLine>> {
        let mut waiting: HashMap<MailboxId, (u64, u64)> = HashMap::new();
        self.survey(|found| {
            if let Surveyed::Waiting { mailbox, envelope, .. } = found {
                let (count, bytes) = waiting.entry(mailbox).or_default();
                *count += 1;
                *bytes += envelope.len() as u64;
            }
            Ok(())
        })?;
        self.connection
            .prepare("SELECT user_name, created_at, mailbox FROM account ORDER BY user_name")?
            .query_map([], |row| {
                let mailbox = MailboxId::from_bytes(array(row, 2)?);
                let (pending, bytes) = waiting.get(&mailbox).copied().unwrap_or_default();
                Ok(AccountLine {
                    user: row.get(0)?,
                    created: timestamp(row, 1)?,
                    pending,
                    bytes,
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
        private(partial).map_err(failed(partial))?;
        let name = partial
            .to_str()
            .ok_or_else(|| failed(partial)(io::Error::new(io::ErrorKind::InvalidInput, "the name is no UTF-8")))?;
        self.connection.execute("VACUUM INTO ?1", params![name])?;
        let keys = {
            let copy = Connection::open(partial)?;
            copy.execute_batch(
                "PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; UPDATE relay SET is_backup = 1;",
            )?;
            self.copy_mail(&copy)?;
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

impl Reader {
    /// Puts what waits in the mail log into the tables of a copy, and the receipts that are only there. What was delivered since the copy was made need not be in it, and
    /// what came since may be.
    fn copy_mail(&self, copy: &Connection) -> Result<(), BackupError> {
        // Their receipts are in the log as far as this copy knows; by the time that the log is read they may be in the database.
        let unfolded = segments::unfolded(copy)?;
        let mut have: HashSet<(MailboxId, u64)> = HashSet::new();
        let mut faults: Vec<String> = Vec::new();
        for survey in 0..SURVEYS {
            let mut receipts: BTreeMap<u32, Vec<(Key, Receipt)>> = BTreeMap::new();
            let transaction = copy.unchecked_transaction()?;
            let seen = self.survey(|found| {
                match found {
                    Surveyed::Waiting {
                        mailbox,
                        sequence,
                        times,
                        envelope,
                    } => {
                        if have.insert((mailbox, sequence)) {
                            mail::put_into_tables(&transaction, mailbox, sequence, times, envelope)?;
                        }
                    }
                    Surveyed::Receipt { segment, key, receipt } => {
                        receipts.entry(segment).or_default().push((key, receipt));
                    }
                }
                Ok(())
            })?;
            for (segment, mut receipts) in receipts {
                // Of an id that was used again the last.
                receipts.sort_unstable_by_key(|(key, receipt)| (*key, Reverse(receipt.forget_at)));
                receipts.dedup_by_key(|(key, _)| *key);
                let sorted = receipts.iter().map(|(key, receipt)| (*key, receipt));
                segments::copy_receipts(&transaction, segment, &runs(sorted))?;
            }
            segments::copy_runs(&self.connection, &transaction, &unfolded)?;
            transaction.execute("DELETE FROM mail_segment", [])?;
            transaction.commit()?;
            // What is wrong twice is wrong; the rest was delivered, or moved, while it was read, and may be found elsewhere by the next survey.
            let settled = seen.is_empty();
            faults = if survey == 0 {
                seen
            } else {
                seen.into_iter().filter(|fault| faults.contains(fault)).collect()
            };
            if settled || (survey > 1 && faults.is_empty()) {
                break;
            }
        }
        match faults.into_iter().next() {
            None => Ok(()),
            Some(fault) => Err(BackupError::Mail(fault)),
        }
    }
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

fn private(path: &Path) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Begins a new life when the database is a backup: what clients acknowledged after it was made must not delete what comes now under the same
/// sequence numbers, and sessions that have ended since must not live again.
pub(super) fn begin_anew(connection: &mut Connection, now: Timestamp) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    let backup: bool = transaction.query_row("SELECT is_backup FROM relay WHERE one = 1", [], |row| row.get(0))?;
    if backup {
        transaction.execute_batch(
            "UPDATE mailbox SET incarnation = randomblob(16); DELETE FROM token; UPDATE relay SET is_backup = 0;",
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
