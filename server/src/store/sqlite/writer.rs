//! THE single writer: one thread that owns the writing connection.
//!
//! Group commit: what is queued while one commit is on its way to the disk goes into the next one together. As a rule nothing fails, so the jobs
//! run one after the other; when one does fail, all is undone and each runs again in a savepoint of its own, so that one that fails does not take
//! the others with it. Replies leave after the commit, never before.
//!
//! Folding: what is in the write-ahead log goes into the main file in small pieces ([`growth`]), by a thread of its own ([`folding`]).
//!
//! Erasure: deleted content is overwritten in its pages (`secure_delete`), but its earlier copies stay in the write-ahead log until that
//! is folded into the main file and truncated. The writer does so when it falls idle after a deletion, or after [`ERASE_WITHIN`] at the latest.
//!
//! Upkeep: between two commits the envelopes have a piece of what there is to do ([`Envelopes::upkeep`]): erasing rows that do not wait any more, above all.

mod commits;
mod folder;
mod folding;
mod growth;
mod job;
mod room;
mod sends;
mod short;

use std::{
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

use folder::Folder;
use growth::Growth;
use job::{Job, Task};
use room::Room;

pub(super) use self::job::{Effects, Sums};
use super::{
    envelopes::{Envelopes, Sending},
    reserve::Reserve,
};
use crate::{
    log_throttle::LogThrottle,
    model::Bytes32,
    store::{Activity, Deposit, Deposited, Result, StoreError, known_senders::KnownSenders, waiters::Waiters},
};

/// Jobs that may wait. At 256 KiB an envelope this is 256 MiB at worst; a queue as long is two to four commits, some ten milliseconds.
const QUEUE: usize = 1024;
/// Most jobs in one commit: beyond this the gain levels off and the first in line waits too long.
const MAX_BATCH: usize = 256;
/// A burst of deletions is answered by one checkpoint, not by one each.
const IDLE_BEFORE_ERASING: Duration = Duration::from_millis(20);
/// Under steady load what was deleted, or erased in its place, is not in the log any more after this long (and one checkpoint).
const ERASE_WITHIN: Duration = Duration::from_millis(600);
/// When a reader was in the way of a checkpoint; twice as long each time, up to [`RETRY_AT_MOST`]: a backup reads for minutes, and each try keeps everybody waiting.
const RETRY_ERASING: Duration = Duration::from_millis(50);
const RETRY_AT_MOST: Duration = Duration::from_secs(2);
/// Pieces of upkeep at an orderly end.
const LAST_PIECES: u32 = 512;
/// So often the log is tried to be truncated at an orderly end: a second, and what a reader is waited for.
const LAST_TRIES: u32 = 20;
/// A log file longer than this is truncated too; it bounds the disk and the time of a restart. Folding alone leaves the file as long as it is, because
/// SQLite overwrites its blocks, which is cheaper than making new ones.
const MAX_LOG_BYTES: u64 = 32 << 20;

/// What the writer does with the effects of its jobs.
pub(super) struct Aftermath {
    /// Who waits for mail.
    pub wakes: Arc<Waiters>,
    /// What is known without asking the disk.
    pub known: Arc<KnownSenders>,
    /// Writes down by how much a commit changed the store; once a commit, not once a job.
    pub count: fn(&Connection, Sums) -> Result<()>,
    /// Whether the disk has refused already, when the database was opened.
    pub refusing: bool,
    /// What is kept of the disk for acknowledgements and deletions.
    pub reserve: Option<Reserve>,
    /// Whether the disk had no room for that.
    pub short: bool,
}

/// What upkeep is left between commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Upkeep {
    /// None.
    Done,
    /// Some, in a while.
    Later,
    /// Some, at once if nothing else is to be done.
    More,
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
    /// Gives `connection` and the envelopes to a thread of their own. `log` is the path of the connection's write-ahead log.
    ///
    /// # Errors
    /// When the thread cannot be started, or SQLite does not say how large its pages are.
    pub fn start(
        mut connection: Connection,
        log: PathBuf,
        envelopes: Envelopes,
        mut aftermath: Aftermath,
    ) -> std::io::Result<Self> {
        let growth = Growth::watch(&mut connection).map_err(std::io::Error::other)?;
        let (queue, jobs) = sync_channel(QUEUE);
        let activity = Arc::new(Activity::new(QUEUE as u64));
        activity.refusing.store(aftermath.refusing, Ordering::Relaxed);
        let folder = Folder::start(&connection, &activity)?;
        let room = Room::new(aftermath.reserve.take(), aftermath.short);
        let counted = Arc::clone(&activity);
        // None outside of a runtime: then this thread gives out the replies itself.
        let runtime = Handle::try_current().ok();
        let thread = std::thread::Builder::new().name("store-writer".into()).spawn(move || {
            Loop {
                folder,
                connection,
                log,
                growth,
                envelopes,
                aftermath,
                activity: counted,
                runtime,
                upkeep: Upkeep::More,
                upkeep_at: None,
                worked: Instant::now(),
                erase_since: None,
                retry_at: None,
                retry_wait: RETRY_ERASING,
                said: Said::default(),
                room,
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
    pub async fn send(&self, deposit: Box<Deposit>, key: Bytes32, body_sum: u32) -> Result<Deposited> {
        let (reply, answer) = oneshot::channel();
        self.give(Work::Send(Sending {
            deposit,
            key,
            body_sum,
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

/// What is said seldom: a disk that is full stays so, whoever asks, and what is said about it may be written to it.
#[derive(Default)]
struct Said {
    full: LogThrottle,
    unfolded: LogThrottle,
    unerased: LogThrottle,
}

impl Said {
    /// Says each failure but that of a full disk, and that one seldom.
    fn unless_full(&self, error: &StoreError, log: impl FnOnce(u64)) {
        match error {
            StoreError::Full(_) => self.full.warn(log),
            _ => log(0),
        }
    }
}

struct Loop {
    /// Dropped before the connection.
    folder: Option<Folder>,
    connection: Connection,
    log: PathBuf,
    growth: Growth,
    envelopes: Envelopes,
    aftermath: Aftermath,
    activity: Arc<Activity>,
    runtime: Option<Handle>,
    /// What the envelopes have left to do, and until when it is left alone because the disk refused.
    upkeep: Upkeep,
    upkeep_at: Option<Instant>,
    /// When there was something to do for somebody last.
    worked: Instant,
    erase_since: Option<Instant>,
    retry_at: Option<Instant>,
    retry_wait: Duration,
    said: Said,
    room: Room,
    /// Set once the database turned out to be damaged. From then on nothing is written: what can still be read should stay as it is.
    damaged: Option<StoreError>,
}

impl Loop {
    fn run(mut self, queue: &Receiver<Work>) {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        if self.room.is_short() {
            self.run_short();
        }
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
                    let (mut jobs, mut sends) = (Vec::new(), Vec::with_capacity(batch.len()));
                    for work in batch.drain(..) {
                        match work {
                            Work::Job(job) => jobs.push(job),
                            Work::Send(task) => sends.push(task),
                        }
                    }
                    // In this order: a mailbox is there before what is sent to it, and what was cleared was sent before.
                    self.commit(&mut jobs);
                    self.send(sends);
                    self.keep_up(false);
                    if self.overdue() {
                        self.checkpoint();
                    } else if self.growth.is_due() {
                        self.fold();
                    }
                    self.worked = Instant::now();
                }
                Err(RecvTimeoutError::Timeout) => {
                    // It may have been the envelopes that did not want to wait any longer.
                    if self.erase_since.is_some() && self.erases_at() <= Instant::now() {
                        self.checkpoint();
                    }
                    self.keep_up(true);
                    if self.growth.is_due() {
                        self.fold();
                    }
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.tend_short();
            self.note_erasing();
        }
        // What does not wait any more is to be in no file when the relay has ended; what is too much for that is the next start's.
        self.upkeep = Upkeep::More;
        for _ in 0..LAST_PIECES {
            if self.upkeep != Upkeep::More || self.upkeep_at.is_some() || self.damaged.is_some() {
                break;
            }
            self.keep_up(true);
            if self.growth.is_due() {
                self.fold();
            }
        }
        for _ in 0..LAST_TRIES {
            self.checkpoint();
            if self.retry_at.is_none() {
                break;
            }
            std::thread::sleep(RETRY_ERASING);
        }
    }

    /// How long to wait for work before something else is to be done; none: for ever.
    fn patience(&self) -> Option<Duration> {
        let now = Instant::now();
        let fold = self
            .erase_since
            .map(|_| self.erases_at().saturating_duration_since(now));
        let mail = match (self.upkeep_at, self.upkeep) {
            _ if self.damaged.is_some() => None,
            (Some(at), _) => Some(at.saturating_duration_since(now)),
            (None, Upkeep::More) => Some(Duration::ZERO),
            (None, Upkeep::Later) => Some(self.envelopes.patience().unwrap_or_default().min(IDLE_BEFORE_ERASING)),
            (None, Upkeep::Done) => None,
        };
        let room = self.room.patience().filter(|_| self.damaged.is_none());
        [fold, mail, room].into_iter().flatten().min()
    }

    /// Says whether something that was deleted is not gone yet.
    fn note_erasing(&self) {
        let erasing = self.erase_since.is_some() || self.upkeep != Upkeep::Done;
        self.activity.erasing.store(erasing, Ordering::Relaxed);
    }

    /// When what was deleted is erased if nobody comes before.
    fn erases_at(&self) -> Instant {
        self.retry_at.unwrap_or(self.worked + IDLE_BEFORE_ERASING)
    }

    /// What a failure says of the disk.
    fn note_failure(&mut self, error: &StoreError) {
        self.activity.failures.fetch_add(1, Ordering::Relaxed);
        if matches!(error, StoreError::Full(_)) {
            self.activity.refusing.store(true, Ordering::Relaxed);
            self.envelopes.give_room();
            if !self.room.is_short() {
                // Folding the log in makes room in it, if there is any to be made. On a disk that is known to be full that is seen to otherwise.
                self.erase_since.get_or_insert_with(Instant::now);
            }
        }
        self.note_damage(error);
    }

    /// Gives answers out: from inside the runtime all who wait are woken at the price of one wake-up from outside.
    fn tell(&self, answers: impl FnOnce() + Send + 'static) {
        match &self.runtime {
            Some(runtime) => drop(runtime.spawn(async move { answers() })),
            None => answers(),
        }
    }

    fn note_damage(&mut self, error: &StoreError) {
        if matches!(error, StoreError::Damaged(_)) && self.damaged.is_none() {
            tracing::error!(%error, "the relay writes no more");
            self.activity.damaged.store(true, Ordering::Relaxed);
            self.damaged = Some(error.clone());
        }
    }

    fn execute(&self, sql: &str) -> Result<()> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
