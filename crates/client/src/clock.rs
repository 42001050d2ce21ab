//! Where time comes from: an argument of everything below, so that tests own it. And how far it is from the relay's.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use protocol::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // A clock before 1970 counts as 1970: prekeys then look like they come from the future, which is refused with advice.
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
    }
}

/// How far the clock of this device is from that of the relay. Either may be the wrong one; and a relay that lies says what it likes, so nothing is erased by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockOff {
    /// By how much.
    pub apart: Duration,
    /// Whether ours is ahead.
    pub ahead: bool,
}

impl ClockOff {
    /// What `ours` lacks to `theirs`.
    pub(crate) fn between(ours: Timestamp, theirs: Timestamp) -> Self {
        let (ahead, behind) = (ours.since(theirs), theirs.since(ours));
        Self {
            apart: ahead.max(behind),
            ahead: ahead > behind,
        }
    }

    /// The relay's time, when ours is `now`.
    pub(crate) fn at_relay(self, now: Timestamp) -> Timestamp {
        if self.ahead {
            Timestamp(now.as_millis().saturating_sub(millis(self.apart)))
        } else {
            now.plus(self.apart)
        }
    }
}

impl fmt::Display for ClockOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = if self.ahead { "ahead of" } else { "behind" };
        write!(f, "{} {way}", in_words(self.apart))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// In words, for a clock that is wrong by minutes, hours, days or years: to the nearest, because an answer takes a moment and 45 days are not 44.
fn in_words(by: Duration) -> String {
    let rounded = |unit: u64| by.as_secs().saturating_add(unit / 2) / unit;
    let (minutes, hours, days) = (rounded(60), rounded(3600), rounded(86_400));
    match (minutes, hours) {
        (1, _) => "1 minute".to_owned(),
        (0..120, _) => format!("{minutes} minutes"),
        (_, 0..48) => format!("{hours} hours"),
        _ => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_clocks_are_apart_is_said_in_the_fitting_unit_and_undone() {
        let minute = Duration::from_secs(60);
        for (by, words) in [
            (minute, "1 minute"),
            (minute * 11, "11 minutes"),
            (minute * 11 - minute / 3, "11 minutes"),
            (minute * 119, "119 minutes"),
            (minute * 120 - minute / 3, "2 hours"),
            (minute * 60 * 25 - minute, "25 hours"),
            (minute * 60 * 48 - minute, "2 days"),
            (minute * 60 * 24 * 45 - minute, "45 days"),
            (minute * 60 * 24 * 45 + minute, "45 days"),
            (minute * 120, "2 hours"),
            (minute * 60 * 25, "25 hours"),
            (minute * 60 * 24 * 45, "45 days"),
        ] {
            let (early, late) = (Timestamp(1_800_000_000_000), Timestamp(1_800_000_000_000).plus(by));
            let (ahead, behind) = (ClockOff::between(late, early), ClockOff::between(early, late));
            assert_eq!(ahead.to_string(), format!("{words} ahead of"));
            assert_eq!(behind.to_string(), format!("{words} behind"));
            assert_eq!((ahead.at_relay(late), behind.at_relay(early)), (early, late));
        }
        let absurd = ClockOff::between(Timestamp(5), Timestamp(0));
        assert_eq!(absurd.at_relay(Timestamp(1)), Timestamp(0), "not before the epoch");
    }
}
