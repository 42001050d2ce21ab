//! Golden vectors: every line of the key schedule against `tests/vectors/schedule.json`, which another implementation made
//! (`tests/vectors/generate.py`), and whole envelopes of that implementation opened by this one.

mod schedule;

use crate::address::Address;
use crate::claim::{RegisterClaim, SignInClaim, bundle_digest};
use crate::content::Content;
use crate::identity::{Fingerprint, IdentityKey, IdentityKeyPair, Purpose, SafetyNumber, relay_fingerprint};
use crate::inner::{self, Counts, Hole};
use crate::merkle;
use crate::padding;
use crate::prekey::{Fields, PublishedBatch, PublishedOneTime, PublishedSignedPreKey};
use crate::primitives::kem::{KemSecretKey, SharedSecret};
use crate::primitives::secret::Secret;
use crate::primitives::{hash, kdf};
use crate::succession::{PublishedSuccession, Succession, verify_chain};
use crate::tests::counts;
use crate::tests::rng;
use crate::time::Timestamp;
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("../../vectors/schedule.json")).unwrap()
}

/// What a later form of an envelope says before its content.
fn counts_of_form(line: &Value) -> Counts {
    let mut counts = counts(300, 0, (0, 4));
    let hole = |value: &Value| {
        let part = |i: usize| u32::try_from(number(&value[i])).unwrap();
        Hole {
            epoch: part(0),
            first: part(1),
            count: part(2),
        }
    };
    counts.acknowledged.holes = line["holes"].as_array().unwrap().iter().map(hole).collect();
    counts
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().expect("a hexadecimal string")).unwrap()
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().expect("the length")
}

fn secret<const N: usize>(value: &Value) -> Secret<N> {
    Secret::new(array(value))
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

fn small(value: &Value) -> u32 {
    u32::try_from(number(value)).unwrap()
}

/// (address, key pair, fingerprint as the vectors have it)
fn person(golden: &Value, name: &str) -> (Address, IdentityKeyPair, Fingerprint) {
    let person = &golden["identity"][name];
    let address = Address::parse(person["address"].as_str().unwrap()).unwrap();
    let fingerprint = Fingerprint::from_bytes(array(&person["fingerprint"]));
    (
        address,
        IdentityKeyPair::from_seed(secret(&person["seed"])),
        fingerprint,
    )
}

#[test]
fn identities_fingerprints_and_safety_numbers() {
    let golden = golden();
    for name in ["alice", "bob"] {
        let (address, pair, fingerprint) = person(&golden, name);
        let key = bytes(&golden["identity"][name]["key"]);
        assert_eq!(pair.public().to_bytes(), key);
        assert_eq!(
            fingerprint.to_string(),
            golden["identity"][name]["fingerprint"].as_str().unwrap()
        );
        assert_eq!(format!("{fingerprint:?}"), format!("Fingerprint({fingerprint})"));
        assert_eq!(
            IdentityKey::from_bytes(&key).unwrap().fingerprint(&address),
            fingerprint
        );
    }
    let ((_, _, alice), (_, bob_key, bob)) = (person(&golden, "alice"), person(&golden, "bob"));
    assert_eq!(
        relay_fingerprint(bob_key.public()).as_bytes()[..],
        bytes(&golden["identity"]["relay_fingerprint_of_bobs_key"])
    );
    for number in [SafetyNumber::new(alice, bob), SafetyNumber::new(bob, alice)] {
        assert_eq!(number.digits(), golden["safety_number"]["digits"].as_str().unwrap());
        assert_eq!(number.to_string().replace(' ', ""), number.digits());
        assert_eq!(number.to_string().len(), 60 + 11);
        assert_eq!(number.qr_bytes(), bytes(&golden["safety_number"]["qr"]));
    }
}

#[test]
fn signatures_of_the_other_implementation_verify_for_their_purpose_alone() {
    let golden = golden();
    let (_, pair, fingerprint) = person(&golden, "alice");
    let lines = golden["signatures"].as_array().unwrap();
    assert_eq!(lines.len(), Purpose::ALL.len());
    for (line, purpose) in lines.iter().zip(Purpose::ALL) {
        let (payload, signature) = (bytes(&line["payload"]), bytes(&line["signature"]));
        for tried in Purpose::ALL {
            let verdict = pair.public().verify(tried, &fingerprint, &payload, &signature);
            assert_eq!(verdict.is_ok(), tried == purpose, "{tried:?} for one of {purpose:?}");
        }
        // The Ed25519 half is deterministic, so equality shows the very message that is signed.
        let ours = pair.sign(purpose, &fingerprint, &payload, &mut rng(7));
        assert_eq!(ours[..64], signature[..64]);
    }
}

#[test]
fn prekey_payloads_trees_and_paths() {
    let golden = golden();
    let prekeys = &golden["prekeys"];
    let (address, pair, fingerprint) = person(&golden, "bob");
    let created = Timestamp(number(&prekeys["created"]));
    let days = |n: u64| Timestamp(created.0 + n * 86_400_000);
    let spk = KemSecretKey::from_secret(secret(&prekeys["spk_secret"])).public_key();
    let fields = Fields {
        address: &address,
        fingerprint,
        id: small(&prekeys["spk_id"]),
        seq: number(&prekeys["spk_seq"]),
        created,
        expires: days(14),
    };
    assert_eq!(fields.signed_prekey(spk.as_bytes()), bytes(&prekeys["spk_payload"]));
    let published = PublishedSignedPreKey {
        payload: bytes(&prekeys["spk_payload"]),
        signature: bytes(&prekeys["spk_signature"]),
    };
    let info = published.verify(pair.public(), &address, created).unwrap();
    assert_eq!((info.id, info.seq, info.expires), (fields.id, fields.seq, days(14)));

    let first = small(&prekeys["first_id"]);
    let keys: Vec<Vec<u8>> = prekeys["keys"].as_array().unwrap().iter().map(bytes).collect();
    let leaves: Vec<_> = (first..).zip(&keys).map(|(id, key)| merkle::leaf(id, key)).collect();
    for (leaf, expected) in leaves.iter().zip(prekeys["leaves"].as_array().unwrap()) {
        assert_eq!(leaf[..], bytes(expected));
    }
    assert_eq!(merkle::root(&leaves)[..], bytes(&prekeys["root"]));
    let fields = Fields {
        id: small(&prekeys["batch_id"]),
        seq: number(&prekeys["batch_seq"]),
        expires: days(60),
        ..fields
    };
    assert_eq!(fields.batch(first, &leaves), bytes(&prekeys["batch_payload"]));
    let batch = PublishedBatch {
        payload: bytes(&prekeys["batch_payload"]),
        signature: bytes(&prekeys["batch_signature"]),
        keys,
    };
    let verified = batch.verify(pair.public(), &address, created).unwrap();
    assert_eq!((verified.batch_id(), verified.seq()), (fields.id, fields.seq));
    assert_eq!(verified.expires(), days(60));
    let entry = verified
        .entries()
        .find(|entry| entry.id == small(&prekeys["opk_id"]))
        .unwrap();
    let path: Vec<Vec<u8>> = prekeys["opk_path"].as_array().unwrap().iter().map(bytes).collect();
    assert_eq!(entry.path, path);
    let one = PublishedOneTime {
        payload: batch.payload,
        signature: batch.signature,
        id: entry.id,
        key: entry.key,
        path,
    };
    one.verify(pair.public(), &address, created).unwrap();
}

#[test]
fn the_hybrid_kem() {
    for line in golden()["kem"].as_array().unwrap() {
        let key = KemSecretKey::from_secret(secret(&line["secret"]));
        assert_eq!(key.public_key().as_bytes()[..], bytes(&line["pk"]));
        let shared: SharedSecret = key.decapsulate(&array(&line["ct"])).unwrap();
        assert_eq!(shared, secret(&line["ss"]));
        // The same from the two halves, as the specification's line has it.
        let mut info = 14_u32.to_be_bytes().to_vec();
        info.extend_from_slice(b"latchkey/1/kem");
        info.extend_from_slice(&hash(&[&bytes(&line["pk"])]));
        info.extend_from_slice(&hash(&[&bytes(&line["ct"])]));
        let ikm = [bytes(&line["ss_mlkem"]), bytes(&line["ss_x"])].concat();
        assert_eq!(kdf::hkdf::<32>(&[], &ikm, &info)[..], bytes(&line["ss"]));
    }
}

#[test]
fn inner_texts_leb128_and_padding() {
    let golden = golden();
    for line in golden["leb128"].as_array().unwrap() {
        let value = small(&line["value"]);
        let counts = Counts {
            previous: value,
            ..Counts::default()
        };
        let expected = [&bytes(&line["bytes"])[..], &[0, 0, 0, 0], b"content", &[0x80]].concat();
        assert_eq!(inner::encode(&counts, b"content")[..expected.len()], expected);
    }
    for line in golden["padding"].as_array().unwrap() {
        let length = usize::try_from(number(&line["length"])).unwrap();
        assert_eq!(
            padding::padded_length(length) as u64,
            number(&line["padded"]),
            "{length}"
        );
    }
    let lines = golden["handshakes"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|line| line["envelopes"].as_array().unwrap());
    for line in lines {
        let content = bytes(&line["content"]);
        assert_eq!(inner::encode(&Counts::default(), &content)[..], bytes(&line["inner"]));
        assert_eq!(Content::decode(&content).unwrap().encode(), content);
    }
    for line in golden["forms"].as_array().unwrap() {
        let expected = counts_of_form(line);
        let text = bytes(&line["inner"]);
        let (read, content) = inner::decode(&text).unwrap();
        assert_eq!(read, expected);
        assert_eq!(inner::encode(&expected, content)[..], text);
    }
}

#[test]
fn claims_towards_a_relay() {
    let golden = golden();
    let (line, prekeys) = (&golden["claims"], &golden["prekeys"]);
    let ((alice, _, alice_fp), (_, relay, _)) = (person(&golden, "alice"), person(&golden, "bob"));
    let (relay, server_nonce, client_nonce) = (
        relay_fingerprint(relay.public()),
        array(&line["server_nonce"]),
        array(&line["client_nonce"]),
    );
    let claim = SignInClaim {
        origin: line["origin"].as_str().unwrap(),
        relay: &relay,
        address: &alice,
        fingerprint: &alice_fp,
        server_nonce: &server_nonce,
        client_nonce: &client_nonce,
        expires_at: Timestamp(number(&line["expires_at"])),
    };
    assert_eq!(claim.payload(), bytes(&line["sign_in"]));
    let spk = PublishedSignedPreKey {
        payload: bytes(&prekeys["spk_payload"]),
        signature: bytes(&prekeys["spk_signature"]),
    };
    let batch = PublishedBatch {
        payload: bytes(&prekeys["batch_payload"]),
        signature: bytes(&prekeys["batch_signature"]),
        keys: Vec::new(),
    };
    let digest = bundle_digest(&spk, Some(&batch));
    assert_eq!(digest[..], bytes(&line["bundle_digest"]));
    assert_eq!(
        bundle_digest(&spk, None)[..],
        bytes(&line["bundle_digest_without_batch"])
    );
    assert_eq!(
        RegisterClaim {
            claim,
            bundle_digest: digest
        }
        .payload(),
        bytes(&line["register"])
    );
}

#[test]
fn successions_and_their_chain() {
    let golden = golden();
    let (address, mut pair, mut fingerprint) = person(&golden, "alice");
    let mut chain = Vec::new();
    let lines = golden["successions"].as_array().unwrap();
    assert_eq!(lines.len(), 2);
    for line in lines {
        let next = IdentityKeyPair::from_seed(secret(&line["new_seed"]));
        let statement = Succession {
            address: address.clone(),
            old: fingerprint,
            new: Fingerprint::from_bytes(array(&line["new_fingerprint"])),
            counter: number(&line["counter"]),
            time: Timestamp(number(&line["time"])),
        };
        assert_eq!(next.public().fingerprint(&address), statement.new);
        assert_eq!(pair.public().to_bytes(), bytes(&line["old_key"]));
        assert_eq!(statement.payload(), bytes(&line["payload"]));
        assert_eq!(Succession::parse(&bytes(&line["payload"])).unwrap(), statement);
        let published = PublishedSuccession {
            identity_key: bytes(&line["old_key"]),
            payload: bytes(&line["payload"]),
            signature: bytes(&line["signature"]),
        };
        assert_eq!(published.verify(&address, statement.time).unwrap(), statement);
        chain.push(published);
        (pair, fingerprint) = (next, statement.new);
    }
    let now = Timestamp(number(&lines[1]["time"]));
    assert_eq!(verify_chain(&chain, &address, &fingerprint, now).unwrap().len(), 2);
}
