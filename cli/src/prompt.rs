//! The one front door for questions to a person at a terminal, drawn on standard error.
//!
//! `None` means that the person stepped back (Esc); Ctrl-C is [`Failure::Interrupted`]. What is pasted is text: no line of it answers a question, and none
//! of it chooses from a list.
//!
//! Who asks lets other processes use the home meanwhile (`Messenger::release`). Questions about what somebody's identity is keep it: the answer is about what
//! is on the screen.

mod ask;
mod field;
mod frame;
mod keys;
mod line;
mod list;

use std::fmt::Display;
use std::future::Future;

use client::vault::Passphrase;
use zeroize::Zeroizing;

use crate::exit::Failure;
use ask::{ask, ask_carefully};
use field::{Field, Stays};
use list::List;

/// Shorter passphrases are advised against, not refused: whose device it is knows what it is worth.
const ADVISED_CHARS: usize = 12;

/// How a question that was asked beside something else ended.
pub enum Beside<T, B> {
    /// An answer, or the person stepped back.
    Answered(Option<T>),
    /// The other thing was done first. Asked again, the question is as it was.
    Done(B),
}

/// What was typed before this is forgotten: it was meant for something else.
///
/// # Errors
/// The terminal.
pub fn forget_what_was_typed() -> Result<(), Failure> {
    ask::forget()
}

/// A line of text, to be corrected if it was answered `before`.
///
/// # Errors
/// Ctrl-C, or the terminal.
pub fn text(question: &str, help: &str, before: &str) -> Result<Option<String>, Failure> {
    checked(question, help, before, |text| Ok(text.to_owned()))
}

/// A line of text that has to mean something; what does not is said, and can be corrected, and so can what was answered `before`.
///
/// # Errors
/// Ctrl-C, or the terminal.
pub fn checked<T>(
    question: &str,
    help: &str,
    before: &str,
    check: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, Failure> {
    let field = Field::new(question, Box::new(check));
    ask(&mut field.help(help).written(before))
}

/// As [`checked`], and what stays on the screen is not what was typed: that is nobody else's business. Enter in an empty field means `usual`.
///
/// # Errors
/// Ctrl-C, or the terminal.
pub fn secretly<T>(
    question: &str,
    help: &str,
    usual: &str,
    before: &str,
    shown: fn(&str) -> String,
    check: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, Failure> {
    let field = Field::new(question, Box::new(check)).shown_as(shown);
    ask(&mut field.help(help).default(usual).written(before))
}

/// A line of text that is asked for again with what was typed in it, for who steps back and comes again.
pub struct Entry<T: 'static>(Field<'static, T>);

impl<T: 'static> Entry<T> {
    /// Not asked yet.
    #[must_use]
    pub fn new(question: &str, help: &str, default: &str, check: fn(&str) -> Result<T, String>) -> Self {
        let field = Field::new(question, Box::new(check));
        Self(field.help(help).default(default).keeps())
    }

    /// Asks for it.
    ///
    /// # Errors
    /// Ctrl-C, or the terminal.
    pub fn ask(&mut self) -> Result<Option<T>, Failure> {
        ask(&mut self.0)
    }
}

/// A message in the making, of any number of lines. However the question ends, what was written stays in it.
pub struct Draft(Field<'static, String>);

impl Draft {
    /// With what was written before.
    #[must_use]
    pub fn new(question: &str, help: &str, written: &str) -> Self {
        Self::checked(question, help, written, |text| Ok(text.to_owned()))
    }

    /// The same, and a message without a word is none.
    #[must_use]
    pub fn of_words(question: &str, help: &str, written: &str) -> Self {
        Self::checked(question, help, written, |text| {
            if text.trim().is_empty() {
                return Err("nothing is written yet; Esc goes back".to_owned());
            }
            Ok(text.to_owned())
        })
    }

    fn checked(question: &str, help: &str, written: &str, check: fn(&str) -> Result<String, String>) -> Self {
        let field = Field::new(question, Box::new(check)).lines().help(help);
        Self(field.written(written).keeps().stays(Stays::Nothing))
    }

    /// What is written.
    #[must_use]
    pub fn written(&self) -> &str {
        self.0.text()
    }

    /// Asks for it.
    ///
    /// # Errors
    /// Ctrl-C, or the terminal.
    pub fn ask(&mut self) -> Result<Option<String>, Failure> {
        ask(&mut self.0)
    }

    /// Asks for it while something else goes on.
    ///
    /// # Errors
    /// Ctrl-C, or the terminal.
    pub async fn ask_beside<B>(&mut self, other: impl Future<Output = B>) -> Result<Beside<String, B>, Failure> {
        Ok(match ask::ask_beside(&mut self.0, other).await? {
            ask::Beside::Answered(answer) => Beside::Answered(answer),
            ask::Beside::Done(done) => Beside::Done(done),
        })
    }
}

/// Yes or no.
///
/// # Errors
/// Ctrl-C, or the terminal.
pub fn confirm(question: &str, default: bool) -> Result<Option<bool>, Failure> {
    ask(&mut yes_or_no(question, default))
}

/// Yes or no to what cannot be undone. Enter alone is no, and no key counts that was typed before the question was there to be read.
///
/// # Errors
/// Ctrl-C, or the terminal.
pub fn confirm_carefully(question: &str) -> Result<Option<bool>, Failure> {
    ask_carefully(&mut yes_or_no(question, false).help("y and Enter: yes. Enter alone: no."))
}

fn yes_or_no(question: &str, default: bool) -> Field<'static, bool> {
    let (letters, usual) = if default { ("(Y/n)", "y") } else { ("(y/N)", "n") };
    let check = move |text: &str| match text.trim().to_lowercase().as_str() {
        "" => Ok(default),
        "y" | "yes" => Ok(true),
        "n" | "no" => Ok(false),
        _ => Err(format!("y or n; Enter alone means {usual}")),
    };
    let shown = if default { shown_as_yes } else { shown_as_no };
    Field::new(&format!("{question} {letters}"), Box::new(check)).shown_as(shown)
}

/// What stays of Enter alone.
fn shown_as_yes(text: &str) -> String {
    if text.trim().is_empty() { "y" } else { text }.to_owned()
}

fn shown_as_no(text: &str) -> String {
    if text.trim().is_empty() { "n" } else { text }.to_owned()
}

/// One of several.
///
/// # Errors
/// Ctrl-C, or the terminal.
pub fn choose<T: Display>(question: &str, options: Vec<T>) -> Result<Option<T>, Failure> {
    choose_from(question, options, 0)
}

/// One of several, of which this one is chosen at first.
///
/// # Errors
/// Ctrl-C, or the terminal.
pub fn choose_from<T: Display>(question: &str, mut options: Vec<T>, at: usize) -> Result<Option<T>, Failure> {
    let entry = ask(&mut List::new(question, &options).at(at))?;
    Ok(entry.map(|entry| options.swap_remove(entry)))
}

/// One of several, or the last one, which is for what is none of these: it stays, and what was typed comes with the answer.
///
/// # Errors
/// Ctrl-C, or the terminal.
pub fn choose_or_type<T: Display>(question: &str, mut options: Vec<T>) -> Result<Option<(T, String)>, Failure> {
    let mut list = List::new(question, &options).last_stays();
    let entry = ask(&mut list)?;
    Ok(entry.map(|entry| (options.swap_remove(entry), list.typed().to_owned())))
}

/// One of several that cannot be undone, or none of them: that stands first, and is the same as stepping back. No key counts that was typed before the
/// question was there to be read.
///
/// # Errors
/// Ctrl-C, or the terminal.
pub fn choose_carefully<T: Display>(question: &str, none: &str, mut options: Vec<T>) -> Result<Option<T>, Failure> {
    let labels: Vec<String> = std::iter::once(none.to_owned())
        .chain(options.iter().map(ToString::to_string))
        .collect();
    let entry = ask_carefully(&mut List::new(question, &labels))?;
    Ok(entry
        .and_then(|entry| entry.checked_sub(1))
        .map(|entry| options.swap_remove(entry)))
}

/// A list whose words may change while it is looked at.
pub struct Choices<T> {
    list: List,
    options: Vec<T>,
}

impl<T: Display + Clone> Choices<T> {
    /// These, with nothing to go back to.
    #[must_use]
    pub fn new(question: &str, options: Vec<T>) -> Self {
        Self {
            list: List::new(question, &options).top(),
            options,
        }
    }

    /// The same entries in other words.
    pub fn relabel(&mut self, options: Vec<T>) {
        self.list.relabel(&options);
        self.options = options;
    }

    /// Asks while something else goes on.
    ///
    /// # Errors
    /// Ctrl-C, or the terminal.
    pub async fn ask_beside<B>(&mut self, other: impl Future<Output = B>) -> Result<Beside<T, B>, Failure> {
        Ok(match ask::ask_beside(&mut self.list, other).await? {
            ask::Beside::Answered(entry) => Beside::Answered(entry.and_then(|entry| self.options.get(entry).cloned())),
            ask::Beside::Done(done) => Beside::Done(done),
        })
    }
}

/// The passphrase of an existing vault.
///
/// # Errors
/// Ctrl-C, or the terminal.
pub fn passphrase(question: &str) -> Result<Option<Passphrase>, Failure> {
    secret(question, "", |text| {
        if text.is_empty() {
            return Err("nothing was typed; Esc leaves".to_owned());
        }
        let text = Zeroizing::new(text.to_owned());
        Passphrase::new(text).map_err(|error| error.to_string())
    })
}

/// A new passphrase: asked for twice, with advice. Stepping back from the second time leads to the first.
///
/// # Errors
/// Ctrl-C, or the terminal.
pub fn new_passphrase() -> Result<Option<Passphrase>, Failure> {
    let help = "It encrypts everything kept here. There is no way to recover it.";
    let mut now = help.to_owned();
    loop {
        let Some(first) = secret("New passphrase:", &now, |text| Ok(Zeroizing::new(text.to_owned())))? else {
            return Ok(None);
        };
        help.clone_into(&mut now);
        let passphrase = match Passphrase::new(first.clone()) {
            Ok(passphrase) => passphrase,
            Err(error) => {
                now = error.to_string();
                continue;
            }
        };
        if passphrase.chars() < ADVISED_CHARS && !takes_short()? {
            continue;
        }
        match secret("Once more:", "", |text| Ok(Zeroizing::new(text.to_owned())))? {
            Some(second) if first == second => return Ok(Some(passphrase)),
            Some(_) => "The two do not match; start again.".clone_into(&mut now),
            None => {}
        }
    }
}

/// Whether a short passphrase is to be it: known before it is typed once more. Hands that go on with that instead show nothing.
fn takes_short() -> Result<bool, Failure> {
    let question = "That is short; several words are better. Use it anyway?";
    let answer = ask(&mut yes_or_no(question, false)
        .hidden()
        .help("y: use it. n: type another one."))?;
    Ok(answer == Some(true))
}

fn secret<T>(question: &str, help: &str, check: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, Failure> {
    ask(&mut Field::new(question, Box::new(check)).help(help).masked())
}
