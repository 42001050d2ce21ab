//! Mailboxes: deposit, acknowledge, page, clear.

use protocol::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    licenses::{self, Planned},
    rows::{array, int, number, time, timestamp},
    sealed,
};
use crate::{
    model::{Bytes32, Incarnation, MailboxId, Sender},
    store::{Ack, Acked, Deposit, Deposited, EnvelopeRow, Page, Result, writer::Effects},
};

/// The idempotency key: who sent what to whom, only as a hash.
fn receipt_key(d: &Deposit) -> Bytes32 {
    let (label, sender) = match &d.principal {
        Sender::Account(mailbox) => (&b"latchkey/1/receipt"[..], &mailbox.as_bytes()[..]),
        Sender::Token(hash) => (&b"latchkey/1/receipt-token"[..], &hash[..]),
    };
    Sha256::new()
        .chain_update(label)
        .chain_update(d.mailbox.as_bytes())
        .chain_update(sender)
        .chain_update(d.id.as_bytes())
        .finalize()
        .into()
}

pub(super) fn deposit(c: &Connection, effects: &mut Effects, d: &Deposit) -> Result<Deposited> {
    let id = d.mailbox.as_bytes();
    let key = receipt_key(d);
    let known = c
        .prepare_cached("SELECT body_hash, stored_at, envelope_expires FROM receipt WHERE mailbox = ?1 AND key = ?2")?
        .query_row(params![id, key], |row| {
            Ok((array::<32>(row, 0)?, timestamp(row, 1)?, timestamp(row, 2)?))
        })
        .optional()?;
    if let Some((body_hash, stored_at, expires)) = known {
        return Ok(if body_hash == d.body_hash {
            Deposited::Done { stored_at, expires }
        } else {
            Deposited::Conflict
        });
    }
    let license = match &d.license {
        None => None,
        Some(license) => match licenses::plan(c, license, d.now)? {
            Planned::Conflict => return Ok(Deposited::LicenseConflict),
            Planned::Expired => return Ok(Deposited::LicenseExpired),
            Planned::NoSuchGateKey => return Ok(Deposited::NoSuchGateKey),
            Planned::There => None,
            Planned::New => Some(license),
        },
    };
    let size = d.envelope.as_bytes().len() as u64;
    // The quota is checked in the transaction that gives the sequence number out, and there is one writer: it cannot be overrun, and sequence order is
    // commit order. Not by an UPDATE with RETURNING: SQLite collects its rows in a temporary table, which costs more than the second lookup.
    let room = c
        .prepare_cached("SELECT last_seq, live_count, live_bytes, licenses FROM mailbox WHERE mailbox = ?1")?
        .query_row([id], |row| {
            let (live, bytes, licenses): (u64, u64, u64) = (number(row, 1)?, number(row, 2)?, number(row, 3)?);
            let fits = live < d.quota.envelopes
                && bytes.saturating_add(size) <= d.quota.bytes
                && licenses + u64::from(license.is_some()) <= d.quota.licenses;
            Ok((row.get::<_, i64>(0)? + 1, fits))
        })
        .optional()?;
    let sequence = room.and_then(|(sequence, fits)| fits.then_some(sequence));
    let Some(sequence) = sequence else {
        let refused = c
            .prepare_cached("UPDATE mailbox SET refused_total = refused_total + 1 WHERE mailbox = ?1")?
            .execute([id])?;
        return Ok(if refused == 0 {
            Deposited::NoSuchMailbox
        } else {
            Deposited::Full
        });
    };
    c.prepare_cached(
        "UPDATE mailbox SET last_seq = ?2, live_count = live_count + 1, live_bytes = live_bytes + ?3, licenses = licenses + ?4
         WHERE mailbox = ?1",
    )?
    .execute(params![id, sequence, int(size), i64::from(license.is_some())])?;
    if let Some(license) = license {
        licenses::insert(c, license)?;
    }
    let body = sealed::put(c, d.envelope.as_bytes())?;
    c.prepare_cached(
        "INSERT INTO envelope (mailbox, seq, stored_at, expires, size, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![id, sequence, time(d.now), time(d.expires), int(size), body])?;
    c.prepare_cached(
        "INSERT INTO receipt (mailbox, key, body_hash, stored_at, envelope_expires, forget_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![id, key, d.body_hash, time(d.now), time(d.expires), time(d.forget_at)])?;
    effects.pending += 1;
    effects.bytes += int(size);
    effects.licenses += i64::from(license.is_some());
    effects.wake = Some(d.mailbox);
    Ok(Deposited::Done {
        stored_at: d.now,
        expires: d.expires,
    })
}

/// Deletes the envelopes up to and including `sequence`; how many, and how many bytes.
fn delete_up_to(c: &Connection, mailbox: MailboxId, sequence: i64) -> Result<(i64, i64)> {
    let gone: Vec<(i64, i64)> = c
        .prepare_cached("SELECT size, body FROM envelope WHERE mailbox = ?1 AND seq <= ?2")?
        .query_map(params![mailbox.as_bytes(), sequence], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    c.prepare_cached("DELETE FROM envelope WHERE mailbox = ?1 AND seq <= ?2")?
        .execute(params![mailbox.as_bytes(), sequence])?;
    for (_, body) in &gone {
        sealed::remove(c, *body)?;
    }
    Ok((int(gone.len() as u64), gone.iter().map(|(size, _)| size).sum()))
}

pub(super) fn acknowledge(
    c: &Connection,
    effects: &mut Effects,
    mailbox: MailboxId,
    ack: Option<Ack>,
    commit_counter: Option<u64>,
) -> Result<Acked> {
    let acked = match ack {
        Some(ack) => delete_read(c, effects, mailbox, ack)?,
        None => Acked::Done(0),
    };
    if let (Acked::Done(_), Some(counter)) = (acked, commit_counter) {
        // A row that is not changed is not written: polls with the same number cost no fsync.
        c.prepare_cached("UPDATE mailbox SET commit_counter = ?2 WHERE mailbox = ?1 AND commit_counter < ?2")?
            .execute(params![mailbox.as_bytes(), int(counter)])?;
    }
    Ok(acked)
}

fn delete_read(c: &Connection, effects: &mut Effects, mailbox: MailboxId, ack: Ack) -> Result<Acked> {
    let id = mailbox.as_bytes();
    let head: Option<(_, i64, i64)> = c
        .prepare_cached("SELECT incarnation, last_seq, acked_seq FROM mailbox WHERE mailbox = ?1")?
        .query_row([id], |row| Ok((array(row, 0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((incarnation, last, acked)) = head else {
        return Ok(Acked::NoSuchMailbox);
    };
    let sequence = int(ack.sequence);
    // Beyond what was ever stored: the reader knows a future that this store has lost, so its numbers mean something else.
    if Incarnation(Uuid::from_bytes(incarnation)) != ack.incarnation || sequence > last {
        return Ok(Acked::Stale);
    }
    if sequence <= acked {
        return Ok(Acked::Done(0));
    }
    let (count, bytes) = delete_up_to(c, mailbox, sequence)?;
    c.prepare_cached(
        "UPDATE mailbox SET acked_seq = ?2, live_count = live_count - ?3, live_bytes = live_bytes - ?4 WHERE mailbox = ?1",
    )?
    .execute(params![id, sequence, count, bytes])?;
    effects.pending -= count;
    effects.bytes -= bytes;
    effects.erases = count > 0;
    Ok(Acked::Done(count.unsigned_abs()))
}

pub(super) fn page(
    c: &Connection,
    mailbox: MailboxId,
    limit: u32,
    max_bytes: usize,
    now: Timestamp,
) -> Result<Option<Page>> {
    let id = mailbox.as_bytes();
    // One snapshot for the head and the envelopes.
    let snapshot = c.unchecked_transaction()?;
    let head = snapshot
        .prepare_cached("SELECT incarnation, expired_total, refused_total, commit_counter, live_count FROM mailbox WHERE mailbox = ?1")?
        .query_row([id], |row| {
            let live: i64 = row.get(4)?;
            Ok((array(row, 0)?, number(row, 1)?, number(row, 2)?, number(row, 3)?, live))
        })
        .optional()?;
    let Some((incarnation, expired_total, refused_total, commit_counter, live)) = head else {
        return Ok(None);
    };
    let mut page = Page {
        incarnation: Incarnation(Uuid::from_bytes(incarnation)),
        envelopes: Vec::new(),
        expired_total,
        refused_total,
        commit_counter,
    };
    if live == 0 {
        return Ok(Some(page));
    }
    let mut statement = snapshot.prepare_cached(
        "SELECT seq, stored_at, size, content FROM envelope JOIN sealed ON sealed.id = envelope.body
         WHERE mailbox = ?1 AND expires > ?2 ORDER BY seq LIMIT ?3",
    )?;
    let mut rows = statement.query(params![id, time(now), limit])?;
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        bytes += number::<usize>(row, 2)?;
        if bytes > max_bytes && !page.envelopes.is_empty() {
            break;
        }
        page.envelopes.push(EnvelopeRow {
            sequence: number(row, 0)?,
            stored_at: timestamp(row, 1)?,
            body: row.get(3)?,
        });
    }
    Ok(Some(page))
}

pub(super) fn clear(
    c: &Connection,
    effects: &mut Effects,
    mailbox: MailboxId,
    incarnation: Incarnation,
) -> Result<Option<u64>> {
    // Sequence numbers go on: even a client that ignores incarnations never meets one twice.
    let begun = c
        .prepare_cached(
            "UPDATE mailbox SET incarnation = ?2, acked_seq = last_seq, live_count = 0, live_bytes = 0 WHERE mailbox = ?1",
        )?
        .execute(params![mailbox.as_bytes(), incarnation.0.as_bytes()])?;
    if begun == 0 {
        return Ok(None);
    }
    let (count, bytes) = delete_up_to(c, mailbox, i64::MAX)?;
    effects.pending -= count;
    effects.bytes -= bytes;
    effects.erases = count > 0;
    Ok(Some(count.unsigned_abs()))
}
