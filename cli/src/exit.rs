//! Exit codes, and which failure earns which. Scripts rely on them; `--help` lists them.

use std::io;
use std::process::ExitCode;

use client::vault::{Ended, VaultError};
use client::{Code, Error, RelayError, RelayUrl, UserName};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The engine.
    #[error(transparent)]
    Client(#[from] Error),
    /// Something is missing or malformed, and nobody can be asked.
    #[error("{0}")]
    Usage(String),
    /// A message is kept, and the relay does not have it yet.
    #[error("{0}")]
    Queued(Error),
    /// A message that could not be kept, so it was not sent.
    #[error("{}. The message was not sent, and it is not kept", .0.to_string().trim_end_matches('.'))]
    NotKept(Error),
    /// The user broke off.
    #[error("interrupted; what was done by then stays done, and the same command can be given again")]
    Interrupted,
    /// The user broke off before a message was sent.
    #[error("interrupted; the message was not sent, and it is not kept")]
    Unsent,
    /// The user broke off while a message was being sent.
    #[error("interrupted; whether the relay has the message is not known, and it is kept here: do not send it again")]
    Unsure,
    /// The user broke off while a name was being registered, before the relay heard of it.
    #[error("interrupted; nothing was registered, and nothing is kept")]
    Unregistered,
    /// The user broke off, or gave up, while a name was being registered.
    #[error(
        "the registration of {name} at {relay} is not finished: whether the relay has done it is not known. Name, relay and keys are kept here"
    )]
    Unfinished {
        /// Under which name.
        name: UserName,
        /// Where.
        relay: RelayUrl,
    },
    /// Standard output or a file.
    #[error("input or output failed: {0}; the same command can be given again, and shows what was not shown")]
    Io(#[from] io::Error),
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        Self::Client(error.into())
    }
}

impl From<RelayError> for Failure {
    fn from(error: RelayError) -> Self {
        Self::Client(error.into())
    }
}

/// A process's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Anything not below.
    Other = 1,
    /// Wrong or missing arguments or input.
    Usage = 2,
    /// No account in this home.
    NotRegistered = 3,
    /// The relay cannot be reached.
    Network = 4,
    /// The relay said no.
    Refused = 5,
    /// A contact's identity or the relay's changed.
    IdentityChanged = 6,
    /// A limited message opens no more.
    PlayLimit = 7,
    /// The passphrase does not open the vault.
    WrongPassphrase = 8,
    /// Another process has been using this home for too long.
    Busy = 9,
    /// Ctrl-C: 128 + SIGINT, as shells have it.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Failure {
    /// The exit code of this failure.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Client(error) => of_client(error),
            Self::Usage(_) => Exit::Usage,
            Self::Queued(error) | Self::NotKept(error) => of_client(error),
            Self::Interrupted | Self::Unsent | Self::Unsure | Self::Unregistered | Self::Unfinished { .. } => {
                Exit::Interrupted
            }
            Self::Io(_) => Exit::Other,
        }
    }

    /// Whether nobody reads what we write any more: no reason to complain to nobody.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

fn of_client(error: &Error) -> Exit {
    match error {
        Error::Relay(error) => of_relay(error),
        Error::Vault(VaultError::WrongPassphrase) => Exit::WrongPassphrase,
        Error::Vault(VaultError::Busy(_)) => Exit::Busy,
        Error::NotRegistered | Error::RegistrationPending { .. } | Error::Vault(VaultError::NotFound(_)) => {
            Exit::NotRegistered
        }
        Error::Name(_)
        | Error::BadLimit
        | Error::Empty
        | Error::ForeignRelay { .. }
        | Error::Oneself
        | Error::NotReceived
        | Error::NoGateKey(_)
        | Error::TooLarge
        | Error::Vault(VaultError::BadPassphrase) => Exit::Usage,
        Error::KeysRefused { .. }
        | Error::GateKeyTaken
        | Error::PeerSilent(_)
        | Error::AccountGone(_)
        | Error::Blocked(_)
        | Error::ShutOut { .. }
        | Error::RestartsSpent
        | Error::NumberImplausible { .. }
        | Error::Ended(Ended::Revoked | Ended::Expired) => Exit::Refused,
        Error::IdentityChanged { .. } | Error::IdentitySucceeded { .. } | Error::IdentityForked(_) => {
            Exit::IdentityChanged
        }
        Error::Ended(Ended::Exhausted) => Exit::PlayLimit,
        _ => Exit::Other,
    }
}

fn of_relay(error: &RelayError) -> Exit {
    match error {
        RelayError::Network { .. } | RelayError::Malformed(_) => Exit::Network,
        RelayError::Refused {
            code: Code::PlayLimitReached,
            ..
        } => Exit::PlayLimit,
        RelayError::Refused { .. } => Exit::Refused,
        RelayError::OtherRelay { .. } | RelayError::RenamedRelay { .. } | RelayError::OtherCertificate { .. } => {
            Exit::IdentityChanged
        }
        RelayError::UntrustedCertificate { .. } => Exit::Network,
        RelayError::BadUrl { .. } | RelayError::BadProxy { .. } => Exit::Usage,
        _ => Exit::Other,
    }
}
