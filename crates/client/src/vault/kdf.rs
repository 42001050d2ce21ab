//! From a passphrase to the key that wraps the data key: Argon2id (RFC 9106).

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use super::VaultError;

/// Length of every key in the vault, in bytes (AES-256).
pub(super) const KEY_LEN: usize = 32;
/// Length of the salt, in bytes: RFC 9106 recommends 128 bits.
pub(super) const SALT_LEN: usize = 16;

/// RFC 9106, section 4, second recommended option (for memory-constrained machines): 64 MiB, 3 passes, 4 lanes. The first option wants
/// 2 GiB, which a phone or a small server does not have to spare for a chat. About a quarter of a second on a laptop.
const DEFAULT_MEMORY_KIB: u32 = 64 * 1024;
const DEFAULT_PASSES: u32 = 3;
const DEFAULT_LANES: u32 = 4;

/// The file is attacker-writable: what it says about cost is bounded, so that opening a doctored vault cannot take all memory (1 GiB) or
/// all day.
const MAX_MEMORY_KIB: u32 = 1024 * 1024;
const MAX_PASSES: u32 = 64;
const MAX_LANES: u32 = 16;

/// Longest passphrase, in bytes: beyond any sentence, and small enough never to matter.
const MAX_PASSPHRASE: usize = 1024;

/// A passphrase: non-empty, bounded, erased when dropped, never shown.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Accepts 1 to 1024 bytes; the bytes count as they are, without Unicode normalisation.
    ///
    /// # Errors
    /// [`VaultError::BadPassphrase`] when empty or too long.
    pub fn new(text: impl Into<Zeroizing<String>>) -> Result<Self, VaultError> {
        let text = text.into();
        if text.is_empty() || text.len() > MAX_PASSPHRASE {
            return Err(VaultError::BadPassphrase);
        }
        Ok(Self(text))
    }

    /// The number of characters, for advice about short passphrases.
    #[must_use]
    pub fn chars(&self) -> usize {
        self.0.chars().count()
    }

    /// Whether two passphrases are the same (a new vault asks twice).
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        use subtle::ConstantTimeEq;
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

/// What guessing one passphrase costs. Stored beside the salt, so that it can be raised later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KdfCost {
    pub(super) memory_kib: u32,
    pub(super) passes: u32,
    pub(super) lanes: u32,
}

impl Default for KdfCost {
    fn default() -> Self {
        Self {
            memory_kib: DEFAULT_MEMORY_KIB,
            passes: DEFAULT_PASSES,
            lanes: DEFAULT_LANES,
        }
    }
}

impl KdfCost {
    /// The cheapest cost the function allows. For tests that open hundreds of vaults; a vault made with it resists no guessing.
    #[must_use]
    pub fn insecure_for_tests() -> Self {
        Self {
            memory_kib: 8,
            passes: 1,
            lanes: 1,
        }
    }

    /// Checks what a vault file claims.
    pub(super) fn from_stored(memory_kib: i64, passes: i64, lanes: i64) -> Result<Self, VaultError> {
        let bounded = |value: i64, max: u32| {
            u32::try_from(value)
                .ok()
                .filter(|v| (1..=max).contains(v))
                .ok_or(VaultError::Corrupt("key derivation cost"))
        };
        Ok(Self {
            memory_kib: bounded(memory_kib, MAX_MEMORY_KIB)?,
            passes: bounded(passes, MAX_PASSES)?,
            lanes: bounded(lanes, MAX_LANES)?,
        })
    }

    /// Argon2id(passphrase, salt) -> 32 bytes.
    pub(super) fn derive(self, passphrase: &Passphrase, salt: &[u8]) -> Result<Zeroizing<[u8; KEY_LEN]>, VaultError> {
        let bad = |_| VaultError::Corrupt("key derivation cost");
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(KEY_LEN)).map_err(bad)?;
        let mut key = Zeroizing::new([0; KEY_LEN]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.0.as_bytes(), salt, key.as_mut())
            .map_err(bad)?;
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_what_rfc_9106_recommends_second() {
        assert_eq!(
            KdfCost::default(),
            KdfCost {
                memory_kib: 65_536,
                passes: 3,
                lanes: 4
            }
        );
    }

    #[test]
    fn a_doctored_cost_is_refused_before_any_memory_is_taken() {
        for (memory, passes, lanes) in [
            (0, 3, 4),
            (-1, 3, 4),
            (i64::from(MAX_MEMORY_KIB) + 1, 3, 4),
            (64, 65, 1),
            (64, 1, 17),
            (i64::MAX, 1, 1),
        ] {
            assert!(matches!(
                KdfCost::from_stored(memory, passes, lanes),
                Err(VaultError::Corrupt(_))
            ));
        }
    }

    #[test]
    fn argon2id_known_answer() {
        // RFC 9106 has its vector with a secret and associated data; this one is the reference implementation's (phc-winner-argon2,
        // test.c: version 0x13, t=2, m=2^8 KiB, p=1, "password", "somesalt").
        let cost = KdfCost {
            memory_kib: 256,
            passes: 2,
            lanes: 1,
        };
        let key = cost
            .derive(&Passphrase::new("password".to_owned()).unwrap(), b"somesalt")
            .unwrap();
        assert_eq!(
            hex::encode(key.as_ref()),
            "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe"
        );
    }

    #[test]
    fn a_passphrase_is_never_shown() {
        assert_eq!(
            format!("{:?}", Passphrase::new("hunter2".to_owned()).unwrap()),
            "Passphrase(..)"
        );
        assert!(matches!(Passphrase::new(String::new()), Err(VaultError::BadPassphrase)));
    }
}
