//! What strangers and silent peers can make a party keep or do, at the edges.

use crate::address::Address;
use crate::content::{Body, Content, ContentId};
use crate::handshake::PreKeyBundle;
use crate::identity::Fingerprint;
use crate::party::peer::{MAX_ANSWERS, Pace, Peer};
use crate::party::{KnownHandshake, MAX_HANDSHAKES, MAX_HANDSHAKES_OF_PEER, MAX_PEERS, Party, Received, Refusal};
use crate::session::SessionId;
use crate::tests::rng;
use crate::time::Timestamp;
use std::time::Duration;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn address(name: &str) -> Address {
    Address::parse(&format!("{name}@localhost")).unwrap()
}

/// Bob, and a first envelope of Alice's to him.
fn bob_and_a_letter() -> (Party, Vec<u8>) {
    let mut rng = rng(41);
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| Party::generate(address(name), &mut rng));
    let keys = bob.publication(None, false, NOW, &mut rng).unwrap();
    bob.publication_confirmed(NOW);
    let bundle = PreKeyBundle {
        address: address("bob"),
        identity_key: bob.identity_key().clone(),
        signed_prekey: keys.signed_prekey.unwrap(),
        one_time: None,
    };
    alice.start(&bundle, NOW, &mut rng).unwrap();
    let content = Content {
        id: ContentId::random(&mut rng),
        sent_at: NOW,
        body: Body::Text("hello".into()),
    };
    let letter = alice.send(&address("bob"), &content, NOW, &mut rng).unwrap().envelope;
    (bob, letter)
}

/// `count` handshakes of `peer`, a millisecond apart, the last at `until`.
fn known(bob: &mut Party, count: usize, peer: &Address, until: Timestamp) {
    let fingerprint = match peer.user().as_str() {
        "alice" => Party::generate(address("alice"), &mut rng(41)).fingerprint(),
        _ => Fingerprint::from_bytes([1; 32]),
    };
    bob.peers
        .entry(peer.clone())
        .or_insert_with(|| Peer::pinned(fingerprint, NOW));
    for n in 0..count as u64 {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&(bob.handshakes.len() as u64 + 1).to_be_bytes());
        digest[8..16].copy_from_slice(&n.to_be_bytes());
        let handshake = KnownHandshake {
            session: SessionId([0; 32]),
            peer: peer.clone(),
            dies: NOW,
            created_at: Timestamp(until.0 + 1 + n - count as u64),
        };
        bob.handshakes.insert(digest, handshake);
    }
}

fn is_taken(bob: &mut Party, letter: &[u8]) -> bool {
    match bob.receive(letter, NOW, &mut rng(42)) {
        Received::Opened(_) => true,
        Received::Refused(Refusal::TooMany) => false,
        other => panic!("{other:?}"),
    }
}

const BEFORE: Timestamp = Timestamp(NOW.0 - 1000);

#[test]
fn the_oldest_handshake_of_a_peer_makes_room_for_its_next_one_and_of_a_crowd_for_anyones() {
    let (bob, letter) = bob_and_a_letter();
    // How many of whom, up to which date; whether the next of Alice's is taken, how many there are then, and what was forgotten of whom.
    let outcome = |lots: &[(&str, usize, Timestamp)]| {
        let mut bob = bob.clone();
        for (peer, count, until) in lots {
            known(&mut bob, *count, &address(peer), *until);
        }
        let taken = is_taken(&mut bob, &letter);
        let forgotten = |name| bob.peers.get(&address(name)).and_then(|peer| peer.forgotten);
        let what = ["alice", "carol", "dave"].map(forgotten);
        (taken, bob.handshakes.len(), what)
    };
    let first_of = |count: usize| Some(Timestamp(BEFORE.0 + 1 - count as u64));
    let (share, all) = (MAX_HANDSHAKES_OF_PEER, MAX_HANDSHAKES);
    let before = BEFORE;
    assert_eq!(outcome(&[("alice", share - 1, before)]), (true, share, [None; 3]));
    assert_eq!(
        outcome(&[("alice", share, before)]),
        (true, share, [first_of(share), None, None])
    );
    // Nothing older than it is there: then it is not taken, and nothing is forgotten.
    assert_eq!(
        outcome(&[("alice", share, NOW.plus(Duration::from_secs(1)))]),
        (false, share, [None; 3])
    );
    // In all: the peer with the most makes room, not one with few.
    assert_eq!(outcome(&[("carol", all - 1, before)]), (true, all, [None; 3]));
    let crowded = [("alice", 1, before), ("carol", all - 2, before), ("dave", 1, before)];
    assert_eq!(outcome(&crowded), (true, all, [None, first_of(all - 2), None]));
    // Many with four each: not the one with three, of whom a fourth comes.
    let mut bob_of_many = bob.clone();
    known(&mut bob_of_many, 3, &address("alice"), before);
    for n in 0..(all - 3).div_ceil(4) {
        let left = all - bob_of_many.handshakes.len();
        known(&mut bob_of_many, left.min(4), &address(&format!("p{n}")), before);
    }
    assert_eq!(bob_of_many.handshakes.len(), all);
    assert!(is_taken(&mut bob_of_many, &letter));
    assert_eq!(bob_of_many.peers[&address("alice")].forgotten, None);
    // Nothing can be forgotten of a peer that is not there to remember the date.
    let mut bob_of_strangers = bob.clone();
    known(&mut bob_of_strangers, all, &address("carol"), before);
    bob_of_strangers.peers.remove(&address("carol"));
    assert!(!is_taken(&mut bob_of_strangers, &letter));
    assert_eq!(bob_of_strangers.handshakes.len(), all);
}

#[test]
fn what_is_as_old_as_what_was_forgotten_is_refused_and_nothing_changes() {
    let (mut bob, letter) = bob_and_a_letter();
    known(&mut bob, 1, &address("alice"), BEFORE);
    let stored = |bob: &Party| bob.peers[&address("alice")].store().to_vec();
    for (forgotten, refused) in [
        (NOW, true),
        (NOW.plus(Duration::from_millis(1)), true),
        (Timestamp(NOW.0 - 1), false),
    ] {
        let mut bob = bob.clone();
        bob.peers.get_mut(&address("alice")).unwrap().forgotten = Some(forgotten);
        let before = stored(&bob);
        let outcome = bob.receive(&letter, NOW, &mut rng(42));
        assert_eq!(matches!(outcome, Received::Replay), refused, "{outcome:?}");
        assert_eq!(matches!(outcome, Received::Opened(_)), !refused, "{outcome:?}");
        if refused {
            assert_eq!(stored(&bob), before);
            assert_eq!(bob.handshakes.len(), 1);
        }
        // Another identity that was accepted, or followed, does not make the old one's handshakes new.
        let peer = bob.peers.get_mut(&address("alice")).unwrap();
        peer.pin_anew(Fingerprint::from_bytes([7; 32]));
        assert_eq!(peer.forgotten, Some(forgotten));
    }
}

#[test]
fn contacts_are_bounded_and_those_there_are_go_on() {
    let (bob, letter) = bob_and_a_letter();
    let with = |others: usize, knows_alice: bool| {
        let mut bob = bob.clone();
        for n in 0..others {
            let peer = Peer::pinned(Fingerprint::from_bytes([1; 32]), NOW);
            bob.peers.insert(address(&format!("p{n}")), peer);
        }
        if knows_alice {
            let alice = Party::generate(address("alice"), &mut rng(41));
            bob.peers
                .insert(address("alice"), Peer::pinned(alice.fingerprint(), NOW));
        }
        is_taken(&mut bob, &letter)
    };
    assert!(with(MAX_PEERS - 1, false));
    assert!(!with(MAX_PEERS, false));
    assert!(!with(MAX_PEERS + 1, false));
    assert!(with(MAX_PEERS, true), "known already");
}

#[test]
fn an_identity_that_was_left_or_is_in_two_hands_is_refused_by_name() {
    let (bob, letter) = bob_and_a_letter();
    let alice = Party::generate(address("alice"), &mut rng(41)).fingerprint();
    let with = |change: &dyn Fn(&mut Peer)| {
        let mut bob = bob.clone();
        let mut peer = Peer::pinned(alice, NOW);
        change(&mut peer);
        bob.peers.insert(address("alice"), peer);
        let outcome = bob.receive(&letter, NOW, &mut rng(42));
        (outcome, bob.peers[&address("alice")].offered)
    };
    let other = Fingerprint::from_bytes([9; 32]);
    let (outcome, offered) = with(&|peer| {
        peer.past.push(alice);
        peer.fingerprint = other;
    });
    assert!(matches!(outcome, Received::Refused(Refusal::Superseded)) && offered.is_none());
    let (outcome, offered) = with(&|peer| peer.forked = true);
    assert!(matches!(outcome, Received::IdentityForked { .. }) && offered.is_none());
    let (outcome, offered) = with(&|peer| peer.fingerprint = other);
    assert!(matches!(outcome, Received::IdentityChanged { .. }) && offered == Some(alice));
    assert!(matches!(with(&|_| ()).0, Received::Opened(_)));
}

#[test]
fn nothing_is_sent_by_itself_while_the_user_has_to_decide() {
    let decided = Peer::pinned(Fingerprint::from_bytes([1; 32]), NOW);
    assert!(decided.may_send());
    let other = Some(Fingerprint::from_bytes([2; 32]));
    for undecided in [
        Peer {
            offered: other,
            ..decided.clone()
        },
        Peer {
            review: other,
            ..decided.clone()
        },
        Peer {
            forked: true,
            ..decided.clone()
        },
    ] {
        assert!(!undecided.may_send(), "{undecided:?}");
    }
}

#[test]
fn lost_keys_are_answered_so_often_an_hour() {
    let (mut peer, pace) = (Peer::pinned(Fingerprint::from_bytes([1; 32]), NOW), Pace::default());
    let mut asks = |now: Timestamp| {
        peer.wants_handshake = false;
        peer.answer(&pace, now);
        peer.wants_handshake
    };
    let second = |n: u64| NOW.plus(Duration::from_secs(n));
    assert!((0..MAX_ANSWERS as u64).all(|n| asks(second(n))));
    assert!(!asks(second(10)));
    assert!(!asks(second(3599)), "the first is not an hour old");
    assert!(asks(second(3600)));
    assert!(!asks(second(3600)), "one for one");
}
