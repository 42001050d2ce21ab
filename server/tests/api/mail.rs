//! Sending, fetching, acknowledging, and the limits of all three.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{ENVELOPE, common::*};

#[tokio::test]
async fn an_envelope_goes_from_hand_to_hand() {
    let relay = TestRelay::start().await;
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    let id = Uuid::new_v4();
    let stored = alice.send("bob", id, ENVELOPE).await.ok();
    let expires = START.plus(DAY * 30).as_millis();
    assert_eq!(
        stored,
        json!({ "id": id, "stored_at": START.as_millis(), "expires_at": expires })
    );
    assert_eq!(relay.totals().await.pending, 1);

    let page = bob.inbox(json!({})).await.ok();
    assert_eq!(bodies(&page), [ENVELOPE]);
    assert_eq!(page["envelopes"][0]["received_at"], START.as_millis());
    assert_eq!((&page["expired_total"], &page["refused_total"]), (&json!(0), &json!(0)));
    // Again and again until it is acknowledged.
    assert_eq!(bob.envelopes().await, [ENVELOPE]);
    let after = bob.inbox(json!({ "ack": ack(&page) })).await.ok();
    assert!(bodies(&after).is_empty());
    assert_eq!(
        bob.inbox(json!({ "ack": ack(&page) })).await.ok(),
        after,
        "a lost answer loses nothing"
    );
    assert_eq!(relay.totals().await.pending, 0);
}

#[tokio::test]
async fn a_send_is_idempotent_for_thirty_days() {
    let relay = TestRelay::start().await;
    let (alice, mut bob) = (relay.user("alice").await, relay.user("bob").await);
    let id = Uuid::new_v4();
    let first = alice.send("bob", id, ENVELOPE).await.ok();
    relay.clock.advance(Duration::from_secs(60));
    assert_eq!(alice.send("bob", id, ENVELOPE).await.ok(), first);
    alice
        .send("bob", id, &b"another"[..])
        .await
        .refused(409, "message_conflict");
    assert_eq!(bob.envelopes().await.len(), 1);

    // Delivered and gone, and still recognised.
    let page = bob.inbox(json!({})).await.ok();
    bob.inbox(json!({ "ack": ack(&page) })).await.ok();
    assert_eq!(alice.send("bob", id, ENVELOPE).await.ok(), first);
    assert!(bob.envelopes().await.is_empty());

    // The id is the sender's own: another sender's is another, and so is the same one to someone else.
    bob.send("bob", id, &b"from bob"[..]).await.ok();
    alice.send("alice", id, &b"to alice"[..]).await.ok();
    assert_eq!(bob.envelopes().await, [b"from bob"]);

    relay.clock.advance(DAY * 30);
    relay.running().services().sweep().await.unwrap();
    let mut alice = alice;
    alice.sign_in().await;
    bob.sign_in().await;
    alice.send("bob", id, &b"a month later"[..]).await.ok();
    assert_eq!(bob.envelopes().await, [b"a month later"]);
}

#[tokio::test]
async fn two_senders_in_the_same_millisecond_lose_nothing() {
    let relay = TestRelay::start().await;
    let (alice, bob, carol) = (
        relay.user("alice").await,
        relay.user("bob").await,
        relay.user("carol").await,
    );
    // The clock stands still: everything happens in one millisecond.
    let sends = (0..40u8).map(|i| {
        let sender = if i % 2 == 0 { &alice } else { &carol };
        sender.send("bob", Uuid::new_v4(), vec![i; 100])
    });
    for answer in futures_util::future::join_all(sends).await {
        answer.ok();
    }
    let page = bob.inbox(json!({})).await.ok();
    let mut seen: Vec<u8> = bodies(&page).iter().map(|body| body[0]).collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..40).collect::<Vec<_>>());
    let sequences: Vec<u64> = page["envelopes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["sequence"].as_u64().unwrap())
        .collect();
    assert!(sequences.windows(2).all(|pair| pair[0] < pair[1]), "{sequences:?}");
}

#[tokio::test]
async fn sends_are_refused_for_what_is_wrong_with_them() {
    let relay = TestRelay::start().await;
    let alice = relay.user("alice").await;
    let id = Uuid::new_v4();
    alice.send("nobody", id, ENVELOPE).await.refused(404, "no_such_user");
    alice.send("alice", id, vec![]).await.refused(400, "bad_request");
    alice.send("alice", id, vec![0; 256 * 1024]).await.ok();
    alice
        .send("alice", id, vec![0; 256 * 1024 + 1])
        .await
        .refused(413, "too_large");
    let request = |path: &str| {
        alice
            .api
            .request(Method::POST, path, Some(&alice.token))
            .header("content-type", "application/octet-stream")
    };
    answer(request("/v1/messages?to=alice&id=7").body(ENVELOPE))
        .await
        .refused(400, "bad_request");
    answer(request("/v1/messages?to=alice").body(ENVELOPE))
        .await
        .refused(400, "bad_request");
    answer(request(&format!("/v1/messages?id={id}")).body(ENVELOPE))
        .await
        .refused(400, "bad_request");
}

#[tokio::test]
async fn a_body_of_unknown_length_is_counted_as_it_comes() {
    let relay = TestRelay::start().await;
    let alice = relay.user("alice").await;
    let chunks = |count: usize| {
        let chunks = (0..count).map(|_| Ok::<_, std::io::Error>(vec![5u8; 64 * 1024]));
        reqwest::Body::wrap_stream(futures_util::stream::iter(chunks))
    };
    let id = Uuid::new_v4();
    answer(alice.send_request("alice", id, vec![]).body(chunks(4)))
        .await
        .ok();
    answer(alice.send_request("alice", Uuid::new_v4(), vec![]).body(chunks(5)))
        .await
        .refused(413, "too_large");
    assert_eq!(alice.envelopes().await, [vec![5; 256 * 1024]]);
    // Before anyone is authenticated, too.
    let request = relay
        .api()
        .request(Method::POST, "/v1/session", None)
        .header("content-type", "application/json");
    answer(request.body(vec![b' '; 100_000]))
        .await
        .refused(413, "too_large");
}

#[tokio::test]
async fn nobody_drains_another_ones_inbox() {
    let relay = TestRelay::start().await;
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    alice.send("bob", Uuid::new_v4(), ENVELOPE).await.ok();
    let page = bob.inbox(json!({})).await.ok();
    // There is no way to name another mailbox; what is left is to use bob's position on one's own.
    alice
        .inbox(json!({ "ack": ack(&page) }))
        .await
        .refused(409, "stale_incarnation");
    assert_eq!(alice.call(Method::DELETE, "/v1/inbox", None).await.ok()["deleted"], 0);
    assert_eq!(bob.envelopes().await, [ENVELOPE]);
}

#[tokio::test]
async fn a_stale_acknowledgement_deletes_nothing() {
    let relay = TestRelay::start().await;
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    alice.send("bob", Uuid::new_v4(), ENVELOPE).await.ok();
    let before = bob.inbox(json!({})).await.ok();
    assert_eq!(bob.call(Method::DELETE, "/v1/inbox", None).await.ok()["deleted"], 1);
    assert_eq!(relay.totals().await.pending, 0);
    alice.send("bob", Uuid::new_v4(), &b"after"[..]).await.ok();
    bob.inbox(json!({ "ack": ack(&before) }))
        .await
        .refused(409, "stale_incarnation");
    let page = bob.inbox(json!({})).await.ok();
    assert_eq!(bodies(&page), [b"after"]);
    assert_ne!(page["incarnation"], before["incarnation"]);
    // A number from a future that this store does not know.
    let ahead = json!({ "incarnation": page["incarnation"], "sequence": 1000 });
    bob.inbox(json!({ "ack": ahead }))
        .await
        .refused(409, "stale_incarnation");
    assert_eq!(bob.envelopes().await, [b"after"]);
}

#[tokio::test]
async fn a_full_mailbox_says_so_to_both_sides() {
    let relay = TestRelay::start_with(|config| {
        config.quota.envelopes = 3;
        config.quota.bytes = 10_000;
    })
    .await;
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    alice.send("bob", Uuid::new_v4(), vec![1; 6000]).await.ok();
    let problem = alice
        .send("bob", Uuid::new_v4(), vec![2; 6000])
        .await
        .refused(429, "mailbox_full");
    assert_eq!(problem["retry_after_seconds"], 60);
    alice.send("bob", Uuid::new_v4(), vec![3; 100]).await.ok();
    alice.send("bob", Uuid::new_v4(), vec![4; 100]).await.ok();
    let waiting = Uuid::new_v4();
    alice
        .send("bob", waiting, vec![5; 100])
        .await
        .refused(429, "mailbox_full");
    let page = bob.inbox(json!({})).await.ok();
    assert_eq!((bodies(&page).len(), &page["refused_total"]), (3, &json!(2)));
    bob.inbox(json!({ "ack": ack(&page) })).await.ok();
    alice.send("bob", waiting, vec![5; 100]).await.ok();
    assert_eq!(bob.envelopes().await, [[5; 100]]);
}

#[tokio::test]
async fn what_expires_is_counted_not_hidden() {
    let relay = TestRelay::start().await;
    let (alice, mut bob) = (relay.user("alice").await, relay.user("bob").await);
    for i in 0..5u8 {
        alice.send("bob", Uuid::new_v4(), vec![i; 50]).await.ok();
    }
    relay.clock.advance(DAY * 29);
    let mut alice = alice;
    alice.sign_in().await;
    alice.send("bob", Uuid::new_v4(), ENVELOPE).await.ok();
    relay.clock.advance(DAY);
    bob.sign_in().await;
    assert_eq!(
        bob.envelopes().await,
        [ENVELOPE],
        "expired envelopes are not delivered, swept or not"
    );
    relay.running().services().sweep().await.unwrap();
    let page = bob.inbox(json!({})).await.ok();
    assert_eq!(
        (bodies(&page), &page["expired_total"]),
        (vec![ENVELOPE.to_vec()], &json!(5))
    );
    assert_eq!(relay.totals().await.pending, 1);
    bob.inbox(json!({ "ack": ack(&page) })).await.ok();
    assert_eq!(relay.totals().await.pending, 0);
}

#[tokio::test]
async fn pages_are_bounded_in_number_and_in_bytes() {
    let relay = TestRelay::start().await;
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    for i in 0..70u8 {
        alice.send("bob", Uuid::new_v4(), vec![i]).await.ok();
    }
    let sizes = async |body: Value| bodies(&bob.inbox(body).await.ok()).len();
    assert_eq!(sizes(json!({})).await, 64);
    assert_eq!(sizes(json!({ "limit": 5 })).await, 5);
    for (field, value) in [("limit", 0), ("limit", 65), ("wait_seconds", 31)] {
        bob.inbox(json!({ field: value })).await.refused(400, "bad_request");
    }
    let first = bob.inbox(json!({})).await.ok();
    let rest = bob.inbox(json!({ "ack": ack(&first) })).await.ok();
    assert_eq!(bodies(&rest), [[64], [65], [66], [67], [68], [69]]);
    bob.inbox(json!({ "ack": ack(&rest) })).await.ok();
    for i in 0..5u8 {
        alice.send("bob", Uuid::new_v4(), vec![i; 200 * 1024]).await.ok();
    }
    assert_eq!(sizes(json!({})).await, 3);
}
