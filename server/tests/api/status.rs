//! What status shows to everybody: nothing of what anybody does.

use std::{sync::Arc, time::Duration};

use protocol::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use server::service::{StatusRule, public_status::SHOWN_FOR};
use uuid::Uuid;

use crate::{ENVELOPE, common::*};

/// All that anyone can see, but the time of day.
async fn shown(relay: &TestRelay) -> (Value, Value, String) {
    let mut status = relay.status().await;
    let page = async |path| relay.api().request(Method::GET, path, None).send().await.unwrap();
    let mut again: Value = page("/status").await.json().await.unwrap();
    for status in [&mut status, &mut again] {
        assert!(status.as_object_mut().unwrap().remove("time").is_some());
    }
    // After a restart the relay has another port.
    let page = page("/").await.text().await.unwrap();
    (status, again, page.replace(&relay.url(), "URL"))
}

/// An hour passes, and the relay's clockwork notices.
async fn an_hour_later(relay: &TestRelay) {
    relay.clock.advance(SHOWN_FOR);
    relay.running().services().renew_status().await;
}

#[tokio::test]
async fn nobody_sees_in_status_what_others_do() {
    // Sessions outlive the hour.
    let relay = TestRelay::start_on(Arc::new(FakeGate::default()), |config| config.token_ttl = DAY).await;
    let services = relay.running().services();
    let (mut alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    an_hour_later(&relay).await;
    let before = shown(&relay).await;
    let exact = relay.totals().await;
    let unchanged = async |what: &str| assert_eq!(shown(&relay).await, before, "{what} shows");

    alice.send("bob", Uuid::new_v4(), ENVELOPE).await.ok();
    unchanged("a send").await;
    let page = bob.inbox(json!({})).await.ok();
    assert_eq!(bodies(&page).len(), 1);
    unchanged("a fetch").await;
    bob.inbox(json!({ "ack": ack(&page) })).await.ok();
    unchanged("an acknowledgement").await;
    alice.send("bob", Uuid::new_v4(), ENVELOPE).await.ok();
    bob.call(Method::DELETE, "/v1/inbox", None).await.ok();
    unchanged("a cleared mailbox").await;
    let license = License::new("bob", 1);
    let message = license.message("bob", Uuid::new_v4(), ENVELOPE);
    alice
        .call(Method::POST, "/v1/messages/limited", Some(message))
        .await
        .ok();
    unchanged("a license").await;
    license.play(&relay.api(), Uuid::new_v4()).await.ok();
    unchanged("a play").await;
    put_gate_key(&alice, [3; 16], [4; 32], fake_key(100, &[])).await.ok();
    unchanged("a gate key").await;
    relay.user("carol").await;
    unchanged("a registration").await;
    alice.call(Method::DELETE, "/v1/session", None).await.ok();
    unchanged("a sign-out").await;
    alice.sign_in().await;
    services.sweep().await.unwrap();
    services.renew_status().await;
    unchanged("a sweep").await;
    // Up to the last moment of the hour.
    relay.clock.advance(SHOWN_FOR - Duration::from_millis(1));
    services.renew_status().await;
    unchanged("nearly an hour").await;
    let now = relay.totals().await;
    assert!(
        now.accounts > exact.accounts && now.audit.length > exact.audit.length,
        "it did happen"
    );
}

#[tokio::test]
async fn the_head_of_the_audit_log_changes_every_hour_whatever_happened() {
    let relay = TestRelay::start().await;
    let mut heads = vec![relay.status().await["audit_head"].clone()];
    for hour in 0..4 {
        if hour == 2 {
            relay.user("alice").await;
        }
        an_hour_later(&relay).await;
        let head = relay.status().await["audit_head"].clone();
        assert_eq!(head.as_str().unwrap().len(), 64);
        assert!(!heads.contains(&head), "hour {hour}");
        heads.push(head);
    }
    // What makes each of them unguessable: randomness in the record before it.
    let c = rusqlite::Connection::open(relay.data().join("relay.sqlite3")).unwrap();
    let (records, salts): (i64, i64) = c
        .query_row(
            "SELECT count(*), count(DISTINCT mailbox) FROM audit WHERE event = 14 AND length(mailbox) = 16",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    assert_eq!((records, salts), (5, 5));
}

#[tokio::test]
async fn numbers_are_rough_for_everybody_and_exact_for_the_operator() {
    let relay = TestRelay::start().await;
    let (alice, _bob) = (relay.user("alice").await, relay.user("bob").await);
    for _ in 0..192 {
        alice.send("bob", Uuid::new_v4(), ENVELOPE).await.ok();
    }
    assert_eq!(relay.status().await["messages_pending"], 0, "as at the start");
    an_hour_later(&relay).await;
    assert_eq!(relay.status().await["messages_pending"], 256);
    assert_eq!(relay.totals().await.pending, 192);
    let (_, again, page) = shown(&relay).await;
    assert_eq!(again["messages_pending"], 256);
    // Digits of the fingerprint may be 192 as well.
    assert!(
        page.contains("<dd>about 256</dd>") && !page.contains("192</dd>"),
        "{page}"
    );
}

#[tokio::test]
async fn a_clock_that_is_set_to_and_fro_shows_nothing_anew_within_an_hour() {
    let relay = TestRelay::start().await;
    let mut heads = Vec::new();
    for hours in [0, -2, 0, 1, 0, 1, -5, 2] {
        let hour = i64::try_from(SHOWN_FOR.as_millis()).unwrap();
        let now = i64::try_from(START.as_millis()).unwrap() + hours * hour;
        relay.clock.set(Timestamp(now.try_into().unwrap()));
        relay.running().services().renew_status().await;
        heads.push(relay.status().await["audit_head"].clone());
    }
    let [start, later, latest] = [&heads[0], &heads[3], &heads[7]];
    assert!(start != later && later != latest && start != latest, "{heads:?}");
    assert_eq!(
        heads.iter().collect::<Vec<_>>(),
        [start, start, start, later, later, later, later, latest]
    );
}

/// As many envelopes as are shown as 128 every other time, and as 256 every other.
async fn a_number_on_the_edge() -> TestRelay {
    let relay = TestRelay::start().await;
    let (alice, _bob) = (relay.user("alice").await, relay.user("bob").await);
    for _ in 0..117 {
        alice.send("bob", Uuid::new_v4(), ENVELOPE).await.ok();
    }
    an_hour_later(&relay).await;
    let shown = relay.status().await["messages_pending"].as_u64().unwrap();
    assert!([128, 256].contains(&shown), "{shown}");
    relay
}

/// Draws so often show all of a number on the edge, but for one time in a million.
const DRAWS: usize = 20;

#[tokio::test]
async fn while_the_audit_log_cannot_be_written_nothing_is_shown_anew() {
    let relay = a_number_on_the_edge().await;
    let before = shown(&relay).await;
    let database = rusqlite::Connection::open(relay.data().join("relay.sqlite3")).unwrap();
    database
        .execute_batch("CREATE TRIGGER fails BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'as a disk does'); END")
        .unwrap();
    for _ in 0..DRAWS {
        an_hour_later(&relay).await;
        assert_eq!(shown(&relay).await, before);
    }
    database.execute_batch("DROP TRIGGER fails").unwrap();
    relay.running().services().renew_status().await;
    assert_ne!(shown(&relay).await, before, "at once when it can be again");
}

#[tokio::test]
async fn a_relay_that_is_restarted_within_the_hour_shows_the_same() {
    let mut relay = a_number_on_the_edge().await;
    let before = shown(&relay).await;
    relay.clock.advance(SHOWN_FOR - Duration::from_millis(1));
    for _ in 0..DRAWS {
        relay.restart().await;
        assert_eq!(shown(&relay).await, before);
    }
    relay.clock.advance(Duration::from_millis(1));
    relay.restart().await;
    assert_ne!(shown(&relay).await, before, "the hour is over");
}

#[tokio::test]
async fn status_off_shows_no_numbers_and_what_clients_need() {
    let relay = TestRelay::start_with(|config| config.status = StatusRule::Off).await;
    relay.user("alice").await;
    an_hour_later(&relay).await;
    let (status, again, page) = shown(&relay).await;
    for status in [status, again] {
        let fields: Vec<&String> = status.as_object().unwrap().keys().collect();
        assert_eq!(
            fields,
            [
                "audit_head",
                "registration",
                "relay_key_fingerprint",
                "relay_name",
                "storage_engine",
                "suite",
                "version"
            ]
        );
    }
    assert!(!page.contains("Accounts") && page.contains("Registration"), "{page}");
    assert_eq!(relay.totals().await.accounts, 1);
}
