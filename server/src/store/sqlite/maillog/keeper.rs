//! The thread that does what the writer need not wait for: it overwrites what is not wanted any more, deletes empty segments, and fills the next one with
//! zeros. In the order in which it was told, so that nothing is deleted before it was overwritten.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use super::segment::{self, Segment, fill, sync_directory};

/// Bytes of a segment that are to be overwritten: an envelope. Its header stays for as long as the segment: it leads to the next record, and says no more than the
/// receipt that is kept anyway.
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
enum Chore {
    /// Overwrite these spans of a segment.
    Erase(u32, Vec<Span>),
    /// Delete the file of a segment.
    Delete(u32),
    /// Make the file of a segment of this size.
    Spare(u32),
}

/// How the names of spare files begin. Each has a name of its own: one that is handed out is not the one that is being filled.
const SPARE: &str = "mail-spare";

/// How long the disk is left alone after it refused to overwrite something.
const RETRY: Duration = Duration::from_secs(1);

/// A file of zeros that is finished: for a segment of this size, and where.
type Ready = Mutex<Option<(u32, PathBuf)>>;

/// The handle of the thread.
pub(super) struct Keeper {
    chores: Option<Sender<Chore>>,
    spare: Arc<Ready>,
    /// The size that was asked for last.
    asked: u32,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts the thread. Spare files that were left are thrown away: nobody knows how far they got.
    pub fn start(directory: &Path) -> std::io::Result<Self> {
        for file in fs::read_dir(directory)? {
            let file = file?;
            if file.file_name().to_string_lossy().starts_with(SPARE) {
                fs::remove_file(file.path())?;
            }
        }
        let (chores, queue) = channel();
        let spare = Arc::new(Mutex::new(None));
        let (made, to) = (Arc::clone(&spare), directory.to_owned());
        let thread = std::thread::Builder::new()
            .name("mail-keeper".into())
            .spawn(move || work(&queue, &made, &to))?;
        Ok(Self {
            chores: Some(chores),
            spare,
            asked: 0,
            thread: Some(thread),
        })
    }

    /// Overwrites spans of a segment.
    pub fn erase(&self, segment: u32, spans: Vec<Span>) {
        self.give(Chore::Erase(segment, spans));
    }

    /// Deletes the file of a segment that no row knows any more.
    pub fn delete(&self, segment: u32) {
        self.give(Chore::Delete(segment));
    }

    /// Makes a file for a segment of `size` ready, if that was not asked for already.
    pub fn want_spare(&mut self, size: u32) {
        if self.asked != size {
            self.asked = size;
            self.give(Chore::Spare(size));
        }
    }

    /// The file that is ready for a segment of `size`, if there is one.
    pub fn take_spare(&mut self, size: u32) -> Option<PathBuf> {
        self.asked = 0;
        let (ready, path) = self.taken()?;
        if ready == size {
            return Some(path);
        }
        let _ = fs::remove_file(path);
        None
    }

    /// Gives up the file that was made ready: there is no room to spare.
    pub fn drop_spare(&mut self) {
        if let Some((_, path)) = self.taken() {
            self.asked = 0;
            let _ = fs::remove_file(path);
        }
    }

    fn taken(&self) -> Option<(u32, PathBuf)> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).take()
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
        self.drop_spare();
    }
}

fn work(queue: &Receiver<Chore>, spare: &Ready, directory: &Path) {
    let mut made = 0_u64;
    // What the disk refused is tried again, first of all the next time.
    let mut failed: Vec<(u32, Vec<Span>)> = Vec::new();
    loop {
        let chore = if failed.is_empty() {
            queue.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            queue.recv_timeout(RETRY)
        };
        for (segment, spans) in std::mem::take(&mut failed) {
            erase(directory, segment, spans, &mut failed);
        }
        match chore {
            Ok(Chore::Erase(segment, spans)) => erase(directory, segment, spans, &mut failed),
            Ok(Chore::Delete(segment)) => {
                let path = segment::path(directory, segment);
                if let Err(error) = fs::remove_file(path).and_then(|()| sync_directory(directory)) {
                    tracing::warn!(%error, segment, "an empty segment could not be deleted; the next start tries again");
                }
            }
            Ok(Chore::Spare(size)) => {
                made += 1;
                make_spare(directory.join(format!("{SPARE}-{made}")), size, spare);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn make_spare(path: PathBuf, size: u32, spare: &Ready) {
    let filled = fill(&path, size).and_then(|()| path.parent().map_or(Ok(()), sync_directory));
    if let Err(error) = filled {
        tracing::warn!(%error, "no spare segment could be made; the writer will make one when it needs it");
        let _ = fs::remove_file(path);
        return;
    }
    let before = spare
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .replace((size, path));
    if let Some((_, path)) = before {
        let _ = fs::remove_file(path);
    }
}

fn erase(directory: &Path, segment: u32, spans: Vec<Span>, failed: &mut Vec<(u32, Vec<Span>)>) {
    if let Err(error) = overwrite(directory, segment, &spans) {
        tracing::warn!(%error, segment, "delivered envelopes could not be overwritten; trying again");
        failed.push((segment, spans));
    }
}

/// One fsync for all. Through a descriptor of its own: an error of the disk is told once to each, and the writer must hear of those that concern its commits.
fn overwrite(directory: &Path, segment: u32, spans: &[Span]) -> std::io::Result<()> {
    let file = match Segment::open(directory, segment, true) {
        // It was deleted while this was tried again.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    for span in spans {
        file.zero(span.at, span.length as usize)?;
    }
    file.sync()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::maillog::segment::START;

    fn ready(keeper: &mut Keeper, size: u32) -> PathBuf {
        loop {
            if let Some((made, path)) = keeper.taken() {
                assert_eq!(made, size);
                return path;
            }
            std::thread::yield_now();
        }
    }

    /// The writer has taken it; what is filled after that is another file.
    #[test]
    fn a_spare_file_that_was_taken_is_never_filled_again() {
        let dir = tempfile::tempdir().unwrap();
        let size = 64 << 10;
        let mut keeper = Keeper::start(dir.path()).unwrap();
        keeper.want_spare(size);
        let first = ready(&mut keeper, size);
        fs::write(&first, vec![7; size as usize]).unwrap();
        // Twice, as when a segment is full before its successor is ready.
        for _ in 0..2 {
            keeper.asked = 0;
            keeper.want_spare(size);
        }
        let second = ready(&mut keeper, size);
        assert_ne!(first, second);
        drop(keeper);
        assert_eq!(fs::read(&first).unwrap(), vec![7; size as usize]);
        assert_eq!(fs::read(&second).unwrap(), vec![0; size as usize]);
        fs::remove_file(second).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "what nobody took is gone");
    }

    #[test]
    fn a_segment_is_overwritten_before_it_is_deleted() {
        let dir = tempfile::tempdir().unwrap();
        let file = Segment::create(dir.path(), 3, 4096, 1, None).unwrap();
        file.write(&[9; 100], START).unwrap();
        let path = segment::path(dir.path(), 3);
        // Whoever has the file open sees what was in it, and what a disk may keep of it.
        let link = dir.path().join("kept");
        fs::hard_link(&path, &link).unwrap();
        let keeper = Keeper::start(dir.path()).unwrap();
        let span = Span {
            segment: 3,
            at: START,
            length: 100,
        };
        keeper.erase(3, vec![span]);
        keeper.delete(3);
        drop(keeper);
        assert!(!path.exists());
        assert!(!fs::read(link).unwrap().contains(&9));
    }
}
