//! Oblivious plays over real HTTP, around a gate without arithmetic: exact, free to repeat, serial, bounded, and over when they are over.
//! `gate` beside this directory does the arithmetic too, a few times.

// Helpers of tests may panic like the tests themselves (clippy.toml exempts only the latter).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
mod crowds;
mod keys;
mod plays;

use std::sync::Arc;

use common::*;
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

const CAPABILITY: [u8; 32] = [7; 32];
const KEY: [u8; 16] = [1; 16];

/// A relay with a gate key of alice's, who sends to bob.
struct Scene {
    relay: TestRelay,
    gate: Arc<FakeGate>,
    alice: User,
    bob: User,
}

async fn scene_with(change: impl FnOnce(&mut server::Config)) -> Scene {
    let gate = Arc::new(FakeGate::default());
    let relay = TestRelay::start_on(gate.clone(), change).await;
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    put_gate_key(&alice, KEY, CAPABILITY, fake_key(100, &[])).await.ok();
    Scene {
        relay,
        gate,
        alice,
        bob,
    }
}

async fn scene() -> Scene {
    scene_with(|_| {}).await
}

impl Scene {
    async fn sent(&self, limit: u8) -> ObliviousLicense {
        self.sent_under(limit, KEY).await
    }

    async fn sent_under(&self, limit: u8, key: [u8; 16]) -> ObliviousLicense {
        let license = ObliviousLicense::new("bob", key, CAPABILITY, fake_counter(limit));
        self.send(license.message("bob", Uuid::new_v4(), b"sealed")).await.ok();
        license
    }

    async fn send(&self, body: Value) -> Answer {
        self.alice
            .call(Method::POST, "/v1/messages/oblivious", Some(body))
            .await
    }

    fn key_files(&self) -> usize {
        std::fs::read_dir(self.relay.data().join("gate-keys")).unwrap().count()
    }
}

/// What only bob could tell of a real release.
fn granted(answer: &Value, license: &ObliviousLicense) -> bool {
    let release = unb64(&answer["release"]);
    match release[0] {
        0 => false,
        _ => {
            assert_eq!(release[1..33], license.license.share);
            true
        }
    }
}
