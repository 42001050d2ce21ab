//! How much one address or one account may ask for.
//!
//! Token buckets, in memory, by the generic cell rate algorithm of `governor`. Keys are hashed with a secret of this process, so that nobody chooses who shares a
//! bucket with whom. Memory is bounded: full buckets are forgotten, and when there are too many of the others, newcomers share a fixed number.

mod buckets;
mod limits;

use std::{
    hash::Hash,
    net::IpAddr,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use super::{Refusal, Result};
use crate::model::MailboxId;
use buckets::Buckets;
pub(super) use buckets::Takings;
pub use limits::{Rate, RateLimits};

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

    /// Whether sign-ins are limited by address. Where they are not, by the operator's choice, all of them may come from one: a proxy's, or that of a measurement.
    #[must_use]
    pub const fn tells_addresses_apart(&self) -> bool {
        self.limits[Limit::SignIn as usize].is_some()
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
    use super::{
        buckets::{LOOK_EVERY, MAX_BUCKETS, SHARED},
        *,
    };

    fn rates(limits: RateLimits) -> Rates {
        Rates::new(&limits)
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
        assert!(buckets.len() <= most, "{}", buckets.len());
    }

    #[test]
    fn no_limit_is_no_limit() {
        let rates = rates(RateLimits::off());
        for _ in 0..10_000 {
            rates.request(Some(Network(1)), Some(Costly::Register)).unwrap();
        }
    }
}
