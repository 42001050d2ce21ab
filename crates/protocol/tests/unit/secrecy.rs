//! Nothing that holds a secret shows it when it is printed, and what holds one erases it when it is dropped.

use std::fmt::Debug;
use std::mem::needs_drop;

use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::account::Account;
use crate::address::Address;
use crate::content::{Body, Content, ContentId, Limited, Oblivious};
use crate::handshake::PreKeyBundle;
use crate::identity::IdentityKeyPair;
use crate::party::{Change, Party};
use crate::primitives::aead::{BoxKey, CommittedKey};
use crate::primitives::kdf::MacKey;
use crate::primitives::kem::{KemSecretKey, SharedSecret};
use crate::primitives::secret::{Secret, SecretBytes};
use crate::primitives::signature::SigningKey;
use crate::ratchet::{AdvanceKey, ChainKey, EpochKeys, MessageKey, RootKey, SkippedKey, SkippedKeys, TagKey};
use crate::session::{ReceiveChain, SendChain, Session, Turn};
use crate::time::Timestamp;

/// Bytes in which no two neighbours recur, so that any part of them is recognised.
fn secret<const N: usize>() -> [u8; N] {
    std::array::from_fn(|i| (i as u8).wrapping_mul(37).wrapping_add(101))
}

/// Whether a text has eight consecutive bytes of a secret: in hexadecimal, as a list of numbers, or as they are.
fn shows(text: &str, secret: &[u8]) -> bool {
    let joined = text.to_lowercase().replace([' ', '\n', '_'], "").replace("0x", "");
    secret.windows(8).any(|part| {
        let list = |each: fn(&u8) -> String| part.iter().map(each).collect::<Vec<_>>().join(",");
        joined.contains(&hex::encode(part))
            || joined.contains(&list(u8::to_string))
            || joined.contains(&list(|byte| format!("{byte:x}")))
            || std::str::from_utf8(part).is_ok_and(|plain| text.contains(plain))
    })
}

fn hides(value: &impl Debug, secret: &[u8]) {
    for text in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(
            !shows(&text, secret),
            "{} shows a secret",
            std::any::type_name_of_val(value)
        );
    }
}

#[test]
fn the_search_finds_what_is_shown() {
    let bytes = secret::<32>();
    for shown in [
        format!("{bytes:?}"),
        format!("{bytes:#?}"),
        format!("{bytes:x?}"),
        hex::encode(bytes),
        hex::encode_upper(bytes),
    ] {
        assert!(shows(&shown, &bytes), "{shown}");
    }
    assert!(shows("it says: attack at dawn", b"attack at dawn"));
    assert!(!shows("Secret<32>(…)", &bytes));
}

#[test]
fn no_key_shows_in_debug_output() {
    let (s32, s64, s96) = (secret::<32>(), secret::<64>(), secret::<96>());
    let s = || Secret::new(s32);
    hides(&s(), &s32);
    hides(&Some(vec![s()]), &s32);
    hides(&ChainKey::new(s()), &s32);
    hides(&TagKey::new(s()), &s32);
    hides(&MacKey::new(&s32), &s32);
    hides(&SecretBytes::new(s32.to_vec()), &s32);
    hides(&MessageKey::new(s()), &s32);
    hides(&AdvanceKey::new(s()), &s32);
    hides(&RootKey(s()), &s32);
    let kept = SkippedKey {
        tag: [0; 16],
        key: MessageKey::new(s()),
        since: Timestamp(0),
    };
    hides(&kept, &s32);
    let mut skipped = SkippedKeys::default();
    skipped.insert((0, 0), kept);
    hides(&skipped, &s32);
    hides(&KemSecretKey::from_secret(Secret::new(s96)), &s96);
    hides(&SigningKey::from_seed(Secret::new(s64)), &s64);
    hides(&IdentityKeyPair::from_seed(Secret::new(s64)), &s64);
}

#[test]
fn no_content_shows_in_debug_output() {
    let words = "attack at dawn, by the northern gate";
    let text = Content {
        id: ContentId([0; 16]),
        sent_at: Timestamp(0),
        body: Body::Text(words.into()),
    };
    hides(&text, words.as_bytes());
    let bytes = secret::<32>();
    let limited = Limited {
        license: [0; 32],
        play_capability: bytes,
        content_share: bytes,
        commit: bytes,
        policy: Vec::new(),
        ciphertext: bytes.to_vec(),
        oblivious: Some(Oblivious {
            opening_key: Box::new([bytes[0]; 256]),
            pad_key: bytes,
        }),
    };
    hides(&limited.oblivious, &bytes);
    hides(
        &Content {
            body: Body::Limited(limited),
            ..text.clone()
        },
        &bytes,
    );
    hides(
        &Content {
            body: Body::Unknown {
                kind: 9,
                bytes: bytes.to_vec(),
            },
            ..text
        },
        &bytes,
    );
    hides(
        &Change {
            key: "identity".into(),
            value: Some(Zeroizing::new(bytes.to_vec())),
        },
        &bytes,
    );
}

/// A whole conversation: no part of any stored secret, nor the text, shows in what the calls return or in what can be printed of the state.
#[test]
fn nothing_that_a_party_returns_shows_a_secret() {
    let (mut rng, now) = (crate::tests::rng(61), Timestamp(1_790_000_000_000));
    let name = |name: &str| Address::parse(&format!("{name}@relay.test")).unwrap();
    let [mut alice, mut bob] = ["alice", "bob"].map(|who| Party::generate(name(who), &mut rng));
    let publication = bob.publication(None, false, now, &mut rng).unwrap();
    let bundle = PreKeyBundle {
        address: name("bob"),
        identity_key: bob.identity_key().clone(),
        signed_prekey: publication.signed_prekey.unwrap(),
        one_time: None,
    };
    let words = "attack at dawn, by the northern gate";
    let content = Content {
        id: ContentId::random(&mut rng),
        sent_at: now,
        body: Body::Text(words.into()),
    };
    alice.start(&bundle, now, &mut rng).unwrap();
    let outgoing = alice.send(&name("bob"), &content, now, &mut rng).unwrap();
    let received = bob.receive(&outgoing.envelope, now, &mut rng);
    let answer = bob.send(&name("alice"), &content, now, &mut rng).unwrap();
    let shown = [
        format!("{outgoing:?} {received:#?} {answer:?}"),
        format!("{:#?} {:?}", alice.account(), bob.account()),
        format!("{:?} {:?}", alice.contacts(), bob.contacts()),
        format!("{:?} {:?}", alice.all_records(), bob.take_changes()),
        format!("{:?}", alice.sessions().chain(bob.sessions()).collect::<Vec<_>>()),
    ];
    assert!(shown[4].contains("Session"));
    for shown in shown {
        assert!(!shows(&shown, words.as_bytes()));
        for party in [&alice, &bob] {
            for session in party.sessions() {
                for secret in [
                    &session.root.0,
                    &session.send.key.0,
                    session.send.tags.secret(),
                    &session.advance_keys[&0].0,
                ] {
                    assert!(!shows(&shown, secret.expose()));
                }
                if let Turn::Theirs { own_key } = &session.turn {
                    assert!(!shows(&shown, own_key.secret().expose()));
                }
            }
            let seed = party.account().store_identity();
            assert!(!shows(&shown, &seed[seed.len() - 72..seed.len() - 8])); // the count of successions follows it
        }
    }
}

const fn erases<T: ZeroizeOnDrop>() {}

/// Compiled, therefore true.
const _: () = {
    erases::<Secret<32>>();
    erases::<Secret<64>>();
    erases::<Secret<96>>();
    erases::<SharedSecret>();
    erases::<Zeroizing<Vec<u8>>>();
    erases::<SecretBytes>();
    erases::<Zeroizing<[u8; 64]>>();
    // The libraries' own, as they are used here: their `zeroize` features are on.
    erases::<x25519_dalek::StaticSecret>();
    erases::<x25519_dalek::SharedSecret>();
    erases::<sha2::Sha256>();
    erases::<sha2::block_api::Sha256VarCore>(); // what an HMAC key is hashed into
    erases::<sha2::Sha512>();
    erases::<sha2::block_api::Sha512VarCore>();
    erases::<aes_gcm::Aes256Gcm>();
    assert!(needs_drop::<aws_lc_rs::aead::LessSafeKey>()); // its context cleanses the schedule when it is freed
    erases::<ml_kem::DecapsulationKey<ml_kem::MlKem1024>>();
    erases::<ml_dsa::SigningKey<ml_dsa::MlDsa87>>();
    erases::<ml_dsa::ExpandedSigningKey<ml_dsa::MlDsa87>>();
    erases::<ed25519_dalek::SigningKey>();
    // What is made of those has their drop to run; a Copy or a leak of bare bytes would have none.
    assert!(needs_drop::<MacKey>() && needs_drop::<ChainKey>() && needs_drop::<TagKey>() && needs_drop::<MessageKey>());
    assert!(needs_drop::<RootKey>() && needs_drop::<AdvanceKey>() && needs_drop::<EpochKeys>());
    assert!(needs_drop::<BoxKey>() && needs_drop::<CommittedKey>() && needs_drop::<SkippedKey>());
    assert!(needs_drop::<KemSecretKey>() && needs_drop::<SigningKey>() && needs_drop::<IdentityKeyPair>());
    assert!(
        needs_drop::<SendChain>()
            && needs_drop::<ReceiveChain>()
            && needs_drop::<Limited>()
            && needs_drop::<Oblivious>()
    );
};

/// Fails to compile when one of the types gains `Debug`: these hold bare or many secrets and have nothing to say.
macro_rules! prints_nothing {
    ($($type:ty),+) => {$(
        const _: fn() = || {
            trait AmbiguousIfDebug<A> {
                fn item() {}
            }
            impl<T: ?Sized> AmbiguousIfDebug<()> for T {}
            struct Printable;
            impl<T: ?Sized + Debug> AmbiguousIfDebug<Printable> for T {}
            let _ = <$type as AmbiguousIfDebug<_>>::item;
        };
    )+};
}
prints_nothing!(Party, EpochKeys, BoxKey, CommittedKey, SendChain, ReceiveChain, Turn);

/// The other way round: these are printed, and the tests above look at how.
const fn prints<T: Debug>() {}
const _: () = {
    prints::<Account>();
    prints::<Session>();
};
