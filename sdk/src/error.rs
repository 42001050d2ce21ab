//! What went wrong, in terms that a program can decide by and a person can act on.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use thiserror::Error as ThisError;

use crate::bounds::is_too_large;
use crate::foreign;
use crate::generated::{Error, ResponseValue};
use crate::pin::{Distrust, WrongCertificate, distrust};
use crate::scheme;
use crate::types::{Problem, ProblemCode};

/// A string that is not a relay's URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum BadRelayUrl {
    /// Not a URL at all.
    #[error("not a URL; write it like https://relay.example or http://127.0.0.1:5000")]
    Malformed,
    /// Neither http nor https.
    #[error("a relay's URL begins with https:// or http://")]
    Scheme,
    /// User name or password inside.
    #[error("a relay's URL holds no user name and no password")]
    Credentials,
    /// A path, query or fragment.
    #[error("a relay's URL ends after host and port, like https://relay.example:5000")]
    MoreThanAnOrigin,
    /// A certificate is expected where none is shown.
    #[error("a pinned certificate needs a URL that begins with https://")]
    PinWithoutTls,
}

/// Why an operation did not succeed.
///
/// The generated [`Error`] converts into it with `?`. No variant holds a token, a capability or the body of an answer.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum SdkError {
    /// The relay understood and refused.
    #[error("{}{}", .problem.detail, in_the_log(.problem))]
    Refused {
        /// What it said.
        problem: Box<Problem>,
        /// How long to wait before the same request has a chance.
        retry_after: Option<Duration>,
    },
    /// No answer, or half of one. The request may or may not have taken effect: repeat it with the same ids.
    #[error("the relay cannot be reached: {}", innermost(.0))]
    Unreachable(#[source] reqwest::Error),
    /// The URL begins with https://, and what answers there does not speak TLS. Nothing was sent.
    #[error("the relay's URL begins with https://, and what answers there does not speak TLS")]
    NotTls,
    /// The URL begins with http://, and what answers there does not speak HTTP: a relay with TLS, for example.
    #[error("the relay's URL begins with http://, and what answers there does not speak plain HTTP")]
    NotHttp,
    /// The relay showed another certificate than the pinned one. Nothing was sent.
    #[error(transparent)]
    WrongCertificate(#[from] WrongCertificate),
    /// The relay's certificate is not to be trusted. Nothing was sent.
    #[error("the relay's certificate is not trusted: {0}")]
    Untrusted(String),
    /// An answer that the contract does not know: not a relay, a proxy in between, or another version.
    #[error("the answer (HTTP status {status}) is not one of a Latchkey relay of this version")]
    NotUnderstood {
        /// The HTTP status; 0 when an answer in JSON had another form than the contract has.
        status: u16,
    },
    /// An answer larger than any of a relay; the rest of it was not read.
    #[error("the answer is larger than any of a Latchkey relay; it was not read to its end")]
    TooLarge,
    /// The request was not sent because a part of it was missing or malformed.
    #[error("the request is incomplete: {0}")]
    Incomplete(String),
    /// The relay's URL is not usable.
    #[error(transparent)]
    Url(#[from] BadRelayUrl),
}

impl SdkError {
    /// The relay's reason, when it was the relay that refused.
    #[must_use]
    pub fn code(&self) -> Option<ProblemCode> {
        match self {
            Self::Refused { problem, .. } => Some(problem.code),
            _ => None,
        }
    }

    /// What to do about it, as a sentence.
    #[must_use]
    pub fn action(&self) -> &str {
        match self {
            Self::Refused { problem, .. } => &problem.action,
            Self::Unreachable(_) => "Check the relay's address and the network, and try again.",
            Self::NotTls | Self::NotHttp => {
                "Check the host and the port of the relay's URL, and whether it begins with http:// or https://."
            }
            Self::WrongCertificate(_) => {
                "Ask the relay's operator for its certificate's fingerprint; if it is not the offered one, somebody is in between."
            }
            Self::Untrusted(_) => {
                "Check the relay's address; a self-signed certificate is accepted when its fingerprint is pinned."
            }
            Self::NotUnderstood { .. } | Self::TooLarge => {
                "Check the relay's address and that both ends are of the same version."
            }
            Self::Incomplete(_) => "Set every part of the request before sending it.",
            Self::Url(_) => "Correct the relay's URL.",
        }
    }

    /// How long to wait before trying again, when the relay said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether the same request, repeated with the same ids, may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Refused { problem, retry_after } => retry_after.is_some() || problem.code == ProblemCode::Internal,
            // Bad gateway, service unavailable, gateway timeout: what a proxy says while the relay restarts.
            Self::NotUnderstood { status } => matches!(status, 502..=504),
            Self::Unreachable(_) => true,
            Self::NotTls
            | Self::NotHttp
            | Self::WrongCertificate(_)
            | Self::Untrusted(_)
            | Self::TooLarge
            | Self::Incomplete(_)
            | Self::Url(_) => false,
        }
    }
}

/// Where an operator finds a fault of the relay; other refusals are the caller's own affair.
fn in_the_log(problem: &Problem) -> String {
    match &problem.request_id {
        Some(id) if problem.code == ProblemCode::Internal => format!(" (request {id} in the relay's log)"),
        _ => String::new(),
    }
}

/// The last cause is what a person can use ("connection refused"); those before it only say which layer passed it on.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

impl From<Error<Problem>> for SdkError {
    fn from(error: Error<Problem>) -> Self {
        match error {
            Error::ErrorResponse(answer) => refused(answer),
            Error::CommunicationError(e) | Error::InvalidUpgrade(e) | Error::ResponseBodyError(e) => match distrust(&e)
            {
                Some(Distrust::Wrong(wrong)) => Self::WrongCertificate(wrong),
                Some(Distrust::Untrusted(reason)) => Self::Untrusted(reason.to_string()),
                None if is_too_large(&e) || scheme::has_endless_head(&e) => Self::TooLarge,
                None if scheme::is_not_tls(&e) => Self::NotTls,
                None if scheme::is_not_http(&e) => Self::NotHttp,
                // Without the URL: it names the recipient, and errors are logged.
                None => Self::Unreachable(e.without_url()),
            },
            // Neither the body nor the parser's message, which quotes it: an answer may hold a token or a share.
            Error::InvalidResponsePayload(_, _) => Self::NotUnderstood { status: 0 },
            Error::UnexpectedResponse(answer) => Self::NotUnderstood {
                status: foreign::unmarked(answer.status()),
            },
            Error::InvalidRequest(what) | Error::Custom(what) => Self::Incomplete(what),
        }
    }
}

fn refused(answer: ResponseValue<Problem>) -> SdkError {
    // The body and the header say the same; a proxy may have set only the header.
    let header = || answer.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok();
    let retry_after = answer.retry_after_seconds.or_else(header).map(Duration::from_secs);
    SdkError::Refused {
        problem: Box::new(answer.into_inner()),
        retry_after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::StatusCode;
    use reqwest::header::{HeaderMap, HeaderValue};

    fn problem(code: &str, retry_after_seconds: Option<u64>) -> Problem {
        serde_json::from_value(serde_json::json!({
            "type": format!("urn:latchkey:problem:{code}"), "code": code, "title": "t", "status": 429,
            "detail": "what was wrong", "action": "what to do", "retry_after_seconds": retry_after_seconds,
        }))
        .unwrap()
    }

    fn answered(problem: Problem, headers: HeaderMap) -> SdkError {
        Error::ErrorResponse(ResponseValue::new(problem, StatusCode::TOO_MANY_REQUESTS, headers)).into()
    }

    #[test]
    fn a_refusal_keeps_what_the_relay_said() {
        let error = answered(problem("rate_limited", Some(5)), HeaderMap::new());
        assert_eq!(error.code(), Some(ProblemCode::RateLimited));
        assert_eq!(error.to_string(), "what was wrong");
        assert_eq!(error.action(), "what to do");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(5)));
        assert!(error.is_transient());
    }

    #[test]
    fn a_fault_of_the_relay_names_the_request() {
        for (code, named) in [("internal", true), ("rate_limited", false)] {
            let mut problem = problem(code, None);
            problem.request_id = Some("00ff".into());
            let text = answered(problem, HeaderMap::new()).to_string();
            assert_eq!(text.contains("request 00ff"), named, "{text}");
        }
    }

    #[test]
    fn the_header_speaks_where_the_body_is_silent() {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static("7"))]);
        assert_eq!(
            answered(problem("busy", None), headers.clone()).retry_after(),
            Some(Duration::from_secs(7))
        );
        assert_eq!(
            answered(problem("busy", Some(1)), headers).retry_after(),
            Some(Duration::from_secs(1))
        );
    }

    #[test]
    fn what_a_repetition_cannot_cure_is_not_transient() {
        for (code, transient) in [
            ("name_taken", false),
            ("play_limit_reached", false),
            ("unauthorized", false),
            ("internal", true),
        ] {
            assert_eq!(
                answered(problem(code, None), HeaderMap::new()).is_transient(),
                transient,
                "{code}"
            );
        }
    }

    #[test]
    fn a_garbled_answer_is_not_quoted() {
        let parse = serde_json::from_str::<u8>("\"hush\"").unwrap_err();
        let error = SdkError::from(Error::InvalidResponsePayload("hush".into(), parse));
        assert!(!format!("{error:?} {error}").contains("hush"));
    }
}
