//! Origins: `scheme://host[:port]`, what a client dials and signs.
//!
//! A proof of a sign-in is good at one origin. A relay that took whatever origin its requests name would take proofs that another server had its own users
//! make and passed on. So a relay knows its origins: as the operator lists them, or derived from its name, or else only those that reach no further than the
//! machine.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use poem::http::uri::Authority;
use protocol::address::RelayName;

/// An origin in its canonical form: lower case, no default port. Clients sign it in that form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    text: String,
    host: String,
    tls: bool,
}

impl Origin {
    /// Parses `scheme://host[:port]`; none when it is anything less or more, such as a path.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (scheme, default) = match scheme.to_ascii_lowercase().as_str() {
            "http" => ("http", 80),
            "https" => ("https", 443),
            _ => return None,
        };
        if rest.contains(['/', '?', '#', '@']) {
            return None;
        }
        let authority: Authority = rest.parse().ok()?;
        let host = match authority.host().strip_prefix('[') {
            Some(v6) => v6.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?.to_string(),
            None => authority.host().to_ascii_lowercase(),
        };
        let port = match rest[authority.host().len()..].strip_prefix(':') {
            Some(port) => Some(port.parse::<u16>().ok().filter(|port| *port != 0)?),
            None => None,
        };
        // A pattern would match nothing, and nobody can dial "any address".
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':');
        let anywhere = host.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified());
        if host.is_empty() || anywhere || !host.bytes().all(plain) {
            return None;
        }
        let shown = if host.contains(':') {
            format!("[{host}]")
        } else {
            host.clone()
        };
        let port = port.filter(|port| *port != default);
        let port = port.map_or_else(String::new, |port| format!(":{port}"));
        Some(Self {
            text: format!("{scheme}://{shown}{port}"),
            host,
            tls: scheme == "https",
        })
    }

    /// Those of a relay called `name` that does TLS, or whose proxy does: the name's own, and that with the port where it listens, if that is known.
    #[must_use]
    pub fn of_name(name: &RelayName, port: Option<u16>) -> Vec<Self> {
        let Some(plain) = Self::parse(&format!("https://{name}")).filter(|origin| !origin.is_loopback()) else {
            return Vec::new();
        };
        let with_port = port.and_then(|port| Self::parse(&format!("https://{name}:{port}")));
        let more = with_port.filter(|with_port| *with_port != plain);
        [plain].into_iter().chain(more).collect()
    }

    /// The port that a client dials.
    #[must_use]
    pub fn port(&self) -> u16 {
        let default = if self.tls { 443 } else { 80 };
        // Of an IPv6 address without a port what follows the last colon ends with a bracket.
        let port = self.text.rsplit_once(':').map(|(_, port)| port.parse());
        port.and_then(Result::ok).unwrap_or(default)
    }

    /// As a client signs it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host, without the brackets of an IPv6 address.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether the way there is encrypted.
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        self.tls
    }

    /// Whether it is the machine that it is said on.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self
                .host
                .parse::<IpAddr>()
                .is_ok_and(|ip| ip.to_canonical().is_loopback())
    }

    /// Whether this is where a request was sent that had this `Host`.
    #[must_use]
    pub fn is_of_host(&self, host: &str) -> bool {
        let scheme = if self.tls { "https" } else { "http" };
        Self::parse(&format!("{scheme}://{host}")).as_ref() == Some(self)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port_in_one_form() {
        for (given, kept) in [
            ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
            ("https://Relay.Example:443", "https://relay.example"),
            ("HTTPS://relay.example:8443", "https://relay.example:8443"),
            ("http://relay.example:80", "http://relay.example"),
            ("http://[0:0::1]:5000", "http://[::1]:5000"),
        ] {
            assert_eq!(Origin::parse(given).unwrap().as_str(), kept, "{given}");
        }
        for bad in [
            "",
            "relay.example",
            "http://",
            "http://:5000",
            "ftp://x",
            "http://x/",
            "https://x/path",
            "http://a@x",
            "http://x?y",
            "http://x#y",
            "http://x:",
            "http://x:0",
            "http://x:70000",
            "http://x y",
            "http://[::1",
            "http://[x]",
            "https://*",
            "https://*.relay.example",
            "http://0.0.0.0:5000",
            "http://[::]:5000",
        ] {
            assert_eq!(Origin::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_loopback_is_known_under_all_its_names_and_nothing_else_is() {
        for here in [
            "http://localhost:1",
            "http://127.9.9.9",
            "https://[::1]:5",
            "http://[::ffff:127.0.0.1]",
        ] {
            assert!(Origin::parse(here).unwrap().is_loopback(), "{here}");
        }
        for there in [
            "http://localhost.example",
            "http://10.0.0.1",
            "https://127.0.0.1.example",
            "http://[::2]",
        ] {
            assert!(!Origin::parse(there).unwrap().is_loopback(), "{there}");
        }
    }

    #[test]
    fn a_host_is_compared_as_a_whole() {
        let origin = Origin::parse("http://localhost:5000").unwrap();
        assert!(origin.is_of_host("LOCALHOST:5000"));
        for other in [
            "localhost",
            "localhost:5001",
            "evil.example",
            "localhost:5000/",
            "",
            "x@localhost:5000",
        ] {
            assert!(!origin.is_of_host(other), "{other}");
        }
        assert!(Origin::parse("https://localhost").unwrap().is_of_host("localhost:443"));
    }

    #[test]
    fn a_name_is_an_origin_unless_it_is_the_machines_own() {
        let of = |name: &str, port| {
            let origins = Origin::of_name(&RelayName::parse(name).unwrap(), port);
            origins.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(of("relay.example", None), ["https://relay.example"]);
        assert_eq!(of("relay.example", Some(443)), ["https://relay.example"]);
        assert_eq!(
            of("relay.example", Some(5000)),
            ["https://relay.example", "https://relay.example:5000"]
        );
        assert_eq!(of("relay.example:8443", Some(5000)), ["https://relay.example:8443"]);
        assert!(of("localhost", Some(5000)).is_empty());
        assert!(of("127.0.0.1:5000", None).is_empty());
    }
}
