//! Publishing and handing out keys.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{ENVELOPE, common::*};

#[tokio::test]
async fn keys_are_published_handed_out_once_and_never_older() {
    let relay = TestRelay::start().await;
    let alice = relay.user("alice").await;
    let bob = relay.user("bob").await;
    let publish = async |body: Value| alice.call(Method::PUT, "/v1/keys", Some(body)).await;
    let fetch = async || bob.call(Method::GET, "/v1/keys/alice", None).await.ok();

    assert!(fetch().await.get("one_time").is_none());
    let batch = alice.batch(1, 10, 4);
    let both = json!({ "signed_prekey": spk_json(&alice.signed_prekey(2, 2)), "one_time_batch": batch_json(&batch) });
    let answer = publish(both.clone()).await.ok();
    assert_eq!(
        (&answer["one_time_left"], &answer["signed_prekey_id"]),
        (&json!(4), &json!(2))
    );

    let mut ids = Vec::new();
    for _ in 0..3 {
        let bundle = fetch().await;
        assert_eq!(bundle["address"], "alice@localhost");
        let one_time = protocol::prekey::PublishedOneTime {
            payload: unb64(&bundle["one_time"]["payload"]),
            signature: unb64(&bundle["one_time"]["signature"]),
            id: u32::try_from(bundle["one_time"]["id"].as_u64().unwrap()).unwrap(),
            key: unb64(&bundle["one_time"]["key"]),
            path: bundle["one_time"]["path"]
                .as_array()
                .unwrap()
                .iter()
                .map(unb64)
                .collect(),
        };
        one_time.verify(alice.keys.public(), &alice.address, START).unwrap();
        ids.push(one_time.id);
    }
    assert_eq!(ids, [10, 11, 12]);

    // Repeating a publication changes nothing; going back is refused, and refused as a whole.
    assert_eq!(publish(both).await.ok()["one_time_left"], 1);
    publish(json!({ "signed_prekey": spk_json(&alice.signed_prekey(3, 2)) }))
        .await
        .refused(409, "stale_key");
    publish(json!({ "signed_prekey": spk_json(&alice.signed_prekey(3, 1)) }))
        .await
        .refused(409, "stale_key");
    publish(json!({ "one_time_batch": batch_json(&alice.batch(1, 99, 4)) }))
        .await
        .refused(409, "stale_key");
    let half = json!({
        "signed_prekey": spk_json(&alice.signed_prekey(5, 5)),
        "one_time_batch": batch_json(&alice.batch(0, 50, 2)),
    });
    publish(half).await.refused(409, "stale_key");
    assert_eq!(
        alice.call(Method::GET, "/v1/keys", None).await.ok()["signed_prekey_id"],
        2
    );

    // Lost private halves: the earlier keys go, and only those.
    let replace = json!({ "one_time_batch": batch_json(&alice.batch(2, 20, 2)), "replace_one_time": true });
    assert_eq!(publish(replace.clone()).await.ok()["one_time_left"], 2);
    assert_eq!(publish(replace).await.ok()["one_time_left"], 2);
    assert_eq!(fetch().await["one_time"]["id"], 20);

    bob.call(Method::GET, "/v1/keys/nobody", None)
        .await
        .refused(404, "no_such_user");
}

#[tokio::test]
async fn published_keys_must_be_whole() {
    let relay = TestRelay::start().await;
    let alice = relay.user("alice").await;
    let publish = async |body: Value| alice.call(Method::PUT, "/v1/keys", Some(body)).await;
    let spk = alice.signed_prekey(2, 2);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = json!({ "signed_prekey": spk_json(&spk), "one_time_batch": batch_json(&alice.batch(1, 1, 2)) });
        change(&mut body);
        body
    };
    let mut flipped = spk.payload.clone();
    *flipped.last_mut().unwrap() ^= 1;
    publish(with(&|b| b["signed_prekey"]["payload"] = json!(b64(&flipped))))
        .await
        .refused(400, "bad_signature");
    publish(with(&|b| b["signed_prekey"]["payload"] = json!(b64(&spk.payload[1..]))))
        .await
        .refused(400, "bad_request");
    publish(with(&|b| b["signed_prekey"]["payload"] = json!(b64(vec![0; 5000]))))
        .await
        .refused(413, "too_large");
    publish(with(&|b| {
        b["signed_prekey"]["signature"] = json!(b64(&spk.signature[1..]));
    }))
    .await
    .refused(400, "bad_request");
    publish(with(&|b| b["one_time_batch"]["keys"][0] = json!(b64([0; 1599]))))
        .await
        .refused(400, "bad_request");
    publish(with(&|b| b["one_time_batch"]["keys"] = json!([])))
        .await
        .refused(400, "bad_request");
    publish(with(&|b| b["signed_prekey"]["payload"] = json!("not base64!")))
        .await
        .refused(400, "bad_request");
    // Nothing of all that was taken.
    let keys = alice.call(Method::GET, "/v1/keys", None).await.ok();
    assert_eq!(
        (&keys["signed_prekey_id"], &keys["one_time_left"]),
        (&json!(1), &json!(0))
    );
    publish(json!({})).await.ok();

    // Sixteen batches of 64 are the most; the seventeenth waits until some are used.
    for seq in 1..=16 {
        publish(json!({ "one_time_batch": batch_json(&alice.batch(seq, u32::try_from(seq).unwrap() * 100, 64)) }))
            .await
            .ok();
    }
    publish(json!({ "one_time_batch": batch_json(&alice.batch(17, 5000, 1)) }))
        .await
        .refused(413, "too_large");
}

#[tokio::test]
async fn one_time_keys_expire() {
    let relay = TestRelay::start().await;
    let alice = relay.user("alice").await;
    let body = json!({ "one_time_batch": batch_json(&alice.batch(1, 1, 2)) });
    alice.call(Method::PUT, "/v1/keys", Some(body)).await.ok();
    relay.clock.advance(DAY * 60);
    let mut bob = relay.user("bob").await;
    bob.sign_in().await;
    assert!(
        bob.call(Method::GET, "/v1/keys/alice", None)
            .await
            .ok()
            .get("one_time")
            .is_none()
    );
    relay.running().services().sweep().await.unwrap();
}

#[tokio::test]
async fn keys_and_mail_survive_a_restart() {
    let mut relay = TestRelay::start().await;
    let alice = relay.user("alice").await;
    let bob = relay.user("bob").await;
    let body = json!({ "one_time_batch": batch_json(&alice.batch(1, 1, 2)) });
    alice.call(Method::PUT, "/v1/keys", Some(body)).await.ok();
    bob.send("alice", Uuid::new_v4(), ENVELOPE).await.ok();
    let seen = async |relay: &TestRelay| {
        let totals = relay.totals().await;
        let numbers = (totals.accounts, totals.pending, totals.pending_bytes);
        (relay.status().await["relay_key_fingerprint"].clone(), numbers)
    };
    let before = seen(&relay).await;
    relay.restart().await;
    assert_eq!(before, seen(&relay).await, "the relay's own key and the numbers stay");
    let (api, token) = (relay.api(), Some(alice.token.as_str()));
    assert_eq!(
        api.call(Method::GET, "/v1/keys", token, None).await.ok()["one_time_left"],
        2
    );
    let bundle = api
        .call(Method::GET, "/v1/keys/alice", Some(&bob.token), None)
        .await
        .ok();
    assert_eq!(unb64(&bundle["identity_key"]), alice.keys.public().to_bytes());
    assert_eq!(
        bodies(&api.call(Method::POST, "/v1/inbox", token, Some(json!({}))).await.ok()),
        [ENVELOPE]
    );
}
