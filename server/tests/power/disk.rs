//! What a disk holds after the power went: everything that was synced, and of what came after that whatever it happened to have written.
//!
//! Of the file system this takes for granted what journaling ones keep: a removed name is gone once anything in its directory was synced later.

use std::collections::{BTreeMap, HashSet};

use rand_chacha::ChaCha20Rng;
use rand_core::Rng as _;

use super::trace::Event;

/// What a disk writes at once or not at all.
const SECTOR: usize = 512;

/// How much of what was not synced reached the disk.
#[derive(Debug, Clone, Copy)]
pub enum Luck {
    /// Nothing.
    None,
    /// All of it.
    All,
    /// Any sectors, in any order.
    Some,
}

/// The contents of the files when the power goes before event number `cut`. With `honest` false the disk takes no notice of syncs: what a relay without them would meet.
pub fn after(
    events: &[Event],
    cut: usize,
    luck: Luck,
    honest: bool,
    rng: &mut ChaCha20Rng,
) -> BTreeMap<String, Vec<u8>> {
    // Until where each file is safe.
    let mut safe: BTreeMap<&str, usize> = BTreeMap::new();
    for event in &events[..cut] {
        if let Event::Synced { file, began } = event
            && honest
        {
            let until = safe.entry(file).or_default();
            *until = (*until).max(*began);
        }
    }
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (n, event) in events[..cut].iter().enumerate() {
        match event {
            Event::Write { file, at, bytes } => {
                let safe = n < safe.get(&**file).copied().unwrap_or(0);
                let content = files.entry(file.clone()).or_default();
                if content.len() < at + bytes.len() && (safe || !matches!(luck, Luck::None)) {
                    content.resize(at + bytes.len(), 0);
                }
                if safe {
                    content[*at..at + bytes.len()].copy_from_slice(bytes);
                    continue;
                }
                // By the file's sectors, not by the write's.
                let mut from = 0;
                while from < bytes.len() {
                    let to = (((at + from) / SECTOR + 1) * SECTOR - at).min(bytes.len());
                    if reaches(luck, rng) {
                        content[at + from..at + to].copy_from_slice(&bytes[from..to]);
                    }
                    from = to;
                }
            }
            Event::Removed { file } => {
                let safe = safe.values().any(|until| n < *until);
                if safe || reaches(luck, rng) {
                    files.remove(file);
                }
            }
            Event::Resize { file, length } => {
                let safe = n < safe.get(&**file).copied().unwrap_or(0);
                if safe || reaches(luck, rng) {
                    files.entry(file.clone()).or_default().resize(*length, 0);
                }
            }
            _ => {}
        }
    }
    // The memory that SQLite shares between processes is rebuilt by the first who comes.
    files.retain(|name, _| !name.ends_with("-shm"));
    files
}

fn reaches(luck: Luck, rng: &mut ChaCha20Rng) -> bool {
    match luck {
        Luck::None => false,
        Luck::All => true,
        Luck::Some => rng.next_u32().is_multiple_of(2),
    }
}

/// The files that were synced at all.
pub fn synced(events: &[Event]) -> HashSet<&str> {
    let names = events.iter().filter_map(|event| match event {
        Event::Synced { file, .. } => Some(&**file),
        _ => None,
    });
    names.collect()
}
