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

use crate::{bounded, config::Config, relay::LOCK_FILE};

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
    let text = bounded::read_text(&file(data_dir))?;
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(content: &[u8]) -> (tempfile::TempDir, Option<Config>) {
        let place = tempfile::tempdir().unwrap();
        fs::write(file(place.path()), content).unwrap();
        let read = read(place.path());
        (place, read)
    }

    /// A line as the relay writes it, with a value of the right kind or of none.
    fn line() -> impl Strategy<Value = String> {
        let settings: Vec<_> = crate::config::SETTINGS.iter().map(|setting| setting.name).collect();
        let name = prop_oneof![4 => prop::sample::select(settings), 1 => Just("unknown")];
        let value = prop_oneof![
            any::<bool>().prop_map(|value| value.to_string()),
            any::<i64>().prop_map(|value| value.to_string()),
            "\"[ -!#-\\[\\]-~]{0,20}\"",
            "\"[0-9]{1,20}(MiB|GiB|s|d|/m|%)\"",
            "\\[\"https://[a-z.]{0,10}\", [0-9]{1,3}\\]",
            "\\PC{0,20}",
        ];
        (name, value).prop_map(|(name, value)| format!("{name} = {value}\n"))
    }

    proptest! {
        #[test]
        fn any_bytes_are_settings_or_none(content in prop::collection::vec(any::<u8>(), 0..400)) {
            let (_place, read) = written(&content);
            prop_assert!(read.is_none_or(|config| config.is_set("data_dir")));
        }

        /// What is taken for settings is written again and read as the same.
        #[test]
        fn lines_of_settings_are_read_whole_or_not_at_all(lines in prop::collection::vec(line(), 0..6)) {
            let (place, read) = written(format!("{HEADER}data_dir = \"/tmp/x\"\n{}", lines.concat()).as_bytes());
            let Some(config) = read else {
                return Ok(());
            };
            // Without where each was set, which is another place now.
            let settings = |text: &str| text.lines().map(|line| line.rsplit_once("  # ").map_or(line, |(set, _)| set).to_owned()).collect::<Vec<_>>();
            let first = config.to_toml();
            fs::write(file(place.path()), &first).unwrap();
            let again = super::read(place.path()).map(|config| settings(&config.to_toml()));
            prop_assert_eq!(again, Some(settings(&first)));
        }
    }

    #[test]
    fn what_a_relay_wrote_is_read_and_a_part_of_it_is_not_taken_for_all() {
        let place = tempfile::tempdir().unwrap();
        let config = Config::new(place.path()).unwrap();
        let at = "127.0.0.1:4711".parse().unwrap();
        write(&config, at, None).unwrap();
        assert_eq!(read(place.path()).unwrap().listen, at);
        // Cut off before it says where the data are, it says nothing.
        let whole = fs::read(file(place.path())).unwrap();
        let says = |bytes: &[u8]| bytes.windows(8).any(|piece| piece == b"data_dir");
        for end in 0..whole.len() {
            let (_place, read) = written(&whole[..end]);
            assert!(read.is_none() || says(&whole[..end]), "{end}");
        }
        assert!(written(&whole).1.is_some());
        // A file that somebody let grow is not taken into memory.
        File::create(file(place.path())).unwrap().set_len(1 << 40).unwrap();
        assert!(read(place.path()).is_none());
        assert_eq!(text(place.path()).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
