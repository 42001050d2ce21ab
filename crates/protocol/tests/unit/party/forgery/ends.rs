//! The ends of things: the last number of a chain, an acknowledgement from a future that this state does not know, a second header.

use super::*;
use crate::inner::Hole;
use crate::party::peer::{MAX_ANSWERS, MAX_REPEATS};

#[test]
fn numbers_at_and_beyond_a_chains_end_are_refused_and_cost_nothing() {
    let mut scene = Scene::in_epoch_2(55);
    let body = content("x", &mut scene.rng).encode();
    let inner = honest(&body);
    // Sealing for u32::MAX would take a while: the key does not matter, the number is refused first.
    for (n, forged_as) in [(MAX_CHAIN, MAX_CHAIN), (MAX_CHAIN + 1, 1), (u32::MAX, 1)] {
        let mut envelope = scene.forged(forged_as, &inner, EnvelopeType::Boxed);
        let session = scene.session(true);
        let (advance, direction) = (&session.advance_keys[&2], session.role.sends());
        let id: [u8; 16] = envelope[2..18].try_into().unwrap();
        let tag = advance.tag(direction, &id);
        let number = advance
            .box_key(Form::Boxed(direction), &id)
            .seal(&box_aad(EnvelopeType::Boxed, &id, &tag), &n.to_be_bytes());
        envelope[34..54].copy_from_slice(&number);
        let outcome = scene.bob_refuses(&envelope, "beyond the end");
        assert!(matches!(outcome, Received::Unknown), "{n}: {outcome:?}");
    }
    let last = scene.forged(MAX_CHAIN - 1, &inner, EnvelopeType::Boxed);
    assert_eq!(
        scene.bob_opens(&last).missing,
        u64::from(MAX_CHAIN) - 2,
        "the last number of a chain is one"
    );
}

#[test]
fn a_chain_at_its_end_sends_nothing_and_a_new_handshake_carries_on() {
    let mut scene = Scene::in_epoch_2(56);
    let (to_bob, session) = (address("bob"), scene.session(true).id);
    scene.session(true).send.n = MAX_CHAIN - 2;
    // The chain key would be that of another number; that Bob cannot open the last one is beside the point here.
    let content_id = content("last", &mut scene.rng);
    scene.alice.send(&to_bob, &content_id, NOW, &mut scene.rng).unwrap();
    assert!(scene.alice.needs_bundle(&to_bob));
    let before = records(&scene.alice);
    let more = content("beyond", &mut scene.rng);
    assert_eq!(
        scene.alice.send(&to_bob, &more, NOW, &mut scene.rng),
        Err(SendError::NeedsBundle(to_bob.clone()))
    );
    assert!(records(&scene.alice) == before);
    let bundle = scene.bundle("bob");
    let resent = scene.alice.start(&bundle, NOW, &mut scene.rng).unwrap();
    assert_eq!(
        resent.iter().map(|out| out.content_id).collect::<Vec<_>>(),
        [Some(content_id.id)],
        "what was unacknowledged"
    );
    assert_ne!(scene.alice.current(&to_bob).unwrap().id, session);
    let opened = scene.bob_opens(&resent[0].envelope);
    assert_eq!((opened.content.id, opened.missing), (content_id.id, 0));
    let next = scene.letter_to_bob("beyond");
    scene.bob_opens(&next);
}

/// A peer acknowledges what this state never sent: it is an old copy. It must not go on sending, and a new handshake brings everything that is
/// not known to have arrived.
#[test]
fn an_acknowledgement_beyond_what_was_sent_ends_sending_on_that_session() {
    for beyond in [(2, 2), (3, 0), (1, 2), (u32::MAX, 0), (2, u32::MAX)] {
        let mut scene = Scene::in_epoch_2(57);
        let to_alice = address("alice");
        // Bob authored epoch 1 and sent one there, and one in epoch 2; his second in epoch 2 is not acknowledged by the forged message.
        assert_eq!(
            (
                scene.session(false).epoch,
                scene.session(false).send.n,
                scene.session(false).sent_before.0
            ),
            (2, 1, 1)
        );
        let unsettled = scene.bob.pending_contents(&to_alice);
        assert_eq!(unsettled.len(), 1);
        let body = content("ack", &mut scene.rng).encode();
        let inner = inner::encode(&counts(0, 1, beyond), &body);
        let envelope = scene.forged(1, &inner, EnvelopeType::Plain);
        let opened = scene.bob_opens(&envelope);
        assert!(opened.acknowledged.is_empty(), "{beyond:?} is not applied");
        assert_eq!(scene.session(false).status, Status::ReceiveOnly);
        assert_eq!(scene.bob.wanted(), std::slice::from_ref(&to_alice));
        assert!(scene.bob.needs_bundle(&to_alice));
        let words = content("no", &mut scene.rng);
        assert_eq!(
            scene.bob.send(&to_alice, &words, NOW, &mut scene.rng),
            Err(SendError::NeedsBundle(to_alice.clone()))
        );
        // It still receives.
        scene.session(true).send.n = 1;
        let bundle = scene.bundle("alice");
        let again = scene.bob.start(&bundle, NOW, &mut scene.rng).unwrap();
        assert_eq!(
            again.iter().filter_map(|out| out.content_id).collect::<Vec<_>>(),
            unsettled
        );
        assert!(scene.bob.wanted().is_empty());
        let answer = scene.alice_opens(&again[0].envelope);
        assert_eq!(
            answer.content.id, unsettled[0],
            "sent again under its own id: Alice shows it once"
        );
    }
    // The control: exactly what was sent is no more than an acknowledgement.
    let mut scene = Scene::in_epoch_2(57);
    let body = content("ack", &mut scene.rng).encode();
    let inner = honest(&body);
    let envelope = scene.forged(1, &inner, EnvelopeType::Plain);
    assert_eq!(scene.bob_opens(&envelope).acknowledged.len(), 1);
    assert!(scene.bob.wanted().is_empty());
}

/// A peer may say of everything that it never came. It gets each content again, a bounded number of times; none of it is called acknowledged; and a new session still brings it.
#[test]
fn a_peer_that_calls_everything_lost_gets_it_a_bounded_number_of_times() {
    let mut scene = Scene::in_epoch_2(58);
    scene.bob.set_policy(NEVER);
    let to_alice = address("alice");
    let lost = scene.bob.pending_contents(&to_alice)[0];
    let mut again = 0;
    for number in 1..u32::from(MAX_REPEATS) + 10 {
        // It can call lost only what is before the last that it says it opened.
        let more = content("more", &mut scene.rng);
        scene.bob.send(&to_alice, &more, NOW, &mut scene.rng).unwrap();
        let sent = scene.session(false).send.n;
        let mut counts = counts(0, 1, (2, sent));
        counts.acknowledged.holes = vec![Hole {
            epoch: 2,
            first: 0,
            count: sent - 1,
        }];
        let body = content("lost", &mut scene.rng).encode();
        let envelope = scene.forged(number, &inner::encode(&counts, &body), EnvelopeType::Plain);
        let opened = scene.bob_opens(&envelope);
        assert!(!opened.acknowledged.contains(&lost), "{number}");
        again += opened
            .outgoing
            .iter()
            .filter(|out| out.content_id == Some(lost))
            .count();
    }
    assert_eq!(again, usize::from(MAX_REPEATS));
    assert!(scene.bob.pending_contents(&to_alice).contains(&lost));
    scene.session(true).send.n = MAX_REPEATS.into();
    let bundle = scene.bundle("alice");
    let anew = scene.bob.start(&bundle, NOW, &mut scene.rng).unwrap();
    assert!(anew.iter().any(|out| out.content_id == Some(lost)));
}

/// Two copies of one state author the same epoch: the second header is not followed, the session ends, and a handshake is wanted. What changes is
/// that alone.
#[test]
fn a_second_header_for_an_epoch_forks_the_session() {
    let mut scene = Scene::in_epoch_2(58);
    let answer = scene.letter_to_alice("a");
    scene.alice_opens(&answer);
    scene.bob.set_policy(after_each());
    let mut copy = scene.bob.clone();
    let third = scene.letter_to_alice("in epoch 3");
    let words = content("in another epoch 3", &mut scene.rng);
    let other = copy
        .send(&address("alice"), &words, NOW, &mut scene.rng)
        .unwrap()
        .envelope;
    scene.alice_opens(&third);
    let before = records(&scene.alice);
    let outcome = scene.alice.receive(&other, NOW, &mut scene.rng);
    assert!(
        matches!(&outcome, Received::Forked { peer } if *peer == address("bob")),
        "{outcome:?}"
    );
    let after = records(&scene.alice);
    assert_eq!(before.len(), after.len());
    let changed: Vec<&str> = before
        .iter()
        .zip(&after)
        .filter(|(old, new)| old != new)
        .map(|(_, (key, _))| key.split('/').next().unwrap())
        .collect();
    assert_eq!(changed, ["peer", "session"]);
    assert_eq!(scene.session(true).status, Status::Forked);
    assert_eq!(scene.alice.wanted(), [address("bob")]);
    // Repeated without end, it asks for no more than four handshakes an hour.
    for _ in 0..10 {
        let outcome = scene.alice.receive(&other, NOW, &mut scene.rng);
        assert!(matches!(outcome, Received::Forked { .. }));
    }
    assert!(scene.alice.peers[&address("bob")].answered.len() <= MAX_ANSWERS);
    // A header that is altered on its way forks nothing: it does not open.
    let mut altered = other.clone();
    altered[34 + 100] ^= 1;
    let before = records(&scene.alice);
    let outcome = scene.alice.receive(&altered, NOW, &mut scene.rng);
    assert!(matches!(outcome, Received::Unknown), "{outcome:?}");
    assert!(records(&scene.alice) == before);
}

/// However long a conversation goes on, of earlier epochs nothing stays but what is still waited for.
#[test]
fn of_earlier_epochs_only_what_is_waited_for_stays() {
    let mut scene = Scene::in_epoch_2(58);
    let every_turn = RekeyPolicy {
        messages: 0,
        ..RekeyPolicy::default()
    };
    scene.alice.set_policy(every_turn);
    scene.bob.set_policy(every_turn);
    for epoch in (3..60).step_by(2) {
        let answer = scene.letter_to_alice("odd");
        scene.alice_opens(&answer);
        let letter = scene.letter_to_bob("even");
        scene.bob_opens(&letter);
        let now = epoch + 1;
        let alice = scene.session(true);
        assert_eq!(alice.epoch(), now);
        // Alice has advanced and not been answered: the chain before may still bring something.
        assert_eq!(alice.receive.keys().copied().collect::<Vec<_>>(), [epoch, now]);
        assert_eq!(
            alice.advance_keys.keys().copied().collect::<Vec<_>>(),
            [epoch - 1, epoch, now]
        );
        // Swept by the next envelope that opens: sending only adds.
        assert_eq!(
            alice.header_hashes.keys().copied().collect::<Vec<_>>(),
            [epoch - 1, epoch, now]
        );
        let bob = scene.session(false);
        assert_eq!(bob.receive.keys().copied().collect::<Vec<_>>(), [now]);
        assert_eq!(bob.advance_keys.keys().copied().collect::<Vec<_>>(), [epoch, now]);
        assert_eq!(bob.header_hashes.keys().copied().collect::<Vec<_>>(), [epoch, now]);
    }
    let session = scene.session(true);
    let (id, shown) = (session.id(), format!("{session:?} {:?}", session.id()));
    assert!(
        shown.contains("epoch: 60") && shown.contains(&format!("SessionId({id})")),
        "{shown}"
    );
}
