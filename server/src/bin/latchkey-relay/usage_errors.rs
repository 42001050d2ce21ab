//! Mistakes on the command line, said without what could be a secret: a key instead of its file's path, an invitation or a token in the place of a command.

use std::ffi::OsString;

use clap::{
    ArgMatches, Command,
    error::{ContextKind, ContextValue, ErrorKind},
};
use server::config::redact;

/// The flags that ask for help.
const HELP: [&str; 2] = ["-h", "--help"];

/// What of an error was typed, and not defined by the program.
const TYPED: [ContextKind; 3] = [
    ContextKind::InvalidSubcommand,
    ContextKind::InvalidArg,
    ContextKind::InvalidValue,
];

/// What was typed, or what is to be said of it.
pub fn read(mut command: Command, words: Vec<OsString>) -> Result<ArgMatches, clap::Error> {
    command.build();
    let command = in_our_words(command);
    let outcome = match command.clone().try_get_matches_from(&words) {
        Err(error) if asks_about_help(&error) => command.try_get_matches_from(about_help(words)),
        outcome => outcome,
    };
    outcome.map_err(without_secrets)
}

/// The same with a sentence of ours for the command `help`, here and below: the library's has a plural in brackets.
fn in_our_words(command: Command) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|of| of.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| {
        let is_help = name == "help";
        command.mut_subcommand(name, |of| match in_our_words(of) {
            of if is_help => of.about("Print this help, or that of a command"),
            of => of,
        })
    })
}

/// Behind `help` the library takes everything for a command.
fn asks_about_help(error: &clap::Error) -> bool {
    let typed = error.get(ContextKind::InvalidSubcommand);
    matches!(typed, Some(ContextValue::String(typed)) if HELP.contains(&typed.as_str()))
}

/// `help --help` as `help help`, and `help check --help` as `help check`.
fn about_help(mut words: Vec<OsString>) -> Vec<OsString> {
    words.retain(|word| HELP.iter().all(|flag| word != flag));
    if words.last().is_some_and(|last| last == "help") {
        words.push("help".into());
    }
    words
}

/// The error with each part of it that could be a secret replaced by its length.
fn without_secrets(mut error: clap::Error) -> clap::Error {
    let mut hidden = false;
    for kind in TYPED {
        let Some(ContextValue::String(typed)) = error.get(kind) else {
            continue;
        };
        let said = if redact::is_secret(typed) {
            redact::shown(typed)
        } else {
            redact::without_userinfo(typed)
        };
        if said != *typed {
            hidden = true;
            error.insert(kind, ContextValue::String(said));
        }
    }
    if hidden {
        // Suggestions repeat what was typed.
        error.remove(ContextKind::Suggested);
        if error.kind() == ErrorKind::UnknownArgument {
            let tip = "the settings for a certificate and its key take the path of a file, not its content; a value that begins with a hyphen stands behind an equals sign";
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
        }
    }
    error
}
