//! Envelopes from nowhere, to a party that nobody has written to.

use std::cell::RefCell;

use latchkey_protocol::party::Received;

use crate::edit::Script;
use crate::world::{Records, World, records, text};

/// Where the id of the signed prekey stands in a first envelope: version, type, envelope id, tag, suite and flag come before it.
const PREKEY_ID: usize = 2 + 16 + 16 + 2;

struct Bystander {
    world: World,
    records: Records,
    /// The ids of its signed prekey and of one of its one-time prekeys, as a first envelope carries them.
    ids: [u8; 8],
    genuine: Vec<u8>,
}

thread_local! {
    static BYSTANDER: RefCell<Bystander> = RefCell::new(bystander());
}

fn bystander() -> Bystander {
    let mut world = World::new(5, 3);
    let genuine = world.say(0, "to the bystander").remove(0).envelope;
    let mut ids = [0; 8];
    ids.copy_from_slice(&genuine[PREKEY_ID..][..8]);
    let records = records(&world.people[1]);
    Bystander {
        world,
        records,
        ids,
        genuine,
    }
}

/// A genuine first envelope to the party of this target, for its corpus.
#[must_use]
pub fn genuine() -> Vec<u8> {
    BYSTANDER.with_borrow(|bystander| bystander.genuine.clone())
}

/// The first byte says whether the party's own prekey ids are put where a first envelope has them, so that what follows them is reached;
/// the rest is the envelope.
pub fn run(data: &[u8]) {
    BYSTANDER.with_borrow_mut(|bystander| {
        let mut script = Script::new(data);
        let known_ids = script.byte() % 2 == 1;
        let mut envelope = script.bytes(usize::MAX).to_vec();
        if known_ids && envelope.len() >= PREKEY_ID + 8 && envelope[1] == 1 {
            envelope[PREKEY_ID..][..8].copy_from_slice(&bystander.ids);
        }
        if envelope == bystander.genuine {
            let received = bystander.world.clone().receive(1, &envelope);
            assert_eq!(text(&received), Some("to the bystander"));
            return;
        }
        let received = bystander.world.receive(1, &envelope);
        let expected = matches!(
            received,
            Received::Malformed(_) | Received::Unknown | Received::Refused(_)
        );
        assert!(expected, "an envelope from nowhere: {received:?}");
        let party = &mut bystander.world.people[1];
        assert!(
            party.take_changes().is_empty(),
            "a refused envelope left something to store"
        );
        assert!(
            records(party) == bystander.records,
            "a refused envelope changed the state"
        );
    });
}
