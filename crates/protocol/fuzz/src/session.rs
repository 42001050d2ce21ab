//! Altered envelopes of a conversation, to the party that they are for.

use std::cell::RefCell;

use latchkey_protocol::party::Received;

use crate::edit::{Script, apply};
use crate::world::{self, Case, NOW, Records, records, text};

struct Stage {
    case: Case,
    records: Records,
}

thread_local! {
    static STAGES: RefCell<Vec<Stage>> = RefCell::new(stages());
}

fn stages() -> Vec<Stage> {
    let cases = world::cases().into_iter();
    let stage = |mut case: Case| {
        case.receiver.take_changes();
        let records = records(&case.receiver);
        let mut untouched = case.receiver.clone();
        let received = untouched.receive(&case.envelope, NOW, &mut world::rng(6));
        assert_eq!(text(&received), Some(case.text.as_str()), "{}: {received:?}", case.name);
        Stage { case, records }
    };
    cases.map(stage).collect()
}

/// How many envelopes there are to choose from.
#[must_use]
pub fn choices() -> usize {
    STAGES.with_borrow(Vec::len)
}

/// The first byte chooses the envelope, the rest edits it; other envelopes of the conversation lend their bytes.
pub fn run(data: &[u8]) {
    STAGES.with_borrow_mut(|stages| {
        let mut script = Script::new(data);
        let choice = usize::from(script.byte()) % stages.len();
        let altered = {
            let donors: Vec<&[u8]> = stages.iter().map(|stage| &stage.case.envelope[..]).collect();
            let altered = apply(donors[choice], &mut script, &donors);
            if donors.contains(&&altered[..]) {
                return;
            }
            altered
        };
        let Stage { case, records: before } = &mut stages[choice];
        let mut rng = world::rng(7);
        let received = case.receiver.receive(&altered, NOW, &mut rng);
        let expected = matches!(
            received,
            Received::Malformed(_) | Received::Unknown | Received::Refused(_)
        );
        assert!(expected, "{}, altered: {received:?}", case.name);
        assert!(
            case.receiver.take_changes().is_empty(),
            "{}: a refused envelope left something to store",
            case.name
        );
        assert!(
            records(&case.receiver) == *before,
            "{}: a refused envelope changed the state",
            case.name
        );
        // What cannot be seen in the records: the genuine envelope still opens.
        if data.len() % 16 == 1 {
            let received = case.receiver.clone().receive(&case.envelope, NOW, &mut rng);
            assert_eq!(text(&received), Some(case.text.as_str()), "{}: {received:?}", case.name);
        }
    });
}
