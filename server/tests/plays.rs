//! Counted play limits over real HTTP: exact, free to repeat, and over when they are over.

// Helpers of tests may panic like the tests themselves (clippy.toml exempts only the latter).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{collections::BTreeSet, time::Duration};

use common::*;
use protocol::play_receipt::{NO_RECEIPT, RECEIPT_LENGTH, counted_answer};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

const ENVELOPE: &[u8] = b"sealed, with a capability inside";

/// A relay on which alice has sent bob a message that may be played `plays` times.
async fn sent(plays: u8) -> (TestRelay, User, User, License) {
    let relay = TestRelay::start().await;
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    let license = License::new("bob", plays);
    let body = license.message("bob", Uuid::new_v4(), ENVELOPE);
    alice.call(Method::POST, "/v1/messages/limited", Some(body)).await.ok();
    (relay, alice, bob, license)
}

fn granted(answer: Answer, play: u8, license: &License) {
    let mut answer = answer.ok();
    let receipt = answer.as_object_mut().unwrap().remove("receipt").unwrap();
    assert_eq!(unb64(&receipt).len(), RECEIPT_LENGTH);
    assert_eq!(
        answer,
        json!({ "mode": "counted", "play": play, "plays": license.plays, "share": b64(license.share) })
    );
}

#[tokio::test]
async fn a_message_plays_exactly_as_often_as_it_may() {
    let (relay, _, bob, license) = sent(3).await;
    let api = relay.api();
    assert_eq!(bob.envelopes().await, [ENVELOPE]);
    assert_eq!(relay.totals().await.licenses_active, 1);
    let view = async || {
        let mut view = license.owned(&api, Method::GET, &license.owner).await.ok();
        let receipt = view.as_object_mut().unwrap().remove("receipt");
        assert_eq!(receipt.is_some(), view["used"] != 0);
        view
    };
    let expected = |used: u8, state: &str| {
        json!({ "mode": "counted", "plays": 3, "used": used, "requests": used, "state": state,
            "expires_at": license.expires_at })
    };
    for play in 1..=3 {
        assert_eq!(view().await, expected(play - 1, "active"));
        granted(license.play(&api, Uuid::new_v4()).await, play, &license);
    }
    for _ in 0..3 {
        license
            .play(&api, Uuid::new_v4())
            .await
            .refused(410, "play_limit_reached");
    }
    assert_eq!(view().await, expected(3, "exhausted"));
    assert_eq!(relay.totals().await.licenses_active, 0);
}

#[tokio::test]
async fn each_play_is_signed_for_and_names_the_one_before() {
    let (mut relay, _, _, license) = sent(3).await;
    let id: [u8; 32] = hex::decode(&license.id).unwrap().try_into().unwrap();
    let mut before = None;
    for play in 1..=3 {
        let api = relay.api();
        let play_id = Uuid::new_v4();
        let answer = license.play(&api, play_id).await.ok();
        let signed = receipt(&api, &answer["receipt"]).await;
        let said = counted_answer(play, 3, &license.share);
        signed.is_for(&id, play_id.as_bytes(), &[], &*said).unwrap();
        assert_eq!((signed.number, signed.time), (u64::from(play), START));
        match &before {
            None => assert_eq!(signed.previous, NO_RECEIPT),
            Some(before) => {
                signed.continues(before).unwrap();
                before.continues(&signed).unwrap_err();
            }
        }
        let head = license.owned(&api, Method::GET, &license.owner).await.ok();
        assert_eq!(head["receipt"], answer["receipt"], "the owner sees the last");
        before = Some(signed);
        // A repetition is byte for byte the same, receipt included, also after a restart.
        relay.restart().await;
        assert_eq!(license.play(&relay.api(), play_id).await.ok(), answer);
    }
    let revoked = license.owned(&relay.api(), Method::DELETE, &license.owner).await.ok();
    let head = receipt(&relay.api(), &revoked["receipt"]).await;
    assert_eq!(Some(head), before, "what was signed stays signed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_thousand_plays_at_once_three_are_granted() {
    let (relay, _, _, license) = sent(3).await;
    let api = relay.api();
    let play = async || {
        let id = Uuid::new_v4();
        loop {
            let answer = license.play(&api, id).await;
            if answer.status != 503 {
                return answer;
            }
            answer.refused(503, "busy");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let answers = futures_util::future::join_all((0..1000).map(|_| play())).await;
    let granted = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(granted, 3);
    for answer in answers.into_iter().filter(|answer| answer.status != 200) {
        answer.refused(410, "play_limit_reached");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_limit_is_exact_under_64_plays_at_once() {
    let (relay, _, _, license) = sent(20).await;
    let api = relay.api();
    let plays = (0..64).map(|_| license.play(&api, Uuid::new_v4()));
    let answers = futures_util::future::join_all(plays).await;
    let numbers: Vec<u64> = answers
        .iter()
        .filter(|a| a.status == 200)
        .map(|a| a.body["play"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers.len(), 20);
    assert_eq!(numbers.iter().copied().collect::<BTreeSet<_>>(), (1..=20).collect());
    for answer in answers.into_iter().filter(|a| a.status != 200) {
        answer.refused(410, "play_limit_reached");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_play_64_times_at_once_costs_one() {
    let (relay, _, _, license) = sent(2).await;
    let (api, id) = (relay.api(), Uuid::new_v4());
    for answer in futures_util::future::join_all((0..64).map(|_| license.play(&api, id))).await {
        granted(answer, 1, &license);
    }
    granted(license.play(&api, Uuid::new_v4()).await, 2, &license);
}

#[tokio::test]
async fn a_repetition_is_free_for_ten_minutes_and_never_a_second_charge() {
    let (relay, _, _, license) = sent(2).await;
    let (api, first, last) = (relay.api(), Uuid::new_v4(), Uuid::new_v4());
    granted(license.play(&api, first).await, 1, &license);
    granted(license.play(&api, first).await, 1, &license);
    granted(license.play(&api, last).await, 2, &license);
    // The share has left the license; what was paid for can still be had.
    granted(license.play(&api, last).await, 2, &license);
    granted(license.play(&api, first).await, 1, &license);
    relay.clock.advance(Duration::from_secs(600));
    license.play(&api, first).await.refused(410, "answer_gone");
    license.play(&api, last).await.refused(410, "answer_gone");
    relay.running().services().sweep().await.unwrap();
    license.play(&api, first).await.refused(410, "answer_gone");
    license
        .play(&api, Uuid::new_v4())
        .await
        .refused(410, "play_limit_reached");
}

#[tokio::test]
async fn plays_survive_a_restart() {
    let (mut relay, _, _, license) = sent(2).await;
    let id = Uuid::new_v4();
    granted(license.play(&relay.api(), id).await, 1, &license);
    relay.restart().await;
    granted(license.play(&relay.api(), id).await, 1, &license);
    granted(license.play(&relay.api(), Uuid::new_v4()).await, 2, &license);
    relay.restart().await;
    license
        .play(&relay.api(), Uuid::new_v4())
        .await
        .refused(410, "play_limit_reached");
}

#[tokio::test]
async fn a_confirmed_answer_is_shredded() {
    let (relay, _, _, license) = sent(2).await;
    let (api, id) = (relay.api(), Uuid::new_v4());
    granted(license.play(&api, id).await, 1, &license);
    license
        .confirm(&api, id, &license.owner)
        .await
        .refused(404, "no_such_license");
    license
        .confirm(&api, Uuid::new_v4(), &license.play)
        .await
        .refused(404, "no_such_license");
    granted(license.play(&api, id).await, 1, &license);
    assert_eq!(license.confirm(&api, id, &license.play).await.ok(), json!({}));
    assert_eq!(license.confirm(&api, id, &license.play).await.ok(), json!({}));
    license.play(&api, id).await.refused(410, "answer_gone");

    let last = Uuid::new_v4();
    granted(license.play(&api, last).await, 2, &license);
    license.confirm(&api, last, &license.play).await.ok();
    // The share was in the license and in two answers; now it is in no file at all.
    let dir = relay.data().to_owned();
    eventually("the share is erased", || files_with(&dir, &license.share).is_empty()).await;
}

#[tokio::test]
async fn revoking_is_at_once_and_for_good() {
    let (relay, _, _, license) = sent(5).await;
    let (api, id) = (relay.api(), Uuid::new_v4());
    granted(license.play(&api, id).await, 1, &license);
    license
        .owned(&api, Method::DELETE, &license.play)
        .await
        .refused(404, "no_such_license");
    for _ in 0..2 {
        let view = license.owned(&api, Method::DELETE, &license.owner).await.ok();
        assert_eq!((&view["state"], &view["used"]), (&json!("revoked"), &json!(1)));
    }
    license.play(&api, Uuid::new_v4()).await.refused(410, "license_revoked");
    license.play(&api, id).await.refused(410, "license_revoked");
    assert_eq!(relay.totals().await.licenses_active, 0);
    let dir = relay.data().to_owned();
    eventually("the share is erased", || files_with(&dir, &license.share).is_empty()).await;
}

#[tokio::test]
async fn a_license_expires_and_is_forgotten_a_month_later() {
    let (relay, _, _, license) = sent(5).await;
    let (api, id) = (relay.api(), Uuid::new_v4());
    relay.clock.advance(DAY * 90 - Duration::from_millis(1));
    granted(license.play(&api, id).await, 1, &license);
    relay.clock.advance(Duration::from_millis(1));
    // Whether swept or not.
    for _ in 0..2 {
        license.play(&api, Uuid::new_v4()).await.refused(410, "license_expired");
        license.play(&api, id).await.refused(410, "license_expired");
        assert_eq!(
            license.owned(&api, Method::GET, &license.owner).await.ok()["state"],
            "expired"
        );
        relay.running().services().sweep().await.unwrap();
    }
    assert_eq!(relay.totals().await.licenses_active, 0);
    // Only a right capability learns why.
    license
        .play_with(&api, id, &random::<32>())
        .await
        .refused(404, "no_such_license");
    relay.clock.advance(DAY * 30);
    relay.running().services().sweep().await.unwrap();
    license.play(&api, id).await.refused(404, "no_such_license");
    let dir = relay.data().to_owned();
    eventually("the share is erased", || files_with(&dir, &license.share).is_empty()).await;
}

#[tokio::test]
async fn without_the_capability_there_is_no_such_license() {
    let (relay, _, _, license) = sent(5).await;
    let (api, id) = (relay.api(), Uuid::new_v4());
    let unknown = License::new("bob", 5);
    let nobodys = License::new("nobody", 5);
    let answers = [
        license.play_with(&api, id, &random::<32>()).await,
        license.play_with(&api, id, &license.owner).await,
        unknown.play(&api, id).await,
        nobodys.play(&api, id).await,
        unknown.play_with(&api, id, &[0; 32]).await,
        unknown.owned(&api, Method::GET, &unknown.owner).await,
        unknown.owned(&api, Method::GET, &[0; 32]).await,
        license.owned(&api, Method::GET, &license.play).await,
        License {
            id: "../../etc".replace('/', "%2f"),
            ..License::new("bob", 5)
        }
        .play(&api, id)
        .await,
    ];
    let first = answers[0].clone().refused(404, "no_such_license");
    for answer in answers {
        assert_eq!(answer.refused(404, "no_such_license"), first);
    }
    license.play_with(&api, id, &[1; 31]).await.refused(400, "bad_request");
    api.call(Method::GET, &format!("/v1/licenses/{}", license.id), None, None)
        .await
        .refused(400, "bad_request");
    // None of it was a play.
    assert_eq!(license.owned(&api, Method::GET, &license.owner).await.ok()["used"], 0);
}

#[tokio::test]
async fn envelope_and_license_come_together_or_not_at_all() {
    let (relay, alice, bob, license) = sent(2).await;
    let api = relay.api();
    let send = async |body: Value| alice.call(Method::POST, "/v1/messages/limited", Some(body)).await;
    let pending = async || relay.totals().await.pending;

    // Another license under the same id: neither is stored.
    let other = License {
        id: license.id.clone(),
        ..License::new("bob", 200)
    };
    send(other.message("bob", Uuid::new_v4(), b"second"))
        .await
        .refused(409, "license_conflict");
    assert_eq!(pending().await, 1);

    // The same license again, with another envelope: it is left as it is, even when it is spent.
    for play in 1..=2 {
        granted(license.play(&api, Uuid::new_v4()).await, play, &license);
    }
    send(license.message("bob", Uuid::new_v4(), b"again")).await.ok();
    assert_eq!(pending().await, 2);
    license
        .play(&api, Uuid::new_v4())
        .await
        .refused(410, "play_limit_reached");
    assert_eq!(relay.totals().await.licenses_active, 0);

    // A repetition is the same only with the same license.
    let (id, third) = (Uuid::new_v4(), License::new("bob", 3));
    let stored = send(third.message("bob", id, ENVELOPE)).await.ok();
    assert_eq!(send(third.message("bob", id, ENVELOPE)).await.ok(), stored);
    send(License::new("bob", 3).message("bob", id, ENVELOPE))
        .await
        .refused(409, "message_conflict");
    alice.send("bob", id, ENVELOPE).await.refused(409, "message_conflict");

    // Refused as a whole for what is wrong with either.
    let fresh = || License::new("bob", 3);
    send(License::new("alice", 3).message("bob", Uuid::new_v4(), b"x"))
        .await
        .refused(400, "bad_request");
    send(License { plays: 0, ..fresh() }.message("bob", Uuid::new_v4(), b"x"))
        .await
        .refused(400, "bad_request");
    let past = License {
        expires_at: START.as_millis(),
        ..fresh()
    };
    send(past.message("bob", Uuid::new_v4(), b"x"))
        .await
        .refused(400, "bad_request");
    let far = License {
        expires_at: START.plus(DAY * 367).as_millis(),
        ..fresh()
    };
    send(far.message("bob", Uuid::new_v4(), b"x"))
        .await
        .refused(400, "bad_request");
    for (field, value) in [
        ("share", b64([0; 31])),
        ("play_capability_hash", b64([0; 33])),
        ("id", "00".into()),
    ] {
        let mut body = fresh().message("bob", Uuid::new_v4(), b"x");
        body["license"][field] = json!(value);
        send(body).await.refused(400, "bad_request");
    }
    let mut body = fresh().message("bob", Uuid::new_v4(), b"x");
    body["license"]["plays"] = json!(256);
    send(body).await.refused(400, "bad_request");
    send(License::new("nobody", 3).message("nobody", Uuid::new_v4(), b"x"))
        .await
        .refused(404, "no_such_user");
    assert_eq!(pending().await, 3);
    assert_eq!(bob.envelopes().await.len(), 3);
    assert_eq!(relay.totals().await.licenses_active, 1);
}

#[tokio::test]
async fn licenses_are_bounded() {
    let relay = TestRelay::start_with(|config| config.quota.licenses = 2).await;
    let alice = relay.user("alice").await;
    let send = async || {
        let body = License::new("alice", 1).message("alice", Uuid::new_v4(), ENVELOPE);
        alice.call(Method::POST, "/v1/messages/limited", Some(body)).await
    };
    send().await.ok();
    send().await.ok();
    send().await.refused(429, "mailbox_full");
    alice.send("alice", Uuid::new_v4(), ENVELOPE).await.ok();
}
