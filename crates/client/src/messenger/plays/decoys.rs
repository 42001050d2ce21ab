//! Decoys: requests that ask for nothing, so that the relay cannot tell how often a message was played.
//!
//! They come at random times while this client waits for messages: the pauses are exponential, so that at every moment the next one is as likely as
//! at any other, whatever was played before and whoever looks. Nothing of a decoy depends on the limit, on the count, or on what the user does, and on the
//! wire it is a play: the same request, the same repetition, the same confirmation.
//!
//! What they do not do: a client that is not running sends none. A play by command, in a session of its own, is told from a decoy by that.

use playgate::oblivious::Want;
use rand_core::Rng as _;

use super::oblivious::{Outcome, half};
use super::playback::playable;
use crate::error::Error;
use crate::messenger::Messenger;
use crate::relay::Code;
use crate::vault::{Decoys, Direction, LimitMode, MessageBody, StoredMessage, VaultError, key};

/// Most decoys for one message, whatever its limit: of 24 slots of the pad 16 are left for real plays.
pub const MAX_DECOYS: u16 = 8;
impl Messenger {
    /// Whether decoys are sent. They are not, until the user says so.
    ///
    /// # Errors
    /// Vault trouble.
    pub fn decoys(&self) -> Result<bool, Error> {
        Ok(self.vault.get::<Decoys>(key::DECOYS)?.unwrap_or_default().on)
    }

    /// Changes that.
    ///
    /// # Errors
    /// Vault trouble.
    pub fn set_decoys(&mut self, on: bool) -> Result<(), Error> {
        self.decoy_clock.done();
        self.vault
            .transaction(|tx| tx.put(key::DECOYS, &Decoys { on }))
            .map_err(|error: VaultError| error.into())
    }

    /// One decoy, for a message drawn from those that may still have one.
    pub(in crate::messenger) async fn decoy(&mut self) -> Result<(), Error> {
        let candidates: Vec<_> = self
            .vault
            .list::<StoredMessage>()?
            .into_iter()
            .filter(|entry| takes_decoys(&entry.record))
            .collect();
        let Ok(count) = u64::try_from(candidates.len()) else {
            return Ok(());
        };
        let Some(drawn) = self.rng.next_u64().checked_rem(count) else {
            return Ok(());
        };
        let Some(entry) = usize::try_from(drawn)
            .ok()
            .and_then(|at| candidates.into_iter().nth(at))
        else {
            return Ok(());
        };
        let (_, sealed) = playable(&entry.record)?;
        self.check_relay().await?;
        let relay_key = self.relay_key().await?;
        let pending = match half(&sealed)?.decoy.clone() {
            Some(pending) => pending,
            None => self.begin_request(&entry.key, &sealed, Want::Decoy)?,
        };
        match self.exchange(&sealed, &pending).await {
            Ok(released) => {
                self.note_release(&entry.record, &sealed, &pending, &released, &relay_key)?;
                self.settle_play(&entry.key, &sealed, &pending.id, Outcome::Decoy)
            }
            Err(Error::Relay(error)) => {
                match error.code() {
                    Some(Code::SlotUsed) => self.go_forward(&entry.key, error.next_slot(), Want::Decoy)?,
                    Some(
                        Code::AnswerGone
                        | Code::PlayConflict
                        | Code::NoSuchLicense
                        | Code::LicenseRevoked
                        | Code::LicenseExpired
                        | Code::PlayLimitReached,
                    ) => self.change(&entry.key, |_, sealed| {
                        if let Some(half) = &mut sealed.oblivious {
                            half.decoy = None;
                        }
                    })?,
                    _ => {}
                }
                Err(error.into())
            }
            Err(error) => Err(error),
        }
    }
}

/// Received, oblivious, not known to be over, and not given its decoys yet.
fn takes_decoys(message: &StoredMessage) -> bool {
    match &message.body {
        MessageBody::Limited(terms, Some(sealed)) => {
            message.direction == Direction::Incoming
                && terms.mode == LimitMode::Oblivious
                && terms.ended.is_none()
                && sealed
                    .oblivious
                    .as_ref()
                    .is_some_and(|half| half.decoys < MAX_DECOYS || half.decoy.is_some())
        }
        _ => false,
    }
}
