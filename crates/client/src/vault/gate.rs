//! What the vault remembers about oblivious limits, and about the receipts that a relay signs for plays in either mode.

use std::fmt;

use minicbor::{Decode, Encode};
use protocol::address::Address;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::record::record;
use super::{Kind, MessageId, Record, VaultError};

/// How a limit is enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum LimitMode {
    /// The relay counts.
    #[n(0)]
    Counted,
    /// The relay computes on a ciphertext and learns neither limit nor count nor outcome.
    #[n(1)]
    Oblivious,
}

impl LimitMode {
    /// One word, as `--json` prints it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Oblivious => "oblivious",
        }
    }
}

/// A gate key of ours: the secret with which limits are sealed and counts are read. Filed under its id at the relay.
#[derive(Clone, Encode, Decode, Zeroize, ZeroizeOnDrop)]
#[cbor(map)]
pub struct GateKeyRecord {
    /// The secret, as `playgate::oblivious::GateKey` stores itself.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub secret: Vec<u8>,
    /// Entitles to attach licenses to the key at the relay.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub capability: [u8; 32],
    /// When it was made, in milliseconds since the epoch.
    #[n(2)]
    pub created_at: u64,
    /// Whether the relay has the evaluation key, as far as we know.
    #[n(3)]
    pub uploaded: bool,
    /// The contact whose messages alone use it; the general key when absent.
    #[n(4)]
    #[zeroize(skip)]
    pub contact: Option<Address>,
    /// No new license is sealed with it; it is kept to read the counts of those that it sealed.
    #[n(5)]
    pub retired: bool,
    /// A retired key whose deletion the relay has confirmed.
    #[n(6)]
    pub deleted: bool,
}

impl fmt::Debug for GateKeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GateKeyRecord")
            .field("created_at", &self.created_at)
            .field("uploaded", &self.uploaded)
            .field("retired", &self.retired)
            .finish_non_exhaustive()
    }
}

/// What the sender deposits with an oblivious license, and needs to read its count.
#[derive(Clone, Encode, Decode, Zeroize, ZeroizeOnDrop)]
#[cbor(map)]
pub struct GateDeposit {
    /// The gate key that sealed it.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub gate_key: [u8; 16],
    /// That key's write capability.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub capability: [u8; 32],
    /// The sealed counter.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub counter: Vec<u8>,
}

/// A request to play that was made and not finished: repeated byte for byte, under the same id.
#[derive(Clone, PartialEq, Eq, Encode, Decode, Zeroize, ZeroizeOnDrop)]
#[cbor(map)]
pub struct PendingRequest {
    /// The play id.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub id: [u8; 16],
    /// The request.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub request: Vec<u8>,
    /// The last receipt's number when it was made: its own receipt has a greater one.
    #[n(2)]
    pub after: u64,
}

/// The recipient's half of an oblivious limit, besides what every limit has.
#[derive(Clone, PartialEq, Eq, Encode, Decode, Zeroize, ZeroizeOnDrop)]
#[cbor(map)]
pub struct ObliviousHalf {
    /// Opens the relay's answers.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub opening_key: Vec<u8>,
    /// Hides the first requests.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub pad_key: [u8; 32],
    /// The first slot of the pad that no play id has used. It only grows.
    #[n(2)]
    pub next_slot: u16,
    /// A play that was asked for and not finished.
    #[n(3)]
    pub play: Option<PendingRequest>,
    /// A decoy that was asked for and not answered.
    #[n(4)]
    pub decoy: Option<PendingRequest>,
    /// Decoys made so far.
    #[n(5)]
    pub decoys: u16,
}

/// A receipt, by number and digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Zeroize)]
#[cbor(map)]
pub struct Head {
    /// Which play of the license, from 1.
    #[n(0)]
    pub number: u64,
    /// The receipt's digest.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub digest: [u8; 32],
}

/// The last receipt for a license that we play. Filed under the license id.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub struct PlayChain {
    /// Who gave the license.
    #[n(0)]
    pub peer: Address,
    /// The receipt as the relay signed it: evidence.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub receipt: Vec<u8>,
    /// What it says.
    #[n(2)]
    pub head: Head,
}

/// The answer to a play that the relay may forget.
#[derive(Clone, Encode, Decode, Zeroize, ZeroizeOnDrop)]
#[cbor(map)]
pub struct Unconfirmed {
    /// The license.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub license: [u8; 32],
    /// The play.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub play: [u8; 16],
    /// Entitles to confirm it.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub capability: [u8; 32],
}

/// Something that the relay signed, or did not, and should have.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub struct RelayFault {
    /// The message whose plays are concerned.
    #[n(0)]
    pub id: MessageId,
    /// What is wrong, in words.
    #[n(1)]
    pub reason: String,
}

/// What plays leave for the next round of receiving. One record, so that a round that has nothing of it to do reads one record.
#[derive(Clone, Default, Encode, Decode)]
#[cbor(map)]
pub struct AfterPlays {
    /// Answers that are to be confirmed.
    #[n(0)]
    pub unconfirmed: Vec<Unconfirmed>,
    /// Licenses whose givers are to be told the last receipt.
    #[n(1)]
    pub untold: Vec<LicenseKey>,
    /// What the user is to be told.
    #[n(2)]
    pub faults: Vec<RelayFault>,
}

impl fmt::Debug for AfterPlays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AfterPlays")
            .field("unconfirmed", &self.unconfirmed.len())
            .field("untold", &self.untold.len())
            .field("faults", &self.faults.len())
            .finish()
    }
}

/// A license id in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct LicenseKey(#[cbor(with = "minicbor::bytes")] pub [u8; 32]);

/// Whether decoys are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Decoys {
    /// They are.
    #[n(0)]
    pub on: bool,
}

/// The relay's own key, checked against the pinned fingerprint when it was stored.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub struct RelayKey {
    /// The encoding.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub key: Vec<u8>,
}

record!(GateKeyRecord, GateKey, "gate-key");
record!(PlayChain, PlayChain, "play-chain");
record!(AfterPlays, Setting, "after-plays");
record!(Decoys, Setting, "decoys");
record!(RelayKey, Setting, "relay-key");
