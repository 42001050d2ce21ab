//! What the database knows of the mail log: its segments, and the receipts that were put away.

use protocol::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    maillog::{Key, Receipt, Run, items},
    rows::{array, int, number, time, timestamp},
};
use crate::{
    model::{Bytes32, MailboxId},
    store::Result,
};

/// A segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    /// Its number.
    pub id: u32,
    /// Where its records end; none in the one that is being written.
    pub sealed: Option<u32>,
    /// Whether its receipts are in the database.
    pub away: bool,
}

/// Every segment, oldest first.
pub(super) fn all(c: &Connection) -> rusqlite::Result<Vec<Row>> {
    c.prepare_cached("SELECT id, sealed, away FROM mail_segment ORDER BY id")?
        .query_map([], |row| {
            let sealed = row.get::<_, Option<i64>>(1)?;
            Ok(Row {
                id: number(row, 0)?,
                sealed: sealed.map(|_| number(row, 1)).transpose()?,
                away: row.get(2)?,
            })
        })?
        .collect()
}

/// Every segment; none in a database that is older than the mail log.
pub(super) fn known(c: &Connection) -> rusqlite::Result<Vec<Row>> {
    let there = c
        .prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'mail_segment'")?
        .exists([])?;
    if there { all(c) } else { Ok(Vec::new()) }
}

/// A number that no segment had, nor one whose receipts are here.
pub(super) fn fresh(c: &Connection) -> rusqlite::Result<u32> {
    c.query_row(
        "SELECT 1 + max(coalesce((SELECT max(id) FROM mail_segment), 0), coalesce((SELECT max(segment) FROM receipt_run), 0))",
        [],
        |row| number(row, 0),
    )
}

/// The first segment of a log.
pub(super) fn begin(c: &Connection, id: u32) -> rusqlite::Result<()> {
    c.execute("INSERT INTO mail_segment (id) VALUES (?1)", [id]).map(drop)
}

/// Seals a segment, after which `next` is written.
pub(super) fn follow(c: &Connection, id: u32, end: u32, next: u32) -> Result<()> {
    let transaction = c.unchecked_transaction()?;
    transaction
        .prepare_cached("UPDATE mail_segment SET sealed = ?2 WHERE id = ?1")?
        .execute(params![id, end])?;
    transaction
        .prepare_cached("INSERT INTO mail_segment (id) VALUES (?1)")?
        .execute([next])?;
    Ok(transaction.commit()?)
}

/// A segment is to be deleted.
pub(super) fn drop_segment(c: &Connection, id: u32) -> Result<()> {
    c.prepare_cached("DELETE FROM mail_segment WHERE id = ?1")?
        .execute([id])?;
    Ok(())
}

/// Puts receipts of a segment away, except those of accounts that are gone; with the `last` of them it is noted that they are.
pub(super) fn put_runs(c: &Connection, segment: u32, runs: &[Run], last: bool) -> Result<()> {
    let transaction = c.unchecked_transaction()?;
    {
        let mut insert = transaction.prepare_cached(
            "INSERT OR REPLACE INTO receipt_run (segment, mailbox, items) SELECT ?1, mailbox, ?3 FROM mailbox WHERE mailbox = ?2",
        )?;
        for run in runs {
            insert.execute(params![segment, run.mailbox.as_bytes(), run.items])?;
        }
    }
    if let Some(forget_at) = runs.iter().map(|run| run.forget_at).max() {
        remember_until(&transaction, segment, forget_at)?;
    }
    if last {
        transaction
            .prepare_cached("UPDATE mail_segment SET away = 1 WHERE id = ?1")?
            .execute([segment])?;
    }
    Ok(transaction.commit()?)
}

fn remember_until(c: &Connection, segment: u32, forget_at: Timestamp) -> rusqlite::Result<()> {
    c.prepare_cached(
        "INSERT INTO receipt_segment (segment, forget_at) VALUES (?1, ?2)
         ON CONFLICT (segment) DO UPDATE SET forget_at = max(forget_at, excluded.forget_at)",
    )?
    .execute(params![segment, time(forget_at)])
    .map(drop)
}

/// The receipt of a send among those that were put away, one by one (as older relays did) or in runs.
pub(super) fn receipt(
    c: &Connection,
    mailbox: MailboxId,
    key: &Key,
    whole: &Bytes32,
    now: Timestamp,
) -> Result<Option<Receipt>> {
    let id = mailbox.as_bytes();
    let single = c
        .prepare_cached(
            "SELECT body_hash, stored_at, envelope_expires, forget_at FROM receipt WHERE mailbox = ?1 AND key = ?2",
        )?
        .query_row(params![id, whole], |row| {
            Ok(Receipt {
                body_hash: array(row, 0)?,
                stored_at: timestamp(row, 1)?,
                expires: timestamp(row, 2)?,
                forget_at: timestamp(row, 3)?,
            })
        })
        .optional()?;
    if single.is_some() {
        return Ok(single);
    }
    let mut statement = c.prepare_cached("SELECT items FROM receipt_run WHERE mailbox = ?1")?;
    let mut rows = statement.query([id])?;
    while let Some(row) = rows.next()? {
        let run = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
        let found = items(run).find(|(other, receipt)| other == key && receipt.forget_at > now);
        if let Some((_, receipt)) = found {
            return Ok(Some(receipt));
        }
    }
    Ok(None)
}

/// Every receipt that was put away: the key's first half, and when it can be forgotten; those that can be first.
pub(super) fn each_receipt(c: &Connection, mut each: impl FnMut(&Key, Timestamp)) -> rusqlite::Result<()> {
    let mut statement = c.prepare("SELECT key, forget_at FROM receipt")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let key: [u8; 32] = array(row, 0)?;
        if let Some(short) = key.first_chunk() {
            each(short, timestamp(row, 1)?);
        }
    }
    let mut statement = c.prepare("SELECT items FROM receipt_run ORDER BY segment")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        items(row.get_ref(0)?.as_blob()?).for_each(|(key, receipt)| each(&key, receipt.forget_at));
    }
    Ok(())
}

/// Deletes receipts whose time is over, at most `limit` rows; how many rows. Runs go when all of their segment is over; a single receipt in them is not known
/// any more from its own time on.
pub(super) fn forget_receipts(c: &Connection, now: Timestamp, limit: usize) -> Result<usize> {
    let mut gone = c
        .prepare_cached("DELETE FROM receipt WHERE (mailbox, key) IN (SELECT mailbox, key FROM receipt WHERE forget_at <= ?1 LIMIT ?2)")?
        .execute(params![time(now), int(limit as u64)])?;
    while gone < limit {
        let over = c
            .prepare_cached("SELECT segment FROM receipt_segment WHERE forget_at <= ?1 ORDER BY segment LIMIT 1")?
            .query_row([time(now)], |row| row.get::<_, i64>(0))
            .optional()?;
        let Some(segment) = over else {
            break;
        };
        let rows = c
            .prepare_cached("DELETE FROM receipt_run WHERE segment = ?1 AND mailbox IN (SELECT mailbox FROM receipt_run WHERE segment = ?1 LIMIT ?2)")?
            .execute(params![segment, int((limit - gone) as u64)])?;
        gone += rows;
        if gone < limit {
            c.prepare_cached("DELETE FROM receipt_segment WHERE segment = ?1")?
                .execute([segment])?;
            gone += 1;
        }
    }
    Ok(gone)
}

/// A run of receipts, for a copy of the database.
pub(super) fn put_run(
    c: &Connection,
    mailbox: MailboxId,
    segment: u32,
    forget_at: Timestamp,
    items: &[u8],
) -> rusqlite::Result<()> {
    c.prepare_cached("INSERT OR REPLACE INTO receipt_run (segment, mailbox, items) VALUES (?1, ?2, ?3)")?
        .execute(params![segment, mailbox.as_bytes(), items])?;
    remember_until(c, segment, forget_at)
}

/// Segments whose receipts are not all here, and the first number that no segment had yet.
pub(super) fn unfolded(c: &Connection) -> rusqlite::Result<(Vec<u32>, u32)> {
    let unfolded = all(c)?.into_iter().filter(|row| !row.away).map(|row| row.id);
    Ok((unfolded.collect(), fresh(c)?))
}

/// Puts the receipts of these segments, and of those from the given number on, that are in `c` into a copy that was made before they were.
pub(super) fn copy_runs(c: &Connection, copy: &Connection, (segments, from): &(Vec<u32>, u32)) -> rusqlite::Result<()> {
    let mut statement = c.prepare(
        "SELECT mailbox, segment, forget_at, items FROM receipt_run JOIN receipt_segment USING (segment) WHERE segment >= ?1 ORDER BY segment",
    )?;
    let first = segments.iter().min().unwrap_or(from);
    let mut rows = statement.query([first])?;
    while let Some(row) = rows.next()? {
        let segment: u32 = number(row, 1)?;
        if segment >= *from || segments.contains(&segment) {
            let mailbox = MailboxId::from_bytes(array(row, 0)?);
            put_run(copy, mailbox, segment, timestamp(row, 2)?, row.get_ref(3)?.as_blob()?)?;
        }
    }
    Ok(())
}
