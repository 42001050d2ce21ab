//! Who the relay is.

use protocol::{
    address::RelayName,
    identity::{Fingerprint, IdentityKey},
};

/// The relay's own identity.
#[derive(Debug, Clone)]
pub struct RelayIdentity {
    /// The part after the @ in addresses here.
    pub name: RelayName,
    /// The public key.
    pub key: IdentityKey,
    /// Its fingerprint, which clients pin.
    pub fingerprint: Fingerprint,
}
