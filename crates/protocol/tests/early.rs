//! Handshakes that are dated ahead, and what their author does about them when its clock is right again.
#![cfg(feature = "session")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may
mod common;

use std::time::Duration;

use common::*;
use latchkey_protocol::Timestamp;
use latchkey_protocol::handshake::{HandshakeError, MAX_FUTURE};
use latchkey_protocol::party::{Early, Outgoing, Party, Received, Refusal};
use rand_chacha::ChaCha20Rng;

const HOUR: Duration = Duration::from_secs(3600);
/// A handshake has a signature of this length, a key of about half of it and two ciphertexts; an advance of a session has 3.2 KB.
const HANDSHAKE_AT_LEAST: usize = 4691;
const MOMENT: Duration = Duration::from_millis(1);

fn is_early(outcome: &Received) -> bool {
    matches!(
        outcome,
        Received::Refused(Refusal::Handshake(HandshakeError::FromTheFuture))
    )
}

/// Hands envelopes over and gives what they say; whatever is empty is left out.
fn hear(to: &mut Party, letters: &[Outgoing], now: Timestamp, rng: &mut ChaCha20Rng) -> Vec<String> {
    let mut heard = Vec::new();
    for letter in letters {
        if let Received::Opened(opened) = to.receive(&letter.envelope, now, rng)
            && let latchkey_protocol::content::Body::Text(text) = &opened.content.body
        {
            heard.push(text.clone());
        }
    }
    heard
}

/// A state that was stored and loaded.
fn reloaded(party: &Party) -> Party {
    Party::load(records(party)).unwrap()
}

#[test]
fn a_handshake_that_is_dated_ahead_names_its_author_and_opens_on_its_date() {
    let (mut directory, mut alice, mut bob, mut rng) = two(201);
    let ahead = NOW.plus(HOUR * 3);
    let letters = say(&mut directory, &mut alice, &address("bob"), "one", ahead, &mut rng);
    let before = records(&bob);
    assert!(is_early(&bob.receive(&letters[0].envelope, NOW, &mut rng)));
    assert_eq!(records(&bob), before, "nothing changed");
    let early = bob.early(&letters[0].envelope, NOW).unwrap();
    assert_eq!((early.from, early.dated), (address("alice"), ahead));
    assert!(!Early::is_due(ahead, Timestamp(ahead.as_millis() - 600_001)));
    let due = Timestamp(ahead.as_millis() - 600_000);
    assert!(Early::is_due(ahead, due));
    assert!(bob.early(&letters[0].envelope, due).is_none());
    assert_eq!(opened(bob.receive(&letters[0].envelope, due, &mut rng)), "one");
    // Whoever is nobody is not named.
    let mut altered = letters[0].envelope.clone();
    let last = altered.len() / 2;
    altered[last] ^= 1;
    assert!(bob.early(&altered, NOW).is_none());
    assert!(bob.early(b"nothing", NOW).is_none());
}

#[test]
fn whose_clock_was_ahead_begins_anew_with_a_right_date_and_says_it_again() {
    let (mut directory, mut alice, mut bob, mut rng) = two(202);
    let bobs = address("bob");
    let ahead = NOW.plus(HOUR * 3);
    say(&mut directory, &mut alice, &bobs, "one", ahead, &mut rng);
    assert!(!alice.has_misdated(ahead) && !alice.set_aside_misdated(ahead));
    // As long as it may be ahead.
    let allowed = Timestamp(ahead.as_millis() - u64::try_from(MAX_FUTURE.as_millis()).unwrap());
    assert!(!alice.has_misdated(allowed));
    assert!(alice.has_misdated(Timestamp(allowed.as_millis() - 1)));
    assert!(alice.has_misdated(NOW) && alice.set_aside_misdated(NOW));
    assert!(!alice.has_misdated(NOW), "once");
    let mut alice = reloaded(&alice);
    assert_eq!(alice.wanted(), [address("bob")]);
    assert!(alice.needs_bundle(&bobs));
    let letters = say(&mut directory, &mut alice, &bobs, "two", NOW, &mut rng);
    assert_eq!(hear(&mut bob, &letters, NOW, &mut rng), ["one", "two"]);
    let answer = say(
        &mut directory,
        &mut bob,
        &address("alice"),
        "three",
        NOW.plus(MOMENT),
        &mut rng,
    );
    assert_eq!(hear(&mut alice, &answer, NOW.plus(MOMENT), &mut rng), ["three"]);
    // The first session's date comes, and nothing changes.
    let later = ahead.plus(HOUR);
    alice.tick(later);
    assert!(alice.wanted().is_empty() && !alice.needs_bundle(&bobs));
    let letters = say(&mut directory, &mut alice, &bobs, "four", later, &mut rng);
    assert_eq!(hear(&mut bob, &letters, later, &mut rng), ["four"]);
}

#[test]
fn who_did_take_the_first_session_is_heard_on_it_and_both_go_on_with_it() {
    let (mut directory, mut alice, mut bob, mut rng) = two(203);
    let (alices, bobs) = (address("alice"), address("bob"));
    let (ahead, also_ahead) = (NOW.plus(Duration::from_secs(900)), NOW.plus(Duration::from_secs(480)));
    let letters = say(&mut directory, &mut alice, &bobs, "one", ahead, &mut rng);
    assert_eq!(hear(&mut bob, &letters, also_ahead, &mut rng), ["one"]);
    assert!(alice.set_aside_misdated(NOW));
    let letters = say(&mut directory, &mut alice, &bobs, "two", NOW, &mut rng);
    // What was not acknowledged comes again; who shows contents once by their id does not show it again.
    assert_eq!(hear(&mut bob, &letters, also_ahead, &mut rng), ["one", "two"]);
    // To Bob the first has the later date.
    let answers = say(&mut directory, &mut bob, &alices, "three", also_ahead, &mut rng);
    let mut alice = reloaded(&alice);
    assert_eq!(hear(&mut alice, &answers, NOW, &mut rng), ["three"]);
    alice.tick(NOW);
    assert!(!alice.has_misdated(NOW), "it was answered");
    let letters = say(&mut directory, &mut alice, &bobs, "four", NOW, &mut rng);
    let handshake = letters
        .iter()
        .any(|letter| letter.envelope.len() > 2 * HANDSHAKE_AT_LEAST);
    assert!(
        !handshake,
        "Alice sends on it too, and not on one that Bob has not answered"
    );
    assert_eq!(hear(&mut bob, &letters, also_ahead, &mut rng), ["four"]);
    let answers = say(&mut directory, &mut bob, &alices, "five", also_ahead, &mut rng);
    assert_eq!(hear(&mut alice, &answers, NOW, &mut rng), ["five"]);
}

#[test]
fn nothing_is_begun_anew_that_would_be_dated_ahead_again() {
    let (mut directory, mut alice, mut bob, mut rng) = two(204);
    let (alices, bobs) = (address("alice"), address("bob"));
    let ahead = NOW.plus(HOUR * 24);
    // Bob's clock is ahead too, and he began one that Alice took.
    let letters = say(&mut directory, &mut bob, &alices, "one", ahead, &mut rng);
    assert_eq!(hear(&mut alice, &letters, ahead, &mut rng), ["one"]);
    alice.start(&directory.fetch(&bobs), ahead, &mut rng).unwrap();
    for _ in 0..3 {
        alice.tick(NOW);
        assert!(alice.wanted().is_empty());
    }
}

#[test]
fn a_new_session_tells_its_date_and_an_old_one_does_not() {
    let (mut directory, mut alice, mut bob, mut rng) = two(205);
    let mut begun = |bob: &mut Party, alice: &mut Party, now: Timestamp| {
        let letters = say(&mut directory, alice, &address("bob"), "hello", now, &mut rng);
        match bob.receive(&letters[0].envelope, now, &mut rng) {
            Received::Opened(opened) => opened.begun,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(begun(&mut bob, &mut alice, NOW), Some(NOW));
    assert_eq!(begun(&mut bob, &mut alice, NOW.plus(HOUR)), None);
}
