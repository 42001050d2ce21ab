//! What an operator watches: health, numbers, and what dashboards and alerts make of them.

// Helpers of tests may panic like the tests themselves (clippy.toml exempts only the latter).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
mod process;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use common::*;
use process::{said_until, url_in};
use reqwest::Method;
use serde_json::{Value, json};
use server::{service::rates::Rate, tls::TlsSource};
use uuid::Uuid;

fn watched(config: &mut server::Config) {
    config.metrics_listen = Some("127.0.0.1:0".parse().unwrap());
}

async fn get(relay: &TestRelay, path: &str) -> (u16, String) {
    let url = format!("http://{}{path}", relay.running().metrics_addr().unwrap());
    let response = relay.http.get(url).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// Each sample of the text format: its name with its labels, and its value.
async fn samples(relay: &TestRelay) -> BTreeMap<String, f64> {
    let (status, text) = get(relay, "/metrics").await;
    assert_eq!(status, 200);
    assert!(text.ends_with("# EOF\n"), "a scrape that was cut off shows");
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect()
}

#[tokio::test]
async fn what_happens_is_counted() {
    let relay = TestRelay::start_with(|config| {
        watched(config);
        config.rates.fetch_key = Rate::parse("1/h");
    })
    .await;
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    for body in [vec![1; 100], vec![2; 50]] {
        alice.send("bob", Uuid::new_v4(), body).await.ok();
    }
    alice
        .send("nobody", Uuid::new_v4(), b"x".to_vec())
        .await
        .refused(404, "no_such_user");
    alice.call(Method::GET, "/v1/keys/bob", None).await.ok();
    alice
        .call(Method::GET, "/v1/keys/bob", None)
        .await
        .refused(429, "rate_limited");
    relay
        .api()
        .call(Method::GET, "/v1/made/up", None, None)
        .await
        .refused(404, "not_found");
    let services = relay.running().services().clone();
    services.sweep().await.unwrap();
    let waiting = tokio::spawn(async move {
        let page = bob.inbox(json!({})).await.ok();
        let page = bob.inbox(json!({ "ack": ack(&page), "wait_seconds": 30 })).await.ok();
        assert_eq!(bodies(&page).len(), 1);
    });
    eventually("bob waits", || services.mailboxes.waiting() == 1).await;

    let now = samples(&relay).await;
    for (name, value) in [
        (r#"latchkey_requests_total{operation="send",class="2xx"}"#, 2.0),
        (r#"latchkey_requests_total{operation="send",class="4xx"}"#, 1.0),
        (r#"latchkey_requests_total{operation="register",class="2xx"}"#, 2.0),
        (r#"latchkey_requests_total{operation="other",class="4xx"}"#, 1.0),
        (r#"latchkey_request_duration_seconds_count{operation="send"}"#, 3.0),
        (r#"latchkey_rate_limited_total{limit="fetch_key"}"#, 1.0),
        (r#"latchkey_sweeps_total{outcome="done"}"#, 1.0),
        ("latchkey_waiting_inboxes", 1.0),
        ("latchkey_accounts", 2.0),
        ("latchkey_stored_envelopes", 0.0),
        ("latchkey_stored_bytes", 0.0),
        ("latchkey_audit_records", 3.0),
        ("latchkey_writer_queue", 0.0),
        ("latchkey_store_damaged", 0.0),
        ("latchkey_store_refusing", 0.0),
        ("latchkey_commit_failures_total", 0.0),
    ] {
        assert_eq!(now.get(name), Some(&value), "{name}");
    }
    let commits = now["latchkey_commit_duration_seconds_count"];
    assert!(
        commits >= 4.0 && now["latchkey_commit_jobs_sum"] >= commits,
        "{commits}"
    );
    assert!(now["latchkey_connections"] >= 1.0 && now[r#"latchkey_database_bytes{part="pages"}"#] > 4096.0);

    alice.send("bob", Uuid::new_v4(), vec![3; 70]).await.ok();
    waiting.await.unwrap();
    let now = samples(&relay).await;
    assert_eq!(
        (now["latchkey_stored_envelopes"], now["latchkey_stored_bytes"]),
        (1.0, 70.0)
    );
    // What expires leaves the sums as well.
    relay.clock.advance(DAY * 40);
    services.sweep().await.unwrap();
    let now = samples(&relay).await;
    assert_eq!(
        (now["latchkey_stored_envelopes"], now["latchkey_stored_bytes"]),
        (0.0, 0.0)
    );
    assert_eq!(now[r#"latchkey_swept_rows_total{kind="envelopes"}"#], 1.0);
}

#[tokio::test]
async fn once_nothing_is_being_erased_nothing_of_the_delivered_is_in_any_file() {
    const MARK: &[u8] = b"only in these envelopes";
    let relay = TestRelay::start_with(watched).await;
    let bob = relay.user("bob").await;
    for _ in 0..300 {
        bob.send("bob", Uuid::new_v4(), MARK.repeat(40)).await.ok();
    }
    let data = relay.data();
    assert!(!files_with(data, MARK).is_empty(), "the search finds what is there");
    let mut page = bob.inbox(json!({})).await.ok();
    while !bodies(&page).is_empty() {
        page = bob.inbox(json!({ "ack": ack(&page) })).await.ok();
    }
    // From the answer to the last acknowledgement on: at no look is it said too early.
    let mut looks = 0;
    while samples(&relay).await["latchkey_store_erasing"] != 0.0 {
        looks += 1;
        assert!(looks < 10_000, "it does not end");
    }
    assert_eq!(files_with(data, MARK), Vec::<String>::new());
}

#[tokio::test]
async fn no_series_is_about_anyone_and_their_number_is_bounded() {
    let relay = TestRelay::start_with(watched).await;
    let before = samples(&relay).await.len();
    let alice = relay.user("alice-in-chains").await;
    for n in 0..20 {
        alice.call(Method::GET, &format!("/v1/keys/somebody{n}"), None).await;
        alice.call(Method::GET, &format!("/{n}"), None).await;
        alice.call(Method::PATCH, &format!("/v1/licenses/{n}"), None).await;
    }
    let after = samples(&relay).await;
    assert_eq!(after.len(), before, "requests make no series");
    let (_, text) = get(&relay, "/metrics").await;
    for about in ["alice", "somebody", &hex::encode(alice.mailbox()), "127.0.0.1"] {
        assert!(!text.contains(about), "{about} is in the metrics");
    }
}

#[tokio::test]
async fn it_lives_is_ready_and_says_when_it_is_not() {
    let mut relay = TestRelay::start_with(watched).await;
    assert_eq!(get(&relay, "/livez").await, (200, "alive\n".to_owned()));
    assert_eq!(get(&relay, "/readyz").await, (200, "ready\n".to_owned()));
    assert_eq!(
        get(&relay, "/v1/status").await.0,
        404,
        "the contract is not served here"
    );
    // A client that waits holds the end up for as long as this test wants to look.
    let services = relay.running().services().clone();
    services.stop();
    let (status, reason) = get(&relay, "/readyz").await;
    assert_eq!((status, reason.contains("shutting down")), (503, true), "{reason}");
    assert_eq!(get(&relay, "/livez").await.0, 200);
    drop(services);
    let addr = relay.running().metrics_addr().unwrap();
    relay.relay.take().unwrap().shutdown().await;
    assert!(
        tokio::net::TcpStream::connect(addr).await.is_err(),
        "it went with the relay"
    );
}

#[tokio::test]
async fn a_full_disk_is_not_ready_until_something_is_written_again() {
    let relay = TestRelay::start_with(|config| {
        watched(config);
        config.max_database = Some(4 << 20);
    })
    .await;
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    while alice.send("bob", Uuid::new_v4(), vec![7; 100_000]).await.status == 200 {}
    let (status, reason) = get(&relay, "/readyz").await;
    assert_eq!((status, reason.contains("full")), (503, true), "{reason}");
    let now = samples(&relay).await;
    assert_eq!(now["latchkey_store_refusing"], 1.0);
    assert!(now["latchkey_commit_failures_total"] >= 1.0);
    let page = bob.inbox(json!({})).await.ok();
    bob.inbox(json!({ "ack": ack(&page) })).await.ok();
    assert_eq!(get(&relay, "/readyz").await.0, 200);
}

#[tokio::test]
async fn a_damaged_store_is_not_ready_while_it_lives() {
    let relay = TestRelay::start_with(watched).await;
    // What the writer does when it meets damage; its own tests make it meet some.
    let damaged = &relay.running().services().activity().unwrap().damaged;
    damaged.store(true, std::sync::atomic::Ordering::Relaxed);
    let (status, reason) = get(&relay, "/readyz").await;
    assert_eq!((status, reason.contains("damaged")), (503, true), "{reason}");
    assert_eq!(samples(&relay).await["latchkey_store_damaged"], 1.0);
    assert_eq!(get(&relay, "/livez").await.0, 200);
}

/// In jobs of the writer, not in time: however much has expired, a send waits for the step that is under way and the one queued before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sends_get_in_between_the_steps_of_a_sweep() {
    use server::model::{MailboxId, Sender};
    use std::sync::atomic::{AtomicBool, Ordering};
    let relay = TestRelay::start().await;
    let alice = relay.user("alice").await;
    relay.user("bob").await;
    let services = relay.running().services().clone();
    let from = Sender::Account(MailboxId::from_bytes(alice.mailbox()));
    let send = async || {
        services
            .mailboxes
            .deposit(from, "bob", Uuid::new_v4(), vec![1; 50], None)
            .await
    };
    for _ in 0..40 {
        let batch = futures_util::future::join_all((0..200).map(|_| send())).await;
        assert!(batch.iter().all(Result::is_ok));
    }
    relay.clock.advance(DAY * 31);
    let done = std::sync::Arc::new(AtomicBool::new(false));
    let sweep = tokio::spawn({
        let (services, done) = (services.clone(), done.clone());
        async move {
            services.sweep().await.unwrap();
            done.store(true, Ordering::SeqCst);
        }
    });
    let steps = || services.metrics().sweeps.steps.load(Ordering::Relaxed);
    let (mut between, mut waited) = (0, Vec::new());
    while !done.load(Ordering::SeqCst) {
        let before = steps();
        send().await.unwrap();
        waited.push(steps() - before);
        between += u32::from(before > 0 && !done.load(Ordering::SeqCst));
    }
    sweep.await.unwrap();
    // Two, and one that was reported late on either side. The median: this task may lose the processor between a send and the look at the steps.
    waited.sort_unstable();
    let typical = waited[waited.len() / 2];
    assert!(typical <= 4, "sends waited for so many steps: {waited:?}");
    assert!(
        steps() > 8000 / 256 && between > 0,
        "{} steps, {between} sends",
        steps()
    );
}

/// Names of our metrics in an expression.
fn named(expression: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    expression
        .split(|c| !is_name(c))
        .filter(|word| word.starts_with("latchkey_"))
        .map(str::to_owned)
        .collect()
}

/// Every string under `key` in a JSON tree.
fn under<'a>(tree: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match tree {
        Value::Object(fields) => {
            for (name, value) in fields {
                if name == key {
                    found.extend(value.as_str());
                }
                under(value, key, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| under(item, key, found)),
        _ => {}
    }
}

#[tokio::test]
async fn dashboard_and_alerts_ask_for_what_there_is() {
    let relay = TestRelay::start_with(|config| {
        watched(config);
        config.tls = Some(TlsSource::SelfSigned);
    })
    .await;
    let samples = samples(&relay).await;
    let names: BTreeSet<&str> = samples.keys().map(|name| name.split('{').next().unwrap()).collect();
    let labels: BTreeSet<&str> = samples
        .keys()
        .filter_map(|name| name.split_once('{'))
        .flat_map(|(_, labels)| labels.trim_end_matches('}').split(','))
        .collect();

    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/monitoring");
    let read = |file: &str| std::fs::read_to_string(docs.join(file)).unwrap();
    let dashboard: Value = serde_json::from_str(&read("grafana-dashboard.json")).unwrap();
    let alerts: Value = serde_yaml::from_str(&read("prometheus-alerts.yml")).unwrap();
    let (mut panels, mut rules) = (Vec::new(), Vec::new());
    under(&dashboard, "expr", &mut panels);
    under(&alerts, "expr", &mut rules);
    assert!(panels.len() > 20 && rules.len() > 8, "{} {}", panels.len(), rules.len());
    let mut asked = BTreeSet::new();
    for expression in panels.iter().chain(&rules) {
        let of_it = named(expression);
        assert!(!of_it.is_empty() || expression.contains("up{"), "{expression}");
        for name in &of_it {
            assert!(names.contains(&**name), "{name} in {expression} is not exported");
        }
        asked.extend(of_it);
        // Labels with fixed values have values that exist.
        for (label, _) in expression.match_indices(r#"=""#).map(|(at, _)| expression.split_at(at)) {
            let label = label.trim_end_matches('!');
            let label = label
                .rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .next()
                .unwrap();
            let value = expression.split(&format!("{label}=\"")).nth(1);
            let Some(value) = value.and_then(|rest| rest.split('"').next()) else {
                continue;
            };
            assert!(
                label == "job" || labels.contains(&*format!("{label}=\"{value}\"")),
                "{label}={value:?} in {expression} is no label"
            );
        }
    }
    // And nobody collects what nobody looks at.
    let base = |name: &str| {
        let cut = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix));
        cut.unwrap_or(name).to_owned()
    };
    let asked: BTreeSet<_> = asked.iter().map(|name| base(name)).collect();
    let unseen: Vec<_> = names.iter().filter(|name| !asked.contains(&base(name))).collect();
    assert!(unseen.is_empty(), "on no panel and in no alert: {unseen:?}");
    for rule in alerts["groups"][0]["rules"].as_array().unwrap() {
        for part in ["alert", "expr", "labels", "annotations"] {
            assert!(!rule[part].is_null(), "{part} is missing in {rule}");
        }
    }
}

#[test]
fn numbers_that_others_can_reach_are_warned_of_at_the_start() {
    let errors = |listen: &str| {
        let dir = tempfile::tempdir().unwrap();
        let errors = dir.path().join("errors");
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_latchkey-relay"))
            .env_clear()
            .args([
                "--quiet",
                "--listen",
                "127.0.0.1:0",
                "--metrics-listen",
                listen,
                "--data-dir",
            ])
            .arg(dir.path().join("data"))
            .stdout(std::process::Stdio::piped())
            .stderr(std::fs::File::create(&errors).unwrap())
            .spawn()
            .unwrap();
        let said = said_until(&mut child, "listening on");
        child.kill().unwrap();
        child.wait().unwrap();
        url_in(&said);
        std::fs::read_to_string(&errors).unwrap()
    };
    let said = errors("0.0.0.0:0");
    assert!(
        said.contains("WARN") && said.contains("others can reach --metrics-listen"),
        "{said}"
    );
    assert_eq!(errors("127.0.0.1:0"), "");
}
