//! The only file that names inquire: questions to a person at a terminal.
//!
//! `None` means that the person stepped back (Esc); Ctrl-C is [`Failure::Interrupted`].

use std::fmt::Display;

use client::vault::Passphrase;
use inquire::ui::RenderConfig;
use inquire::{Confirm, InquireError, Password, PasswordDisplayMode, Select, Text};
use zeroize::Zeroizing;

use crate::exit::Failure;

/// Shorter passphrases are advised against, not refused: whose device it is knows what it is worth.
const ADVISED_CHARS: usize = 12;
/// Entries of a list on the screen at once.
const PAGE: usize = 12;

/// Colours in prompts, or none at all.
pub fn set_colours(wanted: bool) {
    inquire::set_global_render_config(if wanted {
        RenderConfig::default_colored()
    } else {
        RenderConfig::empty()
    });
}

fn answer<T>(outcome: Result<T, InquireError>) -> Result<Option<T>, Failure> {
    match outcome {
        Ok(answer) => Ok(Some(answer)),
        Err(InquireError::OperationCanceled) => Ok(None),
        Err(InquireError::OperationInterrupted) => Err(Failure::Interrupted),
        Err(InquireError::IO(error)) => Err(Failure::Io(error)),
        Err(other) => Err(Failure::Usage(other.to_string())),
    }
}

/// A line of text.
///
/// # Errors
/// Ctrl-C, or the terminal.
pub fn text(question: &str, help: &str, default: Option<&str>) -> Result<Option<String>, Failure> {
    let mut prompt = Text::new(question);
    if !help.is_empty() {
        prompt = prompt.with_help_message(help);
    }
    if let Some(default) = default {
        prompt = prompt.with_default(default);
    }
    answer(prompt.prompt())
}

/// Yes or no.
///
/// # Errors
/// Ctrl-C, or the terminal.
pub fn confirm(question: &str, default: bool) -> Result<bool, Failure> {
    Ok(answer(Confirm::new(question).with_default(default).prompt())?.unwrap_or(false))
}

/// One of several.
///
/// # Errors
/// Ctrl-C, or the terminal.
pub fn choose<T: Display>(question: &str, options: Vec<T>) -> Result<Option<T>, Failure> {
    answer(Select::new(question, options).with_page_size(PAGE).prompt())
}

/// The passphrase of an existing vault.
///
/// # Errors
/// Ctrl-C, Esc, or the terminal.
pub fn passphrase(question: &str) -> Result<Passphrase, Failure> {
    let prompt = Password::new(question)
        .with_display_mode(PasswordDisplayMode::Masked)
        .without_confirmation();
    let text = answer(prompt.prompt())?.ok_or(Failure::Interrupted)?;
    Ok(Passphrase::new(Zeroizing::new(text))?)
}

/// A new passphrase: asked for twice, with advice.
///
/// # Errors
/// Ctrl-C, Esc, or the terminal.
pub fn new_passphrase() -> Result<Passphrase, Failure> {
    loop {
        let prompt = Password::new("New passphrase:")
            .with_display_mode(PasswordDisplayMode::Masked)
            .with_custom_confirmation_message("Once more:")
            .with_custom_confirmation_error_message("The two differ.")
            .with_help_message("It encrypts everything kept here. There is no way to recover it.");
        let text = Zeroizing::new(answer(prompt.prompt())?.ok_or(Failure::Interrupted)?);
        match Passphrase::new(text) {
            Ok(passphrase) if passphrase.chars() >= ADVISED_CHARS => return Ok(passphrase),
            Ok(passphrase) => {
                if confirm("That is short; several words are better. Use it anyway?", false)? {
                    return Ok(passphrase);
                }
            }
            Err(_) if confirm("A passphrase cannot be empty. Try again?", true)? => {}
            Err(error) => return Err(error.into()),
        }
    }
}
