//! What can be wrong with a configuration, in words that name the setting, what was expected and an example.

use std::{net::SocketAddr, path::PathBuf};

/// A mistake in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A value that does not parse.
    #[error("{origin} is {value}, but it must be {expected}. Example: {example}")]
    Value {
        /// Which setting, and where it was set.
        origin: String,
        /// What was there, as far as it may be repeated.
        value: String,
        /// What should be.
        expected: &'static str,
        /// A good one.
        example: String,
    },
    /// The TOML file cannot be read.
    #[error(
        "the configuration file {path} cannot be used: {reason}. Example of its content: listen = \"127.0.0.1:5000\""
    )]
    File {
        /// The file, as far as its name may be repeated: a secret in this setting is none of a file.
        path: String,
        /// Why.
        reason: String,
    },
    /// The TOML file sets something that does not exist.
    #[error(
        "the configuration file {path} sets {key}, which is not a setting. Remove it or correct its name. The settings are: {known}"
    )]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The key, as far as it may be repeated: it may be a secret in the wrong place.
        key: String,
        /// Those that exist.
        known: String,
    },
    /// There is no home to put the data in.
    #[error(
        "there is no home directory to keep the data in: say where with --data-dir, LATCHKEY_DATA_DIR or data_dir in the TOML file. Example: --data-dir /var/lib/latchkey"
    )]
    NoDataDir,
    /// Plain HTTP on an address that others can reach.
    #[error(
        "listen is {0}, which others can reach, but there is no TLS. Give a certificate (--tls-cert and --tls-key), have one made \
         (--tls-self-signed), put a proxy in front that does TLS and say --behind-proxy, or listen on the loopback. Example: --listen {0} \
         --tls-self-signed"
    )]
    PlainHttp(SocketAddr),
    /// Others can reach the relay, and it does not know under which URL.
    #[error(
        "others can reach this relay (listen is {listen}{proxy}), but no setting says under which URL. Without it, the relay would accept sign-ins \
         that another server obtained from its own users. Give the URL that clients dial with --origins, several separated by commas. Or give the relay \
         its name: with TLS, --name relay.example stands for https://relay.example. Example: --origins https://relay.example"
    )]
    NoOrigins {
        /// Where it listens.
        listen: SocketAddr,
        /// That there is a proxy in front, if there is.
        proxy: &'static str,
    },
    /// A proxy that could be any peer.
    #[error(
        "behind-proxy is set and listen is {0}, which others can reach, but which of them is the proxy? Say so with --trusted-proxies: its address or network, or 1 \
         if nothing but the proxy can reach this port. Example: --trusted-proxies 10.0.0.2"
    )]
    WhichProxy(SocketAddr),
    /// A certificate without a key, or the other way round.
    #[error(
        "{given} is set without {missing}: TLS needs both. Example: --tls-cert /etc/latchkey/fullchain.pem --tls-key /etc/latchkey/privkey.pem"
    )]
    HalfTls {
        /// What is there.
        given: String,
        /// What is not.
        missing: &'static str,
    },
    /// Two certificates.
    #[error(
        "tls_self_signed is true, and a certificate is given as well: it must be one or the other. Example: --tls-self-signed=false"
    )]
    TwoCertificates,
}
