//! What the relay signs about plays: checked by who plays, handed to who gave the license, compared there with what the relay shows.
//!
//! A relay that was put back to an older state answers plays again that it has answered before. Each receipt names the one before it, so whoever
//! remembers one notices. It proves nothing about a relay and a recipient who work together.

use protocol::address::Address;
use protocol::content::{Body, Content, ContentId, PlayHead};
use protocol::identity::{Fingerprint, IdentityKey};
use protocol::play_receipt::{PlayReceipt, ReceiptError, SignedPlayReceipt};

use crate::error::Error;
use crate::event::Event;
use crate::messenger::round::{Round, postpone};
use crate::messenger::{Messenger, Scope};
use crate::relay::{Code, LicenseStatus};
use crate::vault::{
    AfterPlays, Head, License, LicenseKey, PlayChain, RelayFault, RelayKey, StoredMessage, VaultError, key,
};

/// Licenses whose givers are still to be told; each is told of its last play only.
const MAX_UNTOLD: usize = 256;
/// Complaints kept for the user.
const MAX_FAULTS: usize = 32;

/// One play as this client knows it, and what the relay signed.
pub(in crate::messenger) struct Said<'a> {
    pub(in crate::messenger) license: &'a [u8; 32],
    pub(in crate::messenger) play: &'a [u8; 16],
    pub(in crate::messenger) request: &'a [u8],
    pub(in crate::messenger) answer: &'a [u8],
    pub(in crate::messenger) receipt: &'a [u8],
    /// The last number known when the request was made.
    pub(in crate::messenger) after: u64,
}

impl Messenger {
    /// The relay's own key: asked for once, and kept if its fingerprint is the pinned one.
    pub(in crate::messenger) async fn relay_key(&mut self) -> Result<IdentityKey, Error> {
        if let Some(stored) = self.vault.get::<RelayKey>(key::RELAY_KEY)? {
            return Ok(IdentityKey::from_bytes(&stored.key).map_err(|_| VaultError::Corrupt("relay-key"))?);
        }
        let pinned = Fingerprint::from_bytes(self.pinned.fingerprint);
        let relay_key = self.relay.relay_key(&pinned).await?;
        let record = RelayKey {
            key: relay_key.to_bytes(),
        };
        self.vault.transaction(|tx| tx.put(key::RELAY_KEY, &record))?;
        Ok(relay_key)
    }

    /// The number of the last receipt for a license that we play.
    pub(in crate::messenger) fn last_receipt(&self, license: &[u8; 32]) -> Result<u64, Error> {
        let chain = self.vault.get::<PlayChain>(license)?;
        Ok(chain.map_or(0, |chain| chain.head.number))
    }

    /// Checks a receipt and keeps it. What is wrong with one is told in the next round: the play itself is over, and what a client did by itself
    /// about it would be seen.
    pub(in crate::messenger) fn note_receipt(
        &mut self,
        message: &StoredMessage,
        said: &Said<'_>,
        relay_key: &IdentityKey,
    ) -> Result<(), Error> {
        let known = self.vault.get::<PlayChain>(said.license)?;
        let outcome = examine(said, known.as_ref(), relay_key);
        self.vault.transaction(|tx| {
            let mut after: AfterPlays = tx.get(key::AFTER_PLAYS)?.unwrap_or_default();
            match outcome {
                Ok(receipt) => {
                    let newer = known.is_none_or(|known| receipt.number > known.head.number);
                    if newer {
                        let chain = PlayChain {
                            peer: message.peer.clone(),
                            receipt: said.receipt.to_vec(),
                            head: head(&receipt),
                        };
                        tx.put(said.license, &chain)?;
                    }
                    let license = LicenseKey(*said.license);
                    if newer && !after.untold.contains(&license) && after.untold.len() < MAX_UNTOLD {
                        after.untold.push(license);
                    }
                }
                Err(error) if after.faults.len() < MAX_FAULTS => after.faults.push(RelayFault {
                    id: message.id,
                    reason: error.to_string(),
                }),
                Err(_) => {}
            }
            tx.put(key::AFTER_PLAYS, &after)
        })?;
        Ok(())
    }

    /// What plays left to do: confirmations, receipts for those who gave the licenses, complaints for the user.
    pub(in crate::messenger) async fn serve_plays(&mut self, round: &mut Round) -> Result<(), Error> {
        let Some(after) = self.vault.get::<AfterPlays>(key::AFTER_PLAYS)? else {
            return Ok(());
        };
        for fault in &after.faults {
            round.events.push(Event::RelayFault {
                id: fault.id,
                reason: fault.reason.clone(),
            });
        }
        let mut done = 0;
        let mut failed = None;
        for play in &after.unconfirmed {
            match self
                .relay
                .confirm_play(&play.license, &play.play, &play.capability)
                .await
            {
                Ok(()) => {}
                Err(error) if error.code() == Some(Code::NoSuchLicense) => {}
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
            done += 1;
        }
        self.transact(|scope| {
            let mut left = AfterPlays::default();
            left.unconfirmed.extend_from_slice(&after.unconfirmed[done..]);
            for license in after.untold {
                if !scope.tell_head(&license.0)? {
                    left.untold.push(license);
                }
            }
            if left.unconfirmed.is_empty() && left.untold.is_empty() {
                return Ok(scope.tx.delete::<AfterPlays>(key::AFTER_PLAYS)?);
            }
            Ok(scope.tx.put(key::AFTER_PLAYS, &left)?)
        })?;
        failed.map_or(Ok(()), |error| postpone(error.into(), round))
    }

    /// What the relay shows now against what the recipient and we were shown before: the last receipt, and the number behind which the relay
    /// went back.
    pub(in crate::messenger) async fn compare_receipts(
        &mut self,
        license: &License,
        status: &LicenseStatus,
    ) -> Result<(Option<Head>, Option<u64>), Error> {
        let shown = match &status.receipt {
            Some(receipt) => {
                let relay_key = self.relay_key().await?;
                let verified = SignedPlayReceipt::from_bytes(receipt)
                    .map_err(ReceiptError::from)
                    .and_then(|signed| signed.verify(&relay_key));
                match verified {
                    Ok(receipt) if receipt.license == license.id => Some(receipt),
                    Ok(_) => return Err(ReceiptError::OtherPlay.into()),
                    Err(error) => return Err(error.into()),
                }
            }
            None => None,
        };
        let behind = [license.told, license.shown]
            .into_iter()
            .flatten()
            .filter(|known| contradicts(shown.as_ref(), known))
            .map(|known| known.number)
            .max();
        Ok((shown.as_ref().map(head), behind))
    }
}

impl Scope<'_, '_> {
    /// Tells the giver of a license of its last receipt; false when that has to wait.
    fn tell_head(&mut self, license: &[u8; 32]) -> Result<bool, Error> {
        let Some(chain) = self.tx.get::<PlayChain>(license)? else {
            return Ok(true);
        };
        let peer = &chain.peer;
        let delivery = self.delivery(peer)?;
        if delivery.blocked {
            return Ok(true);
        }
        // Nothing goes to a stranger unasked; a play was asked for, and the relay shows it to the giver anyhow, but an envelope says more.
        if !delivery.is_accepted() {
            return Ok(false);
        }
        let content = Content {
            id: ContentId::random(self.rng),
            sent_at: self.now,
            body: Body::PlayHead(PlayHead {
                license: *license,
                number: chain.head.number,
                digest: chain.head.digest,
            }),
        };
        // Without a session, or with an undecided identity, it waits: it is not worth a handshake, and not for a stranger.
        let Ok(outgoing) = self.party.send(peer, &content, self.now, self.rng) else {
            return Ok(false);
        };
        self.enqueue(&[outgoing])?;
        Ok(true)
    }

    /// What a recipient says of a license that we gave to it. It never goes back.
    pub(in crate::messenger) fn note_head(&mut self, from: &Address, said: &PlayHead) -> Result<(), VaultError> {
        for entry in self.tx.list::<License>()? {
            if entry.record.id != said.license {
                continue;
            }
            let id: [u8; 16] = entry
                .key
                .as_slice()
                .try_into()
                .map_err(|_| VaultError::Corrupt("license"))?;
            let message: Option<StoredMessage> = self.tx.get(&key::outgoing(crate::vault::MessageId(id)))?;
            let theirs = message.is_some_and(|message| message.peer == *from);
            if theirs && entry.record.told.is_none_or(|told| told.number < said.number) {
                self.tx.update::<License>(&entry.key, |license| {
                    license.told = Some(Head {
                        number: said.number,
                        digest: said.digest,
                    });
                })?;
            }
            return Ok(());
        }
        Ok(())
    }
}

fn head(receipt: &PlayReceipt) -> Head {
    Head {
        number: receipt.number,
        digest: receipt.digest(),
    }
}

/// Whether the relay signed what it answered, and nothing that contradicts what it signed before.
fn examine(said: &Said<'_>, known: Option<&PlayChain>, relay_key: &IdentityKey) -> Result<PlayReceipt, ReceiptError> {
    let receipt = SignedPlayReceipt::from_bytes(said.receipt)?.verify(relay_key)?;
    receipt.is_for(said.license, said.play, said.request, said.answer)?;
    if receipt.number <= said.after {
        return Err(ReceiptError::Forked);
    }
    if let Some(known) = known {
        let known = SignedPlayReceipt::from_bytes(&known.receipt)?.verify(relay_key)?;
        // A request that was repeated after others were answered has an older receipt, and that is no contradiction.
        if receipt.number >= known.number {
            receipt.continues(&known)?;
        }
    }
    Ok(receipt)
}

/// Whether what the relay shows now cannot follow on a receipt that somebody remembers. A license keeps its last receipt as long as it is known at all.
fn contradicts(shown: Option<&PlayReceipt>, known: &Head) -> bool {
    let Some(shown) = shown else { return true };
    match shown.number.checked_sub(known.number) {
        None => true,
        Some(0) => shown.digest() != known.digest,
        Some(1) => shown.previous != known.digest,
        Some(_) => false,
    }
}
