//! Changing one's own identity, and following contacts that changed theirs.

use rand_core::CryptoRng;

use super::Party;
use super::stored::{Part, RecordKey};
use crate::account::Successor;
use crate::address::Address;
use crate::identity::Fingerprint;
use crate::session::{Session, SessionId};
use crate::succession::{PublishedSuccession, SuccessionError, verify_chain};
use crate::time::Timestamp;

/// What a chain of successions meant for a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Followed {
    /// Nothing: the pinned identity is served, or the chain does not begin with it.
    Nothing,
    /// The pin moved on, and sending goes on.
    Moved,
    /// The pin moved on from a verified identity: nothing is sent until the user verifies or accepts.
    Review,
    /// One identity named two successors: everything with the contact stops until the user decides.
    Forked,
}

/// Why a chain changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FollowError {
    /// The chain does not hold.
    #[error(transparent)]
    Chain(#[from] SuccessionError),
    /// Its counters do not go on from those that were followed before.
    #[error("the succession is older than one that was followed before (rollback)")]
    Older,
}

impl Party {
    /// The identity that is to take the place of the present one: makes it, or gives the one that was made and never completed. Store the changes,
    /// tell the relay, then [`Self::complete_succession`].
    pub fn prepare_succession(&mut self, now: Timestamp, rng: &mut impl CryptoRng) -> &Successor {
        if self.successor.is_none() {
            self.dirty.extend(Part::ALL.map(RecordKey::Next));
        }
        let account = &self.account;
        self.successor
            .get_or_insert_with(|| Box::new(account.successor(now, rng)))
    }

    /// The identity that was prepared.
    #[must_use]
    pub fn successor(&self) -> Option<&Successor> {
        self.successor.as_deref()
    }

    /// The relay will never take the prepared identity: it is forgotten. Says whether there was one.
    pub fn abandon_succession(&mut self) -> bool {
        self.dirty.extend(Part::ALL.map(RecordKey::Next));
        self.successor.take().is_some()
    }

    /// The relay has put the prepared identity in the place of the present one. Every session ends, so that a thief of their state is left behind, and
    /// everyone known gets a handshake; what was not acknowledged goes again on that. Says whether there was one.
    pub fn complete_succession(&mut self, now: Timestamp) -> bool {
        let Some(successor) = self.successor.take() else {
            return false;
        };
        self.account.give_way(successor.account, now);
        self.dirty.extend(Part::ALL.map(RecordKey::Next));
        self.dirty
            .extend([RecordKey::Identity, RecordKey::Prekeys, RecordKey::Publication]);
        let sessions: Vec<SessionId> = self.sessions.keys().copied().collect();
        for id in sessions {
            self.drop_session(id);
        }
        for (address, peer) in &mut self.peers {
            peer.wants_handshake = true;
            self.dirty.insert(RecordKey::Peer(address.clone()));
        }
        true
    }

    /// Looks at the successions of a contact that lead to `current`, the identity that is served now, and moves the pin along them.
    ///
    /// # Errors
    /// [`FollowError`]; nothing has changed then, and another identity is met as a changed one.
    pub fn follow(
        &mut self,
        address: &Address,
        chain: &[PublishedSuccession],
        current: &Fingerprint,
        now: Timestamp,
    ) -> Result<Followed, FollowError> {
        let Some(peer) = self.peers.get_mut(address).filter(|_| !chain.is_empty()) else {
            return Ok(Followed::Nothing);
        };
        let chain = verify_chain(chain, address, current, now)?;
        let fork = chain
            .iter()
            .any(|link| peer.successor_of(&link.old).is_some_and(|known| known != link.new));
        if fork {
            (peer.forked, peer.offered) = (true, Some(*current));
            self.dirty.insert(RecordKey::Peer(address.clone()));
            return Ok(Followed::Forked);
        }
        let from = chain.iter().position(|link| link.old == peer.fingerprint);
        let Some(ahead) = from.and_then(|from| chain.get(from..)).filter(|_| !peer.forked) else {
            return Ok(Followed::Nothing);
        };
        if ahead.first().is_some_and(|first| first.counter <= peer.followed) {
            return Err(FollowError::Older);
        }
        for link in ahead {
            peer.follow(link);
        }
        // The identity that was offered may be the one that the chain led to, or one on the way.
        let known = |offered: &Fingerprint| peer.fingerprint == *offered || peer.past.contains(offered);
        if peer.offered.as_ref().is_some_and(known) {
            peer.offered = None;
        }
        let review = peer.review.is_some();
        self.dirty.insert(RecordKey::Peer(address.clone()));
        // Sessions with an identity that was left: whoever stole their state is left with it.
        let old: Vec<SessionId> = self.sessions_with(address).map(Session::id).collect();
        for id in old {
            self.drop_session(id);
        }
        Ok(if review { Followed::Review } else { Followed::Moved })
    }
}
