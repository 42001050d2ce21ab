//! What an operator does to a relay by command: removing accounts, looking at settings, and gate keys in backups and checks.

// Helpers of tests may panic like the tests themselves (clippy.toml exempts only the latter).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "operator/doors.rs"]
mod doors;
mod process;

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
    sync::Arc,
};

use common::*;
use reqwest::Method;
use serde_json::{Value, json};
use server::store::sqlite::admin::keys_beside;
use uuid::Uuid;

const KEY: [u8; 16] = [3; 16];
const CAPABILITY: [u8; 32] = [4; 32];

/// The program, typed `input` at; from another thread, since the relay under test lives on this one.
async fn command(data: &Path, args: &[&str], input: &'static str) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey-relay"));
    command.env_clear().arg("--data-dir").arg(data).args(args);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let output: Output = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        // A command that asks nothing may be over already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    })
    .await
    .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

async fn good(data: &Path, args: &[&str]) -> String {
    let (success, said) = command(data, args, "").await;
    assert!(success, "{said}");
    said
}

async fn bad(data: &Path, args: &[&str]) -> String {
    let (success, said) = command(data, args, "").await;
    assert!(!success, "{said}");
    said
}

/// Alice, who has everything that an account can have, and bob, who has mail of hers.
async fn scene() -> (TestRelay, User, User, ObliviousLicense) {
    let relay = TestRelay::start_on(Arc::new(FakeGate::default()), |_| {}).await;
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    let batch = json!({ "one_time_batch": batch_json(&alice.batch(1, 1, 8)) });
    alice.call(Method::PUT, "/v1/keys", Some(batch)).await.ok();
    let token = json!({ "token_hash": b64([5; 32]) });
    alice.call(Method::PUT, "/v1/delivery-tokens", Some(token)).await.ok();
    put_gate_key(&alice, KEY, CAPABILITY, fake_key(100, &[])).await.ok();
    // More than one step of a removal.
    for n in 0..300_u32 {
        bob.send("alice", Uuid::new_v4(), n.to_be_bytes().to_vec()).await.ok();
    }
    let to_alice = License::new("alice", 3);
    let message = to_alice.message("alice", Uuid::new_v4(), b"limited");
    bob.call(Method::POST, "/v1/messages/limited", Some(message)).await.ok();
    to_alice.play(&relay.api(), Uuid::new_v4()).await.ok();
    let to_bob = ObliviousLicense::new("bob", KEY, CAPABILITY, fake_counter(2));
    let message = to_bob.message("bob", Uuid::new_v4(), b"oblivious");
    alice
        .call(Method::POST, "/v1/messages/oblivious", Some(message))
        .await
        .ok();
    to_bob
        .ask(&relay.api(), Uuid::new_v4(), &fake_request(true, Some(0)))
        .await
        .ok();
    (relay, alice, bob, to_bob)
}

/// Nothing of alice is left but that her name is taken.
async fn gone(relay: &TestRelay, mut alice: User, bob: &User, to_bob: &ObliviousLicense) {
    alice.api = relay.api();
    alice.inbox(json!({})).await.refused(401, "unauthorized");
    bob.call(Method::GET, "/v1/keys/alice", None)
        .await
        .refused(404, "no_such_user");
    bob.send("alice", Uuid::new_v4(), b"x".to_vec())
        .await
        .refused(404, "no_such_user");
    let again = alice.registration(None).await;
    alice
        .call(Method::POST, "/v1/accounts", Some(again))
        .await
        .refused(409, "name_taken");
    assert_eq!(relay.totals().await.accounts, 1);
    // What she sent is his, and can still be opened.
    assert_eq!(bob.envelopes().await, [b"oblivious"]);
    to_bob
        .ask(&relay.api(), Uuid::new_v4(), &fake_request(true, Some(1)))
        .await
        .ok();
    let sound = good(relay.data(), &["check"]).await;
    assert!(sound.contains("sound"), "{sound}");
    let list = good(relay.data(), &["accounts", "list"]).await;
    assert!(list.starts_with("bob\t2027-01-15T08:00:00Z\t"), "{list}");
    let json: Value = serde_json::from_str(&good(relay.data(), &["accounts", "list", "--json"]).await).unwrap();
    assert_eq!(json["name"], "bob");
    assert_eq!(json["registered"], START.as_millis());
    assert!(json["envelopes"].is_u64() && json["bytes"].is_u64(), "{json}");
    good(relay.data(), &["audit", "verify"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_removed_by_the_relay_that_runs() {
    let (relay, alice, bob, to_bob) = scene().await;
    let nobody = bad(relay.data(), &["accounts", "remove", "nobody", "--yes"]).await;
    assert!(nobody.contains("no account named"), "{nobody}");
    // Asked, and not sure.
    let (removed, said) = command(relay.data(), &["accounts", "remove", "alice"], "yes\n").await;
    assert!(!removed && said.contains("301 envelopes not fetched yet"), "{said}");
    alice.inbox(json!({ "limit": 1 })).await.ok();
    let before = relay.totals().await.audit.length;
    let (removed, said) = command(relay.data(), &["accounts", "remove", "alice"], "alice\n").await;
    assert!(removed && said.contains("by the relay that runs"), "{said}");
    assert_eq!(relay.totals().await.audit.length, before + 1);
    gone(&relay, alice, &bob, &to_bob).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_removed_where_no_relay_runs() {
    let (mut relay, alice, mut bob, to_bob) = scene().await;
    relay.relay.take().unwrap().shutdown().await;
    let said = good(relay.data(), &["accounts", "remove", "alice", "--yes"]).await;
    assert!(said.contains("No relay is running"), "{said}");
    relay.relay = Some(
        server::Relay::start_with(relay.config.clone(), relay.clock.clone(), relay.gate.clone())
            .await
            .unwrap(),
    );
    bob.api = relay.api();
    gone(&relay, alice, &bob, &to_bob).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_has_its_gate_keys_and_check_looks_at_them() {
    let (relay, alice, _bob, _) = scene().await;
    let copy = relay.dir.path().join("copy");
    let file = relay.dir.path().join("backup");
    let said = good(relay.data(), &["backup", file.to_str().unwrap()]).await;
    assert!(said.contains("1 gate key written"), "{said}");
    std::fs::create_dir(&copy).unwrap();
    std::fs::rename(&file, copy.join("relay.sqlite3")).unwrap();
    std::fs::rename(keys_beside(&file), copy.join("gate-keys")).unwrap();
    good(&copy, &["check"]).await;

    let key = std::fs::read_dir(copy.join("gate-keys"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let whole = std::fs::read(&key).unwrap();
    // Damaged, cut, gone, and one too many.
    std::fs::write(&key, vec![7; whole.len()]).unwrap();
    assert!(bad(&copy, &["check"]).await.contains("other bytes"));
    let again = relay.dir.path().join("again");
    let refused = bad(&copy, &["backup", again.to_str().unwrap()]).await;
    assert!(refused.contains("no backup was made"), "{refused}");
    assert!(!again.exists() && !keys_beside(&again).exists(), "nothing half is left");
    std::fs::write(&key, &whole[1..]).unwrap();
    assert!(bad(&copy, &["check"]).await.contains("should have"));
    std::fs::remove_file(&key).unwrap();
    assert!(bad(&copy, &["check"]).await.contains("missing"));
    std::fs::write(&key, &whole).unwrap();
    let stray = copy.join("gate-keys").join("stray");
    std::fs::write(&stray, b"x").unwrap();
    good(&copy, &["check"]).await;
    let long_ago = std::time::SystemTime::now() - DAY;
    std::fs::File::options()
        .write(true)
        .open(&stray)
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    assert!(bad(&copy, &["check"]).await.contains("belongs to no gate key"));
    std::fs::remove_file(&stray).unwrap();

    // A counter that is wrong, content that nobody refers to.
    let c = rusqlite::Connection::open(copy.join("relay.sqlite3")).unwrap();
    c.execute_batch(
        "UPDATE relay SET gate_key_bytes = 1; INSERT INTO sealed (checksum, pad, content) VALUES (0, x'', x'00')",
    )
    .unwrap();
    drop(c);
    let faults = bad(&copy, &["check"]).await;
    assert!(
        faults.contains("bytes of gate keys") && faults.contains("belong to nothing"),
        "{faults}"
    );
    // The relay itself was not touched by any of it.
    gate_key(&alice, Method::GET, KEY).await.ok();
    good(relay.data(), &["check"]).await;
}

#[tokio::test]
async fn config_show_says_what_holds_and_why_in_a_form_that_can_be_used() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("relay.toml");
    std::fs::write(&file, "token_ttl = '90m'\n").unwrap();
    let args = [
        "--config",
        file.to_str().unwrap(),
        "--mailbox-size",
        "32MiB",
        "config",
        "show",
    ];
    let shown = good(dir.path(), &args).await;
    for line in [
        "mailbox_size = \"32MiB\"  # --mailbox-size",
        "listen = \"127.0.0.1:5000\"  # default",
        "metrics_listen = \"off\"  # default",
        "# tls_cert is not set",
    ] {
        assert!(shown.contains(line), "{line:?} is missing in {shown}");
    }
    assert!(shown.contains("token_ttl = \"1h30m\"  # token_ttl (in "), "{shown}");
    assert!(shown.starts_with("# No relay runs on "), "{shown}");
    let settings = shown
        .lines()
        .skip(1)
        .map(|line| line.trim_start_matches("# ").split(' ').next().unwrap());
    let all = server::config::SETTINGS.iter().map(|setting| setting.name);
    assert!(settings.eq(all), "every setting, in order: {shown}");
    // What it shows is a configuration, and the same one.
    std::fs::write(&file, &shown).unwrap();
    let args = ["--config", file.to_str().unwrap(), "config", "show"];
    let values = |shown: &str| -> Vec<String> {
        shown
            .lines()
            .skip(1)
            .map(|line| line.split("  #").next().unwrap().to_owned())
            .collect()
    };
    assert_eq!(values(&good(dir.path(), &args).await), values(&shown));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn config_show_beside_a_relay_that_runs_shows_what_that_one_has() {
    let mut relay = TestRelay::start_with(|config| config.quota.bytes = 16 << 20).await;
    let args = ["--mailbox-size", "32MiB", "--token-ttl", "1h", "config", "show"];
    let shown = good(relay.data(), &args).await;
    assert!(shown.starts_with("# A relay runs on "), "{shown}");
    let port = format!("listen = \"{}\"", relay.running().addr());
    for line in [port.as_str(), "mailbox_size = \"16MiB\"", "rate_limits = false"] {
        assert!(
            shown.lines().any(|shown| shown.starts_with(line)),
            "{line:?} is missing in {shown}"
        );
    }
    // What differs is said, and what was not set or is the same is not.
    let (_, others) = shown.split_once("# This command has other settings").expect("it has");
    let others: Vec<&str> = others.lines().skip(1).collect();
    assert_eq!(others, ["# mailbox_size = \"32MiB\"  # --mailbox-size"], "{shown}");
    assert!(
        shown.lines().all(|line| !line.contains("written at each start")),
        "{shown}"
    );
    // It is a configuration, and nobody else reads it.
    let file = relay.data().join(server::config::running::FILE_NAME);
    let again = good(relay.data(), &["--config", file.to_str().unwrap(), "config", "show"]).await;
    assert!(!again.contains("other settings"), "{again}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    relay.relay.take().unwrap().shutdown().await;
    let shown = good(relay.data(), &args).await;
    assert!(shown.starts_with("# No relay runs on "), "{shown}");
    assert!(shown.contains("mailbox_size = \"32MiB\"  # --mailbox-size"), "{shown}");
}

#[tokio::test]
async fn a_command_is_not_taken_for_the_value_of_a_flag() {
    let mut relay = TestRelay::start().await;
    relay.relay.take().unwrap().shutdown().await;
    for flags in [
        &["--tls-self-signed"][..],
        &["--tls-self-signed=true"],
        &["--origins", "https://relay.example", "--behind-proxy"],
        &["--behind-proxy=no"],
    ] {
        let list = good(relay.data(), &[flags, &["accounts", "list"]].concat()).await;
        assert_eq!(list, "", "{flags:?}");
    }
    let said = bad(relay.data(), &["--tls-self-signed=perhaps", "accounts", "list"]).await;
    assert!(said.contains("true or false"), "{said}");
}

/// What a first start prints, until it says how to register: on standard output, and before that on standard error.
fn first_start(filter: Option<&str>) -> (String, String) {
    let dir = tempfile::tempdir().unwrap();
    let errors = dir.path().join("errors");
    let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey-relay"));
    command
        .env_clear()
        .args(["--listen", "127.0.0.1:0", "--data-dir"])
        .arg(dir.path().join("data"))
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(&errors).unwrap());
    if let Some(filter) = filter {
        command.env("LATCHKEY_LOG", filter);
    }
    let mut child = command.spawn().unwrap();
    let said = process::said_until(&mut child, "register NAME");
    child.kill().unwrap();
    child.wait().unwrap();
    (said.join("\n"), std::fs::read_to_string(&errors).unwrap())
}

#[test]
fn a_first_start_begins_with_the_welcome() {
    let (said, before) = first_start(None);
    assert!(said.contains("listening on"), "{said}");
    assert_eq!(before, "");
    // What is not shown is there for who asks for it.
    let (_, before) = first_start(Some("info"));
    assert!(before.contains("refinery"), "{before}");
}

/// A certificate that is good in these years, and its key.
fn certificate(dir: &Path, from: i32, to: i32) -> [String; 4] {
    let mut params = rcgen::CertificateParams::new(["relay.example".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(from, 1, 1);
    params.not_after = rcgen::date_time_ymd(to, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let (cert_file, key_file) = (dir.join("cert.pem"), dir.join("key.pem"));
    // The key first, and the certificate at once: a relay that looks in between has a pair that does not match, and says so.
    std::fs::write(&key_file, key.serialize_pem()).unwrap();
    std::fs::write(&cert_file, params.self_signed(&key).unwrap().pem()).unwrap();
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    [
        "--tls-cert".into(),
        path(&cert_file),
        "--tls-key".into(),
        path(&key_file),
    ]
}

#[test]
fn a_certificate_out_of_its_time_is_an_error_in_the_log_and_in_check() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let tls = certificate(dir.path(), 2020, 2021);
    let mut child = Command::new(env!("CARGO_BIN_EXE_latchkey-relay"))
        .env_clear()
        .args(["--listen", "127.0.0.1:0", "--quiet", "--data-dir"])
        .arg(&data)
        .args(&tls)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut log = std::io::BufRead::lines(log).map_while(Result::ok);
    let check = |tls: &[String]| {
        let output = Command::new(env!("CARGO_BIN_EXE_latchkey-relay"))
            .env_clear()
            .arg("--data-dir")
            .arg(&data)
            .args(tls)
            .arg("check")
            .output()
            .unwrap();
        (
            output.status.success(),
            String::from_utf8([output.stdout, output.stderr].concat()).unwrap(),
        )
    };
    // A relay that runs but says nothing is ended after a while, and then its log ends.
    let id = child.id().to_string();
    let (over, watched) = std::sync::mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        if watched.recv_timeout(std::time::Duration::from_secs(60)).is_err() {
            let _ = Command::new("kill").args(["-9", &id]).status();
        }
    });
    let mut said = |what: &str| log.find(|line| line.contains("ERROR") && line.contains(what));
    let at_start = said("ended at");
    assert!(
        at_start.as_ref().is_some_and(|line| line.contains("cert.pem")),
        "{at_start:?}"
    );
    let (sound, text) = check(&tls);
    assert!(
        !sound && text.contains("counters right") && text.contains("ended at Jan  1 00:00:00 2021"),
        "{text}"
    );
    // A renewal that is not good yet.
    certificate(dir.path(), 2090, 2091);
    let renewed = said("begins at");
    assert!(renewed.is_some(), "a reload says it as well");
    let (sound, text) = check(&tls);
    assert!(!sound && text.contains("begins at"), "{text}");
    certificate(dir.path(), 2020, 2090);
    let (sound, text) = check(&tls);
    assert!(sound, "{text}");
    std::fs::write(dir.path().join("key.pem"), "nonsense").unwrap();
    let (sound, text) = check(&tls);
    assert!(!sound && text.contains("key.pem"), "{text}");
    over.send(()).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    watch.join().unwrap();
}
