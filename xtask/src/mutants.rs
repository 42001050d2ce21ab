//! The excused mutants in `.cargo/mutants.toml`: each is a valid expression, and names a file and a function that are there. A function that was renamed would bring its mutants back, and a stale
//! expression would excuse what takes its name later.

use std::fs;

use anyhow::{Context, Result, anyhow, bail};
use regex::Regex;
use serde::Deserialize;

use crate::run;

const SETTINGS: &str = ".cargo/mutants.toml";
/// Between the file and the change: the line, and the column that may tell two sums of a function apart.
const PLACE: &str = r":\d+:";

#[derive(Deserialize)]
struct Settings {
    exclude_re: Vec<String>,
}

/// Looks at every excuse; how many there are.
///
/// # Errors
/// The excuses that are wrong; files that cannot be read.
pub fn check() -> Result<usize> {
    let top = run::root();
    let text = fs::read_to_string(top.join(SETTINGS)).context(SETTINGS)?;
    let settings: Settings = toml::from_str(&text).context(SETTINGS)?;
    let faults: Vec<String> = settings
        .exclude_re
        .iter()
        .filter_map(|excuse| {
            let fault = judge(excuse, |file| fs::read_to_string(top.join(file)).ok()).err()?;
            Some(format!("{excuse}: {fault:#}"))
        })
        .collect();
    if !faults.is_empty() {
        bail!("{SETTINGS} excuses what is not there:\n  {}", faults.join("\n  "));
    }
    if settings.exclude_re.is_empty() {
        bail!("{SETTINGS} excuses nothing");
    }
    Ok(settings.exclude_re.len())
}

/// One excuse, with a way to the text of a file.
fn judge(excuse: &str, text_of: impl Fn(&str) -> Option<String>) -> Result<()> {
    Regex::new(excuse).context("no valid expression")?;
    let (file, change) = excuse
        .strip_prefix('^')
        .and_then(|rest| rest.split_once(PLACE))
        .ok_or_else(|| anyhow!("not of the form ^FILE{PLACE}…"))?;
    let file = file.replace('\\', "");
    let text = text_of(&file).ok_or_else(|| anyhow!("there is no {file}"))?;
    // `replace + with - in Type::function$`, or `replace <impl Trait for Type>::function with …`.
    let (_, function) = change
        .rsplit_once(" in ")
        .or_else(|| change.split_once("replace "))
        .ok_or_else(|| anyhow!("names no function"))?;
    let function = function.split(" with ").next().unwrap_or(function);
    let words: Vec<&str> = function
        .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .filter(|word| !word.is_empty())
        .collect();
    let Some((name, around)) = words.split_last() else {
        bail!("names no function");
    };
    let is_word = |word: &str| Regex::new(&format!(r"\b{word}\b")).is_ok_and(|word| word.is_match(&text));
    if !is_word(&format!(r"fn\s+{name}")) {
        bail!("{file} has no function {name}");
    }
    match around.iter().find(|word| !is_word(word)) {
        Some(missing) => bail!("{file} has no {missing}"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "impl Drop for Key {\n    fn drop(&mut self) {}\n}\nimpl Key {\n    fn store(&self) {}\n}\n";

    fn said(excuse: &str) -> String {
        let file = |name: &str| (name == "crates/x/src/key.rs").then(|| FILE.to_owned());
        judge(excuse, file).map_or_else(|fault| format!("{fault:#}"), |()| "good".to_owned())
    }

    #[test]
    fn an_excuse_that_fits_the_sources_is_good() {
        for excuse in [
            r"^crates/x/src/key\.rs:\d+:\d+: replace \+ with [-*] in Key::store$",
            r"^crates/x/src/key\.rs:\d+:(31|38): replace \|\| with && in Key::(store|drop)$",
            r"^crates/x/src/key\.rs:\d+:\d+: replace <impl Drop for Key>::drop with ",
        ] {
            assert_eq!(said(excuse), "good", "{excuse}");
        }
    }

    #[test]
    fn an_excuse_for_what_is_not_there_is_refused() {
        for (excuse, fault) in [
            (
                r"^crates/x/src/key\.rs:\d+:\d+: replace + with [ in Key::store$",
                "no valid",
            ),
            (
                r"crates/x/src/key\.rs: replace \+ with - in Key::store$",
                "not of the form",
            ),
            (
                r"^crates/x/src/gone\.rs:\d+:\d+: replace \+ with - in Key::store$",
                "there is no crates/x/src/gone.rs",
            ),
            (
                r"^crates/x/src/key\.rs:\d+:\d+: replace \+ with - in Key::stored$",
                "no function stored",
            ),
            (
                r"^crates/x/src/key\.rs:\d+:\d+: replace \+ with - in Keys::store$",
                "has no Keys",
            ),
            (
                r"^crates/x/src/key\.rs:\d+:\d+: replace <impl Debug for Key>::drop with ",
                "has no Debug",
            ),
        ] {
            assert!(said(excuse).contains(fault), "{excuse}: {}", said(excuse));
        }
    }
}
