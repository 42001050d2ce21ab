//! Slow clients: each part of a request has its time, and one that hangs costs nobody else anything.

use std::{sync::atomic::Ordering, time::Duration};

use server::{config::Patience, tls::TlsSource};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout},
};
use uuid::Uuid;

use crate::common::*;

const SHORT: Duration = Duration::from_millis(300);
/// What is bounded by `SHORT` is over long before this, on however busy a machine.
const AGES: Duration = Duration::from_secs(20);

/// Everything until the relay closes.
async fn rest(socket: &mut TcpStream) -> String {
    let mut text = Vec::new();
    // A reset is a close too.
    let _ = timeout(AGES, socket.read_to_end(&mut text))
        .await
        .expect("it was never closed");
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn a_head_that_trickles_in_is_cut_off() {
    let relay = TestRelay::start_with(|config| config.patience.head = SHORT).await;
    let mut slow = TcpStream::connect(relay.running().addr()).await.unwrap();
    slow.write_all(b"GET /v1/status HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        .await
        .unwrap();
    let (mut reader, mut writer) = slow.into_split();
    // A byte now and then: each comes in time, the head as a whole does not.
    let trickle = tokio::spawn(async move {
        while writer.write_all(b"a").await.is_ok() {
            tokio::time::sleep(SHORT / 6).await;
        }
    });
    let begun = Instant::now();
    let mut text = Vec::new();
    let _ = timeout(AGES, reader.read_to_end(&mut text))
        .await
        .expect("it was never closed");
    assert!(begun.elapsed() < AGES);
    assert!(!String::from_utf8_lossy(&text).contains("200 OK"));
    trickle.await.unwrap();
    relay.status().await;
}

#[tokio::test]
async fn a_body_that_does_not_come_is_answered_and_others_are_served_meanwhile() {
    let relay = TestRelay::start_with(|config| config.patience.body = SHORT).await;
    let mut slow = TcpStream::connect(relay.running().addr()).await.unwrap();
    let head = format!(
        "POST /v1/session/challenge HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{{\"us",
        relay.running().addr()
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    relay.status().await;
    let mut answer = vec![0; 12];
    timeout(AGES, slow.read_exact(&mut answer))
        .await
        .expect("no answer")
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 400");
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_given_up() {
    let relay = TestRelay::start_with(|config| config.patience.write = SHORT).await;
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    for _ in 0..3 {
        alice.send("bob", Uuid::new_v4(), vec![7; 250 * 1024]).await.ok();
    }
    let mut slow = TcpStream::connect(relay.running().addr()).await.unwrap();
    let request = format!(
        "POST /v1/inbox HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}",
        relay.running().addr(),
        bob.token
    );
    // Asks again and again and never reads: at some point no more is taken, and then the relay closes, which is an error here.
    let ask = async { while slow.write_all(request.as_bytes()).await.is_ok() {} };
    timeout(AGES, ask).await.expect("the relay waits for ever");
    assert_eq!(bob.envelopes().await.len(), 3, "his mail is still there");
}

#[tokio::test]
async fn a_handshake_that_hangs_is_cut_off_and_holds_up_nobody() {
    let relay = TestRelay::start_with(|config| {
        config.tls = Some(TlsSource::SelfSigned);
        config.patience = Patience {
            handshake: SHORT,
            ..Patience::default()
        };
    })
    .await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(relay.running().addr()).await.unwrap());
    }
    let http = reqwest::Client::builder()
        .no_proxy()
        .tls_danger_accept_invalid_certs(true)
        .build()
        .unwrap();
    let status = http
        .get(format!("{}/v1/status", relay.running().url()))
        .send()
        .await
        .unwrap();
    assert_eq!(status.status(), 200);
    for mut socket in silent {
        assert_eq!(rest(&mut socket).await, "");
    }
    // Plain HTTP on a TLS port is no way in.
    let mut plain = TcpStream::connect(relay.running().addr()).await.unwrap();
    plain
        .write_all(b"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    assert!(!rest(&mut plain).await.contains("200"));
}

/// Not a slow client but a slow store: while it has many reads to answer, who comes waits at the door, and is let in when nobody was for two milliseconds.
#[tokio::test]
async fn few_are_let_in_while_the_store_has_many_reads_to_answer() {
    const MANY: u64 = 1000;
    const PAUSE: Duration = Duration::from_millis(2);
    const CLIENTS: u32 = 200;
    let relay = TestRelay::start().await;
    let reading = &relay.running().services().activity().unwrap().reading;
    reading.fetch_add(MANY, Ordering::Relaxed);
    let mut clients = Vec::new();
    let begun = Instant::now();
    for _ in 0..CLIENTS {
        let mut client = TcpStream::connect(relay.running().addr()).await.unwrap();
        client
            .write_all(b"GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .await
            .unwrap();
        clients.push(client);
    }
    for mut client in clients {
        assert!(rest(&mut client).await.starts_with("HTTP/1.1 200"));
    }
    assert!(begun.elapsed() >= PAUSE * (CLIENTS - 1), "they did not wait");
    reading.fetch_sub(MANY, Ordering::Relaxed);
}

/// A client, or a proxy in between, that is in the middle of its body looks for no answer; on a connection that is closed under it, it never sees one.
#[tokio::test]
async fn a_refusal_is_seen_by_who_is_still_sending() {
    let limited = |config: &mut server::Config| config.rates.account = server::service::rates::Rate::parse("2/d");
    for (path, kind, status) in [
        ("/v1/keys", "application/json", "401 "),
        ("/v1/nothing", "application/json", "404 "),
        (
            "/v1/messages?to=alice&id=00000000-0000-4000-8000-000000000001",
            "application/octet-stream",
            "429 ",
        ),
    ] {
        let relay = TestRelay::start_with(limited).await;
        let alice = relay.user("alice").await;
        // Now the short way of sends knows her, and she has asked enough.
        for _ in 0..2 {
            alice.envelopes().await;
        }
        let token = if status == "429 " { alice.token.as_str() } else { "x" };
        let mut socket = TcpStream::connect(relay.running().addr()).await.unwrap();
        let method = if path == "/v1/keys" { "PUT" } else { "POST" };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: {kind}\r\nContent-Length: 10000\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut said = vec![0; 1 << 16];
        let mut length = match timeout(SHORT, socket.read(&mut said)).await {
            Ok(read) => read.unwrap(),
            Err(_) => 0,
        };
        socket.write_all(&[b'x'; 10_000]).await.unwrap();
        let next = "GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        socket.write_all(next.as_bytes()).await.unwrap();
        loop {
            let read = timeout(AGES, socket.read(&mut said[length..]))
                .await
                .expect("an answer");
            match read.unwrap() {
                0 => break,
                read => length += read,
            }
        }
        let said = String::from_utf8_lossy(&said[..length]);
        let lines: Vec<_> = said.lines().filter_map(|line| line.split_once("HTTP/1.1 ")).collect();
        assert_eq!(lines.len(), 2, "{path}: {said}");
        assert!(
            lines[0].1.starts_with(status) && lines[1].1.starts_with("200 "),
            "{path}: {said}"
        );
    }
}
