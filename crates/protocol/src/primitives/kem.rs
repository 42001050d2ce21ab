//! The hybrid KEM: X25519 (RFC 7748) and ML-KEM-1024 (FIPS 203), combined so that it holds while either does.
//!
//! Public key and ciphertext are `X25519[32] ‖ ML-KEM-1024[1568]`. The shared secret is
//! `HKDF(salt = ∅, ikm = ss_mlkem[32] ‖ ss_x[32], info = lp("latchkey/1/kem") ‖ H(pk) ‖ H(ct), 32)`: both secrets, bound to the whole public key
//! and the whole ciphertext, so neither half can be exchanged for another.

use std::fmt;

use ml_kem::{Decapsulate, Encapsulate, KeyExport, KeyInit, MlKem1024};
use rand_core::CryptoRng;
use x25519_dalek::{PublicKey as XPublic, StaticSecret};
use zeroize::Zeroizing;

use crate::error::DecodeError;
use crate::labels;
use crate::prekey::KEM_KEY_LENGTH;
use crate::primitives::hash;
use crate::primitives::kdf::hkdf;
use crate::primitives::secret::Secret;
use crate::wire::Put;

type Encapsulation = ml_kem::EncapsulationKey<MlKem1024>;
type Decapsulation = ml_kem::DecapsulationKey<MlKem1024>;

/// Bytes of an X25519 public key, and of the share of one.
const X25519_LENGTH: usize = 32;
/// Bytes of a ciphertext.
pub const CIPHERTEXT_LENGTH: usize = 1600;
/// Bytes of a secret key: X25519 `scalar[32] ‖ ML-KEM seed d ‖ z [64]`.
pub const SECRET_KEY_LENGTH: usize = 96;

/// What encapsulation yields: 32 bytes that both ends know.
pub type SharedSecret = Secret<32>;
/// A ciphertext, `X25519[32] ‖ ML-KEM-1024[1568]`.
pub type Ciphertext = [u8; CIPHERTEXT_LENGTH];

/// A validated public key.
#[derive(Clone, PartialEq, Eq)]
pub struct KemPublicKey(Box<[u8; KEM_KEY_LENGTH]>);

impl KemPublicKey {
    /// Parses exactly [`KEM_KEY_LENGTH`] bytes.
    ///
    /// # Errors
    /// [`DecodeError::BadKey`] for a wrong length, an ML-KEM key whose coefficients are not reduced (FIPS 203, section 7.2), or an X25519 half
    /// of small order: a peer's ratchet key is first used when we answer, and would refuse every answer then.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let bytes: Box<[u8; KEM_KEY_LENGTH]> = bytes
            .to_vec()
            .into_boxed_slice()
            .try_into()
            .map_err(|_| DecodeError::BadKey)?;
        lattice_half(&bytes)?;
        // Scalars are clamped to multiples of eight, so any of them takes every point of small order to zero.
        let probe = StaticSecret::from([1; X25519_LENGTH]);
        if !probe.diffie_hellman(&x_half(&bytes[..])?).was_contributory() {
            return Err(DecodeError::BadKey);
        }
        Ok(Self(bytes))
    }

    /// The encoding.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; KEM_KEY_LENGTH] {
        &self.0
    }

    /// Encapsulates to this key.
    ///
    /// # Errors
    /// [`DecodeError::BadKey`] when the X25519 result is all zeros: the key is of small order and adds nothing.
    pub fn encapsulate(&self, rng: &mut impl CryptoRng) -> Result<(Box<Ciphertext>, SharedSecret), DecodeError> {
        let ephemeral = StaticSecret::random_from_rng(rng);
        let (ct_lattice, ss_lattice) = lattice_half(&self.0)?.encapsulate_with_rng(rng);
        let mut ciphertext = Box::new([0; CIPHERTEXT_LENGTH]);
        ciphertext[..X25519_LENGTH].copy_from_slice(XPublic::from(&ephemeral).as_bytes());
        ciphertext[X25519_LENGTH..].copy_from_slice(&ct_lattice);
        let ss_lattice = Zeroizing::new(ss_lattice);
        let secret = combine(self, &ciphertext, &ss_lattice, &ephemeral, &x_half(&self.0[..])?)?;
        Ok((ciphertext, secret))
    }
}

impl fmt::Debug for KemPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "KemPublicKey({:02x}{:02x}{:02x}{:02x}…)",
            self.0[0], self.0[1], self.0[2], self.0[3]
        )
    }
}

/// A secret key, kept as its seeds (96 bytes) and expanded when it is used.
#[derive(Clone, PartialEq, Eq)]
pub struct KemSecretKey(Secret<SECRET_KEY_LENGTH>);

impl KemSecretKey {
    /// A fresh key pair.
    pub fn generate(rng: &mut impl CryptoRng) -> (Self, KemPublicKey) {
        let key = Self(Secret::random(rng));
        let public = key.public_key();
        (key, public)
    }

    /// From stored bytes.
    #[must_use]
    pub const fn from_secret(bytes: Secret<SECRET_KEY_LENGTH>) -> Self {
        Self(bytes)
    }

    /// The bytes, for storage.
    #[must_use]
    pub const fn secret(&self) -> &Secret<SECRET_KEY_LENGTH> {
        &self.0
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> KemPublicKey {
        let (scalar, lattice) = self.expand();
        let mut bytes = Box::new([0; KEM_KEY_LENGTH]);
        bytes[..X25519_LENGTH].copy_from_slice(XPublic::from(&scalar).as_bytes());
        bytes[X25519_LENGTH..].copy_from_slice(&lattice.encapsulation_key().to_bytes());
        KemPublicKey(bytes)
    }

    fn expand(&self) -> (StaticSecret, Box<Decapsulation>) {
        let bytes = self.0.expose();
        let mut scalar = Zeroizing::new([0; X25519_LENGTH]);
        scalar.copy_from_slice(&bytes[..X25519_LENGTH]);
        let mut seed = Zeroizing::new(ml_kem::Seed::default());
        seed.copy_from_slice(&bytes[X25519_LENGTH..]);
        (StaticSecret::from(*scalar), Box::new(Decapsulation::new(&seed)))
    }

    /// Decapsulates. A ciphertext made for another key yields an unrelated secret (ML-KEM's implicit rejection); the box that follows does
    /// not open then.
    ///
    /// # Errors
    /// [`DecodeError::BadKey`] when the X25519 share is of small order.
    pub fn decapsulate(&self, ciphertext: &Ciphertext) -> Result<SharedSecret, DecodeError> {
        let (scalar, lattice) = self.expand();
        let ct_lattice = ml_kem::Ciphertext::<MlKem1024>::try_from(&ciphertext[X25519_LENGTH..])
            .map_err(|_| DecodeError::Truncated)?;
        let ss_lattice = Zeroizing::new(lattice.decapsulate(&ct_lattice));
        combine(
            &self.public_key(),
            ciphertext,
            &ss_lattice,
            &scalar,
            &x_half(ciphertext)?,
        )
    }
}

impl fmt::Debug for KemSecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KemSecretKey(…)")
    }
}

fn lattice_half(bytes: &[u8; KEM_KEY_LENGTH]) -> Result<Box<Encapsulation>, DecodeError> {
    let encoded = bytes[X25519_LENGTH..].try_into().map_err(|_| DecodeError::BadKey)?;
    Encapsulation::new(encoded)
        .map(Box::new)
        .map_err(|_| DecodeError::BadKey)
}

fn x_half(bytes: &[u8]) -> Result<XPublic, DecodeError> {
    let share: [u8; X25519_LENGTH] = bytes
        .get(..X25519_LENGTH)
        .and_then(|half| half.try_into().ok())
        .ok_or(DecodeError::BadKey)?;
    Ok(XPublic::from(share))
}

fn combine(
    public: &KemPublicKey,
    ciphertext: &Ciphertext,
    ss_lattice: &[u8],
    scalar: &StaticSecret,
    share: &XPublic,
) -> Result<SharedSecret, DecodeError> {
    let ss_x = scalar.diffie_hellman(share);
    if !ss_x.was_contributory() {
        return Err(DecodeError::BadKey);
    }
    let ikm = Zeroizing::new([ss_lattice, ss_x.as_bytes()].concat());
    let mut info = Vec::with_capacity(160);
    info.put_lp(labels::KEM)
        .put(&hash(&[public.as_bytes()]))
        .put(&hash(&[ciphertext]));
    Ok(Secret::new(*hkdf(&[], &ikm, &info)))
}
