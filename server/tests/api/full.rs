//! A database at its limit, as its clients see it.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::common::*;

/// How long something may take that happens by itself.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(50);
const MOST: u64 = 4 << 20;
const LARGE: usize = 250 << 10;

/// Clearing makes room where there is none. That nothing can be noted of it in the audit log meanwhile is no failure, and it is noted when it can.
#[tokio::test]
async fn what_is_done_where_there_is_no_room_has_not_failed_and_is_in_the_audit_log_later() {
    let relay = TestRelay::start_with(|config| config.max_database = Some(MOST)).await;
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    // To the last page: by mail, then by rows.
    for size in [LARGE, 4000] {
        let mut sent = 0;
        while alice.send("bob", Uuid::new_v4(), vec![7; size]).await.status == 200 {
            sent += 1;
            assert!(sent < 1000, "there is no end to it");
        }
    }
    let mut put = 0;
    loop {
        let hash = json!({ "token_hash": b64(Sha256::digest(random::<32>())) });
        let answer = alice.call(Method::PUT, "/v1/delivery-tokens", Some(hash)).await;
        if answer.status != 200 {
            answer.refused(507, "storage_full");
            break;
        }
        put += 1;
        assert!(put < 4000, "there is no end to it");
    }
    let services = relay.running().services();
    let noted = async || services.totals().await.unwrap().audit.length;
    let before = noted().await;
    for _ in 0..3 {
        alice.call(Method::DELETE, "/v1/inbox", None).await.ok();
    }
    services.sweep().await.unwrap_err();
    assert_eq!(noted().await, before, "nothing of what is kept was used");

    let cleared = bob.call(Method::DELETE, "/v1/inbox", None).await.ok();
    assert!(cleared["deleted"].as_u64().unwrap() > 10, "{cleared}");
    let begun = Instant::now();
    while services.sweep().await.is_err() {
        assert!(begun.elapsed() < PATIENCE, "the log is never written");
        sleep(LOOK).await;
    }
    // What alice did three times is one record, with its count.
    assert_eq!(noted().await, before + 2);
}
