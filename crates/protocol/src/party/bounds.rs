//! What strangers and silent peers can make a party keep or do, at the edges.

use super::peer::{MAX_ANSWERS, Pace, Peer};
use super::{KnownHandshake, MAX_HANDSHAKES, MAX_HANDSHAKES_OF_PEER, MAX_PEERS, Party, Received};
use crate::address::Address;
use crate::content::{Body, Content, ContentId};
use crate::golden::rng;
use crate::handshake::PreKeyBundle;
use crate::identity::Fingerprint;
use crate::party::Refusal;
use crate::session::SessionId;
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

fn known(bob: &mut Party, count: usize, peer: &Address) {
    for n in 0..count {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&(bob.handshakes.len() as u64 + 1).to_be_bytes());
        digest[8..16].copy_from_slice(&(n as u64).to_be_bytes());
        let handshake = KnownHandshake {
            session: SessionId([0; 32]),
            peer: peer.clone(),
            dies: NOW,
        };
        bob.handshakes.insert(digest, handshake);
    }
}

fn is_taken(mut bob: Party, letter: &[u8]) -> bool {
    match bob.receive(letter, NOW, &mut rng(42)) {
        Received::Opened(_) => true,
        Received::Refused(Refusal::TooMany) => false,
        other => panic!("{other:?}"),
    }
}

#[test]
fn handshakes_are_bounded_for_each_peer_and_in_all() {
    let (bob, letter) = bob_and_a_letter();
    let with = |of_alice: usize, of_others: usize| {
        let mut bob = bob.clone();
        known(&mut bob, of_alice, &address("alice"));
        known(&mut bob, of_others, &address("carol"));
        is_taken(bob, &letter)
    };
    assert!(with(MAX_HANDSHAKES_OF_PEER - 1, 0));
    assert!(!with(MAX_HANDSHAKES_OF_PEER, 0));
    assert!(!with(MAX_HANDSHAKES_OF_PEER + 1, 0));
    assert!(with(0, MAX_HANDSHAKES - 1));
    assert!(!with(0, MAX_HANDSHAKES));
    assert!(!with(0, MAX_HANDSHAKES + 1));
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
        is_taken(bob, &letter)
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
