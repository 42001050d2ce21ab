//! The thread that does what the writer need not wait for: it overwrites what is not wanted any more, and has files of zeros ready for the next segments. An empty segment becomes one,
//! so that its bytes are overwritten once: for what was in it, and for what comes.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::segment::{self, Segment, fill, sync_directory, wipe};

/// Bytes of a segment that are to be overwritten: an envelope. Its header stays for as long as the segment: it leads to the next record, and says when
/// something came for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    /// Of which segment.
    pub segment: u32,
    /// From where.
    pub at: u32,
    /// How many.
    pub length: u32,
}

/// Work for the thread.
#[derive(Debug)]
enum Chore {
    /// Overwrite these spans of a segment.
    Erase(u32, Vec<Span>),
    /// A segment is not needed any more, and of it these spans are left to be overwritten. Its file is used again if it has this size.
    Retire(u32, Vec<Span>, Option<u32>),
    /// Make a file for a segment of this size.
    Spare(u32),
}

/// How the names of spare files begin. Each has a name of its own: one that is handed out is not the one that is being filled.
const SPARE: &str = "mail-spare";

/// Spare files at most, a gigabyte: what a relay at its fastest takes in within three to four seconds, so that it makes no new ones. They were mail before: no disk is used that was not.
const SPARES: usize = 16;

/// So long after the last change all but one go: the load is over.
const KEPT: Duration = Duration::from_secs(600);

/// How long the disk is left alone after it refused to overwrite something.
const RETRY: Duration = Duration::from_secs(1);

/// Files of zeros that are finished, for segments of these sizes, the oldest first.
#[derive(Debug)]
struct Ready {
    files: Vec<(u32, PathBuf)>,
    /// How many there may be.
    most: usize,
    changed: Instant,
}

impl Ready {
    /// Takes a file in; one that there is no room for any more goes.
    fn add(&mut self, size: u32, path: PathBuf) {
        self.files.push((size, path));
        self.changed = Instant::now();
        self.keep(self.most);
    }

    fn take(&mut self, size: u32) -> Option<PathBuf> {
        let at = self.files.iter().position(|(of, _)| *of == size)?;
        self.changed = Instant::now();
        Some(self.files.remove(at).1)
    }

    fn has(&self, size: u32) -> bool {
        self.files.iter().any(|(of, _)| *of == size)
    }

    /// Deletes all but so many, the oldest first.
    fn keep(&mut self, most: usize) {
        let over = self.files.len().saturating_sub(most);
        for (_, path) in self.files.drain(..over) {
            let _ = fs::remove_file(path);
        }
    }

    /// When some of them are to go.
    fn until(&self) -> Option<Instant> {
        (self.files.len() > 1).then(|| self.changed + KEPT)
    }

    fn trim(&mut self, now: Instant) {
        if self.until().is_some_and(|until| until <= now) {
            self.keep(1);
        }
    }
}

type Shared = Arc<Mutex<Ready>>;

fn lock(ready: &Shared) -> MutexGuard<'_, Ready> {
    ready.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The handle of the thread.
pub(super) struct Keeper {
    chores: Option<Sender<Chore>>,
    ready: Shared,
    /// The size that was asked for last.
    asked: u32,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts the thread. Spare files that were left are thrown away: nobody knows how far they got. Where the log has a limit there is one at most.
    pub fn start(directory: &Path, limited: bool) -> io::Result<Self> {
        for file in fs::read_dir(directory)? {
            let file = file?;
            if file.file_name().to_string_lossy().starts_with(SPARE) {
                fs::remove_file(file.path())?;
            }
        }
        let (chores, queue) = channel();
        let ready = Arc::new(Mutex::new(Ready {
            files: Vec::new(),
            most: if limited { 1 } else { SPARES },
            changed: Instant::now(),
        }));
        let mut worker = Worker {
            directory: directory.to_owned(),
            ready: Arc::clone(&ready),
            made: 0,
            failed: Vec::new(),
        };
        let thread = std::thread::Builder::new()
            .name("mail-keeper".into())
            .spawn(move || worker.run(&queue))?;
        Ok(Self {
            chores: Some(chores),
            ready,
            asked: 0,
            thread: Some(thread),
        })
    }

    /// Overwrites spans of a segment.
    pub fn erase(&self, segment: u32, spans: Vec<Span>) {
        self.give(Chore::Erase(segment, spans));
    }

    /// Takes the file of a segment that no row knows any more, with the spans of it that are still to be overwritten: to be used again for another of `size` bytes, if it has these, or to be
    /// deleted.
    pub fn retire(&self, segment: u32, spans: Vec<Span>, size: Option<u32>) {
        self.give(Chore::Retire(segment, spans, size));
    }

    /// Makes a file for a segment of `size` ready, if there is none and that was not asked for already.
    pub fn want_spare(&mut self, size: u32) {
        if self.asked != size && !lock(&self.ready).has(size) {
            self.asked = size;
            self.give(Chore::Spare(size));
        }
    }

    /// A file that is ready for a segment of `size`, if there is one.
    pub fn take_spare(&mut self, size: u32) -> Option<PathBuf> {
        self.asked = 0;
        lock(&self.ready).take(size)
    }

    /// Gives up what was made ready: there is no room to spare.
    pub fn drop_spares(&mut self) {
        self.asked = 0;
        lock(&self.ready).keep(0);
    }

    fn give(&self, chore: Chore) {
        if self.chores.as_ref().is_none_or(|chores| chores.send(chore).is_err()) {
            tracing::error!(
                "the mail log's keeper has ended: what was delivered is not overwritten before the next start"
            );
        }
    }
}

impl Drop for Keeper {
    /// Finishes what it was given.
    fn drop(&mut self) {
        self.chores = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the mail log's keeper ended by a panic");
        }
        self.drop_spares();
    }
}

struct Worker {
    directory: PathBuf,
    ready: Shared,
    /// Spare files so far.
    made: u64,
    /// What the disk refused is tried again, first of all the next time.
    failed: Vec<Chore>,
}

impl Worker {
    fn run(&mut self, queue: &Receiver<Chore>) {
        loop {
            let chore = match self.patience(Instant::now()) {
                None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(wait) => queue.recv_timeout(wait),
            };
            for chore in std::mem::take(&mut self.failed) {
                self.attempt(chore);
            }
            match chore {
                Ok(chore) => self.attempt(chore),
                Err(RecvTimeoutError::Timeout) => lock(&self.ready).trim(Instant::now()),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// How long to wait for a chore before something else is to be done; none: for ever.
    fn patience(&self, now: Instant) -> Option<Duration> {
        let trim = lock(&self.ready)
            .until()
            .map(|until| until.saturating_duration_since(now));
        let retry = (!self.failed.is_empty()).then_some(RETRY);
        match (trim, retry) {
            (Some(trim), Some(retry)) => Some(trim.min(retry)),
            (one, other) => one.or(other),
        }
    }

    /// Does a chore, or keeps it to be tried again. What is about a segment is done in the order in which it was told: nothing is deleted before it was overwritten.
    fn attempt(&mut self, chore: Chore) {
        let (segment, outcome) = match &chore {
            Chore::Spare(size) => return self.make_spare(*size),
            Chore::Erase(segment, _) | Chore::Retire(segment, ..) if self.waits(*segment) => {
                return self.failed.push(chore);
            }
            Chore::Erase(segment, spans) => (*segment, overwrite(&self.directory, *segment, spans)),
            Chore::Retire(segment, spans, size) => (*segment, self.retire(*segment, spans, *size)),
        };
        match outcome {
            Ok(()) => {}
            // Somebody else deleted it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(%error, segment, "what was delivered could not be overwritten; trying again");
                self.failed.push(chore);
            }
        }
    }

    /// Whether something about this segment is still to be tried again.
    fn waits(&self, segment: u32) -> bool {
        self.failed.iter().any(|chore| match chore {
            Chore::Erase(of, _) | Chore::Retire(of, ..) => *of == segment,
            Chore::Spare(_) => false,
        })
    }

    fn spare(&mut self) -> PathBuf {
        self.made += 1;
        self.directory.join(format!("{SPARE}-{}", self.made))
    }

    fn make_spare(&mut self, size: u32) {
        let path = self.spare();
        match fill(&path, size).and_then(|()| sync_directory(&self.directory)) {
            Ok(()) => lock(&self.ready).add(size, path),
            Err(error) => {
                tracing::warn!(%error, "no spare segment could be made; the writer will make one when it needs it");
                let _ = fs::remove_file(path);
            }
        }
    }

    /// Overwritten under its own name: if it ends half-way, the next start finds a segment that no row knows, and overwrites it.
    fn retire(&mut self, segment: u32, spans: &[Span], size: Option<u32>) -> io::Result<()> {
        let path = segment::path(&self.directory, segment);
        let again = size.filter(|_| {
            let ready = lock(&self.ready);
            ready.files.len() < ready.most
        });
        match again {
            Some(size) => {
                wipe(&path, size)?;
                let spare = self.spare();
                // Not waited for: under its old name it would be cleaned away.
                fs::rename(&path, &spare)?;
                lock(&self.ready).add(size, spare);
                Ok(())
            }
            None => {
                overwrite(&self.directory, segment, spans)?;
                fs::remove_file(&path)?;
                sync_directory(&self.directory)
            }
        }
    }
}

/// One fsync for all. Through a descriptor of its own: an error of the disk is told once to each, and the writer must hear of those that concern its commits.
fn overwrite(directory: &Path, segment: u32, spans: &[Span]) -> io::Result<()> {
    if spans.is_empty() {
        return Ok(());
    }
    let file = Segment::open(directory, segment, true)?;
    for span in spans {
        file.zero(span.at, span.length as usize)?;
    }
    file.sync()
}

#[cfg(test)]
mod tests;
