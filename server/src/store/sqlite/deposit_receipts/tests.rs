//! What is remembered, where it is looked for, and when it goes.

use sha2::{Digest as _, Sha256};

use super::{filter::SPAN, *};
use crate::model::BodyDigest;

fn receipt() -> Receipt {
    Receipt {
        digest: BodyDigest::from_bytes([0; 16]),
        stored_at: Timestamp(1),
        expires: Timestamp(2),
        forget_at: Timestamp(3),
    }
}

/// As in earnest: a hash.
fn key(n: u64) -> Key {
    let hash: [u8; 32] = Sha256::digest(n.to_le_bytes()).into();
    hash.first_chunk().copied().unwrap()
}

#[test]
fn a_repetition_is_looked_for_in_a_bounded_number_of_generations() {
    let mut receipts = Receipts::default();
    let generations = 7..7 + 5 * u64::from(SPAN);
    // Few keys in each generation: it is not room that runs out.
    for n in generations.clone() {
        receipts.put_away(&key(n), n as u32, Timestamp(n));
    }
    let mut looked = 0;
    for n in generations.clone() {
        let key = key(n);
        let ranges: Vec<_> = receipts.away(&key).collect();
        assert!(
            ranges.iter().any(|range| range.contains(&(n as u32))),
            "{n}: {ranges:?}"
        );
        assert!(
            ranges.iter().all(|range| range.clone().count() <= SPAN as usize),
            "{ranges:?}"
        );
        looked += ranges.len();
    }
    assert!(
        looked <= generations.clone().count() * 11 / 10,
        "{looked} ranges: hardly any but those"
    );
    // Those of which nothing is remembered go.
    receipts.expire(Timestamp(7 + 2 * u64::from(SPAN)));
    assert_eq!(receipts.filters.len(), 3);
    assert!(receipts.away(&key(generations.end - 1)).next().is_some());
}

/// Wherever a run or a fold would end among them: otherwise those behind the border would not be found.
#[test]
fn keys_that_begin_alike_are_in_one_run() {
    let mut receipts = Receipts::default();
    let receipt = receipt();
    let alike = (0..200_u8).map(|n| [0, 0, 9, 9, n, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let others = (0..60_u8)
        .chain(100..200)
        .map(|n| [0, 0, if n < 60 { 0 } else { 10 }, n, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for key in others.chain(alike) {
        receipts.recent.entry(4).or_default().add(key, receipt);
    }
    let (mut from, mut heads, mut sizes) = (0, Vec::new(), Vec::new());
    loop {
        let (runs, reached, more) = receipts.runs(4, from, 100);
        sizes.extend(runs.iter().map(|run| run.items.len() / ITEM));
        heads.extend(runs.iter().map(|run| run.head));
        receipts.forget(4, from, reached);
        from = reached;
        if !more {
            break;
        }
    }
    // 60 before them and four of them fill a run, which takes the others too.
    assert_eq!(sizes, [260, 64, 36]);
    assert!(heads.is_sorted_by(|a, b| a < b), "{heads:?}");
    assert_eq!(receipts.of(4), 0);
}

#[test]
fn a_generation_ends_in_time_when_nobody_sends_any_more() {
    let mut receipts = Receipts::default();
    let receipt = receipt();
    receipts.know(vec![(key(1), receipt)]);
    let day = Timestamp(1).plus(GENERATION_LASTS);
    receipts.expire(Timestamp(day.0 - 1));
    assert_eq!((receipts.generation, receipts.full.len()), (0, 0));
    receipts.expire(day);
    assert_eq!((receipts.generation, &receipts.full), (1, &VecDeque::from([0])));
    // One that has nothing goes on.
    receipts.expire(day.plus(GENERATION_LASTS));
    assert_eq!((receipts.generation, receipts.full.len()), (1, 1));
}

#[test]
fn a_filter_that_is_full_is_followed_by_a_larger_one() {
    let mut receipts = Receipts::default();
    for n in 0..3 * FIRST as u64 + 1 {
        receipts.put_away(&key(n), 1, Timestamp(1));
    }
    let rooms: Vec<usize> = receipts.filters.iter().map(Filter::size).collect();
    assert_eq!(rooms, [1, 2, 4].map(|times| times * FIRST));
    assert!((0..3 * FIRST as u64 + 1).all(|n| receipts.away(&key(n)).next().is_some()));
    // A generation that is far away begins another, which is as large as the last was full.
    receipts.put_away(&key(1), 1000, Timestamp(1));
    assert_eq!(receipts.filters.last().map(Filter::size), Some(rooms[0]));
    let wrong = (1 << 40..(1 << 40) + 10_000)
        .filter(|n| receipts.away(&key(*n)).next().is_some())
        .count();
    assert!(wrong < 60, "{wrong} of 10 000 new keys are looked for in vain");
}
