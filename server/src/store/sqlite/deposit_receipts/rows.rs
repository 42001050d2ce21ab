//! Receipts as rows: one for each commit as they came, and some dozens in a row once they are merged.

use std::{collections::HashSet, ops::RangeInclusive};

use protocol::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::item::{Key, Receipt, Run, head, with_key};
use crate::store::{
    Result,
    sqlite::{
        envelopes::without_overwriting,
        rows::{int, number, time},
    },
};

/// Where a row of a generation lies.
fn place(generation: u32, low: u32) -> i64 {
    i64::from(generation) << 32 | i64::from(low)
}

/// All places of a generation.
fn places(generation: u32) -> [i64; 2] {
    [place(generation, 0), place(generation, u32::MAX)]
}

/// Generations whose receipts are all in runs.
pub(super) fn merged(c: &Connection) -> rusqlite::Result<HashSet<u32>> {
    c.prepare("SELECT generation FROM receipt_generation WHERE merged = 1")?
        .query_map([], |row| number(row, 0))?
        .collect()
}

/// A number that no generation had whose receipts are here.
pub(super) fn fresh(c: &Connection) -> rusqlite::Result<u32> {
    c.query_row(
        "SELECT 1 + max(coalesce((SELECT max(generation) FROM receipt_generation), 0), coalesce((SELECT max(place) >> 32 FROM receipt_run), 0),
         coalesce((SELECT max(place) >> 32 FROM receipt_batch), 0))",
        [],
        |row| number(row, 0),
    )
}

/// Appends the receipts of a commit.
pub(super) fn append(c: &Connection, generation: u32, row: u32, items: &[u8]) -> Result<()> {
    c.prepare_cached("INSERT INTO receipt_batch (place, checksum, items) VALUES (?1, row_checksum(?1, ?2), ?2)")?
        .execute(params![place(generation, row), items])?;
    Ok(())
}

/// Every row of receipts as they came: its generation, its number there, and the receipts. Rows that are not what was stored are counted, not shown: by a receipt with another
/// digest the relay would refuse a repetition that it has; without one it stores a copy, which the recipient drops.
pub(super) fn each_batch(c: &Connection, mut each: impl FnMut(u32, u32, &[u8])) -> rusqlite::Result<u64> {
    let mut statement = c.prepare(
        "SELECT place >> 32, place & 4294967295, items, checksum = row_checksum(place, items) FROM receipt_batch ORDER BY place",
    )?;
    let mut rows = statement.query([])?;
    let mut altered = 0;
    while let Some(row) = rows.next()? {
        match row.get(3)? {
            true => each(number(row, 0)?, number(row, 1)?, row.get_ref(2)?.as_blob()?),
            false => altered += 1,
        }
    }
    Ok(altered)
}

/// Every run: its generation, and the receipts. Counts those that are not what was stored, as [`each_batch`] does.
pub(super) fn each_run(c: &Connection, mut each: impl FnMut(u32, &[u8])) -> rusqlite::Result<u64> {
    let mut statement =
        c.prepare("SELECT place >> 32, items, checksum = row_checksum(place, items) FROM receipt_run ORDER BY place")?;
    let mut rows = statement.query([])?;
    let mut altered = 0;
    while let Some(row) = rows.next()? {
        match row.get(2)? {
            true => each(number(row, 0)?, row.get_ref(1)?.as_blob()?),
            false => altered += 1,
        }
    }
    Ok(altered)
}

/// Which part of a generation is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// The first: what an earlier attempt left that was cut off is replaced.
    pub first: bool,
    /// The last: the generation's receipts are all in runs then.
    pub last: bool,
}

/// Puts receipts of a generation into runs.
pub(super) fn put_runs(c: &Connection, generation: u32, runs: &[Run], part: Part) -> Result<()> {
    let transaction = c.unchecked_transaction()?;
    if part.first {
        // Runs of two attempts must not lie beside each other: they may have other borders, because less or more had expired, and a run that was cut short would
        // hide what follows it in a longer one. All receipts of such a generation are in memory again.
        transaction
            .prepare_cached("DELETE FROM receipt_run WHERE place BETWEEN ?1 AND ?2")?
            .execute(places(generation))?;
    }
    let mut put = transaction
        .prepare_cached("INSERT INTO receipt_run (place, checksum, items) VALUES (?1, row_checksum(?1, ?2), ?2)")?;
    for run in runs {
        put.execute(params![place(generation, run.head), run.items])?;
    }
    drop(put);
    let forget_at = runs.iter().map(|run| run.forget_at).max().unwrap_or(Timestamp(0));
    transaction
        .prepare_cached(
            "INSERT INTO receipt_generation (generation, merged, forget_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (generation) DO UPDATE SET merged = excluded.merged, forget_at = max(forget_at, excluded.forget_at)",
        )?
        .execute(params![generation, part.last, time(forget_at)])?;
    Ok(transaction.commit()?)
}

/// Deletes rows of receipts as they came, of a generation that is merged, at most `limit`; whether none is left.
pub(super) fn prune(c: &Connection, generation: u32, limit: u32) -> Result<bool> {
    let [from, to] = places(generation);
    let mut gone = 0;
    without_overwriting(c, |c| {
        gone = c
            .prepare_cached(
                "DELETE FROM receipt_batch WHERE place IN (SELECT place FROM receipt_batch WHERE place BETWEEN ?1 AND ?2 ORDER BY place LIMIT ?3)",
            )?
            .execute(params![from, to, limit])?;
        Ok(())
    })?;
    Ok(gone < limit as usize)
}

/// The run of a generation that has a key, if one has: the last that does not begin behind it.
const RUN_AROUND: &str = "SELECT items, checksum = row_checksum(place, items) FROM receipt_run WHERE place BETWEEN ?1 AND ?2 ORDER BY place DESC LIMIT 1";

/// The receipt of a send among those that were merged in this range of generations; of each one run is read, of the newest first. A run that is not what was stored
/// tells nothing.
pub(super) fn find(c: &Connection, key: &Key, range: RangeInclusive<u32>, now: Timestamp) -> Result<Option<Receipt>> {
    let mut run = c.prepare_cached(RUN_AROUND)?;
    for generation in range.rev() {
        let mut rows = run.query([place(generation, 0), place(generation, head(key))])?;
        if let Some(row) = rows.next()?
            && row.get(1)?
        {
            let run = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
            let found = with_key(run, key).find(|receipt| receipt.forget_at > now);
            if found.is_some() {
                return Ok(found);
            }
        }
    }
    Ok(None)
}

/// Deletes receipts whose time is over, at most `limit` rows; how many rows. Runs go when all of their generation is over; a single receipt in them is not known
/// any more from its own time on.
pub(in crate::store::sqlite) fn forget(c: &Connection, now: Timestamp, limit: usize) -> Result<usize> {
    let mut gone = 0;
    while gone < limit {
        let over = c
            .prepare_cached(
                "SELECT generation FROM receipt_generation WHERE merged = 1 AND forget_at <= ?1 ORDER BY generation LIMIT 1",
            )?
            .query_row([time(now)], |row| number::<u32>(row, 0))
            .optional()?;
        let Some(generation) = over else {
            break;
        };
        let [from, to] = places(generation);
        let rows = c
            .prepare_cached("DELETE FROM receipt_run WHERE place IN (SELECT place FROM receipt_run WHERE place BETWEEN ?1 AND ?2 LIMIT ?3)")?
            .execute(params![from, to, int((limit - gone) as u64)])?;
        gone += rows;
        if gone < limit {
            // While this row is there nobody takes what is left of its generation for one that is still to be merged.
            let left = c
                .prepare_cached("SELECT 1 FROM receipt_batch WHERE place BETWEEN ?1 AND ?2")?
                .exists([from, to])?;
            if left {
                break;
            }
            c.prepare_cached("DELETE FROM receipt_generation WHERE generation = ?1")?
                .execute([generation])?;
            gone += 1;
        }
    }
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use super::{
        super::item::{items, runs},
        *,
    };
    use crate::{
        model::BodyDigest,
        store::{migrations, sqlite::checksums},
    };

    const NOW: Timestamp = Timestamp(5);

    fn database() -> Connection {
        let mut c = Connection::open_in_memory().unwrap();
        migrations::run_sqlite(&mut c).unwrap();
        checksums::install(&c).unwrap();
        c
    }

    fn receipt_of(n: u8) -> Receipt {
        Receipt {
            digest: BodyDigest::from_bytes([n; 16]),
            stored_at: Timestamp(1),
            expires: Timestamp(2),
            forget_at: Timestamp(9),
        }
    }

    fn look(c: &Connection, n: u8) -> Option<Receipt> {
        find(c, &[n; 16], 4..=4, NOW).unwrap()
    }

    fn put(c: &Connection, sorted: &[u8], first: bool, last: bool) {
        let sorted: Vec<_> = sorted.iter().map(|n| ([*n; 16], receipt_of(*n))).collect();
        let sorted = sorted.iter().map(|(key, receipt)| (*key, receipt));
        put_runs(c, 4, &runs(sorted), Part { first, last }).unwrap();
    }

    #[test]
    fn what_was_merged_is_known_and_a_merge_that_was_cut_off_hides_nothing() {
        let c = database();
        let known = || [3, 90, 200].map(|n| look(&c, n));
        let all = [3, 90, 200].map(|n| Some(receipt_of(n)));
        // One that was cut off, with another first key.
        put(&c, &[4, 5], true, false);
        assert!(merged(&c).unwrap().is_empty());
        put(&c, &[3, 90, 200], true, false);
        assert_eq!(known(), all);
        assert_eq!([look(&c, 4), look(&c, 91)], [None, None]);
        put(&c, &[210, 220], false, true);
        assert_eq!(known(), all, "a second part leaves the first");
        assert_eq!(look(&c, 220), Some(receipt_of(220)));
        assert_eq!(merged(&c).unwrap(), HashSet::from([4]));
        // Looked for where it may be, and nowhere else.
        let among = |range| find(&c, &[220; 16], range, NOW).unwrap();
        assert_eq!(among(0..=9), Some(receipt_of(220)));
        assert_eq!([among(0..=3), among(5..=9)], [None, None]);
        assert_eq!(
            find(&c, &[220; 16], 4..=4, Timestamp(9)).unwrap(),
            None,
            "its time is over"
        );
        assert_eq!(fresh(&c).unwrap(), 5);
        assert_eq!(checksums::faults(&c).unwrap(), [""; 0]);
    }

    #[test]
    fn receipts_that_are_not_what_was_stored_are_not_believed() {
        let c = database();
        append(&c, 3, 0, &[1; 56]).unwrap();
        append(&c, 3, 1, &[2; 56]).unwrap();
        put(&c, &[3, 90], true, true);
        let shown = || {
            let mut shown = Vec::new();
            let batches = each_batch(&c, |_, row, items| shown.push((row, items.len()))).unwrap();
            let runs = each_run(&c, |_, items| shown.push((9, items.len()))).unwrap();
            (shown, batches, runs)
        };
        assert_eq!(shown(), (vec![(0, 56), (1, 56), (9, 112)], 0, 0));
        // Another digest.
        c.execute_batch("UPDATE receipt_batch SET items = zeroblob(56) WHERE place & 1 = 1; UPDATE receipt_run SET items = zeroblob(112)")
            .unwrap();
        assert_eq!(shown(), (vec![(0, 56)], 1, 1));
        assert_eq!([look(&c, 3), look(&c, 0)], [None, None]);
        // Another place.
        c.execute_batch("UPDATE receipt_batch SET place = place + 5 WHERE place & 1 = 0")
            .unwrap();
        assert_eq!(shown(), (vec![], 2, 1));
    }

    #[test]
    fn a_generation_whose_time_is_over_goes_when_nothing_of_it_is_left_to_merge() {
        let c = database();
        append(&c, 4, 0, &[0; 56]).unwrap();
        put(&c, &[3, 90], true, true);
        assert_eq!(forget(&c, Timestamp(8), 10).unwrap(), 0);
        assert_eq!(
            forget(&c, Timestamp(9), 10).unwrap(),
            1,
            "its run, but not the row of the generation"
        );
        assert!(prune(&c, 4, 10).unwrap());
        assert_eq!(forget(&c, Timestamp(9), 10).unwrap(), 1);
        assert_eq!(fresh(&c).unwrap(), 1);
        let mut left = 0;
        each_run(&c, |_, run| left += items(run).count()).unwrap();
        assert_eq!(left, 0);
    }
}
