//! However much is deleted at once, it is gone at once and everybody else's mail goes on. That an acknowledgement or a clearing writes one row is a test of the
//! store (`one_row_decides_however_much_was_read`), as is the bound of each piece of what is erased afterwards (`no_piece_of_upkeep_touches_more_than_its_bound`).

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clear_of_a_full_mailbox_makes_room_at_once() {
    let (relay, services, alice, bob) = scene().await;
    assert_eq!(services.mailboxes.clear(bob).await.unwrap(), FULL as u64);
    // Answered when all was gone, and there is room at once.
    assert_eq!(relay.totals().await.pending, 0);
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
    let ack = Some((page.incarnation.0, last));
    let after = services.mailboxes.inbox(bob, reading(ack)).await.unwrap();
    assert!(matches!(after, Inbox::Page(page) if page.envelopes.is_empty()));
    assert_eq!(relay.totals().await.pending, 0);
    send(&services, alice, "bob").await.unwrap();
}
