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
