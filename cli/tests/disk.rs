//! A client whose disk fails at any sync or write of its vault: it says so, sends and acknowledges nothing that is not on the disk, and goes on when the disk
//! does. The disk is a library in front of the system's, built here by the C compiler that the project needs anyway.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::{Answer, Person, Stage, copy_home, write_file};

/// More syncs or writes than a command makes; a story that never comes to its end is a fault of its own.
const LONGEST: usize = 300;

/// Where the disk fails: at each of the first calls, and the further on the more sparsely, so that a hundred writes do not take minutes.
fn points() -> impl Iterator<Item = usize> {
    std::iter::successors(Some(0), |n| Some(n + 1 + n / 8)).take_while(|n| *n < LONGEST)
}

fn failing_disk(dir: &Path) -> PathBuf {
    let library = dir.join("failing_disk.so");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/failing_disk.c"))
        .arg("-ldl")
        .status()
        .unwrap();
    assert!(built.success());
    library
}

/// A command whose disk fails from the n-th call of a kind on.
fn with_failing(person: &Person, library: &Path, kind: &str, n: usize, args: &[&str]) -> Answer {
    let mut command = person.command(&[&["--json"], args].concat());
    command.env("LD_PRELOAD", library);
    command.env("LATCHKEY_TEST_DISK", format!("{kind} {n}"));
    command.output().unwrap().into()
}

fn texts(objects: &[Value]) -> Vec<String> {
    objects
        .iter()
        .filter_map(|object| object["text"].as_str().map(str::to_owned))
        .collect()
}

fn lines(answer: &Answer) -> Vec<Value> {
    answer
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A failure that names the disk. One that cannot be written is told apart from one that fails.
fn said(answer: &Answer, kind: &str, n: usize) {
    assert_eq!(answer.code, 1, "{kind} {n}: {answer:?}");
    let fails = answer.err.contains("database failed") && answer.err.contains("check the disk's space");
    let full = answer.err.contains("its disk is full") && answer.err.contains("Free some space");
    assert!(fails || full, "{kind} {n}: {answer:?}");
    assert!(!full || ["write", "room"].contains(&kind), "{kind} {n}: {answer:?}");
}

/// A failure of a home that is no failure of an account: the same, or a file that could not be opened.
fn named(answer: &Answer, kind: &str, n: usize) {
    assert_eq!(answer.code, 1, "{kind} {n}: {answer:?}");
    let words = ["database failed", "cannot be used", "its disk is full"];
    assert!(
        words.iter().any(|word| answer.err.contains(word)),
        "{kind} {n}: {answer:?}"
    );
    for other in ["no name is registered", "no account", "damaged", "restore"] {
        assert!(!answer.err.contains(other), "{kind} {n}: {answer:?}");
    }
}

/// One message for each point at which the disk can fail while it is received.
fn receive(kind: &str) -> usize {
    let stage = Stage::new();
    let library = failing_disk(stage.dir.path());
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    bob.ok(&["inbox"]);
    for (round, n) in points().enumerate() {
        let text = format!("message {n}");
        alice.ok(&["send", "bob", &text]);
        let answer = with_failing(&bob, &library, kind, n, &["inbox"]);
        let first = texts(&lines(&answer));
        // A disk that works again: whatever was not shown to the end is shown, and the relay has not forgotten what was not kept.
        let again = texts(&bob.json(&["inbox"]));
        if answer.code == 0 && again.is_empty() {
            assert_eq!(first, [text], "{kind} {n}");
            let all = bob.json(&["history", "--limit", "1000"]);
            let kept = all.iter().filter(|object| object["direction"] == "in").count();
            assert_eq!(kept, round + 2, "each is kept once");
            return n;
        }
        said(&answer, kind, n);
        // Shown twice when noting that it was shown is what failed; not once too few.
        let shown = [first, again].concat();
        assert!(
            !shown.is_empty() && shown.iter().all(|shown| *shown == text),
            "{kind} {n}: {shown:?}"
        );
    }
    panic!("{kind}: it never ended");
}

/// One message for each point at which the disk can fail while it is sent.
fn send(kind: &str) -> usize {
    let stage = Stage::new();
    let library = failing_disk(stage.dir.path());
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    bob.ok(&["inbox"]);
    alice.ok(&["inbox"]);
    let mut received = vec!["hello".to_owned()];
    let (mut unnoted, mut not_kept) = (0, 0);
    for n in points() {
        let text = format!("message {n}");
        let answer = with_failing(&alice, &library, kind, n, &["send", "bob", &text]);
        if answer.code != 0 {
            said(&answer, kind, n);
        }
        // What was kept is sent in the next round; what was not kept has not left.
        alice.ok(&["inbox"]);
        received.extend(texts(&bob.json(&["inbox"])));
        let history = alice.json(&["history", "--limit", "1000"]);
        let sent: Vec<Value> = history
            .into_iter()
            .filter(|object| object["direction"] == "out")
            .collect();
        assert_eq!(received, texts(&sent), "{kind} {n}: {answer:?}");
        if answer.code == 0 {
            assert!(received.contains(&text), "{kind} {n}: said to be sent");
            if answer.err.is_empty() {
                assert!(unnoted > 0, "{kind}: the relay never had it while the disk failed");
                assert!(not_kept > 0, "{kind}: it never failed before the message was kept");
                return n;
            }
            // The relay has it, and the disk failed after that: said as it is, so that nobody sends it twice.
            unnoted += 1;
            assert!(
                answer.err.contains("the relay has this message"),
                "{kind} {n}: {answer:?}"
            );
        } else if received.contains(&text) {
            assert!(
                answer.err.contains("kept") && answer.err.contains("do not send it again"),
                "{kind} {n}: {answer:?}"
            );
        } else if answer.err.contains("was not sent, and it is not kept") {
            not_kept += 1;
        }
    }
    panic!("{kind}: it never ended");
}

/// What the relay has done and could not be noted is not said to have failed.
#[test]
fn a_full_disk_behind_the_relay_does_not_hide_what_the_relay_has_done() {
    let stage = Stage::new();
    let library = failing_disk(stage.dir.path());
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    bob.ok(&["inbox"]);
    let mut done = 0;
    let cleared = points().find(|n| {
        let text = format!("message {n}");
        alice.ok(&["send", "bob", &text]);
        let answer = with_failing(&bob, &library, "write", *n, &["clear-inbox", "--yes"]);
        let gone = bob.json(&["inbox"]).is_empty();
        if answer.code == 0 {
            assert!(gone, "{n}: {answer:?}");
            return true;
        }
        said(&answer, "write", *n);
        assert_eq!(answer.err.contains("the relay has done it"), gone, "{n}: {answer:?}");
        done += usize::from(gone);
        false
    });
    assert!(cleared.is_some() && done > 0, "{cleared:?} {done}");

    let mut done = 0;
    let revoked = points().find(|n| {
        let id = alice.json_one(&["send", "bob", "once", "--plays", "1"])["id"].clone();
        let id = id.as_str().unwrap();
        bob.ok(&["inbox"]);
        let answer = with_failing(&alice, &library, "write", *n, &["revoke", id]);
        let gone = bob.run(&["play", id]).code != 0;
        if answer.code == 0 {
            assert!(gone, "{n}: {answer:?}");
            return true;
        }
        said(&answer, "write", *n);
        assert_eq!(answer.err.contains("the relay has done it"), gone, "{n}: {answer:?}");
        done += usize::from(gone);
        false
    });
    assert!(revoked.is_some() && done > 0, "{revoked:?} {done}");

    let mut done = 0;
    // A hundred keys are hundreds of writes.
    let mut sparsely = std::iter::successors(Some(0), |n| Some(n + 1 + n / 3)).take_while(|n| *n < 10 * LONGEST);
    let rotated = sparsely.find(|n| {
        let present = |person: &Person| person.json_one(&["keys"])["signed_prekey_id"].clone();
        let before = present(&alice);
        let answer = with_failing(&alice, &library, "write", *n, &["keys", "rotate"]);
        let gone = present(&alice) != before;
        if answer.code == 0 {
            assert!(gone, "{n}: {answer:?}");
            return true;
        }
        said(&answer, "write", *n);
        assert_eq!(answer.err.contains("the relay has done it"), gone, "{n}: {answer:?}");
        done += usize::from(gone);
        false
    });
    assert!(rotated.is_some() && done > 0, "{rotated:?} {done}");

    let blocked = points().find(|n| {
        let answer = with_failing(&bob, &library, "write", *n, &["block", "alice"]);
        let contact = bob.json_one(&["contacts"]);
        assert_eq!(contact["blocked"] == true, answer.code == 0, "{n}: {answer:?}");
        if answer.code != 0 {
            said(&answer, "write", *n);
        }
        bob.ok(&["unblock", "alice"]);
        answer.code == 0 && answer.err.is_empty()
    });
    assert!(blocked.is_some());
}

#[test]
fn a_failed_sync_while_receiving_is_said_and_loses_nothing() {
    assert!(receive("sync") >= 3);
}

#[test]
fn a_full_disk_while_receiving_is_said_and_loses_nothing() {
    assert!(receive("write") >= 3);
}

#[test]
fn a_failed_sync_while_sending_is_said_and_what_left_was_kept() {
    assert!(send("sync") >= 2);
}

#[test]
fn a_full_disk_while_sending_is_said_and_what_left_was_kept() {
    assert!(send("write") >= 2);
}

#[test]
fn a_disk_that_cannot_be_read_is_not_a_lost_account() {
    for kind in ["read", "open"] {
        let stage = Stage::new();
        let library = failing_disk(stage.dir.path());
        let alice = stage.register("alice");
        let failed = points()
            .take_while(|n| {
                let answer = with_failing(&alice, &library, kind, *n, &["inbox"]);
                if answer.code == 0 {
                    return false;
                }
                named(&answer, kind, *n);
                alice.ok(&["contacts"]);
                true
            })
            .count();
        assert!(failed >= 3, "{kind}: {failed}");
    }
}

/// One account for each point at which the disk can fail while it is made.
fn register(kind: &str) -> usize {
    let stage = Stage::without_limits();
    let library = failing_disk(stage.dir.path());
    // A hundred keys are hundreds of writes, and each account takes a second.
    let points = std::iter::successors(Some(0), |n| Some(n + 1 + n / 3)).take_while(|n| *n < 10 * LONGEST);
    for (round, n) in points.enumerate() {
        let name = format!("person-{n}");
        let person = stage.person(&name);
        let answer = with_failing(&person, &library, kind, n, &["register", &name]);
        if answer.code == 0 {
            person.ok(&["inbox"]);
            return round;
        }
        named(&answer, kind, n);
        // The same again, whatever the relay had heard. A sync that fails may come after the last thing that was to be kept.
        let again = person.run(&["register", &name]);
        let done = again
            .err
            .contains(&format!("{name}@localhost is registered in this home already"));
        assert!(again.code == 0 || done, "{kind} {n}: {again:?}");
        person.ok(&["inbox"]);
    }
    panic!("{kind}: it never ended");
}

#[test]
fn a_full_or_failing_disk_while_registering_is_said_and_the_same_again_finishes_it() {
    assert!(register("write") >= 5);
    assert!(register("sync") >= 3);
}

/// One message that opens often enough, played once for each point at which the disk can fail.
fn play(kind: &str) -> usize {
    let stage = Stage::new();
    let library = failing_disk(stage.dir.path());
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "the code", "--plays", "255"]);
    let id = bob.json_one(&["inbox"])["id"].as_str().unwrap().to_owned();
    let mut last = 0;
    for (failed, n) in points().enumerate() {
        let answer = with_failing(&bob, &library, kind, n, &["play", &id]);
        let shown = lines(&answer);
        for play in &shown {
            let number = play["play"].as_u64().unwrap();
            assert!(
                number == last || number == last + 1,
                "{kind} {n}: after {last} came {number}"
            );
            last = number;
        }
        if answer.code == 0 && answer.err.is_empty() {
            assert_eq!(
                bob.json_one(&["play", &id])["play"],
                last + 1,
                "{kind}: none was used unseen"
            );
            return failed;
        }
        if answer.code != 0 {
            said_of_a_play(&answer, kind, n);
        }
        if !shown.is_empty() {
            // What is known, when the room that was taken beforehand is gone too.
            assert!(
                answer.err.contains("the message was shown") && answer.err.contains("ten minutes"),
                "{kind} {n}: {answer:?}"
            );
        }
    }
    panic!("{kind}: it never ended");
}

/// A failure that names the disk, also when it had no room to be taken.
fn said_of_a_play(answer: &Answer, kind: &str, n: usize) {
    if answer.err.contains("no play was asked for") {
        assert_eq!((answer.code, answer.out.as_str()), (1, ""), "{kind} {n}: {answer:?}");
        assert!(answer.err.contains("check the disk's space"), "{kind} {n}: {answer:?}");
    } else {
        said(answer, kind, n);
    }
}

/// Nothing is left on the disk from some write on, but for the room that a play takes before it is asked for.
#[test]
fn a_disk_that_fills_up_while_playing_shows_no_play_twice() {
    let stage = Stage::new();
    let library = failing_disk(stage.dir.path());
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "the code", "--plays", "255"]);
    let id = bob.json_one(&["inbox"])["id"].as_str().unwrap().to_owned();
    let room = bob.home.join("vault.room");
    let (mut last, mut used) = (0, 0);
    for n in 0..LONGEST {
        let answer = with_failing(&bob, &library, "room", n, &["play", &id]);
        let shown = lines(&answer);
        for play in &shown {
            last += 1;
            assert_eq!(play["play"], last, "{n}: each once, and none in between unseen");
        }
        if answer.code != 0 {
            assert!(shown.is_empty(), "{n}: {answer:?}");
            said_of_a_play(&answer, "room", n);
        } else if room.exists() {
            assert!(used >= 2, "the room was used {used} times");
            return;
        } else {
            used += 1;
        }
    }
    panic!("it never ended");
}

#[test]
fn a_full_or_failing_disk_while_playing_uses_no_play_unseen() {
    assert!(play("write") >= 3);
    assert!(play("sync") >= 2);
}

/// Something waited when the disk filled up: it goes out first, that it did cannot be noted, and the new message is kept behind it.
#[test]
fn a_full_disk_while_what_waited_goes_out_says_that_the_new_message_is_kept() {
    let mut stage = Stage::new();
    let library = failing_disk(stage.dir.path());
    let (mut alice, mut bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    bob.ok(&["inbox"]);
    let mut kept = 0;
    for n in points() {
        let (waits, text) = (format!("waits {n}"), format!("message {n}"));
        stage.stop_relay();
        alice.fails(4, &["send", "bob", &waits]);
        stage.restart_relay();
        alice.url.clone_from(&stage.url);
        bob.url.clone_from(&stage.url);
        let answer = with_failing(&alice, &library, "write", n, &["send", "bob", &text]);
        alice.ok(&["inbox"]);
        let received = texts(&bob.json(&["inbox"]));
        assert_eq!(
            received.iter().filter(|one| **one == waits).count(),
            1,
            "{n}: {received:?}"
        );
        assert!(received.len() <= 2, "{n}: {received:?}");
        if answer.code == 0 {
            assert!(kept > 0, "it never failed between the two");
            assert!(received.contains(&text), "{n}: {received:?}");
            return;
        }
        said(&answer, "write", n);
        if received.contains(&text) {
            kept += 1;
            assert!(
                answer.err.contains("kept") && answer.err.contains("do not send it again"),
                "{n}: {answer:?}"
            );
        }
    }
    panic!("it never ended");
}

/// A person who is told that it failed goes on with the old passphrase; it has to be the one that holds.
#[test]
fn a_full_disk_while_the_passphrase_changes_says_which_one_holds() {
    let stage = Stage::new();
    let library = failing_disk(stage.dir.path());
    let alice = stage.register("alice");
    let file = write_file(stage.dir.path(), "new", "the new one");
    let ended = (0..LONGEST).find(|n| {
        let mut copy = stage.person(&format!("alice-{n}"));
        copy_home(&alice.home, &copy.home);
        let change = ["passphrase", "--new-passphrase-file", &file];
        let answer = with_failing(&copy, &library, "write", *n, &change);
        let old = copy.run(&["contacts"]).code;
        copy.env
            .push(("LATCHKEY_PASSPHRASE".to_owned(), "the new one".to_owned()));
        let new = copy.run(&["contacts"]).code;
        assert!([(0, 8), (8, 0)].contains(&(old, new)), "{n}: {old} {new} {answer:?}");
        if answer.code == 0 {
            assert_eq!(new, 0, "{n}: {answer:?}");
            return true;
        }
        let says_new = answer.err.contains("the new passphrase holds");
        assert_eq!(says_new, new == 0, "{n}: {answer:?}");
        false
    });
    assert!(ended.is_some_and(|n| n > 3), "{ended:?}");
}
