//! What names a message.

use std::fmt;

use minicbor::{Decode, Encode};

/// A message's id: the content's id, the same at both ends. Written like a UUID.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct MessageId(#[cbor(with = "minicbor::bytes")] pub [u8; 16]);

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        uuid::Uuid::from_bytes(self.0).hyphenated().fmt(f)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageId({self})")
    }
}

impl MessageId {
    /// Whether `text` (hexadecimal, hyphens anywhere or nowhere, any case) is this id or its beginning.
    #[must_use]
    pub fn starts_with(&self, text: &str) -> bool {
        let wanted: String = text
            .chars()
            .filter(|c| *c != '-')
            .map(|c| c.to_ascii_lowercase())
            .collect();
        !wanted.is_empty() && hex::encode(self.0).starts_with(&wanted)
    }
}
