//! The file of results that documents quote (`cargo xtask generate` puts its rows into them).

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::table::{Report, Row};

/// Puts a suite's report into the file in the place of the earlier one; other suites stay as they are.
///
/// `command` is what was asked for, `machine` what it ran on.
pub fn save(file: &Path, suite: &str, report: &Report, command: &str, machine: &[String]) -> Result<()> {
    let earlier = match fs::read_to_string(file) {
        Ok(text) => serde_json::from_str(&text).with_context(|| format!("{} is no file of results", file.display()))?,
        Err(error) if error.kind() == ErrorKind::NotFound => Map::new(),
        Err(error) => return Err(error).context(file.display().to_string()),
    };
    let all = with(earlier, suite, report, command, machine);
    fs::write(file, serde_json::to_string_pretty(&all)? + "\n").context(file.display().to_string())
}

fn with(
    mut all: Map<String, Value>,
    suite: &str,
    report: &Report,
    command: &str,
    machine: &[String],
) -> Map<String, Value> {
    let lines: Vec<_> = report.rows.iter().map(Row::line).collect();
    let value = json!({
        "command": command,
        "machine": machine,
        "settings": report.settings,
        "skipped": report.skipped,
        "rows": lines,
    });
    all.insert(suite.to_owned(), value);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_takes_the_place_of_its_earlier_self_alone() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("results.json");
        let report = |value| Report {
            skipped: vec!["redis: not installed".to_owned()],
            ..Report::from(vec![Row::new("n", value, "ms")])
        };
        let machine = ["two cores".to_owned()];
        save(&file, "a", &report(1.0), "bench a", &machine).unwrap();
        save(&file, "b", &report(2.0), "bench b", &machine).unwrap();
        save(&file, "a", &report(3.0), "bench a", &machine).unwrap();
        let kept: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        assert_eq!(
            (&kept["a"]["rows"][0]["value"], &kept["b"]["rows"][0]["value"]),
            (&json!(3.0), &json!(2.0))
        );
        assert_eq!(kept["b"]["skipped"], json!(["redis: not installed"]));
        assert_eq!(kept["b"]["machine"], json!(["two cores"]));
        fs::write(&file, "nonsense").unwrap();
        assert!(
            save(&file, "a", &report(1.0), "", &machine).is_err(),
            "what is no file of results stays"
        );
    }
}
