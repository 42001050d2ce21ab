//! Several commands at once on one home, while the relay takes connections and says nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Answer, Person, Stage};
use testkit::line::Line;
use testkit::wait::blocking;

/// What a small request is waited for: eight seconds. The commands that show what is kept end while that still goes on.
const ONE_WAIT: Duration = Duration::from_secs(8);

/// Alice, who has written to bob, and whose way to the relay falls silent.
fn silenced(stage: &Stage) -> (Person, Person, Line) {
    let (mut alice, bob) = (stage.register("alice"), stage.register("bob"));
    let line = stage.line();
    alice.url = line.url();
    alice.ok(&["send", "bob", "hello"]);
    assert_eq!(bob.json_one(&["inbox"])["text"], "hello");
    bob.ok(&["send", "alice", "hi"]);
    assert_eq!(alice.json_one(&["inbox"])["text"], "hi");
    line.silence(true);
    line.take_requests();
    (alice, bob, line)
}

fn begin(person: &Person, args: &[&str]) -> Child {
    let mut command = person.command(args);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn end(child: Child) -> Answer {
    child.wait_with_output().unwrap().into()
}

#[test]
fn commands_that_show_what_is_kept_wait_for_no_other_process() {
    let stage = Stage::new();
    let (alice, bob, line) = silenced(&stage);
    let mut sending = begin(&alice, &["send", "bob", "later"]);
    blocking("it asks", || !line.take_requests().is_empty());
    let begun = Instant::now();
    let shown: Vec<(&[&str], Child)> = [
        &["history"][..],
        &["--json", "history", "bob"],
        &["contacts"],
        &["safety-number", "bob"],
        &["gate-key"],
        &["receipts"],
        &["decoys"],
    ]
    .map(|args| (args, begin(&alice, args)))
    .into();
    for (args, child) in shown {
        let answer = end(child);
        assert_eq!(answer.code, 0, "{args:?}: {answer:?}");
        assert!(!answer.out.is_empty(), "{args:?}: {answer:?}");
        if args.contains(&"history") {
            assert!(answer.out.contains("hello"), "{answer:?}");
        }
    }
    assert!(begun.elapsed() < ONE_WAIT, "{:?}", begun.elapsed());
    assert!(sending.try_wait().unwrap().is_none(), "none of them waited for its end");
    // What needs the relay says that, and shows what is kept.
    let status = alice.run(&["status"]);
    assert_eq!(status.code, 4, "{status:?}");
    assert!(status.out.contains("alice@"), "{status:?}");
    assert_eq!(end(sending).code, 4);
    line.silence(false);
    alice.ok(&["status"]);
    assert_eq!(bob.json_one(&["inbox"])["text"], "later");
}

/// What came and was not shown stays new while it cannot be noted that it was.
#[test]
fn what_a_busy_home_cannot_note_as_seen_stays_new_and_that_is_said() {
    let stage = Stage::new();
    let (alice, bob, line) = silenced(&stage);
    bob.ok(&["send", "alice", "new"]);
    line.silence(false);
    // Received, and shown to nobody.
    let unseen = alice.command(&["inbox"]).stdout(Stdio::null()).status().unwrap();
    assert!(unseen.success());
    line.silence(true);
    line.take_requests();
    let sending = begin(&alice, &["send", "bob", "later"]);
    blocking("it asks", || !line.take_requests().is_empty());
    let shown = alice.ok(&["history"]);
    assert!(shown.out.contains("new"), "{shown:?}");
    for words in ["another latchkey process", "stays new"] {
        assert!(shown.err.contains(words), "{words}: {shown:?}");
    }
    assert_eq!(end(sending).code, 4);
    line.silence(false);
    assert_eq!(alice.json_one(&["inbox"])["text"], "new");
}

#[test]
fn messages_that_are_sent_at_once_while_the_relay_is_silent_are_all_kept() {
    let stage = Stage::new();
    let (alice, bob, line) = silenced(&stage);
    let texts: Vec<String> = (0..5).map(|n| format!("message {n}")).collect();
    let begun = Instant::now();
    let sending: Vec<Child> = texts
        .iter()
        .map(|text| begin(&alice, &["send", "bob", text]))
        .chain([begin(&alice, &["block", "carol"])])
        .collect();
    for (n, child) in sending.into_iter().enumerate() {
        let answer = end(child);
        assert_eq!(answer.code, 4, "{n}: {answer:?}");
        assert_eq!(answer.err.contains("message is kept"), n < 5, "{n}: {answer:?}");
    }
    // One wait for all of them, not one for each.
    assert!(begun.elapsed() < 3 * ONE_WAIT, "{:?}", begun.elapsed());
    let queued: Vec<Value> = alice.json(&["history"]);
    let queued = queued.iter().filter(|message| message["state"] == "queued").count();
    assert_eq!(queued, 5);
    line.silence(false);
    alice.ok(&["status"]);
    let mut arrived: Vec<String> = bob
        .json(&["inbox"])
        .iter()
        .map(|message| message["text"].as_str().unwrap().to_owned())
        .collect();
    arrived.sort();
    assert_eq!(arrived, texts);
}
