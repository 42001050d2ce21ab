//! Reading records, and writing several of them at once or not at all.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use zeroize::Zeroizing;

use super::seal::{Keys, Opened, Place};
use super::{Kind, Record, Vault, VaultError};

/// The commit counter's key among the vault's own records.
const COMMITS: &[u8] = b"commits";

/// A record with its key, as [`Vault::list`] gives it.
#[derive(Debug)]
pub struct Entry<T> {
    /// The record's key.
    pub key: Zeroizing<Vec<u8>>,
    /// The record.
    pub record: T,
}

impl<T: Record> Entry<T> {
    fn read(opened: Opened) -> Result<Self, VaultError> {
        Ok(Self {
            record: T::decode(&opened.value)?,
            key: opened.key,
        })
    }
}

/// Writes that become durable together. Made by [`Vault::transaction`].
pub struct Transaction<'a> {
    db: rusqlite::Transaction<'a>,
    keys: &'a Keys,
}

impl Vault {
    /// The commit counter as the file has it.
    pub(super) fn read_commits(&self) -> Result<u64, VaultError> {
        let bytes = read(&self.db, &self.keys, Kind::Meta, COMMITS)?;
        bytes.map_or(Ok(0), |bytes| {
            bytes
                .as_slice()
                .try_into()
                .map(u64::from_be_bytes)
                .map_err(|_| VaultError::Corrupt("commit counter"))
        })
    }

    /// Runs `work` and commits what it wrote; on any error nothing of it remains.
    ///
    /// # Errors
    /// Whatever `work` answers, or database trouble.
    pub fn transaction<T, E: From<VaultError>>(
        &mut self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.relock()?;
        self.writable()?;
        let commits = self.commits.saturating_add(1);
        let db = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(VaultError::from)?;
        let mut transaction = Transaction { db, keys: &self.keys };
        let answer = work(&mut transaction)?;
        transaction.put_bytes(Kind::Meta, COMMITS, &commits.to_be_bytes())?;
        transaction.db.commit().map_err(VaultError::from)?;
        self.commits = commits;
        Ok(answer)
    }

    /// The record under `key`.
    ///
    /// # Errors
    /// [`VaultError::Tampered`] when it does not open, or database trouble.
    pub fn get<T: Record>(&self, key: &[u8]) -> Result<Option<T>, VaultError> {
        read(&self.db, &self.keys, T::KIND, key)?
            .map(|bytes| T::decode(&bytes))
            .transpose()
    }

    /// All records of a kind, in the order in which they were first written.
    ///
    /// # Errors
    /// [`VaultError::Tampered`] when one does not open, or database trouble.
    pub fn list<T: Record>(&self) -> Result<Vec<Entry<T>>, VaultError> {
        self.list_bytes(T::KIND)?.into_iter().map(Entry::read).collect()
    }

    /// The last `limit` records of a kind, oldest first.
    ///
    /// # Errors
    /// As [`Vault::list`].
    pub fn latest<T: Record>(&self, limit: usize) -> Result<Vec<Entry<T>>, VaultError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut entries = query(&self.db, &self.keys, T::KIND, "ORDER BY position DESC LIMIT ?2", limit)?
            .into_iter()
            .map(Entry::read)
            .collect::<Result<Vec<_>, VaultError>>()?;
        entries.reverse();
        Ok(entries)
    }

    /// How many records of a kind there are.
    ///
    /// # Errors
    /// Database trouble.
    pub fn count(&self, kind: Kind) -> Result<u64, VaultError> {
        let count: i64 = self
            .db
            .query_row("SELECT count(*) FROM record WHERE kind = ?1", [kind.code()], |row| {
                row.get(0)
            })?;
        Ok(count.unsigned_abs())
    }

    /// The protocol's records, as `Party::load` takes them.
    pub(crate) fn party_records(&self) -> Result<Vec<(String, Vec<u8>)>, VaultError> {
        self.list_bytes(Kind::Party)?
            .into_iter()
            .map(|opened| {
                let key = String::from_utf8(opened.key.to_vec()).map_err(|_| VaultError::Corrupt("party"))?;
                Ok((key, opened.value.to_vec()))
            })
            .collect()
    }

    fn list_bytes(&self, kind: Kind) -> Result<Vec<Opened>, VaultError> {
        query(&self.db, &self.keys, kind, "ORDER BY position LIMIT ?2", i64::MAX)
    }
}

impl Transaction<'_> {
    /// Writes a record; one that exists keeps its position.
    ///
    /// # Errors
    /// Database trouble.
    pub fn put<T: Record>(&mut self, key: &[u8], record: &T) -> Result<(), VaultError> {
        self.put_bytes(T::KIND, key, &record.encode()?)
    }

    /// Writes a record unless its key is taken; answers whether it was written.
    ///
    /// # Errors
    /// Database trouble.
    pub fn insert<T: Record>(&mut self, key: &[u8], record: &T) -> Result<bool, VaultError> {
        if self.get::<T>(key)?.is_some() {
            return Ok(false);
        }
        self.put(key, record)?;
        Ok(true)
    }

    /// The record under `key`, with what this transaction wrote.
    ///
    /// # Errors
    /// As [`Vault::get`].
    pub fn get<T: Record>(&self, key: &[u8]) -> Result<Option<T>, VaultError> {
        read(&self.db, self.keys, T::KIND, key)?
            .map(|bytes| T::decode(&bytes))
            .transpose()
    }

    /// All records of a kind, with what this transaction wrote.
    ///
    /// # Errors
    /// As [`Vault::list`].
    pub fn list<T: Record>(&self) -> Result<Vec<Entry<T>>, VaultError> {
        query(&self.db, self.keys, T::KIND, "ORDER BY position LIMIT ?2", i64::MAX)?
            .into_iter()
            .map(Entry::read)
            .collect()
    }

    /// Changes a record if it exists; answers whether it did.
    ///
    /// # Errors
    /// As [`Vault::get`].
    pub fn update<T: Record>(&mut self, key: &[u8], change: impl FnOnce(&mut T)) -> Result<bool, VaultError> {
        let Some(mut record) = self.get::<T>(key)? else {
            return Ok(false);
        };
        change(&mut record);
        self.put(key, &record)?;
        Ok(true)
    }

    /// Deletes a record; a missing one is no error.
    ///
    /// # Errors
    /// Database trouble.
    pub fn delete<T: Record>(&mut self, key: &[u8]) -> Result<(), VaultError> {
        self.delete_bytes(T::KIND, key)
    }

    /// Deletes every record of a kind.
    ///
    /// # Errors
    /// Database trouble.
    pub fn clear(&mut self, kind: Kind) -> Result<(), VaultError> {
        self.db
            .prepare_cached("DELETE FROM record WHERE kind = ?1")?
            .execute([kind.code()])?;
        Ok(())
    }

    /// Writes the bytes of a record that the protocol owns.
    pub(crate) fn put_party(&mut self, key: &str, value: &[u8]) -> Result<(), VaultError> {
        self.put_bytes(Kind::Party, key.as_bytes(), value)
    }

    /// Deletes a record that the protocol owns.
    pub(crate) fn delete_party(&mut self, key: &str) -> Result<(), VaultError> {
        self.delete_bytes(Kind::Party, key.as_bytes())
    }

    fn delete_bytes(&mut self, kind: Kind, key: &[u8]) -> Result<(), VaultError> {
        let row = self.keys.row(kind, key)?;
        self.db
            .prepare_cached("DELETE FROM record WHERE kind = ?1 AND row = ?2")?
            .execute(rusqlite::params![kind.code(), row])?;
        Ok(())
    }

    fn put_bytes(&mut self, kind: Kind, key: &[u8], value: &[u8]) -> Result<(), VaultError> {
        let row = self.keys.row(kind, key)?;
        let known: Option<i64> = self
            .db
            .prepare_cached("SELECT position FROM record WHERE kind = ?1 AND row = ?2")?
            .query_row(rusqlite::params![kind.code(), row], |row| row.get(0))
            .optional()?;
        let position = match known {
            Some(position) => position,
            None => self
                .db
                .prepare_cached("SELECT coalesce(max(position), 0) + 1 FROM record WHERE kind = ?1")?
                .query_row([kind.code()], |row| row.get(0))?,
        };
        let sealed = self.keys.seal(
            &Place {
                kind,
                row: &row,
                position,
            },
            key,
            value,
        )?;
        self.db
            .prepare_cached(
                "INSERT INTO record (kind, row, position, sealed) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (kind, row) DO UPDATE SET sealed = excluded.sealed",
            )?
            .execute(rusqlite::params![kind.code(), row, position, sealed])?;
        Ok(())
    }
}

fn read(db: &Connection, keys: &Keys, kind: Kind, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
    let row = keys.row(kind, key)?;
    let found: Option<(i64, Vec<u8>)> = db
        .prepare_cached("SELECT position, sealed FROM record WHERE kind = ?1 AND row = ?2")?
        .query_row(rusqlite::params![kind.code(), row], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let Some((position, sealed)) = found else {
        return Ok(None);
    };
    let opened = keys.unseal(
        &Place {
            kind,
            row: &row,
            position,
        },
        &sealed,
    )?;
    // The row is a hash of the key: a record sealed for this row carries this key.
    if opened.key.as_slice() != key {
        return Err(VaultError::Tampered(kind.name()));
    }
    Ok(Some(opened.value))
}

/// `tail` is one of this module's own clauses; `?2` in it is `limit`.
fn query(db: &Connection, keys: &Keys, kind: Kind, tail: &str, limit: i64) -> Result<Vec<Opened>, VaultError> {
    let mut statement = db.prepare_cached(&format!(
        "SELECT row, position, sealed FROM record WHERE kind = ?1 {tail}"
    ))?;
    let mut rows = statement.query(rusqlite::params![kind.code(), limit])?;
    let mut out = Vec::new();
    while let Some(found) = rows.next()? {
        let (row, position, sealed): (Vec<u8>, i64, Vec<u8>) = (found.get(0)?, found.get(1)?, found.get(2)?);
        out.push(keys.unseal(
            &Place {
                kind,
                row: &row,
                position,
            },
            &sealed,
        )?);
    }
    Ok(out)
}
