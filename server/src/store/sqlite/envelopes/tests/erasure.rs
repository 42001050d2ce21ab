//! What was read is gone, and leaves no copy anywhere.

use std::collections::HashSet;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};

use super::*;

#[test]
fn what_was_read_is_overwritten_and_nothing_else_is() {
    let mut relay = Relay::new();
    relay.send(1, 1, &[0xaa; 5000]);
    relay.send(1, 2, &[0xbb; 5000]);
    relay.acknowledge(1, 1);
    relay.keep_up();
    let bytes = relay.file();
    assert!(!bytes.windows(32).any(|piece| piece == [0xaa; 32]));
    assert!(bytes.windows(400).any(|piece| piece == [0xbb; 400]));
    relay.reopen();
    assert_eq!(relay.read(1), [(2, vec![0xbb; 5000])]);
    assert_eq!(relay.send(1, 1, &[0xaa; 5000]), DONE);
    assert_eq!(relay.read(1).len(), 1);
}

/// A crash after the acknowledgement and before the bytes were overwritten.
#[test]
fn the_next_start_overwrites_what_the_last_one_did_not() {
    let mut relay = Relay::new();
    relay.send(1, 1, &[0xaa; 5000]);
    relay.send(1, 2, &[0xbb; 50]);
    relay.acknowledge(1, 1);
    relay.reopen();
    assert_eq!(relay.read(1).len(), 1);
    assert!(
        relay.file().windows(32).any(|piece| piece == [0xaa; 32]),
        "the search finds"
    );
    relay.keep_up();
    assert!(!relay.file().windows(32).any(|piece| piece == [0xaa; 32]));
}

/// A relay's life: envelopes of all sizes to three mailboxes, read in part, moved, restarted, while licenses and receipts share the file's pages. Of what is
/// gone at its end, no 24 bytes are in the file.
fn story(seed: u64, upkeep: fn(&mut Relay)) -> (usize, u64) {
    let mut relay = Relay::new();
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let mut waiting: BTreeMap<u8, Vec<(u64, Vec<u8>)>> = BTreeMap::new();
    let (mut gone, mut moved) = (Vec::new(), 0);
    let mut id = 0;
    for round in 0..60 {
        // Bursts of small ones, so that leaves fill, and large ones, whose pages are chained.
        let sizes: &[usize] = if round % 3 == 0 {
            &[32, 70, 200, 300]
        } else {
            &[340, 700, 900, 1500, 3900, 4200, 9000]
        };
        for _ in 0..rng.next_u32() % 300 {
            // Few for the one who seldom reads: they are what is moved.
            let to = [1, 1, 1, 1, 1, 1, 2, 2, 2, 3][rng.next_u32() as usize % 10];
            let mut body = vec![0; sizes[rng.next_u32() as usize % sizes.len()]];
            rng.fill_bytes(&mut body);
            assert_eq!(relay.send(to, id, &body), DONE);
            id += 1;
            let place = relay.envelopes.index.usage(mailbox(to)).last;
            waiting.entry(to).or_default().push((place, body));
        }
        for of in 1..=3 {
            if of == 3 && round % 20 != 19 {
                continue;
            }
            let list = waiting.entry(of).or_default();
            let read = if of == 1 {
                list.len()
            } else {
                rng.next_u32() as usize % (list.len() + 1)
            };
            if let Some((place, _)) = list[..read].last() {
                let place = *place;
                gone.extend(list.drain(..read).map(|(_, body)| body));
                relay.acknowledge(of, place);
            }
        }
        let before = relay.envelopes.next_id;
        upkeep(&mut relay);
        moved += relay.envelopes.next_id - before;
        if rng.next_u32().is_multiple_of(7) {
            relay.reopen();
        }
        if rng.next_u32().is_multiple_of(5) {
            relay.file();
        }
    }
    upkeep(&mut relay);
    assert!(gone.len() > 3000, "{} gone: the story is too short", gone.len());
    for (of, list) in &waiting {
        assert!(relay.read(*of) == *list);
    }
    relay.is_sound();
    let file = relay.file();
    let there: HashSet<&[u8]> = file.windows(24).collect();
    let found = waiting
        .values()
        .flatten()
        .filter(|(_, body)| there.contains(&body[..24]));
    assert_eq!(
        found.count(),
        waiting.values().map(Vec::len).sum::<usize>(),
        "the search finds"
    );
    let traces = gone
        .iter()
        .filter(|body| body.chunks_exact(24).any(|piece| there.contains(piece)));
    (traces.count(), moved)
}

/// Moves whatever can be: the slack is for the speed, not for this.
fn tidy(relay: &mut Relay) {
    relay.envelopes.give_room();
    relay.keep_up();
}

#[test]
fn nothing_of_what_was_read_is_anywhere_in_the_file() {
    for seed in 0..6 {
        let (traces, moved) = story(seed, tidy);
        assert_eq!(traces, 0, "seed {seed}");
        assert!(moved > 100, "seed {seed}: {moved} rows were moved");
    }
}

/// Why rows are deleted at the left edge alone, and some pages before the first that waits: SQLite moves rows between a page and those beside it when it balances
/// them, and leaves copies. If this fails with a newer SQLite, rows may be deleted wherever they lie.
#[test]
fn with_deletions_in_the_middle_something_is() {
    let careless = |relay: &mut Relay| {
        while !relay.envelopes.erase.is_empty() {
            relay.envelopes.erase_some(&relay.c, true).unwrap();
        }
        without_overwriting(&relay.c, |c| {
            c.execute("DELETE FROM envelope WHERE mailbox = zeroblob(16)", [])?;
            Ok(())
        })
        .unwrap();
    };
    assert!((0..6).map(|seed| story(seed, careless).0).sum::<usize>() > 0);
}
