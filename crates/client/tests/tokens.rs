//! Delivery tokens: sends that name nobody, and blocking.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::time::Duration;

use latchkey_client::vault::{Direction, MessageState};
use latchkey_client::{Code, Error, Event, Flooder, LimitRequest, Messenger, RECEIPT_DELAY, Timestamp};
use support::raw::Raw;
use support::{START, Stage, address, kept, receive};

/// Alice and Bob after their first exchange: each holds a token of the other.
async fn acquainted(stage: &Stage) -> (Messenger, Messenger) {
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    alice.send_text(&address("bob"), "hello").await.unwrap();
    assert_eq!(receive(&mut bob).await, ["hello"]);
    bob.send_text(&address("alice"), "hi").await.unwrap();
    assert!(receive(&mut bob).await.is_empty());
    assert_eq!(receive(&mut alice).await, ["hi"]);
    assert!(receive(&mut bob).await.is_empty());
    (alice, bob)
}

fn sends(requests: Vec<String>) -> Vec<String> {
    requests
        .into_iter()
        .filter(|request| request.starts_with("POST /v1/messages"))
        .collect()
}

fn is_rate_limited(error: &Error) -> bool {
    matches!(error, Error::Relay(error) if error.code() == Some(Code::RateLimited))
}

#[tokio::test]
async fn after_the_first_exchange_nobody_names_themselves() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = acquainted(&stage).await;
    stage.line.take_requests();
    stage.line.take_named();

    for n in 0..3 {
        alice.send_text(&address("bob"), &format!("a{n}")).await.unwrap();
        bob.send_text(&address("alice"), &format!("b{n}")).await.unwrap();
    }
    let limit = LimitRequest {
        plays: 2,
        expires_in: None,
    };
    alice.send_limited(&address("bob"), "for you", limit).await.unwrap();
    let (named, all) = (stage.line.take_named_sends(), sends(stage.line.take_requests()));
    assert_eq!((named, all.len()), (Vec::new(), 7));
    assert_eq!(receive(&mut alice).await, ["b0", "b1", "b2"]);
    assert_eq!(receive(&mut bob).await, ["a0", "a1", "a2"]);
    // The inbox is its owner's: there the bearer stays. And no more tokens are made, however much is said.
    let named = stage.line.take_named();
    assert!(
        !named.is_empty() && named.iter().all(|request| request.starts_with("POST /v1/inbox")),
        "{named:?}"
    );

    // A new start knows it too.
    drop(alice);
    let mut alice = stage.open("alice");
    stage.advance(Duration::from_secs(3600));
    stage.line.take_requests();
    alice.send_text(&address("bob"), "later").await.unwrap();
    let (named, all) = (stage.line.take_named(), stage.line.take_requests());
    assert_eq!(
        (sends(named.clone()).len(), sends(all.clone()).len()),
        (0, 1),
        "{all:?}"
    );
    // What names her beside it is how far her vault has come, so that a copy of it is noticed before it sends.
    assert!(
        !named.is_empty() && named.iter().all(|request| request.starts_with("POST /v1/inbox")),
        "{named:?}"
    );
    assert_eq!(receive(&mut bob).await, ["later"]);
}

#[tokio::test]
async fn each_contact_gets_one_token() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    stage.line.take_requests();
    // Before he answers she learns nothing: no token, no receipt.
    for n in 0..3 {
        alice.send_text(&address("bob"), &format!("{n}")).await.unwrap();
        receive(&mut bob).await;
        stage.advance(RECEIPT_DELAY);
        receive(&mut bob).await;
    }
    let early = stage.line.take_requests();
    let tells = |request: &String| request.starts_with("PUT /v1/delivery-tokens") || request.contains("to=alice");
    assert!(!early.iter().any(tells), "{early:?}");
    // The answer is lost: the same token is registered again.
    stage.line.lose_answer("PUT /v1/delivery-tokens");
    bob.send_text(&address("alice"), "yes").await.unwrap();
    receive(&mut bob).await;
    stage.line.lose_answer("PUT /v1/delivery-tokens");
    receive(&mut alice).await;
    receive(&mut bob).await;
    let mut puts = stage.line.take_requests();
    puts.retain(|request| request.starts_with("PUT /v1/delivery-tokens"));
    assert_eq!(puts.len(), 4, "one each, and each of them repeated once: {puts:?}");
    // They are no messages.
    assert_eq!(kept(&alice, Direction::Incoming), ["yes"]);
    assert_eq!(kept(&bob, Direction::Outgoing), ["yes"]);
}

#[tokio::test]
async fn a_blocked_contact_is_refused_at_the_relay_and_dropped_here() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = acquainted(&stage).await;
    // One message is there already.
    alice.send_text(&address("bob"), "so long").await.unwrap();
    let (person, events) = bob.block(&address("alice")).await.unwrap();
    assert!(person.unwrap().blocked && events.is_empty(), "{events:?}");

    stage.line.take_requests();
    stage.line.take_named();
    let sent = alice.send_text(&address("bob"), "do you hear me?").await.unwrap();
    // Her token is refused; and once more as herself, as if she had sent too much.
    assert_eq!(sent.state, MessageState::Queued);
    assert!(is_rate_limited(&sent.because.unwrap()));
    assert_eq!(sends(stage.line.take_requests()).len(), 2);
    assert_eq!(stage.line.take_named_sends().len(), 1);
    alice.send_text(&address("bob"), "hello?").await.unwrap();
    assert_eq!(
        sends(stage.line.take_requests()).len(),
        1,
        "the dead token is forgotten"
    );
    let events = bob.receive(Duration::ZERO).await.unwrap();
    assert!(events.is_empty(), "{events:?}");
    assert_eq!(kept(&bob, Direction::Incoming), ["hello"]);
    assert!(matches!(
        bob.send_text(&address("alice"), "no").await,
        Err(Error::Blocked(peer)) if peer == address("alice")
    ));
    drop(bob);
    let mut bob = stage.open("bob");
    assert!(bob.contact(&address("alice")).unwrap().blocked);

    let (person, events) = bob.unblock(&address("alice")).await.unwrap();
    assert!(!person.unwrap().blocked && events.is_empty(), "{events:?}");
    assert!(receive(&mut alice).await.is_empty());
    stage.line.take_named();
    alice.send_text(&address("bob"), "and now?").await.unwrap();
    assert!(stage.line.take_named_sends().is_empty(), "the new token is used");
    assert_eq!(receive(&mut bob).await, ["do you hear me?", "hello?", "and now?"]);
    assert!(matches!(bob.block(&address("bob")).await, Err(Error::Oneself)));
}

/// Somebody who is no contact, and floods.
#[tokio::test]
async fn whoever_floods_is_told_of_and_can_be_blocked_without_being_a_contact() {
    let stage = Stage::new().await;
    let mut bob = stage.register("bob").await;
    let mut mallory = Raw::register(&stage.line.url(), "mallory", 1, Timestamp(START)).await;
    let mut eve = Raw::register(&stage.line.url(), "eve", 2, Timestamp(START)).await;
    let large = || vec![7; 200 << 10];
    let mut stored = 0;
    while mallory.try_deposit(&address("bob"), large()).await.is_ok() {
        stored += 1;
        assert!(stored < 100, "there is no end to it");
    }
    for _ in 0..4 {
        let refused = mallory.try_deposit(&address("bob"), large()).await.unwrap_err();
        assert_eq!(refused.code(), Some(Code::RateLimited));
    }
    let told = |events: Vec<Event>| {
        let floods = events.into_iter().filter_map(|event| match event {
            Event::Flooded { by, times } => Some((by, times)),
            _ => None,
        });
        floods.collect::<Vec<_>>()
    };
    let first = told(bob.receive(Duration::ZERO).await.unwrap());
    assert_eq!(first, [(Flooder::Account(address("mallory")), 5)]);
    assert!(told(bob.receive(Duration::ZERO).await.unwrap()).is_empty(), "once");

    // Another, who still has her share, is refused all the same.
    let (person, events) = bob.block(&address("eve")).await.unwrap();
    assert!(person.is_none() && events.is_empty(), "{events:?}");
    let refused = eve.try_deposit(&address("bob"), large()).await.unwrap_err();
    assert_eq!(refused.code(), Some(Code::RateLimited));
    drop(bob);
    let mut bob = stage.open("bob");
    assert!(
        told(bob.receive(Duration::ZERO).await.unwrap()).is_empty(),
        "no news of her"
    );
    let (person, events) = bob.unblock(&address("eve")).await.unwrap();
    assert!(person.is_none() && events.is_empty(), "{events:?}");
    eve.try_deposit(&address("bob"), large()).await.unwrap();
}

/// A friend without a token yet, whose messages find the strangers' part of the mailbox used up.
#[tokio::test]
async fn a_refused_friend_keeps_the_message_and_sends_it_later() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    let large = |n: usize| format!("{n} {}", "x".repeat(150 << 10));
    let mut said = Vec::new();
    let because = loop {
        said.push(large(said.len()));
        let sent = alice.send_text(&address("bob"), said.last().unwrap()).await.unwrap();
        if sent.state == MessageState::Queued {
            break sent.because.unwrap();
        }
        assert!(said.len() < 50, "there is no end to it");
    };
    assert!(is_rate_limited(&because), "{because}");
    // The relay's words, and what helps: the advice goes by these words.
    for words in [because.to_string(), because.while_it_waits()] {
        assert!(
            words.contains("'bob' has little room for senders that it has not answered"),
            "{words}"
        );
        assert!(
            words.contains("as soon as the recipient writes to you or verifies you"),
            "{words}"
        );
    }
    said.push("short".into());
    alice.send_text(&address("bob"), "short").await.unwrap();
    // Asked again in vain, it stays.
    let events = alice.catch_up().await.unwrap();
    assert!(matches!(events[..], [Event::Postponed(_)]), "{events:?}");
    assert_eq!(receive(&mut bob).await, said[..said.len() - 2]);
    drop(alice);
    let mut alice = stage.open("alice");
    stage.advance(Duration::from_secs(24 * 3600));
    let events = alice.catch_up().await.unwrap();
    assert!(events.is_empty(), "{events:?}");
    assert_eq!(receive(&mut bob).await, said[said.len() - 2..]);
}

/// A contact with a token of ours that sends without end is told of by its name.
#[tokio::test]
async fn a_contact_that_floods_is_told_of_by_name() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = acquainted(&stage).await;
    let mut sent = 0;
    while alice.send_text(&address("bob"), "again").await.unwrap().state == MessageState::Sent {
        sent += 1;
        assert!(sent < 100, "there is no end to it");
    }
    // The relay tells it once, in whatever answer comes first: one that is asked for before a send, for example.
    let events = bob.send_text(&address("alice"), "stop").await.unwrap().events;
    let floods: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Flooded { by, .. } => Some(by),
            _ => None,
        })
        .collect();
    assert_eq!(floods, [&Flooder::Contact(address("alice"))]);
}

#[tokio::test]
async fn a_block_without_a_network_reaches_the_relay_later() {
    let mut stage = Stage::new().await;
    let (mut alice, mut bob) = acquainted(&stage).await;
    stage.stop_relay().await;
    let (person, events) = bob.block(&address("alice")).await.unwrap();
    assert!(person.unwrap().blocked);
    assert!(matches!(events[..], [Event::Postponed(_)]), "{events:?}");
    stage.start_relay().await;
    stage.line.take_requests();
    assert!(bob.receive(Duration::ZERO).await.unwrap().is_empty());
    let deletes = |requests: Vec<String>| {
        let deletes = requests.into_iter();
        deletes
            .filter(|request| {
                request.starts_with("DELETE /v1/delivery-tokens/") || request.starts_with("PUT /v1/blocked-accounts")
            })
            .count()
    };
    assert_eq!(deletes(stage.line.take_requests()), 2);
    bob.receive(Duration::ZERO).await.unwrap();
    assert_eq!(deletes(stage.line.take_requests()), 0, "once");
    alice.send_text(&address("bob"), "?").await.unwrap();
    assert_eq!(sends(stage.line.take_requests()).len(), 2);
}

/// A relay that deletes no token any more, and a user who blocks and unblocks. No token is forgotten, because it would go on working; so no more are made.
#[tokio::test]
async fn tokens_that_the_relay_does_not_delete_are_bounded_and_deleted_when_it_does_again() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = acquainted(&stage).await;
    for _ in 0..36 {
        for _ in 0..2 {
            stage
                .line
                .alter_answer("DELETE /v1/delivery-tokens/", |status, answer| {
                    *status = 400;
                    *answer = serde_json::json!({
                        "type": "urn:latchkey:problem:bad_request", "title": "no", "status": 400, "code": "bad_request",
                        "detail": "not today", "action": "go away",
                    });
                });
        }
        bob.block(&address("alice")).await.unwrap();
        bob.unblock(&address("alice")).await.unwrap();
    }
    stage.line.take_requests();
    bob.catch_up().await.unwrap();
    let of_tokens = |method: &str| {
        let start = format!("{method} /v1/delivery-tokens");
        move |request: &String| request.starts_with(&start)
    };
    let mut deleted: Vec<String> = stage.line.take_requests();
    deleted.retain(of_tokens("DELETE"));
    deleted.sort_unstable();
    deleted.dedup();
    assert_eq!(deleted.len(), 32, "{deleted:?}");
    // There is room again: with the next that Alice says she gets one.
    alice.send_text(&address("bob"), "and now?").await.unwrap();
    assert_eq!(receive(&mut bob).await, ["and now?"]);
    let mut made = stage.line.take_requests();
    made.retain(of_tokens("PUT"));
    assert_eq!(made.len(), 1, "{made:?}");
}
