//! Messages that open a limited number of times.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::time::Duration;

use latchkey_client::vault::{Direction, Ended, MessageBody, MessageState, StoredMessage, Vault};
use latchkey_client::{Code, Error, Event, LimitRequest, Messenger, RelayError};
use support::{Stage, address, bytes_on_disk, contains, passphrase};

const SECRET: &str = "the combination is 12-34-56";

fn limit(plays: u8) -> LimitRequest {
    LimitRequest {
        plays,
        expires_in: None,
    }
}

/// alice sends bob a message that opens `plays` times; answers its id.
async fn scene(stage: &Stage, plays: u8) -> (Messenger, Messenger, String) {
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    let sent = alice.send_limited(&address("bob"), SECRET, limit(plays)).await.unwrap();
    assert_eq!(sent.state, MessageState::Sent);
    let events = bob.receive(Duration::ZERO).await.unwrap();
    let message = events.iter().find_map(|event| {
        if let Event::Message(message) = event {
            Some(message)
        } else {
            None
        }
    });
    let message = message.unwrap();
    assert!(matches!(&message.body, MessageBody::Limited(terms, Some(_)) if terms.limit == plays && terms.used == 0));
    assert_eq!(message.id, sent.id);
    (alice, bob, sent.id.to_string())
}

async fn play(person: &mut Messenger, id: &str) -> Result<(u8, u8), Error> {
    let playback = person.play(id).await?;
    assert_eq!(playback.text.as_str(), SECRET);
    let count = (playback.play, playback.plays);
    person.finish_play(playback).await?;
    Ok(count)
}

#[tokio::test]
async fn it_opens_exactly_as_often_as_it_may() {
    let stage = Stage::new().await;
    let (mut alice, mut bob, id) = scene(&stage, 3).await;
    for n in 1..=3 {
        assert_eq!(play(&mut bob, &id).await.unwrap(), (n, 3));
        assert_eq!(alice.license_state(&id).await.unwrap().terms.used, n);
    }
    for _ in 0..2 {
        assert!(matches!(bob.play(&id).await, Err(Error::Ended(Ended::Exhausted))));
    }
    assert_eq!(
        alice.license_state(&id).await.unwrap().terms.ended,
        Some(Ended::Exhausted)
    );
    // Listing, receiving and a restart open nothing.
    drop(bob);
    let mut bob = stage.open("bob");
    bob.history(None, 10).unwrap();
    assert!(matches!(bob.play(&id).await, Err(Error::Ended(Ended::Exhausted))));
    assert!(matches!(alice.play(&id).await, Err(Error::NotPlayable)));
    assert!(matches!(bob.revoke(&id).await, Err(Error::NotOurs)));
}

#[tokio::test]
async fn a_prefix_of_the_id_is_enough_and_looking_costs_nothing() {
    let stage = Stage::new().await;
    let (_alice, mut bob, id) = scene(&stage, 1).await;
    stage.line.take_requests();
    bob.history(None, 10).unwrap();
    bob.message(&id[..8]).unwrap();
    assert!(matches!(bob.play("zz").await, Err(Error::NoSuchMessage(_))));
    assert!(stage.line.take_requests().is_empty());
    assert_eq!(play(&mut bob, &id[..8]).await.unwrap(), (1, 1));
}

#[tokio::test]
async fn a_lost_answer_costs_nothing() {
    let stage = Stage::new().await;
    let (mut alice, mut bob, id) = scene(&stage, 2).await;
    // Lost more often than the client tries by itself.
    for _ in 0..4 {
        stage.line.lose_answer("POST /v1/licenses/");
    }
    assert!(matches!(
        bob.play(&id).await,
        Err(Error::Relay(RelayError::Network { .. }))
    ));
    drop(bob);
    let mut bob = stage.open("bob");
    assert_eq!(play(&mut bob, &id).await.unwrap(), (1, 2));
    assert_eq!(alice.license_state(&id).await.unwrap().terms.used, 1);
    // A confirmation that is lost costs nothing either.
    for _ in 0..3 {
        stage.line.lose_request("DELETE /v1/licenses/");
    }
    assert_eq!(play(&mut bob, &id).await.unwrap(), (2, 2));
    assert!(matches!(bob.play(&id).await, Err(Error::Ended(Ended::Exhausted))));
}

#[tokio::test]
async fn a_play_that_was_never_finished_is_repeated_while_the_relay_keeps_its_answer() {
    let stage = Stage::new().await;
    let (mut alice, mut bob, id) = scene(&stage, 3).await;
    // Shown, and the program died before it was counted here.
    drop(bob.play(&id).await.unwrap());
    drop(bob);
    let mut bob = stage.open("bob");
    assert_eq!(bob.play(&id).await.unwrap().play, 1);
    assert_eq!(alice.license_state(&id).await.unwrap().terms.used, 1);
    // Ten minutes later the answer is gone: that play is spent, and asking again is a new one.
    stage.advance(Duration::from_secs(601));
    assert_eq!(play(&mut bob, &id).await.unwrap(), (2, 3));
    assert_eq!(play(&mut bob, &id).await.unwrap(), (3, 3));
    assert!(matches!(bob.play(&id).await, Err(Error::Ended(Ended::Exhausted))));
}

#[tokio::test]
async fn the_sender_takes_it_back() {
    let stage = Stage::new().await;
    let (mut alice, mut bob, id) = scene(&stage, 5).await;
    assert_eq!(play(&mut bob, &id).await.unwrap(), (1, 5));
    let report = alice.revoke(&id).await.unwrap();
    assert_eq!((report.terms.used, report.terms.ended), (1, Some(Ended::Revoked)));
    assert!(matches!(bob.play(&id).await, Err(Error::Ended(Ended::Revoked))));
    assert!(matches!(bob.play(&id).await, Err(Error::Ended(Ended::Revoked))));
    // Twice is once.
    assert_eq!(alice.revoke(&id).await.unwrap().terms.ended, Some(Ended::Revoked));
}

#[tokio::test]
async fn it_expires() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    let request = LimitRequest {
        plays: 3,
        expires_in: Some(Duration::from_secs(3600)),
    };
    let id = alice
        .send_limited(&address("bob"), SECRET, request)
        .await
        .unwrap()
        .id
        .to_string();
    bob.receive(Duration::ZERO).await.unwrap();
    stage.advance(Duration::from_secs(3599));
    assert_eq!(play(&mut bob, &id).await.unwrap(), (1, 3));
    stage.advance(Duration::from_secs(2));
    let outcome = bob.play(&id).await;
    assert!(matches!(outcome, Err(Error::Ended(Ended::Expired))), "{outcome:?}");
    for expires_in in [Duration::from_secs(59), Duration::from_secs(367 * 24 * 3600)] {
        let request = LimitRequest {
            plays: 1,
            expires_in: Some(expires_in),
        };
        assert!(matches!(
            alice.send_limited(&address("bob"), SECRET, request).await,
            Err(Error::BadLimit)
        ));
    }
    assert!(matches!(
        alice.send_limited(&address("bob"), SECRET, limit(0)).await,
        Err(Error::BadLimit)
    ));
}

#[tokio::test]
async fn taken_back_before_it_was_sent_it_never_opens() {
    let mut stage = Stage::new().await;
    let (mut alice, mut bob, _) = scene(&stage, 1).await;
    stage.stop_relay().await;
    let sent = alice.send_limited(&address("bob"), SECRET, limit(2)).await.unwrap();
    assert_eq!(sent.state, MessageState::Queued);
    stage.start_relay().await;
    // The relay is back and does not know the message yet.
    let id = sent.id.to_string();
    let waits = alice.license_state(&id).await.unwrap();
    assert_eq!((waits.terms.used, waits.terms.ended), (0, None));
    assert_eq!(alice.revoke(&id).await.unwrap().terms.ended, Some(Ended::Revoked));
    assert_eq!(
        alice.license_state(&id).await.unwrap().terms.ended,
        Some(Ended::Revoked)
    );
    alice.catch_up().await.unwrap();
    bob.receive(Duration::ZERO).await.unwrap();
    let played = bob.play(&id).await.unwrap_err();
    let asked = alice.license_state(&id).await.unwrap_err();
    for refused in [played, asked] {
        assert!(
            matches!(&refused, Error::Relay(error) if error.code() == Some(Code::NoSuchLicense)),
            "{refused:?}"
        );
        // The sender asks too, and is not sent to the sender.
        assert!(!refused.to_string().contains("sender"), "{refused}");
    }
}

#[tokio::test]
async fn neither_disk_ever_holds_the_text_and_the_sender_forgets_its_half() {
    let stage = Stage::new().await;
    let (mut alice, mut bob, id) = scene(&stage, 2).await;
    play(&mut bob, &id).await.unwrap();
    // Sealed or not: neither the text nor the relay's share is among the records. The share is looked for where it must be first.
    let share = alice.kept_share(&id).unwrap();
    assert!(share.is_some(), "until it is acknowledged the sender can send again");
    bob.send_text(&address("alice"), "seen").await.unwrap();
    alice.receive(Duration::ZERO).await.unwrap();
    assert_eq!(alice.kept_share(&id).unwrap(), None);
    assert_eq!(alice.message(&id).unwrap().state, MessageState::Delivered);
    // The count can still be read, and the message taken back.
    assert_eq!(alice.license_state(&id).await.unwrap().terms.used, 1);
    for name in ["alice", "bob"] {
        assert!(!contains(&bytes_on_disk(&stage.home(name)), b"combination"), "{name}");
    }
    // What is inside of bob's records: the search finds what he wrote, and neither the text nor the share.
    drop(bob);
    let vault = Vault::open(&stage.home("bob"), &passphrase()).unwrap();
    let records: Vec<u8> = vault
        .list::<StoredMessage>()
        .unwrap()
        .iter()
        .flat_map(|entry| minicbor::to_vec(&entry.record).unwrap())
        .collect();
    assert!(contains(&records, b"seen"));
    assert!(!contains(&records, b"combination"));
    // As a string of bytes and as an array of numbers.
    let share = share.unwrap();
    for form in [share.to_vec(), minicbor::to_vec(share).unwrap()] {
        assert!(!contains(&records, &form), "the share is kept");
    }
    drop(vault);
    let bob = stage.open("bob");
    for person in [&alice, &bob] {
        for message in person.history(None, 10).unwrap() {
            let shown = format!("{message:?}");
            assert!(!shown.contains("combination"), "{shown}");
            assert!(!matches!(&message.body, MessageBody::Text(text) if text == SECRET));
        }
    }
    assert_eq!(
        bob.history(None, 10)
            .unwrap()
            .iter()
            .filter(|m| m.direction == Direction::Incoming)
            .count(),
        1
    );
}

#[tokio::test]
async fn a_limited_message_waits_in_the_outbox_like_any_other() {
    let mut stage = Stage::new().await;
    let (mut alice, mut bob, _) = scene(&stage, 1).await;
    stage.stop_relay().await;
    let id = alice
        .send_limited(&address("bob"), SECRET, limit(2))
        .await
        .unwrap()
        .id
        .to_string();
    drop(alice);
    stage.start_relay().await;
    let mut alice = stage.open("alice");
    // The first attempt arrives and its answer is lost; the repetition changes nothing.
    stage.line.lose_answer("POST /v1/messages/limited");
    alice.catch_up().await.unwrap();
    bob.receive(Duration::ZERO).await.unwrap();
    assert_eq!(play(&mut bob, &id).await.unwrap(), (1, 2));
    assert_eq!(play(&mut bob, &id).await.unwrap(), (2, 2));
    assert!(matches!(bob.play(&id).await, Err(Error::Ended(Ended::Exhausted))));
}
