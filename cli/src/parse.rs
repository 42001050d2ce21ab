//! From words to a command, and what is said of words that are none.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};

use crate::args::Cli;
use crate::render;

/// The longest word that is repeated when it is in the wrong place, in characters: no command and no option is longer, while an invitation has 32 and a token 43. A message or
/// a passphrase has words.
const REPEATED: usize = 20;
/// What of an error was typed, and not defined by the program.
const TYPED: [ContextKind; 3] = [
    ContextKind::InvalidSubcommand,
    ContextKind::InvalidArg,
    ContextKind::InvalidValue,
];

/// The command, or the exit code of a program that has said everything.
pub(crate) fn parse(words: &[OsString]) -> Result<Cli, ExitCode> {
    let error = match Cli::try_parse_from(words) {
        Ok(cli) => return Ok(cli),
        Err(error) => without_secrets(error),
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

/// The error without words that could be a secret: terminals are shared and recorded, and `--json` goes into logs.
fn without_secrets(mut error: clap::Error) -> clap::Error {
    let mut hidden = false;
    for kind in TYPED {
        let Some(ContextValue::String(typed)) = error.get(kind) else {
            continue;
        };
        if is_defined(typed) || !could_be_secret(typed) {
            continue;
        }
        let length = typed.chars().count();
        let said = format!("({length} characters that could be a secret, not shown)");
        error.insert(kind, ContextValue::String(said));
        hidden = true;
    }
    if hidden {
        // Suggestions repeat what was typed.
        error.remove(ContextKind::Suggested);
    }
    error
}

fn could_be_secret(typed: &str) -> bool {
    typed.chars().count() > REPEATED || typed.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// Whether this is an argument of the program, as errors call them: `--wait <SECONDS>`.
fn is_defined(said: &str) -> bool {
    fn of(command: &clap::Command, said: &str) -> bool {
        command.get_arguments().any(|argument| argument.to_string() == said)
            || command.get_subcommands().any(|command| of(command, said))
    }
    let mut command = Cli::command();
    command.build();
    of(&command, said)
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
