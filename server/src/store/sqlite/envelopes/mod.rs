//! Envelopes: rows of the database in the order of their arrival, and what the writer's thread knows of them.
//!
//! A send is a row at the table's right edge, and its receipt. What waits is decided elsewhere, by one row: an envelope waits while its mailbox exists and its place lies
//! behind `acked_seq`. So an acknowledgement, a clearing, expiry and the end of an account are each one row however many envelopes they concern; that the envelopes are
//! then overwritten ([`upkeep`]) is for the promise that deleted means deleted, not for the truth.
//!
//! Decision 0020 (`docs/decisions/0020-mail-in-rows.md`) says why, what it costs, and what was rejected.

mod blocks;
mod deposit;
mod index;
mod rows;
mod upkeep;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Instant,
};

use protocol::Timestamp;
use rusqlite::Connection;

use self::{blocks::Blocks, rows::Found};
pub(super) use self::{
    deposit::{Outcome, Sending},
    index::{Entry, Index},
    rows::{body_sum, faults, without_overwriting},
};
use super::{open::set_most, rows::number};
use crate::store::sqlite::{deposit_receipts::Receipts, mailbox_heads};
use crate::{
    model::MailboxId,
    plural::counted,
    store::{EnvelopeRow, Result, StoreError},
};

/// Pages of any database at most (SQLITE_MAX_PAGE_COUNT, <https://www.sqlite.org/limits.html>).
const SQLITE_MOST_PAGES: u64 = 4_294_967_294;
/// Where the database may not grow beyond a size, plays leave this many pages: acknowledging, erasing and moving must go on. One piece of moving takes up to 130 ([`upkeep`]).
const EMPTYING_PAGES: u64 = 192;
/// Everything else that adds rows and makes no room leaves this many: the difference, 256 KiB, is for plays alone. Their rows stay when an answer is confirmed, and an attacker
/// may have licenses of his own.
const RESERVE_PAGES: u64 = EMPTYING_PAGES + 64;
/// What the largest send takes besides, at most.
const ENVELOPE_PAGES: u64 = 72;
/// So often a page is looked up again when its first envelope was moved while it was read.
const LOOKS: usize = 5;
/// Mailboxes of which it is remembered how far they were read: 65 536 at 40 bytes. Beyond that they are read again.
const HEADS: usize = 1 << 16;

/// The envelopes, as their writer has them.
#[derive(Default)]
pub(super) struct Envelopes {
    index: Arc<Index>,
    blocks: Blocks,
    /// The row of the next envelope.
    next_id: u64,
    /// `acked_seq` of mailboxes that exist.
    heads: HashMap<MailboxId, u64>,
    receipts: Receipts,
    /// Rows that are to be erased, with their lengths, and since when.
    erase: VecDeque<(u64, u32)>,
    erase_since: Option<Instant>,
    /// Where the left edge may be cut off, as long as this is the first block that holds an envelope.
    edge: Option<(u64, u64)>,
    /// There was no room for a send: rows that hold nothing are not left lying.
    tight: bool,
    /// Pieces of upkeep so far.
    turn: u32,
    /// Something was erased since the writer last asked: its earlier copies are in the write-ahead log.
    erased: bool,
    /// Pages that the database may have, if that is limited.
    max_pages: Option<u64>,
    /// What of that is the operator's choice.
    chosen_pages: Option<u64>,
}

impl Envelopes {
    /// Reads everything but the envelopes themselves.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when a row is not what was stored: one whose mailbox or time was altered would be taken for one that does not wait, and be erased. Else SQLite's.
    pub fn load(c: &Connection) -> Result<Self> {
        let max_pages = max_pages(c)?;
        let mut envelopes = Self {
            receipts: Receipts::load(c)?,
            next_id: 1,
            max_pages,
            chosen_pages: max_pages,
            ..Self::default()
        };
        let mut altered = 0_u64;
        let dead = scan(c, &envelopes.index, |found| {
            altered += u64::from(!found.sound);
            let Entry { id, length, .. } = found.entry;
            envelopes.next_id = id.saturating_add(1);
            envelopes.blocks.add(id, length, found.mailbox.is_some());
        })?;
        if altered > 0 {
            return Err(StoreError::Damaged(counted(altered, "damaged envelope")));
        }
        envelopes.bury(&dead);
        Ok(envelopes)
    }

    /// What waits, for those who read.
    pub fn index(&self) -> Arc<Index> {
        Arc::clone(&self.index)
    }

    /// Envelopes of a mailbox, up to a sequence number, do not count any more: the database says so, durably.
    pub fn gone(&mut self, mailbox: MailboxId, up_to: u64) {
        if let Some(acked) = self.heads.get_mut(&mailbox) {
            *acked = (*acked).max(up_to);
        }
        let gone = self.index.remove_up_to(mailbox, up_to);
        self.bury(&gone);
    }

    /// What is known of a mailbox besides what waits there is not true any more.
    pub fn forget(&mut self, mailbox: MailboxId) {
        self.heads.remove(&mailbox);
    }

    /// Receipts whose time is over are not remembered any more.
    pub fn forget_receipts(&mut self, now: Timestamp) {
        self.receipts.expire(now);
    }

    /// The disk is full: nothing is left lying.
    pub fn give_room(&mut self) {
        self.tight = true;
    }

    /// Whether the database has grown as far as it may.
    pub fn is_at_limit(&self, c: &Connection) -> bool {
        let left = self.max_pages.map(|most| pages_left(c, most));
        left.is_some_and(|left| left.is_ok_and(|left| left < RESERVE_PAGES + ENVELOPE_PAGES))
    }

    /// The database has no more pages than now, until [`Self::allow_growth`].
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn stop_growth(&mut self, c: &Connection) -> Result<()> {
        self.max_pages = Some(set_most(c, 1)?);
        Ok(())
    }

    /// The database may grow again, as far as the operator chose.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn allow_growth(&mut self, c: &Connection) -> Result<()> {
        set_most(c, self.chosen_pages.unwrap_or(SQLITE_MOST_PAGES))?;
        self.max_pages = self.chosen_pages;
        Ok(())
    }

    /// `acked_seq` of a mailbox; none when there is no such mailbox.
    fn head(&mut self, c: &Connection, mailbox: MailboxId) -> Result<Option<u64>> {
        if let Some(acked) = self.heads.get(&mailbox) {
            return Ok(Some(*acked));
        }
        let Some(acked) = mailbox_heads::acked(c, mailbox)? else {
            return Ok(None);
        };
        if self.heads.len() >= HEADS {
            self.heads.clear();
        }
        self.heads.insert(mailbox, acked);
        Ok(Some(acked))
    }
}

/// Takes the rows that wait into an index and shows all of them; those that do not wait any more, and are still to be erased.
fn scan(c: &Connection, index: &Index, mut each: impl FnMut(&Found)) -> rusqlite::Result<Vec<Entry>> {
    let acked = mailbox_heads::all_acked(c)?;
    let mut dead = Vec::new();
    rows::each(c, |found| {
        each(&found);
        match found.mailbox {
            Some(mailbox) if acked.get(&mailbox).is_some_and(|acked| found.entry.sequence > *acked) => {
                // One that was moved, when a crash left both: the later row counts.
                dead.extend(index.add([(mailbox, found.entry)]));
            }
            Some(_) => dead.push(found.entry),
            None => {}
        }
    })?;
    Ok(dead)
}

/// What waits in a database that is only read.
pub(super) fn index(c: &Connection) -> rusqlite::Result<Index> {
    let index = Index::default();
    scan(c, &index, |_| {})?;
    Ok(index)
}

/// How many pages the database may have; none when SQLite's own bound is all there is.
fn max_pages(c: &Connection) -> rusqlite::Result<Option<u64>> {
    let most: u64 = c.pragma_query_value(None, "max_page_count", |row| number(row, 0))?;
    Ok(Some(most).filter(|most| *most < SQLITE_MOST_PAGES))
}

/// How many free pages a database is to have that may not grow and is still to be emptied; none when it has them.
pub(super) fn lacking(c: &Connection) -> Result<Option<u64>> {
    let free: u64 = c.pragma_query_value(None, "freelist_count", |row| number(row, 0))?;
    Ok((free < RESERVE_PAGES).then_some(RESERVE_PAGES))
}

/// Whether any send has room in a database that may not grow.
pub(super) fn takes_sends(c: &Connection) -> Result<bool> {
    let left = max_pages(c)?.map(|most| pages_left(c, most)).transpose()?;
    Ok(left.is_none_or(|left| left >= RESERVE_PAGES + ENVELOPE_PAGES))
}

/// Refuses what would grow the database into what is kept for emptying it. Each verb that adds rows and makes no room asks this before it adds one, but for sign-ins, which
/// replace a row, and plays ([`refuse_play`]).
pub(super) fn refuse_growth(c: &Connection) -> Result<()> {
    refuse_below(c, RESERVE_PAGES)
}

/// The same for a play.
pub(super) fn refuse_play(c: &Connection) -> Result<()> {
    refuse_below(c, EMPTYING_PAGES)
}

fn refuse_below(c: &Connection, pages: u64) -> Result<()> {
    match max_pages(c)? {
        Some(most) if pages_left(c, most)? < pages => Err(StoreError::Full(
            "the database has grown to its limit, or to that of the disk".into(),
        )),
        _ => Ok(()),
    }
}

/// By how many pages the database may still grow, when it may have `most`.
fn pages_left(c: &Connection, most: u64) -> Result<u64> {
    let pragma = |sql| c.prepare_cached(sql)?.query_row([], |row| number::<u64>(row, 0));
    let used = pragma("PRAGMA page_count")?.saturating_sub(pragma("PRAGMA freelist_count")?);
    Ok(most.saturating_sub(used))
}

/// The oldest envelopes of a mailbox. None up to `acked`: the database may know already what the index is about to hear.
pub(super) fn page(
    c: &Connection,
    index: &Index,
    mailbox: MailboxId,
    acked: u64,
    (limit, max_bytes): (u32, usize),
    now: Timestamp,
) -> Result<Vec<EnvelopeRow>> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut page = Vec::new();
    for _ in 0..LOOKS {
        let found = index.oldest(mailbox, acked, (limit, max_bytes), now);
        if found.is_empty() {
            break;
        }
        // The index first, then the snapshot: it has every row that the index knew, or what became of it.
        let snapshot = c.unchecked_transaction()?;
        let whole = read(&snapshot, index, mailbox, found, &mut page)?;
        // An empty page would be taken for an empty mailbox.
        if whole || !page.is_empty() {
            break;
        }
    }
    Ok(page)
}

/// Reads envelopes that were looked up; false when one was gone from its row before it was read: acknowledged, or moved.
fn read(
    c: &Connection,
    index: &Index,
    mailbox: MailboxId,
    found: Vec<Entry>,
    page: &mut Vec<EnvelopeRow>,
) -> Result<bool> {
    for entry in found {
        match rows::read(c, entry.id)? {
            Some(row) if row.mailbox == mailbox && row.row.sequence == entry.sequence && row.sound => {
                page.push(row.row);
            }
            // What follows it comes with the next call.
            _ if !index.holds(mailbox, &entry) => return Ok(false),
            _ => {
                return Err(StoreError::Damaged(format!(
                    "envelope {} is not what was stored; `check` counts what else is wrong",
                    entry.id
                )));
            }
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
