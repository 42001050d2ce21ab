//! Mail that was deleted at the relay unread, by its owner: what is missing afterwards is put down to that, and no more than that.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::time::Duration;

use latchkey_client::{Event, Messenger};
use sdk::Base64;
use support::{Stage, address, receive, texts};

/// How many are said to be deleted here, and how many to be lost.
fn missing(events: &[Event]) -> (u64, u64) {
    events.iter().fold((0, 0), |(cleared, lost), event| match event {
        Event::ClearedHere { count, .. } => (cleared + count, lost),
        Event::Missing { count, .. } => (cleared, lost + count),
        _ => (cleared, lost),
    })
}

/// Two who know each other; so many of Alice's messages wait for Bob.
async fn waiting(stage: &Stage, messages: usize) -> (Messenger, Messenger) {
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    alice.send_text(&address("bob"), "hello").await.unwrap();
    assert_eq!(receive(&mut bob).await, ["hello"]);
    for n in 0..messages {
        alice.send_text(&address("bob"), &n.to_string()).await.unwrap();
    }
    (alice, bob)
}

/// A further message, which shows what is missing before it.
async fn shown_by(text: &str, alice: &mut Messenger, bob: &mut Messenger) -> (u64, u64) {
    alice.send_text(&address("bob"), text).await.unwrap();
    let events = bob.receive(Duration::ZERO).await.unwrap();
    assert_eq!(texts(&events), [text], "{events:?}");
    missing(&events)
}

#[tokio::test]
async fn what_one_deleted_oneself_is_not_called_a_loss_in_a_later_run_either() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = waiting(&stage, 3).await;
    assert_eq!(bob.clear_inbox().await.unwrap(), 3);
    drop(bob);
    let mut bob = stage.open("bob");
    assert_eq!(shown_by("after", &mut alice, &mut bob).await, (3, 0));
    assert_eq!(shown_by("and on", &mut alice, &mut bob).await, (0, 0));
}

#[tokio::test]
async fn what_is_missing_beyond_that_is_a_loss() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = waiting(&stage, 1).await;
    assert_eq!(bob.clear_inbox().await.unwrap(), 1);
    alice.send_text(&address("bob"), "damaged").await.unwrap();
    stage.line.alter_answer("POST /v1/inbox", |_, page| {
        let envelope = &mut page["envelopes"][0]["envelope"];
        let mut bytes: Vec<u8> = serde_json::from_value::<Base64>(envelope.clone()).unwrap().into_vec();
        *bytes.last_mut().unwrap() ^= 1;
        *envelope = serde_json::to_value(Base64::from(bytes)).unwrap();
    });
    let events = bob.receive(Duration::ZERO).await.unwrap();
    assert!(
        events.iter().any(|event| matches!(event, Event::Unreadable { .. })),
        "{events:?}"
    );
    assert_eq!(shown_by("after", &mut alice, &mut bob).await, (1, 1));
}

#[tokio::test]
async fn where_the_answer_was_lost_it_is_not_called_a_loss_once() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = waiting(&stage, 2).await;
    for _ in 0..3 {
        stage.line.lose_answer("DELETE /v1/inbox");
    }
    bob.clear_inbox().await.unwrap_err();
    assert_eq!(shown_by("after", &mut alice, &mut bob).await, (2, 0));
    alice.send_text(&address("bob"), "expires").await.unwrap();
    stage.advance(Duration::from_secs(31 * 24 * 3600));
    assert_eq!(shown_by("later", &mut alice, &mut bob).await, (0, 1));
}

#[tokio::test]
async fn it_excuses_nothing_a_month_later() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = waiting(&stage, 2).await;
    assert_eq!(bob.clear_inbox().await.unwrap(), 2);
    stage.advance(Duration::from_secs(31 * 24 * 3600));
    assert_eq!(shown_by("after", &mut alice, &mut bob).await, (0, 2));
}
