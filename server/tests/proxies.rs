//! A relay behind nginx and Caddy, each configured by the very block that docs/proxies.md shows: addresses, Host, large bodies, waits, and clients that go away.
//!
//! Both programs are Debian packages of their own name. Without one of them its test fails, unless `LATCHKEY_ALLOW_SKIP` names it: then it says that it was skipped.
#![cfg(target_os = "linux")]
// other systems have no 127.0.0.2 to come from
// Helpers of tests may panic like the tests themselves (clippy.toml exempts only the latter).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
mod process;

use std::{
    collections::BTreeMap,
    io::Write as _,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use common::*;
use process::{killed, said_until, url_in};
use reqwest::{Body, Certificate, Client, Method};
use serde_json::json;
use server::{
    Config,
    origin::Origin,
    proxies::{Header, ProxyRules, Trust},
    service::rates::{Rate, RateLimits},
};
use tempfile::TempDir;
use tokio::sync::mpsc;
use uuid::Uuid;

const PAGE: &str = include_str!("../../docs/proxies.md");
const HOST: &str = "relay.example";
/// Somebody else may take a port between its choice and the proxy's start; five times in a row nobody does.
const TRIES: usize = 5;
/// Until a proxy has read its configuration and listens.
const START: Duration = Duration::from_secs(20);
/// The largest gate key, less than the 32 MB that a proxy has to let through.
const GATE_KEY: usize = 31_000_000;

/// The blocks of the page that are written in `language`.
fn blocks(language: &str) -> Vec<&'static str> {
    let after = PAGE
        .split("\n```")
        .filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n'));
    after.collect()
}

fn block(language: &str) -> String {
    let found = blocks(language);
    assert_eq!(found.len(), 1, "{language}");
    found[0].to_owned()
}

/// Puts `to` where the page has `from`, which it must have.
fn put(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "the page has no {from:?} any more");
    text.replace(from, to)
}

fn say(text: &str) {
    let _ = std::io::stderr().write_all(format!("{text}\n").as_bytes());
}

/// Where a program is; none when it is not there and may be missing.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/bin".into()]);
    let found = places.map(|place| place.join(name)).find(|file| file.is_file());
    if found.is_none() {
        let allowed = std::env::var("LATCHKEY_ALLOW_SKIP").unwrap_or_default();
        assert!(
            allowed.split(',').any(|allowed| allowed.trim() == name),
            "{name} is not installed. Install the package {name}, or say LATCHKEY_ALLOW_SKIP={name}"
        );
        // Not captured, so that it is seen.
        say(&format!(
            "skipped: {name} is not installed, and LATCHKEY_ALLOW_SKIP names it"
        ));
    }
    found
}

/// A proxy that runs; killed when dropped.
struct Proxy {
    child: Child,
    dir: TempDir,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            say(&format!("the proxy's log:\n{}", log(self.dir.path())));
        }
    }
}

fn log(dir: &Path) -> String {
    let read = |file| std::fs::read_to_string(dir.join(file)).unwrap_or_default();
    ["log", "error.log"].map(read).concat()
}

/// How a proxy is started on a port, in front of a relay.
type Starter = fn(&Path, u16, SocketAddr, &Path) -> Command;

fn with_files(text: &str, dir: &Path) -> String {
    let text = put(
        text,
        "/etc/ssl/relay.example/fullchain.pem",
        dir.join("cert.pem").to_str().unwrap(),
    );
    put(
        &text,
        "/etc/ssl/relay.example/privkey.pem",
        dir.join("key.pem").to_str().unwrap(),
    )
}

fn nginx(dir: &Path, port: u16, relay: SocketAddr, program: &Path) -> Command {
    let server = with_files(&block("nginx"), dir);
    let server = put(&server, "listen 443 ssl", &format!("listen 127.0.0.1:{port} ssl"));
    let server = put(&server, "127.0.0.1:5000", &relay.to_string());
    let place = dir.display();
    // Everything that it writes goes into the directory; one process, which changes no user.
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|of| format!("{of}_temp_path {place}/{of};\n"))
        .collect();
    let config = format!(
        "daemon off;\nmaster_process off;\npid {place}/pid;\nerror_log {place}/error.log;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}{server}}}\n"
    );
    std::fs::write(dir.join("nginx.conf"), config).unwrap();
    let mut command = Command::new(program);
    command
        .arg("-e")
        .arg(dir.join("error.log"))
        .arg("-c")
        .arg(dir.join("nginx.conf"));
    command
}

fn caddy(dir: &Path, port: u16, relay: SocketAddr, program: &Path) -> Command {
    let site = with_files(&block("caddy"), dir);
    let site = put(&site, "127.0.0.1:5000", &relay.to_string());
    let site = put(&site, "relay.example {\n", "relay.example {\n\tbind 127.0.0.1\n");
    let global = format!(
        "{{\n\tadmin off\n\tauto_https disable_redirects\n\thttps_port {port}\n\tservers {{\n\t\tprotocols h1 h2\n\t}}\n}}\n"
    );
    std::fs::write(dir.join("Caddyfile"), global + &site).unwrap();
    let mut command = Command::new(program);
    command
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(dir.join("Caddyfile"));
    command
        .env("HOME", dir)
        .env("XDG_DATA_HOME", dir)
        .env("XDG_CONFIG_HOME", dir);
    command
}

/// A relay with a proxy in front.
struct Behind {
    relay: TestRelay,
    port: u16,
    certificate: Certificate,
    proxy: Proxy,
}

impl Behind {
    /// A relay that knows where clients dial it only if `named`.
    async fn start(program: &Path, starter: Starter, named: bool) -> Self {
        for _ in 0..TRIES {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = free.local_addr().unwrap().port();
            let relay = TestRelay::start_on(Arc::new(FakeGate::default()), |config| {
                if named {
                    config.origins = vec![Origin::parse(&format!("https://{HOST}:{port}")).unwrap()];
                }
                config.proxies = ProxyRules {
                    trust: Trust::parse("127.0.0.1").unwrap(),
                    header: Header::XForwardedFor,
                };
                config.rates = RateLimits {
                    register: Rate::parse("2/d"),
                    ..RateLimits::off()
                };
            })
            .await;
            let dir = TempDir::new().unwrap();
            let made = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
            let pem = made.cert.pem();
            std::fs::write(dir.path().join("cert.pem"), &pem).unwrap();
            std::fs::write(dir.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
            let stderr = std::fs::File::create(dir.path().join("log")).unwrap();
            drop(free);
            let child = starter(dir.path(), port, relay.running().addr(), program)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(stderr)
                .spawn()
                .unwrap();
            let mut behind = Self {
                relay,
                port,
                certificate: Certificate::from_pem(pem.as_bytes()).unwrap(),
                proxy: Proxy { child, dir },
            };
            if behind.answers().await {
                return behind;
            }
            let said = log(behind.proxy.dir.path());
            assert!(said.contains("in use"), "{}: {said}", program.display());
        }
        panic!("no port stays free");
    }

    /// Whether the proxy comes to pass requests on, rather than end. Another program may have its port, and answer something else.
    async fn answers(&mut self) -> bool {
        let api = self.api(2);
        let request = || api.request(Method::GET, "/v1/status", None).send();
        let begun = Instant::now();
        while begun.elapsed() < START {
            if request().await.is_ok_and(|answer| answer.status() == 200) {
                return true;
            }
            if self.proxy.child.try_wait().unwrap().is_some() {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the proxy does not answer");
    }

    /// Calls through the proxy, from one of this machine's addresses.
    fn api(&self, from: u8) -> Api {
        let http = Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(60))
            .tls_certs_only([self.certificate.clone()])
            .resolve(HOST, SocketAddr::from(([127, 0, 0, 1], self.port)))
            .local_address(IpAddr::V4(Ipv4Addr::new(127, 0, 0, from)))
            .build()
            .unwrap();
        let url = format!("https://{HOST}:{}", self.port);
        Api { http, url }
    }
}

async fn register(api: &Api, name: &str, header: Option<(&str, &str)>) -> Answer {
    let user = User::new(api.clone(), name);
    let body = user.registration(None).await;
    let request = api.request(Method::POST, "/v1/accounts", None).json(&body);
    let request = match header {
        Some((name, value)) => request.header(name, value),
        None => request,
    };
    answer(request).await
}

/// Everything that the page promises of its blocks.
async fn holds(name: &str, starter: Starter) {
    let Some(program) = program(name) else { return };
    let behind = Behind::start(&program, starter, true).await;
    let mut alice = User::register(behind.api(2), "alice").await;
    alice.sign_in().await;
    let alice = Arc::new(alice);
    // From here on somebody waits the whole time that a wait may take.
    let waiting = tokio::spawn({
        let alice = Arc::clone(&alice);
        async move { (Instant::now(), alice.inbox(json!({ "wait_seconds": 30 })).await.ok()) }
    });
    addresses(&behind).await;
    large_bodies(&behind, &alice).await;
    let bob = Arc::new(User::register(behind.api(4), "bob").await);
    waits(&behind, &alice, &bob).await;
    let services = behind.relay.running().services().clone();
    eventually("nobody but alice waits", || services.mailboxes.waiting() == 1).await;
    let (begun, page) = waiting.await.unwrap();
    assert!(bodies(&page).is_empty());
    assert!(begun.elapsed() >= Duration::from_secs(29), "{:?}", begun.elapsed());
    // A path in front is nothing that a relay knows.
    let request = behind.api(2).request(Method::GET, "/chat/v1/status", None);
    answer(request).await.refused(404, "not_found");
    host_with_port(&program, starter).await;
}

/// Two registrations an address, by the client's own; what it writes into headers changes nothing.
async fn addresses(behind: &Behind) {
    let (one, other) = (behind.api(2), behind.api(3));
    register(&one, "a1", None).await.ok();
    register(&one, "a2", None).await.refused(429, "rate_limited");
    for forged in [
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-for", "127.0.0.3, 127.0.0.1"),
        ("forwarded", "for=192.0.2.1"),
        ("x-real-ip", "192.0.2.1"),
    ] {
        register(&one, "a2", Some(forged)).await.refused(429, "rate_limited");
    }
    register(&other, "a3", Some(("x-forwarded-for", "127.0.0.2")))
        .await
        .ok();
}

/// A gate key of the largest size goes through, and piece by piece: the relay knows of it before it is whole.
async fn large_bodies(behind: &Behind, alice: &User) {
    let key = fake_key(100, &vec![7; GATE_KEY]);
    let half = key.len() / 2;
    let (send, mut receive) = mpsc::channel::<Vec<u8>>(1);
    let pieces =
        futures_util::stream::poll_fn(move |cx| receive.poll_recv(cx).map(|piece| piece.map(Ok::<_, std::io::Error>)));
    let path = format!("/v1/gate-keys/{}", hex::encode([1; 16]));
    let upload = behind
        .api(2)
        .request(Method::PUT, &path, Some(&alice.token))
        .header("Latchkey-Capability-Hash", b64([2; 32]))
        .header("Content-Type", "application/octet-stream")
        .header("Content-Length", key.len())
        .body(Body::wrap_stream(pieces));
    let upload = tokio::spawn(answer(upload));
    send.send(key[..half].to_vec()).await.unwrap();
    // The relay writes down what it has.
    let place = behind.relay.data().join("gate-keys");
    let part = || {
        std::fs::read_dir(&place)
            .unwrap()
            .any(|file| file.unwrap().metadata().is_ok_and(|of| of.len() > 0))
    };
    eventually("the relay has a part of the body", part).await;
    send.send(key[half..].to_vec()).await.unwrap();
    drop(send);
    let stored = upload.await.unwrap().ok();
    assert_eq!(stored["bytes"], key.len());
}

/// Mail reaches a waiting client at once, and a wait ends with its client.
async fn waits(behind: &Behind, alice: &User, bob: &Arc<User>) {
    let services = behind.relay.running().services().clone();
    let wait = || {
        let bob = Arc::clone(bob);
        tokio::spawn(async move { bob.inbox(json!({ "wait_seconds": 30 })).await.ok() })
    };
    let waiting = wait();
    eventually("alice and bob wait", || services.mailboxes.waiting() == 2).await;
    let envelope = vec![5; 256 * 1024];
    let sent = Instant::now();
    alice.send("bob", Uuid::new_v4(), envelope.clone()).await.ok();
    let page = waiting.await.unwrap();
    assert_eq!(bodies(&page), [envelope]);
    assert!(sent.elapsed() < Duration::from_secs(10), "{:?}", sent.elapsed());
    bob.inbox(json!({ "ack": ack(&page) })).await.ok();
    let waiting = wait();
    eventually("alice and bob wait", || services.mailboxes.waiting() == 2).await;
    waiting.abort();
}

/// A relay that was not told its origins says what Host it saw.
async fn host_with_port(program: &Path, starter: Starter) {
    let behind = Behind::start(program, starter, false).await;
    let refused = register(&behind.api(2), "alice", None)
        .await
        .refused(400, "bad_request");
    let detail = refused["detail"].as_str().unwrap();
    let seen = format!("sent to \"{HOST}:{}\"", behind.port);
    assert!(detail.contains(&seen), "{detail}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_as_the_page_shows_it() {
    holds("nginx", nginx).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn caddy_as_the_page_shows_it() {
    holds("caddy", caddy).await;
}

/// A relay by itself, asked with these headers, twice with each: what it warns of.
async fn warnings(settings: &[&str], headers: &[(&'static str, &'static str)]) -> Vec<String> {
    let dir = TempDir::new().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_latchkey-relay"))
        .env_clear()
        .args(["--listen", "127.0.0.1:0", "--quiet", "--data-dir"])
        .arg(dir.path().join("data"))
        .args(settings)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let api = Api {
        http: client(),
        url: url_in(&said_until(&mut child, "listening on")),
    };
    for header in [None]
        .into_iter()
        .chain(headers.iter().map(Some))
        .flat_map(|header| [header; 2])
    {
        let request = api.request(Method::GET, "/v1/status", None);
        let request = match header {
            Some((name, value)) => request.header(*name, *value),
            None => request,
        };
        answer(request).await.ok();
    }
    killed(child)
        .lines()
        .filter(|line| line.contains("WARN"))
        .map(str::to_owned)
        .collect()
}

/// One bucket for everybody is never silent, and what a client can cause is not said again and again.
#[tokio::test]
async fn what_puts_clients_into_one_bucket_is_said_once() {
    let address = ("x-forwarded-for", "192.0.2.1");
    let trusting = ["--trusted-proxies", "127.0.0.1"];
    let said = warnings(&trusting, &[address]).await;
    assert!(
        matches!(&said[..], [one] if one.contains("without a client's address")),
        "{said:?}"
    );
    let said = warnings(
        &trusting,
        &[("x-forwarded-for", "unknown"), ("forwarded", "for=192.0.2.1")],
    )
    .await;
    assert!(
        matches!(&said[..], [one] if one.contains("--forwarded-header")),
        "{said:?}"
    );
    for settings in [&[][..], &["--trusted-proxies", "10.0.0.0/8"]] {
        let said = warnings(settings, &[address, ("forwarded", "for=192.0.2.1")]).await;
        assert!(
            matches!(&said[..], [one] if one.contains("--trusted-proxies")),
            "{said:?}"
        );
        assert!(!said[0].contains("192.0.2.1"), "no address is logged: {said:?}");
    }
    // Nobody in front, and nobody who says so.
    assert!(warnings(&[], &[]).await.is_empty());
}

/// The relay's half of the page: it starts, knows where clients dial it, and trusts the proxy beside it.
#[test]
fn the_relay_as_the_page_shows_it() {
    let lines: BTreeMap<_, _> = blocks("ini")[0]
        .lines()
        .filter_map(|line| line.split_once('='))
        .collect();
    let dir = BTreeMap::from([("data_dir", "/x".to_owned())]);
    let config = Config::load(&dir, |asked| lines.get(asked).map(|value| (*value).to_owned())).unwrap();
    let origins: Vec<_> = config.origins.iter().map(Origin::as_str).collect();
    assert_eq!(origins, ["https://relay.example"]);
    assert_eq!(config.proxies.trust, Trust::loopback());
    assert_eq!(lines.len(), 3, "{lines:?}");
    // What the text says can be set, too.
    for (name, value) in [
        ("trusted_proxies", "10.0.0.2"),
        ("trusted_proxies", "10.0.0.0/24"),
        ("trusted_proxies", "2"),
        ("forwarded_header", "forwarded"),
        ("origins", "https://chat.example:8443"),
    ] {
        let variable = format!("LATCHKEY_{}={value}", name.to_uppercase());
        let alone = format!("`{value}`");
        assert!(PAGE.contains(&variable) || PAGE.contains(&alone), "{variable}");
        let mut with = dir.clone();
        with.insert(name, value.to_owned());
        Config::load(&with, |asked| lines.get(asked).map(|value| (*value).to_owned())).unwrap();
    }
}
