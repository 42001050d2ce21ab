//! A peer who has the keys and does not keep to the rules: messages that are sealed rightly and say what an honest peer would not. And the ends of
//! things: the last number of a chain, an acknowledgement from a future that this state does not know.

mod advance;
mod ends;
mod snapshot;

use rand_chacha::ChaCha20Rng;

use crate::content::{Body, Content};
use crate::envelope::{EnvelopeType, box_aad, head};
use crate::error::DecodeError;
use crate::handshake::PreKeyBundle;
use crate::inner;
use crate::party::*;
use crate::prekey::{OneTimeEntry, PublishedOneTime, PublishedSignedPreKey};
use crate::primitives::secret::SecretBytes;
use crate::ratchet::Form;
use crate::session::{EMPTY_HASH, MAX_CHAIN, Position};
use crate::tests::counts;
use crate::wire::Put;

const NOW: Timestamp = Timestamp(1_790_000_000_000);

fn address(name: &str) -> Address {
    Address::parse(&format!("{name}@relay.test")).unwrap()
}

fn content(words: &str, rng: &mut ChaCha20Rng) -> Content {
    Content {
        id: ContentId::random(rng),
        sent_at: NOW,
        body: Body::Text(words.into()),
    }
}

/// What is inside of an envelope of Alice's in [`Scene::in_epoch_2`]: she says truly how many messages came before.
fn honest(body: &[u8]) -> SecretBytes {
    inner::encode(&counts(0, 1, (2, 1)), body)
}

/// The epoch stays.
const NEVER: RekeyPolicy = RekeyPolicy {
    messages: u32::MAX,
    after: std::time::Duration::MAX,
};

/// A new epoch after each message.
fn after_each() -> RekeyPolicy {
    RekeyPolicy {
        messages: 1,
        ..RekeyPolicy::default()
    }
}

fn records(party: &Party) -> Vec<(String, Vec<u8>)> {
    party
        .all_records()
        .into_iter()
        .map(|change| (change.key, change.value.unwrap().to_vec()))
        .collect()
}

impl Party {
    /// For tests of other modules that look into sessions.
    pub(crate) fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.sessions.values()
    }
}

/// Signed prekey, payload and signature of the batch, keys of the batch.
type Listing = (PublishedSignedPreKey, Vec<u8>, Vec<u8>, Vec<OneTimeEntry>);

/// Two people whose bundles can be had without end.
struct Scene {
    alice: Party,
    bob: Party,
    bundles: BTreeMap<Address, Listing>,
    rng: ChaCha20Rng,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let mut rng = crate::tests::rng(seed);
        let [mut alice, mut bob] = ["alice", "bob"].map(|name| Party::generate(address(name), &mut rng));
        let mut bundles = BTreeMap::new();
        for party in [&mut alice, &mut bob] {
            let publication = party.publication(None, false, NOW, &mut rng).unwrap();
            let batch = publication.one_time_batch.unwrap();
            let keys = batch
                .verify(party.identity_key(), party.address(), NOW)
                .unwrap()
                .entries()
                .collect();
            let listing = (publication.signed_prekey.unwrap(), batch.payload, batch.signature, keys);
            bundles.insert(party.address().clone(), listing);
        }
        Self {
            alice,
            bob,
            bundles,
            rng,
        }
    }

    fn bundle(&mut self, of: &str) -> PreKeyBundle {
        let identity_key = if of == "bob" {
            self.bob.identity_key()
        } else {
            self.alice.identity_key()
        }
        .clone();
        let (signed_prekey, payload, signature, keys) = self.bundles.get_mut(&address(of)).unwrap();
        let key = keys.pop().unwrap();
        let (payload, signature) = (payload.clone(), signature.clone());
        PreKeyBundle {
            address: address(of),
            identity_key,
            signed_prekey: signed_prekey.clone(),
            one_time: Some(PublishedOneTime {
                payload,
                signature,
                id: key.id,
                key: key.key,
                path: key.path,
            }),
        }
    }

    /// An envelope from Alice to Bob.
    fn letter_to_bob(&mut self, words: &str) -> Vec<u8> {
        let content = content(words, &mut self.rng);
        self.alice
            .send(&address("bob"), &content, NOW, &mut self.rng)
            .unwrap()
            .envelope
    }

    /// An envelope from Bob to Alice.
    fn letter_to_alice(&mut self, words: &str) -> Vec<u8> {
        let content = content(words, &mut self.rng);
        self.bob
            .send(&address("alice"), &content, NOW, &mut self.rng)
            .unwrap()
            .envelope
    }

    fn bob_opens(&mut self, envelope: &[u8]) -> Box<Opened> {
        match self.bob.receive(envelope, NOW, &mut self.rng) {
            Received::Opened(opened) => opened,
            other => panic!("{other:?}"),
        }
    }

    fn alice_opens(&mut self, envelope: &[u8]) -> Box<Opened> {
        match self.alice.receive(envelope, NOW, &mut self.rng) {
            Received::Opened(opened) => opened,
            other => panic!("{other:?}"),
        }
    }

    /// A conversation in epoch 2, where Alice has sent one message and Bob has answered, each heard by the other.
    fn in_epoch_2(seed: u64) -> Self {
        let mut scene = Self::new(seed);
        scene.alice.set_policy(after_each());
        let bundle = scene.bundle("bob");
        scene.alice.start(&bundle, NOW, &mut scene.rng).unwrap();
        for round in 0..2 {
            let question = scene.letter_to_bob("q");
            scene.bob_opens(&question);
            let answer = scene.letter_to_alice("a");
            scene.alice_opens(&answer);
            assert_eq!(scene.session(round == 1).epoch, [1, 2][round]);
        }
        scene.alice.set_policy(NEVER);
        scene
    }

    fn session(&mut self, alices: bool) -> &mut Session {
        let party = if alices { &mut self.alice } else { &mut self.bob };
        party.sessions.values_mut().next().unwrap()
    }

    /// What Alice could send as number `n` with any inner text: in a plain envelope, or with the number in a box.
    fn forged(&mut self, n: u32, inner: &[u8], kind: EnvelopeType) -> Vec<u8> {
        let id = [0x5a; 16];
        let session = self.session(true);
        let (epoch, direction) = (session.epoch, session.role.sends());
        let advance = &session.advance_keys[&epoch];
        let tag = match kind {
            EnvelopeType::Plain => session.send.tags.tag(n),
            _ => advance.tag(direction, &id),
        };
        let mut out = head(kind, &id, &tag, 512);
        if kind == EnvelopeType::Boxed {
            let number = advance
                .box_key(Form::Boxed(direction), &id)
                .seal(&box_aad(kind, &id, &tag), &n.to_be_bytes());
            out.put(&number);
        }
        let mut chain = session.send.key.clone();
        for _ in session.send.n..n {
            chain = chain.next().1;
        }
        let position = Position {
            kind,
            direction,
            epoch,
            n,
            id: &id,
            tag: &tag,
        };
        let header_hash = session.header_hashes.get(&epoch).copied().unwrap_or(EMPTY_HASH);
        let aad = session.message_aad(&position, &header_hash);
        chain.next().0.seal(&aad, inner, out)
    }

    fn bob_refuses(&mut self, envelope: &[u8], what: &str) -> Received {
        let before = records(&self.bob);
        let outcome = self.bob.receive(envelope, NOW, &mut self.rng);
        assert!(
            matches!(outcome, Received::Refused(_) | Received::Unknown),
            "{what}: {outcome:?}"
        );
        assert!(records(&self.bob) == before, "{what} left a trace");
        outcome
    }
}

/// What the forger's tool makes when it keeps to the rules opens: without this control the refusals below would show nothing.
#[test]
fn rightly_forged_messages_open() {
    for kind in [EnvelopeType::Plain, EnvelopeType::Boxed] {
        let mut scene = Scene::in_epoch_2(51);
        let body = content("forged", &mut scene.rng).encode();
        let inner = honest(&body);
        let envelope = scene.forged(4, &inner, kind);
        assert_eq!(scene.bob_opens(&envelope).missing, 3);
    }
}

#[test]
fn padding_that_is_not_exactly_ours_is_refused() {
    let mut scene = Scene::in_epoch_2(52);
    let body = content("padded", &mut scene.rng).encode();
    let good = honest(&body);
    let end = good.iter().rposition(|byte| *byte == 0x80).unwrap();
    let mut bad = Vec::new();
    for at in [end + 1, end + 100, good.len() - 1] {
        for value in [1, 0x80, 0xff] {
            let mut inner = good.to_vec();
            inner[at] = value;
            bad.push(inner);
        }
    }
    let mut other_mark = good.to_vec();
    other_mark[end] = 0x40;
    bad.extend([
        other_mark,
        [&good[..], &[0; 256]].concat(),
        good[..255].to_vec(),
        [&good[..], &[0]].concat(),
        vec![0; 256],
        Vec::new(),
    ]);
    for inner in bad {
        let envelope = scene.forged(1, &inner, EnvelopeType::Plain);
        scene.bob_refuses(&envelope, "padding");
    }
    let envelope = scene.forged(1, &good, EnvelopeType::Plain);
    scene.bob_opens(&envelope);
}

#[test]
fn inner_texts_that_are_no_content_or_not_minimal_are_refused() {
    let mut scene = Scene::in_epoch_2(53);
    let body = content("x", &mut scene.rng).encode();
    let pad = |mut inner: Vec<u8>| {
        crate::padding::pad(&mut inner);
        inner
    };
    let altered = [
        ("nothing", pad(Vec::new())),
        ("counts cut short", pad(vec![0, 1, 2])),
        (
            "a count in a longer form",
            pad([&[0x80, 0, 1, 2, 1][..], &body].concat()),
        ),
        (
            "a count above 32 bits",
            pad([&[0xff, 0xff, 0xff, 0xff, 0x1f, 1, 2, 1][..], &body].concat()),
        ),
    ];
    for (what, inner) in altered {
        let envelope = scene.forged(1, &inner, EnvelopeType::Plain);
        let outcome = scene.bob_refuses(&envelope, what);
        assert!(
            matches!(outcome, Received::Refused(Refusal::Altered)),
            "{what}: {outcome:?}"
        );
    }
    for (what, body) in [
        ("no content", Vec::new()),
        ("a content and more", [&body[..], &[1]].concat()),
        ("not CBOR", vec![0xff; 40]),
    ] {
        let inner = honest(&body);
        let envelope = scene.forged(1, &inner, EnvelopeType::Plain);
        let outcome = scene.bob_refuses(&envelope, what);
        assert!(
            matches!(
                outcome,
                Received::Refused(Refusal::BadContent(DecodeError::NotCanonical))
            ),
            "{what}: {outcome:?}"
        );
    }
}

/// A sender says in each message how many it sent in its two epochs before. Fewer than were received, or more than a chain has, is a lie.
#[test]
fn earlier_counts_that_cannot_be_are_refused() {
    let mut scene = Scene::new(54);
    scene.alice.set_policy(after_each());
    let bundle = scene.bundle("bob");
    scene.alice.start(&bundle, NOW, &mut scene.rng).unwrap();
    for words in ["one", "two", "three"] {
        let envelope = scene.letter_to_bob(words);
        scene.bob_opens(&envelope);
    }
    let answer = scene.letter_to_alice("a");
    scene.alice_opens(&answer); // both in epoch 1; Bob still has the chain of epoch 0, where he received three
    assert_eq!(scene.session(false).receive.keys().copied().collect::<Vec<_>>(), [0, 1]);
    scene.alice.set_policy(NEVER);
    let body = content("x", &mut scene.rng).encode();
    let forge = |scene: &mut Scene, previous| {
        let inner = inner::encode(&counts(previous, 0, (1, 1)), &body);
        scene.forged(0, &inner, EnvelopeType::Plain)
    };
    for previous in [0, 1, 2, MAX_CHAIN + 1, u32::MAX] {
        let envelope = forge(&mut scene, previous);
        let outcome = scene.bob_refuses(&envelope, "an impossible count");
        assert!(
            matches!(outcome, Received::Refused(Refusal::Altered)),
            "{previous}: {outcome:?}"
        );
    }
    // As many as a chain can have is no lie: everything after the three received is missing.
    let (bob, envelope) = (scene.bob.clone(), forge(&mut scene, MAX_CHAIN));
    assert_eq!(scene.bob_opens(&envelope).missing, u64::from(MAX_CHAIN) - 3);
    scene.bob = bob;
    let envelope = forge(&mut scene, 5);
    assert_eq!(
        scene.bob_opens(&envelope).missing,
        2,
        "two more than were received: reported"
    );
    assert_eq!(scene.session(false).receive.keys().copied().collect::<Vec<_>>(), [1]);
}
