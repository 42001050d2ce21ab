//! One's own identity and prekeys: what is published, what is kept to answer with, and when each dies.

mod stored;
mod successor;
#[cfg(test)]
#[path = "../tests/unit/account.rs"]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

pub use successor::Successor;

use rand_core::CryptoRng;

use crate::address::Address;
use crate::identity::{Fingerprint, IdentityKey, IdentityKeyPair, Purpose};
use crate::merkle;
use crate::prekey::{Fields, MAX_CLOCK_SKEW, PublishedBatch, PublishedSignedPreKey};
use crate::primitives::hash;
use crate::primitives::kem::KemSecretKey;
use crate::time::Timestamp;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// A signed prekey is replaced after a week …
pub const SIGNED_PREKEY_ROTATION: Duration = DAY.saturating_mul(7);
/// … refused by senders after two, so that a device may be off for a week …
pub const SIGNED_PREKEY_LIFETIME: Duration = DAY.saturating_mul(14);
/// … and its private half dies 30 days after rotation: the relay keeps an envelope no longer.
pub const SIGNED_PREKEY_GRACE: Duration = DAY.saturating_mul(30);
/// How long after a sender fetched a prekey its first envelope may reach the relay: it was sealed off line.
pub const SENDER_LEAD: Duration = DAY;
/// The clock is believed this far beyond the date of the last keys that the relay took: it takes none from the future, and new ones are due every week.
const BELIEVED: Duration = SIGNED_PREKEY_ROTATION.saturating_add(DAY);
/// Keys in a batch: about a month of new contacts, 160 KB to upload.
pub const BATCH_SIZE: u32 = 100;
/// Batches that are kept, also those whose private halves are gone. A contact-rich account makes thirteen a month, and each lives for three; a relay that says again and again that no keys are
/// left, or hands one out twice, makes hundreds. All of them are one record, of 900 KB then, which is written at each handshake.
pub const MAX_BATCHES: usize = 64;
/// Signed prekeys that are kept: seven weeks of one a week, and those that were begun anew or made by hand meanwhile.
pub const MAX_SIGNED_PREKEYS: usize = 64;
/// Below this many left at the relay a new batch is due.
pub const REFILL_BELOW: u32 = 25;
/// How long senders accept a batch.
pub const BATCH_LIFETIME: Duration = DAY.saturating_mul(60);

/// A signed prekey of ours.
#[derive(Clone, Debug)]
pub(crate) struct OwnSignedPreKey {
    pub(crate) secret: KemSecretKey,
    /// `H(signed payload)`, part of the handshake's transcript.
    pub(crate) payload_hash: [u8; 64],
    pub(crate) created: Timestamp,
    pub(crate) retired: Option<Timestamp>,
    /// Of a restored vault or an earlier identity: reads identity boxes, opens no session.
    pub(crate) stale: bool,
    /// The earlier identity of ours that published it; none: the present one.
    pub(crate) published_by: Option<Fingerprint>,
}

impl OwnSignedPreKey {
    /// When its private half dies: the grace after the relay has taken another in its place, or after senders stopped to accept it when we were away and
    /// rotated late. Never later than it said before, so what is remembered until then (replays) is remembered long enough.
    pub(crate) fn dies(&self) -> Timestamp {
        let refused = self.created.plus(SIGNED_PREKEY_LIFETIME);
        self.retired
            .map_or(refused, |retired| retired.min(refused))
            .plus(SIGNED_PREKEY_GRACE)
            .plus(SENDER_LEAD)
    }
}

/// A one-time prekey of ours. The hashes outlive the secret, so that a handshake which used it can still be read and answered.
#[derive(Clone, Debug)]
pub(crate) struct OwnOneTime {
    pub(crate) secret: Option<KemSecretKey>,
    pub(crate) key_hash: [u8; 64],
    pub(crate) batch: u32,
}

#[derive(Clone, Debug)]
struct OwnBatch {
    payload_hash: [u8; 64],
    expires: Timestamp,
    /// Whether the relay still hands out its keys.
    published: bool,
}

/// What is to be uploaded. Offered again until [`Account::publication_confirmed`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// A new signed prekey.
    pub signed_prekey: Option<PublishedSignedPreKey>,
    /// A new batch of one-time prekeys.
    pub one_time_batch: Option<PublishedBatch>,
    /// Whether the batch takes the place of the keys that the relay still has.
    pub replace_one_time: bool,
}

/// An identity at an address, and its prekeys.
#[derive(Clone, Debug)]
pub struct Account {
    address: Address,
    identity: IdentityKeyPair,
    fingerprint: Fingerprint,
    /// How often this address changed its identity.
    successions: u64,
    seq: u64,
    signed: BTreeMap<u32, OwnSignedPreKey>,
    one_time: BTreeMap<u32, OwnOneTime>,
    batches: BTreeMap<u32, OwnBatch>,
    unconfirmed: Option<Publication>,
    replace_wanted: bool,
    replaced_at: Option<Timestamp>,
}

impl Account {
    /// A fresh identity for `address`. Its first [`Self::publication`] is due at once.
    pub fn generate(address: Address, rng: &mut impl CryptoRng) -> Self {
        Self::from_identity(address, IdentityKeyPair::generate(rng))
    }

    fn from_identity(address: Address, identity: IdentityKeyPair) -> Self {
        let fingerprint = identity.public().fingerprint(&address);
        Self {
            address,
            identity,
            fingerprint,
            successions: 0,
            seq: 0,
            signed: BTreeMap::new(),
            one_time: BTreeMap::new(),
            batches: BTreeMap::new(),
            unconfirmed: None,
            replace_wanted: false,
            replaced_at: None,
        }
    }

    /// Our address.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// Our identity key.
    #[must_use]
    pub const fn identity_key(&self) -> &IdentityKey {
        self.identity.public()
    }

    /// Our fingerprint.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Signs for `purpose` as this account.
    pub fn sign(&self, purpose: Purpose, payload: &[u8], rng: &mut impl CryptoRng) -> Vec<u8> {
        self.identity.sign(purpose, &self.fingerprint, payload, rng)
    }

    /// When the signed prekey in use was made.
    #[must_use]
    pub fn signed_prekey_created(&self) -> Option<Timestamp> {
        self.signed
            .values()
            .filter(|key| key.retired.is_none())
            .map(|key| key.created)
            .max()
    }

    /// What has to be uploaded now, if anything: the first prekeys, the weekly signed prekey, a new batch when the relay has few left. An
    /// unconfirmed publication is offered again as it was, unless `force` asks for new keys, or its date is one that a relay refuses: made while the clock
    /// was wrong.
    pub fn publication(
        &mut self,
        one_time_left: Option<u32>,
        force: bool,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Option<Publication> {
        let due =
            |created: Timestamp| now.since(created) >= SIGNED_PREKEY_ROTATION || created > now.plus(MAX_CLOCK_SKEW);
        // Of the one in use, and of one that waits for the relay: it may have been made while the clock was behind, and would be refused, by the relay or by who fetches it.
        let offered_is_due = match (self.offered(), self.offered_created()) {
            // So old that its private half is gone.
            (Some(_), None) => true,
            (_, created) => created.is_some_and(due),
        };
        let rotate = force || self.signed_prekey_created().is_none_or(due) || offered_is_due;
        if !rotate && self.unconfirmed.is_some() && !self.is_misdated(now) {
            return self.unconfirmed.clone();
        }
        // One that was never confirmed and has become old would be refused: what it was to bring is made anew.
        let lost = self.unconfirmed.take();
        let replace = force || self.replace_wanted || lost.as_ref().is_some_and(|lost| lost.replace_one_time);
        let refill = replace
            || self.batches.is_empty()
            || lost.is_some_and(|lost| lost.one_time_batch.is_some())
            || one_time_left.is_some_and(|left| left < REFILL_BELOW);
        if !rotate && !refill {
            return None;
        }
        let publication = Publication {
            signed_prekey: rotate.then(|| self.new_signed_prekey(now, rng)),
            one_time_batch: refill.then(|| self.new_batch(replace, now, rng)),
            replace_one_time: replace,
        };
        self.replace_wanted = false;
        self.unconfirmed = Some(publication.clone());
        Some(publication)
    }

    /// What was offered last and is not confirmed.
    #[must_use]
    pub fn unconfirmed(&self) -> Option<&Publication> {
        self.unconfirmed.as_ref()
    }

    /// The relay has the publication. Only now it hands out no earlier signed prekey any more. (By a clock that is behind that may seem to be before it was made.)
    pub fn publication_confirmed(&mut self, now: Timestamp) {
        let taken = self
            .unconfirmed
            .take()
            .and_then(|publication| publication.signed_prekey);
        if let Some(taken) = taken.map(|key| hash(&[&key.payload])) {
            for old in self.signed.values_mut().filter(|old| old.payload_hash != taken) {
                old.retired.get_or_insert(now.max(old.created));
            }
        }
    }

    /// When the signed prekey was made that waits for the relay's confirmation.
    fn offered_created(&self) -> Option<Timestamp> {
        let offered = self.offered()?;
        let mut keys = self.signed.values();
        keys.find(|key| key.payload_hash == offered).map(|key| key.created)
    }

    /// The hash of the signed prekey that waits for the relay's confirmation.
    fn offered(&self) -> Option<[u8; 64]> {
        let key = self.unconfirmed.as_ref()?.signed_prekey.as_ref()?;
        Some(hash(&[&key.payload]))
    }

    /// Whether the batch of the unconfirmed publication has a date that a relay refuses.
    fn is_misdated(&self, now: Timestamp) -> bool {
        let batch = self.unconfirmed.as_ref().and_then(|lost| lost.one_time_batch.as_ref());
        let Some(payload) = batch.map(|batch| hash(&[&batch.payload])) else {
            return false;
        };
        let latest = now.plus(MAX_CLOCK_SKEW).plus(BATCH_LIFETIME);
        self.batches
            .values()
            .any(|batch| batch.payload_hash == payload && (batch.expires <= now || batch.expires > latest))
    }

    /// The time as far as the relay bears it out. It takes no keys from the future, so the date of the last that it took is behind us; a clock that runs far
    /// ahead of that may be wrong, and what is erased by it cannot be had back.
    pub(crate) fn borne_out(&self, now: Timestamp) -> Timestamp {
        let offered = self.offered();
        self.signed
            .values()
            .filter(|key| key.retired.is_none() && Some(key.payload_hash) != offered)
            .map(|key| key.created)
            .min()
            .map_or(Timestamp(0), |taken| now.min(taken.plus(BELIEVED)))
    }

    fn new_signed_prekey(&mut self, now: Timestamp, rng: &mut impl CryptoRng) -> PublishedSignedPreKey {
        let (secret, public) = KemSecretKey::generate(rng);
        let id = unused_id(rng, 1, &self.signed);
        let expires = now.plus(SIGNED_PREKEY_LIFETIME);
        let payload = self.fields(id, now, expires).signed_prekey(public.as_bytes());
        let key = OwnSignedPreKey {
            secret,
            payload_hash: hash(&[&payload]),
            created: now,
            retired: None,
            stale: false,
            published_by: None,
        };
        self.forget_surplus_signed();
        self.signed.insert(id, key);
        let signature = self.sign(Purpose::SignedPreKey, &payload, rng);
        PublishedSignedPreKey { payload, signature }
    }

    fn new_batch(&mut self, replace: bool, now: Timestamp, rng: &mut impl CryptoRng) -> PublishedBatch {
        if replace {
            self.batches.values_mut().for_each(|batch| batch.published = false);
            self.replaced_at = Some(now);
        }
        let first_id = unused_id(rng, BATCH_SIZE, &self.one_time);
        let batch = unused_id(rng, 1, &self.batches);
        let (mut keys, mut leaves) = (Vec::new(), Vec::new());
        for id in (first_id..).take(BATCH_SIZE as usize) {
            let (secret, public) = KemSecretKey::generate(rng);
            leaves.push(merkle::leaf(id, public.as_bytes()));
            let key_hash = hash(&[public.as_bytes()]);
            keys.push(public.as_bytes().to_vec());
            self.one_time.insert(
                id,
                OwnOneTime {
                    secret: Some(secret),
                    key_hash,
                    batch,
                },
            );
        }
        self.forget_surplus_batches();
        let expires = now.plus(BATCH_LIFETIME);
        let payload = self.fields(batch, now, expires).batch(first_id, &leaves);
        self.batches.insert(
            batch,
            OwnBatch {
                payload_hash: hash(&[&payload]),
                expires,
                published: true,
            },
        );
        let signature = self.sign(Purpose::OneTimeBatch, &payload, rng);
        PublishedBatch {
            payload,
            signature,
            keys,
        }
    }

    fn fields(&mut self, id: u32, created: Timestamp, expires: Timestamp) -> Fields<'_> {
        self.seq += 1;
        Fields {
            address: &self.address,
            fingerprint: self.fingerprint,
            id,
            seq: self.seq,
            created,
            expires,
        }
    }

    pub(crate) fn signed_prekey(&self, id: u32) -> Option<&OwnSignedPreKey> {
        self.signed.get(&id)
    }

    /// A one-time prekey of ours with the hash of its batch's payload.
    pub(crate) fn one_time(&self, id: u32) -> Option<(&OwnOneTime, &[u8; 64])> {
        let key = self.one_time.get(&id)?;
        Some((key, &self.batches.get(&key.batch)?.payload_hash))
    }

    /// Erases the private half of a one-time prekey that a handshake has used.
    pub(crate) fn consume_one_time(&mut self, id: u32) {
        if let Some(key) = self.one_time.get_mut(&id) {
            key.secret = None;
        }
    }

    /// A handshake used one-time prekey `id`, whose private half is gone: if the relay still hands that batch out, it has to be replaced, at
    /// most once in `interval`. Says whether a replacement was newly asked for.
    pub(crate) fn one_time_was_gone(&mut self, id: Option<u32>, interval: Duration, now: Timestamp) -> bool {
        let published = id
            .and_then(|id| self.one_time.get(&id))
            .and_then(|key| self.batches.get(&key.batch))
            .is_some_and(|batch| batch.published);
        let recently = self.replaced_at.is_some_and(|at| at <= now && now.since(at) < interval);
        let ask = published && !recently && !self.replace_wanted;
        if ask {
            self.replace_wanted = true;
            self.unconfirmed = None;
        }
        ask
    }

    /// After a restored backup: the old prekeys only read identity boxes, and new ones are due.
    pub(crate) fn mark_stale(&mut self, now: Timestamp) {
        self.retire_all(now);
        self.replace_wanted = true;
        self.unconfirmed = None;
        // The relay has seen higher sequence numbers than the backup knows. Seconds since 1970 are above any count of publications.
        self.seq = self.seq.max(now.0 / 1000) + 1;
    }

    fn retire_all(&mut self, now: Timestamp) {
        for key in self.signed.values_mut() {
            key.stale = true;
            key.retired.get_or_insert(now.max(key.created));
        }
        for key in self.one_time.values_mut() {
            key.secret = None;
        }
    }

    /// Erases what has lived its time, as far as the relay bears the time out. Says whether anything went.
    pub(crate) fn expire(&mut self, now: Timestamp) -> bool {
        let now = self.borne_out(now);
        let before = (self.signed.len(), self.batches.len());
        self.signed.retain(|_, key| key.dies() > now);
        self.batches
            .retain(|_, batch| batch.expires.plus(SIGNED_PREKEY_GRACE) > now);
        let batches = &self.batches;
        self.one_time.retain(|_, key| batches.contains_key(&key.batch));
        before != (self.signed.len(), self.batches.len())
    }

    /// Makes room for another signed prekey: of those that the relay hands out no more the one that dies first goes, else the oldest. Handshakes that answer it are refused
    /// from then on, as when it dies; their authors say it again after a week.
    fn forget_surplus_signed(&mut self) {
        while self.signed.len() >= MAX_SIGNED_PREKEYS {
            let first = self
                .signed
                .iter()
                .min_by_key(|(_, key)| (key.retired.is_none(), key.dies(), key.created));
            let Some(id) = first.map(|(id, _)| *id) else { return };
            self.signed.remove(&id);
        }
    }

    /// Makes room for another batch, in the same way.
    fn forget_surplus_batches(&mut self) {
        while self.batches.len() >= MAX_BATCHES {
            let first = self
                .batches
                .iter()
                .min_by_key(|(_, batch)| (batch.published, batch.expires));
            let Some(id) = first.map(|(id, _)| *id) else { return };
            self.batches.remove(&id);
            self.one_time.retain(|_, key| key.batch != id);
        }
    }

    /// One-time prekeys whose private half is there.
    #[must_use]
    pub fn one_time_count(&self) -> usize {
        self.one_time.values().filter(|key| key.secret.is_some()).count()
    }
}

/// A random first id of `count` consecutive ones, none of them in use.
fn unused_id<T>(rng: &mut impl CryptoRng, count: u32, used: &BTreeMap<u32, T>) -> u32 {
    loop {
        let first = rng.next_u32();
        if let Some(last) = first.checked_add(count)
            && used.range(first..last).next().is_none()
        {
            return first;
        }
    }
}
