//! What is said of words that cannot be meant, and of those that only look so.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use support::{Answer, Stage};

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

/// A variable that is set to nothing names nothing: to take the usual relay instead would tell that one who asks, and the usual home is another account's.
#[test]
fn what_is_given_and_empty_is_2() {
    let stage = Stage::new();
    let alice = stage.register("alice");
    for (variable, option) in [
        ("LATCHKEY_RELAY", "--relay"),
        ("LATCHKEY_HOME", "--home"),
        ("LATCHKEY_PIN", "--pin"),
    ] {
        for args in [&["status"][..], &["register", "alice"], &["history"]] {
            let answer: Answer = alice.command(args).env(variable, "").output().unwrap().into();
            assert_eq!(answer.code, 2, "{variable}: {answer:?}");
            for words in [variable, option, "is empty", "unset the variable"] {
                assert!(answer.err.contains(words), "{words}: {answer:?}");
            }
            let mut command = alice.command(&[&[option, ""], args].concat());
            let answer: Answer = command.output().unwrap().into();
            assert_eq!(answer.code, 2, "{option}: {answer:?}");
            assert!(answer.err.contains("is empty"), "{answer:?}");
        }
    }
    for (text, words) in [(&b""[..], "set and empty"), (b"\xff", "not UTF-8")] {
        let mut command = alice.command(&["history"]);
        command.env("LATCHKEY_PASSPHRASE", OsStr::from_bytes(text));
        let answer: Answer = command.output().unwrap().into();
        assert_eq!(answer.code, 2, "{answer:?}");
        assert!(
            answer.err.contains("LATCHKEY_PASSPHRASE") && answer.err.contains(words),
            "{answer:?}"
        );
    }
}

#[test]
fn a_message_may_begin_with_a_hyphen() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    for text in ["-h", "--help", "-5°C", "--", "-", "--unknown=3", "-- two", "-V"] {
        let args = match text {
            // These two are the shell's convention and standard input; a message of them comes from there.
            "--" | "-" => {
                let answer = alice.run_with_input(&["send", "bob", "-"], text);
                assert_eq!(answer.code, 0, "{answer:?}");
                assert_eq!(bob.json_one(&["inbox"])["text"], text);
                continue;
            }
            text => ["send", "bob", text],
        };
        alice.ok(&args);
        assert_eq!(bob.json_one(&["inbox"])["text"], text);
    }
    alice.ok(&["send", "bob", "-5°C", "--plays", "1"]);
    assert_eq!(bob.json_one(&["inbox"])["limited"]["limit"], 1);
    alice.ok(&["send", "bob", "--", "--json"]);
    assert_eq!(bob.json_one(&["inbox"])["text"], "--json");
    // The name of an option is never taken for help, and never sends nothing with success.
    assert!(alice.fails(2, &["send", "bob", "--json"]).contains("--"));
    alice.fails(2, &["send", "bob", "one", "--help"]);
    for option in ["--plays", "--expires", "--home", "--relay"] {
        let error = alice.fails(2, &["send", "bob", option]);
        assert!(error.contains("goes behind `--`: send NAME -- MESSAGE"), "{error}");
    }
    for rest in ["-5", "world", "--now"] {
        let error = alice.fails(2, &["send", "bob", "hello", rest]);
        assert!(error.contains("in quotes") && !error.contains("as a value"), "{error}");
    }
    assert!(
        alice
            .fails(2, &["send", "bob", "hi", "--play", "2"])
            .contains("--plays")
    );
    // Help is where there is no name yet.
    for args in [&["send", "--help"][..], &["send", "-h"], &["help", "send"]] {
        assert!(alice.ok(args).out.contains("--oblivious"), "{args:?}");
    }
}

/// A program that asks for objects gets its own mistake as one.
#[test]
fn a_flag_that_is_given_a_value_is_refused_in_json_too() {
    let error = Stage::new().person("alice").fails(2, &["history", "--json=1"]);
    let object: serde_json::Value = serde_json::from_str(&error).unwrap();
    assert_eq!(object["exit"], 2, "{error}");
    assert!(object["error"].as_str().unwrap().contains("--json"), "{error}");
}

#[test]
fn what_is_not_there_is_said() {
    let stage = Stage::new();
    let alice = stage.register("alice");
    assert!(
        alice
            .fails(1, &["history", "nobody"])
            .contains("no contact nobody@localhost; check the spelling")
    );
    assert!(alice.ok(&["history"]).out.contains("No messages yet"));
    let error = alice.fails(2, &["register", "not a name"]);
    assert!(
        error.contains("a user name") && !error.contains("relay name"),
        "{error}"
    );
    let error = alice.fails(2, &["send", "bob@Not A Relay", "hi"]);
    assert!(
        error.contains("a relay name") && !error.contains("user name"),
        "{error}"
    );
    let long = "x".repeat(protocol::content::MAX_CONTENT);
    let answer = alice.run_with_input(&["send", "alice2", "-"], &long);
    assert_ne!(answer.code, 0);
    let answer = alice.run_with_input(&["send", "bob", "-"], &"x".repeat(300_000));
    assert_eq!(answer.code, 2);
    let told = format!("{} KB", protocol::content::MAX_CONTENT / 1000);
    assert!(answer.err.contains(&told), "{answer:?}");
}

/// Not in the words of the library that reads them, and with what would have been right.
#[test]
fn wrong_numbers_and_times_are_told_what_is_allowed() {
    let stage = Stage::new();
    let alice = stage.register("alice");
    let plays = ["send", "bob", "hi", "--plays"];
    let expires = ["send", "bob", "hi", "--plays", "1", "--expires"];
    for (before, values, allowed) in [
        (
            &["history", "--limit"][..],
            &["0", "abc", "", "-1", "1.5", "99999999999999"][..],
            "a number of messages from 1 to 4294967295",
        ),
        (
            &["inbox", "--wait"],
            &["abc", "", "-1", "1.5", "86401", "30s"],
            "a number of seconds from 0 to 86400",
        ),
        (&plays, &["0", "abc", "", "-1", "256", "1.5"], "a number from 1 to 255"),
        (
            &expires,
            &["soon", "", "7", "1.5", "5M", "1y", "-1"],
            "a number and a unit: 90s, 30m, 12h, 7d or 2w",
        ),
        (
            &expires,
            &["1s", "59s", "53w", "99999999w"],
            "a minute at least and a year at most",
        ),
    ] {
        for value in values {
            let args = [before, &[value]].concat();
            let error = alice.fails(2, &args);
            assert!(error.contains(allowed), "{args:?}: {error}");
            for library in ["digit", "parse", "is not in", "too large", "empty string"] {
                assert!(!error.contains(library), "{args:?}: {error}");
            }
            let json = alice.fails(2, &[&["--json"], &args[..]].concat());
            let object: serde_json::Value = serde_json::from_str(&json).unwrap();
            let said = object["error"].as_str().unwrap();
            assert!(
                said.contains(allowed) && said.contains(before.last().unwrap()),
                "{args:?}: {json}"
            );
        }
    }
    for args in [&["history", "--limit", "1"][..], &["inbox", "--wait", "0"]] {
        alice.ok(args);
    }
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

/// By its option and not by its name: the passphrase itself may stand in its place.
#[test]
fn a_file_without_a_passphrase_is_told_by_its_option() {
    let stage = Stage::new();
    let alice = stage.register("alice");
    for (args, option) in [
        (
            &["--passphrase-file", "no-such-file", "contacts"][..],
            "--passphrase-file",
        ),
        (
            &["passphrase", "--new-passphrase-file", "no-such-file"],
            "--new-passphrase-file",
        ),
    ] {
        let error = alice.fails(2, args);
        assert!(
            error.contains(&format!("the file of {option} cannot be used")),
            "{error}"
        );
        assert!(
            error.contains("name a file whose first line is the passphrase"),
            "{error}"
        );
        assert!(!error.contains("no-such-file"), "{error}");
    }
}
