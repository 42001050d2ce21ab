//! The data directory: made, closed to others, and owned by one relay at a time.

use std::{
    fs::{DirBuilder, File, TryLockError},
    io,
    path::Path,
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::StartError;
use crate::store::sqlite::FILE_NAME;

/// How long a start waits for another relay to let go of the data directory: one that was killed does so when the system has ended it, which takes some
/// milliseconds, or a few hundred under load.
const HANDOVER: Duration = Duration::from_secs(2);
/// How often it looks meanwhile.
const HANDOVER_LOOK: Duration = Duration::from_millis(20);
/// Holding a lock on this file means owning the data directory.
pub(crate) const LOCK_FILE: &str = "relay.lock";

/// The same as [`claim`], but a relay that is just ending is waited for.
pub(super) async fn claim_in_time(path: &Path) -> Result<File, StartError> {
    let last = Instant::now() + HANDOVER;
    loop {
        match claim(path) {
            Err(StartError::InUse(_)) if Instant::now() < last => sleep(HANDOVER_LOOK).await,
            outcome => return outcome,
        }
    }
}

/// Makes the data directory and locks it.
pub(crate) fn claim(path: &Path) -> Result<File, StartError> {
    let failed = |source| StartError::DataDir {
        path: path.to_owned(),
        source,
    };
    make_private(path)?;
    let lock = open_lock(path).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StartError::InUse(path.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Opens the lock's file. One that a command makes as another user, such as root, is given to the directory's owner: the relay, which runs as that, could not open it.
fn open_lock(directory: &Path) -> io::Result<File> {
    let file = directory.join(LOCK_FILE);
    match File::options().write(true).create_new(true).open(&file) {
        Ok(lock) => {
            give_to_owner(&lock, directory)?;
            Ok(lock)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => File::options().write(true).open(&file),
        Err(error) => Err(error),
    }
}

/// By its handle: a name in a directory of another user's may be something else by now.
#[cfg(unix)]
fn give_to_owner(file: &File, directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    let (ours, owner) = (file.metadata()?, directory.metadata()?);
    if ours.uid() == owner.uid() {
        return Ok(());
    }
    fchown(file, Some(owner.uid()), Some(owner.gid()))
}

#[cfg(not(unix))]
fn give_to_owner(_: &File, _: &Path) -> io::Result<()> {
    Ok(())
}

/// Makes the directory, and sees to it that nobody else looks into it: file names, sizes and times tell on users even where files cannot be read.
#[cfg(unix)]
fn make_private(path: &Path) -> Result<(), StartError> {
    use std::{
        fs::{Permissions, set_permissions},
        os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    };
    const OTHERS: u32 = 0o007;
    const GROUP: u32 = 0o070;
    const STICKY: u32 = 0o1000;
    let failed = |source| StartError::DataDir {
        path: path.to_owned(),
        source,
    };
    let mode = || Ok::<_, io::Error>(path.metadata()?.permissions().mode() & 0o7777);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(failed)?;
    let before = mode().map_err(failed)?;
    if before & (OTHERS | GROUP) == 0 {
        return Ok(());
    }
    let exposed = |why: String| StartError::Exposed {
        path: path.to_owned(),
        mode: before,
        why,
    };
    // Not /tmp, and not a home: closing those would do harm, above all when it is root who starts a relay there.
    if before & STICKY != 0 || !is_of_a_relay(path).map_err(failed)? {
        return Err(exposed("it holds other things than a relay's data".to_owned()));
    }
    let changed = set_permissions(path, Permissions::from_mode(before & !(OTHERS | GROUP)));
    let now = mode().map_err(failed)?;
    if now & OTHERS != 0 {
        let why = changed.map_or_else(
            |error| error.to_string(),
            |()| "its file system keeps no other mode".to_owned(),
        );
        return Err(exposed(why));
    }
    if now & GROUP != 0 {
        // Someone put it into a group on purpose, and whoever did is not us.
        tracing::warn!(path = %path.display(), mode = format!("{now:o}"), "a group can look into the data directory");
    } else {
        tracing::warn!(
            path = %path.display(),
            was = format!("{before:o}"),
            mode = format!("{now:o}"),
            "others could look into the data directory; now they cannot"
        );
    }
    Ok(())
}

/// Nothing is in the directory yet (but what a new file system has), or a relay was there, or a backup was put there.
#[cfg(unix)]
fn is_of_a_relay(path: &Path) -> io::Result<bool> {
    let mut nothing = true;
    for entry in path.read_dir()? {
        let name = entry?.file_name();
        if name == LOCK_FILE || name == FILE_NAME {
            return Ok(true);
        }
        nothing &= name == "lost+found";
    }
    Ok(nothing)
}

#[cfg(not(unix))]
fn make_private(path: &Path) -> Result<(), StartError> {
    DirBuilder::new()
        .recursive(true)
        .create(path)
        .map_err(|source| StartError::DataDir {
            path: path.to_owned(),
            source,
        })
}
