//! The operator's commands, by the real binary, beside a relay that runs.

// Helpers of tests may panic like the tests themselves (clippy.toml exempts only the latter).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{
    path::Path,
    process::{Command, Output},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use common::*;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

fn command(data: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_latchkey-relay"))
        .env_clear()
        .arg("--data-dir")
        .arg(data)
        .args(args)
        .output()
        .unwrap()
}

#[test]
fn where_the_data_is_may_be_said_behind_the_command_too() {
    let place = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_latchkey-relay"))
        .env_clear()
        .args(["audit", "verify", "--data-dir"])
        .arg(place.path())
        .output()
        .unwrap();
    // It was understood: there is only nothing there yet.
    assert!(bad(&output).contains(&*place.path().to_string_lossy()));
}

#[track_caller]
fn good(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[track_caller]
fn bad(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn head(relay: &TestRelay) -> String {
    relay.totals().await.audit.to_string()
}

#[tokio::test]
async fn the_audit_log_holds_and_an_edit_or_a_cut_is_seen() {
    let mut relay = TestRelay::start().await;
    assert!(good(&command(relay.data(), &["audit", "verify"])).contains(" 1:"));
    let first = relay.status().await["audit_head"].as_str().unwrap().to_owned();
    let mut alice = relay.user("alice").await;
    alice.call(Method::DELETE, "/v1/inbox", None).await.ok();
    // A failed sign-in is counted, and written with the next sweep.
    let challenge = alice.api.challenge("alice").await;
    let mut proof = alice.sign_in_with(&challenge, &alice.api.url);
    proof["client_nonce"] = json!(b64([0; 32]));
    for _ in 0..3 {
        let refused = alice
            .api
            .call(Method::POST, "/v1/session", None, Some(proof.clone()))
            .await;
        refused.refused(401, "unauthorized");
    }
    relay.running().services().audit.flush().await.unwrap();
    alice.call(Method::DELETE, "/v1/session", None).await.ok();
    let early = head(&relay).await;
    assert!(
        early.starts_with("5:"),
        "shown, registered, cleared, failed, signed out: {early}"
    );
    assert!(good(&command(relay.data(), &["audit", "verify"])).contains(&early));
    alice.sign_in().await;
    alice.call(Method::DELETE, "/v1/inbox", None).await.ok();
    let late = head(&relay).await;
    for kept in [&early, &late, &first] {
        good(&command(relay.data(), &["audit", "verify", "--kept", kept]));
    }
    let ahead = late.replace("6:", "7:");
    assert!(bad(&command(relay.data(), &["audit", "verify", "--kept", &ahead])).contains("rewritten"));
    relay.relay.take().unwrap().shutdown().await;

    // Somebody who can write the file.
    let file = relay.data().join("relay.sqlite3");
    let edit = |sql: &str| {
        let c = rusqlite::Connection::open(&file).unwrap();
        c.execute_batch(&format!(
            "DROP TRIGGER IF EXISTS audit_is_not_edited; DROP TRIGGER IF EXISTS audit_is_not_cut; {sql}"
        ))
        .unwrap();
    };
    edit("UPDATE audit SET times = 1 WHERE seq = 4");
    assert!(bad(&command(relay.data(), &["audit", "verify"])).contains("record 4"));
    edit("UPDATE audit SET times = 3 WHERE seq = 4");
    good(&command(relay.data(), &["audit", "verify"]));
    edit("DELETE FROM audit WHERE seq = 6");
    assert!(bad(&command(relay.data(), &["audit", "verify"])).contains("cut off"));
    // Even one who mends the relay's own note does not pass through a head that was kept elsewhere.
    edit("UPDATE relay SET audit_length = 5, audit_head = (SELECT hash FROM audit WHERE seq = 5)");
    good(&command(relay.data(), &["audit", "verify", "--kept", &early]));
    for kept in [&late, late.split_once(':').unwrap().1] {
        assert!(bad(&command(relay.data(), &["audit", "verify", "--kept", kept])).contains("rewritten"));
    }
    for nonsense in ["", "6:", ":00", &late[..late.len() - 1]] {
        assert!(bad(&command(relay.data(), &["audit", "verify", "--kept", nonsense])).contains("64 hex digits"));
    }
}

#[tokio::test]
async fn the_log_cannot_be_edited_by_accident_and_holds_no_name() {
    let mut relay = TestRelay::start().await;
    relay.user("alice-in-chains").await;
    relay.relay.take().unwrap().shutdown().await;
    let c = rusqlite::Connection::open(relay.data().join("relay.sqlite3")).unwrap();
    for sql in ["UPDATE audit SET at = 0", "DELETE FROM audit"] {
        assert!(c.execute(sql, []).unwrap_err().to_string().contains("append-only"));
    }
    let mailbox: Vec<u8> = c
        .query_row("SELECT mailbox FROM audit WHERE event = 1", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mailbox, mailbox_of("alice-in-chains"));
}

#[tokio::test]
async fn a_backup_of_a_running_relay_is_whole_and_begins_a_new_life() {
    let relay = TestRelay::start().await;
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    alice.send("bob", Uuid::new_v4(), b"before".to_vec()).await.ok();
    let before = bob.inbox(json!({})).await.ok();
    let copy = relay.dir.path().join("copy");
    std::fs::create_dir(&copy).unwrap();
    let file = copy.join("relay.sqlite3");
    good(&command(relay.data(), &["backup", file.to_str().unwrap()]));
    assert!(bad(&command(relay.data(), &["backup", file.to_str().unwrap()])).contains("exists"));
    assert_eq!(std::fs::read_dir(&copy).unwrap().count(), 1, "nothing else is left");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    // What came after is not in it.
    alice.send("bob", Uuid::new_v4(), b"after".to_vec()).await.ok();
    good(&command(&copy, &["check"]));

    let restored = TestRelay::start_with(|config| config.data_dir.clone_from(&copy)).await;
    let mut bob = User {
        api: restored.api(),
        ..bob
    };
    bob.inbox(json!({})).await.refused(401, "unauthorized");
    bob.sign_in().await;
    let page = bob.inbox(json!({})).await.ok();
    assert_eq!(bodies(&page), [b"before"]);
    assert_ne!(page["incarnation"], before["incarnation"]);
    // An acknowledgement out of the lost life deletes nothing.
    bob.inbox(json!({ "ack": ack(&before) }))
        .await
        .refused(409, "stale_incarnation");
    assert_eq!(bob.envelopes().await, [b"before"]);
    good(&command(&copy, &["audit", "verify"]));
}

/// Envelopes are delivered and erased, their rows deleted, receipts written, all while the copy is made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_a_busy_relay_has_everything_that_waits_and_knows_its_repetitions() {
    let relay = TestRelay::start().await;
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    let (carol, dave) = (relay.user("carol").await, relay.user("dave").await);
    let mut sent = Vec::new();
    for n in 0..30u8 {
        let (id, body) = (Uuid::new_v4(), vec![n; 40_000]);
        alice.send("bob", id, body.clone()).await.ok();
        sent.push((id, body));
    }
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let rounds = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&rounds);
    let traffic = tokio::spawn(async move {
        let mut position = json!({});
        while stopped.try_recv().is_err() {
            for _ in 0..8 {
                carol.send("dave", Uuid::new_v4(), vec![7; 40_000]).await.ok();
            }
            let page = dave.inbox(position).await.ok();
            position = json!({ "ack": ack(&page) });
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let data = relay.data().to_owned();
    let copies = relay.dir.path().join("copies");
    std::fs::create_dir(&copies).unwrap();
    let last = copies.join("relay.sqlite3");
    let backup = async |copy: &Path| {
        let (data, copy) = (data.clone(), copy.to_owned());
        let output = tokio::task::spawn_blocking(move || command(&data, &["backup", copy.to_str().unwrap()]));
        good(&output.await.unwrap());
    };
    // Until much went through the relay meanwhile: a copy takes some milliseconds.
    for copy in 0.. {
        backup(&copies.join(copy.to_string())).await;
        if rounds.load(Ordering::Relaxed) > 5 {
            break;
        }
    }
    backup(&last).await;
    stop.send(()).unwrap();
    traffic.await.unwrap();

    let whole = relay.dir.path().join("whole");
    std::fs::create_dir(&whole).unwrap();
    std::fs::rename(&last, whole.join("relay.sqlite3")).unwrap();
    good(&command(&whole, &["check"]));
    let restored = TestRelay::start_with(|config| config.data_dir.clone_from(&whole)).await;
    let again = async |user: User| {
        let mut user = User {
            api: restored.api(),
            ..user
        };
        user.sign_in().await;
        user
    };
    let (alice, bob) = (again(alice).await, again(bob).await);
    for (id, body) in &sent {
        alice.send("bob", *id, body.clone()).await.ok();
    }
    let read = bob.everything().await;
    let bodies: Vec<_> = sent.into_iter().map(|(_, body)| body).collect();
    assert!(read == bodies, "{} of {} were there", read.len(), bodies.len());
    good(&command(&whole, &["check"]));
}

#[tokio::test]
async fn check_finds_what_does_not_add_up_and_accounts_are_listed() {
    let mut relay = TestRelay::start().await;
    let (alice, _bob) = (relay.user("alice").await, relay.user("bob").await);
    alice.send("bob", Uuid::new_v4(), vec![1; 90]).await.ok();
    alice.send("bob", Uuid::new_v4(), vec![3; 10]).await.ok();
    assert!(good(&command(relay.data(), &["check"])).contains("sound"));
    let list = good(&command(relay.data(), &["accounts", "list"]));
    let start = "2027-01-15T08:00:00Z";
    assert_eq!(list, format!("alice\t{start}\t0\t0\nbob\t{start}\t2\t100\n"));
    relay.relay.take().unwrap().shutdown().await;
    let c = rusqlite::Connection::open(relay.data().join("relay.sqlite3")).unwrap();
    c.execute_batch("UPDATE mailbox SET licenses = licenses + 1; UPDATE relay SET accounts = 7")
        .unwrap();
    let faults = bad(&command(relay.data(), &["check"]));
    assert!(
        faults.contains("licenses of each mailbox") && faults.contains("accounts"),
        "{faults}"
    );
    // The mailbox that no checksum speaks for any more is not served.
    assert!(faults.contains("2 damaged rows in mailbox"), "{faults}");
    // An envelope that is not what was stored.
    c.execute_batch("UPDATE envelope SET body = zeroblob(90) WHERE length(body) = 90")
        .unwrap();
    let faults = bad(&command(relay.data(), &["check"]));
    assert!(faults.contains("1 damaged envelope"), "{faults}");
    let copy = relay.dir.path().join("copy.sqlite3");
    let said = bad(&command(relay.data(), &["backup", copy.to_str().unwrap()]));
    assert!(
        said.contains("damaged, so no backup was made") && !copy.exists(),
        "{said}"
    );
    let nowhere = bad(&command(Path::new("/nonexistent"), &["check"]));
    assert!(nowhere.contains("--data-dir"), "{nowhere}");
}
