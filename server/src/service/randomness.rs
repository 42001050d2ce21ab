//! Randomness.

use super::{Refusal, Result};

/// Randomness of the operating system.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|error| {
        tracing::error!(%error, "the operating system gives no randomness");
        Refusal::Internal
    })
}
