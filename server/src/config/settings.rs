//! The settings by name, and how their text is read.

use std::{collections::BTreeMap, path::Path, path::PathBuf, time::Duration};

use jiff::{SpanRelativeTo, fmt::friendly::SpanParser};
use protocol::address::RelayName;

use super::ConfigError;
use crate::{bounded, config::redact, origin::Origin};

/// One setting, by its three names.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// In the TOML file.
    pub name: &'static str,
    /// On the command line, without the dashes.
    pub flag: &'static str,
    /// In the environment.
    pub variable: &'static str,
    /// What it is, and its default.
    pub help: &'static str,
}

impl Setting {
    /// Whether the flag alone means yes; a value stands behind an equals sign then.
    #[must_use]
    pub fn is_switch(&self) -> bool {
        matches!(self.name, "behind_proxy" | "tls_self_signed")
    }
}

macro_rules! settings {
    ($($name:literal $flag:literal $variable:literal $help:literal)*) => {
        /// Every setting.
        pub const SETTINGS: &[Setting] =
            &[$(Setting { name: $name, flag: $flag, variable: $variable, help: $help }),*];
    };
}
settings! {
    "listen" "listen" "LATCHKEY_LISTEN" "Address and port for clients; port 0 picks a free one [default: 127.0.0.1:5000]"
    "data_dir" "data-dir" "LATCHKEY_DATA_DIR" "Directory of the database, the keys and the certificate [default: the platform's data directory]"
    "name" "name" "LATCHKEY_NAME" "The relay's name, the part after the @ in addresses; never change it [default: localhost]"
    "origins" "origins" "LATCHKEY_ORIGINS" "URLs (scheme://host[:port]) under which clients reach the relay, separated by commas; required when others can reach it [default: https://NAME where there is TLS, else the loopback's]"
    "tls_cert" "tls-cert" "LATCHKEY_TLS_CERT" "PEM file with the certificate's chain; read again when it changes"
    "tls_key" "tls-key" "LATCHKEY_TLS_KEY" "PEM file with the certificate's private key"
    "tls_self_signed" "tls-self-signed" "LATCHKEY_TLS_SELF_SIGNED" "TLS with a certificate that the relay makes itself; clients pin its fingerprint [default: false]"
    "behind_proxy" "behind-proxy" "LATCHKEY_BEHIND_PROXY" "A proxy in front terminates TLS: allow plain HTTP on a public address [default: false]"
    "trusted_proxies" "trusted-proxies" "LATCHKEY_TRUSTED_PROXIES" "Proxies that are believed when they name a client's address: their addresses and networks, separated by commas, or how many stand in a row [default: off; with behind-proxy the loopback]"
    "forwarded_header" "forwarded-header" "LATCHKEY_FORWARDED_HEADER" "The header in which these proxies name the client: x-forwarded-for or forwarded [default: x-forwarded-for]"
    "mailbox_envelopes" "mailbox-envelopes" "LATCHKEY_MAILBOX_ENVELOPES" "Envelopes that a mailbox may hold, besides those of senders without a delivery token [default: 10000]"
    "mailbox_size" "mailbox-size" "LATCHKEY_MAILBOX_SIZE" "Bytes of envelopes that a mailbox may hold, besides those of senders without a delivery token [default: 64MiB]"
    "mailbox_licenses" "mailbox-licenses" "LATCHKEY_MAILBOX_LICENSES" "Play licenses that a mailbox may hold, besides those of senders without a delivery token [default: 10000]"
    "strangers" "strangers" "LATCHKEY_STRANGERS" "What all senders without a delivery token together may send to a mailbox within envelope-ttl, in percent of its size; off gives them the same share as other senders [default: 50%]"
    "one_stranger" "one-stranger" "LATCHKEY_ONE_STRANGER" "What one sender without a delivery token may send, in percent of strangers [default: 12%]"
    "envelope_ttl" "envelope-ttl" "LATCHKEY_ENVELOPE_TTL" "How long an undelivered envelope is kept [default: 30d]"
    "token_ttl" "token-ttl" "LATCHKEY_TOKEN_TTL" "How long a session token is valid [default: 1h]"
    "rate_limits" "rate-limits" "LATCHKEY_RATE_LIMITS" "Limit the requests of an address and of an account [default: true]"
    "rate_address" "rate-address" "LATCHKEY_RATE_ADDRESS" "Requests of one address (IPv6: of one /64) [default: 3000/m]"
    "rate_register" "rate-register" "LATCHKEY_RATE_REGISTER" "Registrations of one address [default: 60/h]"
    "rate_sign_in" "rate-sign-in" "LATCHKEY_RATE_SIGN_IN" "Challenges and sign-ins of one address [default: 120/m]"
    "rate_account" "rate-account" "LATCHKEY_RATE_ACCOUNT" "Requests of one account [default: 1200/m]"
    "rate_fetch_key" "rate-fetch-key" "LATCHKEY_RATE_FETCH_KEY" "Key bundles that one account fetches [default: 120/m]"
    "rate_one_time" "rate-one-time" "LATCHKEY_RATE_ONE_TIME" "One-time prekeys that one account gets of another [default: 5/h]"
    "rate_succeed" "rate-succeed" "LATCHKEY_RATE_SUCCEED" "Changes of identity of one account [default: 10/d]"
    "address_connections" "address-connections" "LATCHKEY_ADDRESS_CONNECTIONS" "Connections of one address at once [default: 512]"
    "max_database" "max-database" "LATCHKEY_MAX_DATABASE" "Size beyond which the database does not grow [default: as the disk allows]"
    "gate_threads" "gate-threads" "LATCHKEY_GATE_THREADS" "Threads for oblivious plays [default: one fewer than there are cores]"
    "gate_memory" "gate-memory" "LATCHKEY_GATE_MEMORY" "Memory for loaded gate keys, about 100 MB each; one is always kept [default: 512MiB]"
    "gate_disk" "gate-disk" "LATCHKEY_GATE_DISK" "Disk for gate keys, 23 MB each [default: 4GiB]"
    "metrics_listen" "metrics-listen" "LATCHKEY_METRICS_LISTEN" "Address and port of /livez, /readyz and /metrics, in plain HTTP [default: off]"
    "log_format" "log-format" "LATCHKEY_LOG_FORMAT" "Log format: text or json [default: text]"
    "connections" "connections" "LATCHKEY_CONNECTIONS" "Connections at once; beyond that, idle ones are closed [default: 16384, or as many as open files allow]"
    "docs" "docs" "LATCHKEY_DOCS" "Serve the contract at /docs, for trying it in a browser [default: true]"
    "cors_origins" "cors-origins" "LATCHKEY_CORS_ORIGINS" "Origins of web pages that may use the relay (CORS), separated by commas [default: none]"
    "account_gate_keys" "account-gate-keys" "LATCHKEY_ACCOUNT_GATE_KEYS" "Gate keys of one account that take new messages [default: 4]"
    "registration" "registration" "LATCHKEY_REGISTRATION" "Who may register: open (anyone), invite (with a link that `latchkey-relay invite` prints) or closed (no new accounts) [default: open]"
    "status" "status" "LATCHKEY_STATUS" "Numbers that the relay shows to everyone: coarse (rounded, up to an hour old) or off [default: coarse]"
    "disk_reserve" "disk-reserve" "LATCHKEY_DISK_RESERVE" "Disk that is kept for acknowledgements and deletions when the disk is full, or off [default: 32MiB]"
}

/// Name of a setting to where it was set and what to.
pub(super) type Values = BTreeMap<&'static str, (String, String)>;

pub(super) fn get<T>(
    values: &Values,
    name: &'static str,
    expected: &'static str,
    example: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, ConfigError> {
    let Some((origin, value)) = values.get(name) else {
        return Ok(None);
    };
    parse(value.trim()).map(Some).ok_or_else(|| ConfigError::Value {
        origin: origin.clone(),
        value: redact::shown(value),
        expected,
        example: example_of(name, example),
    })
}

fn example_of(name: &str, example: &str) -> String {
    let setting = SETTINGS.iter().find(|setting| setting.name == name);
    setting.map_or_else(
        || example.to_owned(),
        |s| {
            let to = if s.is_switch() { '=' } else { ' ' };
            format!("--{}{to}{example} or {}={example}", s.flag, s.variable)
        },
    )
}

/// Reads the file into `values`.
pub(super) fn read_file(path: &Path, values: &mut Values) -> Result<(), ConfigError> {
    let broken = |reason: String| ConfigError::File {
        path: redact::shown(&path.display().to_string()),
        reason,
    };
    let text = bounded::read_text(path).map_err(|error| broken(error.to_string()))?;
    let table: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| broken(error.message().to_owned()))?;
    for (key, value) in table {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.name == key) else {
            let known = SETTINGS
                .iter()
                .map(|setting| setting.name)
                .collect::<Vec<_>>()
                .join(", ");
            return Err(ConfigError::Unknown {
                path: path.to_owned(),
                key: redact::shown(&key),
                known,
            });
        };
        values.insert(setting.name, (format!("{key} (in {})", path.display()), plain(&value)));
    }
    Ok(())
}

/// A TOML value as a flag would have it.
fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

pub(super) fn flag(text: &str) -> Option<bool> {
    match text {
        "true" | "1" | "yes" => Some(true),
        "false" | "0" | "no" => Some(false),
        _ => None,
    }
}

/// `90s`, `30m`, `12h`, `7d`, `2w`, and several in a row; the client reads the same. Months and years have no length of their own, and are none.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let span = SpanParser::new().parse_span(text).ok()?;
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    length.try_into().ok()
}

pub(super) fn size(text: &str) -> Option<u64> {
    let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)];
    let (number, unit) = units
        .into_iter()
        .find_map(|(suffix, unit)| text.strip_suffix(suffix).map(|number| (number, unit)))
        .unwrap_or((text, 1));
    number.trim().parse::<u64>().ok()?.checked_mul(unit)
}

pub(super) fn origins(text: &str) -> Option<Vec<Origin>> {
    text.split(',').map(|origin| Origin::parse(origin.trim())).collect()
}

/// A path, and not the content of a file that should have one.
pub(super) fn path(text: &str) -> Option<PathBuf> {
    let is_content = text.contains("-----BEGIN") || text.contains(char::is_control);
    (!text.is_empty() && !is_content).then(|| PathBuf::from(text))
}

/// Origins as browsers send them, which is their canonical form. Compared with a header byte by byte: what cannot stand in one would never match.
pub(super) fn web_origins(text: &str) -> Option<Vec<String>> {
    let sent = |origin: &Origin| {
        let plain = origin.as_str().to_owned();
        plain.bytes().all(|byte| byte.is_ascii_graphic()).then_some(plain)
    };
    origins(text)?.iter().map(sent).collect()
}

pub(super) fn platform_data_dir() -> Option<PathBuf> {
    use etcetera::BaseStrategy as _;
    Some(etcetera::choose_base_strategy().ok()?.data_dir().join("latchkey-relay"))
}

/// A name by which the relay can be dialled: it is for ever.
pub(super) fn relay_name(text: &str) -> Option<RelayName> {
    let name = RelayName::parse(text).ok()?;
    Origin::parse(&format!("https://{name}")).map(|_| name)
}

pub(super) fn default_name() -> Result<RelayName, ConfigError> {
    RelayName::parse("localhost").map_err(|_| ConfigError::Value {
        origin: "the default name".into(),
        value: redact::shown("localhost"),
        expected: "a relay name",
        example: "localhost".into(),
    })
}
