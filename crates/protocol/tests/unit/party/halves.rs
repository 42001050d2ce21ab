//! One half of every key agreement is broken: an attacker records all traffic and is given the X25519 secrets of all keys, prekeys and ratchet keys,
//! or all of the ML-KEM ones, and everything else that is not the other half. It computes as the specification says, and guesses what it lacks. It
//! opens nothing; with both halves it opens all (the positive control).

use ml_kem::{Decapsulate, KeyInit, MlKem1024};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use x25519_dalek::{PublicKey, StaticSecret};

use crate::Timestamp;
use crate::address::Address;
use crate::content::{Body, Content, ContentId};
use crate::envelope::{self, Envelope, EnvelopeType};
use crate::handshake::{self, PreKeyBundle, Responder};
use crate::labels;
use crate::party::{Party, Received};
use crate::prekey::PublishedOneTime;
use crate::primitives::hash;
use crate::primitives::kdf::hkdf;
use crate::primitives::kem::{Ciphertext, KemSecretKey, SharedSecret};
use crate::primitives::secret::Secret;
use crate::ratchet::{EpochKeys, RootKey};
use crate::session::{EMPTY_HASH, Header, Position, RekeyPolicy, Session, Turn};
use crate::wire::Put;

const NOW: Timestamp = Timestamp(1_790_000_000_000);

/// What is broken, and what the attacker takes for the rest.
#[derive(Clone, Copy)]
struct Broken {
    classical: bool,
    lattice: bool,
    guess: [u8; 32],
}

impl Broken {
    /// The shared secret of a ciphertext, as far as the attacker can know it: section 2 of the specification, by hand.
    fn shared_secret(&self, key: &KemSecretKey, ciphertext: &Ciphertext) -> SharedSecret {
        let bytes = key.secret().expose();
        let (scalar, seed) = bytes.split_at(32);
        let (share, encapsulated) = ciphertext.split_at(32);
        let mut ss_x = self.guess;
        if self.classical {
            let (scalar, share): ([u8; 32], [u8; 32]) = (scalar.try_into().unwrap(), share.try_into().unwrap());
            ss_x = *StaticSecret::from(scalar)
                .diffie_hellman(&PublicKey::from(share))
                .as_bytes();
        }
        let mut ss_lattice = self.guess;
        if self.lattice {
            let key = ml_kem::DecapsulationKey::<MlKem1024>::new(&seed.try_into().unwrap());
            ss_lattice.copy_from_slice(&key.decapsulate(&encapsulated.try_into().unwrap()));
        }
        let mut info = Vec::new();
        info.put_lp(labels::KEM)
            .put(&hash(&[key.public_key().as_bytes()]))
            .put(&hash(&[ciphertext]));
        Secret::new(*hkdf(&[], &[ss_lattice, ss_x].concat(), &info))
    }

    /// Who wrote the first envelope, and what it says; the attacker is Bob but for the halves that it lacks.
    fn opens_first(&self, first: &First) -> (bool, bool) {
        let parsed = Envelope::parse(&first.envelope).unwrap();
        let envelope::Body::First { handshake, sealed, .. } = &parsed.body else {
            panic!("the first envelope is one")
        };
        let account = &first.bob.account;
        let signed = account.signed_prekey(handshake.preamble.spk_id).unwrap();
        let (id, ct2) = handshake.preamble.one_time.as_ref().unwrap();
        let (one_time, batch_hash) = account.one_time(*id).unwrap();
        let responder = Responder {
            address: account.address(),
            fingerprint: &account.fingerprint(),
            spk_hash: &signed.payload_hash,
            one_time: Some((batch_hash, &one_time.key_hash)),
        };
        let t0 = handshake::t0(&responder, &handshake.preamble);
        let ss1 = self.shared_secret(&signed.secret, &handshake.preamble.ct1);
        let ss2 = self.shared_secret(one_time.secret.as_ref().unwrap(), ct2);
        let who = handshake::identity_box_key(&t0, &ss1)
            .open(&t0, handshake.identity_box)
            .is_ok();
        // It need not open the box to suspect whom it is from.
        let t1 = handshake::t1(&t0, &name(0), &first.sender.own);
        let keys = EpochKeys::initial(&t1, &ss1, Some(&ss2), &first.sender.id.0, &EMPTY_HASH);
        (who, opens(&keys, &first.sender, &parsed, &EMPTY_HASH, &[sealed]))
    }

    /// The first message of a later epoch; the attacker is given the root of the epoch before, and the header.
    fn opens_next(&self, next: &Next) -> bool {
        let parsed = Envelope::parse(&next.envelope).unwrap();
        let envelope::Body::Boxed { rest } = parsed.body else {
            panic!("an epoch begins with a boxed envelope")
        };
        let header_hash = hash(&[&next.header[..]]);
        let ciphertext = next.header[..1600].try_into().unwrap();
        let ss = self.shared_secret(&next.key, &ciphertext);
        let keys = next
            .root
            .advance(&ss, &next.sender.id.0, next.sender.epoch, &header_hash);
        let length = if next.sender.epoch == 1 {
            envelope::SIGNED_HEADER_BOX_LENGTH
        } else {
            envelope::HEADER_BOX_LENGTH
        };
        let sealed = &rest[length..];
        opens(&keys, &next.sender, &parsed, &header_hash, &[sealed])
    }
}

/// Whether the keys of an epoch open its first message by `sender`.
fn opens(
    keys: &EpochKeys,
    sender: &Session,
    envelope: &Envelope<'_>,
    header_hash: &[u8; 64],
    sealed: &[&[u8]],
) -> bool {
    let direction = sender.role.sends();
    let position = Position {
        kind: envelope.kind(),
        direction,
        epoch: sender.epoch,
        n: 0,
        id: &envelope.id,
        tag: &envelope.tag,
    };
    let aad = sender.message_aad(&position, header_hash);
    let (key, _) = keys.peek(direction).0.next();
    sealed.iter().any(|sealed| key.clone().open(&aad, sealed).is_ok())
}

/// Alice's first envelope; Bob before he opens it; her session.
struct First {
    envelope: Vec<u8>,
    bob: Party,
    sender: Session,
}

/// The envelope that begins an epoch, the root before it, its header, the secret key that it was encapsulated to, and its sender's session.
struct Next {
    envelope: Vec<u8>,
    root: RootKey,
    header: Header,
    key: KemSecretKey,
    sender: Session,
}

fn name(i: usize) -> Address {
    Address::parse(["alice@relay", "bob@relay"][i]).unwrap()
}

struct Pair {
    rng: ChaCha20Rng,
    parties: [Party; 2],
}

impl Pair {
    fn new(seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut parties = [0, 1].map(|i| Party::generate(name(i), &mut rng));
        for party in &mut parties {
            party.set_policy(RekeyPolicy {
                messages: 1,
                ..RekeyPolicy::default()
            });
        }
        let published = parties[1].publication(None, false, NOW, &mut rng).unwrap();
        let batch = published.one_time_batch.unwrap();
        let verified = batch.verify(parties[1].identity_key(), &name(1), NOW).unwrap();
        let one_time = verified.entries().next().unwrap();
        let bundle = PreKeyBundle {
            address: name(1),
            identity_key: parties[1].identity_key().clone(),
            signed_prekey: published.signed_prekey.unwrap(),
            one_time: Some(PublishedOneTime {
                payload: batch.payload,
                signature: batch.signature,
                id: one_time.id,
                key: one_time.key,
                path: one_time.path,
            }),
        };
        parties[0].start(&bundle, NOW, &mut rng).unwrap();
        Self { rng, parties }
    }

    fn session(&self, of: usize) -> &Session {
        self.parties[of].current(&name(1 - of)).unwrap()
    }

    fn send(&mut self, from: usize) -> Vec<u8> {
        let content = Content {
            id: ContentId::random(&mut self.rng),
            sent_at: NOW,
            body: Body::Text("secret".into()),
        };
        self.parties[from]
            .send(&name(1 - from), &content, NOW, &mut self.rng)
            .unwrap()
            .envelope
    }

    fn deliver(&mut self, to: usize, envelope: &[u8]) {
        let received = self.parties[to].receive(envelope, NOW, &mut self.rng);
        assert!(matches!(received, Received::Opened(_)), "{received:?}");
    }

    fn first(&mut self) -> First {
        let envelope = self.send(0);
        assert_eq!(Envelope::parse(&envelope).unwrap().kind(), EnvelopeType::First);
        let records = self.parties[1].all_records().into_iter();
        let records = records.map(|change| (change.key, change.value.unwrap().to_vec()));
        let bob = Party::load(records).unwrap();
        let sender = self.session(0).clone();
        self.deliver(1, &envelope);
        First { envelope, bob, sender }
    }

    /// The next epoch, which `from` begins.
    fn next(&mut self, from: usize) -> Next {
        let (before, receiver) = (self.session(from).clone(), self.session(1 - from).clone());
        let Turn::Theirs { own_key: key } = receiver.turn else {
            panic!("it is the sender's turn")
        };
        let envelope = self.send(from);
        let sender = self.session(from).clone();
        assert_eq!(sender.epoch, before.epoch + 1);
        let header = *sender.header.as_ref().unwrap().header;
        self.deliver(1 - from, &envelope);
        Next {
            envelope,
            root: before.root,
            header,
            key,
            sender,
        }
    }
}

#[test]
fn whoever_breaks_one_half_of_every_key_agreement_opens_nothing() {
    for seed in 0..3 {
        let mut pair = Pair::new(seed);
        let first = pair.first();
        let epochs: Vec<Next> = (1..=4).map(|epoch| pair.next(epoch % 2)).collect();
        let mut random = [0; 32];
        pair.rng.fill_bytes(&mut random);
        for (classical, lattice) in [(true, false), (false, true), (true, true)] {
            for guess in [[0; 32], random] {
                let broken = Broken {
                    classical,
                    lattice,
                    guess,
                };
                let both = classical && lattice;
                let what = format!("seed {seed}, X25519 known: {classical}, ML-KEM known: {lattice}");
                assert_eq!(broken.opens_first(&first), (both, both), "{what}: first envelope");
                for next in &epochs {
                    assert_eq!(broken.opens_next(next), both, "{what}: epoch {}", next.sender.epoch);
                }
            }
        }
    }
}
