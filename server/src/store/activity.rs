//! What the store is doing, counted with atomics for whoever watches.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::metrics::{Histogram, batch_jobs, disk_seconds};

/// The writer in numbers, and how much is read.
#[derive(Debug)]
pub struct Activity {
    /// Jobs that wait.
    pub queued: AtomicU64,
    /// So many may.
    pub queue_limit: u64,
    /// Reads that wait or run.
    pub reading: AtomicU64,
    /// How long commits took, from the first job to the disk.
    pub commits: Histogram,
    /// How many jobs they had.
    pub jobs: Histogram,
    /// How long it took to fold the log in.
    pub checkpoints: Histogram,
    /// Something that was deleted is not gone yet: rows are to be overwritten or cut off, or their earlier copies are in the write-ahead log. True until the writer has looked.
    pub erasing: AtomicBool,
    /// Commits of which nothing was stored.
    pub failures: AtomicU64,
    /// The disk refuses writes, as far as is known: set by a failed commit, cleared by whatever reaches the disk next.
    pub refusing: AtomicBool,
    /// Damage showed: nothing is written any more.
    pub damaged: AtomicBool,
}

impl Activity {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(queue_limit: u64) -> Self {
        Self {
            queued: AtomicU64::new(0),
            queue_limit,
            reading: AtomicU64::new(0),
            commits: disk_seconds(),
            jobs: batch_jobs(),
            checkpoints: disk_seconds(),
            erasing: AtomicBool::new(true),
            failures: AtomicU64::new(0),
            refusing: AtomicBool::new(false),
            damaged: AtomicBool::new(false),
        }
    }

    /// Counts a read for as long as what is returned lives.
    pub(super) fn read(&self) -> Read<'_> {
        self.reading.fetch_add(1, Ordering::Relaxed);
        Read(self)
    }
}

/// A read that is counted.
pub(super) struct Read<'a>(&'a Activity);

impl Drop for Read<'_> {
    fn drop(&mut self) {
        self.0.reading.fetch_sub(1, Ordering::Relaxed);
    }
}
