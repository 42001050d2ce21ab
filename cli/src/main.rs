//! The `latchkey` command.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    latchkey_cli::run(latchkey_cli::args::Cli::parse())
}
