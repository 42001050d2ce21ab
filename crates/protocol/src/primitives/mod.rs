//! The primitives, each a thin and misuse-resistant wrapper of a library; nothing home-made below this line.

#[cfg(feature = "session")]
pub mod aead;
#[cfg(feature = "session")]
pub mod kdf;
#[cfg(feature = "session")]
pub mod kem;
pub mod secret;
pub mod signature;

use sha2::{Digest, Sha256, Sha512};

/// SHA-512 (FIPS 180-4) of the concatenation of `parts`; 64 bytes. Callers make the parts' boundaries unambiguous.
#[must_use]
pub fn hash(parts: &[&[u8]]) -> [u8; 64] {
    let mut hasher = Sha512::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// SHA-256 (FIPS 180-4) of `data`; 32 bytes.
#[must_use]
pub fn sha256(data: &[u8]) -> [u8; 32] {
    Sha256::digest(data).into()
}

/// The first N bytes of an M-byte digest.
pub(crate) fn truncate<const N: usize, const M: usize>(digest: &[u8; M]) -> [u8; N] {
    const { assert!(N <= M, "a digest is cut, not stretched") };
    let mut out = [0; N];
    out.copy_from_slice(&digest[..N]);
    out
}
