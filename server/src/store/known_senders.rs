//! What was read of sessions, delivery tokens and blocked accounts, kept in memory: a send by someone known asks no database.
//!
//! Of sessions and tokens only what exists is kept, so whoever is refused was refused by the database, on one and the same way. The writer takes out what a commit
//! changed before anyone learns of that commit; a read that began earlier cannot put it back, because the writer has counted on.

use std::collections::hash_map::RandomState;

use hashlink::LruCache;
use parking_lot::{Mutex, MutexGuard};

use super::TokenRow;
use crate::model::{Bytes32, MailboxId};

/// Entries of each kind: at about 120 bytes 8 MiB at worst, of each kind. Those unused for longest make room, and are read again.
const MOST: usize = 65_536;

/// By a keyed hash: senders choose keys.
type Recent<K, V> = LruCache<K, V, RandomState>;

fn recent<K, V>() -> Recent<K, V> {
    LruCache::with_hasher(MOST, RandomState::new())
}

/// What a commit made untrue.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    /// The session of this account.
    Session(MailboxId),
    /// This delivery token.
    DeliveryToken(MailboxId, Bytes32),
    /// Whether the mailbox takes nothing from this account.
    Block(MailboxId, MailboxId),
    /// The session of this account and every delivery token of its mailbox: another identity took its place.
    Everything(MailboxId),
}

/// When a read began, in changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment(u64);

/// The memory.
#[derive(Debug, Default)]
pub(super) struct KnownSenders(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    changes: u64,
    sessions: Recent<MailboxId, TokenRow>,
    delivery: Recent<(MailboxId, Bytes32), ()>,
    blocks: Recent<(MailboxId, MailboxId), bool>,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            changes: 0,
            sessions: recent(),
            delivery: recent(),
            blocks: recent(),
        }
    }
}

impl KnownSenders {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock()
    }

    /// To be taken before the database is read.
    pub fn moment(&self) -> Moment {
        Moment(self.lock().changes)
    }

    /// The session of an account, if it is known.
    pub fn session(&self, mailbox: MailboxId) -> Option<TokenRow> {
        self.lock().sessions.get(&mailbox).cloned()
    }

    /// Whether this delivery token is known to exist. The lookup is by a SHA-256: how long it takes says nothing of a token.
    pub fn delivery_token(&self, mailbox: MailboxId, hash: Bytes32) -> bool {
        self.lock().delivery.get(&(mailbox, hash)).is_some()
    }

    /// Keeps a session that was read, unless something changed since.
    pub fn learn_session(&self, began: Moment, mailbox: MailboxId, row: TokenRow) {
        let mut inner = self.lock();
        if inner.changes == began.0 {
            inner.sessions.insert(mailbox, row);
        }
    }

    /// Keeps a delivery token that was read, unless something changed since.
    pub fn learn_delivery_token(&self, began: Moment, mailbox: MailboxId, hash: Bytes32) {
        let mut inner = self.lock();
        if inner.changes == began.0 {
            inner.delivery.insert((mailbox, hash), ());
        }
    }

    /// Whether the mailbox takes nothing from this account, if that is known.
    pub fn block(&self, mailbox: MailboxId, account: MailboxId) -> Option<bool> {
        self.lock().blocks.get(&(mailbox, account)).copied()
    }

    /// Keeps whether an account is blocked, unless something changed since that was read.
    pub fn learn_block(&self, began: Moment, mailbox: MailboxId, account: MailboxId, blocks: bool) {
        let mut inner = self.lock();
        if inner.changes == began.0 {
            inner.blocks.insert((mailbox, account), blocks);
        }
    }

    /// Forgets what is not true any more.
    pub fn forget(&self, change: Change) {
        let mut inner = self.lock();
        inner.changes += 1;
        match change {
            Change::Session(mailbox) => drop(inner.sessions.remove(&mailbox)),
            Change::DeliveryToken(mailbox, hash) => drop(inner.delivery.remove(&(mailbox, hash))),
            Change::Block(mailbox, account) => drop(inner.blocks.remove(&(mailbox, account))),
            Change::Everything(mailbox) => {
                inner.sessions.remove(&mailbox);
                inner.delivery.retain(|(of, _), ()| *of != mailbox);
                inner.blocks.retain(|(of, _), _| *of != mailbox);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::Timestamp;

    use super::*;

    fn row(tag: u8) -> TokenRow {
        TokenRow {
            hash: [tag; 32],
            expires: Timestamp(5),
        }
    }

    #[test]
    fn the_memory_is_bounded_and_keeps_what_is_used() {
        let (known, alice) = (KnownSenders::default(), MailboxId::from_bytes([1; 16]));
        let token = |n: usize| {
            let mut token = [0; 32];
            token[..8].copy_from_slice(&n.to_be_bytes());
            token
        };
        for n in 0..2 * MOST {
            known.learn_delivery_token(known.moment(), alice, token(n));
            assert!(known.delivery_token(alice, token(0)), "used all the time");
        }
        assert_eq!(known.lock().delivery.len(), MOST);
        let kept = |n| known.delivery_token(alice, token(n));
        assert!(
            !kept(1) && !kept(MOST) && kept(MOST + 1),
            "the others in the order of their use"
        );
    }

    #[test]
    fn a_read_that_began_before_a_change_is_not_kept() {
        let (known, alice) = (KnownSenders::default(), MailboxId::from_bytes([1; 16]));
        let began = known.moment();
        known.forget(Change::Session(alice));
        known.learn_session(began, alice, row(1));
        assert!(known.session(alice).is_none());
        known.learn_session(known.moment(), alice, row(2));
        assert_eq!(known.session(alice).unwrap().hash, [2; 32]);
        known.forget(Change::Session(alice));
        assert!(known.session(alice).is_none());

        let began = known.moment();
        known.learn_delivery_token(began, alice, [3; 32]);
        assert!(known.delivery_token(alice, [3; 32]) && !known.delivery_token(alice, [4; 32]));
        known.forget(Change::DeliveryToken(alice, [3; 32]));
        known.learn_delivery_token(began, alice, [3; 32]);
        assert!(!known.delivery_token(alice, [3; 32]));

        let bob = MailboxId::from_bytes([2; 16]);
        let began = known.moment();
        known.learn_block(began, alice, bob, false);
        known.learn_block(began, bob, alice, true);
        assert_eq!(
            (known.block(alice, bob), known.block(bob, alice)),
            (Some(false), Some(true))
        );
        known.forget(Change::Block(alice, bob));
        known.learn_block(began, alice, bob, false);
        assert_eq!((known.block(alice, bob), known.block(bob, alice)), (None, Some(true)));
        known.forget(Change::Everything(bob));
        assert_eq!(known.block(bob, alice), None);
        for mailbox in [alice, bob] {
            known.learn_session(known.moment(), mailbox, row(1));
            known.learn_delivery_token(known.moment(), mailbox, [5; 32]);
        }
        known.forget(Change::Everything(alice));
        assert!(known.session(alice).is_none() && !known.delivery_token(alice, [5; 32]));
        assert!(known.session(bob).is_some() && known.delivery_token(bob, [5; 32]));
    }
}
