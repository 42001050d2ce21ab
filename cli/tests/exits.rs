//! Exit codes, and what happens without a terminal.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::process::Command;

use support::{Answer, PASSPHRASE, Stage, latchkey};

fn run(command: &mut Command) -> Answer {
    command.output().unwrap().into()
}

#[test]
fn help_documents_the_exit_codes_and_the_contract() {
    let help = run(latchkey().arg("--help"));
    assert_eq!(help.code, 0);
    for word in [
        "register",
        "send",
        "inbox",
        "play",
        "history",
        "contacts",
        "verify",
        "safety-number",
        "keys",
        "status",
        "clear-inbox",
        "revoke",
        "--home",
        "--relay",
        "--passphrase-file",
        "--json",
        "LATCHKEY_HOME",
        "LATCHKEY_RELAY",
        "LATCHKEY_PASSPHRASE",
        "Exit codes",
    ] {
        assert!(help.out.contains(word), "{word} is not in the help");
    }
    for code in ["0  ", "1  ", "2  ", "3  ", "4  ", "5  ", "6  ", "7  ", "8  ", "9  "] {
        assert!(
            help.out.lines().any(|line| line.trim_start().starts_with(code)),
            "exit code {code}"
        );
    }
    assert_eq!(run(latchkey().arg("--version")).code, 0);
}

#[test]
fn without_a_terminal_nothing_is_asked_and_what_is_missing_is_named() {
    let stage = Stage::new();
    let person = stage.person("nobody");
    // No command at all.
    let error = person.fails(2, &[]);
    assert!(error.contains("no command"), "{error}");
    // No passphrase.
    let without = |args: &[&str]| run(person.command(args).env_remove("LATCHKEY_PASSPHRASE"));
    let answer = without(&["register", "alice"]);
    assert_eq!(answer.code, 2, "{answer:?}");
    assert!(
        answer.err.contains("passphrase") && answer.err.contains("LATCHKEY_PASSPHRASE"),
        "{answer:?}"
    );
    assert!(!person.home.exists());
    person.ok(&["register", "alice"]);
    let answer = without(&["contacts"]);
    assert_eq!(answer.code, 2, "{answer:?}");
    assert!(answer.err.contains("--passphrase-file"), "{answer:?}");
    // No message, no name, no new passphrase.
    assert!(person.fails(2, &["send", "bob"]).contains("message"));
    assert!(person.fails(2, &["send"]).contains("TO"));
    assert!(person.fails(2, &["register"]).contains("NAME"));
    assert!(person.fails(2, &["passphrase"]).contains("--new-passphrase-file"));
}

#[test]
fn usage_is_2() {
    let stage = Stage::new();
    let alice = stage.register("alice");
    for args in [
        &["nonsense"][..],
        &["register", "Not A Name"],
        &["send", "../bob", "hi"],
        &["send", "bob@elsewhere", "hi"],
        &["send", "alice", "to myself"],
        &["send", "bob", ""],
        &["send", "bob", "hi", "--plays", "0"],
        &["send", "bob", "hi", "--plays", "300"],
        &["send", "bob", "hi", "--plays", "1", "--expires", "soon"],
        &["send", "bob", "hi", "--plays", "1", "--expires", "1s"],
        &["--relay", "http://relay.example:5000", "status"],
        &["--relay", "nonsense", "status"],
    ] {
        alice.fails(2, args);
    }
}

#[test]
fn not_registered_is_3() {
    let stage = Stage::new();
    let nobody = stage.person("nobody");
    for args in [
        &["inbox"][..],
        &["send", "bob", "hi"],
        &["status"],
        &["contacts"],
        &["keys"],
        &["play", "1"],
        &["passphrase"],
    ] {
        let error = nobody.fails(3, args);
        assert!(error.contains("register"), "{error}");
    }
    assert!(!nobody.home.exists(), "looking makes no home");
}

#[test]
fn network_is_4() {
    let mut stage = Stage::new();
    let alice = stage.register("alice");
    stage.stop_relay();
    for args in [
        &["inbox"][..],
        &["send", "bob", "hi"],
        &["keys"],
        &["status"],
        &["clear-inbox"],
    ] {
        let error = alice.fails(4, args);
        assert!(error.contains("cannot be reached"), "{error}");
    }
    stage.person("bob").fails(4, &["register", "bob"]);
    // What needs no relay works without one.
    alice.ok(&["contacts"]);
    alice.ok(&["history"]);
}

#[test]
fn refused_is_5() {
    let stage = Stage::new();
    let alice = stage.register("alice");
    alice.fails(5, &["send", "nobody", "hi"]);
    stage.person("other").fails(5, &["register", "alice"]);
    // The home of a failed attempt takes another name.
    stage.person("other").ok(&["register", "other"]);
    alice.fails(1, &["register", "alice"]);
}

#[test]
fn a_changed_relay_is_6() {
    let (stage, stranger) = (Stage::new(), Stage::new());
    let mut alice = stage.register("alice");
    alice.url.clone_from(&stranger.url);
    for args in [&["inbox"][..], &["status"], &["send", "bob", "hi"]] {
        let error = alice.fails(6, args);
        assert!(error.contains("not the one this account belongs to"), "{error}");
    }
}

#[test]
fn a_wrong_passphrase_is_8() {
    let stage = Stage::new();
    let mut alice = stage.register("alice");
    alice.env.push(("LATCHKEY_PASSPHRASE".to_owned(), "wrong".to_owned()));
    let error = alice.fails(8, &["inbox"]);
    assert!(
        error.contains("wrong passphrase") && !error.contains("wrong passphrase wrong"),
        "{error}"
    );
}

#[test]
fn failures_are_objects_too_when_programs_read() {
    let stage = Stage::new();
    let answer = stage.person("nobody").run(&["--json", "inbox"]);
    assert_eq!(answer.code, 3);
    assert!(answer.out.is_empty());
    let object: serde_json::Value = serde_json::from_str(&answer.err).unwrap();
    assert_eq!(object["exit"], 3);
    assert!(object["error"].as_str().unwrap().contains("register"));
}

#[test]
fn the_passphrase_is_nowhere_in_the_output() {
    let stage = Stage::new();
    let alice = stage.register("alice");
    for args in [&["--help"][..], &["status"], &["keys"], &["nonsense"]] {
        let Answer { out, err, .. } = alice.run(args);
        assert!(!out.contains(PASSPHRASE) && !err.contains(PASSPHRASE), "{args:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_reader_that_leaves_is_no_crash() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    for n in 0..3 {
        alice.ok(&["send", "bob", &format!("{n} {}", "x".repeat(100_000))]);
    }
    let mut child = bob
        .command(&["inbox"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!error.contains("panicked"), "{error}");
    // Nobody saw them: they are still new.
    assert_eq!(bob.json(&["inbox"]).len(), 3);
}

/// `>&-` and `>/dev/null`: what would be printed is seen by nobody.
#[cfg(unix)]
#[test]
fn where_nobody_reads_no_play_is_used_and_nothing_counts_as_seen() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "the code", "--plays", "2"]);
    alice.ok(&["send", "bob", "unseen"]);
    let into = |person: &support::Person, redirect: &str, args: &str| -> Answer {
        let line = format!("exec \"$0\" {args} {redirect}");
        let mut shell = Command::new("sh");
        shell.args(["-c", &line, env!("CARGO_BIN_EXE_latchkey")]);
        for (name, value) in person.command(&[]).get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        run(&mut shell)
    };
    for redirect in [">&-", ">/dev/null"] {
        assert_eq!(into(&bob, redirect, "inbox").code, 0);
        assert_eq!(into(&bob, redirect, "history").code, 0);
    }
    let new = bob.json(&["inbox"]);
    assert_eq!(new.len(), 2, "still new: {new:?}");
    let id = new
        .iter()
        .find_map(|message| message["limited"].as_object().and(message["id"].as_str()))
        .unwrap();
    for redirect in [">&-", ">/dev/null"] {
        let refused = into(&bob, redirect, &format!("play {id}"));
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.err.contains("no play was used"), "{refused:?}");
    }
    assert_eq!(bob.json_one(&["play", id])["play"], 1, "the first");
    assert!(bob.json(&["inbox"]).is_empty());
}

#[test]
fn a_wrong_name_is_told_by_its_own_rule() {
    let stage = Stage::new();
    let alice = stage.register("alice");
    for args in [
        &["send", "bob smith", "hi"][..],
        &["register", "Bob Smith"],
        &["history", "Bob"],
    ] {
        let error = alice.fails(2, args);
        assert!(
            error.contains("a user name is made of") && !error.contains("host"),
            "{error}"
        );
    }
    let error = alice.fails(2, &["send", "bob@Some Where", "hi"]);
    assert!(
        error.contains("a relay name") && !error.contains("user name"),
        "{error}"
    );
}
