#![cfg_attr(feature = "session", doc = include_str!("../README.md"))]
//!
//! # The modules
//!
//! Suite 1: hybrid post-quantum handshakes and a sparse, alternating KEM ratchet, sans I/O. Nothing in this crate reads a clock, a file, a socket or a
//! global random number generator.
//!
//! | module | what |
//! |---|---|
//! | [`party`] | the front door for clients: an account and its conversations; envelopes and bundles in, envelopes and records out |
//! | [`address`], [`identity`], [`prekey`], [`succession`], [`claim`], [`play_receipt`] | public names, keys and signatures; all that a relay links (without the feature `session`) |
//! | [`handshake`], [`session`], [`ratchet`], [`envelope`] | how a session begins, moves on, and looks on the wire |
//! | [`content`], [`padding`] | what is inside |
//! | [`account`] | own identity and prekeys |
//! | [`primitives`], [`labels`] | the libraries' primitives behind types that are hard to misuse, and every domain separation string |
#![forbid(unsafe_code)]

#[cfg(feature = "session")]
pub mod account;
pub mod address;
pub mod claim;
#[cfg(feature = "session")]
pub mod content;
#[cfg(feature = "session")]
pub mod envelope;
pub mod error;
#[cfg(feature = "session")]
pub mod handshake;
pub mod identity;
#[cfg(feature = "session")]
mod inner;
pub mod labels;
mod merkle;
#[cfg(feature = "session")]
pub mod padding;
#[cfg(feature = "session")]
pub mod party;
#[cfg(feature = "session")]
pub mod pickle;
pub mod play_receipt;
pub mod prekey;
pub mod primitives;
#[cfg(feature = "session")]
pub mod ratchet;
#[cfg(feature = "session")]
pub mod session;
pub mod succession;
#[cfg(test)]
#[cfg(feature = "session")]
#[path = "../tests/unit/mod.rs"]
mod tests;
pub mod time;
mod wire;

pub use time::Timestamp;
