//! How many rows of each stretch of ids still hold an envelope: what tells where the left edge of the table can be cut off.

use std::collections::BTreeMap;

/// Ids of a block. A relay with a million rows has 16 000 blocks, less than a megabyte.
pub(super) const BLOCK: u64 = 64;

#[derive(Debug, Clone, Copy, Default)]
struct Block {
    /// Rows that were not erased.
    held: u32,
    /// Bytes of all its rows that are there, erased or not.
    bytes: u64,
}

/// The table's rows, by blocks of ids: the number of a block is its first id divided by [`BLOCK`].
#[derive(Debug, Default)]
pub(super) struct Blocks {
    blocks: BTreeMap<u64, Block>,
    bytes: u64,
}

impl Blocks {
    /// A row is there. `held`: it has not been erased.
    pub fn add(&mut self, id: u64, length: u32, held: bool) {
        let block = self.blocks.entry(id / BLOCK).or_default();
        block.bytes += u64::from(length);
        block.held += u32::from(held);
        self.bytes += u64::from(length);
    }

    /// A row was erased.
    pub fn erased(&mut self, id: u64) {
        if let Some(block) = self.blocks.get_mut(&(id / BLOCK)) {
            block.held = block.held.saturating_sub(1);
        }
    }

    /// The first id of the first block that holds an envelope; none when no block does.
    pub fn first_held(&self) -> Option<u64> {
        let mut held = self.blocks.iter().filter(|(_, block)| block.held > 0);
        held.next().map(|(number, _)| number * BLOCK)
    }

    /// Bytes of all rows in the first block that holds an envelope and in those behind it.
    pub fn bytes_from_first_held(&self) -> u64 {
        let before = self.blocks.values().take_while(|block| block.held == 0);
        self.bytes.saturating_sub(before.map(|block| block.bytes).sum())
    }

    /// The first id of the first block and the first id behind it; none when there are no rows.
    pub fn first(&self) -> Option<(u64, u64)> {
        let number = self.blocks.keys().next()?;
        Some((number * BLOCK, (number + 1) * BLOCK))
    }

    /// The ids of the first blocks that lie below `edge` as a whole, and how many those are: at most `most` of them and `bytes`, unless the first alone has more; none when not
    /// even one does. No id is `next` or above it.
    pub fn span_below(&self, edge: u64, next: u64, (most, bytes): (usize, u64)) -> Option<(u64, u64, usize)> {
        let end = |number: u64| ((number + 1) * BLOCK).min(next);
        let mut sum = 0;
        let below = self.blocks.iter().take(most).take_while(|(number, block)| {
            sum += block.bytes;
            end(**number) <= edge && (sum <= bytes || sum == block.bytes)
        });
        let (count, last) = below.fold((0, 0), |(count, _), (number, _)| (count + 1, *number));
        let (from, _) = self.first()?;
        (count > 0).then(|| (from, end(last), count))
    }

    /// The rows of the first block were deleted.
    pub fn drop_first(&mut self) {
        if let Some((_, block)) = self.blocks.pop_first() {
            self.bytes = self.bytes.saturating_sub(block.bytes);
        }
    }

    /// Bytes of all rows that are there, erased or not.
    #[cfg(test)]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_is_held_moves_on_as_rows_are_erased() {
        let mut blocks = Blocks::default();
        assert_eq!((blocks.first(), blocks.first_held(), blocks.bytes()), (None, None, 0));
        for id in 1000..2000 {
            blocks.add(id, 10, true);
        }
        assert_eq!(blocks.first(), Some((960, 1024)));
        assert_eq!((blocks.first_held(), blocks.bytes()), (Some(960), 10_000));
        for id in 1000..1500 {
            blocks.erased(id);
        }
        assert_eq!(blocks.first_held(), Some(1472));
        assert_eq!(blocks.bytes_from_first_held(), 5280);
        assert_eq!(blocks.span_below(1023, 2000, (9, 99_999)), None);
        assert_eq!(blocks.span_below(1300, 2000, (9, 99_999)), Some((960, 1280, 5)));
        assert_eq!(blocks.span_below(1300, 2000, (2, 99_999)), Some((960, 1088, 2)));
        assert_eq!(blocks.span_below(2000, 2000, (99, 99_999)), Some((960, 2000, 17)));
        // 24 rows in the first block, 64 in the others, of ten bytes each.
        for (bytes, to) in [(1, 1024), (880, 1088), (1519, 1088), (1520, 1152)] {
            let (from, end, _) = blocks.span_below(1300, 2000, (9, bytes)).unwrap();
            assert_eq!((from, end), (960, to), "{bytes} bytes");
        }
        blocks.drop_first();
        assert_eq!((blocks.first(), blocks.bytes()), (Some((1024, 1088)), 9760));
        for id in 1500..2000 {
            blocks.erased(id);
        }
        assert_eq!((blocks.first_held(), blocks.bytes_from_first_held()), (None, 0));
        // A number that a failing disk made of one costs no memory.
        blocks.add(1 << 60, 1, true);
        assert_eq!(blocks.first_held(), Some(1 << 60));
    }
}
