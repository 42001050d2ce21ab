//! The public Wycheproof vectors (C2SP) for every primitive of the suite: right answers, and what has to be refused. Through our wrappers where
//! they take the vector's shape, through the library below them where ours is a hybrid. Each test counts what it checked, so that a file that
//! empties or changes its meaning is a failure and no silence.
#![cfg(feature = "session")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may

mod common;

use common::Given;
use hmac::{KeyInit, Mac};
use latchkey_protocol::error::DecodeError;
use latchkey_protocol::identity::{IdentityKey, IdentityKeyPair};
use latchkey_protocol::primitives::aead::{BoxKey, OpenError};
use latchkey_protocol::primitives::kdf;
use latchkey_protocol::primitives::kem::{KemPublicKey, KemSecretKey, SECRET_KEY_LENGTH};
use latchkey_protocol::primitives::secret::Secret;
use ml_dsa::MlDsa87;
use ml_kem::{Decapsulate, MlKem1024};
use wycheproof::TestResult::{self, Acceptable, Invalid, Valid};
use zeroize::Zeroizing;

/// A scalar for the X25519 half of the hybrid, which these vectors do not speak of.
const SCALAR: [u8; 32] = [0x42; 32];

/// How many vectors of each kind were checked.
#[derive(Debug, Default, PartialEq)]
struct Checked {
    right: usize,
    refused: usize,
}

impl Checked {
    fn count(&mut self, result: TestResult) {
        match result {
            Valid | Acceptable => self.right += 1,
            Invalid => self.refused += 1,
        }
    }
}

fn checked(right: usize, refused: usize) -> Checked {
    Checked { right, refused }
}

#[test]
fn aes_256_gcm() {
    use wycheproof::aead::{TestName, TestSet};
    let mut seen = Checked::default();
    for group in TestSet::load(TestName::AesGcm).unwrap().test_groups {
        // The suite has this size of key and nonce only; its types have no room for another.
        if (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128) {
            continue;
        }
        for test in group.tests {
            let okm = [&test.key[..], &test.nonce].concat();
            let key = || BoxKey::new(Zeroizing::new(okm.clone().try_into().unwrap()));
            let sealed = [&test.ct[..], &test.tag].concat();
            if test.result == Valid {
                assert_eq!(key().seal(&test.aad, &test.pt), sealed, "{}", test.tc_id);
                assert_eq!(
                    key().open(&test.aad, &sealed).unwrap()[..],
                    test.pt[..],
                    "{}",
                    test.tc_id
                );
            } else {
                assert_eq!(key().open(&test.aad, &sealed), Err(OpenError), "{}", test.tc_id);
            }
            seen.count(test.result);
        }
    }
    assert_eq!(seen, checked(39, 27));
}

#[test]
fn hkdf_sha_512() {
    use wycheproof::hkdf::{TestName, TestSet};
    let mut seen = Checked::default();
    for group in TestSet::load(TestName::HkdfSha512).unwrap().test_groups {
        for test in group.tests {
            let mut okm = vec![0; test.size];
            let library = hkdf::Hkdf::<sha2::Sha512>::new(Some(&test.salt), &test.ikm);
            assert_eq!(
                library.expand(&test.info, &mut okm).is_ok(),
                test.result == Valid,
                "{}",
                test.tc_id
            );
            seen.count(test.result);
            if test.result == Valid {
                assert_eq!(okm, test.okm[..], "{}", test.tc_id);
                // Ours has its length in its type, and a longer output begins with the shorter ones.
                let ours = kdf::hkdf::<{ 255 * 64 }>(&test.salt, &test.ikm, &test.info);
                assert_eq!(ours[..test.size], test.okm[..], "{}", test.tc_id);
            }
        }
    }
    assert_eq!(seen, checked(80, 3));
}

#[test]
fn hkdf_sha_256() {
    use wycheproof::hkdf::{TestName, TestSet};
    let (mut seen, mut ours) = (Checked::default(), 0);
    for group in TestSet::load(TestName::HkdfSha256).unwrap().test_groups {
        for test in group.tests {
            let mut okm = vec![0; test.size];
            let (prk, library) = hkdf::Hkdf::<sha2::Sha256>::extract(Some(&test.salt), &test.ikm);
            assert_eq!(
                library.expand(&test.info, &mut okm).is_ok(),
                test.result == Valid,
                "{}",
                test.tc_id
            );
            seen.count(test.result);
            if test.result == Valid {
                assert_eq!(okm, test.okm[..], "{}", test.tc_id);
                // The second half is ours.
                let expanded = kdf::expand::<{ 255 * 32 }>(&prk.into(), &test.info);
                assert_eq!(expanded[..test.size], test.okm[..], "{}", test.tc_id);
                ours += 1;
            }
        }
    }
    assert_eq!((seen, ours), (checked(83, 3), 83));
}

#[test]
fn hmac_sha_256() {
    use wycheproof::mac::{TestName, TestSet};
    let (mut seen, mut ours) = (Checked::default(), 0);
    for group in TestSet::load(TestName::HmacSha256).unwrap().test_groups {
        for test in group.tests {
            let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(&test.key).unwrap();
            mac.update(&test.msg);
            let full = mac.finalize().into_bytes();
            assert_eq!(
                full[..test.tag.len()] == test.tag[..],
                test.result == Valid,
                "{}",
                test.tc_id
            );
            if let Ok(key) = <[u8; 32]>::try_from(&test.key[..]) {
                assert_eq!(kdf::hmac(&key, &[&test.msg])[..], full[..], "{}", test.tc_id);
                ours += 1;
            }
            seen.count(test.result);
        }
    }
    assert_eq!((seen, ours), (checked(66, 108), 162));
}

#[test]
fn x25519() {
    use wycheproof::xdh::{TestFlag, TestName, TestSet};
    let mut rng = Given(vec![3; 96]);
    let (_, public) = KemSecretKey::generate(&mut rng);
    let (mut seen, mut degenerate) = (Checked::default(), 0);
    for group in TestSet::load(TestName::X25519).unwrap().test_groups {
        for test in group.tests {
            let scalar: [u8; 32] = test.private_key[..].try_into().unwrap();
            let point: [u8; 32] = test.public_key[..].try_into().unwrap();
            let shared = x25519_dalek::StaticSecret::from(scalar).diffie_hellman(&x25519_dalek::PublicKey::from(point));
            assert_eq!(shared.as_bytes()[..], test.shared_secret[..], "{}", test.tc_id);
            // What is only acceptable there, a result of zeros, is refused here, when the key is parsed already; the rest is not.
            let zero = test.flags.contains(&TestFlag::ZeroSharedSecret);
            assert_eq!(!shared.was_contributory(), zero, "{}", test.tc_id);
            let key = [&point[..], &public.as_bytes()[32..]].concat();
            assert_eq!(KemPublicKey::from_bytes(&key).is_err(), zero, "{}", test.tc_id);
            seen.count(test.result);
            degenerate += usize::from(zero);
        }
    }
    assert_eq!((seen, degenerate), (checked(518, 0), 31));
}

#[test]
fn ml_kem_1024_keys_of_seeds() {
    use wycheproof::mlkem::{TestName, TestSet};
    let mut seen = Checked::default();
    for group in TestSet::load(TestName::MlKem1024KeyGenSeed).unwrap().test_groups {
        for test in group.tests {
            let secret = secret(&test.seed.unwrap()).unwrap();
            assert_eq!(
                secret.public_key().as_bytes()[32..],
                test.encaps_key.unwrap()[..],
                "{}",
                test.tc_id
            );
            seen.count(test.result);
        }
    }
    assert_eq!(seen, checked(100, 0));
}

#[test]
fn ml_kem_1024_encapsulation_and_keys_that_are_not_reduced_or_of_another_length() {
    use wycheproof::mlkem::{TestName, TestSet};
    let mut seen = Checked::default();
    let share = secret(&[0; 64]).unwrap().public_key().as_bytes()[..32].to_vec();
    for group in TestSet::load(TestName::MlKem1024Encaps).unwrap().test_groups {
        for test in group.tests {
            let key = KemPublicKey::from_bytes(&[&share[..], &test.encaps_key.unwrap()].concat());
            seen.count(test.result);
            if test.result == Invalid {
                assert_eq!(key, Err(DecodeError::BadKey), "{}", test.tc_id);
                continue;
            }
            let mut rng = Given([&SCALAR[..], &test.msg.unwrap()].concat());
            let (ciphertext, _) = key.unwrap().encapsulate(&mut rng).unwrap();
            assert_eq!(ciphertext[32..], test.ct.unwrap()[..], "{}", test.tc_id);
        }
    }
    assert_eq!(seen, checked(133, 136));
}

/// Valid ones include ciphertexts that are rejected implicitly: their secret is prescribed too.
#[test]
fn ml_kem_1024_decapsulation_and_seeds_and_ciphertexts_of_another_length() {
    use wycheproof::mlkem::{TestName, TestSet};
    let mut seen = Checked::default();
    for group in TestSet::load(TestName::MlKem1024).unwrap().test_groups {
        for test in group.tests {
            let (seed, ct) = (test.seed.unwrap(), test.ct.unwrap());
            let secret = secret(&seed);
            seen.count(test.result);
            let Ok(ciphertext) = ml_kem::Ciphertext::<MlKem1024>::try_from(&ct[..]) else {
                assert_eq!(test.result, Invalid, "{}", test.tc_id);
                continue;
            };
            let Some(secret) = secret else {
                assert_eq!(test.result, Invalid, "{}", test.tc_id);
                continue;
            };
            assert_eq!(test.result, Valid, "{}", test.tc_id);
            let public = secret.public_key();
            assert_eq!(public.as_bytes()[32..], test.encaps_key.unwrap()[..], "{}", test.tc_id);
            let library = ml_kem::DecapsulationKey::<MlKem1024>::from_seed(seed[..].try_into().unwrap());
            let expected = test.shared_secret.unwrap();
            assert_eq!(library.decapsulate(&ciphertext)[..], expected[..], "{}", test.tc_id);
            // And the hybrid takes this secret and no other: put together by hand from the vector's half and X25519's.
            let whole: [u8; 1600] = [&share_of(&[0x17; 32])[..], &ct].concat().try_into().unwrap();
            let classical = x25519_dalek::StaticSecret::from(SCALAR)
                .diffie_hellman(&x25519_dalek::PublicKey::from(share_of(&[0x17; 32])));
            let info = [
                &lp(b"latchkey/1/kem")[..],
                &latchkey_protocol::primitives::hash(&[public.as_bytes()]),
                &latchkey_protocol::primitives::hash(&[&whole]),
            ]
            .concat();
            let ikm = [&expected[..], classical.as_bytes()].concat();
            assert_eq!(
                secret.decapsulate(&whole).unwrap().expose()[..],
                kdf::hkdf::<32>(&[], &ikm, &info)[..],
                "{}",
                test.tc_id
            );
        }
    }
    assert_eq!(seen, checked(162, 40));
}

#[test]
fn ed25519() {
    use wycheproof::eddsa::{TestName, TestSet};
    let lattice = IdentityKeyPair::from_seed(Secret::new([1; 64])).public().to_bytes()[32..].to_vec();
    let mut seen = Checked::default();
    for group in TestSet::load(TestName::Ed25519).unwrap().test_groups {
        let public: [u8; 32] = group.key.pk[..].try_into().unwrap();
        // Every key of the vectors is one that we would take for half an identity.
        assert!(IdentityKey::from_bytes(&[&public[..], &lattice].concat()).is_ok());
        let key = ed25519_dalek::VerifyingKey::from_bytes(&public).unwrap();
        for test in group.tests {
            let holds = ed25519_dalek::Signature::from_slice(&test.sig)
                .is_ok_and(|signature| key.verify_strict(&test.msg, &signature).is_ok());
            assert_eq!(holds, test.result == Valid, "{}: {}", test.tc_id, test.comment);
            seen.count(test.result);
        }
    }
    assert_eq!(seen, checked(88, 63));
}

#[test]
fn ml_dsa_87_verification() {
    use wycheproof::mldsa_verify::{TestName, TestSet};
    let classical = IdentityKeyPair::from_seed(Secret::new([1; 64])).public().to_bytes()[..32].to_vec();
    let mut seen = Checked::default();
    for group in TestSet::load(TestName::MlDsa87Verify).unwrap().test_groups {
        let encoded = ml_dsa::EncodedVerifyingKey::<MlDsa87>::try_from(&group.pubkey[..]);
        assert_eq!(
            IdentityKey::from_bytes(&[&classical[..], &group.pubkey].concat()).is_ok(),
            encoded.is_ok(),
            "the length is all that a public key can have wrong"
        );
        let key = encoded
            .ok()
            .map(|encoded| Box::new(ml_dsa::VerifyingKey::<MlDsa87>::decode(&encoded)));
        for test in group.tests {
            let context = test.ctx.as_ref().map_or(&[][..], |context| &context[..]);
            let signature = ml_dsa::EncodedSignature::<MlDsa87>::try_from(&test.sig[..])
                .ok()
                .and_then(|encoded| ml_dsa::Signature::<MlDsa87>::decode(&encoded));
            let holds = match (&key, signature) {
                (Some(key), Some(signature)) => key.verify_with_context(&test.msg, context, &signature),
                _ => false,
            };
            assert_eq!(holds, test.result == Valid, "{}: {}", test.tc_id, test.comment);
            seen.count(test.result);
        }
    }
    assert_eq!(seen, checked(71, 170));
}

/// Hedged signing with the randomness prescribed: zeros in the deterministic variant.
#[test]
fn ml_dsa_87_signing_with_seeds() {
    use wycheproof::mldsa_sign::{TestName, TestSet};
    let (mut seen, mut internal) = (Checked::default(), 0);
    for group in TestSet::load(TestName::MlDsa87SignSeed).unwrap().test_groups {
        let seed = group.privseed.unwrap();
        let key = ml_dsa::Seed::try_from(&seed[..])
            .ok()
            .map(|seed| Box::new(<ml_dsa::SigningKey<MlDsa87> as KeyInit>::new(&seed)));
        for test in group.tests {
            let Some(message) = test.msg else {
                internal += 1; // the message's digest alone: an interface that the suite does not use
                continue;
            };
            let context = test.ctx.as_ref().map_or(&[][..], |context| &context[..]);
            let random = test.rnd.map_or_else(|| vec![0; 32], |random| random.to_vec());
            let signature = key.as_ref().and_then(|key| {
                key.expanded_key()
                    .sign_randomized(&message, context, &mut Given(random))
                    .ok()
            });
            let expected = (test.result == Valid).then(|| test.sig.to_vec());
            assert_eq!(
                signature.map(|signature| signature.encode().to_vec()),
                expected,
                "{}: {}",
                test.tc_id,
                test.comment
            );
            seen.count(test.result);
        }
    }
    assert_eq!((seen, internal), (checked(75, 4), 17));
}

fn secret(seed: &[u8]) -> Option<KemSecretKey> {
    Secret::<SECRET_KEY_LENGTH>::from_slice(&[&SCALAR[..], seed].concat()).map(KemSecretKey::from_secret)
}

fn share_of(scalar: &[u8; 32]) -> [u8; 32] {
    x25519_dalek::PublicKey::from(&x25519_dalek::StaticSecret::from(*scalar)).to_bytes()
}

fn lp(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
}
