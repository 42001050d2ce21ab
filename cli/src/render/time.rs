//! Dates for people. UTC, because a date that means something else on each machine is worse than one to convert.

use jiff::Timestamp;

/// `2026-11-23 16:40 UTC` of milliseconds since the epoch; years beyond 9999 say so.
#[must_use]
pub fn utc(millis: u64) -> String {
    let at = i64::try_from(millis).ok().map(Timestamp::from_millisecond);
    match at {
        Some(Ok(at)) => at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        _ => "in the far future".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_days() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (1_709_251_199, "2024-02-29 23:59 UTC"),
            (1_767_225_600, "2026-01-01 00:00 UTC"),
            (253_402_207_200, "9999-12-30 22:00 UTC"),
        ] {
            assert_eq!(utc(seconds * 1000), text);
        }
        for millis in [253_402_300_800_000, i64::MAX as u64, u64::MAX] {
            assert_eq!(utc(millis), "in the far future");
        }
    }
}
