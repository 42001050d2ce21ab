//! What failed, as the SDK says it.

use std::time::Duration;

use sdk::SdkError;

use super::{RelayError, RelayUrl, bounded};

impl RelayError {
    pub(super) fn from_sdk(url: &RelayUrl, error: SdkError) -> Self {
        match error {
            SdkError::Refused { problem, retry_after } => Self::Refused {
                code: problem.code,
                detail: bounded(problem.detail),
                action: bounded(problem.action),
                retry_after,
                next_slot: problem.next_slot,
            },
            // What a proxy says while the relay restarts.
            SdkError::NotUnderstood {
                status: status @ 502..=504,
            } => Self::Network {
                url: url.to_string(),
                reason: format!("a proxy on the way answers {status}"),
            },
            SdkError::WrongCertificate(wrong) => Self::OtherCertificate {
                url: url.to_string(),
                pinned: wrong.pinned,
                offered: wrong.offered,
            },
            SdkError::Untrusted(reason) => Self::UntrustedCertificate {
                url: url.to_string(),
                reason,
            },
            SdkError::NotUnderstood { .. } => Self::Malformed("not the agreed format"),
            SdkError::TooLarge => Self::Malformed("larger than any answer of a relay"),
            SdkError::Unreachable(error) => {
                let reason = if error.is_timeout() {
                    "no answer in time"
                } else if error.is_connect() {
                    "no connection"
                } else {
                    "the connection broke"
                };
                Self::Network {
                    url: url.to_string(),
                    reason: reason.to_owned(),
                }
            }
            _ => Self::Malformed("request"),
        }
    }

    pub(super) fn silent(url: &RelayUrl, patience: Duration) -> Self {
        Self::Network {
            url: url.to_string(),
            reason: format!("no answer within {} s", patience.as_secs()),
        }
    }
}
