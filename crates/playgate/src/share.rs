//! The two halves of a content key.
//!
//! Two types and not one: handing the half that must stay inside the envelope to the relay would let it read, and the compiler refuses it.

use rand_core::CryptoRng;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Length of either share in bytes: 256 bits, so that one of them alone leaves a full-strength key to guess.
pub const SHARE_LEN: usize = 32;

/// Gives a 32-byte secret everything that this crate's secrets have in common: wiped on drop, never printed, compared in constant time.
macro_rules! secret_32 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Zeroize, ZeroizeOnDrop)]
        pub struct $name([u8; $crate::share::SHARE_LEN]);

        impl $name {
            /// Draws a fresh one.
            pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
                let mut bytes = [0; $crate::share::SHARE_LEN];
                rng.fill_bytes(&mut bytes);
                Self(bytes)
            }

            /// Takes the bytes as they travelled or were stored.
            #[must_use]
            pub fn from_bytes(bytes: [u8; $crate::share::SHARE_LEN]) -> Self {
                Self(bytes)
            }

            /// The bytes, for sealing, sending or storing. They are secret.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; $crate::share::SHARE_LEN] {
                &self.0
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = core::array::TryFromSliceError;

            /// Accepts exactly 32 bytes.
            fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
                bytes.try_into().map(Self)
            }
        }

        impl ConstantTimeEq for $name {
            fn ct_eq(&self, other: &Self) -> Choice {
                self.0.ct_eq(&other.0)
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.ct_eq(other).into()
            }
        }

        impl Eq for $name {}

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}
pub(crate) use secret_32;

secret_32! {
    /// The relay's half, `S`: deposited with the license, released one play at a time, destroyed with the last.
    PlayShare
}

secret_32! {
    /// The envelope's half, `C`: sealed end to end, kept by the recipient, never shown to the relay.
    ContentShare
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    #[test]
    fn debug_shows_no_secret() {
        let share = PlayShare::from_bytes([0xab; SHARE_LEN]);
        assert_eq!(format!("{share:?}"), "PlayShare(…)");
        assert_eq!(
            format!("{:?}", ContentShare::from_bytes([0xab; SHARE_LEN])),
            "ContentShare(…)"
        );
    }

    #[test]
    fn only_32_bytes_are_a_share() {
        for len in [0, 31, 33, 64] {
            assert!(PlayShare::try_from(vec![0; len].as_slice()).is_err(), "{len} bytes");
        }
        assert_eq!(
            PlayShare::try_from([7; 32].as_slice()).unwrap(),
            PlayShare::from_bytes([7; 32])
        );
    }

    #[test]
    fn every_draw_differs_and_equality_sees_every_bit() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let share = PlayShare::generate(&mut rng);
        assert_ne!(share, PlayShare::generate(&mut rng));
        for bit in 0..SHARE_LEN * 8 {
            let mut bytes = *share.as_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(share, PlayShare::from_bytes(bytes), "bit {bit}");
        }
    }
}
