//! However many envelopes of whichever form are lost, one that arrives brings the conversation back, and every loss is reported.
#![cfg(feature = "session")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may

mod common;

use std::time::Duration;

use common::*;
use latchkey_protocol::content::Body;
use latchkey_protocol::party::{Opened, Party, Received};
use latchkey_protocol::session::RekeyPolicy;
use rand_chacha::ChaCha20Rng;

/// Keys of one jump that are kept, so that a late arrival still opens.
const KEPT: usize = 1000;

fn policy(messages: u32) -> RekeyPolicy {
    RekeyPolicy {
        messages,
        after: Duration::from_secs(u64::MAX / 1000),
    }
}

/// Which form the lost envelopes have.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Lost {
    /// The handshake is repeated in every one.
    First,
    /// The header is repeated in every one.
    Header,
    /// By the tag of their number, and by the advance key from the 64th unacknowledged one on.
    Plain,
}

fn receive(party: &mut Party, envelope: &[u8], rng: &mut ChaCha20Rng) -> Box<Opened> {
    match party.receive(envelope, NOW, rng) {
        Received::Opened(opened) => opened,
        other => panic!("{other:?}"),
    }
}

/// Loses `lost` envelopes from Alice to Bob, delivers one, and then some of the lost ones late.
fn recover(form: Lost, lost: usize) {
    let (mut directory, mut alice, mut bob, mut rng) = two(lost as u64);
    let (to_bob, to_alice) = (address("bob"), address("alice"));
    alice.set_policy(policy(u32::MAX));
    if form != Lost::First {
        let envelopes = say(&mut directory, &mut alice, &to_bob, "q", NOW, &mut rng);
        envelopes
            .iter()
            .for_each(|envelope| drop(receive(&mut bob, &envelope.envelope, &mut rng)));
        let answer = say(&mut directory, &mut bob, &to_alice, "a", NOW, &mut rng).remove(0);
        receive(&mut alice, &answer.envelope, &mut rng);
        // Alice authors epoch 2 …
        alice.set_policy(policy(1));
        let header = alice.send(&to_bob, &text("advance", &mut rng), NOW, &mut rng).unwrap();
        alice.set_policy(policy(u32::MAX));
        assert_eq!(header.envelope[1], 3);
        receive(&mut bob, &header.envelope, &mut rng);
        if form == Lost::Plain {
            // … and is heard in it, so she stops to repeat the header.
            let answer = bob.send(&to_alice, &text("a", &mut rng), NOW, &mut rng).unwrap();
            receive(&mut alice, &answer.envelope, &mut rng);
        }
    } else {
        assert!(
            alice
                .start(&directory.fetch(&to_bob), NOW, &mut rng)
                .unwrap()
                .is_empty()
        );
    }
    let (mut gone, mut sent) = (Vec::new(), Vec::new());
    for n in 0..lost {
        let words = text(&n.to_string(), &mut rng);
        sent.push(words.id);
        let envelope = alice.send(&to_bob, &words, NOW, &mut rng).unwrap().envelope;
        let expected = match form {
            Lost::First => 1,
            Lost::Header => 3,
            // Bob acknowledged message 0 of the epoch, so the window is 1 … 64.
            Lost::Plain => {
                if n < 64 {
                    2
                } else {
                    3
                }
            }
        };
        assert_eq!(envelope[1], expected, "number {n}");
        gone.push(envelope);
    }
    let arrives = alice
        .send(&to_bob, &text("arrives", &mut rng), NOW, &mut rng)
        .unwrap()
        .envelope;
    let opened_one = receive(&mut bob, &arrives, &mut rng);
    assert_eq!(opened_one.missing, lost as u64, "reported at once");
    assert!(!opened_one.late);
    // The answer says what never came: nothing of it is called acknowledged, and all of it goes again.
    let answer = say(&mut directory, &mut bob, &to_alice, "back", NOW, &mut rng).remove(0);
    let told = receive(&mut alice, &answer.envelope, &mut rng);
    assert!(told.acknowledged.iter().all(|id| !sent.contains(id)), "never opened");
    let again: Vec<_> = told.outgoing.iter().filter_map(|out| out.content_id).collect();
    assert_eq!(again, sent, "in the order of sending");
    assert_eq!(alice.pending_count(&to_bob), lost);
    for (n, out) in told.outgoing.iter().enumerate() {
        let opened = receive(&mut bob, &out.envelope, &mut rng);
        assert_eq!((opened.content.body, opened.missing), (Body::Text(n.to_string()), 0));
    }
    let answer = say(&mut directory, &mut bob, &to_alice, "thanks", NOW, &mut rng).remove(0);
    let told = receive(&mut alice, &answer.envelope, &mut rng);
    assert_eq!(
        (told.acknowledged, told.outgoing),
        (sent, Vec::new()),
        "opened, and once"
    );
    assert_eq!(alice.pending_count(&to_bob), 0);
    let more = alice
        .send(&to_bob, &text("more", &mut rng), NOW, &mut rng)
        .unwrap()
        .envelope;
    assert_eq!(receive(&mut bob, &more, &mut rng).missing, 0);
    assert!(
        bob.wanted().is_empty() && alice.wanted().is_empty(),
        "nobody asks for a new handshake"
    );
    // Late arrivals: the keys of the last thousand were kept, not those before.
    bob = Party::load(records(&bob)).unwrap();
    let oldest_kept = lost.saturating_sub(KEPT);
    for n in [0, oldest_kept / 2, oldest_kept.wrapping_sub(1)]
        .into_iter()
        .filter(|n| *n < oldest_kept)
    {
        let before = records(&bob);
        let outcome = bob.receive(&gone[n], NOW, &mut rng);
        assert!(matches!(outcome, Received::Unknown), "number {n}: {outcome:?}");
        assert!(records(&bob) == before);
    }
    for n in [lost - 1, oldest_kept, oldest_kept + (lost - oldest_kept) / 2] {
        let first_time = !matches!(bob.clone().receive(&gone[n], NOW, &mut rng), Received::Duplicate);
        if first_time {
            let late = receive(&mut bob, &gone[n], &mut rng);
            assert!(late.late, "withdraws the report");
            assert_eq!(late.missing, 0);
        }
        assert!(matches!(bob.receive(&gone[n], NOW, &mut rng), Received::Duplicate));
    }
}

const COUNTS: [usize; 8] = [63, 64, 65, 999, 1000, 1001, 2500, 10_000];

#[test]
fn lost_first_envelopes() {
    COUNTS.into_iter().for_each(|lost| recover(Lost::First, lost));
}

#[test]
fn lost_header_envelopes() {
    COUNTS.into_iter().for_each(|lost| recover(Lost::Header, lost));
}

#[test]
fn lost_plain_and_number_envelopes() {
    COUNTS.into_iter().for_each(|lost| recover(Lost::Plain, lost));
}

/// Above two thousand skipped keys the lowest go, and the state stays bounded.
#[test]
fn skipped_keys_are_bounded_over_several_losses() {
    let (mut directory, mut alice, mut bob, mut rng) = two(99);
    alice.set_policy(policy(u32::MAX));
    let to_bob = address("bob");
    let mut gone = Vec::new();
    for _ in 0..3 {
        for _ in 0..900 {
            gone.push(
                say(&mut directory, &mut alice, &to_bob, "lost", NOW, &mut rng)
                    .pop()
                    .unwrap()
                    .envelope,
            );
        }
        let arrives = say(&mut directory, &mut alice, &to_bob, "arrives", NOW, &mut rng)
            .pop()
            .unwrap();
        assert_eq!(receive(&mut bob, &arrives.envelope, &mut rng).missing, 900);
    }
    let skipped: usize = records(&bob)
        .iter()
        .filter(|(key, _)| key.starts_with("skipped/"))
        .map(|(_, value)| value.len())
        .sum();
    assert_eq!(skipped, 5 + 2000 * 64, "two thousand entries of 64 bytes");
    assert!(
        matches!(bob.receive(&gone[699], NOW, &mut rng), Received::Unknown),
        "the lowest 700 are gone"
    );
    assert!(receive(&mut bob, &gone[700], &mut rng).late);
    assert!(receive(&mut bob, &gone[2699], &mut rng).late);
}
