//! A bounded memory of what was used last.

use std::{collections::HashMap, hash::Hash};

/// A bounded map that keeps what was used last, roughly: the older half goes at once when the younger is full.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    half: usize,
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Hash + Eq + Copy, V: Clone> Recent<K, V> {
    /// Empty; keeps at least `half` of what was used last, and at most twice as many.
    pub fn new(half: usize) -> Self {
        Self {
            half,
            young: HashMap::new(),
            old: HashMap::new(),
        }
    }

    /// What is kept under `key`; that counts as use.
    pub fn get(&mut self, key: &K) -> Option<V> {
        if let Some(value) = self.young.get(key) {
            return Some(value.clone());
        }
        let value = self.old.remove(key)?;
        self.put(*key, value.clone());
        Some(value)
    }

    /// Keeps `value` under `key`.
    pub fn put(&mut self, key: K, value: V) {
        if self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    /// Forgets what is kept under `key`.
    pub fn remove(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }

    /// Looks at all there is; for what is rare.
    pub fn retain(&mut self, keep: impl Fn(&K) -> bool) {
        self.young.retain(|key, _| keep(key));
        self.old.retain(|key, _| keep(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: usize = 1000;

    #[test]
    fn the_memory_is_bounded_and_keeps_what_is_used() {
        let mut recent = Recent::new(HALF);
        for n in 0..5 * HALF {
            recent.put(n, ());
            assert!(recent.get(&0).is_some(), "used all the time");
        }
        assert!(recent.young.len() + recent.old.len() <= 2 * HALF);
        assert!(recent.get(&1).is_none());
    }
}
