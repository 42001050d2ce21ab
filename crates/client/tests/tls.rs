//! A relay with a self-signed certificate: pinned, it is spoken to; any other certificate is not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::path::Path;

use latchkey_client::vault::KdfCost;
use latchkey_client::{CertificatePin, Error, Messenger, Options, RelayError, RelayUrl, UserName};
use server::config::Patience;
use server::tls::TlsSource;
use server::{Config, Relay, RunningRelay};
use support::{address, passphrase, receive};
use tempfile::TempDir;

async fn relay(data: &Path, listen: Option<std::net::SocketAddr>) -> RunningRelay {
    let mut config = Config::new(data).unwrap();
    config.tls = Some(TlsSource::SelfSigned);
    config.patience = Patience::default();
    match listen {
        Some(addr) => config.listen = addr,
        None => config.listen.set_port(0),
    }
    Relay::start(config).await.unwrap()
}

fn options() -> Options {
    Options {
        kdf: KdfCost::insecure_for_tests(),
        ..Options::default()
    }
}

fn pin_of(relay: &RunningRelay) -> CertificatePin {
    relay.certificate().unwrap().parse().unwrap()
}

async fn register(home: &Path, name: &str, url: RelayUrl) -> Result<Messenger, Error> {
    Messenger::register(home, &passphrase(), &UserName::parse(name).unwrap(), url, options()).await
}

#[tokio::test]
async fn a_pinned_certificate_is_kept_and_any_other_refused() {
    let dir = TempDir::new().unwrap();
    let running = relay(&dir.path().join("relay"), None).await;
    let plain = RelayUrl::parse(&running.url()).unwrap();
    let right = plain.clone().pinned(pin_of(&running)).unwrap();
    let homes = (dir.path().join("alice"), dir.path().join("bob"));

    // Without a pin it is a stranger's certificate; nothing is left behind.
    let untrusted = register(&homes.0, "alice", plain.clone()).await.unwrap_err();
    assert!(
        matches!(untrusted, Error::Relay(RelayError::UntrustedCertificate { .. })),
        "{untrusted}"
    );
    assert!(untrusted.to_string().contains("--pin"), "{untrusted}");
    let other = CertificatePin::from_bytes([7; 32]);
    let wrong = register(&homes.0, "alice", plain.clone().pinned(other).unwrap())
        .await
        .unwrap_err();
    let expected = (other, pin_of(&running));
    assert!(
        matches!(&wrong, Error::Relay(RelayError::OtherCertificate { pinned, offered, .. }) if (*pinned, *offered) == expected),
        "{wrong}"
    );
    assert!(!homes.0.exists());

    let mut alice = register(&homes.0, "alice", right.clone()).await.unwrap();
    let mut bob = register(&homes.1, "bob", right).await.unwrap();
    alice.send_text(&address("bob"), "by TLS").await.unwrap();
    assert_eq!(receive(&mut bob).await, ["by TLS"]);
    drop(alice);

    // The pin is in the vault: with no URL, and with the same one.
    for url in [None, Some(plain.clone())] {
        let mut alice = Messenger::open(&homes.0, &passphrase(), url, options()).unwrap();
        alice.relay_status().await.unwrap();
    }

    // Another certificate at the same address, with the same relay behind it.
    let addr = running.addr();
    running.shutdown().await;
    std::fs::remove_dir_all(dir.path().join("relay/tls")).unwrap();
    let running = relay(&dir.path().join("relay"), Some(addr)).await;
    let mut alice = Messenger::open(&homes.0, &passphrase(), None, options()).unwrap();
    let changed = alice.relay_status().await.unwrap_err();
    assert!(
        matches!(changed, Error::Relay(RelayError::OtherCertificate { .. })),
        "{changed}"
    );
    drop(alice);

    // Its user decides for the new one, once.
    let new = plain.pinned(pin_of(&running)).unwrap();
    for url in [Some(new), None] {
        let mut alice = Messenger::open(&homes.0, &passphrase(), url, options()).unwrap();
        alice.relay_status().await.unwrap();
    }
}
