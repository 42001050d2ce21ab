//! Play limits: no account is asked, the capability is the permission.

use std::{sync::Arc, time::Duration};

use playgate::{Capability, PlayShare};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{REMEMBERED, Refusal, Result, exactly};
use crate::{
    clock::Clock,
    model::LicenseId,
    store::{LicenseView, PlayAttempt, PlayOutcome, Store},
};

/// How long the answer to a play is kept for a repetition: an outage of the network, not an archive of shares.
pub const ANSWER_KEPT: Duration = Duration::from_secs(600);

/// One granted play.
pub struct Granted {
    /// Which play, from 1.
    pub number: u8,
    /// How many in all.
    pub limit: u8,
    /// The relay's half of the content key.
    pub share: PlayShare,
}

/// The licenses.
pub struct Plays {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

impl Plays {
    pub(super) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Plays once. Counted and durable before anything is answered.
    ///
    /// # Errors
    /// [`Refusal::NoSuchLicense`], [`Refusal::PlayLimitReached`], [`Refusal::LicenseRevoked`], [`Refusal::LicenseExpired`],
    /// [`Refusal::AnswerGone`], [`Refusal::PlayConflict`].
    pub async fn play(&self, license: &str, play: Uuid, capability: &[u8]) -> Result<Granted> {
        let license = parse(license)?;
        let capability_hash = read_capability("capability", capability)?.hash();
        let now = self.clock.now();
        let request = Sha256::new()
            .chain_update(b"latchkey/1/counted-play")
            .chain_update(play.as_bytes());
        let attempt = PlayAttempt {
            license,
            capability_hash,
            play: *play.as_bytes(),
            request_hash: request.chain_update(capability_hash).finalize().into(),
            answer_until: now.plus(ANSWER_KEPT),
            forget_at: now.plus(REMEMBERED),
            now,
        };
        match self.store.play(attempt).await? {
            PlayOutcome::Granted { number, limit, share } => Ok(Granted { number, limit, share }),
            PlayOutcome::AnswerGone => Err(Refusal::AnswerGone),
            PlayOutcome::Conflict => Err(Refusal::PlayConflict),
            PlayOutcome::Exhausted => Err(Refusal::PlayLimitReached),
            PlayOutcome::Revoked => Err(Refusal::LicenseRevoked),
            PlayOutcome::Expired => Err(Refusal::LicenseExpired),
            PlayOutcome::NoSuchLicense => Err(Refusal::NoSuchLicense),
        }
    }

    /// The answer to a play has arrived: what is kept of it is shredded.
    ///
    /// # Errors
    /// [`Refusal::NoSuchLicense`], also when there was no such play.
    pub async fn confirm(&self, license: &str, play: Uuid, capability: &[u8]) -> Result<()> {
        let capability = read_capability("Latchkey-Capability", capability)?;
        let known = self
            .store
            .confirm_play(parse(license)?, capability.hash(), *play.as_bytes())
            .await?;
        if known { Ok(()) } else { Err(Refusal::NoSuchLicense) }
    }

    /// A license, for its owner.
    ///
    /// # Errors
    /// [`Refusal::NoSuchLicense`].
    pub async fn view(&self, license: &str, capability: &[u8]) -> Result<LicenseView> {
        let capability = read_capability("Latchkey-Capability", capability)?;
        let view = self
            .store
            .license(parse(license)?, capability.hash(), self.clock.now())
            .await?;
        view.ok_or(Refusal::NoSuchLicense)
    }

    /// Takes a license back, for its owner.
    ///
    /// # Errors
    /// [`Refusal::NoSuchLicense`].
    pub async fn revoke(&self, license: &str, capability: &[u8]) -> Result<LicenseView> {
        let capability = read_capability("Latchkey-Capability", capability)?;
        let now = self.clock.now();
        let view = self
            .store
            .revoke(parse(license)?, capability.hash(), now.plus(REMEMBERED), now)
            .await?;
        view.ok_or(Refusal::NoSuchLicense)
    }
}

/// What cannot be a license id is no license.
fn parse(license: &str) -> Result<LicenseId> {
    LicenseId::parse(license).ok_or(Refusal::NoSuchLicense)
}

fn read_capability(field: &str, bytes: &[u8]) -> Result<Capability> {
    Ok(Capability::from_bytes(exactly(field, bytes)?))
}
