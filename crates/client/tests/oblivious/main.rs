//! Limits that the relay enforces without seeing them, through the whole stack: a real relay, a faulty line, one gate key for all.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod alike;
mod altered;
mod crashes;
mod keys;
mod put_back;
#[path = "../support/mod.rs"]
mod support;

use std::sync::Arc;
use std::time::Duration;

use latchkey_client::vault::{Ended, LimitMode, MessageBody, MessageState};
use latchkey_client::{Error, GateWatch, LimitRequest, Messenger};
use support::{Stage, address};

const SECRET: &str = "the combination is 12-34-56";

fn limit(plays: u8) -> LimitRequest {
    LimitRequest {
        plays,
        expires_in: None,
    }
}

fn nobody() -> GateWatch {
    Arc::new(|_| ())
}

/// Alice and Bob, who have written to each other: only then is anything said to the other side unasked.
async fn people(stage: &Stage) -> (Messenger, Messenger) {
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    bob.send_text(&address("alice"), "hello").await.unwrap();
    alice.receive(Duration::ZERO).await.unwrap();
    alice.send_text(&address("bob"), "hello").await.unwrap();
    bob.receive(Duration::ZERO).await.unwrap();
    (alice, bob)
}

async fn send(alice: &mut Messenger, bob: &mut Messenger, plays: u8, mode: LimitMode) -> String {
    // What was said about earlier plays comes: what is kept of those messages for sending again is forgotten.
    bob.receive(Duration::ZERO).await.unwrap();
    alice.receive(Duration::ZERO).await.unwrap();
    let sent = match mode {
        LimitMode::Counted => alice.send_limited(&address("bob"), SECRET, limit(plays)).await,
        LimitMode::Oblivious => {
            alice
                .send_oblivious(&address("bob"), SECRET, limit(plays), &nobody())
                .await
        }
    }
    .unwrap();
    assert_eq!(sent.state, MessageState::Sent);
    bob.receive(Duration::ZERO).await.unwrap();
    let message = bob.message(&sent.id.to_string()).unwrap();
    assert!(
        matches!(&message.body, MessageBody::Limited(terms, Some(_)) if terms.limit == plays && terms.mode == mode),
        "{message:?}"
    );
    sent.id.to_string()
}

/// `Some` is the number of a play that was granted and shown.
async fn play(person: &mut Messenger, id: &str) -> Option<u8> {
    match person.play(id).await {
        Ok(playback) => {
            assert_eq!(playback.text.as_str(), SECRET);
            let number = playback.play;
            person.finish_play(playback).await.unwrap();
            Some(number)
        }
        Err(Error::Ended(Ended::Exhausted)) => None,
        Err(other) => panic!("{other}"),
    }
}

async fn used(alice: &mut Messenger, id: &str) -> u8 {
    let report = alice.license_state(id).await.unwrap();
    assert_eq!((report.went_back, report.unreadable), (None, None));
    report.terms.used
}
