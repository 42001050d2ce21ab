//! Mistakes on the command line, said without what could be a secret: a key instead of its file's path, an invitation or a token in the place of a command.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use server::config::redact;

/// What of an error was typed, and not defined by the program.
const TYPED: [ContextKind; 3] = [
    ContextKind::InvalidSubcommand,
    ContextKind::InvalidArg,
    ContextKind::InvalidValue,
];

/// The error with each part of it that could be a secret replaced by its length.
pub fn without_secrets(mut error: clap::Error) -> clap::Error {
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
