//! Rows against a list of each mailbox.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Op {
    Send { to: u8, id: u128, size: usize },
    Acknowledge { of: u8, back: u64 },
    KeepUp,
    Reopen,
}

fn ops() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => (1..=3u8, 0..60u128, 1..120_000usize).prop_map(|(to, id, size)| Op::Send { to, id, size }),
        3 => (1..=3u8, 0..4u64).prop_map(|(of, back)| Op::Acknowledge { of, back }),
        1 => Just(Op::KeepUp),
        1 => Just(Op::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Whatever is sent, read and tidied, and whenever the relay stops: what waits is what a list of each mailbox would.
    #[test]
    fn rows_do_what_a_list_would(ops in proptest::collection::vec(ops(), 1..120)) {
        let mut relay = Relay::new();
        let mut lists: BTreeMap<u8, Vec<(u64, Vec<u8>)>> = BTreeMap::new();
        let mut last: BTreeMap<u8, u64> = BTreeMap::new();
        let mut known: BTreeMap<(u8, u128), Vec<u8>> = BTreeMap::new();
        for op in ops {
            match op {
                Op::Send { to, id, size } => {
                    let body = vec![1 + (size % 250) as u8; size];
                    let same = known.get(&(to, id)).map(|before| before[..before.len().min(16)] == body[..body.len().min(16)]);
                    let answer = relay.send(to, id, &body);
                    prop_assert_eq!(answer, if same == Some(false) { Deposited::Conflict } else { DONE });
                    if same.is_none() {
                        let next = last.entry(to).or_default();
                        *next += 1;
                        lists.entry(to).or_default().push((*next, body.clone()));
                        known.insert((to, id), body);
                    }
                }
                Op::Acknowledge { of, back } => {
                    let up_to = last.get(&of).copied().unwrap_or(0).saturating_sub(back);
                    let list = lists.entry(of).or_default();
                    let read = list.iter().filter(|(sequence, _)| *sequence <= up_to).count() as u64;
                    list.retain(|(sequence, _)| *sequence > up_to);
                    prop_assert_eq!(relay.acknowledge(of, up_to), Acked::Done(read));
                }
                Op::KeepUp => relay.keep_up(),
                Op::Reopen => relay.reopen(),
            }
        }
        for of in 1..=3 {
            prop_assert!(relay.read(of) == lists.remove(&of).unwrap_or_default());
        }
    }
}
