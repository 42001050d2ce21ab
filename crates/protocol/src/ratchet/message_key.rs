//! Message keys: one for each message, used once.

use crate::labels;
use crate::primitives::aead::{CommittedKey, OpenError};
use crate::primitives::kdf::{expand, hmac};
use crate::primitives::secret::{Secret, SecretBytes};
use crate::primitives::{sha256, truncate};
use crate::ratchet::EnvelopeId;
use crate::wire::Put;

/// The key of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageKey(pub(crate) Secret<32>);

impl MessageKey {
    pub(crate) const fn new(key: Secret<32>) -> Self {
        Self(key)
    }

    /// `HKDF-Expand(mk, lp("latchkey/1/msg-key") ‖ SHA-256(AAD), 64) = key[32] ‖ commitment[32]`.
    fn derive(self, aad: &[u8]) -> CommittedKey {
        let mut info = Vec::with_capacity(64);
        info.put_lp(labels::MESSAGE_KEY).put(&sha256(aad));
        CommittedKey::new(expand(self.0.expose(), &info))
    }

    /// An envelope's id: `HMAC(mk, lp("latchkey/1/envelope-id") ‖ random[32] ‖ SHA-256(inner))[..16]`. It is inside of every further derivation. Randomness that
    /// repeats, as when a snapshot of a machine runs twice, so gives two texts two ids, and with them two keys.
    #[must_use]
    pub fn envelope_id(&self, random: &[u8; 32], inner: &[u8]) -> EnvelopeId {
        let mut label = Vec::with_capacity(32);
        label.put_lp(labels::ENVELOPE_ID);
        truncate(&hmac(self.0.expose(), &[&label, random, &sha256(inner)]))
    }

    /// Appends `commitment ‖ AES-GCM(inner)` to `out`.
    #[must_use]
    pub fn seal(self, aad: &[u8], inner: &[u8], out: Vec<u8>) -> Vec<u8> {
        self.derive(aad).seal(aad, inner, out)
    }

    /// Opens `commitment ‖ AES-GCM(inner)`.
    ///
    /// # Errors
    /// [`OpenError`] when anything differs.
    pub fn open(self, aad: &[u8], sealed: &[u8]) -> Result<SecretBytes, OpenError> {
        self.derive(aad).open(aad, sealed)
    }
}
