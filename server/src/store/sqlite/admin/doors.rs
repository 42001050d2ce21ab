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
            .prepare("SELECT hash, uses, expires FROM invite WHERE uses > 0 AND expires > ?1 ORDER BY expires, hash")?
            .query_map([time(now)], |row| {
                Ok(InviteLine {
                    hash: array(row, 0)?,
                    uses: number(row, 1)?,
                    expires: timestamp(row, 2)?,
                })
            })?
            .collect()
    }

    /// Whether there is an invitation with this hash by which somebody may still register, unless it has expired.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn has_invite(&self, hash: &Bytes32) -> rusqlite::Result<bool> {
        let sql = "SELECT 1 FROM invite WHERE hash = ?1 AND uses > 0";
        let found = self.connection.query_row(sql, params![hash], |_| Ok(()));
        Ok(found.optional()?.is_some())
    }

    /// Since when a removed account keeps its name from others, if one does.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn reserved_since(&self, mailbox: MailboxId) -> rusqlite::Result<Option<Timestamp>> {
        self.since(
            "SELECT removed_at FROM removed_account WHERE mailbox = ?1 AND released = 0",
            mailbox,
        )
    }

    /// When the account that has this mailbox was registered, if there is one.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn registered(&self, mailbox: MailboxId) -> rusqlite::Result<Option<Timestamp>> {
        self.since("SELECT created_at FROM account WHERE mailbox = ?1", mailbox)
    }

    fn since(&self, sql: &str, mailbox: MailboxId) -> rusqlite::Result<Option<Timestamp>> {
        let found = self
            .connection
            .query_row(sql, [mailbox.as_bytes()], |row| timestamp(row, 0));
        found.optional()
    }
}
