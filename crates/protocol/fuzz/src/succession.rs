//! Statements by which an identity names the next one.

use std::sync::OnceLock;

use latchkey_protocol::identity::{IdentityKeyPair, Purpose};
use latchkey_protocol::succession::{PublishedSuccession, Succession};

use crate::edit::{Script, apply};
use crate::world;

/// A statement by a key, and another by its successor.
fn genuine() -> &'static [PublishedSuccession; 2] {
    static GENUINE: OnceLock<[PublishedSuccession; 2]> = OnceLock::new();
    GENUINE.get_or_init(|| {
        let (mut rng, address) = (world::rng(2), world::address("alice"));
        let line: Vec<IdentityKeyPair> = (0..3).map(|_| IdentityKeyPair::generate(&mut rng)).collect();
        [0, 1].map(|i| {
            let fingerprint = |at: usize| line[at].public().fingerprint(&address);
            let payload = Succession {
                address: address.clone(),
                old: fingerprint(i),
                new: fingerprint(i + 1),
                counter: i as u64 + 1,
                time: world::NOW,
            }
            .payload();
            PublishedSuccession {
                identity_key: line[i].public().to_bytes(),
                signature: line[i].sign(Purpose::Succession, &fingerprint(i), &payload, &mut rng),
                payload,
            }
        })
    })
}

/// The first byte says what the rest edits: the statement, the key or the signature; or nothing: then the rest is the statement as it stands. What
/// parses is written as it was read, and only what was signed verifies.
pub fn run(data: &[u8]) {
    let [one, two] = genuine();
    let mut script = Script::new(data);
    let mut link = one.clone();
    match script.byte() % 4 {
        0 => link.payload = apply(&link.payload, &mut script, &[&two.payload]),
        1 => link.identity_key = apply(&link.identity_key, &mut script, &[&two.identity_key]),
        2 => link.signature = apply(&link.signature, &mut script, &[&two.signature]),
        _ => link.payload = script.bytes(usize::MAX).to_vec(),
    }
    if let Ok(statement) = Succession::parse(&link.payload) {
        assert_eq!(statement.payload(), link.payload, "one encoding a statement");
    }
    let holds = link.verify(&world::address("alice"), world::NOW).is_ok();
    assert_eq!(holds, link == *one, "a statement holds exactly as it was made");
}

/// The genuine statement's bytes.
#[must_use]
pub fn statement() -> Vec<u8> {
    genuine()[0].payload.clone()
}
