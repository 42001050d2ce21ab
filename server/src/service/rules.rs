//! What an operator chooses, as far as it concerns the services.

use std::time::Duration;

use protocol::address::RelayName;

use super::{rates::RateLimits, shares::ShareRules};
use crate::{origin::Origin, proxies::ProxyRules, store::Quota};

/// What an operator may choose about the services.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The part after the @ in addresses here.
    pub name: RelayName,
    /// Under which URLs clients reach the relay; empty: those of the loopback that the request's Host says.
    pub origins: Vec<Origin>,
    /// How much each part of a mailbox may hold.
    pub quota: Quota,
    /// How much of that strangers may send, and in which time.
    pub shares: ShareRules,
    /// How long an undelivered envelope is kept.
    pub envelope_ttl: Duration,
    /// How long a session lives.
    pub token_ttl: Duration,
    /// How much homomorphic work there may be.
    pub gate: GateRules,
    /// How much one address and one account may ask for.
    pub rates: RateLimits,
    /// Whose word about a client's address is taken.
    pub proxies: ProxyRules,
    /// Who may register.
    pub registrations: Registrations,
    /// What of the relay's numbers is shown to everybody.
    pub status: StatusRule,
}

/// Who may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Registrations {
    /// Anyone, at the rate of an address. The default: a relay that was just started is there to be tried, on the loopback.
    #[default]
    Open,
    /// Who has an invitation of the operator's.
    Invite,
    /// Nobody new.
    Closed,
}

impl Registrations {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Invite => "invite",
            Self::Closed => "closed",
        }
    }

    /// By its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Open, Self::Invite, Self::Closed]
            .into_iter()
            .find(|one| one.name() == text)
    }
}

/// What of the relay's numbers is shown to everybody. Exact ones are on the metrics listener alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StatusRule {
    /// Nothing.
    Off,
    /// Rough ones, an hour old.
    #[default]
    Coarse,
}

impl StatusRule {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Coarse => "coarse",
        }
    }

    /// By its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Off, Self::Coarse].into_iter().find(|one| one.name() == text)
    }
}

/// What an operator may choose about oblivious play limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateRules {
    /// Threads that compute.
    pub threads: usize,
    /// Bytes of loaded keys; one is kept however large it is.
    pub memory: u64,
    /// Bytes of stored keys, of all accounts.
    pub disk: u64,
    /// Keys of one account that take new licenses.
    pub keys: u64,
}
