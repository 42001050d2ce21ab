//! Claiming a name, when not everything goes well.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use latchkey_client::{Code, Error, Invite, Messenger, Registration, RelayError, RelayUrl, Step, UserName};
use support::{CrashAt, Stage, address, passphrase, receive, until_crash};

#[tokio::test]
async fn a_lost_answer_loses_nothing() {
    let stage = Stage::new().await;
    for _ in 0..3 {
        stage.line.lose_answer("POST /v1/accounts");
    }
    let lost = stage.try_register("alice", stage.options()).await.unwrap_err();
    assert!(matches!(lost, Error::Relay(RelayError::Network { .. })), "{lost}");
    assert!(
        matches!(stage.try_open("alice", stage.options()), Err(Error::RegistrationPending { name, relay }) if name.as_str() == "alice" && relay.as_str() == stage.line.url())
    );
    // The same again, and the account works.
    let mut alice = stage.register("alice").await;
    let mut bob = stage.register("bob").await;
    bob.send_text(&address("alice"), "hi").await.unwrap();
    assert_eq!(receive(&mut alice).await, ["hi"]);
}

#[tokio::test]
async fn a_crash_before_or_after_the_relay_heard_of_it_is_mended_by_repeating() {
    for step in [Step::BeforeCommit, Step::BeforeRegister, Step::AfterRegister] {
        let stage = Stage::new().await;
        let crash = CrashAt::step(step);
        let died = until_crash(stage.try_register("alice", stage.options_with(crash))).await;
        assert_eq!(died.err(), Some(step));
        assert!(matches!(
            stage.try_open("alice", stage.options()),
            Err(Error::RegistrationPending { .. } | Error::NotRegistered)
        ));
        let fingerprint = stage.register("alice").await.fingerprint().unwrap();
        assert_eq!(stage.open("alice").fingerprint().unwrap(), fingerprint);
    }
}

#[tokio::test]
async fn a_taken_name_leaves_nothing_and_another_can_be_chosen() {
    let stage = Stage::new().await;
    let _alice = stage.register("alice").await;
    let home = stage.home("other");
    let claim = async |name: &str| {
        let user = UserName::parse(name).unwrap();
        Messenger::register(&home, &passphrase(), &user, stage.url(), stage.options()).await
    };
    let taken = claim("alice").await.unwrap_err();
    assert!(
        matches!(&taken, Error::Relay(error) if error.code() == Some(Code::NameTaken)),
        "{taken}"
    );
    let mut other = claim("alicia").await.unwrap();
    assert_eq!(other.address().unwrap(), address("alicia"));
}

#[tokio::test]
async fn an_invitation_is_shown_and_what_is_refused_leaves_nothing() {
    let mut stage = Stage::new().await;
    stage.change = |config| config.registration = server::service::Registrations::Invite;
    stage.restart_relay().await;
    let code = stage.relay.invite(1, testkit::clock::HOUR).await;
    let home = stage.home("alice");
    let claim = async |name: &str, invite: Option<&str>| {
        let user = UserName::parse(name).unwrap();
        let invite = invite.map(|text| Invite::parse(text).unwrap());
        Messenger::register_invited(
            &home,
            &passphrase(),
            &user,
            stage.url(),
            invite.as_ref(),
            stage.options(),
        )
        .await
    };
    let is = |outcome: Result<Messenger, Error>, wanted: Code| {
        let refused = outcome.map(drop).unwrap_err();
        assert!(
            matches!(&refused, Error::Relay(error) if error.code() == Some(wanted)),
            "{refused}"
        );
        assert!(!format!("{refused} {refused:?}").contains(&*code.reveal()));
    };
    assert_eq!(stage.services().status().registrations.name(), "invite");
    is(claim("alice", None).await, Code::InviteRequired);
    is(claim("alice", Some(&"0".repeat(32))).await, Code::InviteRefused);
    // Another name may be chosen, and an answer may be lost.
    stage.line.lose_answer("POST /v1/accounts");
    let mut alicia = claim("alicia", Some(&code.link(&stage.line.url()))).await.unwrap();
    assert_eq!(alicia.address().unwrap(), address("alicia"));
    let status = alicia.relay_status().await.unwrap();
    assert_eq!(status.registration, Registration::Invite);
    let user = UserName::parse("bob").unwrap();
    let invite = Invite::parse(&code.reveal()).unwrap();
    let bob = stage.home("bob");
    let spent =
        Messenger::register_invited(&bob, &passphrase(), &user, stage.url(), Some(&invite), stage.options()).await;
    is(spent, Code::InviteRefused);
}

#[tokio::test]
async fn a_home_has_one_account_and_one_unfinished_registration() {
    let stage = Stage::new().await;
    drop(stage.register("alice").await);
    let claim = async |home: &str, name: &str| {
        let user = UserName::parse(name).unwrap();
        Messenger::register(&stage.home(home), &passphrase(), &user, stage.url(), stage.options())
            .await
            .map(drop)
    };
    assert!(matches!(
        claim("alice", "alice").await,
        Err(Error::AlreadyRegistered(_))
    ));
    assert!(matches!(claim("alice", "bob").await, Err(Error::AlreadyRegistered(_))));

    let crash = CrashAt::step(Step::AfterRegister);
    let died = until_crash(stage.try_register("carol", stage.options_with(crash))).await;
    assert_eq!(died.err(), Some(Step::AfterRegister));
    assert!(
        matches!(claim("carol", "dave").await, Err(Error::RegistrationPending { name, .. }) if name.as_str() == "carol")
    );
    claim("carol", "carol").await.unwrap();
}

#[tokio::test]
async fn a_relay_that_is_not_there_leaves_no_home_behind() {
    let mut stage = Stage::new().await;
    stage.stop_relay().await;
    assert!(stage.try_register("alice", stage.options()).await.is_err());
    assert!(!stage.home("alice").exists());
    assert!(matches!(
        stage.try_open("alice", stage.options()),
        Err(Error::NotRegistered)
    ));
}

#[tokio::test]
async fn another_relay_under_the_same_or_another_address_is_noticed_before_anything_is_entrusted_to_it() {
    let stage = Stage::new().await;
    drop(stage.register("alice").await);
    let stranger = Stage::new().await;
    let open = |url: &RelayUrl| {
        Messenger::open(&stage.home("alice"), &passphrase(), Some(url.clone()), stage.options()).unwrap()
    };

    let mut alice = open(&stranger.url());
    for outcome in [
        alice.relay_status().await.map(drop),
        alice.keys().await.map(drop),
        alice.send_text(&address("bob"), "hi").await.map(drop),
    ] {
        assert!(
            matches!(outcome, Err(Error::Relay(RelayError::OtherRelay { .. }))),
            "{outcome:?}"
        );
    }
    let seen = stranger.line.take_requests();
    assert!(
        seen.iter()
            .all(|line| line.contains("/v1/status") || line.contains("/v1/session/challenge")),
        "{seen:?}"
    );
    drop(alice);

    // The same relay under another address is the same relay.
    let moved = support::line::Line::to(stage.line.addr()).await;
    let mut alice = open(&RelayUrl::parse(&moved.url()).unwrap());
    alice.relay_status().await.unwrap();
}
