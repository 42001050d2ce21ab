//! Of tokens and capabilities only hashes are stored: what a thief of the data directory finds opens nothing.

use std::sync::Arc;
use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use testkit::disk::files_holding;
use uuid::Uuid;

use crate::{ENVELOPE, common::*};

/// The secret in a session's token: what follows the mailbox.
fn secret_of(token: &str) -> [u8; 32] {
    URL_SAFE_NO_PAD.decode(token).unwrap()[16..].try_into().unwrap()
}

#[tokio::test]
async fn tokens_and_capabilities_are_in_no_file_and_their_hashes_are() {
    let mut relay = TestRelay::start().await;
    let (alice, mut bob) = (relay.user("alice").await, relay.user("bob").await);
    let registered = secret_of(&bob.token);
    relay.clock.advance(Duration::from_secs(60));
    bob.sign_in().await;
    let delivery = random::<32>();
    let body = json!({ "token_hash": b64(Sha256::digest(delivery)) });
    bob.call(Method::PUT, "/v1/delivery-tokens", Some(body)).await.ok();
    // All of them are used, wrongly and rightly: what is only looked at must not be kept either.
    let request = |token: &[u8]| {
        let path = format!("/v1/messages?to=bob&id={}", Uuid::new_v4());
        let request = relay.api().request(Method::POST, &path, None);
        let request = request.header("content-type", "application/octet-stream");
        request.header("Latchkey-Delivery-Token", b64(token)).body(ENVELOPE)
    };
    answer(request(&delivery)).await.ok();
    let unknown = random::<32>();
    answer(request(&unknown)).await.refused(401, "unauthorized");
    let license = License::new("bob", 2);
    let body = license.message("bob", Uuid::new_v4(), ENVELOPE);
    alice.call(Method::POST, "/v1/messages/limited", Some(body)).await.ok();
    license.play(&relay.api(), Uuid::new_v4()).await.ok();
    license.owned(&relay.api(), Method::GET, &license.owner).await.ok();

    let kept = [
        ("the session token", secret_of(&bob.token)),
        ("the delivery token", delivery),
        ("the play capability", license.play),
        ("the owner's capability", license.owner),
    ];
    let never = [
        ("the session token before", registered),
        ("an unknown delivery token", unknown),
    ];
    // While it runs, and with everything in its last place.
    for _ in 0..2 {
        let all = testkit::disk::files(relay.data());
        assert!(
            all.iter().any(|file| file.file_name().unwrap() == "relay.sqlite3"),
            "{all:?}"
        );
        for (what, secret) in &kept {
            // The control: the search finds what is there.
            assert!(
                !files_holding(relay.data(), &Sha256::digest(secret)).is_empty(),
                "the hash of {what} is nowhere"
            );
        }
        for (what, secret) in kept.iter().chain(&never) {
            assert_eq!(files_holding(relay.data(), secret), [""; 0], "{what} is on the disk");
        }
        relay.restart().await;
    }
}

/// The same of oblivious messages: what attaches licenses to a gate key, and what plays and owns one.
#[tokio::test]
async fn capabilities_of_oblivious_messages_are_in_no_file_and_their_hashes_are() {
    let mut relay = TestRelay::start_on(Arc::new(FakeGate::default()), |_| {}).await;
    let (alice, _bob) = (relay.user("alice").await, relay.user("bob").await);
    let (key, capability) = (random::<16>(), random::<32>());
    put_gate_key(&alice, key, capability, fake_key(100, &[])).await.ok();
    let sent = ObliviousLicense::new("bob", key, capability, fake_counter(2));
    let body = sent.message("bob", Uuid::new_v4(), ENVELOPE);
    alice
        .call(Method::POST, "/v1/messages/oblivious", Some(body))
        .await
        .ok();
    // One that is not the key's is looked at as well, and refused.
    let wrong = ObliviousLicense::new("bob", key, random(), fake_counter(2));
    let body = wrong.message("bob", Uuid::new_v4(), ENVELOPE);
    let refused = alice.call(Method::POST, "/v1/messages/oblivious", Some(body)).await;
    assert_ne!(refused.status, 200, "{}", refused.body);
    sent.ask(&relay.api(), Uuid::new_v4(), &fake_request(true, Some(0)))
        .await
        .ok();
    sent.license
        .owned(&relay.api(), Method::GET, &sent.license.owner)
        .await
        .ok();

    let kept = [
        ("the gate key's capability", capability),
        ("the play capability", sent.license.play),
        ("the owner's capability", sent.license.owner),
    ];
    for _ in 0..2 {
        for (what, secret) in &kept {
            // The control: the search finds what is there.
            assert!(
                !files_holding(relay.data(), &Sha256::digest(secret)).is_empty(),
                "the hash of {what} is nowhere"
            );
        }
        for (what, secret) in kept.iter().chain(&[("a wrong capability", wrong.gate_capability)]) {
            assert_eq!(files_holding(relay.data(), secret), [""; 0], "{what} is on the disk");
        }
        relay.restart().await;
    }
}
