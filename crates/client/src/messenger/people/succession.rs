//! Another identity: our own, and those of contacts.

use std::time::Duration;

use protocol::address::Address;
use protocol::claim::{RegisterClaim, SignInClaim, bundle_digest};
use protocol::identity::{Fingerprint, Purpose};
use protocol::party::{Followed, Trust};
use protocol::succession::PublishedSuccession;

use crate::error::Error;
use crate::event::Event;
use crate::messenger::account::prekeys::check_clock;
use crate::messenger::account::registration::{SIGN_IN_ATTEMPTS, SIGN_IN_PAUSE};
use crate::messenger::round::{Round, postpone};
use crate::messenger::steps::Step;
use crate::messenger::{Messenger, Scope};
use crate::relay::{Challenge, Code, RelayError, SignedClaim, Verdict};
use crate::vault::{Delivery, Moment, Session, VaultError, key};

impl Messenger {
    /// Replaces our identity by a new one, which the present one names its successor. Contacts follow by themselves; those who had verified us have to
    /// compare the safety number again. Every conversation is begun anew, which leaves behind whoever stole keys or sessions.
    ///
    /// What waits at the relay is taken in before. The new identity is on the disk before the relay hears of it, so a run that died is finished by the next
    /// one that talks to the relay. Repeated after that, it makes one more.
    ///
    /// # Errors
    /// The relay's refusals: then nothing changed. Without a network the new identity is kept, and takes its place as soon as there is one.
    pub async fn rotate_identity(&mut self) -> Result<Vec<Event>, Error> {
        let mut events = Vec::new();
        if self.party()?.successor().is_none() {
            events = self.receive(Duration::ZERO).await?;
            // The relay would refuse it for its date, and contacts too.
            if let Some(off) = self.relay.clock_off() {
                let now = self.now();
                check_clock(now, off.at_relay(now))?;
            }
            self.transact(|scope| {
                scope.party.prepare_succession(scope.now, scope.rng);
                Ok(())
            })?;
        }
        self.step(Step::BeforeSucceed)?;
        self.finish_succession().await?;
        // It is done, and noted. A vault that fails in what follows keeps nothing of that from being done later.
        match self.catch_up().await {
            Err(error @ Error::Vault(_)) => events.push(Event::Postponed(error)),
            other => events.extend(other?),
        }
        Ok(events)
    }

    /// Tells the relay of the prepared identity until it has it, then takes it.
    pub(in crate::messenger) async fn finish_succession(&mut self) -> Result<(), Error> {
        let name = self.party()?.address().user();
        let mut attempt = 1;
        let session = loop {
            let challenge = self.checked_challenge(&name).await?;
            let claim = self.sign_as_successor(&challenge)?;
            let Some(successor) = self.party.as_ref().and_then(|party| party.successor()) else {
                return Ok(());
            };
            match self.relay.succeed(&claim, successor).await {
                Ok(session) => break session,
                // It may have arrived: the repetition is recognised by the statement.
                Err(RelayError::Network { .. }) if attempt < SIGN_IN_ATTEMPTS => {
                    tokio::time::sleep(SIGN_IN_PAUSE).await;
                    attempt += 1;
                }
                Err(error) => {
                    if matches!(
                        error.code(),
                        Some(Code::IdentityReplaced | Code::NoSuchUser | Code::BadSignature | Code::BadRequest)
                    ) {
                        // It will never be taken.
                        self.transact(|scope| {
                            scope.party.abandon_succession();
                            Ok(())
                        })?;
                        // What the relay dislikes of a statement that is well made is its date.
                        check_clock(self.now(), challenge.relay_time())?;
                    }
                    return Err(error.into());
                }
            }
        };
        self.note_succession(&session).map_err(Error::behind_the_relay)?;
        if let Err(error) = self.vault.compact() {
            tracing::debug!(%error, "the earlier identity is overwritten on the disk later");
        }
        self.relay.resume(Some(session));
        Ok(())
    }

    fn note_succession(&mut self, session: &Session) -> Result<(), Error> {
        self.step(Step::AfterSucceed)?;
        let known: Vec<Address> = self
            .vault
            .list::<Delivery>()?
            .iter()
            .map(|entry| {
                let text = std::str::from_utf8(&entry.key).ok();
                text.and_then(|text| Address::parse(text).ok())
                    .ok_or(VaultError::Corrupt("delivery"))
            })
            .collect::<Result<_, _>>()?;
        self.transact(|scope| {
            let moment = Moment {
                at: scope.now.as_millis(),
            };
            scope.party.complete_succession(scope.now);
            scope.tx.put(key::SESSION, session)?;
            scope.tx.put(key::KEYS_COUNTED, &moment)?;
            scope.tx.put(key::SUCCEEDED, &moment)?;
            scope.renew_tokens(&known)
        })
    }

    /// The successor's claim to our name, over its first keys.
    fn sign_as_successor(&mut self, challenge: &Challenge) -> Result<SignedClaim, Error> {
        let origin = self.relay.url().to_string();
        let mut client_nonce = [0; 32];
        rand_core::Rng::fill_bytes(&mut self.rng, &mut client_nonce);
        self.party()?;
        let Self {
            party: Some(party),
            rng,
            ..
        } = self
        else {
            return Err(VaultError::Corrupt("party").into());
        };
        let successor = party.successor().ok_or(VaultError::Corrupt("party"))?;
        let keys = successor.publication().ok_or(VaultError::Corrupt("party"))?;
        let signed_prekey = keys.signed_prekey.as_ref().ok_or(VaultError::Corrupt("party"))?;
        let payload = RegisterClaim {
            claim: SignInClaim {
                origin: &origin,
                relay: &challenge.relay_fingerprint,
                address: party.address(),
                fingerprint: &successor.fingerprint(),
                server_nonce: &challenge.server_nonce,
                client_nonce: &client_nonce,
                expires_at: challenge.expires_at,
            },
            bundle_digest: bundle_digest(signed_prekey, keys.one_time_batch.as_ref()),
        }
        .payload();
        Ok(SignedClaim {
            user: party.address().user(),
            server_nonce: challenge.server_nonce,
            client_nonce,
            expires_at: challenge.expires_at,
            signature: successor.sign(Purpose::Register, &payload, rng),
        })
    }

    /// Asks the relay how contacts came to the unknown identities that they showed, once for each, and follows where a chain leads.
    pub(in crate::messenger) async fn follow_changed(&mut self, round: &mut Round) -> Result<(), Error> {
        for contact in self.party()?.contacts() {
            let Trust::Changed { offered } = contact.trust else {
                continue;
            };
            let peer = &contact.address;
            let delivery = self.delivery(peer)?;
            if delivery.blocked || delivery.asked == Some(*offered.as_bytes()) {
                continue;
            }
            let identity = match self
                .authorised(|relay| async move { relay.fetch_identity(peer).await })
                .await
            {
                Ok(identity) => identity,
                // Of this contact alone: it has no account any more, for example.
                Err(Error::Relay(error)) if error.verdict() == Verdict::Permanent => {
                    postpone(error.into(), round)?;
                    continue;
                }
                // The next one would meet the same; all of them are asked for again next time.
                Err(error) => return postpone(error, round),
            };
            let followed = self.transact(|scope| {
                let mut delivery = scope.delivery(peer)?;
                delivery.asked = Some(*offered.as_bytes());
                scope.tx.put(peer.as_str().as_bytes(), &delivery)?;
                Ok(scope.follow(peer, &identity.successions, &identity.current))
            })?;
            round.followed(peer, followed);
            if matches!(followed, Followed::Moved | Followed::Review) {
                let events = self.release_quarantine(peer)?;
                round.add(events);
            }
        }
        Ok(())
    }
}

impl Scope<'_, '_> {
    /// Follows a contact along a chain; one that does not hold is none. By a clock that is behind a chain would look as if it were from the future.
    pub(in crate::messenger) fn follow(
        &mut self,
        peer: &Address,
        chain: &[PublishedSuccession],
        current: &Fingerprint,
    ) -> Followed {
        self.party
            .follow(peer, chain, current, self.now.max(self.believed()))
            .unwrap_or_else(|error| {
                tracing::debug!(%error, "a chain of successions is not followed");
                Followed::Nothing
            })
    }
}

impl Round {
    /// What a chain of successions meant, in place of the remark that an identity changed. Said once a round.
    pub(in crate::messenger) fn followed(&mut self, peer: &Address, followed: Followed) {
        let event = match followed {
            Followed::Moved => Event::Succeeded {
                peer: peer.clone(),
                was_verified: false,
            },
            Followed::Review => Event::Succeeded {
                peer: peer.clone(),
                was_verified: true,
            },
            Followed::Forked => Event::IdentityForked { peer: peer.clone() },
            _ => return,
        };
        self.events.retain(|event| match event {
            Event::IdentityChanged { peer: known, .. }
            | Event::Succeeded { peer: known, .. }
            | Event::IdentityForked { peer: known } => known != peer,
            _ => true,
        });
        self.events.push(event);
    }
}
