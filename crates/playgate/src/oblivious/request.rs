//! What the recipient asks with.

use super::PAD_SLOTS;
use super::lwe::{Lwe, SEED_LEN, expand};
use super::wire::{VERSION, WireError, exactly};

/// A request to play: real or decoy, and only the recipient can tell.
///
/// ```text
/// padded:  version ‖ 0 ‖ slot ‖ bit        bit = want ⊕ pad bit of the slot
/// sealed:  version ‖ 1 ‖ seed[16] ‖ u64le body
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PlayRequest(pub(crate) Form);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Padded { slot: u8, bit: bool },
    Sealed { seed: [u8; SEED_LEN], body: u64 },
}

const PADDED: u8 = 0;
const SEALED: u8 = 1;
const PADDED_LEN: usize = 4;

/// Bytes of the longer wire form.
pub const MAX_REQUEST_LEN: usize = 2 + SEED_LEN + 8;

impl PlayRequest {
    /// The slot of a padded request.
    #[must_use]
    pub fn slot(&self) -> Option<u16> {
        match self.0 {
            Form::Padded { slot, .. } => Some(slot.into()),
            Form::Sealed { .. } => None,
        }
    }

    /// The wire form: at most [`MAX_REQUEST_LEN`] bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self.0 {
            Form::Padded { slot, bit } => vec![VERSION, PADDED, slot, bit.into()],
            Form::Sealed { seed, body } => {
                let mut out = vec![VERSION, SEALED];
                out.extend(seed);
                out.extend(body.to_le_bytes());
                out
            }
        }
    }

    /// Reads the wire form.
    ///
    /// # Errors
    /// [`WireError`] for anything that [`PlayRequest::to_bytes`] does not write. Every torus point is a sealed request.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let sealed = bytes.get(1) == Some(&SEALED);
        let mut reader = exactly(bytes, if sealed { MAX_REQUEST_LEN } else { PADDED_LEN })?;
        reader.version()?;
        let form = match reader.byte()? {
            PADDED => Form::Padded {
                slot: reader.byte()?,
                bit: reader.flag()?,
            },
            SEALED => Form::Sealed {
                seed: reader.array()?,
                body: u64::from_le_bytes(reader.array()?),
            },
            _ => return Err(WireError::Field),
        };
        if matches!(form, Form::Padded { slot, .. } if u16::from(slot) >= PAD_SLOTS) {
            return Err(WireError::Field);
        }
        Ok(Self(form))
    }
}

/// The ciphertext of a sealed request.
pub(crate) fn sealed_lwe(seed: [u8; SEED_LEN], body: u64) -> Lwe {
    expand(seed, body)
}
