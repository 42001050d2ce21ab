//! Why a request is refused.

use std::time::Duration;

use protocol::address::{NameError, UserName};

use crate::{
    log_throttle::LogThrottle,
    model::{CommitCounter, EnvelopeError},
    store::StoreError,
};

/// Why a request is refused. Every text is for the caller: no internals, no secrets.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refusal {
    /// Not as the contract says.
    #[error("{0}")]
    BadRequest(String),
    /// Not a user name.
    #[error("{0}")]
    BadName(#[from] NameError),
    /// A proof or a signed key that does not hold.
    #[error("{0}")]
    BadSignature(String),
    /// Not signed in.
    #[error("the token or the proof of sign-in is missing, wrong, used or expired")]
    Unauthorized,
    /// More than a token was shown.
    #[error(
        "what was sent as a token is more than one word: give the token alone, without 'Bearer' and without other words, where a page or a program adds those by itself"
    )]
    NotOneToken,
    /// A session's token was shown as a delivery token.
    #[error(
        "what was sent as a delivery token has the form of a session's token: send it as 'Authorization: Bearer …' and leave the delivery token out; the page has a field of its own for it, Auth"
    )]
    SessionAsDelivery,
    /// No such account.
    #[error("no account named '{0}'")]
    NoSuchUser(UserName),
    /// No such license, or not its capability.
    #[error("there is no such license, or the capability is that of another one")]
    NoSuchLicense,
    /// No such gate key, or not one's own, or not its capability.
    #[error("there is no such gate key, it takes no new licenses, or the capability is that of another one")]
    NoSuchGateKey,
    /// Same gate key id, other bytes.
    #[error(
        "this gate key id was deleted, or used before with other bytes, with another capability or by another account"
    )]
    GateKeyConflict,
    /// Not a gate key.
    #[error("this is not a gate key: {0}")]
    BadGateKey(String),
    /// The account's gate keys.
    #[error(
        "an account has at most {0} gate keys; a deleted one counts until the last message that it sealed has expired"
    )]
    GateKeysFull(u64),
    /// A pad slot that was used, or none while there are some.
    #[error(
        "the next free slot of the pad is {next}; this request uses an earlier one, or no slot while some are free"
    )]
    SlotUsed {
        /// The first that is not.
        next: u16,
    },
    /// An oblivious license that was asked too often.
    #[error("this license has answered as many requests as it may")]
    RequestsSpent,
    /// The name belongs to someone else.
    #[error("the name '{0}' is taken")]
    NameTaken(UserName),
    /// Nobody new is admitted.
    #[error("this relay takes no new accounts")]
    RegistrationClosed,
    /// Only who is invited is admitted.
    #[error("this relay takes new accounts by invitation, and the request has none")]
    InviteRequired,
    /// No invitation (any more).
    #[error("this invitation is unknown, used up, expired or revoked; nothing was registered")]
    InviteRefused,
    /// Same message id, other content.
    #[error("this message id was used before with other content")]
    MessageConflict,
    /// Same license id, other parameters.
    #[error("this license id was used before with other parameters")]
    LicenseConflict,
    /// Same play id, other request.
    #[error("this play id was used before with another request")]
    PlayConflict,
    /// Acknowledged something else than this mailbox.
    #[error("the acknowledgement is from before the mailbox was cleared or restored; nothing was deleted")]
    StaleIncarnation,
    /// A commit counter that only a sign-in may tell.
    #[error(
        "commit_counter is more than {} above the {kept} that is kept; nothing was deleted or answered",
        CommitCounter::MAX_JUMP
    )]
    CounterTooFar {
        /// The greatest that was told so far.
        kept: u64,
    },
    /// Another identity took the account's place, or this one never had it.
    #[error("the account of '{0}' has another identity key than the one that is to be replaced")]
    IdentityReplaced(UserName),
    /// Not newer than what is published.
    #[error("a key with this or a higher sequence number is published already")]
    StaleKey,
    /// The recipient's quota.
    #[error("the mailbox of '{0}' is full")]
    MailboxFull(UserName),
    /// Above a limit.
    #[error("{0}")]
    TooLarge(String),
    /// Spent.
    #[error("every allowed play of this message is used")]
    PlayLimitReached,
    /// Taken back.
    #[error("the sender took this message back")]
    LicenseRevoked,
    /// Over.
    #[error("this message has expired")]
    LicenseExpired,
    /// Granted before, shredded since.
    #[error("this play was granted before, and its answer is no longer kept")]
    AnswerGone,
    /// Too fast.
    #[error("too many messages at once with this delivery token; nothing was stored")]
    RateLimited,
    /// A stranger whose share is used up, or the share of all, or that is blocked: it is not to know which, and the words are true of each.
    #[error(
        "'{user}' has little room for senders that it has not answered (they have no delivery token), and takes no more from you for now; nothing was stored"
    )]
    StrangersWait {
        /// To whom.
        user: UserName,
        /// How long until it may be worth asking again.
        wait: Duration,
    },
    /// Too fast, by address or account.
    #[error("too many requests from {who}; nothing was changed")]
    TooFast {
        /// Who.
        who: &'static str,
        /// How long until it may ask again.
        wait: Duration,
    },
    /// Overloaded.
    #[error("the relay is busy; nothing was changed")]
    Busy,
    /// No room.
    #[error("the relay has no room for this; nothing was stored")]
    StorageFull,
    /// A fault; the log has the reason.
    #[error("the relay failed; nothing was left half done")]
    Internal,
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full(_) => {
                // Onto the disk that is full, most likely, and as often as anybody asks.
                static SAID: LogThrottle = LogThrottle::new();
                SAID.warn(|left_out| tracing::error!(%error, left_out, "the store refuses"));
                Self::StorageFull
            }
            StoreError::Busy | StoreError::Closed => Self::Busy,
            StoreError::Fault(_) | StoreError::Damaged(_) => {
                tracing::error!(%error, "the store failed");
                Self::Internal
            }
        }
    }
}

impl From<EnvelopeError> for Refusal {
    fn from(error: EnvelopeError) -> Self {
        match error {
            EnvelopeError::Empty => Self::BadRequest(error.to_string()),
            EnvelopeError::TooLarge(_) => Self::TooLarge(error.to_string()),
        }
    }
}

/// What services answer.
pub type Result<T> = std::result::Result<T, Refusal>;

/// A commit counter in its range.
pub(crate) fn counter(told: Option<u64>) -> Result<Option<CommitCounter>> {
    let parse = |value| {
        CommitCounter::new(value).ok_or_else(|| {
            Refusal::BadRequest(format!(
                "commit_counter is {value} and must be at most {}",
                CommitCounter::MAX
            ))
        })
    };
    told.map(parse).transpose()
}

/// Exactly N bytes, or a sentence about which field is not.
pub(crate) fn exactly<const N: usize>(field: &str, bytes: &[u8]) -> Result<[u8; N]> {
    bytes
        .try_into()
        .map_err(|_| Refusal::BadRequest(format!("{field} has {} bytes and must have {N}", bytes.len())))
}
