//! The hybrid signature as a whole: no half, no other context, no other encoding of a right one.
#![cfg(feature = "session")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may
mod common;

use common::{Given, bytes, list, primitives};
use ed25519_dalek::{Signer, Verifier};
use latchkey_protocol::address::Address;
use latchkey_protocol::identity::{Fingerprint, IdentityKey, IdentityKeyPair, Purpose};
use latchkey_protocol::primitives::secret::Secret;
use ml_dsa::{KeyInit, MlDsa87};

/// A hybrid signature put together by hand: what the wrapper signs, with any context.
fn by_hand(seed: &[u8; 64], message: &[u8], context: &[u8]) -> Vec<u8> {
    let classical = ed25519_dalek::SigningKey::from_bytes(seed[..32].try_into().unwrap());
    let lattice: ml_dsa::Seed = seed[32..].try_into().unwrap();
    let lattice = ml_dsa::SigningKey::<MlDsa87>::new(&lattice);
    let half = lattice
        .expanded_key()
        .sign_randomized(message, context, &mut Given(vec![8; 32]))
        .unwrap();
    [&classical.sign(message).to_bytes()[..], &half.encode()].concat()
}

/// `lp("latchkey/1/sig") ‖ lp(purpose) ‖ signer ‖ lp(payload)`, as the specification has it.
fn signed_message(purpose: &[u8], signer: &Fingerprint, payload: &[u8]) -> Vec<u8> {
    let lp = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes(), bytes].concat();
    [
        lp(b"latchkey/1/sig"),
        lp(purpose),
        signer.as_bytes().to_vec(),
        lp(payload),
    ]
    .concat()
}

#[test]
fn hybrid_signatures_are_what_the_specification_says_with_no_other_context() {
    let seed = [9; 64];
    let pair = IdentityKeyPair::from_seed(Secret::new(seed));
    let signer = Fingerprint::from_bytes([1; 32]);
    let message = signed_message(b"spk", &signer, b"payload");
    let verify = |signature: &[u8]| {
        pair.public()
            .verify(Purpose::SignedPreKey, &signer, b"payload", signature)
            .is_ok()
    };
    assert!(verify(&by_hand(&seed, &message, b"latchkey/1/spk")));
    for context in [
        &b""[..],
        b"spk",
        b"latchkey/1/",
        b"latchkey/1/opk-batch",
        b"latchkey/1/sp",
        b"latchkey/1/spk\0",
        b"latchkey/2/spk",
    ] {
        assert!(!verify(&by_hand(&seed, &message, context)), "{context:?}");
    }
    for (purpose, payload) in [
        (&b"opk-batch"[..], &b"payload"[..]),
        (b"spk", b"payloae"),
        (b"spk", b"payloa"),
    ] {
        let message = signed_message(purpose, &signer, payload);
        assert!(!verify(&by_hand(&seed, &message, b"latchkey/1/spk")), "{payload:?}");
    }
    let other = signed_message(b"spk", &Fingerprint::from_bytes([2; 32]), b"payload");
    assert!(
        !verify(&by_hand(&seed, &other, b"latchkey/1/spk")),
        "another signer's fingerprint"
    );
}

/// One algorithm is broken: the forger has that half of the seed. Its signatures are right in that half, for the very message and purpose, and made
/// with a key of its own in the other.
#[test]
fn whoever_breaks_one_half_of_signatures_forges_for_no_purpose() {
    let (seed, own) = ([9; 64], [10; 64]);
    let alice = IdentityKeyPair::from_seed(Secret::new(seed));
    let mut rng = Given(vec![11; 1 << 16]);
    for (what, from) in [("Ed25519", 0..32), ("ML-DSA", 32..64), ("both", 0..64)] {
        let mut stolen = own;
        stolen[from.clone()].copy_from_slice(&seed[from.clone()]);
        let forger = IdentityKeyPair::from_seed(Secret::new(stolen));
        let broken = from.len() == 64;
        for purpose in Purpose::ALL {
            let signer = Fingerprint::from_bytes([1; 32]);
            let forged = forger.sign(purpose, &signer, b"payload", &mut rng);
            let holds = |key: &IdentityKey| key.verify(purpose, &signer, b"payload", &forged).is_ok();
            assert_eq!(holds(alice.public()), broken, "{what} is broken, {purpose:?}");
            // The control: it is a signature, of another identity.
            assert!(holds(forger.public()), "{what} is broken, {purpose:?}");
        }
        let address = Address::parse("alice@relay.test").unwrap();
        let same = alice.public().fingerprint(&address) == forger.public().fingerprint(&address);
        assert_eq!(same, broken, "a key with a foreign half has a fingerprint of its own");
    }
}

#[test]
fn malleated_and_torn_signatures_are_refused() {
    let (seed, other_seed) = ([9; 64], [10; 64]);
    let pair = IdentityKeyPair::from_seed(Secret::new(seed));
    let other = IdentityKeyPair::from_seed(Secret::new(other_seed));
    let signer = Fingerprint::from_bytes([1; 32]);
    let verify = |signature: &[u8]| {
        pair.public()
            .verify(Purpose::SignIn, &signer, b"payload", signature)
            .is_ok()
    };
    let mut rng = Given(vec![11; 1 << 12]);
    let good = pair.sign(Purpose::SignIn, &signer, b"payload", &mut rng);
    assert!(verify(&good));
    // S + L is the same scalar in another encoding (RFC 8032, section 5.1.7, has it refused). L = 2^252 + …, little endian.
    let order = hex::decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").unwrap();
    let mut malleated = good.clone();
    let mut carry = 0;
    for (byte, add) in malleated[32..64].iter_mut().zip(&order) {
        let sum = u16::from(*byte) + u16::from(*add) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    assert_eq!(carry, 0);
    assert!(!verify(&malleated), "S above the group's order");
    let second = pair.sign(Purpose::SignIn, &signer, b"another payload", &mut rng);
    let foreign = other.sign(Purpose::SignIn, &signer, b"payload", &mut rng);
    let zeros = vec![0; good.len()];
    for (what, source) in [
        ("of another payload", &second),
        ("of another key", &foreign),
        ("of zeros", &zeros),
    ] {
        assert!(!verify(source), "all {what}");
        assert!(!verify(&[&source[..64], &good[64..]].concat()), "Ed25519 half {what}");
        assert!(!verify(&[&good[..64], &source[64..]].concat()), "ML-DSA half {what}");
    }
    // R of small order with S = 0 would verify under a key of small order; the strict check refuses such an R under any.
    for point in list(&primitives()["ed25519_small_order"]["points"]) {
        assert!(!verify(&[&bytes(point)[..], &[0; 32], &good[64..]].concat()));
    }
    // And one whose equation holds: a plain verification accepts it, ours does not.
    let line = &primitives()["ed25519_small_order_r"];
    let (message, forged) = (bytes(&line["message"]), bytes(&line["signature"]));
    assert_eq!(
        (bytes(&line["seed"]), &message),
        (seed[..32].to_vec(), &signed_message(b"sign-in", &signer, b"payload"))
    );
    let plain = ed25519_dalek::VerifyingKey::from_bytes(pair.public().to_bytes()[..32].try_into().unwrap()).unwrap();
    assert!(
        plain
            .verify(&message, &ed25519_dalek::Signature::from_slice(&forged).unwrap())
            .is_ok()
    );
    assert!(!verify(&[&forged[..], &good[64..]].concat()), "R of small order");
    for length in [0, 63, 64, 4627, good.len() - 1] {
        assert!(!verify(&good[..length]), "{length} bytes");
    }
    assert!(!verify(&[&good[..], &[0]].concat()), "a byte more");
    for bit in (0..64 * 8).chain((64 * 8..good.len() * 8).step_by(331)) {
        let mut altered = good.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert!(!verify(&altered), "bit {bit}");
    }
    // Hedged: two signatures of the same are different in the ML-DSA half and both verify.
    let again = pair.sign(Purpose::SignIn, &signer, b"payload", &mut Given(vec![12; 32]));
    assert!(verify(&again) && again[64..] != good[64..] && again[..64] == good[..64]);
}
