//! The keys of a session, one kind a file. Each arrow consumes its origin:
//!
//! ```text
//!  root_{e-1} ──ss_e──► root_e ─┬─► chain i→r ──► mk_0, mk_1, …       one message key an envelope
//!                               ├─► chain r→i ──► mk_0, mk_1, …
//!                               ├─► tag keys                          how a plain envelope is recognised
//!                               └─► adv_e                             how a boxed envelope is recognised, and hides its header
//! ```

mod advance_key;
mod chain_key;
mod message_key;
mod root_key;
mod skipped_keys;

pub use advance_key::{AdvanceKey, Form};
pub use chain_key::{ChainKey, TagKey};
pub use message_key::MessageKey;
pub use root_key::{EpochKeys, RootKey};
pub use skipped_keys::{MAX_KEPT_OF_JUMP, MAX_SKIPPED, SKIPPED_EPOCHS, SKIPPED_LIFETIME, SkippedKey, SkippedKeys};

/// Bytes of the tag by which a receiver recognises an envelope.
pub const TAG_LENGTH: usize = 16;
/// Bytes of an envelope's id.
pub const ENVELOPE_ID_LENGTH: usize = 16;

/// A tag.
pub type Tag = [u8; TAG_LENGTH];
/// An envelope's id: random, and inside the derivation of its keys, so that a state restored from a backup never repeats (key, nonce).
pub type EnvelopeId = [u8; ENVELOPE_ID_LENGTH];

/// Which of the two parties of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Made the handshake.
    Initiator,
    /// Accepted it.
    Responder,
}

impl Role {
    /// The direction in which this party sends.
    #[must_use]
    pub const fn sends(self) -> Direction {
        match self {
            Self::Initiator => Direction::InitiatorToResponder,
            Self::Responder => Direction::ResponderToInitiator,
        }
    }

    /// The direction from which this party receives.
    #[must_use]
    pub const fn receives(self) -> Direction {
        self.sends().reverse()
    }

    /// Who authors the header of an epoch: the responder the odd ones, the initiator the even ones from 2 on.
    #[must_use]
    pub const fn authors(self, epoch: u32) -> bool {
        epoch.is_multiple_of(2) == matches!(self, Self::Initiator)
    }
}

/// The direction of a message within its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the initiator to the responder; 0 in every encoding.
    InitiatorToResponder,
    /// From the responder to the initiator; 1 in every encoding.
    ResponderToInitiator,
}

impl Direction {
    /// The byte that stands for the direction in tags, forms and associated data.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::InitiatorToResponder => 0,
            Self::ResponderToInitiator => 1,
        }
    }

    /// The other direction.
    #[must_use]
    pub const fn reverse(self) -> Self {
        match self {
            Self::InitiatorToResponder => Self::ResponderToInitiator,
            Self::ResponderToInitiator => Self::InitiatorToResponder,
        }
    }
}
