//! What makes a repeated send harmless: for thirty days the relay remembers what it stored.
//!
//! A commit of sends appends one row with its receipts. They stay in memory until their generation is full; then they are merged into runs in the order of their keys,
//! so that one can be found by reading one row. Keys are hashes: receipts lie by no mailbox. A Bloom filter over what was merged keeps a new send, which is what nearly all
//! are, from looking; and it says in which generations a repetition's receipt may be, of which there are only so many, however many the last thirty days had.

mod filter;
mod item;
mod rows;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    ops::{Range, RangeInclusive},
    time::Duration,
};

use protocol::Timestamp;
use rusqlite::Connection;

use self::filter::{FIRST, Filter};
use self::item::{ITEM, Run, head, runs};
pub(super) use self::item::{Key, Receipt};
pub(super) use self::rows::forget as forget_rows;
use crate::store::Result;

/// Receipts of a generation: sorting so many takes some milliseconds, and in memory they have 6 MiB.
const GENERATION: usize = 1 << 16;
/// A generation is over after this long, however few receipts it has: so those of a quiet relay are forgotten too.
const GENERATION_LASTS: Duration = Duration::from_secs(24 * 3600);
/// Receipts merged at once: a millisecond or two.
const MERGE: usize = 2048;
/// Rows of merged receipts deleted at once.
const PRUNE: u32 = 512;

/// Receipts of one generation that are in memory.
#[derive(Debug, Default)]
struct Recent {
    /// In the order in which they came.
    all: Vec<(Key, Receipt)>,
    /// Where each is. Of an id that was used again when its time was over, the last.
    places: HashMap<Key, u32>,
    /// The same in the order of their keys, once they are being put away.
    order: Vec<u32>,
    /// When the last of them can be forgotten.
    newest: Timestamp,
}

impl Recent {
    fn add(&mut self, key: Key, receipt: Receipt) {
        let place = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.all.push((key, receipt));
        self.places.insert(key, place);
        self.newest = self.newest.max(receipt.forget_at);
    }

    /// When the first of them was stored.
    fn begun(&self) -> Option<Timestamp> {
        self.all.first().map(|(_, receipt)| receipt.stored_at)
    }

    fn get(&self, key: &Key) -> Option<&Receipt> {
        self.at(*self.places.get(key)?).map(|(_, receipt)| receipt)
    }

    fn at(&self, place: u32) -> Option<&(Key, Receipt)> {
        self.all.get(place as usize)
    }

    fn sort(&mut self) {
        self.order = self.places.values().copied().collect();
        self.order
            .sort_unstable_by_key(|place| self.all.get(*place as usize).map(|(key, _)| *key));
    }

    /// Those with these numbers in the order of the keys.
    fn sorted(&self, range: Range<usize>) -> impl Iterator<Item = &(Key, Receipt)> {
        let order = self.order.get(range).unwrap_or_default();
        order.iter().filter_map(|place| self.at(*place))
    }
}

/// All receipts that are in memory, and the filter over those that are not.
#[derive(Default)]
pub(super) struct Receipts {
    /// By generation. As a rule there is one, or two.
    recent: BTreeMap<u32, Recent>,
    filters: Vec<Filter>,
    /// The generation of the next receipt, and how many rows it has.
    generation: u32,
    rows: u32,
    /// When its first receipt was stored.
    begun: Option<Timestamp>,
    /// Generations that are full, and how far the first one's receipts are merged.
    full: VecDeque<u32>,
    merged: usize,
    /// Generations that are merged, of which the rows that came with the commits are still there.
    unpruned: VecDeque<u32>,
}

impl Receipts {
    /// Reads what the database has.
    ///
    /// # Errors
    /// SQLite's.
    pub fn load(c: &Connection) -> rusqlite::Result<Self> {
        let mut receipts = Self::default();
        let merged = rows::merged(c)?;
        let mut altered = rows::each_run(c, |generation, items| {
            // Of a merge that was cut off nothing counts: it begins anew.
            if merged.contains(&generation) {
                for (key, receipt) in item::items(items) {
                    receipts.put_away(&key, generation, receipt.forget_at);
                }
            }
        })?;
        let mut last = None;
        altered += rows::each_batch(c, |generation, row, items| {
            if merged.contains(&generation) {
                if receipts.unpruned.back() != Some(&generation) {
                    receipts.unpruned.push_back(generation);
                }
                return;
            }
            let recent = receipts.recent.entry(generation).or_default();
            item::items(items).for_each(|(key, receipt)| recent.add(key, receipt));
            last = Some((generation, row));
        })?;
        if altered > 0 {
            tracing::error!(
                rows = altered,
                "receipts of sends are not what was stored; a message that is sent again may arrive twice, and clients drop the second"
            );
        }
        receipts.generation = rows::fresh(c)?;
        if let Some((generation, row)) = last
            && generation + 1 == receipts.generation
        {
            // The one that was being filled goes on.
            receipts.generation = generation;
            receipts.rows = row.saturating_add(1);
            receipts.begun = receipts.recent.get(&generation).and_then(Recent::begun);
        }
        let full = receipts.recent.keys().filter(|of| **of != receipts.generation);
        receipts.full = full.copied().collect();
        Ok(receipts)
    }

    /// Writes the receipts of a commit, in its transaction. They are known once [`Self::know`] hears that it is durable.
    pub fn put(&mut self, c: &Connection, receipts: &[(Key, Receipt)]) -> Result<()> {
        if let Some((_, first)) = receipts.first() {
            self.turn_over(first.stored_at);
        }
        let mut items = Vec::with_capacity(receipts.len() * ITEM);
        for (key, receipt) in receipts {
            receipt.push(key, &mut items);
        }
        rows::append(c, self.generation, self.rows, &items)
    }

    /// Begins another generation when this one is full or old.
    fn turn_over(&mut self, now: Timestamp) {
        let old = self.begun.is_some_and(|begun| now >= begun.plus(GENERATION_LASTS));
        if self.of(self.generation) >= GENERATION || old || self.rows == u32::MAX {
            self.full.push_back(self.generation);
            self.generation += 1;
            (self.rows, self.begun) = (0, None);
        }
    }

    /// What was put is durable.
    pub fn know(&mut self, receipts: Vec<(Key, Receipt)>) {
        if receipts.is_empty() {
            return;
        }
        self.rows += 1;
        let recent = self.recent.entry(self.generation).or_default();
        receipts.into_iter().for_each(|(key, receipt)| recent.add(key, receipt));
        if self.begun.is_none() {
            self.begun = recent.begun();
        }
    }

    /// What is remembered of an earlier send with this key.
    pub fn get(&self, c: &Connection, key: &Key, now: Timestamp) -> Result<Option<Receipt>> {
        let recent = self.recent(key).filter(|receipt| receipt.forget_at > now);
        if recent.is_some() {
            return Ok(recent.copied());
        }
        for range in self.away(key) {
            let found = rows::find(c, key, range, now)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Does one piece of what there is to do between commits; whether it did anything. `room`: the database may grow for it.
    pub fn upkeep(&mut self, c: &Connection, room: bool) -> Result<bool> {
        if let Some(generation) = self.full.front().copied().filter(|_| room) {
            self.merge_some(c, generation)?;
            return Ok(true);
        }
        if let Some(generation) = self.unpruned.front().copied() {
            if rows::prune(c, generation, PRUNE)? {
                self.unpruned.pop_front();
            }
            return Ok(true);
        }
        Ok(false)
    }

    fn merge_some(&mut self, c: &Connection, generation: u32) -> Result<()> {
        let from = self.merged;
        let (runs, reached, more) = self.runs(generation, from, MERGE);
        let part = rows::Part {
            first: from == 0,
            last: !more,
        };
        rows::put_runs(c, generation, &runs, part)?;
        self.forget(generation, from, reached);
        self.merged = reached;
        if !more {
            self.full.pop_front();
            self.merged = 0;
            self.unpruned.push_back(generation);
        }
        Ok(())
    }

    /// A receipt in memory, the last with this key.
    fn recent(&self, key: &Key) -> Option<&Receipt> {
        self.recent.values().rev().find_map(|recent| recent.get(key))
    }

    /// Notes that a key is in the database, in this generation.
    fn put_away(&mut self, key: &Key, generation: u32, forget_at: Timestamp) {
        if !self.filters.last().is_some_and(|filter| filter.takes(generation)) {
            let size = self.filters.last().map_or(FIRST, Filter::next_size);
            self.filters.push(Filter::new(size, generation));
        }
        if let Some(filter) = self.filters.last_mut() {
            filter.add(key, generation, forget_at);
        }
    }

    /// In which generations a key may be in the database, the latest first; it is there in no other.
    fn away<'a>(&'a self, key: &'a Key) -> impl Iterator<Item = RangeInclusive<u32>> + use<'a> {
        let may_have = self.filters.iter().rev().filter(|filter| filter.may_have(key));
        may_have.map(|filter| filter.generations.clone())
    }

    /// Receipts of a generation from number `from` on as runs, about `most` at once; how far that was, and whether there are more. They stay in memory until
    /// [`Self::forget`] hears that they are in the database.
    fn runs(&mut self, generation: u32, from: usize, most: usize) -> (Vec<Run>, usize, bool) {
        let Some(of) = self.recent.get_mut(&generation) else {
            return (Vec::new(), from, false);
        };
        if from == 0 {
            of.sort();
        }
        let all = of.order.len();
        let mut reached = all.min(from.saturating_add(most));
        let head_at = |n: usize| of.sorted(n..n + 1).next().map(|(key, _)| head(key));
        while reached > 0 && reached < all && head_at(reached) == head_at(reached - 1) {
            reached += 1;
        }
        let runs = runs(of.sorted(from..reached).map(|(key, receipt)| (*key, receipt)));
        (runs, reached, reached < all)
    }

    /// How many receipts of a generation there are in memory, or were.
    fn of(&self, generation: u32) -> usize {
        self.recent.get(&generation).map_or(0, |recent| recent.all.len())
    }

    /// Notes that receipts of a generation, numbers `from` to `to`, are in the database now. When those were the last, nothing of it is left in memory.
    fn forget(&mut self, generation: u32, from: usize, to: usize) {
        let Some(of) = self.recent.remove(&generation) else {
            return;
        };
        for (key, receipt) in of.sorted(from..to) {
            self.put_away(key, generation, receipt.forget_at);
        }
        if to < of.order.len() {
            self.recent.insert(generation, of);
        }
    }

    /// Drops filters of which nothing is remembered any more, and what was looked up by generations of which nothing is. A generation that is old is over, also when nobody
    /// sends any more: so that its receipts are merged, and forgotten in time.
    pub fn expire(&mut self, now: Timestamp) {
        self.turn_over(now);
        for recent in self.recent.values_mut().filter(|recent| recent.newest <= now) {
            recent.places = HashMap::new();
        }
        let last = self.filters.len().saturating_sub(1);
        let mut n = 0;
        self.filters.retain(|filter| {
            n += 1;
            n > last || filter.newest > now
        });
    }
}

#[cfg(test)]
mod tests;
