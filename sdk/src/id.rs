//! Ids that are computed, never asked for.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use thiserror::Error;

/// Domain separation of mailbox ids.
const MAILBOX_LABEL: &[u8] = b"latchkey/1/mailbox";

/// The mailbox of a user: `SHA-256("latchkey/1/mailbox" ‖ user name)[..16]`. Names are never reused, so neither are mailboxes.
#[must_use]
pub fn mailbox_id(user: &str) -> [u8; 16] {
    let digest = Sha256::new().chain_update(MAILBOX_LABEL).chain_update(user).finalize();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    id
}

/// The id of a play license: the recipient's mailbox, by which the relay finds it, and 16 random bytes of the sender. 64 lower-case hex
/// digits on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LicenseId([u8; 32]);

/// A string that is no license id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a license id is 64 lower-case hex digits")]
pub struct BadLicenseId;

impl LicenseId {
    /// A new id for a message to `user`, from 16 fresh random bytes.
    #[must_use]
    pub fn new(user: &str, random: [u8; 16]) -> Self {
        let mut id = [0; 32];
        id[..16].copy_from_slice(&mailbox_id(user));
        id[16..].copy_from_slice(&random);
        Self(id)
    }

    /// The id as it travelled inside an envelope.
    #[must_use]
    pub fn from_bytes(id: [u8; 32]) -> Self {
        Self(id)
    }

    /// All 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for LicenseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl From<LicenseId> for String {
    fn from(id: LicenseId) -> Self {
        id.to_string()
    }
}

impl FromStr for LicenseId {
    type Err = BadLicenseId;

    fn from_str(text: &str) -> Result<Self, BadLicenseId> {
        let mut id = [0; 32];
        hex::decode_to_slice(text, &mut id).map_err(|_| BadLicenseId)?;
        // One spelling for each id: upper case is refused.
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            Err(BadLicenseId)
        } else {
            Ok(Self(id))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf 'latchkey/1/mailboxalice' | sha256sum`
    const ALICE: &str = "686872304e5be297e5fb138310926d09";

    #[test]
    fn a_mailbox_is_the_hash_of_its_label_and_name() {
        assert_eq!(hex::encode(mailbox_id("alice")), ALICE);
        assert_ne!(mailbox_id("alice"), mailbox_id("alicf"));
    }

    #[test]
    fn a_license_id_begins_with_the_recipients_mailbox() {
        let id = LicenseId::new("alice", [0xab; 16]);
        assert_eq!(id.to_string(), format!("{ALICE}{}", "ab".repeat(16)));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(LicenseId::from_bytes(*id.as_bytes()), id);
    }

    #[test]
    fn there_is_one_spelling() {
        for text in ["", "ab", &"AB".repeat(32), &"ab".repeat(33), &"g0".repeat(32)] {
            assert_eq!(text.parse::<LicenseId>(), Err(BadLicenseId), "{text}");
        }
    }
}
