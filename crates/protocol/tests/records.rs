//! Stored records that are damaged are refused, or load into a party that still does not panic.
#![cfg(feature = "session")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may
mod common;

use common::*;
use latchkey_protocol::Timestamp;
use latchkey_protocol::error::DecodeError;
use latchkey_protocol::party::Party;
use rand_chacha::ChaCha20Rng;

/// A party with a record of every kind: sessions in both roles, skipped keys, pending contents, handshakes, replay memory, a publication.
fn a_busy_party() -> (Party, Vec<Vec<u8>>, ChaCha20Rng) {
    let (mut directory, mut alice, mut bob, mut rng) = two(17);
    let (to_bob, to_alice) = (address("bob"), address("alice"));
    let mut under_way = Vec::new();
    for round in 0..6 {
        for envelope in say(&mut directory, &mut alice, &to_bob, "a", NOW, &mut rng) {
            match round % 3 {
                1 => under_way.push(envelope.envelope), // passed over: its key is kept
                _ => drop(opened(bob.receive(&envelope.envelope, NOW, &mut rng))),
            }
        }
        if round % 2 == 0 {
            for envelope in say(&mut directory, &mut bob, &to_alice, "b", NOW, &mut rng) {
                opened(alice.receive(&envelope.envelope, NOW, &mut rng));
            }
        }
    }
    for envelope in say(&mut directory, &mut bob, &to_alice, "not acknowledged", NOW, &mut rng) {
        opened(alice.receive(&envelope.envelope, NOW, &mut rng));
    }
    // A second session, begun by Bob, that Alice has not heard of: it repeats its handshake.
    bob.start(&directory.fetch(&to_alice), NOW, &mut rng).unwrap();
    bob.send(&to_alice, &text("b", &mut rng), NOW, &mut rng).unwrap();
    for words in ["c", "d"] {
        under_way.push(
            alice
                .send(&to_bob, &text(words, &mut rng), NOW, &mut rng)
                .unwrap()
                .envelope,
        );
    }
    bob.prepare_succession(NOW, &mut rng);
    bob.publication(Some(3), false, NOW, &mut rng)
        .expect("a refill that is not confirmed");
    (bob, under_way, rng)
}

#[test]
fn damaged_records_are_refused_or_harmless_and_never_panic() {
    let (bob, under_way, rng) = a_busy_party();
    let good = records(&bob);
    let kinds: std::collections::BTreeSet<&str> = good.keys().map(|key| key.split('/').next().unwrap()).collect();
    assert_eq!(
        kinds.into_iter().collect::<Vec<_>>(),
        [
            "handshake",
            "identity",
            "next",
            "peer",
            "pending",
            "prekeys",
            "publication",
            "replay",
            "session",
            "skipped"
        ]
    );
    let load = |key: &str, value: Vec<u8>| {
        let mut damaged = good.clone();
        damaged.insert(key.to_owned(), value);
        Party::load(damaged)
    };
    // Parts of one thing are read together.
    let names = |key: &str| {
        let whole = if key.starts_with("next/") {
            "next/statement"
        } else {
            key
        };
        [key.to_owned(), whole.replace("skipped/", "session/")]
    };
    let mut loaded = 0;
    for (key, value) in &good {
        // Another length is always seen.
        let step = (value.len() / 40).max(1);
        for cut in (0..value.len()).step_by(step).chain([value.len() - 1]) {
            let error = load(key, value[..cut].to_vec())
                .map(drop)
                .expect_err("a record that was cut");
            assert!(names(key).contains(&error.key), "{key} cut to {cut}: {error}");
        }
        for more in [&[0][..], &[1], &[0; 64]] {
            let error = load(key, [value, more].concat())
                .map(drop)
                .expect_err("a record that goes on");
            assert!(names(key).contains(&error.key), "{key}: {error}");
        }
        let error = load(key, Vec::new()).map(drop).expect_err("an empty record");
        assert_eq!(error.why, DecodeError::Truncated);
        // A changed bit may be a bit of a key, which no format can see; a vault seals its records. What loads works on without a panic.
        let step = (value.len() / 60).max(1);
        for byte in (0..value.len()).step_by(step).chain(0..value.len().min(24)) {
            for bit in [0, 7] {
                let mut altered = value.clone();
                altered[byte] ^= 1 << bit;
                match load(key, altered) {
                    Err(error) => assert!(names(key).contains(&error.key), "{key}, byte {byte}: {error}"),
                    Ok(mut party) => {
                        loaded += 1;
                        exercise(&mut party, &under_way, rng.clone());
                    }
                }
            }
        }
        for format in [0, 2, 255] {
            let mut other = value.clone();
            other[0] = format;
            let error = load(key, other).map(drop).expect_err("another format");
            assert_eq!(error.why, DecodeError::Unknown(format));
        }
    }
    assert!(
        loaded > 100,
        "the second half of the test has something to work on: {loaded}"
    );
    let mut named_wrongly = good.clone();
    let session = good
        .iter()
        .find(|(key, _)| key.starts_with("session/"))
        .unwrap()
        .1
        .clone();
    named_wrongly.insert(format!("session/{}", "00".repeat(32)), session);
    assert!(Party::load(named_wrongly).is_err(), "a session under another's name");
    for key in [
        "",
        "session",
        "session/",
        "session/zz",
        "handshake/00",
        "peer/",
        "peer/nobody",
        "pending/x",
        "replay/65",
        "replay/256",
        "unheard/of",
    ] {
        let error = load(key, vec![1; 80]).map(drop).expect_err(key);
        assert_eq!(error.key, key);
    }
    let mut without = good.clone();
    without.remove("identity");
    assert_eq!(Party::load(without).map(drop).expect_err("no identity").key, "identity");
    let mut whole = Party::load(good).unwrap();
    assert_eq!(opened(whole.receive(&under_way[0], NOW, &mut rng.clone())), "a");
}

/// Everything that a party does once, whatever comes of it.
fn exercise(party: &mut Party, under_way: &[Vec<u8>], mut rng: ChaCha20Rng) {
    for envelope in under_way {
        let _ = party.receive(envelope, NOW, &mut rng);
    }
    let _ = party.send(&address("alice"), &text("e", &mut rng), NOW, &mut rng);
    party.tick(Timestamp(NOW.0 + 8 * 24 * 3_600_000));
    let _ = (
        party.wanted(),
        party.contacts(),
        party.all_records(),
        party.take_changes(),
    );
}

/// As a vault keeps it: only what changed is written.
#[test]
fn what_was_passed_over_opens_after_a_restart_from_the_changes_alone() {
    let (mut directory, mut alice, mut bob, mut rng) = two(20);
    let to_bob = address("bob");
    let mut vault = records(&bob);
    bob.take_changes();
    let mut store = |bob: &mut Party| {
        for change in bob.take_changes() {
            match change.value {
                Some(value) => vault.insert(change.key, value.to_vec()),
                None => vault.remove(&change.key),
            };
        }
        Party::load(vault.clone()).unwrap()
    };
    let mut letters = Vec::new();
    for words in ["one", "two", "three", "four"] {
        letters.extend(say(&mut directory, &mut alice, &to_bob, words, NOW, &mut rng));
    }
    let (mut gaps, mut first) = (Vec::new(), Vec::new());
    for at in [0, 3, 1, 2] {
        let outcome = bob.receive(&letters[at].envelope, NOW, &mut rng);
        let latchkey_protocol::party::Received::Opened(got) = outcome else {
            panic!("{at}: {outcome:?}")
        };
        gaps.push(got.gaps.len());
        first.push(got.first_contact);
        bob = store(&mut bob);
    }
    assert_eq!(gaps, [0, 1, 0, 0], "one gap, when the fourth came");
    assert_eq!(first, [true, false, false, false], "she is new once");
}
