//! Token buckets by the relay's clock, one a key, in bounded memory.
//!
//! A bucket is one time, the moment at which it will be full again; a full bucket is none. What is taken puts that moment off.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
    time::Duration,
};

use protocol::Timestamp;

/// The buckets.
#[derive(Debug)]
pub(super) struct TokenBuckets<K> {
    most: usize,
    full_at: HashMap<K, Timestamp>,
    by_time: BTreeSet<(Timestamp, K)>,
}

impl<K: Copy + Ord + Hash> TokenBuckets<K> {
    /// Full buckets, of which at most `most` may be anything else.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            full_at: HashMap::new(),
            by_time: BTreeSet::new(),
        }
    }

    /// When the bucket of `key`, which is full again after `size` at the latest, will be full; forgets all that are.
    pub fn full_at(&mut self, key: &K, size: Duration, now: Timestamp) -> Timestamp {
        while let Some((_, old)) = self.by_time.first().copied().filter(|(full, _)| *full <= now) {
            self.by_time.pop_first();
            self.full_at.remove(&old);
        }
        match self.full_at.get(key).copied() {
            // Further ahead than an empty bucket's: the clock was put back since. Nobody waits a year for that.
            Some(ahead) if ahead > now.plus(size) => {
                self.set(*key, now, now);
                now
            }
            full => full.unwrap_or(now),
        }
    }

    /// Whether there are as many as may be, and none of `key`.
    pub fn is_crowded(&self, key: &K) -> bool {
        self.full_at.len() >= self.most && !self.full_at.contains_key(key)
    }

    /// The bucket of `key` is full at `full`. Where there are too many, the one that has least to make up for is forgotten: a crowd of small debts does not wash a large
    /// one away.
    pub fn set(&mut self, key: K, full: Timestamp, now: Timestamp) {
        if let Some(before) = self.full_at.remove(&key) {
            self.by_time.remove(&(before, key));
        }
        if full <= now {
            return;
        }
        self.full_at.insert(key, full);
        self.by_time.insert((full, key));
        if self.full_at.len() > self.most
            && let Some((_, least)) = self.by_time.pop_first()
        {
            self.full_at.remove(&least);
        }
    }

    /// How many are not full.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        assert_eq!(self.full_at.len(), self.by_time.len());
        self.full_at.len()
    }
}
