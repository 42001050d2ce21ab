//! Settings that belong together: proxies, TLS, strangers, rates.

use super::{ConfigError, settings};
use crate::{
    proxies::{Header, ProxyRules, Trust},
    service::{
        rates::{Rate, RateLimits},
        shares::{Percent, ShareRules},
    },
    tls::TlsSource,
};

/// Whose word about addresses is taken. A proxy that was not named is on this machine: anywhere else it has to be ([`ConfigError::WhichProxy`]).
pub(super) fn proxies(values: &settings::Values, behind_proxy: bool) -> Result<ProxyRules, ConfigError> {
    use settings::get;
    let expected = "off, a number of proxies from 1 to 16, or IP addresses and networks separated by commas";
    let trust = get(
        values,
        "trusted_proxies",
        expected,
        "127.0.0.1,10.0.0.0/24",
        Trust::parse,
    )?;
    let header = get(
        values,
        "forwarded_header",
        "x-forwarded-for or forwarded",
        "forwarded",
        Header::parse,
    )?;
    let unsaid = || if behind_proxy { Trust::loopback() } else { Trust::Nobody };
    Ok(ProxyRules {
        trust: trust.unwrap_or_else(unsaid),
        header: header.unwrap_or_default(),
    })
}

pub(super) fn tls(values: &settings::Values) -> Result<Option<TlsSource>, ConfigError> {
    use settings::{flag, get};
    let path = |name, example| get(values, name, "a file's path", example, settings::path);
    let certificate = path("tls_cert", "/etc/latchkey/fullchain.pem")?;
    let key = path("tls_key", "/etc/latchkey/privkey.pem")?;
    let self_signed = get(values, "tls_self_signed", "true or false", "true", flag)?.unwrap_or(false);
    let half = |name: &str, missing| {
        let given = values.get(name).map(|(origin, _)| origin.clone());
        ConfigError::HalfTls {
            given: given.unwrap_or_else(|| name.to_owned()),
            missing,
        }
    };
    match (certificate, key, self_signed) {
        (None, None, false) => Ok(None),
        (None, None, true) => Ok(Some(TlsSource::SelfSigned)),
        (Some(certificate), Some(key), false) => Ok(Some(TlsSource::Files { certificate, key })),
        (Some(_), None, false) => Err(half("tls_cert", "--tls-key")),
        (None, Some(_), false) => Err(half("tls_key", "--tls-cert")),
        (_, _, true) => Err(ConfigError::TwoCertificates),
    }
}

/// What strangers may send.
pub(super) fn shares(values: &settings::Values) -> Result<ShareRules, ConfigError> {
    use settings::get;
    let default = ShareRules::default();
    let strangers = get(
        values,
        "strangers",
        "a whole number of percent from 1% to 100%, or off",
        "50%",
        |text| match text {
            "off" => Some(None),
            text => Percent::parse(text).map(Some),
        },
    )?;
    let expected = "a whole number of percent from 1% to 100%";
    let one = get(values, "one_stranger", expected, "12%", Percent::parse)?;
    Ok(ShareRules {
        strangers: strangers.unwrap_or(default.strangers),
        one: one.unwrap_or(default.one),
    })
}

pub(super) fn rates(values: &settings::Values) -> Result<RateLimits, ConfigError> {
    use settings::{flag, get};
    let rate = |name, example, default| {
        let expected = "a rate (a number and /s, /m, /h or /d) or off";
        let given = get(values, name, expected, example, |text| match text {
            "off" => Some(None),
            text => Rate::parse(text).map(Some),
        })?;
        Ok::<_, ConfigError>(given.unwrap_or(default))
    };
    let default = RateLimits::default();
    let chosen = RateLimits {
        address: rate("rate_address", "3000/m", default.address)?,
        register: rate("rate_register", "60/h", default.register)?,
        sign_in: rate("rate_sign_in", "120/m", default.sign_in)?,
        account: rate("rate_account", "1200/m", default.account)?,
        fetch_key: rate("rate_fetch_key", "120/m", default.fetch_key)?,
        one_time: rate("rate_one_time", "5/h", default.one_time)?,
        succeed: rate("rate_succeed", "10/d", default.succeed)?,
        connections: get(
            values,
            "address_connections",
            "a whole number from 1 on, or off",
            "512",
            |text| match text {
                "off" => Some(None),
                text => text.parse().ok().map(Some),
            },
        )?
        .unwrap_or(default.connections),
    };
    let on = get(values, "rate_limits", "true or false", "true", flag)?.unwrap_or(true);
    Ok(if on { chosen } else { RateLimits::off() })
}
