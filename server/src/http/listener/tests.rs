//! The door.

use std::{io::Write as _, sync::atomic::AtomicU64};

use poem::{endpoint::make, http::StatusCode};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::{mpsc, oneshot},
    task::yield_now,
};

use super::*;

/// What a door is tried with.
fn serving<E>(endpoint: E, crowded: impl Fn() -> bool + Send + Sync + 'static) -> Serving<E> {
    Serving {
        endpoint,
        thin: None,
        cross_origin: false,
        tls: None,
        patience: Patience::default(),
        places: Places::new(64, None),
        open: Arc::default(),
        crowded: Box::new(crowded),
    }
}

/// How long something may take that happens.
const PATIENCE: Duration = Duration::from_secs(20);
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

async fn is_answered(client: &mut TcpStream) {
    let mut answer = String::new();
    timeout(PATIENCE, client.read_to_string(&mut answer))
        .await
        .expect("an answer")
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 418"), "{answer}");
}

/// The crowd never ends: clients that ask without end are one.
#[tokio::test]
async fn while_there_is_a_crowd_whoever_knocks_waits_and_is_let_in_all_the_same() {
    const CLIENTS: u32 = 50;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = serving(make(|_request| async { StatusCode::IM_A_TEAPOT }), || true);
    let (stop, stopped) = oneshot::channel::<()>();
    let begun = Instant::now();
    let server = tokio::spawn(serve(listener, serving, async { drop(stopped.await) }, PAUSE));
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(REQUEST).await.unwrap();
        clients.push(client);
    }
    // One after the other, with a pause before each.
    for mut client in clients {
        is_answered(&mut client).await;
    }
    assert!(begun.elapsed() >= AT_LEAST_EVERY * CLIENTS, "they did not wait");

    // A crowd does not keep a relay from stopping.
    drop(stop);
    timeout(PATIENCE, server).await.unwrap().unwrap();
}

/// How long that takes, by a clock that goes on only when all that there is to do is done: no machine is too slow for it, and no longer than the documents say.
#[tokio::test(start_paused = true)]
async fn while_there_is_a_crowd_one_is_let_in_every_two_milliseconds() {
    const CLIENTS: usize = 50;
    const EVERY: Duration = Duration::from_millis(2);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, mut told) = mpsc::unbounded_channel();
    let endpoint = make(move |_request| {
        let tell = tell.clone();
        async move {
            tell.send(Instant::now()).unwrap();
            StatusCode::IM_A_TEAPOT
        }
    });
    // All of them are in the system's queue, with their requests, before the first is let in.
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let mut client = std::net::TcpStream::connect(address).unwrap();
            client.write_all(REQUEST).unwrap();
            client
        })
        .collect();
    let (stop, stopped) = oneshot::channel::<()>();
    let mut last = Instant::now();
    let server = tokio::spawn(serve(
        listener,
        serving(endpoint, || true),
        async { drop(stopped.await) },
        PAUSE,
    ));
    for n in 0..CLIENTS {
        let let_in = told.recv().await.unwrap();
        assert_eq!(let_in - last, EVERY, "client {n}");
        last = let_in;
    }
    drop((stop, clients));
    server.await.unwrap();
}

/// Of requests that are sent ahead each waits for its turn: the connection goes behind all others before the next one begins.
#[tokio::test]
async fn of_requests_that_are_sent_ahead_one_begins_at_a_time() {
    const AHEAD: usize = 10;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // On this one thread nothing else runs while a connection is taken up: who has had as many turns as requests were answered was let in before each.
    let answered = Arc::new(AtomicU64::new(0));
    let endpoint = {
        let answered = Arc::clone(&answered);
        make(move |_request| {
            answered.fetch_add(1, Ordering::Relaxed);
            async { StatusCode::IM_A_TEAPOT }
        })
    };
    let serving = serving(endpoint, || false);
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, serving, async { drop(stopped.await) }, PAUSE));
    let mut client = TcpStream::connect(address).await.unwrap();
    client
        .write_all(&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(AHEAD))
        .await
        .unwrap();
    let (mut seen, mut most) = (0, 0);
    let all = u64::try_from(AHEAD).unwrap();
    let begun = Instant::now();
    while seen < all {
        assert!(begun.elapsed() < PATIENCE, "{seen} were answered");
        yield_now().await;
        let now = answered.load(Ordering::Relaxed);
        most = most.max(now - seen);
        seen = now;
    }
    assert_eq!(most, 1, "requests in one turn");
    drop((stop, client));
    timeout(PATIENCE, server).await.unwrap().unwrap();
}
