//! The way into the interactive client, by a person at a terminal.
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
use terminal::{Terminal, at_terminal};

#[test]
fn somebody_registers_sends_and_reads_in_the_menu() {
    let stage = Stage::new();
    let bob = stage.register("bob");
    let alice = stage.person("alice");
    let mut terminal = at_terminal(&alice, &[]);
    terminal.sees("Welcome to Latchkey");
    terminal.sees("Your name at the relay:");
    // What cannot be a name is said before anything else is asked.
    terminal.enters("Not A Name");
    terminal.sees("a user name is made of");
    terminal.types("\u{15}");
    terminal.enters("alice");
    terminal.sees("New passphrase:");
    terminal.enters(PASSPHRASE);
    terminal.sees("Once more:");
    terminal.enters(PASSPHRASE);
    terminal.sees("alice@localhost");
    terminal.sees("What next?");

    terminal.enters("Send");
    terminal.sees("To:");
    terminal.enters("bob");
    terminal.sees("Message to bob:");
    // No limit is asked for by a message that has none.
    terminal.enters("hello from the menu");
    terminal.sees("safety number");
    terminal.sees("What next?");
    let received = bob.json_one(&["inbox"]);
    assert_eq!(received["text"], "hello from the menu");

    bob.ok(&["send", "alice", "hello back"]);
    terminal.enters("Inbox");
    terminal.sees("hello back");
    terminal.sees("What next?");
    // Ctrl-C leaves what one was doing, not the client; Esc goes back.
    for leave in [Terminal::presses_ctrl_c, Terminal::presses_escape] {
        terminal.enters("Send");
        terminal.sees("To:");
        leave(&mut terminal);
        terminal.sees("What next?");
    }
    terminal.enters("Quit");
    let (status, all) = terminal.ends();
    assert_eq!(status.code(), Some(0));
    assert!(!all.contains(PASSPHRASE), "the passphrase was on the screen");
    // It was the same account that commands work on.
    assert_eq!(alice.json(&["history"]).len(), 2);
}

#[test]
fn ctrl_c_at_the_passphrase_leaves_the_terminal_as_it_was() {
    let stage = Stage::new();
    let alice = stage.register("alice");
    for args in [&["contacts"][..], &[]] {
        let mut terminal = at_terminal(&alice, args);
        terminal.sees("Passphrase:");
        terminal.types("half a pass");
        // The control: while it asks, the terminal is another one.
        terminal.sees("****");
        assert!(terminal.is_raw());
        terminal.presses_ctrl_c();
        let (status, all) = terminal.ends();
        assert_eq!(status.code(), Some(130), "{args:?}");
        assert!(!all.contains("half a pass"), "{all}");
    }
}

#[test]
fn a_wrong_passphrase_may_be_corrected_and_a_fifth_ends_the_menu() {
    let stage = Stage::new();
    let alice = stage.register("alice");
    let mut terminal = at_terminal(&alice, &[]);
    terminal.sees("Passphrase:");
    terminal.enters("wrong");
    terminal.sees("wrong passphrase");
    terminal.sees("Passphrase:");
    terminal.enters(PASSPHRASE);
    terminal.sees("What next?");
    terminal.presses_ctrl_c();
    assert_eq!(terminal.ends().0.code(), Some(0));

    let mut terminal = at_terminal(&alice, &[]);
    for _ in 0..5 {
        terminal.sees("Passphrase:");
        terminal.enters("wrong");
        terminal.sees("wrong passphrase");
    }
    assert_eq!(terminal.ends().0.code(), Some(8));
}

#[test]
fn at_the_first_start_what_can_fail_comes_first_and_nothing_is_typed_twice() {
    let mut stage = Stage::new();
    stage.register("taken");
    let alice = stage.person("alice");
    stage.stop_relay();
    let mut command = alice.command(&[]);
    command.env_remove("LATCHKEY_PASSPHRASE");
    let mut terminal = Terminal::start(command);
    terminal.sees("cannot be reached");
    terminal.sees("Relay:");
    stage.restart_relay();
    // What did not answer is there to be corrected.
    terminal.looks("the relay", |screen| {
        screen.contains(&format!("? Relay: {}", alice.url))
    });
    terminal.types("\u{15}");
    terminal.enters(&stage.url);
    terminal.sees("Your name at the relay:");
    terminal.enters("taken");
    terminal.sees("New passphrase:");
    terminal.enters(PASSPHRASE);
    terminal.sees("Once more:");
    terminal.enters(PASSPHRASE);
    let said = terminal.sees("Your name at the relay:");
    assert!(
        said.contains("the name 'taken' is taken. Choose another name"),
        "{said}"
    );
    assert!(!said.contains("identity key"), "{said}");
    terminal.enters("alice");
    // Neither the relay nor the passphrase is asked for again.
    let between = terminal.sees("fingerprint");
    assert!(
        !between.contains("assphrase") && !between.contains("Relay:"),
        "{between}"
    );
    terminal.sees("What next?");
    terminal.quits();

    // By command too: no passphrase for a relay that is not there.
    stage.stop_relay();
    let terminal = at_terminal(&stage.person("carol"), &["register", "carol"]);
    let (status, all) = terminal.ends();
    assert_eq!(status.code(), Some(4));
    assert!(!all.contains("assphrase"), "{all}");
}

#[test]
fn the_interactive_client_takes_a_pin() {
    let (stage, fingerprint) = Stage::self_signed();
    let alice = stage.person("alice");
    let mut terminal = at_terminal(&alice, &[]);
    terminal.sees("Its fingerprint:");
    terminal.enters("sha256:12");
    terminal.sees("\u{1b}[31m");
    terminal.types("\u{15}");
    terminal.enters(&fingerprint);
    terminal.sees("Your name at the relay:");
    terminal.enters("alice");
    terminal.sees("New passphrase:");
    terminal.enters(PASSPHRASE);
    terminal.sees("Once more:");
    terminal.enters(PASSPHRASE);
    terminal.sees("fingerprint");
    terminal.sees("What next?");
    terminal.quits();
}

#[test]
fn an_invitation_is_asked_for_when_the_relay_wants_one_and_nothing_else_is_asked_again() {
    let mut stage = Stage::new();
    stage.ask_for_invitations();
    let link = stage.invite();
    let code = link.split_once("#invite=").unwrap().1.to_owned();
    let alice = stage.person("alice");
    let mut terminal = at_terminal(&alice, &[]);
    // The relay wants one: that comes before what takes effort.
    let before = terminal.sees("Invitation:");
    assert!(before.contains("by invitation"), "{before}");
    assert!(
        !before.contains("Your name") && !before.contains("assphrase"),
        "{before}"
    );
    terminal.enters("this is none");
    let said = terminal.sees("this is not an invitation");
    assert!(!said.contains("shell"), "{said}");
    terminal.types("\u{15}");
    terminal.enters(&"0".repeat(32));
    terminal.sees("Your name at the relay:");
    terminal.enters("alice");
    terminal.sees("New passphrase:");
    terminal.enters(PASSPHRASE);
    terminal.sees("Once more:");
    terminal.enters(PASSPHRASE);
    terminal.sees("unknown, used up, expired or revoked");
    terminal.sees("Invitation:");
    terminal.enters(&link);
    let between = terminal.sees("alice@localhost");
    assert!(
        !between.contains("assphrase") && !between.contains("Your name"),
        "{between}"
    );
    terminal.sees("What next?");
    let screen = terminal.looks("the menu", |screen| screen.contains("What next?"));
    assert!(!screen.contains(&code[..8]), "the code stays on the screen:\n{screen}");
    terminal.quits();

    // By command it is the same: before the passphrase.
    let mut terminal = at_terminal(&stage.person("bob"), &["register", "bob"]);
    let before = terminal.sees("Invitation:");
    assert!(!before.contains("assphrase"), "{before}");
    terminal.enters(&stage.invite());
    terminal.sees("New passphrase:");
    terminal.enters(PASSPHRASE);
    terminal.sees("Once more:");
    terminal.enters(PASSPHRASE);
    terminal.sees("bob@localhost");
    assert_eq!(terminal.ends().0.code(), Some(0));
}

#[test]
fn a_link_is_taken_where_the_relay_is_asked_for() {
    let mut stage = Stage::new();
    stage.ask_for_invitations();
    let link = stage.invite();
    let code = link.split_once("#invite=").unwrap().1.to_owned();
    let alice = stage.person("alice");
    let mut command = alice.command(&[]);
    command.env_remove("LATCHKEY_PASSPHRASE").env_remove("LATCHKEY_RELAY");
    let mut terminal = Terminal::start(command);
    terminal.sees("Relay:");
    for (wrong, said) in [
        (format!("{}/#nothing", stage.url), "not an invitation"),
        (format!("{}/#invite={}", stage.url, &code[1..]), "not an invitation"),
        ("http://relay.example".to_owned(), "plain http"),
    ] {
        terminal.pastes(&wrong);
        terminal.enters("");
        terminal.sees("\u{1b}[31m");
        terminal.sees(said);
        let screen = terminal.screen();
        assert!(!screen.contains("--"), "no option is named:\n{screen}");
        terminal.types("\u{15}");
    }
    terminal.pastes(&link);
    terminal.enters("");
    // Neither the relay nor the invitation is asked for again.
    let between = terminal.sees("Your name at the relay:");
    assert!(!between.contains("Invitation:"), "{between}");
    terminal.enters("alice");
    terminal.sees("New passphrase:");
    terminal.enters(PASSPHRASE);
    terminal.sees("Once more:");
    terminal.enters(PASSPHRASE);
    let between = terminal.sees("alice@localhost");
    assert!(!between.contains("Invitation:"), "{between}");
    terminal.sees("What next?");
    let screen = terminal.looks("the menu", |screen| screen.contains("What next?"));
    assert!(!screen.contains(&code[..8]), "the code stays on the screen:\n{screen}");
    terminal.quits();
    assert_eq!(alice.json_one(&["status"])["relay"]["url"], stage.url);
}

#[test]
fn an_invitation_is_kept_when_the_name_is_taken() {
    let mut stage = Stage::new();
    stage.register("taken");
    stage.ask_for_invitations();
    let link = stage.invite();
    let mut terminal = at_terminal(&stage.person("alice"), &[]);
    terminal.sees("Invitation:");
    terminal.enters(&link);
    terminal.sees("Your name at the relay:");
    terminal.enters("taken");
    terminal.sees("New passphrase:");
    terminal.enters(PASSPHRASE);
    terminal.sees("Once more:");
    terminal.enters(PASSPHRASE);
    terminal.sees("error:");
    terminal.sees("Your name at the relay:");
    terminal.enters("alice");
    let between = terminal.sees("fingerprint");
    assert!(
        !between.contains("Invitation:") && !between.contains("assphrase"),
        "{between}"
    );
    terminal.sees("What next?");
    terminal.quits();
}

#[test]
fn a_relay_that_takes_no_accounts_is_known_before_a_passphrase_is_thought_of() {
    let mut stage = Stage::new();
    stage.close_registration();
    let mut terminal = at_terminal(&stage.person("alice"), &[]);
    terminal.sees("takes no new accounts");
    let between = terminal.sees("Relay:");
    assert!(
        !between.contains("Your name") && !between.contains("assphrase"),
        "{between}"
    );
    terminal.presses_escape();
    assert_eq!(terminal.ends().0.code(), Some(0));
    let (status, all) = at_terminal(&stage.person("bob"), &["register", "bob"]).ends();
    assert_eq!(status.code(), Some(5), "{all}");
    assert!(!all.contains("assphrase"), "{all}");
}

#[test]
fn a_short_passphrase_is_asked_about_before_it_is_typed_once_more() {
    let stage = Stage::new();
    let alice = stage.person("alice");
    let mut terminal = at_terminal(&alice, &[]);
    terminal.sees("Your name at the relay:");
    terminal.enters("alice");
    terminal.sees("New passphrase:");
    // No, by n, by Enter alone and by Esc: it is the passphrase that is asked for again.
    let ways: [fn(&mut Terminal); 3] = [
        |terminal| terminal.enters("n"),
        |terminal| terminal.enters(""),
        Terminal::presses_escape,
    ];
    for no in ways {
        terminal.enters("swordfish9");
        let between = terminal.sees("Use it anyway?");
        assert!(!between.contains("Once more"), "{between}");
        no(&mut terminal);
        let between = terminal.sees("New passphrase:");
        assert!(
            !between.contains("Relay:") && !between.contains("Your name"),
            "{between}"
        );
    }
    terminal.enters("swordfish9");
    terminal.sees("Use it anyway?");
    // Hands that type it once more here: it is shown nowhere, and is no answer.
    terminal.enters("swordfish9");
    terminal.sees("y or n");
    terminal.enters("y");
    let between = terminal.sees("Once more:");
    assert!(!between.contains("New passphrase:"), "{between}");
    terminal.enters("swordfish9");
    terminal.sees("alice@localhost");
    terminal.sees("What next?");
    let all = terminal.quits();
    assert!(!all.contains("swordfish") && !all.contains("wordfish9"), "{all}");

    // The same where the passphrase is changed.
    let mut terminal = Terminal::start({
        let mut command = stage.register("bob").command(&["passphrase"]);
        command.env_remove("LATCHKEY_PASSPHRASE");
        command
    });
    terminal.sees("Passphrase:");
    terminal.enters(PASSPHRASE);
    terminal.sees("New passphrase:");
    terminal.enters("short");
    let between = terminal.sees("Use it anyway?");
    assert!(!between.contains("Once more"), "{between}");
    terminal.presses_ctrl_c();
    assert_eq!(terminal.ends().0.code(), Some(130));
}
