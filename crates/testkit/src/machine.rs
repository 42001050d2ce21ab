//! What the machine of the tests lacks.

use std::io::Write as _;

/// Says that a test does less than it should, because of its machine: past the capture of a test's output, in a line that `cargo xtask test` counts.
pub fn lowered(name: &str, why: &str) {
    let line = format!("\nlowered: {name}: {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
