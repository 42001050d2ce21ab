//! What a person can do about a refusal.
//!
//! A relay's own `action` speaks to the author of a client: of ids, tokens and the contract. These sentences stand in its place wherever an error is shown.

use sdk::types::ProblemCode as Code;

/// Where something else is to be done than the code alone says: what the relay's words hold, and the advice. Words that a later relay does not have fall back to the code's.
const BY_DETAIL: [(Code, &str, &str); 5] = [
    (
        Code::BadRequest,
        "license.expires_at is in the past",
        "The message expired before it went out; send it again, with a later end",
    ),
    (
        Code::BadRequest,
        "the proof is for the origin",
        "Use the address that the relay's operator gave you; if it is this one, tell the operator: behind a proxy the relay needs its setting 'origins'",
    ),
    (Code::BadRequest, "blocks at most", "Unblock somebody first"),
    (
        Code::BadRequest,
        "delivery tokens",
        "The account has as many contacts with a token as the relay keeps; block some that you do not write with any more",
    ),
    (Code::RateLimited, STRANGERS_WAIT, UNTIL_KNOWN),
];

/// What the relay says to a sender without a delivery token, whether that is blocked or has used up its share (decision 0024).
const STRANGERS_WAIT: &str = "senders that it has not answered";
/// A client gives a contact a token when its user has written to the contact or verified it.
const UNTIL_KNOWN: &str =
    "You have room of your own as soon as the recipient writes to you or verifies you: ask for that on another channel";

fn by_detail(code: Code, detail: &str) -> Option<&'static str> {
    let known = BY_DETAIL
        .iter()
        .find(|(of, words, _)| *of == code && detail.contains(words));
    known.map(|(.., advice)| *advice)
}

/// What can be done about a refusal of this kind, with these words of the relay's. A sentence without its final period, for behind what was wrong.
pub(super) fn after(code: Code, detail: &str) -> &'static str {
    by_detail(code, detail).unwrap_or_else(|| what_to_do(code))
}

/// A sentence without its final period, for behind what was wrong.
const fn what_to_do(code: Code) -> &'static str {
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
        Code::SlotUsed | Code::PlayConflict => {
            "No play was used. Play the message again; if it is refused again, two copies of this home may be in use: use only one of them"
        }
        Code::StaleIncarnation => {
            "Nothing is lost. Give the same command again, which begins at the present state of the mailbox"
        }
        Code::StaleKey => {
            "The relay has newer keys of this account. Give the same command again; if it is refused again, two copies of this home may be in use: use only one of them"
        }
        Code::CounterTooFar => {
            "Give the same command again, which signs in anew; if it is refused again, ask the relay's operator whether its database was restored"
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
pub(super) fn while_it_waits(code: Code, detail: &str) -> Option<&'static str> {
    match code {
        Code::RateLimited => by_detail(code, detail),
        Code::NoSuchGateKey | Code::GateKeyConflict | Code::BadGateKey => Some(
            "The client uploads a gate key for it by itself, or says that the message cannot go; if neither happens, make a new gate key",
        ),
        Code::SlotUsed | Code::PlayConflict | Code::StaleIncarnation => {
            Some("The client begins at the present state by itself; if it stays so, use only one copy of this home")
        }
        Code::StaleKey => Some("The client makes newer keys by itself; if it stays so, use only one copy of this home"),
        Code::CounterTooFar => Some(
            "The client signs in anew by itself; if it stays so, ask the relay's operator whether its database was restored",
        ),
        Code::MailboxFull => Some("There is room when the recipient has been online to fetch messages"),
        Code::StorageFull | Code::Internal => Some("If it stays so, tell the relay's operator"),
        Code::BadSignature => Some("If it stays so, update latchkey or report it"),
        Code::Busy
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_that_no_update_mends_is_not_blamed_on_the_version() {
        for (detail, advice) in [
            ("license.expires_at is in the past", "expired before it went out"),
            (
                "the proof is for the origin \"https://a\", and the request was sent to \"b\"",
                "'origins'",
            ),
            (
                "a mailbox blocks at most 1000 accounts; unblock some of them first",
                "Unblock",
            ),
            ("a mailbox has at most 1000 delivery tokens", "contacts"),
        ] {
            let said = after(Code::BadRequest, detail);
            assert!(said.contains(advice) && !said.contains("version"), "{said}");
        }
        let waits = "'bob' has little room for senders that it has not answered";
        for said in [
            Some(after(Code::RateLimited, waits)),
            while_it_waits(Code::RateLimited, waits),
        ] {
            let said = said.unwrap();
            assert!(
                said.contains("writes to you or verifies you") && !said.contains("again"),
                "{said}"
            );
        }
        assert_eq!(while_it_waits(Code::RateLimited, "too many requests"), None);
        assert!(after(Code::BadRequest, "limit is 0").contains("version"));
        assert!(after(Code::Busy, "license.expires_at is in the past").contains("later"));
    }
}
