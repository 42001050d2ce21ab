//! What the tests of several crates share. Only `dev-dependencies` may name this crate: `cargo xtask check` asks cargo whether that is so.
//!
//! | room | what is in it |
//! |---|---|
//! | [`relay`] | a relay in this process, on data of its own, which can be stopped and started again |
//! | [`user`] | a registered account without a client around it: what a modified or hostile program can do |
//! | [`mod@line`] | a way to a relay that stays where it is, and can be cut, records, loses, alters, repeats or falls silent |
//! | [`clock`] | the moment at which tests begin, and the clocks that they turn |
//! | [`disk`] | the files below a folder, and whether bytes are in them, in any form in which bytes travel; copies |
//! | [`small_disk`] | a file system of a test's own, which is filled or made read-only |
//! | [`machine`] | what a test does less than it should, because of its machine |
//! | [`seed`] | randomness that a failed test names, so that the same run can be had again |
//! | [`printed`] | what a program prints is what its files say |
//! | [`readme`] | a README that shows code is held to it |
//! | [`wait`] | until something is so, with a bound |
//!
//! What the tests of one crate alone use stays with them:
//!
//! | place | what is in it |
//! |---|---|
//! | `server/tests/common` | users who sign by the specification's byte strings, independently of [`user`] and of the client; a gate without arithmetic |
//! | `server/tests/process` | the relay's program as a process, and what it says |
//! | `crates/client/tests/support` | a stage: relay, line, clock, and people by the engine; crashes at a step |
//! | `cli/tests/support` | a stage for the client's program; a terminal |
//! | `crates/protocol/tests/common` | a directory and people in memory, without a relay |
//!
//! Tests in a library's own `src` (or `tests/unit`) cannot use what here has a type of that library: cargo builds it twice for them.
//!
//! ```
//! use testkit::{disk, line::Line, relay::TestRelay};
//!
//! # #[tokio::main]
//! # async fn main() {
//! let relay = TestRelay::start().await;
//! let line = Line::to(relay.addr()).await;
//! line.record();
//! let client = sdk::connect(&line.url()).unwrap();
//! client.status().send().await.unwrap();
//! assert!(disk::contains(&line.recorded(), b"GET /v1/status HTTP/1.1"));
//! # }
//! ```

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests fail like tests, and say by what seed"
)]

pub mod clock;
pub mod disk;
pub mod line;
pub mod machine;
pub mod printed;
pub mod readme;
pub mod relay;
pub mod seed;
#[cfg(target_os = "linux")]
pub mod small_disk;
pub mod user;
pub mod wait;
