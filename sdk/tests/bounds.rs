//! What is at the other end need not be a relay: answers without end are not read to their end, and requests do not last for ever.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use latchkey_sdk::{Client, SdkError, Token, connect, types};
use uuid::Uuid;

/// What the kernel and the client may buffer beyond what was read.
const BUFFERS: u64 = 16 * 1024 * 1024;
/// How much is offered.
const OFFERED: u64 = 3 * 1024 * 1024 * 1024;

/// Answers everything with a body of three gigabytes.
struct Endless {
    addr: SocketAddr,
    written: Arc<AtomicU64>,
}

impl Endless {
    fn start(head: &'static str, chunked: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let written = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&written);
        thread::spawn(move || {
            for client in listener.incoming() {
                // The client hangs up: that is what is wanted.
                let _ = pour(client.unwrap(), head, chunked, &count);
            }
        });
        Self { addr, written }
    }
}

fn pour(mut client: TcpStream, head: &str, chunked: bool, written: &AtomicU64) -> std::io::Result<()> {
    let mut request = [0; 16 * 1024];
    let _ = client.read(&mut request)?;
    client.write_all(head.as_bytes())?;
    if chunked {
        client.write_all(b"transfer-encoding: chunked\r\n\r\n")?;
    } else {
        client.write_all(format!("content-length: {OFFERED}\r\n\r\n").as_bytes())?;
    }
    let piece = vec![b' '; 64 * 1024];
    while written.load(Ordering::SeqCst) < OFFERED {
        if chunked {
            client.write_all(b"10000\r\n")?;
        }
        client.write_all(&piece)?;
        if chunked {
            client.write_all(b"\r\n")?;
        }
        written.fetch_add(piece.len() as u64, Ordering::SeqCst);
    }
    Ok(())
}

async fn ask(client: &Client, operation: &str) -> Result<(), SdkError> {
    let inbox = types::InboxRequest {
        ack: None,
        wait_seconds: Some(0),
        limit: None,
        commit_counter: None,
    };
    let challenge = types::ChallengeRequest { user: "alice".into() };
    match operation {
        "status" => client.status().send().await.map(drop)?,
        "inbox" => client.inbox().body(inbox).send().await.map(drop)?,
        "challenge" => client.challenge().body(challenge).send().await.map(drop)?,
        "fetch_key" => client.fetch_key().user("bob").send().await.map(drop)?,
        "send" => client
            .send()
            .to("bob")
            .id(Uuid::nil())
            .body(vec![1])
            .send()
            .await
            .map(drop)?,
        other => panic!("{other}"),
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    for status in ["200 OK", "400 Bad Request"] {
        for chunked in [true, false] {
            let head: &'static str = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\n").leak();
            for operation in ["status", "inbox", "challenge", "fetch_key", "send"] {
                let endless = Endless::start(head, chunked);
                let client = connect(&format!("http://{}", endless.addr)).unwrap();
                client.session().sign_in(Token::from("abc".to_owned()));
                let refused = ask(&client, operation).await.unwrap_err();
                assert!(
                    matches!(refused, SdkError::TooLarge),
                    "{status} {operation}: {refused:?}"
                );
                assert!(!refused.is_transient() && !refused.action().is_empty());
                let written = endless.written.load(Ordering::SeqCst);
                assert!(written < BUFFERS, "{status} {operation}: {written} bytes");
            }
        }
    }
}
