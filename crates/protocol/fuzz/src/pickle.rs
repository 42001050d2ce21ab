//! Stored records. A vault authenticates them, so damage to one is a fault of ours, not an attack; it must still end in an error.

use std::cell::OnceCell;

use latchkey_protocol::party::Party;

use crate::edit::{Script, apply};
use crate::world::{Records, cases, records};

thread_local! {
    static STATES: OnceCell<Vec<Records>> = const { OnceCell::new() };
}

fn states() -> Vec<Records> {
    let mut cases = cases();
    let mut states: Vec<Records> = cases.iter().map(|case| records(&case.receiver)).collect();
    let mut unconfirmed = cases.swap_remove(0).receiver;
    let _ = unconfirmed.publication(Some(0), true, crate::world::NOW, &mut crate::world::rng(9));
    states.push(records(&unconfirmed));
    states
}

/// How many states there are, and how many records each has.
#[must_use]
pub fn choices() -> Vec<usize> {
    STATES.with(|cell| cell.get_or_init(states).iter().map(Records::len).collect())
}

/// The first byte chooses a state, the second a record of it, the third whether its key or its value is edited by the rest.
pub fn run(data: &[u8]) {
    STATES.with(|cell| {
        let states = cell.get_or_init(states);
        let mut script = Script::new(data);
        let genuine = &states[usize::from(script.byte()) % states.len()];
        let at = usize::from(script.byte()) % genuine.len();
        let Some((key, value)) = genuine.iter().nth(at) else {
            return;
        };
        let mut damaged = genuine.clone();
        damaged.remove(key);
        match script.byte() % 8 {
            0 => {}
            1 => {
                let key = apply(key.as_bytes(), &mut script, &[]);
                damaged.insert(String::from_utf8_lossy(&key).into_owned(), value.clone());
            }
            _ => {
                let donors: Vec<&[u8]> = genuine.values().map(Vec::as_slice).collect();
                damaged.insert(key.clone(), apply(value, &mut script, &donors));
            }
        }
        let Ok(party) = Party::load(damaged) else { return };
        let stored = records(&party);
        let again = Party::load(stored.clone()).expect("what was stored loads");
        assert!(records(&again) == stored, "a state stores as it was loaded");
    });
}
