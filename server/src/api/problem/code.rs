//! The machine-readable reasons of the relay's errors: each one's status, headline and advice, and the refusals behind it.

use poem::http::StatusCode;
use poem_openapi::Enum;

use crate::service::Refusal;

/// Stable, machine-readable reasons. A client decides by these, never by the status or by the sentence.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[oai(rename_all = "snake_case")]
pub enum ProblemCode {
    /// The request does not follow this document (400)
    BadRequest,
    /// A user name with other characters or of another length than allowed (400)
    BadName,
    /// A signature, proof or signed payload does not verify (400)
    BadSignature,
    /// No token, an unknown or expired one, or a sign-in without a valid proof (401)
    Unauthorized,
    /// No such path (404)
    NotFound,
    /// No account has this name (404)
    NoSuchUser,
    /// No license has this id, or the capability is not its own: both get the same answer (404)
    NoSuchLicense,
    /// No gate key has this id, it takes no new licenses, its file is lost, or the capability is not its own: all get the same answer (404)
    NoSuchGateKey,
    /// The bytes are no gate key that this relay can compute with (400)
    BadGateKey,
    /// The gate key id was used before with other bytes, or was deleted (409)
    GateKeyConflict,
    /// The account has as many gate keys as it may (409)
    GateKeysFull,
    /// The request's slot of the pad is used, or the request is sealed although slots are free; next_slot is the next free one (409)
    SlotUsed,
    /// The name belongs to another identity key, or to a removed account (409)
    NameTaken,
    /// The relay takes no new accounts (403)
    RegistrationClosed,
    /// The relay takes new accounts by invitation, and the request has none (403)
    InviteRequired,
    /// The invitation is unknown, used up, expired or revoked: all get the same answer, and no use of it is spent (403)
    InviteRefused,
    /// The message id was used before with another envelope (409)
    MessageConflict,
    /// The license id was used before with other parameters (409)
    LicenseConflict,
    /// The play id was used before with another request (409)
    PlayConflict,
    /// The acknowledgement belongs to an earlier incarnation of the mailbox; nothing was deleted (409)
    StaleIncarnation,
    /// The commit_counter is further above the kept one than a bearer token alone may set it; nothing was deleted or answered (409)
    CounterTooFar,
    /// The key's sequence number is not above the published one's (409)
    StaleKey,
    /// The account's identity key is not the one that the succession replaces (409)
    IdentityReplaced,
    /// The recipient's mailbox holds as much as it may (429)
    MailboxFull,
    /// A body or an envelope is larger than its limit (413)
    TooLarge,
    /// Every allowed play is spent (410)
    PlayLimitReached,
    /// The sender revoked the license (410)
    LicenseRevoked,
    /// The license has expired (410)
    LicenseExpired,
    /// This play was granted before, and its answer is erased (410)
    AnswerGone,
    /// Too many requests (429)
    RateLimited,
    /// A queue is full; try again shortly (503)
    Busy,
    /// The relay's disk is full or failing; nothing was stored (507)
    StorageFull,
    /// The path exists, the method does not (405)
    MethodNotAllowed,
    /// A fault of the relay (500)
    Internal,
}

impl ProblemCode {
    /// The HTTP status that goes with the code.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::BadRequest | Self::BadName | Self::BadSignature | Self::BadGateKey => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::RegistrationClosed | Self::InviteRequired | Self::InviteRefused => StatusCode::FORBIDDEN,
            Self::NotFound | Self::NoSuchUser | Self::NoSuchLicense | Self::NoSuchGateKey => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NameTaken
            | Self::MessageConflict
            | Self::LicenseConflict
            | Self::PlayConflict
            | Self::StaleIncarnation
            | Self::CounterTooFar
            | Self::IdentityReplaced
            | Self::StaleKey
            | Self::GateKeyConflict
            | Self::GateKeysFull
            | Self::SlotUsed => StatusCode::CONFLICT,
            Self::PlayLimitReached | Self::LicenseRevoked | Self::LicenseExpired | Self::AnswerGone => StatusCode::GONE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MailboxFull | Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A short, fixed headline.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "The request is malformed",
            Self::BadName => "Not a valid user name",
            Self::BadSignature => "A signature does not verify",
            Self::Unauthorized => "Not signed in",
            Self::NotFound => "Nothing here",
            Self::NoSuchUser => "No such user",
            Self::NoSuchLicense => "No such license",
            Self::NoSuchGateKey => "No such gate key",
            Self::BadGateKey => "Not a gate key",
            Self::GateKeyConflict => "The gate key id is in use",
            Self::GateKeysFull => "Too many gate keys",
            Self::SlotUsed => "The slot is used",
            Self::NameTaken => "The name is taken",
            Self::RegistrationClosed => "Registration is closed",
            Self::InviteRequired => "An invitation is needed",
            Self::InviteRefused => "The invitation is not valid",
            Self::MessageConflict => "The message id is in use",
            Self::LicenseConflict => "The license id is in use",
            Self::PlayConflict => "The play id is in use",
            Self::StaleIncarnation => "The acknowledgement is stale",
            Self::CounterTooFar => "The commit counter is too far ahead",
            Self::StaleKey => "The key is older than the published one",
            Self::IdentityReplaced => "The identity was replaced",
            Self::MailboxFull => "The mailbox is full",
            Self::TooLarge => "Too large",
            Self::PlayLimitReached => "The play limit is reached",
            Self::LicenseRevoked => "The license was revoked",
            Self::LicenseExpired => "The license has expired",
            Self::AnswerGone => "The answer is gone",
            Self::RateLimited => "Too many requests",
            Self::Busy => "The relay is busy",
            Self::StorageFull => "The relay cannot store more",
            Self::MethodNotAllowed => "Method not allowed",
            Self::Internal => "A fault of the relay",
        }
    }

    /// What the caller can do about it.
    #[must_use]
    pub const fn action(self) -> &'static str {
        match self {
            Self::BadRequest => "Compare the request with /openapi.yaml and send it again.",
            Self::BadName => {
                "Use 1 to 32 characters of a-z, 0-9, '_', '.' and '-'; begin with a letter or a digit; no '..'."
            }
            Self::BadSignature => {
                "Sign exactly the bytes that docs/protocol.md specifies with the account's identity key, then try again."
            }
            Self::Unauthorized => {
                "Send a token as 'Authorization: Bearer …': a program gets one by challenge and sign_in, a person by 'latchkey token'."
            }
            Self::NotFound => "See /openapi.yaml for the paths that exist.",
            Self::NoSuchUser => "Check the spelling of the name.",
            Self::NoSuchLicense => {
                "Check the license id and the capability; the message may belong to another relay, or its license was removed."
            }
            Self::NoSuchGateKey => "Upload this gate key again or another one, and send with it.",
            Self::BadGateKey => "Make a new gate key with a current client.",
            Self::GateKeyConflict => "Use a fresh gate key id.",
            Self::GateKeysFull => "Delete a gate key that is not needed for new messages.",
            Self::SlotUsed => "Ask again with next_slot or a later slot, and a new play id.",
            Self::NameTaken => "Choose another name.",
            Self::RegistrationClosed => "Ask the operator of this relay, or choose another relay.",
            Self::InviteRequired => "Ask the operator of this relay for an invitation, and register with it.",
            Self::InviteRefused => {
                "Compare the code with the one that was given out; if it is the same, ask the operator for another."
            }
            Self::MessageConflict => {
                "Use a fresh message id for a new envelope; to repeat a send, send the same bytes."
            }
            Self::LicenseConflict => {
                "Use a fresh license id for another license; to repeat a send, send the same parameters."
            }
            Self::PlayConflict => "Use a fresh play id for another request; to repeat a play, send the same request.",
            Self::StaleIncarnation => "Call inbox without an acknowledgement, and go on from its answer.",
            Self::CounterTooFar => "Sign in with this commit_counter, then repeat the request.",
            Self::StaleKey => "Publish the key again with a higher sequence number.",
            Self::IdentityReplaced => {
                "If this is not an older copy of the account, another person holds its old key: tell its contacts over another channel."
            }
            Self::MailboxFull => "Try again with the same message id when the recipient has fetched.",
            Self::TooLarge => "Send less at once; the limits are in /openapi.yaml.",
            Self::PlayLimitReached => "Ask the sender to send the message again.",
            Self::LicenseRevoked => "Ask the sender; the message does not open any more.",
            Self::LicenseExpired => "Ask the sender to send the message again.",
            Self::AnswerGone => "Play again with a new play id; that uses another play.",
            Self::RateLimited | Self::Busy => "Try again later with the same ids: wait retry_after_seconds.",
            Self::StorageFull => {
                "Try again later with the same ids; if it stays so, tell the operator, who has to make room."
            }
            Self::MethodNotAllowed => "See /openapi.yaml for the methods of this path.",
            Self::Internal => "Try again with the same ids; if it stays so, tell the operator the request_id.",
        }
    }

    /// How long to wait before a retry has a chance, seconds; none where a retry alone does not help.
    #[must_use]
    pub const fn retry_after_seconds(self) -> Option<u64> {
        match self {
            // The recipient has to come online: asking more often only makes load.
            Self::MailboxFull => Some(60),
            Self::RateLimited => Some(5),
            // A full queue drains within a commit or two.
            Self::Busy => Some(1),
            Self::StorageFull => Some(30),
            _ => None,
        }
    }
}

/// The code a client decides by.
impl From<&Refusal> for ProblemCode {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::BadRequest(_) => Self::BadRequest,
            Refusal::BadName(_) => Self::BadName,
            Refusal::BadSignature(_) => Self::BadSignature,
            Refusal::Unauthorized | Refusal::NotOneToken | Refusal::SessionAsDelivery => Self::Unauthorized,
            Refusal::NoSuchUser(_) => Self::NoSuchUser,
            Refusal::NoSuchLicense => Self::NoSuchLicense,
            Refusal::NoSuchGateKey => Self::NoSuchGateKey,
            Refusal::GateKeyConflict => Self::GateKeyConflict,
            Refusal::BadGateKey(_) => Self::BadGateKey,
            Refusal::GateKeysFull(_) => Self::GateKeysFull,
            Refusal::SlotUsed { .. } => Self::SlotUsed,
            Refusal::RequestsSpent => Self::PlayLimitReached,
            Refusal::NameTaken(_) => Self::NameTaken,
            Refusal::RegistrationClosed => Self::RegistrationClosed,
            Refusal::InviteRequired => Self::InviteRequired,
            Refusal::InviteRefused => Self::InviteRefused,
            Refusal::MessageConflict => Self::MessageConflict,
            Refusal::LicenseConflict => Self::LicenseConflict,
            Refusal::PlayConflict => Self::PlayConflict,
            Refusal::StaleIncarnation => Self::StaleIncarnation,
            Refusal::CounterTooFar { .. } => Self::CounterTooFar,
            Refusal::IdentityReplaced(_) => Self::IdentityReplaced,
            Refusal::StaleKey => Self::StaleKey,
            Refusal::MailboxFull(_) => Self::MailboxFull,
            Refusal::TooLarge(_) => Self::TooLarge,
            Refusal::PlayLimitReached => Self::PlayLimitReached,
            Refusal::LicenseRevoked => Self::LicenseRevoked,
            Refusal::LicenseExpired => Self::LicenseExpired,
            Refusal::AnswerGone => Self::AnswerGone,
            Refusal::RateLimited | Refusal::TooFast { .. } | Refusal::StrangersWait { .. } => Self::RateLimited,
            Refusal::Busy => Self::Busy,
            Refusal::StorageFull => Self::StorageFull,
            Refusal::Internal => Self::Internal,
        }
    }
}
