//! Tests that need what the crate keeps to itself: keys, sessions, records. `src/` declares them by their path, each as a child of the module that it looks into.

mod golden;
mod limits;
mod secrecy;

/// Deterministic randomness.
pub(crate) fn rng(seed: u64) -> rand_chacha::ChaCha20Rng {
    rand_core::SeedableRng::seed_from_u64(seed)
}
