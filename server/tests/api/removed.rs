//! Requests that are under way while the operator removes the account.
//!
//! The order is made certain by `Expect: 100-continue`: the relay says `100 Continue` when it begins to read a body, which is after it has looked at the
//! token and before it has looked at what is asked for.

use reqwest::Method;
use serde_json::{Value, json};
use server::model::MailboxId;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use uuid::Uuid;

use crate::{ENVELOPE, common::*};

/// A request whose owner is authenticated and whose body is not sent yet.
struct Begun {
    stream: TcpStream,
    body: String,
}

impl Begun {
    async fn new(relay: &TestRelay, token: &str, method: &str, path: &str, body: Value) -> Self {
        let (addr, body) = (relay.running().addr(), body.to_string());
        let mut stream = TcpStream::connect(addr).await.unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {addr}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Expect: 100-continue\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut said = vec![0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
        stream.read_exact(&mut said).await.unwrap();
        assert_eq!(
            said,
            b"HTTP/1.1 100 Continue\r\n\r\n",
            "{}",
            String::from_utf8_lossy(&said)
        );
        Self { stream, body }
    }

    async fn finish(mut self) -> Answer {
        self.stream.write_all(self.body.as_bytes()).await.unwrap();
        let mut said = String::new();
        self.stream.read_to_string(&mut said).await.unwrap();
        let (head, body) = said.split_once("\r\n\r\n").unwrap();
        let mut body: Value = serde_json::from_str(body).unwrap();
        body.as_object_mut().unwrap().remove("request_id");
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            body,
        }
    }
}

#[tokio::test]
async fn what_is_asked_for_an_account_that_was_just_removed_is_answered_like_an_unknown_token() {
    let relay = TestRelay::start().await;
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    alice.send("bob", Uuid::new_v4(), ENVELOPE).await.ok();
    let read = ack(&bob.inbox(json!({})).await.ok());
    let token = json!({ "token_hash": b64([5; 32]) });
    let keys = json!({ "one_time_batch": batch_json(&bob.batch(1, 1, 8)) });
    let begun = async |method, path, body| Begun::new(&relay, &bob.token, method, path, body).await;

    // The control: such a request does its work when nothing comes between.
    let untroubled = begun("PUT", "/v1/delivery-tokens", token.clone()).await;
    untroubled.finish().await.ok();

    let under_way = [
        begun("POST", "/v1/inbox", json!({ "ack": read })).await,
        begun("POST", "/v1/inbox", json!({ "commit_counter": 3 })).await,
        begun("PUT", "/v1/delivery-tokens", token).await,
        begun("PUT", "/v1/keys", keys).await,
    ];
    let services = relay.running().services().clone();
    let mailbox = MailboxId::from_bytes(bob.mailbox());
    assert!(services.do_errand(&relay.removal("bob")).await.unwrap());

    let unknown = bob.inbox(json!({})).await;
    unknown.clone().refused(401, "unauthorized");
    for request in under_way {
        let answer = request.finish().await;
        assert_eq!((answer.status, &answer.body), (unknown.status, &unknown.body));
    }
    // Without a body there is nothing to hold back: past authentication by the side door.
    let bob = server::model::Principal {
        mailbox,
        session: [0; 32],
    };
    let cleared = services.mailboxes.clear(bob).await;
    assert!(
        matches!(cleared, Err(server::service::Refusal::Unauthorized)),
        "{cleared:?}"
    );
    let deleted = services.tokens.delete(bob, &"05".repeat(32)).await;
    assert!(
        matches!(deleted, Err(server::service::Refusal::Unauthorized)),
        "{deleted:?}"
    );
    // And the store is none the worse for it.
    services.ready().await.unwrap();
    alice.send("alice", Uuid::new_v4(), ENVELOPE).await.ok();
    alice.call(Method::DELETE, "/v1/inbox", None).await.ok();
}
