//! A client whose clock is wrong for a while: it says so, and nothing that cannot be had back is thrown away.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use latchkey_client::{Error, Event, Messenger, Options};
use support::{CrashAt, Stage, address, receive, texts, until_crash};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn wrong(stage: &Stage, ahead: Duration, behind: Duration) -> Options {
    Options {
        clock: stage.clock_off_by(ahead, behind),
        ..stage.options()
    }
}

#[tokio::test]
async fn one_look_with_the_clock_far_ahead_does_not_lock_out_later_first_contacts() {
    for days in [2, 45, 400] {
        let stage = Stage::new().await;
        drop(stage.register("alice").await);
        let mut ahead = stage
            .try_open("alice", wrong(&stage, DAY * days, Duration::ZERO))
            .unwrap();
        for _ in 0..2 {
            let events = ahead.receive(Duration::ZERO).await.unwrap();
            let said = |event: &Event| matches!(event, Event::Postponed(Error::ClockWrong { ahead: true, .. }));
            assert_eq!(events.iter().any(said), days > 7, "{days}: {events:?}");
        }
        drop(ahead);
        let mut alice = stage.open("alice");
        assert!(receive(&mut alice).await.is_empty());
        for name in ["carol", "dave"] {
            let mut stranger = stage.register(name).await;
            stranger.send_text(&address("alice"), name).await.unwrap();
            assert_eq!(receive(&mut alice).await, [name], "{days}");
        }
        let keys = alice.keys().await.unwrap();
        assert!(keys.signed_prekey_created_at <= alice_now(&stage), "{days}");
    }
}

fn alice_now(stage: &Stage) -> u64 {
    server::clock::Clock::now(&*stage.clock).as_millis()
}

#[tokio::test]
async fn a_conversation_that_was_begun_with_the_clock_ahead_goes_on_when_it_is_right_again() {
    let stage = Stage::new().await;
    let (alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    drop(alice);
    let mut ahead = stage
        .try_open("alice", wrong(&stage, DAY * 45, Duration::ZERO))
        .unwrap();
    // Bob's keys have run out, by that clock.
    assert!(ahead.send_text(&address("bob"), "too early").await.is_err());
    drop(ahead);
    let mut ahead = stage.try_open("alice", wrong(&stage, DAY * 5, Duration::ZERO)).unwrap();
    ahead.send_text(&address("bob"), "from the future").await.unwrap();
    drop(ahead);
    bob.receive(Duration::ZERO).await.unwrap();
    let mut alice = stage.open("alice");
    receive(&mut alice).await;
    assert_eq!(receive(&mut bob).await, ["from the future"]);
    bob.send_text(&address("alice"), "hello").await.unwrap();
    assert_eq!(receive(&mut alice).await, ["hello"]);
    alice.send_text(&address("bob"), "now").await.unwrap();
    assert_eq!(receive(&mut bob).await, ["now"]);
}

#[tokio::test]
async fn nobody_registers_by_a_clock_that_is_wrong_and_the_right_one_finishes_it() {
    let stage = Stage::new().await;
    let none = Duration::ZERO;
    for (options, words) in [
        (wrong(&stage, DAY + DAY / 24, none), "25 hours ahead of"),
        (wrong(&stage, DAY * 45, none), "45 days ahead of"),
        (wrong(&stage, none, DAY * 30), "30 days behind"),
    ] {
        let refused = stage.try_register("alice", options).await.unwrap_err();
        assert!(matches!(refused, Error::ClockWrong { .. }), "{refused}");
        assert!(refused.to_string().contains(words), "{refused}");
        assert!(!stage.home("alice").exists(), "nothing is left behind");
    }
    // Begun by such a clock all the same: it jumped between the challenge and the keys.
    let crash = CrashAt::step(latchkey_client::Step::BeforeRegister);
    let options = Options {
        steps: crash,
        ..wrong(&stage, DAY - DAY / 24, none)
    };
    let died = until_crash(stage.try_register("alice", options)).await;
    assert_eq!(died.err(), Some(latchkey_client::Step::BeforeRegister));
    let mut behind = wrong(&stage, none, DAY);
    behind.steps = Arc::new(latchkey_client::NoSteps);
    drop(stage.try_register("alice", behind).await.unwrap());
    let mut bob = stage.register("bob").await;
    bob.send_text(&address("alice"), "hi").await.unwrap();
    assert_eq!(receive(&mut stage.open("alice")).await, ["hi"]);
}

/// With a clock that is ahead, or behind.
fn open_wrong(stage: &Stage, name: &str, ahead: Duration, behind: Duration) -> Messenger {
    stage.try_open(name, wrong(stage, ahead, behind)).unwrap()
}

/// How many of `peer` were kept and dropped for their date, in a round that shows nothing else of them.
fn early(events: &[Event], peer: &str) -> (u64, u64) {
    assert!(texts(events).is_empty(), "{events:?}");
    assert!(
        !events.iter().any(|event| matches!(event, Event::Unreadable { .. })),
        "{events:?}"
    );
    events
        .iter()
        .find_map(|event| match event {
            Event::TooEarly {
                peer: of,
                kept,
                dropped,
                ..
            } if *of == address(peer) => Some((*kept, *dropped)),
            _ => None,
        })
        .unwrap_or_default()
}

/// What was said of our own clock: once a run.
fn ahead(events: &[Event]) -> Vec<bool> {
    let of = |event: &Event| match event {
        Event::ClockWrong(off) => Some(off.ahead),
        _ => None,
    };
    events.iter().filter_map(of).collect()
}

/// Alice and Bob are strangers, and Alice has written two messages by a clock that is three hours ahead.
async fn written_ahead(stage: &Stage) -> (Messenger, Messenger) {
    drop(stage.register("alice").await);
    let bob = stage.register("bob").await;
    let mut alice = open_wrong(stage, "alice", HOUR * 3, Duration::ZERO);
    let sent = alice.send_text(&address("bob"), "one").await.unwrap();
    assert_eq!(ahead(&sent.events), [true], "{:?}", sent.events);
    let sent = alice.send_text(&address("bob"), "two").await.unwrap();
    assert!(ahead(&sent.events).is_empty(), "said once");
    (alice, bob)
}

#[tokio::test]
async fn a_first_contact_that_is_dated_ahead_is_kept_said_and_opens_on_its_date() {
    let stage = Stage::new().await;
    let (_alice, mut bob) = written_ahead(&stage).await;
    let events = bob.receive(Duration::ZERO).await.unwrap();
    assert_eq!(early(&events, "alice"), (2, 0), "{events:?}");
    let unknown = |event: &Event| matches!(event, Event::TooEarly { clock: None, .. });
    assert!(events.iter().any(unknown), "Bob's clock is right: {events:?}");
    let status = bob.own_status().unwrap();
    assert_eq!((status.early, status.quarantined, status.contacts), (2, 0, 0));
    assert!(bob.receive(Duration::ZERO).await.unwrap().is_empty(), "said once");
    drop(bob);
    stage.advance(HOUR * 3 - Duration::from_secs(601));
    let mut bob = stage.open("bob");
    assert!(bob.receive(Duration::ZERO).await.unwrap().is_empty());
    stage.advance(Duration::from_secs(1));
    assert_eq!(receive(&mut bob).await, ["one", "two"]);
    assert_eq!(bob.own_status().unwrap().early, 0);
}

#[tokio::test]
async fn by_the_relays_clock_it_is_ones_own_that_is_wrong_and_setting_it_opens_what_was_kept() {
    for behind in [Duration::from_secs(11 * 60), HOUR * 3, DAY * 20] {
        let stage = Stage::new().await;
        let mut alice = stage.register("alice").await;
        drop(stage.register("bob").await);
        alice.send_text(&address("bob"), "one").await.unwrap();
        let mut bob = open_wrong(&stage, "bob", Duration::ZERO, behind);
        let events = bob.receive(Duration::ZERO).await.unwrap();
        assert_eq!(early(&events, "alice"), (1, 0), "{events:?}");
        let own = |event: &Event| matches!(event, Event::TooEarly { clock: Some(off), .. } if !off.ahead && off.apart >= behind);
        assert!(events.iter().any(own), "{events:?}");
        drop(bob);
        // Not too old, although it was noted by a clock that was far behind.
        assert_eq!(receive(&mut stage.open("bob")).await, ["one"], "{behind:?}");
    }
}

#[tokio::test]
async fn whose_clock_is_put_back_begins_anew_and_nothing_is_lost_on_either_side() {
    for bob_looked in [true, false] {
        let stage = Stage::new().await;
        let (alice, mut bob) = written_ahead(&stage).await;
        if bob_looked {
            let events = bob.receive(Duration::ZERO).await.unwrap();
            assert_eq!(early(&events, "alice"), (2, 0), "{events:?}");
        }
        drop(alice);
        let mut alice = stage.open("alice");
        // Without a look at the mailbox.
        let sent = alice.send_text(&address("bob"), "three").await.unwrap();
        assert!(ahead(&sent.events).is_empty());
        let events = bob.receive(Duration::ZERO).await.unwrap();
        assert_eq!(texts(&events), ["one", "two", "three"], "{events:?}");
        assert_eq!(bob.own_status().unwrap().early, 0, "what was dated ahead is forgotten");
        bob.send_text(&address("alice"), "four").await.unwrap();
        assert_eq!(receive(&mut alice).await, ["four"]);
        for (hours, there, back) in [(1, "five", "six"), (4, "seven", "eight")] {
            stage.advance(HOUR * hours);
            alice.send_text(&address("bob"), there).await.unwrap();
            assert_eq!(receive(&mut bob).await, [there]);
            bob.send_text(&address("alice"), back).await.unwrap();
            assert_eq!(receive(&mut alice).await, [back]);
        }
    }
}

#[tokio::test]
async fn whose_clock_stays_ahead_is_heard_when_the_date_comes() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = written_ahead(&stage).await;
    bob.receive(Duration::ZERO).await.unwrap();
    // Bob writes by himself meanwhile.
    bob.send_text(&address("alice"), "hello").await.unwrap();
    assert_eq!(texts(&alice.receive(Duration::ZERO).await.unwrap()), ["hello"]);
    alice.send_text(&address("bob"), "three").await.unwrap();
    bob.receive(Duration::ZERO).await.unwrap();
    stage.advance(HOUR * 3);
    bob.receive(Duration::ZERO).await.unwrap();
    let kept = support::kept(&bob, latchkey_client::vault::Direction::Incoming);
    assert_eq!(kept, ["one", "two", "three"]);
    bob.send_text(&address("alice"), "four").await.unwrap();
    assert_eq!(texts(&alice.receive(Duration::ZERO).await.unwrap()), ["four"]);
}

#[tokio::test]
async fn a_stranger_fills_no_more_than_a_part_of_the_quarantine_by_dates() {
    let stage = Stage::open_to_strangers().await;
    drop(stage.register("eve").await);
    let mut bob = stage.register("bob").await;
    let mut eve = open_wrong(&stage, "eve", DAY * 3, Duration::ZERO);
    let mut sum = (0, 0);
    // One by one: the relay keeps no more of a stranger, either.
    for n in 0..40 {
        eve.send_text(&address("bob"), &n.to_string()).await.unwrap();
        let (kept, dropped) = early(&bob.receive(Duration::ZERO).await.unwrap(), "eve");
        sum = (sum.0 + kept, sum.1 + dropped);
    }
    assert_eq!(sum, (32, 8));
    assert_eq!(bob.own_status().unwrap().early, 32);
    // Seven days later they are gone, when their date has not come.
    drop(eve);
    drop(stage.register("mallory").await);
    let mut mallory = open_wrong(&stage, "mallory", DAY * 12, Duration::ZERO);
    mallory.send_text(&address("bob"), "later").await.unwrap();
    bob.receive(Duration::ZERO).await.unwrap();
    stage.advance(DAY * 7);
    let events = bob.receive(Duration::ZERO).await.unwrap();
    assert_eq!(texts(&events).len(), 32);
    let given_up = |event: &Event| matches!(event, Event::TooEarly { peer, kept: 0, dropped: 1, .. } if *peer == address("mallory"));
    assert!(events.iter().any(given_up), "{events:?}");
    assert_eq!(bob.own_status().unwrap().early, 0);
}

#[tokio::test]
async fn what_a_blocked_sender_dates_ahead_is_not_kept() {
    let stage = Stage::new().await;
    let (_alice, mut bob) = written_ahead(&stage).await;
    bob.block(&address("alice")).await.unwrap();
    bob.receive(Duration::ZERO).await.unwrap();
    assert_eq!(bob.own_status().unwrap().early, 0);
}

#[tokio::test]
async fn keys_that_were_made_while_the_clock_was_behind_are_made_anew_when_it_is_right() {
    for days in [8, 20, 45, 400] {
        let stage = Stage::new().await;
        drop(stage.register("alice").await);
        let mut behind = open_wrong(&stage, "alice", Duration::ZERO, DAY * days);
        let refused = behind.rotate_keys().await.unwrap_err();
        assert!(matches!(refused, Error::ClockWrong { ahead: false, .. }), "{refused}");
        drop(behind);
        // Contacts did not get keys that end before others are made.
        stage.advance(DAY * 6);
        let mut carol = stage.register("carol").await;
        carol.send_text(&address("alice"), "hi").await.unwrap();
        let mut alice = stage.open("alice");
        assert_eq!(receive(&mut alice).await, ["hi"], "{days}: and nothing is put off");
        assert_eq!(alice.keys().await.unwrap().signed_prekey_created_at, alice_now(&stage));
        let mut dave = stage.register("dave").await;
        dave.send_text(&address("alice"), "hello").await.unwrap();
        assert_eq!(receive(&mut alice).await, ["hello"]);
    }
}

#[tokio::test]
async fn an_identity_is_not_replaced_by_a_wrong_clock_and_the_same_again_does_it_when_it_is_right() {
    for (ahead, behind) in [
        (DAY * 45, Duration::ZERO),
        (DAY * 5, Duration::ZERO),
        (Duration::ZERO, DAY * 45),
    ] {
        let stage = Stage::new().await;
        let before = stage.register("alice").await.own_status().unwrap().fingerprint;
        let mut alice = open_wrong(&stage, "alice", ahead, behind);
        let refused = alice.rotate_identity().await.unwrap_err();
        assert!(
            matches!(refused, Error::ClockWrong { ahead: said, .. } if said != ahead.is_zero()),
            "{refused}"
        );
        assert_eq!(alice.own_status().unwrap().fingerprint, before);
        drop(alice);
        let mut alice = stage.open("alice");
        alice.rotate_identity().await.unwrap();
        assert_ne!(alice.own_status().unwrap().fingerprint, before);
    }
}

#[tokio::test]
async fn keys_of_contacts_are_not_blamed_for_ones_own_clock() {
    let stage = Stage::new().await;
    let (alice, _bob) = (stage.register("alice").await, stage.register("bob").await);
    drop(alice);
    for (ahead, behind) in [(DAY * 45, Duration::ZERO), (Duration::ZERO, DAY * 3)] {
        let mut alice = open_wrong(&stage, "alice", ahead, behind);
        let refused = alice.send_text(&address("bob"), "hi").await.unwrap_err();
        assert!(
            matches!(refused, Error::ClockWrong { ahead: said, .. } if said != ahead.is_zero()),
            "{refused}"
        );
    }
    // Keys that have run out by the relay's clock too are their owner's.
    stage.advance(DAY * 15);
    let mut alice = open_wrong(&stage, "alice", DAY, Duration::ZERO);
    let refused = alice.send_text(&address("bob"), "hi").await.unwrap_err();
    assert!(matches!(refused, Error::KeysRefused { .. }), "{refused}");
}

#[tokio::test]
async fn a_clock_that_is_wrong_for_a_while_restarts_no_conversation() {
    // Behind: the session looks as if it were begun ahead. Ahead: the peer looks silent.
    for (ahead_by, behind) in [
        (Duration::ZERO, Duration::from_secs(11 * 60)),
        (Duration::ZERO, DAY * 3),
        (DAY * 8, Duration::ZERO),
        (DAY * 13, Duration::ZERO),
    ] {
        let stage = Stage::new().await;
        let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
        alice.send_text(&address("bob"), "one").await.unwrap();
        drop(alice);
        let mut alice = open_wrong(&stage, "alice", ahead_by, behind);
        stage.line.take_requests();
        for _ in 0..2 {
            let events = alice.receive(Duration::ZERO).await.unwrap();
            for event in &events {
                let about_the_clock =
                    matches!(event, Event::ClockWrong(_) | Event::Postponed(Error::ClockWrong { .. }));
                assert!(about_the_clock, "{ahead_by:?} {behind:?}: {events:?}");
            }
        }
        let requests = stage.line.take_requests();
        assert!(
            !requests
                .iter()
                .any(|request| request.contains("/keys/bob") || request.starts_with("POST /v1/messages")),
            "{requests:?}"
        );
        drop(alice);
        let mut alice = stage.open("alice");
        assert!(receive(&mut alice).await.is_empty());
        assert_eq!(receive(&mut bob).await, ["one"]);
        bob.send_text(&address("alice"), "two").await.unwrap();
        let events = alice.receive(Duration::ZERO).await.unwrap();
        assert_eq!(texts(&events), ["two"]);
        assert!(
            !events.iter().any(|event| matches!(event, Event::Restarted { .. })),
            "{events:?}"
        );
    }
}

#[tokio::test]
async fn a_new_identity_is_followed_by_a_clock_that_is_behind() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    alice.send_text(&address("bob"), "one").await.unwrap();
    assert_eq!(receive(&mut bob).await, ["one"]);
    bob.send_text(&address("alice"), "two").await.unwrap();
    assert_eq!(receive(&mut alice).await, ["two"]);
    drop(alice);
    bob.rotate_identity().await.unwrap();
    bob.send_text(&address("alice"), "three").await.unwrap();
    let mut alice = open_wrong(&stage, "alice", Duration::ZERO, DAY * 3);
    let events = alice.receive(Duration::ZERO).await.unwrap();
    assert!(
        events.iter().any(|event| matches!(event, Event::Succeeded { .. })),
        "{events:?}"
    );
    assert!(
        !events
            .iter()
            .any(|event| matches!(event, Event::IdentityChanged { .. })),
        "{events:?}"
    );
    drop(alice);
    assert_eq!(receive(&mut stage.open("alice")).await, ["three"]);
}

#[tokio::test]
async fn a_clock_that_is_days_ahead_signs_in_once_and_not_for_each_request() {
    let stage = Stage::new().await;
    drop(stage.register("alice").await);
    let mut alice = open_wrong(&stage, "alice", DAY * 3, Duration::ZERO);
    stage.line.take_requests();
    for _ in 0..5 {
        alice.receive(Duration::ZERO).await.unwrap();
        alice.keys().await.unwrap();
    }
    let requests = stage.line.take_requests();
    let challenges = requests.iter().filter(|request| request.contains("challenge")).count();
    assert_eq!(challenges, 1, "{requests:?}");
}

#[tokio::test]
async fn a_restart_that_is_wanted_waits_until_the_clock_is_right() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    alice.send_text(&address("bob"), "one").await.unwrap();
    assert_eq!(receive(&mut bob).await, ["one"]);
    drop(alice);
    // Put back from a copy: every conversation restarts.
    support::copy(&stage.home("alice"), &stage.home("copy"));
    let mut alice = stage.open("alice");
    alice.send_text(&address("bob"), "two").await.unwrap();
    drop(alice);
    support::copy(&stage.home("copy"), &stage.home("alice"));
    let restarted = |events: &[Event]| events.iter().any(|event| matches!(event, Event::Restarted { .. }));
    for (ahead_by, behind) in [(HOUR * 3, Duration::ZERO), (Duration::ZERO, DAY * 2)] {
        let mut alice = open_wrong(&stage, "alice", ahead_by, behind);
        let events = alice.receive(Duration::ZERO).await.unwrap();
        assert!(!restarted(&events), "{events:?}");
        assert_eq!(ahead(&events), [behind.is_zero()], "{events:?}");
    }
    let mut alice = stage.open("alice");
    assert!(restarted(&alice.receive(Duration::ZERO).await.unwrap()));
}
