//! The gate of `playgate::oblivious`, in bytes.

use playgate::{
    PlayShare,
    oblivious::{
        Class, EvaluationKey, PlayContext, PlayError, PlayRequest, PlayState, SealedCounter, WireError, fold, play,
    },
};
use rand_chacha::ChaCha20Rng;

use super::gate::{Admitted, Computed, Gate, GateContext, GateError, LoadedKey};

/// The gate.
#[derive(Debug, Clone, Copy, Default)]
pub struct Homomorphic;

impl Gate for Homomorphic {
    fn load(&self, bytes: &[u8]) -> Result<Box<dyn LoadedKey>, String> {
        let key = EvaluationKey::load(bytes).map_err(|error| error.to_string())?;
        Ok(Box::new(Loaded(key)))
    }

    fn admit(&self, sealed: &[u8]) -> Result<Admitted, String> {
        let counter = SealedCounter::from_bytes(sealed).map_err(|error| error.to_string())?;
        let state = PlayState::new(&counter);
        let class = match state.class() {
            Class::To15 => 15,
            Class::To255 => 255,
        };
        Ok(Admitted {
            class,
            state: state.to_bytes(),
        })
    }

    fn check_request(&self, request: &[u8]) -> Result<(), String> {
        PlayRequest::from_bytes(request)
            .map(drop)
            .map_err(|error| error.to_string())
    }

    fn view(&self, state: &[u8]) -> Result<Vec<u8>, GateError> {
        Ok(PlayState::from_bytes(state)?.view().to_bytes())
    }
}

struct Loaded(EvaluationKey);

impl LoadedKey for Loaded {
    fn bytes(&self) -> u64 {
        self.0.loaded_bytes() as u64
    }

    fn play(
        &self,
        state: &[u8],
        request: &[u8],
        share: &PlayShare,
        context: &GateContext,
        rng: &mut ChaCha20Rng,
    ) -> Result<Computed, GateError> {
        let state = PlayState::from_bytes(state)?;
        let request = PlayRequest::from_bytes(request)?;
        let context = PlayContext {
            license: context.license,
            play_id: context.play_id,
        };
        let (state, release) = play(&self.0, &state, &request, share, &context, rng)?;
        Ok(Computed {
            state: state.to_bytes(),
            folded: state.is_folded(),
            release: release.to_bytes(),
        })
    }

    fn fold(&self, state: &[u8]) -> Result<Vec<u8>, GateError> {
        Ok(fold(&self.0, &PlayState::from_bytes(state)?)?.to_bytes())
    }
}

impl From<WireError> for GateError {
    fn from(error: WireError) -> Self {
        Self::Mismatch(error.to_string())
    }
}

impl From<PlayError> for GateError {
    fn from(error: PlayError) -> Self {
        match error {
            PlayError::SlotUsed { next, .. } | PlayError::PadsLeft { next } => Self::Slot { next },
            other => Self::Mismatch(other.to_string()),
        }
    }
}
