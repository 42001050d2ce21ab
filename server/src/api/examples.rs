//! Examples for the contract, field by field: what a reader sees, and what Swagger UI puts into a request that is tried out.
//!
//! Examples of requests are good ones: the relay accepts them as they stand, from an account called alice (`.ci/contract/browser` tries them). Only what must be signed cannot be: no example
//! holds a signature of 4691 bytes, nor a key, and who calls those operations is a program.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use protocol::{Timestamp, address::UserName};
use serde_yaml::{Mapping, Value};
use sha2::{Digest as _, Sha256};

use crate::model::MailboxId;

/// Who tries things out.
const USER: &str = "alice";
/// Whom it blocks: an account cannot block itself.
const BLOCKED: &str = "mallory";
/// The secrets that its requests belong together by: to play, to inspect and revoke, and a delivery token.
const PLAY: &str = "play";
const OWNER: &str = "owner";
const DELIVERY: &str = "delivery";
/// What stands in the place of an envelope, which no example can be: only the recipient's contacts can seal one.
const NO_ENVELOPE: &str = "An example, not a sealed envelope: no client can open it.";
/// Milliseconds of a day.
const DAY: u64 = 24 * 3600 * 1000;
/// An incarnation, a limited message's id, a play id, and the id of a message without a limit: under the id of another one it would be refused.
const IDS: [&str; 4] = [
    "6f1c2a1e-3b58-4d0a-9c1d-5a0f9b7e4c21",
    "0b7c9d52-8a6e-4f3b-b1f4-2d9e6c8a7f10",
    "c4d8e1f6-7a2b-4c9d-8e3f-1a5b6c7d8e9f",
    "93e5b0a7-1c4f-4e68-a2d9-7b3f5c8e0d16",
];

fn block(what: &str, n: u32) -> [u8; 32] {
    Sha256::digest([what.as_bytes(), &n.to_be_bytes()].concat()).into()
}

/// `length` bytes that look random and are the same from run to run, as base64.
fn bytes(what: &str, length: usize) -> Value {
    let blocks = (0..).flat_map(|n| block(what, n));
    STANDARD.encode(blocks.take(length).collect::<Vec<u8>>()).into()
}

/// SHA-256 of what [`bytes`] makes for a secret of 32 bytes: what the relay is told of it.
fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(block(secret, 0)).into()
}

/// The same as `length / 2` bytes in lower-case hex.
fn digits(what: &str, length: usize) -> String {
    let mut digits = hex::encode(Sha256::digest(what));
    digits.truncate(length);
    digits
}

/// A license of the example's user.
fn license() -> String {
    let mailbox = UserName::parse(USER).map_or([0; 16], |user| *MailboxId::of(&user).as_bytes());
    hex::encode(mailbox) + &digits("license", 32)
}

/// What a field of a schema looks like at the time `now`; none for those that say it themselves, by their type.
fn of_field(schema: &str, field: &str, now: Timestamp) -> Option<Value> {
    let at = |days: u64| Value::from(now.as_millis() + days * DAY);
    let [incarnation, message, play, _] = IDS;
    Some(match (schema, field) {
        ("BlockRequest" | "RefusedSender", "user") => BLOCKED.into(),
        (_, "user" | "to") => USER.into(),
        (_, "address") => format!("{USER}@relay.example").into(),
        (_, "relay_name") => "relay.example".into(),
        (_, "origin") => "https://relay.example".into(),
        (_, "fingerprint" | "relay_key_fingerprint" | "audit_head" | "sha256") => digits(field, 64).into(),
        (_, "incarnation") => incarnation.into(),
        (_, "play_id") => play.into(),
        (_, "gate_key") | ("GateKeyStatus", "id") => digits("gate key", 32).into(),
        ("NewLicense" | "NewObliviousLicense", "id") => license().into(),
        ("LimitedRequest" | "ObliviousRequest" | "Stored", "id") => message.into(),
        ("OneTimePreKey", "id") | (_, "signed_prekey_id") => 7.into(),
        (_, "token") => bytes(field, 48),
        (_, "server_nonce" | "client_nonce" | "share" | "gate_key_capability") => bytes(field, 32),
        (_, "capability") => bytes(PLAY, 32),
        (_, "play_capability_hash") => STANDARD.encode(hash(PLAY)).into(),
        (_, "owner_capability_hash") => STANDARD.encode(hash(OWNER)).into(),
        (_, "token_hash") => STANDARD.encode(hash(DELIVERY)).into(),
        // The relay takes any bytes for an envelope. Decoded, these say why no client opens them.
        (_, "envelope") => STANDARD.encode(NO_ENVELOPE).into(),
        // A key and a signature have thousands of bytes: too many to scroll past.
        (_, "identity_key" | "key" | "payload" | "signature" | "counter" | "request" | "release" | "receipt") => {
            bytes(field, 24)
        }
        ("OneTimeBatch", "keys") | ("OneTimePreKey", "path") => Value::Sequence(vec![bytes(field, 24)]),
        ("Challenge" | "SignInRequest" | "RegisterRequest" | "SuccessionRequest", "expires_at") => {
            Value::from(now.as_millis() + 60_000)
        }
        // The relay may have been started, and the page made, months before it is tried.
        ("NewLicense" | "NewObliviousLicense", "expires_at") => at(300),
        (_, "stored_at" | "received_at" | "time") => at(0),
        (_, "expires_at" | "token_expires_at" | "signed_prekey_expires_at") => at(30),
        ("InboxRequest", "limit") => 16.into(),
        ("InboxRequest", "wait_seconds") => 0.into(),
        (_, "sequence") => 12.into(),
        (_, "commit_counter") => 345.into(),
        (_, "plays") => 3.into(),
        (_, "used" | "play") => 1.into(),
        (_, "class") => 15.into(),
        (_, "requests") => 1.into(),
        (_, "one_time_left") => 92.into(),
        // As they are rounded: 0 stands for few.
        (_, "accounts" | "messages_pending" | "licenses_active" | "gate_keys") => 256.into(),
        (_, "invite") => digits(field, 32).into(),
        (_, "expired_total" | "refused_total") => 2.into(),
        (_, "tokens" | "deleted" | "blocked" | "times") => 4.into(),
        ("GateKeyStatus", "bytes") => 23_000_000.into(),
        (_, "suite") => 1.into(),
        (_, "version") => env!("CARGO_PKG_VERSION").into(),
        (_, "storage_engine") => "sqlite".into(),
        _ => return None,
    })
}

/// What a parameter of an operation under `path` looks like.
pub(super) fn of_parameter(path: &str, name: &str) -> Option<Value> {
    Some(match name {
        "user" if path.starts_with("/v1/blocked-accounts") => BLOCKED.into(),
        "user" | "to" => USER.into(),
        "id" if path.starts_with("/v1/gate-keys") => digits("gate key", 32).into(),
        "id" if path.starts_with("/v1/licenses") => license().into(),
        "id" => IDS[3].into(),
        "play_id" => IDS[2].into(),
        "hash" => hex::encode(hash(DELIVERY)).into(),
        "Latchkey-Capability" if path.ends_with("{play_id}") => bytes(PLAY, 32),
        "Latchkey-Capability" => bytes(OWNER, 32),
        "Latchkey-Capability-Hash" => bytes(name, 32),
        _ => return None,
    })
}

/// Puts an example on each field that has one and none of its own.
pub(super) fn put_on_fields(schema: &str, properties: &mut Mapping, now: Timestamp) {
    for (name, field) in properties.iter_mut() {
        let (Some(name), Some(field)) = (name.as_str(), field.as_mapping_mut()) else {
            continue;
        };
        // Beside a `$ref` nothing else counts.
        if field.contains_key("$ref") || field.contains_key("example") {
            continue;
        }
        if let Some(example) = of_field(schema, name, now) {
            field.insert("example".into(), example);
        }
    }
}
