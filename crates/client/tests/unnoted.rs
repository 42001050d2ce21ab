//! A vault that fails between what the relay did and the note of it: it is said as that, and the next start brings vault and relay together again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use latchkey_client::vault::{MessageState, VaultError};
use latchkey_client::{Error, Event, GateWatch, Messenger, Step, Steps};
use support::{Stage, address, receive};

/// Fails once, behind a step.
struct Fails(Step, AtomicBool);

impl Steps for Fails {
    fn reached(&self, step: Step) -> Result<(), Error> {
        if step == self.0 && !self.1.swap(true, Ordering::SeqCst) {
            return Err(VaultError::Corrupt("for a test").into());
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_vault_that_fails_after_a_message_was_kept_says_that_it_waits() {
    let stage = Stage::new().await;
    drop(stage.register("alice").await);
    let mut bob = stage.register("bob").await;
    let steps = Arc::new(Fails(Step::AfterSend, AtomicBool::new(false)));
    let mut alice = stage.try_open("alice", stage.options_with(steps)).unwrap();
    let sent = alice.send_text(&address("bob"), "once").await.unwrap();
    assert_eq!(sent.state, MessageState::Queued);
    assert!(matches!(sent.because, Some(Error::Vault(_))), "{:?}", sent.because);
    alice.catch_up().await.unwrap();
    assert_eq!(receive(&mut bob).await, ["once"]);
    assert_eq!(alice.history(None, 1).unwrap()[0].state, MessageState::Sent);
}

/// Someone whose vault fails once, behind a step.
fn failing(stage: &Stage, name: &str, step: Step) -> Messenger {
    let steps = Arc::new(Fails(step, AtomicBool::new(false)));
    stage.try_open(name, stage.options_with(steps)).unwrap()
}

fn is_unnoted<T: std::fmt::Debug>(answer: &Result<T, Error>) {
    assert!(
        matches!(answer, Err(Error::Unnoted(VaultError::Corrupt("for a test")))),
        "{answer:?}"
    );
}

/// Two write to each other, and nothing goes wrong.
async fn write_to_each_other(one: &mut Messenger, other: &mut Messenger, names: [&str; 2]) {
    one.send_text(&address(names[1]), "there").await.unwrap();
    assert_eq!(receive(other).await, ["there"]);
    other.send_text(&address(names[0]), "and back").await.unwrap();
    assert_eq!(receive(one).await, ["and back"]);
}

#[tokio::test]
async fn a_registration_that_could_not_be_noted_is_said_and_finished_by_the_same_again() {
    let stage = Stage::new().await;
    let steps = Arc::new(Fails(Step::AfterRegister, AtomicBool::new(false)));
    is_unnoted(&stage.try_register("alice", stage.options_with(steps)).await);
    let mut alice = stage.register("alice").await;
    let mut bob = stage.register("bob").await;
    write_to_each_other(&mut alice, &mut bob, ["alice", "bob"]).await;
}

#[tokio::test]
async fn keys_that_could_not_be_noted_are_said_and_serve() {
    let stage = Stage::new().await;
    let mut alice = stage.register("alice").await;
    let before = alice.keys().await.unwrap().signed_prekey_id;
    drop(alice);
    let mut alice = failing(&stage, "alice", Step::AfterPublish);
    is_unnoted(&alice.rotate_keys().await);
    drop(alice);
    let mut alice = stage.open("alice");
    let after = alice.keys().await.unwrap().signed_prekey_id;
    assert_ne!(before, after, "the relay has them");
    // By the new keys, before anything else is done about them.
    let mut bob = stage.register("bob").await;
    bob.send_text(&address("alice"), "by the new keys").await.unwrap();
    assert_eq!(receive(&mut alice).await, ["by the new keys"]);
    alice.rotate_keys().await.unwrap();
    let mut carol = stage.register("carol").await;
    write_to_each_other(&mut carol, &mut alice, ["carol", "alice"]).await;
}

#[tokio::test]
async fn keys_that_were_replaced_are_reported_without_another_request() {
    let stage = Stage::new().await;
    let mut alice = stage.register("alice").await;
    alice.keys().await.unwrap();
    stage.line.take_requests();
    let report = alice.rotate_keys().await.unwrap();
    let asked = stage.line.take_requests();
    let after = asked
        .iter()
        .skip_while(|request| !request.starts_with("PUT /v1/keys") && !request.starts_with("POST /v1/keys"));
    assert_eq!(after.count(), 1, "{asked:?}");
    assert_eq!(report.signed_prekey_id, alice.keys().await.unwrap().signed_prekey_id);
}

#[tokio::test]
async fn an_identity_that_could_not_be_noted_is_said_and_taken_at_the_next_start() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    write_to_each_other(&mut alice, &mut bob, ["alice", "bob"]).await;
    let before = alice.fingerprint().unwrap();
    drop(alice);
    let mut alice = failing(&stage, "alice", Step::AfterSucceed);
    is_unnoted(&alice.rotate_identity().await);
    assert_eq!(alice.fingerprint().unwrap(), before, "here the earlier one still holds");
    drop(alice);
    // The same again is the same identity, not one more.
    let mut alice = stage.open("alice");
    alice.rotate_identity().await.unwrap();
    let after = alice.fingerprint().unwrap();
    assert_ne!(before, after);
    bob.receive(std::time::Duration::ZERO).await.unwrap();
    alice.receive(std::time::Duration::ZERO).await.unwrap();
    assert_eq!(bob.contact(&address("alice")).unwrap().fingerprint, after);
    write_to_each_other(&mut bob, &mut alice, ["bob", "alice"]).await;
}

/// It is done and noted; who was told of a failure would make one more.
#[tokio::test]
async fn what_fails_behind_a_new_identity_is_put_off() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    write_to_each_other(&mut alice, &mut bob, ["alice", "bob"]).await;
    let before = alice.fingerprint().unwrap();
    drop(alice);
    let mut alice = failing(&stage, "alice", Step::AfterTokenPut);
    let events = alice.rotate_identity().await.unwrap();
    let put_off = |event: &Event| matches!(event, Event::Postponed(Error::Vault(_)));
    assert!(events.iter().any(put_off), "{events:?}");
    let after = alice.fingerprint().unwrap();
    assert_ne!(before, after);
    alice.catch_up().await.unwrap();
    bob.receive(std::time::Duration::ZERO).await.unwrap();
    assert_eq!(bob.contact(&address("alice")).unwrap().fingerprint, after);
    write_to_each_other(&mut alice, &mut bob, ["alice", "bob"]).await;
}

#[tokio::test]
async fn what_was_not_noted_on_the_way_to_a_message_is_not_said_of_the_message() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    write_to_each_other(&mut alice, &mut bob, ["alice", "bob"]).await;
    drop(alice);
    let mut alice = failing(&stage, "alice", Step::BeforeSucceed);
    alice.rotate_identity().await.unwrap_err();
    drop(alice);
    // The identity waits for the relay, which gets it with the next request of any kind.
    let mut alice = failing(&stage, "alice", Step::AfterSucceed);
    match alice.send_text(&address("bob"), "behind it").await {
        Ok(sent) => assert!(matches!(sent.because, Some(Error::Vault(_))), "{:?}", sent.because),
        Err(error) => assert!(matches!(error, Error::Vault(_)), "{error:?}"),
    }
    drop(alice);
    let mut alice = stage.open("alice");
    alice.catch_up().await.unwrap();
    bob.receive(std::time::Duration::ZERO).await.unwrap();
    write_to_each_other(&mut alice, &mut bob, ["alice", "bob"]).await;
}

#[tokio::test]
async fn a_gate_key_that_could_not_be_noted_is_said_and_not_uploaded_again() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    write_to_each_other(&mut alice, &mut bob, ["alice", "bob"]).await;
    drop(alice);
    let watch: GateWatch = Arc::new(|_| ());
    let mut alice = failing(&stage, "alice", Step::AfterGateKeyUpload);
    is_unnoted(&alice.rotate_gate_key(None, &watch).await);
    drop(alice);
    let mut alice = stage.open("alice");
    stage.line.take_requests();
    let limit = latchkey_client::LimitRequest {
        plays: 2,
        expires_in: None,
    };
    let sent = alice
        .send_oblivious(&address("bob"), "by that key", limit, &watch)
        .await
        .unwrap();
    assert_eq!(sent.state, MessageState::Sent);
    let asked = stage.line.take_requests();
    assert!(
        !asked.iter().any(|request| request.starts_with("PUT /v1/gate-keys")),
        "{asked:?}"
    );
    assert!(alice.gate_keys().unwrap().iter().all(|key| key.uploaded));
    let events = bob.receive(std::time::Duration::ZERO).await.unwrap();
    assert!(
        events.iter().any(|event| matches!(event, Event::Message(_))),
        "{events:?}"
    );
}
