//! The two headers, read from the right.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use poem::http::{HeaderMap, HeaderName, header::FORWARDED};

/// What most proxies set.
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The header that the proxy sets. Never both: a client that may write the other one could choose its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Header {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl Header {
    /// Parses its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::XForwardedFor, Self::Forwarded]
            .into_iter()
            .find(|header| header.name().as_str().eq_ignore_ascii_case(text))
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> HeaderName {
        match self {
            Self::XForwardedFor => X_FORWARDED_FOR,
            Self::Forwarded => FORWARDED,
        }
    }
}

/// What a header says of where a request came from, nearest hop first; none for what is no address. Several lines are one list (RFC 9110, 5.3), and
/// elements without content do not count (5.6.1).
pub(super) fn claims(headers: &HeaderMap, header: Header) -> impl Iterator<Item = Option<IpAddr>> + '_ {
    let lines = headers.get_all(header.name()).iter().rev();
    lines.flat_map(move |line| {
        // What is not even text is one element without an address.
        let line = line.to_str().unwrap_or("?");
        let mut quoted = false;
        let comma = move |c: char| {
            quoted ^= c == '"' && header == Header::Forwarded;
            c == ',' && !quoted
        };
        let elements = line.rsplit(comma).map(str::trim).filter(|element| !element.is_empty());
        elements.map(move |element| match header {
            Header::XForwardedFor => address(element),
            Header::Forwarded => forwarded(element).and_then(address),
        })
    })
}

/// The node of the one `for` in an element of `Forwarded`: `for=192.0.2.43;proto=https`, `for="[2001:db8::1]:4711"`.
fn forwarded(element: &str) -> Option<&str> {
    let mut quoted = false;
    let semicolon = move |c: char| {
        quoted ^= c == '"';
        c == ';' && !quoted
    };
    let mut nodes = element.split(semicolon).filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value.trim())
    });
    let node = nodes.next().filter(|_| nodes.next().is_none())?;
    // An address has nothing to escape.
    match node.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').filter(|inner| !inner.contains(['"', '\\'])),
        None => Some(node),
    }
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`.
fn address(node: &str) -> Option<IpAddr> {
    let found = if let Some(rest) = node.strip_prefix('[') {
        let (inner, rest) = rest.split_once(']')?;
        let bare = rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port);
        IpAddr::V6(inner.parse::<Ipv6Addr>().ok().filter(|_| bare)?)
    } else if let Ok(address) = node.parse::<IpAddr>() {
        address
    } else {
        let (host, port) = node.split_once(':')?;
        IpAddr::V4(host.parse::<Ipv4Addr>().ok().filter(|_| is_port(port))?)
    };
    Some(found.to_canonical())
}

/// A number, or a name that stands for one (RFC 7239, 6.3).
fn is_port(text: &str) -> bool {
    let name = |text: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        !text.is_empty() && text.bytes().all(plain)
    };
    text.parse::<u16>().is_ok() || text.strip_prefix('_').is_some_and(name)
}
