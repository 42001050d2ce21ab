//! A line carries what is asked and answered, and shows it; what it is told to leave unanswered is left so, and nothing else.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::time::Duration;

use testkit::disk::contains;
use testkit::line::Line;
use testkit::relay::TestRelay;
use testkit::wait::eventually;

#[tokio::test]
async fn a_line_records_falls_silent_where_it_is_told_to_and_is_cut() {
    let mut relay = TestRelay::start().await;
    let line = Line::to(relay.addr()).await;
    let client = sdk::connect(&line.url()).unwrap();
    line.record();
    client.status().send().await.unwrap();
    let went = line.recorded();
    assert!(contains(&went, b"GET /v1/status HTTP/1.1") && contains(&went, b"HTTP/1.1 200"));

    line.swallow("GET /v1/relay-key");
    let asked = tokio::spawn({
        let client = client.clone();
        async move { client.relay_key().send().await.map(drop) }
    });
    eventually("the key is asked for", || line.has_taken("GET /v1/relay-key")).await;
    client.status().send().await.unwrap();
    assert!(!asked.is_finished(), "nothing comes back");
    asked.abort();
    // The first request behind which nothing is answered any more.
    let line = Line::to(relay.addr()).await;
    let client = sdk::connect(&line.url()).unwrap();
    line.silence_at("GET /v1/status");
    client.relay_key().send().await.unwrap();
    assert!(!line.is_silent());
    let asked = tokio::spawn({
        let client = client.clone();
        async move { client.status().send().await.map(drop) }
    });
    eventually("the status is asked for", || line.is_silent()).await;
    asked.abort();
    line.silence(false);
    client.status().send().await.unwrap();

    // The line stays where it is, and the relay moves.
    relay.restart().await;
    line.connect_to(relay.addr());
    client.status().send().await.unwrap();
    line.cut();
    let cut = tokio::time::timeout(Duration::from_secs(60), client.status().send()).await;
    assert!(cut.unwrap().is_err());
}
