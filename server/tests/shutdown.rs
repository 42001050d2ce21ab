//! A relay that is told to stop while ten thousand clients wait for mail: everybody gets an answer, and it is gone within five seconds.
#![cfg(unix)]
// Helpers of tests may panic like the tests themselves (clippy.toml exempts only the latter).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod process;

use std::{
    fs::File,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use process::{PROGRAM, Process};
use protocol::{Timestamp, address::UserName, prekey::PublishedSignedPreKey};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use server::{
    model::{BearerToken, Incarnation, MailboxId},
    store::{Registered, Registration, SignedPreKeyRow, Store as _, TokenRow, sqlite::Sqlite, waiters::Waiters},
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
/// What the relay lets a client wait at most.
const WAIT_SECONDS: u32 = 30;
/// Far more than it takes (two seconds where this was written): a loaded machine is not a failure.
const ALL_WAIT_WITHIN: Duration = Duration::from_secs(180);
/// How often it is asked whether they do.
const LOOK: Duration = Duration::from_millis(50);
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
    let possible = WAITING.min(usize::try_from(most.saturating_sub(OTHER_FILES)).unwrap_or(WAITING));
    if possible < WAITING {
        let why = format!("{possible} clients wait instead of {WAITING}: a process may have {most} files here");
        testkit::machine::lowered("connections", &why);
    }
    possible
}

/// Accounts that are signed in, straight into the store; their tokens.
async fn accounts(directory: &Path, count: usize) -> Vec<String> {
    let lock = File::create(directory.join("relay.lock")).unwrap();
    let store = Arc::new(Sqlite::open(directory, lock, None, Arc::new(Waiters::default())).unwrap());
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

fn is_empty_page(answer: &str) -> bool {
    answer.starts_with("HTTP/1.1 200") && answer.contains("\"envelopes\":[]")
}

/// How many inboxes the relay says are waiting.
async fn waiting_inboxes(metrics: &str) -> usize {
    let text = reqwest::get(metrics).await.unwrap().text().await.unwrap();
    let count = text
        .lines()
        .find_map(|line| line.strip_prefix("latchkey_waiting_inboxes "))
        .expect("the number is among the metrics");
    count.parse::<f64>().unwrap() as usize
}

/// Waits on a connection that has asked, and asks again when the time is over, as clients do; the last answer, empty if the connection ended instead.
async fn wait_for_mail(mut stream: TcpStream, token: String, stopping: Arc<AtomicBool>) -> String {
    loop {
        let said = answer(&mut stream).await;
        if stopping.load(Ordering::SeqCst) {
            return said;
        }
        assert!(is_empty_page(&said), "{said}");
        ask(&mut stream, &token, WAIT_SECONDS).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_waiting_inboxes_are_answered_and_the_relay_stops_within_five_seconds() {
    let waiting = possible();
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let tokens = accounts(&data, waiting.div_ceil(WAITS_A_MAILBOX)).await;
    let mut command = Command::new(PROGRAM);
    command.args(["--metrics-listen", "127.0.0.1:0"]);
    let mut relay = Process::spawn(command, &data, "127.0.0.1:0");
    // Several at a time, as they come back after a restart.
    let stopping = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for share in (0..waiting).collect::<Vec<_>>().chunks(waiting.div_ceil(AT_ONCE)) {
        let (address, stopping) = (relay.listen(), Arc::clone(&stopping));
        let share: Vec<String> = share.iter().map(|n| tokens[n / WAITS_A_MAILBOX].clone()).collect();
        clients.spawn(async move {
            let mut waits = JoinSet::new();
            for token in share {
                let mut stream = TcpStream::connect(&address).await.unwrap();
                ask(&mut stream, &token, WAIT_SECONDS).await;
                waits.spawn(wait_for_mail(stream, token, Arc::clone(&stopping)));
            }
            waits.join_all().await
        });
    }
    let metrics = relay.metrics.clone().expect("the relay shows its numbers");
    let all_wait = async {
        while waiting_inboxes(&metrics).await < waiting {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(ALL_WAIT_WITHIN, all_wait)
        .await
        .expect("the relay lets them in");

    let told = Instant::now();
    stopping.store(true, Ordering::SeqCst);
    relay.terminate();
    let answers: Vec<String> = clients.join_all().await.into_iter().flatten().collect();
    let status = tokio::task::spawn_blocking(move || relay.child.wait().unwrap())
        .await
        .unwrap();
    let took = told.elapsed();
    assert_eq!(answers.len(), waiting);
    // Who asked again at just this moment may find the relay gone, and comes back to the next. Who was waiting has an answer.
    let (answered, late): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| is_empty_page(answer));
    assert!(late.iter().all(String::is_empty), "{late:?}");
    assert!(
        late.len() <= waiting / 100,
        "{} of {waiting} without an answer",
        late.len()
    );
    assert!(status.success(), "{status}");
    assert!(took < STOPS_WITHIN, "{took:?} with {waiting} waits");
    println!(
        "{} waits were answered and the relay was gone after {took:?}",
        answered.len()
    );
}
