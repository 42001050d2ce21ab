//! A relay that is told to stop while ten thousand clients wait for mail: everybody gets an answer, and it is gone within five seconds.
#![cfg(unix)]
// Helpers of tests may panic like the tests themselves (clippy.toml exempts only the latter).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod process;

use std::{
    fs::File,
    path::Path,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use process::Process;
use protocol::{Timestamp, address::UserName, prekey::PublishedSignedPreKey};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use server::{
    model::{BearerToken, Incarnation, MailboxId},
    store::{Registered, Registration, SignedPreKeyRow, Store as _, TokenRow, sqlite::Sqlite, wakes::Wakes},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};
use uuid::Uuid;
use zeroize::Zeroizing;

const WAITING: usize = 10_000;
/// What a mailbox allows at once.
const WAITS_A_MAILBOX: usize = 4;
/// What else a process has open.
const OTHER_FILES: u64 = 500;
/// Connections that are made at the same time.
const AT_ONCE: usize = 32;
/// What the relay lets a client wait.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// What systemd and patience allow.
const STOPS_WITHIN: Duration = Duration::from_secs(5);

/// How many waits there can be: a connection is a file at either end. The soft limit is raised to the hard one.
fn possible() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    )
    .unwrap();
    WAITING.min(usize::try_from(most.saturating_sub(OTHER_FILES)).unwrap_or(WAITING))
}

/// Accounts that are signed in, straight into the store; their tokens.
async fn accounts(directory: &Path, count: usize) -> Vec<String> {
    let lock = File::create(directory.join("relay.lock")).unwrap();
    let store = Arc::new(Sqlite::open(directory, lock, None, Arc::new(Wakes::default())).unwrap());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = Timestamp::from_millis(now.as_millis().try_into().unwrap());
    let mut verbs = JoinSet::new();
    let mut tokens = Vec::new();
    for n in 0..count {
        let user = UserName::parse(&format!("u{n}")).unwrap();
        let mailbox = MailboxId::of(&user);
        let token = BearerToken::new(mailbox, Zeroizing::new([n as u8; 32]));
        tokens.push(token.reveal());
        let registration = Registration {
            mailbox,
            user,
            identity_key: vec![1; 2624],
            signed_prekey: SignedPreKeyRow {
                id: 1,
                seq: 1,
                expires: now.plus(Duration::from_secs(86_400)),
                published: PublishedSignedPreKey {
                    payload: vec![2; 1700],
                    signature: vec![3; 4691],
                },
            },
            batch: None,
            max_one_time: 0,
            token: TokenRow {
                hash: token.hash(),
                expires: now.plus(Duration::from_secs(86_400)),
            },
            incarnation: Incarnation(Uuid::new_v4()),
            now,
        };
        let store = Arc::clone(&store);
        verbs.spawn(async move { store.register(registration).await.unwrap() == Registered::Done });
        if verbs.len() >= 256 {
            assert!(verbs.join_next().await.unwrap().unwrap());
        }
    }
    assert!(verbs.join_all().await.into_iter().all(|done| done));
    tokens
}

async fn ask(stream: &mut TcpStream, token: &str, seconds: u32) {
    let body = format!("{{\"wait_seconds\":{seconds}}}");
    let request = format!(
        "POST /v1/inbox HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
}

/// What is answered, as far as it came.
async fn answer(stream: &mut TcpStream) -> String {
    let mut bytes = [0; 1024];
    let mut count = 0;
    while count < bytes.len() {
        match stream.read(&mut bytes[count..]).await {
            Ok(0) | Err(_) => break,
            Ok(more) => count += more,
        }
        if bytes[..count].ends_with(b"}") {
            break;
        }
    }
    String::from_utf8_lossy(&bytes[..count]).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_waiting_inboxes_are_answered_and_the_relay_stops_within_five_seconds() {
    let waiting = possible();
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let tokens = accounts(&data, waiting.div_ceil(WAITS_A_MAILBOX)).await;
    let mut relay = Process::start(&data, "127.0.0.1:0");
    // Several at a time: all are to wait before the first has waited for half a minute.
    let mut asked = JoinSet::new();
    for first in 0..AT_ONCE {
        let (address, tokens) = (relay.listen(), tokens.clone());
        asked.spawn(async move {
            let mut streams = Vec::new();
            for n in (first..waiting).step_by(AT_ONCE) {
                let mut stream = TcpStream::connect(&address).await.unwrap();
                ask(&mut stream, &tokens[n / WAITS_A_MAILBOX], 30).await;
                streams.push(stream);
            }
            streams
        });
    }
    let streams: Vec<TcpStream> = asked.join_all().await.into_iter().flatten().collect();
    let begun = Instant::now();
    // Four wait on a mailbox exactly when a fifth is told that the place is taken. The last mailbox may have fewer.
    let full = waiting / WAITS_A_MAILBOX;
    let mut fifth = TcpStream::connect(relay.listen()).await.unwrap();
    for token in &tokens[..full] {
        loop {
            ask(&mut fifth, token, 1).await;
            let said = answer(&mut fifth).await;
            if said.contains("\"busy\"") {
                break;
            }
            assert!(said.starts_with("HTTP/1.1 200"), "{said}");
            assert!(
                begun.elapsed() < LONGEST_WAIT,
                "the machine is too slow: the first waits are over"
            );
        }
    }
    drop(fifth);

    let told = Instant::now();
    relay.terminate();
    let mut answered = JoinSet::new();
    for mut stream in streams {
        answered.spawn(async move { answer(&mut stream).await });
    }
    let answers = answered.join_all().await;
    let status = tokio::task::spawn_blocking(move || relay.child.wait().unwrap())
        .await
        .unwrap();
    let took = told.elapsed();
    let empty = |answer: &&String| answer.starts_with("HTTP/1.1 200") && answer.contains("\"envelopes\":[]");
    assert_eq!(
        answers.iter().filter(empty).count(),
        waiting,
        "{:?}",
        answers.iter().find(|a| !empty(a))
    );
    assert!(status.success(), "{status}");
    assert!(took < STOPS_WITHIN, "{took:?} with {waiting} waits");
    println!("{waiting} waits were answered and the relay was gone after {took:?}");
}
