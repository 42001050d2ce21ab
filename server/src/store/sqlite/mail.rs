//! Mailboxes: what of them is in the database, which is everything but the envelopes.

use std::collections::HashMap;

use protocol::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    licenses::insert,
    maillog::{self, Index},
    rows::{array, int, number, time, timestamp},
    sealed,
};
use crate::{
    model::{Bytes32, Incarnation, MailboxId, Sender},
    store::{Ack, Acked, Deposit, LicenseRow, Page, Result, writer::Effects},
};

/// The idempotency key: who sent what to whom, only as a hash.
pub(super) fn receipt_key(d: &Deposit) -> Bytes32 {
    let (label, sender) = match &d.principal {
        Sender::Account(mailbox) => (&b"latchkey/1/receipt"[..], &mailbox.as_bytes()[..]),
        Sender::Token(hash) => (&b"latchkey/1/receipt-token"[..], &hash[..]),
    };
    Sha256::new()
        .chain_update(label)
        .chain_update(d.mailbox.as_bytes())
        .chain_update(sender)
        .chain_update(d.id.as_bytes())
        .finalize()
        .into()
}

/// The last sequence number that a mailbox is known to have given out, if there is such a mailbox. What waits in the log may have later ones.
pub(super) fn last(c: &Connection, mailbox: MailboxId) -> Result<Option<u64>> {
    Ok(c.prepare_cached("SELECT last_seq FROM mailbox WHERE mailbox = ?1")?
        .query_row([mailbox.as_bytes()], |row| number(row, 0))
        .optional()?)
}

/// How far each mailbox was read.
pub(super) fn all_acked(c: &Connection) -> rusqlite::Result<HashMap<MailboxId, u64>> {
    c.prepare("SELECT mailbox, acked_seq FROM mailbox")?
        .query_map([], |row| Ok((MailboxId::from_bytes(array(row, 0)?), number(row, 1)?)))?
        .collect()
}

/// How many licenses a mailbox has.
pub(super) fn licenses(c: &Connection, mailbox: MailboxId) -> Result<u64> {
    Ok(c.prepare_cached("SELECT licenses FROM mailbox WHERE mailbox = ?1")?
        .query_row([mailbox.as_bytes()], |row| number(row, 0))?)
}

/// Stores a license, one more of its mailbox.
pub(super) fn add_license(c: &Connection, license: &LicenseRow) -> Result<()> {
    c.prepare_cached("UPDATE mailbox SET licenses = licenses + 1 WHERE mailbox = ?1")?
        .execute([license.id.mailbox.as_bytes()])?;
    insert(c, license)
}

/// A send was refused because the mailbox is full.
pub(super) fn refuse(c: &Connection, mailbox: MailboxId) -> Result<()> {
    c.prepare_cached("UPDATE mailbox SET refused_total = refused_total + 1 WHERE mailbox = ?1")?
        .execute([mailbox.as_bytes()])?;
    Ok(())
}

/// What lies in a mailbox up to `sequence` does not count any more. The last number is kept with it: of it the log will not tell for ever.
fn pass(c: &Connection, mailbox: MailboxId, sequence: u64, last: u64) -> Result<()> {
    c.prepare_cached(
        "UPDATE mailbox SET acked_seq = max(acked_seq, ?2), last_seq = max(last_seq, ?3) WHERE mailbox = ?1",
    )?
    .execute(params![mailbox.as_bytes(), int(sequence), int(last)])?;
    Ok(())
}

pub(super) fn acknowledge(
    c: &Connection,
    index: &Index,
    effects: &mut Effects,
    mailbox: MailboxId,
    ack: Option<Ack>,
    commit_counter: Option<u64>,
) -> Result<Acked> {
    let acked = match ack {
        Some(ack) => read_up_to(c, index, effects, mailbox, ack)?,
        None => Acked::Done(0),
    };
    if let (Acked::Done(_), Some(counter)) = (acked, commit_counter) {
        // A row that is not changed is not written: polls with the same number cost no fsync.
        c.prepare_cached("UPDATE mailbox SET commit_counter = ?2 WHERE mailbox = ?1 AND commit_counter < ?2")?
            .execute(params![mailbox.as_bytes(), int(counter)])?;
    }
    Ok(acked)
}

fn read_up_to(c: &Connection, index: &Index, effects: &mut Effects, mailbox: MailboxId, ack: Ack) -> Result<Acked> {
    let row = c
        .prepare_cached("SELECT incarnation, last_seq, acked_seq FROM mailbox WHERE mailbox = ?1")?
        .query_row([mailbox.as_bytes()], |row| {
            Ok((array(row, 0)?, number::<u64>(row, 1)?, number::<u64>(row, 2)?))
        })
        .optional()?;
    // The account may have been removed since its owner was let in.
    let Some((incarnation, last, acked)) = row else {
        return Ok(Acked::NoSuchMailbox);
    };
    let last = last.max(index.usage(mailbox).last);
    // Beyond what was ever stored: the reader knows a future that this store has lost, so its numbers mean something else.
    if Incarnation(Uuid::from_bytes(incarnation)) != ack.incarnation || ack.sequence > last {
        return Ok(Acked::Stale);
    }
    if ack.sequence <= acked {
        return Ok(Acked::Done(0));
    }
    pass(c, mailbox, ack.sequence, last)?;
    effects.gone.push((mailbox, ack.sequence));
    Ok(Acked::Done(index.between(mailbox, acked, ack.sequence)))
}

pub(super) fn page(
    c: &Connection,
    index: &Index,
    mailbox: MailboxId,
    limit: u32,
    max_bytes: usize,
    now: Timestamp,
) -> Result<Option<Page>> {
    let head = c
        .prepare_cached(
            "SELECT incarnation, expired_total, refused_total, commit_counter, acked_seq FROM mailbox WHERE mailbox = ?1",
        )?
        .query_row([mailbox.as_bytes()], |row| {
            let page = Page {
                incarnation: Incarnation(Uuid::from_bytes(array(row, 0)?)),
                envelopes: Vec::new(),
                expired_total: number(row, 1)?,
                refused_total: number(row, 2)?,
                commit_counter: number(row, 3)?,
            };
            Ok((page, number(row, 4)?))
        })
        .optional()?;
    let Some((head, acked)) = head else {
        return Ok(None);
    };
    Ok(Some(Page {
        envelopes: maillog::page(index, mailbox, acked, (limit, max_bytes), now)?,
        ..head
    }))
}

pub(super) fn clear(
    c: &Connection,
    index: &Index,
    effects: &mut Effects,
    mailbox: MailboxId,
    incarnation: Incarnation,
) -> Result<Option<u64>> {
    let Some(last) = last(c, mailbox)? else {
        return Ok(None);
    };
    let usage = index.usage(mailbox);
    let acked: u64 = c
        .prepare_cached("SELECT acked_seq FROM mailbox WHERE mailbox = ?1")?
        .query_row([mailbox.as_bytes()], |row| number(row, 0))?;
    // Sequence numbers go on: even a client that ignores incarnations never meets one twice.
    let last = last.max(usage.last);
    pass(c, mailbox, last, last)?;
    c.prepare_cached("UPDATE mailbox SET incarnation = ?2 WHERE mailbox = ?1")?
        .execute(params![mailbox.as_bytes(), incarnation.0.as_bytes()])?;
    effects.gone.push((mailbox, last));
    // An earlier job of this commit may have removed some, of which the index hears afterwards.
    Ok(Some(index.between(mailbox, acked, last)))
}

/// Envelopes that have expired at the head of their mailboxes go, at most `limit`; how many.
pub(super) fn expire(
    c: &Connection,
    index: &Index,
    effects: &mut Effects,
    now: Timestamp,
    limit: usize,
) -> Result<usize> {
    let mut all = 0;
    for (mailbox, up_to, count) in index.expired(now, limit) {
        let acked = c
            .prepare_cached("SELECT acked_seq FROM mailbox WHERE mailbox = ?1")?
            .query_row([mailbox.as_bytes()], |row| number::<u64>(row, 0))
            .optional()?;
        let count = acked.map_or(count, |acked| index.between(mailbox, acked, up_to));
        pass(c, mailbox, up_to, index.usage(mailbox).last)?;
        c.prepare_cached("UPDATE mailbox SET expired_total = expired_total + ?2 WHERE mailbox = ?1")?
            .execute(params![mailbox.as_bytes(), int(count)])?;
        effects.gone.push((mailbox, up_to));
        all += usize::try_from(count).unwrap_or(0);
    }
    Ok(all)
}

/// Everything in a mailbox goes, with the mailbox.
pub(super) fn abandon(c: &Connection, index: &Index, effects: &mut Effects, mailbox: MailboxId) -> Result<()> {
    let last = index.usage(mailbox).last;
    pass(c, mailbox, last, last)?;
    effects.gone.push((mailbox, last));
    Ok(())
}

/// An envelope in a table.
pub(super) struct InTable {
    /// Whose.
    pub mailbox: MailboxId,
    /// Its place.
    pub sequence: u64,
    /// When it was stored.
    pub stored_at: Timestamp,
    /// When it expires.
    pub expires: Timestamp,
    /// The envelope.
    pub envelope: Vec<u8>,
    body: i64,
}

/// Some of the envelopes that lie in tables.
pub(super) fn in_tables(c: &Connection, limit: u32) -> Result<Vec<InTable>> {
    Ok(c.prepare_cached(
        "SELECT mailbox, seq, stored_at, expires, content, body FROM envelope JOIN sealed ON sealed.id = envelope.body ORDER BY mailbox, seq LIMIT ?1",
    )?
    .query_map([limit], |row| {
        Ok(InTable {
            mailbox: MailboxId::from_bytes(array(row, 0)?),
            sequence: number(row, 1)?,
            stored_at: timestamp(row, 2)?,
            expires: timestamp(row, 3)?,
            envelope: row.get(4)?,
            body: row.get(5)?,
        })
    })?
    .collect::<rusqlite::Result<_>>()?)
}

/// Puts an envelope into the tables of a copy, if the copy has its mailbox.
pub(super) fn put_into_tables(
    c: &Connection,
    mailbox: MailboxId,
    sequence: u64,
    times: [Timestamp; 2],
    envelope: &[u8],
) -> rusqlite::Result<()> {
    let there = c
        .prepare_cached("SELECT 1 FROM mailbox WHERE mailbox = ?1")?
        .exists([mailbox.as_bytes()])?;
    if !there {
        return Ok(());
    }
    let body = sealed::put_row(c, envelope)?;
    c.prepare_cached(
        "INSERT INTO envelope (mailbox, seq, stored_at, expires, size, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        mailbox.as_bytes(),
        int(sequence),
        time(times[0]),
        time(times[1]),
        int(envelope.len() as u64),
        body
    ])
    .map(drop)
}

/// These are in the log now.
pub(super) fn forget_tables(c: &Connection, rows: &[InTable]) -> Result<()> {
    let transaction = c.unchecked_transaction()?;
    for row in rows {
        transaction
            .prepare_cached("DELETE FROM envelope WHERE mailbox = ?1 AND seq = ?2")?
            .execute(params![row.mailbox.as_bytes(), int(row.sequence)])?;
        sealed::remove(&transaction, row.body)?;
    }
    Ok(transaction.commit()?)
}
