//! Gate keys: everything but their bytes, which are files.

use protocol::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use subtle::ConstantTimeEq as _;

use super::{
    envelopes::refuse_growth,
    rows::{array, int, number, time},
};
use crate::{
    model::{GateKeyId, MailboxId},
    store::{GateKeyPut, GateKeyRoom, GateKeyRow, GateKeyUse, NewGateKey, ObliviousRow, Result},
};

const COLUMNS: &str = "id, owner, sha256, bytes, capability_hash, retired";

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<GateKeyRow> {
    Ok(GateKeyRow {
        id: GateKeyId::from_bytes(array(row, 0)?),
        owner: MailboxId::from_bytes(array(row, 1)?),
        sha256: array(row, 2)?,
        bytes: number(row, 3)?,
        capability_hash: array(row, 4)?,
        retired: row.get(5)?,
    })
}

pub(super) fn get(c: &Connection, id: GateKeyId) -> Result<Option<GateKeyRow>> {
    Ok(
        c.prepare_cached(&format!("SELECT {COLUMNS} FROM gate_key WHERE id = ?1"))?
            .query_row([id.as_bytes()], read)
            .optional()?,
    )
}

pub(super) fn all(c: &Connection) -> Result<Vec<GateKeyRow>> {
    Ok(c.prepare_cached(&format!("SELECT {COLUMNS} FROM gate_key"))?
        .query_map([], read)?
        .collect::<rusqlite::Result<_>>()?)
}

/// Whether a license may be attached to its gate key; if so the key is in use from now on. An unknown key is compared too.
pub(super) fn attach(c: &Connection, gate: &ObliviousRow, now: Timestamp) -> Result<bool> {
    let key = get(c, gate.gate_key)?.filter(|key| !key.retired);
    let right = key
        .map_or([0; 32], |key| key.capability_hash)
        .ct_eq(&gate.capability_hash);
    if key.is_none() || !bool::from(right) {
        return Ok(false);
    }
    c.prepare_cached("UPDATE gate_key SET used_at = ?2 WHERE id = ?1 AND used_at < ?2")?
        .execute(params![gate.gate_key.as_bytes(), time(now)])?;
    Ok(true)
}

pub(super) fn usage(c: &Connection, owner: MailboxId) -> Result<GateKeyUse> {
    let (live, kept) = c
        .prepare_cached("SELECT count(*) FILTER (WHERE retired = 0), count(*) FROM gate_key WHERE owner = ?1")?
        .query_row([owner.as_bytes()], |row| Ok((number(row, 0)?, number(row, 1)?)))?;
    let bytes = c
        .prepare_cached("SELECT gate_key_bytes FROM relay WHERE one = 1")?
        .query_row([], |row| number(row, 0))?;
    Ok(GateKeyUse { live, kept, bytes })
}

fn add_totals(c: &Connection, keys: i64, bytes: i64) -> Result<()> {
    c.prepare_cached(
        "UPDATE relay SET gate_keys = gate_keys + ?1, gate_key_bytes = gate_key_bytes + ?2 WHERE one = 1",
    )?
    .execute([keys, bytes])?;
    Ok(())
}

pub(super) fn put(c: &Connection, new: &NewGateKey) -> Result<GateKeyPut> {
    let row = &new.row;
    if let Some(known) = get(c, row.id)? {
        let ours = known.owner == row.owner && known.capability_hash == row.capability_hash && !known.retired;
        return Ok(if ours && known.sha256 == row.sha256 {
            GateKeyPut::Done
        } else if ours && new.replaces == Some(known.sha256) {
            c.prepare_cached("UPDATE gate_key SET sha256 = ?2, bytes = ?3 WHERE id = ?1")?
                .execute(params![row.id.as_bytes(), row.sha256, int(row.bytes)])?;
            add_totals(c, 0, int(row.bytes) - int(known.bytes))?;
            GateKeyPut::Done
        } else {
            GateKeyPut::Conflict
        });
    }
    let room = usage(c, row.owner)?.admits(&new.quota, row.bytes);
    if room != GateKeyRoom::Room {
        return Ok(GateKeyPut::NoRoom(room));
    }
    refuse_growth(c)?;
    c.prepare_cached(
        "INSERT INTO gate_key (id, owner, sha256, bytes, capability_hash, used_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        row.id.as_bytes(),
        row.owner.as_bytes(),
        row.sha256,
        int(row.bytes),
        row.capability_hash,
        time(new.now)
    ])?;
    add_totals(c, 1, int(row.bytes))?;
    Ok(GateKeyPut::Done)
}

pub(super) fn retire(c: &Connection, id: GateKeyId, owner: MailboxId) -> Result<bool> {
    let retired = c
        .prepare_cached("UPDATE gate_key SET retired = 1 WHERE id = ?1 AND owner = ?2")?
        .execute(params![id.as_bytes(), owner.as_bytes()])?;
    Ok(retired == 1)
}

pub(super) fn sweep(c: &Connection, idle_since: Timestamp, step: u32) -> Result<Vec<GateKeyRow>> {
    let gone: Vec<GateKeyRow> = c
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM gate_key WHERE (retired = 1 OR used_at < ?1)
             AND NOT EXISTS (SELECT 1 FROM oblivious WHERE oblivious.gate_key = gate_key.id) LIMIT ?2"
        ))?
        .query_map(params![time(idle_since), step], read)?
        .collect::<rusqlite::Result<_>>()?;
    for key in &gone {
        c.prepare_cached("DELETE FROM gate_key WHERE id = ?1")?
            .execute([key.id.as_bytes()])?;
        add_totals(c, -1, -int(key.bytes))?;
    }
    Ok(gone)
}
