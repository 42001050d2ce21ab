//! Waiting for mail, and clients that go away.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use uuid::Uuid;

use crate::{ENVELOPE, common::*};

#[tokio::test]
async fn a_waiting_inbox_gets_its_mail_at_once() {
    let relay = TestRelay::start().await;
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    let services = relay.running().services().clone();
    let waiting = tokio::spawn(async move { bob.inbox(json!({ "wait_seconds": 30 })).await.ok() });
    eventually("bob waits", || services.mailboxes.waiting() == 1).await;
    let sent = std::time::Instant::now();
    alice.send("bob", Uuid::new_v4(), ENVELOPE).await.ok();
    assert_eq!(bodies(&waiting.await.unwrap()), [ENVELOPE]);
    assert!(
        sent.elapsed() < Duration::from_secs(15),
        "it waited for its time instead of its mail"
    );
    assert_eq!(services.mailboxes.waiting(), 0);
}

#[tokio::test]
async fn a_wait_ends_empty_when_its_time_is_over() {
    let relay = TestRelay::start().await;
    let bob = relay.user("bob").await;
    let begun = std::time::Instant::now();
    assert!(bodies(&bob.inbox(json!({ "wait_seconds": 1 })).await.ok()).is_empty());
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_wait_ends_when_its_client_is_gone_and_waits_are_bounded() {
    let relay = TestRelay::start().await;
    let bob = std::sync::Arc::new(relay.user("bob").await);
    let services = relay.running().services().clone();
    let waits: Vec<_> = (0..4)
        .map(|_| {
            let bob = bob.clone();
            tokio::spawn(async move { bob.inbox(json!({ "wait_seconds": 30 })).await })
        })
        .collect();
    eventually("four wait", || services.mailboxes.waiting() == 4).await;
    bob.inbox(json!({ "wait_seconds": 30 })).await.refused(503, "busy");
    for wait in waits {
        wait.abort();
    }
    eventually("nobody waits", || services.mailboxes.waiting() == 0).await;
}

#[tokio::test]
async fn a_waiting_inbox_does_not_hold_up_the_end() {
    let mut relay = TestRelay::start().await;
    let bob = relay.user("bob").await;
    let services = relay.running().services().clone();
    let waiting = tokio::spawn(async move { bob.inbox(json!({ "wait_seconds": 30 })).await.ok() });
    eventually("bob waits", || services.mailboxes.waiting() == 1).await;
    drop(services);
    let begun = std::time::Instant::now();
    relay.relay.take().unwrap().shutdown().await;
    assert!(
        begun.elapsed() < Duration::from_secs(9),
        "it waited for the grace period"
    );
    assert!(bodies(&waiting.await.unwrap()).is_empty());
}

#[tokio::test]
async fn a_client_that_disconnects_while_receiving_keeps_its_mail() {
    let relay = TestRelay::start().await;
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    let sent: Vec<Vec<u8>> = (0..3u8).map(|i| vec![i; 200 * 1024]).collect();
    for body in &sent {
        alice.send("bob", Uuid::new_v4(), body.clone()).await.ok();
    }
    for read in [0, 1, 1000, 100_000] {
        let mut socket = tokio::net::TcpStream::connect(relay.running().addr()).await.unwrap();
        let body = "{}";
        let request = format!(
            "POST /v1/inbox HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            relay.running().addr(),
            bob.token,
            body.len(),
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        if read > 0 {
            socket.read_exact(&mut vec![0; read]).await.unwrap();
        }
        // Dropped in the middle of the answer.
    }
    assert_eq!(bob.envelopes().await, sent);
}
