//! A relay's certificate, known beforehand.
//!
//! A relay with a self-signed certificate is trusted for its fingerprint, which its operator hands out, instead of for an authority's word. With a pin
//! no authority is asked, no name is compared and no date is looked at: the pin says it all.

use std::error::Error as StdError;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, OtherError, SignatureScheme};
use sha2::{Digest as _, Sha256};

use crate::scheme::causes;

/// SHA-256 of a relay's certificate (in DER).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CertificatePin([u8; 32]);

/// A text that is no fingerprint of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a certificate's fingerprint is sha256: followed by 64 hex digits, as the relay prints it when it starts")]
pub struct BadPin;

impl CertificatePin {
    /// From the 32 bytes of the hash.
    #[must_use]
    pub const fn from_bytes(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// The 32 bytes of the hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A TLS configuration that accepts this certificate and no other, for `reqwest::ClientBuilder::tls_backend_preconfigured`.
    ///
    /// # Errors
    /// When the TLS library does not take its own defaults, which is a fault of the build.
    pub fn tls_config(self) -> Result<ClientConfig, rustls::Error> {
        let mut provider = aws_lc_rs::default_provider();
        // The hybrid group first, with a share of it in the first message: a server that follows the client's order takes it.
        let hybrid = aws_lc_rs::kx_group::X25519MLKEM768;
        provider.kx_groups.retain(|group| group.name() != hybrid.name());
        provider.kx_groups.insert(0, hybrid);
        let provider = Arc::new(provider);
        let verifier = Verifier {
            pin: self,
            provider: Arc::clone(&provider),
        };
        Ok(ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth())
    }
}

impl FromStr for CertificatePin {
    type Err = BadPin;

    /// Takes `sha256:` and 64 hex digits; also what other tools print: without the prefix, in capitals, with colons between bytes.
    fn from_str(text: &str) -> Result<Self, BadPin> {
        let text = text.trim();
        let prefixed = text
            .get(..7)
            .is_some_and(|prefix| prefix.eq_ignore_ascii_case("sha256:"));
        let digits = if prefixed { &text[7..] } else { text };
        let digits: String = match digits.len() {
            64 => digits.to_owned(),
            // AA:BB:…
            95 if digits.bytes().skip(2).step_by(3).all(|byte| byte == b':') => digits.replace(':', ""),
            _ => return Err(BadPin),
        };
        let mut hash = [0; 32];
        hex::decode_to_slice(digits, &mut hash).map_err(|_| BadPin)?;
        Ok(Self(hash))
    }
}

impl fmt::Display for CertificatePin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex::encode(self.0))
    }
}

impl fmt::Debug for CertificatePin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificatePin({self})")
    }
}

/// The relay showed another certificate than the pinned one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the relay's certificate is {offered}, pinned is {pinned}")]
pub struct WrongCertificate {
    /// What was expected.
    pub pinned: CertificatePin,
    /// What was shown.
    pub offered: CertificatePin,
}

#[derive(Debug)]
struct Verifier {
    pin: CertificatePin,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let offered = CertificatePin(Sha256::digest(end_entity).into());
        if offered == self.pin {
            return Ok(ServerCertVerified::assertion());
        }
        let wrong = WrongCertificate {
            pinned: self.pin,
            offered,
        };
        Err(CertificateError::Other(OtherError(Arc::new(wrong))).into())
    }

    // That the relay holds the certificate's key is proved as ever: a certificate is no secret.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// What is wrong with the relay's certificate, if that is why a request failed.
pub(crate) enum Distrust {
    /// Not the pinned one.
    Wrong(WrongCertificate),
    /// No authority vouches for it, or it has expired, or it is another host's.
    Untrusted(CertificateError),
}

/// Looks for it among the causes of an error.
pub(crate) fn distrust(error: &(dyn StdError + 'static)) -> Option<Distrust> {
    causes(error).find_map(|error| match error.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(other))) => {
            Some(match other.downcast_ref::<WrongCertificate>() {
                Some(wrong) => Distrust::Wrong(*wrong),
                None => Distrust::Untrusted(CertificateError::Other(OtherError(Arc::clone(other)))),
            })
        }
        rustls::Error::InvalidCertificate(reason) => Some(Distrust::Untrusted(reason.clone())),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_the_relay_and_as_other_tools_print_it() {
        let pin = CertificatePin::from_bytes([0xab; 32]);
        let hex = "ab".repeat(32);
        let colons = ["AB"; 32].join(":");
        for text in [
            format!("sha256:{hex}"),
            format!("SHA256:{hex}"),
            hex.clone(),
            colons.clone(),
            format!(" sha256:{colons}\n"),
        ] {
            assert_eq!(text.parse(), Ok(pin), "{text}");
        }
        assert_eq!(pin.to_string(), format!("sha256:{hex}"));
        for bad in [
            "",
            "sha256:",
            &hex[1..],
            &format!("{hex}0"),
            &hex.replace('a', "g"),
            &colons.replace(':', "-"),
            "é".repeat(32).as_str(),
        ] {
            assert_eq!(bad.parse::<CertificatePin>(), Err(BadPin), "{bad}");
        }
    }
}
