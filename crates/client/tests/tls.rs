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
use server::tls::TlsSource;
use support::{address, passphrase, receive};
use tempfile::TempDir;
use testkit::relay::TestRelay;
use tokio::io::AsyncReadExt as _;

fn options() -> Options {
    Options {
        kdf: KdfCost::insecure_for_tests(),
        ..Options::default()
    }
}

fn pin_of(relay: &TestRelay) -> CertificatePin {
    relay.running().certificate().unwrap().parse().unwrap()
}

async fn register(home: &Path, name: &str, url: RelayUrl) -> Result<Messenger, Error> {
    Messenger::register(home, &passphrase(), &UserName::parse(name).unwrap(), url, options()).await
}

#[tokio::test]
async fn a_pinned_certificate_is_kept_and_any_other_refused() {
    let dir = TempDir::new().unwrap();
    let mut running = TestRelay::start_with(|config| config.tls = Some(TlsSource::SelfSigned)).await;
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
    running.config.listen = running.addr();
    running.stop().await;
    std::fs::remove_dir_all(running.data().join("tls")).unwrap();
    running.start_again().await;
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

/// A relay answers, and not as the address says: that is neither the network nor another machine, and a person can mend it.
#[tokio::test]
async fn an_address_with_the_wrong_scheme_is_said_to_have_it() {
    let by_tls = TestRelay::start_with(|config| config.tls = Some(TlsSource::SelfSigned)).await;
    let plain = TestRelay::start().await;
    for (running, right, wrong) in [(&by_tls, "https://", "http://"), (&plain, "http://", "https://")] {
        let address = running.url();
        assert!(address.starts_with(right), "{address}");
        let url = RelayUrl::parse(&address.replacen(right, wrong, 1)).unwrap();
        let error = Messenger::relay_at(url).await.unwrap_err();
        assert!(matches!(error, Error::Relay(RelayError::Network { .. })), "{error}");
        let said = error.to_string();
        assert!(said.contains(&format!("write {address}")), "{said}");
    }
}

/// The key exchanges that a client's first message offers in TLS 1.3, in its order, and those that it has shares of (RFC 8446, sections 4.1.2, 4.2.7 and 4.2.8).
fn offered(hello: &[u8]) -> (Vec<u16>, Vec<u16>) {
    let number = |at: usize| u16::from_be_bytes([hello[at], hello[at + 1]]);
    let after = |at: usize, width: usize| {
        let length = hello[at..at + width]
            .iter()
            .fold(0, |length, byte| length << 8 | usize::from(*byte));
        at + width + length
    };
    // Head, version and random; session, suites, compression, and how long the extensions are.
    let mut at = after(after(after(4 + 2 + 32, 1), 2), 1);
    let end = after(at, 2);
    at += 2;
    let (mut groups, mut shares) = (Vec::new(), Vec::new());
    while at < end {
        let (kind, next) = (number(at), after(at + 2, 2));
        match kind {
            10 => groups = (at + 6..next).step_by(2).map(number).collect(),
            51 => {
                let mut share = at + 6;
                while share < next {
                    shares.push(number(share));
                    share = after(share + 2, 2);
                }
            }
            _ => {}
        }
        at = next;
    }
    (groups, shares)
}

/// What is recorded on the way to a relay or its proxy stays closed to a quantum computer if the other end can do it: it is asked for first, with a share.
#[tokio::test]
async fn the_first_key_exchange_offered_is_the_hybrid_one_with_and_without_a_pin() {
    const X25519MLKEM768: u16 = 0x11ec;
    let dir = TempDir::new().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = RelayUrl::parse(&format!("https://{}", listener.local_addr().unwrap())).unwrap();
    let pinned = url.clone().pinned(CertificatePin::from_bytes([7; 32])).unwrap();
    for url in [url, pinned] {
        let what = format!("{url:?}");
        let home = dir.path().join("alice");
        let dialling = tokio::spawn(async move { register(&home, "alice", url).await.map(drop) });
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 5];
        stream.read_exact(&mut head).await.unwrap();
        assert_eq!(head[0], 22, "{what}: a handshake");
        let mut hello = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
        stream.read_exact(&mut hello).await.unwrap();
        let (groups, shares) = offered(&hello);
        assert_eq!(groups.first(), Some(&X25519MLKEM768), "{what}: {groups:x?}");
        assert!(
            groups.len() > 1,
            "{what}: the control, others are there to be put first: {groups:x?}"
        );
        assert_eq!(shares.first(), Some(&X25519MLKEM768), "{what}: {shares:x?}");
        dialling.abort();
    }
}
