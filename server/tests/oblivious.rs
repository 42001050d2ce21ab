//! Oblivious plays over real HTTP, around a gate without arithmetic: exact, free to repeat, serial, bounded, and over when they are over.
//! `gate.rs` beside this file does the arithmetic too, a few times.

// Helpers of tests may panic like the tests themselves (clippy.toml exempts only the latter).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{sync::Arc, sync::atomic::Ordering, time::Duration};

use common::*;
use protocol::play_receipt::NO_RECEIPT;
use reqwest::Method;
use serde_json::{Value, json};
use server::service::oblivious::{ADMITTED, LINE};
use uuid::Uuid;

const CAPABILITY: [u8; 32] = [7; 32];
const KEY: [u8; 16] = [1; 16];

/// A relay with a gate key of alice's, who sends to bob.
struct Scene {
    relay: TestRelay,
    gate: Arc<FakeGate>,
    alice: User,
    bob: User,
}

async fn scene_with(change: impl FnOnce(&mut server::Config)) -> Scene {
    let gate = Arc::new(FakeGate::default());
    let relay = TestRelay::start_on(gate.clone(), change).await;
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    put_gate_key(&alice, KEY, CAPABILITY, fake_key(100, &[])).await.ok();
    Scene {
        relay,
        gate,
        alice,
        bob,
    }
}

async fn scene() -> Scene {
    scene_with(|_| {}).await
}

impl Scene {
    async fn sent(&self, limit: u8) -> ObliviousLicense {
        self.sent_under(limit, KEY).await
    }

    async fn sent_under(&self, limit: u8, key: [u8; 16]) -> ObliviousLicense {
        let license = ObliviousLicense::new("bob", key, CAPABILITY, fake_counter(limit));
        self.send(license.message("bob", Uuid::new_v4(), b"sealed")).await.ok();
        license
    }

    async fn send(&self, body: Value) -> Answer {
        self.alice
            .call(Method::POST, "/v1/messages/oblivious", Some(body))
            .await
    }

    fn key_files(&self) -> usize {
        std::fs::read_dir(self.relay.data().join("gate-keys")).unwrap().count()
    }
}

/// What only bob could tell of a real release.
fn granted(answer: &Value, license: &ObliviousLicense) -> bool {
    let release = unb64(&answer["release"]);
    match release[0] {
        0 => false,
        _ => {
            assert_eq!(release[1..33], license.license.share);
            true
        }
    }
}

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
        scene.relay.status().await["licenses_active"],
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

/// A thousand requests for forty plays: what a play costs (signature, commits) bounds the test, not the number of requests.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_thousand_requests_at_once_three_plays_are_granted() {
    const PLAYS: usize = 40;
    let scene = scene().await;
    let (api, license) = (scene.relay.api(), scene.sent(3).await);
    let ids: Vec<Uuid> = (0..PLAYS).map(|_| Uuid::new_v4()).collect();
    // Sealed requests: whoever comes second with a slot of the pad is refused, which is another test.
    let request = fake_request(true, None);
    let asks = (0..1000).map(|n| license.insist(&api, ids[n % PLAYS], &request));
    let answers: Vec<_> = futures_util::future::join_all(asks)
        .await
        .into_iter()
        .map(Answer::ok)
        .collect();
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!(
            *answer,
            answers[n % PLAYS],
            "one answer a play, however often it is asked for"
        );
    }
    let plays = &answers[..PLAYS];
    assert_eq!(plays.iter().filter(|answer| granted(answer, &license)).count(), 3);
    let view = license
        .license
        .owned(&api, Method::GET, &license.license.owner)
        .await
        .ok();
    assert_eq!((&view["counter"], &view["requests"]), (&json!(b64([0])), &json!(PLAYS)));
    let mut numbers = Vec::new();
    for answer in plays {
        numbers.push(receipt(&api, &answer["receipt"]).await.number);
    }
    numbers.sort_unstable();
    assert_eq!(
        numbers,
        (1..=PLAYS as u64).collect::<Vec<_>>(),
        "each number was signed once"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_play_64_times_at_once_moves_the_counter_once() {
    let scene = scene().await;
    let (api, license) = (scene.relay.api(), scene.sent(9).await);
    let (id, request) = (Uuid::new_v4(), fake_request(true, Some(0)));
    let asks = (0..64).map(|_| license.insist(&api, id, &request));
    let answers = futures_util::future::join_all(asks).await;
    let first = answers[0].clone().ok();
    assert!(granted(&first, &license));
    assert!(answers.into_iter().all(|answer| answer.ok() == first));
    assert_eq!(scene.gate.plays.load(Ordering::SeqCst), 1);
    let view = license
        .license
        .owned(&api, Method::GET, &license.license.owner)
        .await
        .ok();
    assert_eq!(view["counter"], b64([8]));
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
    assert_eq!(scene.relay.status().await["licenses_active"], 0);
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
async fn a_gate_key_is_its_owners_and_what_is_no_key_is_not_kept() {
    let scene = scene().await;
    let (alice, bob) = (&scene.alice, &scene.bob);
    let key = fake_key(100, &[]);
    let view = gate_key(alice, Method::GET, KEY).await.ok();
    assert_eq!(
        view,
        json!({ "id": hex::encode(KEY), "state": "live", "bytes": key.len(),
            "sha256": hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&key)) })
    );
    let loads = scene.gate.loads.load(Ordering::SeqCst);
    assert_eq!(put_gate_key(alice, KEY, CAPABILITY, key.clone()).await.ok(), view);
    assert_eq!(
        scene.gate.loads.load(Ordering::SeqCst),
        loads,
        "what is there is not checked again"
    );
    for answer in [
        put_gate_key(alice, KEY, CAPABILITY, fake_key(100, b"other")).await,
        put_gate_key(alice, KEY, [8; 32], key.clone()).await,
        put_gate_key(bob, KEY, CAPABILITY, key.clone()).await,
    ] {
        answer.refused(409, "gate_key_conflict");
    }
    for method in [Method::GET, Method::DELETE] {
        gate_key(bob, method.clone(), KEY)
            .await
            .refused(404, "no_such_gate_key");
        gate_key(alice, method, [5; 16]).await.refused(404, "no_such_gate_key");
    }
    assert_eq!(gate_key(alice, Method::GET, KEY).await.ok(), view);

    for bad in [&b""[..], b"K", b"KEY!", b"KEY!\0\0\0\0\0\0\0", &[0; 100_000]] {
        put_gate_key(alice, [2; 16], CAPABILITY, bad.to_vec())
            .await
            .refused(400, "bad_gate_key");
    }
    let path = format!("/v1/gate-keys/{}", hex::encode([2; 16]));
    let put = |path: &str, token, hash: &str| {
        let request = alice.api.request(Method::PUT, path, token);
        request
            .header("Latchkey-Capability-Hash", hash)
            .header("Content-Type", "application/octet-stream")
    };
    let hash = b64([0; 32]);
    answer(put(&path, None, &hash).body(key.clone()))
        .await
        .refused(401, "unauthorized");
    let token = Some(alice.token.as_str());
    for (path, hash) in [(&path, &b64([0; 31])), (&"/v1/gate-keys/00".to_owned(), &hash)] {
        answer(put(path, token, hash).body(key.clone()))
            .await
            .refused(400, "bad_request");
    }
    // Too long by announcement, and too long without.
    let long = vec![0; server::service::gate_keys::MAX_GATE_KEY_BYTES + 1];
    answer(put(&path, token, &hash).body(long.clone()))
        .await
        .refused(413, "too_large");
    let pieces: Vec<Result<Vec<u8>, std::io::Error>> = long.chunks(1 << 20).map(|piece| Ok(piece.to_vec())).collect();
    let stream = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    answer(put(&path, token, &hash).body(stream))
        .await
        .refused(413, "too_large");
    // A sender that goes away in the middle.
    let half: Vec<Result<Vec<u8>, std::io::Error>> = vec![Ok(vec![0; 2 << 20]), Err(std::io::Error::other("gone"))];
    let stream = reqwest::Body::wrap_stream(futures_util::stream::iter(half));
    put(&path, token, &hash).body(stream).send().await.unwrap_err();
    eventually("only the good key has a file", || scene.key_files() == 1).await;
    assert_eq!(scene.relay.status().await["gate_keys"], 1);
}

#[tokio::test]
async fn gate_keys_are_bounded_an_account_and_in_all() {
    let size = fake_key(100, &[]).len() as u64;
    let scene = scene_with(|config| {
        config.gate.keys = 2;
        config.gate.disk = 3 * size;
    })
    .await;
    let (alice, bob) = (&scene.alice, &scene.bob);
    let put = async |user, id: u8| put_gate_key(user, [id; 16], CAPABILITY, fake_key(100, &[])).await;
    put(alice, 2).await.ok();
    put(alice, 3).await.refused(409, "gate_keys_full");
    put(alice, 2).await.ok();
    put(bob, 3).await.ok();
    put(bob, 4).await.refused(507, "storage_full");
    assert_eq!(scene.key_files(), 3);
    gate_key(alice, Method::DELETE, [2; 16]).await.ok();
    assert_eq!(scene.key_files(), 2);
    put(bob, 4).await.ok();
    assert_eq!(scene.relay.status().await["gate_keys"], 3);
}

#[tokio::test]
async fn a_deleted_key_plays_on_until_its_last_license_is_over() {
    let mut scene = scene().await;
    let license = scene.sent(5).await;
    gate_key(&scene.alice, Method::DELETE, KEY).await.ok();
    assert_eq!(gate_key(&scene.alice, Method::GET, KEY).await.ok()["state"], "retired");
    let late = ObliviousLicense::new("bob", KEY, CAPABILITY, fake_counter(3));
    scene
        .send(late.message("bob", Uuid::new_v4(), b"x"))
        .await
        .refused(404, "no_such_gate_key");
    put_gate_key(&scene.alice, KEY, CAPABILITY, fake_key(100, &[]))
        .await
        .refused(409, "gate_key_conflict");
    scene.relay.restart().await;
    let api = scene.relay.api();
    let answer = license
        .ask(&api, Uuid::new_v4(), &fake_request(true, Some(0)))
        .await
        .ok();
    assert!(granted(&answer, &license));
    license
        .license
        .owned(&api, Method::DELETE, &license.license.owner)
        .await
        .ok();
    scene.relay.running().services().sweep().await.unwrap();
    assert_eq!(scene.key_files(), 0);
    assert_eq!(scene.relay.status().await["gate_keys"], 0);
}

#[tokio::test]
async fn a_key_file_that_is_lost_is_said_and_can_be_put_back() {
    let mut scene = scene().await;
    let license = scene.sent(5).await;
    let dir = scene.relay.data().join("gate-keys");
    std::fs::write(dir.join("00.part"), b"left by a crash").unwrap();
    for entry in std::fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "part") {
            std::fs::remove_file(path).unwrap();
        }
    }
    scene.relay.restart().await;
    assert_eq!(scene.key_files(), 0, "what a crash left is removed at the start");
    scene.alice.api = scene.relay.api();
    let (api, id, request) = (scene.relay.api(), Uuid::new_v4(), fake_request(true, Some(0)));
    license.ask(&api, id, &request).await.refused(404, "no_such_gate_key");
    gate_key(&scene.alice, Method::GET, KEY)
        .await
        .refused(404, "no_such_gate_key");
    let next = ObliviousLicense::new("bob", KEY, CAPABILITY, fake_counter(3));
    scene
        .send(next.message("bob", Uuid::new_v4(), b"x"))
        .await
        .refused(404, "no_such_gate_key");
    // An evaluation key is made anew from the secret, with other bytes.
    put_gate_key(&scene.alice, KEY, CAPABILITY, fake_key(100, b"again"))
        .await
        .ok();
    assert!(granted(&license.ask(&api, id, &request).await.ok(), &license));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_full_queue_is_busy_and_everybody_else_is_served() {
    let scene = scene().await;
    let api = scene.relay.api();
    let mut licenses = Vec::new();
    for _ in 0..ADMITTED + 4 {
        licenses.push(scene.sent(5).await);
    }
    scene.gate.door.shut();
    // More of one license than its line holds, while there is room for all.
    let request = fake_request(true, None);
    let impatient = tokio::spawn({
        let asks: Vec<_> = (0..LINE + 2)
            .map(|_| {
                let (api, request, id, play) = (
                    api.clone(),
                    request.clone(),
                    licenses[0].license.id.clone(),
                    licenses[0].license.play,
                );
                async move {
                    let body = json!({ "play_id": Uuid::new_v4(), "capability": b64(play), "request": b64(&request) });
                    let path = format!("/v1/licenses/{id}/oblivious-plays");
                    api.call(Method::POST, &path, None, Some(body)).await
                }
            })
            .collect();
        futures_util::future::join_all(asks)
    });
    scene.gate.door.reached(1).await;
    // Now more licenses than there are places.
    let others = licenses[1..]
        .iter()
        .map(|license| license.ask(&api, Uuid::new_v4(), &request));
    let others = futures_util::future::join_all(others);
    let meanwhile = async {
        let busy = async {
            loop {
                let status = scene.relay.status().await;
                if status["gate_queue"].as_u64().unwrap() as usize >= ADMITTED - LINE - 2 {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), busy).await.unwrap();
        // The gate is full to the brim; mail is not.
        scene.alice.send("bob", Uuid::new_v4(), b"ordinary").await.ok();
        let refused = licenses[1]
            .ask(&api, Uuid::new_v4(), &request)
            .await
            .refused(503, "busy");
        assert!(refused["retry_after_seconds"].as_u64().unwrap() >= 1);
        scene.gate.door.open();
    };
    let (others, ()) = tokio::join!(others, meanwhile);
    let impatient = impatient.await.unwrap();
    let busy = |answers: &[Answer]| answers.iter().filter(|answer| answer.status == 503).count();
    assert!(busy(&impatient) >= 2, "{} of one license", busy(&impatient));
    assert!(busy(&others) >= 1, "{} of all", busy(&others));
    for answer in impatient.into_iter().chain(others) {
        match answer.status {
            200 => drop(answer.ok()),
            _ => drop(answer.refused(503, "busy")),
        }
    }
}

#[tokio::test]
async fn loaded_keys_are_bounded_and_the_longest_unused_goes() {
    let scene = scene_with(|config| config.gate.memory = 250).await;
    let api = scene.relay.api();
    put_gate_key(&scene.alice, [2; 16], CAPABILITY, fake_key(100, b"2"))
        .await
        .ok();
    put_gate_key(&scene.alice, [3; 16], CAPABILITY, fake_key(100, b"3"))
        .await
        .ok();
    let mut licenses = Vec::new();
    for key in [KEY, [2; 16], [3; 16]] {
        licenses.push(scene.sent_under(200, key).await);
    }
    let checked = scene.gate.loads.load(Ordering::SeqCst);
    let play = async |n: usize| {
        let answer = licenses[n]
            .ask(&api, Uuid::new_v4(), &fake_request(true, None))
            .await
            .ok();
        assert!(granted(&answer, &licenses[n]));
        scene.gate.loads.load(Ordering::SeqCst) - checked
    };
    assert_eq!((play(0).await, play(1).await, play(0).await), (1, 2, 2));
    assert_eq!(play(2).await, 3, "the third pushes out the second");
    assert_eq!((play(0).await, play(2).await), (3, 3));
    assert_eq!(play(1).await, 4, "and comes back for the first");
    assert_eq!((play(2).await, play(0).await), (4, 5));
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
