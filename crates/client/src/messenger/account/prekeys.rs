//! Our own prekeys: enough of them published, none older than it may be.

use std::time::Duration;

use protocol::Timestamp;
use protocol::account::{Publication, SIGNED_PREKEY_LIFETIME, SIGNED_PREKEY_ROTATION};
use protocol::address::Address;
use protocol::identity::Fingerprint;
use protocol::prekey::MAX_CLOCK_SKEW;

use crate::clock::ClockOff;
use crate::error::Error;
use crate::messenger::Messenger;
use crate::messenger::steps::Step;
use crate::relay::{Code, KeyStatus, Upload};
use crate::vault::{Moment, key};

/// How often the relay is asked how many one-time prekeys are left, besides after each first contact: strangers may fetch bundles and never
/// write.
const COUNT_KEYS_EVERY: Duration = Duration::from_secs(3600);

/// Our own keys, as the relay has them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KeyReport {
    /// Our address.
    pub address: Address,
    /// Our fingerprint.
    pub fingerprint: Fingerprint,
    /// One-time prekeys that the relay can still hand out.
    pub one_time_left: u32,
    /// Id of the published signed prekey.
    pub signed_prekey_id: u32,
    /// When it was made, milliseconds since the epoch.
    pub signed_prekey_created_at: u64,
    /// When it will be replaced, milliseconds since the epoch.
    pub signed_prekey_rotates_at: u64,
    /// When it ends, milliseconds since the epoch.
    pub signed_prekey_expires_at: u64,
}

impl Messenger {
    /// Makes new keys and publishes them: a new signed prekey, and one-time prekeys up to the full number.
    ///
    /// # Errors
    /// The relay's refusals; the new keys are kept and published next time.
    pub async fn rotate_keys(&mut self) -> Result<KeyReport, Error> {
        let left = self
            .authorised(|relay| async move { relay.key_status().await })
            .await?
            .one_time_left;
        match self.publish_if_needed(Some(left), true).await? {
            // They are replaced, whatever becomes of another request.
            Some(status) => self.report(status),
            None => self.keys().await,
        }
    }

    /// Our keys, as the relay has them.
    ///
    /// # Errors
    /// The relay's refusals.
    pub async fn keys(&mut self) -> Result<KeyReport, Error> {
        let status = self.authorised(|relay| async move { relay.key_status().await }).await?;
        self.report(status)
    }

    fn report(&mut self, status: KeyStatus) -> Result<KeyReport, Error> {
        let party = self.party()?;
        // A signed prekey's dates follow from its expiry.
        let created = status
            .signed_prekey_expires_at
            .saturating_sub(millis(SIGNED_PREKEY_LIFETIME));
        Ok(KeyReport {
            address: party.address().clone(),
            fingerprint: party.fingerprint(),
            one_time_left: status.one_time_left,
            signed_prekey_id: status.signed_prekey_id,
            signed_prekey_created_at: created,
            signed_prekey_rotates_at: created.saturating_add(millis(SIGNED_PREKEY_ROTATION)),
            signed_prekey_expires_at: status.signed_prekey_expires_at,
        })
    }

    /// Keeps enough fresh keys published. Asks the relay for the number left when `used` says that one was taken, and now and then.
    pub(in crate::messenger) async fn keep_keys_fresh(&mut self, used: bool) -> Result<(), Error> {
        let now = self.now();
        let counted: Option<Moment> = self.vault.get(key::KEYS_COUNTED)?;
        // A moment in the future was noted while the clock was wrong.
        let due = counted
            .is_none_or(|counted| now.since(Timestamp(counted.at)) >= COUNT_KEYS_EVERY || counted.at > now.as_millis());
        let left = if used || due {
            let status = self.authorised(|relay| async move { relay.key_status().await }).await?;
            self.vault
                .transaction(|tx| tx.put(key::KEYS_COUNTED, &Moment { at: now.as_millis() }))?;
            Some(status.one_time_left)
        } else {
            None
        };
        self.publish_if_needed(left, false).await.map(drop)
    }

    /// Answers what the relay says of them, if that is known.
    async fn publish_if_needed(&mut self, one_time_left: Option<u32>, force: bool) -> Result<Option<KeyStatus>, Error> {
        let Some(publication) = self.current_publication(one_time_left, force)? else {
            return Ok(None);
        };
        self.announce().await?;
        if let Some(off) = self.relay.clock_off() {
            // Keys that the relay refuses, or takes although contacts will refuse them before others are made.
            let now = self.now();
            check_clock(now, off.at_relay(now))?;
        }
        self.step(Step::BeforePublish)?;
        let keys = &Upload::of(&publication);
        // A hundred keys by a slow line.
        let outcome = self
            .authorised_unlocked(|relay| async move { relay.publish(keys).await })
            .await;
        let status = match outcome {
            Ok((status, _)) => Some(status),
            // An earlier attempt arrived and its answer was lost: the relay has these keys.
            Err(Error::Relay(error)) if error.code() == Some(Code::StaleKey) => None,
            // The keys are well made, so what the relay dislikes is their date.
            Err(Error::Relay(error)) if error.code() == Some(Code::BadSignature) => {
                let name = self.party()?.address().user();
                let challenge = self.checked_challenge(&name).await?;
                check_clock(self.now(), challenge.relay_time())?;
                return Err(error.into());
            }
            Err(error) => return Err(error),
        };
        self.note_published(&publication).map_err(Error::behind_the_relay)?;
        Ok(status)
    }

    fn note_published(&mut self, published: &Publication) -> Result<(), Error> {
        self.step(Step::AfterPublish)?;
        self.transact(|scope| {
            // Another process may have made others meanwhile, which the relay does not have: these stay to be published.
            if scope.party.unconfirmed_publication() == Some(published) {
                scope.party.publication_confirmed(scope.now);
            }
            Ok(())
        })
    }

    /// What has to be published now; committed before it is returned.
    pub(in crate::messenger) fn current_publication(
        &mut self,
        one_time_left: Option<u32>,
        force: bool,
    ) -> Result<Option<Publication>, Error> {
        self.transact(|scope| {
            let publication = scope.party.publication(one_time_left, force, scope.now, scope.rng);
            if publication.is_some() {
                scope.moved_on()?;
            }
            Ok(publication)
        })
    }
}

/// Whether a relay will take keys that are made by our clock, and contacts until they are replaced.
pub(in crate::messenger) fn check_clock(ours: Timestamp, relay: Timestamp) -> Result<(), Error> {
    let off = ClockOff::between(ours, relay);
    let most = if off.ahead {
        MAX_CLOCK_SKEW
    } else {
        SIGNED_PREKEY_ROTATION
    };
    if off.apart > most {
        return Err(off.into());
    }
    Ok(())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
