//! Noticing that this vault is an older copy of itself, before it says or acknowledges anything.
//!
//! The relay keeps the greatest number that an account ever told it. Whatever this vault is about to reveal (envelopes, acknowledgements, prekeys) is kept
//! together with a greater number, and the relay is told that number first. A copy that was put back knows a smaller one than the relay. What only
//! changes something here does not count, so that an old copy cannot catch up by itself.

use std::time::Duration;

use protocol::Timestamp;

use crate::error::Error;
use crate::event::Event;
use crate::messenger::receive::agreement::{Agreement, MAX_RESTARTS};
use crate::messenger::{Messenger, Scope};
use crate::relay::RelayError;
use crate::vault::{Account, Moment, OutboxEntry, Restarts, Told, VaultError, key};

/// The number grows by one and a random part below this, so that two copies that go on from the same state seldom tell the same one.
const LARGEST_STEP: u64 = 1 << 16;
/// A number of the relay's is believed up to this one, …
const BELIEVED_AT_ONCE: u64 = 1 << 40;
/// … and so much more for each millisecond that the account is old: 250 messages a second for as long as it exists. A relay that lies gets a client no further than that, so there is always
/// room above, and a copy from before the lie believes the honest relay too. A thief of a bearer token gets an honest relay to 2^34 before the token ends.
const BELIEVED_A_MILLISECOND: u64 = 1 << 13;
/// Half of the range. What is above is left for our own steps: for 2^37 messages.
const GREATEST_BELIEVED: u64 = 1 << 52;
/// … within so long.
const RESTARTS_WITHIN: Duration = Duration::from_secs(24 * 3600);
/// What is asked for when only the number matters: the relay answers one envelope at least.
const ONE: u32 = 1;

impl Messenger {
    /// Compares with the relay, and tells it of what is about to be revealed. To be called before anything is.
    pub(in crate::messenger) async fn announce(&mut self) -> Result<(), Error> {
        self.compare_once().await?;
        if self.told == Agreement::Agreed && self.told()?.news {
            self.transact(|scope| Ok(scope.moved_on()?))?;
        }
        if self.told == Agreement::Ahead {
            self.tell().await?;
        }
        Ok(())
    }

    /// As [`Messenger::announce`], before something new is begun: an older copy of the vault begins everything anew before that. Answers what there is to
    /// tell the user. Without a network, or where what answers is no relay, the copy is noticed later, and nothing is transmitted before.
    pub(in crate::messenger) async fn before_sending(&mut self, events: &mut Vec<Event>) -> Result<(), Error> {
        match self.compare_once().await {
            Err(Error::Relay(error)) if error.passes() || matches!(error, RelayError::Malformed(_)) => {}
            other => other?,
        }
        self.begin_anew(events).await?;
        self.tell_floods(events)
    }

    /// Compares, unless that was done since the vault was opened or the relay heard our present number.
    pub(in crate::messenger) async fn compare_once(&mut self) -> Result<(), Error> {
        if self.told == Agreement::Unknown {
            self.tell().await?;
        }
        Ok(())
    }

    /// What an older copy has to do first, if this is one.
    pub(in crate::messenger) async fn begin_anew(&mut self, events: &mut Vec<Event>) -> Result<(), Error> {
        if self.vault.get::<Moment>(key::RESTORED)?.is_some() {
            let mut round = self.untold.round();
            // Seldom, and large: a send does not carry it along.
            Box::pin(self.maintain(&mut round)).await?;
            events.append(&mut round.events);
        }
        Ok(())
    }

    async fn tell(&mut self) -> Result<(), Error> {
        self.ask_inbox(None, Duration::ZERO, ONE).await.map(drop)
    }

    pub(in crate::messenger) fn told(&self) -> Result<Told, Error> {
        Ok(self.vault.get(key::TOLD)?.ok_or(VaultError::Corrupt("told"))?)
    }

    /// The greatest number that a later copy of this vault can have come to.
    fn greatest_believed(&self) -> Result<u64, Error> {
        let now = self.now();
        let made = self.vault.get::<Account>(key::ACCOUNT)?;
        let age = made.map_or(Duration::ZERO, |account| now.since(Timestamp(account.created_at)));
        let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        Ok(BELIEVED_A_MILLISECOND
            .saturating_mul(age)
            .saturating_add(BELIEVED_AT_ONCE)
            .min(GREATEST_BELIEVED))
    }

    /// A relay that knows a greater number than this vault shows that it is an older copy: its one-time keys may be used up and its sessions are
    /// behind. The protocol begins everything anew. What waits to be sent was sealed by those sessions: it is sealed again by new ones.
    ///
    /// # Errors
    /// [`Error::NumberImplausible`] for a number that no later copy can have: nothing is taken over, and nothing goes on before the relay tells another.
    /// [`Error::RestartsSpent`] when that was done too often within a day. Nothing goes on then: a copy that went on by its old sessions would use keys twice.
    pub(in crate::messenger) fn compare(&mut self, at_relay: u64) -> Result<(), Error> {
        let ours = self.told()?.value;
        if at_relay <= ours {
            return Ok(());
        }
        if at_relay > self.greatest_believed()? {
            self.told = Agreement::Unknown;
            return Err(Error::NumberImplausible { at_relay, ours });
        }
        let now = self.now();
        let mut restarts: Restarts = self.vault.get(key::RESTARTS)?.unwrap_or_default();
        // One with a date that is still to come is of a clock that was wrong.
        let lately = |at: &u64| Timestamp(*at) <= now && Timestamp(*at).plus(RESTARTS_WITHIN) > now;
        restarts.at.retain(lately);
        if restarts.at.len() >= MAX_RESTARTS {
            // Not agreed: nothing goes out before another answer.
            self.told = Agreement::Unknown;
            return Err(Error::RestartsSpent);
        }
        restarts.at.push(now.as_millis());
        let outbox = self.vault.list::<OutboxEntry>()?;
        self.transact(|scope| {
            scope.party.restored(scope.now);
            scope.abandon_pads()?;
            for entry in &outbox {
                scope.tx.delete::<OutboxEntry>(&entry.key)?;
            }
            let told = Told {
                value: at_relay,
                news: true,
            };
            scope.tx.put(key::TOLD, &told)?;
            scope.tx.put(key::RESTARTS, &restarts)?;
            // The user is told in the next round, which may be another run's.
            let moment = Moment {
                at: scope.now.as_millis(),
            };
            Ok(scope.tx.put(key::RESTORED, &moment)?)
        })
    }
}

impl Scope<'_, '_> {
    /// This transaction keeps something that will be revealed: the relay has to hear a greater number before. Where it was not compared with the relay's in
    /// this run it grows only after that, or an old copy could overtake.
    pub(in crate::messenger) fn moved_on(&mut self) -> Result<(), VaultError> {
        let told: Option<Told> = self.tx.get(key::TOLD)?;
        match (*self.told, told) {
            (Agreement::Agreed, Some(told)) => {
                let step = 1 + rand_core::Rng::next_u64(self.rng) % LARGEST_STEP;
                *self.told = Agreement::Ahead;
                let value = told.value.saturating_add(step);
                self.tx.put(key::TOLD, &Told { value, news: false })
            }
            (Agreement::Unknown, Some(told)) if !told.news => self.tx.put(key::TOLD, &Told { news: true, ..told }),
            _ => Ok(()),
        }
    }
}
