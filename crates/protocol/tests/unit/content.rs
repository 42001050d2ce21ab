//! One encoding for each content, and nothing of it in a log.

use super::*;

fn samples() -> Vec<Content> {
    let limited = Limited {
        license: [1; 32],
        play_capability: [2; 32],
        content_share: [3; 32],
        commit: [4; 32],
        policy: vec![5; 9],
        ciphertext: vec![6; 300],
        oblivious: None,
    };
    let mut oblivious = limited.clone();
    oblivious.oblivious = Some(Oblivious {
        opening_key: Box::new([7; OPENING_KEY_LENGTH]),
        pad_key: [8; PAD_KEY_LENGTH],
    });
    [
        Body::Empty,
        Body::Text("hé".into()),
        Body::Limited(limited),
        Body::Limited(oblivious),
        Body::PlayHead(PlayHead {
            license: [1; 32],
            number: 300,
            digest: [2; 32],
        }),
        Body::Receipt(Receipt {
            read: true,
            ids: vec![ContentId([7; 16]), ContentId([8; 16])],
        }),
        Body::DeliveryToken(DeliveryToken(Secret::new([9; 32]))),
        Body::Unknown {
            kind: 77,
            bytes: vec![1, 2, 3],
        },
    ]
    .map(|body| Content {
        id: ContentId([9; 16]),
        sent_at: Timestamp(1_700_000_000_000),
        body,
    })
    .to_vec()
}

#[test]
fn what_is_encoded_decodes_to_itself() {
    for content in samples() {
        assert_eq!(Content::decode(&content.encode()), Ok(content));
    }
}

#[test]
fn only_the_deterministic_form_is_accepted() {
    for content in samples() {
        let bytes = content.encode();
        for end in 0..bytes.len() {
            assert!(Content::decode(&bytes[..end]).is_err(), "cut at {end}");
        }
        assert!(
            Content::decode(&[&bytes[..], &[0]].concat()).is_err(),
            "something behind"
        );
        // The map's head in two bytes instead of one: valid CBOR, not deterministic.
        assert!(
            Content::decode(&[&[0xb8, 4], &bytes[1..]].concat()).is_err(),
            "a longer head"
        );
    }
    assert_eq!(Content::decode(&vec![0; MAX_CONTENT + 1]), Err(DecodeError::TooLong));
}

/// A body has one encoding as well, whatever the head around it says.
#[test]
fn a_body_that_could_be_shorter_is_refused() {
    let around = |kind: u8, body: &[u8]| {
        let head = Content {
            id: ContentId([9; 16]),
            sent_at: Timestamp(0),
            body: Body::Empty,
        };
        [&head.head(kind.into(), body.len(), 0), body].concat()
    };
    let mut seen = 0;
    for content in samples() {
        let (kind, body) = content.parts();
        if !matches!(content.body, Body::Limited(_) | Body::Receipt(_) | Body::PlayHead(_)) {
            continue;
        }
        seen += 1;
        let whole = around(kind as u8, &body);
        assert_eq!(Content::decode(&whole).map(|read| read.body), Ok(content.body.clone()));
        let longer = [&[0xb8, body[0] & 0x1f], &body[1..]].concat();
        let refused = Content::decode(&around(kind as u8, &longer));
        assert_eq!(refused, Err(DecodeError::NotCanonical), "{:?}", content.body);
    }
    assert_eq!(seen, 4);
    assert_eq!(
        Content::decode(&around(KIND_EMPTY as u8, &[])).map(|read| read.body),
        Ok(Body::Empty)
    );
    assert_eq!(
        Content::decode(&around(KIND_EMPTY as u8, &[1])),
        Err(DecodeError::NotCanonical)
    );
}

#[test]
fn what_prints_is_an_id_and_never_a_text() {
    let id = ContentId([0xab; 16]);
    assert_eq!(id.to_string(), "ab".repeat(16));
    assert_eq!(format!("{id:?}"), format!("ContentId({id})"));
    let shown: Vec<String> = samples().iter().map(|content| format!("{:?}", content.body)).collect();
    for (shown, expected) in shown.iter().zip([
        "Empty",
        "Text",
        "Limited",
        "Limited",
        "PlayHead",
        "Receipt",
        "DeliveryToken",
        "Unknown",
    ]) {
        assert!(shown.starts_with(expected), "{shown} for {expected}");
    }
    assert!(!shown.concat().contains("hé"));
    assert!(shown[2].contains("300 bytes"), "{}", shown[2]);
    let keys = Oblivious {
        opening_key: Box::new([7; OPENING_KEY_LENGTH]),
        pad_key: [8; PAD_KEY_LENGTH],
    };
    assert_eq!(format!("{keys:?}"), "Oblivious(…)");
}

/// Both keys of an oblivious limit, at their lengths, or none.
#[test]
fn an_oblivious_limit_has_both_keys() {
    let mut limited = samples()
        .into_iter()
        .find_map(|content| match content.body {
            Body::Limited(limited) if limited.oblivious.is_some() => Some(limited),
            _ => None,
        })
        .unwrap();
    let whole = limited.encode();
    assert!(matches!(Limited::read(&whole), Ok(Some(read)) if read == limited));
    limited.oblivious = None;
    let plain = limited.encode();
    let opening = [&[6, 0x59, 1, 0][..], &[7; OPENING_KEY_LENGTH]].concat();
    let pad = [&[7, 0x58, 32][..], &[8; PAD_KEY_LENGTH]].concat();
    assert_eq!(whole[1..], [&plain[1..], &opening, &pad].concat());
    let short = [&[7, 0x58, 31][..], &[8; PAD_KEY_LENGTH - 1]].concat();
    for (entries, tail) in [
        (7, opening.clone()),
        (7, pad.clone()),
        (8, [&pad[..], &opening].concat()),
        (8, [&opening[..], &short].concat()),
        (8, [&opening[..], &opening].concat()),
    ] {
        let bytes = [&[0xa0 | entries][..], &plain[1..], &tail].concat();
        assert!(!matches!(Limited::read(&bytes), Ok(Some(_))), "{entries} entries");
    }
}
