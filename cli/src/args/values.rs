//! Values as they are typed, and what is said of those that cannot be.

use std::convert::Infallible;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use client::{BadInvite, Invite, Messenger};
use jiff::SpanRelativeTo;
use jiff::fmt::friendly::SpanParser;

/// Longest `--wait`, in seconds: a day. Longer waits are what loops are for.
const MAX_WAIT: u32 = 86_400;

/// A directory, an empty one too: the library would say of that of an environment variable that an option lacks its value.
pub(super) fn directory() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// An invitation as it was read. It is refused later: what the command line's own errors refuse they repeat.
pub type ReadInvite = Result<Invite, BadInvite>;

#[allow(clippy::unnecessary_wraps, reason = "the form of a value parser")]
pub(super) fn read_invite(text: &str) -> Result<ReadInvite, Infallible> {
    Ok(Invite::parse(text))
}

/// A number within bounds, or what is allowed: the library's own words are a programmer's.
fn number<T>(text: &str, of: &str, least: T, most: T) -> Result<T, String>
where
    T: std::str::FromStr + PartialOrd + Copy + std::fmt::Display,
{
    match text.parse() {
        Ok(number) if number >= least && number <= most => Ok(number),
        _ => Err(format!("write a number{of} from {least} to {most}")),
    }
}

/// How often a limited message opens.
///
/// # Errors
/// A sentence that says what is allowed.
pub fn read_plays(text: &str) -> Result<u8, String> {
    number(text, "", 1, u8::MAX)
}

pub(super) fn read_wait(text: &str) -> Result<u32, String> {
    number(text, " of seconds", 0, MAX_WAIT)
}

pub(super) fn read_limit(text: &str) -> Result<u32, String> {
    number(text, " of messages", 1, u32::MAX)
}

/// How long a limited message can be opened.
///
/// # Errors
/// A sentence that says what is allowed.
pub fn parse_expiry(text: &str) -> Result<Duration, String> {
    let wanted = parse_duration(text)?;
    if Messenger::can_expire_in(wanted) {
        Ok(wanted)
    } else {
        Err("a limited message can be opened for a minute at least and a year at most".to_owned())
    }
}

/// `90s`, `30m`, `12h`, `7d`, `2w`, and several in a row; the relay reads the same. Months and years have no length of their own, and are none.
///
/// # Errors
/// A sentence that says what is accepted.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || "write a number and a unit: 90s, 30m, 12h, 7d or 2w".to_owned();
    let span = SpanParser::new().parse_span(text);
    match span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours())) {
        Ok(length) => length.try_into().map_err(|_| wrong()),
        // Longer than anything lasts: what is allowed is said by those who know what it is for.
        Err(error) if error.is_range() => Ok(Duration::MAX),
        Err(_) => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_and_units_as_the_relay_reads_them() {
        for (text, seconds) in [
            ("90s", 90),
            ("30m", 1800),
            ("12h", 43_200),
            ("7d", 604_800),
            ("2w", 1_209_600),
            ("1h30m", 5400),
            ("1.5h", 5400),
            ("7 days", 604_800),
        ] {
            let length = Duration::from_secs(seconds);
            assert_eq!(parse_duration(text), Ok(length), "{text}");
            assert_eq!(server::config::parse_lifetime(text), Some(length), "{text}");
        }
        let long = "99999999w";
        assert_eq!(parse_duration(long), Ok(Duration::MAX));
        assert!(parse_expiry(long).unwrap_err().contains("a year at most"));
        assert_eq!(server::config::parse_lifetime(long), None);
        // An M that was meant as minutes is not taken for a month.
        for text in [
            "",
            "d",
            "7",
            "-1d",
            "1h ago",
            "5M",
            "1mo",
            "7y",
            "PT1H",
            "7d 5",
            "é",
            "99999999999999999999d",
        ] {
            let said = parse_duration(text).unwrap_err();
            let expected = said.strip_prefix("write ").unwrap();
            assert!(server::config::EXPECTED_LIFETIME.contains(expected), "{text}: {said}");
            assert_eq!(server::config::parse_lifetime(text), None, "{text}");
        }
    }
}
