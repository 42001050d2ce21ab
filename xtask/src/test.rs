//! `cargo xtask test`: everything that proves the project.
//!
//! Plain cargo, so that nothing has to be installed. Doc tests are part of it. Its last lines say how many tests ran.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, pipe};
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::{evidence, generate, modules, mutants, one_build, out, prose, run, walls};

/// Runs the tests, then the checks that are no tests of a package.
///
/// # Errors
/// When anything failed, was skipped, or could not run.
pub fn run() -> Result<()> {
    let mut total = cargo_test()?;
    total.checks();
    total.conclude()
}

/// Runs the checks alone.
///
/// # Errors
/// When one failed.
pub fn check() -> Result<()> {
    let mut total = Total {
        finished: true,
        ..Total::default()
    };
    total.checks();
    total.conclude()
}

fn cargo_test() -> Result<Total> {
    // One pipe for both streams keeps the name of a test binary (standard error) before its results (standard output).
    let (reader, writer) = pipe().context("no pipe")?;
    let mut command = run::cargo(&["test", "--workspace", "--no-fail-fast", "--locked"]);
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone().context("no pipe")?)
        .stderr(writer);
    let mut cargo = command.spawn().context("cargo could not be started")?;
    // Our copies of the writing end are in the command; while they live the reader would wait for more.
    drop(command);
    let mut total = Total::default();
    for line in BufReader::new(reader).split(b'\n') {
        let line = line.context("the output of cargo could not be read")?;
        let line = String::from_utf8_lossy(&line);
        out::line(&line);
        total.read(&line);
    }
    total.finished = cargo.wait().context("cargo could not be waited for")?.success();
    Ok(total)
}

/// What the lines of cargo test add up to.
#[derive(Default)]
struct Total {
    passed: u64,
    failed: u64,
    ignored: u64,
    binaries: u64,
    checks: u64,
    /// Whether cargo itself ended well. It does not when something failed to compile.
    finished: bool,
    current: String,
    failures: Vec<String>,
    /// What tests say that they did less of than they should, because of the machine: `NAME: WHY`.
    lowered: BTreeSet<String>,
}

impl Total {
    fn read(&mut self, line: &str) {
        let text = line.trim();
        if let Some(lowered) = text.strip_prefix("lowered: ") {
            self.lowered.insert(lowered.to_owned());
        } else if let Some(binary) = text.strip_prefix("Running ") {
            self.current = binary.split(" (").next().unwrap_or(binary).to_owned();
        } else if let Some(package) = text.strip_prefix("Doc-tests ") {
            self.current = format!("doc tests of {package}");
        } else if let Some(result) = text.strip_prefix("test result: ") {
            self.binaries += 1;
            for (count, what) in result.split(['.', ';']).filter_map(|part| part.trim().split_once(' ')) {
                let count = count.parse().unwrap_or(0);
                match what {
                    "passed" => self.passed += count,
                    "failed" => self.failed += count,
                    "ignored" => self.ignored += count,
                    _ => {}
                }
            }
        } else if let Some(name) = text
            .strip_prefix("test ")
            .and_then(|test| test.strip_suffix(" ... FAILED"))
        {
            self.failures.push(format!("{name} ({})", self.current));
        }
    }

    fn checks(&mut self) {
        self.check("walls", walls::check().map(|walls| format!("{walls} walls stand")));
        self.check(
            "modules",
            modules::check().map(|files| format!("{files} files, and no circle among them")),
        );
        self.check(
            "evidence",
            evidence::check().map(|named| format!("{named} tests and files that documents name are there")),
        );
        self.check("prose", prose::check());
        self.check(
            "mutants",
            mutants::check().map(|excused| format!("{excused} excuses fit the sources")),
        );
        self.check(
            "one build",
            one_build::check().map(|shared| format!("{shared} packages are compiled once for relay, client and tests")),
        );
        self.check("generated files", generate::run(true).map(|()| "up to date".to_owned()));
    }

    fn conclude(&self) -> Result<()> {
        out::line("");
        for line in self.summary() {
            out::line(&line);
        }
        if self.failed + self.ignored > 0 || self.passed == 0 || !self.finished {
            bail!("not everything is proved");
        }
        Ok(())
    }

    fn check(&mut self, name: &str, outcome: Result<String>) {
        self.checks += 1;
        match outcome {
            Ok(said) => {
                self.passed += 1;
                out::line(&format!("{name}: {said}"));
            }
            Err(error) => {
                self.failed += 1;
                out::error(&format!("{name}: {error:#}"));
                self.failures.push(name.to_owned());
            }
        }
    }

    fn summary(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.failures.iter().map(|name| format!("failed: {name}")).collect();
        if !self.finished && self.failures.is_empty() {
            lines.push("cargo test did not run to its end; its own message is above".to_owned());
        }
        lines.extend(self.lowered.iter().map(|lowered| format!("lowered: {lowered}")));
        let lowered = if self.lowered.is_empty() {
            String::new()
        } else {
            format!(", {} lowered", self.lowered.len())
        };
        let ignored = if self.ignored > 0 {
            format!(", {} ignored", self.ignored)
        } else {
            String::new()
        };
        lines.push(format!(
            "{} test binaries and {} checks: {} passed, {} failed{ignored}{lowered}",
            self.binaries, self.checks, self.passed, self.failed
        ));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Total {
        let mut total = Total::default();
        text.lines().for_each(|line| total.read(line));
        total
    }

    #[test]
    fn counts_add_up() {
        let total = read(
            "     Running unittests src/lib.rs (target/debug/deps/a-1)\ntest a::b ... ok\n\
             test result: ok. 17 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n\
             Doc-tests a\ntest result: ok. 1 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.00s\n",
        );
        assert_eq!(
            (total.passed, total.failed, total.ignored, total.binaries),
            (18, 0, 2, 2)
        );
        assert_eq!(
            total.summary().last().unwrap(),
            "2 test binaries and 0 checks: 18 passed, 0 failed, 2 ignored"
        );
    }

    #[test]
    fn a_failure_is_named_with_where_it_happened() {
        let total = read(
            "     Running tests/api.rs (target/debug/deps/api-1)\ntest one ... FAILED\n\
             test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n",
        );
        assert_eq!((total.passed, total.failed), (3, 1));
        assert_eq!(total.summary()[0], "failed: one (tests/api.rs)");
    }

    #[test]
    fn what_did_less_than_it_should_is_named_and_counted_once() {
        let total = read(
            "lowered: connections: 500 clients instead of 10000\n\
             test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n\
             lowered: connections: 500 clients instead of 10000\n",
        );
        let summary = total.summary();
        assert!(
            summary.ends_with(&[
                "lowered: connections: 500 clients instead of 10000".to_owned(),
                "1 test binaries and 0 checks: 1 passed, 0 failed, 1 lowered".to_owned(),
            ]),
            "{summary:?}"
        );
    }

    #[test]
    fn a_check_counts_like_a_test() {
        let mut total = Total {
            finished: true,
            ..Total::default()
        };
        total.check("a", Ok("fine".to_owned()));
        total.check("b", Err(anyhow::anyhow!("broken")));
        assert_eq!((total.passed, total.failed), (1, 1));
        assert_eq!(
            total.summary(),
            ["failed: b", "0 test binaries and 2 checks: 1 passed, 1 failed"]
        );
    }
}
