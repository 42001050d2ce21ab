//! Chain keys: a step yields a message key and the next chain key, and the old one is gone.

use super::{MessageKey, Tag};
use crate::primitives::kdf::MacKey;
use crate::primitives::secret::Secret;
use crate::primitives::truncate;

/// The key of a chain at one position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainKey(pub(crate) Secret<32>);

impl ChainKey {
    pub(crate) const fn new(key: Secret<32>) -> Self {
        Self(key)
    }

    /// `mk = HMAC(ck, 0x01)`, `ck' = HMAC(ck, 0x02)`.
    #[must_use]
    pub fn next(self) -> (MessageKey, Self) {
        let key = MacKey::new(self.0.expose());
        let derive = |step: u8| Secret::new(*key.mac(&[&[step]]));
        (MessageKey::new(derive(1)), Self(derive(2)))
    }
}

/// The key of the tags of one direction in one epoch. A receiver tries up to 64 numbers with it, so it is kept ready to use.
#[derive(Clone, Debug)]
pub struct TagKey {
    key: Secret<32>,
    mac: MacKey,
}

impl TagKey {
    pub(crate) fn new(key: Secret<32>) -> Self {
        let mac = MacKey::new(key.expose());
        Self { key, mac }
    }

    /// The bytes, for storage.
    pub(crate) const fn secret(&self) -> &Secret<32> {
        &self.key
    }

    /// Tag of the plain envelope with number `n`: `HMAC(tk, u32 n)[..16]`.
    #[must_use]
    pub fn tag(&self, n: u32) -> Tag {
        truncate(&self.mac.mac(&[&n.to_be_bytes()]))
    }
}

impl PartialEq for TagKey {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}
impl Eq for TagKey {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_keys_are_equal_when_their_bytes_are() {
        let key = |byte| TagKey::new(Secret::new([byte; 32]));
        assert!(key(1) == key(1) && key(1) != key(2));
    }
}
