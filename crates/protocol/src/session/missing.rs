//! What of the peer's messages never came. Each message of ours names it, until the peer is known to have read that: then it has said again what was in them, and the old
//! places are of no more interest.

use crate::inner::{Acknowledgement, Hole, MAX_HOLES};

/// The holes in what was received, in order and apart from each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Missing(pub(super) Vec<Known>);

/// A hole, and the position of our first message that named it whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(super) hole: Hole,
    pub(super) told: Option<(u32, u32)>,
}

impl Missing {
    /// For an acknowledgement.
    pub(crate) fn holes(&self) -> Vec<Hole> {
        self.0.iter().map(|known| known.hole).collect()
    }

    /// Our message at `position` names them all.
    pub(crate) fn tell(&mut self, position: (u32, u32)) {
        for known in &mut self.0 {
            known.told.get_or_insert(position);
        }
    }

    /// The peer acknowledges: what a message that it opened had named is settled. Every message names every hole, so the last that it opened had all that were told before.
    pub(crate) fn read(&mut self, acknowledged: &Acknowledgement) {
        if let Some(last) = acknowledged.last() {
            self.0.retain(|known| known.told.is_none_or(|told| told > last));
        }
    }

    /// Messages were passed over. What is beyond [`MAX_HOLES`] is named with its neighbour, and with what came in between: that is said again in vain, and nothing is called received
    /// that was not.
    pub(crate) fn add(&mut self, hole: Hole) {
        self.0.push(Known { hole, told: None });
        self.0
            .sort_unstable_by_key(|known| (known.hole.epoch, known.hole.first));
        self.join(0);
        while self.0.len() > MAX_HOLES {
            let between = |pair: &[Known]| match pair {
                [one, other] if one.hole.epoch == other.hole.epoch => {
                    Some(other.hole.first.saturating_sub(one.hole.end().1))
                }
                _ => None,
            };
            match self.0.windows(2).filter_map(between).min() {
                Some(least) => self.join(least),
                // Each in an epoch of its own: a peer that came through so many has read what it was told in the first of them.
                None => drop(self.0.remove(0)),
            }
        }
    }

    /// Joins holes of one epoch that are no further apart than this.
    fn join(&mut self, apart: u32) {
        let mut joined: Vec<Known> = Vec::with_capacity(self.0.len());
        for known in &self.0 {
            match joined.last_mut() {
                Some(last)
                    if last.hole.epoch == known.hole.epoch
                        && last.hole.end().1.saturating_add(apart) >= known.hole.first =>
                {
                    let end = last.hole.end().1.max(known.hole.end().1);
                    last.hole.count = end - last.hole.first;
                    last.told = None;
                }
                _ => joined.push(*known),
            }
        }
        self.0 = joined;
    }

    /// One of them came after all.
    pub(crate) fn came(&mut self, (epoch, number): (u32, u32)) {
        let Some(at) = self.0.iter().position(|known| known.hole.contains((epoch, number))) else {
            return;
        };
        let Known { hole, told } = self.0.remove(at);
        let parts = [(hole.first, number), (number + 1, hole.end().1)];
        for (first, end) in parts.into_iter().rev().filter(|(first, end)| first < end) {
            let count = end - first;
            let hole = Hole { epoch, first, count };
            self.0.insert(at, Known { hole, told });
        }
        if self.0.len() > MAX_HOLES {
            // Cut in two, there is one too many: named as before.
            self.0
                .retain(|known| !(known.hole.epoch == epoch && hole.contains((epoch, known.hole.first))));
            self.0.insert(at, Known { hole, told });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    use super::*;

    fn hole(epoch: u32, first: u32, count: u32) -> Hole {
        Hole { epoch, first, count }
    }

    fn up_to(end: (u32, u32)) -> Acknowledgement {
        Acknowledgement { end, holes: Vec::new() }
    }

    #[test]
    fn what_touches_is_one_hole_and_what_comes_divides_it() {
        let mut missing = Missing::default();
        missing.add(hole(1, 4, 2));
        missing.add(hole(1, 6, 3));
        missing.add(hole(2, 9, 1));
        assert_eq!(missing.holes(), [hole(1, 4, 5), hole(2, 9, 1)]);
        missing.came((1, 6));
        assert_eq!(missing.holes(), [hole(1, 4, 2), hole(1, 7, 2), hole(2, 9, 1)]);
        missing.came((1, 4));
        missing.came((1, 8));
        missing.came((2, 9));
        missing.came((2, 9));
        assert_eq!(missing.holes(), [hole(1, 5, 1), hole(1, 7, 1)]);
    }

    #[test]
    fn a_hole_is_named_until_the_peer_has_opened_a_message_that_named_it() {
        let mut missing = Missing::default();
        missing.add(hole(1, 4, 2));
        missing.tell((2, 7));
        missing.tell((2, 8));
        missing.add(hole(1, 9, 1));
        missing.read(&up_to((2, 7)));
        assert_eq!(missing.0.len(), 2, "the last that was opened is the one before");
        missing.read(&up_to((0, 0)));
        missing.read(&up_to((2, 8)));
        assert_eq!(missing.holes(), [hole(1, 9, 1)], "not told yet");
        missing.tell((4, 0));
        missing.read(&up_to((3, 5)));
        assert_eq!(missing.0.len(), 1);
        missing.read(&up_to((4, 1)));
        assert!(missing.0.is_empty());
    }

    #[test]
    fn too_many_holes_are_named_as_fewer_that_hold_all_of_them() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        for _ in 0..200 {
            let (mut missing, mut lost) = (Missing::default(), BTreeSet::new());
            let mut next = 0;
            for _ in 0..100 {
                let count = 1 + rng.next_u32() % 3;
                let first = next + 1 + rng.next_u32() % 40;
                missing.add(hole(3, first, count));
                lost.extend(first..first + count);
                next = first + count;
                if rng.next_u32() % 4 == 0
                    && let Some(back) = lost.iter().nth(rng.next_u32() as usize % lost.len()).copied()
                {
                    missing.came((3, back));
                    lost.remove(&back);
                }
                let named = missing.holes();
                assert!(named.len() <= MAX_HOLES);
                assert!(named.is_sorted_by(|one, other| one.end() < (other.epoch, other.first)));
                for number in &lost {
                    assert!(
                        named.iter().any(|hole| hole.contains((3, *number))),
                        "{number} is named"
                    );
                }
            }
        }
    }

    #[test]
    fn of_a_hole_in_each_of_too_many_epochs_the_oldest_goes() {
        let mut missing = Missing::default();
        for epoch in 0..=MAX_HOLES as u32 {
            missing.add(hole(epoch, 0, 1));
        }
        assert_eq!(missing.holes().len(), MAX_HOLES);
        assert_eq!(missing.holes()[0], hole(1, 0, 1));
    }
}
