//! A request for each operation of the contract that the relay answers with success. `.ci/contract/success.py` sends them in this order.
//!
//! Tools that test an HTTP API cannot make them up: most need a signature, a proof under a challenge, a gate key or a license. A new operation of
//! `openapi.yaml` needs a request here.

use std::path::{Path, PathBuf};

use playgate::{
    PlayLimit,
    oblivious::{GateKey, PlayRequest, Want},
};
use protocol::{Timestamp, identity::Purpose, succession::Succession};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::common::{Api, DAY, License, ObliviousLicense, User, b64, batch_json, random, rng, spk_json};

const ENVELOPE: &[u8] = b"sealed";
// Bodies that are bytes are files beside the requests.
const ENVELOPE_FILE: &str = "envelope";
const GATE_KEY_FILE: &str = "gate-key";

/// Prepares all of them, about accounts that nothing else uses, and writes them into `directory`. Returns the path of the file that lists them.
///
/// Each has an `operation`, and what it needs of `token`, `path`, `query`, `headers`, `body`, and `file`, the name of a file with the body's bytes.
/// The challenges in them are issued during this call.
pub async fn prepare(api: &Api, directory: &Path) -> PathBuf {
    let mut scene = Scene {
        sender: User::register(api.clone(), "sender").await,
        reader: User::register(api.clone(), "reader").await,
        delivery_token: random(),
        requests: Vec::new(),
    };
    std::fs::write(directory.join(ENVELOPE_FILE), ENVELOPE).unwrap();
    scene.beginnings().await;
    scene.keys();
    scene.mail();
    for plays in [2, 1] {
        scene.counted(plays);
    }
    scene.oblivious(directory);
    scene.inbox();
    scene.endings().await;
    let list = directory.join("requests.json");
    std::fs::write(&list, serde_json::to_vec(&scene.requests).unwrap()).unwrap();
    list
}

/// Two accounts, and what they will ask.
struct Scene {
    sender: User,
    reader: User,
    /// The reader's, for the sender.
    delivery_token: [u8; 32],
    requests: Vec<Value>,
}

impl Scene {
    fn add(&mut self, operation: &str, mut request: Value) {
        request["operation"] = json!(operation);
        self.requests.push(request);
    }

    async fn beginnings(&mut self) {
        self.add("status", json!({}));
        self.add("relay_key", json!({}));
        self.add("challenge", json!({ "body": { "user": self.reader.name } }));
        let mut newcomer = User::new(self.reader.api.clone(), "newcomer");
        newcomer.now = self.reader.now;
        let body = newcomer.registration(Some(newcomer.batch(1, 10, 4))).await;
        self.add("register", json!({ "body": body }));
    }

    fn keys(&mut self) {
        let body = json!({
            "signed_prekey": spk_json(&self.reader.signed_prekey(2, 2)),
            "one_time_batch": batch_json(&self.reader.batch(1, 10, 4)),
        });
        self.add("publish_key", json!({ "token": self.reader.token, "body": body }));
        self.add("key_status", json!({ "token": self.reader.token }));
        self.fetches();
    }

    /// What the sender fetches of the reader.
    fn fetches(&mut self) {
        for operation in ["fetch_key", "fetch_identity"] {
            let path = json!({ "user": self.reader.name });
            self.add(operation, json!({ "token": self.sender.token, "path": path }));
        }
    }

    /// An envelope by the sender's account, and one by the delivery token.
    fn mail(&mut self) {
        let body = json!({ "token_hash": b64(Sha256::digest(self.delivery_token)) });
        self.add(
            "put_delivery_token",
            json!({ "token": self.reader.token, "body": body }),
        );
        let name = self.reader.name.clone();
        let query = || json!({ "to": name, "id": Uuid::new_v4() });
        self.add(
            "send",
            json!({ "token": self.sender.token, "query": query(), "file": ENVELOPE_FILE }),
        );
        self.add(
            "send",
            json!({ "headers": self.by_delivery_token(), "query": query(), "file": ENVELOPE_FILE }),
        );
    }

    fn by_delivery_token(&self) -> Value {
        json!({ "Latchkey-Delivery-Token": b64(self.delivery_token) })
    }

    /// A message of so many plays that the relay counts, and one play of it.
    fn counted(&mut self, plays: u8) {
        let mut license = License::new(&self.reader.name, plays);
        license.expires_at = self.tomorrow().as_millis();
        let body = license.message(&self.reader.name, Uuid::new_v4(), ENVELOPE);
        self.add(
            "send_limited",
            json!({ "headers": self.by_delivery_token(), "body": body }),
        );
        self.of_owner("license", &license);
        let play = Uuid::new_v4();
        let body = json!({ "play_id": play, "capability": b64(license.play) });
        self.add("play", json!({ "path": { "id": license.id }, "body": body }));
        self.after_play(&license, play);
    }

    /// A message whose limit the relay cannot read, under a gate key, and one play of it.
    fn oblivious(&mut self, directory: &Path) {
        let (id, capability): ([u8; 16], [u8; 32]) = (random(), random());
        // A key of the real set takes twenty seconds here and looks the same to the contract; `server/tests/gate` plays with one.
        let key = GateKey::generate_insecure_toy(&mut rng());
        let evaluation = key.evaluation_key(&mut rng(), &mut |_| ());
        std::fs::write(directory.join(GATE_KEY_FILE), evaluation).unwrap();
        let of_key = json!({ "token": self.sender.token, "path": { "id": hex::encode(id) } });
        let mut upload = of_key.clone();
        upload["headers"] = json!({ "Latchkey-Capability-Hash": b64(Sha256::digest(capability)) });
        upload["file"] = json!(GATE_KEY_FILE);
        self.add("put_gate_key", upload);
        self.add("gate_key_status", of_key.clone());

        let (counter, pads) = key.seal(PlayLimit::new(2).unwrap(), &mut rng());
        let mut sent = ObliviousLicense::new(&self.reader.name, id, capability, counter.to_bytes());
        sent.license.expires_at = self.tomorrow().as_millis();
        let body = sent.message(&self.reader.name, Uuid::new_v4(), ENVELOPE);
        self.add("send_oblivious", json!({ "token": self.sender.token, "body": body }));
        self.of_owner("license", &sent.license);
        let play = Uuid::new_v4();
        let request = PlayRequest::padded(&pads, 0, Want::Play).unwrap().to_bytes();
        let body = json!({ "play_id": play, "capability": b64(sent.license.play), "request": b64(request) });
        let path = json!({ "id": sent.license.id });
        self.add("play_oblivious", json!({ "path": path, "body": body }));
        self.after_play(&sent.license, play);
        self.add("delete_gate_key", of_key);
    }

    fn after_play(&mut self, license: &License, play: Uuid) {
        let path = json!({ "id": license.id, "play_id": play });
        let headers = json!({ "Latchkey-Capability": b64(license.play) });
        self.add("confirm_play", json!({ "path": path, "headers": headers }));
        self.of_owner("license", license);
        self.of_owner("revoke", license);
    }

    fn of_owner(&mut self, operation: &str, license: &License) {
        let headers = json!({ "Latchkey-Capability": b64(license.owner) });
        self.add(operation, json!({ "path": { "id": license.id }, "headers": headers }));
    }

    fn tomorrow(&self) -> Timestamp {
        self.sender.now.plus(DAY)
    }

    /// By now an envelope of each kind waits there.
    fn inbox(&mut self) {
        self.add("inbox", json!({ "token": self.reader.token, "body": {} }));
        self.add("clear_inbox", json!({ "token": self.reader.token }));
        let user = json!({ "user": self.sender.name });
        self.add("block_account", json!({ "token": self.reader.token, "body": user }));
        self.add("unblock_account", json!({ "token": self.reader.token, "path": user }));
        let path = json!({ "hash": hex::encode(Sha256::digest(self.delivery_token)) });
        self.add(
            "delete_delivery_token",
            json!({ "token": self.reader.token, "path": path }),
        );
    }

    /// These end sessions, so they come last.
    async fn endings(&mut self) {
        let reader = &self.reader;
        let challenge = reader.api.challenge(&reader.name).await;
        let proof = reader.sign_in_with(&challenge, &reader.api.url);
        let succession = succession(reader).await;
        self.add("sign_in", json!({ "body": proof }));
        self.add("succeed", json!({ "body": succession }));
        // Now with the statement of the one before.
        self.fetches();
        self.add("sign_out", json!({ "token": self.sender.token }));
    }
}

/// A new identity's registration under the same name, with the old one's statement.
async fn succession(old: &User) -> Value {
    let mut heir = User::new(old.api.clone(), &old.name);
    heir.now = old.now;
    let payload = Succession {
        address: old.address.clone(),
        old: old.fingerprint(),
        new: heir.fingerprint(),
        counter: 1,
        time: old.now,
    }
    .payload();
    let mut body = heir.registration(Some(heir.batch(1, 10, 4))).await;
    body["statement"] = json!({
        "identity_key": b64(old.keys.public().to_bytes()),
        "signature": b64(old.sign(Purpose::Succession, &payload)),
        "payload": b64(payload),
    });
    body
}
