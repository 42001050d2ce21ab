//! Tests that need what the crate keeps to itself: keys, sessions, records. `src/` declares them by their path, each as a child of the module that it looks into.

mod golden;
mod limits;
mod secrecy;

/// Deterministic randomness.
pub(crate) fn rng(seed: u64) -> rand_chacha::ChaCha20Rng {
    rand_core::SeedableRng::seed_from_u64(seed)
}

/// Counts in front of a content, that acknowledge all before a position.
pub(crate) fn counts(previous: u32, before_previous: u32, end: (u32, u32)) -> crate::inner::Counts {
    crate::inner::Counts {
        previous,
        before_previous,
        acknowledged: crate::inner::Acknowledgement { end, holes: Vec::new() },
    }
}
