//! A new identity for a name: contacts follow, and whoever had verified the old one is asked first.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::time::Duration;

use latchkey_client::vault::{Direction, MessageState};
use latchkey_client::{Error, Event, Messenger, Standing, Step};
use support::{CrashAt, Stage, address, copy, kept, texts, until_crash};

async fn acquainted(stage: &Stage) -> (Messenger, Messenger) {
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    alice.send_text(&address("bob"), "hello").await.unwrap();
    hear(&mut bob).await;
    bob.send_text(&address("alice"), "hi").await.unwrap();
    for _ in 0..2 {
        hear(&mut alice).await;
        hear(&mut bob).await;
    }
    (alice, bob)
}

/// Receives; what is put off is a fault.
async fn hear(person: &mut Messenger) -> Vec<Event> {
    let events = person.receive(Duration::ZERO).await.unwrap();
    assert!(
        !events.iter().any(|event| matches!(event, Event::Postponed(_))),
        "{events:?}"
    );
    events
}

fn succeeded(events: &[Event]) -> Vec<bool> {
    let said = events.iter().filter_map(|event| match event {
        Event::Succeeded { peer, was_verified } if *peer == address("alice") => Some(*was_verified),
        Event::IdentityChanged { .. } | Event::IdentityForked { .. } | Event::QuarantineDropped { .. } => {
            panic!("{event:?}")
        }
        _ => None,
    });
    said.collect()
}

#[tokio::test]
async fn an_unverified_contact_follows_and_nothing_is_lost_or_doubled() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = acquainted(&stage).await;
    let (old, number) = (
        alice.fingerprint().unwrap(),
        bob.safety_number(&address("alice")).unwrap(),
    );
    // Under way in both directions; one that Alice has not been told of comes again under her new identity.
    alice.send_text(&address("bob"), "before").await.unwrap();
    assert_eq!(texts(&hear(&mut bob).await), ["before"]);
    bob.send_text(&address("alice"), "to the old one").await.unwrap();
    let events = alice.rotate_identity().await.unwrap();
    assert!(
        events.iter().any(|event| matches!(event, Event::OwnSuccession)),
        "{events:?}"
    );
    assert_eq!(texts(&events), ["to the old one"]);
    bob.send_text(&address("alice"), "to the old one, late").await.unwrap();
    assert_ne!(alice.fingerprint().unwrap(), old);

    let events = hear(&mut bob).await;
    assert_eq!(succeeded(&events), [false]);
    assert!(texts(&events).is_empty(), "seen before: {events:?}");
    let person = bob.contact(&address("alice")).unwrap();
    assert_eq!(
        (person.standing, person.fingerprint),
        (Standing::Unverified, alice.fingerprint().unwrap())
    );
    assert_ne!(bob.safety_number(&address("alice")).unwrap(), number);
    assert_eq!(
        bob.safety_number(&address("alice")).unwrap(),
        alice.safety_number(&address("bob")).unwrap()
    );
    // What found no key came again; and all goes on, by new tokens, across a new start.
    hear(&mut alice).await;
    drop(alice);
    let mut alice = stage.open("alice");
    for n in 0..3 {
        alice.send_text(&address("bob"), &format!("a{n}")).await.unwrap();
        hear(&mut bob).await;
        bob.send_text(&address("alice"), &format!("b{n}")).await.unwrap();
        hear(&mut alice).await;
    }
    assert_eq!(kept(&bob, Direction::Incoming), ["hello", "before", "a0", "a1", "a2"]);
    assert_eq!(
        kept(&alice, Direction::Incoming),
        ["hi", "to the old one", "to the old one, late", "b0", "b1", "b2"]
    );
    stage.line.take_named();
    bob.send_text(&address("alice"), "unnamed").await.unwrap();
    let named = stage.line.take_named();
    assert!(
        named.iter().all(|request| request.starts_with("POST /v1/inbox")),
        "the token is a new one: {named:?}"
    );
}

#[tokio::test]
async fn a_verified_contact_is_not_written_to_before_somebody_looked() {
    for verify in [true, false] {
        let stage = Stage::new().await;
        let (mut alice, mut bob) = acquainted(&stage).await;
        let old = alice.fingerprint().unwrap();
        bob.verify(&address("alice")).unwrap();
        bob.send_text(&address("alice"), "for the verified one").await.unwrap();
        // Deleted at the relay: she never gets it under her old identity.
        alice.clear_inbox().await.unwrap();
        alice.rotate_identity().await.unwrap();
        alice.send_text(&address("bob"), "it is me").await.unwrap();

        let events = hear(&mut bob).await;
        assert_eq!(succeeded(&events), [true]);
        assert_eq!(texts(&events), ["it is me"], "reading gives nothing away");
        assert_eq!(
            bob.contact(&address("alice")).unwrap().standing,
            Standing::Succeeded { verified: old }
        );
        stage.line.take_requests();
        let refused = bob.send_text(&address("alice"), "1234").await;
        assert!(matches!(refused, Err(Error::IdentitySucceeded { .. })), "{refused:?}");
        assert!(stage.line.take_requests().is_empty());
        drop(bob);
        let mut bob = stage.open("bob");
        stage.advance(Duration::from_secs(3600));
        hear(&mut bob).await;
        assert!(
            !stage
                .line
                .take_requests()
                .iter()
                .any(|request| request.contains("to=alice")),
            "no receipt either"
        );
        if verify {
            let person = bob.verify(&address("alice")).unwrap();
            assert_eq!(person.standing, Standing::Verified);
        } else {
            let (person, _) = bob.accept_identity(&address("alice")).unwrap();
            assert_eq!(person.standing, Standing::Unverified);
        }
        bob.catch_up().await.unwrap();
        assert!(texts(&hear(&mut alice).await).contains(&"for the verified one".to_owned()));
        bob.send_text(&address("alice"), "1234").await.unwrap();
        assert_eq!(texts(&hear(&mut alice).await), ["1234"]);
    }
}

#[tokio::test]
async fn who_was_away_for_two_successions_follows_both_by_reading_or_by_writing() {
    for writes_first in [false, true] {
        let stage = Stage::new().await;
        let (mut alice, mut bob) = acquainted(&stage).await;
        alice.rotate_identity().await.unwrap();
        alice.send_text(&address("bob"), "under the second").await.unwrap();
        stage.advance(Duration::from_secs(24 * 3600));
        alice.rotate_identity().await.unwrap();
        alice.send_text(&address("bob"), "under the third").await.unwrap();
        if writes_first {
            bob.send_text(&address("alice"), "are you well?").await.unwrap();
        }
        let events = hear(&mut bob).await;
        assert_eq!(succeeded(&events), [false]);
        let mut heard = texts(&events);
        heard.sort_unstable();
        assert_eq!(heard, ["under the second", "under the third"]);
        bob.send_text(&address("alice"), "so it is you").await.unwrap();
        for _ in 0..2 {
            hear(&mut alice).await;
            hear(&mut bob).await;
        }
        let mut expected = vec!["hi", "so it is you"];
        if writes_first {
            expected.insert(1, "are you well?");
        }
        let mut got = kept(&alice, Direction::Incoming);
        got[1..].sort_unstable();
        assert_eq!(got, expected);
    }
}

#[tokio::test]
async fn a_stranger_to_the_old_identity_reaches_the_new_one() {
    let stage = Stage::new().await;
    let (mut alice, _) = acquainted(&stage).await;
    let mut carol = stage.register("carol").await;
    // Her first letter answers keys that end before it is read.
    hear(&mut alice).await;
    let crash = CrashAt::step(Step::BeforeSucceed);
    drop(alice);
    let mut alice = stage.try_open("alice", stage.options_with(crash)).unwrap();
    assert_eq!(
        until_crash(alice.rotate_identity()).await.err(),
        Some(Step::BeforeSucceed)
    );
    carol.send_text(&address("alice"), "do you know me?").await.unwrap();
    drop(alice);
    let mut alice = stage.open("alice");
    let mut heard = Vec::new();
    for _ in 0..3 {
        heard.extend(texts(&alice.receive(Duration::ZERO).await.unwrap()));
        carol.receive(Duration::ZERO).await.unwrap();
    }
    assert_eq!(heard, ["do you know me?"]);
}

#[tokio::test]
async fn a_run_that_died_is_finished_by_the_next_and_a_lost_answer_costs_nothing() {
    for step in [Step::BeforeSucceed, Step::AfterSucceed] {
        let stage = Stage::new().await;
        let (alice, mut bob) = acquainted(&stage).await;
        drop(alice);
        let crash = CrashAt::step(step);
        let mut alice = stage.try_open("alice", stage.options_with(crash)).unwrap();
        let old = alice.fingerprint().unwrap();
        assert_eq!(until_crash(alice.rotate_identity()).await.err(), Some(step));
        drop(alice);
        let mut alice = stage.open("alice");
        assert_eq!(alice.fingerprint().unwrap(), old, "not before the relay has it");
        stage.line.lose_answer("POST /v1/accounts/succession");
        let events = hear(&mut alice).await;
        assert!(
            events.iter().any(|event| matches!(event, Event::OwnSuccession)),
            "{events:?}"
        );
        let new = alice.fingerprint().unwrap();
        assert_ne!(new, old);
        assert!(
            !hear(&mut alice)
                .await
                .iter()
                .any(|event| matches!(event, Event::OwnSuccession))
        );
        assert_eq!(succeeded(&hear(&mut bob).await), [false]);
        assert_eq!(bob.contact(&address("alice")).unwrap().fingerprint, new);
    }
}

#[tokio::test]
async fn without_a_network_the_new_identity_waits() {
    let mut stage = Stage::new().await;
    let (alice, _) = acquainted(&stage).await;
    drop(alice);
    let crash = CrashAt::step(Step::BeforeSucceed);
    let mut alice = stage.try_open("alice", stage.options_with(crash)).unwrap();
    assert_eq!(
        until_crash(alice.rotate_identity()).await.err(),
        Some(Step::BeforeSucceed)
    );
    drop(alice);
    let mut alice = stage.open("alice");
    let old = alice.fingerprint().unwrap();
    stage.stop_relay().await;
    let failed = alice.rotate_identity().await;
    assert!(matches!(failed, Err(Error::Relay(_))), "{failed:?}");
    assert_eq!(alice.fingerprint().unwrap(), old);
    stage.start_relay().await;
    alice.rotate_identity().await.unwrap();
    let new = alice.fingerprint().unwrap();
    assert_ne!(new, old);
    hear(&mut alice).await;
    assert_eq!(alice.fingerprint().unwrap(), new, "once");
}

/// A thief with a copy of Alice's home makes a successor of his own. The relay takes one; a relay that shows both is caught by whoever saw both.
#[tokio::test]
async fn two_successors_of_one_identity() {
    let mut stage = Stage::new().await;
    let (alice, mut bob) = acquainted(&stage).await;
    drop(alice);
    let (stolen, backup) = (stage.home("thief"), stage.home("relay-before"));
    copy(&stage.home("alice"), &stolen);
    let relay = stage.home("alice").parent().unwrap().parent().unwrap().join("relay");
    stage.stop_relay().await;
    copy(&relay, &backup);
    stage.start_relay().await;

    let mut alice = stage.open("alice");
    alice.rotate_identity().await.unwrap();
    assert_eq!(succeeded(&hear(&mut bob).await), [false]);
    bob.send_text(&address("alice"), "hello, new one").await.unwrap();
    let first = alice.fingerprint().unwrap();
    let mut thief = stage.open("thief");
    // The relay has another identity for this name: the thief's copy cannot even sign in.
    let failed = thief.rotate_identity().await;
    assert!(matches!(failed, Err(Error::ShutOut { .. })), "{failed:?}");
    drop(thief);

    // A relay that forgot, or plays a double game.
    stage.stop_relay().await;
    copy(&backup, &relay);
    stage.start_relay().await;
    let mut thief = stage.open("thief");
    thief.rotate_identity().await.unwrap();
    thief.send_text(&address("bob"), "trust me").await.unwrap();
    // Alice is told, and does not go on quietly.
    let lost = alice.rotate_identity().await;
    assert!(lost.is_err(), "{lost:?}");

    let forked = |events: &[Event]| events.iter().any(|event| matches!(event, Event::IdentityForked { .. }));
    let events = bob.receive(Duration::ZERO).await.unwrap();
    assert!(forked(&events) && texts(&events).is_empty(), "{events:?}");
    drop(bob);
    let mut bob = stage.open("bob");
    let person = bob.contact(&address("alice")).unwrap();
    assert_eq!(person.fingerprint, first);
    assert!(
        matches!(person.standing, Standing::Forked { offered } if offered == thief.fingerprint().unwrap()),
        "{person:?}"
    );
    let refused = bob.send_text(&address("alice"), "1234").await;
    assert!(matches!(refused, Err(Error::IdentityForked(_))), "{refused:?}");
    assert!(matches!(bob.verify(&address("alice")), Err(Error::IdentityForked(_))));
    let (person, events) = bob.reject_identity(&address("alice")).unwrap();
    assert_eq!((person.standing, person.fingerprint), (Standing::Unverified, first));
    assert!(events.is_empty(), "{events:?}");
    assert!(matches!(
        bob.reject_identity(&address("alice")),
        Err(Error::NothingToReject(_))
    ));
    assert!(
        !kept(&bob, Direction::Incoming).contains(&"trust me".to_owned()),
        "what the other sent is gone"
    );
    assert_eq!(bob.own_status().unwrap().quarantined, 0);
    assert!(
        bob.history(None, 10)
            .unwrap()
            .iter()
            .all(|message| !matches!(message.state, MessageState::Failed(_)))
    );
}
