//! Invitations and released names, by command.

use server::{
    clock::{Clock as _, SystemClock},
    model::MailboxId,
    service::Registrations,
};

use super::*;

async fn by_invitation() -> TestRelay {
    TestRelay::start_with(|config| config.registration = Registrations::Invite).await
}

/// Registers `name` with the code of `link`.
async fn register(relay: &TestRelay, name: &str, link: &str) -> Answer {
    let mut user = User::new(relay.api(), name);
    user.now = relay.clock.now();
    let mut body = user.registration(None).await;
    body["invite"] = json!(link.split_once("#invite=").unwrap().1.trim());
    user.call(Method::POST, "/v1/accounts", Some(body)).await
}

/// The link in what `invite` said.
fn link_in(said: &str) -> String {
    said.lines().next().unwrap().to_owned()
}

/// Records of one kind in the audit log.
fn noted(relay: &TestRelay, event: u8) -> i64 {
    let c = rusqlite::Connection::open(relay.data().join("relay.sqlite3")).unwrap();
    let sql = "SELECT coalesce(sum(times), 0) FROM audit WHERE event = ?1";
    c.query_row(sql, [event], |row| row.get(0)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invitations_are_made_listed_and_revoked_while_the_relay_runs() {
    let relay = by_invitation().await;
    let settings = [
        "--registration",
        "invite",
        "--origins",
        "https://relay.example,http://[::1]:5000",
    ];
    let invite = async |more: &[&str]| good(relay.data(), &[&settings[..], &["invite"], more].concat()).await;
    let said = invite(&["--uses", "2", "--expires", "30d"]).await;
    let link = link_in(&said);
    assert!(link.starts_with("https://relay.example/#invite="), "{said}");
    assert!(said.contains("2 accounts, within 30d"), "{said}");
    assert_eq!(said.matches(link.split_once('=').unwrap().1).count(), 1, "once: {said}");
    register(&relay, "alice", &link).await.ok();
    let list = invite(&["list"]).await;
    let fields: Vec<&str> = list.trim_end().split('\t').collect();
    // By the relay's clock, which the command's does not have to agree with.
    let expires = START.plus(DAY * 30).as_millis().to_string();
    assert_eq!(fields[1..], ["1", &expires], "{list}");
    assert!(said.contains(fields[0]), "{said}");

    let revoked = invite(&["revoke", fields[0]]).await;
    assert!(revoked.contains(fields[0]), "{revoked}");
    assert_eq!(invite(&["list"]).await, "");
    register(&relay, "bob", &link).await.refused(403, "invite_refused");
    for gone in [fields[0], &link, "00", "ffffffffffff"] {
        let (success, said) = command(relay.data(), &["invite", "revoke", gone], "").await;
        assert!(!success && said.contains("no such invitation"), "{said}");
    }
    // By its link, which is not repeated.
    let link = link_in(&invite(&[]).await);
    let revoked = invite(&["revoke", &link]).await;
    assert!(!revoked.contains(link.split_once('=').unwrap().1), "{revoked}");
    register(&relay, "bob", &link).await.refused(403, "invite_refused");
    assert_eq!((noted(&relay, 12), noted(&relay, 13)), (3, 2));
    for (mistake, why) in [
        (["--uses", "0"], "--uses"),
        (["--expires", "7"], "--expires"),
        (["--expires", "0s"], "a year"),
    ] {
        let (success, said) = command(relay.data(), &[&["invite"][..], &mistake[..]].concat(), "").await;
        assert!(!success && said.contains(why), "{said}");
    }
    good(relay.data(), &["check"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_that_was_made_where_no_relay_runs_lets_in_at_the_next_start() {
    let mut relay = by_invitation().await;
    relay.relay.take().unwrap().shutdown().await;
    // Nothing says where the relay will be reached.
    let said = good(relay.data(), &["--listen", "127.0.0.1:0", "invite"]).await;
    assert!(said.contains("code alone") && !said.contains('#'), "{said}");
    assert!(
        said.contains("registration is open"),
        "the settings of the command say so: {said}"
    );
    let code = format!("#invite={}", link_in(&said));
    let link = link_in(&good(relay.data(), &["--registration", "invite", "invite"]).await);
    assert!(link.starts_with("http://127.0.0.1:5000/#invite="), "{link}");
    relay.relay = Some(
        server::Relay::start_with(relay.config.clone(), relay.clock.clone(), relay.gate.clone())
            .await
            .unwrap(),
    );
    relay.clock.set(SystemClock.now());
    register(&relay, "alice", &code).await.ok();
    register(&relay, "bob", &link).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_accounts_name_is_taken_until_it_is_released() {
    let relay = TestRelay::start().await;
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    bob.send("alice", Uuid::new_v4(), b"for the first alice".to_vec())
        .await
        .ok();
    let token = json!({ "token_hash": b64([5; 32]) });
    alice.call(Method::PUT, "/v1/delivery-tokens", Some(token)).await.ok();
    let refused = bad(relay.data(), &["accounts", "release", "alice", "--yes"]).await;
    assert!(refused.contains("accounts remove alice"), "{refused}");
    let refused = bad(relay.data(), &["accounts", "release", "carol", "--yes"]).await;
    assert!(refused.contains("not kept from anyone"), "{refused}");
    good(relay.data(), &["accounts", "remove", "alice", "--yes"]).await;

    let other = User::new(relay.api(), "alice");
    assert_ne!(other.fingerprint(), alice.fingerprint());
    let claim = async || {
        let mut other = User::new(relay.api(), "alice");
        other.now = START;
        let body = other.registration(None).await;
        let answer = other.call(Method::POST, "/v1/accounts", Some(body)).await;
        (other, answer)
    };
    claim().await.1.refused(409, "name_taken");
    // Asked, with what it means, and not sure.
    let (released, said) = command(relay.data(), &["accounts", "release", "alice"], "yes\n").await;
    assert!(
        !released && said.contains("safety numbers") && said.contains("nothing was released"),
        "{said}"
    );
    claim().await.1.refused(409, "name_taken");
    let (released, said) = command(relay.data(), &["accounts", "release", "alice"], "alice\n").await;
    assert!(released && said.contains("by the relay that runs"), "{said}");
    assert_eq!(noted(&relay, 11), 1);

    let (mut other, answer) = claim().await;
    other.token = answer.ok()["token"].as_str().unwrap().into();
    // The name, and nothing of who had it.
    assert_eq!(other.envelopes().await, [b""; 0]);
    alice.inbox(json!({})).await.refused(401, "unauthorized");
    let bundle = bob.call(Method::GET, "/v1/keys/alice", None).await.ok();
    assert_eq!(unb64(&bundle["identity_key"]), other.keys.public().to_bytes());
    assert!(bundle["successions"].is_null(), "it is no successor: {bundle}");
    bob.send("alice", Uuid::new_v4(), b"for the second".to_vec()).await.ok();
    assert_eq!(other.envelopes().await, [b"for the second"]);
    let refused = bad(relay.data(), &["accounts", "release", "alice", "--yes"]).await;
    assert!(refused.contains("has an account"), "{refused}");
    good(relay.data(), &["check"]).await;
    good(relay.data(), &["audit", "verify"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_released_where_no_relay_runs() {
    let mut relay = TestRelay::start().await;
    relay.user("alice").await;
    relay.relay.take().unwrap().shutdown().await;
    good(relay.data(), &["accounts", "remove", "alice", "--yes"]).await;
    let said = good(relay.data(), &["accounts", "release", "alice", "--yes"]).await;
    assert!(said.contains("No relay is running"), "{said}");
    let reader = server::store::sqlite::admin::Reader::open(relay.data()).unwrap();
    let alice = MailboxId::of(&protocol::address::UserName::parse("alice").unwrap());
    assert!(!reader.is_reserved(alice).unwrap());
    drop(reader);
    relay.relay = Some(
        server::Relay::start_with(relay.config.clone(), relay.clock.clone(), relay.gate.clone())
            .await
            .unwrap(),
    );
    relay.user("alice").await;
}
