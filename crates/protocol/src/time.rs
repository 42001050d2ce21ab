//! Time as an argument: nothing in this crate reads a clock.

use std::time::Duration;

/// Milliseconds since the Unix epoch (UTC, leap seconds ignored), as the caller's clock has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// From milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// This moment and `duration` more; stays at the greatest moment instead of overflowing.
    #[must_use]
    pub const fn plus(self, duration: Duration) -> Self {
        let millis = duration.as_millis();
        let millis = if millis > u64::MAX as u128 {
            u64::MAX
        } else {
            millis as u64
        };
        Self(self.0.saturating_add(millis))
    }

    /// How long after `earlier` this moment is; zero when it is not after it (clocks jump).
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_milliseconds_and_stay_within_them() {
        let moment = Timestamp::from_millis(1234);
        assert_eq!((moment, moment.as_millis()), (Timestamp(1234), 1234));
        let most = Duration::from_millis(u64::MAX);
        assert_eq!(Timestamp(0).plus(most), Timestamp(u64::MAX));
        assert_eq!(Timestamp(0).plus(most + Duration::from_millis(1)), Timestamp(u64::MAX));
        assert_eq!(moment.plus(Duration::MAX), Timestamp(u64::MAX));
        assert_eq!(moment.since(Timestamp(1000)), Duration::from_millis(234));
        assert_eq!(moment.since(Timestamp(2000)), Duration::ZERO);
    }
}
