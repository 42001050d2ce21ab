//! What is left to do between commits: erasing what does not wait any more, cutting the table off at its left edge, and keeping receipts in order. In pieces of a few
//! milliseconds, because every send waits for the one that is being done.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::{
    Envelopes,
    blocks::BLOCK,
    index::Entry,
    rows::{self, New},
};
use crate::{
    model::MailboxId,
    store::{Result, StoreError, sqlite::writer::Upkeep},
};

/// Rows erased at once while others wait: some two to three milliseconds with rows of 4 KiB.
const ERASE_ROWS: usize = 64;
/// With many to erase a piece is this part of them, so that they do not pile up.
const ERASE_PART: usize = 8;
/// But no more than this.
const ERASE_MOST: usize = 1024;
/// Nor more bytes than this, unless one row alone has more.
const ERASE_BYTES: usize = 4 << 20;
/// Under load rows are erased this long after they stopped waiting: pages that hold several are then written once for all of them. When nobody waits it is done at once.
const ERASE_AFTER: Duration = Duration::from_millis(250);
/// Rows that hold nothing any more may take this much before envelopes in front of them are moved.
const SLACK: u64 = 16 << 20;
/// And this many times what waits.
const SLACK_TIMES: u64 = 3;
/// Where there is no room for a send: this much, and a part of what waits. Without any, a single dead row would have everything moved.
const TIGHT_SLACK: u64 = 64 << 10;
const TIGHT_PART: u64 = 4;
/// Blocks of rows deleted at once: a thousand rows that hold nothing, a millisecond or two.
const CUT_BLOCKS: usize = 16;
/// Nor more bytes than this, unless one block alone has more: each page of a large envelope is read to find the next. 64 of the largest are 16 MiB, some ten milliseconds.
const CUT_BYTES: u64 = 4 << 20;
/// Where there is no room: so much of what lies just before the first row that is held is deleted at once, unless one row alone has more. All of it is written once more.
const NEAR_BYTES: u64 = 256 << 10;
/// Under steady load there is always something to erase: then envelopes are moved in every so many pieces of upkeep.
const MOVE_TURNS: u32 = 8;
/// Rows moved at once, and bytes, unless one row alone has more.
const MOVE_ROWS: usize = 64;
const MOVE_BYTES: usize = 256 << 10;
/// Pages that this takes, at most: as much again for a row that alone has more.
const MOVE_PAGES: u64 = 130;

/// So long a send waits for upkeep when the database has grown to its limit, and everybody behind it.
const ROOM_WITHIN: Duration = Duration::from_millis(50);
/// Pages that a piece of merging receipts takes, at most: 2048 of them in rows of 64, and the pages of the tree above.
const MERGE_PAGES: u64 = 64;
/// Pages that moving leaves, at the limit, to acknowledgements and plays.
const FLOOR_PAGES: u64 = 32;
/// Pieces of erasing that a start waits for: what a killed relay can have left in its last second, and much more.
const START_PIECES: usize = 256;

impl Envelopes {
    /// Does one piece of what there is to do. `idle` says that nobody waits. No transaction is open.
    ///
    /// # Errors
    /// When the disk refuses. It will be called again.
    pub fn upkeep(&mut self, c: &Connection, idle: bool) -> Result<Upkeep> {
        let mut more = false;
        if self.erase_is_due(idle) {
            self.erase_some(c, idle)?;
            more = true;
        }
        // Not only when nothing is to be erased: under steady load something always is.
        more |= self.cut(c)?;
        let room = self.has_room(c, MERGE_PAGES)?;
        more |= self.receipts.upkeep(c, room)?;
        self.turn = self.turn.wrapping_add(1);
        if !more || self.turn.is_multiple_of(MOVE_TURNS) {
            more |= self.move_some(c)?;
        }
        Ok(match (more, self.erase.is_empty()) {
            (true, _) => Upkeep::More,
            (false, false) => Upkeep::Later,
            (false, true) => Upkeep::Done,
        })
    }

    /// Whether something was erased since this was last asked: then the write-ahead log is to be truncated.
    pub fn take_erased(&mut self) -> bool {
        std::mem::take(&mut self.erased)
    }

    /// The write-ahead log may still have what was deleted before.
    pub fn distrust_log(&mut self) {
        self.erased = true;
    }

    /// Whether the database may grow by so many pages without touching what is kept for emptying it.
    fn has_room(&self, c: &Connection, pages: u64) -> Result<bool> {
        match self.max_pages {
            None => Ok(true),
            Some(most) => Ok(super::pages_left(c, most)? >= super::RESERVE_PAGES + pages),
        }
    }

    /// Erases what a killed relay had left to erase; what the disk refuses is tried again by the upkeep.
    pub fn erase_leftovers(&mut self, c: &Connection) {
        for _ in 0..START_PIECES {
            if self.erase.is_empty() {
                return;
            }
            if let Err(error) = self.erase_some(c, true) {
                tracing::warn!(%error, "what was delivered could not be erased; trying again");
                return;
            }
        }
    }

    /// Does upkeep until the database may grow by so many pages, or nothing more can be done, or it has taken too long: the rest is done between commits.
    pub(super) fn make_room(&mut self, c: &Connection, most: u64, pages: u64) -> Result<()> {
        let begun = Instant::now();
        while super::pages_left(c, most)? < pages && begun.elapsed() < ROOM_WITHIN {
            self.tight = true;
            match self.upkeep(c, true) {
                Ok(Upkeep::More) => {}
                Err(error @ StoreError::Damaged(_)) => return Err(error),
                // Each send is told for itself whether it fits.
                Ok(_) | Err(_) => break,
            }
        }
        Ok(())
    }

    /// How long until there is something to do without anyone asking for it.
    pub fn patience(&self) -> Option<Duration> {
        let since = self.erase_since?;
        Some(ERASE_AFTER.saturating_sub(since.elapsed()))
    }

    fn erase_is_due(&self, idle: bool) -> bool {
        let waited = self.erase_since.is_some_and(|since| since.elapsed() >= ERASE_AFTER);
        !self.erase.is_empty() && (idle || waited)
    }

    /// Envelopes that do not wait any more: their rows are to be erased.
    pub(super) fn bury(&mut self, gone: &[Entry]) {
        if gone.is_empty() {
            return;
        }
        self.erase.extend(gone.iter().map(|entry| (entry.id, entry.length)));
        self.erase_since.get_or_insert_with(Instant::now);
    }

    pub(super) fn erase_some(&mut self, c: &Connection, idle: bool) -> Result<()> {
        let most = if idle {
            ERASE_MOST
        } else {
            (self.erase.len() / ERASE_PART).clamp(ERASE_ROWS, ERASE_MOST)
        };
        let mut bytes = 0;
        let within = |(_, length): &&(u64, u32)| {
            let before = bytes;
            bytes += *length as usize;
            before < ERASE_BYTES
        };
        let mut piece: Vec<u64> = self
            .erase
            .iter()
            .take(most)
            .take_while(within)
            .map(|(id, _)| *id)
            .collect();
        let count = piece.len();
        // Neighbours lie in one page.
        piece.sort_unstable();
        let transaction = c.unchecked_transaction()?;
        for id in &piece {
            rows::erase(&transaction, *id)?;
        }
        transaction.commit()?;
        self.erased = true;
        piece.iter().for_each(|id| self.blocks.erased(*id));
        self.erase.drain(..count);
        if self.erase.is_empty() {
            self.erase_since = None;
            // What one large clearing needed is not kept for ever.
            self.erase.shrink_to(ERASE_MOST);
        }
        Ok(())
    }

    /// Deletes the first blocks of rows, as far as all of them were erased and lie far enough before the first row that was not. Whether it did.
    fn cut(&mut self, c: &Connection) -> Result<bool> {
        let edge = match (self.blocks.first_held(), self.blocks.first()) {
            (_, None) => return Ok(false),
            (None, Some(_)) => self.next_id,
            (Some(held), Some((from, _))) if held <= from => return Ok(false),
            (Some(held), Some(_)) => self.edge_before(c, held)?,
        };
        let Some((from, to, blocks)) = self.blocks.span_below(edge, self.next_id, (CUT_BLOCKS, CUT_BYTES)) else {
            return self.cut_rows(c);
        };
        rows::delete(c, from, to)?;
        (0..blocks).for_each(|_| self.blocks.drop_first());
        Ok(true)
    }

    /// Where there is no room: deletes the first rows of a block too, as far as they may be. A block of large envelopes would be more than what is kept for emptying the database.
    fn cut_rows(&mut self, c: &Connection) -> Result<bool> {
        let Some(block) = self.blocks.first_held().filter(|_| self.tight) else {
            return Ok(false);
        };
        let (Some(from), Some(held)) = rows::first(c, block)? else {
            return Ok(false);
        };
        let to = rows::edge(c, held)?.min(from + BLOCK);
        if to > from {
            rows::delete(c, from, to)?;
            return Ok(true);
        }
        // Those that lie too near to the one that is held may be large too. What SQLite frees by deleting them it overwrites once more.
        let (to, bytes) = rows::before(c, held, NEAR_BYTES)?;
        if bytes <= TIGHT_SLACK {
            return Ok(false);
        }
        rows::delete_overwriting(c, to)?;
        Ok(true)
    }

    /// The id below which rows may be deleted, when this is the first of a block that holds an envelope.
    fn edge_before(&mut self, c: &Connection, held: u64) -> Result<u64> {
        if let Some((of, edge)) = self.edge
            && of == held
        {
            return Ok(edge);
        }
        let edge = rows::edge(c, held)?;
        self.edge = Some((held, edge));
        Ok(edge)
    }

    /// Whether more rows lie behind the first that waits, holding nothing, than may.
    fn is_sparse(&self) -> bool {
        let (_, waiting) = self.index.totals();
        let dead = self.blocks.bytes_from_first_held().saturating_sub(waiting);
        let slack = if self.tight {
            TIGHT_SLACK + waiting / TIGHT_PART
        } else {
            SLACK + SLACK_TIMES * waiting
        };
        dead > slack
    }

    /// Moves some of the envelopes at the left edge to the right one, when too much behind them holds nothing: they lie in the way of its deletion. Whether it did.
    ///
    /// The copy is durable before the row that it replaces is erased; a crash in between leaves both, and the next start takes the later one.
    fn move_some(&mut self, c: &Connection) -> Result<bool> {
        let Some(from) = self.blocks.first_held().filter(|_| self.is_sparse()) else {
            return Ok(false);
        };
        if let Some(most) = self.max_pages
            && super::pages_left(c, most)? < MOVE_PAGES + FLOOR_PAGES
        {
            return Ok(false);
        }
        // What lies in the last blocks came just now: as a rule moving it gains nothing. Where there is no room it may be all that lies in front of what was read.
        if from + 2 * BLOCK > self.next_id && !self.tight {
            return Ok(false);
        }
        // Out of its own block, or that would never be deleted as a whole, and count as full of what holds nothing.
        let next_id = self.next_id.max(from + BLOCK);
        let mut moved: Vec<(MailboxId, Entry)> = Vec::new();
        let mut bytes = 0;
        let transaction = c.unchecked_transaction()?;
        for (mailbox, mut entry) in rows::held(&transaction, from, from + BLOCK - 1, MOVE_ROWS)? {
            // One that is to be erased stays, and is not read.
            if !self.index.holds(mailbox, &entry) {
                continue;
            }
            let id = entry.id;
            let Some(found) = rows::read(&transaction, id)? else {
                continue;
            };
            if !found.sound {
                return Err(StoreError::Damaged(format!(
                    "envelope {id} is not what was stored; `check` counts what else is wrong"
                )));
            }
            entry.id = next_id + moved.len() as u64;
            let new = New {
                id: entry.id,
                mailbox: found.mailbox,
                sequence: found.row.sequence,
                stored_at: found.row.stored_at,
                expires: found.expires,
                part: found.part,
                body_sum: rows::body_sum(&found.row.body),
                body: &found.row.body,
            };
            rows::insert(&transaction, &new)?;
            moved.push((found.mailbox, entry));
            bytes += found.row.body.len();
            if bytes >= MOVE_BYTES {
                break;
            }
        }
        transaction.commit()?;
        let any = !moved.is_empty();
        if any {
            self.next_id = next_id + moved.len() as u64;
        }
        for (_, entry) in &moved {
            self.blocks.add(entry.id, entry.length, true);
        }
        let replaced = self.index.add(moved);
        self.bury(&replaced);
        Ok(any)
    }
}
