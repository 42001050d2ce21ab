//! A client that dies while it shows: what it kept is there once, and what it had not finished showing is shown again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;
use support::Stage;

/// A text that no pipe holds, so the client stands still in the middle of it until somebody reads: Linux has 64 KiB for a pipe.
const LONGER_THAN_A_PIPE: usize = 150 * 1024;

#[test]
fn a_client_killed_while_it_shows_keeps_each_message_once_and_shows_it_again() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    let long = "x".repeat(LONGER_THAN_A_PIPE);
    alice.ok(&["send", "bob", "short"]);
    assert_eq!(alice.run_with_input(&["send", "bob", "-"], &long).code, 0);

    let mut child = bob
        .command(&["--json", "inbox"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut shown = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    shown.read_line(&mut first).unwrap();
    let first: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(first["text"], "short", "one message was shown");
    assert_eq!(child.try_wait().unwrap(), None, "the other is being shown");
    child.kill().unwrap();
    child.wait().unwrap();
    drop(shown);

    // The relay has nothing any more: what comes now is what the vault kept. Ids are the same, so that a script can tell.
    let again = bob.json(&["inbox"]);
    let texts: Vec<&str> = again.iter().map(|message| message["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["short", &long]);
    assert_eq!(again[0]["id"], first["id"]);
    assert!(
        bob.json(&["inbox"]).is_empty(),
        "what was shown to the end is not shown again"
    );
    assert_eq!(bob.json(&["history"]).len(), 2, "each is kept once");
}
