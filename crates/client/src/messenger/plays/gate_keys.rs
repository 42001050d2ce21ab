//! Gate keys: the secrets with which oblivious limits are sealed, and the evaluation keys that the relay computes with.
//!
//! A key's secret is durable before its evaluation key is made, and a key counts as uploaded when the relay said so. Whoever dies in between begins
//! by asking the relay: it has the key, or it gets one. An evaluation key differs each time it is made, and every one of them belongs to the same
//! secret.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use playgate::Capability;
use playgate::oblivious::GateKey;
use protocol::address::Address;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use crate::error::Error;
use crate::messenger::Messenger;
use crate::messenger::round::{Round, postpone};
use crate::messenger::steps::Step;
use crate::relay::{Code, RelayError};
use crate::vault::{Entry, GateKeyRecord, License, MessageId, MessageState, OutboxEntry, VaultError};

/// A gate key is replaced after this. Everything that one key sealed is linkable by the relay, and its recipients together with the relay learn each
/// other's counts: the shorter it lives the less there is of either, and making one is a matter of seconds.
pub const GATE_KEY_LIFE: Duration = Duration::from_secs(90 * 24 * 3600);

/// How far the making and uploading of a gate key is.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum GateStage {
    /// The evaluation key is being made; the part that is done, from 0 to 1.
    Making(f32),
    /// It is on its way to the relay.
    Uploading {
        /// Bytes handed over.
        sent: u64,
        /// Bytes in all.
        total: u64,
    },
    /// The relay has every byte and checks them.
    Checking,
}

/// Hears of the progress, from any thread.
pub type GateWatch = Arc<dyn Fn(GateStage) + Send + Sync>;

/// A gate key of ours, as far as it may be shown.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GateKeyReport {
    /// Its id at the relay.
    pub id: [u8; 16],
    /// When it was made, in milliseconds since the epoch.
    pub created_at: u64,
    /// When it is replaced.
    pub replaced_at: u64,
    /// Whether the relay has it, as far as we know.
    pub uploaded: bool,
    /// The contact whose messages alone use it.
    pub contact: Option<Address>,
    /// Kept for the counts of what it sealed; nothing new is sealed with it.
    pub retired: bool,
}

type Id = [u8; 16];

impl Messenger {
    /// Our gate keys, the oldest first. Asks nobody.
    ///
    /// # Errors
    /// Vault trouble.
    pub fn gate_keys(&self) -> Result<Vec<GateKeyReport>, Error> {
        let entries = self.vault.list::<GateKeyRecord>()?;
        entries
            .iter()
            .map(|entry| Ok(report(id(entry)?, &entry.record)))
            .collect()
    }

    /// Makes and uploads a new gate key and retires the one before: what that sealed can be played to its end. With a contact: a key that seals
    /// for this contact alone, from here on.
    ///
    /// # Errors
    /// The relay's refusals; then the new key waits for the next oblivious message.
    pub async fn rotate_gate_key(
        &mut self,
        contact: Option<&Address>,
        watch: &GateWatch,
    ) -> Result<GateKeyReport, Error> {
        if let Some(peer) = contact
            && !self.knows(peer)?
        {
            return Err(Error::UnknownContact(peer.clone()));
        }
        let id = self.make_gate_key(contact)?;
        let (id, record) = self.ready_gate_key(id, watch).await?;
        self.retire_before(&id, &record)
            .await
            .map_err(Error::behind_the_relay)?;
        Ok(report(id, &record))
    }

    /// Goes back to the general key for a contact that has one of its own.
    ///
    /// # Errors
    /// [`Error::NoGateKey`] when it has none.
    pub async fn drop_gate_key(&mut self, contact: &Address) -> Result<(), Error> {
        let own = self.live_keys(Some(contact))?;
        if own.is_empty() {
            return Err(Error::NoGateKey(contact.clone()));
        }
        self.retire(own.into_iter().map(|(id, _)| id).collect()).await
    }

    /// The key that seals for a contact, at the relay: the contact's own, else the general one; made when there is none or it is too old.
    pub(in crate::messenger) async fn gate_key_for(
        &mut self,
        peer: &Address,
        watch: &GateWatch,
    ) -> Result<(Id, GateKeyRecord), Error> {
        let own = self.live_keys(Some(peer))?.pop();
        let current = match own {
            Some(own) => Some(own),
            None => self.live_keys(None)?.pop(),
        };
        let oldest = self.now().as_millis().saturating_sub(millis(GATE_KEY_LIFE));
        let id = match current {
            Some((id, record)) if record.created_at > oldest => id,
            Some((_, record)) => self.make_gate_key(record.contact.as_ref())?,
            None => self.make_gate_key(None)?,
        };
        let (id, record) = self.ready_gate_key(id, watch).await.map_err(Error::on_the_way)?;
        self.retire_before(&id, &record).await?;
        Ok((id, record))
    }

    /// A secret, durable; nobody has heard of it.
    fn make_gate_key(&mut self, contact: Option<&Address>) -> Result<Id, Error> {
        let key = self
            .options
            .gate_keys
            .generate(&mut ChaCha20Rng::from_rng(&mut self.rng));
        let mut id = [0; 16];
        rand_core::Rng::fill_bytes(&mut self.rng, &mut id);
        let record = GateKeyRecord {
            secret: key.to_bytes().to_vec(),
            capability: *Capability::generate(&mut self.rng).as_bytes(),
            created_at: self.now().as_millis(),
            uploaded: false,
            contact: contact.cloned(),
            retired: false,
            deleted: false,
        };
        self.vault.transaction(|tx| tx.put(&id, &record))?;
        self.step(Step::GateKeyMade)?;
        Ok(id)
    }

    /// Sees to it that the relay has a key of ours. One that it will not take (its id was used for another) is replaced, once.
    async fn ready_gate_key(&mut self, id: Id, watch: &GateWatch) -> Result<(Id, GateKeyRecord), Error> {
        match self.upload_gate_key(id, watch).await {
            Err(Error::Relay(error)) if error.code() == Some(Code::GateKeyConflict) => {
                let record = self.gate_key(&id)?;
                self.vault.transaction(|tx| tx.delete::<GateKeyRecord>(&id))?;
                let fresh = self.make_gate_key(record.contact.as_ref())?;
                self.upload_gate_key(fresh, watch).await?;
                Ok((fresh, self.uploaded_gate_key(&fresh)?))
            }
            other => {
                other?;
                Ok((id, self.uploaded_gate_key(&id)?))
            }
        }
    }

    /// Another process may have put another key in the place of this one while it was made and uploaded.
    fn uploaded_gate_key(&self, id: &Id) -> Result<GateKeyRecord, Error> {
        let record: Option<GateKeyRecord> = self.vault.get(id)?;
        record.filter(|record| !record.retired).ok_or(Error::GateKeyReplaced)
    }

    async fn upload_gate_key(&mut self, id: Id, watch: &GateWatch) -> Result<(), Error> {
        let record = self.gate_key(&id)?;
        if record.uploaded {
            return Ok(());
        }
        // An upload whose answer was lost, or that was finished before a crash, is not made again.
        if !self
            .authorised(|relay| async move { relay.has_gate_key(&id).await })
            .await?
        {
            let key = self.evaluation_key(&record, watch).await?;
            self.step(Step::BeforeGateKeyUpload)?;
            let hash = Capability::from_bytes(record.capability).hash();
            let heard = Arc::clone(watch);
            let sent: crate::relay::Sent = Arc::new(move |sent, total| {
                heard(GateStage::Uploading { sent, total });
                if sent == total {
                    heard(GateStage::Checking);
                }
            });
            let (hash, key, sent) = (&hash, &key, &sent);
            // Minutes, by a slow line.
            self.authorised_unlocked(|relay| async move { relay.put_gate_key(&id, hash, key, sent).await })
                .await?;
        }
        self.note_upload(&id).map_err(Error::behind_the_relay)
    }

    fn note_upload(&mut self, id: &Id) -> Result<(), Error> {
        self.step(Step::AfterGateKeyUpload)?;
        self.mark_gate_key(id, true)
    }

    async fn evaluation_key(&mut self, record: &GateKeyRecord, watch: &GateWatch) -> Result<Bytes, Error> {
        let key = GateKey::from_bytes(&record.secret).map_err(|_| VaultError::Corrupt("gate-key"))?;
        let mut rng = ChaCha20Rng::from_rng(&mut self.rng);
        let source = Arc::clone(&self.options.gate_keys);
        let heard = Arc::clone(watch);
        // Seconds of arithmetic: on another thread, so that Ctrl-C and the progress are heard meanwhile.
        let made = tokio::task::spawn_blocking(move || {
            source.evaluation_key(&key, &mut rng, &mut |part| heard(GateStage::Making(part)))
        });
        match self.unlocked(made).await?.0 {
            Ok(bytes) => Ok(bytes.into()),
            Err(_) => Err(Error::Protocol("the gate key could not be made; try again".to_owned())),
        }
    }

    fn mark_gate_key(&mut self, id: &Id, uploaded: bool) -> Result<(), Error> {
        self.vault
            .transaction(|tx| tx.update::<GateKeyRecord>(id, |record| record.uploaded = uploaded))?;
        Ok(())
    }

    pub(in crate::messenger) fn gate_key(&self, id: &Id) -> Result<GateKeyRecord, Error> {
        Ok(self.vault.get(id)?.ok_or(VaultError::Corrupt("gate-key"))?)
    }

    /// Keys that seal for this contact alone, or for everyone; the youngest last.
    fn live_keys(&self, contact: Option<&Address>) -> Result<Vec<(Id, GateKeyRecord)>, Error> {
        let mut live = Vec::new();
        for entry in self.vault.list::<GateKeyRecord>()? {
            if !entry.record.retired && entry.record.contact.as_ref() == contact {
                live.push((id(&entry)?, entry.record.clone()));
            }
        }
        Ok(live)
    }

    /// Retires what a ready key replaces.
    async fn retire_before(&mut self, id: &Id, record: &GateKeyRecord) -> Result<(), Error> {
        let old = self.live_keys(record.contact.as_ref())?;
        let old: Vec<Id> = old.into_iter().map(|(old, _)| old).filter(|old| old != id).collect();
        if old.is_empty() {
            return Ok(());
        }
        self.retire(old).await
    }

    /// Retired here first. The relay may hear of it later, and what it then has done may be noted later: it is asked with every rotation until both are done.
    async fn retire(&mut self, keys: Vec<Id>) -> Result<(), Error> {
        self.vault.transaction(|tx| {
            for id in &keys {
                tx.update::<GateKeyRecord>(id, |record| record.retired = true)?;
            }
            Ok::<_, VaultError>(())
        })?;
        if let Err(error) = self.delete_retired().await {
            tracing::debug!(%error, "retired gate keys stay until the next rotation");
        }
        Ok(())
    }

    async fn delete_retired(&mut self) -> Result<(), Error> {
        let wanted: Vec<Entry<License>> = self.vault.list()?;
        let now = self.now().as_millis();
        for entry in self.vault.list::<GateKeyRecord>()? {
            let id = id(&entry)?;
            let sealed = |license: &License| license.oblivious.as_ref().is_some_and(|sealed| sealed.gate_key == id);
            // What still waits for its recipient may have to be deposited again: the relay takes nothing for a deleted key.
            let needed = |license: &Entry<License>| license.record.share.is_some() && sealed(&license.record);
            if !entry.record.retired || wanted.iter().any(needed) {
                continue;
            }
            if !entry.record.deleted {
                match self
                    .authorised(|relay| async move { relay.delete_gate_key(&id).await })
                    .await
                {
                    Ok(()) => {
                        self.vault
                            .transaction(|tx| tx.update::<GateKeyRecord>(&id, |record| record.deleted = true))?;
                    }
                    Err(error) => {
                        tracing::debug!(%error, "a retired gate key stays at the relay until the next rotation");
                        continue;
                    }
                }
            }
            // Nothing that it sealed can be asked about any more.
            if !wanted
                .iter()
                .any(|license| sealed(&license.record) && license.record.expires_at > now)
            {
                self.vault.transaction(|tx| tx.delete::<GateKeyRecord>(&id))?;
            }
        }
        Ok(())
    }

    /// The relay says that it does not know the key of an envelope that waits.
    pub(in crate::messenger) fn gate_key_lost(&mut self, license: Option<&License>) -> Result<(), Error> {
        match license.and_then(|license| license.oblivious.as_ref()) {
            Some(deposit) => self.mark_gate_key(&deposit.gate_key, false),
            None => Ok(()),
        }
    }

    /// Uploads again what the relay has lost and an envelope in the outbox waits for.
    pub(in crate::messenger) async fn serve_gate_keys(&mut self, watch: &GateWatch) -> Result<(), Error> {
        let lost: Vec<Id> = self
            .vault
            .list::<GateKeyRecord>()?
            .iter()
            .filter(|entry| !entry.record.uploaded)
            .map(id)
            .collect::<Result<_, _>>()?;
        if lost.is_empty() {
            return Ok(());
        }
        let mut refused: Vec<(Id, RelayError)> = Vec::new();
        for entry in self.vault.list::<OutboxEntry>()? {
            let Some(content) = entry.record.content else { continue };
            let Some(id) = self.sealed_with(content)?.filter(|id| lost.contains(id)) else {
                continue;
            };
            if !refused.iter().any(|(known, _)| *known == id) {
                match self.upload_gate_key(id, watch).await {
                    Ok(()) => continue,
                    Err(Error::Relay(error)) if error.code() == Some(Code::GateKeyConflict) => {
                        refused.push((id, error));
                    }
                    Err(error) => return Err(error.on_the_way()),
                }
            }
            // What that key sealed cannot be sealed anew: the text is not kept.
            if let Some((_, error)) = refused.iter().find(|(known, _)| *known == id) {
                self.settle(&entry.key, Some(content), &MessageState::failed(&error.to_string()))?;
            }
        }
        Ok(())
    }

    fn sealed_with(&self, content: MessageId) -> Result<Option<Id>, Error> {
        let license = self.vault.get::<License>(&content.0)?;
        Ok(license.and_then(|license| license.oblivious.as_ref().map(|deposit| deposit.gate_key)))
    }

    /// The same in a round of receiving, where nobody watches.
    pub(in crate::messenger) async fn keep_gate_keys(&mut self, round: &mut Round) -> Result<(), Error> {
        let watch: GateWatch = Arc::new(|_| ());
        match self.serve_gate_keys(&watch).await {
            Ok(()) => Ok(()),
            Err(error) => postpone(error, round),
        }
    }
}

fn id(entry: &Entry<GateKeyRecord>) -> Result<Id, VaultError> {
    entry
        .key
        .as_slice()
        .try_into()
        .map_err(|_| VaultError::Corrupt("gate-key"))
}

fn report(id: Id, record: &GateKeyRecord) -> GateKeyReport {
    GateKeyReport {
        id,
        created_at: record.created_at,
        replaced_at: record.created_at.saturating_add(millis(GATE_KEY_LIFE)),
        uploaded: record.uploaded,
        contact: record.contact.clone(),
        retired: record.retired,
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
