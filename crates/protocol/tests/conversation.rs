//! People talk: the ordinary road and the crossings of it.

mod common;

use common::*;
use latchkey_protocol::party::{Party, Received, Trust};

#[test]
fn two_people_talk_both_ways_over_many_epochs() {
    let (mut directory, mut alice, mut bob, mut rng) = two(1);
    for round in 0..60 {
        let words = format!("question {round}");
        for envelope in say(&mut directory, &mut alice, &address("bob"), &words, NOW, &mut rng) {
            assert_eq!(opened(bob.receive(&envelope.envelope, NOW, &mut rng)), words);
        }
        let words = format!("answer {round}");
        for envelope in say(&mut directory, &mut bob, &address("alice"), &words, NOW, &mut rng) {
            assert_eq!(opened(alice.receive(&envelope.envelope, NOW, &mut rng)), words);
        }
    }
    assert_eq!(
        alice.pending_count(&address("bob")),
        0,
        "every question was acknowledged by its answer"
    );
    assert_eq!(
        bob.pending_count(&address("alice")),
        1,
        "only the last answer is not acknowledged yet"
    );
    assert_eq!(alice.contact(&address("bob")).unwrap().trust, Trust::Unverified);
    assert_eq!(
        alice.safety_number(&address("bob")),
        bob.safety_number(&address("alice"))
    );
    assert_eq!(alice.safety_number(&address("bob")).unwrap().digits().len(), 60);
}

#[test]
fn a_party_survives_being_stored_and_loaded_after_every_step() {
    let (mut directory, mut alice, mut bob, mut rng) = two(2);
    let reload = |party: &mut Party| {
        let before = records(party);
        *party = Party::load(before.clone()).unwrap();
        assert_eq!(records(party), before);
    };
    for round in 0..30 {
        for envelope in say(&mut directory, &mut alice, &address("bob"), "a", NOW, &mut rng) {
            reload(&mut alice);
            opened(bob.receive(&envelope.envelope, NOW, &mut rng));
            reload(&mut bob);
            assert!(matches!(
                bob.receive(&envelope.envelope, NOW, &mut rng),
                Received::Duplicate
            ));
        }
        if round % 3 == 0 {
            for envelope in say(&mut directory, &mut bob, &address("alice"), "b", NOW, &mut rng) {
                opened(alice.receive(&envelope.envelope, NOW, &mut rng));
            }
        }
    }
}

#[test]
fn the_changes_taken_add_up_to_all_records() {
    let (mut directory, mut alice, mut bob, mut rng) = two(3);
    let mut vaults = [std::collections::BTreeMap::new(), std::collections::BTreeMap::new()];
    let mut keep = |who: usize, party: &mut Party| {
        for change in party.take_changes() {
            match change.value {
                Some(value) => vaults[who].insert(change.key, value.to_vec()),
                None => vaults[who].remove(&change.key),
            };
        }
        assert_eq!(vaults[who], records(party));
    };
    for round in 0..50 {
        let envelopes = say(&mut directory, &mut alice, &address("bob"), "a", NOW, &mut rng);
        keep(0, &mut alice);
        for envelope in envelopes.iter().filter(|_| round % 7 != 3) {
            opened(bob.receive(&envelope.envelope, NOW, &mut rng));
            keep(1, &mut bob);
        }
        if round % 5 == 0 {
            for envelope in say(&mut directory, &mut bob, &address("alice"), "b", NOW, &mut rng) {
                keep(1, &mut bob);
                opened(alice.receive(&envelope.envelope, NOW, &mut rng));
                keep(0, &mut alice);
            }
        }
    }
}

#[test]
fn a_publication_that_was_never_confirmed_is_offered_again_until_it_is_too_old() {
    let mut rng = rng(9);
    let mut alice = Party::generate(address("alice"), &mut rng);
    let first = alice.publication(None, false, NOW, &mut rng).unwrap();
    let later = NOW.plus(std::time::Duration::from_secs(6 * 24 * 3600));
    assert_eq!(
        alice.publication(None, false, later, &mut rng),
        Some(first.clone()),
        "the same bytes"
    );
    let too_late = NOW.plus(std::time::Duration::from_secs(20 * 24 * 3600));
    let anew = alice.publication(None, false, too_late, &mut rng).unwrap();
    assert_ne!(anew.signed_prekey, first.signed_prekey);
    assert!(
        anew.one_time_batch.is_some(),
        "the batch that never arrived is made anew too"
    );
    let signed = anew.signed_prekey.unwrap();
    signed.verify(alice.identity_key(), alice.address(), too_late).unwrap();
}
