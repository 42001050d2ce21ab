//! Accounts from which a mailbox takes nothing.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{envelopes::refuse_growth, mailbox_heads, rows::number};
use crate::{
    model::MailboxId,
    store::{BlockPut, Result},
};

fn count(c: &Connection, mailbox: MailboxId) -> Result<u32> {
    // There are few, and they are counted when one is added or removed, not when mail comes.
    Ok(
        c.prepare_cached("SELECT count(*) FROM blocked_account WHERE mailbox = ?1")?
            .query_row([mailbox.as_bytes()], |row| number(row, 0))?,
    )
}

pub(super) fn put(c: &Connection, mailbox: MailboxId, account: MailboxId, most: u32) -> Result<BlockPut> {
    if mailbox_heads::acked(c, mailbox)?.is_none() {
        return Ok(BlockPut::NoSuchMailbox);
    }
    let blocked = count(c, mailbox)?;
    if holds(c, mailbox, account)? {
        return Ok(BlockPut::Done(blocked));
    }
    if blocked >= most {
        return Ok(BlockPut::TooMany);
    }
    refuse_growth(c)?;
    c.prepare_cached("INSERT INTO blocked_account (mailbox, account) VALUES (?1, ?2)")?
        .execute(params![mailbox.as_bytes(), account.as_bytes()])?;
    Ok(BlockPut::Done(blocked + 1))
}

pub(super) fn delete(c: &Connection, mailbox: MailboxId, account: MailboxId) -> Result<Option<u32>> {
    if mailbox_heads::acked(c, mailbox)?.is_none() {
        return Ok(None);
    }
    c.prepare_cached("DELETE FROM blocked_account WHERE mailbox = ?1 AND account = ?2")?
        .execute(params![mailbox.as_bytes(), account.as_bytes()])?;
    count(c, mailbox).map(Some)
}

pub(super) fn holds(c: &Connection, mailbox: MailboxId, account: MailboxId) -> Result<bool> {
    let found = c
        .prepare_cached("SELECT 1 FROM blocked_account WHERE mailbox = ?1 AND account = ?2")?
        .query_row(params![mailbox.as_bytes(), account.as_bytes()], |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}
