//! The menu while the relay is away, and what is told of when it is back.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::time::Duration;

use support::Stage;
use terminal::menu;

/// Far less than the relay's longest poll, and more than the pause between two attempts.
const SOON: Duration = Duration::from_secs(20);

#[test]
fn when_the_relay_is_back_it_is_told_of_soon_with_what_waited() {
    let mut stage = Stage::new();
    let (mut alice, mut bob) = (stage.register("alice"), stage.register("bob"));
    bob.ok(&["send", "alice", "hello"]);
    alice.ok(&["inbox"]);
    let line = stage.line();
    alice.url = line.url();
    let mut terminal = menu(&alice);
    stage.waits_for_mail();
    stage.stop_relay();
    terminal.sees("nothing arrives at present");
    let screen = terminal.looks("the menu", |screen| screen.contains("? What next?"));
    assert!(!screen.contains("Trying again"), "said twice: {screen}");
    terminal.enters("Send a message");
    terminal.sees("To:");
    terminal.enters("bob");
    terminal.sees("Message to bob:");
    terminal.enters("it waits");
    let said = terminal.sees("1 waiting for the relay");
    assert!(said.contains("do not send it again"), "{said}");
    assert!(!said.contains("try again"), "{said}");
    terminal.sees("What next?");
    stage.restart_relay();
    line.connect_to(stage.addr());
    terminal.sees_within("the relay answers again", SOON);
    terminal.sees_within("nothing waits for the relay any more", SOON);
    let all = terminal.quits();
    assert_eq!(all.matches("nothing arrives at present").count(), 1, "{all}");
    bob.url.clone_from(&stage.url);
    assert_eq!(bob.json_one(&["inbox"])["text"], "it waits");
}

/// A reason that keeps something from going out and from coming in is said once.
#[test]
fn one_reason_is_said_once_when_the_relay_goes_away() {
    let mut stage = Stage::new();
    let (mut alice, bob) = (stage.register("alice"), stage.register("bob"));
    let line = stage.line();
    alice.url = line.url();
    alice.ok(&["send", "bob", "hello"]);
    bob.ok(&["inbox"]);
    let mut terminal = menu(&alice);
    stage.waits_for_mail();
    // Something is to be acknowledged, and goes nowhere.
    bob.ok(&["send", "alice", "hi"]);
    terminal.sees("a new message from bob");
    stage.stop_relay();
    terminal.sees("at present");
    terminal.looks("the menu", |screen| screen.contains("? What next?"));
    terminal.enters("Status");
    terminal.sees("> Back");
    let screen = terminal.screen();
    // Once when it went away, and once as the answer to what was asked for.
    assert_eq!(screen.matches("cannot be reached").count(), 2, "{screen}");
    assert!(!screen.contains("put off"), "{screen}");
    terminal.enters("");
    terminal.sees("What next?");
    terminal.quits();
}
