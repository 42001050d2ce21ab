//! The SDK against a real relay: every operation through its generated method, over a socket.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails loudly")]

#[path = "../examples/raw_mail.rs"]
mod raw_mail;
#[path = "../examples/relay_status.rs"]
mod relay_status;
#[path = "../examples/two_people.rs"]
mod two_people;

use latchkey_protocol::address::Address;
use latchkey_sdk::types::{
    Acknowledgement, InboxRequest, LicenseState, LimitedRequest, NewLicense, PlayRequest, ProblemCode, PublishRequest,
};
use latchkey_sdk::{Base64, LicenseId, SdkError, Token};
use sha2::{Digest, Sha256};
use testkit::readme;
use testkit::relay::TestRelay;
use two_people::Person;
use uuid::Uuid;

async fn register(relay: &TestRelay, name: &str) -> Person {
    let rng = two_people::seeded().unwrap();
    Person::register(&relay.url(), name, rng).await.unwrap()
}

fn look() -> InboxRequest {
    InboxRequest {
        ack: None,
        wait_seconds: None,
        limit: None,
        commit_counter: None,
    }
}

#[tokio::test]
async fn mail_goes_from_one_account_to_another_and_is_acknowledged() {
    let relay = TestRelay::start().await;
    let (alice, bob) = (
        register(&relay, "alice").await.relay,
        register(&relay, "bob").await.relay,
    );
    let id = Uuid::new_v4();
    // Repeating is the same success.
    for _ in 0..2 {
        let stored = alice.send().to("bob").id(id).body(vec![1, 2, 3]).send().await.unwrap();
        assert_eq!(stored.id, id);
        assert!(stored.expires_at > stored.stored_at);
    }
    let conflict = SdkError::from(alice.send().to("bob").id(id).body(vec![4]).send().await.unwrap_err());
    assert_eq!(conflict.code(), Some(ProblemCode::MessageConflict));
    assert!(!conflict.is_transient() && !conflict.action().is_empty());

    let page = bob.inbox().body(look()).send().await.unwrap().into_inner();
    assert_eq!(page.envelopes.len(), 1);
    assert_eq!(&*page.envelopes[0].envelope, [1, 2, 3]);
    let ack = Acknowledgement {
        incarnation: page.incarnation,
        sequence: page.envelopes[0].sequence,
    };
    let page = bob
        .inbox()
        .body(InboxRequest {
            ack: Some(ack.clone()),
            ..look()
        })
        .send()
        .await
        .unwrap()
        .into_inner();
    assert!(page.envelopes.is_empty());

    alice
        .send()
        .to("bob")
        .id(Uuid::new_v4())
        .body(vec![5])
        .send()
        .await
        .unwrap();
    assert_eq!(bob.clear_inbox().send().await.unwrap().deleted, 1);
    let stale = bob
        .inbox()
        .body(InboxRequest {
            ack: Some(ack),
            ..look()
        })
        .send()
        .await
        .unwrap_err();
    assert_eq!(SdkError::from(stale).code(), Some(ProblemCode::StaleIncarnation));
}

#[tokio::test]
async fn sessions_begin_and_end() {
    let relay = TestRelay::start().await;
    let mut alice = register(&relay, "alice").await;
    let client = alice.relay.clone();
    let keys = client.key_status().send().await.unwrap().one_time_left;
    assert!(keys > 1);
    let bundle = client.fetch_key().user("alice").send().await.unwrap().into_inner();
    assert!(bundle.one_time.is_some());
    // Publishing the same again changes nothing.
    let request = PublishRequest {
        signed_prekey: Some(bundle.signed_prekey),
        one_time_batch: None,
        replace_one_time: false,
    };
    let published = client.publish_key().body(request).send().await.unwrap();
    assert_eq!(published.one_time_left, keys - 1);

    client.sign_out().send().await.unwrap();
    let refused = SdkError::from(client.key_status().send().await.unwrap_err());
    assert_eq!(refused.code(), Some(ProblemCode::Unauthorized));
    alice.sign_in().await.unwrap();
    assert!(client.key_status().send().await.is_ok());
    let unknown = SdkError::from(client.fetch_key().user("nobody").send().await.unwrap_err());
    assert_eq!(unknown.code(), Some(ProblemCode::NoSuchUser));
    client.session().sign_in(Token::from("bm90IGEgdG9rZW4".to_owned()));
    let refused = SdkError::from(client.key_status().send().await.unwrap_err());
    assert_eq!(refused.code(), Some(ProblemCode::Unauthorized));
}

#[tokio::test]
async fn a_license_is_played_inspected_and_revoked_without_a_token() {
    let relay = TestRelay::start().await;
    let alice = register(&relay, "alice").await.relay;
    register(&relay, "bob").await;
    let (play_capability, owner_capability, share) = ([1; 32], [2; 32], [3; 32]);
    let now = alice.status().send().await.unwrap().time;
    let id = LicenseId::new("bob", [9; 16]);
    let license = NewLicense {
        id: id.to_string(),
        plays: 2,
        expires_at: now + 3_600_000,
        share: share.into(),
        play_capability_hash: Base64::from(Sha256::digest(play_capability).as_slice()),
        owner_capability_hash: Base64::from(Sha256::digest(owner_capability).as_slice()),
    };
    let request = LimitedRequest {
        to: "bob".to_owned(),
        id: Uuid::new_v4(),
        envelope: vec![1].into(),
        license,
    };
    alice.send_limited().body(request).send().await.unwrap();

    let anyone = latchkey_sdk::connect(&relay.url()).unwrap();
    let play_id = Uuid::new_v4();
    let play = |play_id| {
        anyone
            .play()
            .id(id)
            .body(PlayRequest {
                play_id,
                capability: play_capability.into(),
            })
            .send()
    };
    let first = play(play_id).await.unwrap().into_inner();
    assert_eq!((first.play, first.plays, first.share.to_array()), (1, 2, Ok(share)));
    assert_eq!(
        play(play_id).await.unwrap().play,
        1,
        "the same play again costs nothing"
    );
    anyone
        .confirm_play()
        .id(id)
        .play_id(play_id)
        .latchkey_capability(play_capability)
        .send()
        .await
        .unwrap();
    assert_eq!(
        SdkError::from(play(play_id).await.unwrap_err()).code(),
        Some(ProblemCode::AnswerGone)
    );

    let status = anyone
        .license()
        .id(id)
        .latchkey_capability(owner_capability)
        .send()
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (status.plays, status.used, status.state),
        (Some(2), Some(1), LicenseState::Active)
    );
    let wrong = anyone
        .license()
        .id(id)
        .latchkey_capability(play_capability)
        .send()
        .await
        .unwrap_err();
    assert_eq!(SdkError::from(wrong).code(), Some(ProblemCode::NoSuchLicense));
    let revoked = anyone
        .revoke()
        .id(id)
        .latchkey_capability(owner_capability)
        .send()
        .await
        .unwrap();
    assert_eq!(revoked.state, LicenseState::Revoked);
    assert_eq!(
        SdkError::from(play(Uuid::new_v4()).await.unwrap_err()).code(),
        Some(ProblemCode::LicenseRevoked)
    );
}

#[tokio::test]
async fn the_examples_do_what_they_say() {
    let relay = TestRelay::start().await;
    let (alice, bob) = (
        register(&relay, "alice").await.relay,
        register(&relay, "bob").await.relay,
    );
    let files = tempfile::tempdir().unwrap();
    let letter = files.path().join("letter");
    for text in ["one", "two"] {
        std::fs::write(&letter, text).unwrap();
        raw_mail::send(&alice, "bob", &letter).await.unwrap();
    }
    assert!(
        relay_status::describe(&relay.url())
            .await
            .unwrap()
            .contains("registration   open\n  accounts       few")
    );
    let inbox = files.path().join("inbox");
    std::fs::create_dir(&inbox).unwrap();
    // A file that takes all that is written and cannot be synced: what is in no file for certain is not acknowledged.
    #[cfg(target_os = "linux")]
    {
        let waiting = bob.inbox().body(look()).send().await.unwrap().into_inner();
        let second = inbox.join(format!("{:020}.envelope", waiting.envelopes[1].sequence));
        std::os::unix::fs::symlink("/dev/null", &second).unwrap();
        let unkept = raw_mail::receive(&bob, &inbox, 0).await.unwrap_err();
        assert!(unkept.to_string().contains("cannot be written"), "{unkept}");
        std::fs::remove_file(&second).unwrap();
    }
    assert_eq!(raw_mail::receive(&bob, &inbox, 0).await.unwrap(), 2);
    let mut received: Vec<_> = std::fs::read_dir(&inbox)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    received.sort();
    let texts: Vec<_> = received
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect();
    assert_eq!(texts, ["one", "two"]);
    assert_eq!(
        raw_mail::receive(&bob, &inbox, 0).await.unwrap(),
        0,
        "what was acknowledged does not come again"
    );
    let refused = raw_mail::send(&alice, "nobody", &letter).await.unwrap_err();
    assert_eq!(
        refused.downcast_ref::<SdkError>().unwrap().code(),
        Some(ProblemCode::NoSuchUser)
    );
}

#[tokio::test]
async fn two_people_talk_by_the_sdk_and_the_protocol_alone() {
    let relay = TestRelay::start().await;
    let (mut alice, mut bob) = (register(&relay, "alice").await, register(&relay, "bob").await);
    let heard = |heard: Vec<(Address, String)>| -> Vec<String> {
        heard
            .into_iter()
            .map(|(from, text)| format!("{from}: {text}"))
            .collect()
    };
    alice.say("bob", "hello").await.unwrap();
    alice.say("bob", "are you there?").await.unwrap();
    assert_eq!(
        heard(bob.hear().await.unwrap()),
        ["alice@localhost: hello", "alice@localhost: are you there?"]
    );
    assert!(bob.hear().await.unwrap().is_empty(), "it was acknowledged");
    bob.say("alice", "I am").await.unwrap();
    // Sessions end and begin, and the conversation goes on.
    alice.sign_in().await.unwrap();
    assert_eq!(heard(alice.hear().await.unwrap()), ["bob@localhost: I am"]);
    let (of_alice, of_bob) = ("alice@localhost".parse().unwrap(), "bob@localhost".parse().unwrap());
    let number = alice.safety_number(&of_bob).unwrap();
    assert_eq!(number.chars().filter(char::is_ascii_digit).count(), 60);
    assert_eq!(bob.safety_number(&of_alice), Some(number));

    let rng = two_people::seeded().unwrap();
    let refused = Person::register(&relay.url(), "alice", rng)
        .await
        .map(drop)
        .unwrap_err();
    assert_eq!(
        refused.downcast_ref::<SdkError>().unwrap().code(),
        Some(ProblemCode::NameTaken)
    );
    assert!(alice.say("nobody", "hello").await.is_err());
}

#[tokio::test]
async fn what_is_no_relay_is_said_to_be_none() {
    // A port on which nothing listens: bound, and let go.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let nobody = latchkey_sdk::connect(&format!("http://127.0.0.1:{port}")).unwrap();
    let error = SdkError::from(nobody.status().send().await.unwrap_err());
    assert!(
        matches!(error, SdkError::Unreachable(_)) && error.is_transient(),
        "{error:?}"
    );

    let relay = TestRelay::start().await;
    let incomplete = SdkError::from(
        latchkey_sdk::connect(&relay.url())
            .unwrap()
            .send()
            .to("bob")
            .send()
            .await
            .unwrap_err(),
    );
    assert!(matches!(incomplete, SdkError::Incomplete(_)), "{incomplete:?}");
}

#[test]
fn the_readme_shows_an_example_as_it_is() {
    readme::shows(
        include_str!("../README.md"),
        include_str!("../examples/relay_status.rs"),
        1,
    );
}

#[test]
fn the_readme_shows_the_profile_of_dependencies_as_the_workspace_has_it() {
    readme::shows_the_profile(include_str!("../README.md"));
}
