//! Where a certificate comes from, why there is none, and the cryptography that it is used with.

use std::{io, path::PathBuf};

use tokio_rustls::rustls::{
    self,
    crypto::{CryptoProvider, aws_lc_rs},
};

use crate::config::redact;

/// Where the certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsSource {
    /// PEM files that someone else renews.
    Files {
        /// The chain, the relay's own certificate first.
        certificate: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// A certificate of our own making, kept in the data directory; clients pin its fingerprint.
    SelfSigned,
}

/// Why there is no certificate to show.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that cannot be read or written.
    #[error(
        "cannot use {}: {source}. --tls-cert and --tls-key name PEM files that the relay may read. Example: --tls-cert /etc/latchkey/fullchain.pem",
        redact::shown(&path.display().to_string())
    )]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file without what it should hold.
    #[error("{path} holds no {what} in PEM. Example of its first line: -----BEGIN {example}-----")]
    Empty {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
        /// How it begins.
        example: &'static str,
    },
    /// Certificate and key do not belong together, or are of a kind that is not supported.
    #[error(
        "the certificate in {certificate} cannot be used with the key in {key}: {source}. Both must be of the same key pair"
    )]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What the TLS library says.
        source: rustls::Error,
    },
    /// A certificate could not be made.
    #[error("a self-signed certificate could not be made: {0}. Give one with --tls-cert and --tls-key instead")]
    Make(String),
    /// The TLS library refuses its own defaults.
    #[error("TLS cannot be set up: {0}. Check the certificate and its key, or report it")]
    Setup(#[from] rustls::Error),
}

/// The cipher suites and groups of the relay.
pub(super) fn provider() -> CryptoProvider {
    aws_lc_rs::default_provider()
}
