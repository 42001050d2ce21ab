//! How reads are counted, and who waits for whom.

use std::{sync::atomic::Ordering, time::Duration};

use tempfile::TempDir;

use super::*;
use crate::{model::MailboxId, store::Store as _};

#[tokio::test]
async fn a_read_counts_from_when_it_begins_to_wait_until_it_is_done_or_given_up() {
    let dir = TempDir::new().unwrap();
    let lock = File::create(dir.path().join("lock")).unwrap();
    let store = Sqlite::open(dir.path(), lock, None, Arc::new(Waiters::default())).unwrap();
    let reading = || store.activity().unwrap().reading.load(Ordering::Relaxed);
    let all = store.readers.permits.acquire_many(READERS as u32).await.unwrap();
    let (mut first, mut second) = (store.disk_use(), store.disk_use());
    assert!(futures_util::poll!(&mut first).is_pending() && futures_util::poll!(&mut second).is_pending());
    assert_eq!(reading(), 2);
    drop(second);
    assert_eq!(reading(), 1);
    drop(all);
    first.await.unwrap();
    assert_eq!(reading(), 0);
}

/// A thousand look-ups wait, and none of them goes on by itself: what they have been given they keep.
#[tokio::test]
async fn whoever_is_known_does_not_wait_behind_look_ups_of_strangers() {
    let dir = TempDir::new().unwrap();
    let lock = File::create(dir.path().join("lock")).unwrap();
    let store = Sqlite::open(dir.path(), lock, None, Arc::new(Waiters::default())).unwrap();
    let all = store.readers.permits.acquire_many(READERS as u32).await.unwrap();
    let mailbox = |n: usize| MailboxId::from_bytes((n as u128).to_be_bytes());
    let mut sessions: Vec<_> = (0..500).map(|n| store.token(mailbox(n))).collect();
    let mut tokens: Vec<_> = (0..500)
        .map(|n| store.holds_delivery_token(mailbox(n), [7; 32]))
        .collect();
    for look_up in &mut sessions {
        assert!(futures_util::poll!(look_up).is_pending());
    }
    for look_up in &mut tokens {
        assert!(futures_util::poll!(look_up).is_pending());
    }
    let mut known = store.disk_use();
    assert!(futures_util::poll!(&mut known).is_pending());
    drop(all);
    let read = tokio::time::timeout(Duration::from_secs(20), known).await;
    read.expect("it waits for no look-up").unwrap();
    // They have their turn as well.
    for look_up in sessions {
        assert!(look_up.await.unwrap().is_none());
    }
    for look_up in tokens {
        assert!(!look_up.await.unwrap());
    }
}
