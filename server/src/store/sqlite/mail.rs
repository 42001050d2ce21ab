//! Mailboxes: how far each was read, and what follows from that.

use protocol::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::writer::Effects;
use super::{
    envelopes::{self, Index},
    licenses::insert,
    rows::{array, int, number},
};
use crate::store::sqlite::mailbox_heads::{acked, count_licenses};
use crate::{
    model::{Bytes32, CommitCounter, Incarnation, MailboxId, Sender},
    store::{Ack, Acked, Deposit, LicenseRow, Page, Part, Result},
};

/// The idempotency key: who sent what to whom, only as a hash.
pub(super) fn receipt_key(d: &Deposit) -> Bytes32 {
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

/// Stores a license, one more of its mailbox.
pub(super) fn add_license(c: &Connection, license: &LicenseRow, part: Part) -> Result<()> {
    count_licenses(c, license.id.mailbox, part, 1)?;
    insert(c, license, part)
}

/// A send was refused because the mailbox is full.
pub(super) fn refuse(c: &Connection, mailbox: MailboxId) -> Result<()> {
    c.prepare_cached("UPDATE mailbox SET refused_total = refused_total + 1 WHERE mailbox = ?1")?
        .execute([mailbox.as_bytes()])?;
    Ok(())
}

/// What lies in a mailbox up to `sequence` does not count any more.
fn pass(c: &Connection, mailbox: MailboxId, sequence: u64) -> Result<()> {
    c.prepare_cached("UPDATE mailbox SET acked_seq = max(acked_seq, ?2) WHERE mailbox = ?1")?
        .execute(params![mailbox.as_bytes(), int(sequence)])?;
    Ok(())
}

pub(super) fn acknowledge(
    c: &Connection,
    index: &Index,
    effects: &mut Effects,
    mailbox: MailboxId,
    ack: Option<Ack>,
    commit_counter: Option<CommitCounter>,
) -> Result<Acked> {
    if let Some(counter) = commit_counter {
        let kept = c
            .prepare_cached("SELECT commit_counter FROM mailbox WHERE mailbox = ?1")?
            .query_row([mailbox.as_bytes()], |row| number(row, 0))
            .optional()?;
        if let Some(kept) = kept.filter(|kept| counter.is_too_far_from(*kept)) {
            return Ok(Acked::CounterTooFar(kept));
        }
    }
    let acked = match ack {
        Some(ack) => read_up_to(c, index, effects, mailbox, ack)?,
        None => Acked::Done(0),
    };
    if let (Acked::Done(_), Some(counter)) = (acked, commit_counter) {
        raise_counter(c, mailbox, counter)?;
    }
    Ok(acked)
}

/// The greatest number stays. A row that is not changed is not written: polls with the same number cost no fsync.
pub(super) fn raise_counter(c: &Connection, mailbox: MailboxId, counter: CommitCounter) -> Result<()> {
    c.prepare_cached("UPDATE mailbox SET commit_counter = ?2 WHERE mailbox = ?1 AND commit_counter < ?2")?
        .execute(params![mailbox.as_bytes(), int(counter.get())])?;
    Ok(())
}

fn read_up_to(c: &Connection, index: &Index, effects: &mut Effects, mailbox: MailboxId, ack: Ack) -> Result<Acked> {
    let row = c
        .prepare_cached("SELECT incarnation, acked_seq FROM mailbox WHERE mailbox = ?1")?
        .query_row([mailbox.as_bytes()], |row| Ok((array(row, 0)?, number::<u64>(row, 1)?)))
        .optional()?;
    // The account may have been removed since its owner was let in.
    let Some((incarnation, acked)) = row else {
        return Ok(Acked::NoSuchMailbox);
    };
    let last = acked.max(index.usage(mailbox).last);
    // Beyond what was ever stored: the reader knows a future that this store has lost, so its numbers mean something else.
    if Incarnation(Uuid::from_bytes(incarnation)) != ack.incarnation || ack.sequence > last {
        return Ok(Acked::Stale);
    }
    if ack.sequence <= acked {
        return Ok(Acked::Done(0));
    }
    pass(c, mailbox, ack.sequence)?;
    effects.gone.push((mailbox, ack.sequence));
    Ok(Acked::Done(index.between(mailbox, acked, ack.sequence)))
}

pub(super) fn page(
    c: &Connection,
    index: &Index,
    mailbox: MailboxId,
    limit: u32,
    max_bytes: usize,
    now: Timestamp,
) -> Result<Option<Page>> {
    let head = c
        .prepare_cached(
            "SELECT incarnation, expired_total, refused_total, commit_counter, acked_seq FROM mailbox WHERE mailbox = ?1",
        )?
        .query_row([mailbox.as_bytes()], |row| {
            let page = Page {
                incarnation: Incarnation(Uuid::from_bytes(array(row, 0)?)),
                envelopes: Vec::new(),
                expired_total: number(row, 1)?,
                refused_total: number(row, 2)?,
                commit_counter: number(row, 3)?,
            };
            Ok((page, number(row, 4)?))
        })
        .optional()?;
    let Some((head, acked)) = head else {
        return Ok(None);
    };
    Ok(Some(Page {
        envelopes: envelopes::page(c, index, mailbox, acked, (limit, max_bytes), now)?,
        ..head
    }))
}

pub(super) fn clear(
    c: &Connection,
    index: &Index,
    effects: &mut Effects,
    mailbox: MailboxId,
    incarnation: Incarnation,
) -> Result<Option<u64>> {
    let Some(acked) = acked(c, mailbox)? else {
        return Ok(None);
    };
    // Sequence numbers go on: even a client that ignores incarnations never meets one twice.
    let last = acked.max(index.usage(mailbox).last);
    pass(c, mailbox, last)?;
    c.prepare_cached("UPDATE mailbox SET incarnation = ?2 WHERE mailbox = ?1")?
        .execute(params![mailbox.as_bytes(), incarnation.0.as_bytes()])?;
    effects.gone.push((mailbox, last));
    // An earlier job of this commit may have removed some, of which the index hears afterwards.
    Ok(Some(index.between(mailbox, acked, last)))
}

/// Envelopes that have expired at the head of their mailboxes go, at most `limit`; how many.
pub(super) fn expire(
    c: &Connection,
    index: &Index,
    effects: &mut Effects,
    now: Timestamp,
    limit: usize,
) -> Result<usize> {
    let mut all = 0;
    for (mailbox, up_to, count) in index.expired(now, limit) {
        let count = acked(c, mailbox)?.map_or(count, |acked| index.between(mailbox, acked, up_to));
        pass(c, mailbox, up_to)?;
        c.prepare_cached("UPDATE mailbox SET expired_total = expired_total + ?2 WHERE mailbox = ?1")?
            .execute(params![mailbox.as_bytes(), int(count)])?;
        effects.gone.push((mailbox, up_to));
        all += usize::try_from(count).unwrap_or(0);
    }
    Ok(all)
}

/// Everything in a mailbox goes, with the mailbox.
pub(super) fn abandon(c: &Connection, index: &Index, effects: &mut Effects, mailbox: MailboxId) -> Result<()> {
    let last = index.usage(mailbox).last;
    pass(c, mailbox, last)?;
    effects.gone.push((mailbox, last));
    Ok(())
}
