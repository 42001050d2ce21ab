//! What every part of the messenger stands on: the account's state in memory, and the transaction in which it and the vault advance together.
//!
//! Not its concern: what is sent, received or played. It names none of the rooms beside it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use protocol::Timestamp;
use protocol::address::{Address, UserName};
use protocol::identity::Fingerprint;
use protocol::party::Party;

use crate::clock::{Clock, ClockOff, SystemClock};
use crate::error::Error;
use crate::randomness::Randomness;
use crate::relay::{CertificatePin, Flood, Relay, RelayUrl};
use crate::vault::{Account, KdfCost, Passphrase, PinnedRelay, Silence, Transaction, Vault, VaultError, key};

use super::plays::decoy_clock::DecoyClock;
use super::plays::gate_key_source::{FreshGateKeys, GateKeySource};
use super::receive::agreement::Agreement;
use super::round::Untold;
use super::steps::{NoSteps, Step, Steps};

/// What surrounds a messenger.
#[derive(Clone)]
pub struct Options {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// What guessing the passphrase of a *new* vault costs.
    pub kdf: KdfCost,
    /// Called between the steps; for tests.
    pub steps: Arc<dyn Steps>,
    /// Where gate keys come from.
    pub gate_keys: Arc<dyn GateKeySource>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            kdf: KdfCost::default(),
            steps: Arc::new(NoSteps),
            gate_keys: Arc::new(FreshGateKeys),
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("kdf", &self.kdf)
            .finish_non_exhaustive()
    }
}

/// One account: its vault, its conversations, its relay.
///
/// One call at a time, from whatever thread: the futures are `Send`. A call may be dropped while it waits; then its events are not told, and everything
/// else is as after a crash, without the need to open the home again (see [`Messenger::receive`]).
///
/// A commit and the derivation of the passphrase's key (at [`Messenger::register`], [`Messenger::open`] and [`Messenger::change_passphrase`], about a second) block
/// the thread.
pub struct Messenger {
    pub(super) vault: Vault,
    /// `None` only while reading it back has failed.
    pub(super) party: Option<Party>,
    pub(super) relay: Relay,
    pub(super) pinned: PinnedRelay,
    /// Whether the relay behind a URL other than the pinned one has shown the pinned key.
    pub(super) relay_checked: bool,
    pub(super) rng: Randomness,
    pub(super) options: Options,
    pub(super) decoy_clock: DecoyClock,
    pub(super) told: Agreement,
    pub(super) untold: Untold,
    /// The vault was unlocked: what is in memory may be outdated.
    pub(super) released: bool,
    /// While [`Messenger::listen`] finds the relay away: the pause before it tries again.
    pub(super) outage: Option<Duration>,
    /// Who floods, as the relay told once, until the user is told.
    pub(super) floods: Vec<(Flood, u64)>,
    /// The user was told that our clock is off.
    pub(super) clock_told: bool,
}

impl std::fmt::Debug for Messenger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Messenger")
            .field("vault", &self.vault)
            .field("relay", &self.relay)
            .finish_non_exhaustive()
    }
}

impl Messenger {
    /// Opens the account in `home`. Touches no network.
    ///
    /// `url` replaces the pinned URL for this run; the relay behind it has to show the pinned key before anything is entrusted to it. At the pinned URL the
    /// pinned certificate is accepted and no other, unless `url` brings a new one, which is then the pinned one.
    ///
    /// # Errors
    /// [`Error::NotRegistered`] when there is none or its registration is unfinished, and what opening the vault may answer.
    pub fn open(home: &Path, passphrase: &Passphrase, url: Option<RelayUrl>, options: Options) -> Result<Self, Error> {
        Self::in_vault(Vault::open(home, passphrase), url, options)
    }

    /// Opens the account in `home` to show what is kept there. As [`Messenger::open`], but where another process is working in this home it waits for a second at most, and reads a
    /// copy of what was committed last. Then [`Messenger::writable`] says so, and what keeps something is an error.
    ///
    /// # Errors
    /// As [`Messenger::open`].
    pub fn open_to_read(
        home: &Path,
        passphrase: &Passphrase,
        url: Option<RelayUrl>,
        options: Options,
    ) -> Result<Self, Error> {
        Self::in_vault(Vault::open_to_read(home, passphrase), url, options)
    }

    fn in_vault(vault: Result<Vault, VaultError>, url: Option<RelayUrl>, options: Options) -> Result<Self, Error> {
        let mut vault = match vault {
            Err(VaultError::NotFound(_)) => return Err(Error::NotRegistered),
            other => other?,
        };
        match vault.get::<Account>(key::ACCOUNT)? {
            Some(Account { registered: true, .. }) => {}
            Some(Account { registered: false, .. }) => {
                return Err(registration_pending(&vault)?);
            }
            None => return Err(Error::NotRegistered),
        }
        let mut pinned: PinnedRelay = vault.get(key::RELAY)?.ok_or(VaultError::Corrupt("relay"))?;
        let pinned_url = RelayUrl::parse_plain_allowed(&pinned.url)?;
        let mut url = url.unwrap_or_else(|| pinned_url.clone());
        let here = url.as_str() == pinned_url.as_str();
        if here {
            match (url.certificate(), pinned.certificate) {
                (Some(given), known) if known != Some(*given.as_bytes()) => {
                    pinned.certificate = Some(*given.as_bytes());
                    // Beside another process it counts for this run.
                    if vault.is_held() {
                        vault.transaction(|tx| tx.put(key::RELAY, &pinned))?;
                    }
                }
                (None, Some(known)) => url = url.pinned(CertificatePin::from_bytes(known))?,
                _ => {}
            }
        }
        let party = load_party(&vault)?;
        let mut relay = Relay::new(url, Arc::clone(&options.clock))?;
        relay.resume(vault.get(key::SESSION)?);
        let mut messenger = Self {
            vault,
            party: Some(party),
            relay,
            pinned,
            relay_checked: here,
            rng: seeded()?,
            options,
            decoy_clock: DecoyClock::default(),
            told: Agreement::default(),
            untold: Untold::default(),
            released: false,
            outage: None,
            floods: Vec::new(),
            clock_told: false,
        };
        messenger.heed_silence()?;
        Ok(messenger)
    }

    /// Whether `home` holds a vault (with or without a finished registration).
    #[must_use]
    pub fn exists(home: &Path) -> bool {
        Vault::exists(home)
    }

    /// Whether anything can be kept in this home. Where nothing can, what is kept can be read.
    ///
    /// # Errors
    /// [`VaultError::Unwritable`]: the disk is full, or the home may not be written.
    pub fn writable(&self) -> Result<(), Error> {
        Ok(self.vault.writable()?)
    }

    /// Our own address.
    ///
    /// # Errors
    /// Vault trouble.
    pub fn address(&mut self) -> Result<Address, Error> {
        Ok(self.party()?.address().clone())
    }

    /// Our own fingerprint.
    ///
    /// # Errors
    /// Vault trouble.
    pub fn fingerprint(&mut self) -> Result<Fingerprint, Error> {
        Ok(self.party()?.fingerprint())
    }

    /// The relay this account belongs to.
    #[must_use]
    pub fn pinned_relay(&self) -> &PinnedRelay {
        &self.pinned
    }

    /// How many HTTP requests were made so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.relay.requests()
    }

    /// How often the vault was committed.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.vault.commits()
    }

    /// The home directory.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.vault.dir().to_path_buf()
    }

    /// An address from what a user types: `bob`, or `bob@relay` when it is this relay.
    ///
    /// # Errors
    /// [`Error::Name`] and [`Error::ForeignRelay`].
    pub fn resolve(&mut self, text: &str) -> Result<Address, Error> {
        let own = self.party()?.address().relay();
        if !text.contains('@') {
            return Ok(Address::new(UserName::parse(text)?, own));
        }
        let address = Address::parse(text)?;
        if address.relay() != own {
            return Err(Error::ForeignRelay { address, own });
        }
        Ok(address)
    }

    /// Changes the passphrase. The current one is asked for again by the front end, not here.
    ///
    /// # Errors
    /// [`VaultError::WrongPassphrase`] when `current` is not it; then nothing changed.
    pub fn change_passphrase(&mut self, current: &Passphrase, new: &Passphrase) -> Result<(), Error> {
        if !self.vault.check_passphrase(current)? {
            return Err(VaultError::WrongPassphrase.into());
        }
        Ok(self.vault.change_passphrase(new, self.options.kdf)?)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.options.clock.now()
    }

    /// The protocol's state, read back from the vault if an earlier attempt at that failed.
    pub(super) fn party(&mut self) -> Result<&mut Party, Error> {
        if self.released {
            self.take_up()?;
        }
        if self.party.is_none() {
            self.party = Some(load_party(&self.vault)?);
        }
        self.party.as_mut().ok_or_else(|| VaultError::Corrupt("party").into())
    }

    /// Runs `work` on the protocol's state and the vault; both advance together or not at all.
    pub(super) fn transact<T>(
        &mut self,
        work: impl FnOnce(&mut Scope<'_, '_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (now, off) = (self.now(), self.clock_off());
        self.party()?;
        let Self {
            vault,
            party,
            rng,
            options,
            told,
            ..
        } = self;
        let mut agreement = *told;
        let Some(state) = party.as_mut() else {
            return Err(VaultError::Corrupt("party").into());
        };
        let outcome = vault.transaction(|tx| {
            let answer = work(&mut Scope {
                party: state,
                tx,
                rng,
                now,
                off,
                told: &mut agreement,
            })?;
            persist(state, tx)?;
            options.steps.reached(Step::BeforeCommit)?;
            Ok(answer)
        });
        if outcome.is_err() {
            // Memory is ahead of the disk: forget it. Reading it back happens now, or on the next use if that fails too.
            self.party = load_party(&self.vault).ok();
        } else {
            self.told = agreement;
        }
        outcome
    }

    /// Lets other processes use this home until the next call that needs the account. For a front end that waits for its user.
    ///
    /// # Errors
    /// The system's.
    pub fn release(&mut self) -> Result<(), Error> {
        self.note_silence()?;
        self.released = true;
        Ok(self.vault.unlock()?)
    }

    /// Waits while other processes may use this home. For what may take longer than they wait for it. Whatever was read before is read again after, or decided by
    /// whether another process wrote, which is answered too.
    pub(super) async fn unlocked<T>(&mut self, waiting: impl Future<Output = T>) -> Result<(T, bool), Error> {
        self.release()?;
        let answer = waiting.await;
        Ok((answer, self.take_up()?))
    }

    /// Locks the vault again, and reads what another process changed; whether there was any.
    pub(super) fn take_up(&mut self) -> Result<bool, Error> {
        self.vault.relock()?;
        let outdated = self.vault.take_outdated();
        if outdated {
            self.party = None;
            self.told = Agreement::Unknown;
            let session = self.vault.get(key::SESSION)?;
            self.relay.resume(session);
        }
        self.released = false;
        self.heed_silence()?;
        Ok(outdated)
    }

    /// Notes that the relay was silent, for the commands that wait for the vault meanwhile.
    fn note_silence(&mut self) -> Result<(), Error> {
        if !self.vault.is_held() || self.vault.writable().is_err() {
            return Ok(());
        }
        let Some((ago, patience)) = self.relay.take_silence() else {
            return Ok(());
        };
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let silence = Silence {
            url: self.relay.url().to_string(),
            at: self.now().as_millis().saturating_sub(millis(ago)),
            patience: millis(patience),
        };
        Ok(self.vault.transaction(|tx| tx.put(key::SILENCE, &silence))?)
    }

    /// What another command found while this one waited for the vault. To ask again would be to wait as long once more, and those behind this one would have to wait for that.
    fn heed_silence(&mut self) -> Result<(), Error> {
        let Some(waited) = self.vault.take_waited() else {
            return Ok(());
        };
        let now = self.now();
        let Some(silence) = self.vault.get::<Silence>(key::SILENCE)? else {
            return Ok(());
        };
        let meanwhile = Timestamp(silence.at) <= now && Timestamp(silence.at).plus(waited) >= now;
        if meanwhile && silence.url == self.relay.url().as_str() {
            self.relay.was_silent(Duration::from_millis(silence.patience));
        }
        Ok(())
    }

    pub(super) fn step(&self, step: Step) -> Result<(), Error> {
        self.options.steps.reached(step)
    }
}

impl Drop for Messenger {
    fn drop(&mut self) {
        if let Err(error) = self.note_silence() {
            tracing::debug!(%error, "that the relay was silent is not noted");
        }
    }
}

/// The relay that a vault keeps, as it was dialled: with its certificate.
pub(super) fn dialled(pinned: &PinnedRelay) -> Result<RelayUrl, Error> {
    let url = RelayUrl::parse_plain_allowed(&pinned.url)?;
    Ok(match pinned.certificate {
        Some(certificate) => url.pinned(CertificatePin::from_bytes(certificate))?,
        None => url,
    })
}

/// That the registration in this vault is not finished, with what is needed to finish it.
pub(super) fn registration_pending(vault: &Vault) -> Result<Error, Error> {
    let pinned: PinnedRelay = vault.get(key::RELAY)?.ok_or(VaultError::Corrupt("relay"))?;
    Ok(Error::RegistrationPending {
        name: load_party(vault)?.address().user(),
        relay: dialled(&pinned)?,
    })
}

/// What a transaction works on.
pub(super) struct Scope<'a, 'tx> {
    pub(super) party: &'a mut Party,
    pub(super) tx: &'a mut Transaction<'tx>,
    pub(super) rng: &'a mut Randomness,
    pub(super) now: Timestamp,
    /// How far the relay says that `now` is off.
    pub(super) off: Option<ClockOff>,
    pub(super) told: &'a mut Agreement,
}

/// Writes the protocol's changed records.
pub(super) fn persist(party: &mut Party, tx: &mut Transaction<'_>) -> Result<(), VaultError> {
    for change in party.take_changes() {
        match change.value {
            Some(value) => tx.put_party(&change.key, &value)?,
            None => tx.delete_party(&change.key)?,
        }
    }
    Ok(())
}

pub(super) fn load_party(vault: &Vault) -> Result<Party, Error> {
    Party::load(vault.party_records()?).map_err(|_| VaultError::Corrupt("party").into())
}

/// A generator for one run.
pub(super) fn seeded() -> Result<Randomness, Error> {
    Randomness::new().ok_or(Error::Randomness)
}
