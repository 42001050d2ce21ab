//! The real binary, killed at random moments under load: what was answered with 200 is delivered exactly once, and nothing is half there.

// Helpers of tests may panic like the tests themselves (clippy.toml exempts only the latter).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use common::*;
use rand_core::Rng as _;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

/// A relay process; killed when dropped.
struct Process {
    child: Child,
    url: String,
}

impl Process {
    fn start(data: &Path, listen: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_latchkey-relay"))
            .args(["--listen", listen, "--quiet", "--rate-limits", "false", "--data-dir"])
            .arg(data)
            .env_clear()
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines
            .find_map(|line| Some(line.unwrap().split_once("listening on")?.1.trim().to_owned()))
            .unwrap();
        Self { child, url }
    }

    /// SIGKILL: no handler, no flush.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A call that repeats until the relay answers, as a client does: a lost connection is no answer.
async fn insist(request: impl Fn() -> reqwest::RequestBuilder) -> (StatusCode, Value) {
    loop {
        if let Ok(response) = request().send().await
            && let (status, Ok(body)) = (response.status(), response.json().await)
            && status != StatusCode::SERVICE_UNAVAILABLE
        {
            return (status, body);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[derive(Default)]
struct Ledger {
    /// Message id to content of everything that was answered with 200.
    accepted: HashMap<Uuid, Vec<u8>>,
    done: bool,
}

const SENDERS: usize = 4;
const KILLS: u32 = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_200_is_delivered_exactly_once_whenever_the_relay_is_killed() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let mut process = Process::start(&data, "127.0.0.1:0");
    // The same address again and again, so that clients find it.
    let (url, listen) = (
        process.url.clone(),
        process.url.trim_start_matches("http://").to_owned(),
    );
    let api = Api { http: client(), url };
    let bob = Arc::new(User::register(api.clone(), "bob").await);
    let ledger = Arc::new(Mutex::new(Ledger::default()));

    let mut senders = Vec::new();
    for i in 0..SENDERS {
        let sender = User::register(api.clone(), &format!("sender{i}")).await;
        let ledger = ledger.clone();
        senders.push(tokio::spawn(async move {
            while !ledger.lock().unwrap().done {
                let id = Uuid::new_v4();
                let body = [id.as_bytes(), &vec![i as u8; 2000][..]].concat();
                // Given up after one try sometimes: then the message may or may not be there, but never twice.
                let give_up = id.as_bytes()[0] < 64;
                let request = || sender.send_request("bob", id, body.clone());
                let status = if give_up {
                    request().send().await.ok().map(|response| response.status())
                } else {
                    Some(insist(request).await.0)
                };
                match status {
                    Some(StatusCode::OK) => {
                        ledger.lock().unwrap().accepted.insert(id, body);
                    }
                    Some(StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    Some(other) => panic!("{other}"),
                    None => {}
                }
            }
        }));
    }

    // Keeps first, acknowledges then. Deliveries are counted by sequence, which is what an acknowledgement is about.
    let reader = tokio::spawn({
        let (bob, ledger) = (bob.clone(), ledger.clone());
        async move {
            let mut read: HashMap<u64, Vec<u8>> = HashMap::new();
            let (mut position, mut quiet) = (None::<Value>, 0);
            loop {
                let body = json!({ "ack": position, "wait_seconds": 0, "limit": 16 });
                let request = || bob.api.request(Method::POST, "/v1/inbox", Some(&bob.token)).json(&body);
                let (status, page) = insist(request).await;
                assert_eq!(status, 200, "{page}");
                for delivery in page["envelopes"].as_array().unwrap() {
                    let (sequence, body) = (delivery["sequence"].as_u64().unwrap(), unb64(&delivery["envelope"]));
                    // The same place never holds two contents, whatever was lost in between.
                    assert_eq!(*read.entry(sequence).or_insert_with(|| body.clone()), body);
                }
                if bodies(&page).is_empty() {
                    quiet += 1;
                    if quiet > 3 && ledger.lock().unwrap().done {
                        return read;
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                } else {
                    quiet = 0;
                    position = Some(ack(&page));
                }
            }
        }
    });

    let mut rng = rng();
    for _ in 0..KILLS {
        // The moment is what is random here, not what is waited for.
        tokio::time::sleep(Duration::from_millis(u64::from(20 + rng.next_u32() % 250))).await;
        process.kill();
        process = Process::start(&data, &listen);
    }
    let all_running = ledger.lock().unwrap().accepted.len();
    ledger.lock().unwrap().done = true;
    for sender in senders {
        sender.await.unwrap();
    }
    let read = reader.await.unwrap();

    let mut delivered: HashMap<&[u8], u32> = HashMap::new();
    for body in read.values() {
        *delivered.entry(body).or_default() += 1;
    }
    let status = api.call(Method::GET, "/v1/status", None, None).await.ok();
    let ledger = ledger.lock().unwrap();
    assert!(
        all_running > 50,
        "too little was sent for the test to mean something: {all_running}"
    );
    for (id, body) in &ledger.accepted {
        assert_eq!(delivered.get(&body[..]), Some(&1), "{id} was answered with 200");
    }
    assert!(
        delivered.values().all(|times| *times == 1),
        "something was delivered under two sequence numbers"
    );
    assert_eq!(
        status["messages_pending"], 0,
        "the counter went through {KILLS} crashes with the rows"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_killed_while_it_delivers_delivers_again() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let mut process = Process::start(&data, "127.0.0.1:0");
    let listen = process.url.trim_start_matches("http://").to_owned();
    let api = Api {
        http: client(),
        url: process.url.clone(),
    };
    let (alice, bob) = (
        User::register(api.clone(), "alice").await,
        User::register(api.clone(), "bob").await,
    );
    let mut sent = vec![vec![0; 200 * 1024]; 3];
    sent.iter_mut().for_each(|body| rng().fill_bytes(body));
    for body in &sent {
        alice.send("bob", Uuid::new_v4(), body.clone()).await.ok();
    }
    for round in 0..4 {
        let response = bob
            .api
            .request(Method::POST, "/v1/inbox", Some(&bob.token))
            .json(&json!({}))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        // The head has arrived, the body is on its way.
        process.kill();
        drop(response);
        process = Process::start(&data, &listen);
        let api = Api {
            http: client(),
            url: process.url.clone(),
        };
        let page = api
            .call(Method::POST, "/v1/inbox", Some(&bob.token), Some(json!({})))
            .await
            .ok();
        assert_eq!(bodies(&page), sent[..], "round {round}");
    }
    // Killed right after an acknowledgement was answered: it holds.
    let api = Api {
        http: client(),
        url: process.url.clone(),
    };
    let page = api
        .call(Method::POST, "/v1/inbox", Some(&bob.token), Some(json!({})))
        .await
        .ok();
    api.call(
        Method::POST,
        "/v1/inbox",
        Some(&bob.token),
        Some(json!({ "ack": ack(&page) })),
    )
    .await
    .ok();
    process.kill();
    process = Process::start(&data, &listen);
    // What a crash left in the log is folded in before anyone is served: the envelopes are in no file.
    assert!(sent.iter().all(|body| files_with(&data, &body[..64]).is_empty()));
    let api = Api {
        http: client(),
        url: process.url.clone(),
    };
    let page = api
        .call(Method::POST, "/v1/inbox", Some(&bob.token), Some(json!({})))
        .await
        .ok();
    assert!(bodies(&page).is_empty());
}

#[tokio::test]
async fn no_play_is_won_by_a_crash() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let mut process = Process::start(&data, "127.0.0.1:0");
    let listen = process.url.trim_start_matches("http://").to_owned();
    let api = Api {
        http: client(),
        url: process.url.clone(),
    };
    let alice = User::register(api.clone(), "alice").await;
    let mut license = License::new("alice", 5);
    license.expires_at = alice.now.plus(DAY).as_millis();
    alice
        .call(
            Method::POST,
            "/v1/messages/limited",
            Some(license.message("alice", Uuid::new_v4(), b"x")),
        )
        .await
        .ok();
    let mut api = api;
    for play in 1..=5 {
        let id = Uuid::new_v4();
        assert_eq!(license.play(&api, id).await.ok()["play"], play);
        process.kill();
        process = Process::start(&data, &listen);
        api = Api {
            http: client(),
            url: process.url.clone(),
        };
        assert_eq!(license.play(&api, id).await.ok()["play"], play);
    }
    license
        .play(&api, Uuid::new_v4())
        .await
        .refused(410, "play_limit_reached");
}

#[cfg(unix)]
#[test]
fn a_second_relay_and_a_mistake_are_said_and_exit() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let _process = Process::start(&data, "127.0.0.1:0");
    let run = |args: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_latchkey-relay"))
            .args(args)
            .arg("--data-dir")
            .arg(&data)
            .output()
            .unwrap()
    };
    let second = run(&["--listen", "127.0.0.1:0"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another relay is running"));
    let public = run(&["--listen", "0.0.0.0:0"]);
    assert_eq!(public.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&public.stderr).contains("--behind-proxy"));
    let contract = run(&["openapi"]);
    // `openapi` takes no settings: clap says so rather than ignoring them.
    assert_ne!(contract.status.code(), Some(0));
    let contract = Command::new(env!("CARGO_BIN_EXE_latchkey-relay"))
        .arg("openapi")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(contract.stdout).unwrap(), server::openapi_yaml());
}
