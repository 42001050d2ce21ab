//! A relay killed between computing and keeping, and between keeping and answering: no play is won, none is lost, and a repetition gets the one answer.
//!
//! The relay is this test binary run again (`child`), so that it dies at the very step and the product has no switch for it.
#![cfg(target_os = "linux")]
// Helpers of tests may panic like the tests themselves (clippy.toml exempts only the latter).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod common;
mod process;

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use common::*;
use process::{said_until, url_in};
use reqwest::Method;
use rustix::process::{Signal, getpid, kill_process};
use serde_json::{Value, json};
use server::{Config, Relay, clock::SystemClock, service::plays::PlayStep};
use tempfile::TempDir;
use uuid::Uuid;

const DATA: &str = "LATCHKEY_TEST_DATA";
const DIE_AT: &str = "LATCHKEY_TEST_DIE_AT";
const CAPABILITY: [u8; 32] = [7; 32];
const KEY: [u8; 16] = [1; 16];

/// Not a test of its own: the relay of the tests below, when they start this binary.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(data) = std::env::var(DATA) else {
        return;
    };
    let mut config = Config::new(data).unwrap();
    config.listen.set_port(0);
    let relay = Relay::start_with(config, Arc::new(SystemClock), Arc::new(FakeGate::default()))
        .await
        .unwrap();
    let die_at = match std::env::var(DIE_AT).as_deref() {
        Ok("computed") => Some(PlayStep::Computed),
        Ok("committed") => Some(PlayStep::Committed),
        _ => None,
    };
    relay.services().plays.observe(move |step| {
        if Some(step) == die_at {
            kill_process(getpid(), Signal::KILL).unwrap();
        }
    });
    println!("listening on http://{}", relay.addr());
    std::future::pending::<()>().await;
}

/// The child; killed when dropped.
struct Process {
    child: Child,
    api: Api,
}

impl Process {
    fn start(data: &Path, die_at: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture"])
            .env(DATA, data)
            .env(DIE_AT, die_at)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let url = url_in(&said_until(&mut child, "listening on"));
        let api = Api { http: client(), url };
        Self { child, api }
    }

    /// Whether it died of itself.
    fn died(&mut self) -> bool {
        !self.child.wait().unwrap().success()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn owned(license: &License, api: &Api) -> Value {
    license.owned(api, Method::GET, &license.owner).await.ok()
}

#[tokio::test]
async fn an_oblivious_play_is_neither_won_nor_lost_by_a_crash() {
    for die_at in ["computed", "committed"] {
        let dir = TempDir::new().unwrap();
        let process = Process::start(dir.path(), "");
        let alice = User::register(process.api.clone(), "alice").await;
        put_gate_key(&alice, KEY, CAPABILITY, fake_key(100, &[])).await.ok();
        let mut license = ObliviousLicense::new("alice", KEY, CAPABILITY, fake_counter(2));
        license.license.expires_at = alice.now.plus(DAY).as_millis();
        let body = license.message("alice", Uuid::new_v4(), b"x");
        alice
            .call(Method::POST, "/v1/messages/oblivious", Some(body))
            .await
            .ok();
        drop(process);

        let (id, request) = (Uuid::new_v4(), fake_request(true, Some(0)));
        let mut process = Process::start(dir.path(), die_at);
        let body = json!({ "play_id": id, "capability": b64(license.license.play), "request": b64(&request) });
        let path = format!("/v1/licenses/{}/oblivious-plays", license.license.id);
        let unanswered = process.api.request(Method::POST, &path, None).json(&body).send().await;
        assert!(unanswered.is_err(), "nothing is revealed");
        assert!(process.died());

        let process = Process::start(dir.path(), "");
        let api = &process.api;
        let kept = if die_at == "committed" { 1 } else { 0 };
        assert_eq!(owned(&license.license, api).await["requests"], kept, "{die_at}");
        let answer = license.ask(api, id, &request).await.ok();
        assert_eq!(unb64(&answer["release"])[0], 1, "the repetition is the play");
        assert_eq!(license.ask(api, id, &request).await.ok(), answer);
        let view = owned(&license.license, api).await;
        assert_eq!((&view["requests"], &view["counter"]), (&json!(1), &json!(b64([1]))));
        assert_eq!(receipt(api, &answer["receipt"]).await.number, 1);
        for (slot, expected) in [(1, 1), (2, 0)] {
            let answer = license
                .ask(api, Uuid::new_v4(), &fake_request(true, Some(slot)))
                .await
                .ok();
            assert_eq!(unb64(&answer["release"])[0], expected, "{die_at}");
        }
    }
}

#[tokio::test]
async fn a_counted_play_is_neither_won_nor_lost_by_a_crash() {
    for die_at in ["computed", "committed"] {
        let dir = TempDir::new().unwrap();
        let process = Process::start(dir.path(), "");
        let alice = User::register(process.api.clone(), "alice").await;
        let mut license = License::new("alice", 2);
        license.expires_at = alice.now.plus(DAY).as_millis();
        let body = license.message("alice", Uuid::new_v4(), b"x");
        alice.call(Method::POST, "/v1/messages/limited", Some(body)).await.ok();
        drop(process);

        let id = Uuid::new_v4();
        let mut process = Process::start(dir.path(), die_at);
        let body = json!({ "play_id": id, "capability": b64(license.play) });
        let path = format!("/v1/licenses/{}/plays", license.id);
        let unanswered = process.api.request(Method::POST, &path, None).json(&body).send().await;
        assert!(unanswered.is_err(), "nothing is revealed");
        assert!(process.died());

        let process = Process::start(dir.path(), "");
        let api = &process.api;
        let kept = if die_at == "committed" { 1 } else { 0 };
        assert_eq!(owned(&license, api).await["used"], kept, "{die_at}");
        let answer = license.play(api, id).await.ok();
        assert_eq!(answer["play"], 1);
        assert_eq!(license.play(api, id).await.ok(), answer);
        assert_eq!(license.play(api, Uuid::new_v4()).await.ok()["play"], 2);
        license
            .play(api, Uuid::new_v4())
            .await
            .refused(410, "play_limit_reached");
    }
}
