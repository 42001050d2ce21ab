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

use std::ops::Deref;

use anyhow::Result;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use sha2::{Digest as _, Sha256};

use super::{BODY_LEN, MAILBOXES, SEND_TO_POSTGRES, SEND_TO_REDIS, SUITE, quiet};
use crate::measure::{Effort, median};
use crate::table::{self, Row, Target};
use postgres::Postgres;
use redis::Redis;

/// The relay's defaults. No mailbox comes near them here.
const QUOTA: Quota = Quota {
    envelopes: 10_000,
    bytes: 64 << 20,
};

/// Bytes of a digest.
const DIGEST_LEN: usize = 16;

/// What a mailbox may hold.
#[derive(Clone, Copy)]
struct Quota {
    envelopes: u64,
    bytes: u64,
}

/// What is sent: text without a backslash, because pgbench sends text, which is then its own encoding as `bytea`, and redis-benchmark ends at a NUL.
struct Body {
    text: String,
    /// As long as the relay's digest, hexadecimal.
    digest: String,
}

impl Body {
    fn random(rng: &mut impl Rng) -> Self {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut bytes = vec![0; BODY_LEN];
        rng.fill_bytes(&mut bytes);
        let text: String = bytes
            .iter()
            .map(|byte| char::from(ALPHABET[usize::from(byte % 64)]))
            .collect();
        let digest = hex::encode(&Sha256::digest(text.as_bytes())[..DIGEST_LEN]);
        Self { text, digest }
    }
}

impl Deref for Body {
    type Target = str;
    fn deref(&self) -> &str {
        &self.text
    }
}

/// The rates of one kind of work, a round each.
struct Rates {
    name: &'static str,
    /// Whether the relay has to be faster than this.
    target: Option<Target>,
    each: Vec<f64>,
}

impl Rates {
    const fn new(name: &'static str, target: Option<Target>) -> Self {
        Self {
            name,
            target,
            each: Vec::new(),
        }
    }

    fn rows(&self, sends: &[f64]) -> Vec<Row> {
        // The first round is not counted.
        let Some(rates) = self.each.get(1..).filter(|rates| !rates.is_empty()) else {
            return Vec::new();
        };
        let ratio = median(sends.iter().zip(rates).map(|(ours, theirs)| ours / theirs).collect());
        let ratio = Row::new(SUITE, format!("durable send / {}", self.name), ratio, "ratio");
        vec![
            Row::new(SUITE, format!("stored by {}", self.name), median(rates.to_vec()), "1/s"),
            match self.target {
                Some(target) => ratio.with(target),
                None => ratio,
            },
        ]
    }
}

/// Those that are installed, measured in turns with the relay.
pub struct Rivals {
    redis: Option<Redis>,
    postgres: Option<Postgres>,
    redis_rates: Rates,
    append_rates: Rates,
    postgres_rates: Rates,
}

impl Rivals {
    /// Starts what is there, and says what is not. Fails if one of them does not refuse what it should.
    pub fn start(quiet: bool) -> Result<Self> {
        let body = Body::random(&mut ChaCha20Rng::seed_from_u64(2));
        let (redis, postgres) = (Redis::start(&body)?, Postgres::start(body)?);
        for (there, what) in [(redis.is_some(), "redis-server"), (postgres.is_some(), "postgresql")] {
            if !there && !quiet {
                table::line(&format!("{what} is not installed: SKIPPED"));
            }
        }
        if !quiet {
            table::line(
                "Redis (a script a send, appendfsync always) and PostgreSQL (a function a send, fsync) do what the relay's store does: repetitions, quota, sequence, receipt, body;\n\
                 no HTTP, no tokens, no deletion without a trace; digest by the client. \"append only\" is a bare RPUSH of the body: no checks, not the same work",
            );
        }
        Ok(Self {
            redis,
            postgres,
            redis_rates: Rates::new("Redis", Some(Target::AtLeast(SEND_TO_REDIS))),
            append_rates: Rates::new("Redis, append only, no checks", None),
            postgres_rates: Rates::new("PostgreSQL", Some(Target::AtLeast(SEND_TO_POSTGRES))),
        })
    }

    /// One round, about as long as the relay's. Fails if not everything was stored.
    ///
    /// `sent`: the relay's rate, the first guess at theirs.
    pub fn round(&mut self, effort: Effort, sent: f64) -> Result<()> {
        let requests = |rates: &Rates| {
            let guess = rates.each.last().copied().unwrap_or(sent);
            (guess * effort.seconds).max(500.0) as usize
        };
        if let Some(redis) = &self.redis {
            let rate = redis.stored(effort.connections, requests(&self.redis_rates))?;
            self.redis_rates.each.push(rate);
            quiet::wait();
            let rate = redis.appended(effort.connections, requests(&self.append_rates))?;
            self.append_rates.each.push(rate);
            quiet::wait();
        }
        if let Some(postgres) = &self.postgres {
            let seconds = (effort.seconds.ceil() as u64).max(1);
            let rate = postgres.stored(effort.connections, seconds)?;
            self.postgres_rates.each.push(rate);
            quiet::wait();
        }
        Ok(())
    }

    /// Their rates, and the relay's in each round over theirs.
    pub fn rows(&self, sends: &[f64]) -> Vec<Row> {
        [&self.redis_rates, &self.append_rates, &self.postgres_rates]
            .into_iter()
            .flat_map(|rates| rates.rows(sends))
            .collect()
    }
}
