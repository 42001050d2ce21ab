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

/// The answer; a refusal whose body is no problem of a relay is marked. Its body is read for that: the bounds of [`crate::bounds`] hold.
pub(crate) async fn marked(answer: Response) -> reqwest::Result<Response> {
    let status = answer.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return Ok(answer);
    }
    let is_json = answer.headers().get(CONTENT_TYPE).is_some_and(|kind| {
        let kind = kind.as_bytes();
        kind.starts_with(b"application/problem+json") || kind.starts_with(b"application/json")
    });
    let (mut head, mut body) = http::Response::<Body>::from(answer).into_parts();
    let mut ours = false;
    if is_json {
        let whole = Response::from(http::Response::new(body)).bytes().await?;
        ours = is_problem(&whole);
        body = whole.into();
    }
    if let (false, Ok(mark)) = (ours, StatusCode::from_u16(status.as_u16() + MARK)) {
        head.status = mark;
    }
    Ok(http::Response::from_parts(head, body).into())
}

/// Whether this is what a relay says, of this version or another: proxies have words in JSON too, and none has a `code` in words beside a `detail`.
fn is_problem(body: &[u8]) -> bool {
    let Ok(serde_json::Value::Object(said)) = serde_json::from_slice(body) else {
        return false;
    };
    ["code", "detail"]
        .iter()
        .all(|key| said.get(*key).is_some_and(serde_json::Value::is_string))
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

    fn answer(status: u16, kind: &str, body: &'static str) -> Response {
        let answer = http::Response::builder().status(status).header(CONTENT_TYPE, kind);
        answer.body(Body::from(body)).unwrap().into()
    }

    const PROBLEM: &str = r#"{"code":"a_later_one","title":"t","detail":"d","action":"a"}"#;

    #[tokio::test]
    async fn a_page_of_a_proxy_keeps_its_status_and_an_answer_of_a_relay_is_left_alone() {
        for (status, kind, body) in [
            (400, "text/html", "<html>"),
            (404, "text/html", PROBLEM),
            (413, "text/plain", ""),
            (
                502,
                "application/json",
                r#"{"message":"no Route matched with those values"}"#,
            ),
            (503, "application/json", r#"{"code":503,"detail":"x"}"#),
            (500, "application/problem+json", "{"),
            (599, "application/json", "[]"),
        ] {
            let marked = marked(answer(status, kind, body)).await.unwrap();
            assert!(marked.status().as_u16() > LARGEST, "{status}");
            assert_eq!(unmarked(marked.status()), status);
            assert_eq!(marked.text().await.unwrap(), body);
        }
        for (status, kind, body) in [
            (404, "application/problem+json", PROBLEM),
            (500, "application/json; charset=utf-8", PROBLEM),
            (200, "text/html", "<html>"),
            (301, "text/html", "<html>"),
        ] {
            let left = marked(answer(status, kind, body)).await.unwrap();
            assert_eq!((left.status().as_u16(), unmarked(left.status())), (status, status));
            assert_eq!(left.text().await.unwrap(), body);
        }
    }
}
