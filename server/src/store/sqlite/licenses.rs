//! Licenses: how they come, what their owners see, how they end.

use playgate::{PlayLimit, PlayShare};
use protocol::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{
    gate_keys,
    rows::{array, damaged, number, time, timestamp},
    sealed,
    totals::add_totals,
    writer::{Effects, Sums},
};
use crate::store::sqlite::mailbox_heads;
use crate::{
    model::{Bytes32, GateKeyId, LicenseId},
    store::{LicenseRow, LicenseState, LicenseView, LimitRow, LimitView, OpenGate, OpenLicense, Part, Result},
};

/// `license.state` in the database.
pub(super) const ACTIVE: i64 = 0;
/// See [`ACTIVE`].
pub(super) const EXHAUSTED: i64 = 1;
/// See [`ACTIVE`].
pub(super) const REVOKED: i64 = 2;
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
    /// Its gate key is none, or not its sender's to use.
    NoSuchGateKey,
}

pub(super) fn plan(c: &Connection, license: &LicenseRow, now: Timestamp) -> Result<Planned> {
    let known = c
        .prepare_cached("SELECT parameters FROM license WHERE mailbox = ?1 AND license = ?2")?
        .query_row(params![license.id.mailbox.as_bytes(), license.id.nonce], |row| {
            array::<32>(row, 0)
        })
        .optional()?;
    Ok(match (known, &license.limit) {
        (Some(parameters), _) if parameters == license.parameters => Planned::There,
        (Some(_), _) => Planned::Conflict,
        (None, _) if license.expires <= now => Planned::Expired,
        (None, LimitRow::Oblivious(gate)) if !gate_keys::attach(c, gate, now)? => Planned::NoSuchGateKey,
        (None, _) => Planned::New,
    })
}

pub(super) fn insert(c: &Connection, license: &LicenseRow, part: Part) -> Result<()> {
    let share = sealed::put(c, license.share.as_bytes())?;
    let allowed = match &license.limit {
        LimitRow::Counted(plays) => plays.get(),
        LimitRow::Oblivious(_) => 0,
    };
    let key = (license.id.mailbox.as_bytes(), license.id.nonce);
    c.prepare_cached(
        "INSERT INTO license (mailbox, license, allowed, share, parameters, play_hash, owner_hash, expires, sweep_at, stranger)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9)",
    )?
    .execute(params![
        key.0,
        key.1,
        allowed,
        share,
        license.parameters,
        license.play_hash,
        license.owner_hash,
        time(license.expires),
        part == Part::Stranger
    ])?;
    if let LimitRow::Oblivious(gate) = &license.limit {
        let state = sealed::put(c, &gate.state)?;
        c.prepare_cached(
            "INSERT INTO oblivious (mailbox, license, gate_key, class, state) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![key.0, key.1, gate.gate_key.as_bytes(), gate.class, state])?;
    }
    Ok(())
}

/// A license's row, with its other half if it is an oblivious one.
pub(super) struct Stored {
    pub state: i64,
    used: u8,
    allowed: u8,
    pub share: Option<i64>,
    pub play_hash: Bytes32,
    pub owner_hash: Bytes32,
    pub expires: Timestamp,
    pub gate: Option<StoredGate>,
}

pub(super) struct StoredGate {
    gate_key: Option<GateKeyId>,
    class: u8,
    requests: u64,
    pub state: Option<i64>,
}

impl Stored {
    /// How many plays were answered.
    pub fn number(&self) -> u64 {
        self.gate.as_ref().map_or(u64::from(self.used), |gate| gate.requests)
    }

    /// The limit of a counted license; 0 for an oblivious one.
    pub fn allowed(&self) -> u8 {
        self.allowed
    }
}

pub(super) fn share(c: &Connection, id: i64) -> Result<PlayShare> {
    let bytes = Zeroizing::new(sealed::get(c, id)?);
    PlayShare::try_from(&bytes[..]).map_err(|_| damaged("a share"))
}

pub(super) fn stored(c: &Connection, id: LicenseId) -> Result<Option<Stored>> {
    let stored = c
        .prepare_cached(
            "SELECT license.state, used, allowed, share, play_hash, owner_hash, expires, class, gate_key, requests, oblivious.state
             FROM license LEFT JOIN oblivious USING (mailbox, license) WHERE mailbox = ?1 AND license = ?2",
        )?
        .query_row(params![id.mailbox.as_bytes(), id.nonce], |row| {
            let gate = match row.get::<_, Option<i64>>(7)? {
                None => None,
                Some(_) => Some(StoredGate {
                    class: number(row, 7)?,
                    gate_key: match row.get_ref(8)? {
                        rusqlite::types::ValueRef::Null => None,
                        _ => Some(GateKeyId::from_bytes(array(row, 8)?)),
                    },
                    requests: number(row, 9)?,
                    state: row.get(10)?,
                }),
            };
            Ok(Stored {
                state: row.get(0)?,
                used: number(row, 1)?,
                allowed: number(row, 2)?,
                share: row.get(3)?,
                play_hash: array(row, 4)?,
                owner_hash: array(row, 5)?,
                expires: timestamp(row, 6)?,
                gate,
            })
        })
        .optional()?;
    Ok(stored)
}

/// The license if the capability is its own. An unknown license is compared too, so that the two take the same way.
pub(super) fn with_capability(
    c: &Connection,
    id: LicenseId,
    shown: &Bytes32,
    which: impl Fn(&Stored) -> &Bytes32,
) -> Result<Option<Stored>> {
    let stored = stored(c, id)?;
    let right = stored.as_ref().map_or(&[0; 32], which).ct_eq(shown);
    Ok(stored.filter(|_| bool::from(right)))
}

/// What an answer to the next play is computed from.
pub(super) fn open(c: &Connection, id: LicenseId, license: &Stored) -> Result<OpenLicense> {
    let held = license
        .share
        .ok_or_else(|| damaged("an active license without a share"))?;
    let gate = match &license.gate {
        None => OpenGate::Counted(PlayLimit::new(license.allowed).map_err(|_| damaged("a play limit"))?),
        Some(StoredGate {
            gate_key: Some(gate_key),
            state: Some(state),
            ..
        }) => OpenGate::Oblivious {
            gate_key: *gate_key,
            state: sealed::get(c, *state)?,
        },
        Some(_) => return Err(damaged("an active license without its state")),
    };
    Ok(OpenLicense {
        number: license.number(),
        last_receipt: last_receipt(c, id)?,
        share: share(c, held)?,
        gate,
    })
}

fn last_receipt(c: &Connection, id: LicenseId) -> Result<Option<Vec<u8>>> {
    Ok(c.prepare_cached(
        "SELECT receipt FROM play_receipt WHERE mailbox = ?1 AND license = ?2 ORDER BY number DESC LIMIT 1",
    )?
    .query_row(params![id.mailbox.as_bytes(), id.nonce], |row| row.get(0))
    .optional()?)
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

fn view_of(c: &Connection, id: LicenseId, license: &Stored, now: Timestamp) -> Result<LicenseView> {
    let limit = match &license.gate {
        None => LimitView::Counted(license.allowed),
        Some(gate) => LimitView::Oblivious {
            class: gate.class,
            state: gate.state.map(|state| sealed::get(c, state)).transpose()?,
        },
    };
    Ok(LicenseView {
        limit,
        requests: license.number(),
        state: state_of(license, now)?,
        expires: license.expires,
        receipt: last_receipt(c, id)?,
    })
}

pub(super) fn view(c: &Connection, id: LicenseId, owner_hash: &Bytes32, now: Timestamp) -> Result<Option<LicenseView>> {
    // One snapshot: the row and what it points to are of the same moment.
    let snapshot = c.unchecked_transaction()?;
    with_capability(&snapshot, id, owner_hash, |s| &s.owner_hash)?
        .map(|license| view_of(&snapshot, id, &license, now))
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
        if let Some(gate) = &mut license.gate {
            gate.state = None;
        }
    } else {
        forget_answers(c, id)?;
    }
    effects.erases = true;
    view_of(c, id, &license, now).map(Some)
}

/// Ends an active license: the share, the encrypted counter and every kept answer are destroyed.
pub(super) fn end(c: &Connection, id: LicenseId, state: i64, forget_at: Timestamp) -> Result<()> {
    let Some(Stored {
        state: ACTIVE,
        share: Some(share),
        gate,
        ..
    }) = stored(c, id)?
    else {
        return Err(damaged("a license that ends twice"));
    };
    sealed::remove(c, share)?;
    let key = (id.mailbox.as_bytes(), id.nonce);
    c.prepare_cached(
        "UPDATE license SET state = ?3, share = NULL, sweep_at = ?4 WHERE mailbox = ?1 AND license = ?2 AND state = 0",
    )?
    .execute(params![key.0, key.1, state, time(forget_at)])?;
    if let Some(StoredGate {
        state: Some(counter), ..
    }) = gate
    {
        sealed::remove(c, counter)?;
        c.prepare_cached("UPDATE oblivious SET state = NULL, gate_key = NULL WHERE mailbox = ?1 AND license = ?2")?
            .execute(params![key.0, key.1])?;
    }
    forget_answers(c, id)?;
    let one_less = Sums {
        licenses: -1,
        ..Sums::default()
    };
    add_totals(c, one_less)
}

/// Removes a license that is over, with everything that belongs to it.
pub(super) fn remove(c: &Connection, id: LicenseId) -> Result<()> {
    let key = params![id.mailbox.as_bytes(), id.nonce];
    forget_answers(c, id)?;
    let stranger: bool = c
        .prepare_cached("SELECT stranger FROM license WHERE mailbox = ?1 AND license = ?2")?
        .query_row(key, |row| row.get(0))?;
    for sql in [
        "DELETE FROM play_op WHERE mailbox = ?1 AND license = ?2",
        "DELETE FROM play_receipt WHERE mailbox = ?1 AND license = ?2",
        "DELETE FROM oblivious WHERE mailbox = ?1 AND license = ?2",
        "DELETE FROM license WHERE mailbox = ?1 AND license = ?2",
    ] {
        c.prepare_cached(sql)?.execute(key)?;
    }
    let part = if stranger { Part::Stranger } else { Part::Known };
    mailbox_heads::count_licenses(c, id.mailbox, part, -1)
}
