//! Play limits: sealing them, playing under them, taking them back.

pub(super) mod counted;
pub(super) mod decoy_clock;
pub(super) mod decoys;
pub(super) mod gate_key_source;
pub(super) mod gate_keys;
pub(super) mod oblivious;
pub(super) mod playback;
pub(super) mod relay_receipts;
