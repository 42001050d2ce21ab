//! Lengths of AES-256-GCM.

/// Bytes of an AES-256 key.
pub(super) const KEY_LENGTH: usize = 32;
/// Bytes of a nonce, of the one length that GCM does not hash (SP 800-38D, section 7.1).
pub(super) const NONCE_LENGTH: usize = 12;
/// Bytes of the tag at the end of a box.
pub const TAG_LENGTH: usize = 16;
