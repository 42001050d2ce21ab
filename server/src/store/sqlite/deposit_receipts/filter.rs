//! A Bloom filter over the keys of receipts that are in the database.

use std::ops::RangeInclusive;

use protocol::Timestamp;

use super::item::Key;

/// Keys that were put away, as a Bloom filter (Bloom 1970): it may say of a new one that it was, never of one that was that it was not. All bits of a key lie in one block, which
/// is a line of the processor's cache (Putze, Sanders and Singler 2007): asking for one, or adding one, waits for the memory once.
#[derive(Debug)]
pub(super) struct Filter {
    blocks: Vec<Block>,
    room: usize,
    /// When the last of them can be forgotten.
    pub newest: Timestamp,
    /// The generations they are of, in the order in which these were put away.
    pub generations: RangeInclusive<u32>,
}

/// A block.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(64))]
struct Block([u64; WORDS]);

const WORDS: usize = 8;
/// Bits of a block.
const BLOCK: usize = WORDS * 64;
/// Bits for a key, and how many of them are set: of a thousand new keys about one is looked up for nothing. With ten bits it was one in a hundred, and each is a look into
/// every generation of the filter: two or three per cent of what a send costs.
const BITS: usize = 16;
const PROBES: u32 = 7;
/// Keys of the first filter, 256 KiB, and of the largest, 8 MiB. Several, so that old ones can go.
pub(super) const FIRST: usize = 1 << 17;
const LARGEST: usize = 1 << 22;
/// Generations of a filter at most: of so many a run is read in the writer's thread for a repetition. A filter of a million keys is as many generations of envelopes of 4 KiB.
pub(super) const SPAN: u32 = 64;

impl Filter {
    /// For how many keys it was made.
    #[cfg(test)]
    pub fn size(&self) -> usize {
        self.blocks.len() * BLOCK / BITS
    }

    /// For about so many keys, the first of them of this generation.
    pub fn new(room: usize, generation: u32) -> Self {
        Self {
            blocks: vec![Block::default(); (room * BITS).div_ceil(BLOCK)],
            room,
            newest: Timestamp(0),
            generations: generation..=generation,
        }
    }

    /// Whether a key of this generation is to be added to it.
    pub fn takes(&self, generation: u32) -> bool {
        let first = *self.generations.start();
        self.room > 0 && (first..first.saturating_add(SPAN)).contains(&generation)
    }

    /// How many keys the filter after it is for: twice as many if its room ran out; if its generations did, about as many as they had.
    pub fn next_size(&self) -> usize {
        let of = self.blocks.len() * BLOCK / BITS;
        let room = if self.room == 0 {
            of * 2
        } else {
            (of - self.room.min(of)).next_power_of_two()
        };
        room.clamp(FIRST, LARGEST)
    }

    /// Which block a key is in. Keys are hashes: one half says the block, the other the bits.
    fn block(&self, key: &Key) -> usize {
        let half = key.first_chunk().copied().map_or(0, u64::from_le_bytes);
        usize::try_from(half % (self.blocks.len() as u64).max(1)).unwrap_or(0)
    }

    /// The bits of a key in its block, as words.
    fn bits(key: &Key) -> Block {
        let half = key.last_chunk().copied().map_or(0, u64::from_le_bytes);
        let mut block = Block::default();
        for n in 0..PROBES {
            // Nine bits of the half for each of 512.
            let bit = usize::try_from(half >> (9 * n) & 511).unwrap_or(0);
            if let Some(word) = block.0.get_mut(bit / 64) {
                *word |= 1 << (bit % 64);
            }
        }
        block
    }

    /// Adds a key.
    pub fn add(&mut self, key: &Key, generation: u32, forget_at: Timestamp) {
        let at = self.block(key);
        if let Some(block) = self.blocks.get_mut(at) {
            for (word, bits) in block.0.iter_mut().zip(Self::bits(key).0) {
                *word |= bits;
            }
        }
        self.room = self.room.saturating_sub(1);
        self.newest = self.newest.max(forget_at);
        self.generations = *self.generations.start()..=generation.max(*self.generations.end());
    }

    /// Whether a key may have been added.
    pub fn may_have(&self, key: &Key) -> bool {
        let mut words = Self::bits(key).0.into_iter();
        self.blocks.get(self.block(key)).is_some_and(|block| {
            block
                .0
                .iter()
                .all(|word| words.next().is_some_and(|bits| word & bits == bits))
        })
    }
}
