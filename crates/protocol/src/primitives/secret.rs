//! Bytes that must not be printed, and must not stay in memory.

use std::fmt;
use std::ops::Deref;

use rand_core::CryptoRng;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// N secret bytes: zeroed on drop, compared in constant time, never shown.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret<const N: usize>([u8; N]);

impl<const N: usize> Secret<N> {
    /// Takes bytes that the caller held; the caller's copy is the caller's to erase.
    #[must_use]
    pub const fn new(bytes: [u8; N]) -> Self {
        Self(bytes)
    }

    /// N fresh bytes from `rng`.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = [0; N];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// From a slice of exactly N bytes.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes, for a computation that needs them.
    #[must_use]
    pub const fn expose(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret<{N}>(…)")
    }
}

impl<const N: usize> ConstantTimeEq for Secret<N> {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl<const N: usize> PartialEq for Secret<N> {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}
impl<const N: usize> Eq for Secret<N> {}

/// Secret bytes of any number: what a box held, or is about to. Zeroed on drop, as a whole: `Zeroizing<Vec<u8>>` wipes byte by byte, which for a
/// message of 4 KiB takes as long as half of its decryption.
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Takes bytes that nobody else holds.
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes, to be written.
    #[cfg(feature = "session")]
    pub(crate) fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Deref for SecretBytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
        self.0.spare_capacity_mut().zeroize(); // a vector that was shortened has more behind its end
    }
}

impl ZeroizeOnDrop for SecretBytes {}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes<{}>(…)", self.0.len())
    }
}

impl PartialEq for SecretBytes {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}
impl Eq for SecretBytes {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_equal_when_their_bytes_are_and_print_none_of_them() {
        let bytes = |bytes: &[u8]| SecretBytes::new(bytes.to_vec());
        assert!(bytes(&[1, 2]) == bytes(&[1, 2]) && bytes(&[1, 2]) != bytes(&[1, 3]));
        assert!(bytes(&[1, 2]) != bytes(&[1, 2, 0]) && Secret::new([7; 4]) != Secret::new([8; 4]));
        assert_eq!(
            format!("{:?} {:?}", bytes(&[1, 2]), Secret::new([7; 4])),
            "SecretBytes<2>(…) Secret<4>(…)"
        );
    }
}
