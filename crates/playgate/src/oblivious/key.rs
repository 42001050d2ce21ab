//! The sender's side: the secret key, and what is made with it.

use rand_core::CryptoRng;
use tfhe::core_crypto::commons::math::random::{RandomGenerator, Seeder};
use tfhe::core_crypto::prelude::{
    CiphertextModulus, DefaultRandomGenerator, GlweSecretKey, LweDimension, LweSecretKey, PlaintextCount,
    PlaintextList, PolynomialSize, SeededGlweCiphertext, SeededLweBootstrapKey, SeededLweKeyswitchKey,
    encrypt_seeded_glwe_ciphertext, generate_seeded_lwe_keyswitch_key, par_generate_seeded_lwe_bootstrap_key,
};
use thiserror::Error;
use zeroize::Zeroizing;

use super::evaluation_wire::{MAGIC, len};
use super::license::SealedCounter;
use super::lwe::{GLWE_SIZE, Lwe, Mask, SEED_LEN, Seeds, compression_seed, native};
use super::opening::{OpeningKey, phase};
use super::pad::PadKey;
use super::params::{N, PRODUCT, ParameterSet, UNIT};
use super::secret::Bits;
use super::state::CounterView;
use super::tables::WANT_UNITS;
use super::wire::{VERSION, WireError, exactly};
use super::{Class, GATE_KEY_ID_LEN, PAD_SLOTS};
use crate::policy::PlayLimit;

/// The sender's secret: it makes counters and the evaluation key, and reads counts.
///
/// Whoever made the evaluation key can defeat the gate, so it is never the recipient's.
pub struct GateKey {
    set: &'static ParameterSet,
    id: [u8; GATE_KEY_ID_LEN],
    glwe: Bits,
    small: Bits,
}

/// Why a count could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CountError {
    /// The counter was sealed with another key.
    #[error("this counter belongs to another gate key; open it with the key that sealed it")]
    OtherKey,
    /// It decrypts to a number that no sequence of plays leaves behind.
    #[error(
        "the relay holds an impossible count for this message: it lost or changed the counter; do not rely on the limit"
    )]
    Impossible,
}

impl GateKey {
    /// Draws a key.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self::generate_for(&PRODUCT, rng)
    }

    /// A key of the toy set, for tests: it protects nothing.
    #[cfg(feature = "insecure-toy-set")]
    pub fn generate_insecure_toy(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self::generate_for(&super::params::INSECURE_TOY, rng)
    }

    pub(crate) fn generate_for(set: &'static ParameterSet, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut id = [0; GATE_KEY_ID_LEN];
        rng.fill_bytes(&mut id);
        Self {
            set,
            id,
            glwe: Bits::generate(N, rng),
            small: Bits::generate(set.small_dimension, rng),
        }
    }

    /// The key as it is stored. It is secret.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let parts: [&[u8]; 4] = [
            &[VERSION, self.set.id],
            &self.id,
            self.glwe.packed(),
            self.small.packed(),
        ];
        let mut out = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
        for part in parts {
            out.extend_from_slice(part);
        }
        out
    }

    /// Reads what [`GateKey::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`WireError`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let set = bytes
            .get(1)
            .and_then(|id| ParameterSet::by_id(*id))
            .ok_or(WireError::Field)?;
        let small_len = set.small_dimension.div_ceil(8);
        let mut reader = exactly(bytes, 2 + GATE_KEY_ID_LEN + N / 8 + small_len)?;
        reader.version()?;
        reader.byte()?;
        Ok(Self {
            set,
            id: reader.array()?,
            glwe: Bits::from_packed(reader.take(N / 8)?.to_vec(), N),
            small: Bits::from_packed(reader.take(small_len)?.to_vec(), set.small_dimension),
        })
    }

    /// The public name of the key: random, and in everything that was made with it.
    #[must_use]
    pub fn id(&self) -> [u8; GATE_KEY_ID_LEN] {
        self.id
    }

    /// What a recipient needs to ask and to open. It goes into the envelope.
    #[must_use]
    pub fn opening_key(&self) -> OpeningKey {
        OpeningKey::new(self.glwe.clone())
    }

    /// Makes the key that the relay computes with, in its wire form. It is public, takes seconds, and differs each time.
    ///
    /// `progress` hears from time to time which part of the work is done, from 0 to 1.
    #[must_use]
    pub fn evaluation_key(&self, rng: &mut (impl CryptoRng + ?Sized), progress: &mut dyn FnMut(f32)) -> Vec<u8> {
        let set = self.set;
        let glwe_words = self.glwe.words::<u64>();
        let glwe = GlweSecretKey::from_container(glwe_words.as_slice(), PolynomialSize(N));
        let small_words = self.small.words::<u64>();
        let mut seeds = Seeds(rng);

        let mut out = Vec::with_capacity(len(set));
        out.extend(MAGIC);
        out.extend([VERSION, set.id]);
        out.extend(self.id);
        let drawn: Vec<[u8; SEED_LEN]> = (0..set.pieces + 2).map(|_| seeds.draw()).collect();
        out.extend(drawn.iter().flatten());
        let mut drawn = drawn.into_iter();
        let mut next_seed = || compression_seed(drawn.next().unwrap_or_default());

        let per_piece = set.small_dimension / set.pieces;
        progress(0.0);
        for (done, bits) in (1u16..).zip(small_words.chunks_exact(per_piece)) {
            let mut piece = SeededLweBootstrapKey::new(
                0u64,
                GLWE_SIZE,
                PolynomialSize(N),
                set.pbs_base_log,
                set.pbs_level,
                LweDimension(per_piece),
                next_seed(),
                native(),
            );
            par_generate_seeded_lwe_bootstrap_key(
                &LweSecretKey::from_container(bits),
                &glwe,
                &mut piece,
                set.noise,
                &mut seeds,
            );
            write_u48(piece.as_ref(), &mut out);
            progress(f32::from(done) / (set.pieces as f32 + 1.0));
        }

        let mut keyswitch = SeededLweKeyswitchKey::new(
            0u32,
            set.ks_base_log,
            set.ks_level,
            LweDimension(N),
            LweDimension(set.small_dimension),
            next_seed(),
            CiphertextModulus::new_native(),
        );
        let small_words = self.small.words::<u32>();
        generate_seeded_lwe_keyswitch_key(
            &glwe.as_lwe_secret_key(),
            &LweSecretKey::from_container(small_words.as_slice()),
            &mut keyswitch,
            set.small_noise,
            &mut seeds,
        );

        let mut zero = SeededGlweCiphertext::new(0u64, GLWE_SIZE, PolynomialSize(N), next_seed(), native());
        encrypt_seeded_glwe_ciphertext(
            &glwe,
            &mut zero,
            &PlaintextList::new(0u64, PlaintextCount(N)),
            set.noise,
            &mut seeds,
        );
        write_u48(zero.as_ref(), &mut out);
        out.extend(keyswitch.as_ref().iter().flat_map(|word| word.to_le_bytes()));
        progress(1.0);
        out
    }

    /// Seals the counter of a new license, and the key of its pads.
    pub fn seal(&self, limit: PlayLimit, rng: &mut (impl CryptoRng + ?Sized)) -> (SealedCounter, PadKey) {
        self.seal_as(limit, Class::of(limit), rng)
    }

    /// The same in a class of the sender's choice: in [`Class::To255`] a small limit does not show that it is small. A limit above 15 is of
    /// that class whatever was asked for.
    pub fn seal_as(
        &self,
        limit: PlayLimit,
        class: Class,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> (SealedCounter, PadKey) {
        let class = class.max(Class::of(limit));
        let pad_key = PadKey::generate(rng);
        let (low, high) = (u64::from(limit.get() % 16), u64::from(limit.get() / 16));
        let mut units = Zeroizing::new(Vec::with_capacity(4 + usize::from(PAD_SLOTS)));
        match class {
            Class::To15 => units.push(low),
            Class::To255 => units.extend([low, high, u64::from(low > 0), u64::from(high > 0)]),
        }
        units.extend(pad_key.bits().map(|bit| WANT_UNITS * u64::from(bit)));

        let mut seeds = Seeds(rng);
        let seed = seeds.draw();
        // Of the 2048 coefficients of the encryption only these are made: multiplying the whole polynomials would cost as much as all else
        // that sending a message takes.
        let mut errors = Zeroizing::new(vec![0u64; units.len()]);
        RandomGenerator::<DefaultRandomGenerator>::new(seeds.seed())
            .unsigned_integer_slice_wrapping_add_random_from_distribution_assign(&mut errors, self.set.noise);
        let mask = Mask::expand(seed);
        let glwe_words = self.glwe.words::<u64>();
        let bodies = (units.iter().zip(errors.iter()).enumerate())
            .map(|(place, (units, error))| {
                let masked = phase(&glwe_words, &mask.coefficient(place, 0));
                units.wrapping_mul(UNIT).wrapping_add(*error).wrapping_sub(masked)
            })
            .collect();
        let counter = SealedCounter {
            class,
            key_id: self.id,
            seed,
            bodies,
        };
        (counter, pad_key)
    }

    /// How many plays are left.
    ///
    /// A client shows the number and never acts on it by itself: what an active relay could make of the reaction is a decryption oracle.
    ///
    /// # Errors
    /// [`CountError::OtherKey`] for another key's counter, [`CountError::Impossible`] for a number below zero or above the class.
    pub fn left(&self, view: &CounterView) -> Result<u8, CountError> {
        if view.key_id != self.id {
            return Err(CountError::OtherKey);
        }
        let words = self.glwe.words::<u64>();
        let digit = |lwe: &Lwe| units(phase(&words, lwe));
        // The low digit is −1 between a play that borrows and its fold.
        let low = digit(&view.low.unpack());
        let high = view.high.as_ref().map_or(0, |high| digit(&high.unpack()));
        if !(-1..16).contains(&low) || !(0..16).contains(&high) {
            return Err(CountError::Impossible);
        }
        u8::try_from(low + 16 * high).map_err(|_| CountError::Impossible)
    }
}

impl core::fmt::Debug for GateKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("GateKey(…)")
    }
}

/// The nearest number of units, from −16 to 15.
fn units(phase: u64) -> i16 {
    let units = (phase.wrapping_add(UNIT / 2) / UNIT) as i16;
    if units < 16 { units } else { units - 32 }
}

fn write_u48(words: &[u64], out: &mut Vec<u8>) {
    for word in words {
        let [_, _, kept @ ..] = word.wrapping_add(1 << 15).to_le_bytes();
        out.extend(kept);
    }
}
