//! Sending: encrypt and commit, then transmit until the relay confirms.

use std::time::Duration;

use playgate::{Capability, Mode, PlayLimit, Policy};
use protocol::address::Address;
use protocol::content::{Body, Content, ContentId, Limited, Oblivious};
use protocol::handshake::PreKeyBundle;
use protocol::party::{Followed, SendError, StartError, Trust};
use protocol::prekey::PreKeyError;

use crate::clock::ClockOff;
use crate::error::Error;
use crate::event::Event;
use crate::messenger::steps::Step;
use crate::messenger::{Messenger, Scope};
use crate::relay::{Bundle, license_id};
use crate::vault::{
    Direction, GateDeposit, License, LimitMode, LimitedTerms, MessageBody, MessageId, MessageState, StoredMessage,
    VaultError, key,
};

/// A limit ends after this when the sender does not say: the relay keeps no share for ever.
pub const DEFAULT_EXPIRY: Duration = Duration::from_secs(90 * 24 * 3600);
/// Shorter would end before a recipient who is online has read it.
const MIN_EXPIRY: Duration = Duration::from_secs(60);
/// Longer than a year is not a limit any more.
const MAX_EXPIRY: Duration = Duration::from_secs(366 * 24 * 3600);

/// How often a message may be opened, and until when.
#[derive(Clone, Copy, Debug)]
pub struct LimitRequest {
    /// 1 to 255.
    pub plays: u8,
    /// From now; [`DEFAULT_EXPIRY`] when absent.
    pub expires_in: Option<Duration>,
}

/// What became of a message.
#[derive(Debug)]
#[non_exhaustive]
pub struct Sent {
    /// Its id, the same at both ends.
    pub id: MessageId,
    /// `Sent`, or `Queued` when the relay did not confirm it yet: then it goes out with the next call, and is not to be sent again.
    pub state: MessageState,
    /// Why it is still queued: the relay, or the vault, which failed after the message was kept.
    pub because: Option<Error>,
    /// With `Sent`: the relay has it, and why that could not be noted here. The next call sends it once more, under the same id, which changes nothing.
    pub unnoted: Option<VaultError>,
    /// Whether this is the first message to this contact: time to compare safety numbers.
    pub first_contact: bool,
    /// The recipient.
    pub to: Address,
    /// Whether the recipient was found to have a new identity, named by the one that we knew: its safety number is another.
    pub succeeded: bool,
    /// What else happened on the way: that this vault was found to be an older copy, what had waited and was refused, …
    pub events: Vec<Event>,
}

/// What an oblivious limit adds to a message.
pub(in crate::messenger) struct Sealed {
    /// For the relay.
    pub(in crate::messenger) deposit: GateDeposit,
    /// For the recipient.
    pub(in crate::messenger) keys: Oblivious,
}

impl Messenger {
    /// Sends a text.
    ///
    /// # Errors
    /// [`Error::IdentityChanged`], the relay's refusals, [`Error::TooLarge`], [`Error::Empty`]; without a network to a new contact
    /// [`Error::Relay`]. When this answers `Ok` the message is kept and will arrive.
    pub async fn send_text(&mut self, to: &Address, text: &str) -> Result<Sent, Error> {
        if text.is_empty() {
            return Err(Error::Empty);
        }
        let content = Content {
            id: ContentId::random(&mut self.rng),
            sent_at: self.now(),
            body: Body::Text(text.to_owned()),
        };
        self.send_content(to, content, MessageBody::Text(text.to_owned()), None)
            .await
    }

    /// Sends a text that opens `limit.plays` times. What was sent is not kept here: not the text, and the share only until the peer
    /// acknowledged the message.
    ///
    /// # Errors
    /// As [`Messenger::send_text`], and [`Error::BadLimit`].
    pub async fn send_limited(&mut self, to: &Address, text: &str, limit: LimitRequest) -> Result<Sent, Error> {
        let terms = self.terms(text, limit, Mode::Counted)?;
        self.send_under(to, text, &terms, None).await
    }

    /// Whether a limited message can be opened for so long: [`Error::BadLimit`] otherwise.
    #[must_use]
    pub fn can_expire_in(duration: Duration) -> bool {
        (MIN_EXPIRY..=MAX_EXPIRY).contains(&duration)
    }

    /// What a limit says, if it can be one.
    pub(in crate::messenger) fn terms(&self, text: &str, limit: LimitRequest, mode: Mode) -> Result<Policy, Error> {
        if text.is_empty() {
            return Err(Error::Empty);
        }
        let expires_in = limit.expires_in.unwrap_or(DEFAULT_EXPIRY);
        if !Self::can_expire_in(expires_in) {
            return Err(Error::BadLimit);
        }
        Ok(Policy {
            mode,
            limit: PlayLimit::new(limit.plays).map_err(|_| Error::BadLimit)?,
            expires_at: Some(self.now().plus(expires_in).as_millis()),
        })
    }

    /// Seals a text under a limit and sends it.
    pub(in crate::messenger) async fn send_under(
        &mut self,
        to: &Address,
        text: &str,
        policy: &Policy,
        gate: Option<Sealed>,
    ) -> Result<Sent, Error> {
        let (plays, expires_at) = (policy.limit.get(), policy.expires_at.unwrap_or_default());
        let (play, owner) = (Capability::generate(&mut self.rng), Capability::generate(&mut self.rng));
        let mut own_half = [0; playgate::content::LICENSE_ID_LEN];
        rand_core::Rng::fill_bytes(&mut self.rng, &mut own_half);
        let sealed = playgate::seal(&own_half, policy, text.as_bytes(), &mut self.rng).map_err(|_| Error::TooLarge)?;
        let id = license_id(&to.user(), own_half);
        let (deposit, keys) = gate.map(|sealed| (sealed.deposit, sealed.keys)).unzip();
        let license = License {
            id,
            plays,
            expires_at,
            share: Some(*sealed.play_share.as_bytes()),
            play_capability_hash: play.hash(),
            owner_capability: *owner.as_bytes(),
            oblivious: deposit,
            told: None,
            shown: None,
        };
        let terms = LimitedTerms {
            limit: plays,
            expires_at: Some(expires_at),
            used: 0,
            ended: None,
            mode: if keys.is_some() {
                LimitMode::Oblivious
            } else {
                LimitMode::Counted
            },
        };
        let content = Content {
            id: ContentId::random(&mut self.rng),
            sent_at: self.now(),
            body: Body::Limited(Limited {
                license: id,
                play_capability: *play.as_bytes(),
                content_share: *sealed.content_share.as_bytes(),
                commit: sealed.commit,
                policy: policy.encode(),
                ciphertext: sealed.ciphertext.clone(),
                oblivious: keys,
            }),
        };
        self.send_content(to, content, MessageBody::Limited(terms, None), Some(license))
            .await
    }

    pub(in crate::messenger) async fn send_content(
        &mut self,
        to: &Address,
        content: Content,
        shown: MessageBody,
        license: Option<License>,
    ) -> Result<Sent, Error> {
        // What is found on the way is told with the message, or after an error by what comes next.
        // Large: on the heap, so that every caller is not.
        let mut events = Vec::new();
        match Box::pin(self.send_within(to, content, shown, license, &mut events)).await {
            Ok(mut sent) => {
                sent.events = events;
                sent.events.append(&mut self.untold.take_refused());
                Ok(sent)
            }
            Err(error) => {
                for event in events {
                    self.untold.keep(event);
                }
                Err(error)
            }
        }
    }

    async fn send_within(
        &mut self,
        to: &Address,
        content: Content,
        shown: MessageBody,
        license: Option<License>,
        events: &mut Vec<Event>,
    ) -> Result<Sent, Error> {
        self.refuse_unwritable(to)?;
        self.before_sending(events).await?;
        self.set_misdated_aside()?;
        let first_contact = !self.knows(to)?;
        let id = MessageId(content.id.0);
        let message = StoredMessage {
            id,
            peer: to.clone(),
            direction: Direction::Outgoing,
            sent_at: content.sent_at.as_millis(),
            received_at: content.sent_at.as_millis(),
            state: MessageState::Queued,
            body: shown,
        };
        let bundle = if self.party()?.needs_bundle(to) {
            Some(self.fetch_bundle(to).await?)
        } else {
            None
        };
        // The inner result is the protocol's refusal: what it learned on the way (a changed identity) is kept all the same.
        let followed = self.transact(|scope| {
            let followed = match bundle.map(|bundle| scope.start(&bundle)).transpose()? {
                Some(Err(refusal)) => return Ok(Err(refusal)),
                Some(Ok(followed)) => followed,
                None => Followed::Nothing,
            };
            match scope.party.send(to, &content, scope.now, scope.rng) {
                Ok(outgoing) => {
                    if let Some(license) = &license {
                        scope.tx.put(&id.0, license)?;
                    }
                    scope.tx.put(&key::outgoing(id), &message)?;
                    scope.enqueue(&[outgoing])?;
                    scope.accept(to)?;
                    Ok(Ok(followed))
                }
                Err(refusal) => Ok(Err(send_error(refusal))),
            }
        })??;
        self.step(Step::BeforeSend)?;
        // From here on it is kept, and goes out: whatever fails is said of a message that waits.
        let transmitted = async {
            let flushed = self.flush().await?;
            // Its own refusal is the answer.
            self.untold.forget_refused(id);
            self.begin_anew(events).await?;
            Ok(flushed)
        };
        let mut flushed = match transmitted.await {
            Ok(flushed) => flushed,
            Err(Error::Vault(error)) => {
                return Ok(Sent {
                    id,
                    state: MessageState::Queued,
                    because: Some(error.into()),
                    unnoted: None,
                    first_contact,
                    to: to.clone(),
                    succeeded: followed != Followed::Nothing,
                    events: Vec::new(),
                });
            }
            Err(error) => {
                if matches!(error, Error::ShutOut { .. }) {
                    self.give_up(id, &error)?;
                }
                return Err(error);
            }
        };
        if let Some(at) = flushed.undeliverable.iter().position(|(failed, _)| *failed == id) {
            return Err(flushed.undeliverable.swap_remove(at).1);
        }
        self.refuse_undecided(to)?;
        let stored: Option<StoredMessage> = self.vault.get(&key::outgoing(id))?;
        let mut state = stored.map_or(MessageState::Queued, |message| message.state);
        let (mut because, mut unnoted) = (None, None);
        match flushed.unnoted {
            Some((of, error)) if of == Some(id) => (state, unnoted) = (MessageState::Sent, Some(error)),
            Some((_, error)) => because = Some(error.into()),
            None => because = flushed.waiting.map(Error::from),
        }
        if state != MessageState::Queued {
            because = None;
        }
        // What the relay told beside its answers to this send.
        self.tell_floods(events)?;
        self.tell_clock(events);
        Ok(Sent {
            id,
            state,
            because,
            unnoted,
            first_contact,
            to: to.clone(),
            succeeded: followed != Followed::Nothing,
            events: Vec::new(),
        })
    }

    /// Fetches and parses a peer's keys. One request.
    pub(in crate::messenger) async fn fetch_bundle(&mut self, peer: &Address) -> Result<Bundle, Error> {
        let fetched = self
            .authorised(|relay| async move { relay.fetch_key(peer).await })
            .await;
        let known = self.knows(peer)?;
        fetched.map_err(|error| if known { error.about_contact(peer) } else { error })
    }

    /// Stops before anything is spent when nothing can go to them.
    pub(in crate::messenger) fn refuse_unwritable(&mut self, to: &Address) -> Result<(), Error> {
        if to == self.party()?.address() {
            return Err(Error::Oneself);
        }
        self.refuse_undecided(to)?;
        if self.delivery(to)?.blocked {
            return Err(Error::Blocked(to.clone()));
        }
        Ok(())
    }

    /// Stops before anything is spent when the user has a decision to make.
    pub(in crate::messenger) fn refuse_undecided(&mut self, peer: &Address) -> Result<(), Error> {
        match self
            .party()?
            .contact(peer)
            .map(|contact| (contact.fingerprint, contact.trust))
        {
            Some((pinned, Trust::Changed { offered })) => Err(Error::IdentityChanged {
                peer: peer.clone(),
                pinned: Some(pinned),
                offered: Some(offered),
            }),
            Some((_, Trust::Succeeded { verified })) => Err(Error::IdentitySucceeded {
                peer: peer.clone(),
                verified,
            }),
            Some((_, Trust::Forked { .. })) => Err(Error::IdentityForked(peer.clone())),
            _ => Ok(()),
        }
    }

    pub(in crate::messenger) fn knows(&mut self, peer: &Address) -> Result<bool, Error> {
        Ok(self.party()?.contact(peer).is_some())
    }
}

impl Scope<'_, '_> {
    /// Begins a conversation with a fetched bundle, after following its owner to another identity. `Ok(Err(_))` is the protocol's refusal, to be reported
    /// after the commit.
    pub(in crate::messenger) fn start(&mut self, bundle: &Bundle) -> Result<Result<Followed, Error>, Error> {
        let keys = &bundle.keys;
        let current = keys.identity_key.fingerprint(&keys.address);
        let followed = self.follow(&keys.address, &bundle.successions, &current);
        match self.party.start(keys, self.now, self.rng) {
            Ok(outgoing) => {
                self.supersede(&keys.address, &outgoing)?;
                Ok(Ok(followed))
            }
            Err(StartError::BadBundle {
                peer,
                why: why @ (PreKeyError::Expired | PreKeyError::FromTheFuture),
            }) => Ok(Err(self.clock_to_blame(keys).map_or_else(
                || start_error(StartError::BadBundle { peer, why }),
                Error::from,
            ))),
            Err(refusal) => Ok(Err(start_error(refusal))),
        }
    }

    /// How far our clock is off, if these keys are good by the relay's: then nothing is wrong with them.
    fn clock_to_blame(&self, keys: &PreKeyBundle) -> Option<ClockOff> {
        self.off
            .filter(|_| keys.verify(&keys.address, 0, self.believed()).is_ok())
    }
}

fn start_error(refusal: StartError) -> Error {
    match refusal {
        StartError::IdentityChanged { peer, pinned, offered } => Error::IdentityChanged {
            peer,
            pinned: Some(pinned),
            offered: Some(offered),
        },
        StartError::BadBundle { peer, why } => Error::KeysRefused {
            peer,
            reason: why.to_string(),
        },
        StartError::IdentitySucceeded { peer, verified } => Error::IdentitySucceeded { peer, verified },
        StartError::IdentityForked(peer) => Error::IdentityForked(peer),
        StartError::Superseded(ref peer) => Error::KeysRefused {
            peer: peer.clone(),
            reason: refusal.to_string(),
        },
        StartError::OneSelf => Error::Oneself,
        other => Error::Protocol(other.to_string()),
    }
}

fn send_error(refusal: SendError) -> Error {
    match refusal {
        SendError::IdentityChanged { peer, offered } => Error::IdentityChanged {
            peer,
            pinned: None,
            offered: Some(offered),
        },
        SendError::IdentitySucceeded { peer, verified } => Error::IdentitySucceeded { peer, verified },
        SendError::IdentityForked(peer) => Error::IdentityForked(peer),
        SendError::PeerSilent(peer) => Error::PeerSilent(peer),
        SendError::TooLarge(_) => Error::TooLarge,
        other => Error::Protocol(other.to_string()),
    }
}
