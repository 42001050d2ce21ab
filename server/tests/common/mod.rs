//! A relay of our own and users who speak plain HTTP to it: what they sign is built here from the specification's byte strings, not by the
//! code under test.
#![allow(dead_code)] // each test binary uses its part
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // like in the tests themselves

use std::{
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
use rand_core::{Rng, SeedableRng};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use server::{Config, Relay, RunningRelay, clock::ManualClock};
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

pub fn rng() -> ChaCha20Rng {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).unwrap();
    ChaCha20Rng::from_seed(seed)
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
        let dir = TempDir::new().unwrap();
        let mut config = Config::new(dir.path().join("data")).unwrap();
        config.listen.set_port(0);
        change(&mut config);
        let clock = Arc::new(ManualClock::at(START));
        let relay = Relay::start_with_clock(config.clone(), clock.clone()).await.unwrap();
        Self {
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
            Relay::start_with_clock(self.config.clone(), self.clock.clone())
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

    pub async fn status(&self) -> Value {
        self.api().call(Method::GET, "/v1/status", None, None).await.ok()
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
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status} with a body that is no JSON: {text:?}"));
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

/// Key pairs are slow to make in a debug build; the tests need few different ones.
pub fn key_pair() -> IdentityKeyPair {
    IdentityKeyPair::generate(&mut rng())
}

fn lp(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
    out.extend(bytes);
}

pub struct User {
    pub api: Api,
    pub name: String,
    pub address: Address,
    pub keys: IdentityKeyPair,
    pub token: String,
    /// The clock that prekeys are dated by.
    pub now: Timestamp,
}

impl User {
    pub fn new(api: Api, name: &str) -> Self {
        let address = Address::parse(&format!("{name}@localhost")).unwrap();
        Self {
            api,
            name: name.into(),
            address,
            keys: key_pair(),
            token: String::new(),
            now: START,
        }
    }

    pub async fn register(api: Api, name: &str) -> Self {
        let mut user = Self::new(api, name);
        user.now = Timestamp(
            user.api.call(Method::GET, "/v1/status", None, None).await.ok()["time"]
                .as_u64()
                .unwrap(),
        );
        let body = user.registration(None).await;
        let answer = user.call(Method::POST, "/v1/accounts", Some(body)).await.ok();
        user.token = answer["token"].as_str().unwrap().into();
        user
    }

    pub fn fingerprint(&self) -> Fingerprint {
        self.keys.public().fingerprint(&self.address)
    }

    pub fn mailbox(&self) -> [u8; 16] {
        mailbox_of(&self.name)
    }

    pub fn sign(&self, purpose: Purpose, payload: &[u8]) -> Vec<u8> {
        self.keys.sign(purpose, &self.fingerprint(), payload, &mut rng())
    }

    fn head(&self, id: u32, seq: u64, lives: Duration) -> Vec<u8> {
        let mut out = vec![1];
        lp(&mut out, self.address.as_str().as_bytes());
        out.extend(self.fingerprint().as_bytes());
        out.extend(id.to_be_bytes());
        out.extend(seq.to_be_bytes());
        out.extend(self.now.as_millis().to_be_bytes());
        out.extend(self.now.plus(lives).as_millis().to_be_bytes());
        out
    }

    pub fn signed_prekey(&self, id: u32, seq: u64) -> PublishedSignedPreKey {
        let mut payload = self.head(id, seq, DAY * 14);
        payload.extend([7; 1600]);
        let signature = self.sign(Purpose::SignedPreKey, &payload);
        PublishedSignedPreKey { payload, signature }
    }

    /// A batch whose size is a power of two, so that the shape of its tree is plain.
    pub fn batch(&self, seq: u64, first_id: u32, count: u32) -> PublishedBatch {
        assert!(count.is_power_of_two());
        let keys: Vec<Vec<u8>> = (0..count)
            .map(|i| {
                let mut key = vec![0; 1600];
                key[..4].copy_from_slice(&(first_id + i).to_be_bytes());
                key
            })
            .collect();
        let mut level: Vec<Vec<u8>> = (first_id..)
            .zip(&keys)
            .map(|(id, key)| {
                Sha512::new()
                    .chain_update([0])
                    .chain_update(id.to_be_bytes())
                    .chain_update(key)
                    .finalize()
                    .to_vec()
            })
            .collect();
        while level.len() > 1 {
            level = level
                .chunks(2)
                .map(|pair| {
                    Sha512::new()
                        .chain_update([1])
                        .chain_update(&pair[0])
                        .chain_update(&pair[1])
                        .finalize()
                        .to_vec()
                })
                .collect();
        }
        let mut payload = self.head(u32::try_from(seq).unwrap(), seq, DAY * 60);
        payload.extend(first_id.to_be_bytes());
        payload.extend(count.to_be_bytes());
        payload.extend(&level[0]);
        let signature = self.sign(Purpose::OneTimeBatch, &payload);
        PublishedBatch {
            payload,
            signature,
            keys,
        }
    }

    /// A body for `register`, with everything right.
    pub async fn registration(&self, batch: Option<PublishedBatch>) -> Value {
        let challenge = self.api.challenge(&self.name).await;
        self.registration_with(&challenge, &self.api.url, batch)
    }

    pub fn registration_with(&self, challenge: &Value, origin: &str, batch: Option<PublishedBatch>) -> Value {
        let spk = self.signed_prekey(1, 1);
        let digest = bundle_digest(&spk, batch.as_ref());
        let client_nonce = random();
        let payload = self.claim(challenge, origin, &client_nonce, |claim| {
            RegisterClaim {
                claim,
                bundle_digest: digest,
            }
            .payload()
        });
        let mut body = json!({
            "user": self.name,
            "identity_key": b64(self.keys.public().to_bytes()),
            "signed_prekey": spk_json(&spk),
            "origin": origin,
            "server_nonce": challenge["server_nonce"],
            "client_nonce": b64(client_nonce),
            "expires_at": challenge["expires_at"],
            "signature": b64(self.sign(Purpose::Register, &payload)),
        });
        if let Some(batch) = batch {
            body["one_time_batch"] = batch_json(&batch);
        }
        body
    }

    pub fn claim(
        &self,
        challenge: &Value,
        origin: &str,
        client_nonce: &[u8; 32],
        payload: impl FnOnce(SignInClaim<'_>) -> Vec<u8>,
    ) -> Vec<u8> {
        let mut relay = [0; 32];
        hex::decode_to_slice(challenge["relay_key_fingerprint"].as_str().unwrap(), &mut relay).unwrap();
        payload(SignInClaim {
            origin,
            relay: &Fingerprint::from_bytes(relay),
            address: &self.address,
            fingerprint: &self.fingerprint(),
            server_nonce: &unb64(&challenge["server_nonce"]).try_into().unwrap(),
            client_nonce,
            expires_at: Timestamp(challenge["expires_at"].as_u64().unwrap()),
        })
    }

    pub fn sign_in_with(&self, challenge: &Value, origin: &str) -> Value {
        let client_nonce = random();
        let payload = self.claim(challenge, origin, &client_nonce, |claim| claim.payload());
        json!({
            "user": self.name,
            "origin": origin,
            "server_nonce": challenge["server_nonce"],
            "client_nonce": b64(client_nonce),
            "expires_at": challenge["expires_at"],
            "signature": b64(self.sign(Purpose::SignIn, &payload)),
        })
    }

    pub async fn sign_in(&mut self) {
        let challenge = self.api.challenge(&self.name).await;
        let body = self.sign_in_with(&challenge, &self.api.url);
        let session = self.api.call(Method::POST, "/v1/session", None, Some(body)).await.ok();
        self.token = session["token"].as_str().unwrap().into();
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let token = (!self.token.is_empty()).then_some(self.token.as_str());
        self.api.call(method, path, token, body).await
    }

    pub fn send_request(&self, to: &str, id: Uuid, envelope: Vec<u8>) -> RequestBuilder {
        self.api
            .request(
                Method::POST,
                &format!("/v1/messages?to={to}&id={id}"),
                Some(&self.token),
            )
            .header("content-type", "application/octet-stream")
            .body(envelope)
    }

    pub async fn send(&self, to: &str, id: Uuid, envelope: impl Into<Vec<u8>>) -> Answer {
        answer(self.send_request(to, id, envelope.into())).await
    }

    pub async fn inbox(&self, body: Value) -> Answer {
        self.call(Method::POST, "/v1/inbox", Some(body)).await
    }

    /// Everything pending, without acknowledging.
    pub async fn envelopes(&self) -> Vec<Vec<u8>> {
        bodies(&self.inbox(json!({})).await.ok())
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
        .filter(|path| path.is_file() && finder(&std::fs::read(path).unwrap()))
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect()
}

/// A license with its two capabilities.
pub struct License {
    pub id: String,
    pub play: [u8; 32],
    pub owner: [u8; 32],
    pub share: [u8; 32],
    pub plays: u8,
    pub expires_at: u64,
}

impl License {
    pub fn new(to: &str, plays: u8) -> Self {
        let id = format!("{}{}", hex::encode(mailbox_of(to)), hex::encode(random::<16>()));
        let expires_at = START.plus(DAY * 90).as_millis();
        Self {
            id,
            play: random(),
            owner: random(),
            share: random(),
            plays,
            expires_at,
        }
    }

    pub fn json(&self) -> Value {
        json!({
            "id": self.id, "plays": self.plays, "expires_at": self.expires_at, "share": b64(self.share),
            "play_capability_hash": b64(Sha256::digest(self.play)),
            "owner_capability_hash": b64(Sha256::digest(self.owner)),
        })
    }

    pub fn message(&self, to: &str, id: Uuid, envelope: &[u8]) -> Value {
        json!({ "to": to, "id": id, "envelope": b64(envelope), "license": self.json() })
    }

    pub async fn play(&self, api: &Api, play_id: Uuid) -> Answer {
        self.play_with(api, play_id, &self.play).await
    }

    pub async fn play_with(&self, api: &Api, play_id: Uuid, capability: &[u8]) -> Answer {
        let body = json!({ "play_id": play_id, "capability": b64(capability) });
        api.call(
            Method::POST,
            &format!("/v1/licenses/{}/plays", self.id),
            None,
            Some(body),
        )
        .await
    }

    pub async fn owned(&self, api: &Api, method: Method, capability: &[u8]) -> Answer {
        let request = api.request(method, &format!("/v1/licenses/{}", self.id), None);
        answer(request.header("Latchkey-Capability", b64(capability))).await
    }

    pub async fn confirm(&self, api: &Api, play_id: Uuid, capability: &[u8]) -> Answer {
        let request = api.request(
            Method::DELETE,
            &format!("/v1/licenses/{}/plays/{play_id}", self.id),
            None,
        );
        answer(request.header("Latchkey-Capability", b64(capability))).await
    }
}

/// For tests that need no relay of their own state.
pub fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Runtime::new().unwrap())
}
