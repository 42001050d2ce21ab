//! The counter of the default mode: the relay knows the limit and the count, and nothing of the content.
//!
//! Pure arithmetic. What makes a limit hold is around it, at the relay: the turned counter is durable before the share is released, in the same
//! transaction as the play id and its answer, so that a repeated request finds the answer and never turns the counter again.

use thiserror::Error;

use crate::policy::PlayLimit;

/// How often a license was played, and how often it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    used: u8,
    limit: PlayLimit,
}

/// One granted play.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Play {
    /// Which play this is, from 1.
    pub number: u8,
    /// How many there are in all.
    pub limit: PlayLimit,
}

/// Every play was used. The counter is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("all {limit} plays were used; ask the sender to send the message again")]
pub struct Exhausted {
    /// How many plays there were.
    pub limit: PlayLimit,
}

/// A stored count that no sequence of plays could have made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the stored play count {used} is greater than the limit {limit}: the license record is damaged")]
pub struct ImpossibleCount {
    /// The count as stored.
    pub used: u8,
    /// The limit it was stored beside.
    pub limit: PlayLimit,
}

impl Counter {
    /// A license that nobody has played yet.
    #[must_use]
    pub fn new(limit: PlayLimit) -> Self {
        Self { used: 0, limit }
    }

    /// A license as it was stored.
    ///
    /// # Errors
    /// [`ImpossibleCount`] when more plays were counted than were allowed.
    pub fn restore(used: u8, limit: PlayLimit) -> Result<Self, ImpossibleCount> {
        if used > limit.get() {
            Err(ImpossibleCount { used, limit })
        } else {
            Ok(Self { used, limit })
        }
    }

    /// Grants one play if one is left. The caller stores the turned counter before it releases anything.
    ///
    /// # Errors
    /// [`Exhausted`] when none is left; the counter is unchanged.
    pub fn turn(&mut self) -> Result<Play, Exhausted> {
        if self.used >= self.limit.get() {
            return Err(Exhausted { limit: self.limit });
        }
        self.used += 1;
        Ok(Play {
            number: self.used,
            limit: self.limit,
        })
    }

    /// Plays granted so far.
    #[must_use]
    pub fn used(&self) -> u8 {
        self.used
    }

    /// Plays allowed in all.
    #[must_use]
    pub fn limit(&self) -> PlayLimit {
        self.limit
    }

    /// Plays that are left.
    #[must_use]
    pub fn left(&self) -> u8 {
        self.limit.get().saturating_sub(self.used)
    }
}

impl Play {
    /// Whether this was the last one: the share leaves the license together with it.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.number >= self.limit.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The model: a purse of `limit` coins from which one is taken a play.
        #[test]
        fn agrees_with_a_purse(limit in 1u8..=255, plays in 0usize..600) {
            let limit = PlayLimit::new(limit).unwrap();
            let mut purse: Vec<u8> = (1..=limit.get()).rev().collect();
            let mut counter = Counter::new(limit);
            for _ in 0..plays {
                match purse.pop() {
                    Some(number) => {
                        let play = counter.turn().unwrap();
                        prop_assert_eq!(play, Play { number, limit });
                        prop_assert_eq!(play.is_last(), purse.is_empty());
                    }
                    None => prop_assert_eq!(counter.turn(), Err(Exhausted { limit })),
                }
                prop_assert_eq!(usize::from(counter.left()), purse.len());
                prop_assert_eq!(usize::from(counter.used()) + purse.len(), usize::from(limit.get()));
                // Storing and loading between any two plays changes nothing.
                prop_assert_eq!(Counter::restore(counter.used(), counter.limit()), Ok(counter));
            }
        }
    }

    #[test]
    fn a_count_beyond_the_limit_is_refused() {
        let limit = PlayLimit::new(3).unwrap();
        assert!(Counter::restore(3, limit).is_ok());
        assert_eq!(Counter::restore(4, limit), Err(ImpossibleCount { used: 4, limit }));
    }

    #[test]
    fn the_greatest_limit_does_not_overflow() {
        let limit = PlayLimit::new(255).unwrap();
        let mut counter = Counter::restore(254, limit).unwrap();
        assert!(counter.turn().unwrap().is_last());
        assert_eq!(counter.turn(), Err(Exhausted { limit }));
        assert_eq!(counter.used(), 255);
    }
}
