//! The echo bot against a relay: what comes back, wherever it dies.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

#[path = "../examples/echo.rs"]
mod echo;
mod support;

use std::future::poll_fn;
use std::path::Path;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use latchkey_client::vault::{Direction, MessageState, StoredMessage};
use latchkey_client::{Error, GateWatch, LimitRequest, Messenger, Options, RelayUrl, Step};
use support::{CrashAt, Stage, address, copy, kept, passphrase, receive, until_crash};
use testkit::readme;

async fn start(stage: &Stage, options: Options) -> Result<Messenger, Error> {
    start_as(stage, "echo", options).await
}

async fn start_as(stage: &Stage, name: &str, options: Options) -> Result<Messenger, Error> {
    echo::start(&stage.home(name), &passphrase(), name, &stage.line.url(), options).await
}

/// One turn of its loop.
async fn turn(bot: &mut Messenger) -> Result<(), Error> {
    echo::answer_all(bot).await?;
    bot.listen(Duration::ZERO).await?;
    echo::answer_all(bot).await
}

#[tokio::test]
async fn a_text_comes_back_once_and_what_is_no_text_does_not() {
    let stage = Stage::new().await;
    let mut bot = start(&stage, stage.options()).await.unwrap();
    let mut alice = stage.register("alice").await;
    for text in ["hello", "hello", "-5 °C"] {
        alice.send_text(&address("echo"), text).await.unwrap();
    }
    let limit = LimitRequest {
        plays: 2,
        expires_in: None,
    };
    alice.send_limited(&address("echo"), "secret", limit).await.unwrap();
    turn(&mut bot).await.unwrap();
    assert_eq!(receive(&mut alice).await, ["hello", "hello", "-5 °C"], "one for each");
    assert!(bot.unread().unwrap().is_empty());
    // The program starts again, with the same home, and has nothing to say.
    drop(bot);
    let mut bot = start(&stage, stage.options()).await.unwrap();
    turn(&mut bot).await.unwrap();
    assert!(receive(&mut alice).await.is_empty());
    alice.send_text(&address("echo"), "still there?").await.unwrap();
    turn(&mut bot).await.unwrap();
    assert_eq!(receive(&mut alice).await, ["still there?"]);
}

/// Alice says two things; the bot dies at its step `n` and starts again. Where it died, if it came so far.
async fn story(stage: &Stage, n: usize) -> Option<Step> {
    let name = format!("echo-{n}");
    let mut alice = stage.register(&format!("alice-{n}")).await;
    let crash = CrashAt::nth(n);
    let mut bot = None;
    for text in [None, Some("one"), Some("two")] {
        if let Some(text) = text {
            alice.send_text(&address(&name), text).await.unwrap();
        }
        loop {
            let options = stage.options_with(Arc::clone(&crash) as _);
            let work = until_crash(async {
                let mut running = match bot.take() {
                    Some(running) => running,
                    None => start_as(stage, &name, options).await?,
                };
                turn(&mut running).await?;
                Ok::<_, Error>(running)
            });
            match work.await {
                Ok(done) => break bot = Some(done.unwrap()),
                // Its memory is gone; the service manager starts it again.
                Err(_) => bot = None,
            }
        }
    }
    let when = format!("crash {n} at {:?}", crash.crashed());
    assert_eq!(receive(&mut alice).await, ["one", "two"], "{when}");
    let bot = bot.unwrap();
    assert_eq!(kept(&bot, Direction::Outgoing), ["one", "two"], "{when}");
    assert!(bot.unread().unwrap().is_empty(), "{when}");
    crash.crashed()
}

#[tokio::test]
async fn there_is_one_answer_wherever_the_bot_dies() {
    let stage = Stage::new().await;
    let mut met = Vec::new();
    for n in 0..1000 {
        match story(&stage, n).await {
            Some(step) => met.push(step),
            None => break,
        }
    }
    for step in [
        Step::BeforeRegister,
        Step::AfterRegister,
        Step::BeforeReceiveCommit,
        Step::BeforeAck,
        Step::BeforeSend,
        Step::AfterSend,
        Step::BeforeCommit,
    ] {
        assert!(met.contains(&step), "{step:?} was never reached: {met:?}");
    }
    assert!(met.len() < 1000);
}

/// A message that can have no answer is not tried again in each turn, and the others get theirs.
#[tokio::test]
async fn who_can_get_no_answer_is_asked_for_once() {
    let stage = Stage::new().await;
    let mut bot = start(&stage, stage.options()).await.unwrap();
    let mut bob = stage.register("bob").await;
    let mut known = stage.register("known").await;
    known.send_text(&address("echo"), "hello").await.unwrap();
    turn(&mut bot).await.unwrap();
    assert_eq!(receive(&mut known).await, ["hello"]);
    known.send_text(&address("echo"), "goodbye").await.unwrap();
    for name in ["gone", "blocked"] {
        let mut peer = stage.register(name).await;
        peer.send_text(&address("echo"), "hello").await.unwrap();
        bot.receive(Duration::ZERO).await.unwrap();
    }
    bob.send_text(&address("echo"), "hello").await.unwrap();
    for name in ["known", "gone"] {
        assert!(stage.remove_account(name).await);
    }
    bot.block(&address("blocked")).await.unwrap();
    bot.receive(Duration::ZERO).await.unwrap();
    assert_eq!(bot.unread().unwrap().len(), 4);
    turn(&mut bot).await.unwrap();
    assert_eq!(receive(&mut bob).await, ["hello"]);
    turn(&mut bot).await.unwrap();
    let left = bot.unread().unwrap();
    assert!(left.is_empty(), "{} wait still", left.len());
    assert_eq!(bot.own_status().unwrap().outbox, 0, "nothing goes out any more");
    let events = bot.listen(Duration::ZERO).await.unwrap();
    assert!(events.is_empty(), "{events:?}");
}

#[tokio::test]
async fn a_bot_can_be_a_task_of_its_own() {
    let stage = Stage::new().await;
    let mut bot = start(&stage, stage.options()).await.unwrap();
    let mut alice = stage.register("alice").await;
    let running = tokio::spawn(async move {
        loop {
            echo::answer_all(&mut bot).await?;
            bot.listen(Duration::from_secs(30)).await?;
        }
        #[allow(unreachable_code, reason = "says what the loop ends with")]
        Ok::<(), Error>(())
    });
    alice.send_text(&address("echo"), "hello").await.unwrap();
    let mut heard = Vec::new();
    while heard.is_empty() {
        heard = support::texts(&alice.receive(Duration::from_secs(30)).await.unwrap());
        assert!(!running.is_finished());
    }
    assert_eq!(heard, ["hello"]);
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
}

/// Nothing but a question to the compiler: each call can be part of a task that moves between threads.
#[allow(dead_code, reason = "it is compiled")]
fn every_call_moves_between_threads(bot: &mut Messenger, message: &StoredMessage, limit: LimitRequest, url: RelayUrl) {
    fn moves<T: Send>(_: T) {}
    let (to, watch, text, wait) = (&message.peer, &(Arc::new(|_| {}) as GateWatch), "hello", Duration::ZERO);
    moves(Messenger::relay_at(url.clone()));
    moves(Messenger::register(
        Path::new(""),
        &passphrase(),
        &to.user(),
        url,
        Options::default(),
    ));
    moves(bot.access());
    moves(bot.answer(message, text));
    moves(bot.block(to));
    moves(bot.can_write_to(to));
    moves(bot.catch_up());
    moves(bot.clear_inbox());
    moves(bot.drop_gate_key(to));
    moves(bot.keys());
    moves(bot.license_state(text));
    moves(bot.listen(wait));
    moves(bot.play(text));
    moves(bot.receive(wait));
    moves(bot.relay_status());
    moves(bot.revoke(text));
    moves(bot.rotate_gate_key(None, watch));
    moves(bot.rotate_identity());
    moves(bot.rotate_keys());
    moves(bot.send_limited(to, text, limit));
    moves(bot.send_oblivious(to, text, limit, watch));
    moves(bot.send_text(to, text));
    moves(bot.send_waiting());
    moves(bot.unblock(to));
    moves(async {
        let playback = bot.play(text).await?;
        bot.finish_play(playback).await
    });
}

/// Drops `work` where it waits for the `n`-th time, as a time-out or `select!` does.
async fn dropped_at<T>(n: usize, work: impl Future<Output = T>) -> Option<T> {
    let mut work = Box::pin(work);
    let mut left = n;
    poll_fn(move |context| match work.as_mut().poll(context) {
        Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

#[tokio::test]
async fn a_call_that_is_dropped_while_it_waits_loses_and_doubles_nothing() {
    let stage = Stage::new().await;
    let mut dropped = 0;
    for n in 0..1000 {
        let name = format!("echo-{n}");
        let mut bot = start_as(&stage, &name, stage.options()).await.unwrap();
        let mut alice = stage.register(&format!("alice-{n}")).await;
        alice.send_text(&address(&name), "one").await.unwrap();
        alice.send_text(&address(&name), "two").await.unwrap();
        let ended = dropped_at(n, turn(&mut bot)).await;
        // The same messenger goes on.
        turn(&mut bot).await.unwrap();
        assert_eq!(receive(&mut alice).await, ["one", "two"], "dropped at {n}");
        assert_eq!(kept(&bot, Direction::Outgoing), ["one", "two"], "dropped at {n}");
        assert!(bot.unread().unwrap().is_empty(), "dropped at {n}");
        if ended.is_some() {
            break;
        }
        dropped += 1;
    }
    assert!((5..1000).contains(&dropped), "{dropped}");
}

#[tokio::test]
async fn a_home_that_was_put_back_answers_again_and_the_answer_is_shown_once() {
    let stage = Stage::new().await;
    let mut bot = start(&stage, stage.options()).await.unwrap();
    let mut alice = stage.register("alice").await;
    alice.send_text(&address("echo"), "hello").await.unwrap();
    bot.receive(Duration::ZERO).await.unwrap();
    drop(bot);
    let backup = stage.home("backup");
    copy(&stage.home("echo"), &backup);
    let mut bot = start(&stage, stage.options()).await.unwrap();
    echo::answer_all(&mut bot).await.unwrap();
    assert_eq!(receive(&mut alice).await, ["hello"]);
    drop(bot);
    copy(&backup, &stage.home("echo"));
    let mut bot = start(&stage, stage.options()).await.unwrap();
    assert_eq!(
        bot.unread().unwrap().len(),
        1,
        "the copy does not know that it answered"
    );
    let mut heard = Vec::new();
    for _ in 0..3 {
        turn(&mut bot).await.unwrap();
        heard.extend(support::texts(&alice.receive(Duration::ZERO).await.unwrap()));
    }
    assert!(heard.is_empty(), "{heard:?}");
    assert_eq!(kept(&bot, Direction::Outgoing), ["hello"]);
    assert_eq!(kept(&alice, Direction::Incoming), ["hello"]);
}

#[tokio::test]
async fn who_has_the_id_of_anothers_message_does_not_take_its_answer_away() {
    let stage = Stage::new().await;
    let mut bot = start(&stage, stage.options()).await.unwrap();
    let (mut alice, mut mallory) = (stage.register("alice").await, stage.register("mallory").await);
    alice.send_text(&address("echo"), "hello").await.unwrap();
    mallory.send_text(&address("echo"), "hello").await.unwrap();
    bot.receive(Duration::ZERO).await.unwrap();
    let mut unread = bot.unread().unwrap();
    assert_eq!(unread.len(), 2);
    // A client of her own making can give her message any id.
    unread[1].id = unread[0].id;
    for message in unread.iter().rev() {
        assert!(bot.answer(message, "yes?").await.unwrap().is_some(), "{}", message.peer);
    }
    assert_eq!(receive(&mut alice).await, ["yes?"]);
    assert_eq!(receive(&mut mallory).await, ["yes?"]);
}

#[tokio::test]
async fn a_message_has_one_answer_and_our_own_have_none() {
    let mut stage = Stage::new().await;
    let mut bot = start(&stage, stage.options()).await.unwrap();
    let mut alice = stage.register("alice").await;
    alice.send_text(&address("echo"), "hello").await.unwrap();
    bot.receive(Duration::ZERO).await.unwrap();
    let message = bot.unread().unwrap().remove(0);
    assert!(matches!(bot.answer(&message, "").await, Err(Error::Empty)));
    assert_eq!(bot.unread().unwrap().len(), 1, "it has no answer yet");
    bot.answer(&message, "first").await.unwrap().unwrap();
    assert!(bot.unread().unwrap().is_empty());
    assert!(bot.answer(&message, "second").await.unwrap().is_none());
    let own = bot.history(None, 10).unwrap().pop().unwrap();
    assert_eq!(own.direction, Direction::Outgoing);
    assert!(matches!(bot.answer(&own, "third").await, Err(Error::NotReceived)));
    assert_eq!(receive(&mut alice).await, ["first"]);

    alice.send_text(&address("echo"), "and without a relay?").await.unwrap();
    bot.receive(Duration::ZERO).await.unwrap();
    let message = bot.unread().unwrap().remove(0);
    // The answer waits, and is the answer all the same.
    stage.stop_relay().await;
    let sent = bot.answer(&message, "it waits").await.unwrap().unwrap();
    assert_eq!(sent.state, MessageState::Queued);
    assert!(bot.answer(&message, "it waits").await.unwrap().is_none());
    stage.start_relay().await;
    bot.catch_up().await.unwrap();
    assert_eq!(receive(&mut alice).await, ["it waits"]);
}

#[test]
fn the_readme_shows_the_example_as_it_is() {
    readme::shows(include_str!("../README.md"), include_str!("../examples/echo.rs"), 3);
}

#[test]
fn the_readme_shows_the_profile_of_dependencies_as_the_workspace_has_it() {
    readme::shows_the_profile(include_str!("../README.md"));
}
