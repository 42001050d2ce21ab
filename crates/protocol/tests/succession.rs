//! Identities that succeed each other: which statements count, and what a contact does with a chain of them.
#![cfg(feature = "session")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may
mod common;

use std::time::Duration;

use common::*;
use latchkey_protocol::account::Publication;
use latchkey_protocol::handshake::PreKeyBundle;
use latchkey_protocol::identity::{Fingerprint, IdentityKeyPair, Purpose};
use latchkey_protocol::party::{FollowError, Followed, Party, Received, Refusal, SendError, StartError, Trust};
use latchkey_protocol::succession::{MAX_SUCCESSIONS, PublishedSuccession, Succession, SuccessionError, verify_chain};
use rand_chacha::ChaCha20Rng;

/// Bob's identities, made by hand: a key for each and the statements between them.
struct Line {
    keys: Vec<IdentityKeyPair>,
}

impl Line {
    fn new(count: usize, rng: &mut ChaCha20Rng) -> Self {
        Self {
            keys: (0..count).map(|_| IdentityKeyPair::generate(rng)).collect(),
        }
    }

    fn fingerprint(&self, i: usize) -> Fingerprint {
        self.keys[i].public().fingerprint(&address("bob"))
    }

    fn link(&self, old: usize, new: usize, counter: u64, rng: &mut ChaCha20Rng) -> PublishedSuccession {
        let statement = Succession {
            address: address("bob"),
            old: self.fingerprint(old),
            new: self.fingerprint(new),
            counter,
            time: NOW,
        };
        self.publish(old, &statement, rng)
    }

    fn publish(&self, signer: usize, statement: &Succession, rng: &mut ChaCha20Rng) -> PublishedSuccession {
        let payload = statement.payload();
        PublishedSuccession {
            identity_key: self.keys[signer].public().to_bytes(),
            signature: self.keys[signer].sign(Purpose::Succession, &self.fingerprint(signer), &payload, rng),
            payload,
        }
    }
}

#[test]
fn a_statement_counts_only_as_its_old_key_made_it() {
    let mut rng = rng(70);
    let line = Line::new(3, &mut rng);
    let good = line.link(0, 1, 1, &mut rng);
    assert_eq!(good.verify(&address("bob"), NOW).unwrap().new, line.fingerprint(1));
    let refused = |link: &PublishedSuccession| link.verify(&address("bob"), NOW).unwrap_err();
    assert_eq!(
        good.verify(&address("alice"), NOW),
        Err(SuccessionError::WrongOwner),
        "another's address"
    );
    for at in 0..good.payload.len() {
        let mut altered = good.clone();
        altered.payload[at] ^= 1;
        refused(&altered);
        let mut short = good.clone();
        short.payload.truncate(at);
        assert!(matches!(refused(&short), SuccessionError::Malformed(_)));
    }
    for at in [0, 63, 64, 4690] {
        let mut altered = good.clone();
        altered.signature[at] ^= 1;
        assert_eq!(refused(&altered), SuccessionError::BadSignature, "{at}");
    }
    let mut other_key = good.clone();
    other_key.identity_key = line.keys[2].public().to_bytes();
    assert_eq!(refused(&other_key), SuccessionError::WrongOwner);
    let mut statement = Succession::parse(&good.payload).unwrap();
    let forged = PublishedSuccession {
        identity_key: good.identity_key.clone(),
        ..line.publish(2, &statement, &mut rng)
    };
    assert_eq!(
        refused(&forged),
        SuccessionError::BadSignature,
        "signed by somebody else"
    );
    let mut purpose = good.clone();
    purpose.signature = line.keys[0].sign(Purpose::Handshake, &line.fingerprint(0), &good.payload, &mut rng);
    assert_eq!(
        refused(&purpose),
        SuccessionError::BadSignature,
        "signed for something else"
    );
    statement.time = NOW.plus(Duration::from_secs(24 * 3600));
    let ahead = line.publish(0, &statement, &mut rng);
    assert!(
        ahead.verify(&address("bob"), NOW).is_ok(),
        "a day ahead is still a clock"
    );
    statement.new = statement.old;
    assert_eq!(
        refused(&line.publish(0, &statement, &mut rng)),
        SuccessionError::OneSelf
    );
    statement.new = line.fingerprint(1);
    statement.time = NOW.plus(Duration::from_millis(24 * 3_600_000 + 1));
    assert_eq!(
        refused(&line.publish(0, &statement, &mut rng)),
        SuccessionError::FromTheFuture
    );
}

#[test]
fn a_chain_joins_counts_on_and_leads_to_what_is_served() {
    let mut rng = rng(71);
    let line = Line::new(4, &mut rng);
    let links = [(0, 1, 1), (1, 2, 2), (2, 3, 3)].map(|(old, new, counter)| line.link(old, new, counter, &mut rng));
    let verdict = |chain: &[&PublishedSuccession], current| {
        let chain: Vec<_> = chain.iter().copied().cloned().collect();
        verify_chain(&chain, &address("bob"), &line.fingerprint(current), NOW).map(|chain| chain.len())
    };
    let [one, two, three] = &links;
    assert_eq!(verdict(&[one, two, three], 3), Ok(3));
    assert_eq!(verdict(&[two, three], 3), Ok(2), "a relay forgets the oldest");
    assert_eq!(verdict(&[], 0), Ok(0));
    assert_eq!(verdict(&[one, two], 3), Err(SuccessionError::Broken), "leads elsewhere");
    assert_eq!(verdict(&[one, three], 3), Err(SuccessionError::Broken), "a gap");
    assert_eq!(verdict(&[two, one], 1), Err(SuccessionError::Broken), "turned round");
    let skips = line.link(1, 2, 3, &mut rng);
    assert_eq!(
        verdict(&[one, &skips], 2),
        Err(SuccessionError::Broken),
        "counts wrongly"
    );
    let back = line.link(1, 0, 2, &mut rng);
    assert_eq!(verdict(&[one, &back], 0), Err(SuccessionError::Broken), "comes back");
    assert_eq!(verdict(&[one; MAX_SUCCESSIONS + 1], 1), Err(SuccessionError::TooMany));
}

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
    bob.publication_confirmed();
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

#[test]
fn a_chain_has_eight_links_at_most() {
    let mut rng = rng(83);
    let line = Line::new(MAX_SUCCESSIONS + 2, &mut rng);
    let chain: Vec<_> = (0..=MAX_SUCCESSIONS)
        .map(|i| line.link(i, i + 1, i as u64 + 1, &mut rng))
        .collect();
    let verdict = |links: usize| {
        let to = line.fingerprint(links);
        verify_chain(&chain[..links], &address("bob"), &to, NOW).map(|good| good.len())
    };
    assert_eq!(verdict(MAX_SUCCESSIONS), Ok(MAX_SUCCESSIONS));
    assert_eq!(verdict(MAX_SUCCESSIONS + 1), Err(SuccessionError::TooMany));
}
