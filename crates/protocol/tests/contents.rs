//! A content of each kind, encoded by another implementation (`vectors/contents.py`).
#![cfg(feature = "session")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails loudly")]

use latchkey_protocol::Timestamp;
use latchkey_protocol::content::{Body, Content, ContentId, DeliveryToken, Limited, Oblivious, PlayHead, Receipt};
use latchkey_protocol::primitives::secret::Secret;
use serde_json::Value;

fn limited(policy: &[u8], oblivious: Option<Oblivious>) -> Body {
    Body::Limited(Limited {
        license: [1; 32],
        play_capability: [2; 32],
        content_share: [3; 32],
        commit: [4; 32],
        policy: policy.to_vec(),
        ciphertext: vec![6; 40],
        oblivious,
    })
}

#[test]
fn every_kind_is_encoded_as_elsewhere() {
    let bodies = [
        ("empty", Body::Empty),
        ("text", Body::Text("hé".into())),
        ("limited", limited(&[0xa2, 0, 0, 1, 3], None)),
        (
            "oblivious",
            limited(
                &[0xa2, 0, 1, 1, 3],
                Some(Oblivious {
                    opening_key: Box::new([7; 256]),
                    pad_key: [8; 32],
                }),
            ),
        ),
        (
            "receipt",
            Body::Receipt(Receipt {
                read: true,
                ids: vec![ContentId([5; 16]), ContentId([6; 16])],
            }),
        ),
        (
            "delivery token",
            Body::DeliveryToken(DeliveryToken(Secret::new([9; 32]))),
        ),
        (
            "play head",
            Body::PlayHead(PlayHead {
                license: [1; 32],
                number: 300,
                digest: [2; 32],
            }),
        ),
    ];
    let vectors: Value = serde_json::from_str(include_str!("vectors/contents.json")).unwrap();
    assert_eq!(vectors.as_array().unwrap().len(), bodies.len());
    for (vector, (name, body)) in vectors.as_array().unwrap().iter().zip(bodies) {
        assert_eq!(vector["name"], name);
        let content = Content {
            id: ContentId([10; 16]),
            sent_at: Timestamp(1_700_000_000_000),
            body,
        };
        let bytes = hex::decode(vector["bytes"].as_str().unwrap()).unwrap();
        assert_eq!(hex::encode(content.encode()), hex::encode(&bytes), "{name}");
        assert_eq!(Content::decode(&bytes), Ok(content), "{name}");
    }
}
