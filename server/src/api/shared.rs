//! What all topics of the contract share.

use poem_openapi::{Tags, types::Base64};

/// Sections of the contract.
#[derive(Tags)]
pub enum Section {
    /// Accounts and sessions: a client claims a name, and signs in, by proving that it holds the identity key.
    Accounts,
    /// Key bundles: what a sender needs to begin a conversation.
    Keys,
    /// Messages: sealed envelopes, kept until they are acknowledged.
    Messages,
    /// Play limits: the relay releases its share of a content key a limited number of times. It counts them, or computes on the count without knowing it.
    Plays,
    /// Gate keys: a sender's keys with which the relay computes on limits that it cannot read.
    GateKeys,
    /// The relay itself.
    Relay,
}

/// Binary in JSON: standard base64 with padding.
pub type Bytes = Base64<Vec<u8>>;
