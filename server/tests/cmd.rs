//! Help, and what else needs no running relay, as `tests/cmd/*.trycmd` have it.
#![cfg(unix)] // other systems have other words for a file that is not there

use testkit::printed::Program;

const RELAY: Program = Program {
    name: "latchkey-relay",
    path: env!("CARGO_BIN_EXE_latchkey-relay"),
    files: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cmd"),
    place: "LATCHKEY_DATA_DIR",
};

#[test]
fn the_relay_prints_what_the_files_say() {
    RELAY.prints_what_the_files_say();
}

#[test]
fn every_page_of_the_relays_help_is_in_a_file() {
    RELAY.has_every_page_of_help_in_a_file(15);
}
