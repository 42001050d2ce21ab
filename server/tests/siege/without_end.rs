//! A thousand clients that ask as much as they can: each has its next requests under way before it has read an answer.

use reqwest::Method;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    runtime::{Builder, Runtime},
    sync::mpsc,
    time::timeout,
};
use uuid::Uuid;

use crate::{ALONE, Besieged, HOSTILE, MOST_KIB, common::*, peak_kib, served};

/// Requests that one writes at a time.
const AHEAD: usize = 20;

/// The attackers. They have a thread of their own, so that who is to be served does not wait for them here.
struct Attackers(Option<Runtime>);

impl Attackers {
    /// Sends `requests` over and over on each connection; when this returns, each has been answered.
    async fn ask(address: std::net::SocketAddr, requests: impl Fn() -> Vec<u8>) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (tell, mut told) = mpsc::channel(HOSTILE);
        for _ in 0..HOSTILE {
            let (requests, tell) = (requests(), tell.clone());
            runtime.spawn(async move {
                let (mut answers, mut asks) = TcpStream::connect(address).await.unwrap().into_split();
                let asking = async { while asks.write_all(&requests).await.is_ok() {} };
                let reading = async {
                    let mut some = vec![0; 1 << 14];
                    let mut first = Some(tell);
                    while answers.read(&mut some).await.is_ok_and(|bytes| bytes > 0) {
                        if let Some(tell) = first.take() {
                            tell.send(()).await.unwrap();
                        }
                    }
                };
                tokio::join!(asking, reading);
            });
        }
        let all = async {
            for _ in 0..HOSTILE {
                told.recv().await.expect("one was never answered");
            }
        };
        timeout(served::PATIENCE, all).await.expect("all of them are let in");
        Self(Some(runtime))
    }
}

impl Drop for Attackers {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Somebody new is served soon meanwhile, and where it is the `store` that they keep busy, somebody with an account is too.
async fn endures(store: bool, requests: impl Fn() -> Vec<u8>) {
    let _alone = ALONE.lock().await;
    let besieged = Besieged::start().await;
    // Somebody with an account, who sends and fetches: both go to the store.
    let api = |url: &str| Api {
        http: client(),
        url: url.to_owned(),
    };
    let alice = User::register(api(&besieged.relay.url), "alice").await;
    let mail = async |url: &str| {
        let (api, token) = (api(url), Some(alice.token.as_str()));
        let path = format!("/v1/messages?to=alice&id={}", Uuid::new_v4());
        let send = api
            .request(Method::POST, &path, token)
            .header("content-type", "application/octet-stream");
        answer(send.body(b"mail".to_vec())).await.ok();
        let page = api
            .call(
                Method::POST,
                "/v1/inbox",
                token,
                Some(serde_json::json!({ "limit": 1 })),
            )
            .await;
        assert_eq!(bodies(&page.ok()), [b"mail"]);
    };
    let mail_alone = served::alone(&besieged.relay, mail).await;
    let attackers = Attackers::ask(besieged.address, requests).await;
    served::is_served_soon(&besieged.relay, besieged.alone, served::request).await;
    if store {
        // Two requests, and each waits for the others.
        served::are_served_soon(&besieged.relay, mail_alone, 2, mail).await;
    }
    let peak = peak_kib(besieged.relay.child.id());
    println!("peak {} MiB", peak >> 10);
    assert!(peak <= MOST_KIB, "{peak} KiB");
    drop(attackers);
}

/// `AHEAD` requests, each made anew.
fn several(one: impl Fn() -> String) -> Vec<u8> {
    (0..AHEAD).flat_map(|_| one().into_bytes()).collect()
}

/// Each costs the store a look: more of these wait than there may be while others are let in as they come.
#[tokio::test]
async fn sends_with_unknown_tokens_without_end_hold_up_nobody() {
    endures(true, || {
        several(|| {
            let (id, token) = (Uuid::new_v4(), b64(random::<32>()));
            format!(
                "POST /v1/messages?to=mallory&id={id} HTTP/1.1\r\nHost: x\r\nLatchkey-Delivery-Token: {token}\r\nContent-Type: application/octet-stream\r\nContent-Length: 1\r\n\r\nx"
            )
        })
    })
    .await;
}

#[tokio::test]
async fn fetches_with_unknown_sessions_without_end_hold_up_nobody() {
    endures(true, || {
        several(|| {
            let token = b64(random::<48>());
            format!(
                "POST /v1/inbox HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
            )
        })
    })
    .await;
}

/// No account is needed to show a capability.
#[tokio::test]
async fn plays_and_revocations_of_unknown_licenses_without_end_hold_up_nobody() {
    let license = || hex::encode(random::<32>());
    endures(true, || {
        several(|| {
            let body = serde_json::json!({ "play_id": Uuid::new_v4(), "capability": b64(random::<32>()) }).to_string();
            format!(
                "POST /v1/licenses/{}/plays HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                license(),
                body.len()
            )
        })
    })
    .await;
    for method in ["GET", "DELETE"] {
        endures(true, || {
            several(|| {
                let capability = b64(random::<32>());
                format!(
                    "{method} /v1/licenses/{} HTTP/1.1\r\nHost: x\r\nLatchkey-Capability: {capability}\r\n\r\n",
                    license()
                )
            })
        })
        .await;
    }
}

#[tokio::test]
async fn challenges_without_end_hold_up_nobody() {
    let body = r#"{"user":"mallory"}"#;
    let length = body.len();
    let request = format!(
        "POST /v1/session/challenge HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    endures(false, || several(|| request.clone())).await;
}

/// What is answered from memory, and what is nowhere.
#[tokio::test]
async fn requests_for_pages_without_end_hold_up_nobody() {
    for path in ["/v1/status", "/nothing"] {
        endures(false, || several(|| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))).await;
    }
}
