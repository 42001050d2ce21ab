//! Folding the write-ahead log in: when, how much, and what is left of deleted content afterwards.

use std::{sync::atomic::Ordering, time::Instant};

use super::{ERASE_WITHIN, Loop, MAX_LOG_BYTES, RETRY_ERASING};

impl Loop {
    pub(super) fn overdue(&self) -> bool {
        let retry_passed = self.retry_at.is_none_or(|at| at <= Instant::now());
        let erase = self.erase_since.is_some_and(|since| since.elapsed() >= ERASE_WITHIN);
        let long = || std::fs::metadata(&self.log).is_ok_and(|meta| meta.len() > MAX_LOG_BYTES);
        retry_passed && (erase || long())
    }

    /// Answers whether readers were in the way.
    pub(super) fn fold_in(&self, sql: &str) -> rusqlite::Result<i64> {
        self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0))
    }

    /// Folds the log into the main file, as far as no reader is in the way, and leaves it there: the next commit begins at its start again. Nothing is erased by
    /// that.
    pub(super) fn fold(&mut self) {
        if self.damaged.is_some() {
            return;
        }
        self.growth.fold();
        let begun = Instant::now();
        match self.fold_in("PRAGMA wal_checkpoint(PASSIVE)") {
            Ok(_) => self.activity.checkpoints.observe(begun.elapsed()),
            // Whoever truncates the log meets the same, and sees to it.
            Err(error) => tracing::warn!(%error, "the log could not be folded in; trying again when it has grown"),
        }
    }

    /// Folds the log into the main file and truncates it.
    pub(super) fn checkpoint(&mut self) {
        if self.damaged.is_some() {
            // The log may be the better half of what is left.
            (self.erase_since, self.retry_at) = (None, None);
            return;
        }
        self.growth.fold();
        let begun = Instant::now();
        match self.fold_in("PRAGMA wal_checkpoint(TRUNCATE)") {
            Ok(0) => {
                (self.erase_since, self.retry_at) = (None, None);
                self.activity.checkpoints.observe(begun.elapsed());
                self.activity.refusing.store(false, Ordering::Relaxed);
            }
            Ok(_) => self.retry_at = Some(Instant::now() + RETRY_ERASING),
            Err(error) => {
                tracing::warn!(%error, "the log could not be folded in; trying again");
                // A disk that is full or failing is not asked twenty times a second.
                self.retry_at = Some(Instant::now() + ERASE_WITHIN);
                self.erase_since.get_or_insert_with(Instant::now);
            }
        }
    }
}
