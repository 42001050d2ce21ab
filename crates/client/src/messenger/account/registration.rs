//! The account itself: registering and signing in.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use protocol::account::Publication;
use protocol::address::{Address, RelayName, UserName};
use protocol::claim::{RegisterClaim, SignInClaim, bundle_digest};
use protocol::identity::{Fingerprint, Purpose};
use protocol::party::Party;

use crate::error::Error;
use crate::invite::Invite;
use crate::messenger::account::prekeys::check_clock;
use crate::messenger::steps::Step;
use crate::messenger::{Messenger, Options, dialled, load_party, persist, registration_pending, seeded};
use crate::relay::{Challenge, Code, Relay, RelayError, RelayUrl, SignedClaim, Upload, bounded};
use crate::vault::{Account, Kind, Moment, Passphrase, PinnedRelay, Session, Told, Vault, VaultError, key};

/// A session that ends within this is renewed before it is used: clocks differ, and requests take time.
pub(in crate::messenger) const SESSION_MARGIN: Duration = Duration::from_secs(30);
/// A challenge and its answer, in all. Each attempt is a pair, because the nonce dies with the first use.
pub(in crate::messenger) const SIGN_IN_ATTEMPTS: u32 = 3;
/// Pause between such pairs.
pub(in crate::messenger) const SIGN_IN_PAUSE: Duration = Duration::from_millis(300);

impl Messenger {
    /// Claims `name` at the relay at `url` and keeps the account in `home`.
    ///
    /// Keys are on the disk before the relay hears of them, so a run that died, or whose answer was lost, is repeated with the same
    /// arguments and succeeds.
    ///
    /// # Errors
    /// [`Error::AlreadyRegistered`], [`Error::RegistrationPending`] when another name was begun here, and the relay's refusals
    /// (`name_taken`: choose another; nothing of the attempt is kept).
    pub async fn register(
        home: &Path,
        passphrase: &Passphrase,
        name: &UserName,
        url: RelayUrl,
        options: Options,
    ) -> Result<Self, Error> {
        Self::register_invited(home, passphrase, name, url, None, options).await
    }

    /// The same, with an invitation to show if there is one. A relay that asks for none does not spend it, and neither does one that refuses.
    ///
    /// # Errors
    /// As [`Messenger::register`], and `invite_required`, `invite_refused`, `registration_closed`: nothing of the attempt is kept then either.
    pub async fn register_invited(
        home: &Path,
        passphrase: &Passphrase,
        name: &UserName,
        mut url: RelayUrl,
        invite: Option<&Invite>,
        options: Options,
    ) -> Result<Self, Error> {
        let existing = if Vault::exists(home) {
            Some(Vault::open(home, passphrase)?)
        } else {
            None
        };
        if let Some(vault) = &existing
            && let Some(account) = vault.get::<Account>(key::ACCOUNT)?
        {
            let address = load_party(vault)?.address().clone();
            if account.registered {
                return Err(Error::AlreadyRegistered(address));
            }
            if address.user() != *name {
                return Err(registration_pending(vault)?);
            }
            let known = dialled(&vault.get(key::RELAY)?.ok_or(VaultError::Corrupt("relay"))?)?;
            if url.as_str() == known.as_str() && url.certificate().is_none() {
                url = known;
            }
        }
        let relay = Relay::new(url, Arc::clone(&options.clock))?;
        // Before a vault is made: a wrong address, or a clock by which no relay takes keys, leaves nothing behind.
        let challenge = relay.challenge(name).await?;
        check_clock(options.clock.now(), challenge.relay_time())?;
        let vault = match existing {
            Some(vault) => vault,
            None => Vault::create(home, passphrase, options.kdf)?,
        };
        let mut messenger = Self::begin(vault, relay, name, &challenge, options)?;
        messenger.step(Step::BeforeRegister)?;
        messenger.finish_registration(name, challenge, invite).await?;
        Ok(messenger)
    }

    /// The account's keys and its relay, committed; nothing revealed.
    fn begin(
        mut vault: Vault,
        relay: Relay,
        name: &UserName,
        challenge: &Challenge,
        options: Options,
    ) -> Result<Self, Error> {
        let mut rng = seeded()?;
        let now = options.clock.now();
        let pinned = PinnedRelay {
            name: challenge.relay_name.clone(),
            fingerprint: *challenge.relay_fingerprint.as_bytes(),
            url: relay.url().to_string(),
            certificate: relay.url().certificate().map(|pin| *pin.as_bytes()),
        };
        let party = if vault.get::<Account>(key::ACCOUNT)?.is_some() {
            let known: PinnedRelay = vault.get(key::RELAY)?.ok_or(VaultError::Corrupt("relay"))?;
            if known.fingerprint != pinned.fingerprint || known.name != pinned.name {
                return Err(other_relay(&relay, &known, challenge.relay_fingerprint, &challenge.relay_name).into());
            }
            vault.transaction(|tx| tx.put(key::RELAY, &pinned))?;
            load_party(&vault)?
        } else {
            let relay_name =
                RelayName::parse(&challenge.relay_name).map_err(|_| RelayError::Malformed("relay_name"))?;
            let mut party = Party::generate(Address::new(name.clone(), relay_name), &mut rng);
            // The first keys are made now, so that they are durable before they are published.
            party.publication(None, false, now, &mut rng);
            vault.transaction(|tx| {
                tx.put(key::RELAY, &pinned)?;
                tx.put(key::TOLD, &Told { value: 0, news: true })?;
                tx.put(
                    key::ACCOUNT,
                    &Account {
                        registered: false,
                        created_at: now.as_millis(),
                    },
                )?;
                persist(&mut party, tx)
            })?;
            party
        };
        Ok(Self {
            vault,
            party: Some(party),
            relay,
            pinned,
            relay_checked: true,
            rng,
            options,
            decoy_clock: crate::messenger::plays::decoy_clock::DecoyClock::default(),
            told: crate::messenger::receive::agreement::Agreement::default(),
            untold: crate::messenger::round::Untold::default(),
            released: false,
            outage: None,
            floods: Vec::new(),
            clock_told: false,
        })
    }

    async fn finish_registration(
        &mut self,
        name: &UserName,
        first: Challenge,
        invite: Option<&Invite>,
    ) -> Result<(), Error> {
        let publication = self
            .current_publication(None, false)?
            .ok_or(VaultError::Corrupt("party"))?;
        let mut challenge = Some(first);
        let mut attempt = 1;
        let session = loop {
            let current = match challenge.take() {
                Some(challenge) => challenge,
                None => self.checked_challenge(name).await?,
            };
            let claim = self.sign(name, &current, Some(&publication))?;
            let identity = self.party()?.identity_key().clone();
            let keys = Upload::of(&publication);
            match self.relay.register(&claim, &identity, &keys, invite).await {
                Ok(session) => break session,
                // The first attempt may have reached the relay: the repetition is recognised by the identity key.
                Err(RelayError::Network { .. }) if attempt < SIGN_IN_ATTEMPTS => {
                    tokio::time::sleep(SIGN_IN_PAUSE).await;
                    attempt += 1;
                }
                Err(error) => {
                    // A relay that has the account already takes its key's repetition, whomever else it takes: who is refused has none there.
                    if matches!(
                        error.code(),
                        Some(
                            Code::NameTaken
                                | Code::BadName
                                | Code::RegistrationClosed
                                | Code::InviteRequired
                                | Code::InviteRefused
                        )
                    ) {
                        self.abandon_registration()?;
                    }
                    return Err(error.into());
                }
            }
        };
        self.note_registered(&session).map_err(Error::behind_the_relay)?;
        self.relay.resume(Some(session));
        Ok(())
    }

    fn note_registered(&mut self, session: &Session) -> Result<(), Error> {
        self.step(Step::AfterRegister)?;
        let now = self.now();
        self.transact(|scope| {
            scope.party.publication_confirmed(scope.now);
            scope.tx.put(
                key::ACCOUNT,
                &Account {
                    registered: true,
                    created_at: now.as_millis(),
                },
            )?;
            scope.tx.put(key::SESSION, session)?;
            Ok(scope.tx.put(key::KEYS_COUNTED, &Moment { at: now.as_millis() })?)
        })
    }

    /// The name is somebody else's, or cannot be had: these keys will never be used.
    fn abandon_registration(&mut self) -> Result<(), Error> {
        self.vault.transaction(|tx| {
            tx.clear(Kind::Party)?;
            tx.clear(Kind::Setting)
        })?;
        self.vault.compact()?;
        Ok(())
    }

    /// A challenge from the relay that this account belongs to, and from no other.
    pub(in crate::messenger) async fn checked_challenge(&mut self, name: &UserName) -> Result<Challenge, Error> {
        let challenge = self.relay.challenge(name).await?;
        if challenge.relay_fingerprint.as_bytes() != &self.pinned.fingerprint
            || challenge.relay_name != self.pinned.name
        {
            return Err(self.other_relay(challenge.relay_fingerprint, &challenge.relay_name));
        }
        self.relay_checked = true;
        Ok(challenge)
    }

    fn sign(
        &mut self,
        name: &UserName,
        challenge: &Challenge,
        publication: Option<&Publication>,
    ) -> Result<SignedClaim, Error> {
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
        let (address, fingerprint) = (party.address().clone(), party.fingerprint());
        let claim = SignInClaim {
            origin: &origin,
            relay: &challenge.relay_fingerprint,
            address: &address,
            fingerprint: &fingerprint,
            server_nonce: &challenge.server_nonce,
            client_nonce: &client_nonce,
            expires_at: challenge.expires_at,
        };
        let signature = match publication {
            Some(publication) => {
                let signed_prekey = publication.signed_prekey.as_ref().ok_or(VaultError::Corrupt("party"))?;
                let digest = bundle_digest(signed_prekey, publication.one_time_batch.as_ref());
                let payload = RegisterClaim {
                    claim,
                    bundle_digest: digest,
                }
                .payload();
                party.identity_sign(Purpose::Register, &payload, rng)
            }
            None => party.identity_sign(Purpose::SignIn, &claim.payload(), rng),
        };
        Ok(SignedClaim {
            user: name.clone(),
            server_nonce: challenge.server_nonce,
            client_nonce,
            expires_at: challenge.expires_at,
            signature,
        })
    }

    /// Signs in and keeps the token. The relay hears our number here too, and takes one that is far above the one it kept: it was put back from a backup, or
    /// something in its place told us a greater one.
    async fn sign_in(&mut self) -> Result<(), Error> {
        let name = self.party()?.address().user();
        let ours = self.told()?.value;
        let mut attempt = 1;
        let (session, told) = loop {
            let challenge = self.checked_challenge(&name).await?;
            let claim = self.sign(&name, &challenge, None)?;
            match self.relay.sign_in(&claim, ours).await {
                Ok(answer) => break answer,
                // A challenge may have ended on the way; asked for again, that passes.
                Err(error) if attempt < SIGN_IN_ATTEMPTS && error.may_be_late() => {
                    tokio::time::sleep(SIGN_IN_PAUSE).await;
                    attempt += 1;
                }
                Err(error) if error.is_unauthorized() => {
                    return Err(Error::ShutOut {
                        address: self.party()?.address().clone(),
                        url: self.relay.url().to_string(),
                    });
                }
                Err(error) => return Err(error.into()),
            }
        };
        self.vault.transaction(|tx| tx.put::<Session>(key::SESSION, &session))?;
        self.relay.resume(Some(session));
        self.compare(told)
    }

    /// Makes a request that needs a session; signs in before when there is none, and once more when the relay no longer knows it
    /// or wants one for our number.
    ///
    /// The request gets a relay of its own (a clone is cheap), not a borrowed one: a closure for whatever lifetime makes a future of which the compiler cannot
    /// tell that it moves between threads, and the tasks of programs do.
    pub(in crate::messenger) async fn authorised<T, F: Future<Output = Result<T, RelayError>>>(
        &mut self,
        request: impl Fn(Relay) -> F,
    ) -> Result<T, Error> {
        let fresh = self.ready().await?;
        match request(self.relay.clone()).await {
            Err(error) if error.wants_sign_in() && !fresh => {
                self.sign_in().await?;
                Ok(request(self.relay.clone()).await?)
            }
            other => Ok(other?),
        }
    }

    /// The same for a request that may take longer than another process waits for the vault: it is unlocked meanwhile. Answers too whether another process wrote.
    pub(in crate::messenger) async fn authorised_unlocked<T, F: Future<Output = Result<T, RelayError>>>(
        &mut self,
        request: impl Fn(Relay) -> F,
    ) -> Result<(T, bool), Error> {
        let fresh = self.ready().await?;
        let used = self.relay.session().map(|session| session.expires_at);
        let waiting = request(self.relay.clone());
        match self.unlocked(waiting).await? {
            (Err(error), _) if error.wants_sign_in() && !fresh => {
                // Another process may have begun a session meanwhile, which ended this one.
                if self.relay.session().map(|session| session.expires_at) == used {
                    self.sign_in().await?;
                }
                let waiting = request(self.relay.clone());
                let (answer, outdated) = self.unlocked(waiting).await?;
                Ok((answer?, outdated))
            }
            (answer, outdated) => Ok((answer?, outdated)),
        }
    }

    /// What comes before a request that needs a session; whether that was just begun.
    pub(in crate::messenger) async fn ready(&mut self) -> Result<bool, Error> {
        if self.party()?.successor().is_some() {
            // Begun and not finished: the relay may have the new identity already, and the old one's session is over then.
            self.finish_succession().await.map_err(Error::on_the_way)?;
        }
        // By the clock that made the session: by one that is days ahead of it each request would sign in anew.
        if self.relay.signed_in(self.believed().plus(SESSION_MARGIN)) {
            return Ok(false);
        }
        self.sign_in().await?;
        Ok(true)
    }

    /// Before a request without a session (plays, licenses): a URL other than the pinned one has to lead to the pinned relay, or a
    /// capability would be shown to a stranger.
    pub(in crate::messenger) async fn check_relay(&mut self) -> Result<(), Error> {
        if !self.relay_checked {
            let status = self.relay.status().await?;
            if status.fingerprint.as_bytes() != &self.pinned.fingerprint || status.name != self.pinned.name {
                return Err(self.other_relay(status.fingerprint, &status.name));
            }
            self.relay_checked = true;
        }
        Ok(())
    }

    pub(in crate::messenger) fn other_relay(&self, offered: Fingerprint, name: &str) -> Error {
        other_relay(&self.relay, &self.pinned, offered, name).into()
    }
}

fn other_relay(relay: &Relay, pinned: &PinnedRelay, offered: Fingerprint, name: &str) -> RelayError {
    let url = relay.url().to_string();
    if *offered.as_bytes() == pinned.fingerprint {
        return RelayError::RenamedRelay {
            url,
            pinned: pinned.name.clone(),
            offered: bounded(name),
        };
    }
    RelayError::OtherRelay {
        url,
        pinned: Fingerprint::from_bytes(pinned.fingerprint),
        offered,
    }
}
