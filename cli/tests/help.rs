//! What `--help` says, compared with what the program does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::collections::BTreeSet;

use clap::{Command, CommandFactory};
use latchkey_cli::Exit;
use latchkey_cli::args::Cli;
use support::{Answer, Stage, documented, latchkey, prints_what_help_lists, write_file};

fn run(command: &mut std::process::Command) -> Answer {
    command.output().unwrap().into()
}

/// Every command with its parents' names before its own.
fn commands() -> Vec<(Vec<String>, Command)> {
    fn below(parent: &Command, names: &[String], found: &mut Vec<(Vec<String>, Command)>) {
        for command in parent.get_subcommands() {
            let names = [names, &[command.get_name().to_owned()]].concat();
            below(command, &names, found);
            found.push((names, command.clone()));
        }
    }
    let mut found = Vec::new();
    below(&Cli::command(), &[], &mut found);
    found
}

#[test]
fn the_table_of_exit_codes_has_those_that_there_are() {
    // A new code does not compile before it stands here.
    let all = [
        Exit::Other,
        Exit::Usage,
        Exit::NotRegistered,
        Exit::Network,
        Exit::Refused,
        Exit::IdentityChanged,
        Exit::PlayLimit,
        Exit::WrongPassphrase,
        Exit::Busy,
        Exit::Interrupted,
    ];
    for exit in all {
        match exit {
            Exit::Other
            | Exit::Usage
            | Exit::NotRegistered
            | Exit::Network
            | Exit::Refused
            | Exit::IdentityChanged
            | Exit::PlayLimit
            | Exit::WrongPassphrase
            | Exit::Busy
            | Exit::Interrupted => {}
        }
    }
    let there: BTreeSet<u8> = all.into_iter().map(|exit| exit as u8).chain([0]).collect();
    let help = String::from_utf8(latchkey().arg("--help").output().unwrap().stdout).unwrap();
    let (_, table) = help.split_once("Exit codes:\n").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let listed: BTreeSet<u8> = table
        .lines()
        .filter_map(|line| line.trim_start().split_once("  ")?.0.parse().ok())
        .collect();
    assert_eq!(listed, there, "{table}");
}

#[test]
fn each_command_says_what_it_prints_for_programs() {
    for (names, command) in commands() {
        // Without a subcommand these two show what there is.
        let bare = command.get_subcommands().next().is_none() || names == ["gate-key"] || names == ["keys"];
        let prints_a_file = names == ["completions"] || names == ["man"];
        if bare && !prints_a_file {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            assert!(!documented(&names).always.is_empty(), "{names:?}");
        }
    }
}

#[test]
fn help_is_written_in_plain_words() {
    let root = [(vec!["latchkey".to_owned()], Cli::command())];
    for (names, mut command) in root.into_iter().chain(commands()) {
        let help = command.render_long_help().to_string().to_lowercase();
        for word in ["whoever", "nobody", "somebody", "that which", "anew"] {
            let found = help
                .split(|c: char| !c.is_alphabetic() && c != ' ')
                .any(|part| format!(" {part} ").contains(&format!(" {word} ")));
            assert!(!found, "{names:?}: {word:?}");
        }
        for argument in command.get_arguments() {
            assert!(
                argument.get_help().is_some(),
                "{names:?}: {} has no help",
                argument.get_id()
            );
        }
        assert!(
            command
                .get_about()
                .is_some_and(|about| !about.to_string().ends_with('.')),
            "{names:?}"
        );
    }
}

#[test]
fn json_has_the_keys_that_help_lists() {
    let stage = Stage::new();
    let alice = stage.person("alice");
    let of = |command: &[&str], args: &[&str]| prints_what_help_lists(&alice, command, args);
    of(&["register"], &["register", "alice"]);
    let bob = stage.register("bob");
    // The first message of a pair, and one with a limit.
    of(&["send"], &["send", "bob", "hello"]);
    let sent = of(&["send"], &["send", "bob", "the door code", "--plays", "2"]);
    prints_what_help_lists(&bob, &["inbox"], &["inbox"]);
    let id = sent[0]["id"].as_str().unwrap();
    prints_what_help_lists(&bob, &["play"], &["play", id]);
    prints_what_help_lists(&bob, &["history"], &["history"]);
    for (command, args) in [
        (&["history"] as &[&str], &["history"] as &[&str]),
        (&["contacts"], &["contacts"]),
        (&["safety-number"], &["safety-number", "bob"]),
        (&["verify"], &["verify", "bob", "--yes"]),
        (&["plays"], &["plays", id]),
        (&["revoke"], &["revoke", id]),
        (&["keys"], &["keys"]),
        (&["keys", "rotate"], &["keys", "rotate"]),
        (&["status"], &["status"]),
        (&["token"], &["token"]),
        (&["receipts"], &["receipts"]),
        (&["decoys"], &["decoys"]),
        (&["block"], &["block", "bob"]),
        (&["unblock"], &["unblock", "bob"]),
        (&["clear-inbox"], &["clear-inbox", "--yes"]),
        (&["rotate-identity"], &["rotate-identity", "--yes"]),
    ] {
        assert!(!of(command, args).is_empty(), "{args:?} printed nothing");
    }
    let file = write_file(stage.dir.path(), "new", "another passphrase");
    of(&["passphrase"], &["passphrase", "--new-passphrase-file", &file]);
    // An account that is not a contact.
    let carol = stage.register("carol");
    prints_what_help_lists(&carol, &["block"], &["block", "bob"]);
    // `reject-identity` prints a contact as `contacts` does.
    assert_eq!(documented(&["reject-identity"]), documented(&["contacts"]));
}

/// What is no result of a command: a version is an object for programs, help and files for a shell stay what they are, and the help says so.
#[test]
fn with_json_the_version_is_an_object_and_texts_stay_texts() {
    for args in [
        &["--json", "--version"][..],
        &["--version", "--json"],
        &["-V", "--json"],
    ] {
        let answer = run(latchkey().args(args));
        assert_eq!(answer.code, 0, "{answer:?}");
        let object: serde_json::Value = serde_json::from_str(&answer.out).unwrap();
        assert_eq!(
            object,
            serde_json::json!({ "name": "latchkey", "version": env!("CARGO_PKG_VERSION") })
        );
    }
    for args in [
        &["help"][..],
        &["--help"],
        &["man"],
        &["completions", "bash"],
        &["help", "send"],
        &["send", "--help"],
    ] {
        let plain = run(latchkey().args(args));
        assert_eq!(plain.code, 0, "{plain:?}");
        let json = run(latchkey().arg("--json").args(args));
        assert_eq!((json.code, &json.out), (0, &plain.out), "{args:?}");
    }
    let help = run(latchkey().arg("--help")).out;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("Help, manual pages and completions are texts"), "{help}");
    assert!(help.contains("--version has name and version"), "{help}");
}

/// Everything that the program prints without an account, and what it prints with one.
#[cfg(target_os = "linux")]
#[test]
fn a_standard_output_that_takes_nothing_is_1() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    bob.ok(&["inbox"]);
    for args in [
        &["--help"][..],
        &["-h"],
        &["--version"],
        &["--json", "--version"],
        &["help"],
        &["help", "send"],
        &["help", "--help"],
        &["send", "--help"],
        &["completions", "bash"],
        &["man"],
        &["status"],
        &["keys"],
        &["token"],
        &["contacts"],
        &["history"],
        &["safety-number", "bob"],
        &["receipts"],
        &["decoys"],
        &["inbox"],
    ] {
        for json in [false, true] {
            let mut command = alice.command(args);
            if json {
                command.arg("--json");
            }
            command.stdout(std::fs::File::options().write(true).open("/dev/full").unwrap());
            let answer = run(&mut command);
            if args == ["inbox"] && json {
                assert_eq!(answer.code, 0, "nothing was to be printed: {answer:?}");
                continue;
            }
            assert_eq!(answer.code, 1, "{args:?}: {answer:?}");
            assert!(answer.err.contains("output failed"), "{args:?}: {answer:?}");
            let object = serde_json::from_str::<serde_json::Value>(answer.err.lines().last().unwrap());
            let json = json || args.contains(&"--json");
            assert_eq!(object.is_ok_and(|object| object["exit"] == 1), json, "{answer:?}");
        }
    }
    // What goes to a file is told by what it is.
    let answer = run(latchkey().args(["man", "/dev/null/pages"]));
    assert_eq!(answer.code, 2, "{answer:?}");
    assert!(
        answer
            .err
            .contains("the manual pages cannot be written into /dev/null/pages"),
        "{answer:?}"
    );
}
