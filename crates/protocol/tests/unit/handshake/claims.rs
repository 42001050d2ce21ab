//! Who says that he is who, on whose ciphertexts, when, and with which keys.

use super::*;
use crate::identity::IdentityKeyPair;

#[test]
fn only_a_whole_signature_for_a_handshake_by_the_claimed_key_over_this_transcript_counts() {
    let mut scene = Scene::new(3);
    let (attempt, belief) = (scene.attempt(), scene.believed());
    let t1 = attempt.t1(&belief, &scene.alice);
    let mallory = Account::generate(address("mallory"), &mut scene.rng);
    let Scene { alice, rng, .. } = &mut scene;
    let good = alice.sign(Purpose::Handshake, &t1, rng);
    let other = alice.sign(Purpose::Handshake, &[&t1[..], b"."].concat(), rng);
    let foreign = mallory.sign(Purpose::Handshake, &t1, rng);
    let zeros = vec![0; SIGNATURE_LENGTH];
    let mut bad = vec![
        ("another transcript", other.clone()),
        ("another key", foreign.clone()),
        ("zeros", zeros.clone()),
    ];
    for (what, source) in [
        ("another transcript", &other),
        ("another key", &foreign),
        ("zeros", &zeros),
    ] {
        bad.push((what, [&source[..64], &good[64..]].concat()));
        bad.push((what, [&good[..64], &source[64..]].concat()));
    }
    for purpose in Purpose::ALL
        .into_iter()
        .filter(|purpose| *purpose != Purpose::Handshake)
    {
        let signature = alice.sign(purpose, &t1, rng);
        // Whole, and each half beside a right one: Ed25519 sees the purpose in the message, ML-DSA also in its context.
        bad.push(("another purpose", [&signature[..64], &good[64..]].concat()));
        bad.push(("another purpose", [&good[..64], &signature[64..]].concat()));
        bad.push(("another purpose", signature));
    }
    // Signed with T0 instead of T1, as if the initiator's identity were no part of what is signed.
    bad.push(("T0", alice.sign(Purpose::Handshake, &belief.t0(&attempt.preamble), rng)));
    let (alice_address, alice_key) = (scene.alice.address().clone(), scene.alice.identity_key().clone());
    for (what, signature) in bad {
        let claim = Claim {
            address: &alice_address,
            key: &alice_key,
            signature,
        };
        let envelope = attempt.envelope(&belief, &claim, &mut scene.rng);
        scene.refuses(&envelope, HandshakeError::BadSignature, what);
    }
    // A box with one half missing, or something behind, holds no identity at all.
    for signature in [
        good[..64].to_vec(),
        good[64..].to_vec(),
        Vec::new(),
        [&good[..], &[0]].concat(),
    ] {
        let claim = Claim {
            address: &alice_address,
            key: &alice_key,
            signature,
        };
        let envelope = attempt.envelope(&belief, &claim, &mut scene.rng);
        scene.refuses(&envelope, HandshakeError::Malformed, "a signature of another length");
    }
    // The same key at another address is another identity: what Alice signed as alice does not speak for it.
    let elsewhere = address("alice2");
    let claim = Claim {
        address: &elsewhere,
        key: &alice_key,
        signature: good.clone(),
    };
    let envelope = attempt.envelope(&belief, &claim, &mut scene.rng);
    scene.refuses(&envelope, HandshakeError::BadSignature, "another address");
    let claim = Claim {
        address: &alice_address,
        key: &alice_key,
        signature: good,
    };
    let envelope = attempt.envelope(&belief, &claim, &mut scene.rng);
    scene.opens(&envelope);
}

/// Unknown key share: someone else puts a name of his own on Alice's ciphertexts, even knowing the shared secrets. Bob then has a session with
/// that someone, not with Alice, and nothing that Alice sealed opens on it.
#[test]
fn another_identity_on_alices_ciphertexts_takes_none_of_her_messages() {
    let mut scene = Scene::new(4);
    let (attempt, belief) = (scene.attempt(), scene.believed());
    let mallory = Account::generate(address("mallory"), &mut scene.rng);
    let claim = honest(&attempt, &belief, &scene.alice, &mut scene.rng);
    let alices = attempt.envelope(&belief, &claim, &mut scene.rng);
    let claim = honest(&attempt, &belief, &mallory, &mut scene.rng);
    let mallorys = attempt.envelope(&belief, &claim, &mut scene.rng);
    assert_ne!(attempt.t1(&belief, &scene.alice), attempt.t1(&belief, &mallory));
    // Preamble and identity box of one, number and message of the other. The boxes differ in length by two letters of the name.
    let tail = |envelope: &[u8]| {
        let parsed = crate::envelope::Envelope::parse(envelope).unwrap();
        let crate::envelope::Body::First { number, sealed, .. } = parsed.body else {
            panic!("first")
        };
        number.len() + sealed.len()
    };
    let splice =
        |from: &[u8], with: &[u8]| [&from[..from.len() - tail(from)], &with[with.len() - tail(with)..]].concat();
    for envelope in [splice(&mallorys, &alices), splice(&alices, &mallorys)] {
        let before = records(&scene.bob);
        let received = scene.bob.receive(&envelope, NOW, &mut scene.rng);
        assert!(matches!(received, Received::Refused(Refusal::Altered)), "{received:?}");
        assert!(records(&scene.bob) == before, "left a trace");
    }
    let received = scene.bob.receive(&mallorys, NOW, &mut scene.rng);
    assert!(
        matches!(&received, Received::Opened(opened) if opened.from == address("mallory")),
        "{received:?}"
    );
}

#[test]
fn a_name_already_pinned_with_another_key_is_not_replaced_but_reported() {
    let mut scene = Scene::new(5);
    let (attempt, belief) = (scene.attempt(), scene.believed());
    let claim = honest(&attempt, &belief, &scene.alice, &mut scene.rng);
    let envelope = attempt.envelope(&belief, &claim, &mut scene.rng);
    scene.opens(&envelope);
    let impostor = IdentityKeyPair::generate(&mut scene.rng);
    let fingerprint = impostor.public().fingerprint(&address("alice"));
    let attempt = Attempt {
        preamble: Preamble {
            one_time: None,
            ..attempt.preamble.clone()
        },
        ss2: None,
        ..clone(&attempt)
    };
    let t1 = t1(&belief.t0(&attempt.preamble), &address("alice"), &fingerprint);
    let signature = impostor.sign(Purpose::Handshake, &fingerprint, &t1, &mut scene.rng);
    let claim = Claim {
        address: &address("alice"),
        key: impostor.public(),
        signature,
    };
    let envelope = attempt.envelope(&belief, &claim, &mut scene.rng);
    let pinned = scene.bob.contact(&address("alice")).unwrap().fingerprint;
    let before = records(&scene.bob);
    let received = scene.bob.receive(&envelope, NOW, &mut scene.rng);
    assert!(
        matches!(&received, Received::IdentityChanged { offered, .. } if *offered == fingerprint),
        "{received:?}"
    );
    assert_eq!(scene.bob.contact(&address("alice")).unwrap().fingerprint, pinned);
    // Exactly one record changed, that of the peer; and the user who keeps the old identity has his records back.
    let changed = records(&scene.bob)
        .into_iter()
        .zip(&before)
        .filter(|(new, old)| new != *old)
        .count();
    assert_eq!((records(&scene.bob).len(), changed), (before.len(), 1));
    assert!(scene.bob.reject_identity(&address("alice")));
    assert!(records(&scene.bob) == before);
}

#[test]
fn a_handshake_with_oneself_is_refused() {
    let mut scene = Scene::new(6);
    let (attempt, belief) = (scene.attempt(), scene.believed());
    let t1 = t1(
        &belief.t0(&attempt.preamble),
        scene.bob.address(),
        &scene.bob.fingerprint(),
    );
    let signature = scene.bob.identity_sign(Purpose::Handshake, &t1, &mut scene.rng);
    let (bob, key) = (scene.bob.address().clone(), scene.bob.identity_key().clone());
    let envelope = attempt.envelope(
        &belief,
        &Claim {
            address: &bob,
            key: &key,
            signature,
        },
        &mut scene.rng,
    );
    scene.refuses(&envelope, HandshakeError::OneSelf, "oneself");
}

#[test]
fn ten_minutes_ahead_is_the_limit_whatever_else_is_wrong() {
    let mut scene = Scene::new(7);
    let belief = scene.believed();
    let make = |scene: &mut Scene, ahead: u64| {
        let mut attempt = scene.attempt();
        attempt.preamble.created_at = Timestamp(NOW.0 + ahead);
        let claim = honest(&attempt, &belief, &scene.alice, &mut scene.rng);
        attempt.envelope(&belief, &claim, &mut scene.rng)
    };
    let (late, exact, absurd) = (
        make(&mut scene, 600_001),
        make(&mut scene, 600_000),
        make(&mut scene, u64::MAX - NOW.0),
    );
    scene.refuses(&late, HandshakeError::FromTheFuture, "ten minutes and a millisecond");
    scene.refuses(&absurd, HandshakeError::FromTheFuture, "the end of time");
    scene.opens(&exact);
    // The one-time prekey is gone now. A date in the far future must not become the date that our answer has to exceed.
    scene.refuses(
        &absurd,
        HandshakeError::FromTheFuture,
        "the end of time, to a used one-time prekey",
    );
    scene.refuses(
        &late,
        HandshakeError::FromTheFuture,
        "ten minutes and a millisecond, to a used one-time prekey",
    );
}

#[test]
fn degenerate_keys_are_refused_and_use_nothing_up() {
    let mut scene = Scene::new(8);
    let belief = scene.believed();
    let base = scene.attempt();
    type Change = fn(&mut Preamble);
    let changes: [(&str, Change); 6] = [
        ("ct1 of small order", |p| p.ct1[..32].fill(0)),
        ("ct2 of small order", |p| change_one_time(p, |_, ct2| ct2[..32].fill(0))),
        ("ct2 of order two, not reduced", |p| {
            change_one_time(p, |_, ct2| {
                ct2[..32].fill(0xff);
                ct2[0] = 0xed;
                ct2[31] = 0x7f;
            });
        }),
        ("ratchet key of small order", |p| p.rk[..32].fill(0)),
        ("ratchet key of order one", |p| {
            p.rk[..32].fill(0);
            p.rk[0] = 1;
        }),
        ("ratchet key not reduced", |p| p.rk[32..34].fill(0xff)),
    ];
    for (what, change) in changes {
        let mut attempt = clone(&base);
        change(&mut attempt.preamble);
        let claim = honest(&attempt, &belief, &scene.alice, &mut scene.rng);
        let envelope = attempt.envelope(&belief, &claim, &mut scene.rng);
        scene.refuses(&envelope, HandshakeError::BadKey, what);
    }
    let claim = honest(&base, &belief, &scene.alice, &mut scene.rng);
    let envelope = base.envelope(&belief, &claim, &mut scene.rng);
    scene.opens(&envelope);
}
