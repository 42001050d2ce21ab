//! Delivery receipts: who gets them, how many, and that nothing answers them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::time::Duration;

use latchkey_client::vault::{Direction, MessageState};
use latchkey_client::{LimitRequest, Messenger};
use support::{Stage, address, receive};

/// Alice and Bob, with nothing left to tell each other.
async fn acquainted(stage: &Stage) -> (Messenger, Messenger) {
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    alice.send_text(&address("bob"), "hello").await.unwrap();
    for _ in 0..3 {
        receive(&mut bob).await;
        receive(&mut alice).await;
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

#[tokio::test]
async fn a_round_is_answered_with_one_receipt_and_that_with_nothing() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = acquainted(&stage).await;
    assert_eq!(states(&alice), [MessageState::Delivered]);
    for n in 0..4 {
        alice.send_text(&address("bob"), &format!("{n}")).await.unwrap();
    }
    let limit = LimitRequest {
        plays: 1,
        expires_in: None,
    };
    alice.send_limited(&address("bob"), "once", limit).await.unwrap();
    assert_eq!(states(&alice)[1..], vec![MessageState::Sent; 5]);
    sends(&stage);
    bob.receive(Duration::ZERO).await.unwrap();
    assert_eq!(sends(&stage), 1, "one receipt for five messages");
    assert!(receive(&mut alice).await.is_empty());
    assert_eq!(states(&alice), vec![MessageState::Delivered; 6]);
    assert_eq!(sends(&stage), 0, "nothing answers a receipt");
    for _ in 0..2 {
        receive(&mut bob).await;
        receive(&mut alice).await;
    }
    assert_eq!(sends(&stage), 0);
}

#[tokio::test]
async fn receipts_can_be_turned_off_and_the_blocked_get_none() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = acquainted(&stage).await;
    assert!(bob.receipts().unwrap());
    bob.set_receipts(false).unwrap();
    drop(bob);
    let mut bob = stage.open("bob");
    assert!(!bob.receipts().unwrap());
    alice.send_text(&address("bob"), "quietly").await.unwrap();
    sends(&stage);
    assert_eq!(receive(&mut bob).await, ["quietly"]);
    assert_eq!(sends(&stage), 0);

    // Turned on again it speaks of what comes from here on.
    bob.set_receipts(true).unwrap();
    receive(&mut bob).await;
    assert_eq!(sends(&stage), 0);
    bob.block(&address("alice")).await.unwrap();
    alice.send_text(&address("bob"), "unheard").await.unwrap();
    sends(&stage);
    assert!(receive(&mut bob).await.is_empty());
    assert_eq!(sends(&stage), 0);
    receive(&mut alice).await;
    assert_eq!(
        states(&alice),
        [MessageState::Delivered, MessageState::Sent, MessageState::Sent]
    );
}

#[tokio::test]
async fn a_receipt_settles_only_messages_to_its_author() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = acquainted(&stage).await;
    let mut carol = stage.register("carol").await;
    alice.send_text(&address("carol"), "for carol").await.unwrap();
    alice.send_text(&address("bob"), "for bob").await.unwrap();
    assert_eq!(receive(&mut bob).await, ["for bob"]);
    receive(&mut alice).await;
    assert_eq!(
        states(&alice),
        [MessageState::Delivered, MessageState::Sent, MessageState::Delivered]
    );
    assert_eq!(receive(&mut carol).await, ["for carol"]);
    receive(&mut alice).await;
    assert_eq!(states(&alice), vec![MessageState::Delivered; 3]);
}
