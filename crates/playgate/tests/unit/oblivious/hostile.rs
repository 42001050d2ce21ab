//! Requests that nobody honest sends, replays, and the wrong key.

use super::*;
use crate::oblivious::request::Form;

/// Sends sealed requests of `phases` and holds the count to what was granted.
fn never_more_than_the_limit(keys: &Keys, limit: u8, class: Class, phases: impl Iterator<Item = u64>) {
    let mut rng = ChaCha20Rng::seed_from_u64(limit.into());
    let mut license = License::new(keys, limit, class, &mut rng);
    license.state.next_slot = PAD_SLOTS as u8;
    let mut left = limit;
    for phase in phases {
        let request = keys.opening.sealed_request(phase, &mut rng);
        let granted = license.send(request, &mut rng).unwrap();
        assert!(!granted || left > 0, "granted beyond the limit at {phase:#x}");
        left -= u8::from(granted);
        assert_eq!(license.left(), left, "grant and charge part at {phase:#x}");
    }
}

/// Both edges of what a sealed request means, closer and closer, and everything in between.
fn edges() -> impl Iterator<Item = u64> {
    (30..62).step_by(4).flat_map(|bits| {
        [0u64, 1 << 63]
            .into_iter()
            .flat_map(move |edge| [edge.wrapping_add(1 << bits), edge.wrapping_sub(1 << bits)])
    })
}

#[test]
fn torus_points_at_random_and_at_the_edge_never_part_grant_from_charge() {
    let mut rng = ChaCha20Rng::seed_from_u64(21);
    let random: Vec<u64> = (0..150).map(|_| rng.next_u64()).collect();
    never_more_than_the_limit(Keys::toy(), 9, Class::To15, random.iter().copied().chain(edges()));
    never_more_than_the_limit(Keys::toy(), 40, Class::To255, random.into_iter().chain(edges()));
}

#[test]
fn the_same_at_the_products_set() {
    let mut rng = ChaCha20Rng::seed_from_u64(22);
    let random: Vec<u64> = (0..6).map(|_| rng.next_u64()).collect();
    never_more_than_the_limit(
        Keys::product(),
        4,
        Class::To15,
        random.into_iter().chain(edges().step_by(5)),
    );
}

/// The prototype's license was one ciphertext that the client sent, so an encryption of zero set it back. Here nothing that a recipient sends reaches the
/// counter but what the gate took off it.
#[test]
fn a_spent_license_stays_spent() {
    let mut rng = ChaCha20Rng::seed_from_u64(23);
    for class in [Class::To15, Class::To255] {
        let mut license = License::new(Keys::toy(), 2, class, &mut rng);
        let first = license.request(Want::Play, &mut rng);
        assert_eq!(license.send(first, &mut rng), Ok(true));
        let second = license.request(Want::Play, &mut rng);
        assert_eq!(license.send(second, &mut rng), Ok(true));

        // The requests that were granted, again.
        for (slot, old) in (0..).zip([first, second]) {
            let used = PlayError::SlotUsed { used: slot, next: 2 };
            assert_eq!(license.send(old, &mut rng), Err(used));
        }
        // A sealed one that was granted while there was something left.
        let mut other = License::new(Keys::toy(), 1, class, &mut rng);
        other.state.next_slot = PAD_SLOTS as u8;
        license.state.next_slot = PAD_SLOTS as u8;
        let sealed = PlayRequest::sealed(&Keys::toy().opening, Want::Play, &mut rng);
        assert_eq!(other.send(sealed, &mut rng), Ok(true));
        assert_eq!(license.send(sealed, &mut rng), Ok(false));
        // Encryptions of zero and of every number of units, negative ones too, and a trivial one.
        for units in 0..32u64 {
            let request = Keys::toy().opening.sealed_request(units << 59, &mut rng);
            assert_eq!(license.send(request, &mut rng), Ok(false), "{units}");
        }
        let bare = PlayRequest(Form::Sealed { seed: [0; 16], body: 0 });
        assert_eq!(license.send(bare, &mut rng), Ok(false));
        assert_eq!(license.left(), 0);
    }
}

#[test]
fn a_used_slot_and_an_early_seal_are_refused_and_cost_nothing() {
    let mut rng = ChaCha20Rng::seed_from_u64(24);
    let mut license = License::new(Keys::toy(), 3, Class::To15, &mut rng);
    let skipping = PlayRequest::padded(&license.pads, 5, Want::Play).unwrap();
    assert_eq!(license.send(skipping, &mut rng), Ok(true));
    let before = license.state.clone();
    for slot in 0..=5 {
        let request = PlayRequest::padded(&license.pads, slot, Want::Play).unwrap();
        let refused = PlayError::SlotUsed { used: slot, next: 6 };
        assert_eq!(license.send(request, &mut rng), Err(refused));
    }
    let sealed = PlayRequest::sealed(&Keys::toy().opening, Want::Play, &mut rng);
    assert_eq!(license.send(sealed, &mut rng), Err(PlayError::PadsLeft { next: 6 }));
    assert!(license.state == before);
    assert_eq!(license.left(), 2);
}

#[test]
fn a_release_belongs_to_its_license_its_play_and_its_key() {
    let mut rng = ChaCha20Rng::seed_from_u64(25);
    let keys = Keys::toy();
    let license = License::new(keys, 3, Class::To15, &mut rng);
    let request = license.request(Want::Play, &mut rng);
    let context = context(1);
    let (_, release) = play(
        &keys.evaluation,
        &license.state,
        &request,
        &license.share,
        &context,
        &mut rng,
    )
    .unwrap();
    assert!(keys.opening.open(&release, &context).is_some());
    let mut other_play = context;
    other_play.play_id[0] ^= 1;
    let mut other_license = context;
    other_license.license[31] ^= 1;
    for other in [other_play, other_license] {
        assert!(keys.opening.open(&release, &other).is_none());
    }
    assert!(Keys::product().opening.open(&release, &context).is_none());

    let mut damaged = release.clone();
    damaged.sealed_share[3] ^= 1;
    assert!(keys.opening.open(&damaged, &context).is_none());
}

#[test]
fn another_gate_key_is_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(26);
    let other = Keys::make(&INSECURE_TOY, 27);
    let license = License::new(Keys::toy(), 3, Class::To15, &mut rng);
    let request = license.request(Want::Play, &mut rng);
    let refused = play(
        &other.evaluation,
        &license.state,
        &request,
        &license.share,
        &context(1),
        &mut rng,
    );
    assert!(matches!(refused, Err(PlayError::KeyMismatch)));
    assert!(matches!(
        fold(&other.evaluation, &license.state),
        Err(PlayError::KeyMismatch)
    ));
    assert_eq!(other.gate.left(&license.state.view()), Err(CountError::OtherKey));
}

/// A relay that stored something else is told from a count that plays leave behind, as far as a range can tell.
#[test]
fn an_impossible_count_is_named() {
    let mut rng = ChaCha20Rng::seed_from_u64(28);
    let license = License::new(Keys::toy(), 3, Class::To15, &mut rng);
    let mut view = license.state.view();
    assert_eq!(Keys::toy().gate.left(&view), Ok(3));
    for units in [18u64, 29, 31] {
        view.low = lwe::Stored::pack(&lwe::Lwe::trivial(units << 59));
        assert_eq!(Keys::toy().gate.left(&view), Err(CountError::Impossible), "{units}");
    }
}
