//! What the log does between commits, a few milliseconds' worth at a time: receipts into the database, envelopes overwritten, segments emptied and deleted.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use protocol::Timestamp;
use rusqlite::Connection;

use super::{Item, MailLog, Purpose, keeper::Span};
use crate::{
    model::MailboxId,
    store::{
        Result,
        sqlite::segments::{self, Part},
        writer::{Mail, Outcome, Sending, Upkeep},
    },
};

/// Receipts that are put into the database in one transaction: 2 to 4 ms.
const RECEIPTS_AT_ONCE: usize = 2048;
/// Envelopes that are moved at once: 256 KiB as a rule.
const MOVED_AT_ONCE: usize = 64;
/// A sealed segment of which less than so many quarters wait is emptied: what is moved is a fraction of what is won.
const SPARSE: u64 = 1;
/// The same where there is no room for another segment: then what is won is worth more.
const SPARSE_WHEN_TIGHT: u64 = 3;
/// The next segment is made ready when one part in this many of the active one is written: early, because it takes a while, but never on an idle relay.
const SPARE_AFTER: u32 = 8;
/// Under load what was delivered is handed over to be overwritten after this long.
const ERASE_WITHIN: Duration = Duration::from_millis(500);

impl Mail for MailLog {
    fn send(&mut self, c: &Connection, tasks: &[Sending]) -> Vec<Outcome> {
        self.store(c, tasks)
    }

    fn gone(&mut self, mailbox: MailboxId, up_to: u64) {
        // Numbers go on from the last, also when nothing waits any more.
        if let Some(head) = self.heads.get_mut(&mailbox) {
            *head = self.index.usage(mailbox).last.max(*head);
        }
        for entry in self.index.remove_up_to(mailbox, up_to) {
            self.bury(&entry);
        }
    }

    fn upkeep(&mut self, c: &Connection, idle: bool) -> Result<Upkeep> {
        if self.tail > self.active.size / SPARE_AFTER {
            let size = self.next_size();
            self.keeper.want_spare(size);
        }
        if self
            .erase_since
            .is_some_and(|since| idle || since.elapsed() >= ERASE_WITHIN)
        {
            self.erase_now(c)?;
            return Ok(Upkeep::More);
        }
        if let Some(segment) = self.unfolded.front().copied() {
            self.fold(c, segment)?;
            return Ok(Upkeep::More);
        }
        if self.thin(c)? {
            return Ok(Upkeep::More);
        }
        Ok(if self.erase_since.is_some() {
            Upkeep::Later
        } else {
            Upkeep::Done
        })
    }

    fn patience(&self) -> Option<Duration> {
        self.erase_since
            .map(|since: Instant| ERASE_WITHIN.saturating_sub(since.elapsed()))
    }

    fn give_room(&mut self) {
        self.keeper.drop_spares();
    }

    fn forget_receipts(&mut self, now: Timestamp) {
        self.receipts.expire(now);
    }

    fn forget(&mut self, mailbox: MailboxId) {
        self.heads.remove(&mailbox);
    }
}

impl MailLog {
    /// Deletes at once what upkeep would in a while.
    pub(super) fn make_room(&mut self, c: &Connection) -> Result<()> {
        self.keeper.drop_spares();
        while let Some(segment) = self.unfolded.front().copied() {
            self.fold(c, segment)?;
        }
        self.erase_now(c)
    }

    /// Puts some of the receipts of a sealed segment into the database.
    fn fold(&mut self, c: &Connection, segment: u32) -> Result<()> {
        let (runs, reached, more) = self.receipts.runs(segment, self.folded, RECEIPTS_AT_ONCE);
        let part = Part {
            first: self.folded == 0,
            last: !more,
        };
        segments::put_runs(c, segment, &runs, part)?;
        self.receipts.forget(segment, self.folded, reached);
        self.folded = reached;
        if !more {
            self.unfolded.pop_front();
            self.folded = 0;
            // It may be empty, and waited for this to be deleted.
            self.erase_since.get_or_insert_with(Instant::now);
        }
        Ok(())
    }

    /// Has the segments put aside that hold nothing any more, and what was delivered of the others overwritten.
    fn erase_now(&mut self, c: &Connection) -> Result<()> {
        let mut by_segment: BTreeMap<u32, Vec<Span>> = BTreeMap::new();
        for span in self.erase.drain(..) {
            by_segment.entry(span.segment).or_default().push(span);
        }
        self.erase.shrink_to(1 << 12);
        self.erase_since = None;
        let empty = self
            .index
            .segments()
            .into_iter()
            .filter(|(file, live, _)| *live == 0 && file.id != self.active.id && !self.unfolded.contains(&file.id));
        let mut outcome = Ok(());
        for (file, ..) in empty {
            // The row first: a file without one is cleaned away, one that is missing is damage.
            outcome = segments::drop_segment(c, file.id);
            if outcome.is_err() {
                break;
            }
            self.index.drop_segment(file.id);
            // The next ones are as long as the active one, as a rule.
            let again = (file.size == self.active.size).then_some(file.size);
            let spans = by_segment.remove(&file.id).unwrap_or_default();
            self.keeper.retire(file.id, spans, again);
        }
        for (segment, spans) in by_segment {
            self.keeper.erase(segment, spans);
        }
        outcome
    }

    /// Moves some of the last envelopes of a segment that is almost empty to the end of the log; false when there is none.
    fn thin(&mut self, c: &Connection) -> Result<bool> {
        if self.moving.is_empty() {
            let part = if self.tight { SPARSE_WHEN_TIGHT } else { SPARSE };
            let Some(segment) = self.index.sparse(self.active.id, part) else {
                return Ok(false);
            };
            self.moving = self.index.in_segment(segment);
        }
        let left = self.moving.len().saturating_sub(MOVED_AT_ONCE);
        let mut records = Vec::new();
        for (mailbox, entry) in self.moving.drain(left..) {
            // What was delivered in the meantime need not be moved.
            if !self.index.holds(mailbox, &entry) {
                continue;
            }
            let file = self
                .index
                .segment(entry.segment)
                .ok_or_else(|| super::damage(entry.segment, entry.offset))?;
            match file.record(entry.offset, entry.length) {
                Ok(Some((header, envelope))) if header.mailbox == mailbox && header.sequence == entry.sequence => {
                    records.push((header, envelope));
                }
                Ok(_) => return Err(super::damage(entry.segment, entry.offset)),
                Err(error) => return Err(super::failed(&error)),
            }
        }
        let items: Vec<Item<'_>> = records
            .iter()
            .map(|(header, envelope)| Item {
                mailbox: header.mailbox,
                sequence: header.sequence,
                stored_at: header.stored_at,
                expires: header.expires,
                forget_at: Timestamp(0),
                key: header.key,
                digest: header.digest,
                check: header.check,
                envelope,
            })
            .collect();
        let outcomes = self.append(c, &items, Purpose::Move);
        // What could not be moved is found again.
        outcomes.into_iter().collect::<Result<()>>()?;
        Ok(true)
    }
}
