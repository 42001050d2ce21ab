//! Sending: what is encrypted and committed, and how it gets to the relay.

pub(super) mod answer;
pub(super) mod message;
pub(super) mod outbox;
