//! From words to a command, and what is said of words that are none.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, FromArgMatches};

use crate::args::{self, Cli, Global};
use crate::exit::{Exit, Failure};
use crate::render::{self, Render};

/// The flags that ask for help.
const HELP: [&str; 2] = ["-h", "--help"];
/// What may stand behind the command `help`: those, and the flag that makes no difference to it.
const BEHIND_HELP: [&str; 3] = ["-h", "--help", "--json"];

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
    let error = match try_parse(words) {
        Err(error) if asks_about_help(&error) => try_parse(&about_help(words)),
        outcome => outcome,
    };
    let error = match error {
        Ok(cli) => return Ok(cli),
        Err(error) => without_secrets(with_right_tip(error, words)),
    };
    let json = is_json(words);
    if error.kind() == ErrorKind::UnknownArgument && asks_about_send(words) {
        let mut command = definition();
        if let Some(send) = command.find_subcommand_mut("send") {
            return Err(printed(send.print_long_help(), json));
        }
    }
    if error.use_stderr() {
        if json {
            render::usage_object(&error.render().to_string());
        } else {
            // Where nothing can be said the exit code says it.
            let _ = error.print();
        }
        return Err(Exit::Usage.into());
    }
    // Help that was asked for is no error.
    Err(printed(
        match error.kind() {
            ErrorKind::DisplayVersion if json => render::version_object(env!("CARGO_PKG_VERSION")),
            _ => error.print(),
        },
        json,
    ))
}

fn try_parse(words: &[OsString]) -> Result<Cli, clap::Error> {
    let mut matches = definition().try_get_matches_from(words)?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut definition()))
}

fn definition() -> Command {
    args::command(render::columns_for_help())
}

/// The exit code of help: who redirects it into a full disk is told that it is not there.
fn printed(said: io::Result<()>, json: bool) -> ExitCode {
    let said = said.and_then(|()| io::stdout().flush());
    let Err(failure) = said.map_err(Failure::Io) else {
        return ExitCode::SUCCESS;
    };
    let global = Global {
        home: None,
        relay: None,
        pin: None,
        passphrase_file: None,
        json,
        allow_plain_http: false,
    };
    if !failure.is_broken_pipe() {
        Render::new(&global, false).failure(&failure);
    }
    failure.exit().into()
}

/// Behind `help` the library takes everything for a command.
fn asks_about_help(error: &clap::Error) -> bool {
    let typed = error.get(ContextKind::InvalidSubcommand);
    matches!(typed, Some(ContextValue::String(typed)) if BEHIND_HELP.contains(&typed.as_str()))
}

/// `help --help` as `help help`, and `help send --json` as `help send`.
fn about_help(words: &[OsString]) -> Vec<OsString> {
    let mut words: Vec<OsString> = words.to_vec();
    let asks = words.iter().any(|word| HELP.iter().any(|flag| word == flag));
    words.retain(|word| BEHIND_HELP.iter().all(|flag| word != flag));
    if asks && words.last().is_some_and(|last| last == "help") {
        words.push("help".into());
    }
    words
}

/// What follows a message was to be a part of it. The library's tip is to put it behind `--`, where there is no room for it either.
fn with_right_tip(mut error: clap::Error, words: &[OsString]) -> clap::Error {
    // An option that lacks its value may have been meant as the message.
    let lacks = error.kind() == ErrorKind::InvalidValue
        && matches!(error.get(ContextKind::InvalidValue), Some(ContextValue::String(value)) if value.is_empty());
    if lacks && words.iter().any(|word| word == "send") {
        let tip = "a message that is also the name of an option goes behind `--`: send NAME -- MESSAGE";
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    let follows = error.kind() == ErrorKind::UnknownArgument && error.get(ContextKind::SuggestedArg).is_none();
    if follows && words.iter().any(|word| word == "send") {
        let tip = "put a message of several words in quotes";
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
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
    fn of(command: &Command, said: &str) -> bool {
        command.get_arguments().any(|argument| argument.to_string() == said)
            || command.get_subcommands().any(|command| of(command, said))
    }
    of(&definition(), said)
}

/// `send --help`: behind a name it is a message.
fn asks_about_send(words: &[OsString]) -> bool {
    words
        .windows(2)
        .any(|pair| pair[0] == "send" && HELP.iter().any(|flag| pair[1] == *flag))
}

fn is_json(words: &[OsString]) -> bool {
    words
        .iter()
        .take_while(|word| *word != "--")
        .any(|word| word == "--json" || word.to_str().is_some_and(|word| word.starts_with("--json=")))
}
