//! One story, told to every back end there is: what a store must do, below any rule of the services.

// Helpers of tests may panic like the tests themselves (clippy.toml exempts only the latter).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod accounts;
mod doors;
mod envelopes;
mod full;
mod gates;
mod plays;
mod rows;

use std::{fs::File, path::Path, sync::Arc, time::Duration};

use protocol::Timestamp;
use server::store::{Store as _, TokenRow, sqlite::Sqlite, waiters::Waiters};
use tempfile::TempDir;

use accounts::{accounts, identities, removed};
use doors::doors;
use envelopes::{blocks, envelopes, tokens};
use gates::gates;
use plays::{plays, time_passes};
use rows::{deposit, mailbox, registration};

fn open(dir: &Path, wakes: &Arc<Waiters>) -> Sqlite {
    let lock = File::create(dir.join("lock")).unwrap();
    Sqlite::open(dir, lock, None, wakes.clone()).unwrap()
}

#[tokio::test]
async fn sqlite_tells_the_story() {
    let (dir, wakes) = (TempDir::new().unwrap(), Arc::new(Waiters::default()));
    // Closed and opened between the parts: nothing of it lives in memory.
    accounts(&open(dir.path(), &wakes)).await;
    envelopes(&open(dir.path(), &wakes)).await;
    plays(&open(dir.path(), &wakes)).await;
    time_passes(&open(dir.path(), &wakes)).await;
}

#[tokio::test]
async fn sqlite_replaces_identities() {
    let (dir, wakes) = (TempDir::new().unwrap(), Arc::new(Waiters::default()));
    let store = open(dir.path(), &wakes);
    store.register(registration("bob", 8)).await.unwrap();
    identities(&store).await;
}

#[tokio::test]
async fn sqlite_answers_for_a_removed_account_as_for_none() {
    let (dir, wakes) = (TempDir::new().unwrap(), Arc::new(Waiters::default()));
    let store = open(dir.path(), &wakes);
    store.register(registration("bob", 8)).await.unwrap();
    store.register(registration("carol", 9)).await.unwrap();
    removed(&store).await;
}

#[tokio::test]
async fn sqlite_spends_invitations_on_registrations_alone_and_releases_names() {
    let (dir, wakes) = (TempDir::new().unwrap(), Arc::new(Waiters::default()));
    doors(&open(dir.path(), &wakes)).await;
}

#[tokio::test]
async fn sqlite_keeps_delivery_tokens_and_the_commit_counter() {
    let (dir, wakes) = (TempDir::new().unwrap(), Arc::new(Waiters::default()));
    let store = open(dir.path(), &wakes);
    store.register(registration("bob", 8)).await.unwrap();
    tokens(&store).await;
}

#[tokio::test]
async fn sqlite_keeps_blocked_accounts() {
    let (dir, wakes) = (TempDir::new().unwrap(), Arc::new(Waiters::default()));
    let store = open(dir.path(), &wakes);
    store.register(registration("bob", 8)).await.unwrap();
    blocks(&store).await;
    drop(store);
    let store = open(dir.path(), &wakes);
    assert!(store.blocks(mailbox("bob"), mailbox("eve")).await.unwrap());
}

#[tokio::test]
async fn sqlite_keeps_gate_keys_and_encrypted_counters() {
    let (dir, wakes) = (TempDir::new().unwrap(), Arc::new(Waiters::default()));
    let store = open(dir.path(), &wakes);
    store.register(registration("bob", 8)).await.unwrap();
    store.register(registration("carol", 9)).await.unwrap();
    gates(&store).await;
}

#[tokio::test]
async fn a_deposit_wakes_its_owner_and_nobody_else_once_it_is_durable() {
    let (dir, wakes) = (TempDir::new().unwrap(), Arc::new(Waiters::default()));
    let store = open(dir.path(), &wakes);
    store.register(registration("bob", 8)).await.unwrap();
    let (bobs, carols) = (
        wakes.wait(mailbox("bob")).unwrap(),
        wakes.wait(mailbox("carol")).unwrap(),
    );
    let (bob, mut carol) = (bobs.armed(), carols.armed());
    store.deposit(deposit("bob", 1, b"one")).await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), bob)
        .await
        .expect("bob was not woken");
    assert!(futures_util::poll!(&mut carol).is_pending());
}

/// What the store has at hand is never older than what it has answered.
#[tokio::test]
async fn what_is_known_without_the_disk_is_what_was_committed_last() {
    let dir = TempDir::new().unwrap();
    let bob = mailbox("bob");
    let row = |tag| TokenRow {
        hash: [tag; 32],
        expires: Timestamp(3_000_000),
    };
    let hash = |row: Option<TokenRow>| row.map(|row| row.hash[0]);
    {
        let store = open(dir.path(), &Arc::default());
        assert!(store.token(bob).await.unwrap().is_none() && store.known_token(bob).is_none());
        store.register(registration("bob", 8)).await.unwrap();
        assert_eq!(hash(store.token(bob).await.unwrap()), Some(8));
        assert_eq!(hash(store.known_token(bob)), Some(8), "read once, known from then on");
        store.put_token(bob, row(9), None).await.unwrap();
        assert_ne!(hash(store.known_token(bob)), Some(8), "replaced");
        assert_eq!(hash(store.token(bob).await.unwrap()), Some(9));
        store.register(registration("bob", 8)).await.unwrap();
        assert_ne!(hash(store.known_token(bob)), Some(9), "replaced by registering again");
        store.token(bob).await.unwrap();
        store.drop_token(bob, [8; 32]).await.unwrap();
        assert!(store.known_token(bob).is_none(), "ended");

        store.put_delivery_token(bob, [5; 32], 9).await.unwrap();
        assert!(!store.holds_delivery_token(bob, [6; 32]).await.unwrap());
        assert!(store.holds_delivery_token(bob, [5; 32]).await.unwrap());
        assert!(store.knows_delivery_token(bob, [5; 32]) && !store.knows_delivery_token(bob, [6; 32]));
        assert!(
            !store.knows_delivery_token(mailbox("eve"), [5; 32]),
            "a token is good for one mailbox"
        );
        store.delete_delivery_token(bob, [5; 32]).await.unwrap();
        assert!(!store.knows_delivery_token(bob, [5; 32]), "deleted");
        store.put_token(bob, row(7), None).await.unwrap();
    }
    let store = open(dir.path(), &Arc::default());
    assert!(store.known_token(bob).is_none(), "a restart knows nothing");
    assert_eq!(hash(store.token(bob).await.unwrap()), Some(7));
}
