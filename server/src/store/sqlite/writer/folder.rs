//! A thread that folds the write-ahead log in while the writer goes on.

use std::{
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use parking_lot::{Mutex, MutexGuard};
use rusqlite::{Connection, OpenFlags};

use crate::store::{Activity, sqlite::open::NOFOLLOW};

/// How long the thread waits for a lock: until the writer has begun a commit, microseconds.
const PATIENCE: Duration = Duration::from_millis(100);

/// The thread that folds in the background.
pub(super) struct Folder {
    ask: Option<SyncSender<()>>,
    /// Held while it folds: SQLite would turn the writer away.
    pub(super) at_work: Arc<Mutex<()>>,
    thread: Option<JoinHandle<()>>,
}

pub(super) fn lock(at_work: &Mutex<()>) -> MutexGuard<'_, ()> {
    at_work.lock()
}

/// Folds as much in as no reader is in the way of.
pub(super) fn fold_in(c: &Connection, sql: &str) -> rusqlite::Result<i64> {
    c.prepare_cached(sql)?.query_row([], |row| row.get(0))
}

pub(super) const PASSIVE: &str = "PRAGMA wal_checkpoint(PASSIVE)";

impl Folder {
    /// Starts the thread for the database that `connection` is open on; none for one that is in memory, which has no log.
    pub fn start(connection: &Connection, activity: &Arc<Activity>) -> std::io::Result<Option<Self>> {
        let Some(path) = connection.path().filter(|path| !path.is_empty()) else {
            return Ok(None);
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | NOFOLLOW;
        let own = Connection::open_with_flags(path, flags)
            .and_then(|own| own.busy_timeout(PATIENCE).map(|()| own))
            .map_err(std::io::Error::other)?;
        let (ask, asked) = sync_channel::<()>(1);
        let at_work = Arc::new(Mutex::new(()));
        let (working, activity) = (Arc::clone(&at_work), Arc::clone(activity));
        let thread = std::thread::Builder::new().name("store-folder".into()).spawn(move || {
            while asked.recv().is_ok() {
                let _working = lock(&working);
                let begun = Instant::now();
                match fold_in(&own, PASSIVE) {
                    Ok(_) => activity.checkpoints.observe(begun.elapsed()),
                    // The writer meets the same, and sees to it.
                    Err(error) => {
                        tracing::warn!(%error, "the log could not be folded in; trying again when it has grown");
                    }
                }
            }
        })?;
        Ok(Some(Self {
            ask: Some(ask),
            at_work,
            thread: Some(thread),
        }))
    }

    /// Has it fold, unless it is about to anyway.
    pub(super) fn ask(&self) {
        if let Some(ask) = &self.ask {
            let _ = ask.try_send(());
        }
    }
}

impl Drop for Folder {
    /// Before the writer's own connection: the last one to be closed folds everything in.
    fn drop(&mut self) {
        self.ask = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that folds the log in ended by a panic");
        }
    }
}
