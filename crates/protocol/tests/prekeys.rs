//! Prekeys that their owner signed wrongly, and signatures that are not whole or not for this: what is checked besides the signature, and that
//! the signature is.
#![cfg(feature = "session")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may
mod common;

use common::*;
use latchkey_protocol::error::DecodeError;
use latchkey_protocol::handshake::PreKeyBundle;
use latchkey_protocol::identity::Purpose;
use latchkey_protocol::party::Party;
use latchkey_protocol::prekey::{PreKeyError, PublishedBatch, PublishedOneTime, PublishedSignedPreKey};
use latchkey_protocol::primitives::hash;
use rand_chacha::ChaCha20Rng;

const DAY: u64 = 24 * 3_600_000;

/// The bytes of a signed payload, taken apart: `suite ‖ lp(addr) ‖ fp ‖ id ‖ seq ‖ created ‖ expires ‖ rest`.
#[derive(Clone)]
struct Payload {
    suite: u8,
    address: String,
    fingerprint: [u8; 32],
    id: u32,
    seq: u64,
    created: u64,
    expires: u64,
    rest: Vec<u8>,
}

impl Payload {
    fn of(bob: &Party, rest: Vec<u8>) -> Self {
        let (address, fingerprint) = (bob.address().to_string(), *bob.fingerprint().as_bytes());
        Self {
            suite: 1,
            address,
            fingerprint,
            id: 9,
            seq: 1,
            created: NOW.0,
            expires: NOW.0 + 14 * DAY,
            rest,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let Self {
            suite,
            address,
            fingerprint,
            id,
            seq,
            created,
            expires,
            rest,
        } = self;
        let length = u32::try_from(address.len()).unwrap();
        let mut out = [
            &[*suite][..],
            &length.to_be_bytes(),
            address.as_bytes(),
            fingerprint,
            &id.to_be_bytes(),
        ]
        .concat();
        [seq, created, expires]
            .iter()
            .for_each(|value| out.extend_from_slice(&value.to_be_bytes()));
        [out, rest.clone()].concat()
    }
}

fn signed(bob: &Party, payload: &Payload, rng: &mut ChaCha20Rng) -> PublishedSignedPreKey {
    let payload = payload.bytes();
    let signature = bob.identity_sign(Purpose::SignedPreKey, &payload, rng);
    PublishedSignedPreKey { payload, signature }
}

#[test]
fn every_field_of_a_signed_prekey_is_checked_though_the_signature_is_right() {
    let (_, mut alice, bob, good, mut rng) = scene(31);
    let key = good.signed_prekey.payload[good.signed_prekey.payload.len() - 1600..].to_vec();
    let base = Payload::of(&bob, key.clone());
    let malformed = PreKeyError::Malformed;
    type Change = fn(&mut Payload);
    let changes: [(&str, Change, PreKeyError); 15] = [
        ("suite 0", |p| p.suite = 0, malformed(DecodeError::Unknown(0))),
        ("suite 2", |p| p.suite = 2, malformed(DecodeError::Unknown(2))),
        (
            "another address",
            |p| p.address = "bobby@relay.test".into(),
            PreKeyError::WrongOwner,
        ),
        (
            "another relay",
            |p| p.address = "bob@relay.tests".into(),
            PreKeyError::WrongOwner,
        ),
        (
            "no address",
            |p| p.address = "bob".into(),
            malformed(DecodeError::BadName),
        ),
        (
            "a long address",
            |p| p.address = "b".repeat(162),
            malformed(DecodeError::TooLong),
        ),
        (
            "another fingerprint",
            |p| p.fingerprint[31] ^= 1,
            PreKeyError::WrongOwner,
        ),
        ("just expired", |p| p.expires = NOW.0, PreKeyError::Expired),
        ("expired long ago", |p| p.expires = 0, PreKeyError::Expired),
        (
            "from the future",
            |p| p.created = NOW.0 + DAY + 1,
            PreKeyError::FromTheFuture,
        ),
        ("a byte more", |p| p.rest.push(0), malformed(DecodeError::TrailingBytes)),
        (
            "a byte less",
            |p| p.rest.truncate(1599),
            malformed(DecodeError::Truncated),
        ),
        (
            "an X25519 half of small order",
            |p| p.rest[..32].fill(0),
            malformed(DecodeError::BadKey),
        ),
        (
            "an unreduced ML-KEM half",
            |p| p.rest[32..34].fill(0xff),
            malformed(DecodeError::BadKey),
        ),
        (
            "a payload of a batch",
            |p| p.rest.truncate(72),
            malformed(DecodeError::Truncated),
        ),
    ];
    for (what, change, why) in changes {
        let mut payload = base.clone();
        change(&mut payload);
        let bundle = PreKeyBundle {
            signed_prekey: signed(&bob, &payload, &mut rng),
            ..good.clone()
        };
        refuses(&mut alice, &bundle, NOW, &mut rng, why, what);
    }
    // The limits themselves hold.
    for (created, expires) in [(NOW.0 + DAY, NOW.0 + 14 * DAY), (0, NOW.0 + 1)] {
        let payload = Payload {
            created,
            expires,
            ..base.clone()
        };
        let bundle = PreKeyBundle {
            signed_prekey: signed(&bob, &payload, &mut rng),
            ..good.clone()
        };
        assert!(
            alice.clone().start(&bundle, NOW, &mut rng).is_ok(),
            "{created}, {expires}"
        );
    }
    for byte in (0..good.signed_prekey.payload.len()).step_by(13) {
        let mut bundle = good.clone();
        bundle.signed_prekey.payload[byte] ^= 1;
        assert!(
            alice.start(&bundle, NOW, &mut rng).is_err(),
            "byte {byte} of the payload"
        );
    }
    assert!(alice.start(&good, NOW, &mut rng).is_ok());
}

#[test]
fn a_prekeys_signature_counts_for_its_purpose_and_as_a_whole() {
    let (_, mut alice, bob, good, mut rng) = scene(32);
    let (_, mallory, ..) = scene(33);
    let one = good.one_time.clone().unwrap();
    for purpose in Purpose::ALL {
        let mut bundle = good.clone();
        bundle.signed_prekey.signature = bob.identity_sign(purpose, &bundle.signed_prekey.payload, &mut rng);
        if purpose != Purpose::SignedPreKey {
            refuses(
                &mut alice,
                &bundle,
                NOW,
                &mut rng,
                PreKeyError::BadSignature,
                "signed prekey with another purpose",
            );
        }
        let signature = bob.identity_sign(purpose, &one.payload, &mut rng);
        let bundle = PreKeyBundle {
            one_time: Some(PublishedOneTime {
                signature,
                ..one.clone()
            }),
            ..good.clone()
        };
        if purpose != Purpose::OneTimeBatch {
            refuses(
                &mut alice,
                &bundle,
                NOW,
                &mut rng,
                PreKeyError::BadSignature,
                "batch with another purpose",
            );
        }
    }
    // Each half replaced: by that of another valid signature of the same key, of another key, by zeros; and torn.
    let spk = &good.signed_prekey;
    let others = [
        bob.identity_sign(Purpose::SignedPreKey, b"something else", &mut rng),
        mallory.identity_sign(Purpose::SignedPreKey, &spk.payload, &mut rng),
        one.signature.clone(),
        vec![0; spk.signature.len()],
    ];
    for other in &others {
        for signature in [
            [&other[..64], &spk.signature[64..]].concat(),
            [&spk.signature[..64], &other[64..]].concat(),
            other.clone(),
        ] {
            let bundle = PreKeyBundle {
                signed_prekey: PublishedSignedPreKey {
                    signature,
                    ..spk.clone()
                },
                ..good.clone()
            };
            refuses(
                &mut alice,
                &bundle,
                NOW,
                &mut rng,
                PreKeyError::BadSignature,
                "half a signature",
            );
        }
    }
    for signature in [
        Vec::new(),
        spk.signature[..64].to_vec(),
        spk.signature[64..].to_vec(),
        [&spk.signature[..], &[0]].concat(),
    ] {
        let bundle = PreKeyBundle {
            signed_prekey: PublishedSignedPreKey {
                signature,
                ..spk.clone()
            },
            ..good.clone()
        };
        refuses(
            &mut alice,
            &bundle,
            NOW,
            &mut rng,
            PreKeyError::BadSignature,
            "a signature of another length",
        );
    }
    // A signed prekey handed out as a one-time prekey's batch and the other way round: the payloads have different lengths besides.
    let mut bundle = good.clone();
    (bundle.signed_prekey.payload, bundle.signed_prekey.signature) = (one.payload.clone(), one.signature.clone());
    refuses(
        &mut alice,
        &bundle,
        NOW,
        &mut rng,
        PreKeyError::Malformed(DecodeError::Truncated),
        "a batch as a signed prekey",
    );
    // Another identity's key over Bob's prekeys.
    let bundle = PreKeyBundle {
        identity_key: mallory.identity_key().clone(),
        ..good.clone()
    };
    refuses(
        &mut alice,
        &bundle,
        NOW,
        &mut rng,
        PreKeyError::WrongOwner,
        "another identity key",
    );
    assert!(alice.start(&good, NOW, &mut rng).is_ok());
}

#[test]
fn a_batch_has_the_keys_count_and_root_that_were_signed() {
    let (_, _, mut bob, _, mut rng) = scene(35);
    let batch = bob
        .publication(None, true, NOW, &mut rng)
        .unwrap()
        .one_time_batch
        .unwrap();
    let verify = |batch: &PublishedBatch| batch.verify(bob.identity_key(), bob.address(), NOW);
    assert!(verify(&batch).is_ok());
    let mut swapped = batch.clone();
    swapped.keys.swap(3, 4);
    let mut fewer = batch.clone();
    fewer.keys.pop();
    let mut more = batch.clone();
    more.keys.push(vec![1; 1600]);
    let mut altered = batch.clone();
    altered.keys[99][1599] ^= 1;
    let mut short = batch.clone();
    short.keys[0].pop();
    let mut many = batch.clone();
    many.keys.resize(257, vec![1; 1600]);
    for (what, bad) in [
        ("swapped", swapped),
        ("fewer", fewer),
        ("more", more),
        ("altered", altered),
        ("short", short),
        ("many", many),
    ] {
        assert_eq!(verify(&bad), Err(PreKeyError::BadBatch), "{what}");
    }
    // What Bob himself signs wrongly.
    let leaf = |id: u32, key: &[u8]| hash(&[&[0], &id.to_be_bytes(), key]);
    let keys: Vec<Vec<u8>> = batch.keys[..2].to_vec();
    let root = |first: u32| hash(&[&[1], &leaf(first, &keys[0]), &leaf(first + 1, &keys[1])]);
    let mut signed = |first: u32, count: u32, root: [u8; 64], keys: &[Vec<u8>]| {
        let payload = Payload::of(&bob, [&first.to_be_bytes()[..], &count.to_be_bytes(), &root].concat()).bytes();
        let signature = bob.identity_sign(Purpose::OneTimeBatch, &payload, &mut rng);
        verify(&PublishedBatch {
            payload,
            signature,
            keys: keys.to_vec(),
        })
        .map(|verified| verified.entries().count())
    };
    assert_eq!(signed(7, 2, root(7), &keys), Ok(2));
    assert_eq!(signed(0, 2, root(0), &keys), Ok(2));
    for (what, outcome) in [
        ("no keys", signed(7, 0, [0; 64], &[])),
        ("a count too small", signed(7, 1, root(7), &keys)),
        ("a count too large", signed(7, 3, root(7), &keys)),
        ("more than a batch may have", signed(7, 257, root(7), &keys)),
        ("ids beyond 32 bits", signed(u32::MAX, 2, root(7), &keys)),
        ("other ids", signed(8, 2, root(7), &keys)),
        ("another root", signed(7, 2, [1; 64], &keys)),
        (
            "one key for both leaves",
            signed(7, 2, root(7), &[keys[0].clone(), keys[0].clone()]),
        ),
    ] {
        assert_eq!(outcome, Err(PreKeyError::BadBatch), "{what}");
    }
}
