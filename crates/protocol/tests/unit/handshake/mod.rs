//! The handshake against someone who knows too much: envelopes built by hand, with a choice at every step that an honest initiator does not
//! have. Whatever is wrong, the responder refuses, and its records stay byte for byte as they were.

mod claims;

use rand_chacha::ChaCha20Rng;

use super::*;
use crate::content::{Body, Content, ContentId};
use crate::envelope::{EnvelopeType, box_aad, head};
use crate::inner::{self, Counts};
use crate::party::{Party, Received, Refusal};
use crate::ratchet::{Direction, Form};
use crate::session::Position;

const NOW: Timestamp = Timestamp(1_790_000_000_000);

type Records = Vec<(String, Vec<u8>)>;

fn records(party: &Party) -> Records {
    party
        .all_records()
        .into_iter()
        .map(|change| (change.key, change.value.unwrap().to_vec()))
        .collect()
}

fn address(name: &str) -> Address {
    Address::parse(&format!("{name}@relay.test")).unwrap()
}

/// Bob, who has published; everyone gets the same bundle, which a relay could do, so an attempt does not use up what the next one needs.
struct Scene {
    alice: Account,
    bob: Party,
    bundle: PreKeyBundle,
    rng: ChaCha20Rng,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let mut rng = crate::tests::rng(seed);
        let mut bob = Party::generate(address("bob"), &mut rng);
        let publication = bob.publication(None, false, NOW, &mut rng).unwrap();
        let batch = publication.one_time_batch.unwrap();
        let verified = batch.verify(bob.identity_key(), bob.address(), NOW).unwrap();
        let key = verified.entries().nth(37).unwrap();
        let bundle = PreKeyBundle {
            address: bob.address().clone(),
            identity_key: bob.identity_key().clone(),
            signed_prekey: publication.signed_prekey.unwrap(),
            one_time: Some(PublishedOneTime {
                payload: batch.payload,
                signature: batch.signature,
                id: key.id,
                key: key.key,
                path: key.path,
            }),
        };
        Self {
            alice: Account::generate(address("alice"), &mut rng),
            bob,
            bundle,
            rng,
        }
    }

    fn verified(&self) -> VerifiedBundle {
        self.bundle.verify(&address("bob"), 0, NOW).unwrap()
    }

    /// Honest ciphertexts to Bob's bundle.
    fn attempt(&mut self) -> Attempt {
        let bundle = self.verified();
        let (ct1, ss1) = bundle.spk.encapsulate(&mut self.rng).unwrap();
        let (id, _, key) = bundle.one_time.as_ref().unwrap();
        let (ct2, ss2) = key.encapsulate(&mut self.rng).unwrap();
        let (_, rk) = KemSecretKey::generate(&mut self.rng);
        let preamble = Preamble {
            spk_id: bundle.spk_id,
            ct1,
            one_time: Some((*id, ct2)),
            rk: Box::new(*rk.as_bytes()),
            created_at: NOW,
        };
        Attempt {
            preamble,
            ss1,
            ss2: Some(ss2),
        }
    }

    fn believed(&self) -> Belief {
        let bundle = self.verified();
        let (_, batch, key) = bundle.one_time.as_ref().unwrap();
        Belief {
            address: bundle.address.clone(),
            fingerprint: bundle.fingerprint,
            spk_hash: bundle.spk_hash,
            batch_hash: *batch,
            key_hash: hash(&[key.as_bytes()]),
        }
    }

    /// Bob refuses `envelope` with `why`, and nothing of his changes.
    fn refuses(&mut self, envelope: &[u8], why: HandshakeError, what: &str) {
        let before = records(&self.bob);
        let received = self.bob.receive(envelope, NOW, &mut self.rng);
        assert!(
            matches!(received, Received::Refused(Refusal::Handshake(reason)) if reason == why),
            "{what}: {received:?}"
        );
        assert!(records(&self.bob) == before, "{what} left a trace");
    }

    fn opens(&mut self, envelope: &[u8]) {
        let received = self.bob.receive(envelope, NOW, &mut self.rng);
        assert!(matches!(received, Received::Opened(_)), "{received:?}");
    }
}

struct Attempt {
    preamble: Preamble,
    ss1: SharedSecret,
    ss2: Option<SharedSecret>,
}

/// What an initiator believes about Bob: the part of P that does not travel.
struct Belief {
    address: Address,
    fingerprint: Fingerprint,
    spk_hash: [u8; 64],
    batch_hash: [u8; 64],
    key_hash: [u8; 64],
}

impl Belief {
    fn t0(&self, preamble: &Preamble) -> [u8; 64] {
        let Self {
            address,
            fingerprint,
            spk_hash,
            batch_hash,
            key_hash,
        } = self;
        let one_time = preamble.one_time.is_some().then_some((batch_hash, key_hash));
        t0(
            &Responder {
                address,
                fingerprint,
                spk_hash,
                one_time,
            },
            preamble,
        )
    }
}

/// Who the identity box names, and the signature in it.
struct Claim<'a> {
    address: &'a Address,
    key: &'a IdentityKey,
    signature: Vec<u8>,
}

impl Attempt {
    fn t1(&self, belief: &Belief, account: &Account) -> [u8; 64] {
        t1(&belief.t0(&self.preamble), account.address(), &account.fingerprint())
    }

    /// A whole first envelope: identity box, number box and message, all consistent with the claim.
    fn envelope(&self, belief: &Belief, claim: &Claim<'_>, rng: &mut ChaCha20Rng) -> Vec<u8> {
        let t0 = belief.t0(&self.preamble);
        let fingerprint = claim.key.fingerprint(claim.address);
        let t1 = t1(&t0, claim.address, &fingerprint);
        let mut text = Vec::new();
        text.put_lp(claim.address.as_bytes())
            .put(&claim.key.to_bytes())
            .put(&claim.signature);
        let mut first = self.preamble.encode();
        first.put_lp(&identity_box_key(&t0, &self.ss1).seal(&t0, &text, Vec::new()));
        let id = SessionId(truncate(&t1));
        let session = Session::begin(Beginning {
            id,
            role: Role::Initiator,
            own: fingerprint,
            peer: belief.fingerprint,
            peer_identity: None,
            created_at: self.preamble.created_at,
            first: None,
            keys: EpochKeys::initial(&t1, &self.ss1, self.ss2.as_ref(), &id.0, &EMPTY_HASH),
            turn: Turn::Theirs {
                own_key: KemSecretKey::generate(rng).0,
            },
            now: NOW,
        });
        let envelope_id = [7; 16];
        let mut out = head(EnvelopeType::First, &envelope_id, &[0; 16], 16 * 1024);
        let number = session.advance_keys[&0].box_key(Form::First, &envelope_id).seal(
            &box_aad(EnvelopeType::First, &envelope_id, &[0; 16]),
            &0_u32.to_be_bytes(),
        );
        out.put(&first).put(&number);
        let position = Position {
            kind: EnvelopeType::First,
            direction: Direction::InitiatorToResponder,
            epoch: 0,
            n: 0,
            id: &envelope_id,
            tag: &[0; 16],
        };
        let aad = session.message_aad(&position, &EMPTY_HASH);
        let content = Content {
            id: ContentId([1; 16]),
            sent_at: NOW,
            body: Body::Text("hello".into()),
        };
        let (key, _) = session.send.key.clone().next();
        key.seal(&aad, &inner::encode(&Counts::default(), &content.encode()), out)
    }
}

fn honest<'a>(attempt: &Attempt, belief: &Belief, account: &'a Account, rng: &mut ChaCha20Rng) -> Claim<'a> {
    let signature = account.sign(Purpose::Handshake, &attempt.t1(belief, account), rng);
    Claim {
        address: account.address(),
        key: account.identity_key(),
        signature,
    }
}

/// The control for everything below: what is built by hand, and right, opens.
#[test]
fn an_honest_handshake_built_by_hand_opens() {
    let mut scene = Scene::new(1);
    let (attempt, belief) = (scene.attempt(), scene.believed());
    let claim = honest(&attempt, &belief, &scene.alice, &mut scene.rng);
    let envelope = attempt.envelope(&belief, &claim, &mut scene.rng);
    scene.opens(&envelope);
}

#[test]
fn every_field_of_the_transcript_counts() {
    let mut scene = Scene::new(2);
    let belief = scene.believed();
    let base = scene.attempt();
    let base_t0 = belief.t0(&base.preamble);
    type Change = fn(&mut Belief, &mut Preamble);
    let changes: [(&str, Change, HandshakeError); 13] = [
        (
            "address",
            |b, _| b.address = address("bobby"),
            HandshakeError::Malformed,
        ),
        (
            "fingerprint",
            |b, _| b.fingerprint = Fingerprint::from_bytes([5; 32]),
            HandshakeError::Malformed,
        ),
        (
            "signed prekey's payload",
            |b, _| b.spk_hash[63] ^= 1,
            HandshakeError::Malformed,
        ),
        (
            "batch's payload",
            |b, _| b.batch_hash[0] ^= 0x80,
            HandshakeError::Malformed,
        ),
        ("one-time prekey", |b, _| b.key_hash[5] ^= 4, HandshakeError::Malformed),
        (
            "signed prekey's id",
            |_, p| p.spk_id ^= 1,
            HandshakeError::UnknownPreKey,
        ),
        (
            "id of another one-time prekey",
            |_, p| change_one_time(p, |id, _| *id += 1),
            HandshakeError::Malformed,
        ),
        (
            "id of no one-time prekey",
            |_, p| change_one_time(p, |id, _| *id ^= 1 << 31),
            HandshakeError::UnknownPreKey,
        ),
        ("ct1", |_, p| p.ct1[1599] ^= 1, HandshakeError::Malformed),
        (
            "ct2",
            |_, p| change_one_time(p, |_, ct2| ct2[32] ^= 1),
            HandshakeError::Malformed,
        ),
        ("ratchet key", |_, p| p.rk[31] ^= 1, HandshakeError::Malformed),
        ("created_at", |_, p| p.created_at.0 -= 1, HandshakeError::Malformed),
        (
            "the one-time prekey's flag",
            |_, p| p.one_time = None,
            HandshakeError::Malformed,
        ),
    ];
    let mut seen = std::collections::HashSet::from([base_t0]);
    for (what, change, why) in changes {
        let (mut other, mut preamble) = (scene.believed(), base.preamble.clone());
        change(&mut other, &mut preamble);
        assert!(seen.insert(other.t0(&preamble)), "{what} does not reach T0");
        // Altered on its way: sealed for what Alice meant, and Bob reads something else. The initiator's belief and Bob's records
        // differ in the same manner when a relay served another bundle.
        let (sealed, travels) = match base.preamble == preamble {
            true => (
                Attempt {
                    preamble: base.preamble.clone(),
                    ..clone(&base)
                },
                None,
            ),
            false => (clone(&base), Some(preamble)),
        };
        let believed = if travels.is_some() { scene.believed() } else { other };
        let claim = honest(&sealed, &believed, &scene.alice, &mut scene.rng);
        let mut envelope = sealed.envelope(&believed, &claim, &mut scene.rng);
        if let Some(preamble) = travels {
            let length = sealed.preamble.encode().len();
            envelope.splice(34..34 + length, preamble.encode());
        }
        scene.refuses(&envelope, why, what);
    }
    let claim = honest(&base, &belief, &scene.alice, &mut scene.rng);
    let envelope = base.envelope(&belief, &claim, &mut scene.rng);
    scene.opens(&envelope);
}

fn change_one_time(preamble: &mut Preamble, change: impl FnOnce(&mut u32, &mut [u8; 1600])) {
    if let Some((id, ct2)) = &mut preamble.one_time {
        change(id, ct2);
    }
}

fn clone(attempt: &Attempt) -> Attempt {
    Attempt {
        preamble: attempt.preamble.clone(),
        ss1: attempt.ss1.clone(),
        ss2: attempt.ss2.clone(),
    }
}
