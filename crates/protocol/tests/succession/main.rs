//! Identities that succeed each other: which statements count, and what a contact does with a chain of them.
#![cfg(feature = "session")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may
mod chain;
#[path = "../common/mod.rs"]
mod common;

use chain::Line;
use common::*;
use latchkey_protocol::account::Publication;
use latchkey_protocol::handshake::PreKeyBundle;
use latchkey_protocol::identity::Purpose;
use latchkey_protocol::party::{FollowError, Followed, Party, Received, Refusal, SendError, StartError, Trust};
use latchkey_protocol::succession::{PublishedSuccession, SuccessionError};
use rand_chacha::ChaCha20Rng;

/// Bob at the relay, by hand.
struct Served {
    chain: Vec<PublishedSuccession>,
    bundle: PreKeyBundle,
}

impl Served {
    fn new(bob: &Party, publication: &Publication) -> Self {
        Self {
            chain: Vec::new(),
            bundle: PreKeyBundle {
                address: address("bob"),
                identity_key: bob.identity_key().clone(),
                signed_prekey: publication.signed_prekey.clone().unwrap(),
                one_time: None,
            },
        }
    }

    fn succeed(&mut self, bob: &mut Party, rng: &mut ChaCha20Rng) {
        let next = bob.prepare_succession(NOW, rng).clone();
        let signature = next.sign(Purpose::SignIn, b"claim", rng);
        let verdict = next
            .identity_key()
            .verify(Purpose::SignIn, &next.fingerprint(), b"claim", &signature);
        assert_eq!(verdict, Ok(()), "the successor signs as itself");
        let mut given_up = bob.clone();
        assert!(given_up.abandon_succession() && given_up.successor().is_none());
        assert!(!given_up.abandon_succession(), "there is none any more");
        let again = bob.prepare_succession(NOW, rng);
        assert_eq!(again.statement(), next.statement(), "prepared once");
        assert!(bob.complete_succession(NOW) && !bob.complete_succession(NOW));
        assert_eq!(bob.fingerprint(), next.fingerprint());
        let publication = next.publication().unwrap();
        let chain = std::mem::take(&mut self.chain);
        *self = Self::new(bob, publication);
        self.chain = chain;
        self.chain.push(next.statement().clone());
    }

    fn follow(&self, alice: &mut Party) -> Result<Followed, FollowError> {
        let current = self.bundle.identity_key.fingerprint(&address("bob"));
        alice.follow(&address("bob"), &self.chain, &current, NOW)
    }
}

/// Alice and Bob after a message each way.
fn acquainted(seed: u64) -> (Party, Party, Served, ChaCha20Rng) {
    let mut rng = rng(seed);
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| Party::generate(address(name), &mut rng));
    alice.publication(None, false, NOW, &mut rng).unwrap();
    let publication = bob.publication(None, false, NOW, &mut rng).unwrap();
    bob.publication_confirmed(NOW);
    let served = Served::new(&bob, &publication);
    alice.start(&served.bundle, NOW, &mut rng).unwrap();
    for _ in 0..2 {
        let there = alice
            .send(&address("bob"), &text("there", &mut rng), NOW, &mut rng)
            .unwrap();
        opened(bob.receive(&there.envelope, NOW, &mut rng));
        let back = bob
            .send(&address("alice"), &text("back", &mut rng), NOW, &mut rng)
            .unwrap();
        opened(alice.receive(&back.envelope, NOW, &mut rng));
    }
    (alice, bob, served, rng)
}

fn alices_bundle(alice: &mut Party, rng: &mut ChaCha20Rng) -> PreKeyBundle {
    let publication = alice.publication(None, true, NOW, rng).unwrap();
    PreKeyBundle {
        address: address("alice"),
        identity_key: alice.identity_key().clone(),
        signed_prekey: publication.signed_prekey.unwrap(),
        one_time: None,
    }
}

fn trust(alice: &Party) -> Trust {
    alice.contact(&address("bob")).unwrap().trust
}

#[test]
fn an_unverified_contact_is_followed_over_two_successions_and_contents_are_told_apart_as_before() {
    let (mut alice, mut bob, mut served, mut rng) = acquainted(72);
    let origin = bob.fingerprint();
    // Bob writes something that arrives, and is told nothing of that: it comes again under his next identity.
    let twice = bob
        .send(&address("alice"), &text("twice", &mut rng), NOW, &mut rng)
        .unwrap();
    let Received::Opened(first) = alice.receive(&twice.envelope, NOW, &mut rng) else {
        panic!()
    };
    served.succeed(&mut bob, &mut rng);
    served.succeed(&mut bob, &mut rng);
    assert_eq!(served.follow(&mut alice), Ok(Followed::Moved));
    assert_eq!(served.follow(&mut alice), Ok(Followed::Nothing), "once");
    assert_eq!(trust(&alice), Trust::Unverified);
    assert_eq!(alice.contact(&address("bob")).unwrap().fingerprint, bob.fingerprint());
    let stored = records(&alice);
    assert!(records(&Party::load(stored.clone()).unwrap()) == stored);

    assert_eq!(bob.wanted(), [address("alice")]);
    let bundle = alices_bundle(&mut alice, &mut rng);
    let again = bob.start(&bundle, NOW, &mut rng).unwrap();
    // Acknowledged only by the message that never came: all but the first.
    let mut seen = Vec::new();
    for letter in &again {
        let Received::Opened(opened) = alice.receive(&letter.envelope, NOW, &mut rng) else {
            panic!()
        };
        assert_eq!((opened.origin, opened.fingerprint), (origin, bob.fingerprint()));
        seen.push(opened.content.id);
    }
    assert!(seen.contains(&first.content.id));
    assert_eq!(first.origin, origin);
    // A handshake of an identity that was left is refused, and offers nothing.
    assert!(matches!(
        alice.receive(&twice.envelope, NOW, &mut rng),
        Received::Duplicate
    ));
    let answer = alice
        .send(&address("bob"), &text("so you are", &mut rng), NOW, &mut rng)
        .unwrap();
    assert_eq!(opened(bob.receive(&answer.envelope, NOW, &mut rng)), "so you are");
}

#[test]
fn the_successor_of_a_verified_identity_gets_nothing_until_somebody_looked() {
    let (mut alice, mut bob, mut served, mut rng) = acquainted(73);
    assert!(alice.mark_verified(&address("bob")));
    let verified = bob.fingerprint();
    alice
        .send(&address("bob"), &text("for the verified one", &mut rng), NOW, &mut rng)
        .unwrap();
    served.succeed(&mut bob, &mut rng);
    // His handshake comes first: another identity, until the relay's chain explains it.
    let bundle = alices_bundle(&mut alice, &mut rng);
    let hello = bob.start(&bundle, NOW, &mut rng).unwrap().remove(0);
    assert!(matches!(
        alice.receive(&hello.envelope, NOW, &mut rng),
        Received::IdentityChanged { .. }
    ));
    assert_eq!(served.follow(&mut alice), Ok(Followed::Review));
    assert_eq!(trust(&alice), Trust::Succeeded { verified });
    // It is read, and not answered: not even with what waited.
    let Received::Opened(got) = alice.receive(&hello.envelope, NOW, &mut rng) else {
        panic!()
    };
    assert!(got.outgoing.is_empty());
    assert_eq!(
        alice.send(&address("bob"), &text("no", &mut rng), NOW, &mut rng),
        Err(SendError::IdentitySucceeded {
            peer: address("bob"),
            verified
        })
    );
    assert!(matches!(
        alice.start(&served.bundle, NOW, &mut rng),
        Err(StartError::IdentitySucceeded { .. })
    ));
    assert!(alice.wanted().is_empty());
    let mut accepts = alice.clone();
    for (party, expected) in [(&mut alice, Trust::Verified), (&mut accepts, Trust::Unverified)] {
        let decided = if expected == Trust::Verified {
            party.mark_verified(&address("bob"))
        } else {
            party.accept_identity(&address("bob"))
        };
        assert!(decided);
        assert_eq!(trust(party), expected);
        assert_eq!(party.wanted(), [address("bob")], "what waited goes now");
        let mut bob = bob.clone();
        let sent = party.start(&served.bundle, NOW, &mut rng).unwrap();
        let heard: Vec<String> = sent
            .iter()
            .map(|letter| opened(bob.receive(&letter.envelope, NOW, &mut rng)))
            .collect();
        assert!(heard.contains(&"for the verified one".to_owned()), "{heard:?}");
    }
}

/// Thieves of both ends' states, from before the succession: what they write on the sessions that they know opens nowhere.
#[test]
fn a_succession_ends_every_session_at_both_ends() {
    let (mut alice, mut bob, mut served, mut rng) = acquainted(77);
    let (mut as_alice, mut as_bob) = (alice.clone(), bob.clone());
    let forge = |thief: &mut Party, to: &str, rng: &mut ChaCha20Rng| {
        thief
            .send(&address(to), &text("forged", rng), NOW, rng)
            .unwrap()
            .envelope
    };
    // The control: until then they are believed.
    let early = forge(&mut as_bob.clone(), "alice", &mut rng);
    assert_eq!(opened(alice.clone().receive(&early, NOW, &mut rng)), "forged");
    let early = forge(&mut as_alice.clone(), "bob", &mut rng);
    assert_eq!(opened(bob.clone().receive(&early, NOW, &mut rng)), "forged");

    served.succeed(&mut bob, &mut rng);
    assert_eq!(served.follow(&mut alice), Ok(Followed::Moved));
    for _ in 0..3 {
        let to_alice = forge(&mut as_bob, "alice", &mut rng);
        let to_bob = forge(&mut as_alice, "bob", &mut rng);
        for (what, outcome) in [
            ("to alice", alice.receive(&to_alice, NOW, &mut rng)),
            ("to bob", bob.receive(&to_bob, NOW, &mut rng)),
        ] {
            assert!(!matches!(outcome, Received::Opened(_)), "{what}: {outcome:?}");
        }
    }
}

#[test]
fn a_decision_asks_for_a_handshake_only_where_something_waited_for_it() {
    let (mut alice, _, _, mut rng) = acquainted(81);
    // Verified once more, with something under way: nothing was waiting for that.
    alice
        .send(&address("bob"), &text("under way", &mut rng), NOW, &mut rng)
        .unwrap();
    assert!(alice.mark_verified(&address("bob")));
    assert!(alice.wanted().is_empty());
    assert!(!alice.accept_identity(&address("bob")), "there is nothing to accept");
    assert!(alice.wanted().is_empty());
    // A successor is accepted or verified, and nothing was to be sent.
    let (mut alice, mut bob, mut served, mut rng) = acquainted(82);
    assert!(alice.mark_verified(&address("bob")));
    served.succeed(&mut bob, &mut rng);
    assert_eq!(served.follow(&mut alice), Ok(Followed::Review));
    assert_eq!(alice.pending_count(&address("bob")), 0);
    let mut accepts = alice.clone();
    assert!(alice.mark_verified(&address("bob")) && accepts.accept_identity(&address("bob")));
    assert!(alice.wanted().is_empty() && accepts.wanted().is_empty());
}

#[test]
fn two_successors_of_one_key_stop_everything_until_the_user_decides() {
    let (mut alice, mut bob, mut served, mut rng) = acquainted(74);
    let mut thief = bob.clone();
    let mut stolen = Served {
        chain: Vec::new(),
        bundle: served.bundle.clone(),
    };
    served.succeed(&mut bob, &mut rng);
    stolen.succeed(&mut thief, &mut rng);
    assert_eq!(served.follow(&mut alice), Ok(Followed::Moved));
    alice.start(&served.bundle, NOW, &mut rng).unwrap();
    let hello = alice
        .send(&address("bob"), &text("hello", &mut rng), NOW, &mut rng)
        .unwrap();
    opened(bob.receive(&hello.envelope, NOW, &mut rng));
    let reply = bob
        .send(&address("alice"), &text("reply", &mut rng), NOW, &mut rng)
        .unwrap();

    assert_eq!(stolen.follow(&mut alice), Ok(Followed::Forked));
    let offered = thief.fingerprint();
    assert_eq!(trust(&alice), Trust::Forked { offered });
    alice = Party::load(records(&alice)).unwrap();
    let before = records(&alice);
    let bundle = alices_bundle(&mut alice.clone(), &mut rng);
    let knock = thief.start(&bundle, NOW, &mut rng).unwrap().remove(0);
    for envelope in [&reply.envelope, &knock.envelope] {
        let outcome = alice.receive(envelope, NOW, &mut rng);
        assert!(
            matches!(
                outcome,
                Received::IdentityForked { .. } | Received::Refused(Refusal::Handshake(_))
            ),
            "{outcome:?}"
        );
    }
    assert_eq!(
        alice.send(&address("bob"), &text("no", &mut rng), NOW, &mut rng),
        Err(SendError::IdentityForked(address("bob")))
    );
    for other in [&served, &stolen] {
        assert_eq!(
            alice.start(&other.bundle, NOW, &mut rng),
            Err(StartError::IdentityForked(address("bob")))
        );
    }
    assert!(!alice.mark_verified(&address("bob")));
    assert!(matches!(served.follow(&mut alice), Ok(Followed::Nothing)));
    assert!(records(&alice) == before, "nothing of it leaves a trace");
    // One way or the other.
    let mut takes = alice.clone();
    assert!(alice.reject_identity(&address("bob")));
    assert_eq!(opened(alice.receive(&reply.envelope, NOW, &mut rng)), "reply");
    assert!(takes.accept_identity(&address("bob")));
    assert_eq!(takes.contact(&address("bob")).unwrap().fingerprint, offered);
    assert_eq!(trust(&takes), Trust::Unverified);
    takes.start(&stolen.bundle, NOW, &mut rng).unwrap();
}

#[test]
fn what_is_older_forged_or_unconnected_moves_no_pin() {
    let (mut alice, mut bob, mut served, mut rng) = acquainted(75);
    let (first, old_bundle) = (bob.fingerprint(), served.bundle.clone());
    let unconnected = Line::new(2, &mut rng);
    let before = records(&alice);
    let chain = [unconnected.link(0, 1, 1, &mut rng)];
    let current = unconnected.fingerprint(1);
    assert_eq!(
        alice.follow(&address("bob"), &chain, &current, NOW),
        Ok(Followed::Nothing)
    );
    served.succeed(&mut bob, &mut rng);
    let mut forged = served.chain.clone();
    forged[0].signature[100] ^= 1;
    assert_eq!(
        alice.follow(&address("bob"), &forged, &bob.fingerprint(), NOW),
        Err(FollowError::Chain(SuccessionError::BadSignature))
    );
    assert_eq!(
        alice.follow(&address("carol"), &served.chain, &bob.fingerprint(), NOW),
        Ok(Followed::Nothing),
        "a stranger has no pin"
    );
    assert!(records(&alice) == before);
    // Bob's old identity, served again after it was left.
    assert_eq!(served.follow(&mut alice), Ok(Followed::Moved));
    assert_eq!(
        alice.start(&old_bundle, NOW, &mut rng),
        Err(StartError::Superseded(address("bob")))
    );
    assert_eq!(alice.follow(&address("bob"), &[], &first, NOW), Ok(Followed::Nothing));
    assert_eq!(trust(&alice), Trust::Unverified);
}

#[test]
fn a_letter_to_the_identity_before_is_answered_by_its_successor() {
    let (_, mut bob, mut served, mut rng) = acquainted(76);
    let mut carol = Party::generate(address("carol"), &mut rng);
    let publication = carol.publication(None, false, NOW, &mut rng).unwrap();
    carol.start(&served.bundle, NOW, &mut rng).unwrap();
    let letter = carol
        .send(&address("bob"), &text("first words", &mut rng), NOW, &mut rng)
        .unwrap();
    served.succeed(&mut bob, &mut rng);
    bob = Party::load(records(&bob)).unwrap();
    // The prekeys of the identity before read who wrote, and nothing more.
    let outcome = bob.receive(&letter.envelope, NOW, &mut rng);
    assert!(matches!(outcome, Received::OneTimeKeyGone { .. }), "{outcome:?}");
    assert!(bob.wanted().contains(&address("carol")));
    let bundle = PreKeyBundle {
        address: address("carol"),
        identity_key: carol.identity_key().clone(),
        signed_prekey: publication.signed_prekey.unwrap(),
        one_time: None,
    };
    let hello = bob.start(&bundle, NOW, &mut rng).unwrap().remove(0);
    assert_eq!(served.follow(&mut carol), Ok(Followed::Moved));
    let Received::Opened(got) = carol.receive(&hello.envelope, NOW, &mut rng) else {
        panic!()
    };
    let heard: Vec<String> = got
        .outgoing
        .iter()
        .map(|letter| opened(bob.receive(&letter.envelope, NOW, &mut rng)))
        .collect();
    assert_eq!(heard, ["first words"]);
}
