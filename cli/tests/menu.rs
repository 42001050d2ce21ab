//! The menu and the prompts, by a person at a terminal.
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
use support::{PASSPHRASE, Stage, takes_a_message};
use terminal::{Terminal, at_terminal, at_terminal_sized, menu, menu_sized};

/// What somebody copied elsewhere, with words that the menu knows.
const SEVERAL_LINES: &str = "first line\nSettings\n\nQuit\nlast line";

#[test]
fn several_pasted_lines_are_one_message_in_the_menu() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    // A terminal that says what is pasted, and one that does not.
    for marked in [true, false] {
        let mut terminal = at_terminal(&alice, &[]);
        terminal.sees("Passphrase:");
        terminal.enters(PASSPHRASE);
        terminal.sees("What next?");
        terminal.enters("Send a message");
        terminal.sees("To:");
        terminal.enters("bob");
        terminal.sees("Message");
        if marked {
            terminal.pastes(SEVERAL_LINES);
        } else {
            terminal.types(&SEVERAL_LINES.replace('\n', "\r"));
        }
        terminal.sees("last line");
        terminal.enters("");
        terminal.sees("sent to bob");
        terminal.sees("What next?");
        terminal.enters("Quit");
        assert_eq!(terminal.ends().0.code(), Some(0));
        assert_eq!(bob.json_one(&["inbox"])["text"], SEVERAL_LINES, "marked: {marked}");
    }
}

#[test]
fn several_pasted_lines_are_one_message_by_command() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    for marked in [true, false] {
        let mut terminal = Terminal::start(alice.command(&["send", "bob"]));
        terminal.sees("Message");
        if marked {
            terminal.pastes(SEVERAL_LINES);
        } else {
            terminal.types(&SEVERAL_LINES.replace('\n', "\r"));
        }
        terminal.sees("last line");
        terminal.enters("");
        let (status, all) = terminal.ends();
        assert_eq!(status.code(), Some(0), "{all}");
        assert_eq!(bob.json_one(&["inbox"])["text"], SEVERAL_LINES, "marked: {marked}");
    }
}

#[test]
fn mail_arrives_while_the_menu_waits_and_in_its_conversation() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    let mut terminal = menu(&alice);
    bob.ok(&["send", "alice", "the first"]);
    terminal.sees("a new message from bob@localhost");
    terminal.sees("Inbox (1 unread)");
    terminal.enters("Conversations");
    terminal.sees("Conversation with:");
    terminal.enters("bob");
    terminal.sees("the first");
    terminal.sees("To bob:");
    terminal.types("half an ");
    terminal.sees("half an ");
    bob.ok(&["send", "alice", "the second"]);
    terminal.sees("the second");
    // What was being written is still there.
    terminal.sees("half an ");
    terminal.enters("answer");
    terminal.looks("the conversation", |screen| {
        screen.contains("you to bob") && screen.contains("\n│ half an answer")
    });
    assert_eq!(bob.json_one(&["inbox"])["text"], "half an answer");
    // A receipt is no message, and no reason to say that there is none.
    terminal.sees("To bob:");
    terminal.goes_back_to("Conversation with:");
    terminal.goes_back_to("What next?");
    bob.ok(&["inbox"]);
    let all = terminal.quits();
    assert!(!all.contains("No new messages"), "{all}");
    // The first one came while the menu waited. The second one is shown, which tells of it.
    assert_eq!(all.matches("a new message from").count(), 1, "{all}");
    assert!(
        alice.json(&["inbox"]).is_empty(),
        "what was shown in the conversation was shown"
    );
}

#[test]
fn limits_that_are_none_are_said_and_can_be_corrected() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    let mut terminal = menu(&alice);
    terminal.enters("Send a message with");
    terminal.sees("To:");
    terminal.enters("bob");
    terminal.sees("Play limit:");
    for wrong in ["300", "0", "abc", ""] {
        terminal.enters(wrong);
        terminal.sees("a number from 1 to 255\u{1b}[0m");
        terminal.types("\u{15}");
    }
    terminal.enters("2");
    terminal.sees("Can be opened for:");
    for (wrong, said) in [("soon", "write a number and a unit"), ("5s", "a minute at least")] {
        terminal.enters(wrong);
        terminal.sees(said);
        terminal.types("\u{15}");
    }
    terminal.enters("1h");
    terminal.sees("How is it enforced?");
    terminal.enters("");
    terminal.sees("Message to bob:");
    terminal.enters("burn");
    terminal.sees("opens twice");
    let received = bob.json_one(&["inbox"]);
    bob.ok(&["play", received["id"].as_str().unwrap()]);
    // The count is in the menu itself.
    terminal.sees("What next?");
    terminal.enters("Plays");
    terminal.sees("Which one?");
    terminal.enters("");
    terminal.sees("1 of 2 plays used");
    terminal.sees("Take it back?");
    terminal.decides("perhaps");
    terminal.sees("y or n");
    terminal.types("\u{15}");
    terminal.enters("n");
    terminal.sees("What next?");
    terminal.quits();
}

#[test]
fn contacts_are_blocked_and_unblocked_in_the_menu() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    bob.ok(&["inbox"]);
    let mut terminal = menu(&alice);
    for (choice, state) in [("Block", "BLOCKED"), ("Unblock", "not verified")] {
        terminal.enters("Contacts");
        terminal.sees("Contact:");
        terminal.enters("bob");
        terminal.sees("What now?");
        terminal.may_choose();
        terminal.enters(choice);
        terminal.sees(state);
        terminal.sees("What next?");
    }
    terminal.quits();
    assert!(alice.json_one(&["contacts"]).get("blocked").is_none());
}

/// Somebody who floods need not be known.
#[test]
fn somebody_who_is_no_contact_is_blocked_in_the_menu() {
    let stage = Stage::new();
    let (alice, _bob) = (stage.register("alice"), stage.register("bob"));
    let mut terminal = menu(&alice);
    terminal.enters("Contacts");
    terminal.sees("Contact:");
    terminal.enters("block someone");
    terminal.sees("Block whom?");
    terminal.enters("nobody");
    terminal.sees("error:");
    terminal.looks("what was typed", |screen| screen.contains("? Block whom? nobody\n"));
    terminal.types("\u{15}");
    terminal.enters("bob");
    terminal.sees("What now?");
    terminal.may_choose();
    terminal.enters("Block");
    terminal.sees("BLOCKED");
    terminal.sees("What next?");
    terminal.quits();
    assert!(alice.fails(5, &["send", "bob", "hi"]).contains("blocked"));
}

/// What was written is not lost by Ctrl-C while it is sent.
#[test]
fn a_message_that_was_broken_off_is_still_there_in_the_menu() {
    let stage = Stage::new();
    let (mut alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    bob.ok(&["inbox"]);
    let nothing = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = stage.silent_line();
    // Before it is on its way: it can be sent again.
    alice.url = format!("http://{}", nothing.local_addr().unwrap());
    let mut terminal = menu(&alice);
    terminal.enters("Send a message");
    terminal.sees("To:");
    terminal.enters("bob");
    terminal.sees("Message to bob:");
    terminal.enters("not yet");
    terminal.sees("sending …");
    terminal.sends(Signal::INT);
    terminal.sees("Nothing was sent");
    terminal.sees("not yet");
    terminal.presses_ctrl_c();
    terminal.sees("What next?");
    terminal.enters("Quit");
    terminal.sees("Throw it away and quit?");
    terminal.decides("y");
    assert_eq!(terminal.ends().0.code(), Some(0));
    // On its way: not again.
    alice.url = silent.url();
    let mut terminal = menu(&alice);
    terminal.enters("Send a message");
    terminal.sees("To:");
    terminal.enters("bob");
    terminal.sees("Message to bob:");
    terminal.enters("on its way");
    takes_a_message(&silent);
    terminal.sees("sending …");
    terminal.sends(Signal::INT);
    terminal.sees("kept here");
    terminal.sees("1 waiting for the relay");
    terminal.sees("What next?");
    terminal.quits();
}

#[test]
fn a_search_without_a_match_says_so() {
    let stage = Stage::new();
    let alice = stage.register("alice");
    let mut terminal = menu(&alice);
    terminal.types("xyz");
    terminal.sees("Nothing here matches");
    terminal.types("\u{15}");
    terminal.sees("Quit");
    terminal.quits();
}

/// Commands belong to a shell; and a hint there names the home that it is about.
#[test]
fn the_menu_names_no_commands_and_commands_name_their_home() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    bob.ok(&["send", "alice", "hello"]);
    bob.ok(&["send", "alice", "once", "--plays", "2"]);
    let mut terminal = menu(&alice);
    terminal.enters("Inbox");
    terminal.sees("Open a limited message?");
    terminal.presses_escape();
    terminal.sees("What next?");
    terminal.enters("Conversations");
    terminal.sees("Conversation with:");
    terminal.enters("bob");
    terminal.sees("To bob:");
    terminal.goes_back_to("Conversation with:");
    terminal.goes_back_to("What next?");
    terminal.enters("Settings");
    terminal.sees("Settings:");
    terminal.enters("Gate keys");
    terminal.sees("Gate keys:");
    terminal.goes_back_to("Settings:");
    terminal.goes_back_to("What next?");
    for (entry, question) in [
        ("Send a message with", "To:"),
        ("Contacts", "Contact:"),
        ("Plays", "You sent no limited message"),
        ("Keys", "Keys:"),
        ("Status", "Status:"),
    ] {
        terminal.enters(entry);
        terminal.sees(question);
        if question.ends_with(':') {
            terminal.presses_escape();
        }
        terminal.sees("What next?");
    }
    let all = terminal.quits();
    assert!(all.contains("wrote for the first time"), "{all}");
    assert!(all.contains("limited: opens twice"), "{all}");
    assert!(!all.contains("latchkey ") && !all.contains(" --"), "{all}");

    let carol = stage.register("carol");
    carol.ok(&["send", "alice", "hello"]);
    let home = alice.home.display().to_string();
    let answer = alice
        .command(&["--home", &home, "inbox"])
        .env_remove("LATCHKEY_HOME")
        .output()
        .unwrap();
    let error = String::from_utf8(answer.stderr).unwrap();
    assert!(
        error.contains(&format!("latchkey --home {home} safety-number carol")),
        "{error}"
    );
    carol.ok(&["send", "alice", "again", "--plays", "1"]);
    let shown = alice.ok(&["inbox"]).out;
    assert!(
        shown.contains("to open it: latchkey play "),
        "the environment has the home: {shown}"
    );
}

#[test]
fn a_recipient_that_cannot_be_written_to_is_known_before_the_message_is_written() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    let mut terminal = menu(&alice);
    terminal.enters("Send a message");
    terminal.sees("To:");
    for (wrong, said) in [
        ("nobody", "nobody"),
        ("Not A Name", "a user name"),
        ("alice", "your own address"),
    ] {
        terminal.enters(wrong);
        terminal.sees("error:");
        terminal.sees(said);
        // It is there to be corrected, and no answer that Enter alone would give.
        terminal.looks("what was typed", |screen| screen.contains(&format!("? To: {wrong}\n")));
        terminal.sees("To:");
        terminal.types("\u{15}");
    }
    terminal.enters("bbo");
    terminal.sees("error:");
    terminal.looks("what was typed", |screen| screen.contains("? To: bbo\n"));
    // Two keys, and it is right.
    terminal.types("\u{7f}\u{7f}");
    terminal.enters("ob");
    terminal.sees("Message to bob:");
    // What cannot be sent is not lost.
    terminal.pastes(&format!("the beginning {}", "x".repeat(210_000)));
    terminal.sees("xxx");
    terminal.enters("");
    terminal.sees("too long");
    terminal.looks("what was written", |screen| {
        screen.contains("what you wrote is still here") && screen.contains("xxxxxxxx")
    });
    // Ctrl-A, Ctrl-K: it was all in one line.
    terminal.types("\u{1}\u{b}");
    terminal.enters("short");
    terminal.sees("sent to bob");
    terminal.sees("What next?");
    terminal.quits();
    assert_eq!(bob.json_one(&["inbox"])["text"], "short");

    let mut terminal = Terminal::start(alice.command(&["send", "nobody"]));
    terminal.sees("nobody");
    let (status, all) = terminal.ends();
    assert_eq!(status.code(), Some(5));
    assert!(!all.contains("Message"), "{all}");
}

/// A name that no contact has is no dead end.
#[test]
fn a_new_name_can_be_typed_where_contacts_are_listed() {
    let stage = Stage::new();
    let (alice, _bob, carol) = (stage.register("alice"), stage.register("bob"), stage.register("carol"));
    alice.ok(&["send", "bob", "hello"]);
    let mut terminal = menu(&alice);
    terminal.enters("Send a message");
    terminal.sees("To:");
    terminal.types("carol");
    terminal.looks("the way to somebody new", |screen| {
        screen.contains("To: carol") && screen.contains("somebody new") && !screen.contains("Nothing here matches")
    });
    terminal.enters("");
    terminal.looks("what was typed", |screen| {
        screen.contains("a name at this relay") && screen.contains("? To: carol")
    });
    terminal.enters("");
    terminal.sees("Message to carol:");
    terminal.enters("found");
    terminal.sees("sent to carol");
    terminal.sees("What next?");
    terminal.quits();
    assert_eq!(carol.json_one(&["inbox"])["text"], "found");
}

#[test]
fn a_wrong_current_passphrase_is_noticed_before_a_new_one_is_thought_of() {
    let stage = Stage::new();
    let alice = stage.register("alice");
    let mut terminal = menu(&alice);
    terminal.enters("Settings");
    terminal.sees("Settings:");
    terminal.enters("Change the passphrase");
    terminal.sees("Current passphrase:");
    terminal.enters("wrong");
    let between = terminal.sees("wrong passphrase");
    assert!(!between.contains("New passphrase"), "{between}");
    // It is asked for again, hidden.
    terminal.sees("Current passphrase:");
    terminal.enters("mistyped again");
    terminal.sees("wrong passphrase");
    terminal.sees("Current passphrase:");
    terminal.presses_escape();
    terminal.sees("Settings:");
    terminal.presses_escape();
    terminal.sees("What next?");
    let all = terminal.quits();
    assert!(!all.contains("mistyped"), "{all}");
}

fn has_code(screen: &str) -> bool {
    screen.contains(['█', '▀', '▄'])
}

/// Any phone's scanner is to read it, and to show what a person can compare.
#[test]
fn the_code_is_the_sixty_digits_in_black_on_white() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    bob.ok(&["inbox"]);
    let number = alice.json_one(&["safety-number", "bob"])["safety_number"].clone();
    let digits = number.as_str().unwrap().replace(' ', "");
    assert_eq!(digits.len(), 60);
    let code = qrcode::QrCode::new(digits).unwrap();
    let wide = u16::try_from(code.width()).unwrap();

    let mut terminal = at_terminal_sized(&alice, &["verify", "bob"], 60, 100);
    terminal.sees("Passphrase:");
    terminal.enters(PASSPHRASE);
    let text = terminal.looks("the question", |screen| screen.contains("Is it the same"));
    let caption = text
        .lines()
        .position(|line| line.contains("shows the same digits"))
        .unwrap();
    let screen = terminal.cells();
    // Two rows of modules in a line, and four light ones around them all.
    let quiet = 4;
    let first = u16::try_from(caption).unwrap() + 1;
    for y in 0..wide + 2 * quiet {
        for x in 0..wide + 2 * quiet {
            let cell = screen.cell(first + y / 2, x).unwrap();
            assert_eq!(cell.fgcolor(), vt100::Color::Idx(16), "{x}, {y}: {text}");
            assert_eq!(cell.bgcolor(), vt100::Color::Idx(231), "{x}, {y}: {text}");
            let drawn = match cell.contents() {
                "█" => true,
                "▀" => y % 2 == 0,
                "▄" => y % 2 == 1,
                _ => false,
            };
            let inside = |at: u16| (quiet..quiet + wide).contains(&at);
            let dark =
                inside(x) && inside(y) && code[(usize::from(x - quiet), usize::from(y - quiet))] == qrcode::Color::Dark;
            assert_eq!(drawn, dark, "{x}, {y}: {text}");
        }
    }
    terminal.decides("n");
    terminal.ends();

    // As wide as it is, and a column less.
    for (columns, fits) in [(wide + 2 * quiet, true), (wide + 2 * quiet - 1, false)] {
        let terminal = Terminal::start_sized(alice.command(&["safety-number", "bob"]), 60, columns);
        let screen = terminal.ends_with_screen();
        assert!(
            screen.contains(number.as_str().unwrap().split(' ').next_back().unwrap()),
            "{screen}"
        );
        assert_eq!(has_code(&screen), fits, "{columns}: {screen}");
    }

    let mut plain = alice.command(&["safety-number", "bob"]);
    plain.env("NO_COLOR", "1");
    let (_, all) = Terminal::start(plain).ends();
    assert!(all.contains("Safety number") && !has_code(&all), "{all}");
}

#[test]
fn the_digits_are_before_the_eyes_at_the_question_and_a_code_only_where_it_fits() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    bob.ok(&["inbox"]);
    let number = alice.json_one(&["safety-number", "bob"])["safety_number"].clone();
    let number = number.as_str().unwrap();
    for (rows, columns, code) in [(24, 80, false), (24, 40, false), (60, 40, true), (60, 100, true)] {
        let mut terminal = at_terminal_sized(&alice, &["verify", "bob"], rows, columns);
        terminal.sees("Passphrase:");
        terminal.enters(PASSPHRASE);
        let screen = terminal.looks("the question", |screen| screen.contains("Is it the same"));
        for group in number.split(' ') {
            assert!(screen.contains(group), "{rows} × {columns}: {screen}");
        }
        assert_eq!(has_code(&screen), code, "{rows} × {columns}: {screen}");
        terminal.decides("n");
        assert_eq!(terminal.ends().0.code(), Some(0));

        let mut terminal = at_terminal_sized(&alice, &[], rows, columns);
        terminal.sees("Passphrase:");
        terminal.enters(PASSPHRASE);
        terminal.sees("What next?");
        terminal.enters("Contacts");
        terminal.sees("Contact:");
        terminal.enters("bob");
        let screen = terminal.looks("the question", |screen| screen.contains("What now?"));
        for group in number.split(' ') {
            assert!(screen.contains(group), "{rows} × {columns}: {screen}");
        }
        assert_eq!(has_code(&screen), code, "{rows} × {columns}: {screen}");
        terminal.sees("What now?");
        terminal.goes_back_to("Contact:");
        terminal.goes_back_to("What next?");
        terminal.quits();
    }
}

#[test]
fn deleting_unread_mail_is_asked_about_on_a_terminal() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "unread"]);
    let mut terminal = Terminal::start(bob.command(&["clear-inbox"]));
    terminal.sees("(y/N)");
    terminal.decides("");
    terminal.sees("Nothing was deleted");
    assert_eq!(terminal.ends().0.code(), Some(0));
    let terminal = Terminal::start(bob.command(&["clear-inbox", "--yes"]));
    let (status, all) = terminal.ends();
    assert!(status.success() && all.contains("1 message deleted"), "{all}");
}

fn shows(screen: &str, text: &str) -> bool {
    screen.lines().any(|row| row == format!("│ {text}"))
}

/// What came is before the eyes of who chose to read it, however much it is and however small the screen, and what was not shown stays unread.
#[test]
fn an_inbox_that_is_longer_than_the_screen_is_shown_in_parts() {
    const MESSAGES: usize = 9;
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    // The last but one alone fills more than a screen.
    let long = (0..40).map(|row| format!("row {row}.")).collect::<Vec<_>>().join("\n");
    for number in 0..MESSAGES {
        let text = if number == MESSAGES - 2 {
            long.clone()
        } else {
            format!("text {number}.")
        };
        bob.ok(&["send", "alice", &text]);
    }
    let all: Vec<String> = (0..MESSAGES)
        .filter(|number| *number != MESSAGES - 2)
        .map(|number| format!("text {number}."))
        .chain((0..40).map(|row| format!("row {row}.")))
        .collect();
    for (rows, columns) in [(24, 80), (20, 40)] {
        let mut terminal = menu_sized(&alice, rows, columns);
        terminal.sees(&format!("Inbox ({MESSAGES} unread)"));
        terminal.enters("Inbox");
        // One looks at the first part and leaves: the rest is unread.
        let first = terminal.looks("the first part", |screen| screen.contains("Inbox: more is there"));
        assert!(shows(&first, "text 0.") && !shows(&first, "text 8."), "{first}");
        terminal.presses_escape();
        let screen = terminal.looks("the menu", |screen| screen.contains("? What next?"));
        terminal.sees("Inbox: more is there");
        terminal.sees("What next?");
        let left: usize = screen
            .rsplit_once("Inbox (")
            .and_then(|(_, left)| left.split(' ').next()?.parse().ok())
            .unwrap();
        assert!(0 < left && left < MESSAGES, "{screen}");

        let mut seen: Vec<&String> = all.iter().filter(|text| shows(&first, text)).collect();
        terminal.enters("Inbox");
        loop {
            // Each part stands between a question that was answered and another, which ends with its help.
            terminal.sees("Inbox: ");
            terminal.sees("Arrows move");
            let screen = terminal.screen();
            seen.extend(all.iter().filter(|text| shows(&screen, text)));
            if !screen.contains("? Inbox: more is there") {
                break;
            }
            terminal.types("\r");
        }
        for text in &all {
            assert!(seen.contains(&text), "{text} was at no time before the eyes");
        }
        terminal.sends(Signal::TERM);
        terminal.ends();
        assert!(alice.json(&["inbox"]).is_empty(), "what was shown is seen");
        for number in 0..MESSAGES {
            let text = if number == MESSAGES - 2 {
                long.clone()
            } else {
                format!("text {number}.")
            };
            bob.ok(&["send", "alice", &text]);
        }
    }
}
