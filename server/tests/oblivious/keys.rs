//! Gate keys: whose they are, how many, and what is left of them.

use std::sync::atomic::Ordering;

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::{CAPABILITY, KEY, common::*, granted, scene, scene_with};

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
    assert_eq!(scene.relay.totals().await.gate_keys, 1);
}

/// A client that is in the middle of 23 MB would not hear an answer that came before its end.
#[tokio::test]
async fn what_is_refused_before_the_first_byte_is_said_after_the_last() {
    let scene = scene_with(|config| config.gate.keys = 1).await;
    let long = || {
        let mut key = fake_key(100, &[]);
        key.resize(20 << 20, 0);
        key
    };
    for _ in 0..3 {
        put_gate_key(&scene.bob, KEY, CAPABILITY, long())
            .await
            .refused(409, "gate_key_conflict");
        put_gate_key(&scene.alice, [2; 16], CAPABILITY, long())
            .await
            .refused(409, "gate_keys_full");
    }
    assert_eq!(scene.key_files(), 1);
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
    assert_eq!(scene.relay.totals().await.gate_keys, 3);
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
    assert_eq!(scene.relay.totals().await.gate_keys, 0);
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
