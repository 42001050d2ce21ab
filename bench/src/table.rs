//! Rows, and the only code here that prints.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks")]

use anyhow::Result;
use serde::Serialize;

/// What a value should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// No less than this.
    AtLeast(f64),
    /// No more than this.
    AtMost(f64),
}

/// One measured value.
#[derive(Clone, Debug)]
pub struct Row {
    pub suite: &'static str,
    pub name: String,
    pub value: f64,
    pub unit: &'static str,
    pub target: Option<Target>,
}

#[derive(Serialize)]
struct Line<'a> {
    suite: &'a str,
    name: &'a str,
    value: f64,
    unit: &'a str,
    target: Option<String>,
    holds: Option<bool>,
}

impl Target {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(f, ">= {bound}"),
            Self::AtMost(bound) => write!(f, "<= {bound}"),
        }
    }
}

impl Row {
    /// Whether the target is met, if there is one.
    pub fn holds(&self) -> bool {
        self.target.is_none_or(|target| target.holds(self.value))
    }

    /// A value without a target.
    pub fn new(suite: &'static str, name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self {
            suite,
            name: name.into(),
            value,
            unit,
            target: None,
        }
    }

    /// The same with a target.
    pub fn with(self, target: Target) -> Self {
        Self {
            target: Some(target),
            ..self
        }
    }

    fn line(&self) -> Line<'_> {
        Line {
            suite: self.suite,
            name: &self.name,
            value: self.value,
            unit: self.unit,
            target: self.target.map(|target| target.to_string()),
            holds: self.target.map(|target| target.holds(self.value)),
        }
    }
}

/// Prints all rows, as a table or as one JSON object a line.
pub fn print(rows: &[Row], json: bool) -> Result<()> {
    if json {
        for row in rows {
            println!("{}", serde_json::to_string(&row.line())?);
        }
        return Ok(());
    }
    let cells: Vec<[String; 6]> = rows.iter().map(|row| cells(&row.line())).collect();
    let header = ["suite", "name", "value", "unit", "target", "holds"].map(str::to_owned);
    let widths: [usize; 6] = std::array::from_fn(|column| {
        cells
            .iter()
            .chain([&header])
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    });
    println!();
    for row in [&header].into_iter().chain(&cells) {
        let [suite, name, value, unit, target, holds] = row;
        let [w0, w1, w2, w3, w4, _] = widths;
        println!("{suite:<w0$}  {name:<w1$}  {value:>w2$}  {unit:<w3$}  {target:<w4$}  {holds}");
    }
    Ok(())
}

fn cells(line: &Line<'_>) -> [String; 6] {
    let holds = match line.holds {
        None => "–",
        Some(true) => "yes",
        Some(false) => "NO",
    };
    let target = line.target.clone().unwrap_or_else(|| "–".to_owned());
    [
        line.suite.to_owned(),
        line.name.to_owned(),
        number(line.value),
        line.unit.to_owned(),
        target,
        holds.to_owned(),
    ]
}

/// Three significant digits: a measurement has no more.
fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let magnitude = value.abs().log10().floor();
    if magnitude >= 2.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.*}", (2.0 - magnitude) as usize)
    }
}

/// A line beside the table.
pub fn line(text: &str) {
    println!("{text}");
}

/// What went wrong, or what is being waited for.
pub fn error(text: &str) {
    eprintln!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        for (value, shown) in [
            (0.0, "0"),
            (0.01234, "0.0123"),
            (1.0, "1.00"),
            (12.345, "12.3"),
            (123.4, "123"),
            (98_765.4, "98765"),
        ] {
            assert_eq!(number(value), shown);
        }
    }

    #[test]
    fn a_target_holds_or_not() {
        let row = Row::new("s", "n", 0.5, "ratio");
        assert_eq!(row.line().holds, None);
        assert_eq!(row.clone().with(Target::AtLeast(0.5)).line().holds, Some(true));
        assert_eq!(row.clone().with(Target::AtMost(0.4)).line().holds, Some(false));
        let json = serde_json::to_value(row.with(Target::AtLeast(0.3)).line()).unwrap();
        let expected = serde_json::json!(
            {"suite": "s", "name": "n", "value": 0.5, "unit": "ratio", "target": ">= 0.3", "holds": true});
        assert_eq!(json, expected);
    }
}
