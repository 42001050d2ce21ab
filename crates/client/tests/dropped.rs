//! Who waits for mail may go away at any moment, a person who presses a key for example. What was found by then is told the next time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use latchkey_client::Event;
use support::{Stage, address, texts};

/// More pauses than a round has.
const MOST: usize = 1000;

/// Goes on with a future until it has paused so often, and leaves it then.
async fn until_paused<T>(times: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut pauses = 0;
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending if pauses >= times => Poll::Ready(None),
        Poll::Pending => {
            pauses += 1;
            Poll::Pending
        }
    })
    .await
}

#[tokio::test]
async fn what_a_round_found_is_told_once_wherever_it_is_left() {
    let stage = Stage::new().await;
    let mut alice = stage.register("alice").await;
    for times in 0..MOST {
        let name = format!("stranger-{times}");
        let mut stranger = stage.register(&name).await;
        stranger.send_text(&address("alice"), &name).await.unwrap();
        let first = until_paused(times, alice.receive(Duration::ZERO)).await;
        let whole = first.is_some();
        let mut events = first.map(Result::unwrap).unwrap_or_default();
        events.extend(alice.receive(Duration::ZERO).await.unwrap());
        let contacts = events
            .iter()
            .filter(|event| matches!(event, Event::FirstContact { .. }))
            .count();
        assert_eq!((contacts, texts(&events)), (1, vec![name]), "left after {times} pauses");
        if whole {
            assert!(times > 3, "it was left at {times} places");
            return;
        }
    }
    panic!("it never came to its end");
}
