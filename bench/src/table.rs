//! Rows, and the only code here that prints.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks")]

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
    pub name: String,
    pub value: f64,
    pub unit: &'static str,
    pub target: Option<Target>,
}

/// What a suite found, and what belongs to it.
#[derive(Debug, Default)]
pub struct Report {
    /// How it was measured: what the contenders are and how they are set, a line each.
    pub settings: Vec<String>,
    /// What could not be compared, each `name: why`.
    pub skipped: Vec<String>,
    pub rows: Vec<Row>,
}

impl From<Vec<Row>> for Report {
    fn from(rows: Vec<Row>) -> Self {
        Self {
            rows,
            ..Self::default()
        }
    }
}

/// A row as it is kept and shown.
#[derive(Serialize)]
pub struct Line {
    name: String,
    value: f64,
    unit: &'static str,
    /// Value and unit for people.
    shown: String,
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
            Self::AtLeast(bound) => write!(f, "≥ {}", exact(*bound)),
            Self::AtMost(bound) => write!(f, "≤ {}", exact(*bound)),
        }
    }
}

impl Row {
    /// Whether the target is met, if there is one.
    pub fn holds(&self) -> bool {
        self.target.is_none_or(|target| target.holds(self.value))
    }

    /// A value without a target.
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self {
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

    /// The row for those who keep or show it.
    pub fn line(&self) -> Line {
        Line {
            name: self.name.clone(),
            value: self.value,
            unit: self.unit,
            shown: shown(self.value, self.unit),
            target: self.target.map(|target| target.to_string()),
            holds: self.target.map(|target| target.holds(self.value)),
        }
    }
}

/// Prints a suite's report.
pub fn print(suite: &str, report: &Report) {
    line("");
    for setting in &report.settings {
        line(setting);
    }
    for skipped in &report.skipped {
        line(&format!("skipped: {skipped}"));
    }
    let cells: Vec<[String; 4]> = report.rows.iter().map(|row| cells(&row.line())).collect();
    let header = [suite, "measured", "target", "holds"].map(str::to_owned);
    let widths: [usize; 4] = std::array::from_fn(|column| {
        let all = cells.iter().chain([&header]);
        all.map(|row| row[column].chars().count()).max().unwrap_or(0)
    });
    for row in [&header].into_iter().chain(&cells) {
        let [name, measured, target, holds] = row;
        let [w0, w1, w2, _] = widths;
        line(&format!("{name:<w0$}  {measured:>w1$}  {target:<w2$}  {holds}"));
    }
}

fn cells(line: &Line) -> [String; 4] {
    let holds = match line.holds {
        None => "–",
        Some(true) => "yes",
        Some(false) => "NO",
    };
    let target = line.target.clone().unwrap_or_else(|| "–".to_owned());
    [line.name.clone(), line.shown.clone(), target, holds.to_owned()]
}

/// A value with its unit.
fn shown(value: f64, unit: &str) -> String {
    let number = number(value);
    match unit {
        "" => number,
        "1/s" => format!("{number}/s"),
        "ratio" => format!("{number} ×"),
        unit => format!("{number} {unit}"),
    }
}

/// Three significant digits: a measurement has no more. What is whole was counted, and is shown whole.
fn number(value: f64) -> String {
    if !value.is_finite() {
        return "not measured".to_owned();
    }
    if value == value.trunc() {
        return grouped(value);
    }
    let magnitude = value.abs().log10().floor();
    if magnitude < 2.0 {
        return format!("{value:.*}", (2.0 - magnitude) as usize);
    }
    let step = 10f64.powf(magnitude - 2.0);
    grouped((value / step).round() * step)
}

/// As it was written down.
fn exact(value: f64) -> String {
    if value == value.trunc() {
        grouped(value)
    } else {
        value.to_string()
    }
}

/// A whole number in groups of three digits, from five digits on.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    if digits.len() < 5 {
        return digits;
    }
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    groups.join(" ")
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
    fn numbers_have_three_digits_and_counts_all() {
        for (value, unit, text) in [
            (0.0, "", "0"),
            (0.012_34, "ms", "0.0123 ms"),
            (1.0, "ratio", "1 ×"),
            (1.004, "ratio", "1.00 ×"),
            (12.345, "µs", "12.3 µs"),
            (123.4, "µs", "123 µs"),
            (4987.0, "bytes", "4987 bytes"),
            (98_765.4, "1/s", "98 800/s"),
            (1_234_567.0, "", "1 234 567"),
            (f64::NAN, "ms", "not measured ms"),
        ] {
            assert_eq!(shown(value, unit), text);
        }
    }

    #[test]
    fn a_target_holds_or_not() {
        let row = Row::new("n", 0.5, "ratio");
        assert_eq!(row.line().holds, None);
        assert_eq!(row.clone().with(Target::AtLeast(0.5)).line().holds, Some(true));
        assert_eq!(row.clone().with(Target::AtMost(0.4)).line().holds, Some(false));
        let missing = Row::new("n", f64::NAN, "ratio");
        assert!(!missing.clone().with(Target::AtMost(1.0)).holds() && !missing.with(Target::AtLeast(1.0)).holds());
        let json = serde_json::to_value(row.clone().with(Target::AtLeast(0.3)).line()).unwrap();
        let expected = serde_json::json!(
            {"name": "n", "value": 0.5, "unit": "ratio", "shown": "0.500 ×", "target": "≥ 0.3", "holds": true});
        assert_eq!(json, expected);
        assert_eq!(row.with(Target::AtMost(16_384.0)).line().target.unwrap(), "≤ 16 384");
    }
}
