//! What CI leaves unchecked is a failure unless it is allowed by name: `.ci/skips`, asked by the shell that runs it.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests fail like tests

use std::fs;
use std::process::Command;

const ALLOWED: &str = "# name cause why\nunreachable so the host is far away\nimpossible not_so it was once\nodd unknown_cause nobody looks\n";

/// What is said of these skips, and how many of them are not allowed.
fn judged(skips: &[(&str, &str)], allowed_by_environment: &str) -> (String, i32) {
    let dir = tempfile::tempdir().unwrap();
    let (noted, allowed) = (dir.path().join("skips"), dir.path().join("allowed"));
    fs::write(&noted, "").unwrap();
    fs::write(&allowed, ALLOWED).unwrap();
    let mut script = String::from("set -euo pipefail\n. \"$0\"\ncause_so() { true; }\ncause_not_so() { false; }\n");
    for (name, why) in skips {
        script += &format!("result=0; skip {name} '{why}' >/dev/null || result=$?; [ $result = 77 ]\n");
    }
    script += "judge_skips\n";
    let output = Command::new("bash")
        .args(["-c", &script, concat!(env!("CARGO_MANIFEST_DIR"), "/../.ci/skips")])
        .env("SKIPS", &noted)
        .env("ALLOWED_SKIPS", &allowed)
        .env("LATCHKEY_ALLOW_SKIP", allowed_by_environment)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (said, output.status.code().unwrap())
}

#[test]
fn nothing_that_was_skipped_is_allowed_by_silence() {
    assert_eq!(judged(&[], ""), (String::new(), 0));
    let (said, refused) = judged(
        &[("new", "no tool"), ("unreachable", "no host"), ("newer", "no tool")],
        "",
    );
    assert_eq!(refused, 2, "{said}");
    assert!(said.contains("new: no tool\n  NOT allowed"), "{said}");
    assert!(
        said.contains("unreachable: no host\n  allowed by") && said.contains("the host is far away"),
        "{said}"
    );
}

#[test]
fn a_cause_counts_while_it_is_so_and_is_looked_at() {
    let (said, refused) = judged(&[("impossible", "x"), ("odd", "y")], "");
    assert_eq!(refused, 2, "{said}");
    assert!(said.contains("allows it for not_so, which is not so here"), "{said}");
    assert!(said.contains("a cause that nothing looks at: unknown_cause"), "{said}");
}

#[test]
fn the_environment_allows_by_whole_names() {
    let skips = [("impossible", "x"), ("new", "y")];
    assert_eq!(judged(&skips, "impossible,new").1, 0);
    assert_eq!(judged(&skips, "new").1, 1);
    assert_eq!(judged(&skips, "ne,imposs,newer").1, 2);
}

/// Each line of the committed list has a cause that .ci/skips can look at, and a reason.
#[test]
fn the_committed_list_states_causes_that_are_looked_at() {
    let top = concat!(env!("CARGO_MANIFEST_DIR"), "/../.ci");
    let (list, causes) = (
        fs::read_to_string(format!("{top}/allowed-skips")).unwrap(),
        fs::read_to_string(format!("{top}/skips")).unwrap(),
    );
    let lines: Vec<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(!lines.is_empty());
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert!(words.len() > 5, "{line}");
        assert!(causes.contains(&format!("\ncause_{}() {{", words[1])), "{line}");
    }
}
