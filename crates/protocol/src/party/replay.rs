//! Which envelopes were opened lately: a relay that repeats one is answered with `Duplicate`, not with a search for its key.

use std::collections::{BTreeMap, HashSet};

use zeroize::Zeroizing;

use crate::error::DecodeError;
use crate::pickle::{Record, Writer};
use crate::primitives::{sha256, truncate};

/// Digests in one stored record, so that each envelope rewrites a kilobyte and not all of the memory.
const PER_SLOT: usize = 64;
/// Records; one more than 4096 needs, because the oldest is emptied when it is begun anew.
const SLOTS: u64 = 65;

/// Version, type, id and tag.
const HEAD: usize = 34;
/// The AEAD's tag and some ciphertext.
const TAIL: usize = 64;

type Digest = [u8; 16];

/// The digests of at least the last 4096 opened envelopes.
#[derive(Clone, Default)]
pub(super) struct ReplayMemory {
    slots: BTreeMap<u8, (u64, Vec<Digest>)>,
    known: HashSet<Digest>,
    /// How many were ever remembered.
    count: u64,
}

impl ReplayMemory {
    /// Names an envelope that opened: its head with the random id, its length, and its end with the AEAD's tag. Whatever agrees in these with an
    /// opened envelope is that envelope or an altered copy of it, and neither is to be opened again. Hashing all of it would be 40 % of the
    /// work of opening a message of 4 KiB.
    pub(super) fn digest(envelope: &[u8]) -> Digest {
        let head = &envelope[..envelope.len().min(HEAD)];
        let tail = &envelope[envelope.len().saturating_sub(TAIL)..];
        let mut marks = [0; 8 + HEAD + TAIL];
        let (length, ends) = marks.split_at_mut(8);
        length.copy_from_slice(&(envelope.len() as u64).to_be_bytes());
        ends[..head.len()].copy_from_slice(head);
        ends[HEAD..HEAD + tail.len()].copy_from_slice(tail);
        truncate(&sha256(&marks))
    }

    pub(super) fn contains(&self, digest: &Digest) -> bool {
        self.known.contains(digest)
    }

    /// Remembers one; returns the slot that changed.
    pub(super) fn remember(&mut self, digest: Digest) -> u8 {
        let round = self.count / PER_SLOT as u64;
        let slot = (round % SLOTS) as u8;
        let (slot_round, digests) = self
            .slots
            .entry(slot)
            .or_insert_with(|| (round, Vec::with_capacity(PER_SLOT)));
        if *slot_round != round {
            *slot_round = round;
            digests.drain(..).for_each(|old| {
                self.known.remove(&old);
            });
        }
        digests.push(digest);
        self.known.insert(digest);
        self.count += 1;
        slot
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = u8> + '_ {
        self.slots.keys().copied()
    }

    pub(super) fn store(&self, slot: u8) -> Option<Zeroizing<Vec<u8>>> {
        let (round, digests) = self.slots.get(&slot)?;
        let mut out = Writer::new(PER_SLOT * 16 + 32);
        out.u64(*round).list(digests.iter(), |out, digest| {
            out.raw(digest);
        });
        Some(out.finish())
    }

    pub(super) fn load(&mut self, slot: u8, bytes: &[u8]) -> Result<(), DecodeError> {
        let mut input = Record::new(bytes)?;
        let round = input.u64()?;
        let digests = input.list(Record::array)?;
        input.finish()?;
        if digests.len() > PER_SLOT || u64::from(slot) != round % SLOTS {
            return Err(DecodeError::NotCanonical);
        }
        let before = round.checked_mul(PER_SLOT as u64).ok_or(DecodeError::TooLong)?;
        let count = before.checked_add(digests.len() as u64).ok_or(DecodeError::TooLong)?;
        self.known.extend(&digests);
        self.count = self.count.max(count);
        self.slots.insert(slot, (round, digests));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_4096_are_known_and_the_memory_is_bounded_and_survives_storage() {
        let mut memory = ReplayMemory::default();
        let digest = |i: u64| ReplayMemory::digest(&i.to_be_bytes());
        for i in 0..10_000 {
            let slot = memory.remember(digest(i));
            if i % 611 == 0 {
                let mut loaded = ReplayMemory::default();
                for slot in memory.slots.keys() {
                    loaded.load(*slot, &memory.store(*slot).unwrap()).unwrap();
                }
                assert_eq!(loaded.count, memory.count);
                assert!(loaded.slots[&slot].1.contains(&digest(i)));
                memory = loaded;
            }
        }
        assert!((10_000 - 4096..10_000).all(|i| memory.contains(&digest(i))));
        assert!(memory.known.len() <= SLOTS as usize * PER_SLOT);
    }

    #[test]
    fn a_slot_is_of_its_round_and_no_longer_than_it_gets() {
        let record = |round: u64, digests: usize| {
            let mut out = Writer::new(4096);
            out.u64(round).list(vec![[7; 16]; digests].iter(), |out, digest| {
                out.raw(digest);
            });
            out.finish()
        };
        let load = |slot, round, digests| ReplayMemory::default().load(slot, &record(round, digests));
        assert_eq!(load(3, 3, PER_SLOT), Ok(()));
        assert_eq!(load(3, 3 + SLOTS, 1), Ok(()));
        assert_eq!(load(3, 3, PER_SLOT + 1), Err(DecodeError::NotCanonical));
        assert_eq!(load(3, 4, 1), Err(DecodeError::NotCanonical));
        let mut memory = ReplayMemory::default();
        (0..2 * PER_SLOT as u64 + 1).for_each(|i| {
            memory.remember(ReplayMemory::digest(&i.to_be_bytes()));
        });
        assert_eq!(memory.slots().collect::<Vec<_>>(), [0, 1, 2]);
    }
}
