//! Answers for which there is memory, and what is done where there is none.

use std::{fs::File, future::poll_fn, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use poem::{
    Endpoint as _,
    http::{Method, header},
};
use protocol::{
    address::UserName,
    prekey::{OneTimeEntry, PublishedSignedPreKey},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::*;
use crate::{
    clock::{Clock as _, SystemClock},
    config::Config,
    http::{
        admission::{MOST_BYTES, Place, Places, Shown},
        app::app,
    },
    model::{BearerToken, Incarnation, MailboxId, Sender},
    relay::Relay,
    service::Refusal,
    store::{BatchRow, Registration, SignedPreKeyRow, Store as _, TokenRow, sqlite::Sqlite, waiters::Waiters},
};

fn known(places: &Arc<Places>, n: u8) -> Place {
    let place = places.take(None).unwrap();
    place.guest().recognise(Shown::Account(MailboxId::from_bytes([n; 16])));
    place
}

fn large() -> Response {
    Response::builder()
        .header(request_id::HEADER, "0123456789abcdef")
        .header(header::ACCESS_CONTROL_ALLOW_ORIGIN, "https://chat.example")
        .content_type("text/plain")
        .body(vec![b'x'; FREE_BYTES + 1])
}

#[tokio::test]
async fn without_memory_an_answer_is_busy_and_says_to_what_and_to_whom() {
    let places = Places::new(10, None);
    let (holder, asker) = (known(&places, 1), known(&places, 2));
    let all = holder.guest().hold(MOST_BYTES).unwrap();
    let mut refused = held(large(), asker.guest());
    assert_eq!(refused.status(), 503);
    let headers = refused.headers().clone();
    assert_eq!(headers[request_id::HEADER], "0123456789abcdef");
    assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "https://chat.example");
    assert_eq!(headers[header::RETRY_AFTER], "1");
    assert!(
        headers[header::CONTENT_TYPE]
            .to_str()
            .unwrap()
            .starts_with("application/json")
    );
    let frame = poll_fn(|cx| Pin::new(refused.body_mut()).poll_frame(cx))
        .await
        .unwrap()
        .unwrap();
    let body: Value = serde_json::from_slice(&frame.into_data().unwrap()).unwrap();
    assert_eq!(
        (&body["code"], &body["request_id"]),
        (&"busy".into(), &"0123456789abcdef".into())
    );
    // What all share takes no memory.
    let mut shared = large();
    shared.extensions_mut().insert(Shared);
    assert_eq!(held(shared, asker.guest()).status(), 200);
    drop(all);
    assert_eq!(held(large(), asker.guest()).status(), 200);
}

#[tokio::test]
async fn memory_is_held_until_the_last_byte_is_gone() {
    let places = Places::new(10, None);
    let (holder, asker) = (known(&places, 1), known(&places, 2));
    let _rest = holder.guest().hold(MOST_BYTES - FREE_BYTES - 1).unwrap();
    let mut answer = held(large(), asker.guest());
    assert_eq!(answer.status(), 200);
    assert!(holder.guest().hold(1).is_none());
    let frame = poll_fn(|cx| Pin::new(answer.body_mut()).poll_frame(cx))
        .await
        .unwrap()
        .unwrap();
    drop(answer);
    let mut bytes = frame.into_data().unwrap();
    let first = bytes.split_to(1);
    drop(bytes);
    assert!(holder.guest().hold(1).is_none(), "a byte is left");
    drop(first);
    assert!(holder.guest().hold(1).is_some());
}

/// The account "bob" with one one-time prekey and a delivery token, signed in, straight into the store.
async fn registered(directory: &std::path::Path) -> BearerToken {
    std::fs::create_dir(directory).unwrap();
    let lock = File::create(directory.join("relay.lock")).unwrap();
    let store = Sqlite::open(directory, lock, None, Arc::new(Waiters::default())).unwrap();
    let now = SystemClock.now();
    let expires = now.plus(Duration::from_secs(24 * 3600));
    let user = UserName::parse("bob").unwrap();
    let mailbox = MailboxId::of(&user);
    let token = BearerToken::new(mailbox, Zeroizing::new([5; 32]));
    let registration = Registration {
        mailbox,
        user,
        identity_key: vec![1; 2624],
        signed_prekey: SignedPreKeyRow {
            id: 1,
            seq: 1,
            expires,
            published: PublishedSignedPreKey {
                payload: vec![2; 1700],
                signature: vec![3; 4691],
            },
        },
        batch: Some(BatchRow {
            seq: 1,
            expires,
            payload: vec![4; 300],
            signature: vec![5; 4691],
            entries: vec![OneTimeEntry {
                id: 7,
                key: vec![6; 1600],
                path: Vec::new(),
            }],
        }),
        max_one_time: 1,
        token: TokenRow {
            hash: token.hash(),
            expires,
        },
        incarnation: Incarnation(Uuid::new_v4()),
        now,
    };
    store.register(registration).await.unwrap();
    token
}

/// What an answer says, with its status; as the connection sends it.
async fn sent(answer: Response, guest: &Arc<Guest>) -> (u16, Value) {
    let mut answer = held(answer, guest);
    let frame = poll_fn(|cx| Pin::new(answer.body_mut()).poll_frame(cx)).await;
    let body = frame.unwrap().unwrap().into_data().unwrap();
    (answer.status().as_u16(), serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn without_memory_for_the_answer_nothing_is_used_up() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let bearer = registered(&data).await.reveal();
    let mut config = Config::new(data).unwrap();
    config.listen.set_port(0);
    let relay = Relay::start(config.clone()).await.unwrap();
    let services = relay.services();
    let app = app(Arc::clone(services), &config);
    let places = Places::new(10, None);
    let (holder, asker) = (known(&places, 1), known(&places, 2));
    let ask = async |method: Method, path: &str, body: Option<Value>| {
        let mut request = Request::builder()
            .method(method)
            .uri(path.parse().unwrap())
            .header(header::HOST, "x")
            .header(header::AUTHORIZATION, format!("Bearer {bearer}"))
            .content_type("application/json")
            .body(body.map(|body| body.to_string()).unwrap_or_default());
        request.extensions_mut().insert(Arc::clone(asker.guest()));
        sent(app.get_response(request).await, asker.guest()).await
    };
    let token = [9; 32];
    let hash: [u8; 32] = Sha256::digest(token).into();
    let (status, _) = ask(
        Method::PUT,
        "/v1/delivery-tokens",
        Some(json!({ "token_hash": STANDARD.encode(hash) })),
    )
    .await;
    assert_eq!(status, 200);
    // Whoever has the token sends until it is refused.
    let refused = loop {
        let body = vec![8; FREE_BYTES + 1];
        let sent = services
            .mailboxes
            .deposit(Sender::Token(hash), "bob", Uuid::new_v4(), body, None);
        if let Err(refused) = sent.await {
            break refused;
        }
    };
    assert!(matches!(refused, Refusal::RateLimited), "{refused}");

    let all = holder.guest().hold(MOST_BYTES).unwrap();
    let prekeys = async || ask(Method::GET, "/v1/keys", None).await.1["one_time_left"].clone();
    assert_eq!(prekeys().await, 1);
    for _ in 0..3 {
        let (status, said) = ask(Method::GET, "/v1/keys/bob", None).await;
        assert_eq!((status, &said["code"]), (503, &json!("busy")), "{said}");
        assert_eq!(prekeys().await, 1, "{said}");
        for wait_seconds in [0, 1] {
            let body = json!({ "limit": 1, "wait_seconds": wait_seconds });
            let (status, said) = ask(Method::POST, "/v1/inbox", Some(body)).await;
            assert_eq!((status, &said["code"]), (503, &json!("busy")), "{said}");
        }
    }
    drop(all);
    let (status, said) = ask(Method::GET, "/v1/keys/bob", None).await;
    assert_eq!((status, &said["one_time"]["id"]), (200, &json!(7)), "{said}");
    assert_eq!(prekeys().await, 0);
    let (status, page) = ask(Method::POST, "/v1/inbox", Some(json!({ "limit": 1 }))).await;
    assert_eq!(status, 200);
    assert_eq!(page["refused_senders"][0]["token_hash"], hex::encode(hash));
    // Nothing is held any more, whatever was reserved and not needed.
    assert!(holder.guest().hold(MOST_BYTES).is_some());
    relay.shutdown().await;
}
