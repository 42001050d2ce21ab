//! Help, and what else needs no account, as `tests/cmd/*.trycmd` have it.
#![cfg(unix)] // other systems have other words for a file that is not there

use testkit::printed::Program;

const LATCHKEY: Program = Program {
    name: "latchkey",
    path: env!("CARGO_BIN_EXE_latchkey"),
    files: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cmd"),
    place: "LATCHKEY_HOME",
};

#[test]
fn latchkey_prints_what_the_files_say() {
    LATCHKEY.prints_what_the_files_say();
}

#[test]
fn every_page_of_latchkeys_help_is_in_a_file() {
    LATCHKEY.has_every_page_of_help_in_a_file(25);
}
