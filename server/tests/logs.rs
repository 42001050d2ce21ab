//! Everything that a busy relay logs, at its most talkative: nothing of it is content, a token, a key, a capability or a name.
#![cfg(unix)]
// Helpers of tests may panic like the tests themselves (clippy.toml exempts only the latter).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
mod process;

use std::{
    io::Read as _,
    process::{Command, Stdio},
};

use common::*;
use process::{said_until, url_in};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// What must not be in a log, under each of the forms that it travels or is printed in.
struct Hush(Vec<(String, String)>);

impl Hush {
    fn text(&mut self, what: &str, text: &str) {
        self.0.push((what.to_owned(), text.to_owned()));
    }

    fn bytes(&mut self, what: &str, bytes: &[u8]) {
        // Long enough to be no chance, short enough to be found in what is cut.
        let head = &bytes[..bytes.len().min(16)];
        self.text(what, &hex::encode(head));
        self.text(what, &hex::encode_upper(head));
        let base64 = b64(head);
        self.text(what, &base64[..16]);
        self.text(what, &base64[..16].replace('+', "-").replace('/', "_"));
        self.text(what, &format!("{:?}", &head[..8]).replace(['[', ']'], ""));
        if let Ok(text) = std::str::from_utf8(head) {
            self.text(what, text);
        }
    }
}

/// The code of an invitation for two, by the operator's command.
fn invite(data: &std::path::Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_latchkey-relay"))
        .args(["--data-dir"])
        .arg(data)
        .args(["invite", "--uses", "2"])
        .env_clear()
        .output()
        .unwrap();
    let link = String::from_utf8(output.stdout).unwrap();
    link.split_once("#invite=").unwrap().1.trim().to_owned()
}

/// Somebody who was invited; the first attempt shows no code, and the second a wrong one.
async fn invited(api: Api, name: &str, invite: &str) -> User {
    let mut user = User::new(api, name);
    let status = user.api.call(Method::GET, "/v1/status", None, None).await.ok();
    user.now = protocol::Timestamp(status["time"].as_u64().unwrap());
    for (code, refused) in [(None, "invite_required"), (Some(&invite[1..]), "invite_refused")] {
        let mut body = user.registration(None).await;
        body["invite"] = json!(code);
        let answer = user.call(Method::POST, "/v1/accounts", Some(body)).await;
        answer.refused(403, refused);
    }
    let mut body = user.registration(None).await;
    body["invite"] = json!(invite);
    let answer = user.call(Method::POST, "/v1/accounts", Some(body)).await;
    user.token = answer.ok()["token"].as_str().unwrap().into();
    user
}

/// Runs a relay through everything; what it logged, and what must not be in that.
async fn busy(format: &str) -> (String, Hush) {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_latchkey-relay"))
        .args(["--listen", "127.0.0.1:0", "--log-format", format, "--data-dir"])
        .arg(dir.path().join("data"))
        .env_clear()
        .env("LATCHKEY_LOG", "trace")
        .env("LATCHKEY_RATE_ONE_TIME", "1/h")
        .env("LATCHKEY_REGISTRATION", "invite")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let log = std::thread::spawn(move || {
        let mut log = String::new();
        stderr.read_to_string(&mut log).unwrap();
        log
    });
    let url = url_in(&said_until(&mut child, "listening on"));
    let api = Api { http: client(), url };

    let mut hush = Hush(Vec::new());
    let names = ["alice-in-the-log", "bob-in-the-log", "nobody-in-the-log"];
    for name in names {
        hush.text("a name", name);
    }
    let invite = invite(&dir.path().join("data"));
    hush.text("the code of an invitation", &invite);
    hush.bytes("the code of an invitation", &hex::decode(&invite).unwrap());
    let mut alice = invited(api.clone(), names[0], &invite).await;
    let bob = invited(api.clone(), names[1], &invite).await;
    hush.text("a token", &alice.token[..40]);
    alice.sign_in().await;
    for user in [&alice, &bob] {
        hush.text("a token", &user.token);
        hush.bytes("an identity key", &user.keys.public().to_bytes());
    }
    let batch = json!({ "one_time_batch": batch_json(&bob.batch(1, 1, 4)) });
    bob.call(Method::PUT, "/v1/keys", Some(batch)).await.ok();
    for _ in 0..2 {
        alice
            .call(Method::GET, &format!("/v1/keys/{}", names[1]), None)
            .await
            .ok();
    }
    alice
        .call(Method::GET, &format!("/v1/keys/{}", names[2]), None)
        .await
        .refused(404, "no_such_user");
    let content = b"the content of an envelope that stands in no log".to_vec();
    hush.bytes("content", &content);
    alice.send(names[1], Uuid::new_v4(), content.clone()).await.ok();
    alice
        .send(names[2], Uuid::new_v4(), content.clone())
        .await
        .refused(404, "no_such_user");
    // By delivery token, a good one and one that is none.
    let delivery = random::<32>();
    hush.bytes("a delivery token", &delivery);
    let hash = json!({ "token_hash": b64(Sha256::digest(delivery)) });
    bob.call(Method::PUT, "/v1/delivery-tokens", Some(hash)).await.ok();
    for (token, status) in [(delivery, 200), (random::<32>(), 401)] {
        hush.bytes("a delivery token", &token);
        let path = format!("/v1/messages?to={}&id={}", names[1], Uuid::new_v4());
        let request = api
            .request(Method::POST, &path, None)
            .header("Latchkey-Delivery-Token", b64(token))
            .header("content-type", "application/octet-stream")
            .body(content.clone());
        assert_eq!(answer(request).await.status, status);
    }
    // Plays, one of them by a wrong capability.
    let mut license = License::new(names[1], 2);
    license.expires_at = alice.now.plus(DAY).as_millis();
    for (what, bytes) in [
        ("a share", license.share),
        ("a capability", license.play),
        ("a capability", license.owner),
    ] {
        hush.bytes(what, &bytes);
    }
    let message = license.message(names[1], Uuid::new_v4(), &content);
    alice
        .call(Method::POST, "/v1/messages/limited", Some(message))
        .await
        .ok();
    license.play(&api, Uuid::new_v4()).await.ok();
    license
        .play_with(&api, Uuid::new_v4(), &[9; 32])
        .await
        .refused(404, "no_such_license");
    // An oblivious message under a gate key that there is not; making a real one takes longer than all of this.
    let mut unkeyed = ObliviousLicense::new(names[1], random(), random(), random::<200>().to_vec());
    unkeyed.license.expires_at = license.expires_at;
    for (what, bytes) in [
        ("a gate key's capability", &unkeyed.gate_capability[..]),
        ("a share", &unkeyed.license.share),
        ("a capability", &unkeyed.license.play),
        ("a counter", &unkeyed.counter),
    ] {
        hush.bytes(what, bytes);
    }
    let message = unkeyed.message(names[1], Uuid::new_v4(), &content);
    let refused = alice.call(Method::POST, "/v1/messages/oblivious", Some(message)).await;
    assert!((400..500).contains(&refused.status), "{}", refused.body);
    unkeyed
        .ask(&api, Uuid::new_v4(), &[1, 0, 0, 0])
        .await
        .refused(404, "no_such_license");
    let page = bob.inbox(json!({})).await.ok();
    bob.inbox(json!({ "ack": ack(&page) })).await.ok();
    // Strangers: wrong tokens, no JSON, JSON of another shape with a secret in it, paths.
    let made_up = format!("{}made-up-token", &alice.token[..20]);
    hush.text("a made-up token", "made-up-token");
    api.call(Method::GET, "/v1/keys", Some(&made_up), None)
        .await
        .refused(401, "unauthorized");
    let secret = "a-secret-in-a-body";
    hush.text("a body that does not parse", secret);
    for body in [
        secret.to_owned(),
        json!({ "user": [secret] }).to_string(),
        json!({ secret: 1 }).to_string(),
    ] {
        let request = api
            .request(Method::POST, "/v1/session", None)
            .header("content-type", "application/json")
            .body(body);
        answer(request).await.refused(400, "bad_request");
    }
    let mut impostor = User::new(api.clone(), names[0]);
    impostor.now = alice.now;
    let challenge = api.challenge(names[0]).await;
    let body = impostor.sign_in_with(&challenge, &api.url);
    hush.text("a signature", &body["signature"].as_str().unwrap()[..40]);
    api.call(Method::POST, "/v1/session", None, Some(body))
        .await
        .refused(401, "unauthorized");
    bob.call(Method::DELETE, "/v1/inbox", None).await.ok();
    bob.call(Method::DELETE, "/v1/session", None).await.ok();

    let stopped = Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(stopped.success() && child.wait().unwrap().success());
    (log.join().unwrap(), hush)
}

#[tokio::test]
async fn nothing_private_is_logged_however_talkative_the_relay_is() {
    for format in ["text", "json"] {
        let (log, hush) = busy(format).await;
        for (what, form) in &hush.0 {
            let lines: Vec<_> = log.lines().filter(|line| line.contains(form)).collect();
            assert!(lines.is_empty(), "{what} ({form}) is in the {format} log: {lines:?}");
        }
        // It did log, and it was this run.
        assert!(log.lines().count() > 30, "{}", log.lines().count());
        let ours: Vec<_> = log.lines().filter(|line| line.contains("answered")).collect();
        for operation in ["register", "send", "fetch_key", "inbox", "play", "sign_in"] {
            assert!(ours.iter().any(|line| line.contains(operation)), "{operation}");
        }
        if format == "json" {
            for line in log.lines() {
                let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
                assert!(line["time"].is_string() && line["level"].is_string() && line["message"].is_string());
                if line["message"] == "answered" {
                    assert_eq!(line["request"].as_str().unwrap().len(), 16);
                }
            }
        } else {
            assert!(ours.iter().all(|line| line.contains(" request=")), "{ours:?}");
        }
    }
}
