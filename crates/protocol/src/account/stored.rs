//! An account as stored records: the identity, the prekeys, and the publication that the relay has not confirmed.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::{Account, OwnBatch, OwnOneTime, OwnSignedPreKey, Publication};
use crate::address::Address;
use crate::error::DecodeError;
use crate::identity::{Fingerprint, IdentityKeyPair};
use crate::pickle::{Record, Writer};
use crate::prekey::{PublishedBatch, PublishedSignedPreKey};
use crate::primitives::kem::KemSecretKey;

impl Account {
    pub(crate) fn store_identity(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Writer::new(512);
        out.bytes(self.address.as_bytes())
            .secret(self.identity.seed())
            .u64(self.successions);
        out.finish()
    }

    pub(crate) fn load_identity(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Record::new(bytes)?;
        let address = Address::from_wire(input.bytes()?)?;
        let mut account = Self::from_identity(address, IdentityKeyPair::from_seed(input.secret()?));
        account.successions = input.u64()?;
        input.finish()?;
        Ok(account)
    }

    pub(crate) fn store_prekeys(&self) -> Zeroizing<Vec<u8>> {
        let mut out =
            Writer::new(1024 + self.signed.len() * 256 + self.one_time.len() * 200 + self.batches.len() * 100);
        out.u64(self.seq)
            .bool(self.replace_wanted)
            .option(self.replaced_at, |out, at| {
                out.time(at);
            })
            .list(self.signed.iter(), |out, (id, key)| {
                out.u32(*id)
                    .secret(key.secret.secret())
                    .raw(&key.payload_hash)
                    .time(key.created)
                    .bool(key.stale);
                out.option(key.retired, |out, at| {
                    out.time(at);
                });
            })
            .list(self.batches.iter(), |out, (id, batch)| {
                out.u32(*id)
                    .raw(&batch.payload_hash)
                    .time(batch.expires)
                    .bool(batch.published);
            })
            .list(self.one_time.iter(), |out, (id, key)| {
                out.u32(*id)
                    .u32(key.batch)
                    .raw(&key.key_hash)
                    .option(key.secret.as_ref(), |out, secret| {
                        out.secret(secret.secret());
                    });
            });
        let earlier: Vec<_> = self
            .signed
            .iter()
            .filter_map(|(id, key)| key.published_by.map(|by| (id, by)))
            .collect();
        out.list(earlier.into_iter(), |out, (id, by)| {
            out.u32(*id).raw(by.as_bytes());
        });
        out.finish()
    }

    pub(crate) fn load_prekeys(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        let mut input = Record::new(bytes)?;
        self.seq = input.u64()?;
        self.replace_wanted = input.bool()?;
        self.replaced_at = input.option(Record::time)?;
        let signed = input.list(|input| {
            let id = input.u32()?;
            let secret = KemSecretKey::from_secret(input.secret()?);
            let (payload_hash, created, stale) = (input.array()?, input.time()?, input.bool()?);
            Ok((
                id,
                OwnSignedPreKey {
                    secret,
                    payload_hash,
                    created,
                    stale,
                    published_by: None,
                    retired: input.option(Record::time)?,
                },
            ))
        })?;
        let batches = input.list(|input| {
            let id = input.u32()?;
            Ok((
                id,
                OwnBatch {
                    payload_hash: input.array()?,
                    expires: input.time()?,
                    published: input.bool()?,
                },
            ))
        })?;
        let one_time = input.list(|input| {
            let (id, batch, key_hash) = (input.u32()?, input.u32()?, input.array()?);
            let secret = input.option(|input| Ok(KemSecretKey::from_secret(input.secret()?)))?;
            Ok((
                id,
                OwnOneTime {
                    secret,
                    key_hash,
                    batch,
                },
            ))
        })?;
        let earlier = input.list(|input| Ok((input.u32()?, Fingerprint::from_bytes(input.array()?))))?;
        input.finish()?;
        let mut signed: BTreeMap<u32, OwnSignedPreKey> = signed.into_iter().collect();
        for (id, by) in earlier {
            let key = signed.get_mut(&id).ok_or(DecodeError::NotCanonical)?;
            key.published_by = Some(by);
        }
        (self.signed, self.batches, self.one_time) =
            (signed, batches.into_iter().collect(), one_time.into_iter().collect());
        Ok(())
    }

    /// The unconfirmed publication, public but large, apart from the secrets that change more often.
    pub(crate) fn store_publication(&self) -> Option<Zeroizing<Vec<u8>>> {
        let publication = self.unconfirmed.as_ref()?;
        let mut out = Writer::new(200 * 1024);
        out.bool(publication.replace_one_time)
            .option(publication.signed_prekey.as_ref(), |out, key| {
                out.bytes(&key.payload).bytes(&key.signature);
            })
            .option(publication.one_time_batch.as_ref(), |out, batch| {
                out.bytes(&batch.payload)
                    .bytes(&batch.signature)
                    .list(batch.keys.iter(), |out, key| {
                        out.bytes(key);
                    });
            });
        Some(out.finish())
    }

    pub(crate) fn load_publication(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        let mut input = Record::new(bytes)?;
        let replace_one_time = input.bool()?;
        let signed_prekey = input.option(|input| {
            Ok(PublishedSignedPreKey {
                payload: input.bytes()?.to_vec(),
                signature: input.bytes()?.to_vec(),
            })
        })?;
        let one_time_batch = input.option(|input| {
            let (payload, signature) = (input.bytes()?.to_vec(), input.bytes()?.to_vec());
            Ok(PublishedBatch {
                payload,
                signature,
                keys: input.list(|input| Ok(input.bytes()?.to_vec()))?,
            })
        })?;
        input.finish()?;
        self.unconfirmed = Some(Publication {
            signed_prekey,
            one_time_batch,
            replace_one_time,
        });
        Ok(())
    }
}
