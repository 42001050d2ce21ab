//! Limits that the relay enforces without seeing them, through the whole stack: a real relay, a faulty line, one gate key for all.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use latchkey_client::vault::{Ended, LimitMode, MessageBody, MessageState};
use latchkey_client::{
    DECOY_PAUSE, Error, Event, GateStage, GateWatch, LimitRequest, MAX_DECOYS, Messenger, NoSteps, RelayError, Step,
    Steps,
};
use support::{CrashAt, Stage, address, copy};

const SECRET: &str = "the combination is 12-34-56";

fn limit(plays: u8) -> LimitRequest {
    LimitRequest {
        plays,
        expires_in: None,
    }
}

fn nobody() -> GateWatch {
    Arc::new(|_| ())
}

/// Alice and Bob, who have written to each other: only then is anything said to the other side unasked.
async fn people(stage: &Stage) -> (Messenger, Messenger) {
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    bob.send_text(&address("alice"), "hello").await.unwrap();
    alice.receive(Duration::ZERO).await.unwrap();
    alice.send_text(&address("bob"), "hello").await.unwrap();
    bob.receive(Duration::ZERO).await.unwrap();
    (alice, bob)
}

async fn send(alice: &mut Messenger, bob: &mut Messenger, plays: u8, mode: LimitMode) -> String {
    // What was said about earlier plays comes: what is kept of those messages for sending again is forgotten.
    bob.receive(Duration::ZERO).await.unwrap();
    alice.receive(Duration::ZERO).await.unwrap();
    let sent = match mode {
        LimitMode::Counted => alice.send_limited(&address("bob"), SECRET, limit(plays)).await,
        LimitMode::Oblivious => {
            alice
                .send_oblivious(&address("bob"), SECRET, limit(plays), &nobody())
                .await
        }
    }
    .unwrap();
    assert_eq!(sent.state, MessageState::Sent);
    bob.receive(Duration::ZERO).await.unwrap();
    let message = bob.message(&sent.id.to_string()).unwrap();
    assert!(
        matches!(&message.body, MessageBody::Limited(terms, Some(_)) if terms.limit == plays && terms.mode() == mode),
        "{message:?}"
    );
    sent.id.to_string()
}

/// `Some` is the number of a play that was granted and shown.
async fn play(person: &mut Messenger, id: &str) -> Option<u8> {
    match person.play(id).await {
        Ok(playback) => {
            assert_eq!(playback.text.as_str(), SECRET);
            let number = playback.play;
            person.finish_play(playback).await.unwrap();
            Some(number)
        }
        Err(Error::Ended(Ended::Exhausted)) => None,
        Err(other) => panic!("{other}"),
    }
}

async fn used(alice: &mut Messenger, id: &str) -> u8 {
    let report = alice.license_state(id).await.unwrap();
    assert_eq!((report.went_back, report.unreadable), (None, None));
    report.terms.used
}

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

#[tokio::test]
async fn a_restored_vault_goes_forward_and_opens_no_more_than_it_may() {
    let mut stage = Stage::new().await;
    let (mut alice, mut bob) = people(&stage).await;
    let id = send(&mut alice, &mut bob, 5, LimitMode::Oblivious).await;
    assert_eq!(play(&mut bob, &id).await, Some(1));
    drop(bob);
    let backup = stage.home("backup");
    copy(&stage.home("bob"), &backup);
    let mut bob = stage.open("bob");
    assert_eq!(play(&mut bob, &id).await, Some(2));
    assert_eq!(play(&mut bob, &id).await, Some(3));
    drop(bob);
    copy(&backup, &stage.home("bob"));
    // It does not know yet that it is older: its next slot is used, the relay says which is not.
    let mut bob = stage.open("bob");
    assert_eq!(play(&mut bob, &id).await, Some(2), "its own count went back with it");
    assert_eq!(used(&mut alice, &id).await, 4, "the real one did not");
    // Now it is told: it goes to the end of its pads, and then seals its requests.
    bob.receive(Duration::ZERO).await.unwrap();
    forget(&stage);
    assert_eq!(play(&mut bob, &id).await, Some(3));
    assert_eq!(play(&mut bob, &id).await, None);
    assert_eq!(used(&mut alice, &id).await, 5);

    // The relay is put back to before the key was uploaded: the next message uploads it again.
    let id = send(&mut alice, &mut bob, 1, LimitMode::Oblivious).await;
    stage.stop_relay().await;
    let lost = stage.relay_home();
    let keys: Vec<_> = walk(&lost)
        .into_iter()
        .filter(|path| std::fs::metadata(path).unwrap().len() > 20_000_000)
        .collect();
    assert!(!keys.is_empty(), "the evaluation key is a file");
    for key in keys {
        std::fs::remove_file(key).unwrap();
    }
    stage.start_relay().await;
    let (mut again, heard) = (Vec::new(), Arc::new(Mutex::new(Vec::new())));
    let watch: GateWatch = {
        let heard = Arc::clone(&heard);
        Arc::new(move |stage| heard.lock().unwrap().push(stage))
    };
    let sent = alice
        .send_oblivious(&address("bob"), SECRET, limit(1), &watch)
        .await
        .unwrap();
    again.extend(heard.lock().unwrap().iter().copied());
    assert_eq!(sent.state, MessageState::Sent, "{:?}", sent.because);
    assert!(again.contains(&GateStage::Checking), "uploaded again");
    bob.receive(Duration::ZERO).await.unwrap();
    assert_eq!(play(&mut bob, &sent.id.to_string()).await, Some(1));
    assert_eq!(
        play(&mut bob, &id).await,
        Some(1),
        "what was sealed before opens with it too"
    );
}

fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(walk(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// One person, who starts again when the program died.
struct Actor<'a> {
    stage: &'a Stage,
    name: &'static str,
    steps: Arc<dyn Steps>,
    messenger: Option<Messenger>,
}

impl Actor<'_> {
    async fn insist<T>(&mut self, mut act: impl AsyncFnMut(&mut Messenger) -> Result<T, Error>) -> T {
        loop {
            let open = || {
                let options = self.stage.options_with(Arc::clone(&self.steps));
                self.stage.try_open(self.name, options).unwrap()
            };
            match act(self.messenger.get_or_insert_with(open)).await {
                Ok(answer) => return answer,
                Err(Error::Interrupted(_)) => self.messenger = None,
                Err(other) => panic!("{}: {other}", self.name),
            }
        }
    }

    async fn listen(&mut self) {
        self.insist(async |person| person.receive(Duration::ZERO).await.map(drop))
            .await;
    }
}

/// Alice sends and Bob plays; one of them dies at step `n` and starts again.
async fn story(stage: &Stage, n: usize, alice_crashes: bool) -> Option<Step> {
    let crash = CrashAt::nth(n);
    let actor = |name, crashes| Actor {
        stage,
        name,
        steps: if crashes { crash.clone() } else { Arc::new(NoSteps) },
        messenger: None,
    };
    let (mut alice, mut bob) = (actor("alice", alice_crashes), actor("bob", !alice_crashes));
    let known = alice.insist(async |alice| Ok(alice.history(None, 1000)?.len())).await;
    alice
        .insist(async |alice| {
            if alice.history(None, 1000)?.len() == known {
                let (bob, watch) = (address("bob"), nobody());
                alice.send_oblivious(&bob, SECRET, limit(1), &watch).await.map(drop)
            } else {
                alice.catch_up().await.map(drop)
            }
        })
        .await;
    let sent = alice.insist(async |alice| alice.history(None, 1000)).await;
    assert_eq!(sent.len(), known + 1);
    let id = sent.last().unwrap().id.to_string();
    bob.listen().await;
    let mut granted = Vec::new();
    loop {
        let mut number = None;
        let more = bob
            .insist(async |bob| match bob.play(&id).await {
                Ok(playback) => {
                    number = Some(playback.play);
                    bob.finish_play(playback).await.map(|()| true)
                }
                Err(Error::Ended(Ended::Exhausted)) => Ok(false),
                Err(other) => Err(other),
            })
            .await;
        granted.extend(number);
        if !more {
            break;
        }
    }
    let at = crash.crashed();
    granted.dedup();
    assert_eq!(granted, [1], "crash {n} at {at:?}");
    // Confirmations and the receipt go out; nothing is left to be done.
    bob.listen().await;
    alice.listen().await;
    let report = alice.insist(async |alice| alice.license_state(&id).await).await;
    assert_eq!((report.terms.used, report.went_back), (1, None), "crash {n} at {at:?}");
    crash.crashed()
}

#[tokio::test]
async fn no_play_is_lost_or_given_twice_wherever_somebody_dies() {
    let stage = Stage::new().await;
    let (mut alice, bob) = people(&stage).await;
    drop(bob);
    alice
        .send_oblivious(&address("bob"), SECRET, limit(1), &nobody())
        .await
        .unwrap();
    drop(alice);
    for alice_crashes in [true, false] {
        let mut met = Vec::new();
        for n in 0.. {
            match story(&stage, n, alice_crashes).await {
                Some(step) => met.push(step),
                None => break,
            }
        }
        let wanted: &[Step] = if alice_crashes {
            &[Step::BeforeCommit, Step::BeforeSend, Step::AfterSend]
        } else {
            &[Step::BeforePlay, Step::AfterPlay, Step::BeforeAck, Step::BeforeCommit]
        };
        for step in wanted {
            assert!(met.contains(step), "{step:?} was never reached: {met:?}");
        }
    }
}

#[tokio::test]
async fn a_gate_key_is_finished_wherever_its_making_was_cut_short_and_replaced_when_it_is_old() {
    let stage = Stage::new().await;
    let (alice, mut bob) = people(&stage).await;
    drop(alice);
    for step in Step::GATE_KEY {
        let mut alice = stage
            .try_open("alice", stage.options_with(CrashAt::step(step)))
            .unwrap();
        let outcome = match step {
            Step::GateKeyMade => alice
                .send_oblivious(&address("bob"), SECRET, limit(1), &nobody())
                .await
                .map(drop),
            _ => alice.rotate_gate_key(None, &nobody()).await.map(drop),
        };
        assert!(
            matches!(outcome, Err(Error::Interrupted(at)) if at == step),
            "{outcome:?}"
        );
        drop(alice);
        let mut alice = stage.open("alice");
        let id = send(&mut alice, &mut bob, 1, LimitMode::Oblivious).await;
        assert_eq!(play(&mut bob, &id).await, Some(1), "{step:?}");
        let live: Vec<_> = alice
            .gate_keys()
            .unwrap()
            .into_iter()
            .filter(|key| !key.retired)
            .collect();
        assert!(live.len() == 1 && live[0].uploaded, "{step:?}: {live:?}");
    }
    let mut alice = stage.open("alice");
    let old = send(&mut alice, &mut bob, 2, LimitMode::Oblivious).await;
    assert_eq!(play(&mut bob, &old).await, Some(1));
    let before = alice.gate_keys().unwrap().pop().unwrap();
    stage.advance(latchkey_client::GATE_KEY_LIFE - Duration::from_secs(24 * 3600));
    let same = send(&mut alice, &mut bob, 1, LimitMode::Oblivious).await;
    assert_eq!(alice.gate_keys().unwrap().pop().unwrap().id, before.id);
    stage.advance(Duration::from_secs(24 * 3600));
    let fresh = send(&mut alice, &mut bob, 1, LimitMode::Oblivious).await;
    let keys = alice.gate_keys().unwrap();
    assert_ne!(keys.last().unwrap().id, before.id);
    assert!(keys.iter().any(|key| key.id == before.id && key.retired));
    for id in [&same, &fresh] {
        assert_eq!(play(&mut bob, id).await, Some(1));
    }
    assert_eq!(used(&mut alice, &same).await, 1, "sealed with the retired one");
    // A contact's own, and back.
    alice.rotate_gate_key(Some(&address("bob")), &nobody()).await.unwrap();
    let own = alice.gate_keys().unwrap().pop().unwrap();
    assert_eq!(own.contact.as_deref(), Some("bob@localhost"));
    let id = send(&mut alice, &mut bob, 1, LimitMode::Oblivious).await;
    assert_eq!(play(&mut bob, &id).await, Some(1));
    alice.drop_gate_key(&address("bob")).await.unwrap();
    assert!(matches!(
        alice.drop_gate_key(&address("bob")).await,
        Err(Error::NoGateKey(_))
    ));
}

/// In counted mode, where it costs no key: the receipts are the same.
#[tokio::test]
async fn a_relay_that_was_put_back_is_found_out_by_both() {
    let mut stage = Stage::new().await;
    let (mut alice, mut bob) = people(&stage).await;
    let id = send(&mut alice, &mut bob, 9, LimitMode::Counted).await;
    assert_eq!(play(&mut bob, &id).await, Some(1));
    stage.stop_relay().await;
    let backup = stage.home("relay-backup");
    copy(&stage.relay_home(), &backup);
    stage.start_relay().await;
    assert_eq!(play(&mut bob, &id).await, Some(2));
    assert_eq!(play(&mut bob, &id).await, Some(3));
    bob.receive(Duration::ZERO).await.unwrap();
    alice.receive(Duration::ZERO).await.unwrap();
    assert_eq!(alice.license_state(&id).await.unwrap().went_back, None);

    stage.stop_relay().await;
    copy(&backup, &stage.relay_home());
    stage.start_relay().await;
    let report = alice.license_state(&id).await.unwrap();
    assert_eq!((report.went_back, report.terms.used), (Some(3), 1));
    // The recipient gets a second play again, and says so.
    assert_eq!(play(&mut bob, &id).await, Some(2));
    let events = bob.receive(Duration::ZERO).await.unwrap();
    assert!(
        events.iter().any(|event| matches!(event, Event::RelayFault { .. })),
        "{events:?}"
    );
    // It catches up in number, and its receipts are still others.
    assert_eq!(play(&mut bob, &id).await, Some(3));
    assert_eq!(alice.license_state(&id).await.unwrap().went_back, Some(3));
}
