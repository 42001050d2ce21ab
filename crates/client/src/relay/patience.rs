//! How long a request may take. Almost all of them hold the vault, so a relay that takes connections and stays silent must not hold up other commands of the same home.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::vault::LOCK_PATIENCE;

/// Longest wait for an answer to a small request: shorter than another process waits for the vault (ten seconds), so that it gets on when a relay is silent. A relay
/// under load answers, or says that it is busy, within one or two.
pub(super) const PROMPT: Duration = Duration::from_secs(8);
/// Longest wait for a page of mail, besides what a long poll asked for: 1.4 MB in base64, at 560 kbit/s.
pub(super) const PAGE_TIMEOUT: Duration = Duration::from_secs(20);
/// What is handed over besides gets a second for so many bytes: 128 kbit/s.
const BYTES_A_SECOND: usize = 16 * 1024;
/// For so long after it was silent the relay is not asked again: the rest of a command that holds the vault would wait as long once more for each of its requests. Its user, who
/// tries again by hand, is not faster.
const SILENCE: Duration = Duration::from_secs(2);

/// The longest wait for an answer to a request with so many bytes.
pub(super) fn handing_over(bytes: usize) -> Duration {
    PROMPT + Duration::from_secs((bytes / BYTES_A_SECOND) as u64)
}

/// Whether the wait for an answer to so many bytes may be longer than another process waits for the vault, which is then to be unlocked. A second is for what else is done.
pub(crate) fn outlasts_the_lock(bytes: usize) -> bool {
    handing_over(bytes) + Duration::from_secs(1) >= LOCK_PATIENCE
}

/// When the relay was silent last, and for how long. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Silence(Arc<Mutex<Option<(Instant, Duration)>>>);

impl Silence {
    /// It gave no answer within `patience`.
    pub(super) fn begins(&self, patience: Duration) {
        *self.0.lock() = Some((Instant::now(), patience));
    }

    /// How long it was waited for in vain, a moment ago.
    pub(super) fn lately(&self) -> Option<Duration> {
        let last = *self.0.lock();
        last.filter(|(at, _)| at.elapsed() < SILENCE)
            .map(|(_, patience)| patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_requests_end_before_others_give_the_vault_up_and_large_ones_get_their_time() {
        assert_eq!(handing_over(0), PROMPT);
        assert_eq!(handing_over(16 * 1024 - 1), PROMPT);
        assert_eq!(handing_over(230_000), PROMPT + Duration::from_secs(14));
        assert!(PROMPT + Duration::from_secs(1) < LOCK_PATIENCE);
        assert!(!outlasts_the_lock(16 * 1024 - 1) && outlasts_the_lock(16 * 1024));
    }
}
