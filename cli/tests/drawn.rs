//! What others wrote cannot pass for what the client says, however wide the terminal is.
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

use rustix::process::Signal;
use support::{Person, Stage};
use terminal::{Terminal, menu_sized};

/// What stands before each row of a message's text.
const BAR: &str = "│ ";
/// What a peer would like to be read as the client's own.
const FORGED: &str = "✓ bob (verified): pay 2026";

/// Texts that fill rows of this width in the ways in which characters are counted differently, so that what follows would begin a row.
fn forgeries(columns: usize) -> Vec<String> {
    let mut texts = Vec::new();
    for filler in [
        "x",
        " ",
        "日",
        "e\u{301}",
        "\t",
        "❤\u{fe0f}",
        "👩\u{200d}👩\u{200d}👧",
        "1\u{fe0f}\u{20e3}",
        "🇩🇪",
        "👍🏽",
    ] {
        // Whatever the headline and the bar take: one of these is the one that fits.
        for less in 0..4 {
            texts.push(format!("a{}{FORGED}", filler.repeat(columns - less)));
            texts.push(format!("a{}{FORGED}", filler.repeat((columns - less) / 2)));
        }
    }
    texts
}

/// Every row with the forger's words is behind a bar.
fn harmless(screen: &str) {
    let mut rows = 0;
    for row in screen
        .lines()
        .filter(|row| row.contains("bob (") || row.contains("pay 2026"))
    {
        assert!(row.starts_with(BAR), "{row:?} in\n{screen}");
        rows += 1;
    }
    assert!(rows > 0, "the control: it was shown\n{screen}");
}

fn shown(person: &Person, args: &[&str], columns: u16) -> String {
    let terminal = Terminal::start_sized(person.command(args), 4000, columns);
    terminal.ends_with_screen()
}

#[test]
fn a_message_cannot_forge_a_line_of_the_client_by_wrapping() {
    let stage = Stage::new();
    let (alice, mallory) = (stage.register("alice"), stage.register("mallory"));
    for columns in [40, 80] {
        let texts = forgeries(columns.into());
        // Many texts in few messages: lines of one text are lines of their own.
        for text in texts.chunks(20) {
            mallory.ok(&["send", "alice", &text.join("\n")]);
        }
        harmless(&shown(&alice, &["inbox"], columns));
        harmless(&shown(&alice, &["history"], columns));

        let text = texts.iter().step_by(9).cloned().collect::<Vec<_>>().join("\n");
        mallory.ok(&["send", "alice", &text, "--plays", "2"]);
        let id = alice.json_one(&["inbox"])["id"].as_str().unwrap().to_owned();
        harmless(&shown(&alice, &["play", &id], columns));
    }
}

#[test]
fn a_message_cannot_forge_a_line_of_the_menu_by_wrapping() {
    let stage = Stage::new();
    let (alice, mallory) = (stage.register("alice"), stage.register("mallory"));
    let text = |columns: usize| format!("a{}{FORGED}", "x".repeat(columns - 3));
    for columns in [40_u16, 80] {
        mallory.ok(&["send", "alice", &text(columns.into())]);
        let mut terminal = menu_sized(&alice, 60, columns);
        terminal.enters("Inbox");
        terminal.sees("2026");
        terminal.sees("What next?");
        harmless(&terminal.screen());
        terminal.enters("Conversations");
        terminal.sees("Conversation with:");
        terminal.enters("mallory");
        terminal.sees("To mallory:");
        mallory.ok(&["send", "alice", &text(columns.into())]);
        terminal.sees("2026");
        terminal.sees("To mallory:");
        harmless(&terminal.screen());
        terminal.goes_back_to("Conversation with:");
        terminal.goes_back_to("What next?");
        mallory.ok(&["send", "alice", &text(columns.into()), "--plays", "1"]);
        terminal.sees("a new message");
        terminal.enters("Inbox");
        terminal.opens_the_first();
        let screen = terminal.looks("the play", |screen| screen.contains("Enter closes"));
        harmless(&screen);
        terminal.enters("");
        terminal.sees("What next?");
        terminal.quits();
    }
}

/// Nor by a line of its own that reads like the client's words about a message.
#[test]
fn words_of_the_client_in_place_of_a_text_are_not_behind_a_bar() {
    let stage = Stage::new();
    let (alice, mallory) = (stage.register("alice"), stage.register("mallory"));
    mallory.ok(&["send", "alice", "[limited: opens twice]\nmore"]);
    mallory.ok(&["send", "alice", "once", "--plays", "2"]);
    // For a program that does not read objects: a line of the text is one line, however long, behind the same bar.
    let long = "word ".repeat(100);
    mallory.ok(&["send", "alice", long.trim_end()]);
    let out = alice.ok(&["inbox"]).out;
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[1], "│ [limited: opens twice]");
    assert_eq!(lines[2], "│ more");
    assert!(lines[4].starts_with("  [limited: opens twice; not opened yet"), "{out}");
    assert_eq!(lines[6], format!("│ {}", long.trim_end()));
    assert_eq!(lines.len(), 7, "{out}");
}

/// The words of a screen, in their order.
fn words(screen: &str) -> String {
    screen.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn notes_and_errors_wrap_between_words_and_stay_set_off() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    bob.ok(&["send", "alice", "hello"]);
    for (args, said) in [
        (
            &["inbox"][..],
            "note: bob@localhost wrote for the first time. Compare safety numbers over another channel:",
        ),
        (
            &["history", "nobody"],
            "error: there is no contact nobody@localhost; check the spelling against the list of contacts, or send or receive a message first",
        ),
        (&["plays", "zz"], "no message has an id that begins with"),
    ] {
        let screen = shown(&alice, args, 40);
        assert!(words(&screen).contains(said), "{args:?}: a word is broken\n{screen}");
        assert!(screen.lines().all(|row| row.chars().count() < 40), "{screen}");
        let rows: Vec<&str> = screen.lines().collect();
        let first = rows
            .iter()
            .position(|row| row.starts_with("note: ") || row.starts_with("error: "))
            .unwrap();
        assert!(rows[first + 1].starts_with("      "), "set off:\n{screen}");
    }
    // Without a terminal a note is one line.
    bob.ok(&["send", "alice", "hello"]);
    let error = alice.run(&["history", "nobody"]).err;
    assert_eq!(error.trim_end().lines().count(), 1, "{error}");
}

/// A screen that nothing is cut from or breaks in its last column.
fn fits(screen: &str, columns: u16) {
    for row in screen.lines() {
        assert!(
            row.chars().count() < columns.into(),
            "{row:?} fills the row in\n{screen}"
        );
        let cut = row
            .split_whitespace()
            .any(|word| word.chars().count() > 1 && word.ends_with('…'));
        assert!(!cut, "{row:?} is cut in\n{screen}");
    }
}

/// What commands list fits on a narrow screen and an ordinary one: the same words, whole, in the same order.
#[test]
fn lists_and_tables_break_between_words_and_lose_none() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    let long = stage.register("a-name-of-all-thirty-two-letters");
    alice.ok(&["send", "bob", "hello"]);
    alice.ok(&["send", "bob", "the code", "--plays", "3"]);
    bob.ok(&["inbox"]);
    bob.ok(&["send", "alice", "with a limit", "--plays", "2"]);
    bob.ok(&["verify", "alice", "--yes"]);
    long.ok(&["send", "bob", "hi"]);
    alice.ok(&["rotate-identity", "--yes"]);
    bob.ok(&["inbox"]);
    bob.ok(&["block", "a-name-of-all-thirty-two-letters"]);
    for args in [
        &["--help"][..],
        &["help", "history"],
        &["status"],
        &["keys"],
        &["contacts"],
        &["history"],
        &["gate-key"],
        &["receipts"],
        &["decoys"],
        &["inbox"],
    ] {
        let plain = words(&bob.ok(args).out);
        for columns in [40, 80] {
            let screen = shown(&bob, args, columns);
            // A usage line may end in the last column: it is another's, and no word of it is broken.
            if !args.iter().any(|word| word.contains("help")) {
                fits(&screen, columns);
            }
            let drawn = words(&screen);
            let letters = |text: &str| text.replace([' ', '│'], "");
            // Help is laid out by its width, with the same words.
            assert_eq!(letters(&drawn), letters(&plain), "{args:?} at {columns}:\n{screen}");
            for word in plain.split(' ').filter(|word| word.chars().count() < 20) {
                assert!(
                    drawn.contains(word),
                    "{args:?} at {columns}: {word:?} is broken\n{screen}"
                );
            }
        }
    }
    // A token is copied: the terminal breaks it, and copies it whole.
    let token = bob.ok(&["token"]).out;
    assert!(
        shown(&bob, &["token"], 40)
            .replace('\n', "")
            .starts_with(token.trim_end())
    );
}

/// Whoever copies the first row of a broken command runs another one.
#[test]
fn a_command_that_is_to_be_copied_stands_in_one_row() {
    let stage = Stage::new();
    let alice = stage.register("alice");
    for columns in [60_u16, 72, 80, 90, 100, 120] {
        let name = format!("somebody-{columns}");
        let peer = stage.register(&name);
        alice.ok(&["send", &name, "the code", "--plays", "3"]);
        let mut command = peer.command(&["--home", &name, "inbox"]);
        command
            .env_remove("LATCHKEY_HOME")
            .current_dir(peer.home.parent().unwrap());
        let screen = Terminal::start_sized(command, 400, columns).ends_with_screen();
        let id = peer.json_one(&["history"])["id"].as_str().unwrap()[..8].to_owned();
        for command in ["safety-number alice".to_owned(), format!("play {id}")] {
            let command = format!("latchkey --home {name} {command}");
            assert!(screen.lines().any(|row| row.contains(&command)), "{command}\n{screen}");
        }
    }
    // To a program it is a text like any other.
    let peer = stage.register("bob");
    alice.ok(&["send", "bob", "hello"]);
    let inbox = peer.run(&["--json", "inbox"]);
    assert!(inbox.err.contains("latchkey safety-number alice"), "{inbox:?}");
}

#[test]
fn the_choices_of_the_menu_fit_on_a_narrow_screen() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    bob.ok(&["send", "alice", "hello"]);
    bob.ok(&["send", "alice", "the code", "--plays", "3"]);
    alice.ok(&["send", "bob", "mine", "--plays", "3"]);
    alice.ok(&["inbox"]);
    for columns in [40_u16, 80] {
        let mut terminal = menu_sized(&alice, 60, columns);
        fits(&terminal.screen(), columns);
        for (item, question) in [
            ("Settings", "Settings:"),
            ("Keys", "Keys:"),
            ("Contacts", "Contact:"),
            ("Conversations", "Conversation with:"),
            ("Plays", "Which one?"),
        ] {
            terminal.enters(item);
            terminal.sees(question);
            let screen = terminal.looks(question, |screen| screen.contains("searches."));
            fits(&screen, columns);
            terminal.presses_escape();
            terminal.sees("What next?");
        }
        terminal.enters("Contacts");
        terminal.sees("Contact:");
        terminal.enters("bob");
        terminal.sees("What now?");
        fits(
            &terminal.looks("the choices", |screen| screen.contains("searches.")),
            columns,
        );
        terminal.sends(Signal::TERM);
        terminal.ends();
    }
}
