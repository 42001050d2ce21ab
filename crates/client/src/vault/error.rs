//! Why the vault could not be used.

use std::fmt;
use std::path::PathBuf;

use super::patience::LOCK_PATIENCE;

/// Why nothing can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unwritable {
    /// The disk has no room, or this user has used up what they may use of it.
    Full,
    /// The file system is read-only, or this user may not write there.
    ReadOnly,
    /// Another process works there, and this one reads beside it.
    Busy,
}

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "its disk is full, or what this user may use of it is used up. Free some space",
            Self::Busy => "another latchkey process is working there. Wait until it is done, or end it",
            Self::ReadOnly => {
                "its file system is read-only, or this user may not write there. Make it writable, or choose the home that is meant"
            }
        })
    }
}

/// Why the vault could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// There is no vault in this directory.
    #[error("there is no account in {}; register a name first, or name the right home with --home", .0.display())]
    NotFound(PathBuf),
    /// A vault was to be created where one is.
    #[error("{} already holds an account; use it, or choose another home", .0.display())]
    Exists(PathBuf),
    /// The passphrase does not open this vault.
    #[error("wrong passphrase; nothing was changed, try again")]
    WrongPassphrase,
    /// An empty or over-long passphrase.
    #[error("a passphrase has 1 to 1024 bytes; choose another")]
    BadPassphrase,
    /// Another process holds the vault.
    #[error("another latchkey process has been working in {} for {} seconds; nothing was done. Wait until it is done, or end it, then try again", .0.display(), LOCK_PATIENCE.as_secs())]
    Busy(PathBuf),
    /// The file is there, and what it begins with is not.
    #[error(
        "the vault {} is empty or cut off, as after a full disk or an unfinished copy; restore the home directory from a backup. (If no name was ever registered in this home, remove the file and register one)",
        .0.display()
    )]
    Truncated(PathBuf),
    /// A sealed record does not open in its place.
    #[error(
        "a record ({0}) of the vault was altered or moved; restore the home directory from a backup, or register another name in another home"
    )]
    Tampered(&'static str),
    /// Something that this program never writes.
    #[error(
        "the vault is damaged ({0}); restore the home directory from a backup, or register another name in another home"
    )]
    Corrupt(&'static str),
    /// Written by a later version.
    #[error("the vault has format {0}, which this version does not know; use a newer latchkey")]
    TooNew(i64),
    /// The operating system gives no random bytes.
    #[error("the operating system's random generator does not answer; nothing was written, try again")]
    Randomness,
    /// File system trouble.
    #[error("{} cannot be used: {source}. The account in it, if there is one, was not touched; check the path, its permissions and the disk", .path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Nothing can be written there. What is kept can be read.
    #[error(
        "nothing can be written in {}: {why}, then give the same command again. Until then what is kept there can be read, and nothing is sent or fetched",
        .dir.display()
    )]
    Unwritable {
        /// The home.
        dir: PathBuf,
        /// Why.
        why: Unwritable,
    },
    /// SQLite trouble.
    #[error(
        "the vault's database failed: {0}; check the disk's space, and that the home directory and the files in it can be written"
    )]
    Database(#[from] rusqlite::Error),
    /// The passphrase was changed, and the old wrapping of the key stays on the disk.
    #[error(
        "the new passphrase holds, but what the old one opens could not be overwritten on the disk yet: {0}; check the disk's space, then change the passphrase once more"
    )]
    NotOverwritten(rusqlite::Error),
    /// The disk has no room for what must be noted later, so it was not begun.
    #[error(
        "the room on the disk in which a play is noted could not be taken ({0}), so no play was asked for; check the disk's space, then try again"
    )]
    NoRoom(std::io::Error),
    /// A migration failed.
    #[error(
        "the vault could not be converted to this version's format: {0}; copy the home directory away, check the disk's space, then try again"
    )]
    Migration(String),
}
