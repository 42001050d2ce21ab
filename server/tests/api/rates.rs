//! Rate limits, as a client meets them.

use reqwest::Method;
use serde_json::{Value, json};
use server::{
    proxies::{Header, ProxyRules, Trust},
    service::rates::{Rate, RateLimits},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::common::*;

fn limits(change: impl FnOnce(&mut RateLimits)) -> impl FnOnce(&mut server::Config) {
    move |config| change(&mut config.rates)
}

#[tokio::test]
async fn an_address_is_told_when_to_come_again() {
    let relay = TestRelay::start_with(limits(|rates| rates.address = Rate::parse("3/h"))).await;
    for _ in 0..3 {
        relay.status().await;
    }
    let response = relay
        .api()
        .request(Method::GET, "/v1/status", None)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 429);
    let header: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    let body: Value = response.json().await.unwrap();
    assert_eq!(
        (body["code"].as_str(), body["retry_after_seconds"].as_u64()),
        (Some("rate_limited"), Some(header))
    );
    assert!((1100..=1201).contains(&header), "{header}");
}

#[tokio::test]
async fn registrations_and_sign_ins_have_limits_of_their_own() {
    let relay = TestRelay::start_with(limits(|rates| rates.sign_in = Rate::parse("2/h"))).await;
    relay.user("alice").await;
    relay.api().challenge("alice").await;
    let challenge = json!({ "user": "alice" });
    let refused = relay
        .api()
        .call(Method::POST, "/v1/session/challenge", None, Some(challenge))
        .await;
    refused.refused(429, "rate_limited");
    relay.status().await;
    let relay = TestRelay::start_with(limits(|rates| rates.register = Rate::parse("1/h"))).await;
    relay.user("alice").await;
    let bob = User::new(relay.api(), "bob");
    let body = bob.registration(None).await;
    let refused = bob.call(Method::POST, "/v1/accounts", Some(body)).await;
    refused.refused(429, "rate_limited");
    // Changes of identity are registrations, whatever comes of them.
    let relay = TestRelay::start_with(limits(|rates| rates.register = Rate::parse("1/h"))).await;
    let succeed = async || {
        let nothing = Some(json!({}));
        relay
            .api()
            .call(Method::POST, "/v1/accounts/succession", None, nothing)
            .await
    };
    succeed().await.refused(400, "bad_request");
    succeed().await.refused(429, "rate_limited");
}

#[tokio::test]
async fn only_a_proxy_is_believed_about_addresses() {
    let from = async |relay: &TestRelay, address: &str| {
        let request = relay.api().request(Method::GET, "/v1/status", None);
        answer(request.header("x-forwarded-for", address)).await.status
    };
    let relay = TestRelay::start_with(limits(|rates| rates.address = Rate::parse("1/h"))).await;
    assert_eq!(from(&relay, "10.0.0.1").await, 200);
    assert_eq!(
        from(&relay, "10.0.0.2").await,
        429,
        "no proxy: anyone can write that header"
    );
    let trusting = async |trust: &str| {
        let proxies = ProxyRules {
            trust: Trust::parse(trust).unwrap(),
            header: Header::XForwardedFor,
        };
        TestRelay::start_with(move |config| {
            config.rates.address = Rate::parse("1/h");
            config.proxies = proxies;
        })
        .await
    };
    // Somewhere else is the proxy, and this is not it.
    let relay = trusting("10.0.0.0/8").await;
    assert_eq!(from(&relay, "192.0.2.1").await, 200);
    assert_eq!(from(&relay, "192.0.2.2").await, 429);
    let relay = trusting("127.0.0.1").await;
    assert_eq!(from(&relay, "10.0.0.1").await, 200);
    assert_eq!(from(&relay, "10.0.0.1").await, 429);
    assert_eq!(from(&relay, "10.0.0.2").await, 200);
    assert_eq!(
        from(&relay, "10.9.9.9, 10.0.0.2").await,
        429,
        "the last is the proxy's word"
    );
    assert_eq!(from(&relay, "10.0.0.3:4711").await, 200);
    assert_eq!(from(&relay, "10.0.0.3:4712").await, 429, "another port of the same");
    assert_eq!(from(&relay, "2001:db8:1:2::1").await, 200);
    assert_eq!(from(&relay, "2001:db8:1:2:9::1").await, 429, "one network");
}

#[tokio::test]
async fn an_account_has_its_rates_and_drains_nobodys_prekeys() {
    let relay = TestRelay::start_with(limits(|rates| {
        rates.one_time = Rate::parse("2/h");
        rates.fetch_key = Rate::parse("4/h");
    }))
    .await;
    let (alice, carol) = (relay.user("alice").await, relay.user("carol").await);
    let bob = relay.user("bob").await;
    let batch = json!({ "one_time_batch": batch_json(&bob.batch(1, 1, 8)) });
    bob.call(Method::PUT, "/v1/keys", Some(batch)).await.ok();
    for with in [true, true, false, false] {
        let bundle = alice.call(Method::GET, "/v1/keys/bob", None).await.ok();
        assert_eq!(bundle.get("one_time").is_some(), with);
    }
    let refused = alice.call(Method::GET, "/v1/keys/bob", None).await;
    refused.refused(429, "rate_limited");
    // Others go on getting them, and six are left less one.
    let bundle = carol.call(Method::GET, "/v1/keys/bob", None).await.ok();
    assert!(bundle.get("one_time").is_some());
    let left = bob.call(Method::GET, "/v1/keys", None).await.ok();
    assert_eq!(left["one_time_left"], 5);

    let relay = TestRelay::start_with(limits(|rates| rates.account = Rate::parse("2/h"))).await;
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    for _ in 0..2 {
        alice.envelopes().await;
    }
    alice.inbox(json!({})).await.refused(429, "rate_limited");
    bob.envelopes().await;
}

#[tokio::test]
async fn an_address_has_so_many_connections() {
    use tokio::{io::AsyncReadExt as _, net::TcpStream};
    let relay = TestRelay::start_with(limits(|rates| rates.connections = std::num::NonZeroU32::new(2))).await;
    let connect = async || TcpStream::connect(relay.running().addr()).await.unwrap();
    let mut first = connect().await;
    let (_second, _third) = (connect().await, connect().await);
    // The one that did nothing for longest makes room. Closed without a word; an error is a close too.
    assert!(!matches!(first.read(&mut [0; 1]).await, Ok(1)));
    // Accounts that wait for mail make none.
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    let services = relay.running().services().clone();
    let waiting = [alice, bob].map(|user| {
        tokio::spawn(async move {
            let user = User {
                api: Api {
                    http: client(),
                    ..user.api.clone()
                },
                ..user
            };
            user.inbox(serde_json::json!({ "wait_seconds": 30 })).await
        })
    });
    eventually("both wait", || services.mailboxes.waiting() == 2).await;
    let mut another = connect().await;
    assert!(!matches!(another.read(&mut [0; 1]).await, Ok(1)));
    assert_eq!(services.mailboxes.waiting(), 2);
    for wait in waiting {
        wait.abort();
    }
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        if relay
            .http
            .get(format!("{}/v1/status", relay.url()))
            .send()
            .await
            .is_ok()
        {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "places are not given back");
    }
}

/// A proof that does not hold is verified like one that does, and whoever makes such proofs pays nothing for them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bogus_sign_ins_of_one_address_keep_no_other_from_signing_in() {
    const BOGUS: usize = 600;
    const ROUNDS: usize = 5;
    let relay = TestRelay::start_with(|config| {
        config.rates.sign_in = Rate::parse("1000000/s");
        config.proxies = ProxyRules {
            trust: Trust::parse("127.0.0.1").unwrap(),
            header: Header::XForwardedFor,
        };
    })
    .await;
    let alice = relay.user("alice").await;
    let impostor = User::new(relay.api(), "alice");
    let address: std::net::SocketAddr = relay.url().trim_start_matches("http://").parse().unwrap();
    let mut refused = 0;
    for _ in 0..ROUNDS {
        let challenge = relay.api().challenge("alice").await;
        let own = alice.sign_in_with(&challenge, &relay.url());
        let body = impostor.sign_in_with(&challenge, &relay.url()).to_string();
        let bogus = format!(
            "POST /v1/session HTTP/1.1\r\nHost: {address}\r\nX-Forwarded-For: 192.0.2.1\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut attackers = Vec::new();
        for _ in 0..BOGUS {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(bogus.as_bytes()).await.unwrap();
            attackers.push(stream);
        }
        let request = relay.api().request(Method::POST, "/v1/session", None);
        answer(request.header("x-forwarded-for", "192.0.2.2").json(&own))
            .await
            .ok();
        for mut stream in attackers {
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            match &answer[9..12] {
                "401" => {}
                "503" => refused += 1,
                _ => panic!("{answer}"),
            }
        }
    }
    assert!(refused > 0, "the attackers took no more than their share");
}
