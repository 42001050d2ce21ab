//! Keys, signals, and the state in which the terminal is left.
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

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use rustix::process::Signal;
use support::{PASSPHRASE, Stage};
use terminal::{Terminal, at_terminal, menu};

/// Ends with checks of the terminal's state: see [`Terminal::ends`].
#[test]
fn every_signal_gives_the_terminal_back_at_every_question() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    bob.ok(&["send", "alice", "once", "--plays", "9"]);
    let limited = |terminal: &mut Terminal| {
        terminal.enters("Inbox");
        terminal.opens_the_first();
    };
    let places: [(&str, &dyn Fn() -> Terminal); 6] = [
        ("passphrase", &|| {
            let mut terminal = at_terminal(&alice, &["contacts"]);
            terminal.sees("Passphrase:");
            terminal
        }),
        ("new passphrase", &|| {
            let mut terminal = at_terminal(&stage.person("carol"), &["register", "carol"]);
            terminal.sees("New passphrase:");
            terminal
        }),
        ("list", &|| menu(&alice)),
        ("message", &|| {
            let mut terminal = Terminal::start(alice.command(&["send", "bob"]));
            terminal.sees("Message:");
            terminal.types("half");
            terminal
        }),
        ("yes or no", &|| {
            let mut terminal = Terminal::start(alice.command(&["verify", "bob"]));
            terminal.sees("Is it the same");
            terminal
        }),
        ("limited message", &|| {
            let mut terminal = menu(&bob);
            terminal.presses_ctrl_c();
            assert_eq!(terminal.ends().0.code(), Some(0));
            let mut terminal = menu(&alice);
            limited(&mut terminal);
            terminal
        }),
    ];
    alice.ok(&["send", "bob", "hello"]);
    for signal in [Signal::TERM, Signal::HUP, Signal::QUIT, Signal::INT] {
        for (place, at) in &places {
            if *place == "limited message" {
                bob.ok(&["send", "alice", "once more", "--plays", "9"]);
            }
            let terminal = at();
            assert!(!terminal.is_as_before(), "{place}: the control");
            terminal.sends(signal);
            let (status, all) = terminal.ends();
            assert_eq!(status.signal(), Some(signal.as_raw()), "{place}: {all}");
            let (entered, left) = (all.rfind("\u{1b}[?1049h"), all.rfind("\u{1b}[?1049l"));
            assert!(entered.is_none() || entered < left, "{place}: the other screen is left");
        }
    }
}

/// All that there are, by number: what cannot be caught, what does nothing or stops, and what a fault of the program sends are named, the rest ends it.
#[cfg(target_os = "linux")]
#[test]
fn whatever_signal_ends_the_program_at_a_question_gives_the_terminal_back() {
    let others = [
        Signal::KILL,
        Signal::STOP,
        Signal::SEGV,
        Signal::BUS,
        Signal::ILL,
        Signal::FPE,
        // Stop it, or do nothing.
        Signal::TSTP,
        Signal::TTIN,
        Signal::TTOU,
        Signal::CHILD,
        Signal::CONT,
        Signal::URG,
        Signal::WINCH,
        // Rust's runtime ignores it.
        Signal::PIPE,
    ]
    .map(Signal::as_raw);
    let stage = Stage::new();
    let alice = stage.register("alice");
    // The C library keeps 32 and 33, or 34 too.
    let numbers = (1..=31).chain(35..=64).filter(|number| !others.contains(number));
    let mut tried = 0;
    for number in numbers {
        let mut terminal = at_terminal(&alice, &["inbox"]);
        terminal.sees("Passphrase:");
        assert!(!terminal.is_as_before(), "the control");
        terminal.sends_number(number);
        let (status, all) = terminal.ends();
        let by = status.signal().or(status.code().map(|code| code - 128));
        assert_eq!(by, Some(number), "{status:?}: {all}");
        tried += 1;
    }
    assert_eq!(tried, 31 - others.len() + 30);
}

/// A signal that was ignored when the program was started is still no end of it.
#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_is_ignored_ends_nothing() {
    let stage = Stage::new();
    let alice = stage.register("alice");
    let mut shell = Command::new("sh");
    shell.args([
        "-c",
        "trap '' USR1 HUP; exec \"$0\" inbox",
        env!("CARGO_BIN_EXE_latchkey"),
    ]);
    for (name, value) in alice.command(&[]).get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.env_remove("LATCHKEY_PASSPHRASE");
    let mut terminal = Terminal::start(shell);
    terminal.sees("Passphrase:");
    terminal.sends(Signal::USR1);
    terminal.sends(Signal::HUP);
    terminal.enters(PASSPHRASE);
    terminal.sees("No new messages");
    assert_eq!(terminal.ends().0.code(), Some(0));
}

/// Between questions too, when echo is off and something is waited for. INT breaks the work off, which is an answer of the program's own.
#[test]
fn every_signal_gives_the_terminal_back_while_something_is_done() {
    let stage = Stage::new();
    let alice = stage.register("alice");
    // INT several times: whoever hears it first, the work or the program, the work alone ends by it.
    let interrupts = [Signal::INT; 8];
    let others = [Signal::TERM, Signal::HUP, Signal::QUIT, Signal::TSTP];
    for signal in others.into_iter().chain(interrupts) {
        let mut terminal = at_terminal(&alice, &["inbox", "--wait", "600"]);
        terminal.sees("Passphrase:");
        terminal.enters(PASSPHRASE);
        terminal.sees("receiving");
        assert!(!terminal.is_as_before(), "the control");
        terminal.sends(signal);
        if signal == Signal::TSTP {
            terminal.is_suspended();
            assert!(terminal.is_as_before());
            terminal.sends(Signal::CONT);
            terminal.sees("receiving");
            terminal.sends(Signal::TERM);
            assert_eq!(terminal.ends().0.signal(), Some(Signal::TERM.as_raw()));
            continue;
        }
        let (status, all) = terminal.ends();
        if signal == Signal::INT {
            assert_eq!(status.code(), Some(130), "{all}");
        } else {
            assert_eq!(status.signal(), Some(signal.as_raw()), "{all}");
        }
    }
}

#[test]
fn letters_with_ctrl_or_alt_edit_or_do_nothing() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    let mut terminal = at_terminal(&alice, &["send", "bob"]);
    terminal.sees("Passphrase:");
    // Ctrl-U empties, Ctrl-E and Alt-x are no letters.
    terminal.types("not it\u{15}");
    terminal.types("\u{5}\u{1b}x");
    terminal.enters(PASSPHRASE);
    terminal.sees("Message:");
    terminal.types("hello wrold\u{17}world\u{1}Oh, \u{5}!\u{14}\u{7}\u{1b}q");
    terminal.sees("world!");
    terminal.enters("");
    let (status, all) = terminal.ends();
    assert_eq!(status.code(), Some(0), "{all}");
    assert_eq!(bob.json_one(&["inbox"])["text"], "Oh, hello world!");

    // In a list they are no part of what is searched for.
    let mut terminal = menu(&alice);
    terminal.types("Sta\u{5}\u{14}\u{1b}z");
    terminal.enters("");
    terminal.sees("relay key");
    terminal.sees("> Back");
    terminal.enters("");
    terminal.sees("What next?");
    terminal.presses_ctrl_c();
    assert_eq!(terminal.ends().0.code(), Some(0));
}

#[test]
fn ctrl_z_suspends_with_the_terminal_given_back_and_goes_on_where_it_was() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    let mut terminal = Terminal::start(alice.command(&["send", "bob"]));
    terminal.sees("Message:");
    terminal.types("half a ");
    terminal.sees("half a ");
    terminal.types("\u{1a}");
    terminal.is_suspended();
    assert!(terminal.is_as_before());
    terminal.sends(Signal::CONT);
    terminal.sees("half a ");
    terminal.enters("message");
    assert_eq!(terminal.ends().0.code(), Some(0));
    assert_eq!(bob.json_one(&["inbox"])["text"], "half a message");

    // By a signal, while a limited message is shown: nothing of it stays on the screen.
    bob.ok(&["send", "alice", "the secret", "--plays", "3"]);
    let mut terminal = menu(&alice);
    terminal.enters("Inbox");
    terminal.opens_the_first();
    terminal.sends(Signal::TSTP);
    terminal.is_suspended();
    assert!(terminal.is_as_before());
    terminal.looks("the shell's screen", |screen| !screen.contains("the secret"));
    terminal.sends(Signal::CONT);
    terminal.sees("the secret");
    terminal.enters("");
    terminal.sees("What next?");
    terminal.presses_ctrl_c();
    assert_eq!(terminal.ends().0.code(), Some(0));
}

/// As by hands that go on with what they are used to.
#[test]
fn a_passphrase_that_is_typed_once_more_is_shown_nowhere_and_sent_to_nobody() {
    let stage = Stage::new();
    let (alice, bob, carol) = (stage.register("alice"), stage.register("bob"), stage.person("carol"));
    for (args, next) in [(&[][..], "What next?"), (&["send", "bob"], "Message:")] {
        let mut terminal = at_terminal(&alice, args);
        terminal.sees("Passphrase:");
        terminal.enters(PASSPHRASE);
        terminal.sees("********");
        // While the key is derived.
        terminal.enters(PASSPHRASE);
        terminal.sees(next);
        terminal.presses_ctrl_c();
        let (_, all) = terminal.ends();
        assert!(!all.contains(PASSPHRASE) && !all.contains("battery"), "{all}");
    }
    assert!(bob.json(&["inbox"]).is_empty());

    let mut terminal = at_terminal(&carol, &["register", "carol"]);
    terminal.sees("New passphrase:");
    terminal.enters("hunter22");
    terminal.enters("hunter22");
    terminal.sees("Use it anyway?");
    terminal.presses_ctrl_c();
    let (_, all) = terminal.ends();
    assert!(!all.contains("hunter22"), "{all}");
}

#[test]
fn what_is_typed_ahead_is_not_shown() {
    let stage = Stage::new();
    let alice = stage.register("alice");
    let mut terminal = at_terminal(&alice, &[]);
    terminal.sees("Passphrase:");
    terminal.enters("wrong");
    // While the key is derived from the wrong one, the right one is on its way.
    terminal.sees("********");
    terminal.enters(PASSPHRASE);
    terminal.sees("What next?");
    terminal.presses_ctrl_c();
    let (status, all) = terminal.ends();
    assert_eq!(status.code(), Some(0));
    assert!(all.contains("wrong passphrase"));
    assert!(!all.contains(PASSPHRASE) && !all.contains("battery"), "{all}");
}

#[test]
fn esc_and_ctrl_c_leave_nothing_behind() {
    let stage = Stage::new();
    let (alice, _bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    for leave in [Terminal::presses_escape, Terminal::presses_ctrl_c] {
        let mut terminal = menu(&alice);
        terminal.enters("Send a message");
        terminal.sees("To:");
        terminal.enters("bob");
        terminal.sees("Message to bob:");
        terminal.types("never sent");
        terminal.sees("never sent");
        leave(&mut terminal);
        let screen = terminal.looks("what comes next", |screen| {
            screen.contains("is kept until you quit")
                && (screen.contains("bob (draft)") || screen.matches("What next?").count() == 2)
        });
        assert!(
            !screen.contains("never sent") && !screen.contains("Message to"),
            "{screen}"
        );
        assert!(!screen.contains("^C") && !screen.contains("canceled"), "{screen}");
        if screen.matches("What next?").count() < 2 {
            terminal.presses_ctrl_c();
            terminal.looks("the menu", |screen| screen.matches("What next?").count() == 2);
        }
        terminal.presses_ctrl_c();
        terminal.sees("Throw it away and quit?");
        // Again: that is an answer.
        terminal.presses_ctrl_c();
        assert_eq!(terminal.ends().0.code(), Some(0));
    }
}

/// At every kind of question, by command and in the menu.
#[test]
fn no_question_leaves_litter_when_it_is_left() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    bob.ok(&["send", "alice", "unread"]);
    let by_command = |args: &[&str], questions: &[(&str, &str)]| {
        let mut terminal = at_terminal(&alice, args);
        terminal.sees("Passphrase:");
        for (question, answer) in questions {
            terminal.enters(answer);
            terminal.sees(question);
        }
        terminal
    };
    let in_menu = |questions: &[(&str, &str)]| {
        let mut terminal = menu(&alice);
        for (answer, question) in questions {
            terminal.enters(answer);
            terminal.sees(question);
        }
        terminal
    };
    let limited = [
        ("Send a message with", "To:"),
        ("bob", "Play limit:"),
        ("2", "Can be opened for:"),
        ("1h", "How is it enforced?"),
        ("", "Message to bob:"),
    ];
    type Place<'a> = (&'a str, Box<dyn Fn() -> Terminal + 'a>);
    let mut places: Vec<Place<'_>> = vec![
        ("Passphrase:", Box::new(|| by_command(&["contacts"], &[]))),
        (
            "Is it the same",
            Box::new(|| by_command(&["verify", "bob"], &[("Is it the same", PASSPHRASE)])),
        ),
        (
            "Delete everything",
            Box::new(|| by_command(&["clear-inbox"], &[("Delete everything", PASSPHRASE)])),
        ),
        (
            "Message:",
            Box::new(|| by_command(&["send", "bob"], &[("Message:", PASSPHRASE)])),
        ),
        ("Contact:", Box::new(|| in_menu(&[("Contacts", "Contact:")]))),
        (
            "Block whom?",
            Box::new(|| in_menu(&[("Contacts", "Contact:"), ("block", "Block whom?")])),
        ),
        (
            "To bob:",
            Box::new(|| in_menu(&[("Conversations", "with:"), ("bob", "To bob:")])),
        ),
        (
            "Current passphrase:",
            Box::new(|| in_menu(&[("Settings", "Settings:"), ("Change", "Current passphrase:")])),
        ),
    ];
    for (at, (_, question)) in limited.iter().enumerate() {
        let way = &limited[..=at];
        places.push((question, Box::new(move || in_menu(way))));
    }
    for (question, at) in &places {
        for leave in [Terminal::presses_escape, Terminal::presses_ctrl_c] {
            let mut terminal = at();
            terminal.types("half");
            leave(&mut terminal);
            // By command it is over, unless what was written would be lost; in the menu another question comes.
            let screen = if terminal.has_another_question(question) {
                let screen = terminal.screen();
                terminal.sends(Signal::TERM);
                terminal.ends();
                screen
            } else {
                terminal.ends_with_screen()
            };
            for litter in [&format!("? {question}"), "half", "^C", "^["] {
                assert!(!screen.contains(litter), "{question}: {litter:?} is left:\n{screen}");
            }
        }
    }
    drop(places);

    // Where there is no account yet.
    stage.ask_for_invitations();
    for (question, way) in [("Invitation:", None), ("Your name", Some(stage.invite()))] {
        for leave in [Terminal::presses_escape, Terminal::presses_ctrl_c] {
            let mut terminal = at_terminal(&stage.person("carol"), &[]);
            terminal.sees("Invitation:");
            if let Some(link) = &way {
                terminal.enters(link);
                terminal.sees(question);
            }
            terminal.types("half");
            leave(&mut terminal);
            let screen = if terminal.has_another_question(question) {
                let screen = terminal.screen();
                terminal.sends(Signal::TERM);
                terminal.ends();
                screen
            } else {
                terminal.ends_with_screen()
            };
            for litter in [&format!("? {question}"), "half", "^C", "^["] {
                assert!(!screen.contains(litter), "{question}: {litter:?} is left:\n{screen}");
            }
        }
    }
}

#[test]
fn a_key_that_comes_with_a_change_of_the_size_is_not_lost() {
    let stage = Stage::new();
    let (alice, _bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    let mut terminal = menu(&alice);
    // Asked beside receiving, and not.
    for (entry, question) in [("Conversations", "To bob:"), ("Send a message", "Message to bob:")] {
        terminal.enters(entry);
        terminal.sees("> bob");
        terminal.enters("");
        terminal.sees(question);
        for count in 1..=20 {
            terminal.sends(Signal::WINCH);
            terminal.types("x");
            let shown = format!("{question} {}", "x".repeat(count));
            terminal.looks("a key", |screen| screen.contains(&shown));
        }
        // Ctrl-U: nothing is left of it for the next time.
        terminal.types("\u{15}");
        terminal.presses_ctrl_c();
        terminal.sees("What next?");
    }
    terminal.presses_ctrl_c();
    assert_eq!(terminal.ends().0.code(), Some(0));
}
