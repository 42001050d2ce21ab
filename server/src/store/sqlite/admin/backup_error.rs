//! Why a backup was not made.

use std::{io, path::PathBuf};

use crate::config::redact;

/// Why a backup was not made. Nothing of it is left behind.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The target is there.
    #[error("{0} exists; name a file that does not exist, or move that one away")]
    Exists(PathBuf),
    /// The target cannot be written.
    #[error("cannot write {}: {source}. Check the directory's permissions and the disk's space", redact::shown(&path.display().to_string()))]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A gate key's file is damaged.
    #[error(
        "{0} does not have the bytes that its name says, so no backup was made. `latchkey-relay check` names what else is wrong"
    )]
    Key(PathBuf),
    /// What was copied is not what was stored.
    #[error("the database is damaged, so no backup was made: {0}. `latchkey-relay check` names what else is wrong")]
    Damaged(String),
    /// SQLite refused.
    #[error("the database cannot be copied: {0}. Check the disk's space, then try again")]
    Sqlite(#[from] rusqlite::Error),
}
