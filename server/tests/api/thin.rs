//! The short way of an ordinary send, and the long one: whatever is asked, both say the same.
//!
//! Which of them a request takes is up to the relay, but an escaped letter in the recipient's name always means the long one, and never another recipient. So
//! each request here is asked in both spellings.

use std::{net::SocketAddr, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use server::{config::Patience, service::rates::Rate};
use sha2::{Digest as _, Sha256};
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
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    alice.inbox(json!({})).await.ok();
    let headers = format!("{}{OCTETS}{CLOSE}", bearer(&alice.token));
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

#[tokio::test]
async fn a_full_mailbox_and_rates_are_told_alike() {
    let relay = TestRelay::start_with(|config| config.quota.envelopes = 2).await;
    let alice = relay.user("alice").await;
    relay.user("bob").await;
    alice.inbox(json!({})).await.ok();
    let headers = format!("{}{OCTETS}{CLOSE}", bearer(&alice.token));
    let ask = |to: &str, id: Uuid| post(&format!("to={to}&id={id}"), &headers, ENVELOPE);
    assert_eq!(both(relay.running().addr(), "room", "bob", ask).await[0].status, 200);
    let full = both(relay.running().addr(), "no room", "bob", ask).await.remove(0);
    assert!(full.status == 429 && full.body.contains("mailbox_full"), "{full:?}");

    for by_account in [true, false] {
        let relay = TestRelay::start_with(|config| {
            // An account is asked for its session and its inbox here, an address also for what comes before.
            let rate = if by_account {
                &mut config.rates.account
            } else {
                &mut config.rates.address
            };
            *rate = Rate::parse("6/d");
        })
        .await;
        let addr = relay.running().addr();
        let alice = relay.user("alice").await;
        alice.inbox(json!({})).await.ok();
        let headers = format!("{}{OCTETS}{CLOSE}", bearer(&alice.token));
        let ask = |to: &str| post(&format!("to={to}&id={}", Uuid::new_v4()), &headers, ENVELOPE);
        let [plain, escaped] = spellings("alice");
        // Each takes one, whichever way it goes.
        let mut left = if by_account { 5 } else { 2 };
        while left > 0 {
            left -= 1;
            let to = if left % 2 == 0 { &plain } else { &escaped };
            assert_eq!(exchange(addr, &ask(to)).await[0].status, 200, "{left} left");
        }
        let mut refused = Vec::new();
        for to in [&plain, &escaped, &plain] {
            let mut said = exchange(addr, &ask(to)).await.remove(0);
            assert!(said.status == 429 && said.body.contains("rate_limited"), "{said:?}");
            // Seconds pass between two of them.
            said.headers
                .retain(|(name, _)| name != "retry-after" && name != "content-length");
            let mut body: Value = serde_json::from_str(&said.body).unwrap();
            assert!(
                body["retry_after_seconds"]
                    .take()
                    .as_u64()
                    .is_some_and(|wait| wait > 3600)
            );
            said.body = body.to_string();
            refused.push(said);
        }
        assert!(refused.iter().all(|said| *said == refused[0]), "{refused:?}");
    }
}

#[tokio::test]
async fn delivery_tokens_are_told_alike() {
    let relay = TestRelay::start().await;
    let addr = relay.running().addr();
    let bob = relay.user("bob").await;
    bob.inbox(json!({})).await.ok();
    let (token, deleted) = (random::<32>(), random::<32>());
    let hash = |token: &[u8]| Sha256::digest(token);
    for token in [&token, &deleted] {
        let body = json!({ "token_hash": b64(hash(token)) });
        bob.call(Method::PUT, "/v1/delivery-tokens", Some(body)).await.ok();
    }
    let shows = |token: &[u8]| format!("Latchkey-Delivery-Token: {}\r\n{OCTETS}{CLOSE}", b64(token));
    let both = async |what: &str, to: &str, headers: String| {
        let ask = |to: &str, id: Uuid| post(&format!("to={to}&id={id}"), &headers, ENVELOPE);
        both(addr, what, to, ask).await.remove(0)
    };
    // The first is looked up, the next are known; and so was the one that is deleted.
    for _ in 0..2 {
        assert_eq!(both("good", "bob", shows(&token)).await.status, 200);
        assert_eq!(both("not deleted yet", "bob", shows(&deleted)).await.status, 200);
    }
    let path = format!("/v1/delivery-tokens/{}", hex::encode(hash(&deleted)));
    bob.call(Method::DELETE, &path, None).await.ok();
    let unknown = both("unknown", "bob", shows(&random::<32>())).await;
    assert_eq!(unknown.status, 401);
    assert_eq!(both("deleted", "bob", shows(&deleted)).await, unknown);
    assert_eq!(both("to nobody", "nobody", shows(&token)).await, unknown);
    let with = |bearer: String| format!("{bearer}{}", shows(&token));
    assert_eq!(
        both("with a bad bearer", "bob", with(bearer("garbage"))).await.status,
        200
    );
    let bad = format!("{}{}", bearer(&bob.token), shows(&deleted));
    assert_eq!(both("a bad one with a good bearer", "bob", bad).await, unknown);
    // One bucket for both ways: six are taken, and these are the rest of 64.
    let mut limited = None;
    for sent in 7..=66 {
        let said = both("in a row", "bob", shows(&token)).await;
        if said.status == 429 {
            assert_eq!(sent, 36, "two each time");
            limited = Some(said);
            break;
        }
        assert_eq!(said.status, 200);
    }
    assert!(limited.unwrap().body.contains("rate_limited"));
}

#[tokio::test]
async fn a_connection_goes_on_and_requests_may_come_all_at_once() {
    let relay = TestRelay::start().await;
    let addr = relay.running().addr();
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    alice.inbox(json!({})).await.ok();
    let (open, last) = (
        format!("{}{OCTETS}", bearer(&alice.token)),
        format!("{}{OCTETS}{CLOSE}", bearer(&alice.token)),
    );
    let [plain, escaped] = spellings("bob");
    let mut all = Vec::new();
    for n in 0..20u8 {
        let to = if n % 3 == 0 { &escaped } else { &plain };
        let headers = if n == 19 { &last } else { &open };
        all.extend(post(&format!("to={to}&id={}", Uuid::new_v4()), headers, &vec![n; 3000]));
    }
    let said = exchange(addr, &all).await;
    assert_eq!(said.iter().map(|said| said.status).collect::<Vec<_>>(), [200; 20]);
    let kept: Vec<_> = bob.envelopes().await.iter().map(|body| (body[0], body.len())).collect();
    assert_eq!(kept, (0..20).map(|n| (n, 3000)).collect::<Vec<_>>(), "in their order");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_answered_alike_and_one_that_breaks_off_is_nothing() {
    let relay = TestRelay::start_with(|config| {
        config.patience = Patience {
            body: Duration::from_millis(300),
            ..Patience::default()
        };
    })
    .await;
    let addr = relay.running().addr();
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    alice.inbox(json!({})).await.ok();
    let headers = format!("{}{OCTETS}", bearer(&alice.token));
    let ask = |to: &str, id: Uuid| {
        let mut bytes = post(&format!("to={to}&id={id}"), &headers, ENVELOPE);
        bytes.truncate(bytes.len() - 1);
        bytes
    };
    let said = both(addr, "slow", "bob", ask).await;
    assert_eq!((said.len(), said[0].status), (1, 400), "{said:?}");

    for to in spellings("bob") {
        let mut socket = TcpStream::connect(addr).await.unwrap();
        socket.write_all(&ask(&to, Uuid::new_v4())).await.unwrap();
        socket.shutdown().await.unwrap();
        let mut text = Vec::new();
        let _ = timeout(AGES, socket.read_to_end(&mut text))
            .await
            .expect("never closed");
        assert!(!String::from_utf8_lossy(&text).contains("200 OK"));
    }
    // One that comes in two pieces, in time, is as good as another.
    let (mut socket, bytes) = (
        TcpStream::connect(addr).await.unwrap(),
        post(
            &format!("to=bob&id={}", Uuid::new_v4()),
            &format!("{headers}{CLOSE}"),
            ENVELOPE,
        ),
    );
    let (first, second) = bytes.split_at(bytes.len() - 5);
    socket.write_all(first).await.unwrap();
    socket.flush().await.unwrap();
    tokio::task::yield_now().await;
    socket.write_all(second).await.unwrap();
    let mut text = Vec::new();
    timeout(AGES, socket.read_to_end(&mut text))
        .await
        .expect("never closed")
        .unwrap();
    assert!(String::from_utf8_lossy(&text).starts_with("HTTP/1.1 200"));
    assert_eq!(bob.envelopes().await, [ENVELOPE]);
}

#[tokio::test]
async fn both_ways_are_counted_and_logged_as_one_operation() {
    let relay = TestRelay::start().await;
    let addr = relay.running().addr();
    let alice = relay.user("alice").await;
    alice.inbox(json!({})).await.ok();
    let headers = format!("{}{OCTETS}{CLOSE}", bearer(&alice.token));
    let ask = |to: &str, id: Uuid| post(&format!("to={to}&id={id}"), &headers, ENVELOPE);
    both(addr, "good", "alice", ask).await;
    both(addr, "bad", "nobody", ask).await;
    let metrics = relay.running().services().metrics();
    let send = metrics.requests().iter().find(|of| of.operation == "send").unwrap();
    let counts = send
        .answers
        .each_ref()
        .map(|count| count.load(std::sync::atomic::Ordering::Relaxed));
    assert_eq!(counts, [2, 0, 2, 0]);
    assert_eq!(send.seconds.read().count, 4);
}

#[tokio::test]
async fn a_send_under_way_is_finished_when_the_relay_stops() {
    let mut relay = TestRelay::start().await;
    let addr = relay.running().addr();
    let alice = relay.user("alice").await;
    alice.inbox(json!({})).await.ok();
    let headers = format!("{}{OCTETS}", bearer(&alice.token));
    let mut asked = Vec::new();
    for to in spellings("alice") {
        let bytes = post(&format!("to={to}&id={}", Uuid::new_v4()), &headers, ENVELOPE);
        let (first, second) = bytes.split_at(bytes.len() - 5);
        let mut socket = TcpStream::connect(addr).await.unwrap();
        socket.write_all(first).await.unwrap();
        asked.push((socket, second.to_vec()));
    }
    // Connections are served in their order on this one thread: whoever is answered now came after them.
    relay.status().await;
    let stopping = tokio::spawn(relay.relay.take().unwrap().shutdown());
    let refused = async {
        while TcpStream::connect(addr).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(AGES, refused).await.expect("it does not stop");
    for (mut socket, rest) in asked {
        socket.write_all(&rest).await.unwrap();
        let mut text = Vec::new();
        timeout(AGES, socket.read_to_end(&mut text))
            .await
            .expect("never closed")
            .unwrap();
        assert!(String::from_utf8_lossy(&text).starts_with("HTTP/1.1 200"));
    }
    timeout(AGES, stopping).await.expect("it does not stop").unwrap();
}
