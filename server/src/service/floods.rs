//! Whose sends to a mailbox were refused, for its owner to see who floods it.
//!
//! The relay stores nobody's sender; this is of refused sends alone, in memory, and told once. A mailbox has places for a few senders: when there are more, each loses a
//! count for a newcomer (Misra and Gries, "Finding repeated elements", 1982), so whoever is refused more than a seventeenth of the time keeps a place, and a
//! number is never more than there were.

use std::collections::hash_map::RandomState;

use hashlink::LruCache;
use parking_lot::Mutex;

use crate::model::{MailboxId, Sender};

/// Senders of one mailbox, 48 bytes each.
pub(super) const SENDERS: usize = 16;
/// Mailboxes, those flooded last: 3 MiB at worst.
const MAILBOXES: usize = 4096;

/// Of a mailbox, who was refused and how often.
type Refused = LruCache<MailboxId, Vec<(Sender, u64)>, RandomState>;

/// The refused.
pub(super) struct Floods(Mutex<Refused>);

impl Default for Floods {
    fn default() -> Self {
        Self(Mutex::new(LruCache::with_hasher(MAILBOXES, RandomState::new())))
    }
}

impl Floods {
    /// A send of `sender` to `mailbox` was refused because there is too much of it.
    pub fn note(&self, mailbox: MailboxId, sender: Sender) {
        let mut refused = self.0.lock();
        let mut senders = refused.remove(&mailbox).unwrap_or_default();
        let there = senders.len();
        match senders.iter_mut().find(|(known, _)| *known == sender) {
            Some((_, times)) => *times = times.saturating_add(1),
            None if there < SENDERS => senders.push((sender, 1)),
            None => {
                senders.iter_mut().for_each(|(_, times)| *times -= 1);
                senders.retain(|(_, times)| *times > 0);
            }
        }
        refused.insert(mailbox, senders);
    }

    /// The mailbox is gone; what was known of it is not for who gets its name.
    pub fn forget(&self, mailbox: MailboxId) {
        let mut refused = self.0.lock();
        refused.remove(&mailbox);
    }

    /// Whose sends were refused, and how often at least, since this was last asked; most first.
    pub fn take(&self, mailbox: MailboxId) -> Vec<(Sender, u64)> {
        let mut refused = self.0.lock();
        let mut senders = refused.remove(&mailbox).unwrap_or_default();
        senders.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
        senders
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(n: usize) -> Sender {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&n.to_be_bytes());
        Sender::Account(MailboxId::from_bytes(id))
    }

    fn bob() -> MailboxId {
        MailboxId::from_bytes([9; 16])
    }

    #[test]
    fn each_refusal_is_told_once_and_to_its_mailbox() {
        let floods = Floods::default();
        for _ in 0..3 {
            floods.note(bob(), account(1));
        }
        floods.note(bob(), Sender::Token([5; 32]));
        assert!(floods.take(MailboxId::from_bytes([8; 16])).is_empty());
        assert_eq!(floods.take(bob()), [(account(1), 3), (Sender::Token([5; 32]), 1)]);
        assert!(floods.take(bob()).is_empty());
        floods.note(bob(), account(1));
        floods.forget(bob());
        assert!(floods.take(bob()).is_empty(), "another may have the name by now");
    }

    #[test]
    fn a_crowd_does_not_hide_who_floods_and_memory_is_bounded() {
        let floods = Floods::default();
        for n in 0..50_000 {
            floods.note(bob(), account(n + 1));
            if n % 4 == 0 {
                floods.note(bob(), account(0));
            }
        }
        let told = floods.take(bob());
        assert!(told.len() <= SENDERS);
        assert!(told[0].0 == account(0) && told[0].1 <= 12_500, "{told:?}");
        for n in 0..5 * MAILBOXES {
            let Sender::Account(mailbox) = account(n) else {
                continue;
            };
            floods.note(mailbox, account(1));
        }
        let kept = (0..5 * MAILBOXES).filter(|n| {
            let Sender::Account(mailbox) = account(*n) else {
                return false;
            };
            !floods.take(mailbox).is_empty()
        });
        assert_eq!(kept.count(), MAILBOXES);
    }
}
