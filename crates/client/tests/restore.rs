//! A vault put back from a backup: noticed, said, and nothing said afterwards is lost.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::time::Duration;

use latchkey_client::vault::{Direction, Receipts};
use latchkey_client::{Event, Messenger, RECEIPT_DELAY};
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
        alice.send_text(&address("bob"), "I am back").await.unwrap();
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
    story(false, false, true).await;
    story(false, true, false).await;
}

#[tokio::test]
async fn a_restored_vault_that_speaks_first_loses_nothing_said_afterwards() {
    story(true, false, false).await;
    story(true, true, true).await;
}
