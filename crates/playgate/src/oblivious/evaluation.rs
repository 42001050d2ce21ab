//! The relay's key: what turns a polynomial by an encrypted number.

use rand_core::CryptoRng;
use tfhe::core_crypto::commons::math::random::{RandomGenerator, Seeder};
use tfhe::core_crypto::prelude::{
    CiphertextModulus, DefaultRandomGenerator, FourierLweBootstrapKeyOwned, GlweCiphertext, GlweCiphertextOwned,
    LweCiphertext, LweDimension, LweKeyswitchKeyOwned, LweSize, MonomialDegree, Polynomial, PolynomialSize,
    SeededGlweCiphertext, SeededLweBootstrapKey, SeededLweKeyswitchKey, blind_rotate_assign,
    convert_standard_lwe_bootstrap_key_to_fourier, extract_lwe_sample_from_glwe_ciphertext,
    keyswitch_lwe_ciphertext_with_scalar_change, lwe_ciphertext_centered_binary_modulus_switch,
    polynomial_algorithms::polynomial_wrapping_add_mul_assign,
};
use thiserror::Error;

use super::evaluation_wire::{BODY_LEN, HEAD_LEN, MAGIC, bootstrap_words, keyswitch_words, len};
use super::lwe::{GLWE_SIZE, Lwe, Seeds, compression_seed, native};
use super::params::{LWE_WORDS, N, ParameterSet};
use super::release::RELEASE_BITS;
use super::tables::WINDOW;
use super::wire::{Reader, VERSION, WireError};
use super::{GATE_KEY_ID_LEN, tables};

/// Why bytes are no evaluation key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Something else, or another version.
    #[error("this is not an evaluation key of this version; make and upload it again")]
    NotAKey,
    /// A parameter set that is not on the list.
    #[error("parameter set {0} is not allowed here; make the key with a current client")]
    ParameterSet(u8),
    /// Longer or shorter than the set's only length.
    #[error("an evaluation key of this parameter set has {expected} bytes, not {found}; upload it again")]
    Length {
        /// The length that there is.
        expected: usize,
        /// The length that came.
        found: usize,
    },
}

impl From<WireError> for KeyError {
    fn from(_: WireError) -> Self {
        Self::NotAKey
    }
}

/// A gate key's public half, ready to compute with: about 90 MB.
///
/// Nobody can see whether it was made honestly, and it need not be seen: its maker is the one whose limit it enforces.
pub struct EvaluationKey {
    set: &'static ParameterSet,
    id: [u8; GATE_KEY_ID_LEN],
    bootstrap: FourierLweBootstrapKeyOwned,
    keyswitch: LweKeyswitchKeyOwned<u32>,
    /// An encryption of zero, from which fresh ones are made.
    zero: GlweCiphertextOwned<u64>,
    pub(crate) digit: Vec<u64>,
    pub(crate) wrap: Vec<u64>,
    pub(crate) sign: Vec<u64>,
    pub(crate) clean: Vec<u64>,
}

/// A ciphertext switched to the small key: what a rotation consumes.
pub(crate) struct Turn(LweCiphertext<Vec<u32>>);

/// A polynomial turned by an encrypted number.
pub(crate) struct Turned(GlweCiphertextOwned<u64>);

impl EvaluationKey {
    /// Bytes of the wire form: the cap on what is read before anything is looked at.
    #[must_use]
    pub fn wire_len() -> usize {
        len(&super::params::PRODUCT)
    }

    /// Checks the head of a key that is still arriving: its name, when it is a key of the allowed set.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn peek(head: &[u8]) -> Result<[u8; GATE_KEY_ID_LEN], KeyError> {
        read_head(&mut Reader::new(head)).map(|(_, id)| id)
    }

    /// Takes a key apart and makes it ready. It takes a good part of a second on one thread.
    ///
    /// # Errors
    /// [`KeyError`]. All bytes of the right length behind a right head are a key; a damaged one computes nonsense.
    pub fn load(bytes: &[u8]) -> Result<Self, KeyError> {
        let mut reader = Reader::new(bytes);
        let (set, id) = read_head(&mut reader)?;
        if bytes.len() != len(set) {
            return Err(KeyError::Length {
                expected: len(set),
                found: bytes.len(),
            });
        }
        let seeds = (0..set.pieces + 2)
            .map(|_| reader.array().map(compression_seed))
            .collect::<Result<Vec<_>, _>>()?;
        let mut seeds = seeds.into_iter();
        let mut next_seed = || seeds.next().ok_or(KeyError::NotAKey);

        let mut bootstrap = fourier(set, set.small_dimension);
        let in_whole = bootstrap.as_view().data().len() / set.pieces;
        for piece in 0..set.pieces {
            let bodies = read_u48(reader.take(bootstrap_words(set) / set.pieces * BODY_LEN)?);
            let standard = SeededLweBootstrapKey::from_container(
                bodies,
                GLWE_SIZE,
                PolynomialSize(N),
                set.pbs_base_log,
                set.pbs_level,
                next_seed()?,
                native(),
            )
            .decompress_into_lwe_bootstrap_key();
            let mut part = fourier(set, set.small_dimension / set.pieces);
            convert_standard_lwe_bootstrap_key_to_fourier(&standard, &mut part);
            bootstrap.as_mut_view().data()[piece * in_whole..][..in_whole].copy_from_slice(part.as_view().data());
        }

        let keyswitch_seed = next_seed()?;
        let zero = SeededGlweCiphertext::from_container(
            read_u48(reader.take(N * BODY_LEN)?),
            GLWE_SIZE,
            next_seed()?,
            native(),
        )
        .decompress_into_glwe_ciphertext();

        let words = reader.take(keyswitch_words(set) * 4)?.as_chunks::<4>().0;
        let keyswitch = SeededLweKeyswitchKey::from_container(
            words.iter().map(|word| u32::from_le_bytes(*word)).collect::<Vec<_>>(),
            set.ks_base_log,
            set.ks_level,
            LweSize(set.small_dimension + 1),
            keyswitch_seed,
            CiphertextModulus::new_native(),
        )
        .decompress_into_lwe_keyswitch_key();
        reader.end()?;

        Ok(Self {
            set,
            id,
            bootstrap,
            keyswitch,
            zero,
            digit: tables::digit(),
            wrap: tables::wrap(),
            sign: tables::sign(),
            clean: tables::clean(),
        })
    }

    /// The name of the gate key.
    #[must_use]
    pub fn id(&self) -> [u8; GATE_KEY_ID_LEN] {
        self.id
    }

    /// Memory in bytes.
    #[must_use]
    pub fn loaded_bytes(&self) -> usize {
        size_of_val(self.bootstrap.as_view().data())
            + size_of_val(self.keyswitch.as_ref())
            + size_of_val(self.zero.as_ref())
            + 4 * size_of_val(self.digit.as_slice())
    }

    /// Switches to the small key.
    pub(crate) fn turn(&self, by: &Lwe) -> Turn {
        let mut small = LweCiphertext::new(
            0u32,
            self.keyswitch.output_key_lwe_dimension().to_lwe_size(),
            CiphertextModulus::new_native(),
        );
        keyswitch_lwe_ciphertext_with_scalar_change(
            &self.keyswitch,
            &LweCiphertext::from_container(by.0.as_slice(), native()),
            &mut small,
        );
        Turn(small)
    }

    /// Turns `table`: the bootstrap.
    pub(crate) fn rotate(&self, table: &[u64], by: &Turn) -> Turned {
        let mut words = vec![0; 2 * N];
        words[N..].copy_from_slice(table);
        let mut polynomial = GlweCiphertext::from_container(words, PolynomialSize(N), native());
        let switched = lwe_ciphertext_centered_binary_modulus_switch::<u32, usize, _>(
            by.0.as_view(),
            PolynomialSize(N).to_blind_rotation_input_modulus_log(),
        );
        blind_rotate_assign(&switched, &mut polynomial, &self.bootstrap);
        Turned(polynomial)
    }

    /// The window of a turned release, hidden: a fresh encryption of zero is added, and of 64 bits the upper eleven are kept.
    pub(crate) fn sanitise(&self, turned: &Turned, rng: &mut (impl CryptoRng + ?Sized)) -> (Vec<u16>, Vec<u16>) {
        let mut random = RandomGenerator::<DefaultRandomGenerator>::new(Seeds(rng).seed());
        let mut chosen = vec![0u64; N];
        random.fill_slice_with_random_uniform_binary_bits(&mut chosen);
        let chosen = Polynomial::from_container(chosen);
        let mut half = |turned: &[u64], zero: &[u64]| {
            let mut sum = Polynomial::from_container(turned.to_vec());
            polynomial_wrapping_add_mul_assign(&mut sum, &Polynomial::from_container(zero), &chosen);
            random.unsigned_integer_slice_wrapping_add_random_from_distribution_assign(sum.as_mut(), self.set.noise);
            sum.into_container()
                .into_iter()
                .map(|word| (word.wrapping_add(1 << (63 - RELEASE_BITS)) >> (64 - RELEASE_BITS)) as u16)
                .collect::<Vec<_>>()
        };
        let (turned_mask, turned_body) = turned.0.as_ref().split_at(N);
        let (zero_mask, zero_body) = self.zero.as_ref().split_at(N);
        let mask = half(turned_mask, zero_mask);
        let mut window = half(turned_body, zero_body);
        window.truncate(WINDOW);
        (mask, window)
    }
}

impl core::fmt::Debug for EvaluationKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("EvaluationKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Turned {
    /// The coefficient at `place`, as a ciphertext under the GLWE key.
    pub(crate) fn read(&self, place: usize) -> Lwe {
        let mut lwe = LweCiphertext::new(0, LweSize(LWE_WORDS), native());
        extract_lwe_sample_from_glwe_ciphertext(&self.0, &mut lwe, MonomialDegree(place));
        Lwe(lwe.into_container())
    }
}

fn read_head(reader: &mut Reader<'_>) -> Result<(&'static ParameterSet, [u8; GATE_KEY_ID_LEN]), KeyError> {
    debug_assert!(HEAD_LEN == MAGIC.len() + 2 + GATE_KEY_ID_LEN);
    if reader.take(MAGIC.len())? != MAGIC || reader.byte()? != VERSION {
        return Err(KeyError::NotAKey);
    }
    let set = reader.byte()?;
    let set = ParameterSet::by_id(set).ok_or(KeyError::ParameterSet(set))?;
    Ok((set, reader.array()?))
}

fn fourier(set: &ParameterSet, bits: usize) -> FourierLweBootstrapKeyOwned {
    FourierLweBootstrapKeyOwned::new(
        LweDimension(bits),
        GLWE_SIZE,
        PolynomialSize(N),
        set.pbs_base_log,
        set.pbs_level,
    )
}

fn read_u48(bytes: &[u8]) -> Vec<u64> {
    bytes
        .as_chunks::<BODY_LEN>()
        .0
        .iter()
        .map(|[a, b, c, d, e, f]| u64::from_le_bytes([0, 0, *a, *b, *c, *d, *e, *f]))
        .collect()
}
