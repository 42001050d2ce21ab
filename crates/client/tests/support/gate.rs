//! One gate key for everyone in a test binary: an evaluation key takes seconds to make.

use std::sync::OnceLock;

use latchkey_client::GateKeySource;
use playgate::oblivious::GateKey;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

static KEY: OnceLock<(Vec<u8>, Vec<u8>)> = OnceLock::new();

fn key() -> &'static (Vec<u8>, Vec<u8>) {
    KEY.get_or_init(|| {
        let mut rng = ChaCha20Rng::seed_from_u64(4);
        let key = GateKey::generate(&mut rng);
        (key.to_bytes().to_vec(), key.evaluation_key(&mut rng, &mut |_| ()))
    })
}

/// Its evaluation key.
pub fn evaluation_key() -> Vec<u8> {
    key().1.clone()
}

/// Always the same.
pub struct OneGateKey;

impl GateKeySource for OneGateKey {
    fn generate(&self, _: &mut ChaCha20Rng) -> GateKey {
        GateKey::from_bytes(&key().0).unwrap()
    }

    fn evaluation_key(&self, _: &GateKey, _: &mut ChaCha20Rng, progress: &mut dyn FnMut(f32)) -> Vec<u8> {
        progress(1.0);
        key().1.clone()
    }
}
