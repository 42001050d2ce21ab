//! Hybrid signatures: Ed25519 (RFC 8032) and ML-DSA-87 (FIPS 204), both always made, both always checked.
//!
//! There is no encoding of one half alone: a key is 32 ‖ 2592 bytes and a signature 64 ‖ 4627 bytes, nothing shorter parses. What is
//! signed is `lp("latchkey/1/sig") ‖ lp(purpose) ‖ signer's fingerprint ‖ lp(payload)`; ML-DSA gets `latchkey/1/<purpose>` as its context
//! string besides. Signature bytes are hedged and never serve as an id.

use std::fmt;

use ed25519_dalek::Signer;
use ml_dsa::{KeyInit, MlDsa87};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::error::{DecodeError, SignatureError};
use crate::labels;
use crate::primitives::secret::Secret;
use crate::wire::Put;

/// Bytes of an Ed25519 verifying key.
const ED25519_KEY: usize = 32;
/// Bytes of an ML-DSA-87 verifying key (FIPS 204, table 2).
const ML_DSA_KEY: usize = 2592;
/// Bytes of an Ed25519 signature.
const ED25519_SIGNATURE: usize = 64;
/// Bytes of an ML-DSA-87 signature (FIPS 204, table 2).
const ML_DSA_SIGNATURE: usize = 4627;
/// Bytes of a hybrid verifying key.
pub const VERIFYING_KEY_LENGTH: usize = ED25519_KEY + ML_DSA_KEY;
/// Bytes of a hybrid signature.
pub const SIGNATURE_LENGTH: usize = ED25519_SIGNATURE + ML_DSA_SIGNATURE;
/// Bytes of a signing key's seed: 32 for each half.
pub const SEED_LENGTH: usize = 64;

/// What a signature is for. One made for a purpose never verifies for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// The initiator's signature over T1.
    Handshake,
    /// The responder's signature over the session and the header of its first advance.
    FirstAdvance,
    /// A signed prekey.
    SignedPreKey,
    /// A batch of one-time prekeys.
    OneTimeBatch,
    /// Signing in to a relay.
    SignIn,
    /// Claiming a user name.
    Register,
    /// An identity naming its successor.
    Succession,
    /// A relay's receipt for a play.
    PlayReceipt,
}

impl Purpose {
    /// Every purpose, for tests that try each against each.
    pub const ALL: [Self; 8] = [
        Self::Handshake,
        Self::FirstAdvance,
        Self::SignedPreKey,
        Self::OneTimeBatch,
        Self::SignIn,
        Self::Register,
        Self::Succession,
        Self::PlayReceipt,
    ];

    /// The ML-DSA context; the purpose alone is what follows the prefix.
    const fn context(self) -> &'static [u8] {
        match self {
            Self::Handshake => b"latchkey/1/handshake",
            Self::FirstAdvance => b"latchkey/1/first-advance",
            Self::SignedPreKey => b"latchkey/1/spk",
            Self::OneTimeBatch => b"latchkey/1/opk-batch",
            Self::SignIn => b"latchkey/1/sign-in",
            Self::Register => b"latchkey/1/register",
            Self::Succession => b"latchkey/1/succession",
            Self::PlayReceipt => b"latchkey/1/play-receipt",
        }
    }

    fn name(self) -> &'static [u8] {
        let context = self.context();
        &context[b"latchkey/1/".len()..]
    }

    /// The bytes that both halves sign.
    fn message(self, signer: &[u8; 32], payload: &[u8]) -> Vec<u8> {
        let mut message = Vec::with_capacity(payload.len() + 80);
        message
            .put_lp(labels::SIGNATURE)
            .put_lp(self.name())
            .put(signer)
            .put_lp(payload);
        message
    }
}

/// A hybrid verifying key: `Ed25519[32] ‖ ML-DSA-87[2592]`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct VerifyingKey {
    ed25519: [u8; ED25519_KEY],
    ml_dsa: Box<[u8; ML_DSA_KEY]>,
}

impl VerifyingKey {
    /// Parses a key of exactly [`VERIFYING_KEY_LENGTH`] bytes.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] or [`DecodeError::TrailingBytes`] for another length, [`DecodeError::BadKey`] when the Ed25519 half is no
    /// point, not canonically encoded, or of small order (its signatures would verify for many messages).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (ed25519, ml_dsa) = bytes.split_at_checked(ED25519_KEY).ok_or(DecodeError::Truncated)?;
        let ed25519: [u8; ED25519_KEY] = ed25519.try_into().map_err(|_| DecodeError::Truncated)?;
        if ml_dsa.len() != ML_DSA_KEY {
            return Err(if ml_dsa.len() < ML_DSA_KEY {
                DecodeError::Truncated
            } else {
                DecodeError::TrailingBytes
            });
        }
        let point = ed25519_dalek::VerifyingKey::from_bytes(&ed25519).map_err(|_| DecodeError::BadKey)?;
        if point.is_weak() || point.to_edwards().compress().to_bytes() != ed25519 {
            return Err(DecodeError::BadKey);
        }
        let ml_dsa = Box::try_from(ml_dsa.to_vec().into_boxed_slice()).map_err(|_| DecodeError::BadKey)?;
        Ok(Self { ed25519, ml_dsa })
    }

    /// The encoding, [`VERIFYING_KEY_LENGTH`] bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.ed25519[..], &self.ml_dsa[..]].concat()
    }

    pub(crate) fn halves(&self) -> (&[u8], &[u8]) {
        (&self.ed25519, &self.ml_dsa[..])
    }

    /// Checks a signature of exactly [`SIGNATURE_LENGTH`] bytes. Both halves are always evaluated; Ed25519 strictly (no malleable S, no
    /// small-order R).
    ///
    /// # Errors
    /// [`SignatureError`], which does not say which half failed.
    pub fn verify(
        &self,
        purpose: Purpose,
        signer: &[u8; 32],
        payload: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        let message = purpose.message(signer, payload);
        let (classical, lattice) = signature.split_at_checked(ED25519_SIGNATURE).ok_or(SignatureError)?;
        let classical = ed25519_dalek::Signature::from_slice(classical).map_err(|_| SignatureError)?;
        let lattice = ml_dsa::EncodedSignature::<MlDsa87>::try_from(lattice).map_err(|_| SignatureError)?;
        let classical_key = ed25519_dalek::VerifyingKey::from_bytes(&self.ed25519).map_err(|_| SignatureError)?;
        let classical_holds = classical_key.verify_strict(&message, &classical).is_ok();
        let lattice_holds = {
            let encoded =
                ml_dsa::EncodedVerifyingKey::<MlDsa87>::try_from(&self.ml_dsa[..]).map_err(|_| SignatureError)?;
            let key = Box::new(ml_dsa::VerifyingKey::<MlDsa87>::decode(&encoded));
            ml_dsa::Signature::<MlDsa87>::decode(&lattice)
                .is_some_and(|signature| key.verify_with_context(&message, purpose.context(), &signature))
        };
        if classical_holds & lattice_holds {
            Ok(())
        } else {
            Err(SignatureError)
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "VerifyingKey({:02x}{:02x}{:02x}{:02x}…)",
            self.ed25519[0], self.ed25519[1], self.ed25519[2], self.ed25519[3]
        )
    }
}

/// A hybrid signing key, kept as its 64-byte seed (Ed25519 seed ‖ ML-DSA ξ) and expanded for each signature: identity keys sign rarely.
#[derive(Clone)]
pub struct SigningKey {
    seed: Secret<SEED_LENGTH>,
    public: VerifyingKey,
}

impl SigningKey {
    /// A fresh key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self::from_seed(Secret::random(rng))
    }

    /// The key of a seed.
    #[must_use]
    pub fn from_seed(seed: Secret<SEED_LENGTH>) -> Self {
        let (ed25519, ml_dsa) = expand(&seed);
        let lattice = ml_dsa.expanded_key().verifying_key().encode();
        let mut bytes = Box::new([0; ML_DSA_KEY]);
        bytes.copy_from_slice(&lattice);
        let public = VerifyingKey {
            ed25519: ed25519.verifying_key().to_bytes(),
            ml_dsa: bytes,
        };
        Self { seed, public }
    }

    /// The seed, 64 bytes, for storage.
    #[must_use]
    pub const fn seed(&self) -> &Secret<SEED_LENGTH> {
        &self.seed
    }

    /// The public half.
    #[must_use]
    pub const fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    /// Signs; [`SIGNATURE_LENGTH`] bytes. ML-DSA is hedged with 32 bytes of `rng` (FIPS 204, algorithm 2).
    pub fn sign(&self, purpose: Purpose, signer: &[u8; 32], payload: &[u8], rng: &mut impl CryptoRng) -> Vec<u8> {
        let message = purpose.message(signer, payload);
        let (ed25519, ml_dsa) = expand(&self.seed);
        let mut signature = Vec::with_capacity(SIGNATURE_LENGTH);
        signature.put(&ed25519.sign(&message).to_bytes());
        // An error would mean a context above 255 bytes (ours are constants below 32); the empty half that would follow verifies nowhere.
        if let Ok(lattice) = ml_dsa.expanded_key().sign_randomized(&message, purpose.context(), rng) {
            signature.put(&lattice.encode());
        }
        signature
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

fn expand(seed: &Secret<SEED_LENGTH>) -> (ed25519_dalek::SigningKey, Box<ml_dsa::SigningKey<MlDsa87>>) {
    let bytes = seed.expose();
    let mut classical = Zeroizing::new([0; 32]);
    classical.copy_from_slice(&bytes[..32]);
    let mut lattice = Zeroizing::new(ml_dsa::Seed::default());
    lattice.copy_from_slice(&bytes[32..]);
    (
        ed25519_dalek::SigningKey::from_bytes(&classical),
        Box::new(ml_dsa::SigningKey::new(&lattice)),
    )
}
