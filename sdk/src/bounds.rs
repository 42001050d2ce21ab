//! How large an answer may be, and how long a request may take in all: what is at the other end need not be a relay.

use std::error::Error as _;
use std::time::Duration;

use http_body_util::{LengthLimitError, Limited};
use reqwest::{Body, Response};

/// Most answers have some kilobytes. The largest of them are a bundle with eight successions (60 KB), which is 80 KB in base64, and the encrypted count of an
/// oblivious license.
const ANSWER: usize = 512 * 1024;
/// A page of mail has 768 KiB of envelopes, and one more (256 KiB) when it begins below that; a third more in base64, and what is around them.
const PAGE: usize = 2 * 1024 * 1024;
/// Bytes of an answer that is none of the contract's: a problem, in words.
const PROBLEM: usize = 64 * 1024;

/// A request and its answer: half a megabyte at 64 kbit/s.
const TIME: Duration = Duration::from_secs(90);
/// A page of mail at that speed, after the longest wait (30 s).
const PAGE_TIME: Duration = Duration::from_secs(300);
/// A gate key has 23 MB; the relay gives up after fifteen minutes.
const UPLOAD_TIME: Duration = Duration::from_secs(16 * 60);

/// The longest that an operation may take, from the connection to the last byte of the answer.
pub(crate) fn longest(operation: &str) -> Duration {
    match operation {
        "inbox" => PAGE_TIME,
        "put_gate_key" => UPLOAD_TIME,
        _ => TIME,
    }
}

/// The answer, which ends with an error when it is larger than any to this operation. What is too much is not read.
pub(crate) fn bounded(answer: Response, operation: &str) -> Response {
    let limit = match operation {
        _ if !answer.status().is_success() => PROBLEM,
        "inbox" => PAGE,
        _ => ANSWER,
    };
    let (head, body) = http::Response::<Body>::from(answer).into_parts();
    http::Response::from_parts(head, Body::wrap(Limited::new(body, limit))).into()
}

/// Whether an answer was cut off here.
pub(crate) fn is_too_large(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}
