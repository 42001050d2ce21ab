//! Receipts: that messages arrived, and, when the user wants it, that they were shown. What gathers in a while is said in one content to each contact, once.
//! Nothing answers a receipt, and whoever the user has not answered gets none.

use std::time::Duration;

use protocol::address::Address;
use protocol::content::{Body, Content, ContentId, MAX_RECEIPT, Receipt};

use crate::error::Error;
use crate::event::Event;
use crate::messenger::round::Round;
use crate::messenger::{Messenger, Scope};
use crate::vault::{
    Delivery, Direction, MessageBody, MessageId, MessageState, Receipts, StoredMessage, VaultError, key,
};

/// Arrivals, or messages shown, kept for a receipt that cannot be sent yet, of each contact. Beyond it the protocol's own acknowledgement has to do.
const MAX_WAITING: usize = 1024;
/// A receipt goes at a random moment within this after the first thing that it tells of, so that it does not show to the second when somebody
/// fetched or looked; with the next round after that, when nobody is running then.
pub const RECEIPT_DELAY: Duration = Duration::from_secs(60);

impl Messenger {
    /// What contacts are told: that messages arrived, until the user says otherwise; that they were shown, once the user says so.
    ///
    /// # Errors
    /// Vault trouble.
    pub fn receipts(&self) -> Result<Receipts, Error> {
        Ok(self.vault.get(key::RECEIPTS)?.unwrap_or_default())
    }

    /// Changes that for everything that comes, or is shown, from here on; what waits to be told and shall not be is forgotten. (That the last message arrived
    /// also shows, unavoidably, in the next message to its author.)
    ///
    /// # Errors
    /// Vault trouble.
    pub fn set_receipts(&mut self, receipts: Receipts) -> Result<(), Error> {
        let known = self.vault.list::<Delivery>()?;
        self.vault.transaction(|tx| {
            tx.put(key::RECEIPTS, &receipts)?;
            for mut entry in known {
                let delivery = &mut entry.record;
                if !receipts.delivery {
                    delivery.arrived.clear();
                }
                if !receipts.read {
                    delivery.read.clear();
                }
                tx.put(&entry.key, delivery)?;
            }
            Ok::<_, VaultError>(())
        })?;
        Ok(())
    }

    /// Puts the receipts that are due into the outbox.
    pub(in crate::messenger) fn serve_receipts(&mut self) -> Result<(), Error> {
        let now = self.now().as_millis();
        let mut waiting = Vec::new();
        for entry in self.vault.list::<Delivery>()? {
            let delivery = &entry.record;
            // Dated further ahead than any receipt is: while the clock was wrong.
            let latest = now.saturating_add(u64::try_from(RECEIPT_DELAY.as_millis()).unwrap_or(u64::MAX));
            let due = delivery.due.is_some_and(|due| due <= now || due > latest);
            if due && delivery.is_accepted() && !delivery.blocked {
                let peer = std::str::from_utf8(&entry.key)
                    .ok()
                    .and_then(|key| Address::parse(key).ok());
                waiting.push(peer.ok_or(VaultError::Corrupt("delivery"))?);
            }
        }
        if waiting.is_empty() {
            return Ok(());
        }
        self.transact(|scope| waiting.iter().try_for_each(|peer| scope.send_receipts(peer)))
    }
}

impl Scope<'_, '_> {
    /// To be said in the next receipt: that it arrived.
    pub(in crate::messenger) fn note_arrival(&mut self, from: &Address, id: MessageId) -> Result<(), VaultError> {
        if !self.tx.get::<Receipts>(key::RECEIPTS)?.unwrap_or_default().delivery {
            return Ok(());
        }
        let mut delivery = self.delivery(from)?;
        note(&mut delivery.arrived, id);
        self.put_with_date(from, delivery)
    }

    /// To be said in the next receipt: that it was shown. Never of limited messages: when one is listed is nobody's business, and when one is played is the
    /// relay's count's.
    pub(in crate::messenger) fn note_read(&mut self, message: &StoredMessage) -> Result<(), VaultError> {
        let limited = matches!(message.body, MessageBody::Limited(..));
        let wanted = self.tx.get::<Receipts>(key::RECEIPTS)?.unwrap_or_default().read;
        if limited || !wanted || message.direction != Direction::Incoming {
            return Ok(());
        }
        let mut delivery = self.delivery(&message.peer)?;
        note(&mut delivery.read, message.id);
        self.put_with_date(&message.peer, delivery)
    }

    fn put_with_date(&mut self, peer: &Address, mut delivery: Delivery) -> Result<(), VaultError> {
        if delivery.due.is_none() {
            let within = u64::try_from(RECEIPT_DELAY.as_millis()).unwrap_or(u64::MAX);
            let delay = rand_core::Rng::next_u64(self.rng) % within;
            delivery.due = Some(self.now.as_millis().saturating_add(delay));
        }
        self.tx.put(peer.as_str().as_bytes(), &delivery)
    }

    fn send_receipts(&mut self, peer: &Address) -> Result<(), Error> {
        let mut delivery = self.delivery(peer)?;
        // What was seen has arrived.
        let seen = std::mem::take(&mut delivery.read);
        delivery.arrived.retain(|id| !seen.contains(id));
        delivery.read = self.send_receipt(peer, true, seen)?;
        let arrived = std::mem::take(&mut delivery.arrived);
        delivery.arrived = self.send_receipt(peer, false, arrived)?;
        if delivery.read.is_empty() && delivery.arrived.is_empty() {
            delivery.due = None;
        }
        Ok(self.tx.put(peer.as_str().as_bytes(), &delivery)?)
    }

    /// Answers what could not be said.
    fn send_receipt(&mut self, peer: &Address, read: bool, mut ids: Vec<MessageId>) -> Result<Vec<MessageId>, Error> {
        while !ids.is_empty() {
            let count = ids.len().min(MAX_RECEIPT);
            let some = ids.iter().take(count).map(|id| ContentId(id.0)).collect();
            let content = Content {
                id: ContentId::random(self.rng),
                sent_at: self.now,
                body: Body::Receipt(Receipt { read, ids: some }),
            };
            // Without a session, or with an undecided identity, it waits: it is not worth a handshake, and not for a stranger.
            let Ok(outgoing) = self.party.send(peer, &content, self.now, self.rng) else {
                break;
            };
            self.enqueue(&[outgoing])?;
            ids.drain(..count);
        }
        Ok(ids)
    }

    /// Notes what a contact says has arrived or was shown: of our messages to itself, and of no others. Of a limited message nobody honest says that
    /// it was shown: it counts as an arrival.
    pub(in crate::messenger) fn receipt(
        &mut self,
        from: &Address,
        receipt: &Receipt,
        round: &mut Round,
    ) -> Result<(), VaultError> {
        let (mut delivered, mut read) = (Vec::new(), Vec::new());
        for id in &receipt.ids {
            let id = MessageId(id.0);
            self.tx.update::<StoredMessage>(&key::outgoing(id), |message| {
                let limited = matches!(message.body, MessageBody::Limited(..));
                let open = matches!(message.state, MessageState::Queued | MessageState::Sent);
                if message.peer != *from {
                } else if receipt.read && !limited && (open || message.state == MessageState::Delivered) {
                    message.state = MessageState::Read;
                    read.push(id);
                } else if open {
                    message.state = MessageState::Delivered;
                    delivered.push(id);
                }
            })?;
        }
        if !delivered.is_empty() {
            round.events.push(Event::Delivered { ids: delivered });
        }
        if !read.is_empty() {
            round.events.push(Event::Read { ids: read });
        }
        Ok(())
    }
}

fn note(ids: &mut Vec<MessageId>, id: MessageId) {
    if ids.len() < MAX_WAITING {
        ids.push(id);
    }
}
