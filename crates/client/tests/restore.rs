//! A vault put back from a backup: noticed, said, and nothing said afterwards is lost.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::time::Duration;

use latchkey_client::vault::{Direction, MessageState, Receipts};
use latchkey_client::{Error, Event, Messenger, RECEIPT_DELAY};
use support::{Stage, address, copy, kept, texts};

/// What somebody heard: texts in order, how often a restored vault was reported.
#[derive(Default)]
struct Heard {
    texts: Vec<String>,
    restored: usize,
}

impl Heard {
    async fn listen(&mut self, person: &mut Messenger) {
        let events = person.receive(Duration::ZERO).await.unwrap();
        self.texts.extend(texts(&events));
        for event in &events {
            self.restored += usize::from(matches!(event, Event::Restored));
            assert!(!matches!(event, Event::Postponed(_)), "{event:?}");
        }
    }
}

/// With `receipts` Bob knows that the lost copy had everything; without, that it had all but the last.
async fn story(alice_sends_first: bool, bob_sends_meanwhile: bool, receipts: bool) {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    alice
        .set_receipts(Receipts {
            delivery: receipts,
            read: false,
        })
        .unwrap();
    let (mut at_alice, mut at_bob) = (Heard::default(), Heard::default());
    alice.send_text(&address("bob"), "one").await.unwrap();
    for _ in 0..2 {
        at_bob.listen(&mut bob).await;
        at_alice.listen(&mut alice).await;
    }
    drop(alice);
    let backup = stage.home("backup");
    copy(&stage.home("alice"), &backup);

    let mut alice = stage.open("alice");
    for n in 0..5 {
        stage.advance(Duration::from_secs(1200));
        alice.send_text(&address("bob"), &format!("a{n}")).await.unwrap();
        at_bob.listen(&mut bob).await;
        bob.send_text(&address("alice"), &format!("b{n}")).await.unwrap();
        at_alice.listen(&mut alice).await;
    }
    stage.advance(RECEIPT_DELAY);
    at_alice.listen(&mut alice).await;
    drop(alice);
    if bob_sends_meanwhile {
        bob.send_text(&address("alice"), "meanwhile").await.unwrap();
    }
    copy(&backup, &stage.home("alice"));

    let mut alice = stage.open("alice");
    assert_eq!((at_alice.restored, at_bob.restored), (0, 0));
    if alice_sends_first {
        let sent = alice.send_text(&address("bob"), "I am back").await.unwrap();
        let said = |event: &&Event| matches!(event, Event::Restored);
        at_alice.restored += sent.events.iter().filter(said).count();
        assert_eq!(at_alice.restored, 1, "at once");
    }
    bob.send_text(&address("alice"), "are you there?").await.unwrap();
    for _ in 0..4 {
        at_alice.listen(&mut alice).await;
        at_bob.listen(&mut bob).await;
    }
    alice.send_text(&address("bob"), "last of alice").await.unwrap();
    bob.send_text(&address("alice"), "last of bob").await.unwrap();
    for _ in 0..4 {
        at_alice.listen(&mut alice).await;
        at_bob.listen(&mut bob).await;
    }
    assert_eq!((at_alice.restored, at_bob.restored), (1, 0), "said once");

    // Everything is there, in spite of it all once.
    let mut expected: Vec<String> = (0..5).map(|n| format!("a{n}")).collect();
    expected.insert(0, "one".to_owned());
    if alice_sends_first {
        expected.push("I am back".to_owned());
    }
    expected.push("last of alice".to_owned());
    assert_eq!(at_bob.texts, expected);
    assert_eq!(kept(&bob, Direction::Incoming), expected);
    let mut expected = vec!["are you there?", "last of bob"];
    if !receipts {
        // Bob never heard that Alice has it: on the new conversation it came again, and this copy had never seen it.
        expected.insert(1, "b4");
    }
    if bob_sends_meanwhile {
        expected.push("meanwhile");
    }
    let mut after = kept(&alice, Direction::Incoming);
    after.sort_unstable();
    assert_eq!(after, expected, "what was said to the restored copy, each once");
}

#[tokio::test]
async fn a_restored_vault_that_listens_first_loses_nothing_said_afterwards() {
    Box::pin(story(false, false, true)).await;
    Box::pin(story(false, true, false)).await;
}

#[tokio::test]
async fn a_restored_vault_that_speaks_first_loses_nothing_said_afterwards() {
    Box::pin(story(true, false, false)).await;
    Box::pin(story(true, true, true)).await;
}

/// The states of what somebody sent, by text.
fn sent(person: &Messenger) -> Vec<(String, MessageState)> {
    let messages = person.history(None, 1000).unwrap().into_iter();
    let own = messages.filter(|message| message.direction == Direction::Outgoing);
    let states = own.map(|message| message.state);
    kept(person, Direction::Outgoing).into_iter().zip(states).collect()
}

/// Alice and Bob have exchanged a message each way, and a copy of Alice is kept.
async fn with_a_copy_of_alice(stage: &Stage) -> (Heard, Heard, Messenger) {
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    let (mut at_alice, mut at_bob) = (Heard::default(), Heard::default());
    alice.send_text(&address("bob"), "hello").await.unwrap();
    at_bob.listen(&mut bob).await;
    bob.send_text(&address("alice"), "hi").await.unwrap();
    for _ in 0..2 {
        at_alice.listen(&mut alice).await;
        at_bob.listen(&mut bob).await;
    }
    drop(alice);
    copy(&stage.home("alice"), &stage.home("backup"));
    (at_alice, at_bob, bob)
}

/// The lost copy only sent, which no `inbox` told the relay of; the restored one sends before it fetches. `busy`: it also changed things of its own
/// before, more often than the lost one.
async fn a_send_after_a_send(busy: bool) {
    let stage = Stage::new().await;
    let (mut at_alice, mut at_bob, mut bob) = with_a_copy_of_alice(&stage).await;
    stage.open("alice").send_text(&address("bob"), "m1").await.unwrap();
    copy(&stage.home("backup"), &stage.home("alice"));
    let mut alice = stage.open("alice");
    for _ in 0..if busy { 50 } else { 0 } {
        alice.set_receipts(Receipts::default()).unwrap();
    }
    let result = alice.send_text(&address("bob"), "not lost").await.unwrap();
    assert_eq!(result.state, MessageState::Sent);
    assert!(
        result.events.iter().any(|event| matches!(event, Event::Restored)),
        "said at once: {:?}",
        result.events
    );
    at_bob.listen(&mut bob).await;
    assert_eq!(at_bob.texts, ["hello", "m1", "not lost"]);
    bob.send_text(&address("alice"), "ok").await.unwrap();
    at_alice.listen(&mut alice).await;
    assert_eq!(at_alice.texts, ["hi", "ok"]);
    assert_eq!(at_alice.restored, 0, "said once");
    assert_eq!(
        sent(&alice).last().unwrap(),
        &("not lost".to_owned(), MessageState::Delivered)
    );
}

#[tokio::test]
async fn a_restored_vault_that_only_sends_is_noticed_before_it_sends() {
    Box::pin(a_send_after_a_send(false)).await;
    Box::pin(a_send_after_a_send(true)).await;
}

#[tokio::test]
async fn a_restored_vault_that_wrote_without_a_network_seals_anew_what_waits() {
    let mut stage = Stage::new().await;
    let (mut at_alice, mut at_bob, mut bob) = with_a_copy_of_alice(&stage).await;
    stage.open("alice").send_text(&address("bob"), "m1").await.unwrap();
    copy(&stage.home("backup"), &stage.home("alice"));
    let mut alice = stage.open("alice");
    stage.stop_relay().await;
    let waits = alice.send_text(&address("bob"), "not lost").await.unwrap();
    assert_eq!(waits.state, MessageState::Queued);
    stage.start_relay().await;
    stage.line.take_requests();
    let events = alice.catch_up().await.unwrap();
    assert!(
        events.iter().any(|event| matches!(event, Event::Restored)),
        "{events:?}"
    );
    // What the old keys had sealed is not sent: they sealed something else in the lost copy.
    let sends = stage.line.take_requests().into_iter();
    let sends = sends.filter(|request| request.starts_with("POST /v1/messages")).count();
    assert_eq!(sends, 1, "the message, with a new handshake");
    at_bob.listen(&mut bob).await;
    assert_eq!(at_bob.texts, ["hello", "m1", "not lost"]);
    bob.send_text(&address("alice"), "ok").await.unwrap();
    at_alice.listen(&mut alice).await;
    assert_eq!(
        sent(&alice).last().unwrap(),
        &("not lost".to_owned(), MessageState::Delivered)
    );
}

/// Two copies of one home that take turns: what a person is told `delivered` of stands in one of the two histories.
#[tokio::test]
async fn of_copies_that_take_turns_each_notices_the_other_and_nothing_is_called_delivered_that_is_nowhere() {
    let stage = Stage::new().await;
    let (_, mut at_bob, mut bob) = with_a_copy_of_alice(&stage).await;
    copy(&stage.home("backup"), &stage.home("other"));
    let mut everywhere = Vec::new();
    for n in 0..4 {
        let home = if n % 2 == 0 { "alice" } else { "other" };
        bob.send_text(&address("alice"), &format!("b{n}")).await.unwrap();
        let mut alice = stage.open(home);
        let mut here = Heard::default();
        for _ in 0..3 {
            here.listen(&mut alice).await;
            at_bob.listen(&mut bob).await;
        }
        assert_eq!(here.restored, usize::from(n > 0), "{n}");
        alice.send_text(&address("bob"), &format!("a{n}")).await.unwrap();
        at_bob.listen(&mut bob).await;
        everywhere.extend(here.texts);
    }
    let mut at_bob = at_bob.texts;
    at_bob.sort_unstable();
    assert_eq!(at_bob, ["a0", "a1", "a2", "a3", "hello"]);
    let told: Vec<String> = sent(&bob)
        .into_iter()
        .filter(|(_, state)| *state == MessageState::Delivered)
        .map(|(text, _)| text)
        .filter(|text| text != "hi")
        .collect();
    assert!(!told.is_empty());
    for text in told {
        assert!(everywhere.contains(&text), "{text} is shown nowhere: {everywhere:?}");
    }
    for n in 0..4 {
        assert!(everywhere.contains(&format!("b{n}")), "b{n}: {everywhere:?}");
    }
}

/// The other copy only fetched, and said nothing to anybody: what it fetched is gone from the relay all the same.
#[tokio::test]
async fn a_copy_that_only_fetched_is_noticed_by_the_other() {
    let stage = Stage::new().await;
    let (_, _, mut bob) = with_a_copy_of_alice(&stage).await;
    copy(&stage.home("backup"), &stage.home("other"));
    bob.send_text(&address("alice"), "b0").await.unwrap();
    let mut here = Heard::default();
    here.listen(&mut stage.open("alice")).await;
    assert_eq!((&here.texts[..], here.restored), (&["b0".to_owned()][..], 0));
    let mut there = Heard::default();
    there.listen(&mut stage.open("other")).await;
    assert_eq!((there.texts.len(), there.restored), (0, 1));
}

/// A relay that says each time that it knows a later copy. What it costs is bounded, and the conversation is not among it.
#[tokio::test]
async fn a_relay_that_lies_about_the_number_restarts_a_client_so_often_a_day_and_no_more() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    let mut at_bob = Heard::default();
    alice.send_text(&address("bob"), "one").await.unwrap();
    at_bob.listen(&mut bob).await;
    bob.send_text(&address("alice"), "two").await.unwrap();
    alice.receive(Duration::ZERO).await.unwrap();
    let (mut restarts, mut refused) = (0, 0);
    for lie in 1..=20_u64 {
        stage.line.alter_answer("POST /v1/inbox", move |_, page| {
            page["commit_counter"] = (page["commit_counter"].as_u64().unwrap() + lie * 1_000_000_000).into();
        });
        match alice.receive(Duration::ZERO).await {
            Ok(events) => restarts += events.iter().filter(|event| matches!(event, Event::Restored)).count(),
            Err(Error::RestartsSpent) => {
                refused += 1;
                stage.line.take_requests();
                // The next lie is for this: nothing goes out by keys that may have been used.
                stage.line.alter_answer("POST /v1/inbox", move |_, page| {
                    page["commit_counter"] = (page["commit_counter"].as_u64().unwrap() + 50_000_000_000).into();
                });
                let sent = alice.send_text(&address("bob"), "by old keys").await;
                assert!(matches!(sent, Err(Error::RestartsSpent)), "{sent:?}");
                let requests = stage.line.take_requests();
                assert!(
                    requests.iter().all(|request| !request.starts_with("POST /v1/messages")),
                    "{requests:?}"
                );
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((restarts, refused), (8, 12));
    // An honest one, at once: whoever lied is gone.
    alice.send_text(&address("bob"), "three").await.unwrap();
    for _ in 0..3 {
        at_bob.listen(&mut bob).await;
        alice.receive(Duration::ZERO).await.unwrap();
    }
    bob.send_text(&address("alice"), "four").await.unwrap();
    alice.receive(Duration::ZERO).await.unwrap();
    assert_eq!(at_bob.texts, ["one", "three"]);
    let heard = kept(&alice, Direction::Incoming);
    assert_eq!(heard, ["two", "four"]);
}

/// The number of an account at the relay, as it answers it to anyone who asks with the account's session: told by the client itself.
fn lies(stage: &Stage, start: &str, number: u64) {
    stage.line.alter_answer(start, move |_, answer| {
        answer["commit_counter"] = number.into();
    });
}

/// Numbers that no copy can have. Nothing is taken over, so that the noticing of copies goes on when the relay is honest again.
#[tokio::test]
async fn a_number_at_the_end_of_the_range_is_a_lie_and_copies_are_noticed_afterwards() {
    let stage = Stage::new().await;
    let (_, mut at_bob, bob) = with_a_copy_of_alice(&stage).await;
    drop(bob);
    let mut alice = stage.open("alice");
    for number in [u64::MAX, u64::MAX - 1, i64::MAX as u64, 1 << 53, (1 << 52) + 1, 1 << 45] {
        lies(&stage, "POST /v1/inbox", number);
        let heard = alice.receive(Duration::ZERO).await;
        let told = matches!(heard, Err(Error::NumberImplausible { at_relay, .. }) if at_relay == number);
        assert!(told, "{number}: {heard:?}");
        lies(&stage, "POST /v1/inbox", number);
        stage.line.take_requests();
        let sent = alice.send_text(&address("bob"), "not to be said").await;
        assert!(
            matches!(sent, Err(Error::NumberImplausible { .. })),
            "{number}: {sent:?}"
        );
        // Nor with the answer of a sign-in.
        stage.advance(Duration::from_secs(2 * 3600));
        lies(&stage, "POST /v1/session HTTP", number);
        let sent = alice.send_text(&address("bob"), "not to be said").await;
        assert!(
            matches!(sent, Err(Error::NumberImplausible { .. })),
            "{number}: {sent:?}"
        );
        let requests = stage.line.take_requests();
        let reveals = |request: &String| request.starts_with("POST /v1/messages");
        assert!(!requests.iter().any(reveals), "{requests:?}");
    }
    alice.send_text(&address("bob"), "honest again").await.unwrap();
    drop(alice);
    copy(&stage.home("backup"), &stage.home("alice"));
    let sent = stage
        .open("alice")
        .send_text(&address("bob"), "I am back")
        .await
        .unwrap();
    let restored = sent
        .events
        .iter()
        .filter(|event| matches!(event, Event::Restored))
        .count();
    assert_eq!(restored, 1, "{:?}", sent.events);
    let mut bob = stage.open("bob");
    at_bob.listen(&mut bob).await;
    assert_eq!(at_bob.texts, ["hello", "honest again", "I am back"]);
}

/// What is believed grows with the account's age and has an end of its own.
#[tokio::test]
async fn a_greater_number_is_believed_of_an_older_account_up_to_half_of_the_range() {
    let stage = Stage::new().await;
    let (_, _, bob) = with_a_copy_of_alice(&stage).await;
    drop(bob);
    let mut alice = stage.open("alice");
    let mut hears = async |number: u64| {
        lies(&stage, "POST /v1/inbox", number);
        match alice.receive(Duration::ZERO).await {
            Ok(_) => true,
            Err(Error::NumberImplausible { .. }) => false,
            Err(other) => panic!("{other}"),
        }
    };
    let (at_once, in_an_hour) = (1_u64 << 40, 3_600_000_u64 << 13);
    assert!(!hears(at_once + 1).await);
    stage.advance(Duration::from_secs(3600));
    assert!(!hears(at_once + in_an_hour + 1).await);
    assert!(hears(at_once + in_an_hour).await);
    stage.advance(Duration::from_secs(40 * 365 * 24 * 3600));
    assert!(!hears((1 << 52) + 1).await);
    assert!(hears(1 << 52).await);
}

/// A lie that could be true is taken over. An honest relay, which keeps a number far below, hears ours with a sign-in.
#[tokio::test]
async fn after_a_lie_that_was_believed_an_honest_relay_takes_the_number_and_notices_copies() {
    let stage = Stage::new().await;
    let (mut at_alice, mut at_bob, mut bob) = with_a_copy_of_alice(&stage).await;
    let mut alice = stage.open("alice");
    lies(&stage, "POST /v1/inbox", 1 << 40);
    at_alice.listen(&mut alice).await;
    assert_eq!(at_alice.restored, 1);
    stage.line.take_requests();
    alice.send_text(&address("bob"), "here I am").await.unwrap();
    let requests = stage.line.take_requests();
    let sign_ins = |requests: &[String]| requests.iter().filter(|line| *line == "POST /v1/session").count();
    assert!(sign_ins(&requests) <= 1, "{requests:?}");
    alice.send_text(&address("bob"), "and again").await.unwrap();
    assert_eq!(sign_ins(&stage.line.take_requests()), 0);
    at_bob.listen(&mut bob).await;
    assert_eq!(at_bob.texts, ["hello", "here I am", "and again"]);
    drop(alice);
    // A copy from before the lie believes the honest relay: the account is older by now than the number is large.
    stage.advance(Duration::from_secs(60));
    copy(&stage.home("backup"), &stage.home("alice"));
    let mut alice = stage.open("alice");
    at_alice.listen(&mut alice).await;
    assert_eq!(at_alice.restored, 2);
}

/// However much is kept without a network, the number grows by one step when the relay is told, so that its bound is met by no honest client.
#[tokio::test]
async fn whatever_was_written_without_a_network_moves_the_number_by_one_step() {
    let mut stage = Stage::new().await;
    let (_, mut at_bob, mut bob) = with_a_copy_of_alice(&stage).await;
    let mut alice = stage.open("alice");
    stage.stop_relay().await;
    for n in 0..3 {
        alice.send_text(&address("bob"), &format!("{n}")).await.unwrap();
    }
    stage.start_relay().await;
    stage.line.take_requests();
    alice.catch_up().await.unwrap();
    for n in 3..40 {
        alice.send_text(&address("bob"), &format!("{n}")).await.unwrap();
    }
    let requests = stage.line.take_requests();
    assert!(
        !requests.iter().any(|line| line.starts_with("POST /v1/session")),
        "{requests:?}"
    );
    at_bob.listen(&mut bob).await;
    assert_eq!(at_bob.texts.len(), 41);
}
