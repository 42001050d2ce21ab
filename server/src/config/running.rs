//! The settings that a relay runs with, in a file beside its data: what the operator's commands go by, which are started with other settings or with none.
//!
//! It is what `config show` prints, so no secret is in it, and is written anew at each start. After the relay has ended it says how it ran last.

use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    io::{self, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
};

use crate::{config::Config, relay::LOCK_FILE};

/// The file, in the data directory.
pub const FILE_NAME: &str = "running.toml";

/// The first line of the file, for who opens it.
const HEADER: &str =
    "# The settings of the relay that runs here, or ran last; written at each start, and read by commands alone.\n";

/// Says with which settings a relay runs that listens there, a port that was chosen at the start included.
///
/// # Errors
/// The file system's. What another relay wrote before is gone then, if it can be removed.
pub(crate) fn write(config: &Config, listens: SocketAddr, metrics: Option<SocketAddr>) -> io::Result<()> {
    let mut config = config.clone();
    config.listen = listens;
    config.metrics_listen = metrics;
    let (path, new) = (file(&config.data_dir), config.data_dir.join(format!("{FILE_NAME}.new")));
    let written = private(&new)
        .and_then(|mut file| file.write_all(format!("{HEADER}{}", config.to_toml()).as_bytes()))
        .and_then(|()| fs::rename(&new, &path));
    if written.is_err() {
        // Room may be what was missing.
        let _ = fs::remove_file(&new);
        let _ = fs::remove_file(&path);
    }
    written
}

/// The settings of the relay that runs in `data_dir`, or ran there last; none when none did, or what it wrote cannot be read.
#[must_use]
pub fn read(data_dir: &Path) -> Option<Config> {
    let flags = BTreeMap::from([("config", file(data_dir).to_str()?.to_owned())]);
    let config = Config::load(&flags, |_| None).ok()?;
    // A start that was cut off by the power may leave an empty file, which would be nothing but defaults.
    config.is_set("data_dir").then_some(config)
}

/// The same as the relay wrote it, with where each setting came from.
///
/// # Errors
/// The file system's.
pub fn text(data_dir: &Path) -> io::Result<String> {
    let text = fs::read_to_string(file(data_dir))?;
    Ok(text.strip_prefix(HEADER).unwrap_or(&text).to_owned())
}

/// Whether a relay runs there.
///
/// # Errors
/// When this user may not see it.
pub fn is_held(data_dir: &Path) -> io::Result<bool> {
    match File::open(data_dir.join(LOCK_FILE)) {
        Ok(lock) => Ok(matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn file(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE_NAME)
}

fn private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
