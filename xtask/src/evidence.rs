//! The tests that the documents name exist: a table of promises is worth as much as what it points to.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// Documents whose names in code marks are held to.
const DOCUMENTS: &[&str] = &[
    "docs/threat-model.md",
    "docs/evidence.md",
    "docs/evidence-gate.md",
    "docs/mutants.md",
];
/// Where tests are.
const SOURCES: &[&str] = &["server", "cli", "sdk", "crates", "bench", "xtask"];
/// Where a path in a document may begin, besides the top: the evidence is mostly about this crate.
const HOMES: &[&str] = &[
    "",
    "crates/protocol",
    "crates/protocol/src",
    "crates/playgate/src/oblivious",
];

/// Looks whether every test and file that a document names is there; how many there are.
///
/// # Errors
/// What is named and is not there; files that cannot be read.
pub fn check() -> Result<usize> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no parent")?;
    let mut functions = BTreeSet::new();
    for folder in SOURCES {
        collect(&top.join(folder), &mut functions)?;
    }
    let (mut named, mut missing) = (0, Vec::new());
    for document in DOCUMENTS {
        let text = fs::read_to_string(top.join(document)).with_context(|| (*document).to_owned())?;
        for mark in marks(&text) {
            let there = if is_test(mark) {
                functions.contains(mark)
            } else if is_path(mark) {
                HOMES.iter().any(|home| top.join(home).join(mark).exists())
            } else {
                continue;
            };
            named += 1;
            if !there {
                missing.push(format!("{document} names {mark}"));
            }
        }
    }
    if !missing.is_empty() {
        bail!("not there: {}", missing.join("; "));
    }
    if named == 0 {
        bail!("no document names a test");
    }
    Ok(named)
}

/// What stands between code marks.
fn marks(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// Names of tests are sentences.
fn is_test(mark: &str) -> bool {
    mark.matches('_').count() >= 3
        && mark
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

fn is_path(mark: &str) -> bool {
    mark.contains('/')
        && [".rs", ".sh", ".json", ".jsonl", ".md", ".py"]
            .iter()
            .any(|end| mark.ends_with(end))
}

/// The names of all functions in the Rust files below a folder.
fn collect(folder: &Path, functions: &mut BTreeSet<String>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, functions)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            functions.extend(names(&text).map(str::to_owned));
        }
    }
    Ok(())
}

fn names(source: &str) -> impl Iterator<Item = &str> {
    source
        .split("fn ")
        .skip(1)
        .filter_map(|rest| rest.split(['(', '<']).next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_paths_are_told_from_other_marks() {
        let text = "| x | `a_test_with_a_name`, `send_limited`, `crates/a/b.rs`, `party::driver` |";
        let found: Vec<_> = marks(text).collect();
        assert_eq!(
            found,
            ["a_test_with_a_name", "send_limited", "crates/a/b.rs", "party::driver"]
        );
        assert_eq!(
            found.iter().map(|mark| is_test(mark)).collect::<Vec<_>>(),
            [true, false, false, false]
        );
        assert_eq!(
            found.iter().map(|mark| is_path(mark)).collect::<Vec<_>>(),
            [false, false, true, false]
        );
    }

    #[test]
    fn functions_are_found_by_name() {
        let found: Vec<_> = names("async fn one() {}\n    fn two<T>(x: T) {}").collect();
        assert_eq!(found, ["one", "two"]);
    }
}
