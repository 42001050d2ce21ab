//! What is answered, to whom, and what is refused.

use std::{sync::atomic::Ordering, time::Duration};

use protocol::play_receipt::NO_RECEIPT;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::{CAPABILITY, KEY, common::*, granted, scene};

#[tokio::test]
async fn a_message_plays_as_often_as_it_may_and_every_request_is_answered_alike() {
    let scene = scene().await;
    let (api, license) = (scene.relay.api(), scene.sent(2).await);
    assert_eq!(scene.bob.envelopes().await, [b"sealed"]);
    let mut before: Option<protocol::play_receipt::PlayReceipt> = None;
    let mut lengths = Vec::new();
    // A play, a decoy, a play, one too many, and one beyond the pad.
    let asks = [
        (true, Some(0), true),
        (false, Some(1), false),
        (true, Some(5), true),
        (true, Some(6), false),
        (true, None, false),
    ];
    for (n, (want, slot, expected)) in (1..).zip(asks) {
        let (id, request) = (Uuid::new_v4(), fake_request(want, slot));
        let answer = license.ask(&api, id, &request).await.ok();
        assert_eq!(granted(&answer, &license), expected, "request {n}");
        lengths.push(answer.to_string().len());
        let signed = receipt(&api, &answer["receipt"]).await;
        signed
            .is_for(&license.id(), id.as_bytes(), &request, &unb64(&answer["release"]))
            .unwrap();
        assert_eq!(signed.number, n);
        match &before {
            None => assert_eq!(signed.previous, NO_RECEIPT),
            Some(before) => signed.continues(before).unwrap(),
        }
        before = Some(signed);
        let view = license
            .license
            .owned(&api, Method::GET, &license.license.owner)
            .await
            .ok();
        let left = if n < 3 { 1 } else { 0 };
        assert_eq!(
            view,
            json!({ "mode": "oblivious", "state": "active", "expires_at": license.license.expires_at, "requests": n,
                "class": 15, "counter": b64([left]), "receipt": answer["receipt"] })
        );
    }
    assert!(
        lengths.iter().all(|length| *length == lengths[0]),
        "granted, denied and decoy look alike: {lengths:?}"
    );
    assert_eq!(
        scene.relay.totals().await.licenses_active,
        1,
        "the relay never learns that it is spent"
    );
    eventually("the last fold is done", || scene.gate.folds.load(Ordering::SeqCst) >= 1).await;
}

#[tokio::test]
async fn a_repetition_gives_the_same_bytes_and_another_request_is_a_conflict() {
    let mut scene = scene().await;
    let license = scene.sent(2).await;
    let (api, id, request) = (scene.relay.api(), Uuid::new_v4(), fake_request(true, Some(0)));
    let answer = license.ask(&api, id, &request).await.ok();
    assert_eq!(license.ask(&api, id, &request).await.ok(), answer);
    for other in [fake_request(true, Some(1)), fake_request(false, Some(0))] {
        license.ask(&api, id, &other).await.refused(409, "play_conflict");
    }
    license.license.play(&api, id).await.refused(409, "play_conflict");
    let again = license.ask(&api, Uuid::new_v4(), &request).await;
    assert_eq!(again.refused(409, "slot_used")["next_slot"], 1);
    scene.relay.restart().await;
    let api = scene.relay.api();
    assert_eq!(license.ask(&api, id, &request).await.ok(), answer);
    assert_eq!(
        scene.gate.plays.load(Ordering::SeqCst),
        1,
        "one play was computed in all of this"
    );

    license.license.confirm(&api, id, &license.license.play).await.ok();
    license.ask(&api, id, &request).await.refused(410, "answer_gone");
    let later = Uuid::new_v4();
    let second = fake_request(true, Some(1));
    assert!(granted(&license.ask(&api, later, &second).await.ok(), &license));
    scene.relay.clock.advance(Duration::from_secs(600));
    license.ask(&api, later, &second).await.refused(410, "answer_gone");
    scene.relay.running().services().sweep().await.unwrap();
    license.ask(&api, later, &second).await.refused(410, "answer_gone");
    assert_eq!(scene.gate.plays.load(Ordering::SeqCst), 2);
    let left = license
        .license
        .owned(&api, Method::GET, &license.license.owner)
        .await
        .ok();
    assert_eq!(left["counter"], b64([0]));
}

#[tokio::test]
async fn revoked_and_expired_licenses_answer_nothing_and_leave_nothing() {
    let scene = scene().await;
    let api = scene.relay.api();
    let (revoked, expired) = (scene.sent(5).await, scene.sent(5).await);
    let (id, request) = (Uuid::new_v4(), fake_request(true, Some(0)));
    for license in [&revoked, &expired] {
        assert!(granted(&license.ask(&api, id, &request).await.ok(), license));
    }
    let view = revoked
        .license
        .owned(&api, Method::DELETE, &revoked.license.owner)
        .await
        .ok();
    assert_eq!((&view["state"], view.get("counter")), (&json!("revoked"), None));
    for play in [id, Uuid::new_v4()] {
        revoked.ask(&api, play, &request).await.refused(410, "license_revoked");
    }
    scene.relay.clock.advance(DAY * 90);
    for _ in 0..2 {
        expired.ask(&api, id, &request).await.refused(410, "license_expired");
        expired
            .ask_with(&api, id, &request, &random::<32>())
            .await
            .refused(404, "no_such_license");
        scene.relay.running().services().sweep().await.unwrap();
    }
    assert_eq!(scene.relay.totals().await.licenses_active, 0);
    let dir = scene.relay.data().to_owned();
    for license in [&revoked, &expired] {
        eventually("the share is erased", || {
            files_with(&dir, &license.license.share).is_empty()
        })
        .await;
    }
    scene.relay.clock.advance(DAY * 30);
    scene.relay.running().services().sweep().await.unwrap();
    expired.ask(&api, id, &request).await.refused(404, "no_such_license");
}

#[tokio::test]
async fn a_revocation_while_a_play_is_computed_wins() {
    let scene = scene().await;
    let (api, license) = (scene.relay.api(), scene.sent(5).await);
    scene.gate.door.shut();
    let (id, request) = (Uuid::new_v4(), fake_request(true, Some(0)));
    let asking = license.ask(&api, id, &request);
    let revoking = async {
        scene.gate.door.reached(1).await;
        let view = license
            .license
            .owned(&api, Method::DELETE, &license.license.owner)
            .await
            .ok();
        assert_eq!((&view["state"], &view["requests"]), (&json!("revoked"), &json!(0)));
        scene.gate.door.open();
    };
    let (answer, ()) = tokio::join!(asking, revoking);
    answer.refused(410, "license_revoked");
}

#[tokio::test]
async fn unknown_licenses_and_wrong_capabilities_are_alike_and_malformed_requests_are_said() {
    let scene = scene().await;
    let (api, license) = (scene.relay.api(), scene.sent(5).await);
    let (id, request) = (Uuid::new_v4(), fake_request(true, Some(0)));
    let unknown = ObliviousLicense::new("bob", KEY, CAPABILITY, fake_counter(3));
    let wrong = [
        unknown.ask(&api, id, &request).await,
        license.ask_with(&api, id, &request, &random::<32>()).await,
        license.ask_with(&api, id, &request, &license.license.owner).await,
    ];
    for answer in &wrong {
        answer.clone().refused(404, "no_such_license");
        assert_eq!(answer.body, wrong[0].body);
    }
    assert_eq!(
        scene.gate.plays.load(Ordering::SeqCst),
        0,
        "nothing was computed for it"
    );
    // The encrypted count is the sender's alone: the recipient's key would open it.
    for method in [Method::GET, Method::DELETE] {
        let view = license.license.owned(&api, method, &license.license.play).await;
        view.refused(404, "no_such_license");
    }
    for malformed in [&[][..], b"x", &[0; 128], &[0; 129], &[0; 4000]] {
        license.ask(&api, id, malformed).await.refused(400, "bad_request");
    }
    license
        .ask_with(&api, id, &request, &[0; 31])
        .await
        .refused(400, "bad_request");
    license.ask(&api, id, &vec![0; 20_000]).await.refused(413, "too_large");
    // The other mode's operation, each way.
    license.license.play(&api, id).await.refused(400, "bad_request");
    let counted = ObliviousLicense {
        license: License::new("bob", 2),
        ..unknown
    };
    let body = counted.license.message("bob", Uuid::new_v4(), b"x");
    scene
        .alice
        .call(Method::POST, "/v1/messages/limited", Some(body))
        .await
        .ok();
    counted.ask(&api, id, &request).await.refused(400, "bad_request");
    assert_eq!(counted.license.play(&api, id).await.ok()["play"], 1);
    assert!(
        granted(&license.ask(&api, id, &request).await.ok(), &license),
        "nothing was charged"
    );
}

#[tokio::test]
async fn a_license_comes_only_with_its_keys_capability() {
    let scene = scene().await;
    let license = |key, capability| ObliviousLicense::new("bob", key, capability, fake_counter(3));
    let send = async |license: &ObliviousLicense| scene.send(license.message("bob", Uuid::new_v4(), b"x")).await;
    let unknown = send(&license([9; 16], CAPABILITY)).await;
    let wrong = send(&license(KEY, [8; 32])).await;
    assert_eq!(unknown.body, wrong.body);
    unknown.refused(404, "no_such_gate_key");
    // The capability is the permission, not the account.
    let body = license(KEY, CAPABILITY).message("bob", Uuid::new_v4(), b"x");
    scene
        .bob
        .call(Method::POST, "/v1/messages/oblivious", Some(body))
        .await
        .ok();

    for (field, value) in [
        ("counter", json!(b64(b"no counter"))),
        ("counter", json!(b64([0; 300]))),
        ("gate_key", json!("00")),
        ("gate_key", json!("AA".repeat(16))),
        ("gate_key_capability", json!(b64([7; 31]))),
        ("share", json!(b64([7; 33]))),
    ] {
        let mut body = license(KEY, CAPABILITY).message("bob", Uuid::new_v4(), b"x");
        body["license"][field] = value;
        scene.send(body).await.refused(400, "bad_request");
    }

    // The same message again is the same; with another counter it is another.
    let (id, first) = (Uuid::new_v4(), license(KEY, CAPABILITY));
    let stored = scene.send(first.message("bob", id, b"x")).await.ok();
    assert_eq!(scene.send(first.message("bob", id, b"x")).await.ok(), stored);
    let other = ObliviousLicense {
        counter: fake_counter(9),
        ..license(KEY, CAPABILITY)
    };
    scene
        .send(other.message("bob", id, b"x"))
        .await
        .refused(409, "message_conflict");
    let mut reset = first.message("bob", Uuid::new_v4(), b"x");
    reset["license"]["counter"] = json!(b64(fake_counter(9)));
    scene.send(reset).await.refused(409, "license_conflict");
    assert_eq!(scene.bob.envelopes().await.len(), 2);
}

#[tokio::test]
async fn a_license_answers_so_many_requests_and_no_more() {
    let scene = scene().await;
    let (api, license) = (scene.relay.api(), scene.sent(3).await);
    let first = Uuid::new_v4();
    let answer = license.ask(&api, first, &fake_request(true, Some(0))).await.ok();
    // As after 4095 more.
    let file = scene.relay.data().join("relay.sqlite3");
    let database = rusqlite::Connection::open(file).unwrap();
    database.busy_timeout(Duration::from_secs(5)).unwrap();
    database.execute("UPDATE oblivious SET requests = 4096", []).unwrap();
    license
        .ask(&api, Uuid::new_v4(), &fake_request(true, Some(1)))
        .await
        .refused(410, "play_limit_reached");
    let again = license.ask(&api, first, &fake_request(true, Some(0))).await.ok();
    assert_eq!(again, answer, "what was answered is answered");
}
