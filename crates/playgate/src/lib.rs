#![cfg_attr(all(feature = "client", feature = "relay"), doc = include_str!("../README.md"))]
//!
//! # What a play limit can and cannot do
//!
//! Read this before relying on one.
//!
//! The key of a limited message is derived from two 32-byte halves. The [`ContentShare`] travels inside the end-to-end envelope, where the
//! relay cannot see it. The [`PlayShare`] is deposited at the relay, which gives it out one play at a time and destroys it with the last.
//!
//! **It holds against:**
//!
//! - *The relay alone.* It has a share and never the other one, so it cannot read. Neither can a thief of its database.
//! - *Honest software.* Without a release nobody opens the message: not a peek, not a preview, not a search through the client's own vault, which
//!   keeps the content share and the ciphertext, and neither the play share nor the plaintext.
//! - *Casual forwarding.* A copied vault, envelope or backup does not bring a spent message back.
//! - *A lost answer.* A play is named by its play id; asking again under the same id costs nothing ([`counted`]).
//!
//! **It does not hold against:**
//!
//! - *The recipient's own device.* One granted play shows the message. Whoever changes the client, photographs the screen or copies the text
//!   keeps what that one play showed. No software prevents this.
//! - *A relay that colludes with the recipient.* It can give the share out more often than it was told to, and the sender's count will
//!   not show it.
//! - *A relay that refuses.* It can keep the share and say that the limit is reached. What it cannot do is pass off another share unnoticed: the
//!   commitment inside the envelope makes that [`OpenError::RelayFault`], to be told apart from damaged content.
//!
//! So a play limit restrains honest software and casual forwarding, not a camera.
//!
//! # What counts as a play
//!
//! An explicit request to play, and nothing else. Receiving, listing, previewing and syncing never cost one.
//!
//! # The parts
//!
//! - [`share`]: the two halves, and the [`Capability`] that proves the right to ask.
//! - [`policy`]: what the sender allows, in the bytes that the content key is bound to.
//! - `content` (feature `client`): [`seal`] and [`open`].
//! - `counted` (feature `relay`): the counter behind the default mode, where the relay knows limit and count.
//!
//! - [`oblivious`]: the second mode, where the relay holds the limit only as a homomorphic ciphertext. The same shares, the same content key, the
//!   same answers, another release.
//!
//! This crate knows no users, no mail and no HTTP, reads no clock and has no randomness of its own.

pub mod capability;
#[cfg(feature = "client")]
pub mod content;
#[cfg(feature = "relay")]
pub mod counted;
#[cfg(any(feature = "client", feature = "relay"))]
pub mod oblivious;
pub mod policy;
pub mod share;

pub use capability::Capability;
#[cfg(feature = "client")]
pub use content::{OpenError, SealError, SealedContent, open, seal};
#[cfg(feature = "relay")]
pub use counted::{Counter, Exhausted, Play};
pub use policy::{Mode, PlayLimit, Policy, PolicyError};
pub use share::{ContentShare, PlayShare};
