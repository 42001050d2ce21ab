//! Connections: several requests on one, bodies that do not come, an end under way.

use std::time::Duration;

use server::config::Patience;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use uuid::Uuid;

use super::*;

#[tokio::test]
async fn a_connection_goes_on_and_requests_may_come_all_at_once() {
    let relay = TestRelay::start().await;
    let addr = relay.running().addr();
    let (alice, bob) = (known(&relay, "alice").await, relay.user("bob").await);
    let (open, last) = (kept_alive(&alice), once(&alice));
    let [plain, escaped] = spellings("bob");
    let mut all = Vec::new();
    for n in 0..20u8 {
        let to = if n % 3 == 0 { &escaped } else { &plain };
        let headers = if n == 19 { &last } else { &open };
        all.extend(post(&format!("to={to}&id={}", Uuid::new_v4()), headers, &vec![n; 3000]));
    }
    let said = exchange(addr, &all).await;
    assert_eq!(said.iter().map(|said| said.status).collect::<Vec<_>>(), [200; 20]);
    let kept: Vec<_> = bob.envelopes().await.iter().map(|body| (body[0], body.len())).collect();
    assert_eq!(kept, (0..20).map(|n| (n, 3000)).collect::<Vec<_>>(), "in their order");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_answered_alike_and_one_that_breaks_off_is_nothing() {
    let relay = TestRelay::start_with(|config| {
        config.patience = Patience {
            body: Duration::from_millis(300),
            ..Patience::default()
        };
    })
    .await;
    let addr = relay.running().addr();
    let (alice, bob) = (known(&relay, "alice").await, relay.user("bob").await);
    let headers = kept_alive(&alice);
    let ask = |to: &str, id: Uuid| {
        let mut bytes = post(&format!("to={to}&id={id}"), &headers, ENVELOPE);
        bytes.truncate(bytes.len() - 1);
        bytes
    };
    let said = both(addr, "slow", "bob", ask).await;
    assert_eq!((said.len(), said[0].status), (1, 400), "{said:?}");

    for to in spellings("bob") {
        let mut socket = TcpStream::connect(addr).await.unwrap();
        socket.write_all(&ask(&to, Uuid::new_v4())).await.unwrap();
        socket.shutdown().await.unwrap();
        let mut text = Vec::new();
        let _ = timeout(AGES, socket.read_to_end(&mut text))
            .await
            .expect("never closed");
        assert!(!String::from_utf8_lossy(&text).contains("200 OK"));
    }
    // One that comes in two pieces, in time, is as good as another.
    let (mut socket, bytes) = (
        TcpStream::connect(addr).await.unwrap(),
        post(
            &format!("to=bob&id={}", Uuid::new_v4()),
            &format!("{headers}{CLOSE}"),
            ENVELOPE,
        ),
    );
    let (first, second) = bytes.split_at(bytes.len() - 5);
    socket.write_all(first).await.unwrap();
    socket.flush().await.unwrap();
    tokio::task::yield_now().await;
    socket.write_all(second).await.unwrap();
    assert!(rest_of(&mut socket).await.starts_with("HTTP/1.1 200"));
    assert_eq!(bob.envelopes().await, [ENVELOPE]);
}

#[tokio::test]
async fn both_ways_are_counted_and_logged_as_one_operation() {
    let relay = TestRelay::start().await;
    let addr = relay.running().addr();
    let alice = known(&relay, "alice").await;
    let headers = once(&alice);
    let ask = |to: &str, id: Uuid| post(&format!("to={to}&id={id}"), &headers, ENVELOPE);
    both(addr, "good", "alice", ask).await;
    both(addr, "bad", "nobody", ask).await;
    let metrics = relay.running().services().metrics();
    let send = metrics.requests().iter().find(|of| of.operation == "send").unwrap();
    let counts = send
        .answers
        .each_ref()
        .map(|count| count.load(std::sync::atomic::Ordering::Relaxed));
    assert_eq!(counts, [2, 0, 2, 0]);
    assert_eq!(send.seconds.read().count, 4);
}

#[tokio::test]
async fn a_send_under_way_is_finished_when_the_relay_stops() {
    let mut relay = TestRelay::start().await;
    let addr = relay.running().addr();
    let alice = known(&relay, "alice").await;
    let headers = kept_alive(&alice);
    let mut asked = Vec::new();
    for to in spellings("alice") {
        let bytes = post(&format!("to={to}&id={}", Uuid::new_v4()), &headers, ENVELOPE);
        let (first, second) = bytes.split_at(bytes.len() - 5);
        let mut socket = TcpStream::connect(addr).await.unwrap();
        socket.write_all(first).await.unwrap();
        asked.push((socket, second.to_vec()));
    }
    // Connections are served in their order on this one thread: whoever is answered now came after them.
    relay.status().await;
    let stopping = tokio::spawn(relay.relay.take().unwrap().shutdown());
    let refused = async {
        while TcpStream::connect(addr).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(AGES, refused).await.expect("it does not stop");
    for (mut socket, rest) in asked {
        socket.write_all(&rest).await.unwrap();
        assert!(rest_of(&mut socket).await.starts_with("HTTP/1.1 200"));
    }
    timeout(AGES, stopping).await.expect("it does not stop").unwrap();
}

/// Everything until the relay closes the connection.
async fn rest_of(socket: &mut TcpStream) -> String {
    let mut text = Vec::new();
    timeout(AGES, socket.read_to_end(&mut text))
        .await
        .expect("never closed")
        .unwrap();
    String::from_utf8_lossy(&text).into_owned()
}
