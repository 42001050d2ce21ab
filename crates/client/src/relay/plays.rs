//! Plays of limited messages, and what their sender asks and says of them.

use sdk::{LicenseId, types};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::wire::{base64, fixed, license_status};
use super::{ATTEMPTS, LicenseStatus, Played, Relay, RelayError};
use crate::vault::License;

impl Relay {
    pub(crate) async fn play(
        &self,
        license: &[u8; 32],
        play: &[u8; 16],
        capability: &[u8; 32],
    ) -> Result<Played, RelayError> {
        let body = types::PlayRequest {
            play_id: Uuid::from_bytes(*play),
            capability: base64(capability),
        };
        let id = LicenseId::from_bytes(*license);
        let answer = self
            .call(ATTEMPTS, || self.client.play().id(id).body(body.clone()).send())
            .await?;
        Ok(Played {
            play: answer.play,
            plays: answer.plays,
            share: Zeroizing::new(fixed(&answer.share, "share")?),
            receipt: answer.receipt.into_vec(),
        })
    }

    pub(crate) async fn confirm_play(
        &self,
        license: &[u8; 32],
        play: &[u8; 16],
        capability: &[u8; 32],
    ) -> Result<(), RelayError> {
        let (id, play) = (LicenseId::from_bytes(*license), Uuid::from_bytes(*play));
        let header = base64(capability);
        self.call(ATTEMPTS, || {
            self.client
                .confirm_play()
                .id(id)
                .play_id(play)
                .latchkey_capability(header.clone())
                .send()
        })
        .await?;
        Ok(())
    }

    pub(crate) async fn license(&self, license: &License) -> Result<LicenseStatus, RelayError> {
        let (id, header) = (LicenseId::from_bytes(license.id), base64(&license.owner_capability));
        let answer = self
            .call(ATTEMPTS, || {
                self.client.license().id(id).latchkey_capability(header.clone()).send()
            })
            .await?;
        Ok(license_status(answer))
    }

    pub(crate) async fn revoke(&self, license: &License) -> Result<LicenseStatus, RelayError> {
        let (id, header) = (LicenseId::from_bytes(license.id), base64(&license.owner_capability));
        let answer = self
            .call(ATTEMPTS, || {
                self.client.revoke().id(id).latchkey_capability(header.clone()).send()
            })
            .await?;
        Ok(license_status(answer))
    }
}
