//! Files beside the database: the bytes of gate keys.
//!
//! A gate key has 23 MB and is written once. In the database it would go through the one writer and its log twice, which holds up every
//! send for as long as the disk takes; as a file it does not meet the writer at all. A file has its final name only when it is whole and on the
//! disk, and its name says whose bytes it has (`id.sha256`), so nothing is ever written into a file that somebody may read.
//!
//! What is in these files is public to whoever computes with it: no content and no share. They are unlinked, not overwritten.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use sha2::{Digest as _, Sha256};

use super::GateKeyRow;
use crate::{
    bounded,
    model::{Bytes32, GateKeyId},
};

/// The directory of gate keys, in the data directory.
pub const DIRECTORY: &str = "gate-keys";
/// The ending of a file that is still being written.
const PART: &str = ".part";

/// The files of gate keys.
#[derive(Debug, Clone)]
pub struct KeyFiles(Arc<Path>);

impl KeyFiles {
    /// Makes the directory in `data_dir`.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(data_dir: &Path) -> io::Result<Self> {
        let directory = data_dir.join(DIRECTORY);
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match builder.create(&directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        Ok(Self(directory.into()))
    }

    fn path(&self, id: GateKeyId, sha256: &Bytes32) -> PathBuf {
        self.0.join(format!("{id}.{}", hex::encode(sha256)))
    }

    /// Begins a file under a name that nobody looks for. `random` makes the name.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn begin(&self, random: [u8; 16]) -> io::Result<PartFile> {
        let path = self.0.join(format!("{}{PART}", hex::encode(random)));
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        Ok(PartFile { file, path: Some(path) })
    }

    /// Gives a whole file its name; when this returns it survives a crash.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn keep(&self, mut part: PartFile, id: GateKeyId, sha256: &Bytes32) -> io::Result<()> {
        part.file.sync_all()?;
        if let Some(path) = &part.path {
            fs::rename(path, self.path(id, sha256))?;
        }
        part.path = None;
        self.sync()
    }

    /// The bytes of a key.
    ///
    /// # Errors
    /// When the file is not there or the disk fails; [`io::ErrorKind::InvalidData`] when they are not the bytes that were kept. With a single other bit every answer that is computed would
    /// be wrong, and a play is spent for each.
    pub fn read(&self, key: &GateKeyRow) -> io::Result<Vec<u8>> {
        let bytes = bounded::read(&self.path(key.id, &key.sha256), key.bytes)?;
        if bytes.len() as u64 != key.bytes || Sha256::digest(&bytes)[..] != key.sha256 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "it has other bytes than those that were stored",
            ));
        }
        Ok(bytes)
    }

    /// Whether the file of a key is there. It may not be after a backup without these files was put back.
    #[must_use]
    pub fn has(&self, id: GateKeyId, sha256: &Bytes32) -> bool {
        self.path(id, sha256).is_file()
    }

    /// Removes the file of a key, if it is there.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn remove(&self, id: GateKeyId, sha256: &Bytes32) -> io::Result<()> {
        match fs::remove_file(self.path(id, sha256)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes what belongs to no key: a crash can leave files that were never finished, or whose row was removed just before.
    ///
    /// # Errors
    /// When the directory cannot be read or the disk refuses.
    pub fn remove_others(&self, keys: &[GateKeyRow]) -> io::Result<()> {
        let known: HashSet<PathBuf> = keys.iter().map(|key| self.path(key.id, &key.sha256)).collect();
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            if path.is_file() && !known.contains(&path) {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }

    /// Directory entries are durable only when the directory is.
    fn sync(&self) -> io::Result<()> {
        #[cfg(unix)]
        File::open(&self.0)?.sync_all()?;
        Ok(())
    }
}

/// A file that is being written; gone when it is dropped unfinished.
#[derive(Debug)]
pub struct PartFile {
    file: File,
    path: Option<PathBuf>,
}

impl PartFile {
    /// Appends.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    /// Reads back what was written.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        self.path
            .as_ref()
            .map_or_else(|| Err(io::ErrorKind::NotFound.into()), fs::read)
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if let Some(path) = &self.path
            && let Err(error) = fs::remove_file(path)
        {
            tracing::warn!(%error, "an unfinished gate key could not be removed; the next start does it");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MailboxId;

    #[test]
    fn a_file_is_there_when_it_is_whole_and_others_go() {
        let dir = tempfile::tempdir().unwrap();
        let files = KeyFiles::open(dir.path()).unwrap();
        let files_there = || fs::read_dir(dir.path().join(DIRECTORY)).unwrap().count();
        let id = GateKeyId::from_bytes([1; 16]);
        let sha256: Bytes32 = Sha256::digest(b"whole").into();
        let key = GateKeyRow {
            id,
            owner: MailboxId::from_bytes([0; 16]),
            sha256,
            bytes: 5,
            capability_hash: [0; 32],
            retired: false,
        };

        let mut given_up = files.begin([1; 16]).unwrap();
        given_up.write(b"half").unwrap();
        drop(given_up);
        assert_eq!(files_there(), 0);

        let mut part = files.begin([1; 16]).unwrap();
        part.write(b"wh").unwrap();
        part.write(b"ole").unwrap();
        assert_eq!(part.read().unwrap(), b"whole");
        assert!(!files.has(id, &sha256));
        files.keep(part, id, &sha256).unwrap();
        assert_eq!(files.read(&key).unwrap(), b"whole");
        assert!(!files.has(id, &[3; 32]));

        // As a crash leaves it.
        fs::write(dir.path().join(DIRECTORY).join("00.part"), b"x").unwrap();
        KeyFiles::open(dir.path()).unwrap().remove_others(&[key]).unwrap();
        assert!(files.has(id, &sha256));
        assert_eq!(files_there(), 1);
        files.remove(id, &sha256).unwrap();
        files.remove(id, &sha256).unwrap();
        assert_eq!(files_there(), 0);
    }
    #[test]
    fn no_other_bytes_are_taken_for_a_key() {
        let dir = tempfile::tempdir().unwrap();
        let files = KeyFiles::open(dir.path()).unwrap();
        let bytes: Vec<u8> = (0..=255).cycle().take(3000).collect();
        let key = GateKeyRow {
            id: GateKeyId::from_bytes([1; 16]),
            owner: MailboxId::from_bytes([0; 16]),
            sha256: Sha256::digest(&bytes).into(),
            bytes: bytes.len() as u64,
            capability_hash: [0; 32],
            retired: false,
        };
        let path = files.path(key.id, &key.sha256);
        let read = |content: &[u8]| {
            fs::write(&path, content).unwrap();
            files.read(&key).map_err(|error| error.kind())
        };
        assert_eq!(read(&bytes), Ok(bytes.clone()));
        for at in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[at] ^= 1 << (at % 8);
            assert_eq!(read(&altered), Err(io::ErrorKind::InvalidData), "byte {at}");
        }
        for length in [0, 1, bytes.len() - 1] {
            assert_eq!(read(&bytes[..length]), Err(io::ErrorKind::InvalidData), "{length}");
        }
        assert_eq!(read(&[&bytes[..], &[0]].concat()), Err(io::ErrorKind::FileTooLarge));
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(files.read(&key).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        fs::remove_file(&path).unwrap();
        assert_eq!(files.read(&key).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
