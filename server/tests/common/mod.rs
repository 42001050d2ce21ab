//! A relay of our own and users who speak plain HTTP to it: what they sign is built here from the specification's byte strings, not by the
//! code under test.
#![allow(dead_code, unused_imports)] // each test binary uses its part
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // like in the tests themselves

mod gate;
mod license;
mod user;

pub use gate::*;
pub use license::{License, ObliviousLicense, gate_key, put_gate_key, receipt};
pub use user::{User, key_pair};

use std::{
    ops::{Deref, DerefMut},
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use protocol::{
    Timestamp,
    address::Address,
    claim::{RegisterClaim, SignInClaim, bundle_digest},
    identity::{Fingerprint, IdentityKeyPair, Purpose},
    prekey::{PublishedBatch, PublishedSignedPreKey},
};
use rand_chacha::ChaCha20Rng;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use server::{
    Config,
    operator::errands::Errand,
    service::{gate::Gate, homomorphic::Homomorphic, rates::RateLimits},
};
use sha2::{Digest as _, Sha256, Sha512};
use testkit::{clock::ManualClock, relay};
pub use testkit::{
    clock::{DAY, START},
    disk::files_with,
    seed::{random, rng},
    wait::eventually,
};
use uuid::Uuid;

pub fn b64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

pub fn unb64(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    /// A refusal with this code; the whole shape is checked each time.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!(
            (self.status, self.body["code"].as_str()),
            (status, Some(code)),
            "{}",
            self.body
        );
        assert_eq!(self.body["type"], format!("urn:latchkey:problem:{code}"));
        assert_eq!(self.body["status"], status);
        for text in ["title", "detail", "action"] {
            assert!(
                !self.body[text].as_str().unwrap().is_empty(),
                "{text} is empty: {}",
                self.body
            );
        }
        self.body
    }
}

/// A relay in this process, with a clock that stands still.
pub struct TestRelay {
    kit: relay::TestRelay,
    pub clock: Arc<ManualClock>,
    pub http: Client,
}

impl Deref for TestRelay {
    type Target = relay::TestRelay;

    fn deref(&self) -> &relay::TestRelay {
        &self.kit
    }
}

impl DerefMut for TestRelay {
    fn deref_mut(&mut self) -> &mut relay::TestRelay {
        &mut self.kit
    }
}

pub fn client() -> Client {
    Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(60))
        .build()
        .unwrap()
}

impl TestRelay {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_on(Arc::new(Homomorphic), change).await
    }

    /// With a gate of the test's own.
    pub async fn start_on(gate: Arc<dyn Gate>, change: impl FnOnce(&mut Config)) -> Self {
        let clock = Arc::new(ManualClock::at(START));
        let relay = relay::TestRelay::start_on(clock.clone(), gate, |config| {
            // Tests ask faster than people; what is about the rates sets its own.
            config.rates = RateLimits::off();
            // And much of it by accounts, without delivery tokens.
            config.shares.strangers = None;
            change(config);
        });
        Self {
            kit: relay.await,
            clock,
            http: client(),
        }
    }

    /// Stops and starts on the same data.
    pub async fn restart(&mut self) {
        self.kit.restart().await;
        self.http = client();
    }

    pub fn api(&self) -> Api {
        Api {
            http: self.http.clone(),
            url: self.url(),
        }
    }

    pub async fn user(&self, name: &str) -> User {
        User::register(self.api(), name).await
    }

    /// What everybody may see.
    pub async fn status(&self) -> Value {
        self.api().call(Method::GET, "/v1/status", None, None).await.ok()
    }

    /// What removes the account that has this name now.
    pub fn removal(&self, name: &str) -> Errand {
        self.kit.removal(name).expect("an account")
    }
}

/// Plain calls.
#[derive(Clone)]
pub struct Api {
    pub http: Client,
    pub url: String,
}

pub async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let text = response.text().await.unwrap();
    let mut body: Value =
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status} with a body that is no JSON: {text:?}"));
    // Of two answers that are alike in everything else, the id alone differs.
    assert_eq!(id.len(), 16, "{id}");
    if status >= 400 {
        let told = body.as_object_mut().and_then(|body| body.remove("request_id"));
        assert_eq!(told, Some(json!(id)), "{body}");
    }
    Answer { status, body }
}

impl Api {
    pub fn request(&self, method: Method, path: &str, token: Option<&str>) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub async fn call(&self, method: Method, path: &str, token: Option<&str>, body: Option<Value>) -> Answer {
        let request = self.request(method, path, token);
        answer(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    pub async fn challenge(&self, user: &str) -> Value {
        self.call(
            Method::POST,
            "/v1/session/challenge",
            None,
            Some(json!({ "user": user })),
        )
        .await
        .ok()
    }
}

pub fn bodies(page: &Value) -> Vec<Vec<u8>> {
    page["envelopes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| unb64(&e["envelope"]))
        .collect()
}

/// An acknowledgement of everything on the page.
pub fn ack(page: &Value) -> Value {
    let last = page["envelopes"].as_array().unwrap().last().unwrap();
    json!({ "incarnation": page["incarnation"], "sequence": last["sequence"] })
}

pub fn mailbox_of(name: &str) -> [u8; 16] {
    Sha256::digest(format!("latchkey/1/mailbox{name}"))[..16]
        .try_into()
        .unwrap()
}

pub fn spk_json(spk: &PublishedSignedPreKey) -> Value {
    json!({ "payload": b64(&spk.payload), "signature": b64(&spk.signature) })
}

pub fn batch_json(batch: &PublishedBatch) -> Value {
    let keys: Vec<_> = batch.keys.iter().map(b64).collect();
    json!({ "payload": b64(&batch.payload), "signature": b64(&batch.signature), "keys": keys })
}

/// For tests that need no relay of their own state.
pub fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Runtime::new().unwrap())
}
