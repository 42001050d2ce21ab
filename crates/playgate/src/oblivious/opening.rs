//! The recipient's key.

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use tfhe::core_crypto::prelude::{
    DefaultRandomGenerator, EncryptionRandomGenerator, LweSecretKey, LweSize, PlaintextList, SeededLweCiphertextList,
    encrypt_seeded_lwe_ciphertext_list_with_pre_seeded_generator,
};
use zeroize::Zeroizing;

use super::lwe::{Lwe, Seeds, compression_seed, native};
use super::params::{BOX, LWE_WORDS, N, PRODUCT};
use super::release::{PlayRelease, RELEASE_BITS, open_share};
use super::request::{Form, PlayRequest};
use super::secret::Bits;
use super::tables::{MARKER, PAYLOAD, RHO_LEN, SYMBOL_BITS, WINDOW};
use super::wire::{WireError, exactly};
use super::{PlayContext, Want};
use crate::share::PlayShare;

/// Bytes of an [`OpeningKey`].
pub const OPENING_KEY_LEN: usize = N / 8;

/// What opens releases and seals requests: the sender's GLWE key, sealed end to end to each recipient.
///
/// It decrypts every counter and request under the same gate key. Recipients of one sender who collude with the relay learn each other's limits and
/// counts; never content.
#[derive(Clone)]
pub struct OpeningKey {
    glwe: Bits,
}

impl OpeningKey {
    pub(crate) fn new(glwe: Bits) -> Self {
        Self { glwe }
    }

    /// The key as it travels inside the envelope: [`OPENING_KEY_LEN`] bytes. It is secret.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.glwe.packed().to_vec())
    }

    /// Reads what [`OpeningKey::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`WireError::Length`] for another length. All bytes of that length are a key.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut reader = exactly(bytes, OPENING_KEY_LEN)?;
        Ok(Self::new(Bits::from_packed(reader.take(OPENING_KEY_LEN)?.to_vec(), N)))
    }

    /// Opens a release. `None`: the play was denied, or asked for by a decoy, or belongs to another license or play id.
    #[must_use]
    pub fn open(&self, release: &PlayRelease, context: &PlayContext) -> Option<PlayShare> {
        let symbols = self.symbols(release);
        // A drift of −64…64 puts the marker at 128…0. Each place that could be it is tried: the tag tells.
        (0..=BOX).filter(|at| symbols[*at] == MARKER).find_map(|at| {
            let rho = read_rho(&symbols[at + 1..at + PAYLOAD]);
            open_share(&rho, context, &release.sealed_share)
        })
    }

    fn symbols(&self, release: &PlayRelease) -> Zeroizing<Vec<u8>> {
        let shift = RELEASE_BITS as usize - SYMBOL_BITS;
        let round = 1 << (shift - 1);
        Zeroizing::new(
            self.phases(release)
                .iter()
                .map(|phase| (phase.wrapping_add(round) >> shift) as u8 & ((1 << SYMBOL_BITS) - 1))
                .collect(),
        )
    }

    /// `body − mask · key`, where the window is.
    pub(crate) fn phases(&self, release: &PlayRelease) -> Zeroizing<Vec<u16>> {
        let bits = self.glwe.words::<u16>();
        let mut phases = Zeroizing::new(release.window.clone());
        for (j, phase) in phases.iter_mut().enumerate().take(WINDOW) {
            // Without a branch on a secret bit: it is multiplied with. X^N = −1.
            let mut sum = 0u16;
            for (bit, mask) in bits[..=j].iter().zip(release.mask[..=j].iter().rev()) {
                sum = sum.wrapping_add(bit.wrapping_mul(*mask));
            }
            for (bit, mask) in bits[j + 1..].iter().zip(release.mask[j + 1..].iter().rev()) {
                sum = sum.wrapping_sub(bit.wrapping_mul(*mask));
            }
            *phase = phase.wrapping_sub(sum) & ((1 << RELEASE_BITS) - 1);
        }
        phases
    }

    pub(crate) fn sealed_request(&self, plain: u64, rng: &mut (impl CryptoRng + ?Sized)) -> PlayRequest {
        let mut seeds = Seeds(rng);
        let seed = seeds.draw();
        let words = self.glwe.words::<u64>();
        let mut list =
            SeededLweCiphertextList::from_container(vec![0; 1], LweSize(LWE_WORDS), compression_seed(seed), native());
        encrypt_seeded_lwe_ciphertext_list_with_pre_seeded_generator(
            &LweSecretKey::from_container(words.as_slice()),
            &mut list,
            &PlaintextList::from_container([plain].as_slice()),
            PRODUCT.noise,
            &mut EncryptionRandomGenerator::<DefaultRandomGenerator>::new(compression_seed(seed), &mut seeds),
        );
        let body = list.into_container().pop().unwrap_or_default();
        PlayRequest(Form::Sealed { seed, body })
    }
}

impl PlayRequest {
    /// A request when all pads are used: it costs the relay one more rotation.
    pub fn sealed(key: &OpeningKey, want: Want, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        // A quarter of the torus up or down: as far from the boundary as there is.
        let plain = match want {
            Want::Play => 1 << 62,
            Want::Decoy => 3 << 62,
        };
        key.sealed_request(plain, rng)
    }
}

impl PartialEq for OpeningKey {
    fn eq(&self, other: &Self) -> bool {
        self.glwe.packed().ct_eq(other.glwe.packed()).into()
    }
}

impl Eq for OpeningKey {}

impl core::fmt::Debug for OpeningKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("OpeningKey(…)")
    }
}

/// The plaintext of a ciphertext, noise included. `bits` are the key, a word each.
pub(crate) fn phase(bits: &[u64], lwe: &Lwe) -> u64 {
    lwe.0[..N]
        .iter()
        .zip(bits)
        .fold(lwe.0[N], |sum, (mask, bit)| sum.wrapping_sub(mask.wrapping_mul(*bit)))
}

fn read_rho(symbols: &[u8]) -> Zeroizing<[u8; RHO_LEN]> {
    let mut rho = Zeroizing::new([0; RHO_LEN]);
    for (byte, symbols) in rho.iter_mut().zip(symbols.chunks_exact(8 / SYMBOL_BITS)) {
        *byte = symbols.iter().fold(0, |byte, symbol| byte << SYMBOL_BITS | symbol);
    }
    rho
}
