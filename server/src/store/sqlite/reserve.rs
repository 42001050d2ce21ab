//! Room on the disk that is kept for making room: a file beside the database that holds nothing.
//!
//! An acknowledgement is a write, and so are a sign-in and whatever overwrites delivered mail. On a disk that is full the write-ahead log cannot grow, and it cannot begin anew
//! either, because folding it in makes the database grow by what was sent last. The file is given up then: its room is what the log is folded in with, and a new log of
//! [`LOG_BYTES`] is filled with zeros at once, so that the room is the log's own whatever else is written to the disk. From there on acknowledgements
//! and deletions overwrite blocks that the relay has.
//!
//! Not here: when it is given up, and what is refused meanwhile (`writer::short`).

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// The reserve's file in the data directory.
const FILE_NAME: &str = "relay.reserve";
/// What stays of it when it is given up, for the files that SQLite makes when a database is opened: 32 KiB, and some more with a long log.
const START_BYTES: u64 = 256 << 10;
/// What the log keeps of the disk while there is no room.
pub(super) const LOG_BYTES: u64 = 12 << 20;
/// The least: it is folded in when a mebibyte of it is used (`writer::short`), and a piece of erasing or of deleting takes somewhat more than four.
const LEAST_LOG_BYTES: u64 = 6 << 20;
/// By so much less it is tried again.
const LOG_STEP: u64 = 1 << 20;
/// When the disk has this much more than the reserve, sends would not be refused again at once.
#[cfg(target_os = "linux")]
const MARGIN: u64 = 8 << 20;
/// Written at once where the file system does not allocate.
const PIECE: usize = 1 << 16;

/// The reserve.
#[derive(Debug)]
pub(super) struct Reserve {
    directory: PathBuf,
    path: PathBuf,
    bytes: u64,
}

impl Reserve {
    /// One of `bytes` in `directory`, which may be there already.
    pub fn new(directory: &Path, bytes: u64) -> Self {
        Self {
            directory: directory.to_owned(),
            path: directory.join(FILE_NAME),
            bytes,
        }
    }

    /// How large it is.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes the room, unless it is held already.
    ///
    /// # Errors
    /// When the disk has not so much; then what a start needs is taken, if it has that.
    pub fn take(&self) -> io::Result<()> {
        if self.is_held() {
            return Ok(());
        }
        // Never into a file that is there, which may be a link.
        self.remove()?;
        self.create(self.bytes).inspect_err(|_| {
            // It says why the room could not be taken; that not even this could is the same reason.
            let _ = self.remove().and_then(|()| self.create(START_BYTES));
        })
    }

    fn create(&self, bytes: u64) -> io::Result<()> {
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        allocate(&options.open(&self.path)?, bytes)
    }

    /// Whether the disk seems to have room for it and for some sends.
    pub fn has_room(&self) -> bool {
        #[cfg(target_os = "linux")]
        if let Ok(disk) = rustix::fs::statvfs(&self.directory) {
            return disk.f_bavail.saturating_mul(disk.f_frsize) >= self.bytes.saturating_add(MARGIN);
        }
        // Trying tells.
        self.directory.is_dir()
    }

    /// Lets the disk have the room, but for what a start needs. False when there was none.
    ///
    /// # Errors
    /// When the file is there and cannot be written.
    pub fn give_up(&self) -> io::Result<bool> {
        if !fs::symlink_metadata(&self.path).is_ok_and(|meta| meta.is_file() && meta.len() > START_BYTES) {
            return Ok(false);
        }
        open(&self.path)?.set_len(START_BYTES)?;
        Ok(true)
    }

    /// Lets the disk have that too. False when there was none.
    ///
    /// # Errors
    /// When the file is there and cannot be removed.
    pub fn give_up_rest(&self) -> io::Result<bool> {
        let there = fs::symlink_metadata(&self.path).is_ok();
        self.remove().map(|()| there)
    }

    /// Keeps what the next start needs, unless it is kept.
    pub fn keep_rest(&self) {
        if fs::symlink_metadata(&self.path).is_err() && self.create(START_BYTES).is_err() {
            // Half of it is better than none.
            tracing::debug!("nothing could be kept for a start on a full disk");
        }
    }

    fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// A file of the right length, and not one with a hole in it.
    fn is_held(&self) -> bool {
        let Ok(meta) = fs::symlink_metadata(&self.path) else {
            return false;
        };
        #[cfg(unix)]
        let blocks = std::os::unix::fs::MetadataExt::blocks(&meta).saturating_mul(512);
        #[cfg(not(unix))]
        let blocks = self.bytes;
        meta.is_file() && meta.len() == self.bytes && blocks >= self.bytes
    }
}

/// Fills an empty write-ahead log with zeros, so that it has its room on the disk. SQLite takes such a log for an empty one: its head is none.
///
/// # Errors
/// When there is no room, not even for less; then it stays empty.
pub(super) fn fill_log(log: &Path) -> io::Result<()> {
    let file = open(log)?;
    if file.metadata()?.len() > 0 {
        // Somebody has written since.
        return Ok(());
    }
    let mut bytes = LOG_BYTES;
    loop {
        match allocate(&file, bytes) {
            Err(_) if bytes > LEAST_LOG_BYTES => {
                file.set_len(0)?;
                bytes -= LOG_STEP;
            }
            Err(error) => {
                file.set_len(0)?;
                return Err(error);
            }
            Ok(()) => return Ok(()),
        }
    }
}

/// Takes the room of a log that has nothing in it, for files that SQLite makes before it reads any; whether there was some. No database is open.
pub(super) fn empty_log(log: &Path) -> bool {
    let held = || {
        let file = open(log)?;
        let meta = file.metadata()?;
        let room = meta.is_file() && meta.len() > 0 && super::log::examine(log)? == super::log::Log::Empty;
        Ok::<_, io::Error>(Some(file).filter(|_| room))
    };
    held().is_ok_and(|file| file.is_some_and(|file| file.set_len(0).is_ok()))
}

/// Opens a file to write to it. A link is not followed: what runs as root would cut off whatever the directory's user points it to. SQLite does not follow it either, and says
/// that it cannot open the log, which is when this is tried.
fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true);
    #[cfg(target_os = "linux")]
    if let Ok(flags) = i32::try_from((rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits()) {
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags);
    }
    options.open(path)
}

/// Makes an empty file so long, with room on the disk for all of it.
fn allocate(mut file: &File, bytes: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::io::Errno;
        match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes) {
            Ok(()) => return Ok(()),
            Err(error @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG | Errno::IO)) => return Err(error.into()),
            // Not every file system can, and not every sandbox lets it.
            Err(_) => {}
        }
    }
    let zeros = [0; PIECE];
    let mut left = bytes;
    while left > 0 {
        let piece = zeros.len().min(usize::try_from(left).unwrap_or(PIECE));
        file.write_all(zeros.get(..piece).unwrap_or(&zeros))?;
        left -= piece as u64;
    }
    // Some file systems look for the room only now.
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_is_taken_whole_and_given_up() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join(FILE_NAME);
        let reserve = Reserve::new(place.path(), 1 << 20);
        reserve.take().unwrap();
        reserve.take().unwrap();
        assert_eq!(fs::metadata(&file).unwrap().len(), 1 << 20);
        assert!(reserve.is_held() && reserve.has_room());
        // What a start needs stays until that asks for it.
        assert_eq!([reserve.give_up().unwrap(), reserve.give_up().unwrap()], [true, false]);
        assert_eq!(fs::metadata(&file).unwrap().len(), START_BYTES);
        assert_eq!(
            [reserve.give_up_rest().unwrap(), reserve.give_up_rest().unwrap()],
            [true, false]
        );
        assert!(!file.exists());
        reserve.keep_rest();
        assert_eq!(fs::metadata(&file).unwrap().len(), START_BYTES);
        reserve.take().unwrap();
        reserve.give_up_rest().unwrap();
        // One with a hole has no room of its own; one of another length is another setting's.
        File::create(&file).unwrap().set_len(1 << 20).unwrap();
        assert!(!reserve.is_held());
        reserve.take().unwrap();
        assert!(reserve.is_held());
        let larger = Reserve::new(place.path(), 2 << 20);
        assert!(!larger.is_held());
        larger.take().unwrap();
        assert_eq!(fs::metadata(&file).unwrap().len(), 2 << 20);
        // More than any disk has: what a start needs stays.
        assert!(Reserve::new(place.path(), 1 << 60).take().is_err());
        assert_eq!(fs::metadata(&file).unwrap().len(), START_BYTES);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_its_place_is_replaced_and_not_followed() {
        let place = tempfile::tempdir().unwrap();
        let other = place.path().join("other");
        fs::write(&other, b"not ours").unwrap();
        std::os::unix::fs::symlink(&other, place.path().join(FILE_NAME)).unwrap();
        Reserve::new(place.path(), 1 << 20).take().unwrap();
        assert_eq!(fs::read(&other).unwrap(), b"not ours");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_link_in_the_logs_place_is_neither_filled_nor_emptied() {
        let place = tempfile::tempdir().unwrap();
        let (other, log) = (place.path().join("other"), place.path().join("log"));
        // To SQLite a log of zeros is an empty one.
        for content in [vec![0; 1 << 20], Vec::new()] {
            fs::write(&other, &content).unwrap();
            std::os::unix::fs::symlink(&other, &log).unwrap();
            assert!(!empty_log(&log));
            fill_log(&log).unwrap_err();
            assert!(fs::read(&other).unwrap() == content);
            fs::remove_file(&log).unwrap();
        }
        // What is the log's own is taken.
        fs::write(&log, vec![0; 1 << 20]).unwrap();
        assert!(empty_log(&log));
        assert_eq!(fs::metadata(&log).unwrap().len(), 0);
    }

    #[test]
    fn a_log_that_was_filled_is_an_empty_one_to_sqlite() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("db");
        let log = place.path().join("db-wal");
        let open = || rusqlite::Connection::open(&path).unwrap();
        let connection = open();
        connection
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (v); INSERT INTO t VALUES (1)")
            .unwrap();
        fill_log(&log).unwrap();
        assert!(
            fs::metadata(&log).unwrap().len() < LOG_BYTES,
            "a log with something in it was filled"
        );
        let fold =
            |c: &rusqlite::Connection| c.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        assert_eq!(fold(&connection).unwrap(), 0);
        fill_log(&log).unwrap();
        assert_eq!(fs::metadata(&log).unwrap().len(), LOG_BYTES);
        let count = |c: &rusqlite::Connection| {
            c.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0))
                .unwrap()
        };
        // To who has it open, to who comes, and as a killed process leaves it, with something in it and without.
        assert_eq!((count(&connection), count(&open())), (1, 1));
        let copy = |name: &str| {
            for end in ["", "-wal"] {
                fs::copy(
                    place.path().join(format!("db{end}")),
                    place.path().join(format!("{name}{end}")),
                )
                .unwrap();
            }
            rusqlite::Connection::open(place.path().join(name)).unwrap()
        };
        assert_eq!(count(&copy("empty")), 1);
        connection.execute("INSERT INTO t VALUES (2)", []).unwrap();
        assert_eq!(fs::metadata(&log).unwrap().len(), LOG_BYTES);
        assert_eq!((count(&connection), count(&open()), count(&copy("some"))), (2, 2, 2));
    }
}
