//! A session that ended does nothing any more: not what was on its way when it ended, and not what waits.

use std::{sync::Arc, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use uuid::Uuid;

use crate::{ENVELOPE, common::*};

const KEY: [u8; 16] = [3; 16];
const CAPABILITY: [u8; 32] = [4; 32];
/// Half of the wait for mail, and far more than a loaded machine needs to end one.
const AT_ONCE: Duration = Duration::from_secs(15);

/// A request of which the relay has seen the head, looked at the token, and asked for the body.
struct Held {
    what: &'static str,
    socket: TcpStream,
    body: Vec<u8>,
}

impl Held {
    async fn begin(
        what: &'static str,
        user: &User,
        method: &str,
        path: &str,
        kind: &str,
        more: &str,
        body: Vec<u8>,
    ) -> Self {
        let host = user.api.url.trim_start_matches("http://");
        let mut socket = TcpStream::connect(host).await.unwrap();
        // Only when somebody reads the body the relay says that it may come, which is after the token was looked at.
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\
             Connection: close\r\n{more}\r\n",
            user.token,
            body.len(),
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        let go_on = b"HTTP/1.1 100 Continue\r\n\r\n";
        let mut said = vec![0; go_on.len()];
        socket.read_exact(&mut said).await.unwrap();
        assert_eq!(said, go_on, "{what}: {}", String::from_utf8_lossy(&said));
        Self { what, socket, body }
    }

    async fn json(what: &'static str, user: &User, method: &str, path: &str, body: &Value) -> Self {
        Self::begin(
            what,
            user,
            method,
            path,
            "application/json",
            "",
            body.to_string().into(),
        )
        .await
    }

    async fn finish(mut self) -> (&'static str, String) {
        self.socket.write_all(&self.body).await.unwrap();
        let mut answer = String::new();
        self.socket.read_to_string(&mut answer).await.unwrap();
        (self.what, answer)
    }
}

/// How a session ends.
#[derive(Debug, Clone, Copy)]
enum End {
    SignOut,
    SignIn,
    Expiry,
}

const ENDS: [End; 3] = [End::SignOut, End::SignIn, End::Expiry];

impl End {
    async fn come(self, relay: &TestRelay, alice: &mut User) {
        match self {
            Self::SignOut => drop(alice.call(Method::DELETE, "/v1/session", None).await.ok()),
            Self::SignIn => alice.sign_in().await,
            Self::Expiry => relay.clock.advance(relay.config.token_ttl),
        }
    }
}

#[tokio::test]
async fn a_body_that_comes_after_its_session_ended_changes_nothing() {
    for end in ENDS {
        let relay = TestRelay::start_on(Arc::new(FakeGate::default()), |_| {}).await;
        let (mut alice, bob) = (relay.user("alice").await, relay.user("bob").await);
        bob.send("alice", Uuid::new_v4(), ENVELOPE).await.ok();
        put_gate_key(&alice, KEY, CAPABILITY, fake_key(100, &[])).await.ok();
        let page = alice.inbox(json!({})).await.ok();
        let before = alice.call(Method::GET, "/v1/keys", None).await.ok();

        let batch = json!({ "one_time_batch": batch_json(&alice.batch(1, 1, 4)) });
        let ack = json!({ "ack": ack(&page), "commit_counter": 7 });
        let token = json!({ "token_hash": b64([5; 32]) });
        let (limited, oblivious) = (
            License::new("bob", 3),
            ObliviousLicense::new("bob", KEY, CAPABILITY, fake_counter(2)),
        );
        let message = limited.message("bob", Uuid::new_v4(), b"limited");
        let sealed = oblivious.message("bob", Uuid::new_v4(), b"oblivious");
        let send = format!("/v1/messages?to=bob&id={}", Uuid::new_v4());
        let (octets, hash) = (
            "application/octet-stream",
            format!("Latchkey-Capability-Hash: {}\r\n", b64([6; 32])),
        );
        let other_key = format!("/v1/gate-keys/{}", hex::encode([9; 16]));
        let held = [
            Held::json("publish_key", &alice, "PUT", "/v1/keys", &batch).await,
            Held::json("inbox", &alice, "POST", "/v1/inbox", &ack).await,
            Held::json("put_delivery_token", &alice, "PUT", "/v1/delivery-tokens", &token).await,
            Held::json("send_limited", &alice, "POST", "/v1/messages/limited", &message).await,
            Held::json("send_oblivious", &alice, "POST", "/v1/messages/oblivious", &sealed).await,
            Held::begin("send", &alice, "POST", &send, octets, "", ENVELOPE.to_vec()).await,
            Held::begin(
                "put_gate_key",
                &alice,
                "PUT",
                &other_key,
                octets,
                &hash,
                fake_key(100, &[1]),
            )
            .await,
        ];
        end.come(&relay, &mut alice).await;
        for held in held {
            let (what, answer) = held.finish().await;
            assert!(
                answer.starts_with("HTTP/1.1 401 ") && answer.contains("\"unauthorized\""),
                "{what} after {end:?}: {answer}"
            );
        }

        let mut bob = bob;
        bob.sign_in().await;
        assert!(bob.envelopes().await.is_empty(), "{end:?}");
        limited
            .play(&relay.api(), Uuid::new_v4())
            .await
            .refused(404, "no_such_license");
        alice.sign_in().await;
        let page = alice.inbox(json!({})).await.ok();
        assert_eq!(bodies(&page), [ENVELOPE], "{end:?}");
        assert_eq!(page["commit_counter"], 0, "{end:?}");
        let after = alice.call(Method::GET, "/v1/keys", None).await.ok();
        assert_eq!(before["one_time_left"], after["one_time_left"], "{end:?}");
        alice
            .call(Method::GET, &other_key, None)
            .await
            .refused(404, "no_such_gate_key");
        let token = json!({ "token_hash": b64([8; 32]) });
        let tokens = alice.call(Method::PUT, "/v1/delivery-tokens", Some(token)).await.ok();
        assert_eq!(tokens["tokens"], 1, "{end:?}");
    }
}

#[tokio::test]
async fn a_wait_ends_with_its_session_and_gets_no_mail() {
    for end in ENDS {
        let relay = TestRelay::start_with(|config| config.token_ttl = Duration::from_secs(2)).await;
        let (mut alice, bob) = (relay.user("alice").await, relay.user("bob").await);
        let services = relay.running().services().clone();
        let (api, token) = (alice.api.clone(), alice.token.clone());
        let wait = json!({ "wait_seconds": 30 });
        let waiting = tokio::spawn(async move { api.call(Method::POST, "/v1/inbox", Some(&token), Some(wait)).await });
        eventually("alice waits", || services.mailboxes.waiting() == 1).await;
        let begun = std::time::Instant::now();
        end.come(&relay, &mut alice).await;
        if !matches!(end, End::Expiry) {
            bob.send("alice", Uuid::new_v4(), ENVELOPE).await.ok();
        }
        waiting.await.unwrap().refused(401, "unauthorized");
        assert!(begun.elapsed() < AT_ONCE, "{end:?} took {:?}", begun.elapsed());
    }
}

/// Mail that comes at the moment when the session is over is not shown to it.
#[tokio::test]
async fn mail_does_not_reach_a_wait_whose_session_has_expired() {
    let relay = TestRelay::start().await;
    let (alice, mut bob) = (relay.user("alice").await, relay.user("bob").await);
    let services = relay.running().services().clone();
    let (api, token) = (alice.api.clone(), alice.token.clone());
    let wait = json!({ "wait_seconds": 30 });
    let waiting = tokio::spawn(async move { api.call(Method::POST, "/v1/inbox", Some(&token), Some(wait)).await });
    eventually("alice waits", || services.mailboxes.waiting() == 1).await;
    // An hour by the relay's clock, and no time at all: nothing but the mail wakes the wait.
    relay.clock.advance(relay.config.token_ttl);
    bob.sign_in().await;
    bob.send("alice", Uuid::new_v4(), ENVELOPE).await.ok();
    waiting.await.unwrap().refused(401, "unauthorized");
}

/// A wait whose session goes on is not disturbed by what others do.
#[tokio::test]
async fn a_wait_goes_on_while_its_session_does() {
    let relay = TestRelay::start().await;
    let (alice, mut bob) = (relay.user("alice").await, relay.user("bob").await);
    let services = relay.running().services().clone();
    let (api, token) = (alice.api.clone(), alice.token.clone());
    let wait = json!({ "wait_seconds": 30 });
    let waiting = tokio::spawn(async move { api.call(Method::POST, "/v1/inbox", Some(&token), Some(wait)).await });
    eventually("alice waits", || services.mailboxes.waiting() == 1).await;
    bob.sign_in().await;
    // Somebody who wants to sign in as her and cannot.
    let challenge = alice.api.challenge("alice").await;
    let mut forged = alice.sign_in_with(&challenge, &alice.api.url);
    forged["client_nonce"] = json!(b64([0; 32]));
    let forged = alice.api.call(Method::POST, "/v1/session", None, Some(forged)).await;
    forged.refused(401, "unauthorized");
    bob.send("alice", Uuid::new_v4(), ENVELOPE).await.ok();
    assert_eq!(bodies(&waiting.await.unwrap().ok()), [ENVELOPE]);
}
