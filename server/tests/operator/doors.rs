//! Invitations and released names, by command.

use std::{num::NonZeroU32, time::Duration};

use protocol::address::UserName;
use server::{
    clock::{Clock as _, SystemClock},
    invite::InviteCode,
    operator::errands::{self, Errand},
    service::Registrations,
};

use super::*;

async fn by_invitation() -> TestRelay {
    let relay = TestRelay::start_with(|config| config.registration = Registrations::Invite).await;
    // By which commands go.
    relay.clock.set(SystemClock.now());
    relay
}

/// Leaves an errand's file, and waits until the relay that runs has taken it up.
async fn leave(relay: &TestRelay, errand: &Errand) {
    let file = errands::ask(relay.data(), errand).unwrap();
    eventually("the relay takes up an errand", || !file.exists()).await;
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
    assert!(said.contains("2 accounts, until 20"), "{said}");
    assert_eq!(said.matches(link.split_once('=').unwrap().1).count(), 1, "once: {said}");
    register(&relay, "alice", &link).await.ok();
    let list = invite(&["list"]).await;
    let fields: Vec<&str> = list.trim_end().split('\t').collect();
    assert_eq!(fields[1], "1", "{list}");
    // A moment for people, the same that the invitation was given; and for programs.
    assert!(said.contains(fields[0]) && said.contains(fields[2]), "{said} {list}");
    let json: Value = serde_json::from_str(&invite(&["list", "--json"]).await).unwrap();
    let expires = json["expires"].as_u64().unwrap();
    let now = SystemClock.now().as_millis();
    let month = u64::try_from((DAY * 30).as_millis()).unwrap();
    assert!((now + month - 60_000..=now + month).contains(&expires), "{json}");
    assert_eq!(json, json!({ "id": fields[0], "uses": 1, "expires": expires }));

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
    let url = relay.url();
    relay.relay.take().unwrap().shutdown().await;
    // As if none had ever run there: nothing says where the relay will be reached.
    std::fs::remove_file(relay.data().join(server::config::running::FILE_NAME)).unwrap();
    let said = good(relay.data(), &["--listen", "127.0.0.1:0", "invite"]).await;
    assert!(said.contains("the code alone") && !said.contains('#'), "{said}");
    assert!(
        said.contains("Registration is open by this command's settings"),
        "the settings of the command say so: {said}"
    );
    let code = format!("#invite={}", link_in(&said));
    let said = good(relay.data(), &["--registration", "invite", "invite"]).await;
    let link = link_in(&said);
    assert!(link.starts_with("http://127.0.0.1:5000/#invite="), "{link}");
    assert!(
        said.contains("works on this machine alone: by this command's settings") && said.contains("--origins"),
        "{said}"
    );
    relay.config.listen = url.trim_start_matches("http://").parse().unwrap();
    relay.relay = Some(
        server::Relay::start_with(relay.config.clone(), relay.clock.clone(), relay.gate.clone())
            .await
            .unwrap(),
    );
    register(&relay, "alice", &code).await.ok();
    register(&relay, "bob", &link).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_names_the_relay_that_runs_whatever_the_command_was_told() {
    let mut relay = by_invitation().await;
    let invite = async |relay: &TestRelay, args: &[&str]| good(relay.data(), &[args, &["invite"]].concat()).await;
    // Nothing but where the data are; the port was chosen at the start.
    let said = invite(&relay, &[]).await;
    assert!(said.starts_with(&format!("{}/#invite=", relay.url())), "{said}");
    assert!(
        said.contains("works on this machine alone: by the relay's settings") && said.contains("--origins"),
        "{said}"
    );
    assert!(
        !said.contains("Registration is"),
        "the relay asks for invitations: {said}"
    );
    register(&relay, "alice", &link_in(&said)).await.ok();

    relay.config.origins = ["https://relay.example", "http://127.0.0.1:5000"]
        .iter()
        .map(|url| server::origin::Origin::parse(url).unwrap())
        .collect();
    relay.restart().await;
    for args in [&[][..], &["--listen", "127.0.0.1:7"]] {
        let said = invite(&relay, args).await;
        assert!(said.starts_with("https://relay.example/#invite="), "{said}");
        assert!(!said.contains("this machine alone"), "{said}");
    }
    // What the operator says counts, but not without a word.
    let said = invite(&relay, &["--origins", "https://other.example"]).await;
    assert!(said.starts_with("https://other.example/#invite="), "{said}");
    assert!(
        said.contains("nobody signs in at https://other.example")
            && said.contains("relay takes https://relay.example and"),
        "{said}"
    );
    // So it is while it does not run.
    relay.relay.take().unwrap().shutdown().await;
    let said = invite(&relay, &[]).await;
    assert!(said.starts_with("https://relay.example/#invite="), "{said}");
    // A file that was cut off says nothing.
    std::fs::write(relay.data().join(server::config::running::FILE_NAME), "").unwrap();
    let said = invite(&relay, &[]).await;
    assert!(said.contains("no relay has run here yet"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_does_not_come_back_with_its_errand() {
    let mut relay = by_invitation().await;
    let expires = relay.clock.now().plus(DAY * 7);
    let made = async |relay: &TestRelay, uses| {
        let code = InviteCode::generate().unwrap();
        let errand = Errand::Invite {
            hash: code.hash(),
            uses: NonZeroU32::new(uses).unwrap(),
            expires,
        };
        leave(relay, &errand).await;
        (code.link("").to_string(), errand)
    };
    let [(spent, first), (revoked, second), (half, third), (unused, fourth)] = [
        made(&relay, 1).await,
        made(&relay, 5).await,
        made(&relay, 2).await,
        made(&relay, 1).await,
    ];
    register(&relay, "alice", &spent).await.ok();
    register(&relay, "bob", &half).await.ok();
    let Errand::Invite { hash, .. } = second else { panic!() };
    leave(&relay, &Errand::Revoke(hash)).await;
    let all = [first, second, third, fourth];
    for round in 0..2 {
        for errand in &all {
            leave(&relay, errand).await;
        }
        if round == 0 {
            relay.restart().await;
        }
    }
    // Both at once: the one that makes it does not come last.
    for errand in [Errand::Revoke(hash), second] {
        errands::ask(relay.data(), &errand).unwrap();
    }
    leave(&relay, &second).await;
    for gone in [&spent, &revoked] {
        register(&relay, "carol", gone).await.refused(403, "invite_refused");
    }
    register(&relay, "carol", &half).await.ok();
    register(&relay, "dora", &half).await.refused(403, "invite_refused");
    // Nor does one whose time is over, used or not, with the time that it had.
    relay.clock.advance(DAY * 8);
    leave(&relay, &Errand::Revoke([0; 32])).await;
    for errand in &all {
        leave(&relay, errand).await;
    }
    for over in [&spent, &revoked, &half, &unused] {
        register(&relay, "dora", over).await.refused(403, "invite_refused");
    }
    assert_eq!((noted(&relay, 12), noted(&relay, 13)), (9, 5));
    good(relay.data(), &["check"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_or_release_that_comes_back_concerns_nobody_who_came_later() {
    let relay = TestRelay::start().await;
    let name = UserName::parse("alice").unwrap();
    let release = || {
        Errand::release(&relay.reader(), &name)
            .unwrap()
            .expect("a reserved name")
    };
    relay.user("alice").await;
    let first_removal = relay.removal("alice");
    leave(&relay, &first_removal).await;
    let first_release = release();
    leave(&relay, &first_release).await;

    relay.clock.advance(Duration::from_secs(1));
    let second = relay.user("alice").await;
    for errand in [first_removal, first_release] {
        leave(&relay, &errand).await;
    }
    second.send("alice", Uuid::new_v4(), b"still here".to_vec()).await.ok();
    assert_eq!(second.envelopes().await, [b"still here"]);
    assert_eq!((noted(&relay, 10), noted(&relay, 11)), (1, 1));

    leave(&relay, &relay.removal("alice")).await;
    for errand in [first_release, first_removal] {
        leave(&relay, &errand).await;
    }
    let third = User::new(relay.api(), "alice");
    let body = third.registration(None).await;
    third
        .call(Method::POST, "/v1/accounts", Some(body))
        .await
        .refused(409, "name_taken");
    assert_ne!(release(), first_release);
    assert_eq!((noted(&relay, 10), noted(&relay, 11)), (2, 1));
}

/// A disk on which nothing can be erased: every attempt fails, and everything else goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_gets_a_released_name_never_gets_mail_that_could_not_be_erased() {
    let mut relay = TestRelay::start().await;
    let (_first, mut bob) = (relay.user("alice").await, relay.user("bob").await);
    for _ in 0..3 {
        bob.send("alice", Uuid::new_v4(), b"for the first alice".to_vec())
            .await
            .ok();
    }
    let database = rusqlite::Connection::open(relay.data().join("relay.sqlite3")).unwrap();
    database
        .execute_batch(
            "CREATE TRIGGER fails BEFORE UPDATE ON envelope BEGIN SELECT RAISE(ABORT, 'as a disk does'); END",
        )
        .unwrap();
    good(relay.data(), &["accounts", "remove", "alice", "--yes"]).await;
    good(relay.data(), &["accounts", "release", "alice", "--yes"]).await;
    let of_alice = || -> i64 {
        let sql = "SELECT count(*) FROM envelope WHERE mailbox = ?1";
        database
            .query_row(sql, [mailbox_of("alice")], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(of_alice(), 3, "they are still on the disk");

    let mut second = relay.user("alice").await;
    assert_eq!(second.envelopes().await, [b""; 0]);
    bob.send("alice", Uuid::new_v4(), b"for the second".to_vec()).await.ok();
    for restarts in 0..2 {
        let page = second.inbox(json!({})).await.ok();
        assert_eq!(bodies(&page), [b"for the second"]);
        // Its numbers do not say how much mail the first one got.
        assert_eq!(page["envelopes"][0]["sequence"], (1_u64 << 32) + 1);
        assert_eq!(of_alice(), 4, "after {restarts} restarts");
        relay.restart().await;
        (second.api, bob.api) = (relay.api(), relay.api());
    }
    // On a disk that works again the old mail goes, and only that.
    database.execute_batch("DROP TRIGGER fails").unwrap();
    bob.send("bob", Uuid::new_v4(), b"x".to_vec()).await.ok();
    let page = bob.inbox(json!({})).await.ok();
    bob.inbox(json!({ "ack": ack(&page) })).await.ok();
    eventually("the old mail is erased", || of_alice() == 1).await;
    assert_eq!(second.envelopes().await, [b"for the second"]);
    // And so on for the next.
    good(relay.data(), &["accounts", "remove", "alice", "--yes"]).await;
    good(relay.data(), &["accounts", "release", "alice", "--yes"]).await;
    let third = relay.user("alice").await;
    bob.send("alice", Uuid::new_v4(), b"for the third".to_vec()).await.ok();
    let page = third.inbox(json!({})).await.ok();
    assert_eq!(bodies(&page), [b"for the third"]);
    assert_eq!(page["envelopes"][0]["sequence"], (2_u64 << 32) + 1);
    good(relay.data(), &["check"]).await;
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
    let alice = UserName::parse("alice").unwrap();
    assert_eq!(Errand::release(&relay.reader(), &alice).unwrap(), None);
    relay.relay = Some(
        server::Relay::start_with(relay.config.clone(), relay.clock.clone(), relay.gate.clone())
            .await
            .unwrap(),
    );
    relay.user("alice").await;
}
