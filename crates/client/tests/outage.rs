//! A relay that goes away and comes back, one that does not let an account in any more, and one under another name.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::time::Duration;

use latchkey_client::vault::{MessageId, MessageState};
use latchkey_client::{Error, Event, LimitRequest, Messenger, RelayError};
use support::{Stage, address, copy, receive, texts};
use testkit::wait::eventually;

/// Listens until something is told, a bounded number of times.
async fn hear(person: &mut Messenger) -> Vec<Event> {
    for _ in 0..20 {
        let events = person.listen(Duration::from_secs(1)).await.unwrap();
        if !events.is_empty() {
            return events;
        }
    }
    panic!("nothing was told");
}

#[tokio::test]
async fn a_loop_outlives_a_relay_that_is_away_and_says_so_once() {
    let mut stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    alice.send_text(&address("bob"), "before").await.unwrap();
    assert_eq!(texts(&hear(&mut bob).await), ["before"]);

    stage.stop_relay().await;
    let lost = hear(&mut bob).await;
    assert!(
        matches!(
            &lost[..],
            [Event::Disconnected {
                because: RelayError::Network { .. }
            }]
        ),
        "{lost:?}"
    );
    for _ in 0..2 {
        assert!(
            bob.listen(Duration::from_secs(1)).await.unwrap().is_empty(),
            "said once"
        );
    }
    // Who does not listen is told of it as before.
    assert!(matches!(
        bob.receive(Duration::ZERO).await,
        Err(Error::Relay(RelayError::Network { .. }))
    ));
    stage.start_relay().await;
    let back = hear(&mut bob).await;
    assert!(matches!(back[0], Event::Reconnected), "{back:?}");
    alice.send_text(&address("bob"), "after").await.unwrap();
    let events = hear(&mut bob).await;
    assert_eq!(texts(&events), ["after"]);
    assert!(
        !events.iter().any(|event| matches!(event, Event::Reconnected)),
        "said once"
    );
}

#[tokio::test]
async fn a_loop_outlives_a_restart_while_it_waits() {
    let mut stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    let listening = async {
        let mut heard = Vec::new();
        for _ in 0..40 {
            heard.extend(bob.listen(Duration::from_secs(5)).await.unwrap());
            if !texts(&heard).is_empty() {
                break;
            }
        }
        heard
    };
    let restarting = async {
        eventually("bob waits", || stage.waiting() == 1).await;
        stage.restart_relay().await;
        alice.send_text(&address("bob"), "hello").await.unwrap();
    };
    let (heard, ()) = tokio::join!(listening, restarting);
    assert_eq!(texts(&heard), ["hello"]);
}

#[tokio::test]
async fn what_does_not_pass_ends_a_loop() {
    let stage = Stage::new().await;
    let mut bob = stage.register("bob").await;
    remove(&stage, "bob").await;
    let shut_out = bob.listen(Duration::from_secs(1)).await.unwrap_err();
    assert!(matches!(shut_out, Error::ShutOut { .. }), "{shut_out}");
}

async fn remove(stage: &Stage, name: &str) {
    assert!(stage.remove_account(name).await, "there was one");
}

#[tokio::test]
async fn a_removed_account_is_told_so_in_words_for_a_person() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    alice.send_text(&address("bob"), "hello").await.unwrap();
    receive(&mut bob).await;
    bob.send_text(&address("alice"), "hi").await.unwrap();
    receive(&mut alice).await;
    remove(&stage, "alice").await;
    for outcome in [
        alice.send_text(&address("bob"), "not any more").await.map(drop),
        alice.receive(Duration::ZERO).await.map(drop),
        alice.keys().await.map(drop),
        alice.clear_inbox().await.map(drop),
    ] {
        let error = outcome.unwrap_err();
        assert!(matches!(error, Error::ShutOut { .. }), "{error}");
        let said = error.to_string();
        assert!(said.contains("removed") && said.contains("operator"), "{said}");
        for other in ["Authorization", "token", "later", "next"] {
            assert!(!said.contains(other), "{said}");
        }
    }
    let last = alice.history(None, 1).unwrap().pop().unwrap();
    assert!(matches!(last.state, MessageState::Failed(_)), "{last:?}");
    assert_eq!(alice.own_status().unwrap().outbox, 0, "nothing is kept to go out later");
    drop(alice);
    let mut alice = stage.open("alice");
    let error = alice.send_text(&address("bob"), "nor now").await.unwrap_err();
    assert!(matches!(error, Error::ShutOut { .. }), "{error}");
    assert_eq!(alice.history(None, 100).unwrap().len(), 3);
}

#[tokio::test]
async fn a_relay_under_another_name_is_not_called_one_with_another_key() {
    let stage = Stage::new().await;
    let mut alice = stage.register("alice").await;
    stage.line.alter_answer("GET /v1/status", |_, answer| {
        answer["relay_name"] = "elsewhere.example".into();
    });
    let error = alice.relay_status().await.unwrap_err();
    assert!(
        matches!(&error, Error::Relay(RelayError::RenamedRelay { pinned, offered, .. })
            if pinned == "localhost" && offered == "elsewhere.example"),
        "{error}"
    );
    let said = error.to_string();
    let fingerprint = alice.own_status().unwrap().relay_fingerprint.to_string();
    assert!(!said.contains(&fingerprint), "{said}");
}

/// Sends to bob are refused, from here on: his mailbox is full, the relay says.
fn mailbox_is_full(stage: &Stage) {
    for _ in 0..40 {
        stage.line.alter_answer("POST /v1/messages", |status, answer| {
            *status = 429;
            *answer = serde_json::json!({
                "type": "urn:latchkey:problem:mailbox_full", "title": "full", "status": 429, "code": "mailbox_full",
                "detail": "the mailbox of 'bob' is full", "action": "try later", "retry_after_seconds": 60,
            });
        });
    }
}

/// Whose mailbox is full for months, or who begins anew again and again, does not make the outbox grow: what is sealed anew takes the place of what waited.
#[tokio::test]
async fn what_waits_for_a_contact_waits_once_however_often_the_conversation_is_begun_anew() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    alice.send_text(&address("bob"), "hello").await.unwrap();
    assert_eq!(receive(&mut bob).await, ["hello"]);
    bob.send_text(&address("alice"), "hi").await.unwrap();
    assert_eq!(receive(&mut alice).await, ["hi"]);
    receive(&mut bob).await;
    drop(bob);
    copy(&stage.home("bob"), &stage.home("copy-of-bob"));
    let mut bob = stage.open("bob");

    mailbox_is_full(&stage);
    for n in 0..5 {
        let sent = alice.send_text(&address("bob"), &format!("{n}")).await.unwrap();
        assert_eq!(sent.state, MessageState::Queued);
    }
    let waiting = |alice: &mut Messenger| {
        let status = alice.own_status().unwrap();
        status.outbox + status.outbox_notes
    };
    assert_eq!(waiting(&mut alice), 5);
    // Weeks go by; a content that is not acknowledged for a week asks for a handshake.
    let mut restarts = 0;
    for _ in 0..4 {
        stage.advance(Duration::from_secs(8 * 24 * 3600));
        bob.keys().await.unwrap();
        bob.rotate_keys().await.unwrap();
        mailbox_is_full(&stage);
        let events = alice.receive(Duration::ZERO).await.unwrap();
        restarts += events
            .iter()
            .filter(|event| matches!(event, Event::Restarted { .. }))
            .count();
        assert!(waiting(&mut alice) <= 5 + 1, "{} wait", waiting(&mut alice));
    }
    assert!(restarts >= 4, "{restarts}");
    // And a peer that begins anew by itself.
    for _ in 0..3 {
        drop(bob);
        copy(&stage.home("copy-of-bob"), &stage.home("bob"));
        bob = stage.open("bob");
        bob.catch_up().await.unwrap();
        mailbox_is_full(&stage);
        alice.receive(Duration::ZERO).await.unwrap();
        assert!(waiting(&mut alice) <= 5 + 1, "{} wait", waiting(&mut alice));
    }
    assert!(
        alice
            .history(None, 5)
            .unwrap()
            .iter()
            .all(|message| message.state == MessageState::Queued)
    );
}

/// A proxy before the relay that takes only small requests, and says so in a page of its own.
#[tokio::test]
async fn what_a_proxy_finds_too_large_does_not_hold_up_the_rest_and_other_pages_do_not_lose_it() {
    let mut stage = Stage::new().await;
    let mut alice = stage.register("alice").await;
    let mut people = Vec::new();
    for name in ["bob", "carol"] {
        people.push(stage.register(name).await);
        alice.send_text(&address(name), "hello").await.unwrap();
    }
    stage.stop_relay().await;
    let large = alice.send_text(&address("bob"), "large").await.unwrap();
    stage.start_relay().await;
    let page = |answer: &mut serde_json::Value| *answer = "<html>".into();
    stage.line.alter_answer("POST /v1/messages", move |status, answer| {
        *status = 413;
        page(answer);
    });
    let sent = alice.send_text(&address("carol"), "small").await.unwrap();
    assert_eq!(sent.state, MessageState::Sent, "{:?}", sent.because);
    assert_eq!(refused(&sent.events), [large.id]);
    let MessageState::Failed(why) = alice.message(&large.id.to_string()).unwrap().state else {
        panic!("it waits");
    };
    assert!(why.contains("413"), "{why}");

    for code in [301, 404, 429, 500] {
        // More than the attempts of one send.
        for _ in 0..20 {
            stage.line.alter_answer("POST /v1/messages", move |status, answer| {
                *status = code;
                page(answer);
            });
        }
        let sent = alice.send_text(&address("carol"), "later").await.unwrap();
        assert_eq!(sent.state, MessageState::Queued);
        let why = sent.because.unwrap().to_string();
        assert!(why.contains(&code.to_string()) && why.contains("proxy"), "{why}");
        assert!(!why.contains("of this version"), "{why}");
        stage.line.forget_alterations();
        assert!(alice.send_waiting().await.unwrap().is_empty());
        let status = alice.own_status().unwrap();
        assert_eq!(status.outbox + status.outbox_notes, 0);
    }
}

/// A limited message that waited longer than it was to be opened.
#[tokio::test]
async fn a_message_that_expired_while_it_waited_is_not_blamed_on_the_version() {
    let mut stage = Stage::new().await;
    let (mut alice, _bob) = (stage.register("alice").await, stage.register("bob").await);
    alice.send_text(&address("bob"), "hello").await.unwrap();
    stage.stop_relay().await;
    let limit = LimitRequest {
        plays: 1,
        expires_in: Some(Duration::from_secs(60)),
    };
    alice.send_limited(&address("bob"), "briefly", limit).await.unwrap();
    stage.advance(Duration::from_secs(120));
    stage.start_relay().await;
    let events = alice.send_waiting().await.unwrap();
    let reason = events.iter().find_map(|event| match event {
        Event::Undeliverable { reason, .. } => Some(reason.as_str()),
        _ => None,
    });
    let reason = reason.unwrap();
    assert!(reason.contains("expired before it went out"), "{reason}");
    assert!(!reason.contains("version"), "{reason}");
}

fn refused(events: &[Event]) -> Vec<MessageId> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Undeliverable { id, .. } => Some(*id),
            _ => None,
        })
        .collect()
}

/// What was promised and is refused later is told with the next send, whether that succeeds or not.
#[tokio::test]
async fn a_kept_message_that_is_refused_is_told_with_a_send_to_another() {
    let mut stage = Stage::new().await;
    let mut alice = stage.register("alice").await;
    for name in ["bob", "carol", "dave", "eve"] {
        drop(stage.register(name).await);
        alice.send_text(&address(name), "hello").await.unwrap();
    }
    let keep = async |stage: &mut Stage, alice: &mut Messenger, name: &str| {
        stage.stop_relay().await;
        let kept = alice.send_text(&address(name), "kept").await.unwrap();
        assert_eq!(kept.state, MessageState::Queued);
        assert!(refused(&kept.events).is_empty());
        stage.start_relay().await;
        remove(stage, name).await;
        kept.id
    };

    let kept = keep(&mut stage, &mut alice, "carol").await;
    let sent = alice.send_text(&address("bob"), "other").await.unwrap();
    assert_eq!((sent.state, refused(&sent.events)), (MessageState::Sent, vec![kept]));

    // Its own refusal is the answer, the other's is told beside it.
    let kept = keep(&mut stage, &mut alice, "dave").await;
    remove(&stage, "eve").await;
    alice.send_text(&address("eve"), "other").await.unwrap_err();
    assert_eq!(refused(&alice.untold()), [kept]);
    assert!(alice.untold().is_empty(), "told once");

    // Or with what is told next.
    let kept = keep(&mut stage, &mut alice, "bob").await;
    let events = alice.send_waiting().await.unwrap();
    assert_eq!(refused(&events), [kept]);
}
