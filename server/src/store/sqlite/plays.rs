//! Licenses and counted plays.
//!
//! The turned counter, the play id and the answer that is kept for a repetition are one transaction: what a caller gets was paid for durably, and
//! what was paid for can be had again.

use playgate::{Counter, PlayLimit, PlayShare};
use protocol::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{
    rows::{add_totals, array, damaged, number, time, timestamp},
    sealed,
};
use crate::{
    model::{Bytes32, LicenseId},
    store::{LicenseRow, LicenseState, LicenseView, PlayAttempt, PlayOutcome, Result, writer::Effects},
};

/// `license.state` in the database.
pub(super) const ACTIVE: i64 = 0;
const EXHAUSTED: i64 = 1;
const REVOKED: i64 = 2;
/// See [`ACTIVE`].
pub(super) const EXPIRED: i64 = 3;

/// What is to be done with a license that comes with an envelope.
pub(super) enum Planned {
    /// Insert it.
    New,
    /// The same is there already: leave it, whatever became of it.
    There,
    /// Another has the id.
    Conflict,
    /// It would be born dead.
    Expired,
}

pub(super) fn plan(c: &Connection, license: &LicenseRow, now: Timestamp) -> Result<Planned> {
    let known = c
        .prepare_cached("SELECT parameters FROM license WHERE mailbox = ?1 AND license = ?2")?
        .query_row(params![license.id.mailbox.as_bytes(), license.id.nonce], |row| {
            array::<32>(row, 0)
        })
        .optional()?;
    Ok(match known {
        Some(parameters) if parameters == license.parameters => Planned::There,
        Some(_) => Planned::Conflict,
        None if license.expires <= now => Planned::Expired,
        None => Planned::New,
    })
}

pub(super) fn insert(c: &Connection, license: &LicenseRow) -> Result<()> {
    let share = sealed::put(c, license.share.as_bytes())?;
    c.prepare_cached(
        "INSERT INTO license (mailbox, license, allowed, share, parameters, play_hash, owner_hash, expires, sweep_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)",
    )?
    .execute(params![
        license.id.mailbox.as_bytes(),
        license.id.nonce,
        license.plays.get(),
        share,
        license.parameters,
        license.play_hash,
        license.owner_hash,
        time(license.expires)
    ])?;
    Ok(())
}

struct Stored {
    state: i64,
    used: u8,
    allowed: u8,
    share: Option<i64>,
    play_hash: Bytes32,
    owner_hash: Bytes32,
    expires: Timestamp,
}

fn share(c: &Connection, id: i64) -> Result<PlayShare> {
    let bytes = Zeroizing::new(sealed::get(c, id)?);
    PlayShare::try_from(&bytes[..]).map_err(|_| damaged("a share"))
}

fn stored(c: &Connection, id: LicenseId) -> Result<Option<Stored>> {
    let stored = c
        .prepare_cached(
            "SELECT state, used, allowed, share, play_hash, owner_hash, expires FROM license WHERE mailbox = ?1 AND license = ?2",
        )?
        .query_row(params![id.mailbox.as_bytes(), id.nonce], |row| {
            Ok(Stored {
                state: row.get(0)?,
                used: number(row, 1)?,
                allowed: number(row, 2)?,
                share: row.get(3)?,
                play_hash: array(row, 4)?,
                owner_hash: array(row, 5)?,
                expires: timestamp(row, 6)?,
            })
        })
        .optional()?;
    Ok(stored)
}

/// The license if the capability is its own. An unknown license is compared too, so that the two take the same way.
fn with_capability(
    c: &Connection,
    id: LicenseId,
    shown: &Bytes32,
    which: impl Fn(&Stored) -> &Bytes32,
) -> Result<Option<Stored>> {
    let stored = stored(c, id)?;
    let right = stored.as_ref().map_or(&[0; 32], which).ct_eq(shown);
    Ok(stored.filter(|_| bool::from(right)))
}

/// Destroys every kept answer of a license.
pub(super) fn forget_answers(c: &Connection, id: LicenseId) -> Result<()> {
    let key = params![id.mailbox.as_bytes(), id.nonce];
    let answers: Vec<i64> = c
        .prepare_cached("SELECT answer FROM play_op WHERE mailbox = ?1 AND license = ?2 AND answer IS NOT NULL")?
        .query_map(key, |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for answer in answers {
        sealed::remove(c, answer)?;
    }
    c.prepare_cached("UPDATE play_op SET answer = NULL WHERE mailbox = ?1 AND license = ?2 AND answer IS NOT NULL")?
        .execute(key)?;
    Ok(())
}

pub(super) fn play(c: &Connection, effects: &mut Effects, a: &PlayAttempt) -> Result<PlayOutcome> {
    let (mailbox, nonce) = (a.license.mailbox.as_bytes(), &a.license.nonce);
    let Some(license) = with_capability(c, a.license, &a.capability_hash, |s| &s.play_hash)? else {
        return Ok(PlayOutcome::NoSuchLicense);
    };
    match license.state {
        REVOKED => return Ok(PlayOutcome::Revoked),
        EXPIRED => return Ok(PlayOutcome::Expired),
        ACTIVE if license.expires <= a.now => return Ok(PlayOutcome::Expired),
        _ => {}
    }
    let before = c
        .prepare_cached(
            "SELECT request_hash, number, answer, answer_until FROM play_op WHERE mailbox = ?1 AND license = ?2 AND play = ?3",
        )?
        .query_row(params![mailbox, nonce, a.play], |row| {
            Ok((
                array::<32>(row, 0)?,
                number(row, 1)?,
                row.get::<_, Option<i64>>(2)?,
                timestamp(row, 3)?,
            ))
        })
        .optional()?;
    if let Some((request_hash, number, answer, until)) = before {
        return Ok(match answer {
            _ if request_hash != a.request_hash => PlayOutcome::Conflict,
            Some(answer) if until > a.now => PlayOutcome::Granted {
                number,
                limit: license.allowed,
                share: share(c, answer)?,
            },
            _ => PlayOutcome::AnswerGone,
        });
    }
    let limit = PlayLimit::new(license.allowed).map_err(|_| damaged("a play limit"))?;
    let mut counter = Counter::restore(license.used, limit).map_err(|_| damaged("a play count"))?;
    let Ok(granted) = counter.turn() else {
        return Ok(PlayOutcome::Exhausted);
    };
    let held = license
        .share
        .ok_or_else(|| damaged("an active license without a share"))?;
    let last = granted.number == license.allowed;
    // The conditions are the promise, held by the database itself and not only by the lines above.
    let turned = c
        .prepare_cached(
            "UPDATE license SET used = used + 1, state = ?3, share = CASE WHEN ?3 = 0 THEN share END,
             sweep_at = CASE WHEN ?3 = 0 THEN sweep_at ELSE ?4 END
             WHERE mailbox = ?1 AND license = ?2 AND state = 0 AND used < allowed AND used = ?5 AND expires > ?6",
        )?
        .execute(params![
            mailbox,
            nonce,
            if last { EXHAUSTED } else { ACTIVE },
            time(a.forget_at),
            license.used,
            time(a.now)
        ])?;
    if turned != 1 {
        return Err(damaged("a license that is neither playable nor spent"));
    }
    // At the last play the share itself leaves the license; before that the answer is a copy.
    let share = share(c, held)?;
    let answer = if last { held } else { sealed::put(c, share.as_bytes())? };
    c.prepare_cached(
        "INSERT INTO play_op (mailbox, license, play, request_hash, number, answer, answer_until) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        mailbox,
        nonce,
        a.play,
        a.request_hash,
        granted.number,
        answer,
        time(a.answer_until)
    ])?;
    if last {
        add_totals(c, 0, 0, -1)?;
        effects.erases = true;
    }
    Ok(PlayOutcome::Granted {
        number: granted.number,
        limit: license.allowed,
        share,
    })
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

fn state_of(license: &Stored, now: Timestamp) -> Result<LicenseState> {
    Ok(match license.state {
        ACTIVE if license.expires <= now => LicenseState::Expired,
        ACTIVE => LicenseState::Active,
        EXHAUSTED => LicenseState::Exhausted,
        REVOKED => LicenseState::Revoked,
        EXPIRED => LicenseState::Expired,
        _ => return Err(damaged("the state of a license")),
    })
}

fn view_of(license: &Stored, now: Timestamp) -> Result<LicenseView> {
    Ok(LicenseView {
        plays: license.allowed,
        used: license.used,
        state: state_of(license, now)?,
        expires: license.expires,
    })
}

pub(super) fn view(c: &Connection, id: LicenseId, owner_hash: &Bytes32, now: Timestamp) -> Result<Option<LicenseView>> {
    with_capability(c, id, owner_hash, |s| &s.owner_hash)?
        .map(|license| view_of(&license, now))
        .transpose()
}

pub(super) fn revoke(
    c: &Connection,
    effects: &mut Effects,
    id: LicenseId,
    owner_hash: &Bytes32,
    forget_at: Timestamp,
    now: Timestamp,
) -> Result<Option<LicenseView>> {
    let Some(mut license) = with_capability(c, id, owner_hash, |s| &s.owner_hash)? else {
        return Ok(None);
    };
    // A license that is over stays what it is, but answers that are still kept go: taking back means now.
    if state_of(&license, now)? == LicenseState::Active {
        end(c, id, REVOKED, forget_at)?;
        license.state = REVOKED;
    } else {
        forget_answers(c, id)?;
    }
    effects.erases = true;
    view_of(&license, now).map(Some)
}

/// Ends an active license: the share and every kept answer are destroyed.
pub(super) fn end(c: &Connection, id: LicenseId, state: i64, forget_at: Timestamp) -> Result<()> {
    let Some(Stored {
        state: ACTIVE,
        share: Some(share),
        ..
    }) = stored(c, id)?
    else {
        return Err(damaged("a license that ends twice"));
    };
    sealed::remove(c, share)?;
    c.prepare_cached(
        "UPDATE license SET state = ?3, share = NULL, sweep_at = ?4 WHERE mailbox = ?1 AND license = ?2 AND state = 0",
    )?
    .execute(params![id.mailbox.as_bytes(), id.nonce, state, time(forget_at)])?;
    forget_answers(c, id)?;
    add_totals(c, 0, 0, -1)
}
