//! Whom we know, and how well.

use protocol::Timestamp;
use protocol::address::Address;
use protocol::identity::{Fingerprint, SafetyNumber};
use protocol::party::{Contact, Trust};

use crate::error::Error;
use crate::event::Event;
use crate::messenger::Messenger;
use crate::vault::{MessageId, MessageState, StoredMessage, key};

/// How sure we are that a contact is who they seem to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Pinned at first contact; the safety number was not compared.
    Unverified,
    /// The safety number was compared.
    Verified,
    /// Another identity is offered than the pinned one: nothing is sent until the user decided.
    Changed {
        /// The new one.
        offered: Fingerprint,
    },
    /// The identity that was verified named the pinned one its successor: nothing is sent until it is verified or accepted.
    Succeeded {
        /// The one that was verified.
        verified: Fingerprint,
    },
    /// One identity named two successors: nothing is sent or shown until the user decided.
    Forked {
        /// The one that is offered.
        offered: Fingerprint,
    },
}

impl Standing {
    /// One word, as `--json` prints it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Verified => "verified",
            Self::Changed { .. } => "changed",
            Self::Succeeded { .. } => "succeeded",
            Self::Forked { .. } => "forked",
        }
    }
}

/// A contact.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Person {
    /// Their address.
    pub address: Address,
    /// The pinned identity.
    pub fingerprint: Fingerprint,
    /// How sure we are.
    pub standing: Standing,
    /// Since when we know them.
    pub first_seen: Timestamp,
    /// Whether what they send is dropped.
    pub blocked: bool,
}

impl Person {
    fn new(contact: Contact, blocked: bool) -> Self {
        let standing = match contact.trust {
            Trust::Unverified => Standing::Unverified,
            Trust::Verified => Standing::Verified,
            Trust::Changed { offered } => Standing::Changed { offered },
            Trust::Succeeded { verified } => Standing::Succeeded { verified },
            Trust::Forked { offered } => Standing::Forked { offered },
        };
        Self {
            address: contact.address,
            fingerprint: contact.fingerprint,
            standing,
            first_seen: contact.first_seen,
            blocked,
        }
    }
}

/// Whether a message that was not acknowledged is sent again to another identity: as long as it is not known what became of it.
fn may_go_again(message: &StoredMessage) -> bool {
    matches!(message.state, MessageState::Queued | MessageState::Sent)
}

impl Messenger {
    /// Everyone we know, by address.
    ///
    /// # Errors
    /// Vault trouble.
    pub fn contacts(&mut self) -> Result<Vec<Person>, Error> {
        let contacts = self.party()?.contacts();
        contacts
            .into_iter()
            .map(|contact| {
                let blocked = self.delivery(&contact.address)?.blocked;
                Ok(Person::new(contact, blocked))
            })
            .collect()
    }

    /// One contact.
    ///
    /// # Errors
    /// [`Error::UnknownContact`].
    pub fn contact(&mut self, peer: &Address) -> Result<Person, Error> {
        let contact = self.party()?.contact(peer);
        let contact = contact.ok_or_else(|| Error::UnknownContact(peer.clone()))?;
        Ok(Person::new(contact, self.delivery(peer)?.blocked))
    }

    /// What both people compare over another channel.
    ///
    /// With a changed identity it is the number of the *offered* one: that is what has to be compared before it is accepted.
    ///
    /// # Errors
    /// [`Error::UnknownContact`].
    pub fn safety_number(&mut self, peer: &Address) -> Result<SafetyNumber, Error> {
        self.party()?
            .safety_number(peer)
            .ok_or_else(|| Error::UnknownContact(peer.clone()))
    }

    /// Notes that the user compared the safety number. What waited for that goes out with the next round.
    ///
    /// # Errors
    /// [`Error::UnknownContact`]; [`Error::IdentityChanged`] and [`Error::IdentityForked`] while a change is undecided.
    pub fn verify(&mut self, peer: &Address) -> Result<Person, Error> {
        let person = self.contact(peer)?;
        if let Standing::Changed { offered } = person.standing {
            return Err(Error::IdentityChanged {
                peer: peer.clone(),
                pinned: Some(person.fingerprint),
                offered: Some(offered),
            });
        }
        if matches!(person.standing, Standing::Forked { .. }) {
            return Err(Error::IdentityForked(peer.clone()));
        }
        self.transact(|scope| {
            scope.party.mark_verified(peer);
            scope.accept(peer)
        })?;
        self.contact(peer)
    }

    /// What goes to the new identity of `peer` when that is accepted: messages of ours of which it is not known that they arrived. Oldest first. To be named
    /// to the user before they decide. What was said to have arrived, or not to have been delivered, is not among it: neither goes again by itself.
    ///
    /// # Errors
    /// Vault trouble.
    pub fn not_arrived(&mut self, peer: &Address) -> Result<Vec<StoredMessage>, Error> {
        let pending = self.party()?.pending_contents(peer);
        let mut messages = Vec::new();
        for id in pending {
            let message = self.vault.get::<StoredMessage>(&key::outgoing(MessageId(id.0)))?;
            messages.extend(message.filter(may_go_again));
        }
        Ok(messages)
    }

    /// Accepts a changed identity, or the successor of a verified one, as unverified, and opens what waited for this decision. What [`Messenger::not_arrived`]
    /// names goes to it with the next round.
    ///
    /// # Errors
    /// [`Error::UnknownContact`], [`Error::NothingToAccept`].
    pub fn accept_identity(&mut self, peer: &Address) -> Result<(Person, Vec<Event>), Error> {
        let same_line = match self.contact(peer)?.standing {
            Standing::Changed { .. } | Standing::Forked { .. } => false,
            Standing::Succeeded { .. } => true,
            Standing::Unverified | Standing::Verified => return Err(Error::NothingToAccept(peer.clone())),
        };
        self.transact(|scope| {
            for id in scope.party.pending_contents(peer) {
                let message: Option<StoredMessage> = scope.tx.get(&key::outgoing(MessageId(id.0)))?;
                // What is no message (a token, a play's receipt) was for the earlier holder alone.
                let goes = message.as_ref().map_or(same_line, may_go_again);
                if !goes {
                    scope.party.withdraw(peer, id);
                }
            }
            scope.party.accept_identity(peer);
            if same_line {
                return Ok(());
            }
            // Sealed for the earlier holder: the new one opens none of it. What goes again is sealed anew.
            scope.forget_outbox(peer)?;
            // Tokens and receipts were for the earlier holder.
            scope.revoke_token(peer)?;
            Ok(scope.forget_delivery(peer)?)
        })?;
        let events = self.release_quarantine(peer)?;
        Ok((self.contact(peer)?, events))
    }

    /// Keeps the pinned identity and forgets the offered one, with what it sent.
    ///
    /// # Errors
    /// [`Error::UnknownContact`], [`Error::NothingToReject`].
    pub fn reject_identity(&mut self, peer: &Address) -> Result<(Person, Vec<Event>), Error> {
        if !matches!(
            self.contact(peer)?.standing,
            Standing::Changed { .. } | Standing::Forked { .. }
        ) {
            return Err(Error::NothingToReject(peer.clone()));
        }
        let events = self.refuse_quarantine(peer)?;
        Ok((self.contact(peer)?, events))
    }
}
