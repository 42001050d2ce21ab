//! What a person is told when a relay, the way to it or an account is not as it should be.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::Command;

use support::{Answer, Stage};

fn run(command: &mut Command) -> Answer {
    command.output().unwrap().into()
}

/// Something that is no relay, and says the same to all that is asked: this head and body.
fn answers(head: &str, body: &str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = format!(
        "{head}Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

/// Where a relay is not reached, its user looks for the fault at the relay unless the proxy is named.
#[test]
fn a_proxy_by_which_no_relay_is_reached_is_named_without_its_password() {
    let stage = Stage::new();
    // One that is not there any more, and one that refuses.
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let there = answers("HTTP/1.1 407 Proxy Authentication Required\r\n", "");
    for (relay, variable, proxy) in [
        ("https://relay.invalid", "HTTPS_PROXY", gone),
        ("https://relay.invalid", "ALL_PROXY", gone),
        ("https://relay.invalid", "https_proxy", there),
        ("http://relay.invalid", "http_proxy", there),
        ("http://relay.invalid", "all_proxy", gone),
    ] {
        for json in [&[][..], &["--json"]] {
            let args = ["--allow-plain-http", "--relay", relay, "register", "proxied"];
            let mut command = stage.person("proxied").command(&[json, &args].concat());
            command.env(variable, format!("http://me:hush@{proxy}"));
            let answer = run(&mut command);
            assert_eq!(answer.code, 4, "{answer:?}");
            let said = format!("asked by way of the proxy http://{proxy}, which {variable} names");
            assert!(answer.err.contains(&said), "{answer:?}");
            assert!(!answer.err.contains("hush"), "{answer:?}");
        }
    }
}

/// A web server or a proxy that answers in a relay's place, in pages of its own.
#[test]
fn a_page_that_is_not_the_relays_is_named_by_its_status() {
    // Some gateways have words in JSON, which are no relay's either.
    let pages = [
        ("text/html", "<html>"),
        (
            "application/json",
            "{\"message\":\"no Route matched with those values\"}",
        ),
        ("application/problem+json", "{\"status\":502,\"title\":\"Bad Gateway\"}"),
    ];
    let statuses = [301, 404, 413, 429, 500, 502];
    for (status, (kind, page)) in statuses.into_iter().flat_map(|status| pages.map(|page| (status, page))) {
        let other = answers(&format!("HTTP/1.1 {status} No\r\nContent-Type: {kind}\r\n"), page);
        let stage = Stage::new();
        let mut person = stage.person("alice");
        person.url = format!("http://{other}");
        let answer = person.run(&["register", "alice"]);
        let code = if status == 413 { 5 } else { 4 };
        assert_eq!(answer.code, code, "{status}: {answer:?}");
        assert!(answer.err.contains(&status.to_string()), "{status}: {answer:?}");
        assert!(answer.err.contains("proxy"), "{status}: {answer:?}");
        let means = match status {
            301 => "at another address",
            404 => "knows no relay",
            413 => "so large",
            429 => "too many requests",
            502 => "may be restarting",
            _ => "has failed itself",
        };
        assert!(answer.err.contains(means), "{status}: {answer:?}");
        assert!(!answer.err.contains("of this version"), "{status}: {answer:?}");
    }
}

/// What answers says that all is well, in a page of its own. Nothing shows whether a relay has the message: it is kept, or it is said that it is not.
#[test]
fn a_message_that_a_page_answers_is_kept_or_said_to_be_lost() {
    let stage = Stage::new();
    let (mut alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    bob.ok(&["inbox"]);
    bob.ok(&["send", "alice", "hi"]);
    alice.ok(&["inbox"]);
    let endless = "X-Page: very long indeed\r\n".repeat(100_000);
    let large = format!("\"{}\"", "x".repeat(4_000_000));
    let mut texts = Vec::new();
    for (head, page) in [
        ("Content-Type: text/html\r\n", "<html>"),
        ("Content-Type: application/json\r\n", "{\"junk\":[1]}"),
        (
            "Content-Type: application/json\r\nContent-Encoding: gzip\r\n",
            "\u{1f}\u{8b}\u{8}",
        ),
        ("Content-Type: application/json\r\n", &large),
        (&endless, ""),
    ] {
        let page = answers(&format!("HTTP/1.1 200 OK\r\n{head}"), page);
        alice.url = format!("http://{page}");
        for options in [&[][..], &["--plays", "2"]] {
            let text = format!("message {}", texts.len());
            let error = alice.fails(4, &[&["send", "bob", &text], options].concat());
            assert!(error.contains("is not that of a latchkey relay"), "{error}");
            assert!(
                error.contains("message is kept") && error.contains("do not send it again"),
                "{error}"
            );
            assert!(!error.contains("plain HTTP"), "{error}");
            texts.push(text);
            let error = alice.fails(4, &[&["send", "carol", "hi"], options].concat());
            assert!(
                error.contains("The message was not sent, and it is not kept"),
                "{error}"
            );
        }
    }
    // The relay takes the message, and a page answers in its place.
    let line = stage.line();
    alice.url = line.url();
    alice.ok(&["status"]);
    line.alter_answer("POST /v1/messages", |_, answer| {
        *answer = serde_json::json!({ "junk": 1 });
    });
    let error = alice.fails(4, &["send", "bob", "taken"]);
    assert!(error.contains("message is kept"), "{error}");
    alice.ok(&["send", "bob", "last"]);
    let arrived = bob.json(&["inbox"]);
    let limited = arrived.iter().filter(|message| !message["limited"].is_null()).count();
    assert_eq!(
        (arrived.len(), limited),
        (texts.len() + 2, texts.len() / 2),
        "{arrived:?}"
    );
}

/// A refusal in a relay's own words: as much of it as an honest one would say, and none of it obeyed by the terminal.
#[test]
fn a_relays_words_are_shown_only_so_far_and_harmlessly() {
    for words in ["\u{1b}[2J\n", "\u{e0041}", "word ", "\u{202e}é"] {
        // Less than the largest answer that is read, also as JSON has it.
        let long = words.repeat(1000 / words.len());
        let problem = serde_json::json!({
            "type": "urn:latchkey:problem:busy_never", "code": "registration_closed", "title": "Closed", "status": 403, "detail": long, "action": "Ask.",
        })
        .to_string();
        let head = "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n";
        let relay = answers(head, &problem);
        let stage = Stage::new();
        let mut person = stage.person("alice");
        person.url = format!("http://{relay}");
        let answer = person.run(&["register", "alice"]);
        assert_eq!(answer.code, 5, "{answer:?}");
        assert!(answer.err.chars().count() < 700, "{answer:?}");
        assert_eq!(answer.err.trim_end().lines().count(), 1, "{answer:?}");
        assert!(!answer.err.trim_end().chars().any(char::is_control), "{answer:?}");
        assert!(
            answer.err.contains('…') && answer.err.contains("choose another relay"),
            "{answer:?}"
        );
        let json = person.run(&["--json", "register", "alice"]);
        let object: serde_json::Value = serde_json::from_str(&json.err).unwrap();
        assert!(object["error"].as_str().unwrap().chars().count() < 700, "{json:?}");
    }
}

/// Hands everything on, and dates the answers of a relay as it likes.
fn dated(relay: &str, date: &'static str) -> String {
    use std::io::{Read, Write};
    let relay = relay.strip_prefix("http://").unwrap().to_owned();
    let door = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", door.local_addr().unwrap());
    std::thread::spawn(move || {
        for client in door.incoming() {
            let (mut client, mut relay) = (client.unwrap(), std::net::TcpStream::connect(&relay).unwrap());
            let (mut from, mut to) = (client.try_clone().unwrap(), relay.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            std::thread::spawn(move || {
                let mut bytes = [0; 1 << 16];
                while let Ok(length @ 1..) = relay.read(&mut bytes) {
                    // A date is as long as another (RFC 9110, section 5.6.7).
                    let part = &mut bytes[..length];
                    let name = part.windows(6).position(|at| at.eq_ignore_ascii_case(b"date: "));
                    if let Some(at) = name {
                        part[at + 6..at + 6 + date.len()].copy_from_slice(date.as_bytes());
                    }
                    if client.write_all(part).is_err() {
                        break;
                    }
                }
            });
        }
    });
    url
}

/// Where clocks differ, either may be the wrong one: how far they differ is said, and what to do.
#[test]
fn status_says_how_far_the_clocks_are_apart() {
    let stage = Stage::new();
    let mut alice = stage.register("alice");
    let status = alice.ok(&["status"]);
    assert!(!status.out.contains("clock"), "{status:?}");
    let apart = alice.json_one(&["status"])["relay"]["clock_off_seconds"]
        .as_i64()
        .unwrap();
    assert!(apart.abs() < 60, "{apart}");
    for (date, way, ahead) in [
        ("Thu, 01 Oct 2015 00:00:00 GMT", "ahead of the relay's", true),
        ("Thu, 01 Oct 2099 00:00:00 GMT", "behind the relay's", false),
    ] {
        alice.url = dated(&stage.url, date);
        let status = alice.run(&["status"]);
        assert!(
            status.out.contains(way) && status.out.contains("days") && status.out.contains("set it"),
            "{status:?}"
        );
        let json: Answer = alice.run(&["--json", "status"]);
        let object: serde_json::Value = serde_json::from_str(json.out.trim_end()).unwrap();
        let apart = object["relay"]["clock_off_seconds"].as_i64().unwrap();
        assert!((apart > 0) == ahead && apart.abs() > 86_400, "{apart}");
    }
}

/// The relay answers, and does not know who asks: that is said, with what to do.
#[test]
fn status_says_that_the_account_is_gone() {
    let stage = Stage::new();
    let alice = stage.register("alice");
    assert_eq!(alice.json_one(&["status"])["admitted"], true);
    stage.remove("alice");
    let answer = alice.run(&["status"]);
    assert_eq!(answer.code, 5, "{answer:?}");
    assert!(
        answer.out.contains("alice@localhost") && answer.out.contains("relay key"),
        "{answer:?}"
    );
    let row = answer.out.lines().find(|line| line.starts_with("account ")).unwrap();
    assert!(row.contains("not known to the relay"), "{answer:?}");
    assert!(
        answer
            .err
            .contains("no longer admits alice@localhost: the account was removed there"),
        "{answer:?}"
    );
    assert!(answer.err.contains("ask the relay's operator"), "{answer:?}");
    let answer = alice.run(&["--json", "status"]);
    assert_eq!(answer.code, 5, "{answer:?}");
    let object: serde_json::Value = serde_json::from_str(answer.out.trim_end()).unwrap();
    assert_eq!(object["admitted"], false);
    let error: serde_json::Value = serde_json::from_str(answer.err.trim_end()).unwrap();
    assert_eq!(error["exit"], 5);
}

/// What is done here, and cannot be done at the relay any more, is not promised for later.
#[test]
fn nothing_is_put_off_for_an_account_that_is_gone() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    bob.ok(&["inbox"]);
    stage.remove("bob");
    let answer = bob.ok(&["block", "alice"]);
    assert!(answer.err.contains("done here alone"), "{answer:?}");
    assert!(answer.err.contains("no longer admits bob@localhost"), "{answer:?}");
    assert!(!answer.err.contains("put off"), "{answer:?}");
}

/// A contact who changes keys, as everybody may from time to time, is no alarm; an identity that nothing vouches for is.
#[test]
fn a_succession_is_told_calmly_and_first() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    bob.ok(&["inbox"]);
    bob.ok(&["send", "alice", "hi"]);
    alice.ok(&["inbox"]);
    bob.ok(&["verify", "alice", "--yes"]);
    alice.ok(&["rotate-identity", "--yes"]);
    alice.ok(&["send", "bob", "with new keys"]);
    let answer = bob.ok(&["inbox"]);
    assert!(answer.out.contains("with new keys"), "{answer:?}");
    let said: Vec<&str> = answer.err.lines().collect();
    assert_eq!(
        said,
        [
            "note: alice@localhost has a new identity, and the one you verified vouches for it. Its messages are shown; yours wait until you have compared the new safety number: latchkey verify alice"
        ]
    );
    let contacts = bob.ok(&["contacts"]).out;
    assert!(
        contacts.contains("new identity, which the verified one vouches for: compare again"),
        "{contacts}"
    );
    let error = bob.fails(6, &["send", "alice", "secret"]);
    assert!(
        error.contains("the one that you verified vouches for it; nothing is sent"),
        "{error}"
    );
}

/// What one deleted oneself is no loss.
#[test]
fn after_clearing_the_inbox_nothing_is_said_to_be_lost() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "hello"]);
    bob.ok(&["inbox"]);
    alice.ok(&["send", "bob", "unread"]);
    alice.ok(&["send", "bob", "unread too"]);
    bob.ok(&["clear-inbox", "--yes"]);
    alice.ok(&["send", "bob", "later"]);
    let inbox = bob.ok(&["inbox"]);
    assert!(
        inbox.out.contains("later") && !inbox.out.contains("unread"),
        "{inbox:?}"
    );
    assert!(!inbox.err.contains("did not arrive"), "{inbox:?}");
    assert!(inbox.err.contains("you deleted at the relay"), "{inbox:?}");
}
