//! LWE ciphertexts under the GLWE key: the few linear steps, the stored form, and the seeded form that is sent.

use rand_core::CryptoRng;
use tfhe::core_crypto::commons::math::random::{CompressionSeed, Seed, Seeder};
use tfhe::core_crypto::prelude::{
    CiphertextModulus, GlweCiphertextOwned, GlweSize, LweCiphertext, LweSize, MonomialDegree, PolynomialSize,
    SeededGlweCiphertext, SeededLweCiphertextList, extract_lwe_sample_from_glwe_ciphertext,
};

use super::params::{LWE_WORDS, N};

/// The modulus of every ciphertext here: 2^64 (2^32 after a key switch).
pub(crate) fn native() -> CiphertextModulus<u64> {
    CiphertextModulus::new_native()
}

/// One mask polynomial and a body.
pub(crate) const GLWE_SIZE: GlweSize = GlweSize(2);

/// Seeds of tfhe's generators, drawn from the randomness that was handed in.
pub(crate) struct Seeds<'a, R: CryptoRng + ?Sized>(pub &'a mut R);

impl<R: CryptoRng + ?Sized> Seeds<'_, R> {
    pub(crate) fn draw(&mut self) -> [u8; SEED_LEN] {
        let mut seed = [0; SEED_LEN];
        self.0.fill_bytes(&mut seed);
        seed
    }
}

impl<R: CryptoRng + ?Sized> Seeder for Seeds<'_, R> {
    fn seed(&mut self) -> Seed {
        Seed(u128::from_le_bytes(self.draw()))
    }

    fn is_available() -> bool {
        true
    }
}

/// Bytes of a seed from which masks are expanded. It is public; it must be fresh.
pub(crate) const SEED_LEN: usize = 16;

pub(crate) fn compression_seed(seed: [u8; SEED_LEN]) -> CompressionSeed {
    CompressionSeed::from(Seed(u128::from_le_bytes(seed)))
}

/// The ciphertext whose mask comes from `seed`.
pub(crate) fn expand(seed: [u8; SEED_LEN], body: u64) -> Lwe {
    let list =
        SeededLweCiphertextList::from_container(vec![body], LweSize(LWE_WORDS), compression_seed(seed), native());
    Lwe(list.decompress_into_lwe_ciphertext_list().into_container())
}

/// The mask of one GLWE ciphertext, whose coefficients are so many LWE ciphertexts.
pub(crate) struct Mask(GlweCiphertextOwned<u64>);

impl Mask {
    pub(crate) fn expand(seed: [u8; SEED_LEN]) -> Self {
        let seeded = SeededGlweCiphertext::new(0, GLWE_SIZE, PolynomialSize(N), compression_seed(seed), native());
        Self(seeded.decompress_into_glwe_ciphertext())
    }

    /// The coefficient at `place`, which is below [`N`], with its body.
    pub(crate) fn coefficient(&self, place: usize, body: u64) -> Lwe {
        let mut lwe = LweCiphertext::new(0, LweSize(LWE_WORDS), native());
        extract_lwe_sample_from_glwe_ciphertext(&self.0, &mut lwe, MonomialDegree(place));
        Lwe(lwe.into_container()).plus_plain(body)
    }
}

/// An LWE ciphertext of dimension [`N`], mask before body.
#[derive(Clone)]
pub(crate) struct Lwe(pub Vec<u64>);

impl Lwe {
    /// A ciphertext that hides nothing.
    pub(crate) fn trivial(value: u64) -> Self {
        let mut words = vec![0; LWE_WORDS];
        words[N] = value;
        Self(words)
    }

    pub(crate) fn zip(mut self, other: &Self, with: impl Fn(u64, u64) -> u64) -> Self {
        for (a, b) in self.0.iter_mut().zip(&other.0) {
            *a = with(*a, *b);
        }
        self
    }

    pub(crate) fn plus(self, other: &Self) -> Self {
        self.zip(other, u64::wrapping_add)
    }

    pub(crate) fn minus(self, other: &Self) -> Self {
        self.zip(other, u64::wrapping_sub)
    }

    pub(crate) fn times(mut self, factor: u64) -> Self {
        for word in &mut self.0 {
            *word = word.wrapping_mul(factor);
        }
        self
    }

    pub(crate) fn plus_plain(mut self, value: u64) -> Self {
        self.0[N] = self.0[N].wrapping_add(value);
        self
    }

    /// `value` less this.
    pub(crate) fn taken_from(self, value: u64) -> Self {
        self.times(u64::MAX).plus_plain(value)
    }
}

/// A stored ciphertext: the upper half of each word. What the rounding adds is a seventy-thousandth of the noise that is there.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Stored(Box<[u32]>);

/// Bytes of a [`Stored`] ciphertext.
pub(crate) const STORED_LEN: usize = LWE_WORDS * 4;

impl Stored {
    pub(crate) fn pack(lwe: &Lwe) -> Self {
        Self(
            lwe.0
                .iter()
                .map(|word| (word.wrapping_add(1 << 31) >> 32) as u32)
                .collect(),
        )
    }

    pub(crate) fn unpack(&self) -> Lwe {
        Lwe(self.0.iter().map(|word| u64::from(*word) << 32).collect())
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.0.iter().flat_map(|word| word.to_le_bytes()));
    }

    /// `bytes` are [`STORED_LEN`].
    pub(crate) fn read(bytes: &[u8]) -> Self {
        Self(
            bytes
                .as_chunks::<4>()
                .0
                .iter()
                .map(|word| u32::from_le_bytes(*word))
                .collect(),
        )
    }
}
