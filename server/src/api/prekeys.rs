//! Prekeys as the contract has them, and what their owner is told when they are taken.

use poem_openapi::{Object, types::Base64};
use protocol::prekey::{PublishedBatch, PublishedSignedPreKey};

use super::Bytes;
use crate::service::directory::Account;

/// A signed prekey as its owner published it.
#[derive(Object, Debug, Clone)]
pub struct SignedPreKey {
    /// The signed bytes: suite, address, fingerprint, id, sequence number, key, times
    pub payload: Bytes,
    /// The identity key's hybrid signature over the payload, 4691 bytes
    pub signature: Bytes,
}

/// A batch of one-time prekeys under one signature.
#[derive(Object, Debug, Clone)]
pub struct OneTimeBatch {
    /// The signed bytes: the fields of a signed prekey, with the count and the Merkle root of the keys
    pub payload: Bytes,
    /// The identity key's hybrid signature over the payload, 4691 bytes
    pub signature: Bytes,
    /// The keys in the order of the tree, 1600 bytes each
    pub keys: Vec<Bytes>,
}

impl From<SignedPreKey> for PublishedSignedPreKey {
    fn from(wire: SignedPreKey) -> Self {
        Self {
            payload: wire.payload.0,
            signature: wire.signature.0,
        }
    }
}

impl From<PublishedSignedPreKey> for SignedPreKey {
    fn from(published: PublishedSignedPreKey) -> Self {
        Self {
            payload: Base64(published.payload),
            signature: Base64(published.signature),
        }
    }
}

impl From<OneTimeBatch> for PublishedBatch {
    fn from(wire: OneTimeBatch) -> Self {
        let keys = wire.keys.into_iter().map(|key| key.0).collect();
        Self {
            payload: wire.payload.0,
            signature: wire.signature.0,
            keys,
        }
    }
}

/// An account, signed in.
#[derive(Object)]
pub struct Registered {
    /// name@relay
    pub address: String,
    /// The identity's fingerprint under this address, 64 lower-case hex digits
    pub fingerprint: String,
    /// Send it as `Authorization: Bearer …`
    pub token: String,
    /// When the token ends, milliseconds since the Unix epoch
    pub token_expires_at: u64,
}

impl From<Account> for Registered {
    fn from(account: Account) -> Self {
        Self {
            address: account.address.to_string(),
            fingerprint: account.fingerprint.to_string(),
            token: account.session.token.reveal(),
            token_expires_at: account.session.row.expires.as_millis(),
        }
    }
}
