//! What was read of sessions and delivery tokens, kept in memory: a send by someone known asks no database.
//!
//! Only what exists is kept, so whoever is refused was refused by the database, on one and the same way. The writer takes out what a commit
//! changed before anyone learns of that commit; a read that began earlier cannot put it back, because the writer has counted on.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::TokenRow;
use crate::model::{Bytes32, MailboxId};

/// Entries of each kind in each of two halves: 2 × 32 768 at about 100 bytes are 6 MiB at worst. Whoever does not fit is read again.
const HALF: usize = 32_768;

/// What a commit made untrue.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    /// The session of this account.
    Session(MailboxId),
    /// This delivery token.
    DeliveryToken(MailboxId, Bytes32),
    /// The session of this account and every delivery token of its mailbox: another identity took its place.
    Everything(MailboxId),
}

/// When a read began, in changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment(u64);

/// The memory.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    changes: u64,
    sessions: Recent<MailboxId, TokenRow>,
    delivery: Recent<(MailboxId, Bytes32), ()>,
}

impl Known {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be taken before the database is read.
    pub fn moment(&self) -> Moment {
        Moment(self.lock().changes)
    }

    /// The session of an account, if it is known.
    pub fn session(&self, mailbox: MailboxId) -> Option<TokenRow> {
        self.lock().sessions.get(&mailbox)
    }

    /// Whether this delivery token is known to exist. The lookup is by a SHA-256: how long it takes says nothing of a token.
    pub fn delivery_token(&self, mailbox: MailboxId, hash: Bytes32) -> bool {
        self.lock().delivery.get(&(mailbox, hash)).is_some()
    }

    /// Keeps a session that was read, unless something changed since.
    pub fn learn_session(&self, began: Moment, mailbox: MailboxId, row: TokenRow) {
        let mut inner = self.lock();
        if inner.changes == began.0 {
            inner.sessions.put(mailbox, row);
        }
    }

    /// Keeps a delivery token that was read, unless something changed since.
    pub fn learn_delivery_token(&self, began: Moment, mailbox: MailboxId, hash: Bytes32) {
        let mut inner = self.lock();
        if inner.changes == began.0 {
            inner.delivery.put((mailbox, hash), ());
        }
    }

    /// Forgets what is not true any more.
    pub fn forget(&self, change: Change) {
        let mut inner = self.lock();
        inner.changes += 1;
        match change {
            Change::Session(mailbox) => inner.sessions.remove(&mailbox),
            Change::DeliveryToken(mailbox, hash) => inner.delivery.remove(&(mailbox, hash)),
            Change::Everything(mailbox) => {
                inner.sessions.remove(&mailbox);
                inner.delivery.retain(|(of, _)| *of != mailbox);
            }
        }
    }
}

/// A bounded map that keeps what was used last, roughly: the older half goes at once when the younger is full.
#[derive(Debug)]
struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
        }
    }
}

impl<K: Hash + Eq + Copy, V: Clone> Recent<K, V> {
    fn get(&mut self, key: &K) -> Option<V> {
        if let Some(value) = self.young.get(key) {
            return Some(value.clone());
        }
        let value = self.old.remove(key)?;
        self.put(*key, value.clone());
        Some(value)
    }

    fn put(&mut self, key: K, value: V) {
        if self.young.len() >= HALF {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    fn remove(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }

    /// Looks at all there is; for what is rare.
    fn retain(&mut self, keep: impl Fn(&K) -> bool) {
        self.young.retain(|key, _| keep(key));
        self.old.retain(|key, _| keep(key));
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
    fn a_read_that_began_before_a_change_is_not_kept() {
        let (known, alice) = (Known::default(), MailboxId::from_bytes([1; 16]));
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
        for mailbox in [alice, bob] {
            known.learn_session(known.moment(), mailbox, row(1));
            known.learn_delivery_token(known.moment(), mailbox, [5; 32]);
        }
        known.forget(Change::Everything(alice));
        assert!(known.session(alice).is_none() && !known.delivery_token(alice, [5; 32]));
        assert!(known.session(bob).is_some() && known.delivery_token(bob, [5; 32]));
    }

    #[test]
    fn the_memory_is_bounded_and_keeps_what_is_used() {
        let mut recent = Recent::default();
        for n in 0..5 * HALF {
            recent.put(n, ());
            assert!(recent.get(&0).is_some(), "used all the time");
        }
        assert!(recent.young.len() + recent.old.len() <= 2 * HALF);
        assert!(recent.get(&1).is_none());
    }
}
