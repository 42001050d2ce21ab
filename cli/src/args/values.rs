//! Values as they are typed, and what is said of those that cannot be.

use std::convert::Infallible;
use std::time::Duration;

use client::{BadInvite, Invite, Messenger};

/// Longest `--wait`, in seconds: a day. Longer waits are what loops are for.
const MAX_WAIT: u32 = 86_400;

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

/// `90s`, `30m`, `12h`, `7d`, `2w`.
///
/// # Errors
/// A sentence that says what is accepted.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || "write a number and a unit: 90s, 30m, 12h, 7d or 2w".to_owned();
    let split = text
        .len()
        .checked_sub(1)
        .filter(|at| text.is_char_boundary(*at))
        .ok_or_else(wrong)?;
    let (number, unit) = text.split_at(split);
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        "w" => 7 * 24 * 3600,
        _ => return Err(wrong()),
    };
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let number: u64 = number.parse().unwrap_or(u64::MAX);
    // Longer than anything lasts: what is allowed is said by those who know what it is for.
    Ok(Duration::from_secs(number.saturating_mul(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        for (text, seconds) in [
            ("90s", 90),
            ("30m", 1800),
            ("12h", 43_200),
            ("7d", 604_800),
            ("2w", 1_209_600),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["99999999999999999999d", "18446744073709551615w"] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::MAX.min(Duration::from_secs(u64::MAX))),
                "{text}"
            );
            assert!(parse_expiry(text).is_err(), "{text}");
        }
        for text in ["", "d", "7", "7 d", "-1d", "+1d", "1.5h", "7y", "é"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
