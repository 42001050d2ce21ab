//! How to dial a relay.

use std::time::Duration;

use reqwest::Url;
use reqwest::redirect::Policy;

use crate::error::{BadRelayUrl, SdkError};
use crate::generated::Client;
use crate::pin::CertificatePin;
use crate::session::Session;

/// A relay that does not even accept a connection in this time is down or out of reach.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the relay may be silent within an answer. Longer than the longest wait of `inbox` (30 s) with room for a busy relay; without it a peer
/// that vanished would hold a poll for ever. There is no limit on a whole request: large transfers on slow lines are legitimate.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(45);

const USER_AGENT: &str = concat!("latchkey-sdk/", env!("CARGO_PKG_VERSION"));

/// A client of the relay at `relay_url`, which is an origin: `http://host[:port]` or `https://host[:port]`.
///
/// Nothing is sent yet, and nobody is signed in. Redirects are not followed: a relay makes none, and a request belongs to the origin it was signed
/// for.
///
/// # Errors
/// [`SdkError::Url`] when the URL is not an origin; [`SdkError::Unreachable`] when the system has no usable TLS trust store (https only).
pub fn connect(relay_url: &str) -> Result<Client, SdkError> {
    dial(relay_url, None)
}

/// As [`connect`], with a relay whose certificate is known beforehand: no authority is asked, and any other certificate is refused
/// ([`SdkError::WrongCertificate`]).
///
/// # Errors
/// As [`connect`]; [`BadRelayUrl::PinWithoutTls`] when the URL does not begin with https.
pub fn connect_pinned(relay_url: &str, certificate: CertificatePin) -> Result<Client, SdkError> {
    dial(relay_url, Some(certificate))
}

fn dial(relay_url: &str, pin: Option<CertificatePin>) -> Result<Client, SdkError> {
    let (origin, scheme) = parse(relay_url)?;
    let mut builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(SILENCE_TIMEOUT)
        .redirect(Policy::none())
        .user_agent(USER_AGENT);
    if let Some(pin) = pin {
        if scheme == Scheme::Http {
            return Err(BadRelayUrl::PinWithoutTls.into());
        }
        let config = pin.tls_config().map_err(|e| SdkError::Incomplete(e.to_string()))?;
        builder = builder.tls_backend_preconfigured(config);
    } else if scheme == Scheme::Http {
        // No certificate will be looked at, so a machine without any can still talk to a relay on loopback.
        builder = builder.tls_certs_only([]);
    }
    let http = builder.build().map_err(|e| SdkError::Unreachable(e.without_url()))?;
    Ok(Client::new_with_client(&origin, http, Session::default()))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

/// The origin in its canonical form (lower-case host, no default port), as the relay will see it in the Host header.
fn parse(relay_url: &str) -> Result<(String, Scheme), BadRelayUrl> {
    let url = Url::parse(relay_url.trim()).map_err(|_| BadRelayUrl::Malformed)?;
    let scheme = match url.scheme() {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return Err(BadRelayUrl::Scheme),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(BadRelayUrl::Credentials);
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(BadRelayUrl::MoreThanAnOrigin);
    }
    Ok((url.origin().ascii_serialization(), scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_taken_in_its_canonical_form() {
        for (given, origin) in [
            ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
            ("http://127.0.0.1:5000/", "http://127.0.0.1:5000"),
            (" https://Relay.Example:443 ", "https://relay.example"),
            ("http://[::1]:5000", "http://[::1]:5000"),
            ("http://localhost:80", "http://localhost"),
        ] {
            assert_eq!(connect(given).unwrap().origin(), origin, "{given}");
        }
    }

    #[test]
    fn anything_else_is_refused_by_name() {
        for (given, why) in [
            ("", BadRelayUrl::Malformed),
            ("127.0.0.1", BadRelayUrl::Malformed),
            ("localhost:5000", BadRelayUrl::Scheme),
            ("ftp://relay.example", BadRelayUrl::Scheme),
            ("http://user@relay.example", BadRelayUrl::Credentials),
            ("http://:secret@relay.example", BadRelayUrl::Credentials),
            ("http://relay.example/v1", BadRelayUrl::MoreThanAnOrigin),
            ("http://relay.example/?a=b", BadRelayUrl::MoreThanAnOrigin),
            ("http://relay.example/#a", BadRelayUrl::MoreThanAnOrigin),
        ] {
            assert_eq!(parse(given).unwrap_err(), why, "{given}");
        }
    }
}
