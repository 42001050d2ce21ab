//! What the relay says when it refuses, and what its help says.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use poem_openapi::types::ParseFromJSON as _;
use serde_json::Value;
use server::{
    api::problem::{Problem, ProblemCode},
    config::SETTINGS,
};

/// Words that name no one.
const AVOIDED: &[&str] = &["whoever", "nobody", "somebody", "that which", "anew"];
/// A headline and a sentence, characters: they are shown in a line of a log or of a terminal.
const MAX_TITLE: usize = 50;
const MAX_ACTION: usize = 160;

fn avoided(text: &str) -> Option<&'static str> {
    let text = format!(" {} ", text.to_lowercase().replace(|c: char| !c.is_alphabetic(), " "));
    AVOIDED.iter().copied().find(|word| text.contains(&format!(" {word} ")))
}

/// The codes as the contract lists them.
fn codes() -> Vec<ProblemCode> {
    let contract: Value = serde_yaml_of(&server::openapi_yaml());
    let listed = contract["components"]["schemas"]["ProblemCode"]["enum"]
        .as_array()
        .unwrap();
    let parse = |code: &Value| ProblemCode::parse_from_json(Some(code.clone())).ok().unwrap();
    listed.iter().map(parse).collect()
}

fn serde_yaml_of(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap()
}

#[test]
fn each_refusal_says_what_was_wrong_and_what_to_do() {
    let codes = codes();
    assert!(codes.len() > 30);
    for code in codes {
        let problem = Problem::new(code, "what was wrong");
        let (title, action) = (problem.title, problem.action);
        assert!(
            title.starts_with(char::is_uppercase) && !title.ends_with('.'),
            "{code:?}: {title}"
        );
        assert!(title.chars().count() <= MAX_TITLE, "{code:?}: {title}");
        assert!(
            action.starts_with(char::is_uppercase) && action.ends_with('.'),
            "{code:?}: {action}"
        );
        assert!(action.chars().count() <= MAX_ACTION, "{code:?}: {action}");
        assert_eq!((avoided(&title), avoided(&action)), (None, None), "{code:?}");
        // Where waiting is what helps, a caller is told for how long.
        if action.contains("retry_after_seconds") {
            assert!(problem.retry_after_seconds.is_some(), "{code:?}");
        }
    }
}

/// Every description and summary below a value, with where it is.
fn descriptions(value: &Value, place: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let place = format!("{place}/{name}");
                match field.as_str().filter(|_| name == "description" || name == "summary") {
                    Some(text) => found.push((place, text.to_owned())),
                    None => descriptions(field, &place, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| descriptions(item, place, found)),
        _ => {}
    }
}

#[test]
fn the_contract_names_who_does_what() {
    let mut found = Vec::new();
    descriptions(&serde_yaml_of(&server::openapi_yaml()), "", &mut found);
    assert!(found.len() > 500, "{}", found.len());
    let bad: Vec<_> = found.iter().filter(|(_, text)| avoided(text).is_some()).collect();
    assert!(bad.is_empty(), "{bad:#?}");
}

#[test]
fn each_code_is_described_at_the_status_that_it_comes_with() {
    let contract = serde_yaml_of(&server::openapi_yaml());
    let answers = &contract["paths"]["/v1/status"]["get"]["responses"];
    for code in codes() {
        let problem = Problem::new(code, "what was wrong");
        let name = problem.kind.strip_prefix("urn:latchkey:problem:").unwrap();
        let said = answers[problem.status.to_string()]["description"].as_str().unwrap();
        let mut listed = said.split(|c: char| !c.is_ascii_lowercase() && c != '_');
        assert!(listed.any(|word| word == name), "{name} is not among: {said}");
    }
}

/// The text of the services, where requests are refused.
fn services(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            services(&path, text);
        } else {
            text.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

/// The fields that refusals for a wrong length name: `exactly("FIELD", …)`.
fn named_fields(text: &str) -> BTreeSet<String> {
    let calls = text.split("exactly").skip(1);
    calls
        .filter_map(|call| {
            let (length, argument) = call.split_once("(\"")?;
            let is_call = length.is_empty() || length.starts_with("::<") && length.ends_with('>');
            is_call.then(|| argument.split('"').next().map(str::to_owned))?
        })
        .collect()
}

#[test]
fn a_refusal_names_fields_as_the_contract_does() {
    let mut text = String::new();
    services(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/service"), &mut text);
    let contract: Value = serde_yaml_of(&server::openapi_yaml());
    let mut known = BTreeSet::new();
    for schema in contract["components"]["schemas"].as_object().unwrap().values() {
        known.extend(
            schema["properties"]
                .as_object()
                .into_iter()
                .flat_map(|fields| fields.keys().cloned()),
        );
    }
    for operation in contract["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|path| path.as_object().unwrap().values())
    {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        known.extend(parameters.map(|parameter| parameter["name"].as_str().unwrap().to_owned()));
    }
    let named = named_fields(&text);
    assert!(named.len() > 8, "{named:?}");
    for field in named {
        // `each of one_time_batch.keys`: the last word is the path to the field.
        let path = field.split(' ').next_back().unwrap();
        for part in path.split('.') {
            assert!(known.contains(part), "{field}: the contract has no {part}");
        }
    }
    assert_eq!(
        named_fields(r#"exactly::<7>("a.b", x); exactly("c", y); not_exactly(name, z); f("d")"#),
        BTreeSet::from(["a.b".to_owned(), "c".to_owned()])
    );
}

fn help(of: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_latchkey-relay"))
        .arg("help")
        .args(of)
        .output()
        .unwrap();
    assert!(output.status.success(), "{of:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn help_names_every_setting_and_says_plainly_what_each_command_does() {
    let all = help(&[]);
    let flags: BTreeSet<&str> = all
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .filter_map(|word| word.strip_prefix("--"))
        .collect();
    for setting in SETTINGS {
        assert!(flags.contains(setting.flag), "--{}", setting.flag);
    }
    let commands: &[&[&str]] = &[
        &[],
        &["audit"],
        &["audit", "verify"],
        &["backup"],
        &["check"],
        &["config"],
        &["config", "show"],
        &["accounts"],
        &["accounts", "list"],
        &["accounts", "remove"],
        &["accounts", "release"],
        &["invite"],
        &["invite", "list"],
        &["invite", "revoke"],
        &["openapi"],
    ];
    for of in commands {
        let text = help(of);
        assert_eq!(avoided(&text), None, "{of:?}: {text}");
        let about = text.lines().next().unwrap();
        // As one asks a program for something, and not as one tells of it.
        let verb = about.split([' ', ',']).next().unwrap();
        assert!(of.is_empty() || !verb.ends_with('s'), "{of:?}: {about}");
        for unsaid in ["VALUE", "(s)", "TIME>"] {
            assert!(!text.contains(unsaid), "{of:?}: {unsaid}: {text}");
        }
        assert!(
            about.starts_with(char::is_uppercase) && !about.ends_with('.'),
            "{of:?}: {about}"
        );
        // An argument without a word behind it says nothing.
        let mut lines = text.lines().skip_while(|line| *line != "Arguments:").skip(1);
        for line in lines.by_ref().take_while(|line| !line.is_empty()) {
            assert!(line.split_whitespace().count() > 1, "{of:?}: {line}");
        }
    }
}

/// Not in the words of the libraries that read them, and with what would have been right.
#[test]
fn wrong_numbers_and_paths_are_told_what_is_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let (none, file) = (dir.path().join("none"), dir.path().join("file"));
    std::fs::write(&file, "").unwrap();
    let [none, file, empty] = [&none, &file, dir.path()].map(|path| path.to_str().unwrap());
    let in_file = format!("{file}/below");
    for (args, code, allowed) in [
        (
            &["invite", "--uses", "0"][..],
            2,
            "'0' for '--uses <N>': write a number of accounts from 1 to 4294967295",
        ),
        (&["invite", "--uses", "many"], 2, "write a number of accounts from 1"),
        (&["invite", "--uses", "-1"], 2, "write a number of accounts from 1"),
        (&["invite", "--uses", ""], 2, "write a number of accounts from 1"),
        (&["--data-dir", none, "check"], 1, "there is no directory"),
        (&["--data-dir", file, "check"], 1, "is no directory"),
        (&["--data-dir", &in_file, "check"], 1, "there is no directory"),
        (&["--data-dir", empty, "check"], 1, "there is no relay's database in"),
        (
            &["--data-dir", empty, "accounts", "list"],
            1,
            "no relay has run on this directory yet",
        ),
        (
            &["--data-dir", empty, "backup", "copy"],
            1,
            "latchkey-relay --data-dir DIR …",
        ),
        (
            &["--mailbox-envelopes", "-1", "config", "show"],
            64,
            "a whole number from 1 on",
        ),
        (&["--listen", "-1", "config", "show"], 64, "an IP address and a port"),
        (
            &["--behind-proxy=perhaps", "config", "show"],
            64,
            "Example: --behind-proxy=true or",
        ),
    ] {
        let mut relay = Command::new(env!("CARGO_BIN_EXE_latchkey-relay"));
        let output = relay.args(args).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(allowed), "{args:?}: {said}");
        for library in [
            "digit",
            "non-zero",
            "unable to open",
            "Error code",
            "os error",
            "unexpected argument",
        ] {
            assert!(!said.contains(library), "{args:?}: {said}");
        }
    }
}

#[test]
fn exit_codes_are_those_that_help_lists() {
    let help = help(&[]);
    let (_, listed) = help.split_once("Exit codes: ").unwrap();
    let codes: Vec<i32> = listed
        .split(';')
        .map(|part| part.split_whitespace().next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(codes, [0, 1, 2, 64]);
    let dir = tempfile::tempdir().unwrap();
    let exit = |args: &[&str]| {
        let mut relay = Command::new(env!("CARGO_BIN_EXE_latchkey-relay"));
        let ended = relay.arg("--data-dir").arg(dir.path()).args(args).output().unwrap();
        ended.status.code().unwrap()
    };
    assert_eq!(exit(&["config", "show"]), 0);
    assert_eq!(exit(&["check"]), 1, "there is no database");
    assert_eq!(exit(&["--nonsense"]), 2);
    assert_eq!(exit(&["--envelope-ttl", "soon", "config", "show"]), 64);
}
