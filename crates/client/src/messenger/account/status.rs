//! What is known about the relay and about ourselves.

use protocol::address::Address;
use protocol::identity::Fingerprint;

use crate::error::Error;
use crate::messenger::Messenger;
use crate::relay::RelayStatus;
use crate::vault::{Kind, MessageState, StoredMessage};

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
    /// Envelopes that wait for the relay.
    pub outbox: u64,
    /// Messages received and not shown.
    pub unread: usize,
    /// Envelopes that wait for a decision about a changed identity.
    pub quarantined: u64,
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
        let (messages, outbox, quarantined) = (
            self.vault.count(Kind::Message)?,
            self.vault.count(Kind::Outbox)?,
            self.vault.count(Kind::Quarantine)?,
        );
        let party = self.party()?;
        Ok(OwnStatus {
            address: party.address().clone(),
            fingerprint: party.fingerprint(),
            relay_url,
            relay_fingerprint,
            contacts: party.contacts().len(),
            messages,
            outbox,
            unread,
            quarantined,
        })
    }
}
