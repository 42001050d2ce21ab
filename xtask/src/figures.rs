//! Measured numbers in documents: tables between two markers, filled from the file that `bench --save` writes.
//!
//! A block names its rows, one a line, by suite and name; `*` stands for all rows of a suite:
//!
//! ```text
//! <!-- figures
//! relay: durable send / echo
//! protocol: *
//! -->
//! (what stands here is written by `cargo xtask generate`)
//! <!-- end of figures -->
//! ```

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// What `bench --save` writes.
pub const RESULTS: &str = "docs/performance.json";
/// Documents that quote it.
pub const DOCUMENTS: [&str; 5] = [
    "README.md",
    "docs/performance.md",
    "docs/protocol.md",
    "docs/oblivious-analysis.md",
    "docs/evidence-gate.md",
];

const BEGIN: &str = "<!-- figures\n";
const ROWS_END: &str = "-->\n";
const END: &str = "<!-- end of figures -->";

/// The document with its blocks filled anew; fails when a block is not closed, or names what is not among the results.
pub fn fill(document: &str, results: &Value) -> Result<String> {
    let (mut filled, mut rest) = (String::with_capacity(document.len()), document);
    while let Some((before, block)) = rest.split_once(BEGIN) {
        let (wanted, block) = block
            .split_once(ROWS_END)
            .context("a block of figures without an end of its rows")?;
        let (stale, after) = block.split_once(END).context("a block of figures without an end")?;
        if stale.contains(BEGIN) {
            bail!("a block of figures without an end before the next one");
        }
        let _ = write!(
            filled,
            "{before}{BEGIN}{wanted}{ROWS_END}{}{END}",
            table(wanted, results)?
        );
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// One table of the rows that are wanted, and below it what they were measured on, how, and what was left out.
fn table(wanted: &str, results: &Value) -> Result<String> {
    let mut table = "\n| | measured | target | holds |\n|---|---|---|---|\n".to_owned();
    let mut suites: Vec<(&str, bool)> = Vec::new();
    for line in wanted.lines() {
        let (suite, name) = line
            .split_once(": ")
            .with_context(|| format!("'{line}' names no suite and row"))?;
        let rows = results[suite]["rows"]
            .as_array()
            .with_context(|| format!("{RESULTS} has no suite '{suite}'"))?;
        let rows: Vec<_> = rows.iter().filter(|row| name == "*" || row["name"] == name).collect();
        if rows.is_empty() {
            bail!("{RESULTS} has no row '{name}' of the suite '{suite}'");
        }
        for row in rows {
            let holds = match row["holds"].as_bool() {
                None => "–",
                Some(true) => "yes",
                Some(false) => "**no**",
            };
            let (name, shown) = (text(&row["name"])?, text(&row["shown"])?);
            let _ = writeln!(
                table,
                "| {name} | {shown} | {} | {holds} |",
                row["target"].as_str().unwrap_or("–")
            );
        }
        match suites.iter_mut().find(|(known, _)| *known == suite) {
            Some((_, whole)) => *whole |= name == "*",
            None => suites.push((suite, name == "*")),
        }
    }
    table.push('\n');
    for (suite, whole) in suites {
        let of = &results[suite];
        let machine = list(&of["machine"])?.join("; ");
        let run = format!("- `{}`: {machine}\n", text(&of["command"])?);
        // Suites of one run share it.
        if !table.contains(&run) {
            table.push_str(&run);
        }
        // How it was measured belongs to the whole of it; what was not compared is said wherever a number stands.
        let settings = if whole { list(&of["settings"])? } else { Vec::new() };
        for said in settings {
            let _ = writeln!(table, "  - {said}");
        }
        for skipped in list(&of["skipped"])? {
            let _ = writeln!(table, "  - **skipped**: {skipped}");
        }
    }
    table.push('\n');
    Ok(table)
}

fn text(value: &Value) -> Result<&str> {
    value
        .as_str()
        .with_context(|| format!("{RESULTS} has {value} where a text should be"))
}

fn list(value: &Value) -> Result<Vec<&str>> {
    let list = value
        .as_array()
        .with_context(|| format!("{RESULTS} has {value} where a list should be"))?;
    list.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn results() -> Value {
        json!({
            "relay": {
                "command": "bench relay", "machine": ["two cores", "load before: 0"], "settings": ["relay: --flag"], "skipped": ["redis: not installed"],
                "rows": [
                    { "name": "send", "shown": "33 000/s", "target": null, "holds": null },
                    { "name": "send / echo", "shown": "0.300 ×", "target": "≥ 0.500", "holds": false },
                ],
            },
            "send": {
                "command": "bench send", "machine": ["one core"], "settings": [], "skipped": [],
                "rows": [{ "name": "counted", "shown": "1.50 ms", "target": "≤ 2", "holds": true }],
            },
        })
    }

    #[test]
    fn a_block_shows_the_rows_that_it_names() {
        let document =
            "before\n<!-- figures\nrelay: send / echo\nsend: *\n-->\nstale 0.31\n<!-- end of figures -->\nafter\n";
        let filled = fill(document, &results()).unwrap();
        let expected = "before\n<!-- figures\nrelay: send / echo\nsend: *\n-->\n\n| | measured | target | holds |\n|---|---|---|---|\n\
                        | send / echo | 0.300 × | ≥ 0.500 | **no** |\n| counted | 1.50 ms | ≤ 2 | yes |\n\n\
                        - `bench relay`: two cores; load before: 0\n  - **skipped**: redis: not installed\n- `bench send`: one core\n\n\
                        <!-- end of figures -->\nafter\n";
        assert_eq!(filled, expected);
        assert_eq!(
            fill(&filled, &results()).unwrap(),
            filled,
            "filled twice is filled once"
        );
        let one_run = json!({ "relay": results()["relay"], "send": results()["relay"] });
        let of_two = fill(
            "<!-- figures\nrelay: send\nsend: send\n-->\n<!-- end of figures -->",
            &one_run,
        )
        .unwrap();
        assert_eq!(of_two.matches("two cores").count(), 1, "{of_two}");
        let whole = fill("<!-- figures\nrelay: *\n-->\n<!-- end of figures -->", &results()).unwrap();
        assert!(
            whole.contains("| send | 33 000/s | – | – |\n") && whole.contains("  - relay: --flag\n"),
            "{whole}"
        );
    }

    #[test]
    fn a_number_that_was_changed_by_hand_shows() {
        let filled = fill("<!-- figures\nsend: counted\n-->\n<!-- end of figures -->", &results()).unwrap();
        let better = filled.replace("1.50 ms", "1.05 ms");
        assert_ne!(fill(&better, &results()).unwrap(), better);
    }

    #[test]
    fn what_cannot_be_filled_is_refused() {
        for (document, says) in [
            (
                "<!-- figures\nrelay: nothing\n-->\n<!-- end of figures -->",
                "no row 'nothing'",
            ),
            (
                "<!-- figures\nnothing: *\n-->\n<!-- end of figures -->",
                "no suite 'nothing'",
            ),
            ("<!-- figures\nsend\n-->\n<!-- end of figures -->", "names no suite"),
            ("<!-- figures\nsend: *\n-->\n", "without an end"),
            (
                "<!-- figures\nsend: *\n-->\n<!-- figures\nsend: *\n-->\n<!-- end of figures -->",
                "before the next",
            ),
        ] {
            let refused = fill(document, &results()).unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
        }
    }
}
