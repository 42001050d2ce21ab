//! How much strangers, accounts that show no delivery token, may send to a mailbox: all of them together, and each.
//!
//! It is counted by time alone: token buckets, taken from before the store is asked. What lies in the mailbox has no say, so a stranger that fills its share and
//! tries again learns nothing of what the owner does or gets from others (`docs/decisions/0024-shares-of-strangers.md`).
//!
//! In memory, and bounded: a restart of the relay fills the buckets. That the strangers' part still has an end is the store's doing ([`Part`](crate::store::Part)).

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher as _,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use hashlink::LruCache;
use parking_lot::Mutex;
use protocol::Timestamp;

use super::{REMEMBERED, licenses::MAX_LICENSE_TTL};
use crate::service::token_buckets::TokenBuckets;
use crate::{
    model::{MAX_ENVELOPE_BYTES, MailboxId, MessageId},
    store::Quota,
};

/// What a stranger is told to wait. Always the same, whether its share is used up, that of all is, or it is blocked: the true time would tell which.
pub const LATER: Duration = Duration::from_secs(15 * 60);
/// A part is a burst of this fraction of it, and the rest spread over the time for which a mailbox keeps what comes.
const BURST: u64 = 4;
/// Envelopes of the greatest size that a stranger may send at once, however small the mailbox is: a handshake and the first message after it.
const AT_LEAST: u64 = 2;
/// Buckets of each kind that are not full, about 50 bytes each. Beyond that those with the least to make up for are forgotten.
const MAX_BUCKETS: usize = 65_536;
/// Sends that were stored and may be repeated for nothing, the last ones: about 70 bytes each.
const STORED: usize = 32_768;
/// For so long: a repetition comes within minutes, or when the client is started the next time. The store's receipts, by which it is one, are kept for longer.
const REPEATED: Duration = Duration::from_secs(24 * 3600);

/// A whole number of percent from 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percent(u8);

impl Percent {
    /// Parses `50%`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let percent = text.strip_suffix('%')?.trim().parse().ok()?;
        (1..=100).contains(&percent).then_some(Self(percent))
    }

    /// From a number; above 100 it is 100, and 0 is 1.
    #[must_use]
    pub const fn of(percent: u8) -> Self {
        Self(match percent {
            0 => 1,
            1..=100 => percent,
            _ => 100,
        })
    }

    fn part(self, of: u64) -> u64 {
        u64::try_from(u128::from(of) * u128::from(self.0) / 100).unwrap_or(of)
    }
}

impl std::fmt::Display for Percent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}%", self.0)
    }
}

/// What an operator may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShareRules {
    /// What all strangers together may send to a mailbox, of its quota and within the time for which it is kept; none: strangers are treated as everybody else.
    pub strangers: Option<Percent>,
    /// What one of them may send, of that.
    pub one: Percent,
}

impl Default for ShareRules {
    fn default() -> Self {
        Self {
            strangers: Some(Percent::of(50)),
            // Eight have to conspire to keep other strangers out. With the default quota it is a megabyte at once: sixty first messages.
            one: Percent::of(12),
        }
    }
}

/// One kind of bucket: so much at once, and so much more within a time.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// How long an empty one takes to be full.
    size: Duration,
    refill: u64,
    window: Duration,
}

impl Bucket {
    /// Of `part` within `window`; at least `least` at once.
    fn of(part: u64, least: u64, window: Duration) -> Self {
        let refill = (part - part / BURST).max(1);
        let mut bucket = Self {
            size: Duration::ZERO,
            refill,
            window,
        };
        bucket.size = bucket.time((part / BURST).max(least));
        bucket
    }

    /// How long so much takes to come back. Rounded down, so that as many fit as was meant; but nothing is for nothing.
    fn time(&self, amount: u64) -> Duration {
        let millis = u128::from(amount) * self.window.as_millis() / u128::from(self.refill);
        Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX).max(1))
    }
}

/// What is counted, for all strangers of a mailbox and for each.
#[derive(Debug)]
struct Measure {
    all: (Bucket, TokenBuckets<u64>),
    one: (Bucket, TokenBuckets<u64>),
}

/// Whose share has no room for a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UsedUp {
    /// That of its sender.
    Own,
    /// That of all strangers together; its sender's has room.
    All,
}

/// The buckets that a send takes from.
#[derive(Debug, Clone, Copy)]
struct Keys {
    all: u64,
    one: u64,
}

impl Measure {
    fn new(quota: u64, rules: (Percent, Percent), least: u64, window: Duration) -> Self {
        let all = rules.0.part(quota);
        Self {
            all: (Bucket::of(all, least, window), TokenBuckets::new(MAX_BUCKETS)),
            one: (
                Bucket::of(rules.1.part(all), least, window),
                TokenBuckets::new(MAX_BUCKETS),
            ),
        }
    }

    fn both(&mut self, keys: Keys) -> [(&mut (Bucket, TokenBuckets<u64>), u64); 2] {
        [(&mut self.all, keys.all), (&mut self.one, keys.one)]
    }

    /// What of it is used up, if something is.
    fn used_up(&mut self, keys: Keys, amount: u64, now: Timestamp) -> Option<UsedUp> {
        let [all, one] = self.both(keys).map(|((bucket, debts), key)| {
            debts.full_at(&key, bucket.size, now).plus(bucket.time(amount)) <= now.plus(bucket.size)
        });
        match (one, all) {
            (false, _) => Some(UsedUp::Own),
            (true, false) => Some(UsedUp::All),
            (true, true) => None,
        }
    }

    fn take(&mut self, keys: Keys, amount: u64, now: Timestamp) {
        for ((bucket, debts), key) in self.both(keys) {
            let full = debts.full_at(&key, bucket.size, now).plus(bucket.time(amount));
            debts.set(key, full, now);
        }
    }

    fn give_back(&mut self, keys: Keys, amount: u64, now: Timestamp) {
        for ((bucket, debts), key) in self.both(keys) {
            let full = debts.full_at(&key, bucket.size, now).as_millis();
            let less = u64::try_from(bucket.time(amount).as_millis()).unwrap_or(u64::MAX);
            debts.set(key, Timestamp::from_millis(full.saturating_sub(less)), now);
        }
    }
}

/// What a send took, to be given back if nothing came of it.
#[derive(Debug)]
pub(super) struct Taken {
    keys: Keys,
    bytes: u64,
    license: bool,
}

struct Inner {
    bytes: Measure,
    licenses: Measure,
    stored: LruCache<u64, Timestamp, RandomState>,
}

/// The shares of everyone.
pub struct Shares {
    /// None: strangers are treated as everybody else.
    inner: Option<Mutex<Inner>>,
    /// What an envelope counts at least, so that the number of envelopes is limited with their bytes.
    least: u64,
    hasher: RandomState,
    refused: AtomicU64,
}

impl Shares {
    pub(super) fn new(rules: ShareRules, quota: Quota, envelope_ttl: Duration) -> Self {
        let least = (quota.bytes / quota.envelopes.max(1)).max(1);
        let inner = rules.strangers.map(|strangers| {
            let rules = (strangers, rules.one);
            let envelopes = AT_LEAST * least.max(MAX_ENVELOPE_BYTES as u64);
            Mutex::new(Inner {
                bytes: Measure::new(quota.bytes, rules, envelopes, envelope_ttl),
                // A license lies there for its own time and is remembered after that.
                licenses: Measure::new(quota.licenses, rules, AT_LEAST, MAX_LICENSE_TTL + REMEMBERED),
                stored: LruCache::with_hasher(STORED, RandomState::new()),
            })
        });
        Self {
            inner,
            least,
            hasher: RandomState::new(),
            refused: AtomicU64::new(0),
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> Option<T> {
        let inner = self.inner.as_ref()?;
        Some(work(&mut inner.lock()))
    }

    /// Whether strangers are told apart at all.
    pub(super) const fn are_on(&self) -> bool {
        self.inner.is_some()
    }

    /// Whether this very send was stored lately, as far as that is known here: then it is a repetition, and costs nothing.
    pub(super) fn was_stored(&self, mailbox: MailboxId, account: MailboxId, id: MessageId, now: Timestamp) -> bool {
        let key = self.hasher.hash_one((mailbox, account, id));
        let at = self.with(|inner| inner.stored.get(&key).copied()).flatten();
        at.is_some_and(|at| at <= now && now < at.plus(REPEATED))
    }

    /// This send is stored, and was paid for.
    pub(super) fn note_stored(&self, mailbox: MailboxId, account: MailboxId, id: MessageId, now: Timestamp) {
        let key = self.hasher.hash_one((mailbox, account, id));
        self.with(|inner| inner.stored.insert(key, now));
    }

    /// Takes a send of `account` to `mailbox` out of the shares. `Err` when one of them is used up; then nothing was taken.
    pub(super) fn take(
        &self,
        mailbox: MailboxId,
        account: MailboxId,
        bytes: usize,
        license: bool,
        now: Timestamp,
    ) -> Result<Option<Taken>, UsedUp> {
        let taken = Taken {
            keys: Keys {
                all: self.hasher.hash_one(mailbox),
                one: self.hasher.hash_one((mailbox, account)),
            },
            bytes: (bytes as u64).max(self.least),
            license,
        };
        let had = self.with(|inner| {
            let of_bytes = inner.bytes.used_up(taken.keys, taken.bytes, now);
            let of_licenses = license.then(|| inner.licenses.used_up(taken.keys, 1, now)).flatten();
            let used_up = match (of_bytes, of_licenses) {
                (Some(UsedUp::Own), _) | (_, Some(UsedUp::Own)) => Some(UsedUp::Own),
                (one, other) => one.or(other),
            };
            if used_up.is_none() {
                inner.bytes.take(taken.keys, taken.bytes, now);
            }
            if used_up.is_none() && license {
                inner.licenses.take(taken.keys, 1, now);
            }
            used_up
        });
        match had {
            None => Ok(None),
            Some(None) => Ok(Some(taken)),
            Some(Some(used_up)) => {
                self.note_refused();
                Err(used_up)
            }
        }
    }

    /// Nothing was stored of a send: what it took is given back.
    pub(super) fn give_back(&self, taken: &Taken, now: Timestamp) {
        self.with(|inner| {
            inner.bytes.give_back(taken.keys, taken.bytes, now);
            if taken.license {
                inner.licenses.give_back(taken.keys, 1, now);
            }
        });
    }

    /// A stranger was refused.
    pub(super) fn note_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// How many sends of strangers were refused since the start, blocked ones included.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests;
