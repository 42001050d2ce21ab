//! Every operation over real HTTP: what it does, and everything it refuses.

// Helpers of tests may panic like the tests themselves (clippy.toml exempts only the latter).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod accounts;
mod alike;
mod browsers;
#[path = "../common/mod.rs"]
mod common;
mod doors;
mod ended;
mod full;
mod keys;
mod mail;
mod malformed;
mod on_disk;
mod rates;
mod relay;
mod removed;
mod slow;
mod status;
mod strangers;
mod succession;
mod thin;
mod tokens;
mod waiting;

/// What is sent where the content does not matter.
const ENVELOPE: &[u8] = b"an envelope that nobody here can open";
