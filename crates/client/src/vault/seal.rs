//! Sealing of single records: AES-256-GCM under a subkey of the record's kind, bound to the record's place.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::kdf::KEY_LEN;
use super::{Kind, VaultError};

/// AES-GCM's nonce, in bytes. Drawn afresh for every write: with random nonces a key is good for 2^32 writes (NIST SP 800-38D, 8.3); a
/// person who writes a message a second reaches that after 136 years, and each kind has a key of its own.
const NONCE_LEN: usize = 12;
/// AES-GCM's tag, in bytes.
const TAG_LEN: usize = 16;
/// Length of a row's blind index, in bytes.
pub(super) const ROW_LEN: usize = 32;

/// Fills an array from the operating system's generator.
pub(super) fn random<const N: usize>() -> Result<[u8; N], VaultError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| VaultError::Randomness)?;
    Ok(bytes)
}

/// `nonce || AES-256-GCM(key, nonce, aad, plaintext)`.
pub(super) fn seal(key: &[u8; KEY_LEN], aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, VaultError> {
    let nonce = random::<NONCE_LEN>()?;
    let sealed = Aes256Gcm::new(key.into())
        .encrypt(&Nonce::from(nonce), Payload { msg: plaintext, aad })
        .map_err(|_| VaultError::Corrupt("record too long"))?;
    let mut out = Vec::with_capacity(NONCE_LEN + sealed.len());
    out.extend_from_slice(&nonce);
    out.extend_from_slice(&sealed);
    Ok(out)
}

/// The inverse of [`seal`]; `None` when anything at all was changed.
pub(super) fn unseal(key: &[u8; KEY_LEN], aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, body) = sealed
        .split_first_chunk::<NONCE_LEN>()
        .filter(|(_, body)| body.len() >= TAG_LEN)?;
    Aes256Gcm::new(key.into())
        .decrypt(&Nonce::from(*nonce), Payload { msg: body, aad })
        .ok()
        .map(Zeroizing::new)
}

/// The data key's children: one sealing key and one index key for each kind of record.
pub(super) struct Keys {
    data: Zeroizing<[u8; KEY_LEN]>,
    kinds: Vec<(Kind, KindKeys)>,
}

struct KindKeys {
    seal: Zeroizing<[u8; KEY_LEN]>,
    index: Zeroizing<[u8; KEY_LEN]>,
}

impl Keys {
    pub(super) fn derive(data: Zeroizing<[u8; KEY_LEN]>) -> Result<Self, VaultError> {
        let root = Hkdf::<Sha256>::new(None, data.as_ref());
        let child = |purpose: &str, kind: Kind| {
            let mut key = Zeroizing::new([0; KEY_LEN]);
            let info = format!("latchkey/1/vault/{purpose}/{}", kind.name());
            root.expand(info.as_bytes(), key.as_mut())
                .map_err(|_| VaultError::Corrupt("key schedule"))?;
            Ok::<_, VaultError>(key)
        };
        let mut kinds = Vec::with_capacity(Kind::ALL.len());
        for kind in Kind::ALL {
            kinds.push((
                kind,
                KindKeys {
                    seal: child("seal", kind)?,
                    index: child("index", kind)?,
                },
            ));
        }
        Ok(Self { data, kinds })
    }

    /// The data key itself, to be wrapped anew when the passphrase changes.
    pub(super) fn data(&self) -> &[u8; KEY_LEN] {
        &self.data
    }

    fn of(&self, kind: Kind) -> Result<&KindKeys, VaultError> {
        self.kinds
            .iter()
            .find(|(k, _)| *k == kind)
            .map(|(_, keys)| keys)
            .ok_or(VaultError::Corrupt("key schedule"))
    }

    /// The blind index of a record's key: HMAC-SHA-256, so that the file tells no contact's name and no message's id.
    pub(super) fn row(&self, kind: Kind, key: &[u8]) -> Result<[u8; ROW_LEN], VaultError> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.of(kind)?.index.as_ref())
            .map_err(|_| VaultError::Corrupt("key schedule"))?;
        mac.update(key);
        Ok(mac.finalize().into_bytes().into())
    }

    /// Seals `key` and `value` for the place (kind, row, position).
    pub(super) fn seal(&self, place: &Place<'_>, key: &[u8], value: &[u8]) -> Result<Vec<u8>, VaultError> {
        let key_len = u32::try_from(key.len()).map_err(|_| VaultError::Corrupt("record key too long"))?;
        let mut plain = Zeroizing::new(Vec::with_capacity(4 + key.len() + value.len()));
        plain.extend_from_slice(&key_len.to_be_bytes());
        plain.extend_from_slice(key);
        plain.extend_from_slice(value);
        seal(&self.of(place.kind)?.seal, &place.aad(), &plain)
    }

    /// Opens what [`Keys::seal`] made for the same place; answers (key, value).
    pub(super) fn unseal(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Opened, VaultError> {
        let corrupt = || VaultError::Tampered(place.kind.name());
        let plain = unseal(&self.of(place.kind)?.seal, &place.aad(), sealed).ok_or_else(corrupt)?;
        let (len, rest) = plain.split_first_chunk::<4>().ok_or_else(corrupt)?;
        let len = usize::try_from(u32::from_be_bytes(*len)).map_err(|_| corrupt())?;
        let (key, value) = rest.split_at_checked(len).ok_or_else(corrupt)?;
        Ok(Opened {
            key: Zeroizing::new(key.to_vec()),
            value: Zeroizing::new(value.to_vec()),
        })
    }
}

/// A record in the clear.
pub(super) struct Opened {
    pub(super) key: Zeroizing<Vec<u8>>,
    pub(super) value: Zeroizing<Vec<u8>>,
}

/// Where a record lies. All of it is authenticated: a record moved to another row, kind or position does not open.
pub(super) struct Place<'a> {
    pub(super) kind: Kind,
    pub(super) row: &'a [u8],
    pub(super) position: i64,
}

impl Place<'_> {
    fn aad(&self) -> Vec<u8> {
        let name = self.kind.name().as_bytes();
        let mut aad = b"latchkey/1/vault/record".to_vec();
        // Kind names and rows have fixed lengths within a kind, and a zero byte ends the name: the encoding is unambiguous.
        aad.extend_from_slice(name);
        aad.push(0);
        aad.extend_from_slice(self.row);
        aad.extend_from_slice(&self.position.to_be_bytes());
        aad
    }
}
