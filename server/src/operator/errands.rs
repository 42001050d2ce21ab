//! What the operator wants done to the database: asked for by a file in the data directory, done by whoever owns it.
//!
//! A second process must not write beside a relay that runs: that knows sessions and tokens by heart, and would go on taking them. So the command
//! leaves an empty file in `errands/` whose name says everything, which only the relay's own user can do; the relay does it and then removes the file. Where no
//! relay runs the command owns the directory itself.
//!
//! A file may come back: the relay dies before it is removed, it cannot be removed, or the directory is restored from a copy. So an errand names the very thing that it is about, and is good
//! once: the account by when it was registered, the reserved name by when it was removed, the invitation by a hash that is remembered until it expires, which is a moment and not a length of time.

mod runner;

use std::{
    fs, io,
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::Arc,
};

use protocol::{Timestamp, address::UserName};

use crate::{
    model::{Bytes32, MailboxId},
    relay::{StartError, claim},
    store::{
        InviteMade, NewInvite, Released, Removal, STEP, Store, StoreError,
        sqlite::{Sqlite, admin::Reader},
        waiters::Waiters,
    },
};

pub(crate) use crate::operator::errands::runner::Runner;

/// Where errands lie, in the data directory.
const DIRECTORY: &str = "errands";

/// Why an errand was not done.
#[derive(Debug, thiserror::Error)]
pub enum ErrandError {
    /// It cannot be left, or not be removed.
    #[error("cannot write in {0}: {1}. Run this command as root, or as the user that the relay runs as")]
    File(PathBuf, io::Error),
    /// The data directory.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One thing to be done. In the order in which several are: an invitation is made before it is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Errand {
    /// Makes an invitation.
    Invite {
        /// The hash of its code.
        hash: Bytes32,
        /// How many may register by it.
        uses: NonZeroU32,
        /// Until when.
        expires: Timestamp,
    },
    /// Ends an invitation.
    Revoke(Bytes32),
    /// Removes an account.
    Remove {
        /// Whose.
        mailbox: MailboxId,
        /// When it was registered. Another account that has the name later is not meant.
        registered: Timestamp,
    },
    /// Lets the name of a removed account be registered anew.
    Release {
        /// Whose.
        mailbox: MailboxId,
        /// When the account was removed. Another that had the name later is not meant.
        removed: Timestamp,
    },
}

impl Errand {
    /// To remove the account that has this name now; none when there is none.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn removal(reader: &Reader, user: &UserName) -> rusqlite::Result<Option<Self>> {
        let mailbox = MailboxId::of(user);
        let registered = reader.registered(mailbox)?;
        Ok(registered.map(|registered| Self::Remove { mailbox, registered }))
    }

    /// To release the name of the account that was removed; none when it is not reserved.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn release(reader: &Reader, user: &UserName) -> rusqlite::Result<Option<Self>> {
        let mailbox = MailboxId::of(user);
        let removed = reader.reserved_since(mailbox)?;
        Ok(removed.map(|removed| Self::Release { mailbox, removed }))
    }

    /// The file's name, which says all of it: an empty file is there or not, and never half.
    fn file_name(&self) -> String {
        match self {
            Self::Remove { mailbox, registered } => {
                format!("remove-{}-{}", hex::encode(mailbox.as_bytes()), registered.as_millis())
            }
            Self::Release { mailbox, removed } => {
                format!("release-{}-{}", hex::encode(mailbox.as_bytes()), removed.as_millis())
            }
            Self::Invite { hash, uses, expires } => {
                format!("invite-{}-{uses}-{}", hex::encode(hash), expires.as_millis())
            }
            Self::Revoke(hash) => format!("revoke-{}", hex::encode(hash)),
        }
    }

    fn parse(file_name: &str) -> Option<Self> {
        let mut parts = file_name.split('-');
        let (verb, id) = (parts.next()?, parts.next()?);
        let time = |parts: &mut std::str::Split<'_, char>| parts.next()?.parse().ok().map(Timestamp::from_millis);
        let errand = match verb {
            "remove" => Self::Remove {
                mailbox: MailboxId::from_bytes(bytes(id)?),
                registered: time(&mut parts)?,
            },
            "release" => Self::Release {
                mailbox: MailboxId::from_bytes(bytes(id)?),
                removed: time(&mut parts)?,
            },
            "revoke" => Self::Revoke(bytes(id)?),
            "invite" => Self::Invite {
                hash: bytes(id)?,
                uses: parts.next()?.parse().ok()?,
                expires: time(&mut parts)?,
            },
            _ => return None,
        };
        parts.next().is_none().then_some(errand)
    }

    const fn past(&self) -> &'static str {
        match self {
            Self::Remove { .. } => "the operator removed an account",
            Self::Release { .. } => "the operator released the name of a removed account",
            Self::Invite { .. } => "the operator made an invitation",
            Self::Revoke(_) => "the operator revoked an invitation",
        }
    }
}

fn bytes<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(digits, &mut bytes).ok()?;
    Some(bytes)
}

/// Asks the relay that runs for it; when the file is gone it is done, or could not be.
///
/// The directory is the relay's to make: one that a command made as another user could not be read by it.
///
/// # Errors
/// [`ErrandError::File`].
pub fn ask(data_dir: &Path, errand: &Errand) -> Result<PathBuf, ErrandError> {
    let directory = data_dir.join(DIRECTORY);
    let path = directory.join(errand.file_name());
    // Never through a link, wherever that points: the command may be root's, and the directory is not.
    let made = match fs::File::options().write(true).create_new(true).open(&path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map(drop),
    };
    made.and_then(|()| sync(&directory))
        .map_err(|error| ErrandError::File(path.clone(), error))?;
    Ok(path)
}

/// What is asked for, in the order in which it is to be done.
fn asked(data_dir: &Path) -> io::Result<Vec<(PathBuf, Errand)>> {
    let entries = match fs::read_dir(data_dir.join(DIRECTORY)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let read = |path: PathBuf| {
        let errand = Errand::parse(path.file_name()?.to_str()?)?;
        Some((path, errand))
    };
    let mut errands: Vec<_> = entries.filter_map(|entry| read(entry.ok()?.path())).collect();
    errands.sort_unstable_by_key(|(_, errand)| *errand);
    Ok(errands)
}

/// Removes a file, for good: the power does not bring it back.
fn unlink(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => path.parent().map_or(Ok(()), sync),
    }
}

#[cfg(unix)]
fn sync(directory: &Path) -> io::Result<()> {
    fs::File::open(directory)?.sync_all()
}

#[cfg(not(unix))]
fn sync(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Makes the directory that errands are left in, so that it is the relay's own.
///
/// # Errors
/// The file system's.
pub(crate) fn make_directory(data_dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(data_dir.join(DIRECTORY)) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Does it in the store; false when there was nothing to be done, as when it was done before. What a relay knows by heart is another matter (`Services::do_errand`).
pub(crate) async fn perform(store: &dyn Store, errand: &Errand, now: Timestamp) -> Result<bool, StoreError> {
    Ok(match *errand {
        Errand::Remove { mailbox, registered } => loop {
            match store.remove_account(mailbox, registered, now, STEP).await? {
                Removal::NoSuchAccount => break false,
                Removal::More => tokio::task::yield_now().await,
                Removal::Done => break true,
            }
        },
        Errand::Release { mailbox, removed } => store.release_name(mailbox, removed, now).await? == Released::Done,
        Errand::Invite { hash, uses, expires } => {
            let invite = NewInvite {
                hash,
                uses,
                expires,
                now,
            };
            store.make_invite(invite).await? == InviteMade::Done
        }
        Errand::Revoke(hash) => store.revoke_invite(hash, now).await?,
    })
}

/// Does an errand where no relay runs, behind those that were left there.
///
/// # Errors
/// [`StartError::InUse`] when one does: then it is the one to do it.
pub async fn perform_here(data_dir: &Path, errand: &Errand, now: Timestamp) -> Result<(), ErrandError> {
    let lock = claim(data_dir)?;
    let store = Sqlite::open(data_dir, lock, None, Arc::new(Waiters::default())).map_err(StartError::from)?;
    let errands = asked(data_dir).map_err(|error| ErrandError::File(data_dir.join(DIRECTORY), error))?;
    for (path, errand) in errands {
        perform(&store, &errand, now).await?;
        unlink(&path).map_err(|error| ErrandError::File(path, error))?;
    }
    perform(&store, errand, now).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_files_name_says_all_of_an_errand_and_nothing_else_is_one() {
        let invite = Errand::Invite {
            hash: [7; 32],
            uses: NonZeroU32::new(3).unwrap(),
            expires: Timestamp(1_800_000_000_000),
        };
        for errand in [
            Errand::Remove {
                mailbox: MailboxId::from_bytes([1; 16]),
                registered: Timestamp(3),
            },
            Errand::Release {
                mailbox: MailboxId::from_bytes([2; 16]),
                removed: Timestamp(4),
            },
            invite,
            Errand::Revoke([9; 32]),
        ] {
            assert_eq!(Errand::parse(&errand.file_name()), Some(errand));
        }
        let id = "07".repeat(32);
        for no in [
            "",
            "remove",
            "remove-",
            &format!("remove-{id}"),
            &format!("revoke-{id}-1"),
            &format!("invite-{id}"),
            &format!("invite-{id}-0-5"),
            &format!("invite-{id}-1-5-9"),
            &format!("erase-{id}"),
            &format!("remove-{}", "07".repeat(16)),
            &format!("release-{}-x", "07".repeat(16)),
        ] {
            assert_eq!(Errand::parse(no), None, "{no}");
        }
    }
    fn errand() -> impl Strategy<Value = Errand> {
        let mailbox = || any::<[u8; 16]>().prop_map(MailboxId::from_bytes);
        let time = || any::<u64>().prop_map(Timestamp::from_millis);
        prop_oneof![
            (mailbox(), time()).prop_map(|(mailbox, registered)| Errand::Remove { mailbox, registered }),
            (mailbox(), time()).prop_map(|(mailbox, removed)| Errand::Release { mailbox, removed }),
            any::<Bytes32>().prop_map(Errand::Revoke),
            (any::<Bytes32>(), any::<NonZeroU32>(), time()).prop_map(|(hash, uses, expires)| Errand::Invite {
                hash,
                uses,
                expires
            }),
        ]
    }

    proptest! {
        #[test]
        fn every_errand_is_read_as_it_was_asked_for(errand in errand()) {
            prop_assert_eq!(Errand::parse(&errand.file_name()), Some(errand));
        }

        /// Names that others put there. One that is an errand's says nothing but what is read of it.
        #[test]
        fn no_name_of_a_file_is_more_than_an_errand(name in "(remove|release|revoke|invite|[a-z]{0,7})(-([0-9a-fA-F]{0,70}|[+0-9]{0,25}|\\PC{0,9})){0,4}") {
            if let Some(read) = Errand::parse(&name) {
                prop_assert_eq!(Errand::parse(&read.file_name()), Some(read));
                prop_assert!(read.file_name().len() <= 200);
            }
        }

        /// What one byte more, less or other makes of a name is none, or another errand.
        #[test]
        fn a_name_that_was_changed_is_not_the_same_errand(errand in errand(), at in any::<prop::sample::Index>(), byte in b' '..=b'~') {
            let name = errand.file_name();
            let at = at.index(name.len());
            let mut changed = name.clone().into_bytes();
            changed[at] = byte;
            let changed = String::from_utf8(changed).unwrap();
            prop_assume!(!changed.eq_ignore_ascii_case(&name));
            prop_assert_ne!(Errand::parse(&changed), Some(errand));
        }
    }

    #[test]
    fn what_is_no_errand_in_the_directory_is_left_alone() {
        let data = tempfile::tempdir().unwrap();
        assert!(asked(data.path()).unwrap().is_empty());
        make_directory(data.path()).unwrap();
        let directory = data.path().join(DIRECTORY);
        let errand = Errand::Revoke([9; 32]);
        for name in ["a", "revoke-", "..b", "remove-\u{fc}-1"] {
            fs::write(directory.join(name), [0xff; 10]).unwrap();
        }
        fs::create_dir(directory.join("invite-x")).unwrap();
        let path = ask(data.path(), &errand).unwrap();
        assert_eq!(asked(data.path()).unwrap(), [(path, errand)]);
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 6);
    }
}
