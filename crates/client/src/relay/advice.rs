//! What a person can do about a refusal.
//!
//! A relay's own `action` speaks to the author of a client: of ids, tokens and the contract. These sentences stand in its place wherever an error is shown.

use sdk::types::ProblemCode as Code;

/// A sentence without its final period, for behind what was wrong.
pub(super) const fn what_to_do(code: Code) -> &'static str {
    match code {
        Code::BadRequest | Code::NotFound | Code::MethodNotAllowed => {
            "Relay and client may be of different versions; update the older one"
        }
        Code::BadName => "Use 1 to 32 characters out of a-z, 0-9, '_', '.' and '-', beginning with a letter or a digit",
        Code::BadSignature => "Try again; if it is refused again, update latchkey or report it",
        Code::Unauthorized => "Ask the relay's operator whether this account still exists there",
        Code::NoSuchUser => "Check the spelling of the name",
        // Sender and recipient both ask about a limited message, so what to do must be true of either.
        Code::NoSuchLicense => "The message may have been removed; it opens only if it is sent again",
        Code::NoSuchGateKey | Code::GateKeyConflict | Code::BadGateKey => {
            "Make a new gate key, then send the message again"
        }
        Code::GateKeysFull => {
            "Drop a contact's own gate key; it stops counting when the last message that it sealed has expired"
        }
        Code::SlotUsed | Code::PlayConflict | Code::StaleIncarnation | Code::StaleKey | Code::CounterTooFar => {
            "Try again"
        }
        Code::NameTaken => "Choose another name",
        Code::RegistrationClosed => "Ask the relay's operator, or choose another relay",
        Code::InviteRequired => "Ask the relay's operator for an invitation, and register with it",
        Code::InviteRefused => {
            "Compare the invitation with the one that you were given; if it is the same, ask for another"
        }
        Code::MessageConflict | Code::LicenseConflict => "Send the message again",
        Code::IdentityReplaced => {
            "If this home is no older copy of the account, another person holds its old key: tell your contacts over another channel"
        }
        Code::MailboxFull => "Try again when the recipient has been online to fetch messages",
        Code::TooLarge => "Send less at once",
        Code::PlayLimitReached | Code::LicenseExpired | Code::LicenseRevoked => {
            "It opens again only if the message is sent again"
        }
        Code::AnswerGone => "Play the message again; that uses another play",
        Code::RateLimited | Code::Busy => "Try again later",
        Code::StorageFull => "Try again later; if it stays so, tell the relay's operator",
        Code::Internal => "Try again; if it stays so, tell the relay's operator",
    }
}

/// The same about what is kept here and goes out by itself: a person is to do nothing again.
pub(super) const fn while_it_waits(code: Code) -> Option<&'static str> {
    match code {
        Code::MailboxFull => Some("There is room when the recipient has been online to fetch messages"),
        Code::StorageFull | Code::Internal => Some("If it stays so, tell the relay's operator"),
        Code::BadSignature => Some("If it stays so, update latchkey or report it"),
        Code::RateLimited
        | Code::Busy
        | Code::NoSuchGateKey
        | Code::GateKeyConflict
        | Code::BadGateKey
        | Code::SlotUsed
        | Code::PlayConflict
        | Code::StaleIncarnation
        | Code::StaleKey
        | Code::CounterTooFar
        | Code::MessageConflict
        | Code::LicenseConflict
        | Code::NoSuchLicense
        | Code::PlayLimitReached
        | Code::LicenseExpired
        | Code::LicenseRevoked
        | Code::AnswerGone => None,
        other => Some(what_to_do(other)),
    }
}
