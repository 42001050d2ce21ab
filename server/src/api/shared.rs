//! What all topics of the contract share.

use poem_openapi::{Tags, types::Base64};

/// Sections of the contract.
#[derive(Tags)]
pub enum Section {
    /// Accounts and sessions: a name is claimed, and signed in to, by proof of possession of an identity key.
    Accounts,
    /// Key bundles: what a sender needs to begin a conversation.
    Keys,
    /// Messages: sealed envelopes, kept until they are acknowledged.
    Messages,
    /// Play limits: a share of a content key, released a number of times that the relay counts, or computes on without knowing it.
    Plays,
    /// Gate keys: what the relay needs of a sender to compute on limits that it cannot read.
    GateKeys,
    /// The relay itself.
    Relay,
}

/// Binary in JSON: standard base64 with padding.
pub type Bytes = Base64<Vec<u8>>;
