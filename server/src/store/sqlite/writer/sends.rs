//! Sends, and upkeep between commits: the part of the writer's loop that is about envelopes.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use super::{
    super::envelopes::{Outcome, Sending},
    ERASE_WITHIN, Loop, StoreError, Upkeep,
};

impl Loop {
    /// Does a piece of what the envelopes have left to do.
    pub(super) fn keep_up(&mut self, idle: bool) {
        let waits = self.upkeep_at.is_some_and(|at| at > Instant::now());
        if self.damaged.is_some() || waits {
            return;
        }
        self.upkeep_at = None;
        let kept = catch_unwind(AssertUnwindSafe(|| self.envelopes.upkeep(&self.connection, idle)));
        if self.envelopes.take_erased() {
            self.erase_since.get_or_insert_with(Instant::now);
        }
        match kept.unwrap_or_else(|_| Err(StoreError::Damaged("upkeep panicked".into()))) {
            Ok(left) => self.upkeep = left,
            Err(error) => {
                self.said.unerased.warn(|left_out| {
                    tracing::warn!(%error, left_out, "what was delivered could not be erased; trying again");
                });
                self.upkeep = Upkeep::Later;
                self.upkeep_at = Some(Instant::now() + ERASE_WITHIN);
                self.note_damage(&error);
                if self.give_up_reserve(&error) {
                    self.upkeep_at = None;
                }
            }
        }
    }

    /// Stores envelopes, in a commit of their own behind that of the jobs.
    pub(super) fn send(&mut self, mut tasks: Vec<Sending>) {
        tasks.retain(|task| !task.reply.is_closed());
        if tasks.is_empty() {
            return;
        }
        let begun = Instant::now();
        let outcomes = match &self.damaged {
            Some(damaged) => refused(&tasks, damaged),
            None => {
                let stored = catch_unwind(AssertUnwindSafe(|| self.envelopes.store(&self.connection, &tasks)));
                stored.unwrap_or_else(|_| {
                    // What it left behind in memory is anyone's guess; what is on the disk is read again by the next start.
                    refused(&tasks, &StoreError::Damaged("storing envelopes panicked".into()))
                })
            }
        };
        self.activity.jobs.count(tasks.len());
        self.activity.commits.observe(begun.elapsed());
        self.watch(&outcomes);
        let wakes = Arc::clone(&self.aftermath.wakes);
        self.tell(move || {
            let mut wake = Vec::with_capacity(tasks.len());
            for (task, outcome) in tasks.into_iter().zip(outcomes) {
                if outcome.stored && outcome.answer.is_ok() {
                    wake.push(task.deposit.mailbox);
                }
                let _ = task.reply.send(outcome.answer);
            }
            wake.into_iter().for_each(|mailbox| wakes.wake(mailbox));
        });
    }

    /// Notes what failed sends say of the disk.
    fn watch(&mut self, outcomes: &[Outcome]) {
        let failed = outcomes.iter().filter_map(|outcome| outcome.answer.as_ref().err());
        // The one that says most: damage ends all writing, and a full disk is to be given room.
        let says = |error: &&StoreError| match error {
            StoreError::Damaged(_) => 2,
            StoreError::Full(_) => 1,
            _ => 0,
        };
        match failed.clone().max_by_key(says) {
            None if self.growth.has_written() && !self.room.is_short() => {
                self.activity.refusing.store(false, Ordering::Relaxed);
            }
            None => {}
            Some(error) => {
                let sends = failed.count();
                self.said.unless_full(error, |left_out| {
                    tracing::error!(%error, sends, left_out, "sends failed; nothing of them was stored");
                });
                self.note_failure(error);
                self.give_up_reserve(error);
            }
        }
    }
}

/// The same failure for all.
pub(super) fn refused(tasks: &[Sending], error: &StoreError) -> Vec<Outcome> {
    let outcome = |_| Outcome {
        answer: Err(error.clone()),
        stored: false,
    };
    tasks.iter().map(outcome).collect()
}
