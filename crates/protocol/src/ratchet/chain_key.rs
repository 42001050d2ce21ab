//! Chain keys: a step yields a message key and the next chain key, and the old one is gone.

use super::{MessageKey, Tag};
use crate::primitives::kdf::hmac;
use crate::primitives::secret::Secret;
use crate::primitives::truncate;

/// The key of a chain at one position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainKey(pub(crate) Secret<32>);

impl ChainKey {
    pub(crate) const fn new(key: Secret<32>) -> Self {
        Self(key)
    }

    /// `mk = HMAC(ck, 0x01)[..32]`, `ck' = HMAC(ck, 0x02)[..32]`.
    #[must_use]
    pub fn next(self) -> (MessageKey, Self) {
        let derive = |step: u8| Secret::new(truncate(&hmac(self.0.expose(), &[&[step]])));
        (MessageKey::new(derive(1)), Self(derive(2)))
    }
}

/// The key of the tags of one direction in one epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagKey(pub(crate) Secret<32>);

impl TagKey {
    pub(crate) const fn new(key: Secret<32>) -> Self {
        Self(key)
    }

    /// Tag of the plain envelope with number `n`: `HMAC(tk, u32 n)[..16]`.
    #[must_use]
    pub fn tag(&self, n: u32) -> Tag {
        truncate(&hmac(self.0.expose(), &[&n.to_be_bytes()]))
    }
}
