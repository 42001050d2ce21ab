//! The oblivious gate, the counter of the counted mode and plain arithmetic give the same answers.

use super::*;

/// Plays one license with decoys among the plays, folding or not, until it is spent and a few times more, or for `most` requests.
fn agree(license: &mut License<'_>, limit: u8, most: u32, rng: &mut ChaCha20Rng) -> u32 {
    let mut counter = Counter::new(PlayLimit::new(limit).unwrap());
    let (mut left, mut after, mut sent) = (limit, 0, 0);
    while after < 3 && sent < most {
        let want = if below(5, rng) == 0 { Want::Decoy } else { Want::Play };
        // A slot may be skipped: its request was lost before it reached the relay.
        if below(8, rng) == 0 {
            license.state.next_slot = (license.state.next_slot + 1).min(PAD_SLOTS as u8);
        }
        let request = license.request(want, rng);
        let granted = license.send(request, rng).unwrap();
        sent += 1;

        let counted = want == Want::Play && counter.turn().is_ok();
        let plain = want == Want::Play && left > 0;
        assert_eq!(
            (granted, counted),
            (plain, plain),
            "limit {limit}, {left} left, request {sent}"
        );
        left -= u8::from(plain);
        after += u32::from(left == 0);
        assert_eq!(license.left(), left, "limit {limit}, request {sent}");
        if below(2, rng) == 0 {
            license.fold();
            assert!(license.state.is_folded());
            assert_eq!(license.left(), left, "limit {limit}, request {sent}, folded");
        }
    }
    sent
}

#[test]
fn thousands_of_plays_at_the_toy_set() {
    let mut rng = ChaCha20Rng::seed_from_u64(11);
    let mut sent = 0;
    while sent < 2_000 {
        let (limit, class) = match below(4, &mut rng) {
            0 => (1 + below(15, &mut rng), Class::To15),
            1 => (1 + below(15, &mut rng), Class::To255),
            // The second borrow and what lies around it.
            2 => (14 + below(20, &mut rng), Class::To255),
            _ => (1 + below(255, &mut rng), Class::To255),
        };
        let limit = u8::try_from(limit).unwrap();
        let mut license = License::new(Keys::toy(), limit, class, &mut rng);
        sent += agree(&mut license, limit, 300, &mut rng);
    }
}

#[test]
fn dozens_of_plays_at_the_products_set() {
    let mut rng = ChaCha20Rng::seed_from_u64(12);
    for (limit, class) in [
        (2, Class::To15),
        (15, Class::To15),
        (1, Class::To255),
        (18, Class::To255),
    ] {
        let mut license = License::new(Keys::product(), limit, class, &mut rng);
        agree(&mut license, limit, 12, &mut rng);
    }
}

/// A high digit that goes to zero, sealed requests, and the end, at the product's set.
#[test]
fn the_last_plays_of_a_long_license_at_the_products_set() {
    let mut rng = ChaCha20Rng::seed_from_u64(13);
    let mut license = License::new(Keys::product(), 17, Class::To255, &mut rng);
    // All pads but two were lost on the way.
    license.state.next_slot = PAD_SLOTS as u8 - 2;
    for play in 0..20u8 {
        let request = license.request(Want::Play, &mut rng);
        assert_eq!(request.slot().is_some(), play < 2);
        assert_eq!(license.send(request, &mut rng), Ok(play < 17), "play {play}");
        assert_eq!(license.left(), 17u8.saturating_sub(play + 1));
    }
}

#[test]
fn a_small_limit_can_hide_in_the_large_class_and_a_large_one_has_no_choice() {
    let mut rng = ChaCha20Rng::seed_from_u64(14);
    let gate = &Keys::toy().gate;
    let class =
        |limit, class, rng: &mut ChaCha20Rng| gate.seal_as(PlayLimit::new(limit).unwrap(), class, rng).0.class();
    assert_eq!(class(3, Class::To255, &mut rng), Class::To255);
    assert_eq!(class(16, Class::To15, &mut rng), Class::To255);
    assert_eq!(gate.seal(PlayLimit::new(15).unwrap(), &mut rng).0.class(), Class::To15);
}

#[test]
fn a_fold_on_a_folded_state_changes_nothing() {
    let mut rng = ChaCha20Rng::seed_from_u64(15);
    let mut license = License::new(Keys::toy(), 20, Class::To255, &mut rng);
    let before = license.state.clone();
    license.fold();
    assert!(license.state == before);
    let request = license.request(Want::Play, &mut rng);
    license.send(request, &mut rng).unwrap();
    assert!(!license.state.is_folded());
    license.fold();
    let folded = license.state.clone();
    license.fold();
    assert!(license.state == folded);
}
