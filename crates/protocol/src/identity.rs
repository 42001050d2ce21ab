//! Identities: the long-lived key of an address, its fingerprint, and the safety number that two people compare.

use std::fmt;

use rand_core::CryptoRng;

use crate::address::Address;
use crate::error::{DecodeError, SignatureError};
use crate::labels;
use crate::primitives::secret::Secret;
pub use crate::primitives::signature::{Purpose, SEED_LENGTH, SIGNATURE_LENGTH};
use crate::primitives::signature::{SigningKey, VERIFYING_KEY_LENGTH, VerifyingKey};
use crate::primitives::{hash, truncate};
use crate::wire::Put;

/// Bytes of an encoded identity key.
pub const IDENTITY_KEY_LENGTH: usize = VERIFYING_KEY_LENGTH;

/// 32 bytes that name an identity key together with its address: `H(lp("latchkey/1/fingerprint") ‖ lp(addr) ‖ ed_vk ‖ mldsa_vk)[..32]`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// From its 32 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// The public identity of an address: Ed25519 and ML-DSA-87 verifying keys.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct IdentityKey(VerifyingKey);

impl IdentityKey {
    /// Parses exactly [`IDENTITY_KEY_LENGTH`] bytes.
    ///
    /// # Errors
    /// [`DecodeError`] for a wrong length or an Ed25519 half that is invalid or of small order.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        VerifyingKey::from_bytes(bytes).map(Self)
    }

    /// The encoding, [`IDENTITY_KEY_LENGTH`] bytes: `Ed25519[32] ‖ ML-DSA-87[2592]`.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes()
    }

    /// The fingerprint of this key as the key of `address`.
    #[must_use]
    pub fn fingerprint(&self, address: &Address) -> Fingerprint {
        self.labelled(labels::FINGERPRINT, address.as_bytes())
    }

    fn labelled(&self, label: &[u8], name: &[u8]) -> Fingerprint {
        let mut head = Vec::with_capacity(8 + label.len() + name.len());
        head.put_lp(label).put_lp(name);
        let (ed25519, ml_dsa) = self.0.halves();
        Fingerprint(truncate(&hash(&[&head, ed25519, ml_dsa])))
    }

    /// Checks a signature that the holder of this key made for `purpose` as `signer`.
    ///
    /// # Errors
    /// [`SignatureError`] when either half does not verify.
    pub fn verify(
        &self,
        purpose: Purpose,
        signer: &Fingerprint,
        payload: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        self.0.verify(purpose, &signer.0, payload, signature)
    }
}

/// The fingerprint of a relay's own signing key, which clients pin: `H(lp("latchkey/1/relay-fingerprint") ‖ lp(∅) ‖ ed_vk ‖ mldsa_vk)[..32]`.
#[must_use]
pub fn relay_fingerprint(key: &IdentityKey) -> Fingerprint {
    key.labelled(labels::RELAY_FINGERPRINT, &[])
}

/// An identity with its secret half.
#[derive(Clone, Debug)]
pub struct IdentityKeyPair {
    key: SigningKey,
    public: IdentityKey,
}

impl IdentityKeyPair {
    /// A fresh identity.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self::from_key(SigningKey::generate(rng))
    }

    /// The identity of a stored seed.
    #[must_use]
    pub fn from_seed(seed: Secret<SEED_LENGTH>) -> Self {
        Self::from_key(SigningKey::from_seed(seed))
    }

    fn from_key(key: SigningKey) -> Self {
        let public = IdentityKey(key.verifying_key().clone());
        Self { key, public }
    }

    /// The seed, for storage.
    #[must_use]
    pub const fn seed(&self) -> &Secret<SEED_LENGTH> {
        self.key.seed()
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> &IdentityKey {
        &self.public
    }

    /// Signs `payload` for `purpose` as `signer`, the fingerprint of this identity at its address; [`SIGNATURE_LENGTH`] bytes.
    pub fn sign(&self, purpose: Purpose, signer: &Fingerprint, payload: &[u8], rng: &mut impl CryptoRng) -> Vec<u8> {
        self.key.sign(purpose, &signer.0, payload, rng)
    }
}

/// Digits in a safety number: twelve groups of five, about 199 bits. Two fingerprints that give the same digits cost about 2^100 work
/// even for someone who chooses both.
const DIGIT_GROUPS: usize = 12;
/// Bytes that make one group: 40 bits mod 100 000, so no digit is favoured by more than 10^-7.
const GROUP_BYTES: usize = 5;

/// What two people compare to know that no one stands between them. The same at both ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SafetyNumber {
    low: Fingerprint,
    high: Fingerprint,
}

impl SafetyNumber {
    /// The safety number of two identities, in whichever order.
    #[must_use]
    pub fn new(one: Fingerprint, other: Fingerprint) -> Self {
        Self {
            low: one.min(other),
            high: one.max(other),
        }
    }

    /// Sixty digits: from `H(lp("latchkey/1/safety-number") ‖ fp_low ‖ fp_high)` twelve times five bytes, mod 100 000.
    #[must_use]
    pub fn digits(&self) -> String {
        let mut head = Vec::new();
        head.put_lp(labels::SAFETY_NUMBER);
        let digest = hash(&[&head, &self.low.0, &self.high.0]);
        digest
            .chunks_exact(GROUP_BYTES)
            .take(DIGIT_GROUPS)
            .map(|group| {
                let value = group.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
                format!("{:05}", value % 100_000)
            })
            .collect()
    }

    /// For a QR code that a client scans: a version byte and both fingerprints whole, 65 bytes, so a scan compares all 256 bits of each.
    #[must_use]
    pub fn qr_bytes(&self) -> Vec<u8> {
        [&[1][..], &self.low.0, &self.high.0].concat()
    }
}

impl fmt::Display for SafetyNumber {
    /// Twelve groups of five digits, separated by spaces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, digit) in self.digits().chars().enumerate() {
            if i > 0 && i % 5 == 0 {
                f.write_str(" ")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}
