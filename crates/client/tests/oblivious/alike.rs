//! Both modes give the same answers, and in the oblivious one nobody can tell on the wire which answer was given.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use latchkey_client::vault::{Ended, LimitMode};
use latchkey_client::{DECOY_PAUSE, Error, GateStage, GateWatch, LimitRequest, MAX_DECOYS, Messenger, RelayError};
use playgate::oblivious::PAD_SLOTS;

use crate::support::{Stage, address, contains, holds};
use crate::{SECRET, limit, nobody, people, play, send, used};

#[tokio::test]
async fn both_modes_give_the_same_answers() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = people(&stage).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&seen);
    let watch: GateWatch = Arc::new(move |stage| heard.lock().unwrap().push(stage));
    alice
        .send_oblivious(&address("bob"), SECRET, limit(1), &watch)
        .await
        .unwrap();
    let stages = std::mem::take(&mut *seen.lock().unwrap());
    assert_eq!(stages.first(), Some(&GateStage::Making(1.0)));
    assert_eq!(stages.last(), Some(&GateStage::Checking));
    let total = stages.iter().find_map(|stage| match stage {
        GateStage::Uploading { total, .. } => Some(*total),
        _ => None,
    });
    assert!(
        total.is_some_and(|total| (20_000_000..=31_100_000).contains(&total)),
        "{total:?}"
    );

    for plays in [2, 17] {
        let mut answers = Vec::new();
        for mode in [LimitMode::Counted, LimitMode::Oblivious] {
            let id = send(&mut alice, &mut bob, plays, mode).await;
            let mut got = vec![used(&mut alice, &id).await];
            // Lost more often than the client tries by itself, and lost on the way there.
            for _ in 0..3 {
                stage.line.lose_answer("POST /v1/licenses/");
            }
            assert!(matches!(
                bob.play(&id).await,
                Err(Error::Relay(RelayError::Network { .. }))
            ));
            drop(bob);
            bob = stage.open("bob");
            got.extend(play(&mut bob, &id).await);
            stage.line.lose_request("POST /v1/licenses/");
            got.extend(play(&mut bob, &id).await);
            got.push(used(&mut alice, &id).await);
            if plays == 2 {
                assert_eq!(play(&mut bob, &id).await, None, "{mode:?}");
                assert_eq!(play(&mut bob, &id).await, None, "{mode:?}");
            }
            got.push(used(&mut alice, &id).await);
            answers.push(got);
        }
        assert_eq!(answers, [vec![0, 1, 2, 2, 2], vec![0, 1, 2, 2, 2]]);
    }
    // Nothing is made or uploaded twice.
    assert!(seen.lock().unwrap().is_empty());
    let keys = alice.gate_keys().unwrap();
    assert!(keys.len() == 1 && keys[0].uploaded && !keys[0].retired);

    // Taken back, and over.
    let id = send(&mut alice, &mut bob, 3, LimitMode::Oblivious).await;
    assert_eq!(play(&mut bob, &id).await, Some(1));
    assert_eq!(alice.revoke(&id).await.unwrap().terms.ended, Some(Ended::Revoked));
    for _ in 0..2 {
        assert!(matches!(bob.play(&id).await, Err(Error::Ended(Ended::Revoked))));
    }
    let request = LimitRequest {
        plays: 3,
        expires_in: Some(Duration::from_secs(3600)),
    };
    let sent = alice
        .send_oblivious(&address("bob"), SECRET, request, &nobody())
        .await
        .unwrap();
    bob.receive(Duration::ZERO).await.unwrap();
    stage.advance(Duration::from_secs(3601));
    let outcome = bob.play(&sent.id.to_string()).await;
    assert!(matches!(outcome, Err(Error::Ended(Ended::Expired))), "{outcome:?}");
}

/// What `only_sealed_envelopes_leave_a_client` shows of the other messages.
#[tokio::test]
async fn only_sealed_oblivious_messages_leave_a_client() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = people(&stage).await;
    // The gate key goes with the first.
    send(&mut alice, &mut bob, 1, LimitMode::Oblivious).await;
    stage.line.record();
    let id = send(&mut alice, &mut bob, 2, LimitMode::Oblivious).await;
    assert_eq!(play(&mut bob, &id).await, Some(1));
    bob.receive(Duration::ZERO).await.unwrap();
    assert_eq!(used(&mut alice, &id).await, 1);
    let went = stage.line.recorded();
    for control in ["POST /v1/messages/oblivious", "/oblivious-plays"] {
        assert!(contains(&went, control.as_bytes()), "{control} is not there");
    }
    assert_eq!(holds(&went, SECRET.as_bytes()), None, "the text left");
}

fn forget(stage: &Stage) {
    drop(shapes(stage));
}

/// Ids are random: what is compared is the shape.
fn shapes(stage: &Stage) -> Vec<(String, usize)> {
    let plain = |request: &str| {
        request
            .split(['/', '=', '&'])
            .filter(|part| part.len() < 32)
            .collect::<Vec<_>>()
            .join("/")
    };
    // The counters in these have as many digits as they have.
    let length = |request: &str, size| if request.contains("inbox") { 0 } else { size };
    let (requests, sizes) = (stage.line.take_requests(), stage.line.take_sizes());
    requests
        .iter()
        .zip(sizes)
        .map(|(request, size)| (plain(request), length(request, size)))
        .collect()
}

/// What the relay sees of a play and of the round after it: requests with their lengths, and commits.
async fn observed(stage: &Stage, bob: &mut Messenger, id: &str) -> (Option<u8>, Vec<(String, usize)>, u64) {
    // Nothing is left over, and the session is fresh.
    bob.receive(Duration::ZERO).await.unwrap();
    bob.receive(Duration::ZERO).await.unwrap();
    forget(stage);
    let before = bob.commits();
    let granted = play(bob, id).await;
    bob.receive(Duration::ZERO).await.unwrap();
    let commits = bob.commits() - before;
    (granted, shapes(stage), commits)
}

#[tokio::test]
async fn a_grant_a_denial_and_a_decoy_look_the_same() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = people(&stage).await;
    let id = send(&mut alice, &mut bob, 2, LimitMode::Oblivious).await;
    // The first one asks for the relay's key besides; so it would if it were denied.
    assert_eq!(play(&mut bob, &id).await, Some(1));
    let (first, granted, commits) = observed(&stage, &mut bob, &id).await;
    let (second, denied, same) = observed(&stage, &mut bob, &id).await;
    assert_eq!((first, second), (Some(2), None));
    assert!(granted.iter().any(|(request, _)| request.contains("oblivious-plays")));
    assert!(
        granted.iter().any(|(request, _)| request.starts_with("DELETE")),
        "confirmed"
    );
    assert!(
        granted.iter().any(|(request, _)| request.contains("messages")),
        "the receipt goes to the sender"
    );
    assert_eq!(granted, denied);
    assert_eq!(commits, same);

    // A decoy costs nothing, and is a play to whoever looks. Nobody sees in the message that it was made.
    let id = send(&mut alice, &mut bob, 1, LimitMode::Oblivious).await;
    bob.set_decoys(true).unwrap();
    let mut decoys = 0;
    let mut seen = Vec::new();
    for _ in 0..6 {
        bob.receive(Duration::ZERO).await.unwrap();
        forget(&stage);
        stage.advance(DECOY_PAUSE * 20);
        bob.receive(Duration::ZERO).await.unwrap();
        let shapes = shapes(&stage);
        let asked: Vec<_> = shapes
            .into_iter()
            .filter(|(request, _)| request.contains("plays"))
            .collect();
        decoys += asked.iter().filter(|(request, _)| request.starts_with("POST")).count();
        seen.extend(asked);
    }
    assert!(decoys >= 5 && decoys <= usize::from(MAX_DECOYS) * 2, "{decoys}");
    let plays: Vec<_> = granted
        .iter()
        .filter(|(request, _)| request.contains("plays"))
        .collect();
    assert!(seen.iter().all(|decoy| plays.contains(&decoy)), "{seen:?}");
    assert_eq!(used(&mut alice, &id).await, 0);
    assert_eq!(play(&mut bob, &id).await, Some(1));
    assert_eq!(play(&mut bob, &id).await, None);
    assert_eq!(used(&mut alice, &id).await, 1);
}

/// A limit of more plays than there are pads.
#[tokio::test]
async fn when_the_pads_are_used_requests_are_sealed_and_look_alike_as_well() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = people(&stage).await;
    let last = u8::try_from(PAD_SLOTS).unwrap() + 2;
    let id = send(&mut alice, &mut bob, last, LimitMode::Oblivious).await;
    for n in 1..last - 2 {
        assert_eq!(play(&mut bob, &id).await, Some(n));
    }
    let (number, padded, commits) = observed(&stage, &mut bob, &id).await;
    assert_eq!(number, Some(last - 2), "on the last pad");
    let mut sealed = Vec::new();
    for expected in [Some(last - 1), Some(last), None, None] {
        let (number, seen, same) = observed(&stage, &mut bob, &id).await;
        assert_eq!((number, same), (expected, commits));
        sealed.push(seen);
    }
    assert!(sealed.iter().all(|seen| *seen == sealed[0]), "{sealed:#?}");
    // Which of the two kinds it is the relay may know, since it can count the requests; all else is as before.
    let asked = |seen: &[(String, usize)]| {
        let (asked, others): (Vec<_>, Vec<_>) = seen
            .iter()
            .cloned()
            .partition(|(request, _)| request.contains("oblivious-plays"));
        assert_eq!(asked.len(), 1);
        (asked[0].1, others)
    };
    let ((short, padded), (long, others)) = (asked(&padded), asked(&sealed[0]));
    assert!(short < long, "{short} {long}");
    assert_eq!(padded, others);
    assert_eq!(used(&mut alice, &id).await, last);

    // Decoys are sealed too.
    bob.set_decoys(true).unwrap();
    let mut decoys = Vec::new();
    while decoys.len() < 3 {
        bob.receive(Duration::ZERO).await.unwrap();
        forget(&stage);
        stage.advance(DECOY_PAUSE * 20);
        bob.receive(Duration::ZERO).await.unwrap();
        let posted = shapes(&stage).into_iter();
        decoys.extend(posted.filter(|(request, _)| request.contains("oblivious-plays")));
    }
    assert!(decoys.iter().all(|decoy| sealed[0].contains(decoy)), "{decoys:?}");
    assert_eq!(used(&mut alice, &id).await, last);
}
