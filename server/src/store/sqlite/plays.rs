//! Plays, in both modes.
//!
//! The turned counter, the play id, the answer that is kept for a repetition and the signed receipt are one transaction: what a caller gets was paid for durably, and
//! what was paid for can be had again.

use playgate::Counter;

use rusqlite::{Connection, OptionalExtension as _, params};
use zeroize::Zeroizing;

use super::{
    envelopes::refuse_play,
    licenses::{ACTIVE, EXHAUSTED, EXPIRED, REVOKED, Stored, open, share, stored, with_capability},
    rows::{array, damaged, int, number, time, timestamp},
    sealed,
    totals::add_totals,
    writer::{Effects, Sums},
};
use crate::{
    model::{Bytes32, LicenseId},
    store::{Committed, FoldCommit, PlayAnswer, PlayCommit, PlayFound, PlayLookup, Result, Turn},
};

pub(super) fn find(c: &Connection, a: &PlayLookup) -> Result<PlayFound> {
    // One snapshot: the license, its state and its last receipt are of the same moment.
    let snapshot = c.unchecked_transaction()?;
    let c = &*snapshot;
    let Some(license) = with_capability(c, a.license, &a.capability_hash, |s| &s.play_hash)? else {
        return Ok(PlayFound::NoSuchLicense);
    };
    match license.state {
        REVOKED => return Ok(PlayFound::Revoked),
        EXPIRED => return Ok(PlayFound::Expired),
        ACTIVE if license.expires <= a.now => return Ok(PlayFound::Expired),
        _ => {}
    }
    if let Some(before) = before(c, a, &license)? {
        return Ok(before);
    }
    if license.state == EXHAUSTED {
        return Ok(PlayFound::Exhausted);
    }
    Ok(PlayFound::Open(Box::new(open(c, a.license, &license)?)))
}

/// What was answered under this play id before.
fn before(c: &Connection, a: &PlayLookup, license: &Stored) -> Result<Option<PlayFound>> {
    let key = (a.license.mailbox.as_bytes(), a.license.nonce);
    let before = c
        .prepare_cached(
            "SELECT request_hash, number, answer, answer_until FROM play_op WHERE mailbox = ?1 AND license = ?2 AND play = ?3",
        )?
        .query_row(params![key.0, key.1, a.play], |row| {
            Ok((
                array::<32>(row, 0)?,
                number::<u64>(row, 1)?,
                row.get::<_, Option<i64>>(2)?,
                timestamp(row, 3)?,
            ))
        })
        .optional()?;
    let Some((request_hash, number, answer, until)) = before else {
        return Ok(None);
    };
    if request_hash != a.request_hash {
        return Ok(Some(PlayFound::Conflict));
    }
    let Some(answer) = answer.filter(|_| until > a.now) else {
        return Ok(Some(PlayFound::AnswerGone));
    };
    let receipt: Option<Vec<u8>> = c
        .prepare_cached("SELECT receipt FROM play_receipt WHERE mailbox = ?1 AND license = ?2 AND number = ?3")?
        .query_row(params![key.0, key.1, int(number)], |row| row.get(0))
        .optional()?;
    // An answer of a relay from before there were receipts has none, and is kept for ten minutes.
    let Some(receipt) = receipt else {
        return Ok(Some(PlayFound::AnswerGone));
    };
    Ok(Some(PlayFound::Answered(PlayAnswer {
        number,
        limit: license.allowed(),
        content: Zeroizing::new(sealed::get(c, answer)?),
        receipt,
    })))
}

pub(super) fn commit(c: &Connection, effects: &mut Effects, p: &PlayCommit) -> Result<Committed> {
    let Some(license) = stored(c, p.license)? else {
        return Ok(Committed::Lost);
    };
    let playable = license.state == ACTIVE && license.expires > p.now;
    if !playable || license.number() + 1 != p.number {
        return Ok(Committed::Lost);
    }
    refuse_play(c)?;
    let answer = match (&p.turn, &license.gate) {
        (Turn::Counted, None) => turn_counter(c, effects, p, &license)?,
        (Turn::Oblivious { state, folded, release }, Some(gate)) => {
            let old = gate
                .state
                .ok_or_else(|| damaged("an active license without its state"))?;
            swap_state(c, p.license, p.number, old, state, *folded)?;
            effects.erases = true;
            sealed::put(c, release)?
        }
        _ => return Err(damaged("a play of the other mode")),
    };
    let key = (p.license.mailbox.as_bytes(), p.license.nonce);
    c.prepare_cached(
        "INSERT INTO play_op (mailbox, license, play, request_hash, number, answer, answer_until) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        key.0,
        key.1,
        p.play,
        p.request_hash,
        int(p.number),
        answer,
        time(p.answer_until)
    ])?;
    // Of the earlier receipts those stay whose answers can still be asked for.
    c.prepare_cached(
        "DELETE FROM play_receipt WHERE mailbox = ?1 AND license = ?2 AND NOT EXISTS (SELECT 1 FROM play_op
         WHERE play_op.mailbox = ?1 AND play_op.license = ?2 AND play_op.number = play_receipt.number AND answer IS NOT NULL)",
    )?
    .execute(params![key.0, key.1])?;
    c.prepare_cached("INSERT INTO play_receipt (mailbox, license, number, receipt) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![key.0, key.1, int(p.number), p.receipt])?;
    Ok(Committed::Done)
}

/// Counts one play; the id of the answer to be kept.
fn turn_counter(c: &Connection, effects: &mut Effects, p: &PlayCommit, license: &Stored) -> Result<i64> {
    let limit = playgate::PlayLimit::new(license.allowed()).map_err(|_| damaged("a play limit"))?;
    let used = u8::try_from(license.number()).map_err(|_| damaged("a play count"))?;
    let mut counter = Counter::restore(used, limit).map_err(|_| damaged("a play count"))?;
    let granted = counter
        .turn()
        .map_err(|_| damaged("an active license with every play spent"))?;
    let held = license
        .share
        .ok_or_else(|| damaged("an active license without a share"))?;
    let last = granted.is_last();
    // The conditions are the promise, held by the database itself and not only by the lines above.
    let turned = c
        .prepare_cached(
            "UPDATE license SET used = used + 1, state = ?3, share = CASE WHEN ?3 = 0 THEN share END,
             sweep_at = CASE WHEN ?3 = 0 THEN sweep_at ELSE ?4 END
             WHERE mailbox = ?1 AND license = ?2 AND state = 0 AND used < allowed AND used = ?5 AND expires > ?6",
        )?
        .execute(params![
            p.license.mailbox.as_bytes(),
            p.license.nonce,
            if last { EXHAUSTED } else { ACTIVE },
            time(p.forget_at),
            used,
            time(p.now)
        ])?;
    if turned != 1 {
        return Err(damaged("a license that is neither playable nor spent"));
    }
    if last {
        let one_less = Sums {
            licenses: -1,
            ..Sums::default()
        };
        add_totals(c, one_less)?;
        effects.erases = true;
        // The share itself leaves the license; before the last play the answer is a copy.
        return Ok(held);
    }
    sealed::put(c, share(c, held)?.as_bytes())
}

/// The new encrypted counter in the old one's place.
fn swap_state(c: &Connection, id: LicenseId, requests: u64, old: i64, state: &[u8], folded: bool) -> Result<()> {
    sealed::remove(c, old)?;
    let new = sealed::put(c, state)?;
    let swapped = c
        .prepare_cached(
            "UPDATE oblivious SET requests = ?3, state = ?4, folded = ?5 WHERE mailbox = ?1 AND license = ?2 AND state = ?6",
        )?
        .execute(params![
            id.mailbox.as_bytes(),
            id.nonce,
            int(requests),
            new,
            folded,
            old
        ])?;
    match swapped {
        1 => Ok(()),
        _ => Err(damaged("an encrypted counter")),
    }
}

pub(super) fn fold(c: &Connection, effects: &mut Effects, f: &FoldCommit) -> Result<Committed> {
    let due: Option<i64> = c
        .prepare_cached(
            "SELECT state FROM oblivious WHERE mailbox = ?1 AND license = ?2 AND requests = ?3 AND folded = 0 AND state IS NOT NULL",
        )?
        .query_row(
            params![f.license.mailbox.as_bytes(), f.license.nonce, int(f.number)],
            |row| row.get(0),
        )
        .optional()?;
    let Some(old) = due else {
        return Ok(Committed::Lost);
    };
    swap_state(c, f.license, f.number, old, &f.state, true)?;
    effects.erases = true;
    Ok(Committed::Done)
}

pub(super) fn confirm(
    c: &Connection,
    effects: &mut Effects,
    id: LicenseId,
    capability_hash: &Bytes32,
    play: &[u8; 16],
) -> Result<bool> {
    if with_capability(c, id, capability_hash, |s| &s.play_hash)?.is_none() {
        return Ok(false);
    }
    let key = params![id.mailbox.as_bytes(), id.nonce, play];
    let answer: Option<Option<i64>> = c
        .prepare_cached("SELECT answer FROM play_op WHERE mailbox = ?1 AND license = ?2 AND play = ?3")?
        .query_row(key, |row| row.get(0))
        .optional()?;
    if let Some(Some(answer)) = answer {
        sealed::remove(c, answer)?;
        c.prepare_cached("UPDATE play_op SET answer = NULL WHERE mailbox = ?1 AND license = ?2 AND play = ?3")?
            .execute(key)?;
        effects.erases = true;
    }
    Ok(answer.is_some())
}
