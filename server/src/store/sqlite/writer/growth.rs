//! How long the write-ahead log has become.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use rusqlite::{Connection, hooks::Wal};

/// When this much more is in the log it is folded in, whether something was deleted or not. Below this the two fsyncs of each piece begin to show.
pub(super) const FOLD_BYTES: u64 = 2 << 20;
/// When this much is in it the writer folds the rest in itself, so that the log begins anew.
pub(super) const LONG_BYTES: u64 = 16 << 20;
/// What the log adds to each page.
const FRAME_HEADER_BYTES: u64 = 24;

/// How much is in the log that was not folded in.
pub(super) struct Growth {
    /// Pages in it, as SQLite tells after each commit. The file's length says nothing: it is overwritten from its beginning.
    pages: Arc<AtomicU32>,
    /// Whether anything was written into it since that was last asked; a commit that changed nothing reaches no disk.
    wrote: Arc<AtomicBool>,
    /// Whether there is a log: a database in memory has none.
    logged: bool,
    /// So many were there at the last fold.
    folded: u32,
    /// So many more are folded in.
    most: u32,
    /// So many are a long log.
    long: u32,
    /// What one takes in the log.
    frame: u64,
}

impl Growth {
    /// Listens to what `connection` commits from here on.
    ///
    /// # Errors
    /// When SQLite does not say how large its pages are.
    pub fn watch(connection: &mut Connection) -> rusqlite::Result<Self> {
        let page: u32 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let pages = Arc::new(AtomicU32::new(0));
        let (wrote, logged) = (Arc::default(), connection.path().is_some_and(|path| !path.is_empty()));
        let (told, written) = (Arc::clone(&pages), Arc::clone(&wrote));
        connection.wal_hook(Some(move |_: &mut Wal, pages| {
            told.store(u32::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            AtomicBool::store(&written, true, Ordering::Relaxed);
            Ok(())
        }))?;
        let frames = |bytes: u64| u32::try_from(bytes / (u64::from(page) + FRAME_HEADER_BYTES)).unwrap_or(u32::MAX);
        Ok(Self {
            pages,
            wrote,
            logged,
            folded: 0,
            most: frames(FOLD_BYTES),
            long: frames(LONG_BYTES),
            frame: u64::from(page) + FRAME_HEADER_BYTES,
        })
    }

    /// Whether what was committed since this was last asked reached the disk.
    pub fn has_written(&self) -> bool {
        self.wrote.swap(false, Ordering::Relaxed) || !self.logged
    }

    /// Whether there is enough of it; to be asked after each commit.
    pub fn is_due(&mut self) -> bool {
        let pages = self.pages.load(Ordering::Relaxed);
        if pages < self.folded {
            // The log has begun anew.
            self.folded = 0;
        }
        pages - self.folded >= self.most
    }

    /// Whether the log is so long that it should begin anew.
    pub fn is_long(&self) -> bool {
        self.pages.load(Ordering::Relaxed) >= self.long
    }

    /// How much is in the log, folded in or not.
    pub fn bytes(&self) -> u64 {
        u64::from(self.pages.load(Ordering::Relaxed)) * self.frame
    }

    /// The log was truncated.
    pub fn begin_anew(&mut self) {
        self.pages.store(0, Ordering::Relaxed);
        self.folded = 0;
    }

    /// It is being folded in.
    pub fn fold(&mut self) {
        self.folded = self.pages.load(Ordering::Relaxed);
    }
}
