//! Oblivious limits: sealing them, and playing under them.
//!
//! The relay sees that a request comes and must not see more. So everything that it can observe is the same after a grant, after a denial and after
//! a decoy: the requests, their order and lengths, the moment of the confirmation (the next round of receiving, never when a person closed a
//! message), and the number of commits that this vault tells it. A test compares what goes over the wire.
//!
//! A request is stored with its play id and its slot of the pad before it leaves, and is repeated byte for byte until it is answered. A slot is
//! used by one play id and no other; when the relay says that a slot was used (this vault is an older copy), the client goes forward.

use playgate::oblivious::{
    CounterView, GateKey, OpeningKey, PAD_SLOTS, PadKey, PlayContext, PlayRelease, PlayRequest, Want,
};
use playgate::{Mode, PlayShare};
use protocol::address::Address;
use protocol::content::Oblivious;
use protocol::identity::IdentityKey;
use zeroize::Zeroizing;

use super::gate_keys::GateWatch;
use super::playback::{Playback, open, playable};
use crate::error::Error;
use crate::messenger::plays::relay_receipts::Said;
use crate::messenger::send::message::{LimitRequest, Sealed, Sent};
use crate::messenger::steps::Step;
use crate::messenger::{Messenger, Scope};
use crate::relay::{Code, Released};
use crate::vault::{
    AfterPlays, Ended, GateDeposit, GateKeyRecord, License, LimitMode, MessageBody, MessageState, ObliviousHalf,
    PendingRequest, SealedBody, StoredMessage, Unconfirmed, VaultError, key,
};

/// Attempts at one play with different ids: an answer that is gone, a vault that was put back, and one that nothing is in the way of.
const TRIES: usize = 4;
/// Answers that wait for their confirmation; the relay forgets them by itself after ten minutes.
const MAX_UNCONFIRMED: usize = 64;

/// What became of a request, as far as this client keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::messenger) enum Outcome {
    /// Granted, and shown as this play.
    Shown(u8),
    /// Denied: nothing was left.
    Denied,
    /// It was a decoy.
    Decoy,
}

impl Messenger {
    /// Sends a text that opens `limit.plays` times, without telling the relay how often that is or how often it was opened.
    ///
    /// The first one makes a gate key and uploads its evaluation key, 23 MB; `watch` hears of it. What of that a crash or the network cuts short is
    /// gone on with by the next one.
    ///
    /// # Errors
    /// As [`Messenger::send_limited`], the relay's refusals of the gate key, and [`Error::GateKeyTaken`].
    pub async fn send_oblivious(
        &mut self,
        to: &Address,
        text: &str,
        limit: LimitRequest,
        watch: &GateWatch,
    ) -> Result<Sent, Error> {
        self.terms(text, limit, Mode::Oblivious)?;
        if to == self.party()?.address() {
            return Err(Error::Oneself);
        }
        let (id, record) = self.gate_key_for(to, watch).await?;
        // Once more: minutes may have passed.
        let policy = self.terms(text, limit, Mode::Oblivious)?;
        let gate_key = GateKey::from_bytes(&record.secret).map_err(|_| VaultError::Corrupt("gate-key"))?;
        let (counter, pad_key) = gate_key.seal(policy.limit, &mut self.rng);
        let opening_key = gate_key.opening_key().to_bytes();
        let sealed = Sealed {
            deposit: GateDeposit {
                gate_key: id,
                capability: record.capability,
                counter: counter.to_bytes(),
            },
            keys: Oblivious {
                opening_key: Box::new(
                    opening_key
                        .as_slice()
                        .try_into()
                        .map_err(|_| VaultError::Corrupt("gate-key"))?,
                ),
                pad_key: *pad_key.as_bytes(),
            },
        };
        let mut sent = self.send_under(to, text, &policy, Some(sealed)).await?;
        let lost = matches!(&sent.because, Some(Error::Relay(error)) if error.code() == Some(Code::NoSuchGateKey));
        if lost {
            self.serve_gate_keys(watch).await?;
            let flushed = self.flush().await?;
            self.untold.forget_refused(sent.id);
            sent.events.append(&mut self.untold.take_refused());
            let stored: Option<StoredMessage> = self.vault.get(&key::outgoing(sent.id))?;
            if stored
                .as_ref()
                .is_some_and(|message| matches!(message.state, MessageState::Failed(_)))
            {
                for event in sent.events {
                    self.untold.keep(event);
                }
                return Err(Error::GateKeyTaken);
            }
            sent.state = stored.map_or(MessageState::Queued, |message| message.state);
            sent.because = (sent.state == MessageState::Queued)
                .then_some(flushed.waiting)
                .flatten()
                .map(Error::from);
        }
        Ok(sent)
    }

    /// Plays, and finds out by itself what the relay does not know: whether it was granted.
    pub(in crate::messenger) async fn play_obliviously(
        &mut self,
        row: Zeroizing<Vec<u8>>,
        message: StoredMessage,
        relay_key: &IdentityKey,
    ) -> Result<Playback, Error> {
        for _ in 0..TRIES {
            let (terms, sealed) = playable(&self.vault.get(&row)?.ok_or(VaultError::Corrupt("message"))?)?;
            let half = half(&sealed)?;
            if let (Some(ended), None) = (terms.ended, &half.play) {
                return Err(Error::Ended(ended));
            }
            let pending = match half.play.clone() {
                Some(pending) => pending,
                None => self.begin_request(&row, &sealed, Want::Play)?,
            };
            self.step(Step::BeforePlay)?;
            match self.exchange(&sealed, &pending).await {
                Ok(released) => {
                    self.step(Step::AfterPlay)?;
                    self.note_release(&message, &sealed, &pending, &released, relay_key)?;
                    let Some(share) = opened(&sealed.license, half, &pending, &released)? else {
                        self.settle_play(&row, &sealed, &pending.id, Outcome::Denied)?;
                        return Err(Error::Ended(Ended::Exhausted));
                    };
                    return Ok(Playback {
                        id: message.id,
                        from: message.peer,
                        sent_at: message.sent_at,
                        text: open(&sealed, share.as_bytes())?,
                        play: terms.used.saturating_add(1).min(terms.limit),
                        plays: terms.limit,
                        mode: LimitMode::Oblivious,
                        row,
                        play_id: pending.id,
                    });
                }
                Err(Error::Relay(error)) => match error.code() {
                    Some(Code::SlotUsed) => self.go_forward(&row, error.next_slot(), Want::Play)?,
                    // It was answered and nobody saw it: if anything was left, it is spent.
                    Some(Code::AnswerGone) => self.change(&row, |terms, sealed| {
                        terms.used = terms.used.saturating_add(1).min(terms.limit);
                        forget_play(sealed);
                    })?,
                    // Another copy of this vault made another request under this id.
                    Some(Code::PlayConflict) => self.change(&row, |_, sealed| forget_play(sealed))?,
                    code => return Err(self.refused_play(&row, &terms, code, error)?),
                },
                Err(error) => return Err(error),
            }
        }
        Err(Error::Protocol(
            "the relay answers no request for this message".to_owned(),
        ))
    }

    /// A request with its id, its slot used up, on the disk before anyone hears of it.
    pub(in crate::messenger) fn begin_request(
        &mut self,
        row: &[u8],
        sealed: &SealedBody,
        want: Want,
    ) -> Result<PendingRequest, Error> {
        let half = half(sealed)?;
        let padded = PlayRequest::padded(&PadKey::from_bytes(half.pad_key), half.next_slot, want);
        let request = match padded {
            Some(request) => request,
            None => {
                let key = OpeningKey::from_bytes(&half.opening_key).map_err(|_| VaultError::Corrupt("message"))?;
                PlayRequest::sealed(&key, want, &mut self.rng)
            }
        };
        let pending = PendingRequest {
            // The relay takes it for a UUID; the form's fixed bits are set, 122 bits are random.
            id: *uuid::Uuid::new_v4().as_bytes(),
            request: request.to_bytes(),
            after: self.last_receipt(&sealed.license)?,
        };
        let noted = pending.clone();
        self.change(row, |_, sealed| {
            if let Some(half) = &mut sealed.oblivious {
                half.next_slot = half.next_slot.saturating_add(1).min(PAD_SLOTS);
                match want {
                    Want::Play => half.play = Some(noted),
                    Want::Decoy => {
                        half.decoy = Some(noted);
                        half.decoys = half.decoys.saturating_add(1);
                    }
                }
            }
        })?;
        Ok(pending)
    }

    /// `&mut self`, although nothing changes: a future that holds `&self` could not move to another thread, and a program's task does.
    pub(in crate::messenger) async fn exchange(
        &mut self,
        sealed: &SealedBody,
        pending: &PendingRequest,
    ) -> Result<Released, Error> {
        Ok(self
            .relay
            .play_oblivious(&sealed.license, &pending.id, &sealed.play_capability, &pending.request)
            .await?)
    }

    pub(in crate::messenger) fn note_release(
        &mut self,
        message: &StoredMessage,
        sealed: &SealedBody,
        pending: &PendingRequest,
        released: &Released,
        relay_key: &IdentityKey,
    ) -> Result<(), Error> {
        let said = Said {
            license: &sealed.license,
            play: &pending.id,
            request: &pending.request,
            answer: &released.release,
            receipt: &released.receipt,
            after: pending.after,
        };
        self.note_receipt(message, &said, relay_key)
    }

    /// The request is over: one commit, whatever became of it, and a confirmation that goes with the next round of receiving.
    pub(in crate::messenger) fn settle_play(
        &mut self,
        row: &[u8],
        sealed: &SealedBody,
        play: &[u8; 16],
        outcome: Outcome,
    ) -> Result<(), Error> {
        let confirm = Unconfirmed {
            license: sealed.license,
            play: *play,
            capability: sealed.play_capability,
        };
        Ok(self.vault.in_reserved_room(|vault| {
            vault.transaction(|tx| {
                tx.update::<StoredMessage>(row, |message| {
                    let MessageBody::Limited(terms, Some(sealed)) = &mut message.body else {
                        return;
                    };
                    match outcome {
                        Outcome::Shown(number) => {
                            terms.used = terms.used.max(number);
                            forget_play(sealed);
                        }
                        Outcome::Denied => forget_play(sealed),
                        Outcome::Decoy => {
                            if let Some(half) = &mut sealed.oblivious {
                                half.decoy = None;
                            }
                        }
                    }
                })?;
                let mut after: AfterPlays = tx.get(key::AFTER_PLAYS)?.unwrap_or_default();
                if after.unconfirmed.len() < MAX_UNCONFIRMED {
                    after.unconfirmed.push(confirm.clone());
                }
                tx.put(key::AFTER_PLAYS, &after)
            })
        })?)
    }

    /// The relay has seen this slot under another id: this vault is an older copy of itself. Never back.
    pub(in crate::messenger) fn go_forward(&mut self, row: &[u8], next: Option<u16>, want: Want) -> Result<(), Error> {
        self.change(row, |_, sealed| {
            if let Some(half) = &mut sealed.oblivious {
                // Without a number: no pad any more, requests are sealed from here on.
                half.next_slot = half.next_slot.max(next.unwrap_or(PAD_SLOTS)).min(PAD_SLOTS);
                match want {
                    Want::Play => half.play = None,
                    Want::Decoy => half.decoy = None,
                }
            }
        })
    }

    /// The count of a license of ours: how many plays were granted. The inner error says why it cannot be read. It is shown and nothing else: what a client
    /// did by itself with it would tell an active relay what is inside.
    pub(in crate::messenger) fn read_counter(
        &self,
        license: &License,
        counter: &[u8],
    ) -> Result<Result<u8, String>, Error> {
        let Some(deposit) = &license.oblivious else {
            return Ok(Err("the relay counts this message in another mode".to_owned()));
        };
        let Some(record) = self.vault.get::<GateKeyRecord>(&deposit.gate_key)? else {
            return Ok(Err("the gate key that sealed this message was deleted".to_owned()));
        };
        let gate_key = GateKey::from_bytes(&record.secret).map_err(|_| VaultError::Corrupt("gate-key"))?;
        let view = match CounterView::from_bytes(counter) {
            Ok(view) => view,
            Err(error) => return Ok(Err(error.to_string())),
        };
        Ok(match gate_key.left(&view) {
            Ok(left) => license.plays.checked_sub(left).ok_or_else(|| {
                "the relay holds more plays than this message ever had; do not rely on the limit".to_owned()
            }),
            Err(error) => Err(error.to_string()),
        })
    }
}

impl Scope<'_, '_> {
    /// This vault is an older copy of itself: its pads may have been used further than it knows, and a slot that is used for two requests tells whether
    /// they asked the same. It goes on with the last one, which the lost copy is least likely to have used; requests after that are sealed. (Sealed ones before it
    /// the relay refuses: they cost it a rotation more.)
    pub(in crate::messenger) fn abandon_pads(&mut self) -> Result<(), Error> {
        for entry in self.tx.list::<StoredMessage>()? {
            let MessageBody::Limited(_, Some(SealedBody { oblivious: Some(_), .. })) = &entry.record.body else {
                continue;
            };
            self.tx.update::<StoredMessage>(&entry.key, |message| {
                if let MessageBody::Limited(_, Some(sealed)) = &mut message.body
                    && let Some(half) = &mut sealed.oblivious
                {
                    half.next_slot = half.next_slot.max(PAD_SLOTS - 1);
                }
            })?;
        }
        Ok(())
    }
}

pub(in crate::messenger) fn half(sealed: &SealedBody) -> Result<&ObliviousHalf, VaultError> {
    sealed.oblivious.as_ref().ok_or(VaultError::Corrupt("message"))
}

fn forget_play(sealed: &mut SealedBody) {
    if let Some(half) = &mut sealed.oblivious {
        half.play = None;
    }
}

/// `None`: denied.
fn opened(
    license: &[u8; 32],
    half: &ObliviousHalf,
    pending: &PendingRequest,
    released: &Released,
) -> Result<Option<PlayShare>, Error> {
    let key = OpeningKey::from_bytes(&half.opening_key).map_err(|_| VaultError::Corrupt("message"))?;
    let release = PlayRelease::from_bytes(&released.release)
        .map_err(|error| Error::Protocol(format!("the relay's answer is malformed: {error}")))?;
    let context = PlayContext {
        license: *license,
        play_id: pending.id,
    };
    Ok(key.open(&release, &context))
}
