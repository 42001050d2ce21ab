//! An account changes its identity: on two proofs, in one step, and as often as the answer is lost.

use protocol::identity::Purpose;
use protocol::succession::{MAX_SUCCESSIONS, PublishedSuccession, Succession, verify_chain};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{ENVELOPE, common::*};

fn statement(old: &User, new: &User, counter: u64) -> PublishedSuccession {
    let payload = Succession {
        address: old.address.clone(),
        old: old.fingerprint(),
        new: new.fingerprint(),
        counter,
        time: old.now,
    }
    .payload();
    PublishedSuccession {
        identity_key: old.keys.public().to_bytes(),
        signature: old.sign(Purpose::Succession, &payload),
        payload,
    }
}

/// A whole request: the new identity's registration with the old one's statement.
async fn request(new: &User, statement: &PublishedSuccession) -> Value {
    let mut body = new.registration(Some(new.batch(1, 500, 4))).await;
    body["statement"] = json!({
        "identity_key": b64(&statement.identity_key),
        "payload": b64(&statement.payload),
        "signature": b64(&statement.signature),
    });
    body
}

async fn post(relay: &TestRelay, body: Value) -> Answer {
    relay
        .api()
        .call(Method::POST, "/v1/accounts/succession", None, Some(body))
        .await
}

fn chain(answer: &Value) -> Vec<PublishedSuccession> {
    let links = answer["successions"].as_array().into_iter().flatten();
    links
        .map(|link| PublishedSuccession {
            identity_key: unb64(&link["identity_key"]),
            payload: unb64(&link["payload"]),
            signature: unb64(&link["signature"]),
        })
        .collect()
}

fn next(relay: &TestRelay, of: &User) -> User {
    let mut next = User::new(relay.api(), &of.name);
    next.now = of.now;
    next
}

#[tokio::test]
async fn a_succession_replaces_the_identity_and_ends_everything_of_the_old_one() {
    let relay = TestRelay::start().await;
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    let token = random::<32>();
    let put = json!({ "token_hash": b64(Sha256::digest(token)) });
    alice.call(Method::PUT, "/v1/delivery-tokens", Some(put)).await.ok();
    alice
        .call(
            Method::PUT,
            "/v1/keys",
            Some(json!({ "one_time_batch": batch_json(&alice.batch(1, 10, 4)) })),
        )
        .await
        .ok();
    bob.send("alice", Uuid::new_v4(), ENVELOPE).await.ok();

    let mut heir = next(&relay, &alice);
    let link = statement(&alice, &heir, 1);
    let answer = post(&relay, request(&heir, &link).await).await.ok();
    assert_eq!(answer["fingerprint"], heir.fingerprint().to_string());
    heir.token = answer["token"].as_str().unwrap().into();
    alice
        .call(Method::GET, "/v1/keys", None)
        .await
        .refused(401, "unauthorized");
    assert_eq!(heir.call(Method::GET, "/v1/keys", None).await.ok()["one_time_left"], 4);
    assert_eq!(heir.envelopes().await, [ENVELOPE], "mail that waits stays");
    let sent = bob
        .api
        .request(
            Method::POST,
            &format!("/v1/messages?to=alice&id={}", Uuid::new_v4()),
            None,
        )
        .header("content-type", "application/octet-stream")
        .header("Latchkey-Delivery-Token", b64(token))
        .body(ENVELOPE.to_vec());
    crate::common::answer(sent).await.refused(401, "unauthorized");

    let bundle = bob.call(Method::GET, "/v1/keys/alice", None).await.ok();
    assert_eq!(unb64(&bundle["identity_key"]), heir.keys.public().to_bytes());
    assert_eq!(bundle["one_time"]["id"], 500);
    let identity = bob.call(Method::GET, "/v1/keys/alice/identity", None).await.ok();
    for answer in [&bundle, &identity] {
        assert_eq!(chain(answer), std::slice::from_ref(&link));
        verify_chain(&chain(answer), &alice.address, &heir.fingerprint(), START).unwrap();
    }
    assert_eq!(bob.call(Method::GET, "/v1/keys", None).await.ok()["one_time_left"], 0);
    assert!(chain(&bob.call(Method::GET, "/v1/keys/bob/identity", None).await.ok()).is_empty());

    // The answer was lost: the same again, under a fresh challenge, and nothing is replaced twice.
    let again = post(&relay, request(&heir, &link).await).await.ok();
    heir.token = again["token"].as_str().unwrap().into();
    assert_eq!(heir.call(Method::GET, "/v1/keys", None).await.ok()["one_time_left"], 3);
    // The old identity neither signs in nor registers; the new one does.
    let mut old = next(&relay, &alice);
    old.keys = alice.keys.clone();
    let body = old.registration(None).await;
    relay
        .api()
        .call(Method::POST, "/v1/accounts", None, Some(body))
        .await
        .refused(409, "name_taken");
    let challenge = old.api.challenge("alice").await;
    let body = old.sign_in_with(&challenge, &relay.url());
    relay
        .api()
        .call(Method::POST, "/v1/session", None, Some(body))
        .await
        .refused(401, "unauthorized");
    heir.sign_in().await;
}

#[tokio::test]
async fn nothing_but_both_proofs_replaces_an_identity() {
    let relay = TestRelay::start().await;
    let alice = relay.user("alice").await;
    let (heir, other) = (next(&relay, &alice), next(&relay, &alice));
    let good = statement(&alice, &heir, 1);
    let refused = async |user: &User, statement: &PublishedSuccession, status, code| {
        post(&relay, request(user, statement).await).await.refused(status, code);
    };
    // The new key is not the one that is named; the statement is altered, signed by another, for another, or counts wrongly.
    refused(&other, &good, 400, "bad_signature").await;
    let mut altered = good.clone();
    altered.signature[70] ^= 1;
    refused(&heir, &altered, 400, "bad_signature").await;
    let mut stranger = relay.user("mallory").await;
    refused(&heir, &statement(&stranger, &heir, 1), 400, "bad_signature").await;
    stranger.address = alice.address.clone();
    refused(&heir, &statement(&stranger, &heir, 1), 409, "identity_replaced").await;
    for counter in [0, 2] {
        refused(&heir, &statement(&alice, &heir, counter), 409, "identity_replaced").await;
    }
    refused(&alice, &statement(&alice, &alice, 1), 400, "bad_signature").await;
    // The new key's own proof: its challenge is good once, and covers the prekeys.
    let mut body = request(&heir, &good).await;
    body["signed_prekey"] = spk_json(&heir.signed_prekey(9, 9));
    post(&relay, body).await.refused(400, "bad_signature");
    let mut body = request(&heir, &good).await;
    body["statement"]["payload"] = json!(b64([1; 300]));
    post(&relay, body).await.refused(413, "too_large");
    alice.call(Method::GET, "/v1/keys", None).await.ok();
    let body = request(&heir, &good).await;
    post(&relay, body.clone()).await.ok();
    post(&relay, body).await.refused(401, "unauthorized");
    // A second successor of the same identity comes too late.
    refused(&other, &statement(&alice, &other, 1), 409, "identity_replaced").await;
    refused(&other, &statement(&alice, &other, 2), 409, "identity_replaced").await;
    // And nobody succeeds whom there is not.
    let ghost = User::new(relay.api(), "ghost");
    let heir = next(&relay, &ghost);
    refused(&heir, &statement(&ghost, &heir, 1), 404, "no_such_user").await;
}

#[tokio::test]
async fn the_chain_is_kept_to_its_last_links() {
    let relay = TestRelay::start().await;
    let (mut current, bob) = (relay.user("alice").await, relay.user("bob").await);
    for counter in 1..=MAX_SUCCESSIONS as u64 + 2 {
        let heir = next(&relay, &current);
        post(&relay, request(&heir, &statement(&current, &heir, counter)).await)
            .await
            .ok();
        current = heir;
    }
    let kept = chain(&bob.call(Method::GET, "/v1/keys/alice/identity", None).await.ok());
    let links = verify_chain(&kept, &current.address, &current.fingerprint(), START).unwrap();
    assert_eq!((links.len(), links[0].counter), (MAX_SUCCESSIONS, 3));
}

#[tokio::test]
async fn successions_are_in_the_audit_log_and_limited_for_their_account_alone() {
    let relay = TestRelay::start_with(|config| config.rates.succeed = server::service::rates::Rate::parse("2/d")).await;
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    let before = relay.totals().await.audit.length;
    // What does not hold is nobody's but its sender's: it uses up nothing.
    let wrong = next(&relay, &alice);
    let mallory = next(&relay, &alice);
    let forged = request(&wrong, &statement(&mallory, &wrong, 1)).await;
    for _ in 0..3 {
        assert_ne!(post(&relay, forged.clone()).await.status, 200);
    }
    let (second, third, fourth) = (next(&relay, &alice), next(&relay, &alice), next(&relay, &alice));
    post(&relay, request(&second, &statement(&alice, &second, 1)).await)
        .await
        .ok();
    post(&relay, request(&third, &statement(&second, &third, 2)).await)
        .await
        .ok();
    post(&relay, request(&fourth, &statement(&third, &fourth, 3)).await)
        .await
        .refused(429, "rate_limited");
    let bobs = next(&relay, &bob);
    post(&relay, request(&bobs, &statement(&bob, &bobs, 1)).await)
        .await
        .ok();
    assert_eq!(relay.totals().await.audit.length, before + 3);
    let c = rusqlite::Connection::open(relay.data().join("relay.sqlite3")).unwrap();
    let succeeded: i64 = c
        .query_row("SELECT count(*) FROM audit WHERE event = 9", [], |row| row.get(0))
        .unwrap();
    assert_eq!(succeeded, 3);
}
