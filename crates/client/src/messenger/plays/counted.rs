//! Play-limited messages: playing what came, and taking back what was sent.

use protocol::address::Address;
use protocol::play_receipt::counted_answer;

use super::oblivious::Outcome;
use super::playback::{Playback, open, playable};
use crate::error::Error;
use crate::messenger::Messenger;
use crate::messenger::plays::relay_receipts::Said;
use crate::messenger::steps::Step;
use crate::relay::{Code, LicenseStatus, RelayError};
use crate::vault::{
    Direction, Ended, License, LimitMode, LimitedTerms, MessageBody, MessageId, MessageState, SealedBody,
    StoredMessage, Vault, VaultError,
};

/// A limited message of ours, as the relay counts it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LicenseReport {
    /// The message.
    pub id: MessageId,
    /// To whom.
    pub to: Address,
    /// Limit, count, and why it ended.
    pub terms: LimitedTerms,
    /// Requests that the relay answered, granted or not, decoys among them; in counted mode the same as the count.
    pub requests: u64,
    /// The relay's signed receipts contradict each other: it went back behind this play. A backup was put back, or it shows different people
    /// different counts.
    pub went_back: Option<u64>,
    /// Why the encrypted count could not be read; then `terms.used` is what was known before.
    pub unreadable: Option<String>,
}

impl Messenger {
    /// Plays a received limited message.
    ///
    /// The play's id is on the disk before the relay is asked; when the answer is lost, or this process dies before
    /// [`Messenger::finish_play`], the next call asks again under the same id and costs nothing (for as long as the relay keeps the
    /// answer, ten minutes).
    ///
    /// # Errors
    /// [`Error::Ended`] when it opens no more, [`Error::NotLimited`], [`Error::NotPlayable`] for messages of our own, the relay's refusals, and
    /// [`Error::Unopened`] when the released share does not open the message.
    pub async fn play(&mut self, prefix: &str) -> Result<Playback, Error> {
        let entry = self.find_limited(prefix, Direction::Incoming)?;
        let row = entry.key;
        let message = entry.record;
        let (terms, _) = playable(&message)?;
        self.check_relay().await?;
        let relay_key = self.relay_key().await?;
        // What follows a grant has to be noted, or it would be shown again.
        self.vault.reserve_room()?;
        if terms.mode == LimitMode::Oblivious {
            return self.play_obliviously(row, message, &relay_key).await;
        }
        // Twice at most: an answer that is gone means that the earlier play was spent, and a new one is asked for.
        for _ in 0..2 {
            let (terms, sealed) = playable(&self.vault.get(&row)?.ok_or(VaultError::Corrupt("message"))?)?;
            if let (Some(ended), None) = (terms.ended, sealed.pending_play) {
                return Err(Error::Ended(ended));
            }
            let play_id = match sealed.pending_play {
                Some(id) => id,
                None => self.begin_play(&row)?,
            };
            self.step(Step::BeforePlay)?;
            match self
                .relay
                .play(&sealed.license, &play_id, &sealed.play_capability)
                .await
            {
                Ok(played) => {
                    self.step(Step::AfterPlay)?;
                    let said = Said {
                        license: &sealed.license,
                        play: &play_id,
                        request: &[],
                        answer: &*counted_answer(played.play, played.plays, &played.share),
                        receipt: &played.receipt,
                        // One play at a time, and no decoys: a repeated one has the last number, every other a greater one.
                        after: self.last_receipt(&sealed.license)?.saturating_sub(1),
                    };
                    self.note_receipt(&message, &said, &relay_key)?;
                    let text = open(&sealed, &played.share)?;
                    return Ok(Playback {
                        id: message.id,
                        from: message.peer,
                        sent_at: message.sent_at,
                        text,
                        play: played.play,
                        plays: played.plays,
                        mode: LimitMode::Counted,
                        row,
                        play_id,
                    });
                }
                Err(error) => match error.code() {
                    Some(Code::AnswerGone) => self.change(&row, |_, sealed| sealed.pending_play = None)?,
                    code => return Err(self.refused_play(&row, &terms, code, error)?),
                },
            }
        }
        Err(Error::Protocol(
            "the relay keeps no answer to any play of this message".to_owned(),
        ))
    }

    /// Counts a play that was shown, here and at the relay. A relay that cannot be reached is no fault: it forgets the answer by itself.
    ///
    /// # Errors
    /// [`Error::PlayUnnoted`] when the vault fails, although room was taken for this beforehand.
    pub async fn finish_play(&mut self, playback: Playback) -> Result<(), Error> {
        let sealed = self.note_shown(&playback).map_err(|error| match error {
            Error::Vault(error) => Error::PlayUnnoted(error),
            other => other,
        })?;
        if playback.mode == LimitMode::Oblivious {
            // Confirmed with the next round of receiving.
            return Ok(());
        }
        self.step(Step::BeforeConfirm)?;
        if let Err(error) = self
            .relay
            .confirm_play(&sealed.license, &playback.play_id, &sealed.play_capability)
            .await
        {
            tracing::debug!(%error, "a play was not confirmed; the relay's copy of the answer lapses by itself");
        }
        Ok(())
    }

    fn note_shown(&mut self, playback: &Playback) -> Result<SealedBody, Error> {
        let message: StoredMessage = self.vault.get(&playback.row)?.ok_or(VaultError::Corrupt("message"))?;
        let (_, sealed) = playable(&message)?;
        if playback.mode == LimitMode::Oblivious {
            self.settle_play(&playback.row, &sealed, &playback.play_id, Outcome::Shown(playback.play))?;
        } else {
            self.vault.in_reserved_room(|vault| {
                changed(vault, &playback.row, |terms, sealed| {
                    terms.used = terms.used.max(playback.play);
                    sealed.pending_play = None;
                    if playback.play >= playback.plays {
                        terms.ended = Some(Ended::Exhausted);
                    }
                })
            })?;
        }
        Ok(sealed)
    }

    /// Takes back a limited message of ours: it opens no more.
    ///
    /// # Errors
    /// [`Error::NotOurs`], [`Error::NotLimited`], the relay's refusals.
    pub async fn revoke(&mut self, prefix: &str) -> Result<LicenseReport, Error> {
        let (row, message) = self.own_message(prefix)?;
        let license: License = self.vault.get(&message.id.0)?.ok_or(Error::NotLimited)?;
        self.check_relay().await?;
        let status = match self.relay.revoke(&license).await {
            Ok(status) => status,
            // The relay never heard of it: it is still in the outbox. Its share stays there with us, and is destroyed.
            Err(error) if error.code() == Some(Code::NoSuchLicense) && license.share.is_some() => {
                unheard_of(&license, Some(Ended::Revoked))
            }
            Err(error) => return Err(error.into()),
        };
        let noted = self.note_revoked(&row, message, &license, status).await;
        noted.map_err(Error::behind_the_relay)
    }

    async fn note_revoked(
        &mut self,
        row: &[u8],
        message: StoredMessage,
        license: &License,
        status: LicenseStatus,
    ) -> Result<LicenseReport, Error> {
        self.vault.transaction(|tx| {
            tx.update::<License>(&message.id.0, |license| license.share = None)?;
            Ok::<_, VaultError>(())
        })?;
        self.vault.compact()?;
        self.note_license(row, message, license, status).await
    }

    /// How often a limited message of ours was opened.
    ///
    /// # Errors
    /// As [`Messenger::revoke`].
    pub async fn license_state(&mut self, prefix: &str) -> Result<LicenseReport, Error> {
        let (row, message) = self.own_message(prefix)?;
        let license: License = self.vault.get(&message.id.0)?.ok_or(Error::NotLimited)?;
        self.check_relay().await?;
        let status = match self.relay.license(&license).await {
            Ok(status) => status,
            // It waits in the outbox, and nobody can have opened it.
            Err(error) if error.code() == Some(Code::NoSuchLicense) && message.state == MessageState::Queued => {
                let ended = match &message.body {
                    MessageBody::Limited(terms, _) => terms.ended,
                    _ => None,
                };
                unheard_of(&license, ended)
            }
            Err(error) => return Err(error.into()),
        };
        self.note_license(&row, message, &license, status).await
    }

    /// The play share that is still kept for sending again, if any. For tests that it is forgotten.
    ///
    /// # Errors
    /// As [`Messenger::message`].
    #[doc(hidden)]
    pub fn kept_share(&self, prefix: &str) -> Result<Option<[u8; 32]>, Error> {
        let (_, message) = self.own_message(prefix)?;
        Ok(self
            .vault
            .get::<License>(&message.id.0)?
            .and_then(|license| license.share))
    }

    async fn note_license(
        &mut self,
        row: &[u8],
        message: StoredMessage,
        license: &License,
        status: LicenseStatus,
    ) -> Result<LicenseReport, Error> {
        let MessageBody::Limited(mut terms, _) = message.body else {
            return Err(Error::NotLimited);
        };
        let (shown, went_back) = self.compare_receipts(license, &status).await?;
        let mut unreadable = None;
        if let Some((_, used)) = status.counted {
            terms.used = used;
        } else if let Some(counter) = &status.counter {
            match self.read_counter(license, counter)? {
                Ok(used) => terms.used = used,
                Err(reason) => unreadable = Some(reason),
            }
        }
        terms.ended = status.ended;
        terms.expires_at = Some(status.expires_at);
        let noted = terms.clone();
        self.vault.transaction(|tx| {
            tx.update::<StoredMessage>(row, |message| {
                if let MessageBody::Limited(terms, _) = &mut message.body {
                    *terms = noted;
                }
            })?;
            tx.update::<License>(&message.id.0, |license| license.shown = shown.or(license.shown))?;
            Ok::<_, VaultError>(())
        })?;
        Ok(LicenseReport {
            id: message.id,
            to: message.peer,
            terms,
            requests: status.requests,
            went_back,
            unreadable,
        })
    }

    /// A fresh play id, on the disk before anyone hears of it.
    fn begin_play(&mut self, row: &[u8]) -> Result<[u8; 16], Error> {
        // The relay takes it for a UUID; the form's fixed bits are set, 122 bits are random.
        let id = *uuid::Uuid::new_v4().as_bytes();
        self.change(row, |_, sealed| sealed.pending_play = Some(id))?;
        Ok(id)
    }

    pub(in crate::messenger) fn change(
        &mut self,
        row: &[u8],
        change: impl FnOnce(&mut LimitedTerms, &mut SealedBody),
    ) -> Result<(), Error> {
        Ok(changed(&mut self.vault, row, change)?)
    }

    /// Notes why a message opens no more, when that is what the refusal says.
    pub(in crate::messenger) fn refused_play(
        &mut self,
        row: &[u8],
        terms: &LimitedTerms,
        code: Option<Code>,
        error: RelayError,
    ) -> Result<Error, Error> {
        let ended = match code {
            // In oblivious mode it is the relay's own bound on requests, and says nothing of the limit.
            Some(Code::PlayLimitReached) if terms.mode == LimitMode::Counted => Ended::Exhausted,
            Some(Code::LicenseRevoked) => Ended::Revoked,
            Some(Code::LicenseExpired) => Ended::Expired,
            _ => return Ok(error.into()),
        };
        let limit = terms.limit;
        self.change(row, |terms, sealed| {
            terms.ended = Some(ended);
            if ended == Ended::Exhausted {
                terms.used = limit;
            }
            sealed.pending_play = None;
            if let Some(half) = &mut sealed.oblivious {
                half.play = None;
            }
        })?;
        Ok(Error::Ended(ended))
    }
}

/// What is known of a license that the relay never heard of.
fn unheard_of(license: &License, ended: Option<Ended>) -> LicenseStatus {
    LicenseStatus {
        counted: None,
        counter: None,
        ended,
        expires_at: license.expires_at,
        requests: 0,
        receipt: None,
    }
}

fn changed(
    vault: &mut Vault,
    row: &[u8],
    change: impl FnOnce(&mut LimitedTerms, &mut SealedBody),
) -> Result<(), VaultError> {
    vault.transaction(|tx| {
        tx.update::<StoredMessage>(row, |message| {
            if let MessageBody::Limited(terms, Some(sealed)) = &mut message.body {
                change(terms, sealed);
            }
        })
        .map(drop)
    })
}
