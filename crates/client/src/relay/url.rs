//! Where a relay is: `scheme://host[:port]`, nothing else.

use std::fmt;
use std::net::IpAddr;

use sdk::CertificatePin;

use super::RelayError;

/// Longest URL accepted, in bytes: a host name has at most 253.
const MAX_URL: usize = 300;

/// A relay's base URL, exactly as it is dialled and signed; with its certificate, when that is known beforehand.
#[derive(Clone, PartialEq, Eq)]
pub struct RelayUrl {
    text: String,
    loopback: bool,
    certificate: Option<CertificatePin>,
}

impl RelayUrl {
    /// Accepts `https://host[:port]`, and `http://` for this machine alone: elsewhere the session token would travel in the clear.
    ///
    /// # Errors
    /// [`RelayError::BadUrl`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, RelayError> {
        Self::parse_with(text, false)
    }

    /// As [`RelayUrl::parse`], and `http://` to any host: for a network that is protected by other means.
    ///
    /// # Errors
    /// As [`RelayUrl::parse`].
    pub fn parse_plain_allowed(text: &str) -> Result<Self, RelayError> {
        Self::parse_with(text, true)
    }

    fn parse_with(text: &str, plain_anywhere: bool) -> Result<Self, RelayError> {
        // What stands before an @ may be a password.
        let shown = text
            .rsplit_once('@')
            .map_or_else(|| text.to_owned(), |(_, host)| format!("***@{host}"));
        // So is what stands behind a # in an invitation, and what a query holds.
        let shown = shown.split(['#', '?']).next().unwrap_or_default();
        // And what is like no address at all: a token, a code or a passphrase in the wrong place.
        let is_host = shown.contains(['.', ':']) && !shown.contains(char::is_whitespace)
            || shown == "localhost"
            || shown.contains("://");
        let hidden = format!("({} characters, not shown)", shown.chars().count());
        let shown = if is_host || shown.is_empty() { shown } else { &hidden };
        let bad = |reason| RelayError::BadUrl {
            url: shown.chars().take(MAX_URL).collect(),
            reason,
        };
        if text.len() > MAX_URL {
            return Err(bad("it is too long; write https://host[:port]"));
        }
        let url = reqwest::Url::parse(text.trim()).map_err(|_| bad("it does not have the form https://host[:port]"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad(
                "it does not begin with https:// or http://; write https://host[:port]",
            ));
        }
        let host = url
            .host_str()
            .ok_or_else(|| bad("it names no host; write https://host[:port]"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad(
                "it holds a user name or password; leave them out, the account signs in with its keys",
            ));
        }
        if url.fragment().is_some() {
            return Err(bad("it is more than an address; give an invitation with --invite"));
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() {
            return Err(bad("it has a path; give the host alone"));
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let loopback = bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if url.scheme() == "http" && !loopback && !plain_anywhere {
            return Err(bad(
                "plain http is for this machine alone; use https, or --allow-plain-http in a protected network",
            ));
        }
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        Ok(Self {
            text: format!("{}://{host}{port}", url.scheme()),
            loopback,
            certificate: None,
        })
    }

    /// The same, accepted with this certificate and no other.
    ///
    /// # Errors
    /// [`RelayError::BadUrl`] when no certificate will be shown there, because it is plain http.
    pub fn pinned(mut self, certificate: CertificatePin) -> Result<Self, RelayError> {
        if !self.is_tls() {
            return Err(RelayError::BadUrl {
                url: self.text,
                reason: "a certificate is pinned, and plain http has none; use https, or leave the pin out",
            });
        }
        self.certificate = Some(certificate);
        Ok(self)
    }

    /// The certificate that is accepted, if it is a certain one.
    #[must_use]
    pub fn certificate(&self) -> Option<CertificatePin> {
        self.certificate
    }

    /// The URL, without a trailing slash; also the origin in what is signed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the way there is encrypted.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.text.starts_with("https://")
    }

    /// Whether it is this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }
}

impl fmt::Display for RelayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for RelayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RelayUrl({})", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dialled_is_normalised_once() {
        for (given, kept) in [
            ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
            ("http://LOCALHOST:5000/", "http://localhost:5000"),
            ("https://relay.example", "https://relay.example"),
            ("https://relay.example:443/", "https://relay.example"),
            ("https://relay.example:8443", "https://relay.example:8443"),
            ("http://[::1]:5000", "http://[::1]:5000"),
        ] {
            assert_eq!(RelayUrl::parse(given).unwrap().as_str(), kept, "{given}");
        }
    }

    #[test]
    fn what_would_leak_or_mislead_is_refused() {
        for bad in [
            "relay.example",
            "ftp://relay.example",
            "http://relay.example",
            "http://10.0.0.1:5000",
            "http://localhost.evil.example",
            "https://user:pw@relay.example",
            "https://relay.example/path",
            "https://relay.example/?q",
            "https://",
            "",
            &format!("https://{}", "x".repeat(400)),
        ] {
            assert!(matches!(RelayUrl::parse(bad), Err(RelayError::BadUrl { .. })), "{bad}");
        }
        let path = RelayUrl::parse("https://relay.example/chat").unwrap_err().to_string();
        assert!(path.contains("it has a path"), "{path}");
        for secret in [
            "https://user:hush@relay.example",
            "ftp://hush@x",
            "https://a:hu@hush@x y",
            "user:hush@relay.example",
            "https://relay.example/#invite=hush",
            "relay.example#invite=hush",
            "https://relay.example/?token=hush",
            "hush",
            "hush0f1e2d3c4b5a69788796a5b4c3d2e1f0",
            "correct hush battery. staple",
        ] {
            let said = RelayUrl::parse(secret).unwrap_err();
            assert!(!format!("{said} {said:?}").contains("hush"), "{said}");
        }
        assert!(RelayUrl::parse_plain_allowed("http://relay.example:5000").is_ok());
        let pin = CertificatePin::from_bytes([1; 32]);
        assert!(RelayUrl::parse("http://127.0.0.1:5000").unwrap().pinned(pin).is_err());
        let url = RelayUrl::parse("https://relay.example").unwrap().pinned(pin).unwrap();
        assert_eq!((url.certificate(), url.as_str()), (Some(pin), "https://relay.example"));
    }
}
