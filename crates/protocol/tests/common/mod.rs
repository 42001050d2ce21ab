//! A directory and some people, in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may
#![allow(dead_code)] // each test binary uses its part

use std::collections::BTreeMap;

use latchkey_protocol::Timestamp;
use latchkey_protocol::address::Address;
use latchkey_protocol::content::{Body, Content, ContentId};
use latchkey_protocol::handshake::PreKeyBundle;
use latchkey_protocol::party::{Outgoing, Party, Received};
use latchkey_protocol::prekey::{OneTimeEntry, PublishedOneTime, PublishedSignedPreKey};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

/// What the relay keeps of one account.
pub struct Entry {
    pub party_key: latchkey_protocol::identity::IdentityKey,
    pub signed: PublishedSignedPreKey,
    pub batch: Vec<(Vec<u8>, Vec<u8>, OneTimeEntry)>,
}

/// The relay's directory.
#[derive(Default)]
pub struct Directory(pub BTreeMap<Address, Entry>);

impl Directory {
    /// Uploads what the party has to publish.
    pub fn publish(&mut self, party: &mut Party, force: bool, now: Timestamp, rng: &mut ChaCha20Rng) {
        let left = self.0.get(party.address()).map(|entry| entry.batch.len() as u32);
        let Some(publication) = party.publication(left, force, now, rng) else {
            return;
        };
        let (address, key) = (party.address().clone(), party.identity_key().clone());
        if let Some(signed) = publication.signed_prekey {
            signed.verify(&key, &address, now).unwrap();
            let batch = self.0.remove(&address).map(|entry| entry.batch).unwrap_or_default();
            self.0.insert(
                address.clone(),
                Entry {
                    party_key: key.clone(),
                    signed,
                    batch,
                },
            );
        }
        if let Some(batch) = publication.one_time_batch {
            let verified = batch.verify(&key, &address, now).unwrap();
            let entry = self.0.get_mut(&address).unwrap();
            if publication.replace_one_time {
                entry.batch.clear();
            }
            let keys = verified
                .entries()
                .map(|key| (batch.payload.clone(), batch.signature.clone(), key));
            entry.batch.extend(keys);
        }
        party.publication_confirmed(now);
    }

    /// Serves a bundle and uses up a one-time prekey.
    pub fn fetch(&mut self, address: &Address) -> PreKeyBundle {
        let entry = self.0.get_mut(address).unwrap();
        let one_time = (!entry.batch.is_empty()).then(|| {
            let (payload, signature, key) = entry.batch.remove(0);
            PublishedOneTime {
                payload,
                signature,
                id: key.id,
                key: key.key,
                path: key.path,
            }
        });
        PreKeyBundle {
            address: address.clone(),
            identity_key: entry.party_key.clone(),
            signed_prekey: entry.signed.clone(),
            one_time,
        }
    }
}

pub const NOW: Timestamp = Timestamp(1_790_000_000_000);

pub fn address(name: &str) -> Address {
    Address::parse(&format!("{name}@relay.test")).unwrap()
}

pub fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

pub fn text(words: &str, rng: &mut ChaCha20Rng) -> Content {
    Content {
        id: ContentId::random(rng),
        sent_at: NOW,
        body: Body::Text(words.into()),
    }
}

/// Two people who have published.
pub fn two(seed: u64) -> (Directory, Party, Party, ChaCha20Rng) {
    let mut rng = rng(seed);
    let mut directory = Directory::default();
    let mut people = ["alice", "bob"].map(|name| Party::generate(address(name), &mut rng));
    for party in &mut people {
        directory.publish(party, false, NOW, &mut rng);
    }
    let [alice, bob] = people;
    (directory, alice, bob, rng)
}

/// Sends a text, starting a session where there is none.
pub fn say(
    directory: &mut Directory,
    from: &mut Party,
    to: &Address,
    words: &str,
    now: Timestamp,
    rng: &mut ChaCha20Rng,
) -> Vec<Outgoing> {
    let mut out = Vec::new();
    if from.needs_bundle(to) {
        out.extend(from.start(&directory.fetch(to), now, rng).unwrap());
    }
    out.push(from.send(to, &text(words, rng), now, rng).unwrap());
    out
}

/// The text that an outcome opened to.
pub fn opened(received: Received) -> String {
    match received {
        Received::Opened(opened) => match &opened.content.body {
            Body::Text(text) => text.clone(),
            other => panic!("not a text: {other:?}"),
        },
        other => panic!("not opened: {other:?}"),
    }
}

/// Every record of a party, as its vault would have it: for comparing states byte for byte.
pub fn records(party: &Party) -> BTreeMap<String, Vec<u8>> {
    party
        .all_records()
        .into_iter()
        .map(|change| (change.key, change.value.unwrap().to_vec()))
        .collect()
}

/// Two people of any names who have published.
pub fn two_named(seed: u64, one: &str, other: &str) -> (Directory, Party, Party, ChaCha20Rng) {
    let mut rng = rng(seed);
    let mut directory = Directory::default();
    let [mut a, mut b] = [one, other].map(|name| Party::generate(address(name), &mut rng));
    directory.publish(&mut a, false, NOW, &mut rng);
    directory.publish(&mut b, false, NOW, &mut rng);
    (directory, a, b, rng)
}

/// Alice starts nothing with `bundle`, for the reason given, and is as she was.
pub fn refuses(
    alice: &mut Party,
    bundle: &PreKeyBundle,
    now: Timestamp,
    rng: &mut ChaCha20Rng,
    why: latchkey_protocol::prekey::PreKeyError,
    what: &str,
) {
    let before = records(alice);
    let outcome = alice.start(bundle, now, rng);
    assert!(
        matches!(&outcome, Err(latchkey_protocol::party::StartError::BadBundle { why: reason, .. }) if *reason == why),
        "{what}: {outcome:?}"
    );
    assert!(records(alice) == before, "{what} left a trace");
}

/// Alice, Bob, and a bundle of Bob's with a one-time prekey.
pub fn scene(seed: u64) -> (Directory, Party, Party, PreKeyBundle, ChaCha20Rng) {
    let (mut directory, alice, bob, rng) = two(seed);
    let bundle = directory.fetch(bob.address());
    assert!(bundle.one_time.is_some());
    (directory, alice, bob, bundle, rng)
}

/// The vectors of the standards, and edge cases.
pub fn primitives() -> serde_json::Value {
    serde_json::from_str(include_str!("../vectors/primitives.json")).unwrap()
}

/// A list of vectors, which is not empty.
pub fn list(value: &serde_json::Value) -> &Vec<serde_json::Value> {
    let list = value.as_array().expect("a list of vectors");
    assert!(!list.is_empty());
    list
}

/// Bytes from their hexadecimal form.
pub fn bytes(value: &serde_json::Value) -> Vec<u8> {
    hex::decode(value.as_str().expect("hexadecimal")).unwrap()
}

/// Exactly N bytes from their hexadecimal form.
pub fn array<const N: usize>(value: &serde_json::Value) -> [u8; N] {
    bytes(value).try_into().expect("the length")
}

/// Randomness that a vector prescribes; asking for more than it has is a failure.
pub struct Given(pub Vec<u8>);

impl rand_core::TryRng for Given {
    type Error = std::convert::Infallible;
    fn try_next_u32(&mut self) -> Result<u32, std::convert::Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }
    fn try_next_u64(&mut self) -> Result<u64, std::convert::Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), std::convert::Infallible> {
        let rest = self.0.split_off(out.len());
        out.copy_from_slice(&self.0);
        self.0 = rest;
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Given {}
