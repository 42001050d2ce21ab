//! From words to a command, and what is said of words that are none.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::args::Cli;
use crate::render;

/// The command, or the exit code of a program that has said everything.
pub(crate) fn parse(words: &[OsString]) -> Result<Cli, ExitCode> {
    let error = match Cli::try_parse_from(words) {
        Ok(cli) => return Ok(cli),
        Err(error) => error,
    };
    if error.kind() == ErrorKind::UnknownArgument && asks_about_send(words) {
        let mut command = Cli::command();
        command.build();
        if let Some(send) = command.find_subcommand_mut("send") {
            let _ = send.print_long_help();
            return Err(ExitCode::SUCCESS);
        }
    }
    if error.use_stderr() && is_json(words) {
        render::usage_object(&error.render().to_string());
    } else {
        let _ = error.print();
    }
    // Help that was asked for is no error.
    Err(u8::try_from(error.exit_code()).unwrap_or(1).into())
}

/// `send --help`: behind a name it is a message.
fn asks_about_send(words: &[OsString]) -> bool {
    words
        .windows(2)
        .any(|pair| pair[0] == "send" && (pair[1] == "-h" || pair[1] == "--help"))
}

fn is_json(words: &[OsString]) -> bool {
    words
        .iter()
        .take_while(|word| *word != "--")
        .any(|word| word == "--json")
}
