//! Connections and open files that run short: idle clients make room for others.

use std::{net::SocketAddr, process::Command};

use reqwest::Method;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout},
};
use uuid::Uuid;

use crate::{
    ALONE, GIVE_UP, LOOK,
    common::*,
    process::{PROGRAM, Process},
    served::{REQUESTS, alone, is_served_soon, request},
};

/// Starts the relay with so many open files at most, of which few at first.
fn with_open_files(most: usize) -> Command {
    let mut command = Command::new("/bin/sh");
    let script = format!("ulimit -Sn 64 && ulimit -Hn {most} && exec \"$0\" \"$@\"");
    command.args(["-c", &script, PROGRAM, "--metrics-listen", "127.0.0.1:0"]);
    command
}

/// Connections for which there are no places or no open files: the idle ones make room.
#[tokio::test]
async fn idle_connections_shut_out_nobody() {
    const OPEN_FILES: usize = 400;
    let _alone = ALONE.lock().await;
    let dir = TempDir::new().unwrap();
    let log = dir.path().join("log");
    let mut command = with_open_files(OPEN_FILES);
    command.stderr(std::fs::File::create(&log).unwrap());
    let relay = Process::spawn(command, &dir.path().join("data"), "127.0.0.1:0");
    let address: SocketAddr = relay.listen().parse().unwrap();
    let api = |http| Api {
        http,
        url: relay.url.clone(),
    };
    // One that has shown its session on a connection that it keeps, and waits for mail on another.
    let alice = User::register(api(client()), "alice").await;
    alice.inbox(serde_json::json!({})).await.ok();
    let waiting = tokio::spawn({
        let (api, token) = (api(client()), alice.token.clone());
        async move {
            let body = serde_json::json!({ "wait_seconds": 30 });
            api.call(Method::POST, "/v1/inbox", Some(&token), Some(body)).await
        }
    });
    let metrics = relay.metrics.clone().unwrap();
    let waits = async || {
        let text = client().get(&metrics).send().await.unwrap().text().await.unwrap();
        let count = text
            .lines()
            .find_map(|line| line.strip_prefix("latchkey_waiting_inboxes "));
        count.unwrap().parse::<f64>().unwrap() >= 1.0
    };
    let begun = Instant::now();
    while !waits().await {
        assert!(begun.elapsed() < GIVE_UP, "she never waits");
        tokio::time::sleep(LOOK).await;
    }
    let health = relay.metrics.clone().unwrap().replace("/metrics", "/readyz");
    let alone_takes = alone(&relay, request).await;
    let mut idle = Vec::new();
    for _ in 0..OPEN_FILES * 3 {
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    // Somebody new, the operator, somebody with an account on the connection that was there before, and who waits.
    is_served_soon(&relay, alone_takes, request).await;
    assert_eq!(client().get(&health).send().await.unwrap().status(), 200);
    alice.send("alice", Uuid::new_v4(), b"mail".to_vec()).await.ok();
    assert_eq!(bodies(&waiting.await.unwrap().ok()), [b"mail"]);
    // It says so, and not for each of them.
    let said = std::fs::read_to_string(&log).unwrap();
    assert!(said.contains("all connections are in use"), "{said}");
    assert!(said.lines().count() < 5, "{said}");
    drop(idle);
}

/// Sends a whole message, by which its sender is known, and of the next one a byte. None when there was no place.
async fn stop_in_the_second_message(address: SocketAddr, shown: String) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = || {
        format!(
            "POST /v1/messages?to=mallory&id={} HTTP/1.1\r\nHost: x\r\n{shown}\r\nContent-Type: application/octet-stream\r\nContent-Length: 300\r\n\r\n",
            Uuid::new_v4()
        )
    };
    let _ = stream.write_all((head() + &"a".repeat(300)).as_bytes()).await;
    let answer = timeout(GIVE_UP, stream.read(&mut [0; 1024])).await.unwrap();
    answer.ok().filter(|bytes| *bytes > 0)?;
    stream.write_all((head() + "a").as_bytes()).await.ok()?;
    // An attacker takes the time until the relay has read it; before that the connection idles, and makes room.
    tokio::time::sleep(LOOK).await;
    Some(stream)
}

/// Whether a client that comes anew is answered.
async fn is_served(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address).await else {
        return false;
    };
    let request = b"GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let mut answer = String::new();
    stream.write_all(request).await.is_ok()
        && stream.read_to_string(&mut answer).await.is_ok()
        && answer.starts_with("HTTP/1.1 200")
}

/// An account has thousands of delivery tokens of its own mailbox, and a request may take two minutes. Neither keeps places from others: what one mailbox's tokens spare they
/// share, and who has many accounts keeps no place by requests that stop.
#[tokio::test]
async fn tokens_of_one_account_and_requests_that_stop_shut_out_nobody() {
    const PLACES: usize = 60;
    const TOKENS: usize = 8;
    const ACCOUNTS: usize = 4;
    let _alone = ALONE.lock().await;
    let dir = TempDir::new().unwrap();
    let mut command = Command::new(PROGRAM);
    command.args(["--connections", &PLACES.to_string()]);
    let relay = Process::spawn(command, &dir.path().join("data"), "127.0.0.1:0");
    let address: SocketAddr = relay.listen().parse().unwrap();
    let api = || Api {
        http: client(),
        url: relay.url.clone(),
    };
    let (alice, mallory) = (
        User::register(api(), "alice").await,
        User::register(api(), "mallory").await,
    );
    let tokens: Vec<_> = (0..TOKENS).map(|_| random::<32>()).collect();
    for token in &tokens {
        let hash = serde_json::json!({ "token_hash": b64(Sha256::digest(token)) });
        mallory.call(Method::PUT, "/v1/delivery-tokens", Some(hash)).await.ok();
    }
    // The first message of each is looked up; by those that follow its connection is known.
    for token in &tokens {
        drop(stop_in_the_second_message(address, format!("Latchkey-Delivery-Token: {}", b64(token))).await);
    }
    let mut stopped = Vec::new();
    for n in 0..PLACES * 2 {
        let token = b64(tokens[n % TOKENS]);
        let Some(stream) = stop_in_the_second_message(address, format!("Latchkey-Delivery-Token: {token}")).await
        else {
            // All places are theirs, for as long as they keep them.
            break;
        };
        stopped.push(stream);
    }
    for _ in 0..REQUESTS {
        assert!(is_served(address).await, "shut out by tokens of one account");
    }
    let alice = User { api: api(), ..alice };
    alice.inbox(serde_json::json!({})).await.ok();
    // With as many accounts as that takes, all places are theirs, but only for as long as requests may make no headway: a part of what a body may take.
    let mut accounts = Vec::new();
    for n in 0..ACCOUNTS {
        accounts.push(User::register(api(), &format!("mallory-{n}")).await);
    }
    // Nothing moves on this one either, and it stays: its request is here, and the relay is to wait.
    let waiting = tokio::spawn(async move { alice.inbox(serde_json::json!({ "wait_seconds": 30 })).await });
    for user in &accounts {
        for _ in 0..16 {
            stopped.extend(stop_in_the_second_message(address, format!("Authorization: Bearer {}", user.token)).await);
        }
    }
    let begun = Instant::now();
    while !is_served(address).await {
        assert!(begun.elapsed() < GIVE_UP, "shut out by requests that stop");
        tokio::time::sleep(LOOK).await;
    }
    drop(stopped);
    mallory.send("alice", Uuid::new_v4(), b"mail".to_vec()).await.ok();
    waiting.await.unwrap().ok();
}

#[tokio::test]
async fn the_limit_of_open_files_is_raised_as_far_as_it_may() {
    let dir = TempDir::new().unwrap();
    let relay = Process::spawn(with_open_files(3000), &dir.path().join("data"), "127.0.0.1:0");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", relay.child.id())).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let numbers: Vec<_> = files.split_whitespace().skip(3).take(2).collect();
    assert_eq!(numbers, ["3000", "3000"]);
}
