//! Who may register, and what becomes of invitations.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use server::{invite::InviteCode, operator::errands::Errand, service::Registrations};

use crate::common::*;

const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

async fn relay_that_is(registration: Registrations) -> TestRelay {
    TestRelay::start_with(|config| config.registration = registration).await
}

/// A registration of `user`, with what is shown as an invitation.
async fn try_by(user: &User, shown: Option<&str>) -> Answer {
    let mut body = user.registration(None).await;
    if let Some(code) = shown {
        body["invite"] = json!(code);
    }
    user.call(Method::POST, "/v1/accounts", Some(body)).await
}

async fn by(relay: &TestRelay, name: &str, code: &InviteCode) -> Answer {
    try_by(&newcomer(relay, name), Some(&code.reveal())).await
}

fn newcomer(relay: &TestRelay, name: &str) -> User {
    let mut user = User::new(relay.api(), name);
    user.now = START;
    user
}

#[tokio::test]
async fn a_closed_relay_takes_nobody_new_and_tells_no_names() {
    let mut relay = TestRelay::start().await;
    let mut alice = relay.user("alice").await;
    assert_eq!(relay.status().await["registration"], "open");
    relay.config.registration = Registrations::Closed;
    relay.restart().await;
    assert_eq!(relay.status().await["registration"], "closed");
    alice.api = relay.api();

    let free = try_by(&newcomer(&relay, "bob"), None)
        .await
        .refused(403, "registration_closed");
    let taken = try_by(&newcomer(&relay, "alice"), None).await;
    assert_eq!(taken.refused(403, "registration_closed"), free);
    assert!(free["action"].as_str().unwrap().contains("operator"), "{free}");
    let code = relay.invite(1, WEEK).await;
    by(&relay, "bob", &code).await.refused(403, "registration_closed");

    // Who has an account has it: a lost answer is asked for again, and everything else goes on.
    alice.token = try_by(&alice, None).await.ok()["token"].as_str().unwrap().into();
    alice.sign_in().await;
    alice.envelopes().await;
    assert_eq!(relay.totals().await.accounts, 1);
}

#[tokio::test]
async fn what_is_no_invitation_any_more_never_was_one() {
    let mut relay = TestRelay::start().await;
    relay.user("alice").await;
    relay.config.registration = Registrations::Invite;
    relay.restart().await;
    assert_eq!(relay.status().await["registration"], "invite");

    let missing = try_by(&newcomer(&relay, "bob"), None)
        .await
        .refused(403, "invite_required");
    let taken = try_by(&newcomer(&relay, "alice"), None).await;
    assert_eq!(taken.refused(403, "invite_required"), missing);

    let spent = relay.invite(1, WEEK).await;
    by(&relay, "carol", &spent).await.ok();
    let revoked = relay.invite(1, WEEK).await;
    let services = relay.running().services();
    assert!(services.do_errand(&Errand::Revoke(revoked.hash())).await.unwrap());
    assert!(!services.do_errand(&Errand::Revoke(revoked.hash())).await.unwrap());
    let expired = relay.invite(1, Duration::from_secs(3600)).await;
    let unknown = InviteCode::generate().unwrap();
    relay.clock.advance(Duration::from_secs(3600));
    let codes = [&spent, &revoked, &expired, &unknown].map(|code| code.reveal().to_string());
    let mut answers: Vec<Value> = Vec::new();
    for code in codes
        .iter()
        .map(String::as_str)
        .chain(["", "nonsense", &"0".repeat(64)])
    {
        for name in ["bob", "alice"] {
            let answer = try_by(&newcomer(&relay, name), Some(code)).await;
            assert!(
                !answer.body.to_string().contains(code) || code.is_empty(),
                "{}",
                answer.body
            );
            answers.push(answer.refused(403, "invite_refused"));
        }
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(relay.totals().await.accounts, 2);
}

/// A signature with another bit.
fn altered(signature: &Value) -> Value {
    let mut bytes = unb64(signature);
    bytes[100] ^= 1;
    json!(b64(bytes))
}

#[tokio::test]
async fn an_invitation_is_spent_by_what_comes_of_it_alone() {
    let mut relay = relay_that_is(Registrations::Invite).await;
    let code = relay.invite(2, WEEK).await;
    let mut alice = newcomer(&relay, "alice");
    let digits = code.reveal();
    // Proofs that do not hold, a name that is none, a name that is taken.
    let mut forged = alice.registration(None).await;
    forged["invite"] = json!(*digits);
    forged["signature"] = altered(&forged["signature"]);
    alice
        .call(Method::POST, "/v1/accounts", Some(forged))
        .await
        .refused(400, "bad_signature");
    let first = try_by(&alice, Some(&digits.to_uppercase())).await.ok();
    by(&relay, "alice", &code).await.refused(409, "name_taken");
    // Repetitions of what succeeded, by the same key: with the code, without it, with another.
    for shown in [Some(&**digits), None, Some("nonsense")] {
        let again = try_by(&alice, shown).await.ok();
        assert_eq!(again["fingerprint"], first["fingerprint"]);
    }
    // It has its last use, across a restart, and not one more.
    relay.restart().await;
    alice.api = relay.api();
    by(&relay, "bob", &code).await.ok();
    by(&relay, "carol", &code).await.refused(403, "invite_refused");
    try_by(&alice, None).await.ok();
    assert_eq!(relay.totals().await.accounts, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_as_many_come_in_as_are_invited() {
    let relay = relay_that_is(Registrations::Invite).await;
    let code = relay.invite(3, WEEK).await;
    let digits = code.reveal();
    let newcomers: Vec<User> = (0..12).map(|n| newcomer(&relay, &format!("user-{n}"))).collect();
    let answers = futures_util::future::join_all(newcomers.iter().map(|user| try_by(user, Some(&digits)))).await;
    let (let_in, others): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!(let_in.len(), 3);
    for answer in others {
        answer.refused(403, "invite_refused");
    }
    assert_eq!(relay.totals().await.accounts, 3);
}

#[tokio::test]
async fn a_code_is_in_no_file_and_its_hash_is() {
    let mut relay = relay_that_is(Registrations::Invite).await;
    let code = relay.invite(5, WEEK).await;
    by(&relay, "alice", &code).await.ok();
    relay.relay.take().unwrap().shutdown().await;
    let digits = code.reveal();
    assert_eq!(files_with(relay.data(), digits.as_bytes()), [""; 0]);
    assert_eq!(files_with(relay.data(), &hex::decode(&*digits).unwrap()), [""; 0]);
    assert_eq!(files_with(relay.data(), &code.hash()), ["relay.sqlite3"]);
}
