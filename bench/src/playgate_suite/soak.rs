//! Random plays at the product's parameters against plain arithmetic: `bench playgate --soak 2000`.

use anyhow::{Result, ensure};
use playgate::oblivious::{Class, PAD_SLOTS, PlayContext, PlayRequest, PlayState, Want, fold, play};
use playgate::{PlayLimit, PlayShare};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::oblivious::Side;
use crate::table::{Row, Target};

/// Plays `requests` requests on licenses of random limits, on two threads.
pub fn run(requests: u32) -> Result<Vec<Row>> {
    let side = Side::make(7)?;
    let counts = std::thread::scope(|scope| {
        let side = &side;
        let threads = [1u64, 2].map(|seed| scope.spawn(move || soak(side, seed, requests.div_ceil(2))));
        threads.map(|thread| thread.join().unwrap_or_else(|_| anyhow::bail!("a play panicked")))
    });
    let mut sum = Count::default();
    for count in counts {
        let count = count?;
        sum.requests += count.requests;
        sum.granted += count.granted;
        sum.sealed += count.sealed;
        sum.wrong += count.wrong;
    }
    let row = |name: &str, value: u32| Row::new(format!("soak: {name}"), value.into(), "plays");
    Ok(vec![
        row("requests", sum.requests),
        row("granted", sum.granted),
        row("sealed", sum.sealed),
        row("wrong", sum.wrong).with(Target::AtMost(0.0)),
    ])
}

#[derive(Default)]
struct Count {
    requests: u32,
    granted: u32,
    sealed: u32,
    wrong: u32,
}

fn soak(side: &Side, seed: u64, requests: u32) -> Result<Count> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let opening = side.gate.opening_key();
    let mut count = Count::default();
    while count.requests < requests {
        let class = if rng.next_u32().is_multiple_of(2) {
            Class::To15
        } else {
            Class::To255
        };
        let below = if class == Class::To15 { 15 } else { 40 };
        let limit = PlayLimit::new((1 + rng.next_u32() % below) as u8)?;
        let (counter, pads) = side.gate.seal_as(limit, class, &mut rng);
        let share = PlayShare::generate(&mut rng);
        let mut state = PlayState::new(&counter);
        let (mut left, mut after) = (limit.get(), 0);
        while after < 3 && count.requests < requests {
            let want = if rng.next_u32().is_multiple_of(5) {
                Want::Decoy
            } else {
                Want::Play
            };
            // Half of the slots are skipped, so that both kinds of requests come.
            let slot =
                state.next_slot() + u16::from(rng.next_u32().is_multiple_of(2) && state.next_slot() + 1 < PAD_SLOTS);
            let request = PlayRequest::padded(&pads, slot, want).unwrap_or_else(|| {
                count.sealed += 1;
                PlayRequest::sealed(&opening, want, &mut rng)
            });
            let mut context = PlayContext {
                license: [0; 32],
                play_id: [0; 16],
            };
            rng.fill_bytes(&mut context.play_id);
            let (next, release) = play(&side.evaluation, &state, &request, &share, &context, &mut rng)?;
            let opened = opening.open(&release, &context);
            let expected = want == Want::Play && left > 0;
            left -= u8::from(expected);
            after += u32::from(left == 0);
            count.requests += 1;
            count.granted += u32::from(opened.is_some());
            let right = opened == expected.then(|| share.clone()) && side.gate.left(&next.view()) == Ok(left);
            count.wrong += u32::from(!right);
            ensure!(
                count.wrong < 10,
                "{} of {} plays were wrong",
                count.wrong,
                count.requests
            );
            state = PlayState::from_bytes(&next.to_bytes())?;
            if rng.next_u32().is_multiple_of(2) {
                state = fold(&side.evaluation, &state)?;
            }
        }
    }
    Ok(count)
}
