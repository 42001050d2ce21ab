//! What is no request is refused like everything else that is wrong: with a problem that says so.

use reqwest::Method;
use serde_json::Value;
use server::tls::TlsSource;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Duration, timeout},
};
use uuid::Uuid;

use crate::common::*;

/// Far more than it takes.
const AGES: Duration = Duration::from_secs(20);

/// Status line, headers and body of the only answer, after which the relay closes.
async fn said(relay: &TestRelay, request: Vec<u8>) -> (String, String, String) {
    let mut stream = TcpStream::connect(relay.running().addr()).await.unwrap();
    stream.write_all(&request).await.unwrap();
    let mut answer = Vec::new();
    timeout(AGES, stream.read_to_end(&mut answer))
        .await
        .expect("it is closed")
        .unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let (status, headers) = head.split_once("\r\n").unwrap();
    (status.to_owned(), headers.to_owned(), body.to_owned())
}

fn long(part: &str, length: usize) -> Vec<u8> {
    let filled = "a".repeat(length);
    match part {
        "line" => format!("GET /{filled} HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes(),
        "header" => format!("GET /v1/status HTTP/1.1\r\nHost: x\r\nX-Long: {filled}\r\n\r\n").into_bytes(),
        _ => format!(
            "GET /v1/status HTTP/1.1\r\nHost: x\r\n{}\r\n",
            "X: y\r\n".repeat(length)
        )
        .into_bytes(),
    }
}

#[tokio::test]
async fn what_does_not_parse_is_a_problem_too() {
    let relay = TestRelay::start().await;
    let requests: [(&[u8], u16, &str); 16] = [
        (b"hello\r\n\r\n", 400, "bad_request"),
        (b"GET /v1/status\r\n\r\n", 400, "bad_request"),
        (b"GET /v1/status HTTP/1.1\r\nHost x\r\n\r\n", 400, "bad_request"),
        (
            b"POST /v1/inbox HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
            400,
            "bad_request",
        ),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400, "bad_request"),
        // To nobody, to two, and a send on the short way with a body that is not read.
        (b"GET /v1/status HTTP/1.1\r\n\r\n", 400, "bad_request"),
        (b"GET /v1/status HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400, "bad_request"),
        (b"GET /v1/status HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n", 400, "bad_request"),
        // To what is no host.
        (b"GET /v1/status HTTP/1.1\r\nHost:\r\n\r\n", 400, "bad_request"),
        (b"GET /v1/status HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, "bad_request"),
        (b"GET /v1/status HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "bad_request"),
        (b"GET /v1/status HTTP/1.1\r\nHost: a@b\r\n\r\n", 400, "bad_request"),
        (
            b"POST /v1/messages?to=bob HTTP/1.1\r\nContent-Type: application/octet-stream\r\nContent-Length: 3\r\n\r\nabc",
            400,
            "bad_request",
        ),
        (&long("line", 30_000), 414, "too_large"),
        (&long("header", 400_000), 431, "too_large"),
        (&long("headers", 200), 431, "too_large"),
    ];
    for (request, status, code) in requests {
        let shown = String::from_utf8_lossy(&request[..request.len().min(40)]).into_owned();
        let (line, headers, body) = said(&relay, request.to_vec()).await;
        assert!(line.starts_with(&format!("HTTP/1.1 {status} ")), "{line} for {shown}");
        assert!(
            headers.contains("content-type: application/json; charset=utf-8"),
            "{headers}"
        );
        assert!(
            headers.contains(&format!("content-length: {}", body.len())),
            "{headers}"
        );
        assert!(
            headers.contains("connection: close") && headers.contains("date: "),
            "{headers}"
        );
        let mut body: Value = serde_json::from_str(&body).unwrap();
        let id = body.as_object_mut().unwrap().remove("request_id").unwrap();
        assert!(
            headers.contains(&format!("x-request-id: {}", id.as_str().unwrap())),
            "{headers}"
        );
        Answer { status, body }.refused(status, code);
    }
    // Before HTTP/1.1 there was no such header.
    let (line, ..) = said(&relay, b"GET /v1/status HTTP/1.0\r\n\r\n".to_vec()).await;
    assert_eq!(line, "HTTP/1.0 200 OK");
    // An answer to HEAD has no body, whatever it says.
    let mut head = long("header", 30_000);
    head.splice(..3, *b"HEAD");
    let (line, _, body) = said(&relay, head).await;
    assert_eq!((line.contains(" 431 "), &*body), (true, ""));
}

#[tokio::test]
async fn what_comes_behind_a_request_is_refused_after_its_answer() {
    let relay = TestRelay::start().await;
    let mut stream = TcpStream::connect(relay.running().addr()).await.unwrap();
    stream
        .write_all(b"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut first = vec![0; 15];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(first, b"HTTP/1.1 200 OK");
    stream.write_all(b"nonsense\r\n\r\n").await.unwrap();
    let mut rest = Vec::new();
    timeout(AGES, stream.read_to_end(&mut rest)).await.unwrap().unwrap();
    let rest = String::from_utf8(rest).unwrap();
    assert!(
        rest.contains("HTTP/1.1 400 Bad Request") && rest.contains("urn:latchkey:problem:bad_request"),
        "{rest}"
    );
    // A stranger who mixes both at once is answered the first.
    let mixed = b"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\nnonsense\r\n\r\n".to_vec();
    assert_eq!(said(&relay, mixed).await.0, "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn so_it_is_behind_tls() {
    let relay = TestRelay::start_with(|config| config.tls = Some(TlsSource::SelfSigned)).await;
    let http = reqwest::Client::builder()
        .no_proxy()
        .tls_danger_accept_invalid_certs(true)
        .build()
        .unwrap();
    let url = format!("{}/v1/status", relay.running().url());
    let request = http.request(Method::GET, url).header("x-long", "a".repeat(20_000));
    answer(request).await.refused(431, "too_large");
}

/// Lines of the log are found by ids that no client chose: of an answer, of a refusal, and on the short way of sends.
#[tokio::test]
async fn a_request_id_of_the_clients_is_ignored() {
    const CHOSEN: &str = "0123456789abcdef";
    let relay = TestRelay::start().await;
    let bob = relay.user("bob").await;
    bob.envelopes().await;
    for request in [
        relay.api().request(Method::GET, "/v1/status", None),
        relay.api().request(Method::GET, "/v1/nope", None),
        bob.send_request("bob", Uuid::new_v4(), vec![1; 10]),
    ] {
        let answer = request.header("x-request-id", CHOSEN).send().await.unwrap();
        let ids: Vec<_> = answer.headers().get_all("x-request-id").iter().collect();
        assert!(
            ids.len() == 1 && ids[0].len() == CHOSEN.len() && *ids[0] != *CHOSEN,
            "{ids:?}"
        );
        let text = answer.text().await.unwrap();
        assert!(!text.contains(CHOSEN), "{text}");
    }
}
