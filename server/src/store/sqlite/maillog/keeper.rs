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

/// How the names of spare files begin. Each has a name of its own: one that is handed out is not the one that is being filled.
const SPARE: &str = "mail-spare";

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
    for chore in queue {
        match chore {
            Chore::Erase(file, spans) => {
                if let Err(error) = erase(directory, &file, &spans) {
                    tracing::warn!(%error, segment = file.id, "delivered envelopes could not be overwritten; the next start tries again");
                }
            }
            Chore::Spare(size) => {
                made += 1;
                let path = directory.join(format!("{SPARE}-{made}"));
                match fill(&path, size).and_then(|()| sync_directory(directory)) {
                    Ok(()) => {
                        let before = spare
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .replace((size, path));
                        if let Some((_, path)) = before {
                            let _ = fs::remove_file(path);
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, "no spare segment could be made; the writer will make one when it needs it");
                        let _ = fs::remove_file(path);
                    }
                }
            }
        }
    }
}

/// One fsync for all. Through a descriptor of its own: an error of the disk is told once to each, and the writer must hear of those that concern its commits.
fn erase(directory: &Path, file: &Segment, spans: &[Span]) -> std::io::Result<()> {
    let file = match Segment::open(directory, file.id, true) {
        // It was deleted meanwhile.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    for span in spans {
        file.zero(span.at, span.length as usize)?;
    }
    file.sync()
}
