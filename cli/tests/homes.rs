//! A home that cannot be used says so and does not read like a lost account; and two processes share one.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::CommandFactory;
use support::{Answer, Person, Stage, copy_home};

/// The commands that open an account, all of them: [`every_command_is_among_them`].
const COMMANDS: [&[&str]; 27] = [
    &["inbox"],
    &["send", "bob", "hi"],
    &["contacts"],
    &["status"],
    &["passphrase"],
    &["play", "1"],
    &["plays", "1"],
    &["revoke", "1"],
    &["history"],
    &["safety-number", "bob"],
    &["verify", "bob", "--yes"],
    &["verify", "bob", "--accept", "--yes"],
    &["reject-identity", "bob"],
    &["rotate-identity", "--yes"],
    &["block", "bob"],
    &["unblock", "bob"],
    &["receipts"],
    &["keys"],
    &["keys", "rotate"],
    &["token"],
    &["clear-inbox", "--yes"],
    &["gate-key"],
    &["gate-key", "rotate"],
    &["gate-key", "drop", "--contact", "bob"],
    &["decoys"],
    &["decoys", "on"],
    &["register", "alice"],
];
/// Those that need none.
const OTHERS: [&str; 3] = ["completions", "man", "help"];

#[test]
fn every_command_is_among_them() {
    let mut program = latchkey_cli::args::Cli::command();
    program.build();
    for command in program.get_subcommands() {
        let name = command.get_name();
        let tried = COMMANDS.iter().any(|args| args[0] == name);
        assert!(tried != OTHERS.contains(&name), "{name}");
    }
}

/// What every failure of a home has in common: it is not one of a missing account.
fn says(answer: &Answer, words: &str) {
    assert_eq!(answer.code, 1, "{answer:?}");
    assert!(answer.err.contains(words), "{words}: {answer:?}");
    for lost in ["no name is registered", "no account", "register NAME"] {
        assert!(!answer.err.contains(lost), "{answer:?}");
    }
}

/// Runs as somebody whom permissions stop; the superuser would not notice them.
fn as_somebody(stage: &Stage, person: &Person, args: &[&str]) -> Answer {
    let mut command = person.command(args);
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        // Where nobody may go, there nobody's programs are not: a copy beside the homes.
        let program = stage.dir.path().join("latchkey");
        if !program.exists() {
            fs::copy(env!("CARGO_BIN_EXE_latchkey"), &program).unwrap();
        }
        let mut other = Command::new(&program);
        other.args(args).stdin(Stdio::null()).env_clear();
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                other.env(name, value);
            }
        }
        other.uid(65_534).gid(65_534);
        command = other;
    }
    command.output().unwrap().into()
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_home_that_cannot_be_read_is_not_a_lost_account() {
    let stage = Stage::new();
    let alice = stage.register("alice");
    mode(stage.dir.path(), 0o755);
    mode(&alice.home, 0o000);
    for args in COMMANDS {
        says(&as_somebody(&stage, &alice, args), "ermission denied");
    }
    mode(&alice.home, 0o700);
    alice.ok(&["contacts"]);
}

/// The home belongs to the user, and the file in it to another one, as after a `sudo`.
#[test]
fn a_vault_that_cannot_be_read_is_said_to_be_that() {
    let stage = Stage::new();
    let alice = stage.register("alice");
    mode(stage.dir.path(), 0o755);
    let (vault, lock) = (alice.home.join("vault.db"), alice.home.join("vault.lock"));
    mode(&lock, 0o666);
    mode(&vault, 0o000);
    for (home, what) in [(0o777, "a home that can be written"), (0o555, "one that cannot")] {
        mode(&alice.home, home);
        for args in COMMANDS {
            let answer = as_somebody(&stage, &alice, args);
            says(&answer, "vault.db cannot be used: Permission denied");
            assert!(
                !answer.err.contains("disk's space") && !answer.err.contains("immutable"),
                "{what}: {answer:?}"
            );
        }
    }
    mode(&alice.home, 0o700);
    mode(&vault, 0o600);
    alice.ok(&["contacts"]);
}

#[test]
fn a_home_that_cannot_be_written_is_not_a_lost_account() {
    let stage = Stage::new();
    let alice = stage.register("alice");
    mode(stage.dir.path(), 0o755);
    for entry in fs::read_dir(&alice.home).unwrap() {
        mode(&entry.unwrap().path(), 0o444);
    }
    mode(&alice.home, 0o555);
    for args in COMMANDS {
        let answer = as_somebody(&stage, &alice, args);
        match args {
            // What is kept can be read, and so can what the relay knows while the session lasts.
            ["contacts" | "history" | "receipts" | "gate-key" | "status" | "keys" | "token"] | ["decoys"] => {
                assert_eq!(answer.code, 0, "{args:?}: {answer:?}");
            }
            ["safety-number", ..] => says(&answer, "there is no contact"),
            ["register", ..] => says(&answer, "registered in this home already"),
            _ => says(&answer, "nothing can be written"),
        }
    }
    mode(&alice.home, 0o700);
    for entry in fs::read_dir(&alice.home).unwrap() {
        mode(&entry.unwrap().path(), 0o600);
    }
    alice.ok(&["contacts"]);
}

#[test]
fn a_vault_that_was_cut_off_is_not_a_lost_account() {
    let stage = Stage::new();
    let alice = stage.register("alice");
    let (vault, lock) = (alice.home.join("vault.db"), alice.home.join("vault.lock"));
    mode(&lock, 0o666);
    let whole = fs::read(&vault).unwrap();
    for length in [0, 1, 15, 16, 100, 4096, 8192, whole.len() / 2, whole.len() - 1] {
        fs::write(&vault, &whole[..length]).unwrap();
        // A header that is whole costs a key derivation each time: a few of them then, and none that would change something.
        let some = match length {
            0..=100 => COMMANDS.to_vec(),
            _ => [&COMMANDS[..5], &[&["register", "alice"]]].concat(),
        };
        for args in some {
            let answer = alice.run(args);
            let kept = fs::metadata(&vault).unwrap().len();
            assert!(kept >= length as u64, "{length}, {args:?}: nothing is put in its place");
            if length > 4096 && !answer.err.contains("database failed") {
                // The header is whole, and so is what this command needs.
                assert_ne!(answer.code, 3, "{length}: {answer:?}");
                continue;
            }
            says(&answer, "vault");
            if length <= 4096 {
                assert!(answer.err.contains("cut off"), "{length}: {answer:?}");
            }
            let words = ["cut off", "database failed", "damaged", "not be brought"];
            assert!(
                words.iter().any(|word| answer.err.contains(word)),
                "{length}: {answer:?}"
            );
        }
    }
    fs::write(&vault, &whole).unwrap();
    alice.ok(&["contacts"]);
}

#[test]
fn a_home_that_is_a_file_is_not_a_lost_account() {
    let stage = Stage::new();
    let person = stage.person("alice");
    fs::write(&person.home, "not a directory").unwrap();
    for args in COMMANDS {
        says(&person.run(args), "cannot be used");
    }
}

#[test]
fn waiting_for_mail_keeps_no_other_process_from_the_home() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    bob.ok(&["inbox"]);
    let mut waiting = bob
        .command(&["--json", "inbox", "--wait", "60"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Whatever it has to do first, it is soon done with.
    bob.ok(&["receipts", "on"]);
    let began = Instant::now();
    for n in 0..4 {
        bob.ok(&["send", "alice", &format!("while waiting {n}")]);
        bob.ok(&["history"]);
        assert!(bob.json(&["inbox"]).is_empty());
    }
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
    assert!(waiting.try_wait().unwrap().is_none(), "it still waits");
    // The passphrase changes under it, a message that another process takes is not shown twice, and one that it gets is shown.
    alice.ok(&["send", "bob", "who gets this?"]);
    let mut lines = BufReader::new(waiting.stdout.take().unwrap()).lines();
    let elsewhere = bob.json(&["inbox"]);
    if elsewhere.is_empty() {
        assert!(lines.next().unwrap().unwrap().contains("who gets this?"));
    } else {
        assert_eq!(elsewhere[0]["text"], "who gets this?");
        assert!(waiting.try_wait().unwrap().is_none(), "it goes on waiting");
        alice.ok(&["send", "bob", "and this?"]);
        assert!(lines.next().unwrap().unwrap().contains("and this?"));
    }
    assert!(waiting.wait().unwrap().success());
    assert!(bob.json(&["inbox"]).is_empty());
    let all = alice.json(&["inbox"]);
    assert_eq!(all.len(), 4, "{all:?}");
}

#[test]
fn a_home_that_stays_busy_is_9() {
    let stage = Stage::new();
    let alice = stage.register("alice");
    let lock = fs::File::open(alice.home.join("vault.lock")).unwrap();
    lock.lock().unwrap();
    let blocking = alice.command(&["block", "bob"]).stderr(Stdio::piped()).spawn().unwrap();
    // What only reads does so.
    alice.ok(&["contacts"]);
    let answer: Answer = blocking.wait_with_output().unwrap().into();
    assert_eq!(answer.code, 9, "{answer:?}");
    assert!(
        answer.err.contains("another latchkey process") && answer.err.contains("nothing was done"),
        "{answer:?}"
    );
    drop(lock);
    alice.ok(&["receipts", "off"]);
}

#[test]
fn two_processes_at_once_both_do_their_work() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    bob.ok(&["inbox"]);
    // On a loaded machine one may wait for its turn in vain, and says by 9 that nothing was done. It is asked again; each round somebody gets on.
    let mut left: Vec<_> = (0..6).collect();
    while !left.is_empty() {
        let running: Vec<_> = left
            .iter()
            .map(|n| (*n, alice.command(&["send", "bob", &format!("{n}")]).spawn().unwrap()))
            .collect();
        let before = left.len();
        left.clear();
        for (n, mut child) in running {
            match child.wait().unwrap().code() {
                Some(0) => {}
                Some(9) => left.push(n),
                code => panic!("{n} ended with {code:?}"),
            }
        }
        assert!(left.len() < before, "none got its turn");
    }
    let mut texts: Vec<String> = bob
        .json(&["inbox"])
        .iter()
        .map(|object| object["text"].as_str().unwrap().to_owned())
        .collect();
    texts.sort_unstable();
    assert_eq!(texts, ["0", "1", "2", "3", "4", "5"]);
}

#[test]
fn what_waits_goes_out_with_every_command_that_reaches_the_relay() {
    let mut stage = Stage::new();
    let (mut alice, mut bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "limited", "--plays", "3"]);
    let limited = alice.json_one(&["history"])["id"].as_str().unwrap().to_owned();
    bob.ok(&["inbox"]);
    bob.ok(&["send", "alice", "for alice", "--plays", "2"]);
    let theirs = alice.json_one(&["inbox"])["id"].as_str().unwrap().to_owned();
    for (n, args) in [
        &["status"][..],
        &["keys"],
        &["keys", "rotate"],
        &["plays", &limited],
        &["play", &theirs],
        &["block", "carol"],
        &["unblock", "carol"],
        &["clear-inbox", "--yes"],
        &["revoke", &limited],
        &["send", "bob", "another"],
        &["inbox"],
        &["token"],
        &["rotate-identity", "--yes"],
    ]
    .into_iter()
    .enumerate()
    {
        if n == 0 {
            let carol = stage.register("carol");
            alice.ok(&["send", "carol", "hello"]);
            carol.ok(&["inbox"]);
        }
        let text = format!("before {}", args[0]);
        stage.stop_relay();
        let waits = alice.fails(4, &["send", "bob", &text]);
        assert!(waits.contains("next command that reaches the relay"), "{waits}");
        stage.restart_relay();
        alice.url.clone_from(&stage.url);
        bob.url.clone_from(&stage.url);
        alice.ok(args);
        let history = alice.json(&["history", "bob"]);
        let state = history.iter().find(|object| object["text"] == text.as_str()).unwrap();
        assert_ne!(state["state"], "queued", "{args:?}");
        let received = bob.json(&["inbox"]);
        assert!(
            received.iter().any(|object| object["text"] == text.as_str()),
            "{args:?}: {received:?}"
        );
    }
}

#[test]
fn a_copy_of_a_home_that_is_put_back_says_so_when_it_sends() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    bob.ok(&["inbox"]);
    bob.ok(&["send", "alice", "hi"]);
    alice.ok(&["inbox"]);
    let copy = stage.dir.path().join("copy");
    copy_home(&alice.home, &copy);
    alice.ok(&["send", "bob", "m1"]);
    fs::remove_dir_all(&alice.home).unwrap();
    copy_home(&copy, &alice.home);
    let sent = alice.ok(&["send", "bob", "not lost"]);
    assert!(sent.err.contains("older copy of itself"), "{sent:?}");
    let texts: Vec<_> = bob
        .json(&["inbox"])
        .iter()
        .map(|object| object["text"].clone())
        .collect();
    assert_eq!(texts, ["m1", "not lost"]);
    bob.ok(&["send", "alice", "ok"]);
    assert_eq!(alice.json(&["inbox"])[0]["text"], "ok");
}

/// What comes first is no message: the wait goes on, for a message.
#[test]
fn a_wait_goes_on_after_what_is_no_message() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    bob.ok(&["inbox"]);
    bob.ok(&["send", "alice", "hello back"]);
    assert_eq!(alice.json_one(&["inbox"])["text"], "hello back");
    // Who is unblocked is given a new delivery token: that waits for bob by now, and nothing that can be read.
    alice.ok(&["block", "bob"]);
    alice.ok(&["unblock", "bob"]);
    let mut waiting = bob.command(&["--json", "inbox", "--wait", "20"]);
    let waiting = waiting.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    alice.ok(&["send", "bob", "at last"]);
    let answer = waiting.wait_with_output().unwrap();
    assert_eq!(answer.status.code(), Some(0), "{answer:?}");
    assert!(
        String::from_utf8_lossy(&answer.stdout).contains("at last"),
        "{answer:?}"
    );
    // And to its end, when nothing comes but what is none.
    bob.ok(&["send", "alice", "and now?"]);
    alice.ok(&["inbox"]);
    alice.ok(&["block", "bob"]);
    alice.ok(&["unblock", "bob"]);
    let empty = bob.ok(&["--json", "inbox", "--wait", "3"]);
    assert_eq!(empty.out, "");
}

/// The same of the commands about gate keys, one of which has to be made first.
#[test]
fn what_waits_goes_out_with_commands_about_gate_keys_too() {
    let mut stage = Stage::new();
    let (mut alice, mut bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    bob.ok(&["inbox"]);
    for args in [
        &["gate-key", "rotate", "--contact", "bob"][..],
        &["gate-key", "drop", "--contact", "bob"],
    ] {
        let text = format!("before {}", args[1]);
        stage.stop_relay();
        alice.fails(4, &["send", "bob", &text]);
        stage.restart_relay();
        alice.url.clone_from(&stage.url);
        bob.url.clone_from(&stage.url);
        alice.ok(args);
        assert_eq!(bob.json_one(&["inbox"])["text"], text.as_str());
    }
}

#[test]
fn a_wait_outlives_a_relay_that_is_away_for_a_while() {
    let mut stage = Stage::new();
    let (mut alice, mut bob) = (stage.register("alice"), stage.register("bob"));
    let line = stage.line();
    bob.url = line.url();
    let mut waiting = bob.command(&["--json", "inbox", "--wait", "120"]);
    let mut waiting = waiting.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    stage.waits_for_mail();
    stage.stop_relay();
    let mut notes = BufReader::new(waiting.stderr.take().unwrap()).lines();
    let away = notes.next().unwrap().unwrap();
    assert!(away.contains("trying again"), "{away}");
    stage.restart_relay();
    line.connect_to(stage.addr());
    alice.url.clone_from(&stage.url);
    alice.ok(&["send", "bob", "after it"]);
    let answer = waiting.wait_with_output().unwrap();
    assert_eq!(answer.status.code(), Some(0), "{answer:?}");
    assert!(
        String::from_utf8_lossy(&answer.stdout).contains("after it"),
        "{answer:?}"
    );
    let back = notes.next().unwrap().unwrap();
    assert!(back.contains("the relay is back"), "{back}");
}
