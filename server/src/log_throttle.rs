//! Log lines about what a client can make happen as often as it likes: one a minute.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Between two lines about the same: an attack that lasts a day is 1440 lines, and its beginning shows at once.
const AT_MOST_EVERY: Duration = Duration::from_secs(60);

/// What is logged about one thing.
#[derive(Debug, Default)]
pub(crate) struct LogThrottle(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    left_out: u64,
}

impl LogThrottle {
    /// Nothing was logged yet.
    pub const fn new() -> Self {
        Self(Mutex::new(State {
            last: None,
            left_out: 0,
        }))
    }

    /// Calls `log` unless it was called within the last minute; it is told how often it was not since then.
    pub fn warn(&self, log: impl FnOnce(u64)) {
        if let Some(left_out) = self.due(Instant::now()) {
            log(left_out);
        }
    }

    fn due(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock();
        if state
            .last
            .is_some_and(|last| now.saturating_duration_since(last) < AT_MOST_EVERY)
        {
            state.left_out += 1;
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_minute_and_how_many_were_left_out() {
        let (seldom, begun) = (LogThrottle::default(), Instant::now());
        assert_eq!(seldom.due(begun), Some(0));
        for second in 0..60 {
            assert_eq!(seldom.due(begun + Duration::from_secs(second)), None);
        }
        assert_eq!(seldom.due(begun + AT_MOST_EVERY), Some(60));
        assert_eq!(seldom.due(begun + AT_MOST_EVERY * 2), Some(0));
    }
}
