//! Identities that take each other's place.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::envelopes::refuse_growth;
use super::identities::identity_key;
use super::keys::{put_batch, put_signed_prekey, put_token};
use super::rows::{int, number};
use crate::store::{IdentityChange, IdentityChanged, Result};

pub(super) fn succeed(c: &Connection, change: &IdentityChange) -> Result<IdentityChanged> {
    let id = change.mailbox.as_bytes();
    let Some(current) = identity_key(c, change.mailbox)? else {
        return Ok(IdentityChanged::NoSuchAccount);
    };
    let last: Option<(u64, Vec<u8>)> = c
        .prepare_cached("SELECT counter, payload FROM succession WHERE mailbox = ?1 ORDER BY counter DESC LIMIT 1")?
        .query_row([id], |row| Ok((number(row, 0)?, row.get(1)?)))
        .optional()?;
    // The answer to an earlier attempt was lost: what was published then stays.
    let repeated = current == change.identity_key
        && last
            .as_ref()
            .is_some_and(|(_, payload)| *payload == change.statement.payload);
    if !repeated {
        let next = last.map_or(1, |(counter, _)| counter.saturating_add(1));
        if current != change.statement.identity_key || change.counter != next {
            return Ok(IdentityChanged::NotCurrent);
        }
        replace(c, change)?;
    }
    put_token(c, change.mailbox, &change.token, None)?;
    Ok(IdentityChanged::Done)
}

fn replace(c: &Connection, change: &IdentityChange) -> Result<()> {
    // Of each account some statements are kept.
    refuse_growth(c)?;
    let (id, statement) = (change.mailbox.as_bytes(), &change.statement);
    c.prepare_cached(
        "INSERT INTO succession (mailbox, counter, identity_key, payload, signature) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        id,
        int(change.counter),
        statement.identity_key,
        statement.payload,
        statement.signature
    ])?;
    c.prepare_cached("DELETE FROM succession WHERE mailbox = ?1 AND counter <= ?2")?
        .execute(params![id, int(change.counter.saturating_sub(change.keep))])?;
    c.prepare_cached("UPDATE account SET identity_key = ?2, batch_seq = -1 WHERE mailbox = ?1")?
        .execute(params![id, change.identity_key])?;
    put_signed_prekey(c, change.mailbox, &change.signed_prekey)?;
    for sql in [
        "DELETE FROM one_time WHERE mailbox = ?1",
        "DELETE FROM batch WHERE mailbox = ?1",
        "DELETE FROM delivery_token WHERE mailbox = ?1",
        "UPDATE mailbox SET delivery_tokens = 0 WHERE mailbox = ?1",
    ] {
        c.prepare_cached(sql)?.execute([id])?;
    }
    if let Some(batch) = &change.batch {
        put_batch(c, change.mailbox, batch)?;
    }
    Ok(())
}
