//! A relay that takes connections and stays silent: it does not hold up other commands of the same home.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::time::{Duration, Instant};

use latchkey_client::vault::{MessageState, VaultError};
use latchkey_client::{Error, Event, Messenger, RelayError};
use support::{Stage, address, receive};
use testkit::wait::eventually;

/// One wait for a small request (eight seconds), and what a busy machine adds. A process that waits for the vault gives up after ten.
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
    // It waits for the vault as every command does: ten seconds.
    let other = tokio::task::spawn_blocking(move || Messenger::open(&home, &support::passphrase(), None, options));
    let sent = sending.await.unwrap().unwrap();
    assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
    assert_eq!(sent.state, MessageState::Queued);
    assert!(sent.because.as_ref().is_some_and(is_silence), "{:?}", sent.because);
    let mut alice = other.await.unwrap().unwrap();
    assert_eq!(alice.own_status().unwrap().outbox, 1);
    let asked = stage.line.take_requests();
    assert!(asked.is_empty(), "asked once, not again: {asked:?}");
    stage.line.silence(false);
    let events = alice.catch_up().await.unwrap();
    assert!(
        !events.iter().any(|event| matches!(event, Event::Postponed(_))),
        "{events:?}"
    );
    assert_eq!(receive(&mut bob).await, ["later"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_fetches_from_a_silent_relay_holds_the_vault_for_one_wait_and_others_are_told() {
    let stage = Stage::new().await;
    let (mut alice, _bob) = acquainted(&stage).await;
    stage.line.silence(true);
    stage.line.take_requests();
    let (home, options) = (stage.home("alice"), stage.options());
    let begun = Instant::now();
    let fetching = tokio::spawn(async move { alice.receive(Duration::ZERO).await.map(drop) });
    eventually("it asks", || !stage.line.take_requests().is_empty()).await;
    let again = options.clone();
    let busy = home.clone();
    let other = tokio::task::spawn_blocking(move || Messenger::open(&busy, &support::passphrase(), None, options));
    assert!(matches!(other.await.unwrap(), Err(Error::Vault(VaultError::Busy(_)))));
    let failed = fetching.await.unwrap().unwrap_err();
    assert!(is_silence(&failed), "{failed}");
    assert!(begun.elapsed() < PAGE_BOUND, "{:?}", begun.elapsed());
    assert!(stage.line.take_requests().is_empty(), "asked once, not again");
    Messenger::open(&home, &support::passphrase(), None, again).unwrap();
}
