//! The identity that takes the place of the present one: made and stored before anybody hears of it.

use rand_core::CryptoRng;

use super::{Account, Publication};
use crate::error::DecodeError;
use crate::identity::{Fingerprint, IdentityKey, IdentityKeyPair, Purpose};
use crate::pickle::{Record, Writer};
use crate::succession::{PublishedSuccession, Succession};
use crate::time::Timestamp;
use zeroize::Zeroizing;

/// An identity with its first prekeys, and the statement by which the present one names it.
#[derive(Clone, Debug)]
pub struct Successor {
    pub(crate) account: Account,
    statement: PublishedSuccession,
}

impl Successor {
    /// The identity key.
    #[must_use]
    pub const fn identity_key(&self) -> &IdentityKey {
        self.account.identity_key()
    }

    /// The fingerprint.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.account.fingerprint()
    }

    /// The present identity's word for it.
    #[must_use]
    pub const fn statement(&self) -> &PublishedSuccession {
        &self.statement
    }

    /// The prekeys to publish with it; the same each time.
    #[must_use]
    pub const fn publication(&self) -> Option<&Publication> {
        self.account.unconfirmed.as_ref()
    }

    /// Signs for `purpose` as the successor.
    pub fn sign(&self, purpose: Purpose, payload: &[u8], rng: &mut impl CryptoRng) -> Vec<u8> {
        self.account.sign(purpose, payload, rng)
    }

    pub(crate) fn store_statement(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Writer::new(8 * 1024);
        out.bytes(&self.statement.identity_key)
            .bytes(&self.statement.payload)
            .bytes(&self.statement.signature);
        out.finish()
    }

    pub(crate) fn load(account: Account, statement: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Record::new(statement)?;
        let statement = PublishedSuccession {
            identity_key: input.bytes()?.to_vec(),
            payload: input.bytes()?.to_vec(),
            signature: input.bytes()?.to_vec(),
        };
        input.finish()?;
        Ok(Self { account, statement })
    }
}

impl Account {
    /// A successor with prekeys of its own. Nothing of this account changes.
    pub(crate) fn successor(&self, now: Timestamp, rng: &mut impl CryptoRng) -> Successor {
        let mut account = Self::from_identity(self.address.clone(), IdentityKeyPair::generate(rng));
        account.successions = self.successions.saturating_add(1);
        account.seq = self.seq;
        account.publication(None, true, now, rng);
        let payload = Succession {
            address: self.address.clone(),
            old: self.fingerprint,
            new: account.fingerprint,
            counter: account.successions,
            time: now,
        }
        .payload();
        let statement = PublishedSuccession {
            identity_key: self.identity_key().to_bytes(),
            signature: self.sign(Purpose::Succession, &payload, rng),
            payload,
        };
        Successor { account, statement }
    }

    /// The successor takes over. The earlier identity's prekeys stay to read identity boxes, so that whoever wrote to them meanwhile is answered.
    pub(crate) fn give_way(&mut self, successor: Account, now: Timestamp) {
        let mut earlier = std::mem::replace(self, successor);
        earlier.retire_all(now);
        let by = earlier.fingerprint;
        self.seq = self.seq.max(earlier.seq);
        for (id, mut key) in earlier.signed {
            key.published_by.get_or_insert(by);
            self.signed.entry(id).or_insert(key);
        }
        for (id, mut batch) in earlier.batches {
            batch.published = false;
            self.batches.entry(id).or_insert(batch);
        }
        for (id, key) in earlier.one_time {
            self.one_time.entry(id).or_insert(key);
        }
        self.unconfirmed = None;
    }
}
