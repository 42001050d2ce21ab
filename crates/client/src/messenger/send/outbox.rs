//! The outbox: what was committed and the relay has not confirmed. It is transmitted in order until it is confirmed, superseded or given up.

use std::collections::HashSet;

use protocol::address::Address;
use protocol::content::ContentId;
use protocol::party::Outgoing;

use crate::error::Error;
use crate::event::Event;
use crate::messenger::steps::Step;
use crate::messenger::{Messenger, Scope};
use crate::relay::{Code, RelayError, Verdict};
use crate::vault::{Kind, License, MessageId, MessageState, OutboxEntry, StoredMessage, Transaction, VaultError, key};

/// What one round of transmitting did not get rid of.
#[derive(Debug, Default)]
pub(in crate::messenger) struct Flushed {
    /// Refused for good. What is to be told of it is untold until an operation takes it.
    pub(in crate::messenger) undeliverable: Vec<(MessageId, Error)>,
    /// Why the rest waits.
    pub(in crate::messenger) waiting: Option<RelayError>,
    /// Contacts that were met under another identity on the way: what is for them waits for the user's decision.
    pub(in crate::messenger) undecided: Vec<Error>,
    /// The relay has it, which could not be noted. Nothing more was transmitted then.
    pub(in crate::messenger) unnoted: Option<(Option<MessageId>, VaultError)>,
}

impl Messenger {
    /// Transmits the outbox in order. One request an envelope. An envelope that has to wait holds back only those to the same peer; a
    /// network that is down holds back all.
    pub(in crate::messenger) async fn flush(&mut self) -> Result<Flushed, Error> {
        let mut flushed = Flushed::default();
        let mut held = HashSet::new();
        if self.vault.count(Kind::Outbox)? == 0 {
            return Ok(flushed);
        }
        match self.announce().await {
            Err(Error::Relay(error)) => {
                flushed.waiting = Some(error);
                return Ok(flushed);
            }
            other => other?,
        }
        for entry in self.vault.list::<OutboxEntry>()? {
            let envelope = entry.record;
            // Another process may have sent it, or sealed it anew, while the one before was on its way.
            if held.contains(&envelope.to) || self.vault.get::<OutboxEntry>(&entry.key)?.is_none() {
                continue;
            }
            let license = match envelope.content {
                Some(content) => self
                    .vault
                    .get::<License>(&content.0)?
                    .filter(|license| license.share.is_some()),
                None => None,
            };
            match self.transmit(&envelope, license.as_ref()).await {
                Ok(()) => {
                    self.step(Step::AfterSend)?;
                    match self.settle(&entry.key, envelope.content, &MessageState::Sent) {
                        Err(Error::Vault(error)) => {
                            flushed.unnoted = Some((envelope.content, error));
                            return Ok(flushed);
                        }
                        other => other?,
                    }
                }
                Err(Error::Relay(error)) => match error.verdict() {
                    Verdict::Permanent => {
                        self.refused_for_good(&entry.key, envelope.content, error.into(), &mut flushed)?;
                    }
                    Verdict::ThisPeerWaits => {
                        if error.code() == Some(Code::NoSuchGateKey) {
                            self.gate_key_lost(license.as_ref())?;
                        }
                        held.insert(envelope.to.clone());
                        flushed.waiting = Some(error);
                    }
                    Verdict::AllWait => {
                        flushed.waiting = Some(error);
                        return Ok(flushed);
                    }
                },
                Err(gone @ Error::AccountGone(_)) => {
                    self.refused_for_good(&entry.key, envelope.content, gone, &mut flushed)?;
                }
                Err(
                    undecided @ (Error::IdentityChanged { .. }
                    | Error::IdentitySucceeded { .. }
                    | Error::IdentityForked(_)),
                ) => {
                    held.insert(envelope.to.clone());
                    flushed.undecided.push(undecided);
                }
                Err(other) => return Err(other),
            }
        }
        Ok(flushed)
    }

    fn refused_for_good(
        &mut self,
        row: &[u8],
        content: Option<MessageId>,
        why: Error,
        flushed: &mut Flushed,
    ) -> Result<(), Error> {
        self.settle(row, content, &MessageState::failed(&why.to_string()))?;
        if let Some(id) = content {
            self.untold.keep(Event::Undeliverable {
                id,
                reason: why.to_string(),
            });
            flushed.undeliverable.push((id, why));
        }
        Ok(())
    }

    /// A message that was kept and can never go.
    pub(in crate::messenger) fn give_up(&mut self, id: MessageId, why: &Error) -> Result<(), Error> {
        let state = MessageState::failed(&why.to_string());
        for entry in self.vault.list::<OutboxEntry>()? {
            if entry.record.content == Some(id) {
                self.settle(&entry.key, Some(id), &state)?;
            }
        }
        Ok(())
    }

    /// Takes an envelope out of the outbox and notes how its message fared. A message that was delivered already stays so. One that failed is not sent again by
    /// itself, neither on a later session nor to a later holder of the name: the user was told that it failed.
    pub(in crate::messenger) fn settle(
        &mut self,
        row: &[u8],
        content: Option<MessageId>,
        state: &MessageState,
    ) -> Result<(), Error> {
        let note = |tx: &mut Transaction<'_>| {
            tx.delete::<OutboxEntry>(row)?;
            if let Some(id) = content {
                tx.update::<StoredMessage>(&key::outgoing(id), |message| {
                    if message.state == MessageState::Queued {
                        message.state = state.clone();
                    }
                })?;
            }
            Ok::<_, VaultError>(())
        };
        match (state, content) {
            (MessageState::Failed(_), Some(id)) => self.transact(|scope| {
                note(scope.tx)?;
                let message: Option<StoredMessage> = scope.tx.get(&key::outgoing(id))?;
                if let Some(message) = message {
                    scope.party.withdraw(&message.peer, ContentId(id.0));
                }
                Ok(())
            }),
            _ => Ok(self.vault.transaction(note)?),
        }
    }

    /// Transmits what waits, if anything does, and nothing else. For a front end whose user has just reached the relay for another purpose.
    ///
    /// # Errors
    /// Vault trouble; faults of the network are events.
    pub async fn send_waiting(&mut self) -> Result<Vec<Event>, Error> {
        let mut events = Vec::new();
        self.flush_into(&mut events).await?;
        Ok(events)
    }

    /// What an operation that failed or was dropped had found before, and told nobody. The next round of receiving tells it too, unless it is taken here. What
    /// is about messages that came or arrived is left to that round.
    pub fn untold(&mut self) -> Vec<Event> {
        self.untold
            .take(|event| !matches!(event, Event::Message(_) | Event::Delivered { .. } | Event::Read { .. }))
    }

    /// Transmits what waits and reports what did not go.
    pub(in crate::messenger) async fn flush_into(&mut self, events: &mut Vec<Event>) -> Result<(), Error> {
        let flushed = self.flush().await?;
        events.append(&mut self.untold.take_refused());
        if let Some(error) = flushed.waiting {
            events.push(Event::Postponed(error.into()));
        }
        for undecided in flushed.undecided {
            events.push(match undecided {
                Error::IdentityChanged {
                    peer,
                    offered: Some(offered),
                    ..
                } => Event::IdentityChanged { peer, offered },
                Error::IdentityForked(peer) => Event::IdentityForked { peer },
                other => Event::Postponed(other),
            });
        }
        match flushed.unnoted {
            Some((_, error)) => Err(error.into()),
            None => Ok(()),
        }
    }
}

impl Scope<'_, '_> {
    /// What is to be sent changed over to a new session: it takes the place of what still waits on earlier ones. Else a peer who begins anew again and again, or whose
    /// mailbox is full for months, would make the outbox grow by everything unacknowledged each time. Receipts that could not be sent go with it.
    pub(in crate::messenger) fn supersede(&mut self, peer: &Address, outgoing: &[Outgoing]) -> Result<(), VaultError> {
        self.forget_outbox(peer)?;
        self.enqueue(outgoing)
    }

    /// Nothing that was sealed for `peer` so far is sent any more.
    pub(in crate::messenger) fn forget_outbox(&mut self, peer: &Address) -> Result<(), VaultError> {
        for entry in self.tx.list::<OutboxEntry>()? {
            if entry.record.to == peer.user() {
                self.tx.delete::<OutboxEntry>(&entry.key)?;
            }
        }
        Ok(())
    }

    /// Puts envelopes into the outbox, in order.
    pub(in crate::messenger) fn enqueue(&mut self, outgoing: &[Outgoing]) -> Result<(), VaultError> {
        if !outgoing.is_empty() {
            self.moved_on()?;
        }
        for envelope in outgoing {
            // A receipt has an id too, and is no message: the user never wrote it, and hears nothing of it.
            let content = match envelope.content_id.map(|id| MessageId(id.0)) {
                Some(id) if self.tx.get::<StoredMessage>(&key::outgoing(id))?.is_some() => Some(id),
                _ => None,
            };
            self.tx.put(
                &envelope.id,
                &OutboxEntry {
                    to: envelope.to.user(),
                    id: envelope.id,
                    envelope: envelope.envelope.clone(),
                    content,
                },
            )?;
        }
        Ok(())
    }
}
