//! Two people, a relay, and a line that is not always there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::time::Duration;

use latchkey_client::vault::{Direction, MessageState, VaultError};
use latchkey_client::{Code, Error, Event, LimitRequest, Messenger, Passphrase, RelayError, Standing};
use support::{Stage, address, bytes_on_disk, contains, holds, kept, passphrase, receive, texts};

#[tokio::test]
async fn two_people_talk_both_ways() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);

    let sent = alice.send_text(&address("bob"), "hello bob").await.unwrap();
    assert!(sent.first_contact);
    assert_eq!(sent.state, MessageState::Sent);
    assert_eq!(receive(&mut bob).await, ["hello bob"]);

    let sent = bob.send_text(&address("alice"), "hello alice").await.unwrap();
    assert!(!sent.first_contact);
    assert_eq!(receive(&mut alice).await, ["hello alice"]);
    for n in 0..30 {
        let (from, to, name) = if n % 3 == 0 {
            (&mut bob, &mut alice, "alice")
        } else {
            (&mut alice, &mut bob, "bob")
        };
        let text = format!("number {n}");
        from.send_text(&address(name), &text).await.unwrap();
        assert_eq!(receive(to).await, [text]);
    }

    // Both ends know the same, in the same order, under the same ids.
    assert_eq!(kept(&alice, Direction::Outgoing), kept(&bob, Direction::Incoming));
    assert_eq!(kept(&bob, Direction::Outgoing), kept(&alice, Direction::Incoming));
    let ids = |person: &Messenger| {
        let mut ids: Vec<_> = person
            .history(None, 100)
            .unwrap()
            .into_iter()
            .map(|message| message.id)
            .collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(ids(&alice), ids(&bob));
    // What was answered was delivered.
    let first = alice.history(Some(&address("bob")), 100).unwrap().remove(0);
    assert_eq!(first.state, MessageState::Delivered);
}

#[tokio::test]
async fn both_see_the_same_safety_number_and_verification_is_kept() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    assert!(matches!(
        alice.safety_number(&address("bob")),
        Err(Error::UnknownContact(_))
    ));
    alice.send_text(&address("bob"), "hi").await.unwrap();
    let events = bob.receive(Duration::ZERO).await.unwrap();
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::FirstContact { peer } if *peer == address("alice")))
    );

    let number = alice.safety_number(&address("bob")).unwrap().to_string();
    assert_eq!(number, bob.safety_number(&address("alice")).unwrap().to_string());
    assert_eq!(number.len(), 71, "twelve groups of five digits: {number}");

    assert_eq!(alice.contact(&address("bob")).unwrap().standing, Standing::Unverified);
    alice.verify(&address("bob")).unwrap();
    drop(alice);
    let mut alice = stage.open("alice");
    assert_eq!(alice.contact(&address("bob")).unwrap().standing, Standing::Verified);
    assert!(matches!(
        alice.accept_identity(&address("bob")),
        Err(Error::NothingToAccept(_))
    ));
}

#[tokio::test]
async fn a_message_by_name_costs_three_requests_and_the_first_of_a_run_or_to_a_contact_one_more_each() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    let expect = |starts: &[&str]| {
        let requests = stage.line.take_requests();
        let same =
            requests.len() == starts.len() && requests.iter().zip(starts).all(|(is, start)| is.starts_with(start));
        assert!(same, "{requests:?} for {starts:?}");
    };
    // Whether this vault is the newest copy of itself, and before each message that it has moved on.
    const NUMBER: &str = "POST /v1/inbox";
    const SEND: &str = "POST /v1/messages?";
    // Without a token it goes to a name, and the name may be another's by now.
    const LOOK: [&str; 2] = ["GET /v1/keys/bob/identity", "GET /v1/keys/alice/identity"];
    expect(&["POST /v1/session/challenge", "POST /v1/accounts"].repeat(2));

    alice.send_text(&address("bob"), "first").await.unwrap();
    expect(&[NUMBER, "GET /v1/keys/bob", NUMBER, LOOK[0], SEND]);
    // Not answered yet, answered, after a new start.
    alice.send_text(&address("bob"), "second").await.unwrap();
    expect(&[NUMBER, LOOK[0], SEND]);
    receive(&mut bob).await;
    stage.line.take_requests();
    bob.send_text(&address("alice"), "reply").await.unwrap();
    expect(&[NUMBER, LOOK[1], SEND]);
    receive(&mut alice).await;
    drop(alice);
    let mut alice = stage.open("alice");
    stage.line.take_requests();
    alice.send_text(&address("bob"), "third").await.unwrap();
    expect(&[NUMBER, NUMBER, LOOK[0], SEND]);
    // The engine's own count says the same.
    assert_eq!(alice.requests(), 4);
}

#[tokio::test]
async fn what_is_sent_while_the_relay_is_away_goes_out_with_the_next_call() {
    let mut stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    alice.send_text(&address("bob"), "one").await.unwrap();
    assert_eq!(receive(&mut bob).await, ["one"]);

    stage.stop_relay().await;
    for text in ["two", "three"] {
        let sent = alice.send_text(&address("bob"), text).await.unwrap();
        assert_eq!(sent.state, MessageState::Queued);
        assert!(
            matches!(sent.because, Some(Error::Relay(RelayError::Network { .. }))),
            "{:?}",
            sent.because
        );
    }
    // Not even an open client is needed to keep them.
    drop(alice);
    let mut alice = stage.open("alice");
    assert_eq!(alice.own_status().unwrap().outbox, 2);
    assert!(matches!(
        alice.receive(Duration::ZERO).await,
        Err(Error::Relay(RelayError::Network { .. }))
    ));

    stage.start_relay().await;
    let sent = alice.send_text(&address("bob"), "four").await.unwrap();
    assert_eq!(sent.state, MessageState::Sent);
    assert_eq!(alice.own_status().unwrap().outbox, 0);
    assert_eq!(receive(&mut bob).await, ["two", "three", "four"]);
    // And a round of receiving sends, too.
    stage.stop_relay().await;
    alice.send_text(&address("bob"), "five").await.unwrap();
    stage.start_relay().await;
    receive(&mut alice).await;
    assert_eq!(receive(&mut bob).await, ["five"]);
}

#[tokio::test]
async fn a_new_contact_cannot_be_written_to_without_the_relay_and_nothing_is_kept() {
    let mut stage = Stage::new().await;
    let mut alice = stage.register("alice").await;
    let unknown = alice.send_text(&address("nobody"), "hi").await.unwrap_err();
    assert!(
        matches!(&unknown, Error::Relay(error) if error.code() == Some(Code::NoSuchUser)),
        "{unknown}"
    );
    stage.stop_relay().await;
    assert!(matches!(
        alice.send_text(&address("bob"), "hi").await,
        Err(Error::Relay(RelayError::Network { .. }))
    ));
    assert!(alice.history(None, 10).unwrap().is_empty());
    assert_eq!(alice.own_status().unwrap().outbox, 0);
}

#[tokio::test]
async fn a_conversation_goes_on_after_both_and_the_relay_were_restarted() {
    let mut stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    for round in 0..3 {
        let (to_bob, to_alice) = (format!("to bob {round}"), format!("to alice {round}"));
        alice.send_text(&address("bob"), &to_bob).await.unwrap();
        stage.stop_relay().await;
        drop((alice, bob));
        stage.start_relay().await;
        (alice, bob) = (stage.open("alice"), stage.open("bob"));
        assert_eq!(receive(&mut bob).await, [to_bob]);
        bob.send_text(&address("alice"), &to_alice).await.unwrap();
        assert_eq!(receive(&mut alice).await, [to_alice]);
    }
}

#[tokio::test]
async fn a_client_that_waits_through_a_restart_is_answered_and_asks_again() {
    let mut stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    let restart = async {
        while stage.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        stage.restart_relay().await;
    };
    let (events, ()) = tokio::join!(alice.receive(Duration::from_secs(30)), restart);
    assert_eq!(texts(&events.unwrap()), [""; 0], "no error, and nothing yet");
    bob.send_text(&address("alice"), "after").await.unwrap();
    assert_eq!(receive(&mut alice).await, ["after"]);
}

#[tokio::test]
async fn lost_answers_and_double_deliveries_are_shown_once() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    stage.line.deliver_twice();
    alice.send_text(&address("bob"), "one").await.unwrap();
    stage.line.lose_answer("POST /v1/messages?");
    alice.send_text(&address("bob"), "two").await.unwrap();
    stage.line.lose_answer("POST /v1/inbox");
    stage.line.lose_answer("POST /v1/inbox");
    assert_eq!(receive(&mut bob).await, ["one", "two"]);
    assert!(receive(&mut bob).await.is_empty());
    assert_eq!(kept(&bob, Direction::Incoming), ["one", "two"]);
}

#[tokio::test]
async fn a_session_that_ended_elsewhere_is_renewed_once_and_unseen() {
    let stage = Stage::new().await;
    let mut alice = stage.register("alice").await;
    // The same account, signed in somewhere else: the relay keeps one session.
    let elsewhere = stage.home("elsewhere");
    std::fs::create_dir_all(&elsewhere).unwrap();
    for entry in std::fs::read_dir(stage.home("alice")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), elsewhere.join(entry.file_name())).unwrap();
    }
    stage.advance(Duration::from_secs(3590));
    let mut copy = Messenger::open(&elsewhere, &passphrase(), None, stage.options()).unwrap();
    copy.keys().await.unwrap();
    stage.line.take_requests();
    alice.keys().await.unwrap();
    let requests = stage.line.take_requests();
    // The old token had seconds left: it was not even tried.
    assert!(requests[0].starts_with("POST /v1/session/challenge"), "{requests:?}");
    copy.relay_status().await.unwrap();

    // This time the token looks good and is dead.
    let fresh = {
        stage.line.take_requests();
        let outcome = copy.keys().await;
        outcome.unwrap();
        stage.line.take_requests()
    };
    let starts: Vec<&str> = fresh.iter().map(|line| line.split('?').next().unwrap()).collect();
    assert_eq!(
        starts,
        [
            "GET /v1/keys",
            "POST /v1/session/challenge",
            "POST /v1/session",
            "GET /v1/keys"
        ]
    );
}

#[tokio::test]
async fn keys_are_used_up_and_rotated() {
    let stage = Stage::new().await;
    let mut bob = stage.register("bob").await;
    let before = bob.keys().await.unwrap();
    assert_eq!(before.one_time_left, 100);
    // Each first message uses one up.
    let mut askers = Vec::new();
    for n in 0..4 {
        askers.push(stage.register(&format!("asker{n}")).await);
    }
    let mut left = before.one_time_left;
    for asker in &mut askers {
        asker.send_text(&address("bob"), "hi").await.unwrap();
        left -= 1;
    }
    assert_eq!(bob.keys().await.unwrap().one_time_left, left);
    assert_eq!(receive(&mut bob).await.len(), 4);

    // A week later the signed prekey is replaced in the course of a round.
    stage.advance(Duration::from_secs(7 * 24 * 3600 + 1));
    receive(&mut bob).await;
    let after = bob.keys().await.unwrap();
    assert_ne!(after.signed_prekey_id, before.signed_prekey_id);
    assert!(after.signed_prekey_created_at > before.signed_prekey_created_at);
    // By hand, too; and the relay accepts what strangers need afterwards.
    let rotated = bob.rotate_keys().await.unwrap();
    assert_ne!(rotated.signed_prekey_id, after.signed_prekey_id);
    let mut late = stage.register("late").await;
    late.send_text(&address("bob"), "fresh").await.unwrap();
    assert_eq!(receive(&mut bob).await, ["fresh"]);
}

#[tokio::test]
async fn the_inbox_can_be_cleared_and_goes_on_afterwards() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    alice.send_text(&address("bob"), "seen").await.unwrap();
    receive(&mut bob).await;
    alice.send_text(&address("bob"), "never seen").await.unwrap();
    assert_eq!(bob.clear_inbox().await.unwrap(), 1);
    alice.send_text(&address("bob"), "after").await.unwrap();
    let events = bob.receive(Duration::ZERO).await.unwrap();
    assert_eq!(texts(&events), ["after"]);
    // The gap is told, not hidden, and not called a loss.
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::ClearedHere { count: 1, .. })),
        "{events:?}"
    );
    assert!(
        !events.iter().any(|event| matches!(event, Event::Missing { .. })),
        "{events:?}"
    );
}

#[tokio::test]
async fn unread_messages_stay_unread_until_they_were_shown() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    alice.send_text(&address("bob"), "hi").await.unwrap();
    receive(&mut bob).await;
    drop(bob);
    let mut bob = stage.open("bob");
    let unread = bob.unread().unwrap();
    assert_eq!(unread.len(), 1);
    bob.mark_seen(&unread).unwrap();
    assert!(bob.unread().unwrap().is_empty());
    assert_eq!(bob.history(None, 10).unwrap()[0].state, MessageState::Seen);
}

#[tokio::test]
async fn names_sizes_and_places_are_checked_before_anything_is_sent() {
    let stage = Stage::new().await;
    let mut alice = stage.register("alice").await;
    stage.line.take_requests();
    assert!(matches!(alice.resolve("../bob"), Err(Error::Name(_))));
    assert!(matches!(
        alice.resolve("bob@elsewhere"),
        Err(Error::ForeignRelay { .. })
    ));
    assert_eq!(alice.resolve("bob@localhost").unwrap(), address("bob"));
    assert!(matches!(
        alice.send_text(&address("alice"), "me").await,
        Err(Error::Oneself)
    ));
    assert!(matches!(alice.send_text(&address("bob"), "").await, Err(Error::Empty)));
    assert!(stage.line.take_requests().is_empty());

    let mut bob = stage.register("bob").await;
    let long = "x".repeat(190_000);
    alice.send_text(&address("bob"), &long).await.unwrap();
    assert_eq!(receive(&mut bob).await, [long]);
    assert!(matches!(
        alice.send_text(&address("bob"), &"x".repeat(210_000)).await,
        Err(Error::TooLarge)
    ));
    assert_eq!(alice.history(None, 10).unwrap().len(), 1);
}

#[tokio::test]
async fn the_disk_tells_neither_names_nor_texts_and_the_passphrase_changes() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    alice.send_text(&address("bob"), "the eagle has landed").await.unwrap();
    receive(&mut bob).await;
    for name in ["alice", "bob"] {
        let disk = bytes_on_disk(&stage.home(name));
        for secret in [b"eagle".as_slice(), b"bob@", b"alice", b"localhost"] {
            assert!(!contains(&disk, secret), "{name}: {}", String::from_utf8_lossy(secret));
        }
    }
    let new = Passphrase::new("another".to_owned()).unwrap();
    assert!(matches!(
        alice.change_passphrase(&new, &new),
        Err(Error::Vault(VaultError::WrongPassphrase))
    ));
    alice.change_passphrase(&passphrase(), &new).unwrap();
    drop(alice);
    let wrong = stage.try_open("alice", stage.options());
    assert!(matches!(wrong, Err(Error::Vault(VaultError::WrongPassphrase))));
    let mut alice = Messenger::open(&stage.home("alice"), &new, None, stage.options()).unwrap();
    alice.send_text(&address("bob"), "still me").await.unwrap();
    assert_eq!(receive(&mut bob).await, ["still me"]);
}

#[tokio::test]
async fn only_sealed_envelopes_leave_a_client() {
    const TEXT: &str = "the quick brown fox meets us at the harbour at nine";
    const LIMITED: &str = "the combination of the safe is twelve thirty four";
    let stage = Stage::new().await;
    stage.line.record();
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    alice.send_text(&address("bob"), TEXT).await.unwrap();
    assert_eq!(receive(&mut bob).await, [TEXT]);
    bob.send_text(&address("alice"), TEXT).await.unwrap();
    assert_eq!(receive(&mut alice).await, [TEXT]);
    let limit = LimitRequest {
        plays: 2,
        expires_in: None,
    };
    let sent = alice.send_limited(&address("bob"), LIMITED, limit).await.unwrap();
    bob.receive(Duration::ZERO).await.unwrap();
    let playback = bob.play(&sent.id.to_string()).await.unwrap();
    assert_eq!(playback.text.as_str(), LIMITED);
    bob.finish_play(playback).await.unwrap();
    alice.rotate_identity().await.unwrap();

    let went = stage.line.recorded();
    // The control: what travels in the clear is found, in the forms in which it does.
    assert!(contains(&went, b"GET /v1/keys/bob HTTP/1.1"));
    let encoded = sdk::Base64::from(format!("ab{TEXT}c").into_bytes()).to_string();
    assert!(
        holds(encoded.as_bytes(), TEXT.as_bytes()).is_some(),
        "a text is found in base64"
    );
    assert!(went.len() > 100_000, "{} bytes", went.len());
    for secret in [TEXT, LIMITED, "correct horse battery staple"] {
        assert_eq!(holds(&went, secret.as_bytes()), None, "{secret:?} left");
    }
}
