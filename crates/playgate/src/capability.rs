//! The right to ask, as 32 random bytes.
//!
//! A license has no account. Its sender makes two capabilities: one for playing, which travels inside the envelope to whoever may play, and one
//! for reading the count and revoking, which the sender keeps. The relay stores only their hashes, so a thief of its database can use neither, and
//! the relay never learns more about a player than that the sender gave away the right to play.

use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::share::secret_32;

/// Length in bytes of a capability's hash (SHA-256).
pub const CAPABILITY_HASH_LEN: usize = 32;

secret_32! {
    /// A secret whose knowledge is the permission. What it permits is decided by which hash of the license it answers to.
    Capability
}

impl Capability {
    /// What the relay stores: the plain SHA-256. The input has 256 bits of entropy, so neither salt nor stretching would add anything.
    #[must_use]
    pub fn hash(&self) -> [u8; CAPABILITY_HASH_LEN] {
        Sha256::digest(self.as_bytes()).into()
    }

    /// Whether this is the capability behind a stored hash, in constant time.
    #[must_use]
    pub fn matches(&self, stored: &[u8; CAPABILITY_HASH_LEN]) -> bool {
        self.hash().ct_eq(stored).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of 32 zero bytes, a published value.
    const HASH_OF_ZEROS: [u8; 32] = [
        0x66, 0x68, 0x7a, 0xad, 0xf8, 0x62, 0xbd, 0x77, 0x6c, 0x8f, 0xc1, 0x8b, 0x8e, 0x9f, 0x8e, 0x20, 0x08, 0x97,
        0x14, 0x85, 0x6e, 0xe2, 0x33, 0xb3, 0x90, 0x2a, 0x59, 0x1d, 0x0d, 0x5f, 0x29, 0x25,
    ];

    #[test]
    fn the_hash_is_plain_sha_256() {
        assert_eq!(Capability::from_bytes([0; 32]).hash(), HASH_OF_ZEROS);
    }

    #[test]
    fn only_the_right_one_matches() {
        let right = Capability::from_bytes([1; 32]);
        let stored = right.hash();
        assert!(right.matches(&stored));
        for bit in 0..256 {
            let mut bytes = [1; 32];
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(!Capability::from_bytes(bytes).matches(&stored), "bit {bit}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", Capability::from_bytes([0xab; 32])), "Capability(…)");
    }
}
