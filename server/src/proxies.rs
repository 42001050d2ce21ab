//! Proxies in front: whose word about a client's address is taken, and which word.
//!
//! A client can write any header. So a header counts only when it came over a peer that the operator named, only the one header that the operator's
//! proxy sets is looked at (a proxy commonly passes the other one on as the client wrote it), and the list in it is walked from the right, which is the
//! end that proxies append to, over hops that are trusted and no further.
//!
//! Not its concern: what the address is used for (`limits`).

mod headers;

use std::{
    fmt,
    net::IpAddr,
    num::NonZeroU8,
    sync::atomic::{AtomicBool, Ordering},
};

use ipnet::IpNet;
use poem::http::HeaderMap;

pub use headers::Header;
use headers::claims;

/// The most proxies in a row that can be counted: a number far above any real chain is a mistake, and each one too many believes a client.
const MAX_HOPS: u8 = 16;

/// Whose word is taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Trust {
    /// Nobody's: clients connect directly.
    #[default]
    Nobody,
    /// So many proxies stand in a row, and nothing but the last of them reaches the relay.
    Hops(NonZeroU8),
    /// Peers at these addresses are proxies.
    Networks(Vec<IpNet>),
}

impl Trust {
    /// Parses `off`, a number of proxies, or addresses and networks separated by commas.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "off" {
            return Some(Self::Nobody);
        }
        if let Ok(hops) = text.parse::<NonZeroU8>() {
            return (hops.get() <= MAX_HOPS).then_some(Self::Hops(hops));
        }
        let network = |text: &str| {
            let text = text.trim();
            let address = text.parse::<IpAddr>().map(|address| address.to_canonical().into());
            address.or_else(|_| text.parse::<IpNet>()).ok()
        };
        text.split(',').map(network).collect::<Option<_>>().map(Self::Networks)
    }

    /// This machine: where a proxy is when the relay listens on the loopback.
    #[must_use]
    pub fn loopback() -> Self {
        Self::parse("127.0.0.0/8,::1").unwrap_or_default()
    }
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody => f.write_str("off"),
            Self::Hops(hops) => hops.fmt(f),
            Self::Networks(networks) => {
                let networks: Vec<_> = networks.iter().map(ToString::to_string).collect();
                f.write_str(&networks.join(","))
            }
        }
    }
}

/// What an operator says of the proxies in front.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProxyRules {
    /// Whose word is taken.
    pub trust: Trust,
    /// In which header.
    pub header: Header,
}

/// Finds out where requests come from.
#[derive(Debug, Default)]
pub struct Proxies {
    rules: ProxyRules,
    said_missing: AtomicBool,
    said_untrusted: AtomicBool,
}

impl Proxies {
    /// By these rules.
    #[must_use]
    pub fn new(rules: ProxyRules) -> Self {
        Self {
            rules,
            ..Self::default()
        }
    }

    /// Where a request comes from that `peer` passed on, or made.
    #[must_use]
    pub fn client(&self, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
        let peer = peer.to_canonical();
        let mut claims = claims(headers, self.rules.header);
        let client = match &self.rules.trust {
            Trust::Nobody => {
                self.untrusted(headers);
                return peer;
            }
            // What is no address ends the walk: nothing to the left of it was seen by a hop that is known.
            Trust::Hops(hops) => claims.take(hops.get().into()).map_while(|claim| claim).last(),
            Trust::Networks(networks) => {
                let trusted = |address: &IpAddr| networks.iter().any(|network| network.contains(address));
                if !trusted(&peer) {
                    self.untrusted(headers);
                    return peer;
                }
                let mut client = None;
                while let Some(Some(address)) = claims.next() {
                    client = Some(address);
                    if !trusted(&address) {
                        break;
                    }
                }
                client
            }
        };
        client.unwrap_or_else(|| {
            self.missing();
            peer
        })
    }

    /// A header that is not believed is worth a word: if a proxy wrote it, all its clients share one rate limit.
    fn untrusted(&self, headers: &HeaderMap) {
        let shown = [Header::XForwardedFor, Header::Forwarded]
            .map(Header::name)
            .into_iter()
            .find(|name| headers.contains_key(name));
        let Some(header) = shown else {
            return;
        };
        if !self.said_untrusted.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                %header,
                "a request came with this header from an address that is not among trusted-proxies, so the header is ignored. If a proxy of yours sent \
                 it, all its clients share the rate limits of one address: name it with --trusted-proxies. Said once"
            );
        }
    }

    fn missing(&self) {
        if !self.said_missing.swap(true, Ordering::Relaxed) {
            let header = self.rules.header.name();
            tracing::warn!(
                %header,
                "a trusted proxy passed a request on without a client's address in this header, so the proxy's own is taken: clients whose requests come \
                 like that share the rate limits of one address. Let the proxy set it (docs/proxies.md), or say with --forwarded-header which one it sets. \
                 Said once"
            );
        }
    }
}

#[cfg(test)]
mod tests;
