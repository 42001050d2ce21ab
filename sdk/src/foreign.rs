//! Answers that are not the relay's: pages of a proxy in front of it, or of another server at its address.
//!
//! The generated code reads a refusal's body as a problem, and when it is none answers without the status, which is all that a page of a proxy says. A status that the
//! contract does not have it hands on. So such an answer gets one.

use http::StatusCode;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Body, Response};

/// Above every status that HTTP has (RFC 9110, section 15: 100 to 599), and with the largest of those still a number that a status can be.
const MARK: u16 = 400;
/// The largest status of HTTP.
const LARGEST: u16 = 599;

/// The answer; a refusal whose body is no JSON is marked.
pub(crate) fn marked(answer: Response) -> Response {
    let status = answer.status();
    let is_json = answer.headers().get(CONTENT_TYPE).is_some_and(|kind| {
        let kind = kind.as_bytes();
        kind.starts_with(b"application/problem+json") || kind.starts_with(b"application/json")
    });
    if is_json || !(status.is_client_error() || status.is_server_error()) {
        return answer;
    }
    let Ok(mark) = StatusCode::from_u16(status.as_u16() + MARK) else {
        return answer;
    };
    let (mut head, body) = http::Response::<Body>::from(answer).into_parts();
    head.status = mark;
    http::Response::from_parts(head, body).into()
}

/// The status as it came.
pub(crate) fn unmarked(status: StatusCode) -> u16 {
    match status.as_u16() {
        marked if marked > LARGEST => marked - MARK,
        status => status,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, kind: &str) -> Response {
        let answer = http::Response::builder().status(status).header(CONTENT_TYPE, kind);
        answer.body(Body::from("{}")).unwrap().into()
    }

    #[test]
    fn a_page_of_a_proxy_keeps_its_status_and_an_answer_of_a_relay_is_left_alone() {
        for status in [400, 404, 413, 429, 500, 599] {
            let marked = marked(answer(status, "text/html"));
            assert!(marked.status().as_u16() > LARGEST, "{status}");
            assert_eq!(unmarked(marked.status()), status);
        }
        for (status, kind) in [
            (404, "application/problem+json"),
            (500, "application/json; charset=utf-8"),
            (200, "text/html"),
            (301, "text/html"),
        ] {
            let left = marked(answer(status, kind));
            assert_eq!((left.status().as_u16(), unmarked(left.status())), (status, status));
        }
    }
}
