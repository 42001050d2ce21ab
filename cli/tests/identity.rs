//! Somebody else speaks in a contact's name: the program stops, says so, and leaves the choice to the user.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;
#[cfg(unix)]
#[path = "support/terminal.rs"]
mod terminal;

use protocol::address::Address;
use protocol::content::{Body, Content, ContentId};
use protocol::party::Party;
use support::Stage;
use testkit::clock::now;
use testkit::user::Raw;

/// Writes to alice as bob, with keys that are not bob's.
async fn forge(url: &str, text: &str) {
    let (alice, bob) = (
        Address::parse("alice@localhost").unwrap(),
        Address::parse("bob@localhost").unwrap(),
    );
    let mut raw = Raw::register(url, "mallory", 7, now()).await;
    let mut party = Party::generate(bob, &mut raw.rng);
    party.publication(None, false, now(), &mut raw.rng).unwrap();
    let bundle = raw.fetch(&alice).await;
    party.start(&bundle, now(), &mut raw.rng).unwrap();
    let content = Content {
        id: ContentId::random(&mut raw.rng),
        sent_at: now(),
        body: Body::Text(text.to_owned()),
    };
    let sealed = party.send(&alice, &content, now(), &mut raw.rng).unwrap();
    raw.deposit(&alice, sealed.envelope).await;
}

#[test]
fn a_changed_identity_is_6_until_it_was_accepted() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    bob.ok(&["inbox"]);
    alice.ok(&["verify", "bob", "--yes"]);
    let before = alice.json_one(&["safety-number", "bob"])["safety_number"].clone();
    tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(forge(&stage.url, "it is me, bob"));

    let inbox = alice.ok(&["--json", "inbox"]);
    assert!(inbox.out.is_empty(), "nothing of it is shown: {inbox:?}");
    assert!(inbox.err.contains("identity of bob@localhost has changed"), "{inbox:?}");
    let error = alice.fails(6, &["send", "bob", "secret"]);
    assert!(error.contains("latchkey verify bob --accept"), "{error}");
    alice.fails(6, &["verify", "bob", "--yes"]);
    let contact = alice.json_one(&["contacts"]);
    assert_eq!(contact["standing"], "changed");
    assert_ne!(contact["offered"], contact["fingerprint"]);
    let offered = alice.json_one(&["safety-number", "bob"])["safety_number"].clone();
    assert_ne!(offered, before);

    // The user's choice. Accepted is not verified, and what waited is shown.
    let accepted = alice.json_one(&["verify", "bob", "--accept", "--yes"]);
    assert_eq!(accepted["standing"], "unverified");
    assert_eq!(accepted["safety_number"], offered);
    assert_eq!(alice.json_one(&["inbox"])["text"], "it is me, bob");
    // The relay still hands out the real bob's keys: that is a change again, and again nothing is sent.
    assert_eq!(alice.json_one(&["contacts"])["standing"], "changed");
    assert_eq!(alice.json_one(&["safety-number", "bob"])["safety_number"], before);
    let error = alice.fails(6, &["send", "bob", "secret"]);
    assert!(error.contains("latchkey reject-identity bob"), "{error}");
}

#[test]
fn another_identity_can_be_rejected() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    bob.ok(&["inbox"]);
    alice.ok(&["verify", "bob", "--yes"]);
    alice.fails(1, &["reject-identity", "bob"]);
    tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(forge(&stage.url, "it is me, bob"));
    alice.ok(&["inbox"]);
    alice.fails(6, &["send", "bob", "secret"]);
    let kept = alice.json_one(&["reject-identity", "bob"]);
    assert_eq!(kept["standing"], "verified");
    assert!(kept.get("offered").is_none());
    alice.ok(&["send", "bob", "for bob"]);
    assert_eq!(bob.json_one(&["inbox"])["text"], "for bob");
    assert!(alice.json(&["inbox"]).is_empty(), "what the other sent is gone");
    assert_eq!(alice.json_one(&["status"])["quarantined"], 0);
}

#[test]
fn a_new_identity_of_ones_own_is_followed_and_compared_again() {
    let stage = Stage::new();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| stage.register(name));
    for person in [&bob, &carol] {
        person.ok(&["send", "alice", "hello"]);
        alice.ok(&["inbox"]);
    }
    alice.ok(&["send", "bob", "hi"]);
    bob.ok(&["inbox"]);
    bob.ok(&["verify", "alice", "--yes"]);
    let before = bob.json_one(&["safety-number", "alice"])["safety_number"].clone();

    // Never without a word.
    let error = alice.fails(2, &["rotate-identity"]);
    assert!(error.contains("--yes"), "{error}");
    let old = alice.json_one(&["keys"])["fingerprint"].clone();
    let rotated = alice.json_one(&["rotate-identity", "--yes"]);
    assert_eq!(rotated["identity"], "replaced");
    assert_eq!(rotated["address"], "alice@localhost");
    assert_ne!(rotated["fingerprint"], old);
    assert_eq!(alice.json_one(&["keys"])["fingerprint"], rotated["fingerprint"]);
    alice.ok(&["send", "bob", "it is me"]);
    alice.ok(&["send", "carol", "it is me"]);

    // Who had not compared goes on; who had is asked to do it again, and reads meanwhile.
    let inbox = carol.ok(&["inbox"]);
    assert!(
        inbox.out.contains("it is me") && inbox.err.contains("has a new identity"),
        "{inbox:?}"
    );
    carol.ok(&["send", "alice", "so it is"]);
    let inbox = bob.ok(&["inbox"]);
    assert!(inbox.out.contains("it is me"), "{inbox:?}");
    assert!(inbox.err.contains("latchkey verify alice"), "{inbox:?}");
    let contact = bob.json_one(&["contacts"]);
    assert_eq!(
        (&contact["standing"], &contact["verified"]),
        (&"succeeded".into(), &old)
    );
    let error = bob.fails(6, &["send", "alice", "secret"]);
    assert!(error.contains("latchkey safety-number alice"), "{error}");
    let number = bob.json_one(&["safety-number", "alice"])["safety_number"].clone();
    assert_ne!(number, before);
    assert_eq!(number, alice.json_one(&["safety-number", "bob"])["safety_number"]);
    assert_eq!(bob.json_one(&["verify", "alice", "--yes"])["standing"], "verified");
    bob.ok(&["send", "alice", "secret"]);
    let got: Vec<String> = alice
        .json(&["inbox"])
        .iter()
        .map(|message| message["text"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(got, ["so it is", "secret"]);
}

/// Which messages go to a new identity is said before it is accepted, and what was sent shows as such in the history.
#[test]
fn what_goes_to_an_accepted_identity_is_named_by_count_id_and_first_words() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    bob.ok(&["inbox"]);
    bob.ok(&["send", "alice", "hi"]);
    alice.ok(&["inbox"]);
    let long = format!("on its way {}", "and on ".repeat(20));
    let first = alice.json_one(&["send", "bob", &long])["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let second = alice.json_one(&["send", "bob", "the second\nof two"])["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let history = alice.ok(&["history"]).out;
    let heads: Vec<&str> = history.lines().filter(|line| line.starts_with("you to bob")).collect();
    assert_eq!(heads.len(), 3, "{history}");
    assert!(heads[0].contains(", delivered, "), "{history}");
    assert!(heads[1..].iter().all(|line| line.contains(", sent, ")), "{history}");

    tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(forge(&stage.url, "it is me, bob"));
    alice.ok(&["inbox"]);
    // The same decision in a copy, for a program.
    let program = stage.person("copy-of-alice");
    std::fs::create_dir(&program.home).unwrap();
    for file in std::fs::read_dir(&alice.home).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), program.home.join(file.file_name())).unwrap();
    }
    let said = program.ok(&["--json", "verify", "bob", "--accept", "--yes"]).err;
    let notes: Vec<serde_json::Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let named = notes.iter().find_map(|note| note.get("goes_to_new_identity"));
    assert_eq!(named, Some(&serde_json::json!([first, second])), "{said}");

    let accepted = alice.ok(&["verify", "bob", "--accept", "--yes"]);
    assert!(
        accepted.err.contains(
            "2 messages to bob@localhost may not have arrived, and go to the new identity when it is accepted"
        ),
        "{accepted:?}"
    );
    for (id, words) in [(&first, "on its way and on"), (&second, "the second")] {
        let line = accepted.err.lines().find(|line| line.contains(&id[..8]));
        assert!(line.is_some_and(|line| line.contains(words)), "{words}: {accepted:?}");
    }
    assert!(!accepted.err.contains("hello"), "that arrived: {accepted:?}");
    assert!(!accepted.err.contains(long.trim_end()), "not the whole: {accepted:?}");
}

#[cfg(unix)]
#[test]
fn another_identity_is_accepted_by_no_key_that_was_typed_before() {
    use terminal::{DOWN, Terminal, menu};
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    bob.ok(&["inbox"]);
    tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(forge(&stage.url, "it is me, bob"));
    alice.ok(&["inbox"]);
    let changed = alice.json_one(&["contacts"]);
    assert_eq!(changed["standing"], "changed", "the control");

    let mut terminal = menu(&alice);
    terminal.enters("Contacts");
    terminal.sees("Contact:");
    // Ahead, and as soon as the question is there.
    terminal.types(&format!("bob\r{DOWN}\r"));
    terminal.sees("Read it first");
    terminal.types(&format!("{DOWN}\r"));
    terminal.may_choose();
    terminal.looks("the question", |screen| screen.contains("> Decide later"));
    terminal.goes_back_to("Contact:");
    terminal.goes_back_to("What next?");
    terminal.quits();

    let mut terminal = Terminal::start(alice.command(&["verify", "bob", "--accept"]));
    terminal.types("y\r");
    terminal.sees("Read it first");
    terminal.types("y\r");
    terminal.decides("");
    terminal.sees("Nothing was changed");
    assert_eq!(terminal.ends().0.code(), Some(0));
    assert_eq!(alice.json_one(&["contacts"]), changed);
}
