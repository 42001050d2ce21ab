//! What has expired goes, a bounded piece at a time, so that nobody waits behind it.
//!
//! Bounded in rows of all kinds together. In rows, not in licenses: an oblivious license remembers up to 4096 plays, and a step that took 256 such licenses at once would
//! hold up every send for seconds.

use rusqlite::{Connection, params};

use super::{
    envelopes::Index,
    licenses::{ACTIVE, EXPIRED, end, remove},
    mail,
    rows::{array, int, time},
    sealed,
    writer::Effects,
};
use crate::store::sqlite::deposit_receipts;
use crate::{
    model::{LicenseId, MailboxId},
    store::{Result, SweepRules, Swept},
};

pub(super) fn step(c: &Connection, index: &Index, effects: &mut Effects, rules: &SweepRules) -> Result<Swept> {
    let now = time(rules.now);
    let mut swept = Swept::default();
    // What one kind leaves of the step is the next one's.
    let mut room = rules.step as usize;

    swept.envelopes = mail::expire(c, index, effects, rules.now, room)?;
    room = room.saturating_sub(swept.envelopes);
    let full = licenses(c, rules, room, &mut swept.licenses)?;
    room = if full { 0 } else { room - swept.licenses };
    swept.answers = expire_answers(c, now, room)?;
    room -= swept.answers;
    swept.receipts = deposit_receipts::forget_rows(c, rules.now, room)?;
    effects.forget = Some(rules.now);
    room = room.saturating_sub(swept.receipts);
    swept.more = room == 0;
    if !swept.more
        && let Some(prekeys) = expire_batch(c, now)?
    {
        swept.prekeys = prekeys;
        swept.more = true;
    }
    effects.erases = swept.licenses + swept.answers > 0;
    Ok(swept)
}

/// Active licenses past their time become tombstones; old tombstones go, with the ids of their plays. Counts licenses and plays in `swept`; true when there
/// may be more.
fn licenses(c: &Connection, rules: &SweepRules, limit: usize, swept: &mut usize) -> Result<bool> {
    let due: Vec<(LicenseId, i64)> = c
        .prepare_cached("SELECT mailbox, license, state FROM license WHERE sweep_at <= ?1 ORDER BY sweep_at LIMIT ?2")?
        .query_map(params![time(rules.now), int(limit as u64)], |row| {
            let id = LicenseId {
                mailbox: MailboxId::from_bytes(array(row, 0)?),
                nonce: array(row, 1)?,
            };
            Ok((id, row.get(2)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    for (id, state) in &due {
        // One place is the license's own.
        let room = limit.saturating_sub(*swept + 1);
        let plays = if *state == ACTIVE {
            shred_answers(c, *id, room)?
        } else {
            remove_plays(c, *id, room)?
        };
        *swept += plays;
        if plays >= room {
            // What is left of this license comes first in the next step.
            return Ok(true);
        }
        if *state == ACTIVE {
            end(c, *id, EXPIRED, rules.forget_at)?;
        } else {
            remove(c, *id)?;
        }
        *swept += 1;
    }
    Ok(*swept == limit)
}

/// Shreds at most `limit` kept answers of a license; how many.
pub(super) fn shred_answers(c: &Connection, id: LicenseId, limit: usize) -> Result<usize> {
    let answers: Vec<([u8; 16], i64)> = c
        .prepare_cached(
            "SELECT play, answer FROM play_op WHERE mailbox = ?1 AND license = ?2 AND answer IS NOT NULL LIMIT ?3",
        )?
        .query_map(params![id.mailbox.as_bytes(), id.nonce, int(limit as u64)], |row| {
            Ok((array(row, 0)?, row.get(1)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    for (play, answer) in &answers {
        sealed::remove(c, *answer)?;
        c.prepare_cached("UPDATE play_op SET answer = NULL WHERE mailbox = ?1 AND license = ?2 AND play = ?3")?
            .execute(params![id.mailbox.as_bytes(), id.nonce, play])?;
    }
    Ok(answers.len())
}

/// Removes at most `limit` remembered plays of a license, with their answers and receipts; how many.
pub(super) fn remove_plays(c: &Connection, id: LicenseId, limit: usize) -> Result<usize> {
    let plays: Vec<([u8; 16], Option<i64>, i64)> = c
        .prepare_cached("SELECT play, answer, number FROM play_op WHERE mailbox = ?1 AND license = ?2 LIMIT ?3")?
        .query_map(params![id.mailbox.as_bytes(), id.nonce, int(limit as u64)], |row| {
            Ok((array(row, 0)?, row.get(1)?, row.get(2)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    for (play, answer, number) in &plays {
        if let Some(answer) = answer {
            sealed::remove(c, *answer)?;
        }
        c.prepare_cached("DELETE FROM play_receipt WHERE mailbox = ?1 AND license = ?2 AND number = ?3")?
            .execute(params![id.mailbox.as_bytes(), id.nonce, number])?;
        c.prepare_cached("DELETE FROM play_op WHERE mailbox = ?1 AND license = ?2 AND play = ?3")?
            .execute(params![id.mailbox.as_bytes(), id.nonce, play])?;
    }
    Ok(plays.len())
}

/// Answers to plays whose time for repetitions is over; the play ids stay.
fn expire_answers(c: &Connection, now: i64, limit: usize) -> Result<usize> {
    type Play = ([u8; 16], [u8; 16], [u8; 16], i64);
    let expired: Vec<Play> = c
        .prepare_cached(
            "SELECT mailbox, license, play, answer FROM play_op WHERE answer IS NOT NULL AND answer_until <= ?1
             ORDER BY answer_until LIMIT ?2",
        )?
        .query_map(params![now, int(limit as u64)], |row| {
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

/// One batch of one-time prekeys in a step that has room left: it is up to 256 rows of 2 KiB. How many keys were left of it; none when no batch is due.
fn expire_batch(c: &Connection, now: i64) -> Result<Option<usize>> {
    let due: Vec<([u8; 16], i64)> = c
        .prepare_cached("SELECT mailbox, seq FROM batch WHERE expires <= ?1 ORDER BY expires LIMIT 1")?
        .query_map([now], |row| Ok((array(row, 0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let Some((mailbox, seq)) = due.first() else {
        return Ok(None);
    };
    let keys = c
        .prepare_cached("DELETE FROM one_time WHERE mailbox = ?1 AND seq = ?2")?
        .execute(params![mailbox, seq])?;
    c.prepare_cached("DELETE FROM batch WHERE mailbox = ?1 AND seq = ?2")?
        .execute(params![mailbox, seq])?;
    Ok(Some(keys))
}

#[cfg(test)]
mod tests;
