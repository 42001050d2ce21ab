//! Token buckets, one a key.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher as _, Hash},
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::Duration,
};

use governor::{
    RateLimiter,
    clock::{Clock as _, DefaultClock},
    state::keyed::DashMapStateStore,
};

use super::limits::Rate;

/// Buckets before newcomers share: 48 bytes each.
pub(super) const MAX_BUCKETS: usize = 65_536;
/// Shared buckets in that case.
pub(super) const SHARED: u64 = 16_384;
/// How often (in requests) it is looked whether there are too many.
pub(super) const LOOK_EVERY: u32 = 1024;

/// Token buckets of one size and speed.
pub(super) struct Buckets {
    limiter: RateLimiter<u64, DashMapStateStore<u64>, DefaultClock>,
    clock: DefaultClock,
    requests: AtomicU32,
    crowded: AtomicBool,
    hasher: RandomState,
}

impl Buckets {
    pub(super) fn new(rate: Option<Rate>) -> Option<Self> {
        Some(Self {
            limiter: RateLimiter::dashmap(rate?.quota()?),
            clock: DefaultClock::default(),
            requests: AtomicU32::new(0),
            crowded: AtomicBool::new(false),
            hasher: RandomState::new(),
        })
    }

    /// Takes one; or says how long until there is one again.
    pub(super) fn take(&self, key: impl Hash) -> Result<(), Duration> {
        if self.requests.fetch_add(1, Ordering::Relaxed).is_multiple_of(LOOK_EVERY) && self.limiter.len() > MAX_BUCKETS
        {
            self.limiter.retain_recent();
            self.crowded.store(self.limiter.len() > MAX_BUCKETS, Ordering::Relaxed);
        }
        let mut key = self.hasher.hash_one(key);
        if self.crowded.load(Ordering::Relaxed) {
            key %= SHARED;
        }
        self.limiter
            .check_key(&key)
            .map_err(|until| until.wait_time_from(self.clock.now()))
    }

    /// Forgets who has not asked lately.
    pub(super) fn purge(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
        self.crowded.store(self.limiter.len() > MAX_BUCKETS, Ordering::Relaxed);
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.limiter.len()
    }
}

/// Buckets for one purpose.
pub(in crate::service) struct Takings(Option<Buckets>);

impl Takings {
    pub(in crate::service) fn new(rate: Option<Rate>) -> Self {
        Self(Buckets::new(rate))
    }

    /// Takes one, if there is one left.
    pub(in crate::service) fn take(&self, key: impl Hash) -> bool {
        self.0.as_ref().is_none_or(|buckets| buckets.take(key).is_ok())
    }

    pub(in crate::service) fn purge(&self) {
        self.0.iter().for_each(Buckets::purge);
    }
}
