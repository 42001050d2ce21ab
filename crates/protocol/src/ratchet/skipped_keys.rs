//! Keys of messages that were passed over: they may still arrive.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::{MessageKey, Tag};
use crate::time::Timestamp;

/// Most skipped keys a session keeps, about 200 KB. Twice what one jump may keep, so that two lossy epochs fit.
pub const MAX_SKIPPED: usize = 2000;
/// Keys kept of one jump: the most recent thousand. Whoever loses more has lost a connection, not an envelope.
pub const MAX_KEPT_OF_JUMP: u32 = 1000;
/// After this a skipped key dies: the relay keeps no envelope longer.
pub const SKIPPED_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);
/// Epochs after which a skipped key dies, so that old epochs close even in a busy conversation.
pub const SKIPPED_EPOCHS: u32 = 16;

/// A key kept for one number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedKey {
    pub(crate) tag: Tag,
    pub(crate) key: MessageKey,
    pub(crate) since: Timestamp,
}

/// The skipped keys of a session, by (epoch, n), found by tag too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SkippedKeys {
    keys: BTreeMap<(u32, u32), SkippedKey>,
    tags: HashMap<Tag, (u32, u32)>,
}

impl SkippedKeys {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The position whose plain envelope has this tag.
    pub(crate) fn find(&self, tag: &Tag) -> Option<(u32, u32)> {
        self.tags.get(tag).copied()
    }

    pub(crate) fn get(&self, position: (u32, u32)) -> Option<&SkippedKey> {
        self.keys.get(&position)
    }

    pub(crate) fn remove(&mut self, position: (u32, u32)) {
        if let Some(old) = self.keys.remove(&position) {
            self.tags.remove(&old.tag);
        }
    }

    pub(crate) fn insert(&mut self, position: (u32, u32), key: SkippedKey) {
        self.tags.insert(key.tag, position);
        self.keys.insert(position, key);
    }

    /// Drops the lowest (epoch, n) above [`MAX_SKIPPED`].
    pub(crate) fn trim(&mut self) {
        while self.keys.len() > MAX_SKIPPED {
            if let Some((_, old)) = self.keys.pop_first() {
                self.tags.remove(&old.tag);
            }
        }
    }

    /// Drops what is too old in epochs (at most `current − 16`) or in time. Says whether anything went.
    pub(crate) fn expire(&mut self, current_epoch: u32, now: Timestamp) -> bool {
        let before = self.keys.len();
        let oldest = current_epoch.checked_sub(SKIPPED_EPOCHS);
        let tags = &mut self.tags;
        self.keys.retain(|(epoch, _), key| {
            let keep = oldest.is_none_or(|oldest| *epoch > oldest) && now.since(key.since) < SKIPPED_LIFETIME;
            if !keep {
                tags.remove(&key.tag);
            }
            keep
        });
        self.keys.len() != before
    }

    /// Whether any key of `epoch` is kept.
    pub(crate) fn holds_epoch(&self, epoch: u32) -> bool {
        self.keys.range((epoch, 0)..=(epoch, u32::MAX)).next().is_some()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&(u32, u32), &SkippedKey)> {
        self.keys.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::secret::Secret;

    #[test]
    fn keys_die_after_sixteen_epochs_or_thirty_days() {
        let since = Timestamp(1_000);
        let key = |n: u8| SkippedKey {
            tag: [n; 16],
            key: MessageKey::new(Secret::new([n; 32])),
            since,
        };
        let mut kept = SkippedKeys::default();
        kept.insert((4, 0), key(4));
        kept.insert((5, 0), key(5));
        let at = |epoch: u32, now: Timestamp| {
            let mut keys = kept.clone();
            let gone = keys.expire(epoch, now);
            assert_eq!(keys.tags.len(), keys.len(), "a tag for each");
            (gone, keys.holds_epoch(4), keys.holds_epoch(5))
        };
        let end = since.plus(SKIPPED_LIFETIME);
        assert_eq!(at(19, since), (false, true, true));
        assert_eq!(at(20, since), (true, false, true), "epoch 4 is sixteen behind");
        assert_eq!(at(21, since), (true, false, false));
        assert_eq!(at(5, Timestamp(end.0 - 1)), (false, true, true));
        assert_eq!(at(5, end), (true, false, false));
    }
}
