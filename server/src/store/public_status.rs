//! What everybody is shown of the relay's numbers, as it is kept.

use protocol::Timestamp;

use crate::model::Bytes32;

/// The numbers, roughly: powers of two, within a factor of two of what there is once there are some hundreds; 0 stands for few.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoughNumbers {
    /// Accounts.
    pub accounts: u64,
    /// Envelopes that wait.
    pub messages_pending: u64,
    /// Licenses that can still be played.
    pub licenses_active: u64,
    /// Gate keys.
    pub gate_keys: u64,
}

/// What is shown for an hour, so that a relay that starts within it shows the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShownRow {
    /// When it was drawn.
    pub at: Timestamp,
    /// The numbers.
    pub numbers: RoughNumbers,
    /// Where the audit log ended.
    pub audit_head: Bytes32,
}
