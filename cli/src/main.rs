//! The `latchkey` command.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    latchkey_cli::main()
}
