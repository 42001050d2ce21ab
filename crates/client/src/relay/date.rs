//! What time the relay has: the `Date` of its answers (RFC 9110, section 6.6.1), against this device's clock.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use parking_lot::Mutex;
use protocol::Timestamp;
use reqwest::header::{DATE, HeaderMap};

use crate::clock::{Clock, ClockOff};

/// What the last answer said. Clones share it.
#[derive(Clone)]
pub(super) struct RelayClock {
    ours: Arc<dyn Clock>,
    off: Arc<Mutex<Option<ClockOff>>>,
}

impl RelayClock {
    pub(super) fn new(ours: Arc<dyn Clock>) -> Self {
        Self {
            ours,
            off: Arc::default(),
        }
    }

    /// An answer has just come.
    pub(super) fn note(&self, headers: &HeaderMap) {
        let said = headers.get(DATE).and_then(|date| date.to_str().ok());
        let Some(date) = said.and_then(|date| httpdate::parse_http_date(date).ok()) else {
            return;
        };
        let since = date.duration_since(UNIX_EPOCH).unwrap_or_default();
        let theirs = Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
        let off = ClockOff::between(self.ours.now(), theirs);
        *self.off.lock() = Some(off);
    }

    /// How far ours is off, as the last answer with a date said.
    pub(super) fn off(&self) -> Option<ClockOff> {
        *self.off.lock()
    }
}
