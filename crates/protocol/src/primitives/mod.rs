//! The primitives, each a thin and misuse-resistant wrapper of a library; nothing home-made below this line.

#[cfg(feature = "session")]
pub mod aead;
#[cfg(feature = "session")]
pub mod kdf;
#[cfg(feature = "session")]
pub mod kem;
pub mod secret;
pub mod signature;

use sha2::{Digest, Sha512};

/// SHA-512 (FIPS 180-4) of the concatenation of `parts`; 64 bytes. Callers make the parts' boundaries unambiguous.
#[must_use]
pub fn hash(parts: &[&[u8]]) -> [u8; 64] {
    let mut hasher = Sha512::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// The first N bytes of a 64-byte hash.
pub(crate) fn truncate<const N: usize>(digest: &[u8; 64]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&digest[..N]);
    out
}
