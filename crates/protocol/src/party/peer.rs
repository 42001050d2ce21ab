//! What a party knows of one peer.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::address::Address;
use crate::content::ContentId;
use crate::error::DecodeError;
use crate::identity::Fingerprint;
use crate::pickle::{Record, Writer};
use crate::session::SessionId;
use crate::succession::{MAX_SUCCESSIONS, Succession};
use crate::time::Timestamp;
use zeroize::Zeroizing;

/// A content unacknowledged for this long causes a new handshake, and at most one in this time: the peer may have lost the session.
const STALE_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);
/// Handshakes that answer a peer's lost key or fork, at most this many …
pub(super) const MAX_ANSWERS: usize = 4;
/// … in this time: two parties that both lose keys must not answer each other without end.
const ANSWERS_IN: Duration = Duration::from_secs(3600);
/// A batch is replaced whole at most this often when the relay serves keys that are gone: a peer who repeats old handshakes must not make us
/// upload without end.
const REPLACE_INTERVAL: Duration = Duration::from_secs(600);

/// A content is said again on one session at most this often, when the peer says that it never came; after that it waits for the next session. A peer that says so each time must not
/// make us send without end. So many, because what overtakes a message on its way makes it look lost: messages that come in an order drawn by lot settle with 64, and with 16 they did not
/// (`tests/unit/party/driver`).
pub(super) const MAX_REPEATS: u8 = 64;

/// How fast a party answers what others cause.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    pub(super) stale_after: Duration,
    pub(super) answers_in: Duration,
    pub(super) replace_interval: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            stale_after: STALE_AFTER,
            answers_in: ANSWERS_IN,
            replace_interval: REPLACE_INTERVAL,
        }
    }
}

/// How sure we are of a contact's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Pinned on first contact.
    Unverified,
    /// The safety number was compared.
    Verified,
    /// Another identity was offered; nothing is sent until the user decides.
    Changed {
        /// The identity offered.
        offered: Fingerprint,
    },
    /// The verified identity named the pinned one its successor. That proves less than the comparison did, so nothing is sent until the user
    /// verifies or accepts it.
    Succeeded {
        /// The identity that was verified.
        verified: Fingerprint,
    },
    /// One identity named two successors: its key is in two hands. Nothing is sent and nothing opens until the user decides.
    Forked {
        /// The other successor's line, as it was served.
        offered: Fingerprint,
    },
}

/// A contact, for display.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Its address.
    pub address: Address,
    /// The pinned fingerprint.
    pub fingerprint: Fingerprint,
    /// How sure we are of it.
    pub trust: Trust,
    /// When we first met.
    pub first_seen: Timestamp,
}

#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) fingerprint: Fingerprint,
    pub(super) verified: bool,
    pub(super) offered: Option<Fingerprint>,
    pub(super) first_seen: Timestamp,
    /// Highest sequence number of a signed prekey seen, against rollback.
    pub(super) least_seq: u64,
    /// Greatest `created_at` known with this peer, also of handshakes that could not be opened.
    pub(super) newest: Timestamp,
    pub(super) answered: Vec<Timestamp>,
    pub(super) wants_handshake: bool,
    pub(super) renewed_stale: Option<Timestamp>,
    pub(super) sessions: BTreeSet<SessionId>,
    /// The identity that was pinned or accepted by hand, before any succession: contents are told apart under it.
    pub(super) origin: Fingerprint,
    /// The identities before the pinned one, oldest first, at most [`MAX_SUCCESSIONS`].
    pub(super) past: Vec<Fingerprint>,
    /// The counter of the last succession that was followed.
    pub(super) followed: u64,
    /// The identity that was verified, while its successor is not.
    pub(super) review: Option<Fingerprint>,
    /// Whether two successors of one identity were seen.
    pub(super) forked: bool,
    /// The date of the last handshake that was forgotten to make room: of those dated no later, only the remembered ones are known not to be repeated.
    pub(super) forgotten: Option<Timestamp>,
}

impl Peer {
    pub(super) const fn pinned(fingerprint: Fingerprint, now: Timestamp) -> Self {
        Self {
            fingerprint,
            verified: false,
            offered: None,
            first_seen: now,
            least_seq: 0,
            newest: Timestamp(0),
            answered: Vec::new(),
            wants_handshake: false,
            renewed_stale: None,
            sessions: BTreeSet::new(),
            origin: fingerprint,
            past: Vec::new(),
            followed: 0,
            review: None,
            forked: false,
            forgotten: None,
        }
    }

    /// Whether the user has nothing to decide before something is sent.
    pub(super) const fn may_send(&self) -> bool {
        self.offered.is_none() && self.review.is_none() && !self.forked
    }

    /// What followed an identity of this peer, as far as is remembered.
    pub(super) fn successor_of(&self, fingerprint: &Fingerprint) -> Option<Fingerprint> {
        let at = self.past.iter().position(|past| past == fingerprint)?;
        Some(self.past.get(at + 1).copied().unwrap_or(self.fingerprint))
    }

    /// Pins an identity that does not follow from the one before.
    pub(super) fn pin_anew(&mut self, fingerprint: Fingerprint) {
        (self.fingerprint, self.origin) = (fingerprint, fingerprint);
        (self.verified, self.review, self.forked) = (false, None, false);
        self.past.clear();
        self.followed = 0;
        self.least_seq = 0;
    }

    /// Pins the next identity of the same line.
    pub(super) fn follow(&mut self, succession: &Succession) {
        self.past.push(self.fingerprint);
        let surplus = self.past.len().saturating_sub(MAX_SUCCESSIONS);
        self.past.drain(..surplus);
        if self.verified {
            self.review = Some(self.fingerprint);
        }
        self.verified = false;
        self.fingerprint = succession.new;
        self.followed = succession.counter;
        self.least_seq = 0;
    }

    pub(super) fn contact(&self, address: &Address) -> Contact {
        let trust = match (self.forked, self.offered, self.review) {
            (true, offered, _) => Trust::Forked {
                offered: offered.unwrap_or(self.fingerprint),
            },
            (false, Some(offered), _) => Trust::Changed { offered },
            (false, None, Some(verified)) => Trust::Succeeded { verified },
            (false, None, None) if self.verified => Trust::Verified,
            (false, None, None) => Trust::Unverified,
        };
        Contact {
            address: address.clone(),
            fingerprint: self.fingerprint,
            trust,
            first_seen: self.first_seen,
        }
    }

    /// Asks for a handshake of our own, unless there were enough of them.
    pub(super) fn answer(&mut self, pace: &Pace, now: Timestamp) {
        self.answered
            .retain(|at| *at <= now && now.since(*at) < pace.answers_in);
        if self.answered.len() < MAX_ANSWERS {
            self.answered.push(now);
            self.wants_handshake = true;
        }
    }

    pub(super) fn store(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Writer::new(1024);
        out.raw(self.fingerprint.as_bytes())
            .bool(self.verified)
            .option(self.offered, |out, offered| {
                out.raw(offered.as_bytes());
            })
            .time(self.first_seen)
            .u64(self.least_seq)
            .time(self.newest)
            .list(self.answered.iter(), |out, at| {
                out.time(*at);
            })
            .bool(self.wants_handshake)
            .option(self.renewed_stale, |out, at| {
                out.time(at);
            })
            .list(self.sessions.iter(), |out, id| {
                out.raw(&id.0);
            })
            .raw(self.origin.as_bytes())
            .list(self.past.iter(), |out, past| {
                out.raw(past.as_bytes());
            })
            .u64(self.followed)
            .option(self.review, |out, verified| {
                out.raw(verified.as_bytes());
            })
            .bool(self.forked)
            .option(self.forgotten, |out, at| {
                out.time(at);
            });
        out.finish()
    }

    pub(super) fn load(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Record::new(bytes)?;
        let fingerprint = |input: &mut Record<'_>| input.array().map(Fingerprint::from_bytes);
        let peer = Self {
            fingerprint: fingerprint(&mut input)?,
            verified: input.bool()?,
            offered: input.option(fingerprint)?,
            first_seen: input.time()?,
            least_seq: input.u64()?,
            newest: input.time()?,
            answered: input.list(Record::time)?,
            wants_handshake: input.bool()?,
            renewed_stale: input.option(Record::time)?,
            sessions: input.list(|input| input.array().map(SessionId))?.into_iter().collect(),
            origin: fingerprint(&mut input)?,
            past: input.list(fingerprint)?,
            followed: input.u64()?,
            review: input.option(fingerprint)?,
            forked: input.bool()?,
            forgotten: input.option(Record::time)?,
        };
        input.finish()?;
        Ok(peer)
    }
}

/// A content that its peer has not acknowledged.
#[derive(Clone)]
pub(super) struct Pending {
    pub(super) id: ContentId,
    pub(super) content: Zeroizing<Vec<u8>>,
    /// The session on which it was sealed last.
    pub(super) session: SessionId,
    /// Epoch and number there; none once the peer said that it never came.
    pub(super) position: Option<(u32, u32)>,
    /// How often it was sealed again on that session.
    pub(super) repeats: u8,
    pub(super) since: Timestamp,
}

impl Pending {
    pub(super) fn store(&self, peer: &Address) -> Zeroizing<Vec<u8>> {
        let mut out = Writer::new(self.content.len() + 256);
        out.bytes(peer.as_str().as_bytes())
            .raw(&self.id.0)
            .bytes(&self.content)
            .raw(&self.session.0)
            .option(self.position, |out, (epoch, n)| {
                out.u32(epoch).u32(n);
            })
            .u8(self.repeats)
            .time(self.since);
        out.finish()
    }

    pub(super) fn load(bytes: &[u8]) -> Result<(Address, Self), DecodeError> {
        let mut input = Record::new(bytes)?;
        let peer = Address::from_wire(input.bytes()?)?;
        let pending = Self {
            id: ContentId(input.array()?),
            content: Zeroizing::new(input.bytes()?.to_vec()),
            session: SessionId(input.array()?),
            position: input.option(|input| Ok((input.u32()?, input.u32()?)))?,
            repeats: input.u8()?,
            since: input.time()?,
        };
        input.finish()?;
        Ok((peer, pending))
    }
}
