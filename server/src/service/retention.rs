//! How long the relay remembers.

use std::time::Duration;

/// How long what is over is remembered: receipts of sends (so that a repetition is recognised) and tombstones of licenses (so that a play is told
/// why it is refused). A client that was away for a month starts afresh anyway: its prekeys are gone.
pub const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 3600);
