//! Rates, and what an operator may choose.

use std::{num::NonZeroU32, time::Duration};

use governor::Quota;

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

    pub(super) fn quota(self) -> Option<Quota> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_a_number_and_a_time() {
        for text in ["1/s", "600/m", "5/h", "7/d"] {
            assert_eq!(Rate::parse(text).unwrap().to_string(), text);
        }
        for bad in ["", "5", "0/s", "-1/s", "5/w", "5 per s", "5/", "/s"] {
            assert_eq!(Rate::parse(bad), None, "{bad}");
        }
    }
}
