//! From transcript to envelope.

use crate::content::Body;
use crate::envelope::{self, Body as Form3, Envelope, EnvelopeType};
use crate::handshake::{Responder, identity_box_key, t0, t1};
use crate::identity::Purpose;
use crate::party::{Opened, Party, Received};
use crate::primitives::aead::{BoxKey, CommittedKey};
use crate::primitives::hash;
use crate::primitives::kem::{KemPublicKey, KemSecretKey, SharedSecret};
use crate::ratchet::{AdvanceKey, ChainKey, Direction, EpochKeys, Form, MessageKey, Role, RootKey, TagKey};
use crate::session::{Beginning, EMPTY_HASH, Position, Session, SessionId, Turn};
use crate::tests::rng;
use crate::time::Timestamp;
use serde_json::Value;
use zeroize::Zeroizing;

use super::{array, bytes, counts_of_form, golden, number, person, secret, small};

/// The keys of an epoch, compared part by part; the parts come back.
fn assert_epoch(keys: EpochKeys, golden: &Value) -> (RootKey, AdvanceKey) {
    let (root, (ck_i2r, tk_i2r), (ck_r2i, tk_r2i), adv) = keys.split(Direction::InitiatorToResponder);
    assert_eq!(root.0, secret(&golden["root"]));
    assert_eq!(ck_i2r.0, secret(&golden["ck_i2r"]));
    assert_eq!(ck_r2i.0, secret(&golden["ck_r2i"]));
    assert_eq!(*tk_i2r.secret(), secret(&golden["tk_i2r"]));
    assert_eq!(*tk_r2i.secret(), secret(&golden["tk_r2i"]));
    assert_eq!(adv.0, secret(&golden["adv"]));
    (root, adv)
}

#[test]
fn transcripts_identity_boxes_and_epoch_0() {
    let golden = golden();
    let prekeys = &golden["prekeys"];
    let ((alice, alice_key, alice_fp), (bob, _, bob_fp)) = (person(&golden, "alice"), person(&golden, "bob"));
    let [ss1, ss2]: [SharedSecret; 2] = [0, 1].map(|i| secret(&golden["kem"][i]["ss"]));
    let opk = KemSecretKey::from_secret(secret(&prekeys["opk_secret"])).public_key();
    let hashes = [&prekeys["spk_payload"], &prekeys["batch_payload"]].map(|payload| hash(&[&bytes(payload)]));
    for line in golden["handshakes"].as_array().unwrap() {
        let has_opk = number(&line["has_opk"]) == 1;
        let wire = bytes(&line["envelopes"][0]["envelope"]);
        let parsed = Envelope::parse(&wire).unwrap();
        let Form3::First { handshake, .. } = &parsed.body else {
            panic!("a first envelope")
        };
        assert_eq!(handshake.preamble.encode(), bytes(&line["preamble"]));
        assert_eq!(handshake.preamble.one_time.is_some(), has_opk);
        assert_eq!(handshake.identity_box, bytes(&line["identity_box"]));
        let key_hash = hash(&[opk.as_bytes()]);
        let responder = Responder {
            address: &bob,
            fingerprint: &bob_fp,
            spk_hash: &hashes[0],
            one_time: has_opk.then_some((&hashes[1], &key_hash)),
        };
        let t0 = t0(&responder, &handshake.preamble);
        assert_eq!(t0[..], bytes(&line["T0"]));
        let claim = bytes(&line["claim"]);
        let by_okm = CommittedKey::new(Zeroizing::new(array(&line["id_okm"]))).seal(&t0, &claim, Vec::new());
        assert_eq!(by_okm, handshake.identity_box);
        assert_eq!(
            identity_box_key(&t0, &ss1).seal(&t0, &claim, Vec::new()),
            handshake.identity_box
        );
        let t1 = t1(&t0, &alice, &alice_fp);
        assert_eq!(t1[..], bytes(&line["T1"]));
        assert_eq!(t1[..32], bytes(&line["session_id"]));
        let signature = &claim[claim.len() - crate::identity::SIGNATURE_LENGTH..];
        alice_key
            .public()
            .verify(Purpose::Handshake, &alice_fp, &t1, signature)
            .unwrap();
        let id: [u8; 32] = array(&line["session_id"]);
        let keys = EpochKeys::initial(&t1, &ss1, has_opk.then_some(&ss2), &id, &EMPTY_HASH);
        let (_, adv) = assert_epoch(keys, &line["epoch_0"]);
        for message in line["envelopes"].as_array().unwrap() {
            let n = small(&message["n"]);
            let envelope_id = array(&message["id"]);
            let aad = envelope::box_aad(EnvelopeType::First, &envelope_id, &[0; 16]);
            let boxed = adv.box_key(Form::First, &envelope_id).seal(&aad, &n.to_be_bytes());
            assert_eq!(boxed, bytes(&message["number_box"]));
        }
    }
}

#[test]
fn chains_tags_and_the_first_advance() {
    let golden = golden();
    let epoch_0 = &golden["handshakes"][0]["epoch_0"];
    let mut chain = ChainKey::new(secret(&epoch_0["ck_r2i"]));
    let tags = TagKey::new(secret(&epoch_0["tk_r2i"]));
    for line in golden["chain"].as_array().unwrap() {
        let (key, next) = chain.next();
        assert_eq!((key.0, &next.0), (secret(&line["mk"]), &secret(&line["next"])));
        assert_eq!(tags.tag(small(&line["n"])), array(&line["plain_tag"]));
        chain = next;
    }
    let line = &golden["epoch_1"];
    let header = bytes(&line["header"]);
    assert_eq!(hash(&[&header])[..], bytes(&line["header_hash"]));
    let own = KemSecretKey::from_secret(secret(&golden["handshakes"][0]["rk_secret"]));
    let ss: SharedSecret = own.decapsulate(header[..1600].try_into().unwrap()).unwrap();
    assert_eq!(ss, secret(&line["ss"]));
    let id: [u8; 32] = array(&golden["handshakes"][0]["session_id"]);
    let root = RootKey(secret(&epoch_0["root"]));
    assert_epoch(root.advance(&ss, &id, 1, &hash(&[&header])), line);
}

/// Alice's session as it is right after her handshake.
fn alices_session(golden: &Value) -> Session {
    let line = &golden["handshakes"][0];
    let [ss1, ss2]: [SharedSecret; 2] = [0, 1].map(|i| secret(&golden["kem"][i]["ss"]));
    let id = SessionId(array(&line["session_id"]));
    Session::begin(Beginning {
        id,
        role: Role::Initiator,
        own: person(golden, "alice").2,
        peer: person(golden, "bob").2,
        peer_identity: Some(person(golden, "bob").1.public().clone()),
        created_at: Timestamp(number(&line["created_at"])),
        first: None,
        keys: EpochKeys::initial(&array(&line["T1"]), &ss1, Some(&ss2), &id.0, &EMPTY_HASH),
        turn: Turn::Theirs {
            own_key: KemSecretKey::from_secret(secret(&line["rk_secret"])),
        },
        now: Timestamp(number(&line["created_at"])),
    })
}

#[test]
fn message_keys_boxes_and_associated_data_of_every_form() {
    let golden = golden();
    let session = alices_session(&golden);
    let header = bytes(&golden["epoch_1"]["header"]);
    for line in golden["forms"].as_array().unwrap() {
        let form = line["form"].as_str().unwrap();
        let (id, tag, n) = (array(&line["id"]), array(&line["tag"]), small(&line["n"]));
        let kind = if form == "plain" {
            EnvelopeType::Plain
        } else {
            EnvelopeType::Boxed
        };
        let direction = Direction::ResponderToInitiator;
        let position = Position {
            kind,
            direction,
            epoch: 1,
            n,
            id: &id,
            tag: &tag,
        };
        let aad = session.message_aad(&position, &hash(&[&header]));
        assert_eq!(aad, bytes(&line["aad"]), "{form}");
        let text = bytes(&line["inner"]);
        let key = MessageKey::new(secret(&line["mk"]));
        assert_eq!(key.envelope_id(&array(&line["random"]), &text), id, "{form}");
        let sealed = bytes(&line["sealed"]);
        assert_eq!(
            MessageKey::new(secret(&line["mk"])).seal(&aad, &text, Vec::new()),
            sealed,
            "{form}"
        );
        let by_okm = CommittedKey::new(Zeroizing::new(array(&line["okm"])));
        assert_eq!(by_okm.seal(&aad, &text, Vec::new()), sealed, "{form}");
        let mut whole = envelope::head(kind, &id, &tag, 64);
        if kind == EnvelopeType::Boxed {
            let adv = AdvanceKey::new(secret(&line["adv"]));
            assert_eq!(adv.tag(direction, &id), tag, "{form}");
            let mut boxed = n.to_be_bytes().to_vec();
            if form == "header" {
                boxed.extend_from_slice(&header);
                boxed.extend_from_slice(&bytes(&golden["epoch_1"]["signature"]));
            }
            let box_aad = envelope::box_aad(kind, &id, &tag);
            let by_adv = adv.box_key(Form::Boxed(direction), &id).seal(&box_aad, &boxed);
            let by_okm = BoxKey::new(Zeroizing::new(array(&line["box_okm"]))).seal(&box_aad, &boxed);
            assert_eq!(
                (&by_adv, &by_okm),
                (&bytes(&line["box"]), &bytes(&line["box"])),
                "{form}"
            );
            whole.extend_from_slice(&by_adv);
        } else {
            let tags = TagKey::new(secret(&golden["epoch_1"]["tk_r2i"]));
            assert_eq!(tags.tag(n), tag);
        }
        whole.extend_from_slice(&sealed);
        assert_eq!(whole, bytes(&line["envelope"]), "{form}");
    }
}

#[test]
fn a_session_follows_the_other_implementation_into_epoch_1() {
    let golden = golden();
    let mut session = alices_session(&golden);
    for line in golden["forms"].as_array().unwrap() {
        let wire = bytes(&line["envelope"]);
        let parsed = Envelope::parse(&wire).unwrap();
        let located = session.locate(&parsed, false).expect("recognised");
        let decrypted = session.decrypt(&parsed, &located, Timestamp(0)).unwrap();
        let Body::Text(words) = &decrypted.content.body else {
            panic!("a text")
        };
        assert_eq!(*words, format!("hello {}", line["form"].as_str().unwrap()));
        assert_eq!(decrypted.acknowledged, counts_of_form(line).acknowledged);
        let missing: u32 = decrypted.gaps.iter().map(|gap| gap.count).sum();
        assert_eq!(missing, 0, "an initiator has no chain of epoch 0 that could have a gap");
        assert_eq!(session.epoch(), 1);
    }
    assert!(matches!(session.turn, Turn::Mine { .. }));
}

#[test]
fn a_party_opens_the_first_envelopes_of_the_other_implementation() {
    let golden = golden();
    let records = &golden["records_of_bob"];
    let load = |name: &str| (name.to_owned(), bytes(&records[name]));
    let mut bob = Party::load([load("identity"), load("prekeys")]).unwrap();
    assert_eq!(bob.fingerprint(), person(&golden, "bob").2);
    let (_, _, alice) = person(&golden, "alice");
    for line in golden["handshakes"].as_array().unwrap() {
        for message in line["envelopes"].as_array().unwrap() {
            let now = Timestamp(number(&line["created_at"]));
            let received = bob.receive(&bytes(&message["envelope"]), now, &mut rng(1));
            let Received::Opened(opened) = received else {
                panic!("{received:?}")
            };
            let Opened {
                content,
                fingerprint,
                missing,
                without_one_time,
                ..
            } = *opened;
            assert_eq!(content.encode(), bytes(&message["content"]));
            assert_eq!(content.body, Body::Text(message["words"].as_str().unwrap().into()));
            assert_eq!(fingerprint, alice);
            assert_eq!(missing, if small(&message["n"]) == 3 { 2 } else { 0 });
            assert_eq!(
                without_one_time,
                number(&line["has_opk"]) == 0 && small(&message["n"]) == 0
            );
        }
    }
    // Used once: its private half is gone.
    assert_eq!(bob.account().one_time_count(), 4);
}

#[test]
fn the_turn_key_of_the_vectors_is_the_one_announced() {
    let golden = golden();
    let line = &golden["handshakes"][0];
    let public = KemPublicKey::from_bytes(&bytes(&line["rk"])).unwrap();
    assert_eq!(
        KemSecretKey::from_secret(secret(&line["rk_secret"])).public_key(),
        public
    );
}

#[test]
fn a_stored_session_has_an_epoch_that_one_can_reach() {
    let mut session = alices_session(&golden());
    for (epoch, reads) in [(1, true), (1 << 31, true), ((1 << 31) + 1, false)] {
        session.epoch = epoch;
        assert_eq!(Session::load(&session.store(), None).is_ok(), reads, "{epoch}");
    }
}
