//! Delivery receipts: who gets them, how many, and that nothing answers them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::time::Duration;

use latchkey_client::vault::{Direction, MessageBody, MessageState, Receipts, StoredMessage};
use latchkey_client::{Event, LimitRequest, Messenger, RECEIPT_DELAY};
use support::{Stage, address, receive};

/// Alice and Bob, with nothing left to tell each other.
async fn acquainted(stage: &Stage) -> (Messenger, Messenger) {
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    alice.send_text(&address("bob"), "hello").await.unwrap();
    receive(&mut bob).await;
    bob.send_text(&address("alice"), "hi").await.unwrap();
    for _ in 0..3 {
        receive(&mut bob).await;
        receive(&mut alice).await;
        stage.advance(RECEIPT_DELAY);
    }
    (alice, bob)
}

fn sends(stage: &Stage) -> usize {
    let requests = stage.line.take_requests().into_iter();
    requests
        .filter(|request| request.starts_with("POST /v1/messages"))
        .count()
}

fn states(person: &Messenger) -> Vec<MessageState> {
    let sent = person.history(None, 100).unwrap().into_iter();
    sent.filter(|message| message.direction == Direction::Outgoing)
        .map(|message| message.state)
        .collect()
}

/// Alice tells a round's receipts, if any are due, and Bob hears of them.
async fn later(stage: &Stage, one: &mut Messenger, other: &mut Messenger) -> Vec<Event> {
    stage.advance(RECEIPT_DELAY);
    one.receive(Duration::ZERO).await.unwrap();
    other.receive(Duration::ZERO).await.unwrap()
}

const DELIVERED: MessageState = MessageState::Delivered;
const READ: MessageState = MessageState::Read;
const SENT: MessageState = MessageState::Sent;
const LIMIT: LimitRequest = LimitRequest {
    plays: 1,
    expires_in: None,
};

#[tokio::test]
async fn what_gathers_is_answered_with_one_receipt_and_that_with_nothing() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = acquainted(&stage).await;
    assert_eq!(states(&alice), [MessageState::Delivered]);
    for n in 0..4 {
        alice.send_text(&address("bob"), &format!("{n}")).await.unwrap();
    }
    alice.send_limited(&address("bob"), "once", LIMIT).await.unwrap();
    assert_eq!(states(&alice)[1..], vec![MessageState::Sent; 5]);
    sends(&stage);
    bob.receive(Duration::ZERO).await.unwrap();
    assert_eq!(sends(&stage), 0, "not at the moment at which he fetched");
    // Nobody runs when it is due: it goes with the next start.
    drop(bob);
    let mut bob = stage.open("bob");
    stage.advance(RECEIPT_DELAY);
    receive(&mut bob).await;
    assert_eq!(sends(&stage), 1, "one receipt for five messages");
    assert!(receive(&mut alice).await.is_empty());
    assert_eq!(states(&alice), vec![MessageState::Delivered; 6]);
    assert_eq!(sends(&stage), 0, "nothing answers a receipt");
    for _ in 0..2 {
        later(&stage, &mut bob, &mut alice).await;
    }
    assert_eq!(sends(&stage), 0);
}

#[tokio::test]
async fn the_moment_of_a_receipt_is_chance() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = acquainted(&stage).await;
    let mut moments = Vec::new();
    for n in 0..12 {
        alice.send_text(&address("bob"), &format!("{n}")).await.unwrap();
        receive(&mut bob).await;
        sends(&stage);
        let mut seconds = 0;
        while sends(&stage) == 0 {
            stage.advance(Duration::from_secs(5));
            seconds += 5;
            receive(&mut bob).await;
        }
        moments.push(seconds);
    }
    assert!(moments.iter().all(|at| *at <= 60), "{moments:?}");
    moments.sort_unstable();
    moments.dedup();
    // Twelve draws out of twelve: three different ones or fewer happen once in a million runs.
    assert!(moments.len() > 3, "{moments:?}");
}

#[tokio::test]
async fn strangers_get_a_receipt_only_once_the_user_answers_or_verifies() {
    let stage = Stage::new().await;
    let mut bob = stage.register("bob").await;
    let mut strangers = Vec::new();
    for name in ["carol", "dave"] {
        let mut stranger = stage.register(name).await;
        stranger.send_text(&address("bob"), "are you there?").await.unwrap();
        strangers.push(stranger);
    }
    receive(&mut bob).await;
    sends(&stage);
    stage.advance(Duration::from_secs(24 * 3600));
    receive(&mut bob).await;
    let requests = stage.line.take_requests();
    let silent = |request: &String| request.starts_with("POST /v1/inbox") || request.starts_with("POST /v1/session");
    assert!(
        requests
            .iter()
            .all(|request| silent(request) || request.starts_with("GET /v1/keys")),
        "{requests:?}"
    );
    for stranger in &mut strangers {
        receive(stranger).await;
        assert_eq!(states(stranger), [MessageState::Sent]);
    }
    bob.verify(&address("carol")).unwrap();
    bob.send_text(&address("dave"), "yes").await.unwrap();
    receive(&mut bob).await;
    for stranger in &mut strangers {
        receive(stranger).await;
        assert_eq!(states(stranger), [MessageState::Delivered]);
    }
}

#[tokio::test]
async fn receipts_can_be_turned_off_and_the_blocked_get_none() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = acquainted(&stage).await;
    assert_eq!(bob.receipts().unwrap(), Receipts::default());
    let off = Receipts {
        delivery: false,
        read: false,
    };
    // What waits to be told is not told either.
    alice.send_text(&address("bob"), "before").await.unwrap();
    receive(&mut bob).await;
    bob.set_receipts(off).unwrap();
    drop(bob);
    let mut bob = stage.open("bob");
    assert_eq!(bob.receipts().unwrap(), off);
    alice.send_text(&address("bob"), "quietly").await.unwrap();
    sends(&stage);
    assert_eq!(receive(&mut bob).await, ["quietly"]);
    later(&stage, &mut bob, &mut alice).await;
    assert_eq!(sends(&stage), 0);

    // Turned on again it speaks of what comes from here on.
    bob.set_receipts(Receipts::default()).unwrap();
    later(&stage, &mut bob, &mut alice).await;
    assert_eq!(sends(&stage), 0);
    // At the relay before the block, fetched after it.
    alice.send_text(&address("bob"), "unheard").await.unwrap();
    sends(&stage);
    bob.block(&address("alice")).await.unwrap();
    later(&stage, &mut bob, &mut alice).await;
    assert_eq!(sends(&stage), 0);
    assert_eq!(states(&alice)[1..], vec![MessageState::Sent; 3]);
}

#[tokio::test]
async fn a_receipt_settles_only_messages_to_its_author() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = acquainted(&stage).await;
    let mut carol = stage.register("carol").await;
    alice.send_text(&address("carol"), "for carol").await.unwrap();
    alice.send_text(&address("bob"), "for bob").await.unwrap();
    assert_eq!(receive(&mut bob).await, ["for bob"]);
    later(&stage, &mut bob, &mut alice).await;
    assert_eq!(
        states(&alice),
        [MessageState::Delivered, MessageState::Sent, MessageState::Delivered]
    );
    assert_eq!(receive(&mut carol).await, ["for carol"]);
    carol.verify(&address("alice")).unwrap();
    later(&stage, &mut carol, &mut alice).await;
    assert_eq!(states(&alice), vec![MessageState::Delivered; 3]);
}

#[tokio::test]
async fn what_was_shown_is_told_when_the_user_wants_it_and_never_of_limited_messages() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = acquainted(&stage).await;
    let see = |person: &mut Messenger| {
        let unread = person.unread().unwrap();
        person.mark_seen(&unread).unwrap();
    };
    see(&mut bob);
    alice.send_text(&address("bob"), "one").await.unwrap();
    receive(&mut bob).await;
    see(&mut bob);
    later(&stage, &mut bob, &mut alice).await;
    assert_eq!(states(&alice), vec![MessageState::Delivered; 2], "off by default");

    bob.set_receipts(Receipts {
        delivery: true,
        read: true,
    })
    .unwrap();
    alice.send_text(&address("bob"), "two").await.unwrap();
    alice.send_limited(&address("bob"), "once", LIMIT).await.unwrap();
    alice.send_text(&address("bob"), "three").await.unwrap();
    receive(&mut bob).await;
    let events = later(&stage, &mut bob, &mut alice).await;
    let delivered = events.iter().map(|event| match event {
        // The acknowledgement names the last one, the receipt the others.
        Event::Delivered { ids } => ids.len(),
        other => panic!("{other:?}"),
    });
    assert_eq!(delivered.sum::<usize>(), 3, "{events:?}");
    see(&mut bob);
    see(&mut bob);
    let playback = bob
        .play(&bob.history(None, 2).unwrap()[0].id.to_string())
        .await
        .unwrap();
    bob.finish_play(playback).await.unwrap();
    sends(&stage);
    let events = later(&stage, &mut bob, &mut alice).await;
    assert_eq!(sends(&stage), 2, "one receipt, and how far the relay has counted");
    assert!(
        matches!(&events[..], [Event::Read { ids }] if ids.len() == 2),
        "{events:?}"
    );
    assert_eq!(states(&alice), [DELIVERED, DELIVERED, READ, DELIVERED, READ]);
    // The next message of Bob acknowledges the last; what was read stays read.
    bob.send_text(&address("alice"), "so it is").await.unwrap();
    receive(&mut alice).await;
    assert_eq!(states(&alice), [DELIVERED, DELIVERED, READ, DELIVERED, READ]);

    later(&stage, &mut alice, &mut bob).await;

    // Shown before it arrived, as far as receipts go: one says both.
    alice.send_text(&address("bob"), "four").await.unwrap();
    receive(&mut bob).await;
    see(&mut bob);
    sends(&stage);
    later(&stage, &mut bob, &mut alice).await;
    assert_eq!((sends(&stage), states(&alice).last()), (1, Some(&READ)));
}

/// Two of Alice's messages wait for Bob.
async fn two_that_wait(stage: &Stage) -> (Messenger, Messenger) {
    let (mut alice, bob) = acquainted(stage).await;
    alice.send_text(&address("bob"), "one").await.unwrap();
    alice.send_limited(&address("bob"), "two", LIMIT).await.unwrap();
    (alice, bob)
}

/// They never came; a third one does and is answered: nothing says that the first two arrived. They go again, and that they then come is said.
async fn lost_and_answered(mut alice: Messenger, mut bob: Messenger) {
    alice.send_text(&address("bob"), "three").await.unwrap();
    let events = bob.receive(Duration::ZERO).await.unwrap();
    assert_eq!(support::texts(&events), ["three"]);
    assert!(
        events.iter().any(|event| matches!(
            event,
            Event::Missing { count: 2, .. } | Event::ClearedHere { count: 2, .. }
        )),
        "{events:?}"
    );
    bob.send_text(&address("alice"), "answer").await.unwrap();
    assert_eq!(receive(&mut alice).await, ["answer"]);
    assert_eq!(states(&alice), [DELIVERED, SENT, SENT, DELIVERED]);
    assert_eq!(receive(&mut bob).await, ["one"], "and a limited one");
    let limited = |message: &StoredMessage| matches!(message.body, MessageBody::Limited(..));
    assert_eq!(
        bob.history(None, 9).unwrap().iter().filter(|row| limited(row)).count(),
        1
    );
    bob.send_text(&address("alice"), "thanks").await.unwrap();
    receive(&mut alice).await;
    assert_eq!(states(&alice), [DELIVERED; 4]);
}

#[tokio::test]
async fn what_was_cleared_unread_is_not_called_delivered() {
    let stage = Stage::new().await;
    let (alice, mut bob) = two_that_wait(&stage).await;
    assert_eq!(bob.clear_inbox().await.unwrap(), 2);
    Box::pin(lost_and_answered(alice, bob)).await;
}

#[tokio::test]
async fn what_expired_unread_is_not_called_delivered() {
    let stage = Stage::new().await;
    let (alice, bob) = two_that_wait(&stage).await;
    // Longer than a relay keeps an envelope.
    stage.advance(Duration::from_secs(31 * 24 * 3600));
    Box::pin(lost_and_answered(alice, bob)).await;
}

#[tokio::test]
async fn without_receipts_an_answer_shows_what_arrived() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = acquainted(&stage).await;
    let off = Receipts {
        delivery: false,
        read: false,
    };
    bob.set_receipts(off).unwrap();
    for text in ["one", "two"] {
        alice.send_text(&address("bob"), text).await.unwrap();
    }
    receive(&mut bob).await;
    bob.send_text(&address("alice"), "answer").await.unwrap();
    receive(&mut alice).await;
    assert_eq!(states(&alice), [DELIVERED; 3]);
}

/// A receipt that the relay refuses for good is nothing that a person wrote, and none is told that a message was not delivered.
#[tokio::test]
async fn a_receipt_that_waits_or_is_refused_is_no_message() {
    let mut stage = Stage::new().await;
    let (mut alice, mut bob) = acquainted(&stage).await;
    let id = alice.send_limited(&address("bob"), "once", LIMIT).await.unwrap().id;
    bob.receive(Duration::ZERO).await.unwrap();
    let playback = bob.play(&id.to_string()).await.unwrap();
    bob.finish_play(playback).await.unwrap();
    // Alice is told which receipt the relay signed for the play.
    stage.line.lose_request("POST /v1/messages");
    stage.line.lose_request("POST /v1/messages");
    stage.line.lose_request("POST /v1/messages");
    bob.catch_up().await.unwrap();
    stage.stop_relay().await;
    bob.send_text(&address("alice"), "answer").await.unwrap();
    let status = bob.own_status().unwrap();
    assert_eq!((status.outbox, status.outbox_notes), (1, 1), "a message, and a receipt");
    stage.start_relay().await;
    stage.line.alter_answer("POST /v1/messages", |status, answer| {
        *status = 409;
        *answer = serde_json::json!({
            "type": "urn:latchkey:problem:message_conflict", "code": "message_conflict", "title": "Conflict", "status": 409,
            "detail": "another message has this id", "action": "Use another id.",
        });
    });
    let events = bob.catch_up().await.unwrap();
    let status = bob.own_status().unwrap();
    assert_eq!((status.outbox, status.outbox_notes), (0, 0), "{events:?}");
    assert!(
        !events.iter().any(|event| matches!(event, Event::Undeliverable { .. })),
        "{events:?}"
    );
    // The receipt went first, and the message after it.
    assert_eq!(receive(&mut alice).await, ["answer"]);
}
