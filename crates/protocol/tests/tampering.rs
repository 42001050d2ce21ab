//! Someone on the way alters, cuts, extends, mixes, reflects and misdirects envelopes: none opens, and the receiver's records stay byte for byte
//! as they were.
#![cfg(feature = "session")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may

mod common;

use common::*;
use latchkey_protocol::envelope::MAX_ENVELOPE;
use latchkey_protocol::error::DecodeError;
use latchkey_protocol::party::{Party, Received, Refusal};
use latchkey_protocol::session::RekeyPolicy;
use rand_chacha::ChaCha20Rng;

/// Where the parts of an envelope begin: head 34 bytes, box of a number 20, box of a header 3220, of a responder's first, which is signed, 7911.
const HEAD: usize = 34;
const NUMBER_BOX: usize = 20;
const HEADER_BOX: usize = 3220;
const SIGNED_HEADER_BOX: usize = HEADER_BOX + 4691;
/// All texts here fill one bucket of 256 bytes; with commitment and tag.
const SEALED: usize = 256 + 48;

/// No advance, so that a long run of messages reaches the form with a boxed number.
const NEVER: RekeyPolicy = RekeyPolicy {
    messages: u32::MAX,
    after: std::time::Duration::MAX,
};

/// An envelope under way, and the party that it is for, just before it arrives.
struct Arrival {
    what: &'static str,
    sender: Party,
    receiver: Party,
    envelope: Vec<u8>,
    words: &'static str,
    rng: ChaCha20Rng,
}

/// One envelope of every kind, in the course of one conversation.
fn arrivals(seed: u64) -> Vec<Arrival> {
    let (mut directory, mut alice, mut bob, mut rng) = two(seed);
    alice.set_policy(NEVER);
    let (to_bob, to_alice) = (address("bob"), address("alice"));
    let mut list = Vec::new();
    let mut arrival = |what, sender: &Party, receiver: &Party, envelope: &[u8], words, rng: &ChaCha20Rng| {
        let (sender, receiver, envelope, rng) = (sender.clone(), receiver.clone(), envelope.to_vec(), rng.clone());
        list.push(Arrival {
            what,
            sender,
            receiver,
            envelope,
            words,
            rng,
        });
    };
    let [one] = &say(&mut directory, &mut alice, &to_bob, "one", NOW, &mut rng)[..] else {
        panic!("one envelope")
    };
    arrival("first", &alice, &bob, &one.envelope, "one", &rng);
    opened(bob.receive(&one.envelope, NOW, &mut rng));
    let two = alice
        .send(&to_bob, &text("two", &mut rng), NOW, &mut rng)
        .unwrap()
        .envelope;
    arrival("first, of a known handshake", &alice, &bob, &two, "two", &rng);
    opened(bob.receive(&two, NOW, &mut rng));
    let three = bob
        .send(&to_alice, &text("three", &mut rng), NOW, &mut rng)
        .unwrap()
        .envelope;
    arrival(
        "boxed header, signed, leading into an epoch",
        &bob,
        &alice,
        &three,
        "three",
        &rng,
    );
    opened(alice.receive(&three, NOW, &mut rng));
    let four = bob
        .send(&to_alice, &text("four", &mut rng), NOW, &mut rng)
        .unwrap()
        .envelope;
    arrival(
        "boxed header, signed, of the epoch entered",
        &bob,
        &alice,
        &four,
        "four",
        &rng,
    );
    for n in 0..65 {
        let next = alice
            .send(&to_bob, &text("next", &mut rng), NOW, &mut rng)
            .unwrap()
            .envelope;
        match n {
            0 => arrival("plain", &alice, &bob, &next, "next", &rng),
            3 => arrival("plain, after three that were lost", &alice, &bob, &next, "next", &rng),
            64 => arrival("boxed number", &alice, &bob, &next, "next", &rng),
            _ => {}
        }
    }
    alice.set_policy(RekeyPolicy {
        messages: 1,
        ..RekeyPolicy::default()
    });
    let last = alice
        .send(&to_bob, &text("last", &mut rng), NOW, &mut rng)
        .unwrap()
        .envelope;
    arrival("boxed header, of a later epoch", &alice, &bob, &last, "last", &rng);
    for arrival in &list {
        let kind = match arrival.what.split([' ', ',']).next() {
            Some("first") => 1,
            Some("plain") => 2,
            _ => 3,
        };
        assert_eq!(arrival.envelope[1], kind, "{}", arrival.what);
        let length = HEAD
            + SEALED
            + if arrival.what.contains("number") {
                NUMBER_BOX
            } else if arrival.what.contains("signed") {
                SIGNED_HEADER_BOX
            } else {
                HEADER_BOX
            };
        assert!(kind != 3 || arrival.envelope.len() == length, "{}", arrival.what);
    }
    list
}

/// `envelope` is refused without a trace.
fn refused(party: &mut Party, before: &Records, envelope: &[u8], rng: &mut ChaCha20Rng, what: &str) -> Received {
    let outcome = party.receive(envelope, NOW, rng);
    assert!(
        matches!(
            outcome,
            Received::Unknown | Received::Malformed(_) | Received::Refused(_)
        ),
        "{what}: {outcome:?}"
    );
    assert!(records(party) == *before, "{what}: refused, and left a trace");
    assert!(
        party.take_changes().is_empty(),
        "{what}: refused, and wants something stored"
    );
    outcome
}

type Records = std::collections::BTreeMap<String, Vec<u8>>;

/// The bits to flip: every bit of the parts that steer (head, number box, the ends of each part), one bit of every byte of what is left, and of
/// the blobs of a first envelope of every fifth.
fn bits(arrival: &Arrival) -> Vec<usize> {
    let length = arrival.envelope.len();
    let blob_step = if arrival.envelope[1] == 1 { 5 } else { 1 };
    let steers = |byte: usize| byte < HEAD + NUMBER_BOX || byte + 60 > length;
    (0..length)
        .flat_map(|byte| match () {
            () if steers(byte) => (0..8).map(|bit| byte * 8 + bit).collect::<Vec<_>>(),
            () if byte % blob_step == 0 => vec![byte * 8 + byte / blob_step % 8],
            () => Vec::new(),
        })
        .collect()
}

#[test]
fn a_flipped_bit_anywhere_opens_nothing_and_changes_nothing() {
    for mut arrival in arrivals(11) {
        arrival.receiver.take_changes();
        let before = records(&arrival.receiver);
        let all = bits(&arrival);
        assert!(all.len() > 500, "{}: {} bits", arrival.what, all.len());
        for bit in all {
            let mut altered = arrival.envelope.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            let what = format!("{}: bit {} of byte {}", arrival.what, bit % 8, bit / 8);
            let outcome = refused(&mut arrival.receiver, &before, &altered, &mut arrival.rng, &what);
            if bit < 8 {
                assert!(
                    matches!(outcome, Received::Malformed(DecodeError::Unknown(_))),
                    "{what}: {outcome:?}"
                );
            }
        }
        let Arrival {
            receiver,
            envelope,
            rng,
            words,
            ..
        } = &mut arrival;
        assert_eq!(
            opened(receiver.receive(envelope, NOW, rng)),
            *words,
            "the original still opens"
        );
        assert!(matches!(receiver.receive(envelope, NOW, rng), Received::Duplicate));
    }
}

#[test]
fn cut_and_extended_envelopes_open_nothing_and_change_nothing() {
    for mut arrival in arrivals(12) {
        arrival.receiver.take_changes();
        let before = records(&arrival.receiver);
        let length = arrival.envelope.len();
        // Every length around each part's end, and some in between.
        let edges = [
            0,
            2,
            18,
            HEAD,
            HEAD + NUMBER_BOX,
            HEAD + HEADER_BOX,
            HEAD + NUMBER_BOX + 48,
            HEAD + HEADER_BOX + 48,
            HEAD + 48,
            length,
        ];
        let near = |at: usize| edges.iter().any(|edge| at.abs_diff(*edge) <= 17);
        for cut in (0..length).filter(|at| near(*at) || at % 97 == 0) {
            let what = format!("{} cut to {cut}", arrival.what);
            let outcome = refused(
                &mut arrival.receiver,
                &before,
                &arrival.envelope[..cut],
                &mut arrival.rng,
                &what,
            );
            if cut < HEAD + 48 {
                assert!(
                    matches!(outcome, Received::Malformed(DecodeError::Truncated)),
                    "{what}: {outcome:?}"
                );
            }
        }
        for more in [1, 15, 16, 17, 48, 255, 256, 4096] {
            for fill in [0, 0x80, 0xff] {
                let mut longer = arrival.envelope.clone();
                longer.resize(length + more, fill);
                let what = format!("{} and {more} bytes", arrival.what);
                refused(&mut arrival.receiver, &before, &longer, &mut arrival.rng, &what);
            }
        }
        for (size, expected) in [(MAX_ENVELOPE, false), (MAX_ENVELOPE + 1, true)] {
            let mut longest = arrival.envelope.clone();
            longest.resize(size, 0);
            let outcome = refused(
                &mut arrival.receiver,
                &before,
                &longest,
                &mut arrival.rng,
                "the largest",
            );
            assert_eq!(
                matches!(outcome, Received::Malformed(DecodeError::TooLong)),
                expected,
                "{outcome:?}"
            );
        }
        assert_eq!(
            opened(arrival.receiver.receive(&arrival.envelope, NOW, &mut arrival.rng)),
            arrival.words
        );
    }
}

#[test]
fn reflected_and_misdirected_envelopes_open_nowhere_else() {
    let all = arrivals(13);
    // Carol has conversations of her own with both.
    let (mut directory, mut alice, mut carol, mut rng) = two_named(14, "alice", "carol");
    for party in [&mut alice, &mut carol] {
        directory.publish(party, false, NOW, &mut rng);
    }
    for envelope in say(&mut directory, &mut carol, &address("alice"), "hello", NOW, &mut rng) {
        opened(alice.receive(&envelope.envelope, NOW, &mut rng));
    }
    for envelope in say(&mut directory, &mut alice, &address("carol"), "hello", NOW, &mut rng) {
        opened(carol.receive(&envelope.envelope, NOW, &mut rng));
    }
    for mut arrival in all {
        for (what, party) in [
            ("reflected to its sender", &mut arrival.sender),
            ("delivered to a third party", &mut carol),
        ] {
            party.take_changes();
            let before = records(party);
            refused(
                party,
                &before,
                &arrival.envelope,
                &mut rng,
                &format!("{}: {what}", arrival.what),
            );
        }
        assert_eq!(
            opened(arrival.receiver.receive(&arrival.envelope, NOW, &mut rng)),
            arrival.words
        );
    }
}

/// Parts of one envelope in another: head (id and tag), box, sealed text.
#[test]
fn parts_of_two_envelopes_do_not_mix() {
    let (mut directory, mut alice, mut bob, mut rng) = two(15);
    alice.set_policy(NEVER);
    let (to_bob, to_alice) = (address("bob"), address("alice"));
    // (what, receiver, two envelopes of one kind, length of their box)
    let mut pairs = Vec::new();
    let pair = |party: &mut Party, to, rng: &mut ChaCha20Rng| {
        [(), ()].map(|()| party.send(to, &text("words", rng), NOW, rng).unwrap().envelope)
    };
    let first = say(&mut directory, &mut alice, &to_bob, "one", NOW, &mut rng)
        .remove(0)
        .envelope;
    let second = alice
        .send(&to_bob, &text("words", &mut rng), NOW, &mut rng)
        .unwrap()
        .envelope;
    let fresh = bob.clone();
    opened(bob.receive(&first, NOW, &mut rng));
    // Preamble and identity box are the same in both, so the box of these is what lies between head and sealed text but those.
    let boxes = first.len() - HEAD - SEALED;
    pairs.push(("first", fresh, [first, second], boxes));
    let both = pair(&mut bob, &to_alice, &mut rng);
    pairs.push((
        "header, before the epoch",
        alice.clone(),
        both.clone(),
        SIGNED_HEADER_BOX,
    ));
    opened(alice.receive(&both[0], NOW, &mut rng));
    opened(alice.receive(&both[1], NOW, &mut rng));
    let both = pair(&mut bob, &to_alice, &mut rng);
    pairs.push(("header, in the epoch", alice.clone(), both, SIGNED_HEADER_BOX));
    let both = pair(&mut alice, &to_bob, &mut rng);
    pairs.push(("plain", bob.clone(), both, 0));
    for _ in 0..62 {
        pair(&mut alice, &to_bob, &mut rng);
    }
    let both = pair(&mut alice, &to_bob, &mut rng);
    pairs.push(("number", bob.clone(), both, NUMBER_BOX));
    for (what, mut receiver, [a, b], boxed) in pairs {
        receiver.take_changes();
        let before = records(&receiver);
        let parts = |envelope: &[u8]| {
            let (head, rest) = envelope.split_at(HEAD);
            let (boxed, sealed) = rest.split_at(boxed);
            assert_eq!(sealed.len(), SEALED, "{what}");
            [
                head[2..18].to_vec(),
                head[18..].to_vec(),
                boxed.to_vec(),
                sealed.to_vec(),
            ]
        };
        let (of_a, of_b) = (parts(&a), parts(&b));
        for choice in 1..15_usize {
            let mut mixed = a[..2].to_vec();
            for part in 0..4 {
                mixed.extend_from_slice(if choice >> part & 1 == 1 {
                    &of_b[part]
                } else {
                    &of_a[part]
                });
            }
            if mixed == a || mixed == b {
                continue; // parts that are the same in both: the zero tag, an empty box
            }
            refused(
                &mut receiver,
                &before,
                &mixed,
                &mut rng,
                &format!("{what}, mixture {choice:04b}"),
            );
        }
        // A tag used again with another body, also after its envelope was opened.
        opened(receiver.receive(&a, NOW, &mut rng));
        receiver.take_changes();
        let before = records(&receiver);
        let again = [&a[..HEAD], &b[HEAD..]].concat();
        refused(
            &mut receiver,
            &before,
            &again,
            &mut rng,
            &format!("{what}, tag replayed"),
        );
        let emptied = [&a[..a.len() - SEALED], &[0; SEALED]].concat();
        refused(
            &mut receiver,
            &before,
            &emptied,
            &mut rng,
            &format!("{what}, tag replayed over zeros"),
        );
        opened(receiver.receive(&b, NOW, &mut rng));
    }
}

/// A plain envelope under another type byte, and a boxed one as a plain one.
#[test]
fn an_envelope_of_one_type_is_none_of_another() {
    for mut arrival in arrivals(16) {
        arrival.receiver.take_changes();
        let before = records(&arrival.receiver);
        for kind in (0..=255).filter(|kind| *kind != arrival.envelope[1]) {
            let mut altered = arrival.envelope.clone();
            altered[1] = kind;
            let what = format!("{} as type {kind}", arrival.what);
            refused(&mut arrival.receiver, &before, &altered, &mut arrival.rng, &what);
        }
        let mut other = |version| {
            let mut altered = arrival.envelope.clone();
            altered[0] = version;
            let outcome = refused(&mut arrival.receiver, &before, &altered, &mut arrival.rng, "a version");
            let Received::Malformed(why) = outcome else {
                panic!("version {version}: {outcome:?}")
            };
            why
        };
        assert_eq!(
            [0, 1, 2, 4, 255].map(&mut other),
            [0, 1, 2, 4, 255].map(DecodeError::Unknown)
        );
    }
}

#[test]
fn a_tampered_first_envelope_wastes_no_one_time_prekey() {
    let (mut directory, mut alice, mut bob, mut rng) = two(18);
    let envelope = say(&mut directory, &mut alice, &address("bob"), "one", NOW, &mut rng)
        .remove(0)
        .envelope;
    let keys = bob.account().one_time_count();
    let mut altered = envelope.clone();
    *altered.last_mut().unwrap() ^= 1;
    for _ in 0..3 {
        let outcome = bob.receive(&altered, NOW, &mut rng);
        assert!(matches!(outcome, Received::Refused(Refusal::Altered)), "{outcome:?}");
        assert_eq!(bob.account().one_time_count(), keys);
        assert!(bob.contacts().is_empty(), "nor pins it anyone");
    }
    opened(bob.receive(&envelope, NOW, &mut rng));
    assert_eq!(bob.account().one_time_count(), keys - 1);
}
