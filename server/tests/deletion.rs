//! However much is deleted at once, everybody else's mail goes on: shown in what is written, not in time.

// Helpers of tests may panic like the tests themselves (clippy.toml exempts only the latter).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::sync::Arc;

use common::*;
use server::{
    model::{MailboxId, Principal, Sender},
    service::{
        Services,
        mailbox::{Inbox, Reading},
    },
};
use uuid::Uuid;

/// As many as a mailbox holds.
const FULL: usize = 10_000;

async fn send(services: &Services, from: MailboxId, to: &str) -> Result<(), server::service::Refusal> {
    let (from, id) = (Sender::Account(from), Uuid::new_v4());
    services
        .mailboxes
        .deposit(from, to, id, vec![1; 50], None)
        .await
        .map(drop)
}

/// Bob's mailbox, full of alice's mail, and carol's.
async fn scene() -> (TestRelay, Arc<Services>, MailboxId, Principal) {
    let relay = TestRelay::start().await;
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    relay.user("carol").await;
    let services = relay.running().services().clone();
    let alice = MailboxId::from_bytes(alice.mailbox());
    for _ in 0..FULL / 200 {
        let batch = futures_util::future::join_all((0..200).map(|_| send(&services, alice, "bob"))).await;
        assert!(batch.iter().all(Result::is_ok));
    }
    assert!(send(&services, alice, "bob").await.is_err(), "full");
    let bob = Principal {
        mailbox: MailboxId::from_bytes(bob.mailbox()),
        session: [0; 32],
    };
    (relay, services, alice, bob)
}

/// What is in the write-ahead log: it only grows between two folds, of which there is none in what is measured here.
async fn log_bytes(services: &Services) -> u64 {
    services.disk_use().await.unwrap().log
}

/// Rows of a mailbox, a segment or two, and the pages they lie in: whatever was deleted, no more than this is written for it while others wait.
const A_FEW_PAGES: u64 = 64 << 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clear_of_a_full_mailbox_writes_a_few_pages_while_others_wait() {
    let (relay, services, alice, bob) = scene().await;
    let before = log_bytes(&services).await;
    assert_eq!(services.mailboxes.clear(bob).await.unwrap(), FULL as u64);
    let written = log_bytes(&services).await.saturating_sub(before);
    assert!(written <= A_FEW_PAGES, "{written} bytes");
    // Answered when all was gone, and there is room at once.
    assert_eq!(relay.status().await["messages_pending"], 0);
    send(&services, alice, "bob").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_does_an_acknowledgement_of_all_of_it() {
    let (relay, services, alice, bob) = scene().await;
    let reading = |ack| Reading {
        ack,
        commit_counter: None,
        wait_seconds: 0,
        limit: 1,
    };
    let Inbox::Page(page) = services.mailboxes.inbox(bob, reading(None)).await.unwrap() else {
        panic!("there is mail")
    };
    let last = page.envelopes[0].sequence + FULL as u64 - 1;
    let before = log_bytes(&services).await;
    let ack = Some((page.incarnation.0, last));
    let after = services.mailboxes.inbox(bob, reading(ack)).await.unwrap();
    assert!(matches!(after, Inbox::Page(page) if page.envelopes.is_empty()));
    let written = log_bytes(&services).await.saturating_sub(before);
    assert!(written <= A_FEW_PAGES, "{written} bytes");
    assert_eq!(relay.status().await["messages_pending"], 0);
    send(&services, alice, "bob").await.unwrap();
}
