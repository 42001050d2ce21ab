//! Requests about gate keys, oblivious licenses and plays, and the relay's own key.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use protocol::identity::{Fingerprint, IdentityKey, relay_fingerprint};
use sdk::{LicenseId, types};
use uuid::Uuid;

use super::patience::handing_over;
use super::wire::base64;
use super::{ATTEMPTS, Code, Relay, RelayError};
use crate::vault::{GateDeposit, License, OutboxEntry};

/// A play waits for its turn, and the first one for the relay to load the gate key; on a busy relay that is tens of seconds.
const PLAY_TIMEOUT: Duration = Duration::from_secs(60);
/// 23 MB at 210 kbit/s; the relay gives up after 15 minutes itself.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(900);
/// One failed upload is repeated once: it is 23 MB.
const UPLOAD_ATTEMPTS: u32 = 2;
/// Bytes handed to the connection at a time: what the progress advances by.
const PIECE: usize = 256 * 1024;

/// What the relay answered to an oblivious play.
pub(crate) struct Released {
    pub(crate) release: Vec<u8>,
    pub(crate) receipt: Vec<u8>,
}

/// Hears how many bytes of an upload were handed to the connection, and of how many.
pub(crate) type Sent = Arc<dyn Fn(u64, u64) + Send + Sync>;

impl Relay {
    /// An evaluation key, streamed. When this answers it was checked and is on the relay's disk.
    pub(crate) async fn put_gate_key(
        &self,
        id: &[u8; 16],
        capability_hash: &[u8; 32],
        key: &Bytes,
        sent: &Sent,
    ) -> Result<(), RelayError> {
        let id = hex::encode(id);
        self.call_for(UPLOAD_ATTEMPTS, UPLOAD_TIMEOUT, || {
            self.client
                .put_gate_key()
                .id(id.as_str())
                .latchkey_capability_hash(base64(capability_hash))
                .body(reqwest::Body::wrap_stream(pieces(key.clone(), Arc::clone(sent))))
                .send()
        })
        .await?;
        Ok(())
    }

    /// Whether the relay has a gate key of ours and takes licenses for it.
    pub(crate) async fn has_gate_key(&self, id: &[u8; 16]) -> Result<bool, RelayError> {
        let id = hex::encode(id);
        let answer = self
            .call(ATTEMPTS, || self.client.gate_key_status().id(id.as_str()).send())
            .await;
        match answer {
            Ok(status) => Ok(status.state == types::GateKeyState::Live),
            Err(error) if error.code() == Some(Code::NoSuchGateKey) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// No license is sealed with it any more; what it has can be played to the end.
    pub(crate) async fn delete_gate_key(&self, id: &[u8; 16]) -> Result<(), RelayError> {
        let id = hex::encode(id);
        let answer = self
            .call(ATTEMPTS, || self.client.delete_gate_key().id(id.as_str()).send())
            .await;
        match answer {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some(Code::NoSuchGateKey) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn send_oblivious(
        &self,
        envelope: &OutboxEntry,
        license: &License,
        deposit: &GateDeposit,
        token: Option<&[u8; 32]>,
    ) -> Result<(), RelayError> {
        let share = license.share.ok_or(RelayError::Malformed("license without a share"))?;
        let owner = playgate::Capability::from_bytes(license.owner_capability);
        let body = types::ObliviousRequest {
            to: envelope.to.to_string(),
            id: Uuid::from_bytes(envelope.id),
            envelope: base64(&envelope.envelope),
            license: types::NewObliviousLicense {
                id: LicenseId::from_bytes(license.id).into(),
                gate_key: hex::encode(deposit.gate_key),
                gate_key_capability: base64(&deposit.capability),
                counter: base64(&deposit.counter),
                expires_at: license.expires_at,
                share: base64(&share),
                play_capability_hash: base64(&license.play_capability_hash),
                owner_capability_hash: base64(&owner.hash()),
            },
        };
        self.call_for(ATTEMPTS, handing_over(envelope.envelope.len()), || {
            let request = self.client.send_oblivious().body(body.clone());
            match token {
                Some(token) => request.latchkey_delivery_token(base64(token)).send(),
                None => request.send(),
            }
        })
        .await?;
        Ok(())
    }

    /// Asks to play, or pretends to. The same bytes under the same id are the same play.
    pub(crate) async fn play_oblivious(
        &self,
        license: &[u8; 32],
        play: &[u8; 16],
        capability: &[u8; 32],
        request: &[u8],
    ) -> Result<Released, RelayError> {
        let body = types::ObliviousPlayRequest {
            play_id: Uuid::from_bytes(*play),
            capability: base64(capability),
            request: base64(request),
        };
        let id = LicenseId::from_bytes(*license);
        let answer = self
            .call_for(ATTEMPTS, PLAY_TIMEOUT, || {
                self.client.play_oblivious().id(id).body(body.clone()).send()
            })
            .await?;
        Ok(Released {
            release: answer.release.into_vec(),
            receipt: answer.receipt.into_vec(),
        })
    }

    /// The relay's own key, if it is the one that was pinned.
    pub(crate) async fn relay_key(&self, pinned: &Fingerprint) -> Result<IdentityKey, RelayError> {
        let answer = self.call(ATTEMPTS, || self.client.relay_key().send()).await?;
        let key = IdentityKey::from_bytes(&answer.identity_key).map_err(|_| RelayError::Malformed("identity_key"))?;
        let offered = relay_fingerprint(&key);
        if offered == *pinned {
            Ok(key)
        } else {
            Err(RelayError::OtherRelay {
                url: self.url.to_string(),
                pinned: *pinned,
                offered,
            })
        }
    }
}

/// The bytes in pieces; each is reported when the connection has room for it.
fn pieces(
    key: Bytes,
    sent: Sent,
) -> impl futures_core::Stream<Item = Result<Bytes, std::convert::Infallible>> + Send + 'static {
    let total = key.len() as u64;
    stream::iter((0..key.len()).step_by(PIECE).map(move |at| {
        let end = key.len().min(at + PIECE);
        sent(end as u64, total);
        Ok(key.slice(at..end))
    }))
}
