//! The whole story by command: what a script sees.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use serde_json::{Value, json};
use support::{Answer, Stage, prints_what_help_lists, write_file};

fn keys(object: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn two_people_register_verify_and_talk() {
    let stage = Stage::new();
    let alice = stage.person("alice");
    let registered = alice.json_one(&["register", "alice"]);
    assert_eq!(registered["address"], "alice@localhost");
    assert_eq!(registered["fingerprint"].as_str().unwrap().len(), 64);
    let bob = stage.register("bob");

    let sent = alice.json_one(&["send", "bob", "hello bob"]);
    assert_eq!(sent["state"], "sent");
    assert_eq!(sent["to"], "bob@localhost");
    assert_eq!(sent["first_contact"], true);
    let received = bob.json_one(&["inbox"]);
    assert_eq!(keys(&received), ["from", "id", "sent_at", "text"]);
    assert_eq!(received["from"], "alice@localhost");
    assert_eq!(received["text"], "hello bob");
    assert_eq!(received["id"], sent["id"]);
    assert!(bob.json(&["inbox"]).is_empty(), "shown once");

    // The same number at both ends, and the one that the first message showed.
    let number = alice.json_one(&["safety-number", "bob"]);
    assert_eq!(number["safety_number"], sent["safety_number"]);
    assert_eq!(
        number["safety_number"],
        bob.json_one(&["safety-number", "alice"])["safety_number"]
    );
    assert_eq!(number["safety_number"].as_str().unwrap().split(' ').count(), 12);
    assert_eq!(alice.json_one(&["contacts"])["standing"], "unverified");
    assert_eq!(alice.json_one(&["verify", "bob", "--yes"])["standing"], "verified");
    assert_eq!(alice.json_one(&["contacts"])["standing"], "verified");

    // By full address, and from standard input.
    let answer = bob.run_with_input(&["send", "alice@localhost", "-"], "two lines\nof text\n");
    assert_eq!(answer.code, 0, "{answer:?}");
    assert_eq!(alice.json_one(&["inbox"])["text"], "two lines\nof text");

    let history = alice.json(&["history", "bob"]);
    assert_eq!(history.len(), 2);
    assert_eq!(
        (&history[0]["direction"], &history[0]["state"]),
        (&json!("out"), &json!("delivered"))
    );
    assert_eq!(
        (&history[1]["direction"], &history[1]["from"]),
        (&json!("in"), &json!("bob@localhost"))
    );
    assert_eq!(alice.json(&["history", "--limit", "1"]).len(), 1);
    alice.fails(1, &["history", "nobody"]);
}

#[test]
fn a_limited_message_opens_exactly_as_often_as_it_may() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    let sent = alice.json_one(&["send", "bob", "burn after reading", "--plays", "2", "--expires", "7d"]);
    assert_eq!(sent["limited"], json!({ "mode": "counted", "limit": 2 }));
    let id = sent["id"].as_str().unwrap();
    let received = bob.json_one(&["inbox"]);
    assert_eq!(keys(&received), ["from", "id", "limited", "sent_at"]);
    assert_eq!(received["limited"], json!({ "mode": "counted", "limit": 2, "used": 0 }));

    let played = bob.json_one(&["play", id]);
    assert_eq!(keys(&played), ["from", "id", "play", "plays", "text"]);
    assert_eq!(played["text"], "burn after reading");
    assert_eq!((&played["play"], &played["plays"]), (&json!(1), &json!(2)));
    assert_eq!(alice.json_one(&["plays", id])["limited"]["used"], 1);
    // For people: the text alone on standard output, the count beside it; a prefix is enough.
    let Answer { out, err, .. } = bob.ok(&["play", &id[..6]]);
    assert_eq!(out, "burn after reading\n");
    assert!(err.contains("play 2 of 2"), "{err}");
    for _ in 0..2 {
        bob.fails(7, &["play", id]);
    }
    let shown = bob.json(&["history"]);
    assert_eq!(shown[0]["limited"], json!({ "mode": "counted", "limit": 2, "used": 2 }));
    assert_eq!(alice.json_one(&["plays", id])["limited"]["state"], "exhausted");
}

#[test]
fn the_beginning_of_an_id_is_looked_for_among_limited_messages() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    let sent = alice.json_one(&["send", "bob", "limited", "--plays", "1"]);
    let start = &sent["id"].as_str().unwrap()[..1];
    // Ids are random: one of sixteen begins like this.
    let shared = (0..500).any(|n| {
        let plain = alice.json_one(&["send", "bob", &format!("plain {n}")]);
        plain["id"].as_str().unwrap().starts_with(start)
    });
    assert!(shared);
    bob.ok(&["inbox"]);
    assert_eq!(bob.json_one(&["play", start])["text"], "limited");
    assert_eq!(alice.json_one(&["plays", start])["id"], sent["id"]);
    assert_eq!(alice.json_one(&["revoke", start])["id"], sent["id"]);
}

/// With a gate key that is really made and uploaded: the one slow test of this file.
#[test]
fn an_oblivious_message_opens_as_often_as_it_may_and_only_the_two_know() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    assert!(alice.json(&["gate-key"]).is_empty());
    alice.fails(2, &["send", "bob", "no limit", "--oblivious"]);
    let answer = alice.ok(&["send", "bob", "burn after reading", "--plays", "1", "--oblivious"]);
    assert!(
        answer.out.contains("opens once, which the relay does not know"),
        "{answer:?}"
    );
    assert!(
        answer.err.contains("23 MB to upload"),
        "an estimate, also without a terminal: {answer:?}"
    );
    let received = bob.json_one(&["inbox"]);
    assert_eq!(
        received["limited"],
        json!({ "mode": "oblivious", "limit": 1, "used": 0 })
    );
    let id = received["id"].as_str().unwrap();
    let played = bob.json_one(&["play", id]);
    assert_eq!(played["text"], "burn after reading");
    assert_eq!((&played["play"], &played["plays"]), (&json!(1), &json!(1)));
    bob.fails(7, &["play", id]);
    let history = bob.ok(&["history"]).out;
    assert!(
        history.contains("opened once, used up") && !history.contains("latchkey play"),
        "nobody is sent to open what opens no more: {history}"
    );
    let seen = alice.json_one(&["plays", id]);
    assert_eq!(
        (&seen["limited"]["used"], &seen["limited"]["requests"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(
        seen["limited"]["state"], "active",
        "the relay does not know that it is used up"
    );
    assert!(alice.ok(&["plays", id]).out.contains("seen 1 of 1, used up"));
    let key = prints_what_help_lists(&alice, &["gate-key", "status"], &["gate-key", "status"]).remove(0);
    assert_eq!(
        (&key["uploaded"], &key["retired"], &key["contact"]),
        (&json!(true), &json!(false), &json!(null))
    );
    bob.fails(1, &["gate-key", "rotate", "--contact", "nobody"]);
    assert_eq!(alice.json_one(&["revoke", id])["limited"]["state"], "revoked");
    bob.fails(5, &["play", id]);

    assert_eq!(bob.json_one(&["decoys"]), json!({ "decoys": false }));
    assert_eq!(bob.json_one(&["decoys", "on"]), json!({ "decoys": true }));
    assert!(bob.ok(&["decoys", "--help"]).out.contains("never cost a play"));
}

#[test]
fn a_limited_message_can_be_taken_back() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    let id = alice.json_one(&["send", "bob", "oops", "--plays", "9"])["id"]
        .as_str()
        .unwrap()
        .to_owned();
    bob.ok(&["inbox"]);
    let revoked = alice.json_one(&["revoke", &id]);
    assert_eq!(revoked["limited"]["state"], "revoked");
    bob.fails(5, &["play", &id]);
    // Only the sender, and only what is limited.
    bob.fails(1, &["revoke", &id]);
    let plain = alice.json_one(&["send", "bob", "plain"])["id"]
        .as_str()
        .unwrap()
        .to_owned();
    alice.fails(1, &["revoke", &plain]);
    bob.ok(&["inbox"]);
    bob.fails(1, &["play", &plain]);
    bob.fails(1, &["play", "ffffffff-none"]);
}

#[test]
fn keys_status_and_clearing() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    let before = alice.json_one(&["keys"]);
    assert_eq!(before["one_time_left"], 100);
    let after = alice.json_one(&["keys", "rotate"]);
    assert_ne!(after["signed_prekey_id"], before["signed_prekey_id"]);
    assert_eq!(after["fingerprint"], before["fingerprint"]);

    let status = alice.json_one(&["status"]);
    assert_eq!(status["address"], "alice@localhost");
    assert_eq!(status["relay"]["name"], "localhost");
    assert_eq!(status["relay"]["accounts"], 0, "rough: few");
    let text = alice.ok(&["status"]).out;
    assert!(text.contains("alice@localhost") && text.contains(&stage.url), "{text}");

    for n in 0..3 {
        alice.ok(&["send", "bob", &format!("unread {n}")]);
    }
    assert_eq!(bob.json_one(&["clear-inbox", "--yes"]), json!({ "deleted": 3 }));
    assert!(bob.json(&["inbox"]).is_empty());
}

#[test]
fn waiting_ends_when_a_message_comes() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    let waiting = std::thread::spawn(move || bob.json(&["inbox", "--wait", "60"]));
    alice.ok(&["send", "bob", "there you are"]);
    let received = waiting.join().unwrap();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0]["text"], "there you are");
}

#[test]
fn a_message_waits_for_the_relay_and_goes_out_once() {
    let mut stage = Stage::new();
    let (mut alice, mut bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "one"]);
    stage.stop_relay();
    let answer = alice.run(&["--json", "send", "bob", "two"]);
    assert_eq!(answer.code, 4, "{answer:?}");
    let queued: Value = serde_json::from_str(&answer.out).unwrap();
    assert_eq!(queued["state"], "queued");
    let said = alice.fails(4, &["send", "bob", "three"]);
    assert!(said.contains("do not send it again"), "{said}");
    assert!(!said.contains("try again"), "{said}");
    // Status shows what is known without the relay.
    let status = alice.run(&["status"]);
    assert_eq!(status.code, 4);
    assert!(status.out.contains("2 messages waiting for the relay"), "{status:?}");

    // The relay is back, under another address: it is the same by its key.
    stage.restart_relay();
    (alice.url, bob.url) = (stage.url.clone(), stage.url.clone());
    alice.ok(&["inbox"]);
    let texts: Vec<Value> = bob
        .json(&["inbox"])
        .into_iter()
        .map(|message| message["text"].clone())
        .collect();
    assert_eq!(texts, ["one", "two", "three"]);
    assert!(bob.json(&["inbox"]).is_empty());
}

#[test]
fn a_contact_whose_account_was_removed_is_said_to_be_gone() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    bob.ok(&["inbox"]);
    bob.ok(&["send", "alice", "hi"]);
    alice.ok(&["inbox"]);
    stage.remove("bob");
    let said = alice.fails(5, &["send", "bob", "still there?"]);
    assert!(said.contains("no account of bob@localhost any more"), "{said}");
    assert!(!said.contains("spelling"), "{said}");
    // Of a name that was never known here it may be a slip of the finger.
    assert!(alice.fails(5, &["send", "bib", "hello"]).contains("spelling"));
}

#[test]
fn the_passphrase_comes_from_a_file_or_the_environment_and_can_change() {
    let stage = Stage::new();
    let alice = stage.register("alice");
    let file = write_file(stage.dir.path(), "new", "open sesame\nsecond line\n");
    alice.ok(&["passphrase", "--new-passphrase-file", &file]);
    // The environment still has the old one; a file goes before it.
    alice.fails(8, &["contacts"]);
    alice.ok(&["--passphrase-file", &file, "contacts"]);
    alice.fails(2, &["--passphrase-file", "/nonexistent/file", "contacts"]);
}

#[test]
fn a_blocked_contact_is_not_heard_until_unblocked() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    // Nobody he knows, yet.
    assert_eq!(bob.json_one(&["block", "alice"])["blocked"], true);
    let refused = alice.fails(5, &["--json", "send", "bob", "may I?"]);
    for words in [
        "'bob' has little room for senders that it has not answered",
        "as soon as the recipient writes to you or verifies you",
        "tried again with each command that reaches the relay",
        "do not send it again",
    ] {
        assert!(refused.contains(words), "{words}: {refused}");
    }
    assert_eq!(alice.json_one(&["history"])["state"], "queued");
    assert!(bob.json_one(&["unblock", "alice"]).get("blocked").is_none());
    bob.fails(2, &["block", "bob"]);
    alice.json_one(&["send", "bob", "hello"]);
    assert_eq!(bob.json(&["inbox"]).len(), 2, "what waited on her side came");
    alice.json_one(&["send", "bob", "so long"]);
    assert_eq!(bob.json_one(&["block", "alice"])["blocked"], true);
    assert_eq!(bob.json_one(&["contacts"])["blocked"], true);
    assert!(alice.json(&["inbox"]).is_empty());
    alice.fails(5, &["send", "bob", "still there?"]);
    assert!(bob.json(&["inbox"]).is_empty());
    assert!(bob.fails(5, &["send", "alice", "no"]).contains("blocked"));
    assert!(bob.json_one(&["unblock", "alice"]).get("blocked").is_none());
    alice.json_one(&["send", "bob", "and now?"]);
    let heard = bob.json(&["inbox"]);
    let heard: Vec<_> = heard.iter().map(|message| message["text"].as_str().unwrap()).collect();
    assert_eq!(heard, ["still there?", "and now?"]);
    let help = bob.ok(&["block", "--help"]).out;
    assert!(help.contains("dropped after it is opened"), "{help}");
}

#[test]
fn a_delivery_shows_in_the_history_and_to_a_stranger_only_once_answered() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.json_one(&["send", "bob", "hello"]);
    bob.json_one(&["inbox"]);
    bob.json(&["inbox"]);
    assert!(alice.json(&["inbox"]).is_empty());
    assert_eq!(alice.json_one(&["history"])["state"], "sent", "nobody answered yet");
    // The answer itself tells; receipts, which take their time, are told of in the client's own tests.
    bob.json_one(&["send", "alice", "hi"]);
    alice.json_one(&["inbox"]);
    assert_eq!(alice.json(&["history"])[0]["state"], "delivered");
}

#[test]
fn what_contacts_are_told_can_be_chosen() {
    let stage = Stage::new();
    let alice = stage.register("alice");
    let told = |args: &[&str], delivery: bool, read: bool| {
        let now = alice.json_one(args);
        assert_eq!(now, json!({ "delivery": delivery, "read": read }), "{args:?}");
    };
    told(&["receipts"], true, false);
    told(&["receipts", "read", "on"], true, true);
    told(&["receipts", "off"], false, true);
    told(&["receipts", "read"], false, true);
    told(&["receipts", "delivery", "on"], true, true);
    told(&["receipts", "read", "off"], true, false);
    alice.fails(2, &["receipts", "on", "off"]);
    assert!(alice.ok(&["receipts"]).out.contains("read receipts are off"));
}
