//! A relay that takes connections and stays silent: it does not hold up other commands of the same home.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use latchkey_client::vault::MessageState;
use latchkey_client::{Error, Event, GateWatch, Messenger, RelayError};
use support::{Stage, address, receive};
use testkit::wait::eventually;

/// One wait for a small request (eight seconds), and what a busy machine adds.
const BOUND: Duration = Duration::from_millis(9500);
/// A wait for a page of mail (twenty seconds), and the same.
const PAGE_BOUND: Duration = Duration::from_millis(22_500);

/// Two who know each other, Alice before her first request of this run.
async fn acquainted(stage: &Stage) -> (Messenger, Messenger) {
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    alice.send_text(&address("bob"), "hello").await.unwrap();
    assert_eq!(receive(&mut bob).await, ["hello"]);
    bob.send_text(&address("alice"), "hi").await.unwrap();
    assert_eq!(receive(&mut alice).await, ["hi"]);
    drop(alice);
    (stage.open("alice"), bob)
}

fn is_silence(error: &Error) -> bool {
    matches!(error, Error::Relay(RelayError::Network { reason, .. }) if reason.starts_with("no answer within"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_relay_is_waited_for_once_and_another_command_of_the_home_gets_on() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = acquainted(&stage).await;
    stage.line.silence(true);
    stage.line.take_requests();
    let (home, options) = (stage.home("alice"), stage.options());
    let begun = Instant::now();
    let sending = tokio::spawn(async move { alice.send_text(&address("bob"), "later").await });
    eventually("it asks", || !stage.line.take_requests().is_empty()).await;
    // It waits for the vault as every command does.
    let other = tokio::task::spawn_blocking(move || Messenger::open(&home, &support::passphrase(), None, options));
    let sent = sending.await.unwrap().unwrap();
    assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
    assert_eq!(sent.state, MessageState::Queued);
    assert!(sent.because.as_ref().is_some_and(is_silence), "{:?}", sent.because);
    let mut alice = other.await.unwrap().unwrap();
    assert_eq!(alice.own_status().unwrap().outbox, 1);
    let asked = stage.line.take_requests();
    assert!(asked.is_empty(), "asked once, not again: {asked:?}");
    // Who waited for the home meanwhile does not wait for the relay once more.
    let put_off = |events: &[Event]| events.iter().any(|event| matches!(event, Event::Postponed(_)));
    let begun = Instant::now();
    let events = alice.catch_up().await.unwrap();
    assert!(
        put_off(&events) && begun.elapsed() < Duration::from_secs(2),
        "{events:?}"
    );
    assert!(stage.line.take_requests().is_empty());
    drop(alice);
    // A command that is given later asks.
    stage.line.silence(false);
    let events = stage.open("alice").catch_up().await.unwrap();
    assert!(!put_off(&events), "{events:?}");
    assert_eq!(receive(&mut bob).await, ["later"]);
}

/// Alice does something, and at one of its requests the relay falls silent. Meanwhile another process of her home does not wait in vain.
async fn keeps_nobody_out<F: Future<Output = ()> + Send + 'static>(
    stage: &Stage,
    request: &str,
    work: impl FnOnce(Messenger) -> F,
) {
    let alice = stage.open("alice");
    stage.line.silence_at(request);
    let working = tokio::spawn(work(alice));
    for _ in 0..6000 {
        if stage.line.is_silent() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(stage.line.is_silent(), "{request}: it was not asked");
    let (home, options) = (stage.home("alice"), stage.options());
    let other = tokio::task::spawn_blocking(move || Messenger::open(&home, &support::passphrase(), None, options));
    let mut other = other
        .await
        .unwrap()
        .unwrap_or_else(|error| panic!("{request}: {error}"));
    assert!(
        !working.is_finished(),
        "{request}: the other one did not wait for its end"
    );
    other.contacts().unwrap();
    drop(other);
    working.abort();
    let _ = working.await;
    stage.line.silence(false);
    // Nothing is lost by that.
    let mut alice = stage.open("alice");
    alice.catch_up().await.unwrap();
    alice.send_text(&address("bob"), "still here").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_long_for_a_silent_relay_keeps_no_other_process_from_the_home() {
    let stage = Stage::new().await;
    let (alice, mut bob) = acquainted(&stage).await;
    drop(alice);
    // More than goes out in the time that another waits.
    let long = "x".repeat(100_000);
    let text = long.clone();
    keeps_nobody_out(&stage, "POST /v1/messages", |mut alice| async move {
        alice.send_text(&address("bob"), &text).await.unwrap();
    })
    .await;
    assert_eq!(receive(&mut bob).await, [long, "still here".to_owned()]);
    keeps_nobody_out(&stage, "PUT /v1/keys", |mut alice| async move {
        alice.rotate_keys().await.unwrap();
    })
    .await;
    keeps_nobody_out(&stage, "PUT /v1/gate-keys", |mut alice| async move {
        alice.rotate_gate_key(None, &nobody_watches()).await.unwrap();
    })
    .await;
    assert_eq!(receive(&mut bob).await, ["still here", "still here"]);
}

fn nobody_watches() -> GateWatch {
    Arc::new(|_| ())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_fetches_from_a_silent_relay_keeps_no_other_process_from_the_home() {
    let stage = Stage::new().await;
    let (mut alice, _bob) = acquainted(&stage).await;
    stage.line.silence(true);
    stage.line.take_requests();
    let (home, options) = (stage.home("alice"), stage.options());
    let begun = Instant::now();
    let fetching = tokio::spawn(async move { alice.receive(Duration::ZERO).await.map(drop) });
    eventually("it asks", || !stage.line.take_requests().is_empty()).await;
    let again = options.clone();
    let shared = home.clone();
    let other = tokio::task::spawn_blocking(move || Messenger::open(&shared, &support::passphrase(), None, options));
    let other = other.await.unwrap().unwrap();
    assert!(!fetching.is_finished(), "the other one did not wait for its end");
    drop(other);
    let failed = fetching.await.unwrap().unwrap_err();
    assert!(is_silence(&failed), "{failed}");
    assert!(begun.elapsed() < PAGE_BOUND, "{:?}", begun.elapsed());
    assert!(stage.line.take_requests().is_empty(), "asked once, not again");
    Messenger::open(&home, &support::passphrase(), None, again).unwrap();
}
