//! Keys: our own, published, and those of peers, fetched.

use protocol::address::Address;
use protocol::handshake::PreKeyBundle;
use protocol::identity::{Fingerprint, IdentityKey};
use protocol::prekey::{PublishedOneTime, PublishedSignedPreKey};
use protocol::succession::PublishedSuccession;
use sdk::{Base64, types};

use super::patience::handing_over;
use super::wire::{KeyStatus, Upload, batch, key_status, signed, succession};
use super::{ATTEMPTS, Relay, RelayError};

/// A peer's keys as fetched, parsed; the protocol verifies them.
pub(crate) struct Bundle {
    pub(crate) keys: PreKeyBundle,
    /// How the peer came to its identity.
    pub(crate) successions: Vec<PublishedSuccession>,
}

/// A peer's identity as the relay has it.
pub(crate) struct Identity {
    pub(crate) current: Fingerprint,
    pub(crate) successions: Vec<PublishedSuccession>,
}

impl Relay {
    pub(crate) async fn publish(&self, keys: &Upload<'_>) -> Result<KeyStatus, RelayError> {
        let body = types::PublishRequest {
            signed_prekey: keys.signed_prekey.map(signed),
            one_time_batch: keys.one_time_batch.map(batch),
            replace_one_time: keys.replace_one_time,
        };
        let answer = self
            .call_for(ATTEMPTS, handing_over(keys.bytes()), || {
                self.client.publish_key().body(body.clone()).send()
            })
            .await?;
        Ok(key_status(&answer))
    }

    pub(crate) async fn key_status(&self) -> Result<KeyStatus, RelayError> {
        let answer = self.call(ATTEMPTS, || self.client.key_status().send()).await?;
        Ok(key_status(&answer))
    }

    /// A peer's bundle. `peer` is whom we asked for: what the relay says about the address is not taken from it.
    pub(crate) async fn fetch_key(&self, peer: &Address) -> Result<Bundle, RelayError> {
        let user = peer.user().to_string();
        let answer = self
            .call(ATTEMPTS, || self.client.fetch_key().user(user.clone()).send())
            .await?;
        if answer.address != peer.as_str() {
            return Err(RelayError::Malformed("address"));
        }
        let successions = answer.successions.into_iter().map(succession).collect();
        let keys = PreKeyBundle {
            address: peer.clone(),
            identity_key: IdentityKey::from_bytes(&answer.identity_key)
                .map_err(|_| RelayError::Malformed("identity_key"))?,
            signed_prekey: PublishedSignedPreKey {
                payload: answer.signed_prekey.payload.into_vec(),
                signature: answer.signed_prekey.signature.into_vec(),
            },
            one_time: answer.one_time.map(|key| PublishedOneTime {
                payload: key.payload.into_vec(),
                signature: key.signature.into_vec(),
                id: key.id,
                key: key.key.into_vec(),
                path: key.path.into_iter().map(Base64::into_vec).collect(),
            }),
        };
        Ok(Bundle { keys, successions })
    }

    /// A peer's identity and how it came to it; takes no prekey.
    pub(crate) async fn fetch_identity(&self, peer: &Address) -> Result<Identity, RelayError> {
        let user = peer.user().to_string();
        let answer = self
            .call(ATTEMPTS, || self.client.fetch_identity().user(user.clone()).send())
            .await?;
        let key = IdentityKey::from_bytes(&answer.identity_key).map_err(|_| RelayError::Malformed("identity_key"))?;
        Ok(Identity {
            current: key.fingerprint(peer),
            successions: answer.successions.into_iter().map(succession).collect(),
        })
    }
}
