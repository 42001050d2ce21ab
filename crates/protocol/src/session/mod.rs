//! One session: two chains an epoch, an alternating KEM ratchet, and a receiver that either opens an envelope or changes nothing.
//!
//! Not its concern: which of several sessions with a peer sends, what is sent again, who is trusted ([`crate::party`]); how a session begins
//! ([`crate::handshake`]).
//!
//! ```text
//!            my turn (I hold the peer's key)                      the peer's turn (I hold my secret key)
//!   ┌──────────────────────────────────────────┐  ADVANCE   ┌──────────────────────────────────────────┐
//!   │ Turn::Mine { peer_key }                   ├───────────►│ Turn::Theirs { own_key }, header repeated │
//!   │ responder at first, even e: initiator ... │◄───────────┤ until the peer is heard in the new epoch  │
//!   └──────────────────────────────────────────┘  a header  └──────────────────────────────────────────┘
//! ```

mod missing;
mod receive;
mod send;
mod stored;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use missing::Missing;
pub use receive::Gap;
pub(crate) use receive::{CannotOpen, Decrypted};

use crate::envelope::HEADER_LENGTH;
use crate::identity::{Fingerprint, IdentityKey, SIGNATURE_LENGTH};
use crate::inner::Acknowledgement;
use crate::primitives::kem::{KemPublicKey, KemSecretKey};
use crate::ratchet::{AdvanceKey, ChainKey, Direction, EpochKeys, Role, RootKey, SkippedKeys, TagKey};
use crate::time::Timestamp;

/// Messages in one chain, at most. At its end the messenger starts a new handshake; a number beyond is refused.
pub const MAX_CHAIN: u32 = 1 << 15;
/// Numbers ahead of a chain that are looked for by tag; beyond them the sender boxes its number.
pub(crate) const WINDOW: u32 = 64;

/// Names a session: the first 32 bytes of T1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub(crate) [u8; 32]);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

/// What a session may still do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Sends and receives.
    Active,
    /// Receives only: its state is known to be an old one.
    ReceiveOnly,
    /// Two different headers were seen for one epoch: somebody works with a copy of a state.
    Forked,
    /// Begun by us while our clock was ahead, with a date that the peer takes for one to come. Receives only, and ranks below every other session, until the peer is
    /// heard in it: then the peer has it, and it is Active again.
    SetAside,
}

/// When a party advances the ratchet on its turn: after this many of its own messages, or this long after its last advance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RekeyPolicy {
    /// Own messages.
    pub messages: u32,
    /// Time.
    pub after: Duration,
}

impl Default for RekeyPolicy {
    /// 20 messages or an hour: an advance costs 3.2 KB, so a steady conversation pays about 160 bytes a message for healing that soon.
    fn default() -> Self {
        Self {
            messages: 20,
            after: Duration::from_secs(3600),
        }
    }
}

/// The header of an epoch: `ct[1600] ‖ new public key[1600]`.
pub(crate) type Header = [u8; HEADER_LENGTH];

/// The responder's signature over its first advance.
pub(crate) type AdvanceSignature = [u8; SIGNATURE_LENGTH];

/// An advance of mine, as it is repeated until the peer is heard in its epoch.
#[derive(Clone)]
pub(crate) struct OwnAdvance {
    pub(crate) header: Arc<Header>,
    /// On a responder's first.
    pub(crate) signature: Option<Arc<AdvanceSignature>>,
}

/// Whose turn it is to advance, and what that party holds for it.
#[derive(Clone)]
pub(crate) enum Turn {
    /// Mine: the peer's public key.
    Mine { peer_key: KemPublicKey },
    /// The peer's: the secret half of the key that I sent.
    Theirs { own_key: KemSecretKey },
}

#[derive(Clone)]
pub(crate) struct SendChain {
    pub(crate) key: ChainKey,
    pub(crate) tags: TagKey,
    pub(crate) n: u32,
}

#[derive(Clone)]
pub(crate) struct ReceiveChain {
    pub(crate) key: ChainKey,
    pub(crate) tags: TagKey,
    pub(crate) n: u32,
}

/// A session's whole state. All of it is secret; nothing of it prints.
#[derive(Clone)]
pub struct Session {
    pub(crate) id: SessionId,
    pub(crate) role: Role,
    pub(crate) own: Fingerprint,
    pub(crate) peer: Fingerprint,
    /// The responder's key, with the initiator and until the responder is heard: its first advance is signed.
    pub(crate) peer_identity: Option<IdentityKey>,
    pub(crate) created_at: Timestamp,
    pub(crate) status: Status,
    /// Preamble and identity box, byte for byte as first sent; gone once the peer is heard.
    pub(crate) first: Option<Arc<[u8]>>,
    pub(crate) epoch: u32,
    pub(crate) root: RootKey,
    pub(crate) advance_keys: BTreeMap<u32, AdvanceKey>,
    pub(crate) send: SendChain,
    /// My message counts in epoch − 1 and epoch − 2.
    pub(crate) sent_before: (u32, u32),
    /// End of the highest acknowledgement from the peer: it has been through earlier epochs, and numbers below the count in this one.
    pub(crate) acknowledged: (u32, u32),
    pub(crate) header_hashes: BTreeMap<u32, [u8; 64]>,
    pub(crate) receive: BTreeMap<u32, ReceiveChain>,
    pub(crate) skipped: SkippedKeys,
    /// What of the peer's messages is missing and has to be told.
    pub(crate) missing: Missing,
    pub(crate) turn: Turn,
    /// My advance into the current epoch, repeated until the peer is heard in it.
    pub(crate) header: Option<OwnAdvance>,
    /// Highest epoch in which the peer was authenticated.
    pub(crate) heard: Option<u32>,
    /// My own messages since my last advance, and when that was.
    pub(crate) since: (u32, Timestamp),
}

/// What a handshake hands to a new session.
pub(crate) struct Beginning {
    pub(crate) id: SessionId,
    pub(crate) role: Role,
    pub(crate) own: Fingerprint,
    pub(crate) peer: Fingerprint,
    /// With the initiator.
    pub(crate) peer_identity: Option<IdentityKey>,
    pub(crate) created_at: Timestamp,
    pub(crate) first: Option<Arc<[u8]>>,
    pub(crate) keys: EpochKeys,
    pub(crate) turn: Turn,
    pub(crate) now: Timestamp,
}

impl Session {
    pub(crate) fn begin(beginning: Beginning) -> Self {
        let Beginning {
            id,
            role,
            own,
            peer,
            peer_identity,
            created_at,
            first,
            keys,
            turn,
            now,
        } = beginning;
        let (root, (send, send_tags), (receive, receive_tags), advance) = keys.split(role.sends());
        Self {
            id,
            role,
            own,
            peer,
            peer_identity,
            created_at,
            status: Status::Active,
            first,
            epoch: 0,
            root,
            advance_keys: BTreeMap::from([(0, advance)]),
            send: SendChain {
                key: send,
                tags: send_tags,
                n: 0,
            },
            sent_before: (0, 0),
            acknowledged: (0, 0),
            header_hashes: BTreeMap::new(),
            receive: match role {
                // The responder advances before it sends, and signs that. What came in epoch 0 would be by who has the prekeys alone: there is no chain to receive it.
                Role::Initiator => BTreeMap::new(),
                Role::Responder => BTreeMap::from([(
                    0,
                    ReceiveChain {
                        key: receive,
                        tags: receive_tags,
                        n: 0,
                    },
                )]),
            },
            skipped: SkippedKeys::default(),
            missing: Missing::default(),
            turn,
            header: None,
            // A responder has, by opening the handshake, heard the initiator in epoch 0.
            heard: matches!(role, Role::Responder).then_some(0),
            since: (0, now),
        }
    }

    /// The session's id.
    #[must_use]
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// The current epoch.
    #[must_use]
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// What it may still do.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.status
    }

    /// The order in which sessions with a peer supersede each other: the greatest sends.
    pub(crate) const fn rank(&self) -> (Timestamp, SessionId) {
        (self.created_at, self.id)
    }

    /// What the responder signs of its first advance: `session id[32] ‖ H(header)[64]`. The id names the transcript, and with it both identities and the prekeys.
    fn first_advance_payload(&self, header_hash: &[u8; 64]) -> Vec<u8> {
        [&self.id.0[..], header_hash].concat()
    }

    /// Enters the epoch that `keys` begin: what it replaces is erased.
    fn enter(&mut self, keys: EpochKeys, header_hash: [u8; 64]) {
        let (root, (send, send_tags), (receive, receive_tags), advance) = keys.split(self.role.sends());
        self.sent_before = (self.send.n, self.sent_before.0);
        self.epoch += 1;
        self.root = root;
        self.send = SendChain {
            key: send,
            tags: send_tags,
            n: 0,
        };
        self.receive.insert(
            self.epoch,
            ReceiveChain {
                key: receive,
                tags: receive_tags,
                n: 0,
            },
        );
        self.advance_keys.insert(self.epoch, advance);
        self.header_hashes.insert(self.epoch, header_hash);
    }

    /// The inner acknowledgement: up to (0, 0) when nothing was heard.
    pub(crate) fn own_acknowledgement(&self) -> Acknowledgement {
        let end = match self.heard {
            None => (0, 0),
            Some(epoch) => (epoch, self.receive.get(&epoch).map_or(0, |chain| chain.n)),
        };
        Acknowledgement {
            end,
            holes: self.missing.holes(),
        }
    }

    /// Whether an acknowledgement speaks of messages that this state has not sent: then this state is an old copy.
    pub(crate) fn is_beyond_sent(&self, (epoch, count): (u32, u32)) -> bool {
        epoch > self.epoch
            || epoch == self.epoch && count > self.send.n
            || epoch + 1 == self.epoch && count > self.sent_before.0
    }

    /// `lp("latchkey/1/msg") ‖ u8 ver ‖ u8 type ‖ session_id ‖ u8 dir ‖ u32 e ‖ u32 n ‖ envelope_id ‖ tag ‖ fp_from ‖ fp_to ‖ H(hdr_e)`.
    pub(crate) fn message_aad(&self, position: &Position<'_>, header_hash: &[u8; 64]) -> Vec<u8> {
        use crate::wire::Put;
        let Position {
            kind,
            direction,
            epoch,
            n,
            id,
            tag,
        } = position;
        let (from, to) = if *direction == self.role.sends() {
            (self.own, self.peer)
        } else {
            (self.peer, self.own)
        };
        let mut aad = Vec::with_capacity(288);
        aad.put_lp(crate::labels::MESSAGE)
            .put_u8(crate::envelope::VERSION)
            .put_u8(kind.byte())
            .put(&self.id.0)
            .put_u8(direction.byte())
            .put_u32(*epoch)
            .put_u32(*n)
            .put(*id)
            .put(*tag)
            .put(from.as_bytes())
            .put(to.as_bytes())
            .put(header_hash);
        aad
    }
}

/// Where a message stands, for its associated data.
pub(crate) struct Position<'a> {
    pub(crate) kind: crate::envelope::EnvelopeType,
    pub(crate) direction: Direction,
    pub(crate) epoch: u32,
    pub(crate) n: u32,
    pub(crate) id: &'a crate::ratchet::EnvelopeId,
    pub(crate) tag: &'a crate::ratchet::Tag,
}

/// H(∅) = SHA-512 of nothing (FIPS 180-4), which stands for the header of epoch 0. Written out, because every message of epoch 0 needs it.
pub(crate) const EMPTY_HASH: [u8; 64] = [
    0xcf, 0x83, 0xe1, 0x35, 0x7e, 0xef, 0xb8, 0xbd, 0xf1, 0x54, 0x28, 0x50, 0xd6, 0x6d, 0x80, 0x07, 0xd6, 0x20, 0xe4,
    0x05, 0x0b, 0x57, 0x15, 0xdc, 0x83, 0xf4, 0xa9, 0x21, 0xd3, 0x6c, 0xe9, 0xce, 0x47, 0xd0, 0xd1, 0x3c, 0x5d, 0x85,
    0xf2, 0xb0, 0xff, 0x83, 0x18, 0xd2, 0x87, 0x7e, 0xec, 0x2f, 0x63, 0xb9, 0x31, 0xbd, 0x47, 0x41, 0x7a, 0x81, 0xa5,
    0x38, 0x32, 0x7a, 0xf9, 0x27, 0xda, 0x3e,
];

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id)
            .field("role", &self.role)
            .field("epoch", &self.epoch)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}
