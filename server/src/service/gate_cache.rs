//! Loaded keys, as many as fit into so many bytes; the longest unused goes first.

use std::{collections::HashMap, future::Future, hash::Hash, sync::Arc};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::OnceCell;

use super::Result;

/// Values that are slow to load and large to keep.
///
/// One value is always kept, however large it is. A value that is in use when it goes lives on until that use ends, so the memory can exceed the bound by
/// what is in use at once.
pub struct Cache<K, V> {
    most: u64,
    held: Mutex<Held<K, V>>,
}

struct Held<K, V> {
    entries: HashMap<K, Entry<V>>,
    clock: u64,
}

struct Entry<V> {
    value: Arc<OnceCell<Arc<V>>>,
    /// 0 while it is being loaded.
    bytes: u64,
    used: u64,
}

impl<K: Copy + Eq + Hash, V> Cache<K, V> {
    /// Empty, for at most `most` bytes.
    #[must_use]
    pub fn new(most: u64) -> Self {
        let held = Held {
            entries: HashMap::new(),
            clock: 0,
        };
        Self {
            most,
            held: Mutex::new(held),
        }
    }

    /// The value of `key`, loaded by `load` with its size if it is not there. Who asks for a value while it is being loaded waits for it.
    ///
    /// # Errors
    /// What `load` says; then nothing is kept, and whoever waits tries for itself.
    pub async fn get<F>(&self, key: K, load: impl FnOnce() -> F) -> Result<Arc<V>>
    where
        F: Future<Output = Result<(V, u64)>>,
    {
        let cell = self.enter(key);
        let mut size = None;
        let value = cell
            .get_or_try_init(|| async {
                let (value, bytes) = load().await?;
                size = Some(bytes);
                Ok(Arc::new(value))
            })
            .await;
        match (value, size) {
            (Ok(value), Some(bytes)) => {
                let value = Arc::clone(value);
                self.note(key, &cell, bytes);
                Ok(value)
            }
            (Ok(value), None) => Ok(Arc::clone(value)),
            (Err(refusal), _) => {
                self.leave(key, &cell);
                Err(refusal)
            }
        }
    }

    fn enter(&self, key: K) -> Arc<OnceCell<Arc<V>>> {
        let mut held = self.lock();
        held.clock += 1;
        let used = held.clock;
        let entry = held.entries.entry(key).or_insert_with(|| Entry {
            value: Arc::default(),
            bytes: 0,
            used,
        });
        entry.used = used;
        Arc::clone(&entry.value)
    }

    /// Notes the size, and makes room.
    fn note(&self, key: K, cell: &Arc<OnceCell<Arc<V>>>, bytes: u64) {
        let mut held = self.lock();
        match held.entries.get_mut(&key) {
            Some(entry) if Arc::ptr_eq(&entry.value, cell) => entry.bytes = bytes,
            // Forgotten while it was loaded: who loaded it has it, and nobody else gets it.
            _ => return,
        }
        while held.entries.values().map(|entry| entry.bytes).sum::<u64>() > self.most {
            let oldest = held
                .entries
                .iter()
                .filter(|(other, entry)| **other != key && entry.bytes > 0)
                .min_by_key(|(_, entry)| entry.used)
                .map(|(oldest, _)| *oldest);
            match oldest {
                Some(oldest) => drop(held.entries.remove(&oldest)),
                None => return,
            }
        }
    }

    /// After a failure nothing stays, unless another is loading it by now.
    fn leave(&self, key: K, cell: &Arc<OnceCell<Arc<V>>>) {
        let mut held = self.lock();
        // Two: the map's and ours. More: somebody waits and tries next.
        let last = Arc::strong_count(cell) <= 2 && cell.get().is_none();
        if last
            && held
                .entries
                .get(&key)
                .is_some_and(|entry| Arc::ptr_eq(&entry.value, cell))
        {
            held.entries.remove(&key);
        }
    }

    /// The value of `key` if it is there; it does not count as used.
    #[must_use]
    pub fn loaded(&self, key: &K) -> Option<Arc<V>> {
        self.lock().entries.get(key)?.value.get().cloned()
    }

    /// Forgets the value of `key`.
    pub fn forget(&self, key: &K) {
        self.lock().entries.remove(key);
    }

    /// How many values are there, and their bytes.
    #[must_use]
    pub fn held(&self) -> (usize, u64) {
        let held = self.lock();
        let loaded = held.entries.values().filter(|entry| entry.bytes > 0);
        loaded.fold((0, 0), |(count, bytes), entry| (count + 1, bytes + entry.bytes))
    }

    fn lock(&self) -> MutexGuard<'_, Held<K, V>> {
        self.held.lock()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::service::Refusal;

    struct Loader(AtomicU32);

    impl Loader {
        async fn load(&self, bytes: u64) -> Result<(u32, u64)> {
            tokio::task::yield_now().await;
            Ok((self.0.fetch_add(1, Ordering::SeqCst), bytes))
        }
    }

    #[tokio::test]
    async fn the_longest_unused_goes_first_and_one_always_stays() {
        let (cache, loader) = (Cache::new(100), Loader(AtomicU32::new(0)));
        let get = async |key: u8, bytes| *cache.get(key, || loader.load(bytes)).await.unwrap();
        assert_eq!((get(1, 40).await, get(2, 40).await), (0, 1));
        assert_eq!(get(1, 40).await, 0, "kept");
        assert_eq!(get(3, 40).await, 2);
        assert_eq!(cache.held(), (2, 80));
        assert_eq!(get(1, 40).await, 0, "used after 2, so 2 went");
        assert_eq!(get(2, 40).await, 3, "loaded again, and 3 went");
        assert_eq!(get(3, 40).await, 4, "and now 1");
        assert_eq!(get(9, 1000).await, 5);
        assert_eq!(cache.held(), (1, 1000), "one stays however large it is");
        assert_eq!(get(9, 1000).await, 5);
        cache.forget(&9);
        assert_eq!(cache.held(), (0, 0));
    }

    #[tokio::test]
    async fn a_cold_value_is_loaded_once_for_all_who_ask() {
        let (cache, loader) = (Cache::new(100), Loader(AtomicU32::new(0)));
        let asks = (0..20).map(|_| cache.get(1, || loader.load(10)));
        let values = futures_util::future::join_all(asks).await;
        assert!(values.iter().all(|value| **value.as_ref().unwrap() == 0));
        assert_eq!(loader.0.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_failure_is_not_kept_and_who_waits_tries_for_itself() {
        let (cache, tries) = (Cache::<u8, u32>::new(100), AtomicU32::new(0));
        let load = || async {
            tokio::task::yield_now().await;
            match tries.fetch_add(1, Ordering::SeqCst) {
                0 => Err(Refusal::Busy),
                n => Ok((n, 10)),
            }
        };
        let (a, b) = tokio::join!(cache.get(1, load), cache.get(1, load));
        assert!(matches!(a, Err(Refusal::Busy)));
        assert_eq!(*b.unwrap(), 1);
        let failed = cache.get(2, || async { Err(Refusal::Busy) }).await;
        assert!(failed.is_err());
        assert_eq!(cache.held(), (1, 10));
        assert_eq!(cache.lock().entries.len(), 1, "nothing of the failure is left");
    }

    #[tokio::test]
    async fn whoever_gives_up_while_loading_leaves_it_to_the_next() {
        let cache = Cache::<u8, u32>::new(100);
        {
            let mut stuck = Box::pin(cache.get(1, std::future::pending));
            assert!(futures_util::poll!(&mut stuck).is_pending());
        }
        assert_eq!(*cache.get(1, || async { Ok((7, 10)) }).await.unwrap(), 7);
    }
}
