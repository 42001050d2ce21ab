//! Runs a command beside a relay on which somebody is signed in already: for tools that test an HTTP API and cannot make hybrid signatures.
//!
//! ```text
//! cargo run --example signed_in -- COMMAND ARGUMENT…
//! ```
//!
//! The relay is a fresh one on a free port of the loopback and gone afterwards. The command finds in its environment `LATCHKEY_URL`, `LATCHKEY_USER`
//! and `LATCHKEY_TOKEN` (an account with mail in its inbox), `LATCHKEY_LEAVING_TOKEN` (another session, to be signed out), `LATCHKEY_INCARNATION` (of
//! the mailbox), `LATCHKEY_DELIVERY_TOKEN` (registered for it), and `LATCHKEY_LICENSE`, `LATCHKEY_PLAY_CAPABILITY` and `LATCHKEY_OWNER_CAPABILITY`
//! (a license with plays left). `LATCHKEY_REQUESTS` is a file with a request for each operation of the contract that the relay answers with success
//! (`requests.rs`).
//! The relay's clock stands still, so that the challenges in these requests are good however late the command comes to them.
//! Its exit code is this program's.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // it is a test's other half

#[path = "../../tests/common/mod.rs"]
mod common;
mod requests;

use std::{process::ExitCode, sync::Arc};

use common::{Api, License, User, b64, bodies, client, random};
use reqwest::Method;
use serde_json::json;
use server::service::{homomorphic::Homomorphic, rates::RateLimits};
use sha2::{Digest as _, Sha256};
use testkit::{
    clock::{ManualClock, now},
    relay::TestRelay,
};
use uuid::Uuid;

/// Envelopes that wait in the inbox.
const MAIL: u8 = 8;

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(program) = arguments.next() else {
        return ExitCode::from(64);
    };
    let clock = Arc::new(ManualClock::at(now()));
    let mut relay = TestRelay::start_on(clock, Arc::new(Homomorphic), |config| config.rates = RateLimits::off()).await;
    let api = Api {
        http: client(),
        url: relay.url(),
    };
    let user = User::register(api.clone(), "alice").await;
    let leaving = User::register(api.clone(), "leaving").await;
    for i in 0..MAIL {
        user.send("alice", Uuid::new_v4(), vec![i; 100]).await.ok();
    }
    let mut license = License::new("alice", 200);
    license.expires_at = user.now.plus(common::DAY).as_millis();
    let message = license.message("alice", Uuid::new_v4(), b"limited");
    user.call(Method::POST, "/v1/messages/limited", Some(message))
        .await
        .ok();
    let token: [u8; 32] = random();
    let hash = json!({ "token_hash": b64(Sha256::digest(token)) });
    user.call(Method::PUT, "/v1/delivery-tokens", Some(hash)).await.ok();
    let page = user.inbox(json!({})).await.ok();
    assert_eq!(bodies(&page).len(), usize::from(MAIL) + 1);
    let requests = requests::prepare(&api, relay.dir.path()).await;

    let mut command = std::process::Command::new(program);
    command
        .args(arguments)
        .env("LATCHKEY_URL", &api.url)
        .env("LATCHKEY_USER", &user.name)
        .env("LATCHKEY_TOKEN", &user.token)
        .env("LATCHKEY_LEAVING_TOKEN", &leaving.token)
        .env("LATCHKEY_INCARNATION", page["incarnation"].as_str().unwrap())
        .env("LATCHKEY_DELIVERY_TOKEN", b64(token))
        .env("LATCHKEY_LICENSE", &license.id)
        .env("LATCHKEY_PLAY_CAPABILITY", b64(license.play))
        .env("LATCHKEY_OWNER_CAPABILITY", b64(license.owner))
        .env("LATCHKEY_REQUESTS", requests);
    let status = tokio::task::spawn_blocking(move || command.status())
        .await
        .unwrap()
        .unwrap();
    relay.stop().await;
    ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1))
}
