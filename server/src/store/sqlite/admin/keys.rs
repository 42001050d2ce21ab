//! Gate keys for the operator: their files beside their rows.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rusqlite::Connection;
use sha2::{Digest as _, Sha256};

use super::{backup_error::BackupError, private::private};
use crate::{
    bounded,
    store::{GateKeyRow, files::DIRECTORY, sqlite::gate_keys},
};

/// A younger file without a row may be on its way: a relay that runs writes the file first.
const YOUNG: Duration = Duration::from_secs(20 * 60);

fn rows(c: &Connection) -> rusqlite::Result<Vec<GateKeyRow>> {
    c.prepare("SELECT id, owner, sha256, bytes, capability_hash, retired FROM gate_key")?
        .query_map([], gate_keys::read)?
        .collect()
}

fn file_of(key: &GateKeyRow) -> String {
    format!("{}.{}", key.id, hex::encode(key.sha256))
}

/// Everything that is wrong between rows and files, in words.
pub(super) fn check(c: &Connection, data_dir: &Path) -> rusqlite::Result<Vec<String>> {
    let directory = data_dir.join(DIRECTORY);
    let mut faults = Vec::new();
    // The files first: a row that comes meanwhile has its file, and one that goes meanwhile is asked for again.
    let files: Vec<PathBuf> = fs::read_dir(&directory)
        .map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path())).collect())
        .unwrap_or_default();
    let keys = rows(c)?;
    for key in &keys {
        let path = directory.join(file_of(key));
        let wrong = match bounded::read(&path, key.bytes) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => "its file is missing".to_owned(),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                format!("its file has more bytes than the {} that it should have", key.bytes)
            }
            Err(error) => format!("its file cannot be read: {error}"),
            Ok(bytes) if bytes.len() as u64 != key.bytes => {
                format!("its file has {} bytes and should have {}", bytes.len(), key.bytes)
            }
            Ok(bytes) if Sha256::digest(&bytes)[..] != key.sha256 => "its file has other bytes".to_owned(),
            Ok(_) => continue,
        };
        if rows(c)?.contains(key) {
            faults.push(format!("gate key {}: {wrong} ({})", key.id, path.display()));
        }
    }
    let known: Vec<_> = rows(c)?.iter().chain(&keys).map(file_of).collect();
    for path in files {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let young = path
            .metadata()
            .and_then(|meta| meta.modified())
            .is_ok_and(|at| SystemTime::now().duration_since(at).unwrap_or_default() < YOUNG);
        if !young && name.is_none_or(|name| !known.contains(&name)) {
            faults.push(format!(
                "{} belongs to no gate key; the next start of the relay removes it",
                path.display()
            ));
        }
    }
    Ok(faults)
}

/// Copies the files of the keys that the copied database names, and looks at every byte; how many. `live` is the database they are copied from.
pub(super) fn copy(
    copied: &Connection,
    live: &Connection,
    data_dir: &Path,
    target: &Path,
) -> Result<usize, BackupError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| BackupError::File { path, source }
    };
    let keys = rows(copied)?;
    if keys.is_empty() {
        return Ok(0);
    }
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(target).map_err(failed(target))?;
    let mut count = 0;
    for key in &keys {
        let name = file_of(key);
        let from = data_dir.join(DIRECTORY).join(&name);
        let bytes = match bounded::read(&from, key.bytes) {
            // Its last message was over in the meantime: nothing needs it, in the copy neither once that message's time is over there.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !rows(live)?.contains(key) => continue,
            other => other.map_err(failed(&from))?,
        };
        if Sha256::digest(&bytes)[..] != key.sha256 {
            return Err(BackupError::Key(from));
        }
        let to = target.join(&name);
        private(&to).map_err(failed(&to))?;
        let written = fs::write(&to, &bytes).and_then(|()| fs::File::open(&to)?.sync_all());
        written.map_err(failed(&to))?;
        count += 1;
    }
    #[cfg(unix)]
    fs::File::open(target)
        .and_then(|directory| directory.sync_all())
        .map_err(failed(target))?;
    Ok(count)
}
