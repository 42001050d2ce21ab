//! The door.

use std::sync::atomic::{AtomicBool, AtomicU64};

use poem::{endpoint::make, http::StatusCode};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::oneshot,
    task::yield_now,
};

use super::*;

#[tokio::test]
async fn while_there_is_a_crowd_whoever_knocks_waits_and_is_served_afterwards() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (crowd, looked, open) = (
        Arc::new(AtomicBool::new(true)),
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicI64::new(0)),
    );
    let serving = Serving {
        endpoint: make(|_request| async { StatusCode::IM_A_TEAPOT }),
        thin: None,
        cross_origin: false,
        tls: None,
        patience: Patience::default(),
        places: Places::new(8, None),
        open: Arc::clone(&open),
        crowded: {
            let (crowd, looked) = (Arc::clone(&crowd), Arc::clone(&looked));
            Box::new(move || {
                looked.fetch_add(1, Ordering::Relaxed);
                crowd.load(Ordering::Relaxed)
            })
        },
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, serving, async { drop(stopped.await) }, PAUSE));

    let mut client = TcpStream::connect(address).await.unwrap();
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    // It was there at each of these looks.
    let before = looked.load(Ordering::Relaxed);
    while looked.load(Ordering::Relaxed) < before + 3 {
        yield_now().await;
    }
    assert_eq!(open.load(Ordering::Relaxed), 0);

    crowd.store(false, Ordering::Relaxed);
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 418"), "{answer}");

    // A crowd does not keep a relay from stopping.
    crowd.store(true, Ordering::Relaxed);
    drop(stop);
    timeout(Duration::from_secs(20), server).await.unwrap().unwrap();
}
