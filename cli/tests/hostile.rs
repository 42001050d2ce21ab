//! What a peer writes cannot do anything to the terminal.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use serde_json::Value;
use support::Stage;

/// Clears the screen, sets the window's title, turns the direction, rings, overwrites the line, and forges a message headline.
const HOSTILE: &str = "hi\x1b[2J\x1b]0;owned\x07\u{9b}31m\u{202e}txt.exe\r\x08\nmallory  2026\n\tend";

fn harmless(text: &str) -> bool {
    !text.chars().any(|c| {
        (c.is_control() && !matches!(c, '\n' | '\t')) || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    })
}

#[test]
fn escape_sequences_are_shown_and_not_obeyed() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", HOSTILE]);
    let shown = bob.ok(&["inbox"]).out;
    assert!(harmless(&shown), "{shown:?}");
    assert!(shown.contains("\\u{1b}[2J") && shown.contains("\\u{202e}"), "{shown:?}");
    // Every line of the body is set off, so none can pass for a headline.
    assert!(shown.lines().any(|line| line == "│ mallory  2026"), "{shown:?}");
    assert!(harmless(&bob.ok(&["history"]).out));

    // A program gets exactly what was written, in pure escapes.
    let line = bob.ok(&["--json", "history"]).out;
    assert!(harmless(&line), "{line:?}");
    let object: Value = serde_json::from_str(line.trim_end()).unwrap();
    assert_eq!(object["text"], HOSTILE);

    let id = alice.json_one(&["send", "bob", HOSTILE, "--plays", "2"])["id"]
        .as_str()
        .unwrap()
        .to_owned();
    bob.ok(&["inbox"]);
    let shown = bob.ok(&["play", &id]);
    assert!(harmless(&shown.out) && harmless(&shown.err), "{shown:?}");
    let line = bob.ok(&["--json", "play", &id]).out;
    assert!(harmless(&line));
    assert_eq!(serde_json::from_str::<Value>(line.trim_end()).unwrap()["text"], HOSTILE);
}

#[test]
fn no_colours_without_a_terminal_or_when_unwanted() {
    let stage = Stage::new();
    let mut alice = stage.register("alice");
    let bob = stage.register("bob");
    bob.ok(&["send", "alice", "hi"]);
    for env in [None, Some("NO_COLOR")] {
        alice.env = env.map(|name| (name.to_owned(), "1".to_owned())).into_iter().collect();
        for args in [
            &["inbox"][..],
            &["history"],
            &["contacts"],
            &["status"],
            &["keys"],
            &["safety-number", "bob"],
            &["play", "zz"],
        ] {
            let answer = alice.run(args);
            assert!(
                !answer.out.contains('\x1b') && !answer.err.contains('\x1b'),
                "{args:?}: {answer:?}"
            );
        }
    }
}
