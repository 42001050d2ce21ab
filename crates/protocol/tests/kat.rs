//! Known answers for every primitive, through our wrappers where they take the vector's shape and through the library below them where ours is a
//! hybrid. Each vector in `vectors/*.json` names its source; what is not in a standard was made by another implementation.
#![cfg(feature = "session")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may

mod common;

use common::{Given, array, bytes, list, primitives};
use ed25519_dalek::{Signer, Verifier};
use hmac::{KeyInit, Mac};
use latchkey_protocol::error::DecodeError;
use latchkey_protocol::identity::{IdentityKey, IdentityKeyPair};
use latchkey_protocol::primitives::aead::{BoxKey, CommittedKey, OpenError};
use latchkey_protocol::primitives::kem::{KemPublicKey, KemSecretKey};
use latchkey_protocol::primitives::secret::Secret;
use latchkey_protocol::primitives::{hash, kdf, sha256};
use ml_dsa::MlDsa87;
use serde_json::Value;
use zeroize::Zeroizing;

fn lattice() -> Value {
    serde_json::from_str(include_str!("vectors/lattice.json")).unwrap()
}

#[test]
fn sha_512() {
    for line in list(&primitives()["sha512"]) {
        let data = bytes(&line["data"]);
        assert_eq!(hash(&[&data])[..], bytes(&line["digest"]));
        for cut in [0, data.len() / 2, data.len()] {
            assert_eq!(
                hash(&[&data[..cut], &[], &data[cut..]])[..],
                bytes(&line["digest"]),
                "in parts"
            );
        }
    }
}

#[test]
fn sha_256() {
    for line in list(&primitives()["sha256"]) {
        assert_eq!(sha256(&bytes(&line["data"]))[..], bytes(&line["digest"]));
    }
}

#[test]
fn hmac_sha_256() {
    let mut ours = 0;
    for line in list(&primitives()["hmac_sha256"]) {
        let (key, data) = (bytes(&line["key"]), bytes(&line["data"]));
        let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
        mac.update(&data);
        assert_eq!(mac.finalize().into_bytes()[..], bytes(&line["mac"]));
        // Ours takes 32 bytes; a shorter key is the same key with zeros behind (RFC 2104, section 2).
        let Some(padding) = 32_usize.checked_sub(key.len()) else {
            continue;
        };
        ours += 1;
        let padded: [u8; 32] = [&key[..], &vec![0; padding]].concat().try_into().unwrap();
        assert_eq!(kdf::hmac(&padded, &[&data])[..], bytes(&line["mac"]));
        let (head, tail) = data.split_at(data.len() / 3);
        assert_eq!(kdf::hmac(&padded, &[head, tail])[..], bytes(&line["mac"]), "in parts");
    }
    assert_eq!(ours, 4);
}

#[test]
fn hkdf_expand_sha_256() {
    for line in list(&primitives()["hkdf_expand_sha256"]) {
        let (key, info, okm) = (array(&line["key"]), bytes(&line["info"]), bytes(&line["okm"]));
        assert_eq!(kdf::expand::<128>(&key, &info)[..okm.len()], okm);
        assert_eq!(kdf::expand::<32>(&key, &info)[..], okm[..32]);
        if okm.len() >= 64 {
            assert_eq!(kdf::expand::<64>(&key, &info)[..], okm[..64]);
        }
    }
}

#[test]
fn hkdf_sha_512() {
    for line in list(&primitives()["hkdf_sha512"]) {
        let (salt, ikm, info, okm) = (
            bytes(&line["salt"]),
            bytes(&line["ikm"]),
            bytes(&line["info"]),
            bytes(&line["okm"]),
        );
        assert_eq!(kdf::hkdf::<192>(&salt, &ikm, &info)[..], okm);
        assert_eq!(kdf::hkdf::<64>(&salt, &ikm, &info)[..], okm[..64]);
        assert_eq!(kdf::hkdf::<32>(&salt, &ikm, &info)[..], okm[..32]);
    }
}

#[test]
fn aes_256_gcm() {
    for line in list(&primitives()["aes_256_gcm"]) {
        let okm = [bytes(&line["key"]), bytes(&line["nonce"])].concat();
        let key = || BoxKey::new(Zeroizing::new(okm.clone().try_into().unwrap()));
        let (aad, text, sealed) = (bytes(&line["aad"]), bytes(&line["plaintext"]), bytes(&line["sealed"]));
        assert_eq!(key().seal(&aad, &text), sealed);
        assert_eq!(key().open(&aad, &sealed).unwrap()[..], text);
        for bit in 0..sealed.len() * 8 {
            let mut altered = sealed.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key().open(&aad, &altered), Err(OpenError), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert_eq!(key().open(&aad, &sealed[..length]), Err(OpenError), "cut to {length}");
        }
        assert_eq!(
            key().open(&[&aad[..], &[0]].concat(), &sealed),
            Err(OpenError),
            "other associated data"
        );
        // With a commitment, which begins with the nonce: in front, checked, and the rest is the same box.
        let committed = || CommittedKey::new(Zeroizing::new([&okm[..], &[9; 20]].concat().try_into().unwrap()));
        let whole = committed().seal(&aad, &text, vec![1, 2, 3]);
        assert_eq!(whole, [&[1, 2, 3][..], &okm[32..], &[9; 20], &sealed].concat());
        assert_eq!(committed().open(&aad, &whole[3..]).unwrap()[..], text);
        for bit in 0..256 {
            let mut altered = whole[3..].to_vec();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                committed().open(&aad, &altered),
                Err(OpenError),
                "bit {bit} of the commitment"
            );
        }
        for length in [0, 31, 32, 47] {
            assert_eq!(
                committed().open(&aad, &whole[3..][..length.min(whole.len() - 4)]),
                Err(OpenError)
            );
        }
    }
}

#[test]
fn x25519() {
    for line in list(&primitives()["x25519"]) {
        let scalar = x25519_dalek::StaticSecret::from(array::<32>(&line["scalar"]));
        let point = x25519_dalek::PublicKey::from(array::<32>(&line["point"]));
        assert_eq!(scalar.diffie_hellman(&point).as_bytes()[..], bytes(&line["shared"]));
    }
}

#[test]
fn points_of_small_order_are_refused_in_keys_and_in_ciphertexts() {
    let vectors = primitives();
    let mut rng = Given(vec![3; 4096]);
    let (secret, public) = KemSecretKey::generate(&mut rng);
    let (ciphertext, _) = public.encapsulate(&mut rng).unwrap();
    for point in list(&vectors["x25519_small_order"]["points"]) {
        for high_bit in [0, 0x80] {
            // RFC 7748 has the highest bit ignored, so both encode the same point.
            let mut point: [u8; 32] = array(point);
            point[31] |= high_bit;
            let key = [&point[..], &public.as_bytes()[32..]].concat();
            assert_eq!(KemPublicKey::from_bytes(&key), Err(DecodeError::BadKey));
            let mut altered = ciphertext.clone();
            altered[..32].copy_from_slice(&point);
            assert_eq!(secret.decapsulate(&altered), Err(DecodeError::BadKey));
        }
    }
}

#[test]
fn ml_kem_1024_key_generation_encapsulation_and_implicit_rejection() {
    use ml_kem::{Decapsulate, KeyExport};
    for line in list(&lattice()["ml_kem_1024"]) {
        let (seed, m) = (bytes(&line["seed"]), bytes(&line["m"]));
        // Through the hybrid: a fixed X25519 scalar in front, and behind it ML-KEM has its own seed and randomness.
        let scalar = [0x42; 32];
        let secret = KemSecretKey::from_secret(Secret::from_slice(&[&scalar[..], &seed].concat()).unwrap());
        assert_eq!(secret.public_key().as_bytes()[32..], bytes(&line["public"]));
        let mut rng = Given([&[0x17; 32][..], &m].concat());
        let (ciphertext, shared) = secret.public_key().encapsulate(&mut rng).unwrap();
        assert!(rng.0.is_empty(), "exactly an X25519 scalar and m are drawn");
        assert_eq!(ciphertext[32..], bytes(&line["ciphertext"]));
        assert_eq!(secret.decapsulate(&ciphertext).unwrap(), shared);
        // The shared secrets themselves are the library's: compared below our combination.
        let seed: ml_kem::Seed = seed.as_slice().try_into().unwrap();
        let library = ml_kem::DecapsulationKey::<ml_kem::MlKem1024>::new(&seed);
        assert_eq!(library.encapsulation_key().to_bytes()[..], bytes(&line["public"]));
        let mut inner: ml_kem::Ciphertext<ml_kem::MlKem1024> = ciphertext[32..].try_into().unwrap();
        assert_eq!(library.decapsulate(&inner)[..], bytes(&line["shared"]));
        inner[1567] ^= 1;
        assert_eq!(
            library.decapsulate(&inner)[..],
            bytes(&line["shared_of_altered"]),
            "implicit rejection"
        );
        let mut altered = ciphertext;
        altered[1599] ^= 1;
        assert_ne!(
            secret.decapsulate(&altered).unwrap(),
            shared,
            "an unrelated secret, not an error"
        );
    }
}

#[test]
fn every_byte_of_key_and_ciphertext_reaches_the_shared_secret() {
    let mut rng = Given(vec![5; 1 << 16]);
    let (secret, public) = KemSecretKey::generate(&mut rng);
    let (ciphertext, shared) = public.encapsulate(&mut rng).unwrap();
    for i in (0..1600).step_by(61).chain([31, 32, 1599]) {
        let mut altered = ciphertext.clone();
        altered[i] ^= 1;
        assert!(
            secret.decapsulate(&altered).is_ok_and(|other| other != shared),
            "ciphertext byte {i}"
        );
    }
    let other = KemSecretKey::from_secret(
        Secret::from_slice(&[&[1; 32][..], &secret.secret().expose()[32..]].concat()).unwrap(),
    );
    assert_ne!(other.decapsulate(&ciphertext).unwrap(), shared, "another X25519 half");
    let other =
        KemSecretKey::from_secret(Secret::from_slice(&[&secret.secret().expose()[..32], &[1; 64]].concat()).unwrap());
    assert_ne!(other.decapsulate(&ciphertext).unwrap(), shared, "another ML-KEM half");
}

#[test]
fn unreduced_ml_kem_keys_and_other_lengths_are_refused() {
    let (_, public) = KemSecretKey::generate(&mut Given(vec![6; 96]));
    let good = public.as_bytes().to_vec();
    assert_eq!(KemPublicKey::from_bytes(&good), Ok(public));
    // Twelve bits a coefficient; q = 3329 = 0xd01 is the least that is not reduced. Every pair of coefficients of the four polynomials.
    for pair in (0..512).step_by(7) {
        for (low, high) in [(3329_u16, 0), (0, 3329), (4095, 0), (0, 4095)] {
            let mut bad = good.clone();
            let at = 32 + 3 * pair;
            bad[at] = low as u8;
            bad[at + 1] = (low >> 8) as u8 | ((high & 0xf) << 4) as u8;
            bad[at + 2] = (high >> 4) as u8;
            assert_eq!(
                KemPublicKey::from_bytes(&bad),
                Err(DecodeError::BadKey),
                "pair {pair}: {low}, {high}"
            );
            let mut reduced = bad;
            reduced[at..at + 3].copy_from_slice(&[0x00, 0x0d, 0xd0]); // 3328 and 3328
            assert!(KemPublicKey::from_bytes(&reduced).is_ok(), "pair {pair}: reduced");
        }
    }
    for length in [0, 32, 1568, 1599, 1601] {
        let mut other = good.clone();
        other.resize(length, 0);
        assert_eq!(
            KemPublicKey::from_bytes(&other),
            Err(DecodeError::BadKey),
            "{length} bytes"
        );
    }
}

#[test]
fn ed25519() {
    for line in list(&primitives()["ed25519"]) {
        let key = ed25519_dalek::SigningKey::from_bytes(&array(&line["seed"]));
        assert_eq!(key.verifying_key().to_bytes()[..], bytes(&line["public"]));
        let message = bytes(&line["message"]);
        let signature = key.sign(&message);
        assert_eq!(signature.to_bytes()[..], bytes(&line["signature"]));
        assert!(key.verifying_key().verify(&message, &signature).is_ok());
        // Our wrapper keeps the same half under the same seed.
        let pair =
            IdentityKeyPair::from_seed(Secret::from_slice(&[&bytes(&line["seed"])[..], &[0; 32]].concat()).unwrap());
        assert_eq!(pair.public().to_bytes()[..32], bytes(&line["public"]));
    }
}

#[test]
fn ed25519_keys_of_small_order_or_in_another_encoding_are_refused() {
    let pair = IdentityKeyPair::generate(&mut Given(vec![7; 64]));
    let good = pair.public().to_bytes();
    assert_eq!(IdentityKey::from_bytes(&good).as_ref(), Ok(pair.public()));
    for point in list(&primitives()["ed25519_small_order"]["points"]) {
        let bad = [&bytes(point)[..], &good[32..]].concat();
        assert_eq!(IdentityKey::from_bytes(&bad), Err(DecodeError::BadKey), "{point}");
    }
    // No point at all: y = 2 is on no point of the curve.
    let mut bad = good.clone();
    bad[..32].fill(0);
    bad[0] = 2;
    assert_eq!(IdentityKey::from_bytes(&bad), Err(DecodeError::BadKey));
    for length in [0, 31, 32, 2623] {
        assert_eq!(
            IdentityKey::from_bytes(&good[..length]),
            Err(DecodeError::Truncated),
            "{length} bytes"
        );
    }
    assert_eq!(
        IdentityKey::from_bytes(&[&good[..], &[0]].concat()),
        Err(DecodeError::TrailingBytes)
    );
}

#[test]
fn ml_dsa_87_key_generation_and_hedged_signing() {
    for line in list(&lattice()["ml_dsa_87"]) {
        let seed: ml_dsa::Seed = bytes(&line["seed"]).as_slice().try_into().unwrap();
        let key = ml_dsa::SigningKey::<MlDsa87>::new(&seed);
        let expanded = key.expanded_key();
        let public = expanded.verifying_key();
        assert_eq!(public.encode()[..], bytes(&line["public"]));
        let (message, context) = (bytes(&line["message"]), line["context"].as_str().unwrap().as_bytes());
        let mut rng = Given(bytes(&line["random"]));
        let signature = expanded.sign_randomized(&message, context, &mut rng).unwrap();
        assert_eq!(signature.encode()[..], bytes(&line["signature"]));
        assert!(rng.0.is_empty(), "exactly 32 bytes are drawn");
        assert!(public.verify_with_context(&message, context, &signature));
        for other in [&b""[..], b"latchkey/1/", b"latchkey/1/sign-in"] {
            assert!(
                !public.verify_with_context(&message, other, &signature),
                "another context"
            );
        }
        assert!(!public.verify_with_context(&message[1..], context, &signature));
        // Our wrapper keeps the same half under the same seed.
        let pair = IdentityKeyPair::from_seed(Secret::from_slice(&[&[0; 32][..], &seed].concat()).unwrap());
        assert_eq!(pair.public().to_bytes()[32..], bytes(&line["public"]));
    }
}
