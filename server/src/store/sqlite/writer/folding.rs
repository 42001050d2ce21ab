//! Folding the write-ahead log in: when, how much, and what is left of deleted content afterwards.
//!
//! A thread with a connection of its own folds while the writer goes on, so that nobody waits for it. But as long as something is written meanwhile it never reaches the log's
//! end, and SQLite begins the log anew only where all of it was folded in. So when the log has become long the writer folds in the rest itself.

use std::{sync::atomic::Ordering, time::Instant};

use super::{
    ERASE_WITHIN, Loop, MAX_LOG_BYTES, RETRY_AT_MOST, RETRY_ERASING,
    folder::{PASSIVE, fold_in, lock},
};
use crate::store::sqlite::reserve::fill_log;

impl Loop {
    pub(super) fn overdue(&self) -> bool {
        let retry_passed = self.retry_at.is_none_or(|at| at <= Instant::now());
        let erase = self.erase_since.is_some_and(|since| since.elapsed() >= ERASE_WITHIN);
        let long = || std::fs::metadata(&self.log).is_ok_and(|meta| meta.len() > MAX_LOG_BYTES);
        retry_passed && (erase || long())
    }

    /// Has the log folded into the main file, as far as no reader is in the way. It stays as long as it is: once all of it is folded in, the next commit begins at its
    /// start again. Nothing is erased by that.
    pub(super) fn fold(&mut self) {
        if self.damaged.is_some() {
            return;
        }
        match &self.folder {
            Some(folder) if !self.growth.is_long() => {
                self.growth.fold();
                folder.ask();
            }
            _ => self.fold_all(),
        }
    }

    /// Folds in what is left, while nothing is written.
    fn fold_all(&mut self) {
        let begun = Instant::now();
        let folded = {
            let _alone = self.folder.as_ref().map(|folder| lock(&folder.at_work));
            self.growth.fold();
            fold_in(&self.connection, PASSIVE)
        };
        match folded {
            Ok(_) => self.activity.checkpoints.observe(begun.elapsed()),
            // What truncates the log meets the same, and sees to it.
            Err(error) => {
                tracing::warn!(%error, "the log could not be folded in; trying again when it has grown");
                self.give_up_reserve(&error.into());
            }
        }
    }

    /// Folds the log into the main file and truncates it.
    pub(super) fn checkpoint(&mut self) {
        if self.damaged.is_some() {
            // The log may be the better half of what is left.
            (self.erase_since, self.retry_at) = (None, None);
            return;
        }
        let begun = Instant::now();
        match self.truncate() {
            Ok(0) => {
                (self.erase_since, self.retry_at) = (None, None);
                self.retry_wait = RETRY_ERASING;
                self.activity.checkpoints.observe(begun.elapsed());
                if !self.room.is_short() {
                    self.activity.refusing.store(false, Ordering::Relaxed);
                }
            }
            Ok(_) => {
                self.retry_at = Some(Instant::now() + self.retry_wait);
                self.retry_wait = (self.retry_wait * 2).min(RETRY_AT_MOST);
            }
            Err(error) => {
                self.said.unfolded.warn(|left_out| {
                    tracing::warn!(%error, left_out, "the log could not be folded in; trying again");
                });
                // A disk that is full or failing is not asked twenty times a second.
                self.retry_at = Some(Instant::now() + ERASE_WITHIN);
                self.erase_since.get_or_insert_with(Instant::now);
                // With the reserve it may be folded in at once.
                self.give_up_reserve(&error.into());
            }
        }
    }

    /// Truncates the log, and on a full disk keeps what room it needs.
    fn truncate(&mut self) -> rusqlite::Result<i64> {
        let _alone = self.folder.as_ref().map(|folder| lock(&folder.at_work));
        self.growth.fold();
        let busy = fold_in(&self.connection, "PRAGMA wal_checkpoint(TRUNCATE)")?;
        if busy == 0 {
            self.growth.begin_anew();
            if self.room.is_short()
                && let Err(error) = fill_log(&self.log)
            {
                self.said.unfolded.warn(|left_out| {
                    tracing::warn!(%error, left_out, "the disk has no room for the write-ahead log");
                });
            }
        }
        Ok(busy)
    }
}
