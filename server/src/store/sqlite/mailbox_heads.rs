//! One row a mailbox: how far it was read, and how many licenses it has.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::rows::{array, number};
use crate::{
    model::MailboxId,
    store::{Part, Result},
};

/// How far a mailbox was read, if there is such a mailbox.
pub(super) fn acked(c: &Connection, mailbox: MailboxId) -> Result<Option<u64>> {
    Ok(c.prepare_cached("SELECT acked_seq FROM mailbox WHERE mailbox = ?1")?
        .query_row([mailbox.as_bytes()], |row| number(row, 0))
        .optional()?)
}

/// How far each mailbox was read.
pub(super) fn all_acked(c: &Connection) -> rusqlite::Result<HashMap<MailboxId, u64>> {
    c.prepare("SELECT mailbox, acked_seq FROM mailbox")?
        .query_map([], |row| Ok((MailboxId::from_bytes(array(row, 0)?), number(row, 1)?)))?
        .collect()
}

/// How many licenses a part of a mailbox has.
pub(super) fn licenses(c: &Connection, mailbox: MailboxId, part: Part) -> Result<u64> {
    let sql = match part {
        Part::Known => "SELECT licenses FROM mailbox WHERE mailbox = ?1",
        Part::Stranger => "SELECT stranger_licenses FROM mailbox WHERE mailbox = ?1",
    };
    Ok(c.prepare_cached(sql)?
        .query_row([mailbox.as_bytes()], |row| number(row, 0))?)
}

/// So many licenses more, or fewer, of a part of a mailbox.
pub(super) fn count_licenses(c: &Connection, mailbox: MailboxId, part: Part, more: i64) -> Result<()> {
    let sql = match part {
        Part::Known => "UPDATE mailbox SET licenses = licenses + ?2 WHERE mailbox = ?1",
        Part::Stranger => "UPDATE mailbox SET stranger_licenses = stranger_licenses + ?2 WHERE mailbox = ?1",
    };
    c.prepare_cached(sql)?.execute(params![mailbox.as_bytes(), more])?;
    Ok(())
}
