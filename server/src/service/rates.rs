//! How much one address or one account may ask for.
//!
//! Token buckets, in memory, by the generic cell rate algorithm of `governor`. Keys are hashed with a secret of this process, so that nobody chooses who shares a
//! bucket with whom. Memory is bounded: full buckets are forgotten, and when there are too many of the others, newcomers share a fixed number.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher as _, Hash},
    net::IpAddr,
    num::NonZeroU32,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
    state::keyed::DashMapStateStore,
};

use super::{Refusal, Result};
use crate::model::MailboxId;

/// Buckets before newcomers share: 48 bytes each.
const MAX_BUCKETS: usize = 65_536;
/// Shared buckets in that case.
const SHARED: u64 = 16_384;
/// How often (in requests) it is looked whether there are too many.
const LOOK_EVERY: u32 = 1024;

/// So many in so much time, all at once or spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: NonZeroU32,
    /// In how much time.
    pub period: Duration,
}

impl Rate {
    /// Parses `600/m`: a number of at least 1, and s, m, h or d.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (count, unit) = text.split_once('/')?;
        let seconds = match unit.trim() {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 24 * 3600,
            _ => return None,
        };
        Some(Self {
            count: count.trim().parse().ok()?,
            period: Duration::from_secs(seconds),
        })
    }

    const fn of(count: u32, seconds: u64) -> Option<Self> {
        match NonZeroU32::new(count) {
            Some(count) => Some(Self {
                count,
                period: Duration::from_secs(seconds),
            }),
            None => None,
        }
    }

    fn quota(self) -> Option<Quota> {
        Some(Quota::with_period(self.period / self.count.get())?.allow_burst(self.count))
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unit = match self.period.as_secs() {
            1 => "s",
            60 => "m",
            3600 => "h",
            _ => "d",
        };
        write!(f, "{}/{unit}", self.count)
    }
}

/// What an operator may choose; none is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// Every request, by address.
    pub address: Option<Rate>,
    /// Registrations, by address.
    pub register: Option<Rate>,
    /// Challenges and sign-ins, by address.
    pub sign_in: Option<Rate>,
    /// Every request with a session, by account.
    pub account: Option<Rate>,
    /// Bundles fetched, by account.
    pub fetch_key: Option<Rate>,
    /// One-time prekeys that one account gets of another; beyond it bundles come without.
    pub one_time: Option<Rate>,
    /// Changes of identity, by account.
    pub succeed: Option<Rate>,
    /// Connections at once, by address.
    pub connections: Option<NonZeroU32>,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            // Fifty a second: a household, an office behind one address, a client that catches up.
            address: Rate::of(3000, 60),
            // A verification of two signatures and a row for ever. A course that registers together fits.
            register: Rate::of(60, 3600),
            // A sign-in is two requests, and costs a millisecond of ours. It is needed once an hour.
            sign_in: Rate::of(120, 60),
            // Far above what a person does; a program that loops is stopped within a minute.
            account: Rate::of(1200, 60),
            // New contacts, or every contact once after a restore.
            fetch_key: Rate::of(120, 60),
            // A client fetches a bundle once for each contact, and again when a session is lost.
            one_time: Rate::of(5, 3600),
            // Once in years, and again when an answer was lost. Contacts keep eight, so whoever changes often leaves them behind.
            succeed: Rate::of(10, 24 * 3600),
            // One client uses a few; behind one address there may be an office of them.
            connections: NonZeroU32::new(512),
        }
    }
}

impl RateLimits {
    /// No limits at all: for measurements, and where a proxy limits.
    #[must_use]
    pub const fn off() -> Self {
        Self {
            address: None,
            register: None,
            sign_in: None,
            account: None,
            fetch_key: None,
            one_time: None,
            succeed: None,
            connections: None,
        }
    }
}

struct Buckets {
    limiter: RateLimiter<u64, DashMapStateStore<u64>, DefaultClock>,
    clock: DefaultClock,
    requests: AtomicU32,
    crowded: AtomicBool,
    hasher: RandomState,
}

impl Buckets {
    fn new(rate: Option<Rate>) -> Option<Self> {
        Some(Self {
            limiter: RateLimiter::dashmap(rate?.quota()?),
            clock: DefaultClock::default(),
            requests: AtomicU32::new(0),
            crowded: AtomicBool::new(false),
            hasher: RandomState::new(),
        })
    }

    /// Takes one; or says how long until there is one again.
    fn take(&self, key: impl Hash) -> std::result::Result<(), Duration> {
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
    fn purge(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
        self.crowded.store(self.limiter.len() > MAX_BUCKETS, Ordering::Relaxed);
    }
}

/// Buckets for one purpose.
pub(super) struct Takings(Option<Buckets>);

impl Takings {
    pub(super) fn new(rate: Option<Rate>) -> Self {
        Self(Buckets::new(rate))
    }

    /// Takes one, if there is one left.
    pub(super) fn take(&self, key: impl Hash) -> bool {
        self.0.as_ref().is_none_or(|buckets| buckets.take(key).is_ok())
    }

    pub(super) fn purge(&self) {
        self.0.iter().for_each(Buckets::purge);
    }
}

/// Which of the limits was hit; a label in the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// [`RateLimits::address`].
    Address,
    /// [`RateLimits::register`].
    Register,
    /// [`RateLimits::sign_in`].
    SignIn,
    /// [`RateLimits::account`].
    Account,
    /// [`RateLimits::fetch_key`].
    FetchKey,
    /// [`RateLimits::one_time`].
    OneTime,
    /// [`RateLimits::succeed`].
    Succeed,
}

impl Limit {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Address,
        Self::Register,
        Self::SignIn,
        Self::Account,
        Self::FetchKey,
        Self::OneTime,
        Self::Succeed,
    ];

    /// Its name in the metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Register => "register",
            Self::SignIn => "sign_in",
            Self::Account => "account",
            Self::FetchKey => "fetch_key",
            Self::OneTime => "one_time",
            Self::Succeed => "succeed",
        }
    }
}

/// What is limited by address besides the number of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Costly {
    /// A registration.
    Register,
    /// A challenge or a sign-in.
    SignIn,
}

/// The buckets of everyone.
pub struct Rates {
    limits: [Option<Buckets>; 7],
    hits: [AtomicU32; 7],
}

impl Rates {
    /// Full buckets.
    #[must_use]
    pub fn new(limits: &RateLimits) -> Self {
        let of = |limit| match limit {
            Limit::Address => limits.address,
            Limit::Register => limits.register,
            Limit::SignIn => limits.sign_in,
            Limit::Account => limits.account,
            Limit::FetchKey => limits.fetch_key,
            Limit::OneTime => limits.one_time,
            Limit::Succeed => limits.succeed,
        };
        Self {
            limits: Limit::ALL.map(|limit| Buckets::new(of(limit))),
            hits: Default::default(),
        }
    }

    fn take(&self, limit: Limit, key: impl Hash) -> std::result::Result<(), Duration> {
        let Some(buckets) = &self.limits[limit as usize] else {
            return Ok(());
        };
        buckets.take(key).inspect_err(|_| {
            self.hits[limit as usize].fetch_add(1, Ordering::Relaxed);
        })
    }

    /// A request from `address`.
    ///
    /// # Errors
    /// [`Refusal::TooFast`].
    pub fn request(&self, address: Option<Network>, costly: Option<Costly>) -> Result<()> {
        let too_fast = |wait| Refusal::TooFast {
            who: "this address",
            wait,
        };
        let Some(address) = address else {
            return Ok(());
        };
        self.take(Limit::Address, address).map_err(too_fast)?;
        match costly {
            Some(Costly::Register) => self.take(Limit::Register, address).map_err(too_fast),
            Some(Costly::SignIn) => self.take(Limit::SignIn, address).map_err(too_fast),
            None => Ok(()),
        }
    }

    /// A request of `account`.
    ///
    /// # Errors
    /// [`Refusal::TooFast`].
    pub fn account(&self, account: MailboxId) -> Result<()> {
        self.take(Limit::Account, account).map_err(|wait| Refusal::TooFast {
            who: "this account",
            wait,
        })
    }

    /// A bundle for `asker`.
    ///
    /// # Errors
    /// [`Refusal::TooFast`].
    pub fn fetch_key(&self, asker: MailboxId) -> Result<()> {
        self.take(Limit::FetchKey, asker).map_err(|wait| Refusal::TooFast {
            who: "this account",
            wait,
        })
    }

    /// Another identity for `account`, whose proofs hold: nobody uses up another's.
    ///
    /// # Errors
    /// [`Refusal::TooFast`].
    pub fn succeed(&self, account: MailboxId) -> Result<()> {
        self.take(Limit::Succeed, account).map_err(|wait| Refusal::TooFast {
            who: "this account",
            wait,
        })
    }

    /// Whether `asker` may have one more one-time prekey of `target`.
    #[must_use]
    pub fn one_time(&self, asker: MailboxId, target: MailboxId) -> bool {
        self.take(Limit::OneTime, (asker, target)).is_ok()
    }

    /// Forgets whose buckets are full again.
    pub fn purge(&self) {
        self.limits.iter().flatten().for_each(Buckets::purge);
    }

    /// How often each limit was hit since the start.
    #[must_use]
    pub fn hits(&self) -> [(Limit, u32); 7] {
        Limit::ALL.map(|limit| (limit, self.hits[limit as usize].load(Ordering::Relaxed)))
    }
}

/// Where somebody is, as far as it matters: an IPv4 address, or an IPv6 network of 64 bits, which is what one household gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(u128);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self(v4.to_ipv6_mapped().to_bits()),
            IpAddr::V6(v6) => Self(v6.to_bits() >> 64 << 64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(limits: RateLimits) -> Rates {
        Rates::new(&limits)
    }

    #[test]
    fn rates_are_a_number_and_a_time() {
        for text in ["1/s", "600/m", "5/h", "7/d"] {
            assert_eq!(Rate::parse(text).unwrap().to_string(), text);
        }
        for bad in ["", "5", "0/s", "-1/s", "5/w", "5 per s", "5/", "/s"] {
            assert_eq!(Rate::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn each_for_itself_and_the_wait_is_told() {
        let rates = rates(RateLimits {
            account: Rate::parse("2/h"),
            ..RateLimits::off()
        });
        let (a, b) = (MailboxId::from_bytes([1; 16]), MailboxId::from_bytes([2; 16]));
        rates.account(a).unwrap();
        rates.account(a).unwrap();
        let Err(Refusal::TooFast { wait, .. }) = rates.account(a) else {
            panic!("a third")
        };
        assert!((1700..=1800).contains(&wait.as_secs()), "{wait:?}");
        rates.account(b).unwrap();
        assert_eq!(rates.hits()[Limit::Account as usize], (Limit::Account, 1));
    }

    #[test]
    fn an_ipv6_network_is_one_and_mapped_addresses_are_ipv4() {
        let network = |text: &str| Network::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:10.0.0.1"), network("10.0.0.1"));
        assert_ne!(network("10.0.0.1"), network("10.0.0.2"));
    }

    #[test]
    fn memory_is_bounded_whoever_comes() {
        let rates = rates(RateLimits {
            address: Rate::parse("1/d"),
            ..RateLimits::off()
        });
        for n in 0..3 * MAX_BUCKETS {
            let _ = rates.request(Some(Network(n as u128)), None);
        }
        let buckets = rates.limits[Limit::Address as usize].as_ref().unwrap();
        let most = MAX_BUCKETS + usize::try_from(SHARED).unwrap() + LOOK_EVERY as usize;
        assert!(buckets.limiter.len() <= most, "{}", buckets.limiter.len());
    }

    #[test]
    fn no_limit_is_no_limit() {
        let rates = rates(RateLimits::off());
        for _ in 0..10_000 {
            rates.request(Some(Network(1)), Some(Costly::Register)).unwrap();
        }
    }
}
