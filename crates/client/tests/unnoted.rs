//! A vault that fails between a message that was kept and the note that it was sent.
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
use latchkey_client::{Error, Step, Steps};
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
