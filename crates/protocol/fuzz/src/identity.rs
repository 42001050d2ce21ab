//! Identity keys and hybrid signatures.

use std::sync::OnceLock;

use latchkey_protocol::identity::{Fingerprint, IdentityKey, IdentityKeyPair, Purpose};

use crate::edit::{Script, apply};
use crate::world;

const PAYLOAD: &[u8] = b"what was signed";
const PURPOSES: [Purpose; 3] = [Purpose::Handshake, Purpose::SignedPreKey, Purpose::OneTimeBatch];

struct Signed {
    key: Vec<u8>,
    fingerprint: Fingerprint,
    signature: Vec<u8>,
    other: Vec<u8>,
}

fn genuine() -> &'static Signed {
    static GENUINE: OnceLock<Signed> = OnceLock::new();
    GENUINE.get_or_init(|| {
        let mut rng = world::rng(1);
        let pair = IdentityKeyPair::generate(&mut rng);
        let fingerprint = pair.public().fingerprint(&world::address("alice"));
        let mut sign = |purpose| pair.sign(purpose, &fingerprint, PAYLOAD, &mut rng);
        let (signature, other) = (sign(PURPOSES[0]), sign(PURPOSES[1]));
        Signed {
            key: pair.public().to_bytes(),
            fingerprint,
            signature,
            other,
        }
    })
}

/// The genuine signature, for the corpus.
#[must_use]
pub fn signature() -> &'static [u8] {
    &genuine().signature
}

/// The first byte says what the rest edits: the key, the signature, or nothing: then the rest is the key, or the signature, as it stands.
pub fn run(data: &[u8]) {
    let genuine = genuine();
    let mut script = Script::new(data);
    let mode = script.byte();
    let purpose = PURPOSES[usize::from(mode >> 4) % PURPOSES.len()];
    let (mut key, mut signature) = (genuine.key.clone(), genuine.signature.clone());
    match mode % 4 {
        0 => key = apply(&key, &mut script, &[]),
        1 => signature = apply(&signature, &mut script, &[&genuine.other]),
        2 => key = script.bytes(usize::MAX).to_vec(),
        _ => signature = script.bytes(usize::MAX).to_vec(),
    }
    let Ok(parsed) = IdentityKey::from_bytes(&key) else {
        return;
    };
    assert_eq!(parsed.to_bytes(), key, "one encoding a key");
    let verified = parsed
        .verify(purpose, &genuine.fingerprint, PAYLOAD, &signature)
        .is_ok();
    let same = key == genuine.key && signature == genuine.signature && purpose == PURPOSES[0];
    let other = key == genuine.key && signature == genuine.other && purpose == PURPOSES[1];
    assert_eq!(verified, same || other, "a signature verifies exactly as it was made");
    let fingerprint = parsed.fingerprint(&world::address("alice"));
    assert_eq!(fingerprint == genuine.fingerprint, key == genuine.key);
}
