//! What the protocol wants by itself: handshakes when nobody answers, and how many sessions it keeps.
#![cfg(feature = "session")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may
mod common;

use std::time::Duration;

use common::*;
use latchkey_protocol::Timestamp;
use latchkey_protocol::party::MAX_SESSIONS;

const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);
const MOMENT: Duration = Duration::from_millis(1);

#[test]
fn who_is_silent_for_a_week_gets_a_handshake_once_a_week() {
    let (mut directory, mut alice, _, mut rng) = two(91);
    let bob = address("bob");
    alice.tick(NOW.plus(WEEK * 3));
    assert!(alice.wanted().is_empty(), "nothing was sent");
    say(&mut directory, &mut alice, &bob, "are you there?", NOW, &mut rng);
    let wants = |alice: &mut latchkey_protocol::party::Party, at: Timestamp| {
        alice.tick(at);
        alice.wanted() == [address("bob")]
    };
    assert!(!wants(&mut alice, NOW.plus(WEEK - MOMENT)));
    assert!(wants(&mut alice, NOW.plus(WEEK)));
    // The handshake sends it again, and from then it has another week.
    directory.publish(&mut alice, false, NOW, &mut rng);
    alice.start(&directory.fetch(&bob), NOW.plus(WEEK), &mut rng).unwrap();
    assert!(!wants(&mut alice, NOW.plus(WEEK)));
    assert!(!wants(&mut alice, NOW.plus(WEEK * 2 - MOMENT)));
    assert!(wants(&mut alice, NOW.plus(WEEK * 2)));
}

#[test]
fn a_handshake_that_could_not_be_made_is_wanted_once_a_week_and_no_more() {
    let (mut directory, mut alice, _, mut rng) = two(92);
    let bob = address("bob");
    say(&mut directory, &mut alice, &bob, "are you there?", NOW, &mut rng);
    alice.tick(NOW.plus(WEEK));
    // Made, and nothing was sent again: as if its envelopes had been dropped with the vault's transaction.
    let mut tried = alice.clone();
    tried.take_changes();
    tried.tick(NOW.plus(WEEK + MOMENT));
    assert!(tried.take_changes().is_empty(), "it was said already");
    tried.tick(NOW.plus(WEEK * 2 - MOMENT));
    assert!(tried.take_changes().is_empty());
    tried.tick(NOW.plus(WEEK * 2));
    assert_eq!(tried.take_changes().len(), 1);
}

#[test]
fn so_many_sessions_are_kept_with_one_peer_and_the_oldest_goes() {
    let (mut directory, mut alice, _, mut rng) = two(93);
    let bob = address("bob");
    let sessions = |party: &latchkey_protocol::party::Party| -> Vec<String> {
        let records = records(party);
        records.into_keys().filter(|key| key.starts_with("session/")).collect()
    };
    let mut first = Vec::new();
    for n in 0..MAX_SESSIONS + 2 {
        let now = NOW.plus(Duration::from_secs(n as u64));
        alice.start(&directory.fetch(&bob), now, &mut rng).unwrap();
        assert_eq!(sessions(&alice).len(), (n + 1).min(MAX_SESSIONS));
        if n == 0 {
            first = sessions(&alice);
        }
    }
    assert!(!sessions(&alice).contains(&first[0]));
}
