//! However much is deleted at once, everybody else's mail goes on: shown in commits of the writer, not in time.

// Helpers of tests may panic like the tests themselves (clippy.toml exempts only the latter).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use common::*;
use server::{
    model::{MailboxId, Principal, Sender},
    service::{
        Services,
        mailbox::{Inbox, Reading},
    },
    store::SLICE,
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

fn commits(services: &Services) -> u64 {
    services.activity().unwrap().commits.read().count
}

/// What happened while something was deleted.
struct Beside<T> {
    outcome: T,
    /// Sends that were stored, one after the other.
    sent: u64,
    /// Those of them that were stored before the deletion was over.
    between: u64,
    commits: u64,
}

/// Sends to carol, each after the one before, while `deletion` goes on.
async fn beside<T: Send + 'static>(
    services: &Arc<Services>,
    alice: MailboxId,
    deletion: impl Future<Output = T> + Send + 'static,
) -> Beside<T> {
    let (done, before) = (Arc::new(AtomicBool::new(false)), commits(services));
    let deletion = tokio::spawn({
        let done = done.clone();
        async move {
            let outcome = deletion.await;
            done.store(true, Ordering::SeqCst);
            outcome
        }
    });
    let (mut sent, mut between) = (0, 0);
    while !done.load(Ordering::SeqCst) {
        send(services, alice, "carol").await.unwrap();
        sent += 1;
        between += u64::from(!done.load(Ordering::SeqCst));
    }
    Beside {
        outcome: deletion.await.unwrap(),
        sent,
        between,
        commits: commits(services) - before,
    }
}

/// A deletion in one commit would let two sends pass at most: one before it and one with it.
fn assert_slices(commits: u64, between: u64) {
    let slices = FULL.div_ceil(SLICE.envelopes as usize) as u64;
    assert!(
        commits >= slices && between >= 10,
        "{commits} commits, {between} sends in between"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sends_get_in_between_the_slices_of_a_clear() {
    let (relay, services, alice, bob) = scene().await;
    let clear = {
        let services = services.clone();
        async move { services.mailboxes.clear(bob).await }
    };
    let seen = beside(&services, alice, clear).await;
    assert_eq!(seen.outcome.unwrap(), FULL as u64);
    assert_slices(seen.commits, seen.between);
    // It was answered when all was gone.
    assert_eq!(relay.status().await["messages_pending"], seen.sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sends_get_in_between_the_slices_of_an_acknowledgement() {
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
    let acknowledge = {
        let services = services.clone();
        async move {
            let ack = Some((page.incarnation.0, last));
            services.mailboxes.inbox(bob, reading(ack)).await
        }
    };
    let seen = beside(&services, alice, acknowledge).await;
    assert!(matches!(seen.outcome.unwrap(), Inbox::Page(page) if page.envelopes.is_empty()));
    assert_slices(seen.commits, seen.between);
    assert_eq!(relay.status().await["messages_pending"], seen.sent);
}
