//! The short way of an ordinary send, and the long one: whatever is asked, both say the same.
//!
//! Which of them a request takes is up to the relay, but an escaped letter in the recipient's name always means the long one, and never another recipient. So
//! each request here is asked in both spellings.

mod limits;
mod wire;

use std::{net::SocketAddr, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use uuid::Uuid;

use crate::{ENVELOPE, common::*};

const OCTETS: &str = "Content-Type: application/octet-stream\r\n";
/// What is bounded is over long before this, on however busy a machine.
const AGES: Duration = Duration::from_secs(20);

/// The two spellings of a name.
fn spellings(name: &str) -> [String; 2] {
    let (first, rest) = name.split_at(1);
    [name.to_owned(), format!("%{:02x}{rest}", first.as_bytes()[0])]
}

/// An answer without what differs each time: its date, its request id (which is looked at), the message id.
#[derive(Debug, Clone, PartialEq)]
struct Said {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// All answers on a new connection to these bytes, until the relay closes it.
async fn exchange(addr: SocketAddr, bytes: &[u8]) -> Vec<Said> {
    let mut socket = TcpStream::connect(addr).await.unwrap();
    // Whoever is refused early may be cut off while it still writes.
    let _ = socket.write_all(bytes).await;
    let mut text = Vec::new();
    let _ = timeout(AGES, socket.read_to_end(&mut text))
        .await
        .expect("the relay never closed");
    let mut rest = String::from_utf8(text).unwrap();
    let mut answers = Vec::new();
    while !rest.is_empty() {
        let (said, after) = one(&rest);
        answers.push(said);
        rest = after;
    }
    answers
}

fn one(text: &str) -> (Said, String) {
    let (head, rest) = text.split_once("\r\n\r\n").expect("a whole head");
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let mut headers: Vec<_> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .filter(|(name, _)| name != "date")
        .collect();
    headers.sort();
    if status == 100 {
        return (
            Said {
                status,
                headers,
                body: String::new(),
            },
            rest.to_owned(),
        );
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, length)| length.parse().unwrap());
    let (body, after) = rest.split_at(length.min(rest.len()));
    let at = headers.iter().position(|(name, _)| name == "x-request-id").unwrap();
    let (_, request) = headers.remove(at);
    assert_eq!(request.len(), 16, "{request}");
    let mut body = body.replace(&request, "REQUEST");
    if let Ok(Value::Object(stored)) = serde_json::from_str(&body)
        && let Some(id) = stored.get("id").and_then(Value::as_str)
    {
        body = body.replace(id, "ID");
    }
    (Said { status, headers, body }, after.to_owned())
}

fn post(query: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("POST /v1/messages?{query} HTTP/1.1\r\nHost: relay\r\nContent-Length: {length}\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

const CLOSE: &str = "Connection: close\r\n";

/// A user whose session the relay knows by heart: without that every way is the long one.
async fn known(relay: &TestRelay, name: &str) -> User {
    let user = relay.user(name).await;
    user.inbox(json!({})).await.ok();
    user
}

/// The headers of an ordinary send, after which the connection goes on.
fn kept_alive(user: &User) -> String {
    format!("{}{OCTETS}", bearer(&user.token))
}

/// The same, after which it is closed.
fn once(user: &User) -> String {
    format!("{}{CLOSE}", kept_alive(user))
}

/// Asks in both spellings, each time with an id of its own, and compares.
async fn both(addr: SocketAddr, what: &str, to: &str, ask: impl Fn(&str, Uuid) -> Vec<u8>) -> Vec<Said> {
    let [plain, escaped] = spellings(to);
    let thin = exchange(addr, &ask(&plain, Uuid::new_v4())).await;
    let long = exchange(addr, &ask(&escaped, Uuid::new_v4())).await;
    assert_eq!(thin, long, "{what}");
    assert!(!thin.is_empty(), "{what}: no answer");
    thin
}

#[tokio::test]
async fn both_ways_say_the_same_whatever_is_asked() {
    let relay = TestRelay::start().await;
    let addr = relay.running().addr();
    let (alice, bob, mut old) = (
        relay.user("alice").await,
        relay.user("bob").await,
        relay.user("old").await,
    );
    // Known from here on.
    for user in [&alice, &bob, &old] {
        user.inbox(json!({})).await.ok();
    }
    let replaced = old.token.clone();
    old.sign_in().await;
    let auth = bearer(&alice.token);
    let usual = format!("{auth}{OCTETS}{CLOSE}");
    let unknown = bearer(&alice.token.replace(&alice.token[40..44], "AAAA"));

    type Ask<'a> = Box<dyn Fn(&str, Uuid) -> Vec<u8> + 'a>;
    let with = |headers: String| -> Ask<'_> {
        Box::new(move |to: &str, id: Uuid| post(&format!("to={to}&id={id}"), &headers, ENVELOPE))
    };
    let query = |query: &'static str| -> Ask<'_> {
        let usual = usual.clone();
        Box::new(move |to: &str, id: Uuid| {
            let query = query.replace("{to}", to).replace("{id}", &id.to_string());
            post(&query, &usual, ENVELOPE)
        })
    };
    let sized = |size: usize| -> Ask<'_> {
        let usual = usual.clone();
        Box::new(move |to: &str, id: Uuid| post(&format!("to={to}&id={id}"), &usual, &vec![7; size]))
    };
    let raw = |text: &'static str| -> Ask<'_> {
        let usual = usual.clone();
        Box::new(move |to: &str, id: Uuid| {
            let id = id.to_string();
            let text = text.replace("{to}", to).replace("{id}", &id).replace("{usual}", &usual);
            text.into_bytes()
        })
    };
    let rows: Vec<(&str, u16, Ask<'_>)> = vec![
        ("good", 200, with(usual.clone())),
        ("one byte", 200, sized(1)),
        ("more than one read", 200, sized(60_000)),
        ("the largest", 200, sized(256 * 1024)),
        ("too large", 413, sized(256 * 1024 + 1)),
        ("empty", 400, sized(0)),
        ("the other order", 200, query("id={id}&to={to}")),
        ("more than is asked for", 200, query("to={to}&id={id}&x=1")),
        ("a name twice", 200, query("to={to}&to={to}&id={id}")),
        ("an id twice", 200, query("to={to}&id={id}&id={id}")),
        ("no name", 400, query("id={id}")),
        ("no id", 400, query("to={to}")),
        ("not an id", 400, query("to={to}&id=7")),
        ("an id in braces", 200, query("to={to}&id={{id}}")),
        ("an empty query", 400, query("")),
        ("no token", 401, with(format!("{OCTETS}{CLOSE}"))),
        ("an unknown token", 401, with(format!("{unknown}{OCTETS}{CLOSE}"))),
        (
            "an earlier token",
            401,
            with(format!("{}{OCTETS}{CLOSE}", bearer(&replaced))),
        ),
        (
            "no bearer",
            401,
            with(format!("Authorization: Basic eDp5\r\n{OCTETS}{CLOSE}")),
        ),
        (
            "a bearer in lower case",
            200,
            with(format!("{}{OCTETS}{CLOSE}", auth.replace("Bearer", "bearer"))),
        ),
        ("two bearers, a bad one first", 401, with(format!("{unknown}{usual}"))),
        ("two bearers, a bad one last", 200, with(format!("{usual}{unknown}"))),
        (
            "an empty delivery token",
            401,
            with(format!("{usual}Latchkey-Delivery-Token: \r\n")),
        ),
        ("no type", 400, with(format!("{auth}{CLOSE}"))),
        (
            "another type",
            200,
            with(format!("{auth}Content-Type: text/plain\r\n{CLOSE}")),
        ),
        (
            "a type with a parameter",
            200,
            with(format!("{auth}Content-Type: application/octet-stream; x=y\r\n{CLOSE}")),
        ),
        (
            "a version before the last",
            200,
            raw("POST /v1/messages?to={to}&id={id} HTTP/1.0\r\nContent-Length: 1\r\n{usual}\r\nx"),
        ),
        (
            "an absolute address",
            200,
            raw(
                "POST http://relay/v1/messages?to={to}&id={id} HTTP/1.1\r\nHost: relay\r\nContent-Length: 1\r\n{usual}\r\nx",
            ),
        ),
        (
            "in chunks",
            200,
            raw(
                "POST /v1/messages?to={to}&id={id} HTTP/1.1\r\nHost: relay\r\nTransfer-Encoding: chunked\r\n{usual}\r\n1\r\nx\r\n0\r\n\r\n",
            ),
        ),
        (
            "no body at all",
            400,
            raw("POST /v1/messages?to={to}&id={id} HTTP/1.1\r\nHost: relay\r\n{usual}\r\n"),
        ),
        (
            "another method",
            405,
            raw("GET /v1/messages?to={to}&id={id} HTTP/1.1\r\nHost: relay\r\n{usual}\r\n"),
        ),
        (
            "no body wanted",
            405,
            raw("HEAD /v1/messages?to={to}&id={id} HTTP/1.1\r\nHost: relay\r\n{usual}\r\n"),
        ),
        (
            "a slash too many",
            404,
            raw("POST /v1/messages/?to={to}&id={id} HTTP/1.1\r\nHost: relay\r\nContent-Length: 1\r\n{usual}\r\nx"),
        ),
    ];
    for (what, status, ask) in rows {
        let said = both(addr, what, "bob", ask).await;
        assert_eq!(said[0].status, status, "{what}: {said:?}");
    }
    let said = both(addr, "to nobody", "nobody", with(usual.clone())).await;
    assert_eq!(said[0].status, 404);
    let said = both(addr, "to no name", "Bob", with(usual.clone())).await;
    assert_eq!(said[0].status, 400);
    // Asked first, and then answered; there is no telling in how many pieces.
    let expects = with(format!("{usual}Expect: 100-continue\r\n"));
    let said = both(addr, "expecting", "bob", expects).await;
    assert_eq!(said.last().unwrap().status, 200);

    // What an answer is made of, once in full.
    let said = both(addr, "good", "bob", with(usual.clone())).await.remove(0);
    let (now, expires) = (START.as_millis(), START.plus(DAY * 30).as_millis());
    assert_eq!(
        said.body,
        format!(r#"{{"expires_at":{expires},"id":"ID","stored_at":{now}}}"#)
    );
    let length = said.body.len() - "ID".len() + 36;
    let header = |name: &str, value: String| (name.to_owned(), value);
    assert_eq!(
        said.headers,
        [
            header("connection", "close".into()),
            header("content-length", length.to_string()),
            header("content-type", "application/json; charset=utf-8".into()),
        ]
    );

    // A session that is over is over at once, however well it was known.
    relay.clock.advance(Duration::from_secs(3601));
    let said = both(addr, "an expired token", "bob", with(usual.clone())).await;
    assert_eq!(said[0].status, 401);
}

#[tokio::test]
async fn an_id_means_the_same_on_both_ways() {
    let relay = TestRelay::start().await;
    let addr = relay.running().addr();
    let (alice, bob) = (known(&relay, "alice").await, relay.user("bob").await);
    let headers = once(&alice);
    let send = async |to: &str, id: Uuid, body: &[u8]| {
        exchange(addr, &post(&format!("to={to}&id={id}"), &headers, body))
            .await
            .remove(0)
    };
    let [plain, escaped] = spellings("bob");
    for (first, second) in [(&plain, &escaped), (&escaped, &plain), (&plain, &plain)] {
        let id = Uuid::new_v4();
        let stored = send(first, id, b"one").await;
        assert_eq!(stored.status, 200);
        relay.clock.advance(Duration::from_secs(1));
        assert_eq!(send(second, id, b"one").await, stored, "again");
        let conflict = send(second, id, b"two").await;
        assert!(
            conflict.status == 409 && conflict.body.contains("message_conflict"),
            "{conflict:?}"
        );
        assert_eq!(send(first, id, b"two").await, conflict);
    }
    assert_eq!(bob.envelopes().await, [b"one"; 3]);
}
