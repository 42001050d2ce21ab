//! What a browser is told: which pages may use the relay, and what the relay's own pages may do.

use std::io::Read as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::read::GzDecoder;
use reqwest::{Method, Response, header::HeaderMap};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{ENVELOPE, common::*};

const CHAT: &str = "https://chat.example";
const EVIL: &str = "https://evil.example";

async fn with_chat() -> TestRelay {
    TestRelay::start_with(|config| config.cors_origins = vec![CHAT.into(), "http://localhost:5173".into()]).await
}

async fn preflight(relay: &TestRelay, path: &str, origin: &str, method: &str) -> Response {
    let request = relay.api().request(Method::OPTIONS, path, None);
    request
        .header("origin", origin)
        .header("access-control-request-method", method)
        .header("access-control-request-headers", "authorization,content-type")
        .send()
        .await
        .unwrap()
}

/// Nothing in an answer lets a page read it, or send more than a form could.
#[track_caller]
fn tells_pages_nothing(headers: &HeaderMap) {
    let told: Vec<_> = headers
        .keys()
        .filter(|name| name.as_str().starts_with("access-control-"))
        .collect();
    assert!(told.is_empty(), "{told:?}");
}

#[tokio::test]
async fn by_default_no_page_may_use_the_relay() {
    let relay = TestRelay::start().await;
    let asked = preflight(&relay, "/v1/inbox", CHAT, "POST").await;
    assert_eq!(asked.status(), 405);
    tells_pages_nothing(asked.headers());
    let request = relay.api().request(Method::GET, "/v1/status", None);
    let served = request.header("origin", CHAT).send().await.unwrap();
    assert_eq!(served.status(), 200, "what is no browser is served as ever");
    tells_pages_nothing(served.headers());
}

#[tokio::test]
async fn a_preflight_names_what_the_path_takes_to_the_origins_that_were_chosen() {
    let relay = with_chat().await;
    for origin in [CHAT, "http://localhost:5173"] {
        for (path, method, methods) in [
            ("/v1/inbox", "POST", "DELETE, POST"),
            ("/v1/keys", "PUT", "GET, PUT"),
            ("/v1/messages?to=x", "POST", "POST"),
        ] {
            let asked = preflight(&relay, path, origin, method).await;
            assert_eq!(asked.status(), 204, "{path}");
            let headers = asked.headers();
            assert_eq!(headers["access-control-allow-origin"], origin);
            assert_eq!(headers["access-control-allow-methods"], methods);
            assert_eq!(
                headers["access-control-allow-headers"],
                "authorization, content-type, latchkey-capability, latchkey-capability-hash, latchkey-delivery-token"
            );
            assert_eq!(headers["access-control-max-age"], "7200");
            assert!(headers["vary"].to_str().unwrap().contains("origin"));
            assert!(!headers.contains_key("access-control-allow-credentials"));
        }
    }
    // Origins are compared whole: no suffix, no prefix, no other scheme or port, and not the origin of no page at all.
    for origin in [
        EVIL,
        "null",
        "http://chat.example",
        "https://chat.example:8443",
        "https://chat.example.evil.example",
        "https://evilchat.example",
        "https://CHAT.example",
        "*",
    ] {
        let asked = preflight(&relay, "/v1/inbox", origin, "POST").await;
        assert_eq!(asked.status(), 405, "{origin}");
        tells_pages_nothing(asked.headers());
        assert!(
            asked.headers()["vary"].to_str().unwrap().contains("origin"),
            "a cache must not mix them up"
        );
    }
    assert_eq!(preflight(&relay, "/v1/nope", CHAT, "GET").await.status(), 404);
    // The relay's own pages are for nobody's scripts.
    for path in ["/", "/docs", "/status"] {
        tells_pages_nothing(preflight(&relay, path, CHAT, "GET").await.headers());
    }
}

/// Confirming a play needs one, reading a license, sending by token: an operation whose header a preflight leaves out is closed to pages.
#[tokio::test]
async fn a_preflight_allows_every_header_that_the_contract_has() {
    let relay = with_chat().await;
    let asked = preflight(&relay, "/v1/inbox", CHAT, "POST").await;
    let allowed = asked.headers()["access-control-allow-headers"].to_str().unwrap();
    let allowed: Vec<_> = allowed.split(", ").collect();
    let contract = server::openapi_yaml();
    let (mut parameters, mut name) = (std::collections::BTreeSet::new(), "");
    for line in contract.lines().map(str::trim) {
        if let Some(next) = line.strip_prefix("- name: ") {
            name = next;
        } else if line == "in: header" {
            parameters.insert(std::mem::take(&mut name).to_ascii_lowercase());
        } else if line.starts_with("in: ") {
            name = "";
        }
    }
    // What is no parameter, but a way to authenticate.
    parameters.remove("");
    assert!(parameters.len() >= 3, "{parameters:?}");
    for name in parameters {
        assert!(allowed.contains(&name.as_str()), "{name} is not in {allowed:?}");
    }
}

#[tokio::test]
async fn pages_read_every_answer_good_or_bad_and_others_none() {
    let relay = with_chat().await;
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    let send = |origin: &'static str, token: &str| {
        let path = format!("/v1/messages?to=bob&id={}", Uuid::new_v4());
        let request = relay.api().request(Method::POST, &path, Some(token));
        request
            .header("origin", origin)
            .header("content-type", "application/octet-stream")
            .body(ENVELOPE)
            .send()
    };
    let waits = |origin: &'static str| {
        let request = relay.api().request(Method::POST, "/v1/inbox", Some(&bob.token));
        request
            .header("origin", origin)
            .json(&serde_json::json!({ "wait_seconds": 1 }))
            .send()
    };
    // The ordinary send of an account, one that is refused, one that waits for mail that is there, and one that no operation takes.
    for (origin, shown) in [(CHAT, true), (EVIL, false)] {
        let nope = relay
            .api()
            .request(Method::GET, "/v1/nope", None)
            .header("origin", origin);
        for (answer, status) in [
            (send(origin, &alice.token).await.unwrap(), 200),
            (send(origin, "wrong").await.unwrap(), 401),
            (waits(origin).await.unwrap(), 200),
            (nope.send().await.unwrap(), 404),
        ] {
            assert_eq!(answer.status(), status, "{origin}");
            let headers = answer.headers();
            assert!(headers["vary"].to_str().unwrap().contains("origin"), "{status}");
            if shown {
                assert_eq!(headers["access-control-allow-origin"], origin);
                assert_eq!(headers["access-control-expose-headers"], "retry-after, x-request-id");
                assert!(!headers.contains_key("access-control-allow-credentials"));
            } else {
                tells_pages_nothing(headers);
            }
        }
    }
}

async fn document(relay: &TestRelay, path: &str, accept: &str) -> (HeaderMap, Vec<u8>) {
    let request = relay.api().request(Method::GET, path, None);
    let answer = request.header("accept-encoding", accept).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    (answer.headers().clone(), answer.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn documents_are_compressed_for_clients_that_take_it() {
    let relay = TestRelay::start().await;
    for path in ["/docs", "/openapi.yaml"] {
        let (headers, plain) = document(&relay, path, "identity").await;
        assert!(!headers.contains_key("content-encoding"));
        let (headers, packed) = document(&relay, path, "br, gzip").await;
        assert_eq!(headers["content-encoding"], "gzip", "{path}");
        assert_eq!(headers["vary"], "Accept-Encoding");
        assert!(
            packed.len() * 3 < plain.len(),
            "{path}: {} of {}",
            packed.len(),
            plain.len()
        );
        let mut unpacked = Vec::new();
        GzDecoder::new(&*packed).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, plain);
    }
}

/// The hash of a script as a policy has it.
fn hash(script: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(script)))
}

#[tokio::test]
async fn pages_run_their_own_scripts_alone_and_ask_only_this_relay() {
    let relay = TestRelay::start().await;
    for path in ["/", "/docs"] {
        let (headers, text) = document(&relay, path, "identity").await;
        let text = String::from_utf8(text).unwrap();
        let policy = headers["content-security-policy"].to_str().unwrap();
        // Each directive whole, and no other: one more source in any of them would be found.
        let mut expected = vec!["default-src 'none'", "style-src 'unsafe-inline'"];
        if path == "/docs" {
            // The page is there to be tried.
            expected.extend(["img-src data:", "connect-src 'self'"]);
        }
        expected.extend(["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"]);
        let directives = policy.split("; ");
        let others: Vec<_> = directives.filter(|part| !part.starts_with("script-src ")).collect();
        assert_eq!(others, expected, "{path}");
        // Each ends at the first end tag, and begins at the first tag before it: the script of the page names tags as well.
        let mut of_text: Vec<_> = text
            .split("</script>")
            .filter_map(|before| Some(hash(before.split_once("<script")?.1.split_once('>')?.1)))
            .collect();
        let directive = policy.split("; ").find_map(|part| part.strip_prefix("script-src "));
        let mut allowed: Vec<_> = directive
            .unwrap_or_default()
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        of_text.sort_unstable();
        allowed.sort_unstable();
        assert_eq!(allowed, of_text, "{path}");
        assert_eq!(allowed.is_empty(), path == "/");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert_eq!(headers["x-frame-options"], "DENY");
    }
    let (plain, _) = document(&relay, "/docs", "identity").await;
    let (packed, _) = document(&relay, "/docs", "gzip").await;
    let policy = "content-security-policy";
    assert_eq!(packed[policy], plain[policy], "the same, however it is sent");
}

#[tokio::test]
async fn a_slash_behind_a_page_leads_to_the_page() {
    let relay = TestRelay::start().await;
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let url = relay.api().url;
    for path in ["/docs", "/status", "/openapi.yaml"] {
        let answer = client.get(format!("{url}{path}/")).send().await.unwrap();
        assert_eq!(answer.status(), 308, "{path}");
        // The path alone: neither a proxy's address nor what a request says of its host comes into it.
        assert_eq!(answer.headers()["location"], path);
        let followed = relay.api().request(Method::GET, &format!("{path}/"), None);
        assert_eq!(followed.send().await.unwrap().status(), 200, "{path}");
    }
    for path in ["/docs//", "//docs/", "/docs/x", "/nope/", "/status/x/"] {
        let answer = client.get(format!("{url}{path}")).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
    }
    let without = TestRelay::start_with(|config| config.docs = false).await;
    let url = without.api().url;
    let answer = client.get(format!("{url}/docs/")).send().await.unwrap();
    assert_eq!(answer.status(), 404, "no page is there, so nothing leads to it");
}

#[tokio::test]
async fn the_page_to_try_it_in_can_be_left_out() {
    let relay = TestRelay::start_with(|config| config.docs = false).await;
    let api = relay.api();
    api.call(Method::GET, "/docs", None, None)
        .await
        .refused(404, "not_found");
    let (_, page) = document(&relay, "/", "identity").await;
    let page = String::from_utf8(page).unwrap();
    assert!(page.contains("openapi.yaml") && !page.contains("/docs"), "{page}");
    assert_eq!(
        document(&relay, "/openapi.yaml", "identity").await.1,
        server::openapi_yaml().into_bytes()
    );
}

/// The page of the contract adds the scheme itself. Who pastes it too is told, and the refusal repeats nothing of the token.
#[tokio::test]
async fn a_token_that_is_pasted_with_other_words_is_refused_with_what_to_leave_out() {
    let relay = TestRelay::start().await;
    let (alice, api) = (relay.user("alice").await, relay.api());
    let with = |authorization: String| {
        let request = api.request(Method::GET, "/v1/keys", None);
        answer(request.header("authorization", authorization))
    };
    let token = &alice.token;
    with(format!("Bearer {token}")).await.ok();
    for pasted in [
        format!("Bearer {token}"),
        format!("bearer {token}"),
        format!("Authorization: Bearer {token}"),
        format!("{token} for {} until tomorrow", api.url),
    ] {
        let refused = with(format!("Bearer {pasted}")).await.refused(401, "unauthorized");
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.contains("without 'Bearer'"), "{pasted}: {refused}");
        assert!(!refused.to_string().contains(token), "{refused}");
    }
    // What is one word and no token is refused as before.
    let refused = with("Bearer garbage".to_owned()).await.refused(401, "unauthorized");
    assert!(!refused["detail"].as_str().unwrap().contains("without"), "{refused}");
}
