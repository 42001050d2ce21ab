//! A thousand clients that do nothing, or ask without end: whatever they leave unfinished or unread, the relay's memory stays bounded and others are served.
//!
//! The relay is a process of its own, since its memory and its time are what is measured ([`served`]).
#![cfg(target_os = "linux")]
// Helpers of tests may panic like the tests themselves (clippy.toml exempts only the latter).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "../common/mod.rs"]
mod common;
mod places;
#[path = "../process/mod.rs"]
mod process;
mod served;
mod without_end;

use std::{net::SocketAddr, path::Path, process::Command, time::Duration};

use common::*;
use process::{PROGRAM, Process};
use reqwest::Method;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use served::{is_served_soon, request};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    sync::Mutex,
    task::JoinSet,
    time::{Instant, timeout},
};
use uuid::Uuid;

const HOSTILE: usize = 1000;
/// An idle relay has 20 MB, a thousand connections 20 more, bodies and answers on their way 32 MiB, and the allocator keeps as much again as it likes. A kilobyte more for each
/// connection is a megabyte; what is unbounded was 0.2 to 1.8 GB.
const MOST_KIB: u64 = 150 << 10;
/// All kinds at once: five thousand connections, with what the unit's `MemoryMax` reckons (`the_unit_allows_what_the_defaults_need`), 100 MiB for the relay and 48 KiB for a hostile connection.
/// 232 MiB were measured in a development build.
const MOST_TOGETHER_KIB: u64 = (100 << 10) + 5 * HOSTILE as u64 * 48;
/// The same for handshakes: 16 KiB each, and what the library makes of them. With the library's own limit it is 90 MB.
const MOST_HANDSHAKES_KIB: u64 = 70 << 10;
/// Until a hostile client gives up sending: what has not been taken by then is not wanted.
const GIVE_UP: Duration = Duration::from_secs(20);
/// How often it is looked whether something is so.
const LOOK: Duration = Duration::from_millis(20);
/// What the system keeps for a client that does not read.
const SMALL_BUFFER: u32 = 4096;
/// One attack at a time: each is timed.
static ALONE: Mutex<()> = Mutex::const_new(());

/// A relay under attack.
struct Besieged {
    relay: Process,
    address: SocketAddr,
    /// What a request takes of it while nobody attacks.
    alone: Duration,
    _dir: TempDir,
}

impl Besieged {
    async fn start() -> Self {
        raise_limit();
        let dir = TempDir::new().unwrap();
        let relay = Process::start(&dir.path().join("data"), "127.0.0.1:0");
        let address = relay.listen().parse().unwrap();
        Self {
            alone: served::alone(&relay, request).await,
            relay,
            address,
            _dir: dir,
        }
    }

    /// A thousand clients that each do `hostile`, and stay connected.
    async fn attacked<F>(&self, hostile: impl Fn(TcpStream) -> F) -> Vec<TcpStream>
    where
        F: Future<Output = TcpStream> + Send + 'static,
    {
        let mut clients = JoinSet::new();
        for _ in 0..HOSTILE {
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_recv_buffer_size(SMALL_BUFFER).unwrap();
            let stream = socket.connect(self.address).await.unwrap();
            clients.spawn(hostile(stream));
        }
        clients.join_all().await
    }

    /// Looks at the relay while such clients stay.
    async fn endures<F>(&self, hostile: impl Fn(TcpStream) -> F)
    where
        F: Future<Output = TcpStream> + Send + 'static,
    {
        let clients = self.attacked(hostile).await;
        is_served_soon(&self.relay, self.alone, request).await;
        let peak = peak_kib(self.relay.child.id());
        println!("peak {} MiB", peak >> 10);
        assert!(peak <= MOST_KIB, "{peak} KiB");
        drop(clients);
    }
}

/// This process has as many connections as the relay.
fn raise_limit() {
    let limit = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: limit,
        maximum: limit,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
}

/// The most memory that a process ever had.
fn peak_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join("status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Sends what is taken of it. The relay may refuse the rest, or close.
async fn send(mut stream: TcpStream, bytes: Vec<u8>) -> TcpStream {
    let _ = timeout(GIVE_UP, stream.write_all(&bytes)).await;
    stream
}

/// `size` bytes of a head without its end.
fn unfinished_head(size: usize) -> Vec<u8> {
    let mut head = b"GET /v1/status HTTP/1.1\r\nHost: x\r\nX-Long: ".to_vec();
    head.resize(size, b'a');
    head
}

/// Without its last 40 KB.
fn unfinished_registration() -> Vec<u8> {
    let mut request =
        b"POST /v1/accounts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 640000\r\n\r\n\""
            .to_vec();
    request.resize(600_000, b'a');
    request
}

/// Without its last byte.
fn unfinished_send(from: &User) -> Vec<u8> {
    let mut request = format!(
        "POST /v1/messages?to={}&id={} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/octet-stream\r\nContent-Length: 262144\r\n\r\n",
        from.name,
        Uuid::new_v4(),
        from.token
    )
    .into_bytes();
    request.resize(request.len() + 262_143, b'a');
    request
}

/// Three, one after the other.
fn fetches(owner: &User) -> Vec<u8> {
    let request = format!(
        "POST /v1/inbox HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}",
        owner.token
    );
    request.repeat(3).into()
}

#[tokio::test]
async fn unfinished_heads_take_little_memory_and_hold_up_nobody() {
    let _alone = ALONE.lock().await;
    let besieged = Besieged::start().await;
    // Nothing at all, as much as a head may have, and more.
    for size in [0, 15_000, 390_000] {
        besieged.endures(|stream| send(stream, unfinished_head(size))).await;
    }
}

#[tokio::test]
async fn heads_of_what_is_served_take_little_memory_afterwards() {
    let _alone = ALONE.lock().await;
    let besieged = Besieged::start().await;
    for size in [15_000, 390_000] {
        besieged
            .endures(|mut stream| async move {
                let mut head = unfinished_head(size);
                head.extend(b"\r\n\r\n");
                let _ = stream.write_all(&head).await;
                let _ = stream.read(&mut [0; 1024]).await;
                stream
            })
            .await;
    }
}

#[tokio::test]
async fn documents_that_are_not_read_take_little_memory_and_hold_up_nobody() {
    let _alone = ALONE.lock().await;
    let besieged = Besieged::start().await;
    for path in ["/docs", "/openapi.yaml", "/"] {
        for accept in ["identity", "gzip"] {
            let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: {accept}\r\n\r\n").repeat(20);
            besieged.endures(|stream| send(stream, request.clone().into())).await;
        }
    }
}

#[tokio::test]
async fn bodies_that_do_not_end_take_little_memory_and_hold_up_nobody() {
    let _alone = ALONE.lock().await;
    let besieged = Besieged::start().await;
    let request = unfinished_registration();
    besieged.endures(|stream| send(stream, request.clone())).await;
}

#[tokio::test]
async fn sends_that_do_not_end_take_little_memory_and_hold_up_nobody() {
    let _alone = ALONE.lock().await;
    let besieged = Besieged::start().await;
    let api = Api {
        http: client(),
        url: besieged.relay.url.clone(),
    };
    let mallory = User::register(api, "mallory").await;
    besieged.endures(|stream| send(stream, unfinished_send(&mallory))).await;
}

#[tokio::test]
async fn mail_that_is_not_read_takes_little_memory_and_holds_up_nobody() {
    let _alone = ALONE.lock().await;
    let besieged = Besieged::start().await;
    let api = Api {
        http: client(),
        url: besieged.relay.url.clone(),
    };
    let mallory = User::register(api, "mallory").await;
    for _ in 0..3 {
        mallory.send("mallory", Uuid::new_v4(), vec![7; 250 << 10]).await.ok();
    }
    let request = fetches(&mallory);
    besieged.endures(|stream| send(stream, request.clone())).await;
    // Nothing of it is lost, and with the hostile clients gone it is delivered.
    let begun = Instant::now();
    let mut page = mallory.inbox(serde_json::json!({})).await;
    while page.status != 200 {
        assert!(begun.elapsed() < GIVE_UP, "its memory is never given back");
        page.refused(503, "busy");
        tokio::time::sleep(LOOK).await;
        page = mallory.inbox(serde_json::json!({})).await;
    }
    assert_eq!(bodies(&page.ok()).len(), 3);
}

/// What each kind takes, all of them take together, and no more when they come again: what one kind leaves behind, the next one uses.
#[tokio::test]
async fn all_kinds_at_once_take_little_memory_and_hold_up_nobody() {
    let _alone = ALONE.lock().await;
    let besieged = Besieged::start().await;
    let api = Api {
        http: client(),
        url: besieged.relay.url.clone(),
    };
    let mallory = User::register(api, "mallory").await;
    for _ in 0..3 {
        mallory.send("mallory", Uuid::new_v4(), vec![7; 250 << 10]).await.ok();
    }
    let documents = b"GET /docs HTTP/1.1\r\nHost: x\r\nAccept-Encoding: identity\r\n\r\n".repeat(20);
    for round in 0..3 {
        let mut clients = Vec::new();
        clients.extend(besieged.attacked(|stream| send(stream, unfinished_head(15_000))).await);
        clients.extend(besieged.attacked(|stream| send(stream, documents.clone())).await);
        clients.extend(
            besieged
                .attacked(|stream| send(stream, unfinished_registration()))
                .await,
        );
        clients.extend(
            besieged
                .attacked(|stream| send(stream, unfinished_send(&mallory)))
                .await,
        );
        clients.extend(besieged.attacked(|stream| send(stream, fetches(&mallory))).await);
        is_served_soon(&besieged.relay, besieged.alone, request).await;
        let peak = peak_kib(besieged.relay.child.id());
        println!("round {round}: peak {} MiB", peak >> 10);
        assert!(peak <= MOST_TOGETHER_KIB, "{peak} KiB");
        drop(clients);
    }
}

/// Hellos that announce 65 KB and end before, in records of 16: one that is as long as it may be, and one that is longer.
#[tokio::test]
async fn handshakes_that_do_not_end_take_little_memory_and_hold_up_nobody() {
    let _alone = ALONE.lock().await;
    raise_limit();
    let dir = TempDir::new().unwrap();
    let mut command = Command::new(PROGRAM);
    command.arg("--tls-self-signed");
    let relay = Process::spawn(command, &dir.path().join("data"), "127.0.0.1:0");
    let address: SocketAddr = relay.url.trim_start_matches("https://").parse().unwrap();
    // A connection and a handshake for each request.
    let http = reqwest::Client::builder()
        .no_proxy()
        .tls_danger_accept_invalid_certs(true)
        .pool_max_idle_per_host(0)
        .build()
        .unwrap();
    let status = async |url: &str| {
        let status = http.get(format!("{url}/v1/status")).send().await.unwrap();
        assert_eq!(status.status(), 200);
    };
    let alone = served::alone(&relay, status).await;
    let mut clients = JoinSet::new();
    for size in [15_000, 60_000_usize] {
        let mut hello = vec![1, 0, 0xfd, 0xe8, 3, 3];
        hello.resize(size, b'a');
        let mut records = Vec::new();
        for part in hello.chunks(16_000) {
            records.extend([0x16, 3, 1]);
            records.extend(u16::try_from(part.len()).unwrap().to_be_bytes());
            records.extend(part);
        }
        for _ in 0..HOSTILE {
            let stream = TcpStream::connect(address).await.unwrap();
            clients.spawn(send(stream, records.clone()));
        }
    }
    let clients = clients.join_all().await;
    // Of what is before the relay's eyes by then all has been read: other handshakes were done.
    is_served_soon(&relay, alone, status).await;
    let peak = peak_kib(relay.child.id());
    println!("peak {} MiB", peak >> 10);
    assert!(peak <= MOST_HANDSHAKES_KIB, "{peak} KiB");
    drop(clients);
}

/// What filled a mailbox in three seconds: 278 of the largest envelopes, of each of two accounts at once. The relay runs as it does by default.
#[tokio::test]
async fn no_stranger_fills_a_mailbox() {
    const ENVELOPES: usize = 278;
    let _alone = ALONE.lock().await;
    let dir = TempDir::new().unwrap();
    let mut command = Command::new(PROGRAM);
    command.args(["--strangers", "50%"]);
    let relay = Process::spawn(command, &dir.path().join("data"), "127.0.0.1:0");
    let api = || Api {
        http: client(),
        url: relay.url.clone(),
    };
    let bob = User::register(api(), "bob").await;
    let token = random::<32>();
    let hash = serde_json::json!({ "token_hash": b64(Sha256::digest(token)) });
    bob.call(Method::PUT, "/v1/delivery-tokens", Some(hash)).await.ok();
    let friend = async || {
        let path = format!("/v1/messages?to=bob&id={}", Uuid::new_v4());
        let request = api().request(Method::POST, &path, None);
        let request = request
            .header("Latchkey-Delivery-Token", b64(token))
            .header("content-type", "application/octet-stream");
        answer(request.body(vec![8; 250 << 10])).await
    };
    let mut floods = JoinSet::new();
    for name in ["mallory", "eve"] {
        let mallory = User::register(api(), name).await;
        floods.spawn(async move {
            let mut stored = 0;
            for _ in 0..ENVELOPES {
                let answer = mallory.send("bob", Uuid::new_v4(), vec![7; 256 << 10]).await;
                match answer.status {
                    200 => stored += 1,
                    _ => drop(answer.refused(429, "rate_limited")),
                }
            }
            stored
        });
        friend().await.ok();
    }
    let stored: Vec<i32> = floods.join_all().await;
    assert!(stored.iter().all(|stored| (2..=4).contains(stored)), "{stored:?}");
    // A friend, and the next stranger.
    friend().await.ok();
    let carol = User::register(api(), "carol").await;
    carol.send("bob", Uuid::new_v4(), vec![9; 20_000]).await.ok();
    let refused = bob.inbox(serde_json::json!({})).await.ok()["refused_senders"].clone();
    let refused: Vec<_> = refused
        .as_array()
        .unwrap()
        .iter()
        .map(|sender| &sender["user"])
        .collect();
    assert!(refused.len() == 2 && !refused.contains(&&"carol".into()), "{refused:?}");
}
