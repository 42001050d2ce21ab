//! The relay itself: status, pages, errors, its disk.

use reqwest::Method;
use serde_json::{Value, json};
use server::origin::Origin;
use uuid::Uuid;

use crate::{ENVELOPE, common::*};

#[tokio::test]
async fn status_lists_no_names() {
    let relay = TestRelay::start().await;
    let (alice, _) = (relay.user("alice-in-chains").await, relay.user("bobby-tables").await);
    alice.send("bobby-tables", Uuid::new_v4(), ENVELOPE).await.ok();
    for path in ["/v1/status", "/status", "/"] {
        let text = relay
            .api()
            .request(Method::GET, path, None)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        for secret in ["alice-in-chains", "bobby-tables", &hex::encode(alice.mailbox())] {
            assert!(!text.contains(secret), "{path} shows {secret}");
        }
    }
    let status = relay.status().await;
    assert_eq!(
        (&status["suite"], &status["storage_engine"]),
        (&json!(1), &json!("sqlite"))
    );
    assert_eq!(
        status["relay_key_fingerprint"],
        alice.api.challenge("x").await["relay_key_fingerprint"]
    );
}

#[tokio::test]
async fn everything_wrong_is_a_problem() {
    let relay = TestRelay::start().await;
    let api = relay.api();
    api.call(Method::GET, "/nope", None, None)
        .await
        .refused(404, "not_found");
    api.call(Method::GET, "/v1/nope", None, None)
        .await
        .refused(404, "not_found");
    api.call(Method::PATCH, "/v1/keys", None, None)
        .await
        .refused(405, "method_not_allowed");
    api.call(Method::POST, "/", None, None)
        .await
        .refused(405, "method_not_allowed");
    let post = |body: &'static str, kind: &str| {
        api.request(Method::POST, "/v1/session/challenge", None)
            .header("content-type", kind)
            .body(body)
    };
    answer(post("{", "application/json")).await.refused(400, "bad_request");
    answer(post("[]", "application/json")).await.refused(400, "bad_request");
    answer(post("{\"user\":{}}", "application/json"))
        .await
        .refused(400, "bad_request");
    answer(post("user=alice", "application/x-www-form-urlencoded"))
        .await
        .refused(400, "bad_request");
}

#[tokio::test]
async fn a_405_names_the_methods_there_are() {
    let relay = TestRelay::start().await;
    for (path, allowed) in [
        ("/v1/status", "GET"),
        ("/v1/inbox", "DELETE, POST"),
        ("/v1/keys", "GET, PUT"),
        ("/v1/keys/alice", "GET"),
        ("/v1/licenses/x/plays/y", "DELETE"),
        ("/", "GET, HEAD"),
    ] {
        let answer = relay.api().request(Method::PATCH, path, None).send().await.unwrap();
        assert_eq!(answer.status(), 405, "{path}");
        assert_eq!(answer.headers()["allow"], allowed, "{path}");
    }
}

#[tokio::test]
async fn the_pages_are_there_and_load_nothing_from_elsewhere() {
    let relay = TestRelay::start().await;
    let get = async |path: &str| {
        let response = relay.api().request(Method::GET, path, None).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.text().await.unwrap()
    };
    let page = get("/").await;
    for part in [
        "Latchkey relay",
        "href=\"/docs\"",
        "href=\"/openapi.yaml\"",
        "<dt>Accounts</dt><dd>few</dd>",
    ] {
        assert!(page.contains(part), "{part} is missing");
    }
    for loads in ["<script", "src=", "url(", "href=\"http", "@import"] {
        assert!(!page.contains(loads), "{loads}: {page}");
    }
    assert_eq!(get("/openapi.yaml").await, server::openapi_yaml());
    assert!(get("/docs").await.contains("swagger"));
    assert_eq!(
        serde_json::from_str::<Value>(&get("/status").await).unwrap(),
        relay.status().await
    );
}

#[tokio::test]
async fn the_page_says_how_to_register_at_this_relay() {
    let page = async |relay: &TestRelay, host: Option<&str>| {
        let mut request = relay.api().request(Method::GET, "/", None);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        request.send().await.unwrap().text().await.unwrap()
    };
    let relay = TestRelay::start_with(|config| config.origins = Vec::new()).await;
    let port = relay.running().addr().port();
    let here = page(&relay, None).await;
    let dials = |url: &str| format!("<code>latchkey --relay {url} register NAME</code>");
    assert!(here.contains(&dials(&format!("http://127.0.0.1:{port}"))), "{here}");
    // Another host is not repeated: a page must not say what somebody made a browser ask.
    let other = page(&relay, Some("evil.example")).await;
    assert!(other.contains(&dials("URL")) && !other.contains("evil"), "{other}");

    let origin = |url: &str| Origin::parse(url).unwrap();
    let relay = TestRelay::start_with(|config| config.origins = vec![origin("https://relay.example")]).await;
    let named = page(&relay, Some("evil.example")).await;
    assert!(named.contains(&dials("https://relay.example")), "{named}");
    let relay = TestRelay::start_with(|config| config.origins = vec![origin("http://relay.lan:5000")]).await;
    let plain = page(&relay, None).await;
    assert!(
        plain.contains(&dials("http://relay.lan:5000 --allow-plain-http")),
        "{plain}"
    );
}

/// As after `kill -9`, when the system has not ended the first yet.
#[tokio::test]
async fn a_relay_that_is_just_ending_is_waited_for() {
    let mut relay = TestRelay::start().await;
    let mut next = Box::pin(server::Relay::start(relay.config.clone()));
    assert!(
        futures_util::poll!(next.as_mut()).is_pending(),
        "it does not give up at once"
    );
    relay.relay.take().unwrap().shutdown().await;
    next.await.unwrap().shutdown().await;
}

#[tokio::test]
async fn two_relays_never_share_a_data_directory() {
    let relay = TestRelay::start().await;
    let error = server::Relay::start(relay.config.clone())
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains("another relay") && error.contains("--data-dir"),
        "{error}"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(relay.data().metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }
}

#[tokio::test]
async fn a_full_disk_is_said_half_does_nothing_and_passes() {
    let relay = TestRelay::start_with(|config| config.max_database = Some(4 << 20)).await;
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    let mut stored = Vec::new();
    let refused = loop {
        let id = Uuid::new_v4();
        let answer = alice.send("bob", id, vec![9; 200 * 1024]).await;
        if answer.status != 200 {
            break (id, answer);
        }
        stored.push(id);
        assert!(stored.len() < 100, "the limit never came");
    };
    refused.1.refused(507, "storage_full");
    assert_eq!(relay.totals().await.pending, stored.len() as u64);
    let mut delivered = 0;
    loop {
        let page = bob.inbox(json!({})).await.ok();
        if bodies(&page).is_empty() {
            break;
        }
        delivered += bodies(&page).len();
        bob.inbox(json!({ "ack": ack(&page) })).await.ok();
    }
    assert_eq!(delivered, stored.len());
    alice.send("bob", refused.0, vec![9; 200 * 1024]).await.ok();
    assert_eq!(bob.envelopes().await.len(), 1);
}

#[tokio::test]
async fn a_start_on_a_full_disk_serves_what_is_there() {
    let mut relay = TestRelay::start_with(|config| config.max_database = Some(4 << 20)).await;
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    let mut stored = 0_u64;
    while alice.send("bob", Uuid::new_v4(), vec![9; 200 * 1024]).await.status == 200 {
        stored += 1;
    }
    assert!(stored > 0);
    relay.restart().await;
    // Their sessions are known from before, and so is the mail.
    let (api, token) = (relay.api(), Some(&*bob.token));
    assert_eq!(relay.totals().await.pending, stored);
    let mut ack = json!(null);
    let mut delivered = 0_u64;
    loop {
        let body = if ack.is_null() {
            json!({})
        } else {
            json!({ "ack": ack })
        };
        let page = api.call(Method::POST, "/v1/inbox", token, Some(body)).await.ok();
        if bodies(&page).is_empty() {
            break;
        }
        delivered += bodies(&page).len() as u64;
        ack = crate::common::ack(&page);
    }
    assert_eq!(delivered, stored, "delivery makes room, and needs none");
}

#[tokio::test]
async fn fixed_origins_are_the_only_ones() {
    let relay =
        TestRelay::start_with(|config| config.origins = vec![Origin::parse("https://relay.example").unwrap()]).await;
    let alice = User::new(relay.api(), "alice");
    let challenge = alice.api.challenge("alice").await;
    let body = alice.registration_with(&challenge, &relay.url(), None);
    alice
        .call(Method::POST, "/v1/accounts", Some(body))
        .await
        .refused(400, "bad_request");
    let body = alice.registration_with(&challenge, "https://relay.example", None);
    alice.call(Method::POST, "/v1/accounts", Some(body)).await.ok();
}

/// A server in the middle has alice sign for it, and passes that on: as it came, and with the Host that goes with it.
#[tokio::test]
async fn a_proof_for_another_server_is_worth_nothing_and_the_refusal_says_what_was_compared() {
    let named = |config: &mut server::Config| config.origins = vec![Origin::parse("https://relay.example").unwrap()];
    for (relay, ours) in [
        (TestRelay::start().await, "the loopback"),
        (
            TestRelay::start_with(named).await,
            "\"https://middle.example\", and this relay's is https://relay.example",
        ),
    ] {
        let mut alice = User::new(relay.api(), "alice");
        let own = if relay.config.origins.is_empty() {
            relay.url()
        } else {
            "https://relay.example".to_owned()
        };
        let body = alice.registration_with(&alice.api.challenge("alice").await, &own, None);
        let answer = alice.call(Method::POST, "/v1/accounts", Some(body)).await.ok();
        alice.token = answer["token"].as_str().unwrap().into();
        for origin in [
            "https://middle.example",
            "http://10.0.0.7:5000",
            "http://localhost.example",
        ] {
            let authority = origin.split_once("://").unwrap().1;
            for host in [authority, relay.url().trim_start_matches("http://")] {
                let challenge = alice.api.challenge("alice").await;
                let body = alice.sign_in_with(&challenge, origin);
                let request = alice.api.request(Method::POST, "/v1/session", None);
                let refused = crate::common::answer(request.header("host", host).json(&body)).await;
                let detail = refused.refused(400, "bad_request")["detail"]
                    .as_str()
                    .unwrap()
                    .to_owned();
                assert!(detail.contains(&format!("{origin:?}")), "{detail}");
                assert!(detail.contains("'origins'"), "{detail}");
                if origin == "https://middle.example" {
                    assert!(detail.contains(ours), "{detail}");
                }
            }
        }
        // Nothing came of it: the session that there was is the one that there is.
        alice.envelopes().await;
    }
}
