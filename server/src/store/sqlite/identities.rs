//! Which identity an account has, and had.

use protocol::succession::PublishedSuccession;
use rusqlite::{Connection, OptionalExtension as _};

use crate::{
    model::MailboxId,
    store::{IdentityRow, Result},
};

pub(super) fn identity(c: &Connection, mailbox: MailboxId) -> Result<Option<IdentityRow>> {
    let Some(identity_key) = identity_key(c, mailbox)? else {
        return Ok(None);
    };
    Ok(Some(IdentityRow {
        identity_key,
        successions: successions(c, mailbox)?,
    }))
}

pub(super) fn identity_key(c: &Connection, mailbox: MailboxId) -> Result<Option<Vec<u8>>> {
    let key = c
        .prepare_cached("SELECT identity_key FROM account WHERE mailbox = ?1")?
        .query_row([mailbox.as_bytes()], |row| row.get(0))
        .optional()?;
    Ok(key)
}

/// The kept statements of an account, oldest first.
pub(super) fn successions(c: &Connection, mailbox: MailboxId) -> Result<Vec<PublishedSuccession>> {
    let mut statement = c.prepare_cached(
        "SELECT identity_key, payload, signature FROM succession WHERE mailbox = ?1 ORDER BY counter",
    )?;
    let rows = statement.query_map([mailbox.as_bytes()], |row| {
        Ok(PublishedSuccession {
            identity_key: row.get(0)?,
            payload: row.get(1)?,
            signature: row.get(2)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
