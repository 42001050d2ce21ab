//! Mailboxes: deposit, acknowledge, page, clear.
//!
//! An acknowledgement takes effect as a whole and at once: `mailbox.acked_seq` says what was read, and nobody is shown it again. What was read is then deleted in slices, so
//! that no commit keeps the others waiting for long, and whoever acknowledged is answered after the last. What is left when that is interrupted is
//! found below `acked_seq`, and counted in the quota, until the acknowledgement is repeated, another comes, or it expires.

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
    store::{Ack, Acked, Deleted, Deposit, Deposited, EnvelopeRow, Page, Result, Slice, writer::Effects},
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

/// The oldest envelopes up to and including `upto`, a slice of them, deleted from their tables.
struct Gone {
    count: i64,
    bytes: i64,
    more: bool,
}

fn delete_slice(c: &Connection, mailbox: MailboxId, upto: i64, slice: Slice) -> Result<Gone> {
    let id = mailbox.as_bytes();
    let most = slice.envelopes as usize;
    let mut gone = Gone {
        count: 0,
        bytes: 0,
        more: false,
    };
    let (mut last, mut bodies) = (0, Vec::new());
    {
        let mut statement = c.prepare_cached(
            "SELECT seq, size, body FROM envelope WHERE mailbox = ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3",
        )?;
        // One more, to know whether there is more.
        let mut rows = statement.query(params![id, upto, i64::from(slice.envelopes) + 1])?;
        while let Some(row) = rows.next()? {
            let size: i64 = row.get(1)?;
            let fits = bodies.is_empty() || (bodies.len() < most && gone.bytes + size <= int(slice.bytes));
            if !fits {
                gone.more = true;
                break;
            }
            last = row.get(0)?;
            gone.bytes += size;
            bodies.push(row.get(2)?);
        }
    }
    if bodies.is_empty() {
        return Ok(gone);
    }
    c.prepare_cached("DELETE FROM envelope WHERE mailbox = ?1 AND seq <= ?2")?
        .execute(params![id, last])?;
    for body in &bodies {
        sealed::remove(c, *body)?;
    }
    gone.count = int(bodies.len() as u64);
    Ok(gone)
}

/// Deletes a slice of what is read up to and including `upto`, and takes note of that in the mailbox's row, which costs no write when there is nothing new.
fn delete_read(
    c: &Connection,
    effects: &mut Effects,
    mailbox: MailboxId,
    (acked, upto): (i64, i64),
    slice: Slice,
) -> Result<Deleted> {
    let gone = delete_slice(c, mailbox, upto, slice)?;
    if gone.count > 0 || upto > acked {
        c.prepare_cached(
            "UPDATE mailbox SET acked_seq = ?2, live_count = live_count - ?3, live_bytes = live_bytes - ?4 WHERE mailbox = ?1",
        )?
        .execute(params![mailbox.as_bytes(), upto, gone.count, gone.bytes])?;
    }
    effects.pending -= gone.count;
    effects.bytes -= gone.bytes;
    effects.erases = gone.count > 0;
    Ok(Deleted {
        envelopes: gone.count.unsigned_abs(),
        more: gone.more,
    })
}

pub(super) fn acknowledge(
    c: &Connection,
    effects: &mut Effects,
    mailbox: MailboxId,
    ack: Option<Ack>,
    commit_counter: Option<u64>,
    slice: Slice,
) -> Result<Acked> {
    let acked = match ack {
        Some(ack) => take_for_read(c, effects, mailbox, ack, slice)?,
        None => Acked::Done(Deleted::default()),
    };
    if let (Acked::Done(_), Some(counter)) = (acked, commit_counter) {
        // A row that is not changed is not written: polls with the same number cost no fsync.
        c.prepare_cached("UPDATE mailbox SET commit_counter = ?2 WHERE mailbox = ?1 AND commit_counter < ?2")?
            .execute(params![mailbox.as_bytes(), int(counter)])?;
    }
    Ok(acked)
}

fn take_for_read(c: &Connection, effects: &mut Effects, mailbox: MailboxId, ack: Ack, slice: Slice) -> Result<Acked> {
    let Some(head) = head(c, mailbox)? else {
        return Ok(Acked::NoSuchMailbox);
    };
    let sequence = int(ack.sequence);
    // Beyond what was ever stored: the reader knows a future that this store has lost, so its numbers mean something else.
    if head.incarnation != ack.incarnation || sequence > head.last {
        return Ok(Acked::Stale);
    }
    // An earlier one may have been interrupted between two slices: what it left goes with this one, or with its repetition.
    let upto = sequence.max(head.acked);
    delete_read(c, effects, mailbox, (head.acked, upto), slice).map(Acked::Done)
}

pub(super) fn delete_acknowledged(
    c: &Connection,
    effects: &mut Effects,
    mailbox: MailboxId,
    slice: Slice,
) -> Result<Option<Deleted>> {
    head(c, mailbox)?
        .map(|head| delete_read(c, effects, mailbox, (head.acked, head.acked), slice))
        .transpose()
}

struct Head {
    incarnation: Incarnation,
    last: i64,
    acked: i64,
}

fn head(c: &Connection, mailbox: MailboxId) -> Result<Option<Head>> {
    let head = c
        .prepare_cached("SELECT incarnation, last_seq, acked_seq FROM mailbox WHERE mailbox = ?1")?
        .query_row([mailbox.as_bytes()], |row| {
            Ok(Head {
                incarnation: Incarnation(Uuid::from_bytes(array(row, 0)?)),
                last: row.get(1)?,
                acked: row.get(2)?,
            })
        })
        .optional()?;
    Ok(head)
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
        .prepare_cached("SELECT incarnation, expired_total, refused_total, commit_counter, live_count, acked_seq FROM mailbox WHERE mailbox = ?1")?
        .query_row([id], |row| {
            let (live, acked): (i64, i64) = (row.get(4)?, row.get(5)?);
            Ok((array(row, 0)?, number(row, 1)?, number(row, 2)?, number(row, 3)?, live, acked))
        })
        .optional()?;
    let Some((incarnation, expired_total, refused_total, commit_counter, live, acked)) = head else {
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
         WHERE mailbox = ?1 AND seq > ?4 AND expires > ?2 ORDER BY seq LIMIT ?3",
    )?;
    let mut rows = statement.query(params![id, time(now), limit, acked])?;
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

/// In the commit that deletes the first slice the new life begins, and all that was pending is taken for read: no acknowledgement of the old life can
/// reach what comes in between the slices, and nobody is shown what was pending.
pub(super) fn clear(
    c: &Connection,
    effects: &mut Effects,
    mailbox: MailboxId,
    incarnation: Incarnation,
    slice: Slice,
) -> Result<Option<Deleted>> {
    // Sequence numbers go on: even a client that ignores incarnations never meets one twice.
    c.prepare_cached("UPDATE mailbox SET incarnation = ?2 WHERE mailbox = ?1")?
        .execute(params![mailbox.as_bytes(), incarnation.0.as_bytes()])?;
    delete_all(c, effects, mailbox, slice)
}

/// Takes everything for read and deletes a slice of it.
pub(super) fn delete_all(
    c: &Connection,
    effects: &mut Effects,
    mailbox: MailboxId,
    slice: Slice,
) -> Result<Option<Deleted>> {
    head(c, mailbox)?
        .map(|head| delete_read(c, effects, mailbox, (head.acked, head.last), slice))
        .transpose()
}

#[cfg(test)]
mod tests;
