//! Whether the clock can be trusted with deleting things.
//!
//! A machine that boots without a clock battery, or whose time service was told something wrong, may be years ahead for a while. Nobody is hurt by a
//! wrong date on an envelope, but a sweep at that moment would delete everything that waits. So after a start, and after the clock went another way
//! than time did, nothing is swept until it has gone with time for [`HOLD`].

use std::time::Duration;

use protocol::Timestamp;

/// Long enough for a time service to set a clock right after a boot, short enough that nothing expired lies about for long.
pub const HOLD: Duration = Duration::from_secs(600);
/// Time services slew clocks by less than this, and a machine under load measures a minute no worse.
const TOLERANCE: Duration = Duration::from_secs(60);

/// What was seen of the clock.
#[derive(Debug, Default)]
pub struct ClockGuard {
    last: Option<(Timestamp, Duration)>,
    steady_since: Option<Duration>,
}

/// What to make of the clock now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// It went with time long enough.
    Steady,
    /// It is being watched.
    Watched,
    /// It jumped just now, by about so many milliseconds; negative: back.
    Jumped(i64),
}

impl ClockGuard {
    /// Judges the clock, which shows `now`, by `uptime`, which only grows with time.
    pub fn judge(&mut self, now: Timestamp, uptime: Duration) -> Trust {
        let before = self.last.replace((now, uptime));
        let since = *self.steady_since.get_or_insert(uptime);
        if let Some((then, before)) = before {
            let clock = i128::from(now.as_millis()) - i128::from(then.as_millis());
            let passed = i128::try_from(uptime.saturating_sub(before).as_millis()).unwrap_or(i128::MAX);
            let jump = clock.saturating_sub(passed);
            if jump.unsigned_abs() > TOLERANCE.as_millis() {
                self.steady_since = Some(uptime);
                return Trust::Jumped(i64::try_from(jump).unwrap_or(if jump < 0 { i64::MIN } else { i64::MAX }));
            }
        }
        if uptime.saturating_sub(since) >= HOLD {
            Trust::Steady
        } else {
            Trust::Watched
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const YEAR: Duration = Duration::from_secs(366 * 24 * 3600);

    #[test]
    fn a_clock_is_trusted_after_ten_steady_minutes_and_again_after_each_jump() {
        let mut jumps = ClockGuard::default();
        let (mut now, mut uptime) = (Timestamp(1_000_000_000_000), Duration::from_secs(5));
        let mut minute = |clock: Duration, back: Duration| {
            uptime += MINUTE;
            now = Timestamp(now.plus(clock).as_millis() - u64::try_from(back.as_millis()).unwrap());
            jumps.judge(now, uptime)
        };
        let steady_after = |minute: &mut dyn FnMut(Duration, Duration) -> Trust| {
            (1..100)
                .find(|_| minute(MINUTE, Duration::ZERO) == Trust::Steady)
                .unwrap()
        };
        assert_eq!(steady_after(&mut minute), 11, "the first look only begins");
        // Slewing is no jump.
        assert_eq!(minute(MINUTE + MINUTE / 2, Duration::ZERO), Trust::Steady);
        let year = i64::try_from(YEAR.as_millis()).unwrap();
        assert_eq!(minute(YEAR + MINUTE, Duration::ZERO), Trust::Jumped(year));
        assert_eq!(minute(MINUTE, YEAR), Trust::Jumped(-year));
        assert_eq!(steady_after(&mut minute), 10);
    }
}
