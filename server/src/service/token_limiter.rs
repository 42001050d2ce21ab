//! How fast one delivery token may send: a token bucket for each, in memory.
//!
//! A full bucket is none (`debts`). So what is kept is only of those who sent in the last
//! [`BURST`] × [`INTERVAL`], and a restart fills every bucket, which costs the recipient one burst.

use std::time::Duration;

use parking_lot::Mutex;
use protocol::Timestamp;

use super::{Refusal, Result};
use crate::model::Bytes32;
use crate::service::token_buckets::TokenBuckets;

/// Sends at once: a client that was away hands in what it wrote, or sends what was unacknowledged again on a new session.
pub const BURST: u32 = 64;
/// After that four a second: faster than a person writes, and an hour of it fits into a mailbox (10 000 envelopes) hardly once.
pub const INTERVAL: Duration = Duration::from_millis(250);
/// Buckets at once, 80 bytes each. All of them are of tokens that sent within 16 seconds; beyond that the relay is busy.
const MAX_BUCKETS: usize = 65_536;

/// The buckets.
pub struct TokenLimiter(Mutex<TokenBuckets<Bytes32>>);

impl Default for TokenLimiter {
    fn default() -> Self {
        Self(Mutex::new(TokenBuckets::new(MAX_BUCKETS)))
    }
}

impl TokenLimiter {
    /// Takes one send out of the bucket of `token`.
    ///
    /// # Errors
    /// [`Refusal::RateLimited`] when it is empty, [`Refusal::Busy`] when there are too many buckets.
    pub fn take(&self, token: &Bytes32, now: Timestamp) -> Result<()> {
        let size = INTERVAL * BURST;
        let mut buckets = self.0.lock();
        let full = buckets.full_at(token, size, now).plus(INTERVAL);
        if buckets.is_crowded(token) {
            return Err(Refusal::Busy);
        }
        if full > now.plus(size) {
            return Err(Refusal::RateLimited);
        }
        buckets.set(*token, full, now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    #[test]
    fn a_burst_then_four_a_second_and_each_token_for_itself() {
        let pace = TokenLimiter::default();
        for _ in 0..BURST {
            pace.take(&[1; 32], NOW).unwrap();
        }
        assert!(matches!(pace.take(&[1; 32], NOW), Err(Refusal::RateLimited)));
        pace.take(&[2; 32], NOW).unwrap();
        let later = NOW.plus(INTERVAL);
        pace.take(&[1; 32], later).unwrap();
        assert!(
            matches!(pace.take(&[1; 32], later), Err(Refusal::RateLimited)),
            "refusals cost nothing, and give nothing"
        );
        let full = later.plus(INTERVAL * BURST);
        for _ in 0..BURST {
            pace.take(&[1; 32], full).unwrap();
        }
        assert!(pace.take(&[1; 32], full).is_err());
    }

    #[test]
    fn a_clock_that_is_put_back_locks_nobody_out() {
        let pace = TokenLimiter::default();
        let future = NOW.plus(Duration::from_secs(366 * 24 * 3600));
        for _ in 0..BURST {
            pace.take(&[1; 32], future).unwrap();
        }
        for _ in 0..BURST {
            pace.take(&[1; 32], NOW).unwrap();
        }
        assert!(matches!(pace.take(&[1; 32], NOW), Err(Refusal::RateLimited)));
    }

    #[test]
    fn full_buckets_are_forgotten_and_the_rest_is_bounded() {
        let pace = TokenLimiter::default();
        let token = |n: usize| {
            let mut token = [0; 32];
            token[..8].copy_from_slice(&n.to_be_bytes());
            token
        };
        for n in 0..MAX_BUCKETS {
            pace.take(&token(n), NOW).unwrap();
        }
        assert!(matches!(pace.take(&token(MAX_BUCKETS), NOW), Err(Refusal::Busy)));
        pace.take(&token(0), NOW).unwrap();
        pace.take(&token(MAX_BUCKETS), NOW.plus(INTERVAL)).unwrap();
        assert_eq!(pace.0.lock().len(), 2);
    }
}
