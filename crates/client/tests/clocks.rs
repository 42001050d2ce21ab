//! A client whose clock is wrong for a while: it says so, and nothing that cannot be had back is thrown away.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use latchkey_client::{Clock, Error, Event, Options, Timestamp};
use server::clock::ManualClock;
use support::{CrashAt, Stage, address, receive, until_crash};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The stage's clock, and how far this one is from it.
struct Wrong {
    right: Arc<ManualClock>,
    ahead: Duration,
    behind: Duration,
}

impl Clock for Wrong {
    fn now(&self) -> Timestamp {
        let now = server::clock::Clock::now(&*self.right).plus(self.ahead);
        Timestamp(now.as_millis() - u64::try_from(self.behind.as_millis()).unwrap())
    }
}

fn wrong(stage: &Stage, ahead: Duration, behind: Duration) -> Options {
    let right = Arc::clone(&stage.clock);
    Options {
        clock: Arc::new(Wrong { right, ahead, behind }),
        ..stage.options()
    }
}

#[tokio::test]
async fn one_look_with_the_clock_far_ahead_does_not_lock_out_later_first_contacts() {
    for days in [2, 45, 400] {
        let stage = Stage::new().await;
        drop(stage.register("alice").await);
        let mut ahead = stage
            .try_open("alice", wrong(&stage, DAY * days, Duration::ZERO))
            .unwrap();
        for _ in 0..2 {
            let events = ahead.receive(Duration::ZERO).await.unwrap();
            let said = |event: &Event| matches!(event, Event::Postponed(Error::ClockWrong { ahead: true, .. }));
            assert_eq!(events.iter().any(said), days > 7, "{days}: {events:?}");
        }
        drop(ahead);
        let mut alice = stage.open("alice");
        assert!(receive(&mut alice).await.is_empty());
        for name in ["carol", "dave"] {
            let mut stranger = stage.register(name).await;
            stranger.send_text(&address("alice"), name).await.unwrap();
            assert_eq!(receive(&mut alice).await, [name], "{days}");
        }
        let keys = alice.keys().await.unwrap();
        assert!(keys.signed_prekey_created_at <= alice_now(&stage), "{days}");
    }
}

fn alice_now(stage: &Stage) -> u64 {
    server::clock::Clock::now(&*stage.clock).as_millis()
}

#[tokio::test]
async fn a_conversation_that_was_begun_with_the_clock_ahead_goes_on_when_it_is_right_again() {
    let stage = Stage::new().await;
    let (alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    drop(alice);
    let mut ahead = stage
        .try_open("alice", wrong(&stage, DAY * 45, Duration::ZERO))
        .unwrap();
    // Bob's keys have run out, by that clock.
    assert!(ahead.send_text(&address("bob"), "too early").await.is_err());
    drop(ahead);
    let mut ahead = stage.try_open("alice", wrong(&stage, DAY * 5, Duration::ZERO)).unwrap();
    ahead.send_text(&address("bob"), "from the future").await.unwrap();
    drop(ahead);
    bob.receive(Duration::ZERO).await.unwrap();
    let mut alice = stage.open("alice");
    receive(&mut alice).await;
    assert_eq!(receive(&mut bob).await, ["from the future"]);
    bob.send_text(&address("alice"), "hello").await.unwrap();
    assert_eq!(receive(&mut alice).await, ["hello"]);
    alice.send_text(&address("bob"), "now").await.unwrap();
    assert_eq!(receive(&mut bob).await, ["now"]);
}

#[tokio::test]
async fn nobody_registers_by_a_clock_that_is_wrong_and_the_right_one_finishes_it() {
    let stage = Stage::new().await;
    let none = Duration::ZERO;
    for (options, words) in [
        (wrong(&stage, DAY + DAY / 24, none), "25 hours ahead of"),
        (wrong(&stage, DAY * 45, none), "45 days ahead of"),
        (wrong(&stage, none, DAY * 30), "30 days behind"),
    ] {
        let refused = stage.try_register("alice", options).await.unwrap_err();
        assert!(matches!(refused, Error::ClockWrong { .. }), "{refused}");
        assert!(refused.to_string().contains(words), "{refused}");
        assert!(!stage.home("alice").exists(), "nothing is left behind");
    }
    // Begun by such a clock all the same: it jumped between the challenge and the keys.
    let crash = CrashAt::step(latchkey_client::Step::BeforeRegister);
    let options = Options {
        steps: crash,
        ..wrong(&stage, DAY - DAY / 24, none)
    };
    let died = until_crash(stage.try_register("alice", options)).await;
    assert_eq!(died.err(), Some(latchkey_client::Step::BeforeRegister));
    let mut behind = wrong(&stage, none, DAY);
    behind.steps = Arc::new(latchkey_client::NoSteps);
    drop(stage.try_register("alice", behind).await.unwrap());
    let mut bob = stage.register("bob").await;
    bob.send_text(&address("alice"), "hi").await.unwrap();
    assert_eq!(receive(&mut stage.open("alice")).await, ["hi"]);
}
