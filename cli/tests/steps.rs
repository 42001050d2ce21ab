//! Esc is one step back with everything kept, and what was written is not lost, by a person at a terminal.
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

/// Waits until this is the question that is asked.
#[track_caller]
fn is_asked(terminal: &Terminal, question: &str) -> String {
    terminal.looks(question, |screen| screen.contains(&format!("? {question}")))
}

/// Presses Esc once for each of these, and waits for it.
#[track_caller]
fn goes_back(terminal: &mut Terminal, questions: &[&str]) {
    for question in questions {
        terminal.presses_escape();
        is_asked(terminal, question);
    }
}

/// Answers, and waits for the question behind it.
#[track_caller]
fn goes_on(terminal: &mut Terminal, way: &[(&str, &str)]) {
    for (answer, question) in way {
        terminal.enters(answer);
        is_asked(terminal, question);
    }
}

#[test]
fn a_message_that_was_begun_is_there_again_for_the_same_person() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    let carol = stage.register("carol");
    for person in ["bob", "carol"] {
        alice.ok(&["send", person, "hello"]);
    }
    bob.ok(&["inbox"]);
    carol.ok(&["inbox"]);
    let mut terminal = menu(&alice);
    goes_on(&mut terminal, &[("Send a message", "To:"), ("bob", "Message to bob:")]);
    terminal.types("half a ");
    is_asked(&terminal, "Message to bob: half a");
    terminal.presses_escape();
    terminal.sees("What you wrote is kept until you quit");
    // Carol is written to meanwhile, and gets nothing of it.
    goes_on(&mut terminal, &[("carol", "Message to carol:")]);
    terminal.enters("for carol");
    terminal.sees("sent to carol");
    assert_eq!(carol.json_one(&["inbox"])["text"], "for carol");
    // One looks for bob: it is said that there is a draft.
    terminal.looks("the menu", |screen| {
        screen.contains("> Inbox") && screen.contains("Send a message (1 draft)")
    });
    goes_on(&mut terminal, &[("Send a message", "To:")]);
    terminal.looks("bob", |screen| screen.contains("bob (draft)"));
    goes_on(&mut terminal, &[("bob", "Message to bob: half a")]);
    // Ctrl-C keeps it too, and it is the same in the conversation.
    terminal.presses_ctrl_c();
    is_asked(&terminal, "What next?");
    goes_on(
        &mut terminal,
        &[("Conversations", "Conversation with:"), ("bob", "To bob: half a")],
    );
    terminal.types("message");
    is_asked(&terminal, "To bob: half a message");
    goes_back(&mut terminal, &["Conversation with:", "What next?"]);
    // What was to be sent for good is not offered where it would have a limit, nor the other way round.
    goes_on(
        &mut terminal,
        &[
            ("Send a message with", "To:"),
            ("bob", "Play limit:"),
            ("2", "Can be opened for:"),
            ("", "How is it enforced?"),
            ("", "Message to bob:"),
        ],
    );
    let screen = terminal.screen();
    assert!(!screen.contains("Message to bob: half"), "{screen}");
    terminal.presses_ctrl_c();
    is_asked(&terminal, "What next?");
    // Quitting would lose it.
    for leave in [
        (|terminal| terminal.enters("Quit")) as fn(&mut Terminal),
        Terminal::presses_ctrl_c,
    ] {
        leave(&mut terminal);
        is_asked(&terminal, "What you wrote to bob was not sent. Throw it away and quit?");
        terminal.decides("");
        is_asked(&terminal, "What next?");
        // What Enter alone meant stays on the screen.
        let screen = terminal.screen();
        assert!(screen.contains("Throw it away and quit? (y/N) n"), "{screen}");
    }
    goes_on(
        &mut terminal,
        &[("Send a message", "To:"), ("bob", "Message to bob: half a message")],
    );
    terminal.enters("");
    terminal.sees("sent to bob");
    assert_eq!(bob.json_one(&["inbox"])["text"], "half a message");
    is_asked(&terminal, "What next?");
    terminal.quits();
}

#[test]
fn a_message_that_was_emptied_is_no_draft() {
    let stage = Stage::new();
    let (alice, _bob) = (stage.register("alice"), stage.register("bob"));
    let mut terminal = menu(&alice);
    goes_on(&mut terminal, &[("Send a message", "To:"), ("bob", "Message to bob:")]);
    // Nor does Enter leave: there is nothing to send yet.
    terminal.enters("  ");
    terminal.sees("nothing is written yet");
    terminal.types("\u{15}");
    goes_back(&mut terminal, &["To: bob", "What next?"]);
    let all = terminal.quits();
    assert!(!all.contains("is kept until you quit"), "{all}");
}

#[test]
fn from_a_limited_message_esc_goes_back_question_by_question_with_everything_kept() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    bob.ok(&["inbox"]);
    let mut terminal = menu(&alice);
    goes_on(
        &mut terminal,
        &[
            ("Send a message with", "To:"),
            ("bob", "Play limit:"),
            ("7", "Can be opened for:"),
            ("3h", "How is it enforced?"),
            ("Obliviously", "Message to bob:"),
        ],
    );
    terminal.types("secret");
    is_asked(&terminal, "Message to bob: secret");
    goes_back(&mut terminal, &["How is it enforced?"]);
    terminal.looks("what was chosen", |screen| screen.contains("> Obliviously"));
    goes_back(&mut terminal, &["Can be opened for: 3h", "Play limit: 7", "To:"]);
    terminal.looks("a draft", |screen| screen.contains("bob (draft)"));
    // And on again.
    goes_on(
        &mut terminal,
        &[
            ("bob", "Play limit: 7"),
            ("", "Can be opened for: 3h"),
            ("", "How is it enforced?"),
            ("The relay counts", "Message to bob: secret"),
        ],
    );
    terminal.enters("");
    terminal.sees("opens 7 times");
    is_asked(&terminal, "What next?");
    terminal.quits();
    assert_eq!(bob.json_one(&["inbox"])["limited"]["limit"], 7);
}

#[test]
fn esc_is_one_step_back_at_every_question_of_the_menu() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    let _carol = stage.register("carol");
    alice.ok(&["send", "bob", "opens once", "--plays", "1"]);
    bob.ok(&["inbox"]);
    bob.ok(&["send", "alice", "opens twice", "--plays", "2"]);
    alice.ok(&["inbox"]);
    let mut terminal = menu(&alice);
    let mut walks = |way: &[(&str, &str)], back: &[&str]| {
        for (answer, question) in way {
            if terminal.screen().contains("Read it first") {
                terminal.looks("keys count", |screen| !screen.contains("Read it first"));
            }
            terminal.enters(answer);
            is_asked(&terminal, question);
        }
        goes_back(&mut terminal, back);
    };
    walks(
        &[("Contacts", "Contact:"), ("bob", "What now?")],
        &["Contact:", "What next?"],
    );
    walks(
        &[
            ("Contacts", "Contact:"),
            ("block", "Block whom?"),
            ("carol", "What now?"),
        ],
        &["Block whom? carol", "Contact:", "What next?"],
    );
    walks(
        &[("Keys", "Keys:"), ("Replace", "Make a new identity now?")],
        &["Keys:", "What next?"],
    );
    walks(
        &[("Plays", "Which one?"), ("", "Take it back?")],
        &["Which one?", "What next?"],
    );
    let settings = ("Settings", "Settings:");
    let change = ("Change", "Current passphrase:");
    walks(&[settings, change], &["Settings:", "What next?"]);
    let new = (PASSPHRASE, "New passphrase:");
    walks(&[settings, change, new], &["Settings:", "What next?"]);
    walks(
        &[settings, change, new, ("another passphrase", "Once more:")],
        &["New passphrase:", "Settings:", "What next?"],
    );
    walks(
        &[settings, ("Delete everything", "Delete all of it")],
        &["Settings:", "What next?"],
    );
    walks(
        &[settings, ("Gate keys", "Gate keys:"), ("Make one", "For whom?")],
        &["Gate keys:", "Settings:", "What next?"],
    );
    walks(
        &[
            ("Conversations", "Conversation with:"),
            ("bob", "To bob:"),
            ("", "What else?"),
        ],
        &["To bob:", "Conversation with:", "What next?"],
    );
    // What is asked after that question leads back to it.
    for further in [
        ("Write with", "Play limit:"),
        ("Open a limited", "Open a limited message?"),
    ] {
        walks(
            &[
                ("Conversations", "Conversation with:"),
                ("bob", "To bob:"),
                ("", "What else?"),
                further,
            ],
            &["What else?", "To bob:", "Conversation with:", "What next?"],
        );
    }
    terminal.quits();
}

#[test]
fn esc_is_one_step_back_when_somebody_registers() {
    let mut stage = Stage::new();
    stage.ask_for_invitations();
    let (link, url) = (stage.invite(), stage.url.clone());
    let alice = stage.person("alice");
    let mut terminal = at_terminal(&alice, &[]);
    let relay = format!("Relay: {url}");
    is_asked(&terminal, "Invitation:");
    goes_back(&mut terminal, &[&relay]);
    goes_on(
        &mut terminal,
        &[("", "Invitation:"), (&link, "Your name at the relay:")],
    );
    goes_back(&mut terminal, &[&relay]);
    // The invitation is not asked for again, and neither is the name.
    goes_on(
        &mut terminal,
        &[("", "Your name at the relay:"), ("alice", "New passphrase:")],
    );
    goes_back(&mut terminal, &["Your name at the relay: alice"]);
    goes_on(&mut terminal, &[("", "New passphrase:"), (PASSPHRASE, "Once more:")]);
    goes_back(&mut terminal, &["New passphrase:"]);
    goes_on(&mut terminal, &[(PASSPHRASE, "Once more:")]);
    terminal.enters(PASSPHRASE);
    terminal.looks("the account", |screen| screen.contains("Registered alice@localhost"));
    is_asked(&terminal, "What next?");
    let all = terminal.quits();
    assert!(!all.contains("Invitation: ("), "{all}");
}

#[test]
fn a_pin_is_kept_when_somebody_steps_back_to_the_relay() {
    let (stage, fingerprint) = Stage::self_signed();
    let mut terminal = at_terminal(&stage.person("alice"), &[]);
    is_asked(&terminal, "Its fingerprint:");
    let relay = format!("Relay: {}", stage.url);
    goes_back(&mut terminal, &[&relay]);
    goes_on(
        &mut terminal,
        &[("", "Its fingerprint:"), (&fingerprint, "Your name at the relay:")],
    );
    goes_back(&mut terminal, &[&relay]);
    goes_on(&mut terminal, &[("", "Your name at the relay:")]);
    goes_back(&mut terminal, &[&relay]);
    terminal.presses_escape();
    assert_eq!(terminal.ends().0.code(), Some(0));
}

#[test]
fn esc_in_the_main_menu_does_nothing() {
    let stage = Stage::new();
    let alice = stage.register("alice");
    let mut terminal = menu(&alice);
    let before = is_asked(&terminal, "What next?");
    for _ in 0..3 {
        terminal.types("sta");
        is_asked(&terminal, "What next? sta");
        terminal.presses_escape();
        // What was searched for is gone, and nothing else has changed.
        terminal.looks("the menu as it was", |screen| screen == before);
    }
    assert!(!before.contains("Esc goes back"), "{before}");
    terminal.quits();
}

#[test]
fn what_arrives_while_a_message_is_written_is_told_of_above_it() {
    let stage = Stage::new();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| stage.register(name));
    let mut terminal = menu(&alice);
    goes_on(&mut terminal, &[("Send a message", "To:"), ("bob", "Message to bob:")]);
    terminal.types("half a ");
    is_asked(&terminal, "Message to bob: half a");
    carol.ok(&["send", "alice", "hello"]);
    terminal.sees("a new message from carol@localhost");
    // What is being written is as it was, at its end.
    is_asked(&terminal, "Message to bob: half a");
    terminal.enters("message");
    terminal.sees("sent to bob");
    terminal.looks("the menu", |screen| screen.contains("Inbox (1 unread)"));
    terminal.quits();
    assert_eq!(bob.json_one(&["inbox"])["text"], "half a message");
}

#[test]
fn no_key_too_much_uses_a_play() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    let sent = bob.json_one(&["send", "alice", "the secret", "--plays", "1"]);
    let id = sent["id"].as_str().unwrap();
    let unused = || assert_eq!(bob.json_one(&["plays", id])["limited"]["used"], 0);
    let mut terminal = menu(&alice);
    // Typed ahead.
    terminal.types("Inbox\r\r\r\r");
    terminal.sees("Open a limited message?");
    terminal.sees("Read it first");
    terminal.may_choose();
    let screen = is_asked(&terminal, "Open a limited message?");
    assert!(screen.contains("> Not now"), "{screen}");
    unused();
    terminal.enters("");
    // Where it is then, is said.
    terminal.sees("It stays in the conversation");
    is_asked(&terminal, "What next?");
    goes_on(
        &mut terminal,
        &[
            ("Conversations", "Conversation with:"),
            ("bob", "To bob:"),
            ("", "What else?"),
        ],
    );
    terminal.enters("Open");
    // As soon as it is there.
    terminal.sees("Read it first");
    terminal.types(DOWN);
    terminal.enters("");
    terminal.may_choose();
    let screen = is_asked(&terminal, "Open a limited message?");
    assert!(screen.contains("> Not now"), "{screen}");
    unused();
    // A play that was meant is not closed by a key that was typed before.
    terminal.types(DOWN);
    terminal.types("\r");
    terminal.types("\r\r");
    terminal.sees("the secret");
    terminal.types("q\r");
    terminal.sees("Enter closes");
    assert!(terminal.screen().contains("the secret"));
    terminal.enters("");
    terminal.sees("Play 1 of 1 used");
    goes_back(&mut terminal, &["Conversation with:", "What next?"]);
    terminal.quits();
}

#[test]
fn what_cannot_be_undone_begins_at_no_and_takes_no_key_that_was_typed_before() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    bob.ok(&["send", "alice", "hello"]);
    alice.ok(&["inbox"]);
    bob.ok(&["send", "alice", "unread"]);
    alice.ok(&["send", "bob", "mine", "--plays", "3"]);
    let before = (
        alice.json(&["contacts"]),
        alice.json_one(&["keys"]),
        bob.json_one(&["contacts"]),
    );
    for args in [&["verify", "bob"][..], &["clear-inbox"], &["rotate-identity"]] {
        let mut terminal = Terminal::start(alice.command(args));
        terminal.types("y\r");
        terminal.sees("Read it first");
        terminal.types("y\r");
        terminal.decides("");
        terminal.sees("Nothing was");
        assert_eq!(terminal.ends().0.code(), Some(0));
    }
    let mut terminal = menu(&alice);
    let all_first = DOWN.to_owned() + "\r";
    for (way, question, none) in [
        (&["Contacts", "bob"][..], "What now?", "Back"),
        (&["Keys"], "Keys:", "Back"),
        (&["Settings", "Gate keys"], "Gate keys:", "Back"),
    ] {
        for answer in way {
            terminal.enters(answer);
        }
        // With the question, and behind it.
        terminal.types(&all_first);
        terminal.sees("Read it first");
        terminal.types(&all_first);
        terminal.may_choose();
        let screen = is_asked(&terminal, question);
        assert!(screen.contains(&format!("> {none}")), "{question}: {screen}");
        terminal.presses_ctrl_c();
        is_asked(&terminal, "What next?");
    }
    for (way, question) in [
        (&["Settings", "Delete everything"][..], "Delete all of it, unread?"),
        (&["Plays", ""], "Take it back?"),
    ] {
        for answer in way {
            terminal.enters(answer);
        }
        terminal.types("y\r");
        terminal.sees("Read it first");
        terminal.types("y\r");
        is_asked(&terminal, question);
        terminal.decides("");
        is_asked(&terminal, "What next?");
    }
    terminal.quits();
    let after = (
        alice.json(&["contacts"]),
        alice.json_one(&["keys"]),
        bob.json_one(&["contacts"]),
    );
    assert_eq!(after, before);
    let history = alice.json(&["history"]);
    let sent = history.iter().find(|message| message["limited"].is_object()).unwrap();
    let state = alice.json_one(&["plays", sent["id"].as_str().unwrap()]);
    assert_eq!(state["limited"]["state"], "active");
    // The menu may have shown it meanwhile.
    alice.ok(&["inbox"]);
    let history = alice.json(&["history"]);
    assert!(history.iter().any(|message| message["text"] == "unread"), "{history:?}");
}
