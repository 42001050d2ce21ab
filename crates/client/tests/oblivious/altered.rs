//! A relay that answers otherwise than it should.

use std::time::Duration;

use latchkey_client::vault::{LimitMode, MessageBody};
use latchkey_client::{Code, Error, Event};
use sdk::Base64;
use serde_json::json;

use crate::support::Stage;
use crate::{people, play, send, used};

/// The relay's own bound on requests says nothing of the limit, which it does not know: the message has not ended by it.
#[tokio::test]
async fn a_bound_on_requests_is_no_end_of_the_plays() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = people(&stage).await;
    let id = send(&mut alice, &mut bob, 2, LimitMode::Oblivious).await;
    assert_eq!(play(&mut bob, &id).await, Some(1));
    stage.line.alter_answer("POST /v1/licenses/", |status, answer| {
        *status = 410;
        *answer = json!({
            "type": "urn:latchkey:problem:play_limit_reached", "title": "no more", "status": 410, "code": "play_limit_reached",
            "detail": "no more requests are answered", "action": "ask for a new message", "request_id": "0123456789abcdef",
        });
    });
    match bob.play(&id).await {
        Err(Error::Relay(error)) => assert_eq!(error.code(), Some(Code::PlayLimitReached)),
        other => panic!("{other:?}"),
    }
    let MessageBody::Limited(terms, Some(_)) = bob.message(&id).unwrap().body else {
        panic!("it can still be played")
    };
    assert_eq!((terms.used, terms.ended), (1, None));
    // Whether it was answered or not: the same request is asked again, and costs one play.
    assert_eq!(play(&mut bob, &id).await, Some(2));
    assert_eq!(used(&mut alice, &id).await, 2);
}

/// A release that was altered into nonsense looks like a denial, which is all that a relay can do by it; one that was altered within its noise opens. Either
/// way what the relay signed gives it away.
#[tokio::test]
async fn an_altered_release_is_given_away_by_its_receipt() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = people(&stage).await;
    let id = send(&mut alice, &mut bob, 5, LimitMode::Oblivious).await;
    // The last byte is noise but for a bit that is always zero; what stands at 20 is the sealed share.
    for (place, mask) in [(None, 1), (Some(20), 1), (None, 0x80)] {
        stage.line.alter_answer("POST /v1/licenses/", move |_, answer| {
            let release = serde_json::from_value::<Base64>(answer["release"].take()).unwrap();
            let mut release = release.into_vec();
            let place = place.unwrap_or(release.len() - 1);
            release[place] ^= mask;
            answer["release"] = serde_json::to_value(Base64::from(release)).unwrap();
        });
        match (place, mask) {
            (None, 0x80) => {
                let refused = bob.play(&id).await;
                assert!(matches!(refused, Err(Error::Protocol(_))), "{refused:?}");
            }
            (place, _) => assert_eq!(play(&mut bob, &id).await.is_some(), place.is_none()),
        }
        let events = bob.receive(Duration::ZERO).await.unwrap();
        let wrong = "the relay signed another play than the one it answered";
        let said = events
            .iter()
            .any(|event| matches!(event, Event::RelayFault { reason, .. } if reason == wrong));
        assert!(said, "{events:?}");
    }
    // The next one opens.
    assert!(play(&mut bob, &id).await.is_some());
}
