//! What the database knows of the mail log: its segments, and the receipts that were put away.

use std::ops::RangeInclusive;

use protocol::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    maillog::{Key, Receipt, Run, head, items, with_key},
    rows::{int, number, time, timestamp},
};
use crate::store::Result;

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
        "SELECT 1 + max(coalesce((SELECT max(id) FROM mail_segment), 0), coalesce((SELECT max(place) >> 32 FROM receipt_run), 0))",
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

/// Puts receipts of a segment away.
pub(super) fn put_runs(c: &Connection, segment: u32, runs: &[Run], part: Part) -> Result<()> {
    let transaction = c.unchecked_transaction()?;
    if part.first {
        // Runs of two attempts must not lie beside each other: they may have other borders, because less or more had expired, and a run that was cut short would
        // hide what follows it in a longer one. All receipts of such a segment are in memory again.
        remove_runs(&transaction, segment)?;
    }
    add_runs(&transaction, segment, runs)?;
    if part.last {
        transaction
            .prepare_cached("UPDATE mail_segment SET away = 1 WHERE id = ?1")?
            .execute([segment])?;
    }
    Ok(transaction.commit()?)
}

/// Where a run lies.
fn place(segment: u32, head: u32) -> i64 {
    i64::from(segment) << 32 | i64::from(head)
}

fn remove_runs(c: &Connection, segment: u32) -> rusqlite::Result<()> {
    c.prepare_cached("DELETE FROM receipt_run WHERE place BETWEEN ?1 AND ?2")?
        .execute([place(segment, 0), place(segment, u32::MAX)])
        .map(drop)
}

fn add_runs(c: &Connection, segment: u32, runs: &[Run]) -> rusqlite::Result<()> {
    let mut put = c.prepare_cached("INSERT INTO receipt_run (place, items) VALUES (?1, ?2)")?;
    for run in runs {
        put.execute(params![place(segment, run.head), run.items])?;
    }
    match runs.iter().map(|run| run.forget_at).max() {
        Some(forget_at) => remember_until(c, segment, forget_at),
        None => Ok(()),
    }
}

fn remember_until(c: &Connection, segment: u32, forget_at: Timestamp) -> rusqlite::Result<()> {
    c.prepare_cached(
        "INSERT INTO receipt_segment (segment, forget_at) VALUES (?1, ?2)
         ON CONFLICT (segment) DO UPDATE SET forget_at = max(forget_at, excluded.forget_at)",
    )?
    .execute(params![segment, time(forget_at)])
    .map(drop)
}

/// The run of a segment that has a key, if one has: the last that does not begin behind it.
pub(super) const RUN_AROUND: &str =
    "SELECT items FROM receipt_run WHERE place BETWEEN ?1 AND ?2 ORDER BY place DESC LIMIT 1";

/// The receipt of a send among those that were put away out of this range of segments; of each one run is read, of the newest first.
pub(super) fn receipt(
    c: &Connection,
    key: &Key,
    range: RangeInclusive<u32>,
    now: Timestamp,
) -> Result<Option<Receipt>> {
    let mut run = c.prepare_cached(RUN_AROUND)?;
    for segment in range.rev() {
        let mut rows = run.query([place(segment, 0), place(segment, head(key))])?;
        if let Some(row) = rows.next()? {
            let run = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
            let found = with_key(run, key).find(|receipt| receipt.forget_at > now);
            if found.is_some() {
                return Ok(found);
            }
        }
    }
    Ok(None)
}

/// Every receipt that was put away: its segment, its key, and when it can be forgotten; in the order of the segments.
pub(super) fn each_receipt(c: &Connection, mut each: impl FnMut(u32, &Key, Timestamp)) -> rusqlite::Result<()> {
    let mut statement = c.prepare("SELECT place >> 32, items FROM receipt_run ORDER BY place")?;
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
    let mut gone = 0;
    while gone < limit {
        let over = c
            .prepare_cached("SELECT segment FROM receipt_segment WHERE forget_at <= ?1 ORDER BY segment LIMIT 1")?
            .query_row([time(now)], |row| number::<u32>(row, 0))
            .optional()?;
        let Some(segment) = over else {
            break;
        };
        let rows = c
            .prepare_cached("DELETE FROM receipt_run WHERE place IN (SELECT place FROM receipt_run WHERE place BETWEEN ?1 AND ?2 LIMIT ?3)")?
            .execute(params![place(segment, 0), place(segment, u32::MAX), int((limit - gone) as u64)])?;
        gone += rows;
        if gone < limit {
            c.prepare_cached("DELETE FROM receipt_segment WHERE segment = ?1")?
                .execute([segment])?;
            gone += 1;
        }
    }
    Ok(gone)
}

/// All receipts of a segment, for a copy of the database that may have some of them already.
pub(super) fn copy_receipts(c: &Connection, segment: u32, runs: &[Run]) -> rusqlite::Result<()> {
    remove_runs(c, segment)?;
    add_runs(c, segment, runs)
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
        "SELECT segment, forget_at, place, items FROM receipt_segment JOIN receipt_run ON place BETWEEN segment << 32 AND segment << 32 | 4294967295
         WHERE segment >= ?1 AND NOT EXISTS (SELECT 1 FROM mail_segment WHERE id = segment AND away = 0)
         ORDER BY segment",
    )?;
    let mut put = copy.prepare_cached("INSERT INTO receipt_run (place, items) VALUES (?1, ?2)")?;
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
            remove_runs(copy, segment)?;
            remember_until(copy, segment, timestamp(row, 1)?)?;
        }
        put.execute(params![row.get::<_, i64>(2)?, row.get_ref(3)?.as_blob()?])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{super::maillog::runs, *};
    use crate::{model::BodyDigest, store::migrations};

    const NOW: Timestamp = Timestamp(5);

    fn receipt_of(n: u8) -> Receipt {
        Receipt {
            digest: BodyDigest::from_bytes([n; 16]),
            stored_at: Timestamp(1),
            expires: Timestamp(2),
            forget_at: Timestamp(9),
        }
    }

    fn look(c: &Connection, n: u8) -> Option<Receipt> {
        receipt(c, &[n; 16], 4..=4, NOW).unwrap()
    }

    fn put(c: &Connection, sorted: &[u8], first: bool) {
        let sorted: Vec<_> = sorted.iter().map(|n| ([*n; 16], receipt_of(*n))).collect();
        let sorted = sorted.iter().map(|(key, receipt)| (*key, receipt));
        put_runs(c, 4, &runs(sorted), Part { first, last: false }).unwrap();
    }

    #[test]
    fn what_was_put_away_is_known_and_a_fold_that_was_cut_off_is_in_nobodys_way() {
        let mut c = Connection::open_in_memory().unwrap();
        migrations::run_sqlite(&mut c).unwrap();
        let known = || [3, 90, 200].map(|n| look(&c, n));
        let all = [3, 90, 200].map(|n| Some(receipt_of(n)));
        // One that was cut off, with another first key.
        put(&c, &[4, 5], true);
        put(&c, &[3, 90, 200], true);
        assert_eq!(known(), all);
        assert_eq!([look(&c, 4), look(&c, 91)], [None, None]);
        put(&c, &[210, 220], false);
        assert_eq!(known(), all, "a second part leaves the first");
        assert_eq!(look(&c, 220), Some(receipt_of(220)));
        // Looked for where it may be, and nowhere else.
        let among = |range| receipt(&c, &[220; 16], range, NOW).unwrap();
        assert_eq!(among(0..=9), Some(receipt_of(220)));
        assert_eq!([among(0..=3), among(5..=9)], [None, None]);
        assert_eq!(
            receipt(&c, &[220; 16], 4..=4, Timestamp(9)).unwrap(),
            None,
            "its time is over"
        );
        assert_eq!(fresh(&c).unwrap(), 5);
    }

    /// Of an earlier relay's, whose digests were others, nothing is left that could be taken for a conflict.
    #[test]
    fn what_an_earlier_relay_put_away_is_forgotten() {
        let mut c = Connection::open_in_memory().unwrap();
        migrations::run_sqlite_to(&mut c, 9);
        c.execute_batch(
            "PRAGMA foreign_keys = OFF;
             INSERT INTO receipt_run (segment, mailbox, first, items) VALUES (4, zeroblob(16), x'', zeroblob(72));
             INSERT INTO receipt_segment VALUES (4, 9);",
        )
        .unwrap();
        migrations::run_sqlite(&mut c).unwrap();
        let mut left = 0;
        each_receipt(&c, |_, _, _| left += 1).unwrap();
        assert_eq!((left, forget_receipts(&c, Timestamp(9), 10).unwrap()), (0, 0));
    }
}
