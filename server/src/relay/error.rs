//! Why a relay does not start, in words that say what to do.

use std::{io, net::SocketAddr, path::PathBuf};

use protocol::address::RelayName;

use crate::{service::Refusal, store::sqlite::OpenError, tls::TlsError};

/// Why a relay did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory.
    #[error(
        "cannot use the data directory {path}: {source}. Make it writable for the relay's user, or choose another with --data-dir"
    )]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is open to others, and not ours to close.
    #[error(
        "other users can read the data directory {path} (its mode is {mode:o}), and {why}. Choose a directory of the relay's own with --data-dir, or chmod 700 this one"
    )]
    Exposed {
        /// The directory.
        path: PathBuf,
        /// Who may do what there.
        mode: u32,
        /// Why it stays so.
        why: String,
    },
    /// Another relay is there.
    #[error("another relay is running on the data directory {0}. Stop it, or choose another directory with --data-dir")]
    InUse(PathBuf),
    /// The database is that of a relay with another name.
    #[error(
        "this relay is called '{given}', but the accounts in {data_dir} belong to '{stored}': their fingerprints and keys contain that name, so it cannot \
         change. Start it with --name {stored}, or keep the accounts of '{given}' in another directory with --data-dir"
    )]
    OtherName {
        /// What the configuration says.
        given: RelayName,
        /// What the accounts have signed.
        stored: RelayName,
        /// Where they are.
        data_dir: PathBuf,
    },
    /// The address.
    #[error("cannot listen on {addr}: {source}. Choose another address with {flag}; port 0 picks a free one")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// What chooses it.
        flag: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The services.
    #[error("the relay could not be started: {0}. Its log has the reason")]
    Services(#[from] Refusal),
}
