//! Prekeys as a relay serves them.

use std::sync::OnceLock;

use latchkey_protocol::address::Address;
use latchkey_protocol::handshake::PreKeyBundle;
use latchkey_protocol::identity::IdentityKey;
use latchkey_protocol::party::Party;
use latchkey_protocol::prekey::{PublishedBatch, PublishedOneTime, PublishedSignedPreKey};

use crate::edit::{Script, apply};
use crate::world::{self, NOW};

/// Siblings in the path of one key of a hundred.
const NODE: usize = 64;

struct Published {
    address: Address,
    identity: IdentityKey,
    signed: PublishedSignedPreKey,
    batch: PublishedBatch,
    one_time: PublishedOneTime,
}

fn genuine() -> &'static Published {
    static GENUINE: OnceLock<Published> = OnceLock::new();
    GENUINE.get_or_init(|| {
        let mut rng = world::rng(2);
        let address = world::address("bob");
        let mut party = Party::generate(address.clone(), &mut rng);
        let publication = party.publication(None, false, NOW, &mut rng).unwrap();
        let identity = party.identity_key().clone();
        let batch = publication.one_time_batch.unwrap();
        let entry = batch
            .verify(&identity, &address, NOW)
            .unwrap()
            .entries()
            .nth(37)
            .unwrap();
        let one_time = PublishedOneTime {
            payload: batch.payload.clone(),
            signature: batch.signature.clone(),
            id: entry.id,
            key: entry.key,
            path: entry.path,
        };
        Published {
            address,
            identity,
            signed: publication.signed_prekey.unwrap(),
            batch,
            one_time,
        }
    })
}

/// The first byte says which of the three is edited and in which field.
pub fn run(data: &[u8]) {
    let genuine = genuine();
    let Published {
        address,
        identity,
        signed,
        batch,
        one_time,
    } = genuine;
    let mut script = Script::new(data);
    let mode = script.byte();
    let field = mode / 4;
    let donors: [&[u8]; 4] = [&signed.payload, &batch.payload, &signed.signature, &batch.signature];
    let mut edit = |value: &[u8]| apply(value, &mut script, &donors);
    match mode % 4 {
        0 => {
            let mut altered = signed.clone();
            match field % 2 {
                0 => altered.payload = edit(&signed.payload),
                _ => altered.signature = edit(&signed.signature),
            }
            assert_eq!(altered.verify(identity, address, NOW).is_ok(), altered == *signed);
        }
        1 => {
            let mut altered = batch.clone();
            match field % 4 {
                0 => altered.payload = edit(&batch.payload),
                1 => altered.signature = edit(&batch.signature),
                2 => altered.keys[11] = edit(&batch.keys[11]),
                _ => {
                    let length = edit(&[0; 300]).len();
                    altered.keys = batch.keys.iter().cycle().take(length).cloned().collect();
                }
            }
            assert_eq!(altered.verify(identity, address, NOW).is_ok(), altered == *batch);
        }
        2 => {
            let mut altered = one_time.clone();
            match field % 5 {
                0 => altered.payload = edit(&one_time.payload),
                1 => altered.signature = edit(&one_time.signature),
                2 => altered.key = edit(&one_time.key),
                3 => altered.path = edit(&one_time.path.concat()).chunks(NODE).map(<[u8]>::to_vec).collect(),
                _ => {
                    let id = edit(&one_time.id.to_be_bytes());
                    let Some(id) = id.first_chunk() else { return };
                    altered.id = u32::from_be_bytes(*id);
                }
            }
            let verified = altered.verify(identity, address, NOW).is_ok();
            assert_eq!(verified, altered == *one_time);
            bundle(genuine, signed.clone(), Some(altered), verified);
        }
        // Bytes as they stand.
        _ => {
            let payload = script.bytes(usize::MAX).to_vec();
            let same = payload == signed.payload;
            let altered = PublishedBatch {
                payload: payload.clone(),
                ..batch.clone()
            };
            assert_eq!(altered.verify(identity, address, NOW).is_ok(), altered == *batch);
            bundle(
                genuine,
                PublishedSignedPreKey {
                    payload,
                    signature: signed.signature.clone(),
                },
                None,
                same,
            );
        }
    }
}

/// A bundle verifies exactly when its parts do.
fn bundle(
    genuine: &Published,
    signed_prekey: PublishedSignedPreKey,
    one_time: Option<PublishedOneTime>,
    expected: bool,
) {
    let (address, identity_key) = (genuine.address.clone(), genuine.identity.clone());
    let bundle = PreKeyBundle {
        address,
        identity_key,
        signed_prekey,
        one_time,
    };
    assert_eq!(bundle.verify(&genuine.address, 0, NOW).is_ok(), expected);
}
