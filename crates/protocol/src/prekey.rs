//! Prekeys as they are published: what a stranger needs to write to someone who is away.
//!
//! The signed payloads are explicit byte strings (integers big-endian, `lp(x) = u32 length ‖ x`):
//!
//! ```text
//! signed prekey : u8 suite ‖ lp(addr) ‖ fp[32] ‖ u32 id ‖ u64 seq ‖ u64 created ‖ u64 expires ‖ key[1600]
//! one-time batch: u8 suite ‖ lp(addr) ‖ fp[32] ‖ u32 batch ‖ u64 seq ‖ u64 created ‖ u64 expires ‖ u32 first id ‖ u32 count ‖ root[64]
//! ```
//!
//! Times are milliseconds since the Unix epoch. The ids of a batch are `first id … first id + count − 1`.

#[cfg(test)]
#[cfg(feature = "session")]
#[path = "../tests/unit/prekey.rs"]
mod tests;

use std::time::Duration;

use crate::address::{Address, MAX_ADDRESS};
use crate::error::DecodeError;
use crate::identity::{Fingerprint, IdentityKey, Purpose, SIGNATURE_LENGTH};
use crate::merkle;
use crate::time::Timestamp;
use crate::wire::{Put, Reader};

/// The only suite so far: X25519 + ML-KEM-1024, Ed25519 + ML-DSA-87, HKDF-SHA-512, AES-256-GCM. How an envelope
/// derives its keys from an epoch's is said by its version.
pub const SUITE: u8 = 1;
/// Bytes of a hybrid KEM public key: `X25519[32] ‖ ML-KEM-1024[1568]`.
pub const KEM_KEY_LENGTH: usize = 1600;
/// Most keys in one batch. Clients publish 100; the bound keeps a bundle's path at eight nodes and an upload at 410 KB.
pub const MAX_BATCH: u32 = 256;
/// How far ahead of our clock a prekey may be created: time zones and dead batteries, not forgery, so a day is allowed.
pub const MAX_CLOCK_SKEW: Duration = Duration::from_secs(24 * 3600);

/// Why a prekey or a bundle is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PreKeyError {
    /// The payload does not parse.
    #[error("the prekey is malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// The signature does not verify under the identity.
    #[error("the prekey's signature does not verify")]
    BadSignature,
    /// Signed for another address or identity.
    #[error("the prekey belongs to another address or identity")]
    WrongOwner,
    /// Past its expiry.
    #[error("the prekey has expired; its owner's client has to be online once to renew it")]
    Expired,
    /// Created more than a day ahead of our clock.
    #[error("the prekey is dated more than a day ahead; check the clocks of both devices")]
    FromTheFuture,
    /// Older than one seen before: somebody serves an outdated bundle.
    #[error("the relay served an older prekey than before (rollback)")]
    Rollback,
    /// The one-time prekey is not in the signed batch.
    #[error("the one-time prekey is not part of the signed batch")]
    NotInBatch,
    /// A batch without keys, with too many, or with a list that does not match what is signed.
    #[error("the batch of one-time prekeys does not match its signature")]
    BadBatch,
}

/// A signed prekey as published: the signed bytes and the signature (4691 bytes).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedSignedPreKey {
    /// The signed payload.
    pub payload: Vec<u8>,
    /// Hybrid signature with [`Purpose::SignedPreKey`].
    pub signature: Vec<u8>,
}

/// A batch of one-time prekeys as published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedBatch {
    /// The signed payload.
    pub payload: Vec<u8>,
    /// Hybrid signature with [`Purpose::OneTimeBatch`].
    pub signature: Vec<u8>,
    /// The public keys, [`KEM_KEY_LENGTH`] bytes each, in the order of their ids.
    pub keys: Vec<Vec<u8>>,
}

/// One key of a batch, as a bundle carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedOneTime {
    /// The batch's signed payload.
    pub payload: Vec<u8>,
    /// The batch's signature.
    pub signature: Vec<u8>,
    /// The key's id.
    pub id: u32,
    /// The public key, [`KEM_KEY_LENGTH`] bytes.
    pub key: Vec<u8>,
    /// Siblings from the leaf to the root, 64 bytes each.
    pub path: Vec<Vec<u8>>,
}

/// A verified signed prekey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedPreKeyInfo {
    /// Random id.
    pub id: u32,
    /// Grows with every signed prekey of an identity.
    pub seq: u64,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it is refused.
    pub expires: Timestamp,
    /// The KEM public key, [`KEM_KEY_LENGTH`] bytes (not yet validated as one: the relay links no KEM).
    pub key: Vec<u8>,
}

/// A verified batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedBatch {
    info: BatchInfo,
    keys: Vec<Vec<u8>>,
    leaves: Vec<merkle::Node>,
}

/// One key of a verified batch, with its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneTimeEntry {
    /// The key's id.
    pub id: u32,
    /// The public key.
    pub key: Vec<u8>,
    /// Siblings from the leaf to the root.
    pub path: Vec<Vec<u8>>,
}

impl VerifiedBatch {
    /// The batch's random id.
    #[must_use]
    pub const fn batch_id(&self) -> u32 {
        self.info.batch
    }
    /// Grows with every batch of an identity.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.info.seq
    }
    /// From when on its keys are refused.
    #[must_use]
    pub const fn expires(&self) -> Timestamp {
        self.info.expires
    }
    /// Its keys with their paths.
    pub fn entries(&self) -> impl Iterator<Item = OneTimeEntry> + '_ {
        self.keys.iter().enumerate().map(|(index, key)| OneTimeEntry {
            id: self
                .info
                .first_id
                .wrapping_add(u32::try_from(index).unwrap_or(u32::MAX)),
            key: key.clone(),
            path: merkle::path(&self.leaves, index)
                .iter()
                .map(|node| node.to_vec())
                .collect(),
        })
    }
}

/// What both kinds of payload begin with.
struct Head {
    address: Address,
    fingerprint: Fingerprint,
    id: u32,
    seq: u64,
    created: Timestamp,
    expires: Timestamp,
}

impl Head {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.u8()? {
            SUITE => {}
            other => return Err(DecodeError::Unknown(other)),
        }
        Ok(Self {
            address: Address::from_wire(reader.lp(MAX_ADDRESS)?)?,
            fingerprint: Fingerprint::from_bytes(reader.array()?),
            id: reader.u32()?,
            seq: reader.u64()?,
            created: Timestamp(reader.u64()?),
            expires: Timestamp(reader.u64()?),
        })
    }

    fn write(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(KEM_KEY_LENGTH + 256);
        out.put_u8(SUITE)
            .put_lp(self.address.as_bytes())
            .put(self.fingerprint.as_bytes())
            .put_u32(self.id)
            .put_u64(self.seq)
            .put_u64(self.created.0)
            .put_u64(self.expires.0);
        out
    }

    fn check(&self, identity: &IdentityKey, address: &Address, now: Timestamp) -> Result<(), PreKeyError> {
        if self.address != *address || self.fingerprint != identity.fingerprint(address) {
            return Err(PreKeyError::WrongOwner);
        }
        if self.expires <= now {
            return Err(PreKeyError::Expired);
        }
        if self.created > now.plus(MAX_CLOCK_SKEW) {
            return Err(PreKeyError::FromTheFuture);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BatchInfo {
    pub(crate) batch: u32,
    pub(crate) seq: u64,
    pub(crate) expires: Timestamp,
    pub(crate) first_id: u32,
    pub(crate) count: u32,
    pub(crate) root: merkle::Node,
}

fn check_signature(
    identity: &IdentityKey,
    address: &Address,
    purpose: Purpose,
    payload: &[u8],
    signature: &[u8],
) -> Result<(), PreKeyError> {
    identity
        .verify(purpose, &identity.fingerprint(address), payload, signature)
        .map_err(|_| PreKeyError::BadSignature)
}

/// What a signed prekey says of itself; also how its payload is built.
#[cfg_attr(not(feature = "session"), allow(dead_code))]
pub(crate) struct Fields<'a> {
    pub(crate) address: &'a Address,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) id: u32,
    pub(crate) seq: u64,
    pub(crate) created: Timestamp,
    pub(crate) expires: Timestamp,
}

#[cfg_attr(not(feature = "session"), allow(dead_code))]
impl Fields<'_> {
    fn head(&self) -> Head {
        let Self {
            address,
            fingerprint,
            id,
            seq,
            created,
            expires,
        } = self;
        Head {
            address: (*address).clone(),
            fingerprint: *fingerprint,
            id: *id,
            seq: *seq,
            created: *created,
            expires: *expires,
        }
    }

    /// The payload of a signed prekey.
    pub(crate) fn signed_prekey(&self, key: &[u8]) -> Vec<u8> {
        let mut payload = self.head().write();
        payload.put(key);
        payload
    }

    /// The payload of a batch whose first id is `first_id`.
    pub(crate) fn batch(&self, first_id: u32, leaves: &[merkle::Node]) -> Vec<u8> {
        let mut payload = self.head().write();
        payload
            .put_u32(first_id)
            .put_u32(u32::try_from(leaves.len()).unwrap_or(u32::MAX))
            .put(&merkle::root(leaves));
        payload
    }
}

impl PublishedSignedPreKey {
    /// Verifies signature, owner and dates.
    ///
    /// # Errors
    /// [`PreKeyError`]; nothing about the prekey is to be used then.
    pub fn verify(
        &self,
        identity: &IdentityKey,
        address: &Address,
        now: Timestamp,
    ) -> Result<SignedPreKeyInfo, PreKeyError> {
        let mut reader = Reader::new(&self.payload);
        let head = Head::read(&mut reader)?;
        let key = reader.take(KEM_KEY_LENGTH)?.to_vec();
        reader.finish()?;
        head.check(identity, address, now)?;
        check_signature(identity, address, Purpose::SignedPreKey, &self.payload, &self.signature)?;
        Ok(SignedPreKeyInfo {
            id: head.id,
            seq: head.seq,
            created: head.created,
            expires: head.expires,
            key,
        })
    }
}

pub(crate) fn verify_batch_payload(
    payload: &[u8],
    signature: &[u8],
    identity: &IdentityKey,
    address: &Address,
    now: Timestamp,
) -> Result<BatchInfo, PreKeyError> {
    let mut reader = Reader::new(payload);
    let head = Head::read(&mut reader)?;
    let (first_id, count, root) = (reader.u32()?, reader.u32()?, reader.array()?);
    reader.finish()?;
    if count == 0 || count > MAX_BATCH || first_id.checked_add(count).is_none() {
        return Err(PreKeyError::BadBatch);
    }
    head.check(identity, address, now)?;
    check_signature(identity, address, Purpose::OneTimeBatch, payload, signature)?;
    Ok(BatchInfo {
        batch: head.id,
        seq: head.seq,
        expires: head.expires,
        first_id,
        count,
        root,
    })
}

impl PublishedBatch {
    /// Verifies signature, owner, dates, and that the keys are exactly those that were signed.
    ///
    /// # Errors
    /// [`PreKeyError`]; nothing of the batch is to be used then.
    pub fn verify(
        &self,
        identity: &IdentityKey,
        address: &Address,
        now: Timestamp,
    ) -> Result<VerifiedBatch, PreKeyError> {
        if self.keys.len() > MAX_BATCH as usize || self.keys.iter().any(|key| key.len() != KEM_KEY_LENGTH) {
            return Err(PreKeyError::BadBatch);
        }
        let info = verify_batch_payload(&self.payload, &self.signature, identity, address, now)?;
        if self.keys.len() != info.count as usize {
            return Err(PreKeyError::BadBatch);
        }
        let leaves: Vec<_> = (info.first_id..)
            .zip(&self.keys)
            .map(|(id, key)| merkle::leaf(id, key))
            .collect();
        if merkle::root(&leaves) != info.root {
            return Err(PreKeyError::BadBatch);
        }
        Ok(VerifiedBatch {
            info,
            keys: self.keys.clone(),
            leaves,
        })
    }
}

impl PublishedOneTime {
    /// Verifies the batch's signature and that the key belongs to it; the id and key are then safe to use.
    ///
    /// # Errors
    /// [`PreKeyError`]; the key is not to be used then.
    pub fn verify(&self, identity: &IdentityKey, address: &Address, now: Timestamp) -> Result<(), PreKeyError> {
        if self.key.len() != KEM_KEY_LENGTH
            || self.path.len() > merkle::MAX_PATH
            || self.signature.len() != SIGNATURE_LENGTH
        {
            return Err(PreKeyError::NotInBatch);
        }
        let info = verify_batch_payload(&self.payload, &self.signature, identity, address, now)?;
        let path: Option<Vec<merkle::Node>> = self.path.iter().map(|node| node.as_slice().try_into().ok()).collect();
        let index = self.id.checked_sub(info.first_id).ok_or(PreKeyError::NotInBatch)?;
        let root = path.and_then(|path| {
            merkle::root_from_path(
                merkle::leaf(self.id, &self.key),
                index as usize,
                info.count as usize,
                &path,
            )
        });
        if root == Some(info.root) {
            Ok(())
        } else {
            Err(PreKeyError::NotInBatch)
        }
    }
}
