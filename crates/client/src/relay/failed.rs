//! What failed, as the SDK says it.

use std::time::Duration;

use sdk::SdkError;

use super::proxy::Proxy;
use super::{Code, RelayError, RelayUrl, bounded};

/// What a proxy answers to what it does not let through for its size.
const TOO_LARGE: u16 = 413;
/// What a proxy answers that wants to know who asks.
const PROXY_AUTHENTICATION_REQUIRED: u16 = 407;

/// What an answer means that is no relay's (RFC 9110, section 15), for a person who wants to reach one.
const fn meaning(status: u16) -> &'static str {
    match status {
        300..=399 => "the relay is at another address",
        401 | 403 => "it lets no one through who has not signed in there",
        404 | 410 => "it knows no relay at this address",
        408 => "the request did not come through in time",
        429 => "too many requests came from here",
        400..=499 => "it does not let this request through",
        502..=504 => "it does not reach the relay, which may be restarting",
        _ => "it has failed itself",
    }
}

impl RelayError {
    /// `by`: the proxy of the environment that stands in between, if one does.
    pub(super) fn from_sdk(url: &RelayUrl, by: Option<&Proxy>, error: SdkError) -> Self {
        let network = |reason: &str| Self::Network {
            url: url.to_string(),
            reason: by.map_or_else(|| reason.to_owned(), |proxy| format!("{reason}; {proxy}")),
        };
        match error {
            SdkError::Refused { problem, retry_after } => Self::Refused {
                code: problem.code,
                detail: bounded(&problem.detail),
                action: bounded(&problem.action),
                retry_after,
                next_slot: problem.next_slot,
            },
            // What a proxy says while the relay restarts.
            SdkError::NotUnderstood {
                status: PROXY_AUTHENTICATION_REQUIRED,
            } => network("a proxy on the way wants a user name and a password"),
            // It is this message's own fault; others go.
            SdkError::NotUnderstood { status: TOO_LARGE } => Self::Refused {
                code: Code::TooLarge,
                detail: format!("a proxy on the way takes nothing so large (it answers {TOO_LARGE})"),
                action: String::new(),
                retry_after: None,
                next_slot: None,
            },
            // What a proxy says while the relay restarts, or a web server that is no relay.
            SdkError::NotUnderstood { status: status @ 300.. } => network(&format!(
                "a proxy on the way, or another server, answers {status}: {}",
                meaning(status)
            )),
            SdkError::WrongCertificate(wrong) => Self::OtherCertificate {
                url: url.to_string(),
                pinned: wrong.pinned,
                offered: wrong.offered,
            },
            SdkError::Untrusted(reason) => Self::UntrustedCertificate {
                url: url.to_string(),
                // It names what the certificate is for, which is the other side's choice.
                reason: bounded(&reason),
            },
            SdkError::NotUnderstood { .. } => Self::Malformed("not the agreed format"),
            SdkError::TooLarge => Self::Malformed("larger than any answer of a relay"),
            SdkError::NotTls => network(&without_tls(url)),
            SdkError::NotHttp => network(&format!(
                "what answers there does not speak plain HTTP; if the relay has TLS, write {}",
                with_scheme(url, "https")
            )),
            SdkError::Unreachable(error) => {
                let reason = if error.is_timeout() {
                    "no answer in time"
                } else if error.is_connect() {
                    "no connection"
                } else {
                    "the connection broke"
                };
                network(reason)
            }
            _ => Self::Malformed("request"),
        }
    }

    pub(super) fn silent(url: &RelayUrl, by: Option<&Proxy>, patience: Duration) -> Self {
        let by = by.map_or_else(String::new, |proxy| format!("; {proxy}"));
        Self::Network {
            url: url.to_string(),
            reason: format!("no answer within {} s{by}", patience.as_secs()),
        }
    }
}

/// Only on this machine does it advise plain HTTP: elsewhere what answers may stand in the relay's place, and asks for just that.
fn without_tls(url: &RelayUrl) -> String {
    let todo = if url.is_loopback() {
        format!("if the relay has none, write {}", with_scheme(url, "http"))
    } else {
        "ask the relay's operator for its address".to_owned()
    };
    format!("what answers there does not speak TLS; {todo}")
}

fn with_scheme(url: &RelayUrl, scheme: &str) -> String {
    let host = url.as_str().split_once("://").map_or(url.as_str(), |(_, host)| host);
    format!("{scheme}://{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_advised_on_this_machine_alone() {
        let said = |url: &str| {
            let url = RelayUrl::parse(url).unwrap();
            RelayError::from_sdk(&url, None, SdkError::NotTls).to_string()
        };
        assert!(said("https://127.0.0.1:5000").contains("write http://127.0.0.1:5000"));
        let elsewhere = said("https://relay.example");
        assert!(
            !elsewhere.contains("http://") && elsewhere.contains("operator"),
            "{elsewhere}"
        );
    }

    #[test]
    fn an_answer_that_is_no_relays_is_named_by_its_status_and_what_that_means() {
        let url = RelayUrl::parse("https://relay.example").unwrap();
        for (status, means) in [
            (301, "at another address"),
            (403, "not signed in there"),
            (404, "knows no relay"),
            (429, "too many requests"),
            (451, "does not let this request through"),
            (502, "may be restarting"),
            (500, "failed itself"),
        ] {
            let said = RelayError::from_sdk(&url, None, SdkError::NotUnderstood { status }).to_string();
            assert!(
                said.contains(&format!("answers {status}: ")) && said.contains(means),
                "{said}"
            );
            assert!(said.contains("check the address"), "{said}");
        }
    }
}
