//! Commands that ask before they do what cannot be undone, and what they do where nobody can be asked.
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
use support::{Stage, takes_a_message};
use terminal::Terminal;

/// What is asked about, and how the question begins.
const ASKED: [(&[&str], &str); 4] = [
    (&["verify", "bob"], "Is it the same"),
    (&["verify", "bob", "--accept"], "Accept this new identity?"),
    (&["clear-inbox"], "Delete everything"),
    (&["rotate-identity"], "Make a new identity now?"),
];

#[test]
fn what_cannot_be_undone_is_asked_about_or_refused_where_nobody_can_be_asked() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    bob.ok(&["inbox"]);
    bob.ok(&["send", "alice", "unread"]);
    let before = (
        alice.json(&["contacts"]),
        alice.json_one(&["keys"])["fingerprint"].clone(),
    );
    for (args, question) in ASKED {
        let error = alice.fails(2, args);
        assert!(error.contains("--yes"), "{args:?}: {error}");
        let json = alice.fails(2, &[&["--json"], args].concat());
        let object: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(object["exit"], 2, "{args:?}: {json}");
        // Nor is a line on standard input an answer.
        assert_eq!(alice.run_with_input(args, "y\n").code, 2, "{args:?}");
        if args.contains(&"--accept") {
            // There is nothing to accept, which is said instead of asking: the question is another test's.
            let (status, all) = Terminal::start(alice.command(args)).ends();
            assert_eq!(status.code(), Some(1), "{all}");
            assert!(
                all.contains("nothing to accept") && !all.contains(question),
                "{args:?}: {all}"
            );
            continue;
        }
        let mut terminal = Terminal::start(alice.command(args));
        terminal.sees(question);
        terminal.decides("n");
        terminal.sees("Nothing was");
        assert_eq!(terminal.ends().0.code(), Some(0));
        // Programs at a terminal are not asked either, and get no text on standard output.
        let (status, all) = Terminal::start(alice.command(&[&["--json"], args].concat())).ends();
        assert_eq!(status.code(), Some(2), "{all}");
        assert!(
            !all.contains("(y/N)") && all.trim_start().starts_with('{'),
            "{args:?}: {all}"
        );
    }
    let after = (
        alice.json(&["contacts"]),
        alice.json_one(&["keys"])["fingerprint"].clone(),
    );
    assert_eq!(after, before, "nothing was changed");
    assert_eq!(alice.json_one(&["inbox"])["text"], "unread");
    for args in [
        &["verify", "bob", "--yes"][..],
        &["clear-inbox", "--yes"],
        &["rotate-identity", "--yes"],
    ] {
        alice.ok(args);
    }
    assert_eq!(alice.json_one(&["contacts"])["standing"], "verified");
}

#[test]
fn help_says_when_it_is_asked_and_what_happens_without_a_terminal() {
    let help = support::latchkey().arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for (command, _) in ASKED {
        let text = support::latchkey().args([command[0], "--help"]).output().unwrap();
        let text = String::from_utf8(text.stdout).unwrap();
        assert!(
            text.contains("--yes") && text.contains("terminal"),
            "{command:?}: {text}"
        );
        assert!(help.contains(command[0]), "{command:?}");
    }
    assert!(help.contains("--yes"), "{help}");
}

#[test]
fn nobody_is_blocked_who_does_not_exist() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    let error = alice.fails(5, &["block", "nobody"]);
    assert!(error.contains("nobody") && !error.contains("BLOCKED"), "{error}");
    let object: serde_json::Value = serde_json::from_str(&alice.fails(5, &["--json", "block", "nobody"])).unwrap();
    assert_eq!(object["exit"], 5);
    // Somebody who exists and is no contact, twice; and a contact.
    alice.ok(&["block", "bob"]);
    assert_eq!(alice.json_one(&["block", "bob"])["blocked"], true);
    alice.ok(&["unblock", "bob"]);
    bob.ok(&["send", "alice", "hello"]);
    alice.ok(&["inbox"]);
    assert_eq!(alice.json_one(&["block", "bob"])["blocked"], true);
    // It was never said of nobody.
    assert!(
        alice
            .json(&["contacts"])
            .iter()
            .all(|person| person["address"] != "nobody@localhost")
    );
}

#[test]
fn a_contact_is_blocked_without_a_network_and_somebody_unknown_is_not() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    bob.ok(&["send", "alice", "hello"]);
    alice.ok(&["inbox"]);
    stage.stop_relay();
    assert_eq!(alice.json_one(&["block", "bob"])["blocked"], true);
    assert!(alice.fails(4, &["block", "eve"]).contains("cannot be reached"));
}

/// What is said after Ctrl-C is true.
#[test]
fn a_message_that_is_broken_off_is_said_to_be_lost() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    for leave in [Terminal::presses_ctrl_c, Terminal::presses_escape] {
        let mut terminal = Terminal::start(alice.command(&["send", "bob"]));
        terminal.sees("Message:");
        terminal.types("half a message");
        terminal.sees("half a message");
        leave(&mut terminal);
        if terminal.has_another_question("Message:") {
            terminal.sees("Throw away what you wrote?");
            terminal.decides("y");
        }
        let (status, all) = terminal.ends();
        assert_eq!(status.code(), Some(130), "{all}");
        assert!(all.contains("was not sent") && all.contains("not kept"), "{all}");
        assert!(!all.contains("can be given again"), "{all}");
    }
    assert!(bob.json(&["inbox"]).is_empty());
}

#[test]
fn a_send_that_is_broken_off_says_whether_the_message_is_kept() {
    let stage = Stage::new();
    let (mut alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    bob.ok(&["inbox"]);
    let nothing = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nothing = format!("http://{}", nothing.local_addr().unwrap());
    let silent = stage.silent_line();
    for (url, said) in [
        (nothing, ["was not sent", "not kept"]),
        (silent.url(), ["kept here", "do not send it again"]),
    ] {
        alice.url = url;
        let mut terminal = Terminal::start(alice.command(&["send", "bob", "on its way"]));
        terminal.sees("sending …");
        if said[0] == "kept here" {
            takes_a_message(&silent);
        }
        terminal.sends(Signal::INT);
        let (status, all) = terminal.ends();
        assert_eq!(status.code(), Some(130), "{all}");
        assert!(said.iter().all(|said| all.contains(said)), "{all}");
        assert!(!all.contains("can be given again"), "{all}");
    }
    alice.url.clone_from(&stage.url);
    alice.ok(&["inbox"]);
    assert_eq!(bob.json_one(&["inbox"])["text"], "on its way");
}
