//! HKDF and HMAC over SHA-512 (RFC 5869, RFC 2104).

use std::fmt;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;
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

/// HKDF-Expand with SHA-512 from a 32-byte key, up to two blocks.
///
/// RFC 5869 wants a pseudorandom key of at least 64 bytes and the library insists on it; the keys here are 32 uniform bytes that came out of
/// HMAC-SHA-512, which makes this HMAC in counter-feedback mode as a PRF on a full-strength key. The construction is the RFC's.
#[must_use]
pub fn expand<const N: usize>(key: &[u8; 32], info: &[u8]) -> Zeroizing<[u8; N]> {
    const { assert!(N <= 128, "two blocks of 64 bytes") };
    let mut okm = Zeroizing::new([0; N]);
    let mut previous = Zeroizing::new([0_u8; 64]);
    let key = MacKey::new(key);
    for (block, counter) in okm.chunks_mut(64).zip(1_u8..) {
        let feedback: &[u8] = if counter == 1 { &[] } else { previous.as_slice() };
        let output = key.mac(&[feedback, info, &[counter]]);
        *previous = *output;
        block.copy_from_slice(&previous[..block.len()]);
    }
    okm
}

/// HMAC-SHA-512 of the concatenation of `parts` under a key of 32 bytes.
#[must_use]
pub fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> Zeroizing<[u8; 64]> {
    MacKey::new(key).mac(parts)
}

/// A key of HMAC-SHA-512 with both of its pads hashed already: half the work of a short message, which is worth keeping where a key is used more
/// than once. Wiped on drop, and as secret as the key.
#[derive(Clone)]
pub struct MacKey(Hmac<Sha512>);

impl MacKey {
    /// A key of 32 bytes is shorter than the hash's block, so it is padded with zeros to the block (RFC 2104, section 2).
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        let mut block = [0_u8; 128];
        block[..32].copy_from_slice(key);
        let mac = Hmac::<Sha512>::new(&block.into());
        block.zeroize();
        Self(mac)
    }

    /// HMAC-SHA-512 of the concatenation of `parts`.
    #[must_use]
    pub fn mac(&self, parts: &[&[u8]]) -> Zeroizing<[u8; 64]> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expand_is_the_rfc_construction() {
        // With a 64-byte key the library's expand and ours must agree; ours takes 32, so compare through the zero padding of HMAC keys:
        // 32 bytes and the same 32 bytes followed by 32 zeros are one HMAC key.
        let key = [7_u8; 32];
        let mut padded = [0_u8; 64];
        padded[..32].copy_from_slice(&key);
        for info in [&b""[..], b"info", &[9; 200]] {
            let mut theirs = [0; 76];
            Hkdf::<Sha512>::from_prk(&padded)
                .unwrap()
                .expand(info, &mut theirs)
                .unwrap();
            assert_eq!(*expand::<76>(&key, info), theirs);
        }
    }
}
