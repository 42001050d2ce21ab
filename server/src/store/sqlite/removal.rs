//! An account that the operator removes, a bounded piece at a time like a sweep.
//!
//! What was addressed to it goes: envelopes, licenses with their plays, prekeys, tokens, the name and the keys. Receipts of sends stay for their time: they are hashes that
//! lie by nobody's mailbox. What it sent is others' mail and stays; its gate keys take no new license and go with their last, so that messages sent with them can still be opened.

use protocol::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    envelopes::Index,
    licenses::{ACTIVE, REVOKED, end, remove},
    mail,
    rows::{array, int, time},
    sweep::remove_plays,
    writer::{Effects, Sums},
};
use crate::store::sqlite::invitations;
use crate::{
    model::{LicenseId, MailboxId},
    store::{AuditEvent, Removal, Result, known_senders::Change},
};

pub(super) fn step(
    c: &Connection,
    index: &Index,
    effects: &mut Effects,
    (mailbox, registered): (MailboxId, Timestamp),
    now: Timestamp,
    limit: u32,
) -> Result<Removal> {
    let id = mailbox.as_bytes();
    let there = c
        .prepare_cached("SELECT 1 FROM account WHERE mailbox = ?1 AND created_at = ?2")?
        .query_row(params![id, time(registered)], |_| Ok(()))
        .optional()?;
    if there.is_none() {
        return Ok(Removal::NoSuchAccount);
    }
    effects.change = Some(Change::Everything(mailbox));
    effects.erases = true;
    // Whoever waits there looks again, and is told that there is nothing any more.
    effects.wake = Some(mailbox);
    c.prepare_cached("INSERT OR IGNORE INTO removed_account (mailbox, removed_at) VALUES (?1, ?2)")?
        .execute(params![id, time(now)])?;
    c.prepare_cached("DELETE FROM token WHERE mailbox = ?1")?
        .execute([id])?;
    c.prepare_cached("UPDATE gate_key SET retired = 1 WHERE owner = ?1")?
        .execute([id])?;

    // What one kind leaves of the step is the next one's.
    let mut room = limit as usize;
    mail::abandon(c, index, effects, mailbox)?;
    let (rows, mut more) = licenses(c, mailbox, now, room)?;
    room -= rows;
    for sql in [
        "DELETE FROM blocked_account WHERE (mailbox, account) IN (SELECT mailbox, account FROM blocked_account WHERE mailbox = ?1 LIMIT ?2)",
        "DELETE FROM delivery_token WHERE (mailbox, hash) IN (SELECT mailbox, hash FROM delivery_token WHERE mailbox = ?1 LIMIT ?2)",
        "DELETE FROM one_time WHERE rowid IN (SELECT rowid FROM one_time WHERE mailbox = ?1 LIMIT ?2)",
    ] {
        if !more {
            room -= c.prepare_cached(sql)?.execute(params![id, int(room as u64)])?;
            more = room == 0;
        }
    }
    if more {
        // The counts of what is left stay right for whoever looks in between.
        c.prepare_cached(
            "UPDATE mailbox SET delivery_tokens = (SELECT count(*) FROM delivery_token WHERE mailbox = ?1) WHERE mailbox = ?1",
        )?
        .execute([id])?;
        c.prepare_cached(
            "UPDATE batch SET remaining = (SELECT count(*) FROM one_time AS o WHERE o.mailbox = ?1 AND o.seq = batch.seq) WHERE mailbox = ?1",
        )?
        .execute([id])?;
        return Ok(Removal::More);
    }
    // Where whoever has the name next begins.
    c.prepare_cached(
        "UPDATE removed_account SET last_seq = (SELECT acked_seq FROM mailbox WHERE mailbox = ?1) WHERE mailbox = ?1",
    )?
    .execute([id])?;
    for sql in [
        "DELETE FROM batch WHERE mailbox = ?1",
        "DELETE FROM succession WHERE mailbox = ?1",
        "DELETE FROM mailbox WHERE mailbox = ?1",
        "DELETE FROM account WHERE mailbox = ?1",
    ] {
        c.prepare_cached(sql)?.execute([id])?;
    }
    let one_less = Sums {
        accounts: -1,
        ..Sums::default()
    };
    super::totals::add_totals(c, one_less)?;
    invitations::note(c, AuditEvent::AccountRemoved, Some(mailbox), 1, now)?;
    Ok(Removal::Done)
}

/// How many licenses and plays were removed, and whether there may be more.
fn licenses(c: &Connection, mailbox: MailboxId, now: Timestamp, limit: usize) -> Result<(usize, bool)> {
    let due: Vec<([u8; 16], i64)> = c
        .prepare_cached("SELECT license, state FROM license WHERE mailbox = ?1 LIMIT ?2")?
        .query_map(params![mailbox.as_bytes(), int(limit as u64)], |row| {
            Ok((array(row, 0)?, row.get(1)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut rows = 0;
    for (nonce, state) in due {
        let id = LicenseId { mailbox, nonce };
        let room = limit.saturating_sub(rows + 1);
        let plays = remove_plays(c, id, room)?;
        rows += plays;
        if plays >= room {
            return Ok((rows, true));
        }
        if state == ACTIVE {
            end(c, id, REVOKED, now)?;
        }
        remove(c, id)?;
        rows += 1;
    }
    Ok((rows, rows == limit))
}
