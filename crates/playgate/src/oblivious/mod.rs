//! Play limits that the relay enforces without seeing them.
//!
//! The relay holds the limit as a TFHE ciphertext under the sender's key. A request is a real play or a decoy, which the relay cannot tell; it turns
//! a polynomial by an encrypted number and lets a window of the result out. The recipient finds the share in it when the play was granted and
//! nothing when it was not. The relay sees that a request came: not the limit, not the count, not the outcome.
//!
//! `docs/oblivious-analysis.md` has the argument: what each step computes, its noise and the probability of failure, and who learns what.
//!
//! # A play
//!
//! 1. The sender makes a [`GateKey`], uploads its evaluation key once, deposits a [`SealedCounter`] for each license, and puts the [`OpeningKey`]
//!    and the [`PadKey`] into the envelope.
//! 2. The recipient asks with a [`PlayRequest`]: one bit under a pad that the sender has deposited encrypted; a ciphertext of its own when the pads
//!    are used up.
//! 3. The relay [`play`]s: **one rotation** by `4·want + 2·(something is left)`. The window of the turned polynomial becomes the [`PlayRelease`], and
//!    another coefficient of it is what the play costs. Grant and charge cannot part, because they are two readings of one polynomial.
//! 4. After the answer the relay [`fold`]s: it refreshes the count and finds out, under encryption, whether anything is left. One rotation for
//!    limits to 15, two for limits to 255 and a third every eighth time.
//!
//! The order of the relay and of the client around these calls — commit, then reveal — is theirs to keep.
//!
//! Randomness is handed in. tfhe's generators are seeded from it, and none of tfhe's functions that find entropy by themselves are called.
#![cfg_attr(
    not(all(feature = "client", feature = "relay")),
    allow(
        dead_code,
        reason = "each half of the arithmetic needs a part of it; with both, nothing may be left over"
    )
)]

#[cfg(feature = "relay")]
mod evaluation;
mod evaluation_wire;
#[cfg(feature = "relay")]
mod gate;
#[cfg(feature = "client")]
mod key;
mod license;
mod lwe;
#[cfg(feature = "client")]
mod opening;
#[cfg(feature = "client")]
mod pad;
mod params;
mod release;
mod request;
#[cfg(feature = "client")]
mod secret;
mod state;
mod tables;
#[cfg(test)]
#[cfg(all(feature = "client", feature = "relay"))]
#[path = "../../tests/unit/oblivious/mod.rs"]
mod tests;
mod wire;

#[cfg(feature = "relay")]
pub use evaluation::{EvaluationKey, KeyError};
#[cfg(feature = "relay")]
pub use gate::{PlayError, fold, play};
#[cfg(feature = "client")]
pub use key::{CountError, GateKey};
pub use license::SealedCounter;
#[cfg(feature = "client")]
pub use opening::{OPENING_KEY_LEN, OpeningKey};
#[cfg(feature = "client")]
pub use pad::PadKey;
pub use release::{PlayRelease, RELEASE_LEN};
pub use request::{MAX_REQUEST_LEN, PlayRequest};
pub use state::{CounterView, PlayState};
pub use wire::WireError;

use crate::policy::PlayLimit;

/// Pads of a license, whatever its limit: the number says nothing. As many as fit into a license of 256 bytes.
pub const PAD_SLOTS: u16 = 24;

/// Bytes of a gate key's public name.
pub const GATE_KEY_ID_LEN: usize = 8;

/// How far a counter can count. The relay sees it, because the circuits differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Limits from 1 to 15: one digit.
    To15,
    /// Limits from 1 to 255: two digits.
    To255,
}

impl Class {
    /// The smallest class that holds a limit.
    #[must_use]
    pub fn of(limit: PlayLimit) -> Self {
        if limit.get() < 16 { Self::To15 } else { Self::To255 }
    }

    /// Its number on the wire.
    #[must_use]
    pub fn to_byte(self) -> u8 {
        match self {
            Self::To15 => 0,
            Self::To255 => 1,
        }
    }

    /// The class of a number on the wire. `None`: no class has it.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::To15),
            1 => Some(Self::To255),
            _ => None,
        }
    }
}

/// Which play a release is for: nobody can pass it off as another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlayContext {
    /// The relay's full license id.
    pub license: [u8; 32],
    /// The recipient's play id.
    pub play_id: [u8; 16],
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// A play, if there is one left.
    Play,
    /// Nothing: it hides when plays happen, and never costs one.
    Decoy,
}
