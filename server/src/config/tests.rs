use std::io::Write as _;

use super::*;
use crate::proxies::Trust;

fn load(flags: &[(&'static str, &str)], environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let flags = flags.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Config::load(&flags, |name| {
        environment
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, v)| (*v).to_owned())
    })
}

fn said(config: &Config) -> Vec<String> {
    config.origins.iter().map(ToString::to_string).collect()
}

fn file(content: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content.as_bytes()).unwrap();
    file
}

#[test]
fn flags_beat_the_environment_beats_the_file_beats_defaults() {
    let toml = file(
        "listen = '127.0.0.1:1'\nname = 'from.file'\norigins = ['https://a.example', 'https://b.example']\nmailbox_envelopes = 5\n",
    );
    let path = toml.path().display().to_string();
    let config = load(
        &[("config", &path), ("listen", "127.0.0.1:3"), ("data_dir", "/flag")],
        &[
            ("LATCHKEY_LISTEN", "127.0.0.1:2"),
            ("LATCHKEY_NAME", "from.environment"),
            ("LATCHKEY_ENVELOPE_TTL", "7d"),
        ],
    )
    .unwrap();
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.name.as_str(), "from.environment");
    assert_eq!(said(&config), ["https://a.example", "https://b.example"]);
    assert_eq!(
        config.quota,
        Quota {
            envelopes: 5,
            bytes: 64 << 20,
            licenses: 10_000
        }
    );
    assert_eq!(config.envelope_ttl, DAY * 7);
    assert_eq!(config.token_ttl, Duration::from_secs(3600));
    assert_eq!(config.data_dir, PathBuf::from("/flag"));
}

#[test]
fn a_mistake_names_setting_value_expectation_and_example() {
    for (setting, value) in [
        ("listen", "localhost"),
        ("listen", "127.0.0.1"),
        ("name", "Upper.Case"),
        ("origins", "relay.example"),
        ("origins", "https://relay.example/path"),
        ("mailbox_envelopes", "0"),
        ("mailbox_envelopes", "many"),
        ("mailbox_size", "64MB"),
        ("mailbox_size", "1"),
        ("envelope_ttl", "30"),
        ("envelope_ttl", "0s"),
        ("envelope_ttl", "400d"),
        ("token_ttl", "-1h"),
        ("behind_proxy", "perhaps"),
    ] {
        let flag = setting.replace('_', "-");
        let text = load(&[("data_dir", "/x"), (setting, value)], &[])
            .unwrap_err()
            .to_string();
        for part in [&format!("--{flag}"), value, "must be", "Example: "] {
            assert!(text.contains(part), "{part:?} is missing in {text:?}");
        }
    }
    let variable = load(&[], &[("LATCHKEY_LISTEN", "x")]).unwrap_err().to_string();
    assert!(
        variable.contains("LATCHKEY_LISTEN") && variable.contains("environment"),
        "{variable}"
    );
}

#[test]
fn the_file_is_held_to_the_settings_that_exist() {
    let with = |content: &str| {
        let toml = file(content);
        let path = toml.path().display().to_string();
        load(&[("config", &path), ("data_dir", "/x")], &[])
            .unwrap_err()
            .to_string()
    };
    let unknown = with("lisen = 'x'");
    assert!(
        unknown.contains("\"lisen\"") && unknown.contains("data_dir"),
        "{unknown}"
    );
    assert!(with("listen = 5").contains("listen (in /"));
    assert!(with("listen =").contains("cannot be used"));
    let missing = load(&[("config", "/nowhere/relay.toml")], &[]).unwrap_err().to_string();
    assert!(missing.contains("/nowhere/relay.toml"), "{missing}");
}

#[test]
fn plain_http_stays_on_the_loopback_unless_a_proxy_is_named() {
    let public = [("data_dir", "/x"), ("listen", "0.0.0.0:5000")];
    assert!(matches!(load(&public, &[]), Err(ConfigError::PlainHttp(_))));
    let proxy = [
        ("LATCHKEY_BEHIND_PROXY", "true"),
        ("LATCHKEY_TRUSTED_PROXIES", "10.0.0.2"),
        ("LATCHKEY_NAME", "relay.example"),
    ];
    assert!(load(&public, &proxy).is_ok());
    assert!(load(&[("data_dir", "/x"), ("listen", "[::1]:0")], &[]).is_ok());
}

#[test]
fn tls_opens_public_addresses_and_half_of_it_is_named() {
    let public = |more: &[(&'static str, &'static str)]| {
        let mut flags = vec![("data_dir", "/x"), ("listen", "0.0.0.0:443"), ("name", "relay.example")];
        flags.extend(more);
        load(&flags, &[])
    };
    let files = public(&[("tls_cert", "/c"), ("tls_key", "/k")]).unwrap();
    assert_eq!(
        files.tls,
        Some(TlsSource::Files {
            certificate: "/c".into(),
            key: "/k".into()
        })
    );
    assert_eq!(
        public(&[("tls_self_signed", "true")]).unwrap().tls,
        Some(TlsSource::SelfSigned)
    );
    for (given, missing) in [("tls_cert", "--tls-key"), ("tls_key", "--tls-cert")] {
        let text = public(&[(given, "/f")]).unwrap_err().to_string();
        let flag = format!("--{}", given.replace('_', "-"));
        assert!(text.contains(&flag) && text.contains(missing), "{text}");
    }
    let both = public(&[("tls_cert", "/c"), ("tls_key", "/k"), ("tls_self_signed", "1")]);
    assert_eq!(both.unwrap_err(), ConfigError::TwoCertificates);
}

#[test]
fn a_relay_that_others_reach_knows_its_origins() {
    let with = |more: &[(&'static str, &'static str)]| {
        let mut flags = vec![("data_dir", "/x")];
        flags.extend(more);
        load(&flags, &[])
    };
    let (name, tls, proxy) = (
        ("name", "relay.example"),
        ("tls_self_signed", "true"),
        ("behind_proxy", "true"),
    );
    let (public, private) = (("listen", "0.0.0.0:5000"), ("listen", "127.0.0.1:5000"));
    let (v6, trusted) = (("listen", "[::]:443"), ("trusted_proxies", "1"));
    // Without a name of its own there is nothing to derive them from, whichever way others come in.
    for flags in [
        vec![public, tls],
        vec![v6, tls],
        vec![private, proxy],
        vec![public, proxy, trusted],
    ] {
        let refused = with(&flags).unwrap_err();
        assert!(matches!(refused, ConfigError::NoOrigins { .. }), "{refused}");
        let text = refused.to_string();
        for part in [
            "--origins",
            "--name",
            "Example: --origins https://relay.example",
            flags[0].1,
        ] {
            assert!(text.contains(part), "{part:?} is missing in {text:?}");
        }
        let example = ("origins", "https://relay.example");
        let named = with(&[flags.clone(), vec![example]].concat()).unwrap();
        assert_eq!(said(&named), ["https://relay.example"]);
    }
    assert_eq!(
        said(&with(&[public, tls, name]).unwrap()),
        ["https://relay.example", "https://relay.example:5000"]
    );
    assert_eq!(said(&with(&[v6, tls, name]).unwrap()), ["https://relay.example"]);
    assert_eq!(said(&with(&[private, proxy, name]).unwrap()), ["https://relay.example"]);
    assert!(said(&with(&[private]).unwrap()).is_empty());
    assert!(said(&with(&[private, tls, name]).unwrap()).is_empty());
    // What is said is what holds, in the form that clients sign.
    let chosen = ("origins", "https://Other.example:443, https://[::0:1]:8443");
    assert_eq!(
        said(&with(&[public, tls, name, chosen]).unwrap()),
        ["https://other.example", "https://[::1]:8443"]
    );
    let path = with(&[("origins", "https://relay.example/chat")])
        .unwrap_err()
        .to_string();
    assert!(path.contains("no path"), "{path}");
}

#[test]
fn a_proxy_is_on_this_machine_or_named() {
    let with = |more: &[(&'static str, &'static str)]| {
        let mut flags = vec![("data_dir", "/x"), ("name", "relay.example")];
        flags.extend(more);
        load(&flags, &[])
    };
    assert_eq!(with(&[]).unwrap().proxies.trust, Trust::Nobody);
    let proxy = ("behind_proxy", "true");
    assert_eq!(with(&[proxy]).unwrap().proxies.trust, Trust::loopback());
    assert_eq!(
        with(&[proxy, ("trusted_proxies", "off")]).unwrap().proxies.trust,
        Trust::Nobody
    );
    let public = ("listen", "10.0.0.1:5000");
    let refused = with(&[proxy, public]).unwrap_err();
    assert!(matches!(refused, ConfigError::WhichProxy(_)), "{refused}");
    assert!(refused.to_string().contains("--trusted-proxies 10.0.0.2"), "{refused}");
    assert!(with(&[proxy, public, ("trusted_proxies", "10.0.0.2")]).is_ok());
}

#[test]
fn a_name_is_one_that_can_be_dialled() {
    let with = |name: &'static str| load(&[("data_dir", "/x"), ("name", name)], &[]);
    for name in ["relay.example", "relay.example:8443", "localhost", "[2001:db8::1]:5000"] {
        assert_eq!(with(name).unwrap().name.as_str(), name);
    }
    for name in [
        "relay.example:99999",
        "relay.example:0",
        "relay:1:2",
        "[::",
        "0.0.0.0",
        "[::]:5000",
    ] {
        let refused = with(name).unwrap_err().to_string();
        assert!(refused.contains("lower-case host"), "{name}: {refused}");
    }
}

#[test]
fn a_secret_in_the_place_of_a_setting_is_not_repeated() {
    let token = "fNq1b8Lw0zTq7v3kXr5mYp2sGh4dJc6a";
    for content in [format!("{token} = 1"), format!("[{token}]\nx = 1")] {
        let file = file(&content);
        let path = file.path().display().to_string();
        let refused = load(&[("config", &path)], &[]).unwrap_err().to_string();
        assert!(!refused.contains(token) && refused.contains("not shown"), "{refused}");
    }
}

#[test]
fn secrets_in_the_wrong_place_are_not_repeated() {
    let pem = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0w\n-----END PRIVATE KEY-----\n";
    let token = "fNq1b8Lw0zTq7v3kXr5mYp2sGh4dJc6a";
    let phrase = "correct horse battery staple";
    for setting in SETTINGS {
        for (secret, piece) in [
            (pem, "MIGHAgEAMBMG"),
            (token, "fNq1b8Lw0z"),
            (phrase, "battery"),
            ("https://me:hush-hush@relay.example/x", "hush"),
        ] {
            // In the environment and in the file; what a setting takes is not an error, and then it is not shown either.
            let quoted = toml::Value::from(secret).to_string();
            let toml = file(&format!("{} = {quoted}", setting.name));
            let place = toml.path().display().to_string();
            let outcomes = [
                load(&[], &[(setting.variable, secret)]),
                load(&[("config", &place)], &[]),
            ];
            for error in outcomes.into_iter().filter_map(Result::err) {
                let said = format!("{error} {error:?}");
                assert!(!said.contains(piece), "{}: {said}", setting.name);
                assert!(
                    said.contains(setting.name) || said.contains(setting.variable) || said.contains(setting.flag),
                    "{said}"
                );
            }
        }
    }
    // A file that is no TOML, such as one of keys.
    for content in [
        pem,
        token,
        phrase,
        "token = fNq1b8Lw0zTq7v3kXr5mYp2sGh4dJc6a",
        "listen = 'battery fNq1b8Lw0z MIGHAgEAMBMG",
    ] {
        let toml = file(content);
        let place = toml.path().display().to_string();
        let error = load(&[("config", &place), ("data_dir", "/x")], &[]).unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(said.contains(&place), "{said}");
        for piece in ["MIGHAgEAMBMG", "fNq1b8Lw0z", "battery"] {
            assert!(!said.contains(piece), "{said}");
        }
    }
    // Taken for the path of a file, which is not there.
    let tls = load(&[("data_dir", "/x"), ("tls_cert", "/c"), ("tls_key", token)], &[]).unwrap();
    let Some(source) = tls.tls else { panic!("no TLS") };
    let missing = crate::tls::Certificates::load(&source, std::path::Path::new("/x"), &[]).unwrap_err();
    let said = missing.to_string();
    assert!(!said.contains(token), "{said}");
    let flags = BTreeMap::from([
        ("data_dir", "/x".to_owned()),
        ("tls_cert", "/c".to_owned()),
        ("tls_key", token.to_owned()),
    ]);
    let shown = Config::load(&flags, |_| None).unwrap().shown();
    assert!(!format!("{shown:?}").contains(token));
}
