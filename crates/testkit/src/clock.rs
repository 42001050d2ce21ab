//! The moment at which tests begin, and the clocks that they turn.

use std::time::Duration;

use protocol::Timestamp;
pub use server::clock::{Clock, ManualClock, SystemClock};

/// When a clock begins that stands still: 2027-01-15 08:00 UTC.
pub const START: Timestamp = Timestamp(1_800_000_000_000);
/// An hour.
pub const HOUR: Duration = Duration::from_secs(3600);
/// A day.
pub const DAY: Duration = Duration::from_secs(24 * 3600);

/// By the machine's clock, where a program goes by it too.
#[must_use]
pub fn now() -> Timestamp {
    SystemClock.now()
}
