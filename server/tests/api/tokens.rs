//! Delivery tokens: sending without an account; and the commit counter, which tells a restored client.

use std::{sync::Arc, time::Duration};

use reqwest::{Method, RequestBuilder};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{ENVELOPE, common::*};

const HEADER: &str = "Latchkey-Delivery-Token";

pub async fn put(owner: &User, token: &[u8]) -> Answer {
    let body = json!({ "token_hash": b64(Sha256::digest(token)) });
    owner.call(Method::PUT, "/v1/delivery-tokens", Some(body)).await
}

async fn delete(owner: &User, token: &[u8]) -> Answer {
    let path = format!("/v1/delivery-tokens/{}", hex::encode(Sha256::digest(token)));
    owner.call(Method::DELETE, &path, None).await
}

/// A send that names nobody.
fn request(api: &Api, to: &str, id: Uuid, token: &[u8], envelope: &[u8]) -> RequestBuilder {
    api.request(Method::POST, &format!("/v1/messages?to={to}&id={id}"), None)
        .header("content-type", "application/octet-stream")
        .header(HEADER, b64(token))
        .body(envelope.to_vec())
}

pub async fn send(api: &Api, to: &str, id: Uuid, token: &[u8], envelope: &[u8]) -> Answer {
    answer(request(api, to, id, token, envelope)).await
}

#[tokio::test]
async fn a_token_sends_without_an_account_until_it_is_deleted() {
    let relay = TestRelay::start().await;
    let (bob, api) = (relay.user("bob").await, relay.api());
    let (token, id) = (random::<32>(), Uuid::new_v4());
    assert_eq!(put(&bob, &token).await.ok(), json!({ "tokens": 1 }));
    assert_eq!(put(&bob, &token).await.ok(), json!({ "tokens": 1 }));
    let stored = send(&api, "bob", id, &token, ENVELOPE).await.ok();
    assert_eq!(stored["id"], json!(id));
    assert_eq!(bob.envelopes().await, [ENVELOPE]);

    // Whatever bearer comes along is not looked at.
    let with = request(&api, "bob", Uuid::new_v4(), &token, b"two").bearer_auth("garbage");
    answer(with).await.ok();

    assert_eq!(delete(&bob, &token).await.ok(), json!({ "tokens": 0 }));
    assert_eq!(delete(&bob, &token).await.ok(), json!({ "tokens": 0 }));
    send(&api, "bob", Uuid::new_v4(), &token, ENVELOPE)
        .await
        .refused(401, "unauthorized");
    // Not even with a good bearer: a token that is shown is what counts.
    let with = request(&api, "bob", Uuid::new_v4(), &token, b"three").bearer_auth(&bob.token);
    answer(with).await.refused(401, "unauthorized");
    assert_eq!(bob.envelopes().await.len(), 2);
}

#[tokio::test]
async fn a_limited_message_goes_by_token_too() {
    let relay = TestRelay::start().await;
    let (bob, api) = (relay.user("bob").await, relay.api());
    let token = random::<32>();
    put(&bob, &token).await.ok();
    let license = License::new("bob", 2);
    let limited = |token: &[u8], id: Uuid| {
        api.request(Method::POST, "/v1/messages/limited", None)
            .header(HEADER, b64(token))
            .json(&license.message("bob", id, ENVELOPE))
    };
    answer(limited(&random::<32>(), Uuid::new_v4()))
        .await
        .refused(401, "unauthorized");
    let id = Uuid::new_v4();
    let first = answer(limited(&token, id)).await.ok();
    assert_eq!(answer(limited(&token, id)).await.ok(), first);
    assert_eq!(license.play(&api, Uuid::new_v4()).await.ok()["play"], 1);
    assert_eq!(bob.envelopes().await, [ENVELOPE]);
}

#[tokio::test]
async fn unknown_tokens_and_unknown_users_are_told_the_same() {
    let relay = TestRelay::start_on(Arc::new(FakeGate::default()), |_| {}).await;
    let (alice, bob, api) = (relay.user("alice").await, relay.user("bob").await, relay.api());
    let (token, deleted) = (random::<32>(), random::<32>());
    let (gate_key, capability) = ([7; 16], [8; 32]);
    put_gate_key(&alice, gate_key, capability, fake_key(1000, b""))
        .await
        .ok();
    put(&bob, &token).await.ok();
    put(&bob, &deleted).await.ok();
    delete(&bob, &deleted).await.ok();
    let told = async |request: RequestBuilder| {
        let response = request.send().await.unwrap();
        // Chance alone, and as long in every answer.
        let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        let mut headers: Vec<_> = response
            .headers()
            .iter()
            .filter(|(name, _)| *name != "date" && *name != "x-request-id")
            .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
            .collect();
        headers.sort();
        let status = response.status().as_u16();
        let body = response.text().await.unwrap().replace(&id, "0123456789abcdef");
        (status, headers, body)
    };
    let bytes = async |to: &str, token: &[u8]| told(request(&api, to, Uuid::new_v4(), token, ENVELOPE)).await;
    let unknown = bytes("bob", &random::<32>()).await;
    assert_eq!(unknown.0, 401);
    // So are sends with a license, whatever gate key they name.
    for gate_key in [gate_key, [9; 16]] {
        for (to, token) in [
            ("bob", &random::<32>()),
            ("nobody", &token),
            ("bob", &deleted),
            ("alice", &token),
        ] {
            let oblivious = ObliviousLicense::new(to, gate_key, capability, fake_counter(2));
            let limited = License::new(to, 2).message(to, Uuid::new_v4(), ENVELOPE);
            for (path, body) in [
                ("/v1/messages/limited", limited),
                (
                    "/v1/messages/oblivious",
                    oblivious.message(to, Uuid::new_v4(), ENVELOPE),
                ),
            ] {
                let request = api.request(Method::POST, path, None).header(HEADER, b64(token));
                assert_eq!(told(request.json(&body)).await, unknown, "{path} to {to}");
            }
        }
    }
    assert_eq!(bytes("nobody", &token).await, unknown);
    assert_eq!(bytes("bob", &deleted).await, unknown);
    assert_eq!(
        bytes("alice", &token).await,
        unknown,
        "a token opens its own mailbox alone"
    );
    for no_token in [&b""[..], b"short", &[7; 33]] {
        assert_eq!(bytes("bob", no_token).await, unknown);
    }
    let not_base64 = alice
        .send_request("bob", Uuid::new_v4(), ENVELOPE.to_vec())
        .header(HEADER, "*");
    answer(not_base64).await.refused(401, "unauthorized");
    // The hash of all zeros is what the comparison falls back to; it is no way in.
    let zeros = json!({ "token_hash": b64([0; 32]) });
    assert_eq!(bytes("bob", &[0; 32]).await, unknown);
    alice.call(Method::PUT, "/v1/delivery-tokens", Some(zeros)).await.ok();
    assert_eq!(bytes("bob", &random::<32>()).await, unknown);
    assert!(bob.envelopes().await.is_empty());
}

#[tokio::test]
async fn a_repeated_send_is_recognised_by_its_token() {
    let relay = TestRelay::start().await;
    let (alice, bob, api) = (relay.user("alice").await, relay.user("bob").await, relay.api());
    let (one, two, id) = (random::<32>(), random::<32>(), Uuid::new_v4());
    put(&bob, &one).await.ok();
    put(&bob, &two).await.ok();
    let first = send(&api, "bob", id, &one, ENVELOPE).await.ok();
    relay.clock.advance(Duration::from_secs(60));
    assert_eq!(send(&api, "bob", id, &one, ENVELOPE).await.ok(), first);
    send(&api, "bob", id, &one, b"another")
        .await
        .refused(409, "message_conflict");
    // Another token's id is another's, and so is an account's.
    send(&api, "bob", id, &two, b"two").await.ok();
    alice.send("bob", id, &b"alice"[..]).await.ok();
    assert_eq!(bob.envelopes().await, [ENVELOPE, b"two", b"alice"]);
}

#[tokio::test]
async fn a_token_sends_a_burst_and_then_four_a_second() {
    let relay = TestRelay::start().await;
    let (alice, bob, api) = (relay.user("alice").await, relay.user("bob").await, relay.api());
    let (fast, slow) = (random::<32>(), random::<32>());
    put(&bob, &fast).await.ok();
    put(&bob, &slow).await.ok();
    // The clock stands still.
    for _ in 0..64 {
        send(&api, "bob", Uuid::new_v4(), &fast, ENVELOPE).await.ok();
    }
    let refused = request(&api, "bob", Uuid::new_v4(), &fast, ENVELOPE)
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "5");
    send(&api, "bob", Uuid::new_v4(), &fast, ENVELOPE)
        .await
        .refused(429, "rate_limited");
    // Nobody else pays for it, and what nobody holds is not counted.
    send(&api, "bob", Uuid::new_v4(), &slow, ENVELOPE).await.ok();
    alice.send("bob", Uuid::new_v4(), ENVELOPE).await.ok();
    send(&api, "alice", Uuid::new_v4(), &fast, ENVELOPE)
        .await
        .refused(401, "unauthorized");
    relay.clock.advance(Duration::from_millis(500));
    for _ in 0..2 {
        send(&api, "bob", Uuid::new_v4(), &fast, ENVELOPE).await.ok();
    }
    send(&api, "bob", Uuid::new_v4(), &fast, ENVELOPE)
        .await
        .refused(429, "rate_limited");
}

#[tokio::test]
async fn a_mailbox_has_so_many_tokens_and_no_more() {
    let relay = TestRelay::start().await;
    let bob = relay.user("bob").await;
    // Many at a time: the relay commits them together.
    for chunk in 0..16u8 {
        let puts = (0..=255u8).map(|n| {
            let body = json!({ "token_hash": b64([[chunk; 16], [n; 16]].concat()) });
            bob.call(Method::PUT, "/v1/delivery-tokens", Some(body))
        });
        for answer in futures_util::future::join_all(puts).await {
            answer.ok();
        }
    }
    let problem = put(&bob, &random::<32>()).await.refused(400, "bad_request");
    assert!(problem["detail"].as_str().unwrap().contains("4096"), "{problem}");
    // What is there may be put again, and room can be made.
    let body = json!({ "token_hash": b64([3; 32]) });
    assert_eq!(
        bob.call(Method::PUT, "/v1/delivery-tokens", Some(body)).await.ok(),
        json!({ "tokens": 4096 })
    );
    let path = format!("/v1/delivery-tokens/{}", hex::encode([3; 32]));
    assert_eq!(
        bob.call(Method::DELETE, &path, None).await.ok(),
        json!({ "tokens": 4095 })
    );
    put(&bob, &random::<32>()).await.ok();
}

#[tokio::test]
async fn what_is_no_hash_is_refused() {
    let relay = TestRelay::start().await;
    let bob = relay.user("bob").await;
    let body = json!({ "token_hash": b64([1; 31]) });
    bob.call(Method::PUT, "/v1/delivery-tokens", Some(body))
        .await
        .refused(400, "bad_request");
    for hash in ["00", &"A".repeat(64), &"g".repeat(64), &"0".repeat(65)] {
        bob.call(Method::DELETE, &format!("/v1/delivery-tokens/{hash}"), None)
            .await
            .refused(400, "bad_request");
    }
}

#[tokio::test]
async fn tokens_survive_a_restart() {
    let mut relay = TestRelay::start().await;
    let bob = relay.user("bob").await;
    let token = random::<32>();
    put(&bob, &token).await.ok();
    bob.inbox(json!({ "commit_counter": 12 })).await.ok();
    relay.restart().await;
    let mut bob = User {
        api: relay.api(),
        ..bob
    };
    send(&relay.api(), "bob", Uuid::new_v4(), &token, ENVELOPE).await.ok();
    bob.sign_in().await;
    assert_eq!(bob.inbox(json!({})).await.ok()["commit_counter"], 12);
}

#[tokio::test]
async fn the_commit_counter_only_grows_and_is_told_at_sign_in() {
    let relay = TestRelay::start().await;
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    let counter = async |body| bob.inbox(body).await.ok()["commit_counter"].as_u64().unwrap();
    assert_eq!(counter(json!({})).await, 0);
    assert_eq!(counter(json!({ "commit_counter": 7 })).await, 7);
    assert_eq!(counter(json!({ "commit_counter": 3 })).await, 7);
    assert_eq!(counter(json!({})).await, 7);
    alice.send("bob", Uuid::new_v4(), ENVELOPE).await.ok();
    let page = bob.inbox(json!({})).await.ok();
    assert_eq!(counter(json!({ "ack": ack(&page), "commit_counter": 9 })).await, 9);
    assert_eq!(
        alice.inbox(json!({})).await.ok()["commit_counter"],
        0,
        "each account has its own"
    );
    // A new life of the mailbox is the same account.
    bob.call(Method::DELETE, "/v1/inbox", None).await.ok();
    assert_eq!(counter(json!({})).await, 9);
    let stale = json!({ "ack": ack(&page), "commit_counter": 99 });
    bob.inbox(stale).await.refused(409, "stale_incarnation");

    let challenge = bob.api.challenge("bob").await;
    let body = bob.sign_in_with(&challenge, &relay.url());
    let session = bob.api.call(Method::POST, "/v1/session", None, Some(body)).await.ok();
    assert_eq!(session["commit_counter"], 9);
}

/// A thief of a bearer token, and a client whose relay was put back from a backup.
#[tokio::test]
async fn a_token_alone_moves_the_commit_counter_a_little_and_a_sign_in_as_far_as_it_goes() {
    const JUMP: u64 = 1 << 18;
    const END: u64 = (1 << 53) - 1;
    let relay = TestRelay::start().await;
    let (alice, mut bob) = (relay.user("alice").await, relay.user("bob").await);
    let told = |counter: u64| json!({ "commit_counter": counter });
    alice.send("bob", Uuid::new_v4(), ENVELOPE).await.ok();
    let page = bob.inbox(json!({})).await.ok();
    for far in [JUMP + 1, 1 << 48, END] {
        let with_ack = json!({ "ack": ack(&page), "commit_counter": far });
        bob.inbox(with_ack).await.refused(409, "counter_too_far");
    }
    for beyond in [END + 1, u64::MAX] {
        bob.inbox(told(beyond)).await.refused(400, "bad_request");
    }
    let after = bob.inbox(json!({})).await.ok();
    assert_eq!(after["commit_counter"], 0);
    assert_eq!(after["envelopes"].as_array().unwrap().len(), 1, "nothing was deleted");
    assert_eq!(bob.inbox(told(JUMP)).await.ok()["commit_counter"], JUMP);
    assert_eq!(bob.inbox(told(2 * JUMP)).await.ok()["commit_counter"], 2 * JUMP);
    bob.inbox(told(3 * JUMP + 1)).await.refused(409, "counter_too_far");

    let sign_in = async |counter: u64| {
        let challenge = bob.api.challenge("bob").await;
        let mut body = bob.sign_in_with(&challenge, &relay.url());
        body["commit_counter"] = counter.into();
        bob.api.call(Method::POST, "/v1/session", None, Some(body)).await
    };
    sign_in(END + 1).await.refused(400, "bad_request");
    assert_eq!(sign_in(1 << 50).await.ok()["commit_counter"], 1_u64 << 50);
    assert_eq!(sign_in(3).await.ok()["commit_counter"], 1_u64 << 50, "it only grows");
    bob.sign_in().await;
    assert_eq!(
        bob.inbox(told((1 << 50) + JUMP)).await.ok()["commit_counter"],
        (1 << 50) + JUMP
    );

    // The key of one account does not move the counter of another.
    let challenge = alice.api.challenge("alice").await;
    let mut forged = bob.sign_in_with(&challenge, &relay.url());
    forged["user"] = "alice".into();
    forged["commit_counter"] = END.into();
    let answer = bob.api.call(Method::POST, "/v1/session", None, Some(forged)).await;
    answer.refused(401, "unauthorized");
    assert_eq!(alice.inbox(json!({})).await.ok()["commit_counter"], 0);
}

/// On the page a token that is pasted at once may come into the wrong field. The relay tells it by the form, and looks for no session.
#[tokio::test]
async fn a_sessions_token_in_the_place_of_a_delivery_token_is_told_by_its_form() {
    let relay = TestRelay::start().await;
    let (alice, api) = (relay.user("alice").await, relay.api());
    let told = async |token: &str| {
        let request = api.request(
            Method::POST,
            &format!("/v1/messages?id={}&to=alice", Uuid::new_v4()),
            None,
        );
        let request = request
            .header("content-type", "application/octet-stream")
            .header(HEADER, token);
        let body = answer(request.body(ENVELOPE.to_vec()))
            .await
            .refused(401, "unauthorized");
        body["detail"].as_str().unwrap().to_owned()
    };
    let said = told(&alice.token).await;
    assert!(said.contains("form of a session's token"), "{said}");
    // One that never was: the same words.
    assert_eq!(told(&"A".repeat(64)).await, said);
    for other in [b64(random::<32>()), "A".repeat(63), "A".repeat(65), "*".repeat(64)] {
        assert!(!told(&other).await.contains("session's token"), "{other}");
    }
}
