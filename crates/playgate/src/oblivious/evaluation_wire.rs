//! The evaluation key as it travels: seeds and bodies, and nothing with a length of its own.
//!
//! ```text
//! "LKGK" ‖ version ‖ parameter set ‖ gate key id[8]
//!   ‖ seeds[16 each]: bootstrap key pieces, key switch key, zero
//!   ‖ u48le bodies: bootstrap key, zero
//!   ‖ u32le bodies: key switch key
//! ```
//!
//! One length for each parameter set, so there is nothing to parse that could allocate: a hostile key is a wrong key of the right size. The bodies'
//! low 16 bits are dropped. That adds 6 % to the variance of the key's noise, which is uniform to ±2^17, and saves a quarter of the upload; it
//! is a function of the published key, so it tells nothing new.

use super::GATE_KEY_ID_LEN;
use super::lwe::SEED_LEN;
use super::params::{N, ParameterSet};

pub(crate) const MAGIC: &[u8; 4] = b"LKGK";
pub(crate) const HEAD_LEN: usize = MAGIC.len() + 2 + GATE_KEY_ID_LEN;
pub(crate) const BODY_LEN: usize = 6;

/// Body words of the bootstrap key: one level, two rows for each bit.
pub(crate) fn bootstrap_words(set: &ParameterSet) -> usize {
    set.small_dimension * set.pbs_level.0 * 2 * N
}

/// Body words of the key switch key.
pub(crate) fn keyswitch_words(set: &ParameterSet) -> usize {
    N * set.ks_level.0
}

/// Bytes of a key.
pub(crate) fn len(set: &ParameterSet) -> usize {
    HEAD_LEN + (set.pieces + 2) * SEED_LEN + (bootstrap_words(set) + N) * BODY_LEN + keyswitch_words(set) * 4
}
