//! Bundles put together from parts, expired, outdated, or of another identity, and what a party does about them.
#![cfg(feature = "session")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may
mod common;

use common::*;
use latchkey_protocol::Timestamp;
use latchkey_protocol::handshake::PreKeyBundle;
use latchkey_protocol::party::{Party, SendError, StartError, Trust};
use latchkey_protocol::prekey::{PreKeyError, PublishedOneTime};

const DAY: u64 = 24 * 3_600_000;

fn later(millis: u64) -> Timestamp {
    Timestamp(NOW.0 + millis)
}

#[test]
fn a_one_time_prekey_belongs_to_its_batch_place_and_id() {
    let (mut directory, mut alice, mut bob, good, mut rng) = scene(34);
    let one = good.one_time.clone().unwrap();
    let next = directory.fetch(bob.address()).one_time.unwrap();
    directory.0.get_mut(bob.address()).unwrap().batch.clear();
    directory.publish(&mut bob, false, NOW, &mut rng);
    let other_batch = directory.fetch(bob.address()).one_time.unwrap();
    assert_ne!(one.payload, other_batch.payload);
    let mut swapped = one.path.clone();
    swapped.swap(0, 1);
    let bad = [
        (
            "a key of another batch",
            PublishedOneTime {
                id: other_batch.id,
                key: other_batch.key.clone(),
                path: other_batch.path.clone(),
                ..one.clone()
            },
        ),
        (
            "the signature of another batch",
            PublishedOneTime {
                payload: other_batch.payload.clone(),
                signature: other_batch.signature.clone(),
                ..one.clone()
            },
        ),
        (
            "the key of another id",
            PublishedOneTime {
                key: next.key.clone(),
                ..one.clone()
            },
        ),
        (
            "the id of another key",
            PublishedOneTime {
                id: next.id,
                ..one.clone()
            },
        ),
        (
            "the path of another key",
            PublishedOneTime {
                path: next.path.clone(),
                ..one.clone()
            },
        ),
        (
            "an id below the batch",
            PublishedOneTime {
                id: one.id.wrapping_sub(1),
                ..one.clone()
            },
        ),
        (
            "an id beyond the batch",
            PublishedOneTime {
                id: one.id + 100,
                ..one.clone()
            },
        ),
        (
            "a shorter path",
            PublishedOneTime {
                path: one.path[1..].to_vec(),
                ..one.clone()
            },
        ),
        (
            "no path",
            PublishedOneTime {
                path: Vec::new(),
                ..one.clone()
            },
        ),
        (
            "a longer path",
            PublishedOneTime {
                path: [&one.path[..], &[vec![0; 64]]].concat(),
                ..one.clone()
            },
        ),
        (
            "a path out of order",
            PublishedOneTime {
                path: swapped,
                ..one.clone()
            },
        ),
        (
            "a node of 63 bytes",
            PublishedOneTime {
                path: [&[one.path[0][..63].to_vec()], &one.path[1..]].concat(),
                ..one.clone()
            },
        ),
        (
            "a key of small order",
            PublishedOneTime {
                key: [&[0; 32], &one.key[32..]].concat(),
                ..one.clone()
            },
        ),
        (
            "a key cut short",
            PublishedOneTime {
                key: one.key[..1599].to_vec(),
                ..one.clone()
            },
        ),
    ];
    for (what, one_time) in bad {
        let bundle = PreKeyBundle {
            one_time: Some(one_time),
            ..good.clone()
        };
        refuses(&mut alice, &bundle, NOW, &mut rng, PreKeyError::NotInBatch, what);
    }
    // Batches expire after 60 days, when a signed prekey may be fresh.
    let much_later = later(60 * DAY);
    directory.publish(&mut bob, true, much_later, &mut rng);
    let fresh = directory.fetch(bob.address());
    let bundle = PreKeyBundle {
        one_time: Some(one.clone()),
        ..fresh.clone()
    };
    refuses(
        &mut alice,
        &bundle,
        much_later,
        &mut rng,
        PreKeyError::Expired,
        "an expired batch",
    );
    assert!(alice.start(&fresh, much_later, &mut rng).is_ok());
}

#[test]
fn an_older_signed_prekey_than_one_seen_is_a_rollback() {
    let (mut directory, mut alice, mut bob, old, mut rng) = scene(36);
    let week = later(7 * DAY);
    directory.publish(&mut bob, false, week, &mut rng);
    let new = directory.fetch(bob.address());
    assert_ne!(new.signed_prekey, old.signed_prekey);
    // Never seen the newer one: the older is good until it expires.
    assert!(alice.clone().start(&old, week, &mut rng).is_ok());
    alice.start(&new, week, &mut rng).unwrap();
    refuses(&mut alice, &old, week, &mut rng, PreKeyError::Rollback, "the older one");
    alice = Party::load(records(&alice)).unwrap();
    refuses(
        &mut alice,
        &old,
        week,
        &mut rng,
        PreKeyError::Rollback,
        "the older one, after a reload",
    );
    assert!(alice.start(&new, week, &mut rng).is_ok(), "the same again");
    let expired = later(21 * DAY);
    refuses(
        &mut alice,
        &new,
        expired,
        &mut rng,
        PreKeyError::Expired,
        "two weeks later",
    );
}

#[test]
fn a_bundle_with_another_identity_stops_everything_until_the_user_decides() {
    let (_, mut alice, _, good, mut rng) = scene(37);
    let to_bob = address("bob");
    alice.start(&good, NOW, &mut rng).unwrap();
    assert!(alice.mark_verified(&to_bob));
    alice
        .send(&to_bob, &text("to the first Bob", &mut rng), NOW, &mut rng)
        .unwrap();
    let (_, _, mut impostor, other, mut impostor_rng) = scene(38);
    // A bundle that does not even hold under its own identity is no offer.
    let mut broken = other.clone();
    broken.signed_prekey.signature[70] ^= 1;
    refuses(
        &mut alice,
        &broken,
        NOW,
        &mut rng,
        PreKeyError::BadSignature,
        "a broken bundle of another identity",
    );
    let pinned = alice.contact(&to_bob).unwrap().fingerprint;
    let offered = impostor.fingerprint();
    let outcome = alice.start(&other, NOW, &mut rng);
    assert_eq!(
        outcome,
        Err(StartError::IdentityChanged {
            peer: to_bob.clone(),
            pinned,
            offered
        })
    );
    assert_eq!(alice.contact(&to_bob).unwrap().trust, Trust::Changed { offered });
    let outcome = alice.send(&to_bob, &text("no", &mut rng), NOW, &mut rng);
    assert_eq!(
        outcome,
        Err(SendError::IdentityChanged {
            peer: to_bob.clone(),
            offered
        })
    );
    assert!(
        !alice.mark_verified(&to_bob),
        "an undecided change cannot be verified by accident"
    );
    assert!(alice.wanted().is_empty());
    // Kept: as before, and verified still.
    let mut keeps = alice.clone();
    assert!(keeps.reject_identity(&to_bob));
    assert_eq!(keeps.contact(&to_bob).unwrap().trust, Trust::Verified);
    keeps.send(&to_bob, &text("yes", &mut rng), NOW, &mut rng).unwrap();
    // Accepted: pinned, not verified, and what the first Bob had not acknowledged goes to the second.
    assert!(alice.accept_identity(&to_bob));
    assert_eq!(alice.contact(&to_bob).unwrap().trust, Trust::Unverified);
    assert_eq!(alice.wanted(), std::slice::from_ref(&to_bob));
    assert!(alice.needs_bundle(&to_bob));
    let again = alice.start(&other, NOW, &mut rng).unwrap();
    assert_eq!(again.len(), 1);
    assert_eq!(
        opened(impostor.receive(&again[0].envelope, NOW, &mut impostor_rng)),
        "to the first Bob"
    );
}

#[test]
fn a_conversation_with_oneself_is_refused() {
    let (mut directory, mut alice, _, _, mut rng) = scene(39);
    let own = directory.fetch(alice.address());
    let before = records(&alice);
    assert_eq!(alice.start(&own, NOW, &mut rng), Err(StartError::OneSelf));
    assert!(records(&alice) == before);
    // A relay that serves Alice's keys under Bob's name.
    let posing = PreKeyBundle {
        address: address("bob"),
        ..own
    };
    refuses(
        &mut alice,
        &posing,
        NOW,
        &mut rng,
        PreKeyError::WrongOwner,
        "our own keys under another name",
    );
}
