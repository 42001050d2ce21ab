//! Redis and PostgreSQL at the work of a relay's durable send, as far as it is the store's: the body comes with the request, a repetition is known by (mailbox, principal,
//! message id) and told from a conflict by 16 bytes of the body's digest (which the client brings; the relay computes it), receipts are kept for 30 days, the quota in
//! envelopes and bytes is checked and counted, the body is kept under (mailbox, sequence), all of it in one transaction that is on the disk before the answer. One round
//! trip a send, without pipelining, over as many connections and to as many mailboxes as the relay has. They are driven by their own load generators, which cost less than ours.
//!
//! What the relay does besides: HTTP, tokens, names, deletion that leaves no trace, waking who waits; Redis also keeps no expiry of envelopes.
//! After each round it is counted whether everything was stored, and at the start whether repetitions, conflicts and full mailboxes are refused.

mod postgres;
mod redis;
mod server;
mod work;

use anyhow::{Result, bail};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::quiet::Rests;
use super::setting::Stored;
use postgres::Postgres;
use redis::Redis;
use work::Body;

/// A burst of a number of requests that lasts shorter than this part of what it should is made again with more.
const LONG_ENOUGH: f64 = 0.9;
/// So often.
const TRIES: u32 = 4;
/// The first guess at how many sends a second somebody stores.
const GUESS: f64 = 10_000.0;

/// Those that are installed, measured in turns with the relay.
pub struct Rivals {
    redis: Option<Redis>,
    postgres: Option<Postgres>,
    /// How fast Redis was last.
    stored: f64,
    appended: f64,
}

impl Rivals {
    /// Starts what is there. Fails if one of them does not refuse what it should.
    pub fn start() -> Result<Self> {
        let body = Body::random(&mut ChaCha20Rng::seed_from_u64(2));
        Ok(Self {
            redis: Redis::start(&body)?,
            postgres: Postgres::start(body)?,
            stored: GUESS,
            appended: GUESS,
        })
    }

    /// Those that are not installed, and cannot be compared with: `name: why`.
    pub fn skipped(&self) -> Vec<String> {
        let rivals = [("redis", self.redis.is_some()), ("postgresql", self.postgres.is_some())];
        let absent = rivals.into_iter().filter(|(_, there)| !there);
        absent
            .map(|(name, _)| format!("{name}: not installed, so nothing is compared with it"))
            .collect()
    }

    /// What they are and how they are set, as they say themselves.
    pub fn settings(&self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        if let Some(redis) = &self.redis {
            lines.push(format!(
                "Redis: {}; a script a send, driven by redis-benchmark over a socket of the machine",
                redis.settings()?
            ));
        }
        if let Some(postgres) = &self.postgres {
            lines.push(format!(
                "PostgreSQL: {}; a prepared call of a function a send, driven by pgbench over a socket of the machine",
                postgres.settings()?
            ));
        }
        Ok(lines)
    }

    /// One round of bursts of so many seconds, each with a rest behind it. Fails if not everything was stored.
    pub fn round(&mut self, connections: usize, seconds: f64, rests: &mut Rests) -> Result<Stored> {
        let mut stored = Stored::default();
        if let Some(redis) = &self.redis {
            self.stored = for_long_enough(self.stored, seconds, |requests| redis.stored(connections, requests))?;
            stored.redis = Some(self.stored);
            rests.take();
            self.appended = for_long_enough(self.appended, seconds, |requests| redis.appended(connections, requests))?;
            stored.appended = Some(self.appended);
            rests.take();
        }
        if let Some(postgres) = &self.postgres {
            stored.postgres = Some(postgres.stored(connections, seconds as u64)?);
            rests.take();
        }
        Ok(stored)
    }
}

/// The rate of a burst of about so many seconds, of a load generator that takes a number of requests and no time.
fn for_long_enough(guess: f64, seconds: f64, mut burst: impl FnMut(usize) -> Result<f64>) -> Result<f64> {
    let mut rate = guess;
    for _ in 0..TRIES {
        let requests = (rate * seconds).ceil();
        rate = burst(requests as usize)?;
        if requests / rate >= LONG_ENOUGH * seconds {
            return Ok(rate);
        }
    }
    bail!("a burst of {seconds} s cannot be had: with each try it is faster")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_installed_is_named() {
        let rivals = Rivals {
            redis: None,
            postgres: None,
            stored: GUESS,
            appended: GUESS,
        };
        let skipped = rivals.skipped();
        // As `.ci/run` reads them.
        assert!(skipped[0].starts_with("redis: not installed") && skipped[1].starts_with("postgresql: not installed"));
        assert_eq!((skipped.len(), rivals.settings().unwrap().len()), (2, 0));
    }

    #[test]
    fn a_burst_that_was_too_short_is_made_again() {
        let mut bursts = Vec::new();
        let rate = for_long_enough(100.0, 10.0, |requests| {
            bursts.push(requests);
            Ok(500.0)
        });
        assert_eq!((rate.unwrap(), bursts), (500.0, vec![1000, 5000]));
        let mut faster = 100.0;
        let never = for_long_enough(100.0, 10.0, |_| {
            faster *= 2.0;
            Ok(faster)
        });
        assert!(never.is_err());
    }
}
