//! Where gate keys come from.

use playgate::oblivious::GateKey;
use rand_chacha::ChaCha20Rng;

/// Where gate keys come from: an argument, so that tests make one and use it everywhere.
pub trait GateKeySource: Send + Sync {
    /// A fresh secret. Quick.
    fn generate(&self, rng: &mut ChaCha20Rng) -> GateKey;
    /// What the relay computes with. Takes seconds; called on a thread where that does not matter.
    fn evaluation_key(&self, key: &GateKey, rng: &mut ChaCha20Rng, progress: &mut dyn FnMut(f32)) -> Vec<u8>;
}

/// Makes them.
#[derive(Clone, Copy, Debug, Default)]
pub struct FreshGateKeys;

impl GateKeySource for FreshGateKeys {
    fn generate(&self, rng: &mut ChaCha20Rng) -> GateKey {
        GateKey::generate(rng)
    }

    fn evaluation_key(&self, key: &GateKey, rng: &mut ChaCha20Rng, progress: &mut dyn FnMut(f32)) -> Vec<u8> {
        key.evaluation_key(rng, progress)
    }
}
