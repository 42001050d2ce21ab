//! Where the waiting envelopes are: in memory, for each mailbox in order. The log on the disk is what it is made of at a start.
//!
//! The writer's thread changes it, after a commit and before anyone hears of it; whoever reads a mailbox looks here.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use protocol::Timestamp;

use super::{record::HEADER, segment::Segment};
use crate::model::MailboxId;

/// A waiting envelope: 40 bytes, which is what it costs in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Entry {
    /// Its place in the mailbox.
    pub sequence: u64,
    /// When it was stored.
    pub stored_at: Timestamp,
    /// When it expires.
    pub expires: Timestamp,
    /// In which segment.
    pub segment: u32,
    /// Where its record begins there.
    pub offset: u32,
    /// Its length.
    pub length: u32,
}

/// The envelopes of one mailbox.
#[derive(Debug, Default)]
struct Waiting {
    bytes: u64,
    entries: VecDeque<Entry>,
}

/// A segment and what waits in it.
#[derive(Debug)]
struct Held {
    file: Arc<Segment>,
    live: u64,
    bytes: u64,
}

#[derive(Debug, Default)]
struct Inner {
    mailboxes: HashMap<MailboxId, Waiting>,
    segments: BTreeMap<u32, Held>,
    pending: u64,
    bytes: u64,
}

/// Of a mailbox: envelopes, their bytes, and the last one's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::store) struct Usage {
    /// Envelopes.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The greatest sequence number; 0 when there are none.
    pub last: u64,
}

/// Everything that waits.
#[derive(Debug, Default)]
pub(in crate::store) struct Index(RwLock<Inner>);

impl Index {
    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Envelopes and bytes in all.
    pub fn totals(&self) -> (u64, u64) {
        let inner = self.read();
        (inner.pending, inner.bytes)
    }

    /// What a mailbox holds.
    pub fn usage(&self, mailbox: MailboxId) -> Usage {
        let inner = self.read();
        inner
            .mailboxes
            .get(&mailbox)
            .map_or_else(Usage::default, |waiting| Usage {
                count: waiting.entries.len() as u64,
                bytes: waiting.bytes,
                last: waiting.entries.back().map_or(0, |entry| entry.sequence),
            })
    }

    /// How many envelopes of a mailbox lie behind `after` and up to `to`.
    pub fn between(&self, mailbox: MailboxId, after: u64, to: u64) -> u64 {
        let inner = self.read();
        inner.mailboxes.get(&mailbox).map_or(0, |waiting| {
            let from = waiting.entries.partition_point(|entry| entry.sequence <= after);
            let until = waiting.entries.partition_point(|entry| entry.sequence <= to);
            until.saturating_sub(from) as u64
        })
    }

    /// The oldest envelopes of a mailbox behind `acked` that have not expired, each with the segment that holds it: at most `limit`, and `bytes` unless the
    /// first alone has more.
    pub fn oldest(
        &self,
        mailbox: MailboxId,
        acked: u64,
        (limit, bytes): (usize, usize),
        now: Timestamp,
    ) -> Vec<(Entry, Arc<Segment>)> {
        let inner = self.read();
        let Some(waiting) = inner.mailboxes.get(&mailbox) else {
            return Vec::new();
        };
        let mut sum = 0usize;
        let mut page = Vec::with_capacity(limit.min(waiting.entries.len()));
        let due = |entry: &&Entry| entry.sequence > acked && entry.expires > now;
        for entry in waiting.entries.iter().filter(due) {
            sum = sum.saturating_add(entry.length as usize);
            if page.len() == limit || (sum > bytes && !page.is_empty()) {
                break;
            }
            if let Some(held) = inner.segments.get(&entry.segment) {
                page.push((*entry, Arc::clone(&held.file)));
            }
        }
        page
    }

    /// Whether this very record is still the one of its place.
    pub fn holds(&self, mailbox: MailboxId, entry: &Entry) -> bool {
        let inner = self.read();
        inner.mailboxes.get(&mailbox).is_some_and(|waiting| {
            let at = waiting.entries.partition_point(|other| other.sequence < entry.sequence);
            waiting.entries.get(at) == Some(entry)
        })
    }

    /// Up to where the envelopes at the head of each mailbox have expired, and how many those are; at most `most` in all.
    pub fn expired(&self, now: Timestamp, most: usize) -> Vec<(MailboxId, u64, u64)> {
        let inner = self.read();
        let mut left = most;
        let mut expired = Vec::new();
        for (mailbox, waiting) in &inner.mailboxes {
            let head = waiting.entries.iter().take_while(|entry| entry.expires <= now);
            let (count, last) = head.take(left).fold((0, 0), |(n, _), entry| (n + 1, entry.sequence));
            if count > 0 {
                expired.push((*mailbox, last, count as u64));
                left -= count;
            }
            if left == 0 {
                break;
            }
        }
        expired
    }

    /// Takes a new segment in.
    pub fn add_segment(&self, file: Arc<Segment>) {
        let held = Held {
            file,
            live: 0,
            bytes: 0,
        };
        self.write().segments.insert(held.file.id, held);
    }

    /// A segment that holds nothing any more.
    pub fn drop_segment(&self, id: u32) {
        self.write().segments.remove(&id);
    }

    /// The file of a segment.
    pub fn segment(&self, id: u32) -> Option<Arc<Segment>> {
        self.read().segments.get(&id).map(|held| Arc::clone(&held.file))
    }

    /// Each segment with the number of envelopes that wait in it, and their bytes, oldest first.
    pub fn segments(&self) -> Vec<(Arc<Segment>, u64, u64)> {
        let inner = self.read();
        let all = inner.segments.values();
        all.map(|held| (Arc::clone(&held.file), held.live, held.bytes))
            .collect()
    }

    /// Adds envelopes. One whose place is taken takes it over (it was moved); what it replaced is answered.
    pub fn add(&self, entries: impl IntoIterator<Item = (MailboxId, Entry)>) -> Vec<Entry> {
        let mut inner = self.write();
        let mut replaced = Vec::new();
        for (mailbox, entry) in entries {
            inner.count(&entry, true);
            let waiting = inner.mailboxes.entry(mailbox).or_default();
            let last = waiting.entries.back().map_or(0, |last| last.sequence);
            if last < entry.sequence {
                waiting.bytes += u64::from(entry.length);
                waiting.entries.push_back(entry);
                continue;
            }
            let at = waiting.entries.partition_point(|other| other.sequence < entry.sequence);
            match waiting.entries.get_mut(at) {
                Some(other) if other.sequence == entry.sequence => {
                    let old = std::mem::replace(other, entry);
                    inner.count(&old, false);
                    replaced.push(old);
                }
                _ => {
                    waiting.bytes += u64::from(entry.length);
                    waiting.entries.insert(at, entry);
                }
            }
        }
        replaced
    }

    /// Takes out the envelopes of a mailbox up to and including `sequence`.
    pub fn remove_up_to(&self, mailbox: MailboxId, sequence: u64) -> Vec<Entry> {
        let mut inner = self.write();
        let Some(waiting) = inner.mailboxes.get_mut(&mailbox) else {
            return Vec::new();
        };
        let until = waiting.entries.partition_point(|entry| entry.sequence <= sequence);
        let gone: Vec<Entry> = waiting.entries.drain(..until).collect();
        waiting.bytes -= gone.iter().map(|entry| u64::from(entry.length)).sum::<u64>();
        if waiting.entries.is_empty() {
            inner.mailboxes.remove(&mailbox);
        }
        gone.iter().for_each(|entry| inner.count(entry, false));
        gone
    }

    /// Bytes of all segments.
    pub fn disk(&self) -> u64 {
        self.read()
            .segments
            .values()
            .map(|held| u64::from(held.file.size))
            .sum()
    }

    /// The first segment, other than `active`, of which less than `part` quarters wait, but not nothing.
    pub fn sparse(&self, active: u32, part: u64) -> Option<u32> {
        let inner = self.read();
        let mut others = inner.segments.iter().filter(|(id, _)| **id != active);
        let sparse = others.find(|(_, held)| {
            let taken = held.bytes + held.live * HEADER as u64;
            held.live > 0 && taken * 4 < u64::from(held.file.size) * part
        });
        sparse.map(|(id, _)| *id)
    }

    /// The envelopes that lie in a segment. Looks at all there are.
    pub fn in_segment(&self, segment: u32) -> Vec<(MailboxId, Entry)> {
        let inner = self.read();
        let all = inner.mailboxes.iter();
        all.flat_map(|(mailbox, waiting)| waiting.entries.iter().map(|entry| (*mailbox, *entry)))
            .filter(|(_, entry)| entry.segment == segment)
            .collect()
    }
}

impl Inner {
    fn count(&mut self, entry: &Entry, more: bool) {
        let length = u64::from(entry.length);
        let step = |value: &mut u64, by: u64| *value = if more { *value + by } else { value.saturating_sub(by) };
        step(&mut self.pending, 1);
        step(&mut self.bytes, length);
        if let Some(held) = self.segments.get_mut(&entry.segment) {
            step(&mut held.live, 1);
            step(&mut held.bytes, length);
        }
    }
}
