//! The client dies at every step.

use std::sync::Arc;
use std::time::Duration;

use latchkey_client::vault::Ended;
use latchkey_client::{Error, Messenger, NoSteps, Step, Steps};

use crate::support::{CrashAt, Stage, address, until_crash};
use crate::{SECRET, limit, nobody, people};

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
            match until_crash(act(self.messenger.get_or_insert_with(open))).await {
                Ok(Ok(answer)) => return answer,
                Ok(Err(error)) => panic!("{}: {error}", self.name),
                Err(_) => self.messenger = None,
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
