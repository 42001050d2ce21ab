//! THE single writer: one thread that owns the writing connection.
//!
//! Group commit: what is queued while one commit is on its way to the disk goes into the next one together. As a rule nothing fails, so the jobs
//! run one after the other; when one does fail, all is undone and each runs again in a savepoint of its own, so that one that fails does not take
//! the others with it. Replies leave after the commit, never before.
//!
//! Folding: what is in the write-ahead log goes into the main file in small pieces ([`growth`]), so that no piece keeps anybody waiting for long.
//!
//! Erasure: deleted content is overwritten in its pages (`secure_delete`), but its earlier copies stay in the write-ahead log until that
//! is folded into the main file and truncated. The writer does so when it falls idle after a deletion, or after [`ERASE_WITHIN`] at the latest.

mod folding;
mod growth;
mod job;
mod mail;
mod sends;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tokio::{runtime::Handle, sync::oneshot};

use growth::Growth;
use job::{Job, Task};

pub(super) use self::{
    job::{Effects, Sums},
    mail::{Mail, Outcome, Sending, Upkeep},
};
use super::{
    Activity, Deposit, Deposited, Result, StoreError,
    known::{Change, Known},
    wakes::Wakes,
};
use crate::model::Bytes32;

/// Jobs that may wait. At 256 KiB an envelope this is 256 MiB at worst; a queue as long is two to four commits, some ten milliseconds.
const QUEUE: usize = 1024;
/// Most jobs in one commit: beyond this the gain levels off and the first in line waits too long.
const MAX_BATCH: usize = 256;
/// Under load the mail has its upkeep after every so many commits: it waits for some milliseconds at most, and costs something even when there is nothing to do.
const UPKEEP_TURNS: u32 = 4;
/// A burst of deletions is answered by one checkpoint, not by one each.
const IDLE_BEFORE_ERASING: Duration = Duration::from_millis(20);
/// Under steady load deleted content is in no file any more after this long (and one checkpoint).
const ERASE_WITHIN: Duration = Duration::from_secs(1);
/// When a reader was in the way of a checkpoint.
const RETRY_ERASING: Duration = Duration::from_millis(50);
/// A log file longer than this is truncated too; it bounds the disk and the time of a restart. Folding alone leaves the file as long as it is, because
/// SQLite overwrites its blocks, which is cheaper than making new ones.
const MAX_LOG_BYTES: u64 = 16 << 20;

/// What the writer does with the effects of its jobs.
pub(super) struct Aftermath {
    /// Who waits for mail.
    pub wakes: Arc<Wakes>,
    /// What is known without asking the disk.
    pub known: Arc<Known>,
    /// Writes down by how much a commit changed the store; once a commit, not once a job.
    pub count: fn(&Connection, Sums) -> Result<()>,
}

/// What waits in the queue.
enum Work {
    Job(Box<dyn Job>),
    Send(Sending),
}

/// The handle of the writer's thread.
pub(super) struct Writer {
    queue: Option<SyncSender<Work>>,
    activity: Arc<Activity>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Gives `connection` and `mail` to a thread of their own. `log` is the path of the connection's write-ahead log.
    ///
    /// # Errors
    /// When the thread cannot be started, or SQLite does not say how large its pages are.
    pub fn start(
        mut connection: Connection,
        log: PathBuf,
        mail: Box<dyn Mail>,
        aftermath: Aftermath,
    ) -> std::io::Result<Self> {
        let growth = Growth::watch(&mut connection).map_err(std::io::Error::other)?;
        let (queue, jobs) = sync_channel(QUEUE);
        let activity = Arc::new(Activity::new(QUEUE as u64));
        let counted = Arc::clone(&activity);
        // None outside of a runtime: then this thread gives out the replies itself.
        let runtime = Handle::try_current().ok();
        let thread = std::thread::Builder::new().name("store-writer".into()).spawn(move || {
            Loop {
                connection,
                log,
                growth,
                mail,
                aftermath,
                activity: counted,
                runtime,
                upkeep: Upkeep::More,
                upkeep_at: None,
                erase_since: None,
                retry_at: None,
                damaged: None,
            }
            .run(&jobs);
        })?;
        Ok(Self {
            queue: Some(queue),
            activity,
            thread: Some(thread),
        })
    }

    /// Runs `verb` in the next commit and answers when that is durable.
    pub async fn run<T, F>(&self, verb: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Connection, &mut Effects) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.give(Work::Job(Box::new(Task::new(verb, reply))))?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Stores an envelope in the next commit and answers when that is durable. `key` is what it has in common with its repetitions.
    pub async fn send(&self, deposit: Deposit, key: Bytes32, check: u32) -> Result<Deposited> {
        let (reply, answer) = oneshot::channel();
        let deposit = Box::new(deposit);
        self.give(Work::Send(Sending {
            deposit,
            key,
            check,
            reply,
        }))?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    fn give(&self, work: Work) -> Result<()> {
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        // Before it is there, so that taking it out never comes first.
        self.activity.queued.fetch_add(1, Ordering::Relaxed);
        queue.try_send(work).map_err(|error| {
            self.activity.queued.fetch_sub(1, Ordering::Relaxed);
            match error {
                TrySendError::Full(_) => StoreError::Busy,
                TrySendError::Disconnected(_) => StoreError::Closed,
            }
        })
    }
}

impl Writer {
    /// What it is doing.
    pub fn activity(&self) -> &Activity {
        &self.activity
    }
}

impl Drop for Writer {
    /// Finishes what is queued, folds the log in, closes the connection.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's writer ended by a panic");
        }
    }
}

/// How a batch went.
enum Together {
    Durable,
    /// Nothing is stored; each job is to be tried for itself.
    JobFailed,
    /// Nothing is stored, and the reason concerns all.
    CommitFailed(StoreError),
}

struct Loop {
    connection: Connection,
    log: PathBuf,
    growth: Growth,
    mail: Box<dyn Mail>,
    aftermath: Aftermath,
    activity: Arc<Activity>,
    runtime: Option<Handle>,
    /// What the mail has left to do, and until when it is left alone because the disk refused.
    upkeep: Upkeep,
    upkeep_at: Option<Instant>,
    erase_since: Option<Instant>,
    retry_at: Option<Instant>,
    /// Set once the database turned out to be damaged. From then on nothing is written: what can still be read should stay as it is.
    damaged: Option<StoreError>,
}

impl Loop {
    fn run(mut self, queue: &Receiver<Work>) {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        let mut turn = 0;
        loop {
            let first = match self.patience() {
                None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(wait) => queue.recv_timeout(wait),
            };
            match first {
                Ok(work) => {
                    batch.push(work);
                    batch.extend(queue.try_iter().take(MAX_BATCH - 1));
                    self.activity.queued.fetch_sub(batch.len() as u64, Ordering::Relaxed);
                    let (mut jobs, mut sends) = (Vec::new(), Vec::new());
                    for work in batch.drain(..) {
                        match work {
                            Work::Job(job) => jobs.push(job),
                            Work::Send(task) => sends.push(task),
                        }
                    }
                    // In this order: a mailbox is there before what is sent to it, and what was cleared was sent before.
                    let rows = !jobs.is_empty();
                    self.commit(&mut jobs);
                    self.send(sends);
                    turn = (turn + 1) % UPKEEP_TURNS;
                    if turn == 0 {
                        self.keep_up(false);
                    } else if self.upkeep == Upkeep::Done {
                        self.upkeep = Upkeep::Later;
                    }
                    // The write-ahead log grows by rows alone, and by upkeep.
                    if (rows || turn == 0) && self.overdue() {
                        self.checkpoint();
                    } else if self.growth.is_due() {
                        self.fold();
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    if self.erase_since.is_some() && self.retry_at.is_none_or(|at| at <= Instant::now()) {
                        self.checkpoint();
                    }
                    self.keep_up(true);
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.keep_up(true);
        self.checkpoint();
    }

    /// How long to wait for work before something else is to be done; none: for ever.
    fn patience(&self) -> Option<Duration> {
        let now = Instant::now();
        let fold = self.erase_since.map(|_| {
            self.retry_at
                .map_or(IDLE_BEFORE_ERASING, |at| at.saturating_duration_since(now))
        });
        let mail = match (self.upkeep_at, self.upkeep) {
            _ if self.damaged.is_some() => None,
            (Some(at), _) => Some(at.saturating_duration_since(now)),
            (None, Upkeep::More) => Some(Duration::ZERO),
            (None, Upkeep::Later) => Some(self.mail.patience().unwrap_or_default().min(IDLE_BEFORE_ERASING)),
            (None, Upkeep::Done) => None,
        };
        match (fold, mail) {
            (Some(fold), Some(mail)) => Some(fold.min(mail)),
            (one, other) => one.or(other),
        }
    }

    /// Commits a batch: at once, or job by job when one of them fails.
    fn commit(&mut self, batch: &mut Vec<Box<dyn Job>>) {
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
        match self.together(&mut jobs) {
            Together::Durable => {
                self.activity.jobs.count(count);
                self.activity.commits.observe(begun.elapsed());
                self.settle(jobs, Ok(()));
            }
            Together::JobFailed => self.one_by_one(jobs),
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
                _ => Together::JobFailed,
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
                self.activity.refusing.store(false, Ordering::Relaxed);
                for effects in jobs.iter().map(|job| job.effects()) {
                    if let Some(change) = effects.change {
                        self.aftermath.known.forget(change);
                        if let Change::Everything(mailbox) = change {
                            self.mail.forget(mailbox);
                        }
                    }
                    effects
                        .gone
                        .iter()
                        .for_each(|(mailbox, up_to)| self.mail.gone(*mailbox, *up_to));
                    if let Some(now) = effects.forget {
                        self.mail.forget_receipts(now);
                    }
                    if effects.erases {
                        self.erase_since.get_or_insert_with(Instant::now);
                    }
                    wake.extend(effects.wake);
                }
            }
            Err(error) => {
                tracing::error!(%error, jobs = jobs.len(), "a commit failed; nothing of it was stored");
                self.activity.failures.fetch_add(1, Ordering::Relaxed);
                if matches!(error, StoreError::Full(_)) {
                    self.activity.refusing.store(true, Ordering::Relaxed);
                    self.mail.give_room();
                    // Folding the log in makes room in it, if there is any to be made.
                    self.erase_since.get_or_insert_with(Instant::now);
                }
                self.note_damage(error);
            }
        }
        let wakes = Arc::clone(&self.aftermath.wakes);
        let tell = move || {
            jobs.into_iter().for_each(|job| job.answer(outcome.clone()));
            wake.into_iter().for_each(|mailbox| wakes.wake(mailbox));
        };
        // From inside the runtime all of them are woken at the price of one wake-up from outside.
        match &self.runtime {
            Some(runtime) => drop(runtime.spawn(async move { tell() })),
            None => tell(),
        }
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

    fn note_damage(&mut self, error: &StoreError) {
        if matches!(error, StoreError::Damaged(_)) && self.damaged.is_none() {
            tracing::error!(%error, "the relay writes no more");
            self.activity.damaged.store(true, Ordering::Relaxed);
            self.damaged = Some(error.clone());
        }
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

    fn execute(&self, sql: &str) -> Result<()> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
