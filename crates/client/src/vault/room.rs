//! Room on the disk that is taken beforehand, for a commit that must not fail: after a play was granted, and after it was shown.
//!
//! A file beside the vault holds it. When a commit finds the disk full the file goes, and the commit is tried once more. Another program may be faster; then it is said what is known.

use std::io::Write as _;

use rusqlite::ErrorCode;

use super::files::{private_file, remove};
use super::{Vault, VaultError};

/// The file's name.
const FILE: &str = "vault.room";
/// What a commit takes at most: a limited message of 200 KiB is written anew, its old pages are overwritten, and the log has a frame for each of both. Twice that.
const ROOM: usize = 1 << 20;

impl Vault {
    /// Takes the room, unless it is taken already.
    ///
    /// # Errors
    /// [`VaultError::NoRoom`]: nothing that depends on it may be begun.
    pub fn reserve_room(&self) -> Result<(), VaultError> {
        self.writable()?;
        let path = self.dir.join(FILE);
        if std::fs::metadata(&path).is_ok_and(|file| file.len() == ROOM as u64) {
            return Ok(());
        }
        // Random, because some file systems keep nothing for zeros.
        let mut bytes = vec![0; ROOM];
        getrandom::fill(&mut bytes).map_err(|_| VaultError::Randomness)?;
        let mut file = private_file(&path)?;
        file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(|error| {
            // Half of it serves for nothing; if it stays, the next attempt writes it anew.
            let _ = remove(&path);
            VaultError::NoRoom(error)
        })
    }

    /// Does `work`, which commits; once more when the disk is full and the room that was taken can be given back.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn in_reserved_room<T>(
        &mut self,
        mut work: impl FnMut(&mut Self) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        match work(self) {
            Err(VaultError::Database(error)) if is_full(&error) => {
                let path = self.dir.join(FILE);
                if !path.exists() || remove(&path).is_err() {
                    return Err(error.into());
                }
                work(self)
            }
            other => other,
        }
    }
}

/// A full disk shows as that, or as an error of the file that shares the log's index.
fn is_full(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure)
    )
}
