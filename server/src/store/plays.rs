//! What goes into the store's verbs about plays and what comes out of them.
//!
//! A play is two verbs: one looks, one commits. In between the answer is computed and its receipt signed, which takes longer than the writer may be
//! held. The second compares the number of plays with what the first saw, so that nothing was in between.

use playgate::{PlayLimit, PlayShare};
use protocol::Timestamp;
use zeroize::Zeroizing;

use crate::model::{Bytes32, GateKeyId, LicenseId};
use crate::store::mail::LicenseState;

/// A request to play, the capability already hashed.
#[derive(Debug, Clone)]
pub struct PlayLookup {
    /// Of which license.
    pub license: LicenseId,
    /// SHA-256 of the capability that was shown.
    pub capability_hash: Bytes32,
    /// The id that makes a repetition free.
    pub play: [u8; 16],
    /// Hash of the request.
    pub request_hash: Bytes32,
    /// Now.
    pub now: Timestamp,
}

/// What a request to play meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlayFound {
    /// It was answered before, with this.
    Answered(PlayAnswer),
    /// It can be answered.
    Open(Box<OpenLicense>),
    /// Answered before, and the answer was shredded.
    AnswerGone,
    /// The play id was used with another request.
    Conflict,
    /// Every play is spent.
    Exhausted,
    /// Taken back.
    Revoked,
    /// Past its time.
    Expired,
    /// No such license, or not its capability.
    NoSuchLicense,
}

/// An answer as it is kept for repetitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlayAnswer {
    /// Which play this was, from 1.
    pub number: u64,
    /// How many in all; 0 in oblivious mode.
    pub limit: u8,
    /// The share, or the release.
    pub content: Zeroizing<Vec<u8>>,
    /// The signed receipt.
    pub receipt: Vec<u8>,
}

/// A license that can be played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenLicense {
    /// How many plays were answered so far.
    pub number: u64,
    /// The receipt of the last of them.
    pub last_receipt: Option<Vec<u8>>,
    /// The relay's half of the content key.
    pub share: PlayShare,
    /// How it is limited.
    pub gate: OpenGate,
}

/// How a license that can be played is limited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenGate {
    /// The relay counts to this.
    Counted(PlayLimit),
    /// The relay computes under this key on this state.
    Oblivious {
        /// The key.
        gate_key: GateKeyId,
        /// The encrypted counter.
        state: Vec<u8>,
    },
}

/// An answer that is to become durable.
#[derive(Debug, Clone)]
pub struct PlayCommit {
    /// Of which license.
    pub license: LicenseId,
    /// The play's id.
    pub play: [u8; 16],
    /// Hash of the request.
    pub request_hash: Bytes32,
    /// Which play this is: one more than were answered when the license was looked at.
    pub number: u64,
    /// What changes in the license.
    pub turn: Turn,
    /// The signed receipt.
    pub receipt: Vec<u8>,
    /// Until when the answer is kept for repetitions.
    pub answer_until: Timestamp,
    /// When the tombstone goes, should this be the last play.
    pub forget_at: Timestamp,
    /// Now.
    pub now: Timestamp,
}

/// What a play changes.
#[derive(Debug, Clone)]
pub enum Turn {
    /// The counter.
    Counted,
    /// The encrypted counter.
    Oblivious {
        /// The new one.
        state: Vec<u8>,
        /// Whether nothing of this play is due any more.
        folded: bool,
        /// The answer.
        release: Vec<u8>,
    },
}

/// How a commit went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// It is durable, and may be revealed.
    Done,
    /// The license is not any more as it was seen; nothing changed. Look again.
    Lost,
}

/// The deferred half of a play, done.
#[derive(Debug, Clone)]
pub struct FoldCommit {
    /// Of which license.
    pub license: LicenseId,
    /// How many plays were answered when it was begun.
    pub number: u64,
    /// The state.
    pub state: Vec<u8>,
}

/// A license as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicenseView {
    /// How it is limited.
    pub limit: LimitView,
    /// Plays answered; in oblivious mode granted or not.
    pub requests: u64,
    /// What can still be done.
    pub state: LicenseState,
    /// When it expires.
    pub expires: Timestamp,
    /// The receipt of the last play.
    pub receipt: Option<Vec<u8>>,
}

/// What its owner can know of a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitView {
    /// Plays allowed.
    Counted(u8),
    /// What only the owner can read.
    Oblivious {
        /// The greatest limit that the ciphertext can hold.
        class: u8,
        /// The encrypted counter; none when the license is over.
        state: Option<Vec<u8>>,
    },
}
