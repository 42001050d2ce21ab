//! The fuzz targets, as plain functions: libFuzzer drives them (`fuzz_targets/`), and `cargo test` replays the committed corpus through them
//! on any toolchain.
//!
//! | target | input | what must hold |
//! |---|---|---|
//! | [`records`] | edits of a record of the vault; or bytes | it is refused, or what it decodes to is written and read again as the same |
//! | [`play_limits`] | edits of a license, state, view, request, release, key or policy; or bytes | it is refused, or written as it was; opening and counting do not panic |
//! | [`query`] | the query of a send | what the quick way reads from it is what the framework reads |
//! | [`relay_log`] | changes of a write-ahead log of the relay's; or bytes | a sound log is readable, and a frame that was altered below later commits is found |
//!
//! Panics are how a fuzz target speaks, so this crate asserts and unwraps.

#[path = "../../../protocol/fuzz/src/edit.rs"]
pub mod edit;
pub mod play_limits;
pub mod query;
pub mod records;
pub mod relay_log;

/// A fuzz target.
pub type Target = fn(&[u8]);

/// Every target by name.
pub const TARGETS: [(&str, Target); 4] = [
    ("records", records::run),
    ("play_limits", play_limits::run),
    ("query", query::run),
    ("relay_log", relay_log::run),
];

/// Bytes that are a genuine value with edits, or stand as they are: the first byte of the rest says which.
fn altered(genuine: &[u8], script: &mut edit::Script<'_>, donors: &[&[u8]]) -> Vec<u8> {
    match script.byte() % 4 {
        0 => script.bytes(usize::MAX).to_vec(),
        _ => edit::apply(genuine, script, donors),
    }
}
