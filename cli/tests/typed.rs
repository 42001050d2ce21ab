//! What is typed in the wrong place: invitations, tokens, passphrases and messages are not repeated.

// Helpers of tests may panic like the tests themselves (clippy.toml exempts only the latter).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    path::Path,
    process::{Command, Stdio},
};

/// Secrets, and a piece of each.
const SECRETS: [(&str, &str); 8] = [
    ("fNq1b8Lw0zTq7v3kXr5mYp2sGh4dJc6aV9eWn0iBuOx", "fNq1b8Lw0z"),
    ("-fNq1b8Lw0zTq7v3kXr5mYp2sGh4dJc6aV9eWn0iBuO", "Nq1b8Lw0z"),
    ("--fNq1b8Lw0zTq7v3kXr5mYp2sGh4dJc6aV9eWn0iBu", "Nq1b8Lw0z"),
    ("0f1e2d3c4b5a69788796a5b4c3d2e1f0", "0f1e2d3c4b"),
    (
        "https://relay.example/#invite=0f1e2d3c4b5a69788796a5b4c3d2e1f0",
        "0f1e2d3c4b",
    ),
    ("correct horse battery staple", "battery"),
    ("--battery staple", "staple"),
    ("https://me:hush-hush@relay.example/x", "hush"),
];

fn refused(home: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    command.env_clear().env("LATCHKEY_HOME", home).args(arguments);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(!output.status.success(), "{arguments:?} is taken: {said}");
    said
}

#[test]
fn a_secret_in_the_wrong_place_of_the_command_line_is_not_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    for (secret, piece) in SECRETS {
        for words in [
            "",
            "--json",
            "--relay",
            "--relay-url",
            "--pin",
            "--wait",
            "inbox",
            "inbox --wait",
            "history --limit",
            "contacts",
            "play 1",
            "verify bob",
            "send bob hi",
            "send bob hi --plays",
            "send bob hi --plays 2 --expires",
            "register",
            "register bob",
            "register bob --invite",
            "register bob --relay",
            "register bob --relay http://127.0.0.1:1 --pin",
            "register bob --relay http://127.0.0.1:1 --passphrase-file",
        ] {
            let mut words: Vec<&str> = words.split(' ').filter(|word| !word.is_empty()).collect();
            words.push(secret);
            let said = refused(&home, &words);
            assert!(!said.contains(piece), "{words:?}: {said}");
            let json = refused(&home, &[&["--json"], words.as_slice()].concat());
            assert!(!json.contains(piece), "{words:?}: {json}");
        }
    }
    // An ordinary mistake is repeated, with what was meant.
    let said = refused(&home, &["contcats"]);
    assert!(said.contains("'contcats'") && said.contains("'contacts'"), "{said}");
    let said = refused(&home, &["inbox", "--wait", "soon"]);
    assert!(said.contains("'soon'") && said.contains("'--wait <SECONDS>'"), "{said}");
    let said = refused(&home, &["--allow-plain-htpp", "contacts"]);
    assert!(said.contains("'--allow-plain-htpp'"), "{said}");
}
