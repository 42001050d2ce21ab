//! What holds in the end, and where it comes from: for an operator who wonders.

use std::{fmt, time::Duration};

use jiff::{
    Span, SpanRound, Unit,
    fmt::friendly::{Spacing, SpanPrinter},
};

use super::{Config, SETTINGS, settings};
use crate::{config::redact, logging::LogFormat, service::rates::Rate, tls::TlsSource};

/// One setting as it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its name in the TOML file.
    pub name: &'static str,
    /// Its value as TOML; none where nothing is set and nothing is the default.
    pub value: Option<String>,
    /// Where it was set.
    pub origin: String,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            // A file's path may hold any character, and a comment ends with its line.
            Some(value) => writeln!(
                f,
                "{} = {value}  # {}",
                self.name,
                self.origin.replace(char::is_control, "?")
            ),
            None => writeln!(f, "# {} is not set", self.name),
        }
    }
}

impl Config {
    /// Whether it was set, by a flag, the environment or the file, and is no default.
    #[must_use]
    pub fn is_set(&self, name: &str) -> bool {
        self.sources.contains_key(name)
    }

    /// Every setting with its value and where it comes from. What could be a secret is not shown.
    #[must_use]
    pub fn shown(&self) -> Vec<Shown> {
        let show = |setting: &settings::Setting| Shown {
            name: setting.name,
            value: self.effective(setting.name),
            origin: match (self.sources.get(setting.name), setting.name) {
                (Some(source), _) => source.clone(),
                (None, "origins") if !self.origins.is_empty() => "from the name".to_owned(),
                (None, _) => "default".to_owned(),
            },
        };
        SETTINGS.iter().map(show).collect()
    }

    /// The same as TOML that can be used as it is, a line for each setting.
    #[must_use]
    pub fn to_toml(&self) -> String {
        self.shown().iter().map(ToString::to_string).collect()
    }

    /// A setting as it holds, as TOML.
    fn effective(&self, name: &str) -> Option<String> {
        let text = |text: &str| Some(toml::Value::from(text).to_string());
        let path = |path: &std::path::Path| {
            let path = path.display().to_string();
            // A key that was taken for the path of its file.
            text(if redact::is_secret(&path) { "***" } else { &path })
        };
        let rate = |rate: Option<Rate>| text(&rate.map_or_else(|| "off".to_owned(), |rate| rate.to_string()));
        let (certificate, key) = match &self.tls {
            Some(TlsSource::Files { certificate, key }) => (path(certificate), path(key)),
            _ => (None, None),
        };
        let rates = &self.rates;
        match name {
            "listen" => text(&self.listen.to_string()),
            "data_dir" => path(&self.data_dir),
            "name" => text(self.name.as_str()),
            "origins" if self.origins.is_empty() => None,
            "origins" => {
                let origins: Vec<_> = self.origins.iter().map(ToString::to_string).collect();
                Some(toml::Value::from(origins).to_string())
            }
            "cors_origins" if self.cors_origins.is_empty() => None,
            "cors_origins" => Some(toml::Value::from(self.cors_origins.clone()).to_string()),
            "connections" => Some(self.connections.to_string()),
            "docs" => Some(self.docs.to_string()),
            "tls_cert" => certificate,
            "tls_key" => key,
            "tls_self_signed" => Some((self.tls == Some(TlsSource::SelfSigned)).to_string()),
            "behind_proxy" => Some(self.behind_proxy.to_string()),
            "trusted_proxies" => text(&self.proxies.trust.to_string()),
            "forwarded_header" => text(self.proxies.header.name().as_str()),
            "mailbox_envelopes" => Some(self.quota.envelopes.to_string()),
            "mailbox_size" => text(&size(self.quota.bytes)),
            "mailbox_licenses" => Some(self.quota.licenses.to_string()),
            "strangers" => text(
                &self
                    .shares
                    .strangers
                    .map_or_else(|| "off".to_owned(), |part| part.to_string()),
            ),
            "one_stranger" => text(&self.shares.one.to_string()),
            "envelope_ttl" => time(self.envelope_ttl).and_then(|time| text(&time)),
            "token_ttl" => time(self.token_ttl).and_then(|time| text(&time)),
            "rate_limits" => Some((*rates != crate::service::rates::RateLimits::off()).to_string()),
            "rate_address" => rate(rates.address),
            "rate_register" => rate(rates.register),
            "rate_sign_in" => rate(rates.sign_in),
            "rate_account" => rate(rates.account),
            "rate_fetch_key" => rate(rates.fetch_key),
            "rate_one_time" => rate(rates.one_time),
            "rate_succeed" => rate(rates.succeed),
            "address_connections" => match rates.connections {
                Some(most) => Some(most.to_string()),
                None => text("off"),
            },
            "max_database" => self.max_database.and_then(|bytes| text(&size(bytes))),
            "disk_reserve" => text(&self.disk_reserve.map_or_else(|| "off".to_owned(), size)),
            "gate_threads" => Some(self.gate.threads.to_string()),
            "gate_memory" => text(&size(self.gate.memory)),
            "gate_disk" => text(&size(self.gate.disk)),
            "account_gate_keys" => Some(self.gate.keys.to_string()),
            "metrics_listen" => text(
                &self
                    .metrics_listen
                    .map_or_else(|| "off".to_owned(), |addr| addr.to_string()),
            ),
            "registration" => text(self.registration.name()),
            "status" => text(self.status.name()),
            "log_format" => text(match self.log_format {
                LogFormat::Text => "text",
                LogFormat::Json => "json",
            }),
            _ => None,
        }
    }
}

fn size(bytes: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let whole = units
        .iter()
        .find(|(_, bits)| bytes.trailing_zeros() >= *bits && bytes > 0);
    whole.map_or_else(
        || format!("{bytes}B"),
        |(unit, bits)| format!("{}{unit}", bytes >> bits),
    )
}

/// As [`settings::duration`] reads it; none is longer than that can say.
fn time(time: Duration) -> Option<String> {
    let in_days = SpanRound::new().largest(Unit::Day).days_are_24_hours();
    let span = Span::try_from(time).and_then(|span| span.round(in_days)).ok()?;
    Some(SpanPrinter::new().spacing(Spacing::None).span_to_string(&span))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_as_they_are_written() {
        assert_eq!([size(64 << 20), size(1 << 30), size(1025)], ["64MiB", "1GiB", "1025B"]);
        for (seconds, said) in [(30 * 24 * 3600, "30d"), (3600, "1h"), (90, "1m30s"), (90_000, "1d1h")] {
            let length = Duration::from_secs(seconds);
            assert_eq!(time(length).as_deref(), Some(said));
            assert_eq!(settings::duration(said), Some(length));
        }
    }
}
