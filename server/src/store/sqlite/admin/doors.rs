//! Invitations and reserved names, for the operator.

use protocol::Timestamp;
use rusqlite::{OptionalExtension as _, params};

use super::Reader;
use crate::{
    model::{Bytes32, MailboxId},
    store::sqlite::rows::{array, number, time, timestamp},
};

/// An invitation, for the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InviteLine {
    /// The hash of its code.
    pub hash: Bytes32,
    /// How many may still register by it.
    pub uses: u64,
    /// Until when.
    pub expires: Timestamp,
}

impl Reader {
    /// Every invitation that still lets someone in, the next to expire first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn invites(&self, now: Timestamp) -> rusqlite::Result<Vec<InviteLine>> {
        self.connection
            .prepare("SELECT hash, uses, expires FROM invite WHERE expires > ?1 ORDER BY expires, hash")?
            .query_map([time(now)], |row| {
                Ok(InviteLine {
                    hash: array(row, 0)?,
                    uses: number(row, 1)?,
                    expires: timestamp(row, 2)?,
                })
            })?
            .collect()
    }

    /// Whether there is an invitation with this hash, expired or not.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn has_invite(&self, hash: &Bytes32) -> rusqlite::Result<bool> {
        self.is_there("SELECT 1 FROM invite WHERE hash = ?1", hash)
    }

    /// Whether a removed account keeps its name from others.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn is_reserved(&self, mailbox: MailboxId) -> rusqlite::Result<bool> {
        self.is_there("SELECT 1 FROM removed_account WHERE mailbox = ?1", mailbox.as_bytes())
    }

    fn is_there(&self, sql: &str, id: &[u8]) -> rusqlite::Result<bool> {
        let found = self.connection.query_row(sql, params![id], |_| Ok(()));
        Ok(found.optional()?.is_some())
    }
}
