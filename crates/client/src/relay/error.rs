//! What a relay's refusal means for what comes next.

use std::time::Duration;

use protocol::identity::Fingerprint;
use sdk::CertificatePin;
use sdk::types::ProblemCode;

/// Longest sentence taken over from a relay, in characters as they may be shown: it stands between words of ours, and a relay that fills a screen could push
/// those off it or pass for them. A relay of ours writes up to 300 and a mark.
const MAX_SENTENCE: usize = 400;
/// Longest word or version taken over from a relay.
pub(super) const MAX_WORD: usize = 80;
/// Pause when a relay that is busy does not say how long.
const UNSAID_PAUSE: Duration = Duration::from_millis(200);

/// Why a request did not do what it was for.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelayError {
    /// No answer came.
    #[error("the relay at {url} cannot be reached ({reason}); check the address and the network, then try again")]
    Network {
        /// The relay's URL.
        url: String,
        /// What failed, in words.
        reason: String,
    },
    /// The relay refused.
    #[error("the relay refused: {}. {}", said(.detail), super::advice::after(*.code, .detail))]
    Refused {
        /// The machine-readable reason.
        code: Code,
        /// What was wrong: the relay's words.
        detail: String,
        /// What to do: the relay's words, to the author of a client. The text of this error has words for a person instead.
        action: String,
        /// How long to wait before another attempt.
        retry_after: Option<Duration>,
        /// With `slot_used`: where to go on.
        next_slot: Option<u16>,
    },
    /// Another relay than the one this account was registered at.
    #[error(
        "the relay at {url} is not the one this account belongs to: its key is {offered}, and the pinned key is {pinned}. Nothing was sent. Check the address, then ask the relay's operator whether its key was replaced"
    )]
    OtherRelay {
        /// Where.
        url: String,
        /// The key known since registration.
        pinned: Fingerprint,
        /// The key shown now.
        offered: Fingerprint,
    },
    /// The relay of this account, which goes by another name now.
    #[error(
        "the relay at {url} now calls itself {offered:?}, but this account's address ends in @{pinned}. Under another name all addresses and safety numbers would differ. Its key is the same. Nothing was sent. Ask its operator to restore the name"
    )]
    RenamedRelay {
        /// Where.
        url: String,
        /// The name known since registration.
        pinned: String,
        /// The name given now.
        offered: String,
    },
    /// The certificate is not the pinned one.
    #[error(
        "the relay at {url} shows another certificate than the pinned one: {offered} instead of {pinned}. Nothing was sent. Ask its operator whether the certificate was replaced: if so, give the new fingerprint with --pin; if not, another machine answers in the relay's place"
    )]
    OtherCertificate {
        /// Where.
        url: String,
        /// The one expected.
        pinned: CertificatePin,
        /// The one shown.
        offered: CertificatePin,
    },
    /// The certificate is nobody's that we trust.
    #[error(
        "the certificate of the relay at {url} is not trusted ({reason}). Nothing was sent. Check the address; a self-signed certificate is accepted with --pin and the fingerprint that the relay prints when it starts"
    )]
    UntrustedCertificate {
        /// Where.
        url: String,
        /// What the TLS library says.
        reason: String,
    },
    /// An answer that is none.
    #[error(
        "the answer is not that of a latchkey relay of this version ({0}); check the address, and update the older of client and relay"
    )]
    Malformed(&'static str),
    /// A proxy that cannot be used, where going without it would show who asks.
    #[error(
        "the proxy{} in the environment variable {variable} cannot be used: {reason}. Nothing was sent without it; give http://HOST:PORT or https://HOST:PORT, or unset the variable",
        .proxy.as_ref().map(|proxy| format!(" {proxy}")).unwrap_or_default()
    )]
    BadProxy {
        /// Which variable.
        variable: &'static str,
        /// Its scheme, host and port, where it has them; never a user name or a password.
        proxy: Option<String>,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A URL that is none.
    #[error("{url:?} is not a relay's address: {reason}")]
    BadUrl {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// A relay that gives no reason leaves no hole in the sentence.
fn said(detail: &str) -> &str {
    if detail.trim().is_empty() {
        "it gives no reason"
    } else {
        detail
    }
}

/// The reasons a client decides by.
pub type Code = ProblemCode;

/// What a failed transmission means for the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It will never go: take it out and say so.
    Permanent,
    /// It may go later; others need not wait for it.
    ThisPeerWaits,
    /// Nothing goes now.
    AllWait,
}

impl RelayError {
    /// The code of a refusal.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// The text about what is kept here and goes out by itself. Where that of the error says to try again, this one does not: a message would be sent twice.
    #[must_use]
    pub fn while_it_waits(&self) -> String {
        match self {
            Self::Network { url, reason } => {
                format!("the relay at {url} cannot be reached ({reason}); check the address and the network")
            }
            Self::Refused { code, detail, .. } => match super::advice::while_it_waits(*code, detail) {
                Some(to_do) => format!("the relay refused: {detail}. {to_do}"),
                None => format!("the relay refused: {detail}"),
            },
            other => other.to_string(),
        }
    }

    /// The slot that a refused request may go on with.
    #[must_use]
    pub fn next_slot(&self) -> Option<u16> {
        match self {
            Self::Refused {
                code: Code::SlotUsed,
                next_slot,
                ..
            } => *next_slot,
            _ => None,
        }
    }

    /// Whether the session is not (or no longer) valid.
    #[must_use]
    pub fn is_unauthorized(&self) -> bool {
        self.code() == Some(Code::Unauthorized)
    }

    /// Whether the same request may succeed after signing in.
    pub(crate) fn wants_sign_in(&self) -> bool {
        self.is_unauthorized() || self.code() == Some(Code::CounterTooFar)
    }

    /// Whether the same request may succeed later.
    pub(crate) fn passes(&self) -> bool {
        self.worth_repeating().is_some()
    }

    /// How long the relay asks to be left alone.
    pub(crate) fn wanted_pause(&self) -> Duration {
        self.worth_repeating().unwrap_or_default()
    }

    /// Whether a sign-in may have failed by what happened on the way to it.
    pub(crate) fn may_be_late(&self) -> bool {
        matches!(self, Self::Network { .. }) || self.is_unauthorized()
    }

    /// How long to wait at least before the same request may succeed; `None` when it will not.
    pub(super) fn worth_repeating(&self) -> Option<Duration> {
        match self {
            Self::Network { .. } => Some(Duration::ZERO),
            Self::Refused {
                code: Code::Busy | Code::RateLimited | Code::Internal,
                retry_after,
                ..
            } => Some(retry_after.unwrap_or(UNSAID_PAUSE)),
            _ => None,
        }
    }

    /// What this means for an envelope in the outbox.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Refused { code, .. } => match code {
                // A delivery token's rate and a stranger's share are this peer's. A gate key that the relay has lost is uploaded again.
                Code::MailboxFull | Code::RateLimited | Code::NoSuchGateKey => Verdict::ThisPeerWaits,
                Code::BadRequest
                | Code::BadName
                | Code::NoSuchUser
                | Code::TooLarge
                | Code::MessageConflict
                | Code::LicenseConflict
                | Code::LicenseExpired => Verdict::Permanent,
                _ => Verdict::AllWait,
            },
            _ => Verdict::AllWait,
        }
    }
}

/// A sentence that somebody else made, as long as it may be shown.
pub(crate) fn bounded(text: &str) -> String {
    bounded_to(text, MAX_SENTENCE)
}

/// As much of a text as takes no more than this many characters, however it is shown: on a terminal a character that could do harm appears as its number, which is
/// up to ten times as long. What is cut off is told by a mark.
pub(super) fn bounded_to(text: &str, most: usize) -> String {
    let shown = |c: char| {
        if c == ' ' || c.is_ascii_graphic() {
            1
        } else {
            c.escape_unicode().count()
        }
    };
    let (mut width, mut whole) = (0, 0);
    for (at, c) in text.char_indices() {
        width += shown(c);
        if width > most {
            return format!("{}…", &text[..whole]);
        }
        // Room for the mark.
        if width < most {
            whole = at + c.len_utf8();
        }
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_anothers_is_as_long_as_it_may_be_however_it_is_shown() {
        // A line break too is shown by its number.
        let shown = |text: &str| {
            text.replace('\n', "_____")
                .chars()
                .flat_map(char::escape_default)
                .count()
        };
        for text in [
            "x".repeat(5000),
            "\u{1b}".repeat(5000),
            "\u{e0041}".repeat(5000),
            "\u{202e}a".repeat(5000),
            "é".repeat(5000),
            "\n".repeat(5000),
        ] {
            let bounded = bounded(&text);
            let kept = bounded.strip_suffix('…').unwrap();
            assert!(text.starts_with(kept) && !kept.is_empty());
            assert!(shown(kept) < MAX_SENTENCE, "{}", shown(kept));
            assert!(shown(kept) > MAX_SENTENCE - 12, "{}", shown(kept));
        }
        for text in [
            "",
            "no account named 'x'",
            &"x".repeat(MAX_SENTENCE),
            &"é".repeat(MAX_SENTENCE / 6),
        ] {
            assert_eq!(bounded(text), text);
        }
    }
}
