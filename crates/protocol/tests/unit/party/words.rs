//! A refused envelope is told to a person: why, and what to do. A new reason does not compile before it has a row here.

use crate::error::DecodeError;
use crate::handshake::HandshakeError;
use crate::party::Refusal;

/// What can be done, as the text says it.
fn to_do(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Handshake(
            HandshakeError::UnknownPreKey | HandshakeError::Malformed | HandshakeError::OneTimeKeyGone,
        )
        | Refusal::Altered => "ask the sender to write again",
        Refusal::Handshake(HandshakeError::BadSignature) => "ask its sender to write again",
        Refusal::Handshake(HandshakeError::OneSelf) => "There is nothing to do",
        Refusal::Handshake(HandshakeError::FromTheFuture) => "check the clocks",
        Refusal::Handshake(HandshakeError::BadKey) => "Ask the sender to update",
        Refusal::NotSigned => "Ask the contact to replace its prekeys",
        Refusal::BadContent(_) => "ask the sender to update",
        Refusal::Superseded => "sends it again",
        Refusal::TooMany => "block the accounts",
    }
}

#[test]
fn each_refused_envelope_says_what_to_do() {
    let handshakes = [
        HandshakeError::UnknownPreKey,
        HandshakeError::Malformed,
        HandshakeError::BadSignature,
        HandshakeError::OneSelf,
        HandshakeError::FromTheFuture,
        HandshakeError::OneTimeKeyGone,
        HandshakeError::BadKey,
    ];
    let others = [
        Refusal::Altered,
        Refusal::NotSigned,
        Refusal::BadContent(DecodeError::Truncated),
        Refusal::Superseded,
        Refusal::TooMany,
    ];
    for refusal in handshakes.into_iter().map(Refusal::Handshake).chain(others) {
        let text = refusal.to_string();
        assert!(text.contains(to_do(refusal)), "{text}");
    }
}
