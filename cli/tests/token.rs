//! The token of a home's session, in other hands.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use sdk::Token;
use support::Stage;

#[test]
fn a_token_works_elsewhere_and_nothing_is_signed_out_by_it() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    let answer = alice.ok(&["token"]);
    let token = answer.out.trim_end().to_owned();
    assert!(!token.contains(char::is_whitespace), "a token alone: {token}");
    assert!(!answer.err.contains(&token), "{}", answer.err);
    assert!(
        answer.err.contains("until") && answer.err.contains(&stage.url),
        "{}",
        answer.err
    );

    let status = |token: &str| {
        let client = sdk::connect(&stage.url).unwrap();
        client.session().sign_in(Token::from(token.to_owned()));
        stage.block_on(async move { client.key_status().send().await.ok().map(|keys| keys.one_time_left) })
    };
    assert!(status(&token).unwrap() > 0);
    // The home goes on with the same session, which others share.
    bob.ok(&["send", "alice", "hello"]);
    assert_eq!(alice.json_one(&["inbox"])["text"], "hello");
    status(&token).unwrap();
    let object = alice.json_one(&["token"]);
    assert_eq!(object["token"], token.as_str());
    assert!(object["expires_at"].as_u64().unwrap() > 0);
    assert_eq!(object["relay"], stage.url.as_str());
    // A relay that has forgotten the session: what is printed works all the same.
    let other = sdk::connect(&stage.url).unwrap();
    other.session().sign_in(Token::from(token.clone()));
    stage
        .block_on(async move { other.sign_out().send().await.map(drop) })
        .unwrap();
    assert_eq!(status(&token), None);
    let again = alice.ok(&["token"]).out.trim_end().to_owned();
    assert_ne!(again, token);
    status(&again).unwrap();
}
