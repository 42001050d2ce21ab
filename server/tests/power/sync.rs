//! A disk that takes writes and fails every sync: the relay says so, and answers nothing with 200 any more.

use std::{collections::BTreeMap, process::Command};

use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;
use uuid::Uuid;

use crate::{
    common::*,
    process::{PROGRAM, Process},
    strace,
};

/// The first sync that fails: behind those of the start and of three registrations.
const FIRST_FAILURE: u32 = 40;
const SENDS: u32 = 60;

#[tokio::test]
async fn when_syncs_fail_nothing_is_answered_with_200_and_nothing_that_was_is_lost() {
    let Some(strace) = strace() else {
        testkit::machine::lowered("sync", "strace is not installed, so no sync was made to fail");
        return;
    };
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let mut command = Command::new(strace);
    let fails = format!("inject=fsync,fdatasync:error=EIO:when={FIRST_FAILURE}+");
    command.args([
        "-I",
        "2",
        "-f",
        "-qq",
        "-e",
        "trace=fsync,fdatasync",
        "-e",
        &fails,
        "-o",
    ]);
    command.arg(dir.path().join("trace")).arg(PROGRAM);
    let mut traced = Process::spawn(command, &data, "127.0.0.1:0");
    let api = Api {
        http: client(),
        url: traced.url.clone(),
    };
    let (alice, bob) = (
        User::register(api.clone(), "alice").await,
        User::register(api, "bob").await,
    );
    let (mut accepted, mut refused) = (Vec::new(), Vec::new());
    for n in 0..SENDS {
        let body = n.to_be_bytes().repeat(100);
        let answer = alice
            .send_request("bob", Uuid::new_v4(), body.clone())
            .send()
            .await
            .unwrap();
        let status = answer.status().as_u16();
        if status == 200 {
            assert!(
                refused.is_empty(),
                "message {n} was accepted although no sync succeeds any more"
            );
            accepted.push(body);
        } else {
            assert!(status >= 500, "message {n}: {status}");
            let problem: serde_json::Value = answer.json().await.unwrap();
            assert!(problem["action"].is_string(), "{problem}");
            refused.push(body);
        }
    }
    assert!(
        accepted.len() > 3 && refused.len() > 3,
        "{} accepted, {} refused",
        accepted.len(),
        refused.len()
    );
    traced.terminate();
    traced.child.wait().unwrap();

    // On a disk that works again.
    let relay = Process::start(&data, "127.0.0.1:0");
    let mut bob = User {
        api: Api {
            http: client(),
            url: relay.url.clone(),
        },
        ..bob
    };
    bob.sign_in().await;
    let (mut found, mut position) = (BTreeMap::<Vec<u8>, u32>::new(), None);
    loop {
        let page = bob
            .call(Method::POST, "/v1/inbox", Some(json!({ "ack": position })))
            .await
            .ok();
        for body in bodies(&page) {
            *found.entry(body).or_default() += 1;
        }
        if bodies(&page).is_empty() {
            break;
        }
        position = Some(ack(&page));
    }
    for body in &accepted {
        assert_eq!(found.get(body), Some(&1), "a message that was accepted");
    }
    assert!(found.values().all(|times| *times == 1), "{found:?}");
}
