//! Senders that have an account and no delivery token: what of a mailbox is theirs, what they learn, who sees them, who blocks them.

use std::time::Duration;

use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};
use server::{
    Config,
    service::shares::{Percent, ShareRules},
};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{
    ENVELOPE,
    common::*,
    tokens::{put, send},
};

/// Large enough that a mailbox of [`SIZE`] is soon full.
const LARGE: usize = 200 << 10;
const SIZE: u64 = 16 << 20;
/// Of [`LARGE`] ones, so many fit.
const FIT: usize = SIZE as usize / LARGE;

fn small(config: &mut Config) {
    config.shares = ShareRules::default();
    config.quota.bytes = SIZE;
    config.quota.envelopes = 500;
}

/// All that an answer says, but what differs from request to request.
type Said = (u16, Vec<(String, String)>, Value);

async fn said(request: reqwest::RequestBuilder) -> Said {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let headers = plain(response.headers());
    let mut body: Value = response.json().await.unwrap();
    if status == 200 {
        body["id"] = json!("ID");
    } else {
        body.as_object_mut().unwrap().remove("request_id");
    }
    (status, headers, body)
}

fn plain(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut headers: Vec<_> = headers
        .iter()
        .filter(|(name, _)| *name != "date" && *name != "x-request-id")
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    headers
}

async fn tells(from: &User, to: &str, size: usize) -> Said {
    said(from.send_request(to, Uuid::new_v4(), vec![7; size])).await
}

/// Sends until it is refused; how often it was not.
async fn floods(from: &User, to: &str, size: usize) -> usize {
    for sent in 0..1000 {
        let answer = from.send(to, Uuid::new_v4(), vec![7; size]).await;
        if answer.status != 200 {
            let problem = answer.refused(429, "rate_limited");
            assert_eq!(problem["retry_after_seconds"], 900);
            return sent;
        }
    }
    panic!("a stranger is never refused");
}

/// Tokens of `owner`, which send as long as they may: how many envelopes fit.
async fn friends_fill(relay: &TestRelay, owner: &User) -> usize {
    let api = relay.api();
    let mut sent = 0;
    loop {
        let token = random::<32>();
        put(owner, &token).await.ok();
        for _ in 0..60 {
            let answer = send(&api, &owner.name, Uuid::new_v4(), &token, &vec![8; LARGE]).await;
            if answer.status != 200 {
                answer.refused(429, "mailbox_full");
                return sent;
            }
            sent += 1;
        }
    }
}

#[tokio::test]
async fn no_crowd_of_strangers_makes_the_send_of_a_token_holder_fail() {
    let relay = TestRelay::start_with(small).await;
    let (bob, api, token) = (relay.user("bob").await, relay.api(), random::<32>());
    put(&bob, &token).await.ok();
    let mut stored = 0;
    for n in 0..6 {
        let stranger = relay.user(&format!("stranger{n}")).await;
        let size = if n == 5 { 100 } else { LARGE };
        let sent = floods(&stranger, "bob", size).await;
        // The share of one is two large ones and a bit; that of all an eighth of the mailbox.
        assert!(sent <= if n == 5 { 60 } else { 3 }, "{sent} of stranger {n}");
        stored += sent;
        send(&api, "bob", Uuid::new_v4(), &token, ENVELOPE).await.ok();
    }
    assert!((10..80).contains(&stored), "{stored}");
    // What is left to those with tokens, and to the owner, is the whole of the mailbox.
    assert_eq!(friends_fill(&relay, &bob).await, FIT);
    bob.send("bob", Uuid::new_v4(), vec![9; LARGE])
        .await
        .refused(429, "mailbox_full");
    bob.send("bob", Uuid::new_v4(), ENVELOPE).await.ok();
    let page = bob.inbox(json!({})).await.ok();
    assert_eq!(page["refused_total"], 2, "strangers cost no write");
    assert_eq!(relay.totals().await.pending, (stored + 6 + FIT + 1) as u64);
}

#[tokio::test]
async fn a_stranger_learns_nothing_of_what_the_owner_fetches_or_gets() {
    let relay = TestRelay::start_with(small).await;
    let mut mallory = relay.user("mallory").await;
    let (quiet, mut busy, full) = (
        relay.user("quiet").await,
        relay.user("fetch").await,
        relay.user("gets1").await,
    );
    assert_eq!(friends_fill(&relay, &full).await, FIT);
    let mut seen: [Vec<Said>; 3] = Default::default();
    for round in 0..40 {
        for (owner, seen) in [&quiet, &busy, &full].into_iter().zip(&mut seen) {
            // Each name has as many letters.
            let (status, headers, mut body) = tells(&mallory, &owner.name, [ENVELOPE.len(), LARGE][round % 2]).await;
            if let Some(detail) = body.get_mut("detail") {
                *detail = json!(detail.as_str().unwrap().replace(&owner.name, "NAME"));
            }
            seen.push((status, headers, body));
        }
        busy.everything().await;
        busy.call(Method::DELETE, "/v1/inbox", None).await.ok();
        // Share comes back: now and then one goes through.
        relay.clock.advance(Duration::from_secs(60));
        if round % 10 == 9 {
            relay.clock.advance(DAY);
            mallory.sign_in().await;
            busy.sign_in().await;
        }
    }
    let statuses: Vec<u16> = seen[0].iter().map(|(status, ..)| *status).collect();
    assert!(statuses.contains(&200) && statuses.contains(&429), "{statuses:?}");
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
}

#[tokio::test]
async fn a_refused_friend_is_told_to_try_later_and_a_repetition_of_what_is_stored_is_not_refused() {
    let relay = TestRelay::start_with(small).await;
    let (mut carol, mut bob) = (relay.user("carol").await, relay.user("bob").await);
    let first = Uuid::new_v4();
    let stored = carol.send("bob", first, ENVELOPE).await.ok();
    floods(&carol, "bob", LARGE).await;
    floods(&carol, "bob", 1).await;
    let waiting = Uuid::new_v4();
    let refused = carol
        .send_request("bob", waiting, ENVELOPE.to_vec())
        .send()
        .await
        .unwrap();
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["retry-after"]),
        (429, &"900".parse().unwrap())
    );
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["code"], "rate_limited");
    let detail = problem["detail"].as_str().unwrap();
    for part in ["'bob'", "nothing was stored"] {
        assert!(detail.contains(part), "{detail}");
    }
    assert!(problem["action"].as_str().unwrap().contains("again later"), "{problem}");
    // The answer to the first was lost, say.
    assert_eq!(carol.send("bob", first, ENVELOPE).await.ok(), stored);
    carol
        .send("bob", first, &b"other"[..])
        .await
        .refused(409, "message_conflict");
    // Blocked or not.
    bob.call(Method::PUT, "/v1/blocked-accounts", Some(json!({ "user": "carol" })))
        .await
        .ok();
    assert_eq!(carol.send("bob", first, ENVELOPE).await.ok(), stored);
    bob.call(Method::DELETE, "/v1/blocked-accounts/carol", None).await.ok();
    // Time alone brings the share back.
    relay.clock.advance(DAY);
    carol.sign_in().await;
    bob.sign_in().await;
    carol.send("bob", waiting, ENVELOPE).await.ok();
    assert!(bob.everything().await.contains(&ENVELOPE.to_vec()));
}

#[tokio::test]
async fn sends_that_stored_nothing_cost_no_share() {
    let relay = TestRelay::start_with(small).await;
    let carol = relay.user("carol").await;
    relay.user("bob").await;
    for _ in 0..100 {
        carol
            .send("nobody", Uuid::new_v4(), vec![1; LARGE])
            .await
            .refused(404, "no_such_user");
    }
    let mut expired = License::new("bob", 1);
    expired.expires_at = START.as_millis() - 1;
    for _ in 0..100 {
        let body = expired.message("bob", Uuid::new_v4(), &vec![1; LARGE]);
        let answer = carol.call(Method::POST, "/v1/messages/limited", Some(body)).await;
        answer.refused(400, "bad_request");
    }
    assert!(floods(&carol, "bob", LARGE).await >= 2);
}

#[tokio::test]
async fn strangers_do_not_use_up_the_licenses_of_token_holders() {
    let relay = TestRelay::start_with(|config| {
        small(config);
        config.quota.licenses = 20;
    })
    .await;
    let (bob, api, token) = (relay.user("bob").await, relay.api(), random::<32>());
    put(&bob, &token).await.ok();
    let mut theirs = 0;
    for n in 0..3 {
        let stranger = relay.user(&format!("stranger{n}")).await;
        for sent in 0.. {
            let body = License::new("bob", 1).message("bob", Uuid::new_v4(), ENVELOPE);
            let answer = stranger.call(Method::POST, "/v1/messages/limited", Some(body)).await;
            if answer.status != 200 {
                answer.refused(429, "rate_limited");
                break;
            }
            theirs += 1;
            assert!(sent < 3, "the share of licenses has no end");
        }
        // What has no license is another matter.
        stranger.send("bob", Uuid::new_v4(), ENVELOPE).await.ok();
    }
    assert_eq!(theirs, 2, "a tenth of the licenses");
    // Read and gone, they still count.
    bob.everything().await;
    let limited = async || {
        let license = License::new("bob", 1);
        let request = api.request(Method::POST, "/v1/messages/limited", None);
        let request = request.header("Latchkey-Delivery-Token", b64(token));
        (
            license.id.clone(),
            answer(request.json(&license.message("bob", Uuid::new_v4(), ENVELOPE))).await,
        )
    };
    for _ in 0..20 {
        limited().await.1.ok();
    }
    limited().await.1.refused(429, "mailbox_full");
    // All go with their time, each out of its own part.
    relay.clock.advance(DAY * 91);
    relay.running().services().sweep().await.unwrap();
    relay.clock.advance(DAY * 31);
    relay.running().services().sweep().await.unwrap();
    let database = rusqlite::Connection::open(relay.data().join("relay.sqlite3")).unwrap();
    let left: (i64, i64) = database
        .query_row("SELECT sum(licenses), sum(stranger_licenses) FROM mailbox", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!(left, (0, 0));
}

/// A restart fills the shares; what strangers have there is bounded all the same, and takes nothing from the others.
#[tokio::test]
async fn restarts_do_not_let_strangers_beyond_their_part() {
    let mut relay = TestRelay::start_with(|config| {
        small(config);
        config.shares = ShareRules {
            strangers: Some(Percent::of(100)),
            one: Percent::of(100),
        };
    })
    .await;
    let (mut mallory, mut bob) = (relay.user("mallory").await, relay.user("bob").await);
    let mut stored = 0;
    for _ in 0..6 {
        stored += floods(&mallory, "bob", LARGE).await;
        relay.restart().await;
        (mallory.api, bob.api) = (relay.api(), relay.api());
    }
    assert_eq!(stored, FIT, "a quarter at once, four times; and then none");
    let fresh = relay.user("fresh").await;
    let (old, new) = (tells(&mallory, "bob", LARGE).await, tells(&fresh, "bob", LARGE).await);
    assert_eq!(old.0, 429);
    assert_eq!(old, new);
    assert_eq!(friends_fill(&relay, &bob).await, FIT);
    // Fetched is gone, from either part.
    assert_eq!(bob.everything().await.len(), 2 * FIT);
    assert_eq!(friends_fill(&relay, &bob).await, FIT);
    assert!(floods(&fresh, "bob", LARGE).await > 0);
}

#[tokio::test]
async fn the_owner_sees_once_who_floods() {
    let relay = TestRelay::start_with(small).await;
    let (bob, mallory, carol) = (
        relay.user("bob").await,
        relay.user("mallory").await,
        relay.user("carol").await,
    );
    let token = random::<32>();
    put(&bob, &token).await.ok();
    assert_eq!(bob.inbox(json!({})).await.ok()["refused_senders"], json!([]));
    floods(&mallory, "bob", LARGE).await;
    for _ in 0..8 {
        mallory
            .send("bob", Uuid::new_v4(), vec![7; LARGE])
            .await
            .refused(429, "rate_limited");
    }
    for _ in 0..64 {
        send(&relay.api(), "bob", Uuid::new_v4(), &token, ENVELOPE).await.ok();
    }
    for _ in 0..3 {
        let answer = send(&relay.api(), "bob", Uuid::new_v4(), &token, ENVELOPE).await;
        answer.refused(429, "rate_limited");
    }
    carol.send("bob", Uuid::new_v4(), ENVELOPE).await.ok();
    assert_eq!(
        carol.inbox(json!({})).await.ok()["refused_senders"],
        json!([]),
        "nobody else's business"
    );
    let seen = bob.inbox(json!({})).await.ok()["refused_senders"].clone();
    assert_eq!(
        seen,
        json!([
            { "user": "mallory", "times": 9 },
            { "token_hash": hex::encode(Sha256::digest(token)), "times": 3 }
        ])
    );
    assert_eq!(bob.inbox(json!({})).await.ok()["refused_senders"], json!([]));
    // A client that waits is told with what it waits for.
    mallory
        .send("bob", Uuid::new_v4(), vec![7; LARGE])
        .await
        .refused(429, "rate_limited");
    bob.everything().await;
    mallory
        .send("bob", Uuid::new_v4(), vec![7; LARGE])
        .await
        .refused(429, "rate_limited");
    let waits = bob.inbox(json!({ "wait_seconds": 30 }));
    let arrives = async {
        while relay.running().services().mailboxes.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        carol.send("bob", Uuid::new_v4(), ENVELOPE).await.ok();
    };
    let (page, ()) = tokio::join!(waits, arrives);
    assert_eq!(page.ok()["refused_senders"], json!([{ "user": "mallory", "times": 1 }]));
}

#[tokio::test]
async fn a_blocked_account_cannot_tell_that_it_is_blocked() {
    /// Eight shares are more than what is for all.
    const CROWD: usize = 10;
    let relay = TestRelay::start_with(small).await;
    let (bob, mallory, eve) = (
        relay.user("bob").await,
        relay.user("mallory").await,
        relay.user("eve").await,
    );
    let block = async |user: &str| {
        let body = json!({ "user": user });
        bob.call(Method::PUT, "/v1/blocked-accounts", Some(body)).await
    };
    mallory.send("bob", Uuid::new_v4(), ENVELOPE).await.ok();
    assert_eq!(block("mallory").await.ok(), json!({ "blocked": 1 }));
    assert_eq!(block("mallory").await.ok(), json!({ "blocked": 1 }));
    // Used up to the last byte, for every size.
    floods(&eve, "bob", LARGE).await;
    floods(&eve, "bob", 1).await;
    for size in [1, LARGE] {
        let blocked = tells(&mallory, "bob", size).await;
        assert_eq!(blocked.0, 429);
        assert_eq!(blocked, tells(&eve, "bob", size).await);
    }
    let limited = async |user: &User| {
        let body = License::new("bob", 1).message("bob", Uuid::new_v4(), ENVELOPE);
        said(
            user.api
                .request(Method::POST, "/v1/messages/limited", Some(&user.token))
                .json(&body),
        )
        .await
    };
    assert_eq!(limited(&mallory).await, limited(&eve).await);
    // Its owner is not told of what it blocked, and nothing of it came.
    let page = bob.inbox(json!({})).await.ok();
    assert_eq!(page["refused_senders"].as_array().unwrap().len(), 1, "{page}");
    assert_eq!(page["refused_senders"][0]["user"], "eve");
    // By another account's mailbox, and with a token, it goes on.
    mallory.send("eve", Uuid::new_v4(), ENVELOPE).await.ok();
    let token = random::<32>();
    put(&bob, &token).await.ok();
    send(&relay.api(), "bob", Uuid::new_v4(), &token, ENVELOPE).await.ok();
    let unblock = bob.call(Method::DELETE, "/v1/blocked-accounts/mallory", None);
    assert_eq!(unblock.await.ok(), json!({ "blocked": 0 }));
    mallory.send("bob", Uuid::new_v4(), ENVELOPE).await.ok();
    // A name that nobody has, its own, and what is no name.
    assert_eq!(block("nobody-yet").await.ok(), json!({ "blocked": 1 }));
    let gone = bob.call(Method::DELETE, "/v1/blocked-accounts/never-blocked", None);
    assert_eq!(gone.await.ok(), json!({ "blocked": 1 }));
    block("bob").await.refused(400, "bad_request");
    block("No Name").await.refused(400, "bad_name");
    let bad = bob.call(Method::DELETE, "/v1/blocked-accounts/No%20Name", None).await;
    bad.refused(400, "bad_name");
    block("mallory").await.ok();
    // One that has sent nothing, when a crowd has used up what is for all.
    let carol = relay.user("carol").await;
    for n in 0..CROWD {
        let other = relay.user(&format!("other-{n}")).await;
        floods(&other, "bob", LARGE).await;
        floods(&other, "bob", 1).await;
    }
    for size in [1, LARGE] {
        assert_eq!(tells(&mallory, "bob", size).await, tells(&carol, "bob", size).await);
    }
}

#[tokio::test]
async fn blocks_survive_a_restart_are_bounded_and_go_with_their_account() {
    let mut relay = TestRelay::start_with(small).await;
    let (mut bob, mut mallory) = (relay.user("bob").await, relay.user("mallory").await);
    let block = async |bob: &User, user: String| {
        let body = json!({ "user": user });
        bob.call(Method::PUT, "/v1/blocked-accounts", Some(body)).await
    };
    block(&bob, "mallory".into()).await.ok();
    relay.restart().await;
    (bob.api, mallory.api) = (relay.api(), relay.api());
    mallory
        .send("bob", Uuid::new_v4(), ENVELOPE)
        .await
        .refused(429, "rate_limited");
    for chunk in 0..8 {
        let many = (0..128).map(|n| block(&bob, format!("name{}", chunk * 128 + n)));
        for (n, answer) in futures_util::future::join_all(many).await.into_iter().enumerate() {
            if chunk * 128 + n < 1023 {
                answer.ok();
            }
        }
    }
    let problem = block(&bob, "one-more".into()).await.refused(400, "bad_request");
    assert!(problem["detail"].as_str().unwrap().contains("1024"), "{problem}");
    assert_eq!(block(&bob, "mallory".into()).await.ok(), json!({ "blocked": 1024 }));
    let services = relay.running().services().clone();
    assert!(services.do_errand(&relay.removal("bob")).await.unwrap());
    let database = rusqlite::Connection::open(relay.data().join("relay.sqlite3")).unwrap();
    let left: i64 = database
        .query_row("SELECT count(*) FROM blocked_account", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 0);
}
