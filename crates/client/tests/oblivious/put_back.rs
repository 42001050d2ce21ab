//! Vaults and relays that are put back to an earlier state.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use latchkey_client::vault::{LimitMode, MessageState};
use latchkey_client::{Event, GateStage, GateWatch};

use crate::support::{Stage, address, copy};
use crate::{SECRET, limit, people, play, send, used};

#[tokio::test]
async fn a_restored_vault_goes_forward_and_opens_no_more_than_it_may() {
    let mut stage = Stage::new().await;
    let (mut alice, mut bob) = people(&stage).await;
    let id = send(&mut alice, &mut bob, 5, LimitMode::Oblivious).await;
    assert_eq!(play(&mut bob, &id).await, Some(1));
    drop(bob);
    let backup = stage.home("backup");
    copy(&stage.home("bob"), &backup);
    let mut bob = stage.open("bob");
    assert_eq!(play(&mut bob, &id).await, Some(2));
    assert_eq!(play(&mut bob, &id).await, Some(3));
    drop(bob);
    copy(&backup, &stage.home("bob"));
    // It does not know yet that it is older: its next slot is used, the relay says which is not.
    let mut bob = stage.open("bob");
    assert_eq!(play(&mut bob, &id).await, Some(2), "its own count went back with it");
    assert_eq!(used(&mut alice, &id).await, 4, "the real one did not");
    // Now it is told: it goes to the end of its pads, and then seals its requests.
    bob.receive(Duration::ZERO).await.unwrap();
    assert_eq!(play(&mut bob, &id).await, Some(3));
    assert_eq!(play(&mut bob, &id).await, None);
    assert_eq!(used(&mut alice, &id).await, 5);

    // The relay is put back to before the key was uploaded: the next message uploads it again.
    let id = send(&mut alice, &mut bob, 1, LimitMode::Oblivious).await;
    stage.stop_relay().await;
    let lost = stage.relay_home();
    let keys: Vec<_> = walk(&lost)
        .into_iter()
        .filter(|path| std::fs::metadata(path).unwrap().len() > 20_000_000)
        .collect();
    assert!(!keys.is_empty(), "the evaluation key is a file");
    for key in keys {
        std::fs::remove_file(key).unwrap();
    }
    stage.start_relay().await;
    let (mut again, heard) = (Vec::new(), Arc::new(Mutex::new(Vec::new())));
    let watch: GateWatch = {
        let heard = Arc::clone(&heard);
        Arc::new(move |stage| heard.lock().unwrap().push(stage))
    };
    let sent = alice
        .send_oblivious(&address("bob"), SECRET, limit(1), &watch)
        .await
        .unwrap();
    again.extend(heard.lock().unwrap().iter().copied());
    assert_eq!(sent.state, MessageState::Sent, "{:?}", sent.because);
    assert!(again.contains(&GateStage::Checking), "uploaded again");
    bob.receive(Duration::ZERO).await.unwrap();
    assert_eq!(play(&mut bob, &sent.id.to_string()).await, Some(1));
    assert_eq!(
        play(&mut bob, &id).await,
        Some(1),
        "what was sealed before opens with it too"
    );
}

fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(walk(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// In counted mode, where it costs no key: the receipts are the same.
#[tokio::test]
async fn a_relay_that_was_put_back_is_found_out_by_both() {
    let mut stage = Stage::new().await;
    let (mut alice, mut bob) = people(&stage).await;
    let id = send(&mut alice, &mut bob, 9, LimitMode::Counted).await;
    assert_eq!(play(&mut bob, &id).await, Some(1));
    stage.stop_relay().await;
    let backup = stage.home("relay-backup");
    copy(&stage.relay_home(), &backup);
    stage.start_relay().await;
    assert_eq!(play(&mut bob, &id).await, Some(2));
    assert_eq!(play(&mut bob, &id).await, Some(3));
    bob.receive(Duration::ZERO).await.unwrap();
    alice.receive(Duration::ZERO).await.unwrap();
    assert_eq!(alice.license_state(&id).await.unwrap().went_back, None);

    stage.stop_relay().await;
    copy(&backup, &stage.relay_home());
    stage.start_relay().await;
    let report = alice.license_state(&id).await.unwrap();
    assert_eq!((report.went_back, report.terms.used), (Some(3), 1));
    // The recipient gets a second play again, and says so.
    assert_eq!(play(&mut bob, &id).await, Some(2));
    let events = bob.receive(Duration::ZERO).await.unwrap();
    assert!(
        events.iter().any(|event| matches!(event, Event::RelayFault { .. })),
        "{events:?}"
    );
    // It catches up in number, and its receipts are still others.
    assert_eq!(play(&mut bob, &id).await, Some(3));
    assert_eq!(alice.license_state(&id).await.unwrap().went_back, Some(3));
}
