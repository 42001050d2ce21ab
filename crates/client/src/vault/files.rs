//! The home directory's files: who may read them, when they are durable, and the lock.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Read as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::VaultError;

/// The lock's name: a file of its own, because SQLite's locks guard statements, not a client's whole run.
pub(super) const LOCK: &str = "vault.lock";
/// How often to look again while waiting.
const LOCK_POLL: Duration = Duration::from_millis(50);

pub(super) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> VaultError {
    let path = path.to_path_buf();
    move |source| VaultError::Io { path, source }
}

/// Makes the directory readable by its owner alone. One that exists is left as it is: it may be somebody's home.
pub(super) fn make_dir(dir: &Path) -> Result<(), VaultError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(dir).map_err(io(dir))
}

/// Opens or makes a file that only its owner may read. SQLite gives the log and the shared memory file the database's mode.
pub(super) fn private_file(path: &Path) -> Result<File, VaultError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path).map_err(io(path))
}

pub(super) fn remove(path: &Path) -> Result<(), VaultError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io(path)(error)),
        _ => Ok(()),
    }
}

/// A name in a directory is durable when the directory is.
pub(super) fn sync_dir(dir: &Path) -> Result<(), VaultError> {
    // Windows has no such call, and no need of it.
    #[cfg(unix)]
    File::open(dir).and_then(|opened| opened.sync_all()).map_err(io(dir))?;
    #[cfg(not(unix))]
    let _ = dir;
    Ok(())
}

/// Takes the lock, within `patience`. `since` is when this began to wait for another process, unless it began before; it is left as it was where there was no wait.
pub(super) fn wait_for(
    file: &File,
    dir: &Path,
    patience: Duration,
    since: &mut Option<Instant>,
) -> Result<(), VaultError> {
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(std::fs::TryLockError::WouldBlock) if begun.elapsed() < patience => {
                since.get_or_insert(begun);
                thread::sleep(LOCK_POLL);
            }
            Err(std::fs::TryLockError::WouldBlock) => return Err(VaultError::Busy(dir.to_path_buf())),
            Err(std::fs::TryLockError::Error(source)) => return Err(io(&dir.join(LOCK))(source)),
        }
    }
}

/// Whether a database is shorter than its own header says (SQLite's file format, section 1.3: the page size at byte 16, the number of pages at byte 28).
///
/// # Errors
/// Why it cannot be read.
pub(super) fn is_cut_off(path: &Path) -> std::io::Result<bool> {
    const HEADER: usize = 100;
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut header = Vec::with_capacity(HEADER);
    file.take(HEADER as u64).read_to_end(&mut header)?;
    if header.len() < HEADER {
        return Ok(true);
    }
    let size = match header.get(16..18) {
        // 65 536 does not fit.
        Some(&[0, 1]) => 1 << 16,
        Some(&[high, low]) => u64::from(u16::from_be_bytes([high, low])),
        _ => 0,
    };
    let pages = match header.get(28..32) {
        Some(&[a, b, c, d]) => u64::from(u32::from_be_bytes([a, b, c, d])),
        _ => 0,
    };
    Ok(header.starts_with(b"SQLite format 3\0") && length < size * pages)
}
