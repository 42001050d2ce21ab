//! Randomness of tests: new in each run, and the same again by the seed that a failed test shows.

use std::cell::RefCell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// What all randomness of this run comes from: fresh, or `LATCHKEY_TEST_SEED`, 64 hexadecimal digits.
fn seed() -> [u8; 32] {
    static SEED: OnceLock<[u8; 32]> = OnceLock::new();
    *SEED.get_or_init(|| {
        let mut seed = [0; 32];
        match std::env::var("LATCHKEY_TEST_SEED") {
            Ok(given) => hex::decode_to_slice(given, &mut seed).expect("LATCHKEY_TEST_SEED is 64 hexadecimal digits"),
            Err(_) => getrandom::fill(&mut seed).unwrap(),
        }
        seed
    })
}

/// Randomness that is a function of the run's seed and the test, which has a thread of its own name; a failure shows the seed. (Threads of a runtime have
/// one name and share the work as it comes: theirs differ from each other, and from run to run.)
#[must_use]
pub fn rng() -> ChaCha20Rng {
    static RUNTIME_THREADS: AtomicU64 = AtomicU64::new(0);
    thread_local! {
        static SOURCE: RefCell<ChaCha20Rng> = RefCell::new({
            let thread = std::thread::current();
            let name = thread.name().unwrap_or_default();
            let number = match name.contains("::") || name.contains('_') {
                true => 0,
                false => 1 + RUNTIME_THREADS.fetch_add(1, Ordering::Relaxed),
            };
            eprintln!("the same again: LATCHKEY_TEST_SEED={}", hex::encode(seed()));
            let parts = Sha256::new().chain_update(seed()).chain_update(number.to_be_bytes()).chain_update(name);
            ChaCha20Rng::from_seed(parts.finalize().into())
        });
    }
    SOURCE.with_borrow_mut(|source| {
        let mut seed = [0; 32];
        source.fill_bytes(&mut seed);
        ChaCha20Rng::from_seed(seed)
    })
}

/// So many bytes of it.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rng().fill_bytes(&mut bytes);
    bytes
}
