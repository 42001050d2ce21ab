//! Delivery tokens: a contact sends to us, and we to them, without naming ourselves to the relay. And blocking, which takes the token away.
//!
//! Ours for a contact: made and committed when both have spoken (a stranger learns nothing before the user answers), then registered at the relay, then sent. A crash in between repeats the
//! last step, which changes nothing. There is one for each contact at most; before another is made the earlier one is on the list of those to delete.

use protocol::address::Address;
use protocol::content::{Body, Content, ContentId, DeliveryToken};
use protocol::identity::IdentityKey;
use protocol::party::Trust;
use protocol::primitives::secret::Secret;
use protocol::succession::PublishedSuccession;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::event::Event;
use crate::messenger::people::contacts::Person;
use crate::messenger::round::{Round, postpone};
use crate::messenger::steps::Step;
use crate::messenger::{Messenger, Scope};
use crate::relay::{Code, Relay, outlasts_the_lock};
use crate::vault::{Delivery, GivenToken, License, OutboxEntry, VaultError};

/// Earlier tokens of one contact that the relay has not deleted yet. While there are as many the contact gets no other: none is forgotten, because it would go on working.
const MAX_DEAD: usize = 32;

/// What was decided is kept here. A vault that fails behind that keeps the rest from being noted, and it is done later.
fn put_off_by_the_vault(served: Result<(), Error>, round: &mut Round) -> Result<(), Error> {
    match served {
        Err(error @ Error::Vault(_)) => {
            round.events.push(Event::Postponed(error));
            Ok(())
        }
        other => other,
    }
}

impl Messenger {
    /// Blocks a contact, or somebody who is none: the relay deletes its delivery token and takes nothing more from its account, and what is there already is
    /// dropped unseen, without a word to it. Answers the contact, if it is one.
    ///
    /// What of that the relay has to do and cannot now is an event and done later.
    ///
    /// # Errors
    /// [`Error::Oneself`].
    pub async fn block(&mut self, peer: &Address) -> Result<(Option<Person>, Vec<Event>), Error> {
        if peer == self.party()?.address() {
            return Err(Error::Oneself);
        }
        self.transact(|scope| {
            scope.revoke_token(peer)?;
            let mut delivery = scope.delivery(peer)?;
            delivery.blocked = true;
            // Said again, should the relay have it from another copy of this vault.
            delivery.barred = false;
            Ok(scope.tx.put(peer.as_str().as_bytes(), &delivery)?)
        })?;
        let mut round = Round::default();
        let served = self.serve_tokens(&mut round).await;
        put_off_by_the_vault(served, &mut round)?;
        Ok((self.acquaintance(peer)?, round.events))
    }

    /// Takes a block back; a contact gets a new delivery token.
    ///
    /// # Errors
    /// Vault trouble.
    pub async fn unblock(&mut self, peer: &Address) -> Result<(Option<Person>, Vec<Event>), Error> {
        self.transact(|scope| {
            let mut delivery = scope.delivery(peer)?;
            delivery.blocked = false;
            delivery.barred = true;
            scope.tx.put(peer.as_str().as_bytes(), &delivery)?;
            scope.give_token(peer)
        })?;
        let mut round = Round::default();
        let served = self.maintain(&mut round).await;
        put_off_by_the_vault(served, &mut round)?;
        Ok((self.acquaintance(peer)?, round.events))
    }

    fn acquaintance(&mut self, peer: &Address) -> Result<Option<Person>, Error> {
        match self.contact(peer) {
            Err(Error::UnknownContact(_)) => Ok(None),
            other => other.map(Some),
        }
    }

    /// To whom we gave the token with this hash.
    pub(in crate::messenger) fn holder(&self, token: &[u8; 32]) -> Result<Option<Address>, Error> {
        for entry in self.vault.list::<Delivery>()? {
            let given = entry.record.given.as_ref();
            if given.is_some_and(|given| hash(&given.token) == *token) {
                return peer_of(&entry.key).map(Some);
            }
        }
        Ok(None)
    }

    pub(in crate::messenger) fn delivery(&self, peer: &Address) -> Result<Delivery, Error> {
        Ok(self.vault.get(peer.as_str().as_bytes())?.unwrap_or_default())
    }

    /// Brings the relay and the contacts to know what was decided here: deletes tokens, registers and sends new ones.
    pub(in crate::messenger) async fn serve_tokens(&mut self, round: &mut Round) -> Result<(), Error> {
        for entry in self.vault.list::<Delivery>()? {
            let unsent = entry.record.given.as_ref().is_some_and(|given| !given.sent);
            let told = entry.record.blocked == entry.record.barred;
            if !unsent && told && entry.record.dead.is_empty() {
                continue;
            }
            let peer = peer_of(&entry.key)?;
            if let Err(error) = self.serve_block(&peer, &entry.record, round).await {
                return postpone(error, round);
            }
            if let Err(error) = self.serve_token(&peer, &entry.record).await {
                // The next one would meet the same; all of them are tried again next time.
                return postpone(error, round);
            }
        }
        Ok(())
    }

    /// Tells the relay whose mail it is not to take any more, or again.
    async fn serve_block(&mut self, peer: &Address, delivery: &Delivery, round: &mut Round) -> Result<(), Error> {
        if delivery.blocked == delivery.barred {
            return Ok(());
        }
        let (user, barred) = (&peer.user(), delivery.blocked);
        match self
            .authorised(|relay| async move { relay.bar(user, barred).await })
            .await
        {
            Ok(()) => {}
            // It blocks as many as it ever does. What comes is dropped here all the same, and asking again would help nobody.
            Err(Error::Relay(error)) if error.code() == Some(Code::BadRequest) => postpone(error.into(), round)?,
            Err(error) => return Err(error),
        }
        self.transact(|scope| {
            let mut delivery = scope.delivery(peer)?;
            delivery.barred = barred;
            Ok(scope.tx.put(peer.as_str().as_bytes(), &delivery)?)
        })
    }

    async fn serve_token(&mut self, peer: &Address, delivery: &Delivery) -> Result<(), Error> {
        for dead in &delivery.dead {
            let hash = &hex::encode(&dead[..]);
            self.authorised(|relay| async move { relay.delete_delivery_token(hash).await })
                .await?;
            self.transact(|scope| {
                let mut delivery = scope.delivery(peer)?;
                delivery.dead.retain(|other| other != dead);
                Ok(scope.tx.put(peer.as_str().as_bytes(), &delivery)?)
            })?;
        }
        let Some(given) = delivery.given.as_ref().filter(|given| !given.sent) else {
            return Ok(());
        };
        if self.party()?.needs_bundle(peer) {
            // It goes with the conversation's next handshake; it is not worth one of its own.
            return Ok(());
        }
        let hash = hash(&given.token);
        self.authorised(|relay| async move { relay.put_delivery_token(&hash).await })
            .await?;
        self.step(Step::AfterTokenPut)?;
        self.transact(|scope| {
            let content = Content {
                id: ContentId::random(scope.rng),
                sent_at: scope.now,
                body: Body::DeliveryToken(DeliveryToken(Secret::new(given.token))),
            };
            // A refusal (an undecided identity, a silent peer) passes, and then the token goes.
            if let Ok(mut outgoing) = scope.party.send(peer, &content, scope.now, scope.rng) {
                // It is no message of the user's, whatever becomes of it.
                outgoing.content_id = None;
                scope.enqueue(&[outgoing])?;
                let mut delivery = scope.delivery(peer)?;
                if let Some(given) = &mut delivery.given {
                    given.sent = true;
                }
                scope.tx.put(peer.as_str().as_bytes(), &delivery)?;
            }
            Ok(())
        })
    }

    /// Hands an envelope to the relay: by the recipient's token if we hold one, else, or when it holds no more, as ourselves.
    pub(in crate::messenger) async fn transmit(
        &mut self,
        envelope: &OutboxEntry,
        license: Option<&License>,
    ) -> Result<(), Error> {
        let peer = Address::new(envelope.to.clone(), self.party()?.address().relay());
        let held = self.delivery(&peer)?.held.map(Zeroizing::new);
        let long = outlasts_the_lock(envelope.envelope.len());
        if let Some(token) = &held {
            self.check_relay().await?;
            let relay = self.relay.clone();
            let sending = relay.send(envelope, license, Some(token));
            let sent = if long {
                // On the heap: it is seldom, and every send would carry it along.
                Box::pin(self.unlocked(sending)).await?.0
            } else {
                sending.await
            };
            match sent {
                Err(error) if error.is_unauthorized() => {}
                other => return other.map_err(|error| Error::from(error).about_contact(&peer)),
            }
            self.refuse_undecided(&peer)?;
        }
        // A token is its owner's; a name may be another's by now. Seldom, and large: what is kept for every send is not to grow by it.
        Box::pin(self.look_who_has_the_name(&peer)).await?;
        if let Some(refused) = &held {
            self.vault.transaction(|tx| {
                tx.update::<Delivery>(peer.as_str().as_bytes(), |delivery| {
                    // Another may have come meanwhile, to another process.
                    delivery.held.take_if(|held| *held == **refused);
                })
                .map(drop)
            })?;
        }
        // An envelope is sealed with keys that the relay served: its recipient had an account.
        let send = |relay: Relay| async move { relay.send(envelope, license, None).await };
        let sent = if long {
            Box::pin(self.authorised_unlocked(send)).await.map(drop)
        } else {
            self.authorised(send).await
        };
        sent.map_err(|error| error.about_contact(&peer))
    }
}

impl Messenger {
    /// Before anything goes to a contact by its name alone. Another identity than the one we know may have it: one that that vouches for, which is followed as ever; or somebody
    /// else's, because an operator may remove an account and release its name. Then nothing goes there before the user has decided.
    async fn look_who_has_the_name(&mut self, peer: &Address) -> Result<(), Error> {
        let contact = self.party()?.contact(peer);
        let Some(contact) = contact.filter(|contact| matches!(contact.trust, Trust::Unverified | Trust::Verified))
        else {
            return Ok(());
        };
        let identity = self
            .authorised(|relay| async move { relay.fetch_identity(peer).await })
            .await
            .map_err(|error| error.about_contact(peer))?;
        let vouches = |link: &PublishedSuccession| {
            IdentityKey::from_bytes(&link.identity_key).is_ok_and(|old| old.fingerprint(peer) == contact.fingerprint)
        };
        if identity.current == contact.fingerprint || identity.successions.iter().any(vouches) {
            return Ok(());
        }
        let bundle = self.fetch_bundle(peer).await?;
        self.transact(|scope| scope.start(&bundle))?.map(drop)
    }
}

impl Scope<'_, '_> {
    pub(in crate::messenger) fn delivery(&self, peer: &Address) -> Result<Delivery, VaultError> {
        Ok(self.tx.get(peer.as_str().as_bytes())?.unwrap_or_default())
    }

    /// A token for a contact that has none, to be registered and sent in this round.
    pub(in crate::messenger) fn give_token(&mut self, peer: &Address) -> Result<(), Error> {
        let mut delivery = self.delivery(peer)?;
        let undecided = self
            .party
            .contact(peer)
            .is_none_or(|contact| !matches!(contact.trust, Trust::Unverified | Trust::Verified));
        let stranger = !delivery.accepted || !delivery.wrote;
        let enough = delivery.dead.len() >= MAX_DEAD;
        if delivery.given.is_some() || delivery.blocked || undecided || stranger || enough {
            return Ok(());
        }
        let mut token = [0; 32];
        rand_core::Rng::fill_bytes(self.rng, &mut token);
        delivery.given = Some(GivenToken { token, sent: false });
        Ok(self.tx.put(peer.as_str().as_bytes(), &delivery)?)
    }

    /// The user wrote to a contact or verified it: it may know that we are here.
    pub(in crate::messenger) fn accept(&mut self, peer: &Address) -> Result<(), Error> {
        let mut delivery = self.delivery(peer)?;
        if !delivery.accepted {
            delivery.accepted = true;
            self.tx.put(peer.as_str().as_bytes(), &delivery)?;
        }
        self.give_token(peer)
    }

    /// Something of a contact was opened: whoever never answers gets no token.
    pub(in crate::messenger) fn note_wrote(&mut self, peer: &Address) -> Result<(), VaultError> {
        let mut delivery = self.delivery(peer)?;
        if delivery.wrote {
            return Ok(());
        }
        delivery.wrote = true;
        self.tx.put(peer.as_str().as_bytes(), &delivery)
    }

    /// Our tokens ended with our identity: whoever had one gets another.
    pub(in crate::messenger) fn renew_tokens(&mut self, known: &[Address]) -> Result<(), Error> {
        for peer in known {
            let mut delivery = self.delivery(peer)?;
            delivery.given = None;
            delivery.dead.clear();
            self.tx.put(peer.as_str().as_bytes(), &delivery)?;
            self.give_token(peer)?;
        }
        Ok(())
    }

    /// The token of a contact is to be deleted at the relay.
    pub(in crate::messenger) fn revoke_token(&mut self, peer: &Address) -> Result<(), VaultError> {
        let mut delivery = self.delivery(peer)?;
        let Some(given) = delivery.given.take() else {
            return Ok(());
        };
        delivery.dead.push(hash(&given.token).into());
        self.tx.put(peer.as_str().as_bytes(), &delivery)
    }

    /// What a contact gave us.
    pub(in crate::messenger) fn hold_token(&mut self, peer: &Address, token: &DeliveryToken) -> Result<(), VaultError> {
        let mut delivery = self.delivery(peer)?;
        delivery.held = Some(*token.0.expose());
        self.tx.put(peer.as_str().as_bytes(), &delivery)
    }

    /// What a contact's earlier identity gave us, and what was to be said to it.
    pub(in crate::messenger) fn forget_delivery(&mut self, peer: &Address) -> Result<(), VaultError> {
        let mut delivery = self.delivery(peer)?;
        delivery.held = None;
        delivery.arrived.clear();
        delivery.read.clear();
        self.tx.put(peer.as_str().as_bytes(), &delivery)
    }

    /// Whoever may be somebody else does not keep a token of ours.
    pub(in crate::messenger) fn revoke_tokens_of_changed(&mut self) -> Result<(), VaultError> {
        for contact in self.party.contacts() {
            if matches!(contact.trust, Trust::Changed { .. } | Trust::Forked { .. }) {
                self.revoke_token(&contact.address)?;
            }
        }
        Ok(())
    }
}

/// Whom a record is filed under.
fn peer_of(key: &[u8]) -> Result<Address, Error> {
    let peer = std::str::from_utf8(key).ok().and_then(|key| Address::parse(key).ok());
    Ok(peer.ok_or(VaultError::Corrupt("delivery"))?)
}

fn hash(token: &[u8; 32]) -> [u8; 32] {
    Sha256::digest(token).into()
}
