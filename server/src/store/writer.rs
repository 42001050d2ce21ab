//! THE single writer: one thread that owns the writing connection.
//!
//! Group commit: what is queued while one commit is on its way to the disk goes into the next one together, each job in a savepoint of its own
//! so that one that fails does not take the others with it. Replies leave after the commit, never before.
//!
//! Erasure: deleted content is overwritten in its pages (`secure_delete`), but its earlier copies stay in the write-ahead log until that
//! is folded into the main file and truncated. The writer does so when it falls idle after a deletion, or after [`ERASE_WITHIN`] at the latest.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{Result, StoreError, wakes::Wakes};
use crate::model::MailboxId;

/// Jobs that may wait. At 256 KiB an envelope this is 256 MiB at worst; a queue as long is two to four commits, some ten milliseconds.
const QUEUE: usize = 1024;
/// Most jobs in one commit: beyond this the gain levels off and the first in line waits too long.
const MAX_BATCH: usize = 256;
/// A burst of deletions is answered by one checkpoint, not by one each.
const IDLE_BEFORE_ERASING: Duration = Duration::from_millis(20);
/// Under steady load deleted content is in no file any more after this long (and one checkpoint).
const ERASE_WITHIN: Duration = Duration::from_secs(1);
/// When a reader was in the way of a checkpoint.
const RETRY_ERASING: Duration = Duration::from_millis(50);
/// A log longer than this is folded in whether something was deleted or not; it bounds the disk and the time of a restart.
const MAX_LOG_BYTES: u64 = 16 << 20;

/// What a job wants done once it is durable.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// Content was deleted: its traces in the log are to go.
    pub erases: bool,
    /// Someone has mail.
    pub wake: Option<MailboxId>,
}

/// One unit of work with its reply.
trait Job: Send {
    /// False when nobody waits for the reply any more: then it is not begun.
    fn wanted(&self) -> bool;
    /// Does the work; the value is kept back.
    fn run(&mut self, connection: &Connection) -> Result<()>;
    /// Gives the value out, or the reason why there is none.
    fn answer(self: Box<Self>, verdict: Result<()>) -> Effects;
}

struct Task<T, F> {
    verb: Option<F>,
    value: Option<T>,
    effects: Effects,
    reply: oneshot::Sender<Result<T>>,
}

impl<T: Send, F: FnOnce(&Connection, &mut Effects) -> Result<T> + Send> Job for Task<T, F> {
    fn wanted(&self) -> bool {
        !self.reply.is_closed()
    }

    fn run(&mut self, connection: &Connection) -> Result<()> {
        let Some(verb) = self.verb.take() else {
            return Err(StoreError::Fault("a job ran twice".into()));
        };
        self.value = Some(verb(connection, &mut self.effects)?);
        Ok(())
    }

    fn answer(self: Box<Self>, verdict: Result<()>) -> Effects {
        let Self {
            value, effects, reply, ..
        } = *self;
        let durable = verdict.is_ok();
        let answer = verdict.and_then(|()| value.ok_or_else(|| StoreError::Fault("a job gave no value".into())));
        // Whoever asked may be gone. That is theirs to settle: every verb can be repeated.
        let _ = reply.send(answer);
        if durable { effects } else { Effects::default() }
    }
}

/// The handle of the writer's thread.
pub(super) struct Writer {
    queue: Option<SyncSender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Gives `connection` to a thread of its own. `log` is the path of its write-ahead log.
    pub fn start(connection: Connection, log: PathBuf, wakes: Arc<Wakes>) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new().name("store-writer".into()).spawn(move || {
            Loop {
                connection,
                log,
                wakes,
                erase_since: None,
                retry_at: None,
                damaged: None,
            }
            .run(&jobs);
        })?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    /// Runs `verb` in the next commit and answers when that is durable.
    pub async fn run<T, F>(&self, verb: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, &mut Effects) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let task = Task {
            verb: Some(verb),
            value: None,
            effects: Effects::default(),
            reply,
        };
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        queue.try_send(Box::new(task)).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => StoreError::Closed,
        })?;
        answer.await.unwrap_or(Err(StoreError::Closed))
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

struct Loop {
    connection: Connection,
    log: PathBuf,
    wakes: Arc<Wakes>,
    erase_since: Option<Instant>,
    retry_at: Option<Instant>,
    /// Set once the database turned out to be damaged. From then on nothing is written: what can still be read should stay as it is.
    damaged: Option<StoreError>,
}

impl Loop {
    fn run(mut self, jobs: &Receiver<Box<dyn Job>>) {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        loop {
            let first = match self.patience() {
                None => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(wait) => jobs.recv_timeout(wait),
            };
            match first {
                Ok(job) => {
                    batch.push(job);
                    batch.extend(jobs.try_iter().take(MAX_BATCH - 1));
                    self.commit(&mut batch);
                    if self.overdue() {
                        self.checkpoint();
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.checkpoint(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.checkpoint();
    }

    /// How long to wait for work before something else is to be done; none: for ever.
    fn patience(&self) -> Option<Duration> {
        self.erase_since?;
        let now = Instant::now();
        Some(
            self.retry_at
                .map_or(IDLE_BEFORE_ERASING, |at| at.saturating_duration_since(now)),
        )
    }

    fn overdue(&self) -> bool {
        let retry_passed = self.retry_at.is_none_or(|at| at <= Instant::now());
        let erase = self.erase_since.is_some_and(|since| since.elapsed() >= ERASE_WITHIN);
        let long = || std::fs::metadata(&self.log).is_ok_and(|meta| meta.len() > MAX_LOG_BYTES);
        retry_passed && (erase || long())
    }

    /// Commits a batch. When a failing job takes the whole transaction down (a full disk does that), what ran before it is answered with
    /// the failure and the rest goes into another transaction.
    fn commit(&mut self, batch: &mut Vec<Box<dyn Job>>) {
        let mut rest = std::mem::take(batch).into_iter();
        if let Some(damaged) = &self.damaged {
            for job in rest {
                job.answer(Err(damaged.clone()));
            }
            return;
        }
        loop {
            let mut ran: Vec<Box<dyn Job>> = Vec::new();
            let outcome = self.transaction(&mut rest, &mut ran);
            match outcome {
                Ok(()) => {
                    for job in ran {
                        let effects = job.answer(Ok(()));
                        if effects.erases {
                            self.erase_since.get_or_insert_with(Instant::now);
                        }
                        if let Some(mailbox) = effects.wake {
                            self.wakes.wake(mailbox);
                        }
                    }
                }
                Err(error) => {
                    tracing::error!(%error, jobs = ran.len(), "a commit failed; nothing of it was stored");
                    if matches!(error, StoreError::Full(_)) {
                        // Folding the log in makes room in it, if there is any to be made.
                        self.erase_since.get_or_insert_with(Instant::now);
                    }
                    self.note_damage(&error);
                    for job in ran {
                        job.answer(Err(error.clone()));
                    }
                }
            }
            if rest.len() == 0 {
                return;
            }
        }
    }

    /// One transaction over as many jobs as it survives; those end in `ran`, except such as failed for themselves: they have their answer.
    fn transaction(&mut self, jobs: &mut std::vec::IntoIter<Box<dyn Job>>, ran: &mut Vec<Box<dyn Job>>) -> Result<()> {
        let begun = self.execute("BEGIN IMMEDIATE");
        for mut job in jobs.by_ref() {
            if !job.wanted() {
                continue;
            }
            if let Err(error) = &begun {
                ran.push(job);
                return Err(error.clone());
            }
            match self.savepoint(&mut *job) {
                Ok(()) => ran.push(job),
                Err(error) if self.connection.is_autocommit() => {
                    ran.push(job);
                    return Err(error);
                }
                Err(error) => {
                    if matches!(error, StoreError::Fault(_)) {
                        tracing::error!(%error, "a job failed");
                    }
                    self.note_damage(&error);
                    job.answer(Err(error));
                }
            }
        }
        begun?;
        self.execute("COMMIT").inspect_err(|_| {
            if !self.connection.is_autocommit() {
                let _ = self.execute("ROLLBACK");
            }
        })
    }

    fn note_damage(&mut self, error: &StoreError) {
        if matches!(error, StoreError::Damaged(_)) && self.damaged.is_none() {
            tracing::error!(%error, "the relay writes no more");
            self.damaged = Some(error.clone());
        }
    }

    fn savepoint(&self, job: &mut dyn Job) -> Result<()> {
        self.execute("SAVEPOINT job")?;
        // A verb that panics must not take the writer, and with it the relay, along. The connection is sound: its transaction is undone.
        let outcome = catch_unwind(AssertUnwindSafe(|| job.run(&self.connection)))
            .unwrap_or_else(|_| Err(StoreError::Fault("a verb panicked".into())));
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

    /// Folds the log into the main file and truncates it.
    fn checkpoint(&mut self) {
        if self.damaged.is_some() {
            // The log may be the better half of what is left.
            (self.erase_since, self.retry_at) = (None, None);
            return;
        }
        let folded = self
            .connection
            .prepare_cached("PRAGMA wal_checkpoint(TRUNCATE)")
            .and_then(|mut statement| statement.query_row([], |row| row.get::<_, i64>(0)));
        match folded {
            Ok(0) => (self.erase_since, self.retry_at) = (None, None),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn writer(connection: Connection) -> Writer {
        Writer::start(connection, PathBuf::from("/nonexistent"), Arc::new(Wakes::default())).unwrap()
    }

    fn memory() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (v INTEGER UNIQUE)").unwrap();
        connection
    }

    async fn count(writer: &Writer) -> i64 {
        writer
            .run(|c, _| Ok(c.query_row("SELECT count(*) FROM t", [], |r| r.get(0))?))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn one_bad_job_does_not_spoil_the_batch() {
        let writer = writer(memory());
        // The first job keeps the thread busy until all others are queued, so they share a commit.
        let (go, gate) = std::sync::mpsc::channel::<()>();
        let hold = writer.run(move |_, _| {
            gate.recv().unwrap();
            Ok(())
        });
        let insert = |value: i64| writer.run(move |c, _| Ok(c.execute("INSERT INTO t VALUES (?1)", [value])?));
        let panic = writer.run(|c, _| -> Result<()> {
            c.execute("INSERT INTO t VALUES (77)", [])?;
            panic!("on purpose")
        });
        let release = async { go.send(()).unwrap() };
        let (held, a, twice, b, panicked, ()) =
            tokio::join!(biased; hold, insert(1), insert(1), insert(2), panic, release);
        held.unwrap();
        assert_eq!((a.unwrap(), b.unwrap()), (1, 1));
        assert!(matches!(twice, Err(StoreError::Fault(_))));
        assert!(matches!(panicked, Err(StoreError::Fault(_))));
        assert_eq!(count(&writer).await, 2);
    }

    #[tokio::test]
    async fn a_full_disk_is_said_and_the_writer_goes_on() {
        let connection = memory();
        connection
            .execute_batch("CREATE TABLE big (v BLOB); PRAGMA max_page_count = 20")
            .unwrap();
        let writer = writer(connection);
        let big = writer
            .run(|c, _| Ok(c.execute("INSERT INTO big VALUES (zeroblob(1000000))", [])?))
            .await;
        assert!(matches!(big, Err(StoreError::Full(_))), "{big:?}");
        writer
            .run(|c, _| Ok(c.execute("INSERT INTO t VALUES (5)", [])?))
            .await
            .unwrap();
        assert_eq!(count(&writer).await, 1);
    }

    #[tokio::test]
    async fn a_full_queue_is_busy_not_a_wait() {
        let writer = writer(memory());
        let (go, gate) = std::sync::mpsc::channel::<()>();
        let hold = writer.run(move |_, _| {
            gate.recv().unwrap();
            Ok(())
        });
        let flood = async {
            let jobs = (0..QUEUE + MAX_BATCH + 1).map(|_| writer.run(|_, _| Ok(())));
            let waiting = futures_util::future::join_all(jobs);
            let release = async { go.send(()).unwrap() };
            tokio::join!(biased; waiting, release).0
        };
        let (held, answers) = tokio::join!(biased; hold, flood);
        held.unwrap();
        assert!(answers.iter().any(|a| matches!(a, Err(StoreError::Busy))));
        assert!(answers.iter().all(|a| matches!(a, Ok(()) | Err(StoreError::Busy))));
    }
}
