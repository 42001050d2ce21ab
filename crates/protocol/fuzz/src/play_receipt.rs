//! Receipts of plays, as a relay signs them and a client reads them.

use std::sync::OnceLock;

use latchkey_protocol::identity::IdentityKeyPair;
use latchkey_protocol::play_receipt::{PlayReceipt, SignedPlayReceipt};

use crate::edit::{Script, apply};
use crate::world;

/// A relay's key, and two receipts of it.
fn genuine() -> &'static (IdentityKeyPair, [SignedPlayReceipt; 2]) {
    static GENUINE: OnceLock<(IdentityKeyPair, [SignedPlayReceipt; 2])> = OnceLock::new();
    GENUINE.get_or_init(|| {
        let mut rng = world::rng(3);
        let relay = IdentityKeyPair::generate(&mut rng);
        let receipts = [1, 2].map(|number| {
            let receipt = PlayReceipt {
                license: [1; 32],
                play_id: [2; 16],
                number,
                request: [3; 32],
                answer: [4; 32],
                previous: [5; 32],
                time: world::NOW,
            };
            receipt.sign(&relay, &mut rng)
        });
        (relay, receipts)
    })
}

/// The input edits a receipt. What has a receipt's length is taken, and only what was signed verifies, as what it was.
pub fn run(data: &[u8]) {
    let (relay, [one, two]) = genuine();
    let bytes = apply(one.as_bytes(), &mut Script::new(data), &[two.as_bytes()]);
    let Ok(taken) = SignedPlayReceipt::from_bytes(&bytes) else {
        return;
    };
    assert_eq!(taken.as_bytes(), bytes, "taken as it is");
    let verdict = taken.verify(relay.public());
    assert_eq!(verdict.is_ok(), taken == *one || taken == *two, "only what was signed");
    if let Ok(receipt) = verdict {
        assert!(bytes.starts_with(&receipt.payload()), "one encoding a receipt");
        assert_eq!(receipt.digest(), taken.digest());
    }
}
