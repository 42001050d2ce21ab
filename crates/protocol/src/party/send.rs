//! Starting sessions and sending on them.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::peer::{MAX_REPEATS, Peer, Pending};
use super::record_key::RecordKey;
use super::{MAX_PEERS, MAX_PENDING, Party};
use crate::address::Address;
use crate::content::{Body, Content, ContentId, MAX_CONTENT};
use crate::handshake::{PreKeyBundle, initiate};
use crate::identity::Fingerprint;
use crate::prekey::PreKeyError;
use crate::session::{RekeyPolicy, Session, SessionId};
use crate::time::Timestamp;

/// An envelope to hand to the relay.
#[derive(Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// To whom.
    pub to: Address,
    /// The envelope's id, which serves the relay as the message's id: sending again is harmless.
    pub id: [u8; 16],
    /// The sealed bytes.
    pub envelope: Vec<u8>,
    /// Which content it carries; `None` for the protocol's own.
    pub content_id: Option<ContentId>,
}

impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Outgoing(to {}, {} bytes, content {:?})",
            self.to,
            self.envelope.len(),
            self.content_id
        )
    }
}

/// Why nothing was sent; the state is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// There is no session to send on: fetch a bundle and start one.
    #[error("there is no session with {0} yet; fetch its prekey bundle first")]
    NeedsBundle(Address),
    /// The contact's identity has changed and nobody has decided yet.
    #[error("the identity of {peer} has changed: compare the new safety number, then accept or reject it")]
    IdentityChanged {
        /// Whose.
        peer: Address,
        /// The identity offered.
        offered: Fingerprint,
    },
    /// The verified identity named a successor, and nobody has looked at it yet.
    #[error(
        "{peer} has a new identity, and the one that you verified vouches for it: compare the new safety number, then verify or accept it"
    )]
    IdentitySucceeded {
        /// Whose.
        peer: Address,
        /// The identity that was verified.
        verified: Fingerprint,
    },
    /// One identity named two successors.
    #[error(
        "the identity of {0} named two successors, so another person has its key: compare the safety number in person, then accept or reject"
    )]
    IdentityForked(Address),
    /// Too much is unacknowledged.
    #[error("{0} has not acknowledged the last {MAX_PENDING} messages; wait until its client has been online")]
    PeerSilent(Address),
    /// The content is larger than a message may be.
    #[error("a message holds at most {MAX_CONTENT} bytes, and this one has {0}; send it in parts")]
    TooLarge(usize),
}

/// Why no session was started; the state is as it was, but for an identity change that is now undecided.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The bundle is not what it should be.
    #[error("the relay's prekey bundle for {peer} is refused: {why}")]
    BadBundle {
        /// Whose bundle.
        peer: Address,
        /// What is wrong.
        why: PreKeyError,
    },
    /// The bundle shows another identity than the pinned one.
    #[error("the identity of {peer} has changed: compare the new safety number, then accept or reject it")]
    IdentityChanged {
        /// Whose.
        peer: Address,
        /// What was pinned.
        pinned: Fingerprint,
        /// What the relay offers.
        offered: Fingerprint,
    },
    /// The verified identity named a successor, and nobody has looked at it yet.
    #[error(
        "{peer} has a new identity, and the one that you verified vouches for it: compare the new safety number, then verify or accept it"
    )]
    IdentitySucceeded {
        /// Whose.
        peer: Address,
        /// The identity that was verified.
        verified: Fingerprint,
    },
    /// One identity named two successors.
    #[error(
        "the identity of {0} named two successors, so another person has its key: compare the safety number in person, then accept or reject"
    )]
    IdentityForked(Address),
    /// The bundle is of an identity that its owner has left.
    #[error("the relay serves an identity of {0} that its owner has replaced since (rollback)")]
    Superseded(Address),
    /// A conversation with oneself.
    #[error("this is your own address; name another recipient")]
    OneSelf,
    /// Too many contacts.
    #[error("there are {MAX_PEERS} contacts already, and more are not kept; use another home for new ones")]
    TooManyPeers,
}

impl Party {
    /// Whether a bundle is needed before [`Self::send`] to `address` can work.
    #[must_use]
    pub fn needs_bundle(&self, address: &Address) -> bool {
        self.current(address).is_none_or(|session| session.can_send().is_err())
    }

    /// Starts a session with the owner of `bundle`: verifies it, pins the identity on first contact. What the peer has not acknowledged on earlier
    /// sessions is sent again on this one; if there is nothing and the protocol wanted the session, an empty content announces it.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start(
        &mut self,
        bundle: &PreKeyBundle,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<Outgoing>, StartError> {
        self.start_announced(bundle, false, now, rng)
    }

    /// [`Self::start`]; with `always`, an empty content goes first in any case.
    pub(super) fn start_announced(
        &mut self,
        bundle: &PreKeyBundle,
        always: bool,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<Outgoing>, StartError> {
        let address = bundle.address.clone();
        if address == *self.address() {
            return Err(StartError::OneSelf);
        }
        let known = self
            .peers
            .get(&address)
            .map(|peer| (peer.fingerprint, peer.least_seq, peer.newest));
        if known.is_none() && self.peers.len() >= MAX_PEERS {
            return Err(StartError::TooManyPeers);
        }
        let offered = bundle.identity_key.fingerprint(&address);
        let changed = known.map(|(pinned, ..)| pinned).filter(|pinned| *pinned != offered);
        let least_seq = if changed.is_some() {
            0
        } else {
            known.map_or(0, |(_, seq, _)| seq)
        };
        let bad = |why| StartError::BadBundle {
            peer: address.clone(),
            why,
        };
        if let Some(peer) = self.peers.get(&address) {
            if peer.forked {
                return Err(StartError::IdentityForked(address));
            }
            if peer.past.contains(&offered) {
                return Err(StartError::Superseded(address));
            }
            if let Some(verified) = peer.review.filter(|_| changed.is_none()) {
                return Err(StartError::IdentitySucceeded {
                    peer: address,
                    verified,
                });
            }
        }
        // An identity change counts only with a bundle that holds under the new identity.
        let verified = bundle.verify(&address, least_seq, now).map_err(bad)?;
        if let (Some(pinned), Some(peer)) = (changed, self.peers.get_mut(&address)) {
            peer.offered = Some(offered);
            self.dirty.insert(RecordKey::Peer(address.clone()));
            return Err(StartError::IdentityChanged {
                peer: address,
                pinned,
                offered,
            });
        }
        let newest = self.ranked(&address).map(|session| session.created_at);
        let newest = newest.chain(known.map(|(.., newest)| newest)).max().unwrap_or_default();
        let created_at = now.max(Timestamp(newest.0.saturating_add(1)));
        let session = initiate(&self.account, &verified, created_at, now, rng).map_err(|why| bad(why.into()))?;
        let peer = self
            .peers
            .entry(address.clone())
            .or_insert_with(|| Peer::pinned(offered, now));
        peer.least_seq = verified.signed_seq;
        let wanted = std::mem::take(&mut peer.wants_handshake);
        self.dirty.insert(RecordKey::Peer(address.clone()));
        self.keep_session(&address, session);
        let mut outgoing = Vec::new();
        if always || wanted && self.pending_count(&address) == 0 {
            let content = Content {
                id: ContentId::random(rng),
                sent_at: now,
                body: Body::Empty,
            };
            outgoing.extend(self.send(&address, &content, now, rng).ok());
        }
        outgoing.extend(self.resend(&address, now, rng));
        Ok(outgoing)
    }

    /// Seals a content for a peer. It stays pending until the peer acknowledges it.
    ///
    /// # Errors
    /// [`SendError`]; the state is then as it was.
    pub fn send(
        &mut self,
        address: &Address,
        content: &Content,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Outgoing, SendError> {
        if let Some(peer) = self.peers.get(address) {
            let to = address.clone();
            match (peer.forked, peer.offered, peer.review) {
                (true, ..) => return Err(SendError::IdentityForked(to)),
                (_, Some(offered), _) => return Err(SendError::IdentityChanged { peer: to, offered }),
                (.., Some(verified)) => return Err(SendError::IdentitySucceeded { peer: to, verified }),
                (false, None, None) => {}
            }
        }
        let bytes = Zeroizing::new(content.encode());
        if bytes.len() > MAX_CONTENT {
            return Err(SendError::TooLarge(bytes.len()));
        }
        let tracked = content.body.is_tracked();
        if tracked && self.pending_count(address) >= MAX_PENDING {
            return Err(SendError::PeerSilent(address.clone()));
        }
        let needs_bundle = || SendError::NeedsBundle(address.clone());
        let id = self.current(address).map(Session::id).ok_or_else(needs_bundle)?;
        let (outgoing, position) = self
            .encrypt(id, address, &bytes, tracked.then_some(content.id), now, rng)
            .ok_or_else(needs_bundle)?;
        if tracked {
            let pending = Pending {
                id: content.id,
                content: bytes,
                session: id,
                position: Some(position),
                repeats: 0,
                since: now,
            };
            let number = self.next_pending;
            self.next_pending += 1;
            self.pending.entry(address.clone()).or_default().insert(number, pending);
            self.dirty.insert(RecordKey::Pending(address.clone(), number));
        }
        Ok(outgoing)
    }

    /// Gives a content up that the peer has not acknowledged: it is not sent again on another session. Says whether it was waiting for that.
    pub fn withdraw(&mut self, address: &Address, content: ContentId) -> bool {
        let Some(list) = self.pending.get_mut(address) else {
            return false;
        };
        let numbers: Vec<u64> = list
            .iter()
            .filter(|(_, pending)| pending.id == content)
            .map(|(number, _)| *number)
            .collect();
        for number in &numbers {
            list.remove(number);
            self.dirty.insert(RecordKey::Pending(address.clone(), *number));
        }
        !numbers.is_empty()
    }

    fn encrypt(
        &mut self,
        id: SessionId,
        address: &Address,
        content: &[u8],
        content_id: Option<ContentId>,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Option<(Outgoing, (u32, u32))> {
        let policy: RekeyPolicy = self.policy;
        let sealed = self
            .sessions
            .get_mut(&id)?
            .encrypt(content, &self.account, &policy, now, rng)
            .ok()?;
        self.dirty.insert(RecordKey::Session(id));
        let outgoing = Outgoing {
            to: address.clone(),
            id: sealed.id,
            envelope: sealed.envelope,
            content_id,
        };
        Some((outgoing, (sealed.epoch, sealed.n)))
    }

    /// What is unacknowledged on other sessions than the one that sends goes again on that, and what never came on it as well, under the same content ids.
    pub(super) fn resend(&mut self, address: &Address, now: Timestamp, rng: &mut impl CryptoRng) -> Vec<Outgoing> {
        // What was written for a verified identity does not go to its successor before somebody has looked.
        let held = self.peers.get(address).is_some_and(|peer| peer.review.is_some());
        let Some(id) = self.current(address).map(Session::id).filter(|_| !held) else {
            return Vec::new();
        };
        let elsewhere: Vec<(u64, Pending)> = self
            .pending
            .get(address)
            .into_iter()
            .flatten()
            .filter(|(_, pending)| pending.session != id || pending.position.is_none() && pending.repeats < MAX_REPEATS)
            .map(|(number, pending)| (*number, pending.clone()))
            .collect();
        let mut outgoing = Vec::with_capacity(elsewhere.len());
        for (number, pending) in elsewhere {
            let sealed = self.encrypt(id, address, &pending.content, Some(pending.id), now, rng);
            let Some((envelope, position)) = sealed else { break }; // the chain is at its end: the rest waits for the next session
            outgoing.push(envelope);
            if let Some(entry) = self.pending.get_mut(address).and_then(|list| list.get_mut(&number)) {
                entry.repeats = if entry.session == id {
                    entry.repeats.saturating_add(1)
                } else {
                    0
                };
                (entry.session, entry.position, entry.since) = (id, Some(position), now);
            }
            self.dirty.insert(RecordKey::Pending(address.clone(), number));
        }
        outgoing
    }
}
