//! What is typed in the wrong place, through the program itself: nothing that could be a secret is repeated.

// Helpers of tests may panic like the tests themselves (clippy.toml exempts only the latter).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod process;

use std::{
    path::Path,
    process::{Command, Stdio},
};

use process::{PROGRAM, Process};
use server::config::SETTINGS;

/// Secrets, and a piece of each.
const SECRETS: [(&str, &str); 8] = [
    (
        "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0w\n-----END PRIVATE KEY-----\n",
        "MIGHAgEAMBMG",
    ),
    ("fNq1b8Lw0zTq7v3kXr5mYp2sGh4dJc6a", "fNq1b8Lw0z"),
    ("-fNq1b8Lw0zTq7v3kXr5mYp2sGh4dJc6a", "Nq1b8Lw0z"),
    ("--fNq1b8Lw0zTq7v3kXr5mYp2sGh4dJc6a", "Nq1b8Lw0z"),
    ("0f1e2d3c4b5a69788796a5b4c3d2e1f0", "0f1e2d3c4b"),
    ("correct horse battery staple", "battery"),
    ("https://me:hush-hush@relay.example/x", "hush"),
    (
        "https://relay.example/#invite=0f1e2d3c4b5a69788796a5b4c3d2e1f0",
        "0f1e2d3c4b",
    ),
];

/// Runs the program; what it said, if it refused.
fn refused(place: &Path, arguments: &[&str], environment: Option<(&str, &str)>) -> Option<String> {
    let mut command = Command::new(PROGRAM);
    command
        .current_dir(place)
        .env_clear()
        .args(arguments)
        .envs(environment)
        .stdin(Stdio::null());
    let output = command.output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (!output.status.success()).then_some(said)
}

#[test]
fn a_secret_typed_in_the_place_of_a_setting_is_not_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let (data, place) = (dir.path().join("data"), dir.path());
    let data = data.to_str().unwrap();
    let settings = SETTINGS.iter().map(|setting| (setting.flag, setting.variable));
    for (flag, variable) in settings.chain([("config", "LATCHKEY_CONFIG")]) {
        for (secret, piece) in SECRETS {
            let (dashed, joined) = (format!("--{flag}"), format!("--{flag}={secret}"));
            let at = if flag == "data-dir" {
                &[][..]
            } else {
                &["--data-dir", data]
            };
            // No relay has run here: every one of them is refused, by what it is or by what is not there.
            for (arguments, environment) in [
                (vec![dashed.as_str(), secret], None),
                (vec![joined.as_str()], None),
                (vec![], Some((variable, secret))),
            ] {
                let arguments = [at, &arguments, &["check"]].concat();
                let said = refused(place, &arguments, environment).expect("it is refused");
                assert!(!said.contains(piece), "{arguments:?} {environment:?}: {said}");
                assert!(said.len() > 20, "it says something: {said}");
            }
        }
    }
    assert_eq!(std::fs::read_dir(place).unwrap().count(), 0, "nothing was made");
}

#[test]
fn a_secret_typed_behind_a_command_is_not_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let (data, place) = (dir.path().join("data"), dir.path().join("place"));
    std::fs::create_dir(&place).unwrap();
    let mut relay = Process::start(&data, "127.0.0.1:0");
    relay.kill();
    let data = data.to_str().unwrap();
    let mut refusals = 0;
    for command in [
        "",
        "openapi",
        "check",
        "backup absent/",
        "audit",
        "audit verify",
        "audit verify --kept",
        "config",
        "config show",
        "accounts",
        "accounts list",
        "accounts list --json",
        "accounts remove",
        "accounts remove --yes",
        "accounts release",
        "accounts release --yes",
        "invite",
        "invite --uses",
        "invite --expires",
        "invite list",
        "invite revoke",
        "--quiet",
        "--no-such-setting",
    ] {
        for (secret, piece) in SECRETS {
            let mut arguments = vec!["--data-dir".to_owned(), data.to_owned()];
            arguments.extend(command.split(' ').filter(|word| !word.is_empty()).map(str::to_owned));
            match arguments.last_mut().filter(|last| last.ends_with('/')) {
                Some(last) => last.push_str(secret),
                None => arguments.push(secret.to_owned()),
            }
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let said = refused(&place, &arguments, None).unwrap_or_else(|| panic!("{arguments:?} is taken"));
            assert!(!said.contains(piece), "{arguments:?}: {said}");
            refusals += 1;
        }
    }
    assert_eq!(refusals, 23 * SECRETS.len());
    // An ordinary mistake is repeated, with what was meant.
    let said = refused(&place, &["--data-dir", data, "acounts"], None).unwrap();
    assert!(said.contains("'acounts'") && said.contains("'accounts'"), "{said}");
    let said = refused(&place, &["--data-dir", data, "invite", "--uses", "many"], None).unwrap();
    assert!(said.contains("'many'"), "{said}");
}

/// Help, and whatever a command has to show: a full disk behind standard output is a failure, and a relay that runs is none.
#[cfg(target_os = "linux")]
#[test]
fn a_standard_output_that_takes_nothing_is_1() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut relay = Process::start(&data, "127.0.0.1:0");
    relay.kill();
    let (data, copy) = (data.to_str().unwrap(), dir.path().join("copy"));
    let full = |args: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command
            .env_clear()
            .args(["--data-dir", data])
            .args(args)
            .stdin(Stdio::null());
        command.stdout(std::fs::File::options().write(true).open("/dev/full").unwrap());
        let output = command.output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    for args in [
        &["--help"][..],
        &["-h"],
        &["--version"],
        &["help"],
        &["help", "check"],
        &["help", "--help"],
        &["check", "--help"],
        &["openapi"],
        &["check"],
        &["config", "show"],
        &["audit", "verify"],
        &["backup", copy.to_str().unwrap()],
        &["invite"],
        &["invite", "list"],
    ] {
        let (code, said) = full(args);
        assert_eq!(code, 1, "{args:?}: {said}");
        assert!(said.contains("standard output takes nothing"), "{args:?}: {said}");
    }
    assert!(copy.exists(), "a change that was to be made is made");
    // A question that is not seen is not answered.
    let (code, said) = full(&["accounts", "remove", "nobody"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("no account named"), "{said}");
}
