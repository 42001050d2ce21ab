//! `cargo xtask demo`: two people talk through a relay that cannot read them, with the programs that a user would run.
//!
//! What people type and see is printed as it is. After each step the same is asked for once more as JSON and checked, so the story ends early and
//! the exit code is not zero when anything is other than it should be.

mod person;
mod place;

use anyhow::{Context, Result, bail, ensure};
use person::{Person, text};
use place::Place;

use crate::out;

const HELLO: &str = "Hello Bob, are you there?";
const ANSWER: &str = "Here I am. Is this really you?";
const SECRET: &str = "The key is under the third flowerpot.";
const HIDDEN: &str = "The spare key is with the baker.";

/// How often the limited message may be opened.
const PLAYS: u64 = 2;

/// The exit code with which the client says that a message opens no more.
const EXIT_PLAY_LIMIT: i32 = 7;

/// Digits of an id that tell it from the few others there are.
const SHORT_ID: usize = 8;

/// How long an inbox waits for mail that is there already: one delivery, on any machine.
const WAIT: &str = "20";

/// Tells the story.
///
/// # Errors
/// When a program fails or something unexpected is seen.
pub fn run(keep: bool) -> Result<()> {
    let place = Place::build(keep)?;
    let outcome = tell(&place);
    match place.leave() {
        Some(kept) => out::line(&format!("\nKept: {}", kept.display())),
        None => out::line("\nThe relay is stopped and everything it and they kept is gone."),
    }
    outcome.context("the demo did not go as it should")
}

fn tell(place: &Place) -> Result<()> {
    out::line("Two people and a relay that cannot read them.");
    out::line(&format!(
        "The relay listens on {}; it and both clients start with nothing.",
        place.url()
    ));
    out::line("(Every command also names a home, the relay and a passphrase file: left out here.)");
    let (alice, bob) = (Person::new("alice", place)?, Person::new("bob", place)?);

    scene("Both claim a name. The relay sees public keys and a proof that each holds the private ones.");
    alice.types(&["register", "alice"])?;
    bob.types(&["register", "bob"])?;

    scene("Alice writes first. Her client fetches Bob's keys, checks them and pins his identity.");
    alice.types(&["send", "bob", HELLO])?;
    bob.types(&["inbox", "--wait", WAIT])?;
    let heard = bob.last_message("alice")?;
    ensure!(
        text(&heard, "text")? == HELLO,
        "Bob did not receive what Alice wrote: {heard}"
    );

    scene("Bob answers.");
    bob.types(&["send", "alice", ANSWER])?;
    alice.types(&["inbox", "--wait", WAIT])?;
    let heard = alice.last_message("bob")?;
    ensure!(
        text(&heard, "text")? == ANSWER,
        "Alice did not receive what Bob wrote: {heard}"
    );

    scene("They compare safety numbers, by telephone say, and note that they are the same.");
    alice.types(&["safety-number", "bob"])?;
    bob.types(&["safety-number", "alice"])?;
    let (hers, his) = (alice.safety_number("bob")?, bob.safety_number("alice")?);
    ensure!(hers == his, "the safety numbers differ: {hers} and {his}");
    alice.types(&["verify", "bob", "--yes"])?;
    bob.types(&["verify", "alice", "--yes"])?;
    for (person, peer) in [(&alice, "bob"), (&bob, "alice")] {
        let standing = person.standing(peer)?;
        ensure!(standing == "verified", "{peer} is {standing} to {}", person.name);
    }

    scene(
        "Alice sends something that opens twice. The relay holds half of its key and gives it out one play at a time.",
    );
    alice.types(&["send", "bob", SECRET, "--plays", &PLAYS.to_string()])?;
    bob.types(&["inbox", "--wait", WAIT])?;
    let limited = bob.last_message("alice")?;
    ensure!(
        limited.get("text").is_none(),
        "a limited message arrived in the clear: {limited}"
    );
    ensure!(
        limited["limited"]["limit"] == PLAYS && limited["limited"]["used"] == 0,
        "not the limit it should be: {limited}"
    );
    // As people do: the beginning of the id is enough.
    let id = text(&limited, "id")?.chars().take(SHORT_ID).collect::<String>();
    for play in 1..=PLAYS {
        let said = bob.types(&["play", &id])?;
        ensure!(said.contains(SECRET), "play {play} did not show the message");
    }
    scene("A third time it does not open, for anyone.");
    let said = bob.ends_with(&["play", &id], EXIT_PLAY_LIMIT)?;
    ensure!(!said.contains(SECRET), "the message was shown once more than allowed");
    let spent = bob.last_message("alice")?;
    ensure!(spent["limited"]["used"] == PLAYS, "not all plays are noted: {spent}");
    let sent = alice.last_message("bob")?;
    alice.types(&["plays", &text(&sent, "id")?.chars().take(SHORT_ID).collect::<String>()])?;

    oblivious(&alice, &bob)?;

    scene("What the relay knows:");
    alice.types(&["status"])?;
    place.stop();
    for sentence in [HELLO, ANSWER, SECRET, HIDDEN] {
        if let Some(file) = place.file_with(sentence)? {
            bail!("{} holds \"{sentence}\" in the clear", file.display());
        }
    }
    out::line("\nNo file of the relay, and none of theirs, holds a word of it in the clear.");
    Ok(())
}

/// The same limit in the mode in which the relay does not know it.
fn oblivious(alice: &Person, bob: &Person) -> Result<()> {
    scene(
        "Once more, obliviously: the relay gets the limit as a ciphertext and computes on it. Alice's client makes a gate key first, and uploads it: a matter of seconds, once in 90 days.",
    );
    alice.types(&["send", "bob", HIDDEN, "--plays", &PLAYS.to_string(), "--oblivious"])?;
    bob.types(&["inbox", "--wait", WAIT])?;
    let limited = bob.last_message("alice")?;
    ensure!(
        limited["limited"]["mode"] == "oblivious" && limited["limited"]["used"] == 0,
        "not the limit it should be: {limited}"
    );
    let id = text(&limited, "id")?.chars().take(SHORT_ID).collect::<String>();
    for play in 1..=PLAYS {
        let said = bob.types(&["play", &id])?;
        ensure!(said.contains(HIDDEN), "play {play} did not show the message");
    }
    scene(
        "A third time it does not open. That Bob's client has found out by itself: the relay cannot tell this answer from the others.",
    );
    let said = bob.ends_with(&["play", &id], EXIT_PLAY_LIMIT)?;
    ensure!(!said.contains(HIDDEN), "the message was shown once more than allowed");
    scene("Alice's client decrypts the count. The relay knows that three requests came.");
    let said = alice.types(&["plays", &id])?;
    ensure!(said.contains("seen 2 of 2"), "not the count it should be: {said}");
    Ok(())
}

fn scene(text: &str) {
    out::line(&format!("\n— {text}"));
}
