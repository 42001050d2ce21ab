//! Claiming a name, signing in, and who is kept out.

use std::time::Duration;

use protocol::{
    identity::{IdentityKeyPair, Purpose},
    primitives::secret::Secret,
};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{ENVELOPE, common::*};

#[tokio::test]
async fn a_name_is_claimed_by_proof_of_possession() {
    let relay = TestRelay::start().await;
    let mut alice = User::new(relay.api(), "alice");
    let batch = alice.batch(1, 1, 4);
    let body = alice.registration(Some(batch)).await;
    let answer = alice.call(Method::POST, "/v1/accounts", Some(body)).await.ok();
    assert_eq!(answer["address"], "alice@localhost");
    assert_eq!(answer["fingerprint"], alice.fingerprint().to_string());
    assert_eq!(
        answer["token_expires_at"],
        START.plus(Duration::from_secs(3600)).as_millis()
    );
    alice.token = answer["token"].as_str().unwrap().into();
    let keys = alice.call(Method::GET, "/v1/keys", None).await.ok();
    assert_eq!(
        (&keys["one_time_left"], &keys["signed_prekey_id"]),
        (&json!(4), &json!(1))
    );
    assert_eq!(relay.totals().await.accounts, 1);
}

#[tokio::test]
async fn a_lost_answer_to_a_registration_loses_nothing() {
    let relay = TestRelay::start().await;
    let alice = User::new(relay.api(), "alice");
    let batch = alice.batch(1, 1, 4);
    let first = alice.registration(Some(batch.clone())).await;
    let lost = alice.call(Method::POST, "/v1/accounts", Some(first)).await.ok();
    let bob = relay.user("bob").await;
    bob.call(Method::GET, "/v1/keys/alice", None).await.ok();

    let again = alice.registration(Some(batch)).await;
    let answer = alice.call(Method::POST, "/v1/accounts", Some(again)).await.ok();
    let token = answer["token"].as_str();
    assert_ne!(token, lost["token"].as_str());
    // The key that was handed out in between does not come back.
    assert_eq!(
        alice.api.call(Method::GET, "/v1/keys", token, None).await.ok()["one_time_left"],
        3
    );
    assert_eq!(relay.totals().await.accounts, 2);
}

#[tokio::test]
async fn nobody_takes_a_name_or_replaces_a_key_of_another() {
    let relay = TestRelay::start().await;
    let alice = relay.user("alice").await;
    let mallory = User::new(relay.api(), "alice");
    let claim = mallory.registration(None).await;
    mallory
        .call(Method::POST, "/v1/accounts", Some(claim))
        .await
        .refused(409, "name_taken");

    // Mallory's own account does not help: what is published is signed by, and for, the account that publishes.
    let mallory = relay.user("mallory").await;
    let body = json!({ "signed_prekey": spk_json(&alice.signed_prekey(9, 9)) });
    mallory
        .call(Method::PUT, "/v1/keys", Some(body))
        .await
        .refused(400, "bad_signature");
    let bundle = mallory.call(Method::GET, "/v1/keys/alice", None).await.ok();
    assert_eq!(unb64(&bundle["identity_key"]), alice.keys.public().to_bytes());
}

#[tokio::test]
async fn a_registration_must_hold_in_every_part() {
    let relay = TestRelay::start().await;
    let alice = User::new(relay.api(), "alice");
    let post = async |body: Value| alice.call(Method::POST, "/v1/accounts", Some(body)).await;

    let mut body = alice.registration(None).await;
    body["identity_key"] = json!(b64(key_pair().public().to_bytes()));
    post(body).await.refused(400, "bad_signature");

    // The bundle is part of what is signed.
    let mut body = alice.registration(None).await;
    body["signed_prekey"] = spk_json(&alice.signed_prekey(2, 2));
    post(body).await.refused(400, "bad_signature");

    let mut body = alice.registration(Some(alice.batch(1, 1, 4))).await;
    body["one_time_batch"]["keys"][2] = body["one_time_batch"]["keys"][1].clone();
    post(body).await.refused(400, "bad_signature");

    for (field, length) in [
        ("identity_key", 2623),
        ("server_nonce", 31),
        ("client_nonce", 33),
        ("signature", 4690),
    ] {
        let mut body = alice.registration(None).await;
        body[field] = json!(b64(vec![1; length]));
        let problem = post(body).await.refused(400, "bad_request");
        assert!(problem["detail"].as_str().unwrap().contains(field), "{problem}");
    }

    // A challenge is good once, for a minute, for its name.
    let challenge = alice.api.challenge("alice").await;
    post(alice.registration_with(&challenge, &relay.url(), None)).await.ok();
    post(alice.registration_with(&challenge, &relay.url(), None))
        .await
        .refused(401, "unauthorized");
    let others = alice.api.challenge("bob").await;
    post(alice.registration_with(&others, &relay.url(), None))
        .await
        .refused(401, "unauthorized");
    let late = alice.api.challenge("alice").await;
    relay.clock.advance(Duration::from_secs(60));
    post(alice.registration_with(&late, &relay.url(), None))
        .await
        .refused(401, "unauthorized");

    // A relay in the middle has another origin.
    let challenge = alice.api.challenge("alice").await;
    post(alice.registration_with(&challenge, "http://relay.evil", None))
        .await
        .refused(400, "bad_request");
}

#[tokio::test]
async fn path_like_names_are_no_names() {
    let relay = TestRelay::start().await;
    let alice = relay.user("alice").await;
    for name in [
        "..",
        "../etc/passwd",
        "a/b",
        "a\\b",
        "Alice",
        "",
        "a b",
        "-rf",
        ".hidden",
        "a..b",
        "ä",
        "a\u{0}",
        &"x".repeat(33),
    ] {
        let body = json!({ "user": name });
        alice
            .call(Method::POST, "/v1/session/challenge", Some(body))
            .await
            .refused(400, "bad_name");
        let encoded: String = name.bytes().map(|b| format!("%{b:02x}")).collect();
        // Clients resolve dot segments before they send; what is left is another path.
        if !name.is_empty() && name != ".." {
            alice
                .call(Method::GET, &format!("/v1/keys/{encoded}"), None)
                .await
                .refused(400, "bad_name");
        }
        alice
            .send(&encoded, Uuid::new_v4(), ENVELOPE)
            .await
            .refused(400, "bad_name");
    }
}

#[tokio::test]
async fn a_session_lives_an_hour_and_ends_with_the_next() {
    let relay = TestRelay::start().await;
    let mut alice = relay.user("alice").await;
    let first = alice.token.clone();
    alice.sign_in().await;
    let status = async |token: &str| alice.api.call(Method::GET, "/v1/keys", Some(token), None).await;
    status(&first).await.refused(401, "unauthorized");
    status(&alice.token).await.ok();
    relay.clock.advance(Duration::from_secs(3600));
    status(&alice.token).await.refused(401, "unauthorized");
    alice.sign_in().await;
    alice.call(Method::GET, "/v1/keys", None).await.ok();
    assert_eq!(alice.call(Method::DELETE, "/v1/session", None).await.ok(), json!({}));
    alice
        .call(Method::GET, "/v1/keys", None)
        .await
        .refused(401, "unauthorized");
}

#[tokio::test]
async fn whoever_cannot_prove_it_is_told_the_same() {
    let relay = TestRelay::start().await;
    let alice = relay.user("alice").await;
    let nobody = User::new(relay.api(), "nobody");
    let impostor = User::new(relay.api(), "alice");
    let sign_in = async |body: Value| alice.api.call(Method::POST, "/v1/session", None, Some(body)).await;

    let known = alice.api.challenge("alice").await;
    let unknown = alice.api.challenge("nobody").await;
    let keys = |v: &Value| v.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        (keys(&known), &known["expires_at"]),
        (keys(&unknown), &unknown["expires_at"])
    );

    let wrong_user = sign_in(nobody.sign_in_with(&unknown, &relay.url()))
        .await
        .refused(401, "unauthorized");
    let wrong_key = sign_in(impostor.sign_in_with(&known, &relay.url()))
        .await
        .refused(401, "unauthorized");
    // A failure spends nothing, so that what is made up takes up no memory; what was accepted does, and nothing is accepted twice.
    sign_in(alice.sign_in_with(&known, &relay.url())).await.ok();
    let used = sign_in(alice.sign_in_with(&known, &relay.url()))
        .await
        .refused(401, "unauthorized");
    assert_eq!((&wrong_user, &wrong_user), (&wrong_key, &used));

    // Tokens: unknown mailbox, wrong secret, not a token at all, none.
    let token = |mailbox: [u8; 16]| {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        URL_SAFE_NO_PAD.encode([&mailbox[..], &random::<32>()].concat())
    };
    let call = async |token: Option<&str>| alice.api.call(Method::GET, "/v1/keys", token, None).await;
    let answers = [
        call(Some(&token(mailbox_of("nobody")))).await,
        call(Some(&token(alice.mailbox()))).await,
        call(Some("garbage")).await,
        call(None).await,
    ];
    for answer in answers {
        assert_eq!(answer.refused(401, "unauthorized"), used);
    }
}

/// One proof, presented many times at once: a thief who repeats it at the same moment gets nothing.
#[tokio::test]
async fn of_one_proof_presented_many_times_at_once_one_signs_in() {
    let relay = TestRelay::start().await;
    let (alice, carol) = (relay.user("alice").await, User::new(relay.api(), "carol"));
    let challenge = alice.api.challenge("alice").await;
    let sign_in = alice.sign_in_with(&challenge, &relay.url());
    let register = carol.registration(None).await;
    for (path, body) in [("/v1/session", sign_in), ("/v1/accounts", register)] {
        let mut tries = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (api, body) = (relay.api(), body.clone());
            tries.spawn(async move { api.call(Method::POST, path, None, Some(body)).await });
        }
        let answers = tries.join_all().await;
        let accepted = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(accepted, 1, "{path}");
        for answer in answers.into_iter().filter(|answer| answer.status != 200) {
            answer.refused(401, "unauthorized");
        }
    }
}

/// What somebody without an account's key presents in its name, however often, takes none of its sign-ins: neither signatures that are made up, nor registrations of its name by keys of
/// their own, which hold. Nor does what an account that is not admitted presents fill anything.
#[tokio::test]
async fn proofs_of_others_take_no_sign_in_from_an_account() {
    let relay = TestRelay::start().await;
    let mut alice = relay.user("alice").await;
    let impostor = User::new(relay.api(), "alice");
    // More than an account may have accepted in a minute.
    for _ in 0..40 {
        let mut forged = alice.sign_in_with(&alice.api.challenge("alice").await, &relay.url());
        forged["signature"] = json!(b64([0; 4691]));
        let sign_in = alice.api.call(Method::POST, "/v1/session", None, Some(forged)).await;
        sign_in.refused(401, "unauthorized");
        let register = impostor.registration(None).await;
        let register = impostor
            .api
            .call(Method::POST, "/v1/accounts", None, Some(register))
            .await;
        register.refused(409, "name_taken");
    }
    alice.sign_in().await;
    // With its own key it is told that this is too much, and only then.
    let sign_in = async || {
        let body = alice.sign_in_with(&alice.api.challenge("alice").await, &relay.url());
        alice.api.call(Method::POST, "/v1/session", None, Some(body)).await
    };
    let mut accepted = 1;
    let refused = loop {
        let answer = sign_in().await;
        if answer.status != 200 {
            break answer;
        }
        accepted += 1;
        assert!(accepted <= 40, "there is no end of it");
    };
    refused.refused(429, "rate_limited");
    assert!(accepted > 20, "too few: {accepted}");
    relay.user("bob").await;
    relay.clock.advance(Duration::from_secs(60));
    sign_in().await.ok();
}

/// One algorithm is broken, and somebody has that half of Alice's key: the relay wants both halves, whichever it is.
#[tokio::test]
async fn half_of_a_key_does_not_sign_in() {
    let relay = TestRelay::start().await;
    let alice = relay.user("alice").await;
    let seed = *alice.keys.seed().expose();
    for (what, stolen, status) in [("Ed25519", 0..32, 401), ("ML-DSA", 32..64, 401), ("both", 0..64, 200)] {
        let mut own = random::<64>();
        own[stolen.clone()].copy_from_slice(&seed[stolen]);
        let forger = IdentityKeyPair::from_seed(Secret::new(own));
        let challenge = alice.api.challenge("alice").await;
        let mut body = alice.sign_in_with(&challenge, &relay.url());
        let client_nonce: [u8; 32] = unb64(&body["client_nonce"]).try_into().unwrap();
        let payload = alice.claim(&challenge, &relay.url(), &client_nonce, |claim| claim.payload());
        let forged = forger.sign(Purpose::SignIn, &alice.fingerprint(), &payload, &mut rng());
        body["signature"] = b64(forged).into();
        let answer = alice.api.call(Method::POST, "/v1/session", None, Some(body)).await;
        assert_eq!(answer.status, status, "{what} is broken: {}", answer.body);
    }
}

/// A proof that alice made for another relay, which has the same origin for her: a name that was taken over, say.
#[tokio::test]
async fn a_proof_for_another_relay_key_does_not_sign_in() {
    let relay = TestRelay::start().await;
    let alice = relay.user("alice").await;
    let sign_in = async |relay_key: Option<&str>| {
        let challenge = alice.api.challenge("alice").await;
        let mut shown = challenge.clone();
        if let Some(other) = relay_key {
            shown["relay_key_fingerprint"] = json!(other);
        }
        let body = alice.sign_in_with(&shown, &relay.url());
        alice.api.call(Method::POST, "/v1/session", None, Some(body)).await
    };
    sign_in(Some(&"5a".repeat(32))).await.refused(401, "unauthorized");
    sign_in(None).await.ok();
}

#[tokio::test]
async fn everything_personal_wants_a_token() {
    let relay = TestRelay::start().await;
    relay.user("alice").await;
    let id = Uuid::new_v4();
    for (method, path) in [
        (Method::DELETE, "/v1/session".to_owned()),
        (Method::PUT, "/v1/keys".to_owned()),
        (Method::GET, "/v1/keys".to_owned()),
        (Method::GET, "/v1/keys/alice".to_owned()),
        (Method::GET, "/v1/keys/alice/identity".to_owned()),
        (Method::POST, format!("/v1/messages?to=alice&id={id}")),
        (Method::POST, "/v1/messages/limited".to_owned()),
        (Method::POST, "/v1/messages/oblivious".to_owned()),
        (Method::PUT, format!("/v1/gate-keys/{}", "0".repeat(32))),
        (Method::GET, format!("/v1/gate-keys/{}", "0".repeat(32))),
        (Method::DELETE, format!("/v1/gate-keys/{}", "0".repeat(32))),
        (Method::POST, "/v1/inbox".to_owned()),
        (Method::PUT, "/v1/delivery-tokens".to_owned()),
        (Method::DELETE, format!("/v1/delivery-tokens/{}", "0".repeat(64))),
        (Method::DELETE, "/v1/inbox".to_owned()),
    ] {
        relay
            .api()
            .call(method, &path, None, Some(json!({})))
            .await
            .refused(401, "unauthorized");
    }
}
