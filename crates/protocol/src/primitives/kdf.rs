//! Derivation of keys: HKDF-SHA-512 where secrets of different origin are combined, HKDF-Expand and HMAC over SHA-256 below, where one uniform key of
//! 32 bytes yields others (RFC 5869, RFC 2104). Decision 0012 says why two.

use std::fmt;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha512};
use zeroize::{Zeroize, Zeroizing};

/// HKDF-SHA-512: extract with `salt` from `ikm`, expand with `info` to N bytes, N ≤ 16 320 (RFC 5869 allows 255 blocks of 64).
#[must_use]
pub fn hkdf<const N: usize>(salt: &[u8], ikm: &[u8], info: &[u8]) -> Zeroizing<[u8; N]> {
    const { assert!(N <= 255 * 64, "RFC 5869 expands to 255 blocks at most") };
    let mut okm = Zeroizing::new([0; N]);
    let result = Hkdf::<Sha512>::new(Some(salt), ikm).expand(info, okm.as_mut_slice());
    debug_assert!(result.is_ok(), "N is bounded above");
    okm
}

/// HKDF-Expand with SHA-256 from a uniform key of 32 bytes, the length of the hash, to N bytes, N ≤ 8 160 (RFC 5869, section 2.3).
#[must_use]
pub fn expand<const N: usize>(key: &[u8; 32], info: &[u8]) -> Zeroizing<[u8; N]> {
    const { assert!(N <= 255 * 32, "RFC 5869 expands to 255 blocks at most") };
    let mut okm = Zeroizing::new([0; N]);
    let result = Hkdf::<Sha256>::from_prk(key).map(|key| key.expand(info, okm.as_mut_slice()));
    debug_assert!(
        matches!(result, Ok(Ok(()))),
        "key and N have lengths that the RFC allows"
    );
    okm
}

/// HMAC-SHA-256 of the concatenation of `parts` under a key of 32 bytes.
#[must_use]
pub fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    MacKey::new(key).mac(parts)
}

/// A key of HMAC-SHA-256 with both of its pads hashed already: half the work of a short message, which is worth keeping where a key is used more
/// than once. Wiped on drop, and as secret as the key.
#[derive(Clone)]
pub struct MacKey(Hmac<Sha256>);

impl MacKey {
    /// A key of 32 bytes is shorter than the hash's block, so it is padded with zeros to the block (RFC 2104, section 2).
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        let mut block = [0_u8; 64];
        block[..32].copy_from_slice(key);
        let mac = Hmac::<Sha256>::new(&block.into());
        block.zeroize();
        Self(mac)
    }

    /// HMAC-SHA-256 of the concatenation of `parts`.
    #[must_use]
    pub fn mac(&self, parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        Zeroizing::new(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey(…)")
    }
}
