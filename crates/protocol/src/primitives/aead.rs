//! AES-256-GCM (NIST SP 800-38D) under keys that are used once, with an explicit key commitment where a recipient may hold several keys.

#[cfg(not(target_family = "wasm"))]
mod aws_lc;
#[cfg(any(target_family = "wasm", test))]
mod portable;
mod sizes;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::primitives::secret::SecretBytes;

#[cfg(not(target_family = "wasm"))]
use aws_lc as library;
#[cfg(target_family = "wasm")]
use portable as library;
pub use sizes::TAG_LENGTH;
use sizes::{KEY_LENGTH, NONCE_LENGTH};

/// Bytes of a key commitment.
pub const COMMITMENT_LENGTH: usize = 32;
/// Bytes of key ‖ nonce.
pub const BOX_KEY_LENGTH: usize = KEY_LENGTH + NONCE_LENGTH;
/// Bytes of key ‖ commitment.
pub const COMMITTED_KEY_LENGTH: usize = KEY_LENGTH + COMMITMENT_LENGTH;

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

/// Key ‖ commitment for one sealed text; the first 12 bytes of the commitment are the nonce, which need not be secret, and which a key that is used once
/// does not need at all. AES-GCM alone does not commit to its key: someone who knows two keys can make a ciphertext
/// that opens under both. The commitment, derived beside the key, rules that out.
pub struct CommittedKey(Zeroizing<[u8; COMMITTED_KEY_LENGTH]>);

impl CommittedKey {
    /// Takes `key[32] ‖ commitment[32]`.
    #[must_use]
    pub const fn new(okm: Zeroizing<[u8; COMMITTED_KEY_LENGTH]>) -> Self {
        Self(okm)
    }

    /// `commitment[32] ‖ AES-GCM(key, nonce, aad, plaintext)`: 48 bytes longer than the plaintext. Appends to `out`.
    #[must_use]
    pub fn seal(self, aad: &[u8], plaintext: &[u8], mut out: Vec<u8>) -> Vec<u8> {
        out.reserve(plaintext.len() + COMMITMENT_LENGTH + TAG_LENGTH);
        out.extend_from_slice(&self.0[KEY_LENGTH..]);
        seal(&self.0[..BOX_KEY_LENGTH], aad, plaintext, out)
    }

    /// Checks the commitment in constant time, then opens.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(self, aad: &[u8], sealed: &[u8]) -> Result<SecretBytes, OpenError> {
        let (commitment, sealed) = sealed.split_at_checked(COMMITMENT_LENGTH).ok_or(OpenError)?;
        if !bool::from(commitment.ct_eq(&self.0[KEY_LENGTH..])) {
            return Err(OpenError);
        }
        open(&self.0[..BOX_KEY_LENGTH], aad, sealed)
    }
}

/// Key and nonce at the beginning of derived bytes.
fn parts(okm: &[u8]) -> Option<(&[u8; KEY_LENGTH], [u8; NONCE_LENGTH])> {
    let (key, rest) = okm.split_first_chunk()?;
    Some((key, *rest.first_chunk()?))
}

/// Appends the box to `out`. The lengths are right by construction; were they not, the output would open nowhere.
fn seal(okm: &[u8], aad: &[u8], plaintext: &[u8], mut out: Vec<u8>) -> Vec<u8> {
    let start = out.len();
    out.extend_from_slice(plaintext);
    let tag = parts(okm).and_then(|(key, nonce)| library::seal(key, nonce, aad, &mut out[start..]));
    match tag {
        Some(tag) => out.extend_from_slice(&tag),
        None => out.truncate(start), // never a plaintext in place of a ciphertext
    }
    out
}

fn open(okm: &[u8], aad: &[u8], sealed: &[u8]) -> Result<SecretBytes, OpenError> {
    let (key, nonce) = parts(okm).ok_or(OpenError)?;
    let (text, tag) = sealed.split_last_chunk().ok_or(OpenError)?;
    let mut out = SecretBytes::new(vec![0; text.len()]);
    // What does not open is wiped with `out`, whatever the library had written there by then.
    library::open(key, nonce, aad, (text, tag), out.as_mut()).ok_or(OpenError)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_libraries_make_the_same_boxes_and_open_each_others() {
        for length in [0, 1, 15, 16, 17, 255, 4096, 4352, 100_000] {
            let text: Vec<u8> = (0..length).map(|i| (i * 7) as u8).collect();
            let (key, nonce, aad) = ([length as u8; KEY_LENGTH], [9; NONCE_LENGTH], &text[..length / 3]);
            let (mut one, mut other) = (text.clone(), text.clone());
            let tag = aws_lc::seal(&key, nonce, aad, &mut one).unwrap();
            assert_eq!(portable::seal(&key, nonce, aad, &mut other), Some(tag), "{length}");
            assert_eq!(one, other, "{length}");
            let (mut by_one, mut by_other) = (vec![0; length], vec![0; length]);
            aws_lc::open(&key, nonce, aad, (&one, &tag), &mut by_one).unwrap();
            portable::open(&key, nonce, aad, (&one, &tag), &mut by_other).unwrap();
            assert_eq!((&by_one, &by_other), (&text, &text), "{length}");
            let mut wrong = tag;
            wrong[15] ^= 0x80;
            assert!(aws_lc::open(&key, nonce, aad, (&one, &wrong), &mut by_one).is_none());
            assert!(portable::open(&key, nonce, aad, (&one, &wrong), &mut by_other).is_none());
        }
    }
}
