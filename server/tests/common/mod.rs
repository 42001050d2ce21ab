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
    cell::RefCell,
    path::Path,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
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
use rand_core::{Rng, SeedableRng};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use server::{
    Config, Relay, RunningRelay,
    clock::ManualClock,
    operator::errands::Errand,
    service::{gate::Gate, homomorphic::Homomorphic, rates::RateLimits},
    store::{Totals, sqlite::admin::Reader},
};
use sha2::{Digest as _, Sha256, Sha512};
use tempfile::TempDir;
use uuid::Uuid;

/// When the tests' clock begins.
pub const START: Timestamp = Timestamp(1_800_000_000_000);
pub const DAY: Duration = Duration::from_secs(24 * 3600);

pub fn b64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

pub fn unb64(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

/// What all randomness of this run comes from: fresh, or `LATCHKEY_TEST_SEED`, 64 hexadecimal digits.
fn seed() -> [u8; 32] {
    static SEED: OnceLock<[u8; 32]> = OnceLock::new();
    *SEED.get_or_init(|| {
        let mut seed = [0; 32];
        match std::env::var("LATCHKEY_TEST_SEED") {
            Ok(given) => hex::decode_to_slice(given, &mut seed).expect("LATCHKEY_TEST_SEED is 64 hexadecimal digits"),
            Err(_) => getrandom::fill(&mut seed).unwrap(),
        }
        seed
    })
}

/// Randomness that is a function of the run's seed and the test, which has a thread of its own name; a failure shows the seed. (Threads of a runtime have
/// one name and share the work as it comes: theirs differ from each other, and from run to run.)
pub fn rng() -> ChaCha20Rng {
    static RUNTIME_THREADS: AtomicU64 = AtomicU64::new(0);
    thread_local! {
        static SOURCE: RefCell<ChaCha20Rng> = RefCell::new({
            let thread = std::thread::current();
            let name = thread.name().unwrap_or_default();
            let number = match name.contains("::") || name.contains('_') {
                true => 0,
                false => 1 + RUNTIME_THREADS.fetch_add(1, Ordering::Relaxed),
            };
            eprintln!("the same again: LATCHKEY_TEST_SEED={}", hex::encode(seed()));
            let parts = Sha256::new().chain_update(seed()).chain_update(number.to_be_bytes()).chain_update(name);
            ChaCha20Rng::from_seed(parts.finalize().into())
        });
    }
    SOURCE.with_borrow_mut(|source| {
        let mut seed = [0; 32];
        source.fill_bytes(&mut seed);
        ChaCha20Rng::from_seed(seed)
    })
}

pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rng().fill_bytes(&mut bytes);
    bytes
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
    pub relay: Option<RunningRelay>,
    pub clock: Arc<ManualClock>,
    pub dir: TempDir,
    pub config: Config,
    pub http: Client,
    pub gate: Arc<dyn Gate>,
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
        let dir = TempDir::new().unwrap();
        let mut config = Config::new(dir.path().join("data")).unwrap();
        config.listen.set_port(0);
        // Tests ask faster than people; what is about the rates sets its own.
        config.rates = RateLimits::off();
        // And much of it by accounts, without delivery tokens.
        config.shares.strangers = None;
        change(&mut config);
        let clock = Arc::new(ManualClock::at(START));
        let relay = Relay::start_with(config.clone(), clock.clone(), gate.clone())
            .await
            .unwrap();
        Self {
            gate,
            relay: Some(relay),
            clock,
            dir,
            config,
            http: client(),
        }
    }

    /// Stops and starts on the same data.
    pub async fn restart(&mut self) {
        self.relay.take().unwrap().shutdown().await;
        self.http = client();
        self.relay = Some(
            Relay::start_with(self.config.clone(), self.clock.clone(), self.gate.clone())
                .await
                .unwrap(),
        );
    }

    pub fn running(&self) -> &RunningRelay {
        self.relay.as_ref().unwrap()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.running().addr())
    }

    pub fn data(&self) -> &Path {
        &self.config.data_dir
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
        let user = protocol::address::UserName::parse(name).unwrap();
        Errand::removal(&self.reader(), &user).unwrap().expect("an account")
    }

    /// Its database, as commands read it.
    pub fn reader(&self) -> Reader {
        Reader::open(self.data()).unwrap()
    }

    /// The exact numbers, which are shown to nobody but the operator.
    pub async fn totals(&self) -> Totals {
        self.running().services().totals().await.unwrap()
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

/// Looks again until `check` holds; gives up loudly.
pub async fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !check() {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The files of a directory that contain `needle`.
pub fn files_with(dir: &Path, needle: &[u8]) -> Vec<String> {
    let finder = |haystack: &[u8]| haystack.windows(needle.len()).any(|window| window == needle);
    std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && finder(&std::fs::read(path).unwrap_or_default()))
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect()
}

/// For tests that need no relay of their own state.
pub fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Runtime::new().unwrap())
}
