//! Receiving: find the session, open, commit; or say why not.

use rand_core::CryptoRng;

use super::handshakes::Room;
use super::peer::Peer;
use super::record_key::RecordKey;
use super::replay::ReplayMemory;
use super::{KnownHandshake, MAX_PEERS, Outgoing, Party};
use crate::address::Address;
use crate::content::{Content, ContentId};
use crate::envelope::{Body, Envelope, Handshake};
use crate::error::DecodeError;
use crate::handshake::{self, Claimant, HandshakeError};
use crate::identity::Fingerprint;
use crate::inner::Acknowledgement;
use crate::session::{CannotOpen, Decrypted, Gap, Session, SessionId, Status};
use crate::time::Timestamp;

/// What became of an envelope. Everything but `IdentityChanged` and `IdentityForked` is done with and may be acknowledged to the relay once the changes are stored.
#[derive(Debug)]
#[non_exhaustive]
pub enum Received {
    /// Opened.
    Opened(Box<Opened>),
    /// Opened before.
    Duplicate,
    /// Of no session that we have (any more), or its key is gone. Nothing is answered.
    Unknown,
    /// Not an envelope.
    Malformed(DecodeError),
    /// A handshake that was accepted before, whose session is gone; or one that is as old as those that were forgotten, and may have been.
    Replay,
    /// A handshake to a one-time prekey that we no longer have; a handshake of our own is wanted in answer.
    OneTimeKeyGone {
        /// Who tried.
        from: Address,
    },
    /// Two states of one session are in use; it is closed and a handshake of our own is wanted.
    Forked {
        /// With whom.
        peer: Address,
    },
    /// A known address with another identity. To be kept until the user decides.
    IdentityChanged {
        /// Whose.
        from: Address,
        /// The identity offered.
        offered: Fingerprint,
    },
    /// From a contact whose identity named two successors. To be kept until the user decides.
    IdentityForked {
        /// Whose.
        from: Address,
    },
    /// Refused for what it is.
    Refused(Refusal),
}

/// Why an envelope was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The handshake does not hold.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// The first answer of a session, without the signature of the identity that was written to.
    #[error(
        "the first answer in a conversation is not signed by the identity that was written to: another person has that contact's prekeys, or it was altered on its way. Ask the contact to replace its prekeys and to write again"
    )]
    NotSigned,
    /// Altered on its way.
    #[error(
        "the message was altered, or belongs to another conversation than it claims; ask the sender to write again"
    )]
    Altered,
    /// It opened, and what is inside is not a content.
    #[error("the message opened, but its content is malformed: {0}; ask the sender to update")]
    BadContent(DecodeError),
    /// By an identity that its owner has left: what it was to say comes again from its successor.
    #[error("it comes from an identity that its owner has replaced since; the new identity sends it again")]
    Superseded,
    /// More handshakes or contacts than are kept.
    #[error("this account keeps as many handshakes or contacts as it can; block the accounts that flood you")]
    TooMany,
}

/// An opened envelope.
#[derive(Debug)]
pub struct Opened {
    /// From whom, as authenticated by the handshake.
    pub from: Address,
    /// Under which identity.
    pub fingerprint: Fingerprint,
    /// The identity at the beginning of its line, before any succession.
    pub origin: Fingerprint,
    /// What it says. Show an (origin, content id) once: after a change of session or identity contents come again.
    pub content: Content,
    /// Contents of ours that the peer says it opened. They are not sent again.
    pub acknowledged: Vec<ContentId>,
    /// Messages newly known to be missing.
    pub missing: u64,
    /// Which ones.
    pub gaps: Vec<Gap>,
    /// Whether this one had been reported missing before.
    pub late: bool,
    /// To send: contents that move to a new session, and those that the peer says never came.
    pub outgoing: Vec<Outgoing>,
    /// Whether this is the first we hear of the contact.
    pub first_contact: bool,
    /// With a new session: the date of its handshake. What the same peer dated later came before it was sent, and is said again on this one ([`Party::early`]).
    pub begun: Option<Timestamp>,
    /// Whether a new session began without a one-time prekey: its first messages are as forward-secret as the signed prekey.
    pub without_one_time: bool,
}

/// A new session and its bookkeeping.
struct NewSession {
    session: Session,
    digest: [u8; 32],
    one_time: Option<u32>,
    dies: Timestamp,
}

impl Party {
    /// Takes an envelope in. Unless it opens, nothing changes, but for what the outcome says (a handshake that is wanted, an identity offered).
    pub fn receive(&mut self, envelope: &[u8], now: Timestamp, rng: &mut impl CryptoRng) -> Received {
        let mark = ReplayMemory::digest(envelope);
        if self.replay.contains(&mark) {
            return Received::Duplicate;
        }
        let parsed = match Envelope::parse(envelope) {
            Ok(parsed) => parsed,
            Err(why) => return Received::Malformed(why),
        };
        let opened = match &parsed.body {
            Body::First { handshake, .. } => self.open_first(&parsed, handshake, now),
            Body::Plain { .. } | Body::Boxed { .. } => self.open_later(&parsed, now),
        };
        match opened {
            Ok((by, decrypted, address)) => {
                let slot = self.replay.remember(mark);
                self.dirty.insert(RecordKey::Replay(slot));
                Received::Opened(Box::new(self.commit(by, decrypted, address, now, rng)))
            }
            Err(outcome) => outcome,
        }
    }

    /// Finds the session of a plain or boxed envelope by its tag.
    fn open_later(&mut self, envelope: &Envelope<'_>, now: Timestamp) -> Result<OpenedBy, Received> {
        for (address, peer) in &self.peers {
            for id in &peer.sessions {
                let Some(session) = self.sessions.get_mut(id) else {
                    continue;
                };
                let Some(located) = session.locate(envelope, false) else {
                    continue;
                };
                if peer.forked {
                    return Err(Received::IdentityForked { from: address.clone() });
                }
                return match session.decrypt(envelope, &located, now) {
                    Ok(decrypted) => Ok((By::Known(*id), decrypted, address.clone())),
                    Err(CannotOpen::Forked) => {
                        let (address, id) = (address.clone(), *id);
                        Err(self.forked(address, id, now))
                    }
                    Err(why) => Err(refused(why)),
                };
            }
        }
        Err(Received::Unknown)
    }

    /// A first envelope: of a session that we know, or of a new one.
    fn open_first(
        &mut self,
        envelope: &Envelope<'_>,
        handshake: &Handshake<'_>,
        now: Timestamp,
    ) -> Result<OpenedBy, Received> {
        if let Some(known) = self.handshakes.get(&handshake.digest) {
            if self.peers.get(&known.peer).is_some_and(|peer| peer.forked) {
                return Err(Received::IdentityForked {
                    from: known.peer.clone(),
                });
            }
            let session = self.sessions.get_mut(&known.session).ok_or(Received::Replay)?;
            let located = session.locate(envelope, true).ok_or(Received::Unknown)?;
            let decrypted = session.decrypt(envelope, &located, now).map_err(refused)?;
            return Ok((By::Known(known.session), decrypted, known.peer.clone()));
        }
        let no_handshake = |why| Received::Refused(Refusal::Handshake(why));
        let claimant = handshake::identify(&self.account, handshake).map_err(no_handshake)?;
        self.check_claimant(&claimant)?;
        let mut session = match handshake::accept(&self.account, &claimant, handshake, now) {
            Ok(session) => session,
            Err(HandshakeError::OneTimeKeyGone) => return Err(self.one_time_gone(&claimant, now)),
            Err(why) => return Err(no_handshake(why)),
        };
        let located = session
            .locate(envelope, true)
            .ok_or(Received::Refused(Refusal::Altered))?;
        let decrypted = session.decrypt(envelope, &located, now).map_err(refused)?;
        let (digest, one_time, dies) = (handshake.digest, claimant.one_time, claimant.dies);
        Ok((
            By::New(Box::new(NewSession {
                session,
                digest,
                one_time,
                dies,
            })),
            decrypted,
            claimant.address,
        ))
    }

    /// The pin, and the bounds on what strangers may make us keep.
    fn check_claimant(&mut self, claimant: &Claimant) -> Result<(), Received> {
        let Claimant {
            address, fingerprint, ..
        } = claimant;
        let peers = self.peers.len();
        match self.peers.get_mut(address) {
            Some(peer) if peer.past.contains(fingerprint) => return Err(Received::Refused(Refusal::Superseded)),
            Some(peer) if peer.forked => return Err(Received::IdentityForked { from: address.clone() }),
            Some(peer) if peer.fingerprint != *fingerprint => {
                if peer.offered != Some(*fingerprint) {
                    peer.offered = Some(*fingerprint);
                    self.dirty.insert(RecordKey::Peer(address.clone()));
                }
                return Err(Received::IdentityChanged {
                    from: address.clone(),
                    offered: *fingerprint,
                });
            }
            // What was forgotten is refused by its date. An honest peer dates each later than all before, and says again on the newest session what did not arrive.
            Some(peer) if peer.forgotten.is_some_and(|at| claimant.created_at <= at) => return Err(Received::Replay),
            None if peers >= MAX_PEERS => return Err(Received::Refused(Refusal::TooMany)),
            _ => {}
        }
        match self.room_for_handshake(address, claimant.created_at) {
            Room::None => Err(Received::Refused(Refusal::TooMany)),
            Room::Free | Room::After(_) => Ok(()),
        }
    }

    /// Everything that follows a success, as one change.
    fn commit(
        &mut self,
        by: By,
        decrypted: Decrypted,
        address: Address,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Opened {
        let before = self.current(&address).map(Session::id);
        let first_contact = !self.peers.contains_key(&address);
        let mut begun = None;
        let (id, fingerprint, without_one_time) = match by {
            By::Known(id) => {
                self.dirty.insert(RecordKey::Session(id));
                if !decrypted.gaps.is_empty() || decrypted.late || decrypted.expired {
                    self.dirty.insert(RecordKey::Skipped(id));
                }
                let pinned = self.peers.get(&address).map(|peer| peer.fingerprint);
                let fingerprint = self.sessions.get(&id).map(|session| session.peer).or(pinned);
                (id, fingerprint.unwrap_or(Fingerprint::from_bytes([0; 32])), false)
            }
            By::New(new) => {
                begun = Some(new.session.created_at);
                (new.session.id, new.session.peer, self.take_in(*new, &address, now))
            }
        };
        let (mut acknowledged, mut lost) = (Vec::new(), false);
        if let Some(session) = self.sessions.get_mut(&id) {
            if session.status == Status::SetAside {
                session.status = Status::Active; // its peer has it, and ranks it by its date
            }
            if session.status == Status::Active && session.is_beyond_sent(decrypted.acknowledged.end) {
                session.status = Status::ReceiveOnly; // acknowledged beyond what we sent: our state is an old one
            } else {
                session.acknowledged = session.acknowledged.max(decrypted.acknowledged.end);
                (acknowledged, lost) = self.settle(&address, id, &decrypted.acknowledged);
            }
        }
        let after = self.current(&address).map(Session::id);
        let mut outgoing = Vec::new();
        if after.is_some() && (after != before || lost) {
            outgoing = self.resend(&address, now, rng);
        } else if after.is_none() && before.is_some() {
            self.want_handshake(&address);
        }
        let Decrypted {
            content, gaps, late, ..
        } = decrypted;
        let missing = gaps.iter().map(|gap| u64::from(gap.count)).sum();
        let origin = self.peers.get(&address).map_or(fingerprint, |peer| peer.origin);
        Opened {
            from: address,
            fingerprint,
            origin,
            content,
            acknowledged,
            missing,
            gaps,
            late,
            outgoing,
            first_contact,
            begun,
            without_one_time,
        }
    }

    /// A new session with its bookkeeping: the one-time prekey's private half goes, the handshake is remembered. Says whether it had none.
    fn take_in(&mut self, new: NewSession, address: &Address, now: Timestamp) -> bool {
        let NewSession {
            session,
            digest,
            one_time,
            dies,
        } = new;
        let peer = self
            .peers
            .entry(address.clone())
            .or_insert_with(|| Peer::pinned(session.peer, now));
        peer.newest = peer.newest.max(session.created_at);
        if let Some(id) = one_time {
            self.account.consume_one_time(id);
            self.dirty.insert(RecordKey::Prekeys);
        }
        if let Room::After(oldest) = self.room_for_handshake(address, session.created_at) {
            self.forget_handshake(oldest);
        }
        self.handshakes.insert(
            digest,
            KnownHandshake {
                session: session.id,
                peer: address.clone(),
                dies,
                created_at: session.created_at,
            },
        );
        self.dirty
            .extend([RecordKey::Handshake(digest), RecordKey::Peer(address.clone())]);
        self.keep_session(address, session);
        one_time.is_none()
    }

    /// Contents of `session` that the acknowledgement covers are settled; those that it misses have no place there any more. The settled ones, and whether any are missing.
    fn settle(
        &mut self,
        address: &Address,
        session: SessionId,
        acknowledged: &Acknowledgement,
    ) -> (Vec<ContentId>, bool) {
        let (mut settled, mut lost) = (Vec::new(), false);
        let Some(list) = self.pending.get_mut(address) else {
            return (settled, lost);
        };
        list.retain(|number, pending| {
            let Some(position) = pending.position.filter(|_| pending.session == session) else {
                return true;
            };
            let covered = acknowledged.covers(position);
            if covered {
                settled.push(pending.id);
            } else if acknowledged.misses(position) {
                pending.position = None;
                lost = true;
            } else {
                return true;
            }
            self.dirty.insert(RecordKey::Pending(address.clone(), *number));
            !covered
        });
        (settled, lost)
    }

    fn want_handshake(&mut self, address: &Address) {
        if let Some(peer) = self.peers.get_mut(address) {
            peer.wants_handshake = true;
            self.dirty.insert(RecordKey::Peer(address.clone()));
        }
    }

    /// Somebody wrote to a one-time prekey that is gone: new prekeys if the relay still serves that batch, and a handshake in answer unless a newer
    /// session of ours exists.
    fn one_time_gone(&mut self, claimant: &Claimant, now: Timestamp) -> Received {
        if self
            .account
            .one_time_was_gone(claimant.one_time, self.pace.replace_interval, now)
        {
            self.dirty.extend([RecordKey::Prekeys, RecordKey::Publication]);
        }
        let from = claimant.address.clone();
        self.answer(&from, claimant.fingerprint, claimant.created_at, now);
        Received::OneTimeKeyGone { from }
    }

    fn forked(&mut self, peer: Address, id: SessionId, now: Timestamp) -> Received {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.status = Status::Forked;
            let (created_at, fingerprint) = (session.created_at, session.peer);
            self.dirty.insert(RecordKey::Session(id));
            if self.current(&peer).is_none() {
                self.answer(&peer, fingerprint, created_at, now);
            }
        }
        Received::Forked { peer }
    }

    fn answer(&mut self, address: &Address, fingerprint: Fingerprint, created_at: Timestamp, now: Timestamp) {
        let newer = self
            .sessions_with(address)
            .any(|session| session.status == Status::Active && session.created_at > created_at);
        let peer = self
            .peers
            .entry(address.clone())
            .or_insert_with(|| Peer::pinned(fingerprint, now));
        peer.newest = peer.newest.max(created_at);
        if !newer {
            peer.answer(&self.pace, now);
        }
        self.dirty.insert(RecordKey::Peer(address.clone()));
    }
}

/// Which session opened an envelope.
enum By {
    Known(SessionId),
    New(Box<NewSession>),
}

type OpenedBy = (By, Decrypted, Address);

fn refused(why: CannotOpen) -> Received {
    match why {
        CannotOpen::Gone => Received::Unknown,
        CannotOpen::BadContent(why) => Received::Refused(Refusal::BadContent(why)),
        CannotOpen::BadSignature => Received::Refused(Refusal::NotSigned),
        // A fork is told apart before; in a first envelope there is no header that could fork.
        CannotOpen::Forked | CannotOpen::BadHeader | CannotOpen::BadMessage => Received::Refused(Refusal::Altered),
    }
}
