//! Gate keys: finished, replaced, a contact's own, and one whose id another has.

use std::time::Duration;

use latchkey_client::vault::{LimitMode, MessageState};
use latchkey_client::{Error, Step};
use sdk::Base64;

use crate::support::gate::evaluation_key;
use crate::support::raw::Raw;
use crate::support::{CrashAt, START, Stage, address, copy, until_crash};
use crate::{SECRET, limit, nobody, people, play, send, used};

#[tokio::test]
async fn a_gate_key_is_finished_wherever_its_making_was_cut_short_and_replaced_when_it_is_old() {
    let stage = Stage::new().await;
    let (alice, mut bob) = people(&stage).await;
    drop(alice);
    for step in Step::GATE_KEY {
        let mut alice = stage
            .try_open("alice", stage.options_with(CrashAt::step(step)))
            .unwrap();
        let outcome = until_crash(async {
            match step {
                Step::GateKeyMade => alice
                    .send_oblivious(&address("bob"), SECRET, limit(1), &nobody())
                    .await
                    .map(drop),
                _ => alice.rotate_gate_key(None, &nobody()).await.map(drop),
            }
        });
        assert_eq!(outcome.await.err(), Some(step));
        drop(alice);
        let mut alice = stage.open("alice");
        let id = send(&mut alice, &mut bob, 1, LimitMode::Oblivious).await;
        assert_eq!(play(&mut bob, &id).await, Some(1), "{step:?}");
        let live: Vec<_> = alice
            .gate_keys()
            .unwrap()
            .into_iter()
            .filter(|key| !key.retired)
            .collect();
        assert!(live.len() == 1 && live[0].uploaded, "{step:?}: {live:?}");
    }
    let mut alice = stage.open("alice");
    let old = send(&mut alice, &mut bob, 2, LimitMode::Oblivious).await;
    assert_eq!(play(&mut bob, &old).await, Some(1));
    let before = alice.gate_keys().unwrap().pop().unwrap();
    stage.advance(latchkey_client::GATE_KEY_LIFE - Duration::from_secs(24 * 3600));
    let same = send(&mut alice, &mut bob, 1, LimitMode::Oblivious).await;
    assert_eq!(alice.gate_keys().unwrap().pop().unwrap().id, before.id);
    stage.advance(Duration::from_secs(24 * 3600));
    let fresh = send(&mut alice, &mut bob, 1, LimitMode::Oblivious).await;
    let keys = alice.gate_keys().unwrap();
    assert_ne!(keys.last().unwrap().id, before.id);
    assert!(keys.iter().any(|key| key.id == before.id && key.retired));
    for id in [&same, &fresh] {
        assert_eq!(play(&mut bob, id).await, Some(1));
    }
    assert_eq!(used(&mut alice, &same).await, 1, "sealed with the retired one");
    // A contact's own, and back.
    alice.rotate_gate_key(Some(&address("bob")), &nobody()).await.unwrap();
    let own = alice.gate_keys().unwrap().pop().unwrap();
    assert_eq!(own.contact, Some(address("bob")));
    let id = send(&mut alice, &mut bob, 1, LimitMode::Oblivious).await;
    assert_eq!(play(&mut bob, &id).await, Some(1));
    alice.drop_gate_key(&address("bob")).await.unwrap();
    assert!(matches!(
        alice.drop_gate_key(&address("bob")).await,
        Err(Error::NoGateKey(_))
    ));
}

/// The relay was put back to before the key was uploaded, and another account has used its id since: chance, or malice. What was sealed with the key
/// is lost and said to be; what comes next has a new one.
#[tokio::test]
async fn a_gate_key_whose_id_is_anothers_is_replaced() {
    let mut stage = Stage::new().await;
    let (mut alice, mut bob) = people(&stage).await;
    stage.stop_relay().await;
    let backup = stage.home("relay-backup");
    copy(&stage.relay_home(), &backup);
    stage.start_relay().await;
    let id = send(&mut alice, &mut bob, 2, LimitMode::Oblivious).await;
    assert_eq!(play(&mut bob, &id).await, Some(1));
    let lost = alice.gate_keys().unwrap().pop().unwrap().id;

    stage.stop_relay().await;
    copy(&backup, &stage.relay_home());
    stage.start_relay().await;
    let mallory = Raw::register(
        &stage.url().to_string(),
        "mallory",
        9,
        latchkey_client::Timestamp(START),
    )
    .await;
    mallory
        .client
        .put_gate_key()
        .id(hex::encode(lost))
        .latchkey_capability_hash(Base64::from([9; 32]))
        .body(evaluation_key())
        .send()
        .await
        .unwrap();

    let outcome = alice.send_oblivious(&address("bob"), SECRET, limit(1), &nobody()).await;
    assert!(matches!(outcome, Err(Error::GateKeyTaken)), "{outcome:?}");
    let failed = alice.history(None, 1).unwrap().pop().unwrap();
    assert!(matches!(failed.state, MessageState::Failed(_)), "{failed:?}");
    let id = send(&mut alice, &mut bob, 1, LimitMode::Oblivious).await;
    assert_eq!(play(&mut bob, &id).await, Some(1));
    assert_eq!(play(&mut bob, &id).await, None);
    assert_eq!(used(&mut alice, &id).await, 1);
    let keys = alice.gate_keys().unwrap();
    assert!(keys.len() == 1 && keys[0].uploaded && keys[0].id != lost, "{keys:?}");
}
