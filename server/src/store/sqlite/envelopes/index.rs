//! The envelopes that wait: in memory, for each mailbox in order. A start makes it of the rows.
//!
//! The writer's thread changes it, after a commit and before anyone hears of it; reads of a mailbox begin here.

use std::{
    collections::{HashMap, VecDeque},
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use protocol::Timestamp;

use crate::{model::MailboxId, store::Part};

/// A waiting envelope: 32 bytes, which is what it costs in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store::sqlite) struct Entry {
    /// Its place in the mailbox.
    pub sequence: u64,
    /// Its row.
    pub id: u64,
    /// When it expires.
    pub expires: Timestamp,
    /// Its length.
    pub length: u32,
    /// In which part of the mailbox it counts.
    pub part: Part,
}

/// The envelopes of one mailbox.
#[derive(Debug, Default)]
struct Waiting {
    held: [Held; 2],
    entries: VecDeque<Entry>,
}

#[derive(Debug, Default)]
struct Inner {
    mailboxes: HashMap<MailboxId, Waiting>,
    all: Held,
}

/// Envelopes and their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::store::sqlite) struct Held {
    /// Envelopes.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Held {
    fn step(&mut self, length: u32, more: bool) {
        let step = |value: &mut u64, by: u64| *value = if more { *value + by } else { value.saturating_sub(by) };
        step(&mut self.count, 1);
        step(&mut self.bytes, length.into());
    }
}

/// Of a mailbox: what each part holds, and the last one's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::store::sqlite) struct Usage {
    /// What each [`Part`] holds.
    pub held: [Held; 2],
    /// The greatest sequence number; 0 when there are none.
    pub last: u64,
}

impl Usage {
    /// With one envelope more.
    pub fn and(mut self, entry: &Entry) -> Self {
        self.held[entry.part as usize].step(entry.length, true);
        self.last = entry.sequence;
        self
    }
}

/// Everything that waits.
#[derive(Debug, Default)]
pub(in crate::store::sqlite) struct Index(RwLock<Inner>);

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
        (inner.all.count, inner.all.bytes)
    }

    /// What a mailbox holds.
    pub fn usage(&self, mailbox: MailboxId) -> Usage {
        let inner = self.read();
        inner
            .mailboxes
            .get(&mailbox)
            .map_or_else(Usage::default, |waiting| Usage {
                held: waiting.held,
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

    /// The oldest envelopes of a mailbox behind `acked` that have not expired: at most `limit`, and `bytes` unless the first alone has more.
    pub fn oldest(&self, mailbox: MailboxId, acked: u64, (limit, bytes): (usize, usize), now: Timestamp) -> Vec<Entry> {
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
            page.push(*entry);
        }
        page
    }

    /// Whether this envelope still waits, in this very row.
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

    /// Adds envelopes. One whose place is taken takes it over (it was moved); what it replaced is answered.
    pub fn add(&self, entries: impl IntoIterator<Item = (MailboxId, Entry)>) -> Vec<Entry> {
        let mut inner = self.write();
        let mut replaced = Vec::new();
        for (mailbox, entry) in entries {
            inner.count(&entry, true);
            let waiting = inner.mailboxes.entry(mailbox).or_default();
            let last = waiting.entries.back().map_or(0, |last| last.sequence);
            if last < entry.sequence {
                waiting.held[entry.part as usize].step(entry.length, true);
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
                    waiting.held[entry.part as usize].step(entry.length, true);
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
        for entry in &gone {
            waiting.held[entry.part as usize].step(entry.length, false);
        }
        if waiting.entries.is_empty() {
            inner.mailboxes.remove(&mailbox);
        }
        gone.iter().for_each(|entry| inner.count(entry, false));
        gone
    }
}

impl Inner {
    fn count(&mut self, entry: &Entry, more: bool) {
        self.all.step(entry.length, more);
    }
}
