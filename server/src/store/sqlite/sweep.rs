//! What has expired goes, a bounded piece at a time, so that nobody waits behind it.

use rusqlite::{Connection, params};

use super::{
    licenses::{ACTIVE, EXPIRED, end, remove},
    rows::{add_totals, array, time},
    sealed,
};
use crate::{
    model::{LicenseId, MailboxId},
    store::{Result, SweepRules, writer::Effects},
};

pub(super) fn step(c: &Connection, effects: &mut Effects, rules: &SweepRules) -> Result<bool> {
    let (now, limit) = (time(rules.now), rules.step);
    let full = |rows: usize| rows >= limit as usize;
    let mut more = false;

    let envelopes = expire_envelopes(c, now, limit)?;
    more |= full(envelopes);

    let licenses = licenses(c, rules)?;
    more |= full(licenses);

    let answers = expire_answers(c, now, limit)?;
    more |= full(answers);

    let receipts = c
        .prepare_cached(
            "DELETE FROM receipt WHERE (mailbox, key) IN (SELECT mailbox, key FROM receipt WHERE forget_at <= ?1 LIMIT ?2)",
        )?
        .execute(params![now, limit])?;
    more |= full(receipts);

    more |= expire_batches(c, now)?;

    effects.erases = envelopes + licenses + answers > 0;
    Ok(more)
}

fn expire_envelopes(c: &Connection, now: i64, limit: u32) -> Result<usize> {
    let expired: Vec<([u8; 16], i64, i64, i64)> = c
        .prepare_cached("SELECT mailbox, seq, size, body FROM envelope WHERE expires <= ?1 ORDER BY expires LIMIT ?2")?
        .query_map(params![now, limit], |row| {
            Ok((array(row, 0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut delete = c.prepare_cached("DELETE FROM envelope WHERE mailbox = ?1 AND seq = ?2")?;
    let mut account = c.prepare_cached(
        "UPDATE mailbox SET live_count = live_count - 1, live_bytes = live_bytes - ?2, expired_total = expired_total + 1
         WHERE mailbox = ?1",
    )?;
    for (mailbox, sequence, size, body) in &expired {
        sealed::remove(c, *body)?;
        delete.execute(params![mailbox, sequence])?;
        account.execute(params![mailbox, size])?;
    }
    if !expired.is_empty() {
        add_totals(c, 0, -i64::try_from(expired.len()).unwrap_or(i64::MAX), 0)?;
    }
    Ok(expired.len())
}

/// Active licenses past their time become tombstones; old tombstones go, with the ids of their plays.
fn licenses(c: &Connection, rules: &SweepRules) -> Result<usize> {
    let due: Vec<(LicenseId, i64)> = c
        .prepare_cached("SELECT mailbox, license, state FROM license WHERE sweep_at <= ?1 ORDER BY sweep_at LIMIT ?2")?
        .query_map(params![time(rules.now), rules.step], |row| {
            let id = LicenseId {
                mailbox: MailboxId::from_bytes(array(row, 0)?),
                nonce: array(row, 1)?,
            };
            Ok((id, row.get(2)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    for (id, state) in &due {
        if *state == ACTIVE {
            end(c, *id, EXPIRED, rules.forget_at)?;
            continue;
        }
        remove(c, *id)?;
    }
    Ok(due.len())
}

/// Answers to plays whose time for repetitions is over; the play ids stay.
fn expire_answers(c: &Connection, now: i64, limit: u32) -> Result<usize> {
    type Play = ([u8; 16], [u8; 16], [u8; 16], i64);
    let expired: Vec<Play> = c
        .prepare_cached(
            "SELECT mailbox, license, play, answer FROM play_op WHERE answer IS NOT NULL AND answer_until <= ?1
             ORDER BY answer_until LIMIT ?2",
        )?
        .query_map(params![now, limit], |row| {
            Ok((array(row, 0)?, array(row, 1)?, array(row, 2)?, row.get(3)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    for (mailbox, license, play, answer) in &expired {
        sealed::remove(c, *answer)?;
        c.prepare_cached("UPDATE play_op SET answer = NULL WHERE mailbox = ?1 AND license = ?2 AND play = ?3")?
            .execute(params![mailbox, license, play])?;
    }
    Ok(expired.len())
}

/// One batch of one-time prekeys a step: it is up to 256 rows of 2 KiB.
fn expire_batches(c: &Connection, now: i64) -> Result<bool> {
    let due: Vec<([u8; 16], i64)> = c
        .prepare_cached("SELECT mailbox, seq FROM batch WHERE expires <= ?1 ORDER BY expires LIMIT 1")?
        .query_map([now], |row| Ok((array(row, 0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (mailbox, seq) in &due {
        c.prepare_cached("DELETE FROM one_time WHERE mailbox = ?1 AND seq = ?2")?
            .execute(params![mailbox, seq])?;
        c.prepare_cached("DELETE FROM batch WHERE mailbox = ?1 AND seq = ?2")?
            .execute(params![mailbox, seq])?;
    }
    Ok(!due.is_empty())
}
