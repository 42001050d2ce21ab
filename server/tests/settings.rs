//! Every setting, by a table: what it takes, what it refuses and how it says so, and that none is needed for a start.

// Helpers of tests may panic like the tests themselves (clippy.toml exempts only the latter).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use server::{Config, Relay, config::SETTINGS};

/// Name, a good value that a relay can start with, and bad ones.
const TABLE: &[(&str, &str, &[&str])] = &[
    (
        "listen",
        "127.0.0.1:0",
        &["localhost", "127.0.0.1", "5000", "127.0.0.1:70000"],
    ),
    ("data_dir", "{dir}/data", &[""]),
    ("name", "relay.example", &["Upper.Case", "a b", "http://x"]),
    (
        "origins",
        "https://relay.example,http://[::1]:5",
        &["relay.example", "https://x/path", "ftp://x", "https://a@x"],
    ),
    ("tls_cert", "{dir}/cert.pem", &[""]),
    ("tls_key", "{dir}/key.pem", &[""]),
    ("tls_self_signed", "false", &["perhaps", "2"]),
    ("behind_proxy", "true", &["perhaps", "on!"]),
    (
        "trusted_proxies",
        "10.0.0.0/8,::1",
        &["", "0", "17", "proxy", "10.0.0.0/33", "10.0.0.1:80"],
    ),
    ("forwarded_header", "forwarded", &["x-real-ip", "both"]),
    ("mailbox_envelopes", "5", &["0", "-1", "many", "1.5"]),
    (
        "mailbox_size",
        "2MiB",
        &["64MB", "1", "1KiB", "-1MiB", "99999999999GiB"],
    ),
    ("mailbox_licenses", "5", &["0", "x"]),
    ("strangers", "30%", &["0%", "101%", "50", "half"]),
    ("one_stranger", "5%", &["0%", "200%", "off", "5"]),
    ("envelope_ttl", "7d", &["30", "0s", "400d", "-1d", "1y"]),
    ("token_ttl", "2h", &["1", "0m", "9999d"]),
    ("rate_limits", "true", &["off", "maybe"]),
    ("rate_address", "off", &["10", "0/m", "5/w", "/s"]),
    ("rate_register", "1/m", &["x/m", "-1/m"]),
    ("rate_sign_in", "1000/s", &["no", "1/"]),
    ("rate_account", "5/d", &["5 / year", "0/d"]),
    ("rate_fetch_key", "5/h", &["many"]),
    ("rate_one_time", "5/h", &["many"]),
    ("rate_succeed", "off", &["never"]),
    ("address_connections", "off", &["0", "-1", "none"]),
    ("max_database", "1GiB", &["0", "10", "10GB", "3MiB"]),
    ("disk_reserve", "off", &["0", "8MiB", "none"]),
    ("gate_threads", "1", &["0", "257", "x"]),
    ("gate_memory", "1GiB", &["1", "x"]),
    ("gate_disk", "1GiB", &["0B"]),
    ("account_gate_keys", "2", &["0", "x"]),
    ("metrics_listen", "127.0.0.1:0", &["5001", "on", "localhost:5001"]),
    ("log_format", "json", &["xml", "JSON"]),
    ("registration", "invite", &["", "on", "Open", "invitation"]),
    ("status", "off", &["exact", "on", ""]),
    ("connections", "100", &["0", "-1", "off"]),
    ("docs", "false", &["off", "swagger"]),
    (
        "cors_origins",
        "https://chat.example,http://localhost:5173",
        &[
            "*",
            "null",
            "chat.example",
            "https://chat.example/",
            "https://a@b",
            "https://ch\u{e4}t.example",
        ],
    ),
];

fn load(flags: &[(&'static str, String)]) -> Result<Config, server::config::ConfigError> {
    Config::load(&flags.iter().cloned().collect::<BTreeMap<_, _>>(), |_| None)
}

#[test]
fn the_table_knows_every_setting() {
    let known: BTreeSet<_> = TABLE.iter().map(|(name, ..)| *name).collect();
    let all: BTreeSet<_> = SETTINGS.iter().map(|setting| setting.name).collect();
    assert_eq!(known, all);
}

/// What the package puts into /etc/latchkey is right when its lines are uncommented.
#[test]
fn the_example_of_the_service_is_made_of_settings() {
    let example = include_str!("../../deploy/relay.env");
    let lines: BTreeMap<_, _> = example
        .lines()
        .filter_map(|line| line.strip_prefix('#').unwrap_or(line).split_once('='))
        .filter(|(name, _)| !name.contains(' '))
        .collect();
    assert!(lines.len() > 5, "{lines:?}");
    for name in lines.keys() {
        assert!(SETTINGS.iter().any(|setting| setting.variable == *name), "{name}");
    }
    let dir = BTreeMap::from([("data_dir", "/x".to_owned())]);
    Config::load(&dir, |asked| lines.get(asked).map(|value| (*value).to_owned())).unwrap();
    assert!(
        example.lines().all(|line| line.is_empty() || line.starts_with('#')),
        "nothing is set before somebody chose"
    );
}

#[test]
fn every_mistake_names_setting_value_expectation_and_example() {
    for (name, _, bad) in TABLE {
        let setting = SETTINGS.iter().find(|setting| setting.name == *name).unwrap();
        assert!(!bad.is_empty(), "{name}");
        for value in *bad {
            // On the command line, in the environment (where an empty variable is none), and in the file.
            let by_flag = load(&[("data_dir", "/x".into()), (name, (*value).into())]);
            let variable = setting.variable;
            let by_variable = Config::load(&BTreeMap::from([("data_dir", "/x".to_owned())]), |asked| {
                (asked == variable).then(|| (*value).to_owned())
            });
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), format!("{name} = '{value}'")).unwrap();
            let by_file = load(&[("config", file.path().display().to_string())]);
            for (outcome, origin) in [
                (by_flag, format!("--{}", setting.flag)),
                (by_variable, variable.to_owned()),
                (by_file, format!("{name} (in ")),
            ] {
                if value.is_empty() && origin == variable {
                    continue;
                }
                // data_dir itself is overridden by nothing in the file's case.
                let text = outcome.expect_err(&format!("{origin} {value:?}")).to_string();
                // What may stand alone takes its value behind `=`.
                let separator = if matches!(*name, "tls_self_signed" | "behind_proxy") {
                    '='
                } else {
                    ' '
                };
                let example = format!("Example: --{}{separator}", setting.flag);
                for part in [&origin, &server::config::redact::shown(value), "must be", &*example] {
                    assert!(text.contains(part), "{part:?} is missing in {text:?}");
                }
                // The example is taken.
                let example = text.split(&example).nth(1).unwrap().split(" or ").next().unwrap();
                let mut flags = vec![("data_dir", "/x".to_owned()), (*name, example.to_owned())];
                flags.extend(match *name {
                    "tls_cert" => Some(("tls_key", "/k".to_owned())),
                    "tls_key" => Some(("tls_cert", "/c".to_owned())),
                    // Then others come, and the relay has to know under which URL.
                    "behind_proxy" => Some(("name", "relay.example".to_owned())),
                    _ => None,
                });
                load(&flags).unwrap_or_else(|error| panic!("the example for {name}: {error}"));
            }
        }
    }
}

#[tokio::test]
async fn whatever_optional_setting_is_left_out_the_relay_starts() {
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["relay.example".to_owned()]).unwrap();
    std::fs::write(dir.path().join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(dir.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let place = dir.path().display().to_string();
    let without = |left_out: &[&str]| -> Vec<(&'static str, String)> {
        TABLE
            .iter()
            .filter(|(name, ..)| !left_out.contains(name))
            .map(|(name, good, _)| (*name, good.replace("{dir}", &place)))
            .collect()
    };
    let mut starts = vec![vec![]];
    for (name, ..) in TABLE {
        starts.push(match *name {
            // One without the other is a mistake, and said to be one.
            "tls_cert" | "tls_key" => vec!["tls_cert", "tls_key"],
            name => vec![name],
        });
    }
    // And the other way round: nothing is set but where the data is.
    starts.push(
        TABLE
            .iter()
            .map(|(name, ..)| *name)
            .filter(|name| *name != "data_dir")
            .collect(),
    );
    for left_out in starts {
        let mut config = load(&without(&left_out)).unwrap_or_else(|error| panic!("without {left_out:?}: {error}"));
        // Two defaults are this machine's: its port 5000 may be taken, its data directory is not ours to fill.
        if left_out.contains(&"listen") {
            assert_eq!(config.listen.port(), 5000);
            config.listen.set_port(0);
        }
        if left_out.contains(&"data_dir") {
            assert!(config.data_dir.ends_with("latchkey-relay"));
            config.data_dir = dir.path().join("data");
        }
        let relay = Relay::start(config)
            .await
            .unwrap_or_else(|error| panic!("without {left_out:?}: {error}"));
        relay.shutdown().await;
    }
}
