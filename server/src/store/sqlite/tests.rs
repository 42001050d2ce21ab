//! How reads are counted.

use std::sync::atomic::Ordering;

use tempfile::TempDir;

use super::*;
use crate::store::Store as _;

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
