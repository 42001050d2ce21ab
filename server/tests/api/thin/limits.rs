//! Who may send, how often, and how much.

use reqwest::Method;
use serde_json::{Value, json};
use server::service::rates::Rate;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::*;

#[tokio::test]
async fn a_full_mailbox_and_rates_are_told_alike() {
    let relay = TestRelay::start_with(|config| config.quota.envelopes = 2).await;
    let alice = known(&relay, "alice").await;
    relay.user("bob").await;
    let headers = once(&alice);
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
        let alice = known(&relay, "alice").await;
        let headers = once(&alice);
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
async fn strangers_are_told_alike_and_share_what_they_have_on_both_ways() {
    let relay = TestRelay::start_with(|config| {
        config.shares = server::service::shares::ShareRules::default();
        // A share of 16 envelopes.
        (config.quota.bytes, config.quota.envelopes) = (16 << 20, 512);
    })
    .await;
    let addr = relay.running().addr();
    let (alice, mallory) = (known(&relay, "alice").await, known(&relay, "mallory").await);
    let bob = relay.user("bob").await;
    let sends = async |user: &User| {
        let headers = once(user);
        let ask = |to: &str, id: Uuid| post(&format!("to={to}&id={id}"), &headers, ENVELOPE);
        both(addr, "a stranger", "bob", ask).await.remove(0)
    };
    for _ in 0..8 {
        assert_eq!(sends(&alice).await.status, 200, "two each time");
    }
    let refused = sends(&alice).await;
    assert!(
        refused.status == 429 && refused.body.contains("rate_limited"),
        "{refused:?}"
    );
    assert!(refused.headers.contains(&("retry-after".into(), "900".into())));
    let block = json!({ "user": "mallory" });
    bob.call(Method::PUT, "/v1/blocked-accounts", Some(block)).await.ok();
    assert_eq!(sends(&mallory).await, refused, "blocked");
    let page = bob.inbox(json!({})).await.ok();
    assert_eq!(page["refused_senders"], json!([{ "user": "alice", "times": 2 }]));
}

#[tokio::test]
async fn delivery_tokens_are_told_alike() {
    let relay = TestRelay::start().await;
    let addr = relay.running().addr();
    let bob = known(&relay, "bob").await;
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
