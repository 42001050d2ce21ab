//! The thread that does what the writer need not wait for: it overwrites what is not wanted any more, and fills the next segment with zeros.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread::JoinHandle,
};

use super::segment::{Segment, fill, sync_directory};

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
    Erase(Arc<Segment>, Vec<Span>),
    /// Make the file of a segment of this size.
    Spare(u32),
}

/// The spare file's name; its length says for which size it is.
const SPARE: &str = "mail-spare";

/// The handle of the thread.
pub(super) struct Keeper {
    chores: Option<Sender<Chore>>,
    spare: Arc<Mutex<Option<u32>>>,
    /// The size that was asked for last.
    asked: u32,
    path: PathBuf,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts the thread. A spare file that was left is thrown away: nobody knows how far it got.
    pub fn start(directory: &Path) -> std::io::Result<Self> {
        let path = directory.join(SPARE);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let (chores, queue) = channel();
        let spare = Arc::new(Mutex::new(None));
        let (made, to) = (Arc::clone(&spare), path.clone());
        let thread = std::thread::Builder::new()
            .name("mail-keeper".into())
            .spawn(move || work(&queue, &made, &to))?;
        Ok(Self {
            chores: Some(chores),
            spare,
            asked: 0,
            path,
            thread: Some(thread),
        })
    }

    /// Overwrites spans of a segment.
    pub fn erase(&self, file: Arc<Segment>, spans: Vec<Span>) {
        self.give(Chore::Erase(file, spans));
    }

    /// Makes a file for a segment of `size` ready, if that was not asked for already.
    pub fn want_spare(&mut self, size: u32) {
        if self.asked != size {
            self.asked = size;
            self.give(Chore::Spare(size));
        }
    }

    /// The file that is ready for a segment of `size`, if it is.
    pub fn take_spare(&mut self, size: u32) -> Option<PathBuf> {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        self.asked = 0;
        (spare.take() == Some(size)).then(|| self.path.clone())
    }

    /// Gives up the file that was made ready, or is being made: there is no room to spare.
    pub fn drop_spare(&mut self) {
        self.asked = 0;
        if self
            .spare
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .is_some()
        {
            let _ = fs::remove_file(&self.path);
        }
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
        let _ = fs::remove_file(&self.path);
    }
}

fn work(queue: &Receiver<Chore>, spare: &Mutex<Option<u32>>, path: &Path) {
    for chore in queue {
        match chore {
            Chore::Erase(file, spans) => {
                if let Err(error) = erase(&file, &spans) {
                    tracing::warn!(%error, segment = file.id, "delivered envelopes could not be overwritten; the next start tries again");
                }
            }
            Chore::Spare(size) => {
                let made = fill(path, size).and_then(|()| path.parent().map_or(Ok(()), sync_directory));
                match made {
                    Ok(()) => *spare.lock().unwrap_or_else(PoisonError::into_inner) = Some(size),
                    Err(error) => {
                        tracing::warn!(%error, "no spare segment could be made; the writer will make one when it needs it");
                        let _ = fs::remove_file(path);
                    }
                }
            }
        }
    }
}

/// One fsync for all.
fn erase(file: &Segment, spans: &[Span]) -> std::io::Result<()> {
    for span in spans {
        file.zero(span.at, span.length as usize)?;
    }
    file.sync()
}
