//! What an operator may choose: flags first, then the environment, then a TOML file, then defaults.
//!
//! Every setting has one name, one parser and one example, whichever of the three it comes from. A mistake names all of them.

mod error;
mod groups;
mod patience;
pub mod redact;
pub mod running;
mod settings;
mod show;

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroUsize,
    path::PathBuf,
    time::Duration,
};

use protocol::address::RelayName;

pub use error::ConfigError;
pub use patience::Patience;
pub use settings::{SETTINGS, Setting};
pub use show::Shown;

use crate::{
    logging::LogFormat,
    origin::Origin,
    proxies::ProxyRules,
    service::{GateRules, Registrations, Rules, StatusRule, rates::RateLimits, shares::ShareRules},
    store::Quota,
    tls::TlsSource,
};

/// How the relay is to run.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// The part after the @ in addresses here. It never changes in a relay's life.
    pub name: RelayName,
    /// Under which URLs clients reach the relay; empty: those of the loopback that the request's Host says.
    pub origins: Vec<Origin>,
    /// TLS, and where its certificate comes from.
    pub tls: Option<TlsSource>,
    /// Something in front of the relay does TLS, so a public address in plain HTTP is meant.
    pub behind_proxy: bool,
    /// Whose word about a client's address is taken.
    pub proxies: ProxyRules,
    /// How much each part of a mailbox may hold.
    pub quota: Quota,
    /// How much of that strangers may send, and in which time.
    pub shares: ShareRules,
    /// How long an undelivered envelope is kept.
    pub envelope_ttl: Duration,
    /// How long a session lives.
    pub token_ttl: Duration,
    /// The database does not grow beyond this, bytes.
    pub max_database: Option<u64>,
    /// So much of the disk is kept for acknowledgements and deletions, bytes.
    pub disk_reserve: Option<u64>,
    /// How much one address and one account may ask for.
    pub rates: RateLimits,
    /// How long clients may take. No setting: nobody has a reason to change it but tests.
    pub patience: Patience,
    /// How much homomorphic work there may be.
    pub gate: GateRules,
    /// Where the relay's health and its numbers are shown; none: nowhere.
    pub metrics_listen: Option<SocketAddr>,
    /// For whom log lines are.
    pub log_format: LogFormat,
    /// Connections at once, as far as there are open files for them.
    pub connections: NonZeroUsize,
    /// Whether the contract is shown to be tried in the browser, under `/docs`.
    pub docs: bool,
    /// Origins of web pages that may read the relay's answers (CORS); none by default.
    pub cors_origins: Vec<String>,
    /// Who may register.
    pub registration: Registrations,
    /// What of the relay's numbers is shown to everybody.
    pub status: StatusRule,
    /// Where each setting that was set was set.
    sources: BTreeMap<&'static str, String>,
}

/// Envelopes a mailbox holds by default: weeks of a busy correspondence.
const DEFAULT_ENVELOPES: u64 = 10_000;
/// Bytes a mailbox holds by default: a thousand mailboxes filled by an attacker fit an ordinary disk.
const DEFAULT_BYTES: u64 = 64 << 20;
/// Licenses a mailbox holds by default, tombstones included; as many as envelopes.
const DEFAULT_LICENSES: u64 = 10_000;
/// Memory for loaded gate keys by default, each about 100 MB: four or five senders whose messages are played by turns.
const DEFAULT_GATE_MEMORY: u64 = 512 << 20;
/// Disk for gate keys by default: about 180 keys of 23 MB.
const DEFAULT_GATE_DISK: u64 = 4 << 30;
/// Gate keys of one account that take new messages: one of every day, the one after a rotation, and two for contacts of their own.
const DEFAULT_GATE_KEYS: u64 = 4;
/// The least that a relay can be held to: three segments of mail of 1 MiB and one to move the last envelopes into, so that what was fetched makes room again.
const MIN_DATABASE: u64 = 4 << 20;
/// What is kept of the disk by default: the write-ahead log may have grown to 16 MiB before it is folded in, and then has 12 MiB of its own.
const DEFAULT_DISK_RESERVE: u64 = 32 << 20;
/// The least: that room of the log's, and something to fold in with.
const MIN_DISK_RESERVE: u64 = 16 << 20;
/// Connections by default. Idle ones take 0.3 GB together, and however hostile they are 0.8 GB (`MemoryMax=` in deploy/latchkey-relay.service allows for it).
const DEFAULT_CONNECTIONS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(16_383);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// How long an undelivered envelope is kept by default: a holiday and a broken phone. A month later its prekeys die.
const DEFAULT_ENVELOPE_TTL: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long a session lives by default; a new one costs a client two requests.
const DEFAULT_TOKEN_TTL: Duration = Duration::from_secs(3600);

/// What [`parse_lifetime`] takes, for errors.
pub const EXPECTED_LIFETIME: &str =
    "a number and a unit: 90s, 30m, 12h, 7d or 2w; a second at least and a year at most";

/// How long something lives.
#[must_use]
pub fn parse_lifetime(text: &str) -> Option<Duration> {
    settings::duration(text).filter(|d| (Duration::from_secs(1)..=DAY * 366).contains(d))
}

impl Config {
    /// The defaults, with everything kept in `data_dir`.
    ///
    /// # Errors
    /// Never in practice: the default name is a name.
    pub fn new(data_dir: impl Into<PathBuf>) -> Result<Self, ConfigError> {
        Self::build(&BTreeMap::from([(
            "data_dir",
            ("data_dir".to_owned(), data_dir.into().display().to_string()),
        )]))
    }

    /// Reads flags (already split into setting and value), the environment, and the TOML file that either of them names.
    ///
    /// # Errors
    /// [`ConfigError`] for the first mistake.
    pub fn load(
        flags: &BTreeMap<&'static str, String>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        Self::build(&Self::gather(flags, environment)?)
    }

    /// What was set, and where.
    fn gather(
        flags: &BTreeMap<&'static str, String>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<settings::Values, ConfigError> {
        let mut values = BTreeMap::new();
        let file = flags
            .get("config")
            .cloned()
            .or_else(|| environment("LATCHKEY_CONFIG").filter(|v| !v.is_empty()));
        if let Some(path) = file {
            settings::read_file(&PathBuf::from(path), &mut values)?;
        }
        for setting in SETTINGS {
            if let Some(value) = environment(setting.variable).filter(|value| !value.is_empty()) {
                values.insert(
                    setting.name,
                    (format!("{} (from the environment)", setting.variable), value),
                );
            }
            if let Some(value) = flags.get(setting.name) {
                values.insert(setting.name, (format!("--{}", setting.flag), value.clone()));
            }
        }
        Ok(values)
    }

    fn build(values: &settings::Values) -> Result<Self, ConfigError> {
        use settings::{flag, get, size};
        let data_dir = get(
            values,
            "data_dir",
            "a directory's path",
            "/var/lib/latchkey",
            settings::path,
        )?;
        let count = |name| {
            get(values, name, "a whole number from 1 on", "10000", |text| {
                text.parse().ok().filter(|n: &u64| *n > 0)
            })
        };
        let lifetime = |name, example| get(values, name, EXPECTED_LIFETIME, example, parse_lifetime);
        let bytes = |name, example| {
            get(
                values,
                name,
                "a size of at least 1MiB (B, KiB, MiB or GiB)",
                example,
                |text| size(text).filter(|bytes| *bytes >= 1 << 20),
            )
        };
        let behind_proxy = get(values, "behind_proxy", "true or false", "true", flag)?.unwrap_or(false);
        let mut config = Self {
            listen: get(values, "listen", "an IP address and a port", "127.0.0.1:5000", |text| {
                text.parse().ok()
            })?
            .unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5000)),
            data_dir: data_dir
                .or_else(settings::platform_data_dir)
                .ok_or(ConfigError::NoDataDir)?,
            name: match get(
                values,
                "name",
                "a lower-case host, with a port if need be",
                "relay.example",
                settings::relay_name,
            )? {
                Some(name) => name,
                None => settings::default_name()?,
            },
            origins: get(
                values,
                "origins",
                "URLs of the form scheme://host[:port], separated by commas; a relay has a host to itself, so there is no path",
                "https://relay.example",
                settings::origins,
            )?
            .unwrap_or_default(),
            tls: groups::tls(values)?,
            behind_proxy,
            proxies: groups::proxies(values, behind_proxy)?,
            quota: Quota {
                envelopes: count("mailbox_envelopes")?.unwrap_or(DEFAULT_ENVELOPES),
                bytes: bytes("mailbox_size", "64MiB")?.unwrap_or(DEFAULT_BYTES),
                licenses: count("mailbox_licenses")?.unwrap_or(DEFAULT_LICENSES),
            },
            shares: groups::shares(values)?,
            envelope_ttl: lifetime("envelope_ttl", "30d")?.unwrap_or(DEFAULT_ENVELOPE_TTL),
            token_ttl: lifetime("token_ttl", "1h")?.unwrap_or(DEFAULT_TOKEN_TTL),
            max_database: get(
                values,
                "max_database",
                "a size of at least 4MiB (B, KiB, MiB or GiB)",
                "10GiB",
                |text| size(text).filter(|bytes| *bytes >= MIN_DATABASE),
            )?,
            disk_reserve: get(
                values,
                "disk_reserve",
                "a size of at least 16MiB (B, KiB, MiB or GiB), or off",
                "32MiB",
                |text| match text {
                    "off" => Some(None),
                    text => size(text).filter(|bytes| *bytes >= MIN_DISK_RESERVE).map(Some),
                },
            )?
            .unwrap_or(Some(DEFAULT_DISK_RESERVE)),
            rates: groups::rates(values)?,
            patience: Patience::default(),
            gate: GateRules {
                threads: get(values, "gate_threads", "a whole number from 1 to 256", "1", |text| {
                    text.parse().ok().filter(|n| (1..=256).contains(n))
                })?
                .unwrap_or_else(default_gate_threads),
                memory: bytes("gate_memory", "512MiB")?.unwrap_or(DEFAULT_GATE_MEMORY),
                disk: bytes("gate_disk", "4GiB")?.unwrap_or(DEFAULT_GATE_DISK),
                keys: count("account_gate_keys")?.unwrap_or(DEFAULT_GATE_KEYS),
            },
            metrics_listen: get(
                values,
                "metrics_listen",
                "an IP address and a port, or off",
                "127.0.0.1:5001",
                |text| match text {
                    "off" => Some(None),
                    text => text.parse().ok().map(Some),
                },
            )?
            .flatten(),
            log_format: get(values, "log_format", "text or json", "json", |text| match text {
                "text" => Some(LogFormat::Text),
                "json" => Some(LogFormat::Json),
                _ => None,
            })?
            .unwrap_or_default(),
            connections: get(values, "connections", "a whole number from 1 on", "16384", |text| {
                text.parse().ok()
            })?
            .unwrap_or(DEFAULT_CONNECTIONS),
            docs: get(values, "docs", "true or false", "false", flag)?.unwrap_or(true),
            cors_origins: get(
                values,
                "cors_origins",
                "origins of web pages (scheme://host[:port]), separated by commas",
                "https://chat.example",
                settings::web_origins,
            )?
            .unwrap_or_default(),
            registration: get(
                values,
                "registration",
                "open, invite or closed",
                "invite",
                Registrations::parse,
            )?
            .unwrap_or_default(),
            status: get(values, "status", "coarse or off", "off", StatusRule::parse)?.unwrap_or_default(),
            sources: values.iter().map(|(name, (source, _))| (*name, source.clone())).collect(),
        };
        if !config.listen.ip().is_loopback() && !config.behind_proxy && config.tls.is_none() {
            return Err(ConfigError::PlainHttp(config.listen));
        }
        if !config.listen.ip().is_loopback() && behind_proxy && !values.contains_key("trusted_proxies") {
            return Err(ConfigError::WhichProxy(config.listen));
        }
        if config.is_public() && config.origins.is_empty() {
            let encrypted = config.tls.is_some() || behind_proxy;
            // Behind a proxy it is the proxy's port that clients dial.
            let port = Some(config.listen.port()).filter(|port| *port != 0 && !behind_proxy);
            if encrypted {
                config.origins = Origin::of_name(&config.name, port);
            }
            if config.origins.is_empty() {
                return Err(ConfigError::NoOrigins {
                    listen: config.listen,
                    proxy: if behind_proxy { ", behind a proxy" } else { "" },
                });
            }
        }
        Ok(config)
    }

    /// Whether others than this machine can reach the relay.
    #[must_use]
    pub const fn is_public(&self) -> bool {
        !self.listen.ip().is_loopback() || self.behind_proxy
    }

    /// The part that concerns the services.
    #[must_use]
    pub fn rules(&self) -> Rules {
        Rules {
            name: self.name.clone(),
            origins: self.origins.clone(),
            quota: self.quota,
            shares: self.shares,
            envelope_ttl: self.envelope_ttl,
            token_ttl: self.token_ttl,
            gate: self.gate,
            rates: self.rates,
            proxies: self.proxies.clone(),
            registrations: self.registration,
            status: self.status,
        }
    }
}

/// One core is left to everybody else, where there is more than one.
fn default_gate_threads() -> usize {
    std::thread::available_parallelism()
        .map_or(1, std::num::NonZero::get)
        .saturating_sub(1)
        .max(1)
}

#[cfg(test)]
mod tests;
