//! The responder's first advance is signed: who has the prekeys that a session used, and all of its keys, is not the peer for it.

use super::*;
use crate::account::Account;
use crate::identity::SIGNATURE_LENGTH;
use crate::primitives::kem::KemSecretKey;
use crate::session::{Turn, WINDOW};

/// Alice has written, Bob has opened it, and has not answered.
fn asked(seed: u64) -> Scene {
    let mut scene = Scene::new(seed);
    let bundle = scene.bundle("bob");
    scene.alice.start(&bundle, NOW, &mut scene.rng).unwrap();
    let question = scene.letter_to_bob("q");
    scene.bob_opens(&question);
    scene
}

/// What a session of Bob's, with all of its keys, sends first when `signer` signs.
fn answer(scene: &mut Scene, mut session: Session, signer: &Account) -> Vec<u8> {
    let body = content("a", &mut scene.rng).encode();
    session
        .encrypt(&body, signer, &RekeyPolicy::default(), NOW, &mut scene.rng)
        .unwrap()
        .envelope
}

fn alice_refuses(scene: &mut Scene, envelope: &[u8], what: &str) -> Received {
    let before = records(&scene.alice);
    let outcome = scene.alice.receive(envelope, NOW, &mut scene.rng);
    assert!(
        matches!(outcome, Received::Refused(_) | Received::Unknown),
        "{what}: {outcome:?}"
    );
    assert!(records(&scene.alice) == before, "{what} left a trace");
    outcome
}

#[test]
fn a_thief_of_used_prekeys_cannot_answer_in_bobs_name() {
    let mut scene = asked(61);
    // The thief has what Bob has but for the identity key, and so the very same session.
    let stolen = scene.session(false).clone();
    let thief = Account::generate(address("bob"), &mut scene.rng);
    let forged = answer(&mut scene, stolen.clone(), &thief);
    let outcome = alice_refuses(&mut scene, &forged, "a thief's signature");
    assert!(matches!(outcome, Received::Refused(Refusal::NotSigned)), "{outcome:?}");
    // The control: the same session, signed by Bob.
    let bob = scene.bob.account.clone();
    let genuine = answer(&mut scene, stolen, &bob);
    scene.alice_opens(&genuine);
}

/// Who does not keep to the rules need not advance: the keys of epoch 0 seal for both directions.
#[test]
fn a_thief_of_used_prekeys_cannot_answer_in_the_epoch_of_the_handshake() {
    let mut scene = asked(65);
    let mut stolen = scene.session(false).clone();
    stolen.turn = Turn::Theirs {
        own_key: KemSecretKey::generate(&mut scene.rng).0,
    };
    let thief = Account::generate(address("bob"), &mut scene.rng);
    // By its tag, and, beyond the window of tags, by a box with the number alone.
    for (n, kind) in [(0, EnvelopeType::Plain), (WINDOW, EnvelopeType::Boxed)] {
        stolen.send.n = n;
        let forged = answer(&mut scene, stolen.clone(), &thief);
        assert_eq!((forged[1], forged.len()), (kind.byte(), if n == 0 { 338 } else { 358 }));
        alice_refuses(&mut scene, &forged, "an answer in epoch 0");
    }
    let waiting = scene.alice.pending_contents(&address("bob")).len();
    assert_eq!(waiting, 1, "nothing of hers counts as opened");
    let genuine = scene.letter_to_alice("a");
    scene.alice_opens(&genuine);
}

#[test]
fn a_signature_is_for_one_session_and_one_header() {
    let mut scene = asked(62);
    let (session, bob) = (scene.session(false).clone(), scene.bob.account.clone());
    let mut signed = session.clone();
    answer_of(&mut scene, &mut signed, &bob);
    let mut other = session.clone();
    answer_of(&mut scene, &mut other, &bob);
    // Another header of the same session, with the signature of the first.
    other.header.as_mut().unwrap().signature = signed.header.as_ref().unwrap().signature.clone();
    let moved = answer(&mut scene, other, &bob);
    let outcome = alice_refuses(&mut scene, &moved, "the signature of another header");
    assert!(matches!(outcome, Received::Refused(Refusal::NotSigned)), "{outcome:?}");
    // Another session of the same two, with a signature that Bob made on the first.
    let bundle = scene.bundle("bob");
    scene.alice.start(&bundle, NOW, &mut scene.rng).unwrap();
    let question = scene.letter_to_bob("q again");
    scene.bob_opens(&question);
    let id = scene.bob.current(&address("alice")).unwrap().id;
    assert_ne!(id, session.id);
    let mut second = scene.bob.sessions[&id].clone();
    answer_of(&mut scene, &mut second, &bob);
    let genuine = answer(&mut scene, second.clone(), &bob);
    second.header.as_mut().unwrap().signature = signed.header.as_ref().unwrap().signature.clone();
    let moved = answer(&mut scene, second, &bob);
    let outcome = alice_refuses(&mut scene, &moved, "the signature of another session");
    assert!(matches!(outcome, Received::Refused(Refusal::NotSigned)), "{outcome:?}");
    scene.alice_opens(&genuine);
}

#[test]
fn a_first_advance_without_a_signature_is_not_recognised() {
    let mut scene = asked(63);
    let (mut session, bob) = (scene.session(false).clone(), scene.bob.account.clone());
    answer_of(&mut scene, &mut session, &bob);
    session.header.as_mut().unwrap().signature = None;
    let bare = answer(&mut scene, session, &bob);
    alice_refuses(&mut scene, &bare, "a bare header");
}

#[test]
fn the_signature_goes_with_every_message_until_the_peer_is_heard_and_never_again() {
    let mut scene = asked(64);
    let lengths: Vec<usize> = (0..3).map(|_| scene.letter_to_alice("a").len()).collect();
    assert_eq!(lengths, [lengths[0]; 3]);
    let last = scene.letter_to_alice("a");
    scene.alice_opens(&last); // any of them does
    assert!(scene.session(true).peer_identity.is_none(), "kept for nothing");
    scene.alice.set_policy(after_each());
    scene.bob.set_policy(after_each());
    let question = scene.letter_to_bob("q");
    scene.bob_opens(&question);
    let later = scene.letter_to_alice("a");
    assert_eq!(scene.session(false).epoch, 3);
    assert_eq!(lengths[0] - later.len(), SIGNATURE_LENGTH);
    scene.alice_opens(&later);
}

/// Sends one, which is lost.
fn answer_of(scene: &mut Scene, session: &mut Session, signer: &Account) {
    let body = content("lost", &mut scene.rng).encode();
    session
        .encrypt(&body, signer, &RekeyPolicy::default(), NOW, &mut scene.rng)
        .unwrap();
}
