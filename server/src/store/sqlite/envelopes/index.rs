//! The envelopes that wait: in memory, for each mailbox in order. A start makes it of the rows.
//!
//! The writer's thread changes it, after a commit and before anyone hears of it; reads of a mailbox begin here.

use std::collections::{BTreeSet, HashMap, VecDeque};

use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
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
    /// When the first envelope of each mailbox expires: a sweep that has nothing to do looks at one of them, however many mailboxes there are.
    heads: BTreeSet<(Timestamp, MailboxId)>,
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
        self.0.read()
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.0.write()
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
        for (_, mailbox) in inner.heads.iter().take_while(|(expires, _)| *expires <= now) {
            let entries = inner.mailboxes.get(mailbox).map(|waiting| &waiting.entries);
            let head = entries.into_iter().flatten().take_while(|entry| entry.expires <= now);
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
            let before = waiting.expires();
            let old = waiting.put(entry);
            let after = waiting.expires();
            inner.head(mailbox, before, after);
            if let Some(old) = old {
                inner.count(&old, false);
                replaced.push(old);
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
        let before = waiting.expires();
        let until = waiting.entries.partition_point(|entry| entry.sequence <= sequence);
        let gone: Vec<Entry> = waiting.entries.drain(..until).collect();
        for entry in &gone {
            waiting.held[entry.part as usize].step(entry.length, false);
        }
        let after = waiting.expires();
        if after.is_none() {
            inner.mailboxes.remove(&mailbox);
        }
        inner.head(mailbox, before, after);
        gone.iter().for_each(|entry| inner.count(entry, false));
        gone
    }
}

impl Waiting {
    /// When the first of them expires.
    fn expires(&self) -> Option<Timestamp> {
        self.entries.front().map(|entry| entry.expires)
    }

    /// Puts an envelope in its place; what it replaced there, which has the same length.
    fn put(&mut self, entry: Entry) -> Option<Entry> {
        let last = self.entries.back().map_or(0, |last| last.sequence);
        // As a rule the new one is the last.
        let at = match last < entry.sequence {
            true => self.entries.len(),
            false => self.entries.partition_point(|other| other.sequence < entry.sequence),
        };
        match self.entries.get_mut(at) {
            Some(other) if other.sequence == entry.sequence => Some(std::mem::replace(other, entry)),
            _ => {
                self.held[entry.part as usize].step(entry.length, true);
                self.entries.insert(at, entry);
                None
            }
        }
    }
}

impl Inner {
    /// The first envelope of a mailbox is another, perhaps.
    fn head(&mut self, mailbox: MailboxId, before: Option<Timestamp>, after: Option<Timestamp>) {
        if before == after {
            return;
        }
        if let Some(expires) = before {
            self.heads.remove(&(expires, mailbox));
        }
        if let Some(expires) = after {
            self.heads.insert((expires, mailbox));
        }
    }

    fn count(&mut self, entry: &Entry, more: bool) {
        self.all.step(entry.length, more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(sequence: u64, expires: u64) -> Entry {
        Entry {
            sequence,
            id: sequence,
            expires: Timestamp(expires),
            length: 1,
            part: Part::Known,
        }
    }

    /// The right answer, by looking at everything.
    fn expired(index: &Index, now: u64) -> Vec<(MailboxId, u64, u64)> {
        let inner = index.read();
        let mut all: Vec<_> = inner
            .mailboxes
            .iter()
            .map(|(mailbox, waiting)| {
                let head = waiting
                    .entries
                    .iter()
                    .take_while(|entry| entry.expires <= Timestamp(now));
                let (count, last) = head.fold((0, 0), |(n, _), entry| (n + 1, entry.sequence));
                (*mailbox, last, count)
            })
            .filter(|(.., count)| *count > 0)
            .collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn what_has_expired_is_known_whatever_came_and_went() {
        let index = Index::default();
        let mailbox = |n: u8| MailboxId::from_bytes([n; 16]);
        let mut next = 7_u64;
        // A fixed sequence that looks random (the constants of Knuth's MMIX).
        let mut random = |below: u64| {
            next = next
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (next >> 33) % below
        };
        let mut found = 0;
        for n in 1..2000 {
            let of = mailbox(random(9) as u8);
            match random(4) {
                0 => drop(index.remove_up_to(of, random(2000))),
                // One that comes late, or again: moved.
                1 => drop(index.add([(of, entry(1 + random(n), random(3000)))])),
                _ => drop(index.add([(of, entry(n, n + random(1000)))])),
            }
            let now = random(3000);
            let mut said = index.expired(Timestamp(now), usize::MAX);
            said.sort_unstable();
            found += said.len();
            assert_eq!(said, expired(&index, now), "step {n}");
            let some = index.expired(Timestamp(now), 3);
            assert!(some.iter().map(|(.., count)| count).sum::<u64>() <= 3);
            assert_eq!(some.is_empty(), said.is_empty());
            let inner = index.read();
            assert_eq!(inner.heads.len(), inner.mailboxes.len());
        }
        assert!(found > 1000, "{found}");
    }
}
