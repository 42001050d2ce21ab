//! Accounts that the operator wants removed: asked for by a file in the data directory, done by whoever owns it.
//!
//! A second process must not write beside a relay that runs: that knows sessions and tokens by heart, and would go on taking them. So the command
//! leaves a file named by the mailbox id in `removals/`, which only the relay's own user can do, and the relay removes the account and then the file. Where no
//! relay runs the command owns the directory itself.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use protocol::Timestamp;

use crate::{
    model::MailboxId,
    relay::{StartError, claim},
    service::Refusal,
    store::{AuditEvent, AuditRecord, Removal, STEP, Store, StoreError, sqlite::Sqlite, wakes::Wakes},
};

/// Where requests lie, in the data directory.
const DIRECTORY: &str = "removals";

/// Why an account was not removed.
#[derive(Debug, thiserror::Error)]
pub enum RemovalError {
    /// The request cannot be left.
    #[error("cannot write in {0}: {1}")]
    File(PathBuf, io::Error),
    /// The data directory.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Asks for the removal of an account; when the file is gone it is done.
///
/// # Errors
/// [`RemovalError::File`].
pub fn ask(data_dir: &Path, mailbox: MailboxId) -> Result<PathBuf, RemovalError> {
    let directory = data_dir.join(DIRECTORY);
    let path = directory.join(hex::encode(mailbox.as_bytes()));
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(&directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(RemovalError::File(directory, error));
        }
        _ => {}
    }
    let file = fs::File::create(&path).and_then(|file| file.sync_all());
    file.map_err(|error| RemovalError::File(path.clone(), error))?;
    Ok(path)
}

/// What is asked for.
pub(crate) fn asked(data_dir: &Path) -> Vec<(PathBuf, MailboxId)> {
    let Ok(entries) = fs::read_dir(data_dir.join(DIRECTORY)) else {
        return Vec::new();
    };
    let read = |path: PathBuf| {
        let mut id = [0; 16];
        hex::decode_to_slice(path.file_name()?.to_str()?, &mut id).ok()?;
        Some((path, MailboxId::from_bytes(id)))
    };
    entries.filter_map(|entry| read(entry.ok()?.path())).collect()
}

/// Removes an account with all that was addressed to it; false when there is none.
pub(crate) async fn remove(store: &dyn Store, mailbox: MailboxId, now: Timestamp) -> Result<bool, StoreError> {
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
pub async fn perform(data_dir: &Path, now: Timestamp) -> Result<(), RemovalError> {
    let lock = claim(data_dir)?;
    let store = Sqlite::open(data_dir, lock, None, Arc::new(Wakes::default())).map_err(StartError::from)?;
    for (path, mailbox) in asked(data_dir) {
        remove(&store, mailbox, now).await?;
        fs::remove_file(&path).map_err(|error| RemovalError::File(path, error))?;
    }
    Ok(())
}

/// Does what is asked for at a relay that runs.
pub(crate) async fn serve(services: &crate::service::Services, data_dir: &Path) {
    for (path, mailbox) in asked(data_dir) {
        let done: Result<bool, Refusal> = services.remove_account(mailbox).await;
        match done {
            Ok(there) => {
                if there {
                    tracing::info!("the operator removed an account");
                }
                if let Err(error) = fs::remove_file(&path) {
                    tracing::error!(%error, path = %path.display(), "a request to remove an account stays; it was done");
                }
            }
            Err(refusal) => tracing::error!(%refusal, "an account could not be removed; trying again"),
        }
    }
}
