//! The gate as a whole: at a toy parameter set for numbers, at the product's for the truth.

use std::sync::OnceLock;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::params::{INSECURE_TOY, PRODUCT, ParameterSet};
use super::*;
use crate::counted::Counter;
use crate::share::PlayShare;

mod agreement;
mod hostile;
mod noise;
mod wire_forms;

/// Everyone's keys.
struct Keys {
    gate: GateKey,
    evaluation: EvaluationKey,
    opening: OpeningKey,
}

impl Keys {
    fn make(set: &'static ParameterSet, seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let gate = GateKey::generate_for(set, &mut rng);
        let wire = gate.evaluation_key(&mut rng, &mut |_| ());
        Self {
            evaluation: EvaluationKey::load(&wire).unwrap(),
            opening: gate.opening_key(),
            gate,
        }
    }

    /// Insecure, and ten times faster.
    fn toy() -> &'static Self {
        static KEYS: OnceLock<Keys> = OnceLock::new();
        KEYS.get_or_init(|| Self::make(&INSECURE_TOY, 1))
    }

    /// As users have them. One key for all tests: it takes seconds.
    fn product() -> &'static Self {
        static KEYS: OnceLock<Keys> = OnceLock::new();
        KEYS.get_or_init(|| Self::make(&PRODUCT, 2))
    }
}

/// One license and both sides of it.
struct License<'a> {
    keys: &'a Keys,
    pads: PadKey,
    share: PlayShare,
    state: PlayState,
    plays: u8,
}

impl<'a> License<'a> {
    fn new(keys: &'a Keys, limit: u8, class: Class, rng: &mut ChaCha20Rng) -> Self {
        let (counter, pads) = keys.gate.seal_as(PlayLimit::new(limit).unwrap(), class, rng);
        Self {
            keys,
            pads,
            share: PlayShare::generate(rng),
            state: PlayState::new(&SealedCounter::from_bytes(&counter.to_bytes()).unwrap()),
            plays: 0,
        }
    }

    /// The next request as an honest client makes it.
    fn request(&self, want: Want, rng: &mut ChaCha20Rng) -> PlayRequest {
        PlayRequest::padded(&self.pads, self.state.next_slot(), want)
            .unwrap_or_else(|| PlayRequest::sealed(&self.keys.opening, want, rng))
    }

    /// Computes, commits, and opens what came; everything crosses the wire. Whether the share came.
    fn send(&mut self, request: PlayRequest, rng: &mut ChaCha20Rng) -> Result<bool, PlayError> {
        let request = PlayRequest::from_bytes(&request.to_bytes()).unwrap();
        self.plays = self.plays.wrapping_add(1);
        let context = context(self.plays);
        let (state, release) = play(&self.keys.evaluation, &self.state, &request, &self.share, &context, rng)?;
        self.state = PlayState::from_bytes(&state.to_bytes()).unwrap();
        let release = PlayRelease::from_bytes(&release.to_bytes()).unwrap();
        let opened = self.keys.opening.open(&release, &context);
        assert!(opened.as_ref().is_none_or(|share| *share == self.share));
        Ok(opened.is_some())
    }

    fn fold(&mut self) {
        self.state = fold(&self.keys.evaluation, &self.state).unwrap();
    }

    fn left(&self) -> u8 {
        let view = CounterView::from_bytes(&self.state.view().to_bytes()).unwrap();
        self.keys.gate.left(&view).unwrap()
    }
}

fn context(play: u8) -> PlayContext {
    PlayContext {
        license: [1; 32],
        play_id: [play; 16],
    }
}

/// One of `count`, evenly enough.
fn below(count: u32, rng: &mut ChaCha20Rng) -> u32 {
    rng.next_u32() % count
}
