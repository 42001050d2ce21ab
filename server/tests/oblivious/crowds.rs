//! Many at once: plays of one license are serial and exact, and what has no place is told so.

use std::{sync::atomic::Ordering, time::Duration};

use reqwest::Method;
use serde_json::json;
use server::service::oblivious::{ADMITTED, LINE};
use uuid::Uuid;

use crate::{common::*, granted, scene};

/// All different, in their ids and in their bytes; `gate` does the same with arithmetic.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_thousand_plays_at_once_three_are_granted() {
    const PLAYS: u16 = 1000;
    let scene = scene().await;
    let (api, license) = (scene.relay.api(), scene.sent(3).await);
    // Numbers beyond the pad are sealed requests: whoever comes second with a slot of the pad is refused, which is another test.
    let plays = (0..PLAYS).map(|n| (Uuid::new_v4(), fake_request(true, Some(SLOTS + n))));
    let plays: Vec<_> = plays.collect();
    let answers = license.storm(&api, &plays).await;
    assert_eq!(answers.iter().filter(|answer| granted(answer, &license)).count(), 3);
    let view = license
        .license
        .owned(&api, Method::GET, &license.license.owner)
        .await
        .ok();
    assert_eq!((&view["counter"], &view["requests"]), (&json!(b64([0])), &json!(PLAYS)));
    let mut numbers = Vec::new();
    for answer in &answers {
        numbers.push(receipt(&api, &answer["receipt"]).await.number);
    }
    numbers.sort_unstable();
    assert_eq!(
        numbers,
        (1..=u64::from(PLAYS)).collect::<Vec<_>>(),
        "each number was signed once"
    );
    // Whoever asks again gets what there was.
    for ((id, request), answer) in plays.iter().zip(&answers).step_by(97) {
        assert_eq!(license.ask(&api, *id, request).await.ok(), *answer);
    }
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
                if scene.relay.running().services().oblivious.load().waiting >= ADMITTED - LINE - 2 {
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
        let wait = refused["retry_after_seconds"].as_u64().unwrap();
        assert!(wait >= 1);
        let path = format!("/v1/licenses/{}/oblivious-plays", licenses[1].license.id);
        let body =
            json!({ "play_id": Uuid::new_v4(), "capability": b64(licenses[1].license.play), "request": b64(&request) });
        let again = api.request(Method::POST, &path, None).json(&body).send().await.unwrap();
        assert_eq!(again.status(), 503);
        assert_eq!(again.headers()["retry-after"], wait.to_string());
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
