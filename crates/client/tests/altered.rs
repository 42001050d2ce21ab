//! A relay, or whoever is on the way, that alters its answers: what does not verify is refused and named, nothing is sent to it, and nothing is lost by it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::time::Duration;

use latchkey_client::vault::{Ended, MessageBody, MessageState};
use latchkey_client::{Error, Event, LimitRequest, Messenger, RelayError, Timestamp};
use protocol::party::Party;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use sdk::Base64;
use serde_json::{Value, json};
use support::{START, Stage, address, receive};

const SECRET: &str = "the combination is 12-34-56";
/// Where the ML-DSA half of a signature begins, and that of a key.
const LATTICE_SIGNATURE: usize = 64;
const LATTICE_KEY: usize = 32;

/// Turns a bit of a field in base64.
fn flip(field: &mut Value, byte: usize) {
    let mut bytes = serde_json::from_value::<Base64>(field.take()).unwrap().into_vec();
    bytes[byte] ^= 1;
    *field = serde_json::to_value(Base64::from(bytes)).unwrap();
}

#[tokio::test]
async fn altered_keys_are_refused_and_nothing_is_sent_to_them() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    type Alter = fn(&mut Value);
    let cases: &[(&str, Alter)] = &[
        ("the Ed25519 half of the prekey's signature", |b| {
            flip(&mut b["signed_prekey"]["signature"], 5);
        }),
        ("its ML-DSA half", |b| {
            flip(&mut b["signed_prekey"]["signature"], LATTICE_SIGNATURE + 5);
        }),
        ("the prekey's address", |b| flip(&mut b["signed_prekey"]["payload"], 6)),
        ("the prekey", |b| flip(&mut b["signed_prekey"]["payload"], 1000)),
        ("the Ed25519 half of the batch's signature", |b| {
            flip(&mut b["one_time"]["signature"], 5);
        }),
        ("its ML-DSA half ", |b| {
            flip(&mut b["one_time"]["signature"], LATTICE_SIGNATURE + 5);
        }),
        ("the batch", |b| flip(&mut b["one_time"]["payload"], 70)),
        ("the one-time prekey", |b| flip(&mut b["one_time"]["key"], 40)),
        ("its place", |b| flip(&mut b["one_time"]["path"][0], 0)),
        ("its id", |b| {
            b["one_time"]["id"] = json!(b["one_time"]["id"].as_u64().unwrap() ^ 1);
        }),
        ("the ML-DSA half of the identity", |b| {
            flip(&mut b["identity_key"], LATTICE_KEY + 100);
        }),
        ("a signature for another purpose", |b| {
            b["signed_prekey"]["signature"] = b["one_time"]["signature"].clone();
        }),
    ];
    for (what, alter) in cases {
        let alter = *alter;
        stage.line.take_requests();
        stage
            .line
            .alter_answer("GET /v1/keys/bob", move |_, bundle| alter(bundle));
        let refused = alice.send_text(&address("bob"), "hello").await;
        match &refused {
            Err(Error::KeysRefused { peer, reason }) => {
                assert_eq!(*peer, address("bob"));
                assert!(!reason.is_empty());
            }
            other => panic!("{what}: {other:?}"),
        }
        let sent = stage.line.take_requests();
        assert!(
            sent.iter().all(|request| !request.starts_with("POST /v1/messages")),
            "{what}: {sent:?}"
        );
        assert!(alice.contacts().unwrap().is_empty(), "{what}: somebody was pinned");
    }
    // With the relay's own answer everything goes, and no earlier attempt comes with it.
    assert_eq!(
        alice.send_text(&address("bob"), "hello").await.unwrap().state,
        MessageState::Sent
    );
    assert_eq!(receive(&mut bob).await, ["hello"]);
}

/// At first contact nobody is pinned: keys that a relay made itself, right in every part, are taken. What bob's user reads out is another number then.
#[tokio::test]
async fn keys_of_the_relays_own_at_first_contact_show_in_the_safety_number() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let mut relays_bob = Party::generate(address("bob"), &mut rng);
    let keys = relays_bob.publication(None, false, Timestamp(START), &mut rng).unwrap();
    let (identity, signed) = (relays_bob.identity_key().to_bytes(), keys.signed_prekey.unwrap());
    stage.line.alter_answer("GET /v1/keys/bob", move |_, bundle| {
        let base64 = |bytes: Vec<u8>| serde_json::to_value(Base64::from(bytes)).unwrap();
        bundle["identity_key"] = base64(identity);
        bundle["signed_prekey"]["payload"] = base64(signed.payload);
        bundle["signed_prekey"]["signature"] = base64(signed.signature);
        bundle.as_object_mut().unwrap().remove("one_time");
    });
    // The same lie to a client that looks who has the name before it sends.
    let again = relays_bob.identity_key().to_bytes();
    stage.line.alter_answer("GET /v1/keys/bob/identity", move |_, history| {
        history["identity_key"] = serde_json::to_value(Base64::from(again)).unwrap();
    });
    let sent = alice.send_text(&address("bob"), "hello").await.unwrap();
    assert!(sent.first_contact && sent.state == MessageState::Sent, "{sent:?}");
    bob.send_text(&address("alice"), "hello").await.unwrap();
    assert_ne!(
        alice.safety_number(&address("bob")).unwrap().to_string(),
        bob.safety_number(&address("alice")).unwrap().to_string()
    );
}

/// alice sends bob a message that opens `plays` times; answers its id.
async fn scene(stage: &Stage, plays: u8) -> (Messenger, Messenger, String) {
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    let limit = LimitRequest {
        plays,
        expires_in: None,
    };
    let sent = alice.send_limited(&address("bob"), SECRET, limit).await.unwrap();
    bob.receive(Duration::ZERO).await.unwrap();
    (alice, bob, sent.id.to_string())
}

/// What this client says about the relay.
async fn faults(person: &mut Messenger) -> Vec<String> {
    let events = person.receive(Duration::ZERO).await.unwrap();
    let reason = |event: Event| match event {
        Event::RelayFault { reason, .. } => Some(reason),
        _ => None,
    };
    events.into_iter().filter_map(reason).collect()
}

#[tokio::test]
async fn an_altered_share_opens_nothing_and_costs_no_play() {
    let stage = Stage::new().await;
    let (mut alice, mut bob, id) = scene(&stage, 1).await;
    for byte in [0, 31] {
        stage
            .line
            .alter_answer("POST /v1/licenses/", move |_, answer| flip(&mut answer["share"], byte));
        let refused = bob.play(&id).await;
        assert!(matches!(refused, Err(Error::Unopened(_))), "{refused:?}");
    }
    stage
        .line
        .alter_answer("POST /v1/licenses/", |_, answer| answer["share"] = json!("AAAA"));
    let refused = bob.play(&id).await;
    assert!(
        matches!(refused, Err(Error::Relay(RelayError::Malformed("share")))),
        "{refused:?}"
    );
    // It is said, and the message is as it was: the same play comes again.
    assert_eq!(
        faults(&mut bob).await,
        ["the relay signed another play than the one it answered"; 2]
    );
    let playback = bob.play(&id).await.unwrap();
    assert_eq!((playback.text.as_str(), playback.play), (SECRET, 1));
    bob.finish_play(playback).await.unwrap();
    assert_eq!(alice.license_state(&id).await.unwrap().terms.used, 1);
    assert!(matches!(bob.play(&id).await, Err(Error::Ended(Ended::Exhausted))));
}

#[tokio::test]
async fn forged_receipts_are_said_to_the_one_who_plays() {
    let stage = Stage::new().await;
    let (_alice, mut bob, id) = scene(&stage, 20).await;
    let length = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let seen = std::sync::Arc::clone(&length);
    stage.line.alter_answer("POST /v1/licenses/", move |_, answer| {
        let receipt: Base64 = serde_json::from_value(answer["receipt"].clone()).unwrap();
        seen.store(receipt.len(), std::sync::atomic::Ordering::SeqCst);
    });
    let playback = bob.play(&id).await.unwrap();
    bob.finish_play(playback).await.unwrap();
    assert_eq!(faults(&mut bob).await, [""; 0], "the control: a right one is no matter");
    let length = length.load(std::sync::atomic::Ordering::SeqCst);
    let signature = length - (LATTICE_SIGNATURE + 4627);
    let forged = "the receipt was not signed by this relay";
    for byte in [
        signature,
        signature + 40,
        signature + LATTICE_SIGNATURE,
        length - 1,
        40,
        signature - 1,
    ] {
        stage.line.alter_answer("POST /v1/licenses/", move |_, answer| {
            flip(&mut answer["receipt"], byte);
        });
        // The play was granted, so it is shown; what is wrong is said in the next round.
        let playback = bob.play(&id).await.unwrap();
        assert_eq!(playback.text.as_str(), SECRET);
        bob.finish_play(playback).await.unwrap();
        assert_eq!(faults(&mut bob).await, [forged], "byte {byte} of {length}");
    }
    for (receipt, said) in [(json!(""), "malformed"), (json!("AAAA"), "malformed")] {
        stage
            .line
            .alter_answer("POST /v1/licenses/", move |_, answer| answer["receipt"] = receipt);
        let playback = bob.play(&id).await.unwrap();
        bob.finish_play(playback).await.unwrap();
        let faults = faults(&mut bob).await;
        assert!(faults.len() == 1 && faults[0].contains(said), "{faults:?}");
    }
    // A receipt of an earlier play, right in itself, under a later one.
    let kept = std::sync::Arc::new(std::sync::Mutex::new(Value::Null));
    let (keep, give) = (std::sync::Arc::clone(&kept), std::sync::Arc::clone(&kept));
    stage.line.alter_answer("POST /v1/licenses/", move |_, answer| {
        *keep.lock().unwrap() = answer["receipt"].clone();
    });
    let playback = bob.play(&id).await.unwrap();
    bob.finish_play(playback).await.unwrap();
    faults(&mut bob).await;
    stage.line.alter_answer("POST /v1/licenses/", move |_, answer| {
        answer["receipt"] = give.lock().unwrap().clone();
    });
    let playback = bob.play(&id).await.unwrap();
    bob.finish_play(playback).await.unwrap();
    assert_eq!(
        faults(&mut bob).await,
        ["the relay signed another play than the one it answered"]
    );
}

#[tokio::test]
async fn a_forged_receipt_is_said_to_the_sender_and_changes_no_count() {
    let stage = Stage::new().await;
    let (mut alice, mut bob, id) = scene(&stage, 3).await;
    let playback = bob.play(&id).await.unwrap();
    bob.finish_play(playback).await.unwrap();
    stage.line.alter_answer("GET /v1/licenses/", |_, status| {
        let receipt: Base64 = serde_json::from_value(status["receipt"].clone()).unwrap();
        let last = receipt.len() - 1;
        flip(&mut status["receipt"], last);
        status["used"] = json!(0);
    });
    let refused = alice.license_state(&id).await;
    assert!(matches!(refused, Err(Error::Receipt(_))), "{refused:?}");
    let MessageBody::Limited(terms, _) = alice.message(&id).unwrap().body else {
        panic!("it is a limited message")
    };
    assert_eq!((terms.used, terms.ended), (0, None));
    assert_eq!(alice.license_state(&id).await.unwrap().terms.used, 1);
}

#[tokio::test]
async fn altered_envelopes_open_nothing_and_are_said() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    alice.send_text(&address("bob"), "one").await.unwrap();
    assert_eq!(receive(&mut bob).await, ["one"]);
    bob.send_text(&address("alice"), "two").await.unwrap();
    assert_eq!(receive(&mut alice).await, ["two"]);
    // What the clients say to each other unasked, until there is nothing.
    for _ in 0..3 {
        receive(&mut bob).await;
        receive(&mut alice).await;
    }
    alice.send_text(&address("bob"), "three").await.unwrap();
    stage.line.alter_answer("POST /v1/inbox", |_, page| {
        let envelope = &mut page["envelopes"][0]["envelope"];
        let bytes: Base64 = serde_json::from_value(envelope.clone()).unwrap();
        let last = bytes.len() - 1;
        flip(envelope, last);
    });
    let events = bob.receive(Duration::ZERO).await.unwrap();
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::Unreadable { count: 1, .. })),
        "{events:?}"
    );
    assert!(
        !events.iter().any(|event| matches!(event, Event::Message(_))),
        "{events:?}"
    );
    // The conversation goes on, and what is gone is missed.
    alice.send_text(&address("bob"), "four").await.unwrap();
    let events = bob.receive(Duration::ZERO).await.unwrap();
    assert_eq!(support::texts(&events), ["four"]);
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::Missing { count: 1, .. })),
        "{events:?}"
    );
}
