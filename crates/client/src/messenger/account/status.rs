//! What is known about the relay and about ourselves.

use protocol::address::Address;
use protocol::identity::Fingerprint;

use crate::clock::ClockOff;
use crate::error::Error;
use crate::messenger::Messenger;
use crate::relay::RelayStatus;
use crate::vault::{Kind, MessageState, OutboxEntry, Quarantined, StoredMessage};

/// What this client knows without asking anyone.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OwnStatus {
    /// Our address.
    pub address: Address,
    /// Our fingerprint.
    pub fingerprint: Fingerprint,
    /// The relay's URL.
    pub relay_url: String,
    /// The relay's pinned key.
    pub relay_fingerprint: Fingerprint,
    /// People we know.
    pub contacts: usize,
    /// Messages kept, both ways.
    pub messages: u64,
    /// Messages that wait for the relay.
    pub outbox: u64,
    /// What else waits for it: receipts, and other notes from client to client.
    pub outbox_notes: u64,
    /// Messages received and not shown.
    pub unread: usize,
    /// Envelopes that wait for a decision about a changed identity.
    pub quarantined: u64,
    /// Envelopes that wait because they are dated ahead.
    pub early: u64,
}

impl Messenger {
    /// The relay in numbers.
    ///
    /// # Errors
    /// The relay's refusals, and [`RelayError::OtherRelay`](crate::RelayError::OtherRelay) when it is not the one this account belongs to.
    pub async fn relay_status(&mut self) -> Result<RelayStatus, Error> {
        let status = self.relay.status().await?;
        if status.fingerprint.as_bytes() != &self.pinned.fingerprint || status.name != self.pinned.name {
            return Err(self.other_relay(status.fingerprint, &status.name));
        }
        self.relay_checked = true;
        Ok(status)
    }

    /// How far the clock of this device is from the relay's, as its last answer said; none before an answer, or when the answer named no time. Either may be the wrong one.
    #[must_use]
    pub fn clock_difference(&self) -> Option<ClockOff> {
        self.relay.clock_off()
    }

    /// What this client knows without asking anyone.
    ///
    /// # Errors
    /// Vault trouble.
    pub fn own_status(&mut self) -> Result<OwnStatus, Error> {
        let (relay_url, relay_fingerprint) = (
            self.relay.url().to_string(),
            Fingerprint::from_bytes(self.pinned.fingerprint),
        );
        let unread = self
            .vault
            .list::<StoredMessage>()?
            .iter()
            .filter(|entry| entry.record.state == MessageState::New)
            .count();
        let messages = self.vault.count(Kind::Message)?;
        let outgoing = self.vault.list::<OutboxEntry>()?;
        let outbox = outgoing.iter().filter(|entry| entry.record.content.is_some()).count() as u64;
        let outbox_notes = outgoing.len() as u64 - outbox;
        let waiting = self.vault.list::<Quarantined>()?;
        let early = waiting.iter().filter(|entry| entry.record.dated.is_some()).count() as u64;
        let quarantined = waiting.len() as u64 - early;
        let party = self.party()?;
        Ok(OwnStatus {
            address: party.address().clone(),
            fingerprint: party.fingerprint(),
            relay_url,
            relay_fingerprint,
            contacts: party.contacts().len(),
            messages,
            outbox,
            outbox_notes,
            unread,
            quarantined,
            early,
        })
    }
}
