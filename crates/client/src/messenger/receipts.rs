//! Delivery receipts: what came in one round is said in one content to each contact, once. Nothing answers a receipt.

use protocol::address::Address;
use protocol::content::{Body, Content, ContentId, MAX_RECEIPT, Receipt};

use super::incoming::Round;
use super::{Messenger, Scope};
use crate::error::Error;
use crate::event::Event;
use crate::vault::{Delivery, MessageId, MessageState, Receipts, StoredMessage, VaultError, key};

/// Arrivals kept for a receipt that cannot be sent yet, of each contact. Beyond it the protocol's own acknowledgement has to do.
const MAX_ARRIVED: usize = 1024;

impl Messenger {
    /// Whether contacts are told that their messages arrived. They are, until the user says otherwise.
    ///
    /// # Errors
    /// Vault trouble.
    pub fn receipts(&self) -> Result<bool, Error> {
        Ok(self.vault.get::<Receipts>(key::RECEIPTS)?.unwrap_or_default().delivery)
    }

    /// Changes that for everything that comes from here on. (That a message arrived also shows, unavoidably, in the next message to its author.)
    ///
    /// # Errors
    /// Vault trouble.
    pub fn set_receipts(&mut self, on: bool) -> Result<(), Error> {
        self.vault
            .transaction(|tx| tx.put(key::RECEIPTS, &Receipts { delivery: on }))
            .map_err(|error: VaultError| error.into())
    }

    /// Puts one receipt for each contact that something came from into the outbox.
    pub(super) fn serve_receipts(&mut self) -> Result<(), Error> {
        let mut waiting = Vec::new();
        for entry in self.vault.list::<Delivery>()? {
            if !entry.record.arrived.is_empty() && !entry.record.blocked {
                let peer = std::str::from_utf8(&entry.key)
                    .ok()
                    .and_then(|key| Address::parse(key).ok());
                waiting.push(peer.ok_or(VaultError::Corrupt("delivery"))?);
            }
        }
        if waiting.is_empty() {
            return Ok(());
        }
        self.transact(|scope| waiting.iter().try_for_each(|peer| scope.send_receipt(peer)))
    }
}

impl Scope<'_, '_> {
    /// To be said in this round's receipt.
    pub(super) fn note_arrival(&mut self, from: &Address, id: MessageId) -> Result<(), VaultError> {
        if !self.tx.get::<Receipts>(key::RECEIPTS)?.unwrap_or_default().delivery {
            return Ok(());
        }
        let mut delivery = self.delivery(from)?;
        if delivery.arrived.len() >= MAX_ARRIVED {
            return Ok(());
        }
        delivery.arrived.push(id);
        self.tx.put(from.as_str().as_bytes(), &delivery)
    }

    fn send_receipt(&mut self, peer: &Address) -> Result<(), Error> {
        let mut delivery = self.delivery(peer)?;
        while !delivery.arrived.is_empty() {
            let count = delivery.arrived.len().min(MAX_RECEIPT);
            let ids = delivery.arrived.iter().take(count).map(|id| ContentId(id.0)).collect();
            let content = Content {
                id: ContentId::random(self.rng),
                sent_at: self.now,
                body: Body::Receipt(Receipt { read: false, ids }),
            };
            // Without a session, or with an undecided identity, it waits: it is not worth a handshake, and not for a stranger.
            let Ok(outgoing) = self.party.send(peer, &content, self.now, self.rng) else {
                break;
            };
            self.enqueue(&[outgoing])?;
            delivery.arrived.drain(..count);
        }
        Ok(self.tx.put(peer.as_str().as_bytes(), &delivery)?)
    }

    /// Notes what a contact says has arrived: of our messages to itself, and of no others.
    pub(super) fn receipt(&mut self, from: &Address, receipt: &Receipt, round: &mut Round) -> Result<(), VaultError> {
        let mut delivered = Vec::new();
        for id in &receipt.ids {
            let id = MessageId(id.0);
            self.tx.update::<StoredMessage>(&key::outgoing(id), |message| {
                let open = matches!(message.state, MessageState::Queued | MessageState::Sent);
                if open && message.peer == from.as_str() {
                    message.state = MessageState::Delivered;
                    delivered.push(id);
                }
            })?;
        }
        if !delivered.is_empty() {
            round.events.push(Event::Delivered { ids: delivered });
        }
        Ok(())
    }
}
