//! Messages as records: what the history shows, and both ends' halves of a limited message.

use std::fmt;

use minicbor::{Decode, Encode};
use protocol::address::Address;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::gate::{GateDeposit, Head, LimitMode, ObliviousHalf};
use super::message_id::MessageId;
use super::record::{Record, record};
use super::{Kind, VaultError};

/// Longest reason kept with a failed message, in bytes: a sentence, whatever a relay answers.
const MAX_REASON: usize = 300;

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Direction {
    /// From the peer to us.
    #[n(0)]
    Incoming,
    /// From us to the peer.
    #[n(1)]
    Outgoing,
}

/// How far a message has come.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum MessageState {
    /// Ours: in the outbox, not yet confirmed by the relay.
    #[n(0)]
    Queued,
    /// Ours: the relay has it. More is not known: it may have arrived, or have expired or been cleared unread.
    #[n(1)]
    Sent,
    /// Ours: the peer's client opened the envelope, as a receipt or an acknowledgement of this very message says.
    #[n(2)]
    Delivered,
    /// Ours: refused for good; the reason is the relay's, in words.
    #[n(3)]
    Failed(#[n(0)] String),
    /// Theirs: received, not shown yet.
    #[n(4)]
    New,
    /// Theirs: shown (a limited message: listed; that costs no play).
    #[n(5)]
    Seen,
    /// Ours: the peer says that it was shown.
    #[n(6)]
    Read,
}

impl MessageState {
    /// A failure with a bounded reason.
    #[must_use]
    pub fn failed(reason: &str) -> Self {
        let mut end = reason.len().min(MAX_REASON);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        Self::Failed(reason[..end].to_owned())
    }

    /// One word for each state, as `--json` prints it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Failed(_) => "failed",
            Self::New => "new",
            Self::Seen => "seen",
            Self::Read => "read",
        }
    }
}

/// Why a limited message opens no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Ended {
    /// Every play is used.
    #[n(0)]
    Exhausted,
    /// The sender took it back.
    #[n(1)]
    Revoked,
    /// Its time is over.
    #[n(2)]
    Expired,
}

/// What is known about a limited message; the same for both ends.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LimitedTerms {
    /// How often it may be opened.
    #[n(0)]
    pub limit: u8,
    /// When the relay drops it, in milliseconds since the epoch.
    #[n(1)]
    pub expires_at: Option<u64>,
    /// Plays that this client knows of.
    #[n(2)]
    pub used: u8,
    /// Why it opens no more, when that is known. In oblivious mode it is never [`Ended::Exhausted`]: nothing depends on what only we know.
    #[n(3)]
    pub ended: Option<Ended>,
    /// How the limit is enforced.
    #[n(4)]
    pub mode: LimitMode,
}

/// The recipient's half of a limited message. Never the play share, never the plaintext.
#[derive(Clone, PartialEq, Eq, Encode, Decode, Zeroize, ZeroizeOnDrop)]
#[cbor(map)]
pub struct SealedBody {
    /// License id: our mailbox id and sixteen random bytes of the sender.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub license: [u8; 32],
    /// What entitles to ask for a play.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub play_capability: [u8; 32],
    /// The half of the content key that came with the message.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub content_share: [u8; 32],
    /// Commitment to the content key.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub commit: [u8; 32],
    /// The encoded policy: authenticated with the ciphertext.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub policy: Vec<u8>,
    /// What opens with both halves.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub ciphertext: Vec<u8>,
    /// The play that was asked for and not finished: asked again under the same id it costs nothing.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub pending_play: Option<[u8; 16]>,
    /// What an oblivious limit needs besides.
    #[n(7)]
    pub oblivious: Option<ObliviousHalf>,
}

impl fmt::Debug for SealedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedBody")
            .field("ciphertext_len", &self.ciphertext.len())
            .finish_non_exhaustive()
    }
}

/// What a message says.
#[allow(
    clippy::large_enum_variant,
    reason = "records are read one by one; a box would be one more place to erase secrets in"
)]
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub enum MessageBody {
    /// Plain text.
    #[n(0)]
    Text(#[n(0)] String),
    /// Play-limited. The sender keeps the terms alone; the recipient also what it needs to play.
    #[n(1)]
    Limited(#[n(0)] LimitedTerms, #[n(1)] Option<SealedBody>),
    /// A kind of content that this version cannot show.
    #[n(2)]
    Unknown,
}

impl fmt::Debug for MessageBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Limited(terms, _) => write!(f, "Limited({terms:?})"),
            Self::Unknown => f.write_str("Unknown"),
        }
    }
}

/// A message in the history.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct StoredMessage {
    /// Its id, the same at both ends.
    #[n(0)]
    pub id: MessageId,
    /// The other person's address.
    #[n(1)]
    pub peer: Address,
    /// Which way.
    #[n(2)]
    pub direction: Direction,
    /// When the sender says it was sent: a claim. Never later than `received_at`.
    #[n(3)]
    pub sent_at: u64,
    /// When this client stored it.
    #[n(4)]
    pub received_at: u64,
    /// How far it has come.
    #[n(5)]
    pub state: MessageState,
    /// What it says.
    #[n(6)]
    pub body: MessageBody,
}

/// What the sender of a limited message keeps.
#[derive(Clone, Encode, Decode, Zeroize, ZeroizeOnDrop)]
#[cbor(map)]
pub struct License {
    /// License id on the wire.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub id: [u8; 32],
    /// How often it may be opened.
    #[n(1)]
    pub plays: u8,
    /// When the relay drops it, in milliseconds since the epoch.
    #[n(2)]
    pub expires_at: u64,
    /// The play share, to place at the relay; forgotten as soon as the peer acknowledged the message, or when it was revoked unsent.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub share: Option<[u8; 32]>,
    /// SHA-256 of the recipient's capability.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub play_capability_hash: [u8; 32],
    /// Our own capability: to read the count and to take the message back.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub owner_capability: [u8; 32],
    /// What an oblivious license needs besides.
    #[n(6)]
    pub oblivious: Option<GateDeposit>,
    /// The last receipt that the recipient told us of.
    #[n(7)]
    pub told: Option<Head>,
    /// The last receipt that the relay showed us.
    #[n(8)]
    pub shown: Option<Head>,
}

impl fmt::Debug for License {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("License")
            .field("plays", &self.plays)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

record!(StoredMessage, Message, "message");
record!(License, License, "license");
