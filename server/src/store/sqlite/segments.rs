//! What the database knows of the mail log: its segments, and the receipts that were put away.

use std::ops::RangeInclusive;

use protocol::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    maillog::{Key, Receipt, Run, items, with_key},
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

/// Which part of a segment's receipts is put away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// The first: whatever an earlier attempt left that was cut off is replaced.
    pub first: bool,
    /// The last: the segment's receipts are all here then.
    pub last: bool,
}

/// Puts receipts of a segment away, except those of accounts that are gone.
pub(super) fn put_runs(c: &Connection, segment: u32, runs: &[Run], part: Part) -> Result<()> {
    let transaction = c.unchecked_transaction()?;
    if part.first {
        // Runs of two attempts must not lie beside each other: they may have other borders, because less or more had expired, and a run that was cut short would
        // hide what follows it in a longer one. All receipts of such a segment are in memory again.
        transaction
            .prepare_cached("DELETE FROM receipt_run WHERE segment = ?1")?
            .execute([segment])?;
    }
    // Two statements: for an INSERT that selects SQLite keeps a copy of each page that it changes.
    for run in runs {
        let mailbox = run.mailbox.as_bytes();
        if transaction
            .prepare_cached("SELECT 1 FROM mailbox WHERE mailbox = ?1")?
            .exists([mailbox])?
        {
            put_run(&transaction, segment, mailbox, &run.first, &run.items)?;
        }
    }
    if let Some(forget_at) = runs.iter().map(|run| run.forget_at).max() {
        remember_until(&transaction, segment, forget_at)?;
    }
    if part.last {
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

/// The last of a range of segments that has receipts of a mailbox.
pub(super) const SEGMENT_BEFORE: &str =
    "SELECT max(segment) FROM receipt_run WHERE mailbox = ?1 AND segment BETWEEN ?2 AND ?3";
/// The run of a mailbox out of a segment that has a key, if one has.
pub(super) const RUN_AROUND: &str =
    "SELECT items FROM receipt_run WHERE mailbox = ?1 AND segment = ?2 AND first <= ?3 ORDER BY first DESC LIMIT 1";

/// The receipt of a send among those that were put away, one by one (as older relays did) or in runs out of this range of segments. The key comes as it is in runs and whole.
pub(super) fn receipt(
    c: &Connection,
    mailbox: MailboxId,
    (key, whole): (&Key, &Bytes32),
    range: RangeInclusive<u32>,
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
    // The newest segment first. Of each one run is read: the last that does not begin behind the key.
    let (first, mut last) = (i64::from(*range.start()), i64::from(*range.end()));
    let (mut segments, mut run) = (c.prepare_cached(SEGMENT_BEFORE)?, c.prepare_cached(RUN_AROUND)?);
    while let Some(segment) = segments.query_row(params![id, first, last], |row| row.get::<_, Option<i64>>(0))? {
        let mut rows = run.query(params![id, segment, key])?;
        if let Some(row) = rows.next()? {
            let run = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
            let found = with_key(run, key).find(|receipt| receipt.forget_at > now);
            if found.is_some() {
                return Ok(found);
            }
        }
        last = segment - 1;
    }
    Ok(None)
}

/// Every receipt that was put away: its segment (0 for those that have none), the key's first half, and when it can be forgotten; in the order of the segments.
pub(super) fn each_receipt(c: &Connection, mut each: impl FnMut(u32, &Key, Timestamp)) -> rusqlite::Result<()> {
    let mut statement = c.prepare("SELECT key, forget_at FROM receipt")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let key: [u8; 32] = array(row, 0)?;
        if let Some(short) = key.first_chunk() {
            each(0, short, timestamp(row, 1)?);
        }
    }
    let mut statement = c.prepare("SELECT segment, items FROM receipt_run ORDER BY segment")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let segment = number(row, 0)?;
        items(row.get_ref(1)?.as_blob()?).for_each(|(key, receipt)| each(segment, &key, receipt.forget_at));
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
            .prepare_cached("DELETE FROM receipt_run WHERE (segment, mailbox, first) IN (SELECT segment, mailbox, first FROM receipt_run WHERE segment = ?1 LIMIT ?2)")?
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

/// All receipts of these mailboxes out of a segment, for a copy of the database that may have some of them already.
pub(super) fn copy_receipts(c: &Connection, segment: u32, runs: &[Run]) -> rusqlite::Result<()> {
    let mut clear = c.prepare_cached("DELETE FROM receipt_run WHERE segment = ?1 AND mailbox = ?2")?;
    let mut last = None;
    for run in runs {
        if last.replace(run.mailbox) != Some(run.mailbox) {
            clear.execute(params![segment, run.mailbox.as_bytes()])?;
        }
        put_run(c, segment, run.mailbox.as_bytes(), &run.first, &run.items)?;
        remember_until(c, segment, run.forget_at)?;
    }
    Ok(())
}

fn put_run(c: &Connection, segment: u32, mailbox: &[u8], first: &[u8], items: &[u8]) -> rusqlite::Result<()> {
    c.prepare_cached("INSERT INTO receipt_run (segment, mailbox, first, items) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![segment, mailbox, first, items])
        .map(drop)
}

/// Segments whose receipts are not all here, and the first number that no segment had yet.
pub(super) fn unfolded(c: &Connection) -> rusqlite::Result<(Vec<u32>, u32)> {
    let unfolded = all(c)?.into_iter().filter(|row| !row.away).map(|row| row.id);
    Ok((unfolded.collect(), fresh(c)?))
}

/// Puts the receipts of these segments, and of those from the given number on, into a copy that was made before they were in `c`. Segments of which only a part is
/// here are left out: all of theirs can be read in the log.
pub(super) fn copy_runs(c: &Connection, copy: &Connection, (segments, from): &(Vec<u32>, u32)) -> rusqlite::Result<()> {
    let mut statement = c.prepare(
        "SELECT segment, forget_at, mailbox, first, items FROM receipt_run JOIN receipt_segment USING (segment)
         WHERE segment >= ?1 AND NOT EXISTS (SELECT 1 FROM mail_segment WHERE id = segment AND away = 0)
         ORDER BY segment",
    )?;
    let first = segments.iter().min().unwrap_or(from);
    let mut rows = statement.query([first])?;
    let mut last = None;
    while let Some(row) = rows.next()? {
        let segment: u32 = number(row, 0)?;
        if segment < *from && !segments.contains(&segment) {
            continue;
        }
        if last.replace(segment) != Some(segment) {
            // What was made of the log, when it was not all here yet, is no more than this.
            copy.execute("DELETE FROM receipt_run WHERE segment = ?1", [segment])?;
            remember_until(copy, segment, timestamp(row, 1)?)?;
        }
        let blob = |n| row.get_ref(n).and_then(|value| Ok(value.as_blob()?));
        put_run(copy, segment, blob(2)?, blob(3)?, blob(4)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{super::maillog::runs, *};
    use crate::store::migrations;

    const NOW: Timestamp = Timestamp(5);

    fn receipt_of(n: u8) -> Receipt {
        Receipt {
            body_hash: [n; 32],
            stored_at: Timestamp(1),
            expires: Timestamp(2),
            forget_at: Timestamp(9),
        }
    }

    fn look(c: &Connection, mailbox: MailboxId, n: u8) -> Option<Receipt> {
        receipt(c, mailbox, (&[n; 16], &[n; 32]), 4..=4, NOW).unwrap()
    }

    fn put(c: &Connection, mailbox: MailboxId, sorted: &[u8], first: bool) {
        let sorted: Vec<_> = sorted.iter().map(|n| (mailbox, [*n; 16], receipt_of(*n))).collect();
        let sorted = sorted.iter().map(|(mailbox, key, receipt)| (*mailbox, *key, receipt));
        put_runs(c, 4, &runs(sorted), Part { first, last: false }).unwrap();
    }

    /// It put the receipts of a mailbox away in one row, in no order.
    #[test]
    fn what_an_earlier_relay_put_away_is_known() {
        let mut c = Connection::open_in_memory().unwrap();
        migrations::run_sqlite_to(&mut c, 8);
        let mailbox = MailboxId::from_bytes([1; 16]);
        let mut run = Vec::new();
        for n in [200, 3, 90] {
            receipt_of(n).push(&[n; 16], &mut run);
        }
        c.execute(
            "INSERT INTO receipt_run (segment, mailbox, items) VALUES (4, ?1, ?2)",
            params![mailbox.as_bytes(), run],
        )
        .unwrap();
        migrations::run_sqlite(&mut c).unwrap();
        let known = |c: &Connection| [200, 3, 90].map(|n| look(c, mailbox, n));
        let all = [200, 3, 90].map(|n| Some(receipt_of(n)));
        assert_eq!(known(&c), all);
        // A fold that it did not finish is gone on with, by runs.
        c.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        c.execute(
            "INSERT INTO mailbox (mailbox, incarnation) VALUES (?1, zeroblob(16))",
            [mailbox.as_bytes()],
        )
        .unwrap();
        put(&c, mailbox, &[3, 90, 200], true);
        assert_eq!(known(&c), all);
        assert_eq!(look(&c, mailbox, 91), None);
        // One that was cut off, with another first key: nothing of it is in the way of the next.
        put(&c, mailbox, &[4, 5], true);
        put(&c, mailbox, &[3, 90, 200], true);
        assert_eq!(known(&c), all);
        put(&c, mailbox, &[210, 220], false);
        assert_eq!(known(&c), all, "a second part leaves the first");
        assert_eq!(look(&c, mailbox, 220), Some(receipt_of(220)));
        assert_eq!(look(&c, MailboxId::from_bytes([2; 16]), 90), None);
        // Looked for where it may be, and nowhere else.
        let among = |range| receipt(&c, mailbox, (&[220; 16], &[220; 32]), range, NOW).unwrap();
        assert_eq!(among(0..=9), Some(receipt_of(220)));
        assert_eq!([among(0..=3), among(5..=9)], [None, None]);
    }
}
