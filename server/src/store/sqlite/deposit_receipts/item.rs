//! A receipt, and how a run of them is written.

use protocol::Timestamp;

use crate::model::BodyDigest;

/// The first half of a receipt's key, a SHA-256 over sender, recipient and message id. 16 bytes are enough for what it is asked: a sender who finds two of
/// its own message ids with one key (2^64 hashes) has its second send refused.
pub(in crate::store::sqlite) type Key = [u8; 16];

/// What is remembered of a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store::sqlite) struct Receipt {
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
pub(super) const ITEM: usize = 16 + 16 + 3 * 8;

/// The receipts of a run.
pub(super) fn items(run: &[u8]) -> impl Iterator<Item = (Key, Receipt)> {
    run.as_chunks::<ITEM>().0.iter().filter_map(item)
}

/// The receipts of a run that have this key; the others are not taken apart.
pub(super) fn with_key(run: &[u8], key: &Key) -> impl Iterator<Item = Receipt> {
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

/// Receipts in a run: 3.5 KiB, which is what looking for one reads, and a page of the database. The last may have fewer, and one has more if it would end between two keys
/// that begin alike: a sender needs some 2^36 hashes for 64 of those, and a generation has 65 536 in all.
const RUN: usize = 64;

/// How a key begins: what says in which run it is.
pub(super) fn head(key: &Key) -> u32 {
    key.first_chunk().copied().map(u32::from_be_bytes).unwrap_or_default()
}

/// A run that is ready for the database: receipts of one generation, in the order of their keys.
#[derive(Debug)]
pub(super) struct Run {
    /// How its first key begins; no other run of the generation has a key that begins so.
    pub head: u32,
    /// When the last of it can be forgotten.
    pub forget_at: Timestamp,
    /// The receipts.
    pub items: Vec<u8>,
}

/// Makes runs of receipts that come in the order of their keys.
pub(super) fn runs<'a>(receipts: impl Iterator<Item = (Key, &'a Receipt)>) -> Vec<Run> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn receipt() -> impl Strategy<Value = (Key, Receipt)> {
        (any::<Key>(), any::<[u8; 16]>(), any::<[u64; 3]>()).prop_map(|(mut key, digest, times)| {
            // Few beginnings, so that several keys begin alike.
            key[..3].fill(0);
            key[3] &= 7;
            let [stored_at, expires, forget_at] = times.map(Timestamp::from_millis);
            let digest = BodyDigest::from_bytes(digest);
            let receipt = Receipt {
                digest,
                stored_at,
                expires,
                forget_at,
            };
            (key, receipt)
        })
    }

    proptest! {
        /// Whatever lies in a row: each whole piece is a receipt that is written as it was read, and what is left over is none.
        #[test]
        fn any_bytes_are_receipts_and_a_rest(run in prop::collection::vec(any::<u8>(), 0..8 * ITEM), probe in any::<Key>()) {
            let read: Vec<_> = items(&run).collect();
            prop_assert_eq!(read.len(), run.len() / ITEM);
            let mut written = Vec::new();
            read.iter().for_each(|(key, receipt)| receipt.push(key, &mut written));
            prop_assert_eq!(&written[..], &run[..written.len()]);
            for key in read.iter().map(|(key, _)| *key).chain([probe]) {
                let having: Vec<_> = read.iter().filter(|(other, _)| *other == key).map(|(_, receipt)| *receipt).collect();
                prop_assert_eq!(with_key(&run, &key).collect::<Vec<_>>(), having);
            }
        }

        /// What is put into runs is in them, each in the one in which it is looked for.
        #[test]
        fn runs_hold_all_receipts_where_they_are_looked_for(mut receipts in prop::collection::vec(receipt(), 0..400)) {
            receipts.sort_unstable_by_key(|(key, _)| *key);
            let made = runs(receipts.iter().map(|(key, receipt)| (*key, receipt)));
            let all: Vec<_> = made.iter().flat_map(|run| items(&run.items)).collect();
            prop_assert_eq!(&all, &receipts);
            prop_assert!(made.windows(2).all(|pair| pair[0].head < pair[1].head), "two runs have one place");
            for (key, receipt) in &receipts {
                let around = made.iter().rev().find(|run| run.head <= head(key)).unwrap();
                prop_assert!(with_key(&around.items, key).any(|found| found == *receipt));
                prop_assert!(around.forget_at >= receipt.forget_at);
            }
        }
    }
}
