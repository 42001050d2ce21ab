//! How long a request may take. Almost all of them hold the vault, so a relay that takes connections and stays silent must not hold up other commands of the same home: what waits
//! longer than most lets go of the vault, and a silence that one command found counts for those that waited for the vault meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Longest wait for an answer to a small request, shorter than another process waits for the vault, so that it gets on when a relay is silent. A relay under load answers, or says
/// that it is busy, within one or two.
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

/// Whether the wait for an answer to so many bytes may be longer than that to a small request: then it does not hold the vault.
pub(crate) fn outlasts_the_lock(bytes: usize) -> bool {
    handing_over(bytes) > PROMPT
}

/// When the relay was silent last, and for how long. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Silence(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    last: Option<(Instant, Duration)>,
    /// Other commands of this home do not know of it.
    untold: bool,
}

impl Silence {
    /// It gave no answer within `patience`.
    pub(super) fn begins(&self, patience: Duration) {
        *self.0.lock() = State {
            last: Some((Instant::now(), patience)),
            untold: true,
        };
    }

    /// Another command of this home waited for it so long, while this one waited for that command.
    pub(super) fn was_found(&self, patience: Duration) {
        *self.0.lock() = State {
            last: Some((Instant::now(), patience)),
            untold: false,
        };
    }

    /// How long it was waited for in vain, a moment ago.
    pub(super) fn lately(&self) -> Option<Duration> {
        let last = self.0.lock().last;
        last.filter(|(at, _)| at.elapsed() < SILENCE)
            .map(|(_, patience)| patience)
    }

    /// A silence that this command found and the home does not know of: how long ago it was over, and how long it was waited for.
    pub(super) fn take_untold(&self) -> Option<(Duration, Duration)> {
        let mut state = self.0.lock();
        if !std::mem::take(&mut state.untold) {
            return None;
        }
        state.last.map(|(at, patience)| (at.elapsed(), patience))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_requests_hold_the_vault_and_large_ones_get_their_time_without_it() {
        assert_eq!(handing_over(0), PROMPT);
        assert_eq!(handing_over(16 * 1024 - 1), PROMPT);
        assert_eq!(handing_over(230_000), PROMPT + Duration::from_secs(14));
        assert!(!outlasts_the_lock(16 * 1024 - 1) && outlasts_the_lock(16 * 1024));
    }

    #[test]
    fn a_silence_is_told_once_and_only_by_the_command_that_found_it() {
        let silence = Silence::default();
        assert!(silence.take_untold().is_none());
        silence.begins(PROMPT);
        assert_eq!(silence.lately(), Some(PROMPT));
        assert!(silence.take_untold().is_some_and(|(_, patience)| patience == PROMPT));
        assert!(silence.take_untold().is_none());
        let heir = Silence::default();
        heir.was_found(PROMPT);
        assert_eq!(heir.lately(), Some(PROMPT));
        assert!(heir.take_untold().is_none());
    }
}
