//! What makes a repeated send harmless: for thirty days the relay remembers what it stored.
//!
//! Receipts of records in segments that are not sealed yet, or not put away, are in memory; the records' headers are their place on the disk. When a
//! segment is sealed they are put into the database, by runs, because one row for many costs a fraction of many rows; in the order of their keys, which are hashes, so that
//! they lie by nobody's mailbox. A Bloom filter
//! over what is there keeps a new send, which is what nearly all are, from looking; and it says out of which segments a repetition's receipt may be, of
//! which there are only so many, however many the last thirty days had.

use std::{
    collections::{BTreeMap, HashMap},
    ops::{Range, RangeInclusive},
};

use protocol::Timestamp;

use super::{
    filter::{FIRST, Filter},
    record::{Header, Key},
};
use crate::model::BodyDigest;

/// What is remembered of a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Receipt {
    /// Of what was sent.
    pub digest: BodyDigest,
    /// When it was stored.
    pub stored_at: Timestamp,
    /// Until when it was to be kept.
    pub expires: Timestamp,
    /// Until when this is remembered.
    pub forget_at: Timestamp,
}

impl Receipt {
    pub(super) fn of(header: &Header) -> Self {
        Self {
            digest: header.digest,
            stored_at: header.stored_at,
            expires: header.expires,
            forget_at: header.forget_at,
        }
    }

    /// Puts it into a run.
    pub fn push(&self, key: &Key, run: &mut Vec<u8>) {
        run.extend_from_slice(key);
        run.extend_from_slice(self.digest.as_bytes());
        for at in [self.stored_at, self.expires, self.forget_at] {
            run.extend_from_slice(&at.as_millis().to_le_bytes());
        }
    }
}

/// Bytes of a receipt in a run: key, digest of the body, three times.
pub(in crate::store) const ITEM: usize = 16 + 16 + 3 * 8;

/// The receipts of a run.
pub(in crate::store) fn items(run: &[u8]) -> impl Iterator<Item = (Key, Receipt)> {
    run.as_chunks::<ITEM>().0.iter().filter_map(item)
}

/// The receipts of a run that have this key; the others are not taken apart.
pub(in crate::store) fn with_key(run: &[u8], key: &Key) -> impl Iterator<Item = Receipt> {
    let having = run.as_chunks::<ITEM>().0.iter().filter(|item| item.starts_with(key));
    having.filter_map(item).map(|(_, receipt)| receipt)
}

fn item(item: &[u8; ITEM]) -> Option<(Key, Receipt)> {
    let (key, rest) = item.split_first_chunk::<16>()?;
    let (digest, rest) = rest.split_first_chunk::<16>()?;
    let times = rest.as_chunks::<8>().0;
    let time = |n: usize| Some(Timestamp::from_millis(u64::from_le_bytes(*times.get(n)?)));
    let receipt = Receipt {
        digest: BodyDigest::from_bytes(*digest),
        stored_at: time(0)?,
        expires: time(1)?,
        forget_at: time(2)?,
    };
    Some((*key, receipt))
}

/// Receipts of one segment that are in memory.
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
#[derive(Debug, Default)]
pub(in crate::store) struct Receipts {
    /// By segment: what is to be put away when it is sealed. As a rule there is one, or two.
    recent: BTreeMap<u32, Recent>,
    filters: Vec<Filter>,
}

/// Receipts in a run: 3.5 KiB, which is what looking for one reads, and a page of the database. The last may have fewer, and one has more if it would end between two keys
/// that begin alike: 64 of those are some 2^36 hashes of whoever wants them, and a segment has 65 536 in all.
const RUN: usize = 64;

/// How a key begins: what says in which run it is.
pub(in crate::store) fn head(key: &Key) -> u32 {
    key.first_chunk().copied().map(u32::from_be_bytes).unwrap_or_default()
}

/// A run that is ready for the database: receipts of one segment, in the order of their keys.
#[derive(Debug)]
pub(in crate::store) struct Run {
    /// How its first key begins; no other run of the segment has a key that begins so.
    pub head: u32,
    /// When the last of it can be forgotten.
    pub forget_at: Timestamp,
    /// The receipts.
    pub items: Vec<u8>,
}

/// Makes runs of receipts that come in the order of their keys.
pub(in crate::store) fn runs<'a>(receipts: impl Iterator<Item = (Key, &'a Receipt)>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut last = None;
    for (key, receipt) in receipts {
        let alike = last.replace(head(&key)) == Some(head(&key));
        let goes_on = |run: &Run| alike || run.items.len() < RUN * ITEM;
        if !runs.last().is_some_and(goes_on) {
            runs.push(Run {
                head: head(&key),
                forget_at: Timestamp(0),
                items: Vec::with_capacity(RUN * ITEM),
            });
        }
        if let Some(run) = runs.last_mut() {
            receipt.push(&key, &mut run.items);
            run.forget_at = run.forget_at.max(receipt.forget_at);
        }
    }
    runs
}

impl Receipts {
    /// Remembers the receipt of a record of `segment`.
    pub(super) fn add(&mut self, segment: u32, header: &Header) {
        let recent = self.recent.entry(segment).or_default();
        recent.add(header.key, Receipt::of(header));
    }

    /// A receipt in memory, the last with this key.
    pub(super) fn recent(&self, key: &Key) -> Option<&Receipt> {
        self.recent.values().rev().find_map(|recent| recent.get(key))
    }

    /// Notes that a key is in the database, out of this segment.
    pub fn put_away(&mut self, key: &Key, segment: u32, forget_at: Timestamp) {
        if !self.filters.last().is_some_and(|filter| filter.takes(segment)) {
            let room = self.filters.last().map_or(FIRST, Filter::next_room);
            self.filters.push(Filter::new(room, segment));
        }
        if let Some(filter) = self.filters.last_mut() {
            filter.add(key, segment, forget_at);
        }
    }

    /// Out of which segments a key may be in the database, the latest first; it is there out of no other.
    pub(super) fn away<'a>(&'a self, key: &'a Key) -> impl Iterator<Item = RangeInclusive<u32>> + use<'a> {
        let may_have = self.filters.iter().rev().filter(|filter| filter.may_have(key));
        may_have.map(|filter| filter.segments.clone())
    }

    /// Receipts of a segment from number `from` on as runs, about `most` at once; how far that was, and whether there are more. They stay in memory until
    /// [`Self::forget`] hears that they are in the database.
    pub(super) fn runs(&mut self, segment: u32, from: usize, most: usize) -> (Vec<Run>, usize, bool) {
        let Some(of) = self.recent.get_mut(&segment) else {
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

    /// How many receipts of a segment there are in memory, or were.
    pub(super) fn of(&self, segment: u32) -> usize {
        self.recent.get(&segment).map_or(0, |recent| recent.all.len())
    }

    /// Notes that receipts of a segment, numbers `from` to `to`, are in the database now. When those were the last, nothing of the segment is left in memory.
    pub(super) fn forget(&mut self, segment: u32, from: usize, to: usize) {
        let Some(of) = self.recent.remove(&segment) else {
            return;
        };
        for (key, receipt) in of.sorted(from..to) {
            self.put_away(key, segment, receipt.forget_at);
        }
        if to < of.order.len() {
            self.recent.insert(segment, of);
        }
    }

    /// Drops filters of which nothing is remembered any more, and what was looked up by segments of which nothing is.
    pub(super) fn expire(&mut self, now: Timestamp) {
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
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::{
        super::filter::{BITS, SPAN},
        *,
    };

    /// As in earnest: a hash.
    fn key(n: u64) -> Key {
        let hash: [u8; 32] = Sha256::digest(n.to_le_bytes()).into();
        hash.first_chunk().copied().unwrap()
    }

    #[test]
    fn a_repetition_is_looked_for_in_a_bounded_number_of_segments() {
        let mut receipts = Receipts::default();
        let segments = 7..7 + 5 * u64::from(SPAN);
        // Few keys in each segment: it is not room that runs out.
        for n in segments.clone() {
            receipts.put_away(&key(n), n as u32, Timestamp(n));
        }
        let mut looked = 0;
        for n in segments.clone() {
            let key = key(n);
            let ranges: Vec<_> = receipts.away(&key).collect();
            assert!(
                ranges.iter().any(|range| range.contains(&(n as u32))),
                "{n}: {ranges:?}"
            );
            assert!(
                ranges.iter().all(|range| range.clone().count() <= SPAN as usize),
                "{ranges:?}"
            );
            looked += ranges.len();
        }
        assert!(
            looked <= segments.clone().count() * 11 / 10,
            "{looked} ranges: hardly any but those"
        );
        // Those of which nothing is remembered go.
        receipts.expire(Timestamp(7 + 2 * u64::from(SPAN)));
        assert_eq!(receipts.filters.len(), 3);
        assert!(receipts.away(&key(segments.end - 1)).next().is_some());
    }

    /// Wherever a run or a fold would end among them: otherwise those behind the border would not be found.
    #[test]
    fn keys_that_begin_alike_are_in_one_run() {
        let mut receipts = Receipts::default();
        let receipt = Receipt {
            digest: BodyDigest::from_bytes([0; 16]),
            stored_at: Timestamp(1),
            expires: Timestamp(2),
            forget_at: Timestamp(3),
        };
        let alike = (0..200_u8).map(|n| [0, 0, 9, 9, n, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let others = (0..60_u8)
            .chain(100..200)
            .map(|n| [0, 0, if n < 60 { 0 } else { 10 }, n, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        for key in others.chain(alike) {
            receipts.recent.entry(4).or_default().add(key, receipt);
        }
        let (mut from, mut heads, mut sizes) = (0, Vec::new(), Vec::new());
        loop {
            let (runs, reached, more) = receipts.runs(4, from, 100);
            sizes.extend(runs.iter().map(|run| run.items.len() / ITEM));
            heads.extend(runs.iter().map(|run| run.head));
            receipts.forget(4, from, reached);
            from = reached;
            if !more {
                break;
            }
        }
        // 60 before them and four of them fill a run, which takes the others too.
        assert_eq!(sizes, [260, 64, 36]);
        assert!(heads.is_sorted_by(|a, b| a < b), "{heads:?}");
        assert_eq!(receipts.of(4), 0);
    }

    #[test]
    fn a_filter_that_is_full_is_followed_by_a_larger_one() {
        let mut receipts = Receipts::default();
        for n in 0..3 * FIRST as u64 + 1 {
            receipts.put_away(&key(n), 1, Timestamp(1));
        }
        let rooms: Vec<usize> = receipts.filters.iter().map(|filter| filter.bits_in_all()).collect();
        assert_eq!(rooms, [1, 2, 4].map(|times| times * FIRST * BITS));
        assert!((0..3 * FIRST as u64 + 1).all(|n| receipts.away(&key(n)).next().is_some()));
        // A segment that is far away begins another, which is as large as the last was full.
        receipts.put_away(&key(1), 1000, Timestamp(1));
        assert_eq!(
            receipts.filters.last().map(|filter| filter.bits_in_all()),
            Some(rooms[0])
        );
        let wrong = (1 << 40..(1 << 40) + 10_000)
            .filter(|n| receipts.away(&key(*n)).next().is_some())
            .count();
        assert!(wrong < 60, "{wrong} of 10 000 new keys are looked for in vain");
    }
}
