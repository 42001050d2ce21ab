//! The mail log: envelopes in the order of their arrival, in files of their own beside the database.
//!
//! A send writes nothing but its record at the end of the log; one fsync makes all sends durable that came while the one before was under way. Everything
//! else that a mailbox is (its life, how far it was read, its licenses) is a row of the database, and that decides: a record counts as long as its mailbox exists and
//! its place lies behind `acked_seq`. So whatever removes envelopes (an acknowledgement, a clearing, expiry, the end of an account) is a transaction
//! of the database and nothing else; that the bytes are overwritten afterwards is for the promise that deleted means deleted, not for the truth.
//!
//! A segment lives through this: filled with zeros, written, sealed (the row of the next one says where it ends), its receipts put into the
//! database, its last envelopes moved to the end of the log when few are left, overwritten, and used again or deleted.
//!
//! Decision 0017 (`docs/decisions/0017-mail-log.md`) says why, what it costs, and what was rejected.

mod filter;
mod index;
mod keeper;
mod open;
mod receipts;
mod record;
mod scan;
mod segment;
mod send;
mod survey;
mod upkeep;

use std::{
    collections::{HashMap, VecDeque},
    io,
    path::PathBuf,
    sync::Arc,
    time::Instant,
};

use protocol::Timestamp;
use rusqlite::Connection;

pub(super) use self::{
    index::{Entry, Index},
    receipts::{Receipt, Run, head, items, runs, with_key},
    record::Key,
    send::check,
    survey::{Surveyed, survey},
};
use self::{
    keeper::{Keeper, Span},
    record::Header,
    segment::{START, Segment},
};
use super::segments;
use crate::{
    model::{BodyDigest, MailboxId},
    store::{EnvelopeRow, Result, StoreError},
};

/// Length of the first segment, bytes: an idle relay has this on its disk and no more.
const FIRST_SEGMENT: u32 = 1 << 20;
/// Length of a segment at most: each is twice as long as the one before. A few thousand messages at least share what sealing costs.
const LONGEST_SEGMENT: u32 = 64 << 20;
/// Records of a segment, about, at most: its receipts are sorted at once, which takes some milliseconds for so many.
const RECORDS: u64 = 1 << 16;
/// Where the log has a limit, no segment is longer than this part of it: room comes back by whole segments.
const PARTS: u64 = 8;
/// So often a page is looked up again when its first envelope was moved while it was read.
const LOOKS: usize = 5;
/// Mailboxes whose last sequence number is remembered: 65 536 at 40 bytes. Beyond that they are read again.
const HEADS: usize = 1 << 16;

/// The log, as its writer has it.
pub(super) struct MailLog {
    directory: PathBuf,
    index: Arc<Index>,
    active: Arc<Segment>,
    /// Where the next commit begins.
    tail: u32,
    commit: u64,
    /// The last sequence number of mailboxes that exist, but for what waits in them.
    heads: HashMap<MailboxId, u64>,
    receipts: receipts::Receipts,
    buffer: Vec<u8>,
    /// All segments together, at most.
    limit: Option<u64>,
    /// An fsync failed: nobody knows what another one into the same file would say.
    abandoned: bool,
    /// There was no room for another segment, so segments are emptied that would be left alone otherwise.
    tight: bool,
    /// What is to be overwritten, and since when.
    erase: Vec<Span>,
    erase_since: Option<Instant>,
    /// Sealed segments whose receipts are in memory, and how far the first one's are put away.
    unfolded: VecDeque<u32>,
    folded: usize,
    /// Envelopes of an almost empty segment, still to be moved.
    moving: Vec<(MailboxId, Entry)>,
    keeper: Keeper,
}

/// A record to be written.
#[derive(Clone, Copy)]
struct Item<'a> {
    mailbox: MailboxId,
    sequence: u64,
    stored_at: Timestamp,
    expires: Timestamp,
    /// Zero when its receipt is elsewhere.
    forget_at: Timestamp,
    key: Key,
    digest: BodyDigest,
    check: u32,
    envelope: &'a [u8],
}

/// Why records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// They are new.
    Keep,
    /// So that the segment in which they are can be deleted.
    Move,
}

/// What is in the buffer and not on the disk yet.
type Chunk = Vec<(usize, Header, u32)>;

impl MailLog {
    /// Writes records behind one another, in as many commits as there are segments to it; how it went, for each. What succeeded is durable and in the index.
    fn append(&mut self, c: &Connection, all: &[Item<'_>], purpose: Purpose) -> Vec<Result<()>> {
        let mut outcomes: Vec<Result<()>> = all.iter().map(|_| Ok(())).collect();
        let mut chunk = Chunk::with_capacity(all.len());
        self.buffer.clear();
        for (n, item) in all.iter().enumerate() {
            let length = u32::try_from(item.envelope.len()).unwrap_or(u32::MAX);
            let room = self.active.size.saturating_sub(self.tail) as usize;
            if self.abandoned || self.buffer.len() + record::span(length) > room {
                self.flush(&mut chunk, &mut outcomes);
                if let Err(error) = self.roll(c, record::span(length), purpose) {
                    outcomes
                        .iter_mut()
                        .skip(n)
                        .for_each(|outcome| *outcome = Err(error.clone()));
                    return outcomes;
                }
            }
            let header = Header {
                segment: self.active.id,
                begin: self.tail,
                commit: self.commit,
                mailbox: item.mailbox,
                sequence: item.sequence,
                stored_at: item.stored_at,
                expires: item.expires,
                forget_at: item.forget_at,
                key: item.key,
                digest: item.digest,
                length,
                check: item.check,
            };
            let offset = self.tail + u32::try_from(self.buffer.len()).unwrap_or(u32::MAX);
            record::append(&mut self.buffer, &header, self.active.mark().salt, item.envelope);
            chunk.push((n, header, offset));
        }
        self.flush(&mut chunk, &mut outcomes);
        outcomes
    }

    /// One commit: writes what is in the buffer, waits for the disk, and takes it into the index.
    fn flush(&mut self, chunk: &mut Chunk, outcomes: &mut [Result<()>]) {
        if chunk.is_empty() {
            return;
        }
        let written = self.active.write(&self.buffer, self.tail);
        let synced = written.and_then(|()| self.active.sync().inspect_err(|_| self.abandoned = true));
        // Whatever of it is there: a later commit is told from it by its number.
        self.commit += 1;
        match synced {
            Ok(()) => {
                self.tail += u32::try_from(self.buffer.len()).unwrap_or(u32::MAX);
                let entries = chunk
                    .iter()
                    .map(|(_, header, offset)| (header.mailbox, entry(header, *offset)));
                let replaced = self.index.add(entries);
                replaced.into_iter().for_each(|old| self.bury(&old));
                for (_, header, _) in chunk.iter().filter(|(_, header, _)| header.has_receipt()) {
                    self.receipts.add(header.segment, header);
                }
            }
            Err(error) => {
                // Not read by anyone, but it need not lie there either.
                let _ = self.active.zero(self.tail, self.buffer.len());
                let error = failed(&error);
                for (n, ..) in chunk.iter() {
                    if let Some(outcome) = outcomes.get_mut(*n) {
                        *outcome = Err(error.clone());
                    }
                }
            }
        }
        chunk.clear();
        self.buffer.clear();
        // What one large commit needed is not kept for ever.
        self.buffer.shrink_to(1 << 20);
    }

    /// Seals the active segment and begins the next, with room for `span` bytes. If there is none on the disk, what can go goes first.
    fn roll(&mut self, c: &Connection, span: usize, purpose: Purpose) -> Result<()> {
        let outcome = match self.begin_next(c, span, purpose) {
            Err(StoreError::Full(_)) => {
                self.make_room(c)?;
                self.begin_next(c, span, purpose)
            }
            outcome => outcome,
        };
        if purpose == Purpose::Keep {
            self.tight = matches!(outcome, Err(StoreError::Full(_)));
        }
        outcome
    }

    /// The length of the segment after the active one.
    fn next_size(&self) -> u32 {
        let part = self.limit.map_or(LONGEST_SEGMENT, |limit| {
            u32::try_from(limit / PARTS).unwrap_or(u32::MAX)
        });
        length_after(self.active.size, part, self.tail, self.receipts.of(self.active.id))
    }

    fn begin_next(&mut self, c: &Connection, span: usize, purpose: Purpose) -> Result<()> {
        let needed = u32::try_from(span).unwrap_or(u32::MAX).saturating_add(START);
        let size = self.next_size().max(needed);
        let kept = self.index.disk();
        // The last segment below the limit is for moving: a log that is full of holes could not be emptied without it.
        let segments = if purpose == Purpose::Keep { 2 } else { 1 };
        if self
            .limit
            .is_some_and(|limit| kept + segments * u64::from(size) > limit)
        {
            return Err(StoreError::Full(format!(
                "the mail log has {kept} bytes, and with {segments} more segment(s) of {size} it would be above its limit"
            )));
        }
        let id = self.active.id + 1;
        let spare = self.keeper.take_spare(size);
        let next = salt()
            .and_then(|salt| Segment::create(&self.directory, id, size, salt, spare.as_deref()))
            .map_err(|error| failed(&error))?;
        // If this fails, the file is cleaned away by the next start, or made anew. It may hold after all once there was a crash: so nothing is written any more behind
        // the end that it names.
        segments::follow(c, self.active.id, self.tail, id).inspect_err(|_| self.abandoned = true)?;
        let next = Arc::new(next);
        self.index.add_segment(Arc::clone(&next));
        self.unfolded.push_back(self.active.id);
        self.active = next;
        self.tail = START;
        self.abandoned = false;
        Ok(())
    }

    /// A record that is not wanted any more: its bytes are to go.
    fn bury(&mut self, entry: &Entry) {
        self.erase.push(Span {
            segment: entry.segment,
            at: entry.offset + record::HEADER_OFFSET,
            length: entry.length,
        });
        self.erase_since.get_or_insert_with(Instant::now);
    }
}

/// The length of the segment after one of `size` bytes, which has `records` in `used` bytes: twice as long, but not longer than `part`, nor than `RECORDS` like these.
fn length_after(size: u32, part: u32, used: u32, records: usize) -> u32 {
    let most = u64::from(used) / records.max(1) as u64 * RECORDS;
    // A power of two: what is made ready early is to fit although the records that follow differ a little.
    let most = u32::try_from(most.next_power_of_two()).unwrap_or(u32::MAX);
    size.saturating_mul(2)
        .min(most)
        .min(part)
        .clamp(FIRST_SEGMENT, LONGEST_SEGMENT)
}

fn entry(header: &Header, offset: u32) -> Entry {
    Entry {
        sequence: header.sequence,
        stored_at: header.stored_at,
        expires: header.expires,
        segment: header.segment,
        offset,
        length: header.length,
    }
}

/// The random number of a new segment.
fn salt() -> io::Result<u64> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(u64::from_le_bytes(bytes))
}

fn damage(segment: u32, at: u32) -> StoreError {
    StoreError::Damaged(format!("segment {segment} of the mail log at byte {at}"))
}

fn failed(error: &io::Error) -> StoreError {
    StoreError::Full(error.to_string())
}

/// The oldest envelopes of a mailbox, out of the log. None up to `acked`: the database may know already what the index is about to hear.
pub(super) fn page(
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
        let whole = found.is_empty() || read(index, mailbox, found, &mut page)?;
        // An empty page would be taken for an empty mailbox.
        if whole || !page.is_empty() {
            break;
        }
    }
    Ok(page)
}

/// Reads envelopes that were looked up; false when one was gone from its place before it was read: acknowledged, or moved.
fn read(
    index: &Index,
    mailbox: MailboxId,
    found: Vec<(Entry, Arc<Segment>)>,
    page: &mut Vec<EnvelopeRow>,
) -> Result<bool> {
    for (entry, file) in found {
        let read = file
            .record(entry.offset, entry.length)
            .map_err(|error| StoreError::Fault(format!("the mail log cannot be read: {error}")))?;
        match read {
            Some((header, body)) if header.mailbox == mailbox && header.sequence == entry.sequence => {
                page.push(EnvelopeRow {
                    sequence: entry.sequence,
                    stored_at: entry.stored_at,
                    body,
                });
            }
            // What follows it comes with the next call.
            _ if !index.holds(mailbox, &entry) => return Ok(false),
            _ => return Err(damage(entry.segment, entry.offset)),
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
