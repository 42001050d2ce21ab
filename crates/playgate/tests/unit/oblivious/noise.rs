//! The noise of every step, measured against `docs/oblivious-analysis.md`. `cargo test noise -- --nocapture` shows the numbers.

use super::*;
use crate::oblivious::opening::phase;
use crate::oblivious::params::{BOX, N, UNIT};
use crate::oblivious::tables;

/// Variance of one coefficient of a rotation, relative to the torus: the model of the analysis, section 3.
fn rotation_variance() -> f64 {
    let base = 2f64.powi(23);
    // TUniform(17), and the 16 bits that the wire form drops.
    let key = ((2f64.powi(35) + 1.0) / 6.0 + 2f64.powi(32) / 12.0) / 2f64.powi(128);
    SMALL * 2.0 * N as f64 * (base * base + 2.0) / 12.0 * key + shared_variance()
}

/// Dimension of the small key.
const SMALL: f64 = 918.0;

/// The part of it that is multiplied with the key, and that neighbouring coefficients share: rounding to the 23 bits that are decomposed, and the
/// Fourier transform in 53 bits, as tfhe models it (`pbs_variance_132_bits_security_tuniform_fft_mul`).
fn shared_variance() -> f64 {
    let big = N as f64;
    let rounding = SMALL * (1.0 + big / 2.0) / (24.0 * 2f64.powi(46));
    let fourier = SMALL * 0.00705 * 2f64.powi(2 * (64 - 53) + 2 * 23 - 128) * big.powf(2.22003) * 2f64.powf(1.01827);
    rounding + fourier
}

/// Correlation of two coefficients `distance` apart: a bit of the key is a half on average, so half of what is multiplied with it is common.
fn correlation(distance: usize) -> f64 {
    shared_variance() / rotation_variance() * (0.5 - distance as f64 / N as f64)
}

/// Distance to the nearest multiple of `step`, relative to the torus.
fn error(phase: u64, step: u64) -> f64 {
    let rest = phase.wrapping_add(step / 2) % step;
    (rest as f64 - step as f64 / 2.0) / 2f64.powi(64)
}

fn variance(errors: &[f64]) -> f64 {
    errors.iter().map(|error| error * error).sum::<f64>() / errors.len() as f64
}

fn bits(keys: &Keys) -> Vec<u64> {
    let packed = keys.opening.to_bytes();
    (0..N).map(|i| u64::from(packed[i / 8] >> (i % 8) & 1)).collect()
}

#[test]
fn noise_of_a_rotation_and_of_its_readings() {
    let mut rng = ChaCha20Rng::seed_from_u64(40);
    let keys = Keys::product();
    let bits = bits(keys);
    let mut single = Vec::new();
    let mut product = Vec::new();
    let mut pair = Vec::new();
    for turn in 0..16u64 {
        let (counter, _) = keys.gate.seal(PlayLimit::new(15).unwrap(), &mut rng);
        let by = keys
            .evaluation
            .turn(&counter.counters()[0].clone().plus_plain(turn * UNIT));
        let turned = keys.evaluation.rotate(&tables::digit(), &by);
        let errors: Vec<f64> = (0..N)
            .map(|place| error(phase(&bits, &turned.read(place)), UNIT / 2))
            .collect();
        product.extend((0..N - BOX).map(|place| errors[place] * errors[place + BOX]));
        // Every place and the one a box before it, as "is something left" reads them at 0.
        pair.extend((BOX..N).map(|place| errors[place] - errors[place - BOX]));
        single.extend(errors);
    }
    let rotation = rotation_variance();
    let measured = variance(&single);
    let together = product.iter().sum::<f64>() / product.len() as f64 / measured;
    println!(
        "rotation: std 2^{:.2}, predicted 2^{:.2}; correlation a box apart {together:.3}, predicted {:.3}; two readings {:.2} times the variance, predicted {:.2}",
        measured.sqrt().log2(),
        rotation.sqrt().log2(),
        correlation(BOX),
        variance(&pair) / measured,
        2.0 * (1.0 - correlation(BOX)),
    );
    assert!(measured.sqrt() < 1.1 * rotation.sqrt());
    assert!(variance(&pair).sqrt() < 1.1 * (2.0 * rotation * (1.0 - correlation(BOX))).sqrt());
    // The two readings of opposite sign gain from the correlation; it has the predicted sign and size.
    assert!((together - correlation(BOX)).abs() < 0.12, "{together}");
}

/// What storing 32 of 64 bits adds, and what a deposited counter has.
#[test]
fn noise_of_what_is_stored_and_of_what_is_deposited() {
    let mut rng = ChaCha20Rng::seed_from_u64(41);
    let keys = Keys::product();
    let bits = bits(keys);
    let (mut fresh, mut stored) = (Vec::new(), Vec::new());
    for _ in 0..8 {
        let (counter, _) = keys.gate.seal(PlayLimit::new(200).unwrap(), &mut rng);
        let pads = (0..PAD_SLOTS as u8).filter_map(|slot| counter.pad(slot));
        for lwe in counter.counters().into_iter().chain(pads) {
            fresh.push(error(phase(&bits, &lwe), UNIT));
            stored.push(error(phase(&bits, &lwe::Stored::pack(&lwe).unpack()), UNIT));
        }
    }
    let rounding = ((1.0 + N as f64 / 2.0) / 12.0).sqrt() * 2f64.powi(-32);
    println!(
        "deposit: std 2^{:.2}; stored: std 2^{:.2}, predicted 2^{:.2}",
        variance(&fresh).sqrt().log2(),
        variance(&stored).sqrt().log2(),
        rounding.log2()
    );
    // TUniform(17): no less either, since limits and pads are hidden by it.
    let deposited = variance(&fresh).sqrt() * 2f64.powi(47);
    assert!((0.5..0.65).contains(&deposited), "{deposited}");
    fresh.sort_by(f64::total_cmp);
    fresh.dedup();
    // Of 224, to a precision of 2^-58; at random six are like another.
    assert!(fresh.len() > 200, "each has an error of its own: {}", fresh.len());
    assert!(variance(&stored).sqrt() < 1.6 * rounding);
    assert!(rounding < rotation_variance().sqrt() / 10_000.0);
}

/// Where the marker lies tells the drift of a granted play; the window of a denied one shows nothing but noise.
#[test]
fn noise_of_a_release_and_drift_of_its_window() {
    let mut rng = ChaCha20Rng::seed_from_u64(42);
    let keys = Keys::product();
    let mut license = License::new(keys, 15, Class::To15, &mut rng);
    let (mut drifts, mut noise) = (Vec::new(), Vec::new());
    for slot in 0..PAD_SLOTS {
        let want = if slot % 3 == 2 { Want::Decoy } else { Want::Play };
        let request = PlayRequest::padded(&license.pads, slot, want).unwrap();
        let (state, release) = play(
            &keys.evaluation,
            &license.state,
            &request,
            &license.share,
            &context(1),
            &mut rng,
        )
        .unwrap();
        license.state = state;
        let phases = keys.opening.phases(&release);
        let symbol = |phase: u16| (phase + 256) >> 9 & 3;
        match phases.iter().position(|phase| symbol(*phase) != 0) {
            Some(at) => drifts.push(64.0 - at as f64),
            None => noise.extend(phases.iter().map(|phase| error(u64::from(*phase) << 53, 1 << 62))),
        }
    }
    assert_eq!((drifts.len(), noise.len()), (15, 9 * tables::WINDOW));
    // Key switch of 32 bits, 4 levels of 4 bits, TUniform(13); centred modulus switch; norm 7 at the most: section 3 of the analysis.
    let keyswitch = N as f64 * 4.0 * (256.0 + 2.0) / 12.0 * ((2f64.powi(27) + 1.0) / 6.0) / 2f64.powi(64)
        + N as f64 / 2.0 / (12.0 * 2f64.powi(32));
    let switch = (1.0 + 918.0 / 4.0) / 12.0 / 2f64.powi(24);
    let drift = (7.0 * rotation_variance() + keyswitch + switch).sqrt() * 2.0 * N as f64;
    let (seen, released) = (variance(&drifts).sqrt(), variance(&noise).sqrt());
    let rounding = ((1.0 + N as f64 / 2.0) / 12.0).sqrt() * 2f64.powi(-11);
    println!(
        "drift: std {seen:.2} places, predicted {drift:.2}, margin 64; release: std 2^{:.2}, predicted 2^{:.2}, margin 2^-3",
        released.log2(),
        rounding.log2()
    );
    assert!(drift < 5.0);
    // Fifteen samples: four standard errors are 0.73 of the value.
    assert!(seen < 1.73 * drift);
    assert!(released < 1.1 * rounding);
}
