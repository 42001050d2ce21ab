//! Pulls the plug at every step of a whole story, one step a run, and looks at what both people have afterwards.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use latchkey_client::vault::{Direction, Ended, MessageBody};
use latchkey_client::{Error, LimitRequest, Messenger, NoSteps, Step, Steps};
use support::{CrashAt, Stage, kept, until_crash};

const SECRET: &str = "for your eyes only";

/// One person, who starts again whenever the program died.
struct Actor<'a> {
    stage: &'a Stage,
    name: String,
    peer: String,
    messenger: Option<Messenger>,
    steps: Arc<dyn Steps>,
    /// (play, text) of every play that was finished.
    played: Vec<u8>,
}

impl Actor<'_> {
    /// Does something until it succeeds; after a crash everything that was in memory is gone.
    async fn insist<T>(&mut self, mut act: impl AsyncFnMut(&mut Messenger, &str) -> Result<T, Error>) -> T {
        loop {
            if self.messenger.is_none() {
                self.messenger = Some(self.wake().await);
            }
            let peer = self.peer.clone();
            match until_crash(act(self.messenger.as_mut().unwrap(), &peer)).await {
                Ok(Ok(answer)) => return answer,
                Ok(Err(error)) => panic!("{}: {error}", self.name),
                Err(_) => self.messenger = None,
            }
        }
    }

    async fn wake(&self) -> Messenger {
        loop {
            let options = self.stage.options_with(Arc::clone(&self.steps));
            let outcome = match self.stage.try_open(&self.name, options.clone()) {
                Err(Error::NotRegistered | Error::RegistrationPending { .. }) => {
                    until_crash(self.stage.try_register(&self.name, options)).await
                }
                other => Ok(other),
            };
            match outcome {
                Ok(Ok(messenger)) => return messenger,
                Ok(Err(error)) => panic!("{}: {error}", self.name),
                Err(_) => {}
            }
        }
    }

    /// What a user does who does not know whether the message went: looks at the history first.
    async fn say(&mut self, text: &str) {
        self.insist(async |messenger, peer| {
            let to = messenger.resolve(peer)?;
            if kept(messenger, Direction::Outgoing).iter().any(|sent| sent == text) {
                messenger.catch_up().await.map(drop)
            } else {
                messenger.send_text(&to, text).await.map(drop)
            }
        })
        .await;
    }

    async fn say_limited(&mut self, plays: u8) {
        let shown = format!("limited to {plays}");
        self.insist(async |messenger, peer| {
            let to = messenger.resolve(peer)?;
            if kept(messenger, Direction::Outgoing).contains(&shown) {
                messenger.catch_up().await.map(drop)
            } else {
                messenger
                    .send_limited(
                        &to,
                        SECRET,
                        LimitRequest {
                            plays,
                            expires_in: None,
                        },
                    )
                    .await
                    .map(drop)
            }
        })
        .await;
    }

    async fn listen(&mut self) {
        self.insist(async |messenger, _| messenger.receive(Duration::ZERO).await.map(drop))
            .await;
    }

    async fn play_all(&mut self) {
        loop {
            let mut granted = None;
            let outcome = self
                .insist(async |messenger, _| {
                    let message = messenger
                        .history(None, 100)?
                        .into_iter()
                        .find(|message| matches!(message.body, MessageBody::Limited(..)))
                        .unwrap();
                    match messenger.play(&message.id.to_string()).await {
                        Ok(playback) => {
                            assert_eq!(playback.text.as_str(), SECRET);
                            granted = Some(playback.play);
                            messenger.finish_play(playback).await.map(Ok)
                        }
                        Err(Error::Ended(ended)) => Ok(Err(ended)),
                        Err(error) => Err(error),
                    }
                })
                .await;
            if let Some(play) = granted {
                self.played.push(play);
            }
            if let Err(ended) = outcome {
                assert_eq!(ended, Ended::Exhausted);
                return;
            }
        }
    }
}

/// The whole story, with a crash at step `n` of whoever crashes. Answers where it was, if the story is that long.
async fn story(stage: &Stage, n: usize, alice_crashes: bool) -> Option<Step> {
    let crash = CrashAt::nth(n);
    let side = if alice_crashes { "a" } else { "b" };
    let (alice_name, bob_name) = (format!("alice-{side}{n}"), format!("bob-{side}{n}"));
    let actor = |name: &str, peer: &str, crashes: bool| Actor {
        stage,
        name: name.to_owned(),
        peer: peer.to_owned(),
        messenger: None,
        steps: if crashes { crash.clone() } else { Arc::new(NoSteps) },
        played: Vec::new(),
    };
    let mut alice = actor(&alice_name, &bob_name, alice_crashes);
    let mut bob = actor(&bob_name, &alice_name, !alice_crashes);
    alice.insist(async |_, _| Ok(())).await;
    bob.insist(async |_, _| Ok(())).await;

    alice.say("one").await;
    alice.say("two").await;
    bob.listen().await;
    bob.say("three").await;
    alice.listen().await;
    alice.say_limited(2).await;
    bob.listen().await;
    bob.play_all().await;
    alice
        .insist(async |messenger, _| messenger.rotate_keys().await.map(drop))
        .await;
    bob.insist(async |messenger, _| messenger.rotate_keys().await.map(drop))
        .await;
    let crashing = if alice_crashes { &mut alice } else { &mut bob };
    crashing
        .insist(async |messenger, _| messenger.rotate_identity().await.map(drop))
        .await;
    bob.say("four").await;
    // Whatever still waits goes out, and is fetched.
    for _ in 0..3 {
        alice.listen().await;
        bob.listen().await;
    }

    let at = crash.crashed();
    let when = format!("crash {n} of {side} at {at:?}");
    let (alice_has, bob_has) = (alice.messenger.as_ref().unwrap(), bob.messenger.as_ref().unwrap());
    assert_eq!(
        kept(alice_has, Direction::Outgoing),
        ["one", "two", "limited to 2"],
        "{when}"
    );
    assert_eq!(
        kept(bob_has, Direction::Incoming),
        ["one", "two", "limited to 2"],
        "{when}"
    );
    assert_eq!(kept(bob_has, Direction::Outgoing), ["three", "four"], "{when}");
    assert_eq!(kept(alice_has, Direction::Incoming), ["three", "four"], "{when}");
    assert_eq!(bob.played.last(), Some(&2), "{when}");
    // A play that was cut short is repeated under its number; none is skipped, none is granted beyond the limit.
    let mut numbers = bob.played.clone();
    numbers.dedup();
    assert!(numbers == [1, 2] || numbers == [2], "{when}: {numbers:?}");
    at
}

async fn every_step(alice_crashes: bool) {
    let stage = Stage::new().await;
    let mut met = Vec::new();
    for n in 0.. {
        match story(&stage, n, alice_crashes).await {
            Some(step) => met.push(step),
            None => break,
        }
    }
    // The story is worth its name only if it passes everywhere.
    let expected: Vec<Step> = Step::ALL
        .into_iter()
        .filter(|step| !alice_crashes || !matches!(step, Step::BeforePlay | Step::AfterPlay | Step::BeforeConfirm))
        .collect();
    for step in expected {
        assert!(met.contains(&step), "{step:?} was never reached");
    }
    assert!(met.len() >= 15, "{}", met.len());
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_wherever_the_sender_of_a_limited_message_dies() {
    every_step(true).await;
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_wherever_its_recipient_dies() {
    every_step(false).await;
}
