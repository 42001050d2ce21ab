//! Envelopes on their way out.

use sdk::{LicenseId, types};
use uuid::Uuid;

use super::patience::handing_over;
use super::wire::base64;
use super::{ATTEMPTS, Relay, RelayError};
use crate::vault::{License, OutboxEntry};

impl Relay {
    /// One envelope, with its license if it has one; by a token of the recipient, else as ourselves.
    pub(crate) async fn send(
        &self,
        envelope: &OutboxEntry,
        license: Option<&License>,
        token: Option<&[u8; 32]>,
    ) -> Result<(), RelayError> {
        match license {
            Some(license) => match &license.oblivious {
                Some(deposit) => self.send_oblivious(envelope, license, deposit, token).await,
                None => self.send_limited(envelope, license, token).await,
            },
            None => self.send_plain(envelope, token).await,
        }
    }

    async fn send_plain(&self, envelope: &OutboxEntry, token: Option<&[u8; 32]>) -> Result<(), RelayError> {
        let id = Uuid::from_bytes(envelope.id);
        self.call_for(ATTEMPTS, handing_over(envelope.envelope.len()), || {
            let request = self
                .client
                .send()
                .to(envelope.to.as_str())
                .id(id)
                .body(envelope.envelope.clone());
            match token {
                Some(token) => request.latchkey_delivery_token(base64(token)).send(),
                None => request.send(),
            }
        })
        .await?;
        Ok(())
    }

    async fn send_limited(
        &self,
        envelope: &OutboxEntry,
        license: &License,
        token: Option<&[u8; 32]>,
    ) -> Result<(), RelayError> {
        let share = license.share.ok_or(RelayError::Malformed("license without a share"))?;
        let owner = playgate::Capability::from_bytes(license.owner_capability);
        let body = types::LimitedRequest {
            to: envelope.to.to_string(),
            id: Uuid::from_bytes(envelope.id),
            envelope: base64(&envelope.envelope),
            license: types::NewLicense {
                id: LicenseId::from_bytes(license.id).into(),
                plays: license.plays,
                expires_at: license.expires_at,
                share: base64(&share),
                play_capability_hash: base64(&license.play_capability_hash),
                owner_capability_hash: base64(&owner.hash()),
            },
        };
        self.call_for(ATTEMPTS, handing_over(envelope.envelope.len()), || {
            let request = self.client.send_limited().body(body.clone());
            match token {
                Some(token) => request.latchkey_delivery_token(base64(token)).send(),
                None => request.send(),
            }
        })
        .await?;
        Ok(())
    }
}
