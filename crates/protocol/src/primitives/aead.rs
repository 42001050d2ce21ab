//! AES-256-GCM (NIST SP 800-38D) under keys that are used once, with an explicit key commitment where a recipient may hold several keys.

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::primitives::secret::SecretBytes;

/// Bytes of the tag at the end of a box.
pub const TAG_LENGTH: usize = 16;
/// Bytes of a key commitment.
pub const COMMITMENT_LENGTH: usize = 32;
/// Bytes of key ‖ nonce.
pub const BOX_KEY_LENGTH: usize = 44;
/// Bytes of key ‖ nonce ‖ commitment.
pub const COMMITTED_KEY_LENGTH: usize = BOX_KEY_LENGTH + COMMITMENT_LENGTH;

/// The box did not open: wrong key, wrong associated data, or altered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the box does not open")]
pub struct OpenError;

/// Key ‖ nonce for one box.
pub struct BoxKey(Zeroizing<[u8; BOX_KEY_LENGTH]>);

impl BoxKey {
    /// Takes `key[32] ‖ nonce[12]`.
    #[must_use]
    pub const fn new(okm: Zeroizing<[u8; BOX_KEY_LENGTH]>) -> Self {
        Self(okm)
    }

    fn parts(okm: &[u8]) -> Option<(Aes256Gcm, aes_gcm::Nonce<aes_gcm::aead::consts::U12>)> {
        let (key, nonce) = okm.split_at_checked(32)?;
        Some((Aes256Gcm::new_from_slice(key).ok()?, nonce.get(..12)?.try_into().ok()?))
    }

    /// Seals `plaintext`; the result is 16 bytes longer.
    #[must_use]
    pub fn seal(self, aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
        seal(
            self.0.as_slice(),
            aad,
            plaintext,
            Vec::with_capacity(plaintext.len() + TAG_LENGTH),
        )
    }

    /// Opens a box without consuming the key: a receiver tries the lengths that a box may have.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<SecretBytes, OpenError> {
        open(self.0.as_slice(), aad, sealed)
    }
}

/// Key ‖ nonce ‖ commitment for one sealed text. AES-GCM alone does not commit to its key: someone who knows two keys can make a ciphertext
/// that opens under both. The commitment, derived beside the key, rules that out.
pub struct CommittedKey(Zeroizing<[u8; COMMITTED_KEY_LENGTH]>);

impl CommittedKey {
    /// Takes `key[32] ‖ nonce[12] ‖ commitment[32]`.
    #[must_use]
    pub const fn new(okm: Zeroizing<[u8; COMMITTED_KEY_LENGTH]>) -> Self {
        Self(okm)
    }

    /// `commitment[32] ‖ AES-GCM(key, nonce, aad, plaintext)`: 48 bytes longer than the plaintext. Appends to `out`.
    #[must_use]
    pub fn seal(self, aad: &[u8], plaintext: &[u8], mut out: Vec<u8>) -> Vec<u8> {
        out.reserve(plaintext.len() + COMMITMENT_LENGTH + TAG_LENGTH);
        out.extend_from_slice(&self.0[BOX_KEY_LENGTH..]);
        seal(&self.0[..BOX_KEY_LENGTH], aad, plaintext, out)
    }

    /// Checks the commitment in constant time, then opens.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(self, aad: &[u8], sealed: &[u8]) -> Result<SecretBytes, OpenError> {
        let (commitment, sealed) = sealed.split_at_checked(COMMITMENT_LENGTH).ok_or(OpenError)?;
        if !bool::from(commitment.ct_eq(&self.0[BOX_KEY_LENGTH..])) {
            return Err(OpenError);
        }
        open(&self.0[..BOX_KEY_LENGTH], aad, sealed)
    }
}

/// Appends the box to `out`. The lengths are right by construction; were they not, the output would open nowhere.
fn seal(okm: &[u8], aad: &[u8], plaintext: &[u8], mut out: Vec<u8>) -> Vec<u8> {
    let start = out.len();
    out.extend_from_slice(plaintext);
    if let Some((cipher, nonce)) = BoxKey::parts(okm)
        && let Ok(tag) = cipher.encrypt_inout_detached(&nonce, aad, (&mut out[start..]).into())
    {
        out.extend_from_slice(&tag);
    } else {
        out.truncate(start); // never a plaintext in place of a ciphertext
    }
    out
}

fn open(okm: &[u8], aad: &[u8], sealed: &[u8]) -> Result<SecretBytes, OpenError> {
    let (cipher, nonce) = BoxKey::parts(okm).ok_or(OpenError)?;
    let split = sealed.len().checked_sub(TAG_LENGTH).ok_or(OpenError)?;
    let (text, tag) = sealed.split_at(split);
    let mut text = text.to_vec();
    let tag = tag.try_into().map_err(|_| OpenError)?;
    // The library checks the tag before it decrypts: what does not open stays ciphertext.
    cipher
        .decrypt_inout_detached(&nonce, aad, text.as_mut_slice().into(), &tag)
        .map_err(|_| OpenError)?;
    Ok(SecretBytes::new(text))
}
