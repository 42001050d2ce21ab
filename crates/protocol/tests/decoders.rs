//! Arbitrary bytes never panic a decoder, and what decodes encodes to the same bytes. The seeds are fixed, so that a failure repeats.
#![cfg(feature = "session")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may

mod common;

use std::sync::{LazyLock, Mutex};

use common::*;
use latchkey_protocol::address::{Address, RelayName, UserName};
use latchkey_protocol::content::{Body, Content, ContentId, Limited, MAX_CONTENT, Oblivious, PlayHead};
use latchkey_protocol::identity::IdentityKey;
use latchkey_protocol::padding::{pad, padded_length, unpad};
use latchkey_protocol::party::{Party, Received};
use latchkey_protocol::prekey::{PreKeyError, PublishedBatch, PublishedOneTime, PublishedSignedPreKey};
use latchkey_protocol::primitives::kem::KemPublicKey;
use latchkey_protocol::{Timestamp, party};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, RngSeed};

fn config(cases: u32) -> Config {
    Config {
        cases,
        failure_persistence: None,
        rng_algorithm: RngAlgorithm::ChaCha,
        rng_seed: RngSeed::Fixed(2026),
        ..Config::default()
    }
}

/// Bob in the middle of a conversation, his records, and an envelope of each form that would open.
struct Bob {
    party: Party,
    records: std::collections::BTreeMap<String, Vec<u8>>,
    envelopes: Vec<Vec<u8>>,
}

static BOB: LazyLock<Mutex<Bob>> = LazyLock::new(|| {
    let (mut directory, mut alice, mut bob, mut rng) = two(21);
    let mut envelopes = Vec::new();
    for envelope in say(&mut directory, &mut alice, &address("bob"), "a", NOW, &mut rng) {
        opened(bob.receive(&envelope.envelope, NOW, &mut rng));
    }
    envelopes.push(
        say(&mut directory, &mut alice, &address("bob"), "a", NOW, &mut rng)
            .remove(0)
            .envelope,
    );
    for envelope in say(&mut directory, &mut bob, &address("alice"), "b", NOW, &mut rng) {
        opened(alice.receive(&envelope.envelope, NOW, &mut rng));
    }
    envelopes.push(
        alice
            .send(&address("bob"), &text("a", &mut rng), NOW, &mut rng)
            .unwrap()
            .envelope,
    );
    for _ in 0..64 {
        alice
            .send(&address("bob"), &text("a", &mut rng), NOW, &mut rng)
            .unwrap();
    }
    envelopes.push(
        alice
            .send(&address("bob"), &text("a", &mut rng), NOW, &mut rng)
            .unwrap()
            .envelope,
    );
    bob.take_changes();
    let records = records(&bob);
    Mutex::new(Bob {
        party: bob,
        records,
        envelopes,
    })
});

/// Bob takes it in, does not open it, and is as he was.
fn receives_nothing(bytes: &[u8]) -> Result<(), TestCaseError> {
    let Bob {
        party, records: before, ..
    } = &mut *BOB.lock().unwrap();
    let outcome = party.receive(bytes, NOW, &mut rng(1));
    prop_assert!(
        matches!(
            outcome,
            Received::Malformed(_) | Received::Unknown | Received::Refused(_)
        ),
        "{:?}",
        outcome
    );
    prop_assert!(party.take_changes().is_empty());
    prop_assert!(records(party) == *before);
    Ok(())
}

fn body() -> impl Strategy<Value = Body> {
    let limited = (
        any::<[u8; 32]>(),
        any::<[u8; 32]>(),
        any::<[u8; 32]>(),
        any::<[u8; 32]>(),
        vec(any::<u8>(), 0..80),
        vec(any::<u8>(), 0..600),
        proptest::option::of((any::<u8>(), any::<[u8; 32]>())),
    );
    let head = (any::<[u8; 32]>(), any::<u64>(), any::<[u8; 32]>());
    prop_oneof![
        Just(Body::Empty),
        ".{0,300}".prop_map(Body::Text),
        limited.prop_map(
            |(license, play_capability, content_share, commit, policy, ciphertext, keys)| {
                Body::Limited(Limited {
                    license,
                    play_capability,
                    content_share,
                    commit,
                    policy,
                    ciphertext,
                    oblivious: keys.map(|(byte, pad_key)| Oblivious {
                        opening_key: Box::new([byte; 256]),
                        pad_key,
                    }),
                })
            }
        ),
        head.prop_map(|(license, number, digest)| Body::PlayHead(PlayHead {
            license,
            number,
            digest
        })),
        (7..=u64::MAX, vec(any::<u8>(), 0..300)).prop_map(|(kind, bytes)| Body::Unknown { kind, bytes }),
    ]
}

fn content() -> impl Strategy<Value = Content> {
    (any::<[u8; 16]>(), any::<u64>(), body()).prop_map(|(id, sent_at, body)| Content {
        id: ContentId(id),
        sent_at: Timestamp(sent_at),
        body,
    })
}

proptest! {
    #![proptest_config(config(600))]

    #[test]
    fn arbitrary_envelopes(bytes in vec(any::<u8>(), 0..700)) {
        receives_nothing(&bytes)?;
    }

    #[test]
    fn arbitrary_envelopes_with_a_right_head(kind in 1_u8..=3, id in any::<[u8; 16]>(), tag in any::<[u8; 16]>(), body in vec(any::<u8>(), 0..4000)) {
        receives_nothing(&[&[2, kind][..], &id, &tag, &body].concat())?;
    }

    #[test]
    fn arbitrary_first_envelopes(has_opk in 0_u8..=2, length in any::<u32>(), body in vec(any::<u8>(), 4900..14_000)) {
        let mut bytes = [&[2, 1][..], &[0; 32], &[1, has_opk], &body].concat();
        // Where the identity box's length is read.
        let at = HEAD + 6 + 1600 * 2 + 8 + if has_opk == 1 { 4 + 1600 } else { 0 };
        if let Some(place) = bytes.get_mut(at..at + 4) {
            place.copy_from_slice(&(length % 9000).to_be_bytes());
        }
        receives_nothing(&bytes)?;
    }

    #[test]
    fn known_envelopes_with_a_part_overwritten(which in 0_usize..3, at in any::<prop::sample::Index>(), with in vec(any::<u8>(), 1..64)) {
        let mut bytes = BOB.lock().unwrap().envelopes[which].clone();
        let original = bytes.clone();
        let start = at.index(bytes.len());
        let end = (start + with.len()).min(bytes.len());
        bytes[start..end].copy_from_slice(&with[..end - start]);
        prop_assume!(bytes != original);
        receives_nothing(&bytes)?;
    }

    #[test]
    fn arbitrary_contents(bytes in vec(any::<u8>(), 0..400)) {
        if let Ok(content) = Content::decode(&bytes) {
            prop_assert_eq!(content.encode(), bytes);
        }
    }

    #[test]
    fn contents_round_trip_and_altered_ones_are_other_contents_or_none(content in content(), at in any::<prop::sample::Index>(), with in any::<u8>()) {
        let bytes = content.encode();
        prop_assert_eq!(Content::decode(&bytes), Ok(content.clone()));
        let mut altered = bytes.clone();
        altered[at.index(bytes.len())] = with;
        if let Ok(other) = Content::decode(&altered) {
            prop_assert_eq!(other == content, altered == bytes);
            prop_assert_eq!(other.encode(), altered);
        }
    }

    #[test]
    fn arbitrary_prekeys(payload in vec(any::<u8>(), 0..1900), signature in vec(any::<u8>(), 0..80), keys in vec(vec(any::<u8>(), 0..10), 0..4), id in any::<u32>()) {
        let bob = BOB.lock().unwrap();
        let (key, owner) = (bob.party.identity_key(), bob.party.address());
        let signed = PublishedSignedPreKey { payload: payload.clone(), signature: signature.clone() };
        prop_assert!(signed.verify(key, owner, NOW).is_err());
        let batch = PublishedBatch { payload: payload.clone(), signature: signature.clone(), keys: keys.clone() };
        prop_assert!(batch.verify(key, owner, NOW).is_err());
        let one = PublishedOneTime { payload, signature, id, key: vec![0; 1600], path: keys };
        prop_assert!(one.verify(key, owner, NOW).is_err());
    }

    #[test]
    fn prekeys_with_a_right_shape_and_wrong_numbers(numbers in any::<[u64; 3]>(), id in any::<u32>(), first in any::<u32>(), count in any::<u32>(), name in "[a-z@.0-9]{0,40}") {
        let bob = BOB.lock().unwrap();
        let (key, owner) = (bob.party.identity_key(), bob.party.address());
        let mut head = vec![1];
        head.extend_from_slice(&(name.len() as u32).to_be_bytes());
        head.extend_from_slice(name.as_bytes());
        head.extend_from_slice(key.fingerprint(owner).as_bytes());
        head.extend_from_slice(&id.to_be_bytes());
        numbers.iter().for_each(|number| head.extend_from_slice(&number.to_be_bytes()));
        let signature = vec![0; 4691];
        let signed = PublishedSignedPreKey { payload: [&head[..], &[0; 1600]].concat(), signature: signature.clone() };
        prop_assert!(signed.verify(key, owner, NOW).is_err());
        let payload = [&head[..], &first.to_be_bytes(), &count.to_be_bytes(), &[0; 64]].concat();
        let one = PublishedOneTime { payload: payload.clone(), signature: signature.clone(), id, key: vec![0; 1600], path: vec![vec![0; 64]; 8] };
        prop_assert!(one.verify(key, owner, NOW).is_err());
        let batch = PublishedBatch { payload, signature, keys: vec![vec![0; 1600]; (count % 5) as usize] };
        let refused = batch.verify(key, owner, NOW);
        prop_assert!(matches!(refused, Err(PreKeyError::Malformed(_) | PreKeyError::BadBatch | PreKeyError::WrongOwner | PreKeyError::Expired | PreKeyError::FromTheFuture | PreKeyError::BadSignature)));
    }

    #[test]
    fn arbitrary_keys(bytes in prop_oneof![vec(any::<u8>(), 0..40), vec(any::<u8>(), 1590..1610), vec(any::<u8>(), 2615..2630)]) {
        if let Ok(key) = IdentityKey::from_bytes(&bytes) {
            prop_assert_eq!(key.to_bytes(), bytes.clone());
        }
        if let Ok(key) = KemPublicKey::from_bytes(&bytes) {
            prop_assert_eq!(&key.as_bytes()[..], &bytes[..]);
        }
    }

    #[test]
    fn arbitrary_addresses(text in prop_oneof![".{0,60}", "[a-z0-9_.@:-]{0,60}", "[a-z0-9_.-]{1,34}@[a-z0-9.:-]{1,20}"]) {
        if let Ok(address) = Address::parse(&text) {
            prop_assert_eq!(address.to_string(), text.clone());
            prop_assert_eq!(&Address::new(address.user(), address.relay()), &address);
            prop_assert!(!text.contains("..") && !text.contains('/') && text.is_ascii() && text.len() <= 32 + 1 + 128);
            prop_assert!(text.bytes().all(|byte| !byte.is_ascii_uppercase()));
        }
        if let Ok(name) = UserName::parse(&text) {
            prop_assert!(name.as_str() == text && name.as_str().len() <= 32);
        }
        if let Ok(name) = RelayName::parse(&text) {
            prop_assert!(name.as_str() == text && name.as_str().len() <= 128);
        }
    }

    #[test]
    fn padding_is_undone_and_nothing_else_is_padding(text in vec(any::<u8>(), 0..9000)) {
        let mut padded = text.clone();
        pad(&mut padded);
        prop_assert_eq!(padded.len(), padded_length(text.len()));
        prop_assert_eq!(unpad(&padded), Some(&text[..]));
        if let Some(found) = unpad(&text) {
            let mut again = found.to_vec();
            pad(&mut again);
            prop_assert_eq!(again, text);
        }
    }

    #[test]
    fn arbitrary_records(which in 0..RECORDS.len(), mut value in vec(any::<u8>(), 0..900)) {
        if let Some(format) = value.first_mut() {
            *format = 1;
        }
        let mut all = BOB.lock().unwrap().records.clone();
        all.insert(RECORDS[which].replace("0…", &"00".repeat(32)), value);
        if let Ok(party) = Party::load(all) {
            let _: Vec<party::Change> = party.all_records();
        }
    }
}

/// A key of every kind of record.
const RECORDS: [&str; 9] = [
    "identity",
    "prekeys",
    "publication",
    "peer/alice@relay.test",
    "pending/0000000000000000",
    "replay/00",
    "session/0…",
    "skipped/0…",
    "handshake/0…",
];

const HEAD: usize = 34;

#[test]
fn the_largest_content_fits_and_one_more_byte_does_not() {
    let (mut directory, mut alice, mut bob, mut rng) = two(22);
    let overhead = Content {
        id: ContentId([0; 16]),
        sent_at: NOW,
        body: Body::Text("x".repeat(70_000)),
    }
    .encode()
    .len()
        - 70_000;
    let mut content = text(&"x".repeat(MAX_CONTENT - overhead), &mut rng);
    let to_bob = address("bob");
    alice.start(&directory.fetch(&to_bob), NOW, &mut rng).unwrap();
    let envelope = alice.send(&to_bob, &content, NOW, &mut rng).unwrap().envelope;
    assert!(
        envelope.len() <= latchkey_protocol::envelope::MAX_ENVELOPE,
        "a first envelope, the largest form: {}",
        envelope.len()
    );
    assert_eq!(
        opened(bob.receive(&envelope, NOW, &mut rng)).len(),
        MAX_CONTENT - overhead
    );
    if let Body::Text(words) = &mut content.body {
        words.push('x');
    }
    let before = records(&alice);
    assert!(matches!(
        alice.send(&to_bob, &content, NOW, &mut rng),
        Err(party::SendError::TooLarge(_))
    ));
    assert!(records(&alice) == before);
}
