//! One party: an account and every conversation that it has. Sans-I/O: envelopes and bundles go in, envelopes and records come out.
//!
//! Not its concern: moving bytes, storing records, reading a clock. The caller's part is the order *commit, then reveal*: after each call it
//! stores [`Party::take_changes`] together with what the call returned, in one transaction, and only then sends or acknowledges. If the
//! transaction fails, the party in memory is ahead of the disk and has to be loaded again.
//!
//! ```text
//!  send ─► current session? ──no──► NeedsBundle ─► caller fetches ─► start ─► send
//!              │ yes                                                   │
//!              ▼                                                       ▼
//!          Outgoing, pending until the peer acknowledges     what was pending goes again
//!
//!  receive ─► Duplicate | Unknown | Replay | Refused …        (nothing changed)
//!          ├► Opened            content, acknowledgements; maybe envelopes to resend
//!          ├► OneTimeKeyGone, Forked                          a handshake of our own is wanted: wanted() ─► start
//!          └► IdentityChanged                                 kept by the caller until the user decides
//! ```

mod early;
mod handshakes;
mod peer;
mod receive;
mod record_key;
mod replay;
mod send;
mod stored;
mod succession;
#[cfg(test)]
#[path = "../../tests/unit/party/mod.rs"]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use rand_core::CryptoRng;

pub use crate::session::Gap;
pub use early::Early;
pub use peer::{Contact, Trust};
pub use receive::{Opened, Received, Refusal};
pub use send::{Outgoing, SendError, StartError};
pub use stored::Change;
pub use succession::{FollowError, Followed};

use crate::account::{Account, Publication, Successor};
use crate::address::Address;
use crate::content::ContentId;
use crate::identity::{Fingerprint, IdentityKey, Purpose, SafetyNumber};
use crate::session::{RekeyPolicy, Session, SessionId, Status};
use crate::time::Timestamp;
use peer::{Pace, Peer, Pending};
use record_key::RecordKey;
use replay::ReplayMemory;

/// Sessions kept with one peer: the one that sends and those whose envelopes may still be under way. More handshakes than this within the
/// relay's 30 days are a fault or an attack; the lowest ranking session goes.
pub const MAX_SESSIONS: usize = 16;
/// Peers known, at most; each costs about 10 KB. Beyond, new ones are refused and old ones stay.
pub const MAX_PEERS: usize = 4096;
/// Handshakes remembered until the signed prekey that they answer dies, against replay. Beyond, the oldest of the peer with the most is forgotten, and what
/// that peer dated no later is refused from then on.
pub const MAX_HANDSHAKES: usize = 8192;
/// And of one peer: about six a day. Beyond, its own oldest is forgotten in the same way.
pub const MAX_HANDSHAKES_OF_PEER: usize = 256;
/// Contents to one peer that it has not acknowledged: above it is silent, and a resend would not fit into one chain.
pub const MAX_PENDING: usize = 1 << 14;

/// A handshake that was accepted.
#[derive(Clone, Debug)]
struct KnownHandshake {
    session: SessionId,
    peer: Address,
    dies: Timestamp,
    /// Its own date.
    created_at: Timestamp,
}

/// An account with its conversations.
#[derive(Clone)]
pub struct Party {
    account: Account,
    successor: Option<Box<Successor>>,
    policy: RekeyPolicy,
    pace: Pace,
    peers: BTreeMap<Address, Peer>,
    sessions: BTreeMap<SessionId, Session>,
    pending: BTreeMap<Address, BTreeMap<u64, Pending>>,
    next_pending: u64,
    handshakes: BTreeMap<[u8; 32], KnownHandshake>,
    replay: ReplayMemory,
    dirty: BTreeSet<RecordKey>,
}

impl Party {
    /// A new identity at `address`, without conversations.
    pub fn generate(address: Address, rng: &mut impl CryptoRng) -> Self {
        let mut party = Self::with_account(Account::generate(address, rng));
        party.dirty.extend([RecordKey::Identity, RecordKey::Prekeys]);
        party
    }

    fn with_account(account: Account) -> Self {
        Self {
            account,
            successor: None,
            policy: RekeyPolicy::default(),
            pace: Pace::default(),
            peers: BTreeMap::new(),
            sessions: BTreeMap::new(),
            pending: BTreeMap::new(),
            next_pending: 0,
            handshakes: BTreeMap::new(),
            replay: ReplayMemory::default(),
            dirty: BTreeSet::new(),
        }
    }

    /// Replaces the policy by which sessions advance; it is not stored.
    pub fn set_policy(&mut self, policy: RekeyPolicy) {
        self.policy = policy;
    }

    /// Our account.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// Our address.
    #[must_use]
    pub const fn address(&self) -> &Address {
        self.account.address()
    }

    /// Our fingerprint.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.account.fingerprint()
    }

    /// Our identity key.
    #[must_use]
    pub const fn identity_key(&self) -> &IdentityKey {
        self.account.identity_key()
    }

    /// Signs for `purpose` with our identity: signing in, registering.
    pub fn identity_sign(&self, purpose: Purpose, payload: &[u8], rng: &mut impl CryptoRng) -> Vec<u8> {
        self.account.sign(purpose, payload, rng)
    }

    /// See [`Account::publication`]. Upload what it returns before [`Self::wanted`] is served: a peer that found a dead one-time prekey must
    /// not be handed another.
    pub fn publication(
        &mut self,
        one_time_left: Option<u32>,
        force: bool,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Option<Publication> {
        let publication = self.account.publication(one_time_left, force, now, rng)?;
        self.dirty.extend([RecordKey::Prekeys, RecordKey::Publication]);
        Some(publication)
    }

    /// What was offered for publication last and is not confirmed.
    #[must_use]
    pub fn unconfirmed_publication(&self) -> Option<&Publication> {
        self.account.unconfirmed()
    }

    /// The relay has stored the publication.
    pub fn publication_confirmed(&mut self, now: Timestamp) {
        self.account.publication_confirmed(now);
        self.dirty.extend([RecordKey::Prekeys, RecordKey::Publication]);
    }

    /// The time as far as the relay bears it out: for erasing what cannot be had back.
    #[must_use]
    pub fn borne_out(&self, now: Timestamp) -> Timestamp {
        self.account.borne_out(now)
    }

    /// Everyone we know, by address.
    #[must_use]
    pub fn contacts(&self) -> Vec<Contact> {
        self.peers.iter().map(|(address, peer)| peer.contact(address)).collect()
    }

    /// One contact.
    #[must_use]
    pub fn contact(&self, address: &Address) -> Option<Contact> {
        self.peers.get(address).map(|peer| peer.contact(address))
    }

    /// The safety number with a contact: of its offered identity while one is undecided, else of the pinned one.
    #[must_use]
    pub fn safety_number(&self, address: &Address) -> Option<SafetyNumber> {
        let peer = self.peers.get(address)?;
        Some(SafetyNumber::new(
            self.fingerprint(),
            peer.offered.unwrap_or(peer.fingerprint),
        ))
    }

    /// The user has compared the safety number of the pinned identity. Says whether the contact exists and no change is undecided.
    pub fn mark_verified(&mut self, address: &Address) -> bool {
        let waiting = self.pending_count(address) > 0;
        let undecided = |peer: &Peer| peer.offered.is_some() || peer.forked;
        let Some(peer) = self.peers.get_mut(address).filter(|peer| !undecided(peer)) else {
            return false;
        };
        // What waited for this is sent with a handshake of ours.
        peer.wants_handshake |= peer.review.take().is_some() && waiting;
        peer.verified = true;
        self.dirty.insert(RecordKey::Peer(address.clone()));
        true
    }

    /// The user accepts the offered identity: it is pinned, unverified, and a new session is made for it. Or, without one, the successor of a verified
    /// identity, as unverified. Says whether there was anything to accept.
    pub fn accept_identity(&mut self, address: &Address) -> bool {
        let waiting = self.pending_count(address) > 0;
        let Some(peer) = self.peers.get_mut(address) else {
            return false;
        };
        let Some(offered) = peer.offered.take() else {
            let reviewed = peer.review.take().is_some();
            peer.wants_handshake |= reviewed && waiting;
            if reviewed {
                self.dirty.insert(RecordKey::Peer(address.clone()));
            }
            return reviewed;
        };
        peer.pin_anew(offered);
        peer.wants_handshake = true;
        let old: Vec<SessionId> = self
            .sessions_with(address)
            .filter(|session| session.peer != offered)
            .map(Session::id)
            .collect();
        for id in old {
            self.drop_session(id);
        }
        self.dirty.insert(RecordKey::Peer(address.clone()));
        true
    }

    /// The user keeps the pinned identity and discards the offered one, also that of another line. Says whether one was offered.
    pub fn reject_identity(&mut self, address: &Address) -> bool {
        let rejected = self.peers.get_mut(address).is_some_and(|peer| {
            peer.forked = false;
            peer.offered.take().is_some()
        });
        if rejected {
            self.dirty.insert(RecordKey::Peer(address.clone()));
        }
        rejected
    }

    /// Peers to which the protocol itself wants a new handshake. Fetch a bundle for each and [`Self::start`].
    #[must_use]
    pub fn wanted(&self) -> Vec<Address> {
        let wants = |peer: &Peer| peer.wants_handshake && peer.may_send();
        self.peers
            .iter()
            .filter(|(_, peer)| wants(peer))
            .map(|(address, _)| address.clone())
            .collect()
    }

    /// How many contents a peer has not acknowledged yet.
    #[must_use]
    pub fn pending_count(&self, address: &Address) -> usize {
        self.pending.get(address).map_or(0, BTreeMap::len)
    }

    /// The contents that a peer has not acknowledged yet, in the order of sending.
    #[must_use]
    pub fn pending_contents(&self, address: &Address) -> Vec<ContentId> {
        self.pending
            .get(address)
            .into_iter()
            .flatten()
            .map(|(_, pending)| pending.id)
            .collect()
    }

    /// Time passes: [`Self::expire`], and [`Self::renew`].
    pub fn tick(&mut self, now: Timestamp) {
        self.expire(now);
        self.renew(now);
    }

    /// Keys that have lived their time die.
    pub fn expire(&mut self, now: Timestamp) {
        if self.account.expire(now) {
            self.dirty.insert(RecordKey::Prekeys);
        }
        // As long as the keys that they answer.
        let borne_out = self.account.borne_out(now);
        let dead: Vec<_> = self
            .handshakes
            .iter()
            .filter(|(_, known)| known.dies <= borne_out)
            .map(|(key, _)| *key)
            .collect();
        for digest in dead {
            self.handshakes.remove(&digest);
            self.dirty.insert(RecordKey::Handshake(digest));
        }
        for (id, session) in &mut self.sessions {
            if session.expire(now) {
                self.dirty.extend([RecordKey::Session(*id), RecordKey::Skipped(*id)]);
            }
        }
    }

    /// Asks for the handshakes that time makes necessary: in place of sessions that were begun while our clock was ahead ([`Self::set_aside_misdated`]), and to who has not
    /// acknowledged a content for a week. Not to be called while the clock is known to be wrong.
    pub fn renew(&mut self, now: Timestamp) {
        self.set_aside_misdated(now);
        for (address, peer) in &mut self.peers {
            let oldest = self
                .pending
                .get(address)
                .and_then(|pending| pending.values().map(|p| p.since).min());
            let stale = oldest.is_some_and(|since| now.since(since) >= self.pace.stale_after);
            let again = peer
                .renewed_stale
                .is_none_or(|at| now.since(at) >= self.pace.stale_after || at > now);
            if stale && again {
                peer.renewed_stale = Some(now);
                peer.wants_handshake = true;
                self.dirty.insert(RecordKey::Peer(address.clone()));
            }
        }
    }

    /// This state is a restored backup: old prekeys only read identity boxes, sessions only receive, everyone known gets a new handshake.
    pub fn restored(&mut self, now: Timestamp) {
        self.account.mark_stale(now);
        self.dirty.insert(RecordKey::Prekeys);
        self.dirty.insert(RecordKey::Publication);
        for (id, session) in &mut self.sessions {
            session.status = Status::ReceiveOnly;
            self.dirty.insert(RecordKey::Session(*id));
        }
        for (address, peer) in &mut self.peers {
            peer.wants_handshake = true;
            self.dirty.insert(RecordKey::Peer(address.clone()));
        }
    }

    fn sessions_with<'a>(&'a self, address: &Address) -> impl Iterator<Item = &'a Session> + use<'a> {
        let members = self.peers.get(address).map(|peer| &peer.sessions);
        members.into_iter().flatten().filter_map(|id| self.sessions.get(id))
    }

    /// The sessions with a peer that have a rank.
    fn ranked<'a>(&'a self, address: &Address) -> impl Iterator<Item = &'a Session> + use<'a> {
        self.sessions_with(address)
            .filter(|session| session.status != Status::SetAside)
    }

    /// The session that sends to a peer: the greatest (created_at, id), if it is Active. Never an older one in its place.
    fn current(&self, address: &Address) -> Option<&Session> {
        self.ranked(address)
            .max_by_key(|session| session.rank())
            .filter(|s| s.status == Status::Active)
    }

    fn drop_session(&mut self, id: SessionId) {
        self.sessions.remove(&id);
        for (address, peer) in &mut self.peers {
            if peer.sessions.remove(&id) {
                self.dirty.insert(RecordKey::Peer(address.clone()));
            }
        }
        self.dirty.extend([RecordKey::Session(id), RecordKey::Skipped(id)]);
    }

    /// Takes a session in; the lowest ranking of too many goes.
    fn keep_session(&mut self, address: &Address, session: Session) {
        let id = session.id;
        self.sessions.insert(id, session);
        self.dirty.extend([RecordKey::Session(id), RecordKey::Skipped(id)]);
        if let Some(peer) = self.peers.get_mut(address)
            && peer.sessions.insert(id)
        {
            self.dirty.insert(RecordKey::Peer(address.clone()));
        }
        while self.sessions_with(address).count() > MAX_SESSIONS {
            let lowest = self
                .sessions_with(address)
                .min_by_key(|session| session.rank())
                .map(Session::id);
            lowest.into_iter().for_each(|id| self.drop_session(id));
        }
    }
}
