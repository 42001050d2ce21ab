//! A handshake counts once: after its one-time prekey is used, its session gone, its state reloaded or restored, and until its prekey is dead.
#![cfg(feature = "session")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may
mod common;

use common::*;
use latchkey_protocol::Timestamp;
use latchkey_protocol::handshake::HandshakeError;
use latchkey_protocol::party::{MAX_HANDSHAKES_OF_PEER, Party, Received, Refusal};
use latchkey_protocol::session::RekeyPolicy;
use rand_chacha::ChaCha20Rng;

const DAY: u64 = 24 * 3_600_000;

fn later(millis: u64) -> Timestamp {
    Timestamp(NOW.0 + millis)
}

/// Two first envelopes of each of Alice's handshakes with Bob, oldest first.
fn handshakes(directory: &mut Directory, alice: &mut Party, count: usize, rng: &mut ChaCha20Rng) -> Vec<[Vec<u8>; 2]> {
    let to_bob = address("bob");
    (0..count)
        .map(|_| {
            alice.start(&directory.fetch(&to_bob), NOW, rng).unwrap();
            [(), ()].map(|()| {
                let content = latchkey_protocol::content::Content {
                    body: latchkey_protocol::content::Body::Empty,
                    ..text("", rng)
                };
                alice.send(&to_bob, &content, NOW, rng).unwrap().envelope
            })
        })
        .collect()
}

#[test]
fn a_handshake_is_accepted_once() {
    let (mut directory, mut alice, mut bob, _, mut rng) = scene(40);
    let all = handshakes(&mut directory, &mut alice, 18, &mut rng);
    for [first, _] in &all {
        assert!(matches!(bob.receive(first, NOW, &mut rng), Received::Opened(_)));
    }
    for reloaded in [false, true] {
        if reloaded {
            bob = Party::load(records(&bob)).unwrap();
        }
        let before = records(&bob);
        // Whole envelopes again: known by their digest.
        for [first, _] in &all {
            assert!(matches!(bob.receive(first, NOW, &mut rng), Received::Duplicate));
        }
        // The sessions of the two oldest are gone (sixteen are kept): another envelope of those handshakes opens nothing, although it was
        // never seen, and makes no session.
        for [_, second] in &all[..2] {
            let outcome = bob.receive(second, NOW, &mut rng);
            assert!(matches!(outcome, Received::Replay), "{outcome:?}");
        }
        // A known handshake with another message, or another number box, behind it.
        let [first, _] = &all[5];
        let mut other = first.clone();
        let end = other.len() - 304;
        other[end..].copy_from_slice(&all[6][0][all[6][0].len() - 304..]);
        let outcome = bob.receive(&other, NOW, &mut rng);
        assert!(
            matches!(outcome, Received::Refused(Refusal::Altered) | Received::Unknown),
            "{outcome:?}"
        );
        assert!(records(&bob) == before, "reloaded: {reloaded}");
    }
    assert!(matches!(bob.receive(&all[17][1], NOW, &mut rng), Received::Opened(_)));
}

/// A peer, or a relay that makes one begin again and again, burns through what is remembered of it. The conversation goes on, and nothing opens twice.
#[test]
fn a_forgotten_handshake_is_refused_by_its_date_and_the_conversation_goes_on() {
    const MANY: usize = MAX_HANDSHAKES_OF_PEER + 20;
    let (mut directory, mut alice, mut bob, _, mut rng) = scene(46);
    // The first hundred use one-time prekeys, the others have the signed one alone: those are unrepeatable by memory only.
    let all = handshakes(&mut directory, &mut alice, MANY, &mut rng);
    let never_came = 3;
    for (n, [first, _]) in all.iter().enumerate() {
        if n != never_came {
            assert!(matches!(bob.receive(first, NOW, &mut rng), Received::Opened(_)), "{n}");
        }
    }
    let remembered = |bob: &Party| records(bob).keys().filter(|key| key.starts_with("handshake/")).count();
    assert_eq!(remembered(&bob), MAX_HANDSHAKES_OF_PEER);
    for reloaded in [false, true] {
        if reloaded {
            bob = Party::load(records(&bob)).unwrap();
        }
        let before = records(&bob);
        for (n, [_, second]) in all.iter().take(MANY - 16).enumerate() {
            let outcome = bob.receive(second, NOW, &mut rng);
            assert!(matches!(outcome, Received::Replay), "{n}: {outcome:?}");
        }
        let outcome = bob.receive(&all[never_came][0], NOW, &mut rng);
        assert!(matches!(outcome, Received::Replay), "{outcome:?}");
        assert!(records(&bob) == before, "reloaded: {reloaded}");
    }
    // What is dated as the last that was forgotten, or before, and nothing else: a fresh handshake is taken.
    let to_alice = address("alice");
    let [fresh] = &handshakes(&mut directory, &mut alice, 1, &mut rng)[..] else {
        panic!("one")
    };
    assert!(matches!(bob.receive(&fresh[0], NOW, &mut rng), Received::Opened(_)));
    assert_eq!(remembered(&bob), MAX_HANDSHAKES_OF_PEER);
    for envelope in say(&mut directory, &mut bob, &to_alice, "still here", NOW, &mut rng) {
        assert_eq!(opened(alice.receive(&envelope.envelope, NOW, &mut rng)), "still here");
    }
}

/// What was in a handshake that is refused by its date was never acknowledged: its author says it again on the newest session.
#[test]
fn what_a_handshake_brought_that_came_too_late_arrives_by_the_newest_one() {
    let (mut directory, mut alice, mut bob, _, mut rng) = scene(47);
    let to_bob = address("bob");
    let held_back = say(&mut directory, &mut alice, &to_bob, "held back", NOW, &mut rng);
    let mut texts = Vec::new();
    for n in 0..=MAX_HANDSHAKES_OF_PEER {
        let outgoing = alice.start(&directory.fetch(&to_bob), NOW, &mut rng).unwrap();
        // Only the last one's envelopes of what is unacknowledged come; of the others an empty content.
        let announced = latchkey_protocol::content::Content {
            body: latchkey_protocol::content::Body::Empty,
            ..text("", &mut rng)
        };
        let empty = alice.send(&to_bob, &announced, NOW, &mut rng).unwrap().envelope;
        assert!(matches!(bob.receive(&empty, NOW, &mut rng), Received::Opened(_)), "{n}");
        if n == MAX_HANDSHAKES_OF_PEER {
            for envelope in outgoing {
                if let Received::Opened(opened) = bob.receive(&envelope.envelope, NOW, &mut rng)
                    && let latchkey_protocol::content::Body::Text(text) = opened.content.body
                {
                    texts.push(text);
                }
            }
        }
    }
    for envelope in held_back {
        let outcome = bob.receive(&envelope.envelope, NOW, &mut rng);
        assert!(matches!(outcome, Received::Replay), "{outcome:?}");
    }
    assert_eq!(texts, ["held back"]);
}

#[test]
fn a_used_one_time_prekey_is_gone_for_a_state_that_forgot_the_session() {
    let (mut directory, mut alice, mut bob, _, mut rng) = scene(41);
    let to_alice = address("alice");
    let [[first, second]] = &handshakes(&mut directory, &mut alice, 1, &mut rng)[..] else {
        panic!("one")
    };
    assert!(matches!(bob.receive(first, NOW, &mut rng), Received::Opened(_)));
    // All but identity and prekeys is lost: the erased private half is what refuses the replay.
    let mut kept = records(&bob);
    kept.retain(|key, _| ["identity", "prekeys"].contains(&key.as_str()));
    let mut forgot = Party::load(kept).unwrap();
    let before = records(&forgot);
    for envelope in [first, second] {
        let outcome = forgot.receive(envelope, NOW, &mut rng);
        assert!(
            matches!(&outcome, Received::OneTimeKeyGone { from } if *from == to_alice),
            "{outcome:?}"
        );
    }
    // What changed is exactly: the peer, to whom a handshake is wanted, and that the batch is to be replaced.
    let after = records(&forgot);
    let changed: Vec<&str> = after
        .iter()
        .filter(|(key, value)| before.get(*key) != Some(value))
        .map(|(key, _)| key.as_str())
        .collect();
    assert_eq!(changed, ["peer/alice@relay.test", "prekeys"]);
    assert_eq!(forgot.wanted(), [to_alice]);
    let publication = forgot.publication(Some(90), false, NOW, &mut rng).unwrap();
    assert!(
        publication.replace_one_time && publication.one_time_batch.is_some() && publication.signed_prekey.is_none()
    );
    // Repeated without end, it asks for no more than four handshakes an hour, and for no second batch.
    forgot.publication_confirmed(NOW);
    for _ in 0..10 {
        let _ = forgot.receive(first, NOW, &mut rng);
    }
    assert!(forgot.publication(Some(90), false, NOW, &mut rng).is_none());
}

#[test]
fn old_handshakes_to_a_restored_backup_open_nothing() {
    let (mut directory, mut alice, mut bob, _, mut rng) = scene(42);
    let backup = records(&bob);
    let [[first, second]] = &handshakes(&mut directory, &mut alice, 1, &mut rng)[..] else {
        panic!("one")
    };
    directory.0.get_mut(bob.address()).unwrap().batch.clear();
    let [[plain_first, _]] = &handshakes(&mut directory, &mut alice, 1, &mut rng)[..] else {
        panic!("one")
    };
    for envelope in [first, plain_first] {
        assert!(matches!(bob.receive(envelope, NOW, &mut rng), Received::Opened(_)));
    }
    let mut restored = Party::load(backup).unwrap();
    restored.restored(NOW);
    // With the one-time prekey, and with the signed prekey alone, whose private half is in the backup.
    for envelope in [first, second, plain_first] {
        let outcome = restored.receive(envelope, NOW, &mut rng);
        assert!(matches!(outcome, Received::OneTimeKeyGone { .. }), "{outcome:?}");
    }
    assert_eq!(restored.wanted(), [address("alice")]);
    directory.publish(&mut restored, false, NOW, &mut rng);
    let answer = restored
        .start(&directory.fetch(&address("alice")), NOW, &mut rng)
        .unwrap();
    assert_eq!(answer.len(), 1, "an empty content announces the new session");
    assert!(matches!(
        alice.receive(&answer[0].envelope, NOW, &mut rng),
        Received::Opened(_)
    ));
}

/// A handshake without a one-time prekey is only as unrepeatable as the memory of it, which has to last as long as the signed prekey: also when its
/// owner was away and rotates late, and also for those who answer it until it expires.
#[test]
fn replay_memory_and_prekey_die_together_when_rotation_is_late() {
    let (mut directory, mut alice, mut bob, _, mut rng) = scene(43);
    let to_bob = address("bob");
    directory.0.get_mut(&to_bob).unwrap().batch.clear();
    let [[first, second]] = &handshakes(&mut directory, &mut alice, 1, &mut rng)[..] else {
        panic!("one")
    };
    assert!(matches!(bob.receive(first, NOW, &mut rng), Received::Opened(_)));
    // Written on day 13, while the prekey is still accepted and Bob is away since day 2.
    let (mut carol, mut carol_rng) = (Party::generate(address("carol"), &mut rng), rng.clone());
    let on_day_13 = later(13 * DAY);
    carol
        .start(&directory.fetch(&to_bob), on_day_13, &mut carol_rng)
        .unwrap();
    let late = carol
        .send(&to_bob, &text("on day 13", &mut rng), on_day_13, &mut carol_rng)
        .unwrap()
        .envelope;
    // Bob is back on day 20 in one story, on day 40 in the other, and rotates then.
    for back in [20, 40] {
        let mut bob = bob.clone();
        bob.tick(later(back * DAY));
        bob.publication(None, false, later(back * DAY), &mut rng).unwrap();
        assert_eq!(
            opened(bob.clone().receive(&late, later(back * DAY), &mut rng)),
            "on day 13",
            "back on day {back}"
        );
        // However late: never opened a second time. The digests of whole envelopes are forgotten after 4096 others, so the second envelope of
        // the handshake stands for the first.
        let mut kept = records(&bob);
        kept.retain(|key, _| !key.starts_with("session/") && !key.starts_with("skipped/") && !key.starts_with("peer/"));
        for day in back..80 {
            let mut bob = Party::load(kept.clone()).unwrap();
            bob.tick(later(day * DAY));
            let outcome = bob.receive(second, later(day * DAY), &mut rng);
            let gone = Received::Refused(Refusal::Handshake(HandshakeError::UnknownPreKey));
            assert!(
                matches!(outcome, Received::Replay) || format!("{outcome:?}") == format!("{gone:?}"),
                "day {day}: {outcome:?}"
            );
        }
    }
}

#[test]
fn an_envelope_under_a_dead_signed_prekey_is_refused() {
    let (mut directory, mut alice, mut bob, _, mut rng) = scene(44);
    let [[first, _]] = &handshakes(&mut directory, &mut alice, 1, &mut rng)[..] else {
        panic!("one")
    };
    // Rotated on time, on day 7 and every week after that; the private half dies 31 days after.
    for week in 1..=5 {
        bob.publication(None, false, later(week * 7 * DAY), &mut rng).unwrap();
        bob.publication_confirmed(later(week * 7 * DAY));
    }
    for (day, opens) in [(37, true), (38, false)] {
        let mut bob = bob.clone();
        bob.tick(later(day * DAY));
        let outcome = bob.receive(first, later(day * DAY), &mut rng);
        assert_eq!(matches!(outcome, Received::Opened(_)), opens, "day {day}: {outcome:?}");
    }
}

/// What dies of age is gone from the vault too, whatever call let it die.
#[test]
fn keys_that_die_are_deleted_from_the_vault() {
    let (mut directory, mut alice, mut bob, _, mut rng) = scene(45);
    let to_bob = address("bob");
    alice.set_policy(RekeyPolicy {
        messages: u32::MAX,
        after: std::time::Duration::from_secs(1 << 40),
    });
    let mut vault = std::collections::BTreeMap::new();
    let mut keep = |party: &mut Party| {
        for change in party.take_changes() {
            match change.value {
                Some(value) => vault.insert(change.key, value.to_vec()),
                None => vault.remove(&change.key),
            };
        }
        assert!(vault == records(party), "the changes taken are not all that changed");
        vault.keys().any(|key| key.starts_with("skipped/"))
    };
    say(&mut directory, &mut alice, &to_bob, "lost", NOW, &mut rng);
    let arrives = say(&mut directory, &mut alice, &to_bob, "arrives", NOW, &mut rng).remove(0);
    opened(bob.receive(&arrives.envelope, NOW, &mut rng));
    assert!(keep(&mut bob), "one key is kept");
    let month = later(31 * DAY);
    let next = alice
        .send(&to_bob, &text("a month later", &mut rng), month, &mut rng)
        .unwrap();
    opened(bob.receive(&next.envelope, month, &mut rng));
    assert!(!keep(&mut bob), "and dies after thirty days");
}
