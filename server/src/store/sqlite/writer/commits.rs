//! Commits of jobs: together as a rule, one by one when one of them fails.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use super::{
    Loop, Result, StoreError, Upkeep,
    job::{Job, Sums},
};
use crate::store::known_senders::Change;

/// How a batch went.
enum Together {
    Durable,
    /// Nothing is stored; each job is to be tried for itself.
    JobFailed(StoreError),
    /// Nothing is stored, and the reason concerns all.
    CommitFailed(StoreError),
}

impl Loop {
    /// Commits a batch: at once, or job by job when one of them fails.
    pub(super) fn commit(&mut self, batch: &mut Vec<Box<dyn Job>>) {
        batch.retain(|job| job.wanted());
        let mut jobs = std::mem::take(batch);
        if jobs.is_empty() {
            return;
        }
        if let Some(damaged) = self.damaged.clone() {
            jobs.into_iter().for_each(|job| job.answer(Err(damaged.clone())));
            return;
        }
        let (count, begun) = (jobs.len(), Instant::now());
        let mut outcome = self.together(&mut jobs);
        if let Together::JobFailed(error) | Together::CommitFailed(error) = &outcome
            && self.give_up_reserve(error)
        {
            // With the room that was kept for them.
            outcome = self.together(&mut jobs);
        }
        match outcome {
            Together::Durable => {
                self.activity.jobs.count(count);
                self.activity.commits.observe(begun.elapsed());
                self.settle(jobs, Ok(()));
            }
            Together::JobFailed(_) => self.one_by_one(jobs),
            Together::CommitFailed(error) => self.settle(jobs, Err(error)),
        }
    }

    /// All jobs in one transaction, without savepoints.
    fn together(&self, jobs: &mut [Box<dyn Job>]) -> Together {
        if let Err(error) = self.execute("BEGIN IMMEDIATE") {
            return Together::CommitFailed(error);
        }
        if let Some(error) = jobs.iter_mut().find_map(|job| self.attempt(&mut **job).err()) {
            self.undo();
            return match error {
                // It concerns all: a damaged database is written no more, not even by those who did not meet the damage.
                StoreError::Damaged(_) => Together::CommitFailed(error),
                _ => Together::JobFailed(error),
            };
        }
        match self.end(jobs) {
            Ok(()) => Together::Durable,
            Err(error) => Together::CommitFailed(error),
        }
    }

    /// Counts, then makes the transaction durable, or undoes it.
    fn end(&self, jobs: &[Box<dyn Job>]) -> Result<()> {
        let mut sums = Sums::default();
        for effects in jobs.iter().map(|job| job.effects()) {
            sums.licenses += effects.licenses;
        }
        let counted = if sums == Sums::default() {
            Ok(())
        } else {
            (self.aftermath.count)(&self.connection, sums)
        };
        counted
            .and_then(|()| self.execute("COMMIT"))
            .inspect_err(|_| self.undo())
    }

    fn undo(&self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.execute("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be undone");
        }
    }

    /// Each job in a savepoint of its own. When a failing job takes the whole transaction down (a full disk does that), what ran before it is
    /// answered with the failure and the rest goes into another transaction.
    fn one_by_one(&mut self, jobs: Vec<Box<dyn Job>>) {
        let mut rest = jobs.into_iter();
        while rest.len() > 0 {
            let mut ran: Vec<Box<dyn Job>> = Vec::new();
            let outcome = self.transaction(&mut rest, &mut ran);
            self.settle(ran, outcome);
            if let Some(damaged) = self.damaged.clone() {
                rest.by_ref().for_each(|job| job.answer(Err(damaged.clone())));
            }
        }
    }

    /// What follows a commit, or its failure: first what is known is put right, then everybody hears of it.
    fn settle(&mut self, jobs: Vec<Box<dyn Job>>, outcome: Result<()>) {
        let mut wake = Vec::new();
        match &outcome {
            Ok(()) => {
                // On a disk that is known to be full it says nothing of sends.
                if self.growth.has_written() && !self.room.is_short() {
                    self.activity.refusing.store(false, Ordering::Relaxed);
                }
                for effects in jobs.iter().map(|job| job.effects()) {
                    if let Some(change) = effects.change {
                        self.aftermath.known.forget(change);
                        if let Change::Everything(mailbox) = change {
                            self.envelopes.forget(mailbox);
                        }
                    }
                    effects
                        .gone
                        .iter()
                        .for_each(|(mailbox, up_to)| self.envelopes.gone(*mailbox, *up_to));
                    if let Some(now) = effects.forget {
                        self.envelopes.forget_receipts(now);
                    }
                    let some = !effects.gone.is_empty() || effects.forget.is_some();
                    if some && self.upkeep == Upkeep::Done {
                        self.upkeep = Upkeep::Later;
                    }
                    if effects.erases {
                        self.erase_since.get_or_insert_with(Instant::now);
                    }
                    wake.extend(effects.wake);
                }
            }
            Err(error) => {
                let jobs = jobs.len();
                self.said.unless_full(error, |left_out| {
                    tracing::error!(%error, jobs, left_out, "a commit failed; nothing of it was stored");
                });
                self.note_failure(error);
            }
        }
        // Before anybody hears of it: who was told that something is deleted, and asks whether it is gone, is not told so too early.
        self.note_erasing();
        let wakes = Arc::clone(&self.aftermath.wakes);
        self.tell(move || {
            jobs.into_iter().for_each(|job| job.answer(outcome.clone()));
            wake.into_iter().for_each(|mailbox| wakes.wake(mailbox));
        });
    }

    /// One transaction over as many jobs as it survives; those end in `ran`, except such as failed for themselves: they have their answer.
    fn transaction(&self, jobs: &mut std::vec::IntoIter<Box<dyn Job>>, ran: &mut Vec<Box<dyn Job>>) -> Result<()> {
        let begun = self.execute("BEGIN IMMEDIATE");
        for mut job in jobs.by_ref() {
            if let Err(error) = &begun {
                ran.push(job);
                return Err(error.clone());
            }
            match self.savepoint(&mut *job) {
                Ok(()) => ran.push(job),
                Err(error) if self.connection.is_autocommit() || matches!(error, StoreError::Damaged(_)) => {
                    self.undo();
                    ran.push(job);
                    return Err(error);
                }
                Err(error) => {
                    if matches!(error, StoreError::Fault(_)) {
                        tracing::error!(%error, "a job failed");
                    }
                    job.answer(Err(error));
                }
            }
        }
        begun?;
        self.end(ran)
    }

    /// Runs a job. A verb that panics must not take the writer, and with it the relay, along: what it did is undone like any failure.
    fn attempt(&self, job: &mut dyn Job) -> Result<()> {
        catch_unwind(AssertUnwindSafe(|| job.run(&self.connection)))
            .unwrap_or_else(|_| Err(StoreError::Fault("a verb panicked".into())))
    }

    fn savepoint(&self, job: &mut dyn Job) -> Result<()> {
        self.execute("SAVEPOINT job")?;
        let outcome = self.attempt(job);
        if outcome.is_ok() {
            return self.execute("RELEASE job");
        }
        if !self.connection.is_autocommit() {
            self.execute("ROLLBACK TO job")?;
            self.execute("RELEASE job")?;
        }
        outcome
    }
}
