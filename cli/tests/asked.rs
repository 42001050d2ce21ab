//! While a person is asked: what is pasted answers nothing else, the home is free for others, and what can fail without an answer has failed before.
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

use support::{PASSPHRASE, Stage};
use terminal::{DOWN, Terminal, at_terminal, menu};

/// Empties a field of one line.
const CTRL_U: &str = "\u{15}";

#[test]
fn pasted_lines_answer_the_question_that_was_asked_and_no_other() {
    let stage = Stage::new();
    let bob = stage.register("bob");
    let alice = stage.person("alice");
    let mut terminal = at_terminal(&alice, &[]);
    terminal.sees("Your name at the relay:");
    terminal.pastes("alice\nSettings\nQuit\n");
    terminal.enters("");
    terminal.sees("a user name is made of");
    terminal.types(CTRL_U);
    terminal.enters("alice");
    // The line break that was copied with a passphrase is no part of it, and asks nothing.
    terminal.sees("New passphrase:");
    terminal.pastes(&format!("{PASSPHRASE}\n"));
    terminal.sees("***");
    terminal.enters("");
    terminal.sees("Once more:");
    terminal.pastes(&format!("{PASSPHRASE}\n"));
    terminal.sees("***");
    terminal.enters("");
    terminal.sees("alice@localhost");
    terminal.sees("What next?");

    // A list takes nothing from a paste, and neither does the search in it.
    terminal.pastes("Quit\nQuit\n");
    terminal.enters("Send a message with");
    terminal.sees("To:");
    terminal.pastes("bob\nSettings\n");
    terminal.enters("");
    terminal.sees("a user name is made of");
    terminal.sees("To:");
    terminal.types(CTRL_U);
    terminal.enters("bob");
    terminal.sees("Play limit:");
    terminal.pastes("2\n1h\n");
    terminal.enters("");
    terminal.sees("a number from 1 to 255\u{1b}[0m");
    terminal.types(CTRL_U);
    terminal.enters("2");
    terminal.sees("Can be opened for:");
    terminal.enters("1h");
    terminal.sees("How is it enforced?");
    terminal.enters("");
    terminal.sees("Message to bob:");
    terminal.pastes("two\nlines\n");
    terminal.sees("lines");
    terminal.enters("");
    terminal.sees("opens twice");
    terminal.sees("What next?");
    terminal.enters("Plays");
    terminal.sees("Which one?");
    terminal.enters("");
    terminal.sees("Take it back?");
    terminal.sees("Enter alone: no.");
    terminal.pastes("y\ny\n");
    terminal.enters("");
    terminal.sees("y or n");
    terminal.types(CTRL_U);
    terminal.enters("n");
    terminal.sees("What next?");
    terminal.quits();
    let received = bob.json_one(&["inbox"]);
    let played = bob.json_one(&["play", received["id"].as_str().unwrap()]);
    assert_eq!(played["text"], "two\nlines\n");

    // By command: a question at which a paste with an answer in its second line would be one.
    let mut terminal = Terminal::start(alice.command(&["verify", "bob"]));
    terminal.sees("Is it the same");
    terminal.sees("Enter alone: no.");
    terminal.pastes("is it?\ny\n");
    terminal.enters("");
    terminal.sees("y or n");
    terminal.types(CTRL_U);
    terminal.enters("n");
    terminal.sees("Nothing was changed");
    assert_eq!(terminal.ends().0.code(), Some(0));
}

/// Another process gets the home at once, wherever one thinks; and what is answered afterwards holds.
#[test]
fn a_person_who_thinks_keeps_no_other_process_from_the_home() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    bob.ok(&["send", "alice", "hello"]);
    alice.ok(&["inbox"]);
    let mut sent = Vec::new();
    let mut meanwhile = |place: &str| {
        sent.push(place.to_owned());
        alice.ok(&["send", "bob", place]);
    };

    let mut terminal = Terminal::start(alice.command(&["send", "bob"]));
    terminal.sees("Message:");
    meanwhile("at a message by command");
    terminal.enters("by command");
    assert_eq!(terminal.ends().0.code(), Some(0));

    for args in [&["clear-inbox"][..], &["rotate-identity"]] {
        let mut terminal = Terminal::start(alice.command(args));
        terminal.sees("(y/N)");
        meanwhile(args[0]);
        terminal.decides("n");
        assert_eq!(terminal.ends().0.code(), Some(0));
    }

    let mut terminal = menu(&alice);
    meanwhile("in the menu");
    for (entry, question) in [
        ("Conversations", "Conversation with:"),
        ("Contacts", "Contact:"),
        ("Keys", "Keys:"),
        ("Settings", "Settings:"),
    ] {
        terminal.enters(entry);
        terminal.sees(question);
        meanwhile(question);
        terminal.presses_escape();
        terminal.sees("What next?");
    }
    terminal.enters("Send a message with");
    terminal.sees("To:");
    meanwhile("at a recipient");
    terminal.enters("bob");
    terminal.sees("Play limit:");
    meanwhile("at a limit");
    terminal.enters("2");
    terminal.sees("Can be opened for:");
    terminal.enters("1h");
    terminal.sees("How is it enforced?");
    terminal.enters("");
    terminal.sees("Message to bob:");
    meanwhile("at a message");
    terminal.enters("limited");
    terminal.sees("opens twice");
    terminal.sees("What next?");
    bob.ok(&["send", "alice", "once", "--plays", "1"]);
    terminal.sees("a new message from bob");
    terminal.enters("Inbox");
    terminal.sees("Open a limited message?");
    meanwhile("before a play");
    terminal.may_choose();
    terminal.types(DOWN);
    terminal.enters("");
    terminal.sees("Enter closes");
    meanwhile("at what a play shows");
    terminal.enters("");
    terminal.sees("Play 1 of 1 used");
    terminal.sees("What next?");
    let all = terminal.quits();
    assert!(!all.contains("older copy"), "{all}");

    let received = bob.json(&["inbox"]);
    let texts: Vec<&str> = received.iter().filter_map(|message| message["text"].as_str()).collect();
    for place in &sent {
        assert_eq!(
            texts.iter().filter(|text| *text == place).count(),
            1,
            "{place}: {texts:?}"
        );
    }
    assert!(texts.contains(&"by command"), "{texts:?}");
    assert_eq!(
        received.iter().filter(|message| message["limited"].is_object()).count(),
        1
    );
    assert_eq!(received.len(), sent.len() + 2, "{texts:?}");
}

#[test]
fn without_a_relay_a_new_recipient_is_refused_before_the_message_is_written() {
    let mut stage = Stage::new();
    let (alice, _bob) = (stage.register("alice"), stage.register("bob"));
    let mut terminal = menu(&alice);
    stage.stop_relay();
    terminal.enters("Send a message");
    terminal.sees("To:");
    terminal.enters("bob");
    let between = terminal.sees("cannot be reached");
    assert!(!between.contains("Message to"), "{between}");
    // The name that was typed is there again.
    terminal.looks("the name", |screen| screen.contains("To: bob"));
    terminal.presses_escape();
    terminal.sees("What next?");
    terminal.quits();

    let mut terminal = Terminal::start(alice.command(&["send", "bob"]));
    terminal.sees("cannot be reached");
    let (status, all) = terminal.ends();
    assert_eq!(status.code(), Some(4), "{all}");
    assert!(!all.contains("Message"), "{all}");
}
