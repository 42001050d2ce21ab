//! Every form comes back, has the promised size, and is refused when it is anything else.

use super::*;

fn refuses_other_lengths<T>(bytes: &[u8], parse: impl Fn(&[u8]) -> Option<T>) {
    for len in [0, 1, 2, 3, bytes.len() / 2, bytes.len() - 1] {
        assert!(parse(&bytes[..len]).is_none(), "{len} of {}", bytes.len());
    }
    let mut longer = bytes.to_vec();
    longer.push(0);
    assert!(parse(&longer).is_none());
    longer.resize(bytes.len() + (1 << 20), 0xff);
    assert!(parse(&longer).is_none());
}

/// Flips bits of the head and some of the rest: what still parses has to come back as it is.
fn survives_flips<T>(bytes: &[u8], parse: impl Fn(&[u8]) -> Option<T>, write: impl Fn(&T) -> Vec<u8>) {
    let step = (bytes.len() / 64).max(1);
    for at in (0..bytes.len().min(48)).chain((48..bytes.len()).step_by(step)) {
        for bit in 0..8 {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 1 << bit;
            if let Some(value) = parse(&flipped) {
                assert_eq!(write(&value), flipped, "byte {at}, bit {bit}");
            }
        }
    }
    let mut other_version = bytes.to_vec();
    other_version[0] = 2;
    assert!(parse(&other_version).is_none());
}

#[test]
fn licenses_states_and_views() {
    let mut rng = ChaCha20Rng::seed_from_u64(31);
    for (class, license_len) in [(Class::To15, 226), (Class::To255, 250)] {
        let mut license = License::new(Keys::toy(), 3, class, &mut rng);
        let counter = license.state.deposit.clone();
        let parse = |bytes: &[u8]| SealedCounter::from_bytes(bytes).ok();
        assert_eq!(counter.to_bytes().len(), license_len);
        refuses_other_lengths(&counter.to_bytes(), parse);
        survives_flips(&counter.to_bytes(), parse, SealedCounter::to_bytes);

        let parse = |bytes: &[u8]| PlayState::from_bytes(bytes).ok();
        let unplayed = license.state.to_bytes();
        assert_eq!(unplayed.len(), license_len + 4);
        refuses_other_lengths(&unplayed, parse);
        survives_flips(&unplayed, parse, PlayState::to_bytes);
        let request = license.request(Want::Play, &mut rng);
        license.send(request, &mut rng).unwrap();
        let played = license.state.to_bytes();
        assert!(played.len() < 34 << 10);
        refuses_other_lengths(&played, parse);
        survives_flips(&played, parse, PlayState::to_bytes);

        let parse = |bytes: &[u8]| CounterView::from_bytes(bytes).ok();
        let view = license.state.view().to_bytes();
        assert!(view.len() < 17 << 10);
        refuses_other_lengths(&view, parse);
        survives_flips(&view, parse, CounterView::to_bytes);
    }
}

#[test]
fn requests_and_releases() {
    let mut rng = ChaCha20Rng::seed_from_u64(32);
    let license = License::new(Keys::toy(), 3, Class::To15, &mut rng);
    let padded = license.request(Want::Play, &mut rng);
    let sealed = PlayRequest::sealed(&Keys::toy().opening, Want::Play, &mut rng);
    let parse = |bytes: &[u8]| PlayRequest::from_bytes(bytes).ok();
    for (request, len) in [(padded, 4), (sealed, 26)] {
        assert_eq!(request.to_bytes().len(), len);
        refuses_other_lengths(&request.to_bytes(), parse);
        survives_flips(&request.to_bytes(), parse, PlayRequest::to_bytes);
    }
    assert!(parse(&[1, 0, PAD_SLOTS as u8, 0]).is_none(), "no such slot");

    let keys = Keys::toy();
    let (_, release) = play(
        &keys.evaluation,
        &license.state,
        &padded,
        &license.share,
        &context(1),
        &mut rng,
    )
    .unwrap();
    let parse = |bytes: &[u8]| PlayRelease::from_bytes(bytes).ok();
    assert_eq!(release.to_bytes().len(), RELEASE_LEN);
    const { assert!(RELEASE_LEN < 3200) };
    refuses_other_lengths(&release.to_bytes(), parse);
    survives_flips(&release.to_bytes(), parse, PlayRelease::to_bytes);
}

#[test]
fn keys() {
    let mut rng = ChaCha20Rng::seed_from_u64(33);
    let gate = &Keys::product().gate;
    let bytes = gate.to_bytes();
    let again = GateKey::from_bytes(&bytes).unwrap();
    assert_eq!(again.to_bytes(), bytes);
    assert!(again.opening_key() == gate.opening_key());
    refuses_other_lengths(&bytes, |bytes| GateKey::from_bytes(bytes).ok());
    let (counter, _) = again.seal(PlayLimit::new(200).unwrap(), &mut rng);
    assert_eq!(gate.left(&PlayState::new(&counter).view()), Ok(200));

    let opening = gate.opening_key();
    assert_eq!(opening.to_bytes().len(), 256);
    assert!(OpeningKey::from_bytes(&opening.to_bytes()).unwrap() == opening);
    refuses_other_lengths(&opening.to_bytes(), |bytes| OpeningKey::from_bytes(bytes).ok());
    assert_eq!(format!("{gate:?} {opening:?}"), "GateKey(…) OpeningKey(…)");
}

#[test]
fn evaluation_keys() {
    let mut rng = ChaCha20Rng::seed_from_u64(34);
    let gate = GateKey::generate_for(&INSECURE_TOY, &mut rng);
    let mut heard = Vec::new();
    let wire = gate.evaluation_key(&mut rng, &mut |part| heard.push(part));
    assert!(
        heard.is_sorted() && heard.first() == Some(&0.0) && heard.last() == Some(&1.0),
        "{heard:?}"
    );
    assert_eq!(EvaluationKey::load(&wire).unwrap().id(), gate.id());
    assert_eq!(EvaluationKey::peek(&wire[..14]), Ok(gate.id()));
    refuses_other_lengths(&wire, |bytes| EvaluationKey::load(bytes).ok());

    let mut other = wire.clone();
    other[0] ^= 1;
    assert_eq!(EvaluationKey::load(&other).err(), Some(KeyError::NotAKey));
    let mut other = wire.clone();
    other[4] = 2;
    assert_eq!(EvaluationKey::load(&other).err(), Some(KeyError::NotAKey));
    for set in [0, 2, 0xff] {
        let mut other = wire.clone();
        other[5] = set;
        assert_eq!(EvaluationKey::load(&other).err(), Some(KeyError::ParameterSet(set)));
    }
    // The product's set with the toy's bytes.
    let mut other = wire.clone();
    other[5] = 1;
    assert_eq!(
        EvaluationKey::load(&other).err(),
        Some(KeyError::Length {
            expected: EvaluationKey::wire_len(),
            found: wire.len()
        })
    );
    const MEGABYTE: usize = 1_000_000;
    assert!(EvaluationKey::wire_len() < 23 * MEGABYTE);
    assert!(Keys::product().evaluation.loaded_bytes() < 95 * MEGABYTE);
}

/// A key of noise is a key: it computes nonsense, and the relay does not mind.
#[test]
fn a_key_of_noise_grants_nothing_and_does_not_panic() {
    let mut rng = ChaCha20Rng::seed_from_u64(35);
    let keys = Keys::toy();
    let mut wire = keys.gate.evaluation_key(&mut rng, &mut |_| ());
    rng.fill_bytes(&mut wire[14..]);
    let noise = EvaluationKey::load(&wire).unwrap();
    let mut license = License::new(keys, 20, Class::To255, &mut rng);
    for slot in 0..3 {
        let request = PlayRequest::padded(&license.pads, slot, Want::Play).unwrap();
        let (state, release) = play(&noise, &license.state, &request, &license.share, &context(1), &mut rng).unwrap();
        assert!(keys.opening.open(&release, &context(1)).is_none());
        license.state = fold(&noise, &state).unwrap();
    }
}
