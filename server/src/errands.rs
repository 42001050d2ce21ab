//! What the operator wants done to the database: asked for by a file in the data directory, done by whoever owns it.
//!
//! A second process must not write beside a relay that runs: that knows sessions and tokens by heart, and would go on taking them. So the command
//! leaves an empty file in `errands/` whose name says everything, which only the relay's own user can do; the relay does it and then removes the file. Where no
//! relay runs the command owns the directory itself. An errand may be done twice, if the relay dies in between.

use std::{
    fs, io,
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use protocol::Timestamp;

use crate::{
    model::{Bytes32, MailboxId},
    relay::{StartError, claim},
    seldom::Seldom,
    service::Services,
    store::{
        AuditEvent, AuditRecord, InviteMade, NewInvite, Released, Removal, STEP, Store, StoreError, sqlite::Sqlite,
        wakes::Wakes,
    },
};

/// So often, and with such pauses, it is looked whether the mail of a removed account is erased: ten times as long as that takes on a disk that works. After that the errand is
/// tried again.
const ERASING_LOOKS: u32 = 100;
const ERASING_PAUSE: Duration = Duration::from_millis(50);
/// Where errands lie, in the data directory.
const DIRECTORY: &str = "errands";

/// Why an errand was not done.
#[derive(Debug, thiserror::Error)]
pub enum ErrandError {
    /// It cannot be left.
    #[error("cannot write in {0}: {1}. Run this command as the user that the relay runs as")]
    File(PathBuf, io::Error),
    /// The data directory.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One thing to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    /// Removes an account.
    Remove(MailboxId),
    /// Lets the name of a removed account be registered anew.
    Release(MailboxId),
    /// Makes an invitation.
    Invite {
        /// The hash of its code.
        hash: Bytes32,
        /// How many may register by it.
        uses: NonZeroU32,
        /// How long, from when it is made by the relay's clock.
        lifetime: Duration,
    },
    /// Ends an invitation.
    Revoke(Bytes32),
}

impl Errand {
    /// The file's name, which says all of it: an empty file is there or not, and never half.
    fn file_name(&self) -> String {
        match self {
            Self::Remove(mailbox) => format!("remove-{}", hex::encode(mailbox.as_bytes())),
            Self::Release(mailbox) => format!("release-{}", hex::encode(mailbox.as_bytes())),
            Self::Invite { hash, uses, lifetime } => {
                format!("invite-{}-{uses}-{}", hex::encode(hash), lifetime.as_secs())
            }
            Self::Revoke(hash) => format!("revoke-{}", hex::encode(hash)),
        }
    }

    fn parse(file_name: &str) -> Option<Self> {
        let mut parts = file_name.split('-');
        let (verb, id) = (parts.next()?, parts.next()?);
        let errand = match verb {
            "remove" => Self::Remove(MailboxId::from_bytes(bytes(id)?)),
            "release" => Self::Release(MailboxId::from_bytes(bytes(id)?)),
            "revoke" => Self::Revoke(bytes(id)?),
            "invite" => Self::Invite {
                hash: bytes(id)?,
                uses: parts.next()?.parse().ok()?,
                lifetime: Duration::from_secs(parts.next()?.parse().ok()?),
            },
            _ => return None,
        };
        parts.next().is_none().then_some(errand)
    }

    const fn past(&self) -> &'static str {
        match self {
            Self::Remove(_) => "the operator removed an account",
            Self::Release(_) => "the operator released the name of a removed account",
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

/// Asks for it; when the file is gone it is done, or could not be.
///
/// # Errors
/// [`ErrandError::File`].
pub fn ask(data_dir: &Path, errand: &Errand) -> Result<PathBuf, ErrandError> {
    let directory = data_dir.join(DIRECTORY);
    let path = directory.join(errand.file_name());
    make_directory(data_dir).map_err(|error| ErrandError::File(directory, error))?;
    let file = fs::File::create(&path).and_then(|file| file.sync_all());
    file.map_err(|error| ErrandError::File(path.clone(), error))?;
    Ok(path)
}

/// What is asked for.
fn asked(data_dir: &Path) -> io::Result<Vec<(PathBuf, Errand)>> {
    let entries = match fs::read_dir(data_dir.join(DIRECTORY)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let read = |path: PathBuf| {
        let errand = Errand::parse(path.file_name()?.to_str()?)?;
        Some((path, errand))
    };
    Ok(entries.filter_map(|entry| read(entry.ok()?.path())).collect())
}

/// Makes the directory that errands are left in, so that it is the relay's own: one that a command made as another user could not be read.
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

/// Does it in the store; false when there was nothing to be done. What a relay knows by heart is another matter (`Services::do_errand`).
pub(crate) async fn perform(store: &dyn Store, errand: &Errand, now: Timestamp) -> Result<bool, StoreError> {
    Ok(match *errand {
        Errand::Remove(mailbox) => remove(store, mailbox, now).await?,
        Errand::Release(mailbox) => release(store, mailbox, now).await? == Released::Done,
        Errand::Invite { hash, uses, lifetime } => {
            let invite = NewInvite {
                hash,
                uses,
                expires: now.plus(lifetime),
                now,
            };
            store.make_invite(invite).await? == InviteMade::Done
        }
        Errand::Revoke(hash) => store.revoke_invite(hash, now).await?,
    })
}

/// Releases a name, as soon as the mail of the account that had it is erased.
async fn release(store: &dyn Store, mailbox: MailboxId, now: Timestamp) -> Result<Released, StoreError> {
    for _ in 0..ERASING_LOOKS {
        match store.release_name(mailbox, now).await {
            Err(StoreError::Busy) => tokio::time::sleep(ERASING_PAUSE).await,
            other => return other,
        }
    }
    store.release_name(mailbox, now).await
}

/// Removes an account with all that was addressed to it; false when there is none.
async fn remove(store: &dyn Store, mailbox: MailboxId, now: Timestamp) -> Result<bool, StoreError> {
    loop {
        match store.remove_account(mailbox, now, STEP).await? {
            Removal::NoSuchAccount => return Ok(false),
            Removal::More => tokio::task::yield_now().await,
            Removal::Done => break,
        }
    }
    let record = AuditRecord {
        at: now,
        event: AuditEvent::AccountRemoved,
        mailbox: Some(mailbox),
        times: 1,
    };
    store.audit(vec![record]).await?;
    Ok(true)
}

/// Does what is asked for where no relay runs.
///
/// # Errors
/// [`StartError::InUse`] when one does: then it is the one to do it.
pub async fn perform_all(data_dir: &Path, now: Timestamp) -> Result<(), ErrandError> {
    let lock = claim(data_dir)?;
    let store = Sqlite::open(data_dir, lock, None, Arc::new(Wakes::default())).map_err(StartError::from)?;
    let errands = asked(data_dir).map_err(|error| ErrandError::File(data_dir.join(DIRECTORY), error))?;
    for (path, errand) in errands {
        perform(&store, &errand, now).await?;
        fs::remove_file(&path).map_err(|error| ErrandError::File(path, error))?;
    }
    Ok(())
}

/// Does what is asked for at a relay that runs.
pub(crate) async fn serve(services: &Services, data_dir: &Path, unreadable: &Seldom) {
    let errands = asked(data_dir).unwrap_or_else(|error| {
        unreadable.warn(|_| {
            tracing::error!(%error, "{DIRECTORY}/ cannot be read, so no errand of the operator's is done; it has to belong to the user that the relay runs as");
        });
        Vec::new()
    });
    for (path, errand) in errands {
        match services.do_errand(&errand).await {
            Ok(done) => {
                if done {
                    tracing::info!("{}", errand.past());
                }
                if let Err(error) = fs::remove_file(&path) {
                    tracing::error!(%error, "an errand of the operator's stays in {DIRECTORY}/; it was done");
                }
            }
            Err(refusal) => tracing::error!(%refusal, "an errand of the operator's could not be done; trying again"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_says_all_of_an_errand_and_nothing_else_is_one() {
        let invite = Errand::Invite {
            hash: [7; 32],
            uses: NonZeroU32::new(3).unwrap(),
            lifetime: Duration::from_secs(604_800),
        };
        for errand in [
            Errand::Remove(MailboxId::from_bytes([1; 16])),
            Errand::Release(MailboxId::from_bytes([2; 16])),
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
        ] {
            assert_eq!(Errand::parse(no), None, "{no}");
        }
    }
}
