//! Delivery tokens: who may send to a mailbox without an account.

use rusqlite::{Connection, OptionalExtension as _, params};
use subtle::ConstantTimeEq as _;

use super::{
    envelopes::refuse_growth,
    rows::{array, number},
};
use crate::{
    model::{Bytes32, MailboxId},
    store::{Result, TokenPut},
};

fn held(c: &Connection, mailbox: MailboxId, hash: &Bytes32) -> Result<Option<Bytes32>> {
    let held = c
        .prepare_cached("SELECT hash FROM delivery_token WHERE mailbox = ?1 AND hash = ?2")?
        .query_row(params![mailbox.as_bytes(), hash], |row| array(row, 0))
        .optional()?;
    Ok(held)
}

fn count(c: &Connection, mailbox: MailboxId) -> Result<Option<u32>> {
    let count = c
        .prepare_cached("SELECT delivery_tokens FROM mailbox WHERE mailbox = ?1")?
        .query_row([mailbox.as_bytes()], |row| number(row, 0))
        .optional()?;
    Ok(count)
}

pub(super) fn put(c: &Connection, mailbox: MailboxId, hash: &Bytes32, most: u32) -> Result<TokenPut> {
    if held(c, mailbox, hash)?.is_none() {
        let counted = c
            .prepare_cached(
                "UPDATE mailbox SET delivery_tokens = delivery_tokens + 1 WHERE mailbox = ?1 AND delivery_tokens < ?2",
            )?
            .execute(params![mailbox.as_bytes(), most])?;
        if counted == 0 {
            return Ok(count(c, mailbox)?.map_or(TokenPut::NoSuchMailbox, |_| TokenPut::TooMany));
        }
        refuse_growth(c)?;
        c.prepare_cached("INSERT INTO delivery_token (mailbox, hash) VALUES (?1, ?2)")?
            .execute(params![mailbox.as_bytes(), hash])?;
    }
    Ok(count(c, mailbox)?.map_or(TokenPut::NoSuchMailbox, TokenPut::Done))
}

pub(super) fn delete(c: &Connection, mailbox: MailboxId, hash: &Bytes32) -> Result<Option<u32>> {
    let deleted = c
        .prepare_cached("DELETE FROM delivery_token WHERE mailbox = ?1 AND hash = ?2")?
        .execute(params![mailbox.as_bytes(), hash])?;
    if deleted > 0 {
        c.prepare_cached("UPDATE mailbox SET delivery_tokens = delivery_tokens - 1 WHERE mailbox = ?1")?
            .execute([mailbox.as_bytes()])?;
    }
    count(c, mailbox)
}

/// Whether the mailbox holds the token. An unknown one, and one for a mailbox that does not exist, are compared too: they take the same way.
pub(super) fn holds(c: &Connection, mailbox: MailboxId, hash: &Bytes32) -> Result<bool> {
    let held = held(c, mailbox, hash)?;
    let right = held.as_ref().unwrap_or(&[0; 32]).ct_eq(hash);
    Ok(bool::from(right) & held.is_some())
}
