//! A client whose disk fails at any sync or write of its vault: it says so, sends and acknowledges nothing that is not on the disk, and goes on when the disk
//! does. The disk is a library in front of the system's, built here by the C compiler that the project needs anyway.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::{Answer, Person, Stage};

/// More syncs or writes than a command makes; a story that never comes to its end is a fault of its own.
const LONGEST: usize = 300;

/// Where the disk fails: at each of the first calls, and the further on the more sparsely, so that a hundred writes do not take minutes.
fn points() -> impl Iterator<Item = usize> {
    std::iter::successors(Some(0), |n| Some(n + 1 + n / 8)).take_while(|n| *n < LONGEST)
}

fn failing_disk(dir: &Path) -> PathBuf {
    let library = dir.join("failing_disk.so");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/failing_disk.c"))
        .arg("-ldl")
        .status()
        .unwrap();
    assert!(built.success());
    library
}

/// A command whose disk fails from the n-th call of a kind on.
fn with_failing(person: &Person, library: &Path, kind: &str, n: usize, args: &[&str]) -> Answer {
    let mut command = person.command(&[&["--json"], args].concat());
    command.env("LD_PRELOAD", library);
    command.env("LATCHKEY_TEST_DISK", format!("{kind} {n}"));
    command.output().unwrap().into()
}

fn texts(objects: &[Value]) -> Vec<String> {
    objects
        .iter()
        .filter_map(|object| object["text"].as_str().map(str::to_owned))
        .collect()
}

fn lines(answer: &Answer) -> Vec<Value> {
    answer
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A failure that names the disk.
fn said(answer: &Answer, kind: &str, n: usize) {
    assert_eq!(answer.code, 1, "{kind} {n}: {answer:?}");
    assert!(answer.err.contains("database failed"), "{kind} {n}: {answer:?}");
    assert!(answer.err.contains("check the disk's space"), "{kind} {n}: {answer:?}");
}

/// One message for each point at which the disk can fail while it is received.
fn receive(kind: &str) -> usize {
    let stage = Stage::new();
    let library = failing_disk(stage.dir.path());
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    bob.ok(&["inbox"]);
    for (round, n) in points().enumerate() {
        let text = format!("message {n}");
        alice.ok(&["send", "bob", &text]);
        let answer = with_failing(&bob, &library, kind, n, &["inbox"]);
        let first = texts(&lines(&answer));
        // A disk that works again: whatever was not shown to the end is shown, and the relay has not forgotten what was not kept.
        let again = texts(&bob.json(&["inbox"]));
        if answer.code == 0 && again.is_empty() {
            assert_eq!(first, [text], "{kind} {n}");
            let all = bob.json(&["history", "--limit", "1000"]);
            let kept = all.iter().filter(|object| object["direction"] == "in").count();
            assert_eq!(kept, round + 2, "each is kept once");
            return n;
        }
        said(&answer, kind, n);
        // Shown twice when noting that it was shown is what failed; not once too few.
        let shown = [first, again].concat();
        assert!(
            !shown.is_empty() && shown.iter().all(|shown| *shown == text),
            "{kind} {n}: {shown:?}"
        );
    }
    panic!("{kind}: it never ended");
}

/// One message for each point at which the disk can fail while it is sent.
fn send(kind: &str) -> usize {
    let stage = Stage::new();
    let library = failing_disk(stage.dir.path());
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    bob.ok(&["inbox"]);
    alice.ok(&["inbox"]);
    let mut received = vec!["hello".to_owned()];
    let mut unnoted = 0;
    for n in points() {
        let text = format!("message {n}");
        let answer = with_failing(&alice, &library, kind, n, &["send", "bob", &text]);
        if answer.code != 0 {
            said(&answer, kind, n);
        }
        // What was kept is sent in the next round; what was not kept has not left.
        alice.ok(&["inbox"]);
        received.extend(texts(&bob.json(&["inbox"])));
        let history = alice.json(&["history", "--limit", "1000"]);
        let sent: Vec<Value> = history
            .into_iter()
            .filter(|object| object["direction"] == "out")
            .collect();
        assert_eq!(received, texts(&sent), "{kind} {n}: {answer:?}");
        if answer.code == 0 {
            assert!(received.contains(&text), "{kind} {n}: said to be sent");
            if answer.err.is_empty() {
                assert!(unnoted > 0, "{kind}: the relay never had it while the disk failed");
                return n;
            }
            // The relay has it, and the disk failed after that: said as it is, so that nobody sends it twice.
            unnoted += 1;
            assert!(
                answer.err.contains("the relay has this message"),
                "{kind} {n}: {answer:?}"
            );
        } else if received.contains(&text) {
            assert!(
                answer.err.contains("kept") && answer.err.contains("do not send it again"),
                "{kind} {n}: {answer:?}"
            );
        }
    }
    panic!("{kind}: it never ended");
}

#[test]
fn a_failed_sync_while_receiving_is_said_and_loses_nothing() {
    assert!(receive("sync") >= 3);
}

#[test]
fn a_full_disk_while_receiving_is_said_and_loses_nothing() {
    assert!(receive("write") >= 3);
}

#[test]
fn a_failed_sync_while_sending_is_said_and_what_left_was_kept() {
    assert!(send("sync") >= 2);
}

#[test]
fn a_full_disk_while_sending_is_said_and_what_left_was_kept() {
    assert!(send("write") >= 2);
}
