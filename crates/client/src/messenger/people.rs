//! Contacts, and what is exchanged with them beside messages: delivery tokens, acknowledgements, successions.

pub(super) mod acknowledgements;
pub(super) mod contacts;
pub(super) mod succession;
pub(super) mod tokens;
