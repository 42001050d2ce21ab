//! The real binary, killed at random moments under load: what was answered with 200 is delivered exactly once, and nothing is half there.

// Helpers of tests may panic like the tests themselves (clippy.toml exempts only the latter).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
mod process;

use std::{
    collections::HashMap,
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use common::*;
use process::{PROGRAM, Process};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

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
const READERS: [&str; 2] = ["bob", "carol"];
const KILLS: u32 = 6;
/// Plays of the license that is played all the while, and who plays.
const PLAYS: u8 = 60;
const PLAYERS: usize = 3;

/// When the relay is killed follows from the seed; what it is doing then does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_200_is_delivered_exactly_once_whenever_the_relay_is_killed() {
    for seed in [1, 2, 3] {
        eprintln!("seed {seed}");
        storm(seed).await;
    }
}

/// Keeps first, acknowledges then. Deliveries are counted by sequence, which is what an acknowledgement is about.
async fn read(user: Arc<User>, ledger: Arc<Mutex<Ledger>>) -> HashMap<u64, Vec<u8>> {
    let mut read: HashMap<u64, Vec<u8>> = HashMap::new();
    let (mut position, mut quiet, mut acknowledged) = (None::<Value>, 0, 0);
    loop {
        let body = json!({ "ack": position, "wait_seconds": 0, "limit": 16 });
        let request = || {
            user.api
                .request(Method::POST, "/v1/inbox", Some(&user.token))
                .json(&body)
        };
        let (status, page) = insist(request).await;
        assert_eq!(status, 200, "{page}");
        for delivery in page["envelopes"].as_array().unwrap() {
            let (sequence, body) = (delivery["sequence"].as_u64().unwrap(), unb64(&delivery["envelope"]));
            assert!(
                sequence > acknowledged,
                "{sequence} came again after it was acknowledged"
            );
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
            acknowledged = page["envelopes"].as_array().unwrap().last().unwrap()["sequence"]
                .as_u64()
                .unwrap();
        }
    }
}

/// Plays until nothing is left; the numbers of the plays that were granted.
async fn play(license: Arc<License>, api: Api) -> Vec<u64> {
    let mut granted = Vec::new();
    loop {
        let body = json!({ "play_id": Uuid::new_v4(), "capability": b64(license.play) });
        let path = format!("/v1/licenses/{}/plays", license.id);
        let (status, answer) = insist(|| api.request(Method::POST, &path, None).json(&body)).await;
        match status {
            StatusCode::OK => granted.push(answer["play"].as_u64().unwrap()),
            StatusCode::GONE => return granted,
            other => panic!("{other}: {answer}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn storm(seed: u64) {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let mut process = Process::start(&data, "127.0.0.1:0");
    // The same address again and again, so that clients find it.
    let (url, listen) = (
        process.url.clone(),
        process.url.trim_start_matches("http://").to_owned(),
    );
    let api = Api { http: client(), url };
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let mut readers = Vec::new();
    for name in READERS {
        readers.push(Arc::new(User::register(api.clone(), name).await));
    }
    let mut license = License::new("bob", PLAYS);
    license.expires_at = readers[0].now.plus(DAY).as_millis();
    let message = license.message("bob", Uuid::new_v4(), b"limited");
    readers[0]
        .call(Method::POST, "/v1/messages/limited", Some(message))
        .await
        .ok();
    ledger.lock().unwrap().accepted.insert(Uuid::nil(), b"limited".to_vec());
    let license = Arc::new(license);
    let players: Vec<_> = (0..PLAYERS)
        .map(|_| tokio::spawn(play(license.clone(), api.clone())))
        .collect();

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
                let request = || sender.send_request(READERS[i % READERS.len()], id, body.clone());
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

    let readers: Vec<_> = readers
        .into_iter()
        .map(|user| tokio::spawn(read(user, ledger.clone())))
        .collect();

    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    for _ in 0..KILLS {
        // The moment is what is random here, not what is waited for.
        tokio::time::sleep(Duration::from_millis(u64::from(20 + rng.next_u32() % 250))).await;
        process.kill();
        process = Process::start_watched(&data, &listen);
    }
    let all_running = ledger.lock().unwrap().accepted.len();
    ledger.lock().unwrap().done = true;
    for sender in senders {
        sender.await.unwrap();
    }
    let mut delivered: HashMap<Vec<u8>, u32> = HashMap::new();
    for reader in readers {
        for body in reader.await.unwrap().into_values() {
            *delivered.entry(body).or_default() += 1;
        }
    }
    let mut plays = Vec::new();
    for player in players {
        plays.extend(player.await.unwrap());
    }
    plays.sort_unstable();
    assert_eq!(plays, (1..=u64::from(PLAYS)).collect::<Vec<_>>(), "every play once");
    let pending = process.number(&api.http, "latchkey_stored_envelopes").await;
    let ledger = ledger.lock().unwrap();
    assert!(
        all_running > 50,
        "too little was sent for the test to mean something: {all_running}"
    );
    for (id, body) in &ledger.accepted {
        assert_eq!(delivered.get(body), Some(&1), "{id} was answered with 200");
    }
    assert!(
        delivered.values().all(|times| *times == 1),
        "something was delivered under two sequence numbers"
    );
    assert_eq!(pending, 0.0, "the counter went through {KILLS} crashes with the rows");
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
    let process = Process::start(&data, "127.0.0.1:0");
    let run = |args: &[&str]| {
        Command::new(PROGRAM)
            .args(args)
            .arg("--data-dir")
            .arg(&data)
            .output()
            .unwrap()
    };
    let second = run(&["--listen", "127.0.0.1:0"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another relay is running"));
    let taken = process.url.strip_prefix("http://").unwrap();
    let taken = Command::new(PROGRAM)
        .args(["--listen", taken, "--data-dir"])
        .arg(dir.path().join("other"))
        .output()
        .unwrap();
    assert_eq!(taken.status.code(), Some(1));
    let said = String::from_utf8_lossy(&taken.stderr).into_owned();
    assert!(said.contains("Choose another address with --listen"), "{said}");
    assert_eq!(said.matches("os error").count(), 1, "the reason is said once: {said}");
    let public = run(&["--listen", "0.0.0.0:0"]);
    assert_eq!(public.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&public.stderr).contains("--behind-proxy"));
    // The contract is the program's own: no setting changes it, and no relay at work is in its way.
    for contract in [
        run(&["openapi"]),
        Command::new(PROGRAM).arg("openapi").output().unwrap(),
    ] {
        assert_eq!(contract.status.code(), Some(0));
        assert_eq!(String::from_utf8(contract.stdout).unwrap(), server::openapi_yaml());
    }
}
