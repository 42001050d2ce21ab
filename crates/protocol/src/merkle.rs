//! The tree over a batch of one-time prekeys: one signature covers a hundred keys, and a bundle carries one of them with its path.
//!
//! Leaves are `H(0x00 ‖ u32 id ‖ pk)`, inner nodes `H(0x01 ‖ left ‖ right)`; a node without a sibling rises unchanged, which is the tree of
//! RFC 9162, section 2.1.1. The number of leaves is signed with the root.

use crate::primitives::hash;

/// A node: SHA-512.
pub(crate) type Node = [u8; 64];

/// Levels above the leaves that a path may have: enough for [`crate::prekey::MAX_BATCH`] leaves.
pub(crate) const MAX_PATH: usize = 8;

/// The leaf of a one-time prekey.
pub(crate) fn leaf(id: u32, key: &[u8]) -> Node {
    hash(&[&[0], &id.to_be_bytes(), key])
}

fn parent(left: &Node, right: &Node) -> Node {
    hash(&[&[1], left, right])
}

fn next_level(level: &[Node]) -> Vec<Node> {
    level
        .chunks(2)
        .map(|pair| match pair {
            [left, right] => parent(left, right),
            [single] => *single,
            _ => [0; 64], // chunks(2) yields one or two
        })
        .collect()
}

/// The root over `leaves`; all zeros for none, which no caller signs.
pub(crate) fn root(leaves: &[Node]) -> Node {
    let mut level = leaves.to_vec();
    while level.len() > 1 {
        level = next_level(&level);
    }
    level.first().copied().unwrap_or([0; 64])
}

/// The siblings from leaf `index` up to the root.
pub(crate) fn path(leaves: &[Node], index: usize) -> Vec<Node> {
    let (mut level, mut index, mut path) = (leaves.to_vec(), index, Vec::new());
    while level.len() > 1 {
        path.extend(level.get(index ^ 1).copied());
        level = next_level(&level);
        index /= 2;
    }
    path
}

/// The root that `leaf` at `index` of `count` leaves has with `path`; `None` when the path's length does not fit.
pub(crate) fn root_from_path(leaf: Node, index: usize, count: usize, path: &[Node]) -> Option<Node> {
    if index >= count {
        return None;
    }
    let (mut node, mut index, mut width, mut path) = (leaf, index, count, path.iter());
    while width > 1 {
        if index ^ 1 < width {
            let sibling = path.next()?;
            node = if index % 2 == 0 {
                parent(&node, sibling)
            } else {
                parent(sibling, &node)
            };
        }
        index /= 2;
        width = width.div_ceil(2);
    }
    path.next().is_none().then_some(node)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_leaf_of_every_size_proves_itself_and_nothing_else() {
        for count in 1..=33usize {
            let leaves: Vec<_> = (0..count).map(|i| leaf(i as u32, &[i as u8; 7])).collect();
            let root = root(&leaves);
            for (i, leaf) in leaves.iter().enumerate() {
                let path = path(&leaves, i);
                assert!(path.len() <= MAX_PATH);
                assert_eq!(root_from_path(*leaf, i, count, &path), Some(root));
                assert_ne!(root_from_path([9; 64], i, count, &path), Some(root));
                assert_eq!(root_from_path(*leaf, count, count, &path), None);
                let longer = [&path[..], &[[0; 64]]].concat();
                assert_eq!(root_from_path(*leaf, i, count, &longer), None);
                if let Some((_, shorter)) = path.split_last() {
                    assert_eq!(root_from_path(*leaf, i, count, shorter), None);
                }
                if i + 1 < count {
                    assert_ne!(root_from_path(*leaf, i + 1, count, &path), Some(root));
                }
            }
        }
    }
}
