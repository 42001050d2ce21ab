//! What comes together is told together, and what one process does in a home shows in another.
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

use support::Stage;
use terminal::menu;

#[test]
fn messages_that_come_together_are_told_in_one_line() {
    let stage = Stage::new();
    let [mut alice, bob, carol] = ["alice", "bob", "carol"].map(|name| stage.register(name));
    for person in [&bob, &carol] {
        person.ok(&["send", "alice", "hello"]);
    }
    alice.ok(&["inbox"]);
    let line = stage.line();
    alice.url = line.url();
    let mut terminal = menu(&alice);
    line.cut();
    terminal.sees("nothing arrives at present");
    for (person, text) in [(&bob, "1"), (&bob, "2"), (&bob, "3"), (&carol, "4"), (&carol, "5")] {
        person.ok(&["send", "alice", text]);
    }
    line.connect_to(stage.addr());
    terminal.sees("5 new messages from bob@localhost, carol@localhost");
    terminal.looks("the count", |screen| screen.contains("Inbox (5 unread)"));
    let all = terminal.quits();
    assert_eq!(all.matches(" from bob@localhost").count(), 1, "{all}");
}

#[test]
fn what_is_sent_one_after_the_other_is_told_in_one_line_too() {
    let stage = Stage::new();
    let [alice, bob] = ["alice", "bob"].map(|name| stage.register(name));
    bob.ok(&["send", "alice", "hello"]);
    alice.ok(&["inbox"]);
    let terminal = menu(&alice);
    stage.waits_for_mail();
    // At once, by three processes.
    std::thread::scope(|scope| {
        for text in ["1", "2", "3"] {
            let bob = &bob;
            scope.spawn(move || bob.ok(&["send", "alice", text]));
        }
    });
    terminal.looks("the count", |screen| screen.contains("Inbox (3 unread)"));
    let all = terminal.quits();
    let told = all.matches(" from bob@localhost").count();
    assert!(told < 3, "{told} notes: {all}");
}

#[test]
fn two_menus_of_one_home_show_the_same_counts() {
    let stage = Stage::new();
    let [alice, bob] = ["alice", "bob"].map(|name| stage.register(name));
    bob.ok(&["send", "alice", "hello"]);
    alice.ok(&["inbox"]);
    let (mut one, two) = (menu(&alice), menu(&alice));
    bob.ok(&["send", "alice", "for both"]);
    for terminal in [&one, &two] {
        terminal.looks("a new message", |screen| screen.contains("Inbox (1 unread)"));
    }
    one.enters("Inbox");
    one.sees("for both");
    // A command in this home, and the other menu, are processes like any other.
    two.looks("the other one has read it", |screen| !screen.contains("(1 unread)"));
    one.quits();
    two.quits();
}
