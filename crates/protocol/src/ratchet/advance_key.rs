//! Advance keys: how a boxed envelope is found and read whatever was lost before it.

use super::{Direction, EnvelopeId, Tag};
use crate::labels;
use crate::primitives::aead::BoxKey;
use crate::primitives::kdf::{expand, hmac};
use crate::primitives::secret::Secret;
use crate::primitives::truncate;
use crate::wire::Put;

/// Which kind of envelope a header box belongs to; a byte of its key derivation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A boxed envelope of a direction: 0 or 1.
    Boxed(Direction),
    /// A first envelope: 2.
    First,
}

impl Form {
    const fn byte(self) -> u8 {
        match self {
            Self::Boxed(direction) => direction.byte(),
            Self::First => 2,
        }
    }
}

/// `adv_e`. It opens message numbers and public header values only, never content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdvanceKey(pub(crate) Secret<32>);

impl AdvanceKey {
    pub(crate) const fn new(key: Secret<32>) -> Self {
        Self(key)
    }

    /// Tag of a boxed envelope: `HMAC(atk, envelope_id)[..16]`, `atk = HKDF-Expand(adv, lp("latchkey/1/adv-tag") ‖ u8 dir, 32)`.
    #[must_use]
    pub fn tag(&self, direction: Direction, id: &EnvelopeId) -> Tag {
        let mut info = Vec::with_capacity(32);
        info.put_lp(labels::ADVANCE_TAG).put_u8(direction.byte());
        truncate(&hmac(&expand::<32>(self.0.expose(), &info), &[id]))
    }

    /// Key and nonce of a header box: `HKDF-Expand(adv, lp("latchkey/1/adv-hdr") ‖ u8 form ‖ envelope_id, 44)`.
    #[must_use]
    pub fn box_key(&self, form: Form, id: &EnvelopeId) -> BoxKey {
        let mut info = Vec::with_capacity(48);
        info.put_lp(labels::ADVANCE_HEADER).put_u8(form.byte()).put(id);
        BoxKey::new(expand(self.0.expose(), &info))
    }
}
