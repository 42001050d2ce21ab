//! The only module that prints. Text for people, or one JSON object a line for programs; results on standard output, everything else
//! (notices, errors, spinners) on standard error.
//!
//! Whatever a peer or a relay wrote goes through [`escape`] on its way out.

mod advice;
pub mod escape;
mod events;
mod gate;
pub(crate) mod messages;
mod people;
mod plural;
mod said;
mod secret;
mod status;
pub mod time;
mod working;
pub(crate) mod wrap;

use std::io::{self, IsTerminal, Write};

use client::Timestamp;
use client::vault::Ended;
use console::{Style, Term};
use serde_json::{Value, json};

use crate::args::Global;
use crate::exit::{Exit, Failure};

use plural::counted;
pub use said::without_options;
pub use working::Working;

/// How far a line is set off where it goes on in another row.
const HANG: usize = 2;

/// Where output goes, and in what form.
#[derive(Clone, Debug)]
pub struct Render {
    json: bool,
    menu: bool,
    program: String,
}

impl Render {
    /// Decides on colours once: on a terminal, unless `NO_COLOR` is set (no-color.org) or the terminal is a dumb one.
    #[must_use]
    pub fn new(global: &Global, menu: bool) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        console::set_colors_enabled(wanted && io::stdout().is_terminal());
        console::set_colors_enabled_stderr(wanted && io::stderr().is_terminal());
        Self {
            json: global.json,
            menu,
            program: program(global),
        }
    }

    /// What to do, as a command of this home, or where the menu has it.
    fn how(&self, command: &str, menu: &str) -> String {
        if self.menu {
            menu.to_owned()
        } else {
            self.command(command)
        }
    }

    /// A command of this home. It is copied, so it does not break into rows.
    fn command(&self, command: &str) -> String {
        format!("{} {command}", self.program).replace(' ', wrap::HELD)
    }

    /// What to do about a contact's identity.
    fn decide(&self, user: &str, choices: &[&str]) -> String {
        if self.menu {
            return format!("choose Contacts, then {user}");
        }
        let commands: Vec<String> = choices
            .iter()
            .map(|choice| self.command(&choice.replace("NAME", user)))
            .collect();
        commands.join(", or: ")
    }

    /// Whether programs read this.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Lines of text, in rows of the terminal.
    fn out(&self, text: &str) -> Result<(), Failure> {
        self.lines_as_they_are(&wrap::fold(text, columns(), HANG))
    }

    fn lines_as_they_are(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.write_all(b"\n")?;
        stdout.flush()?;
        Ok(())
    }

    fn object(&self, value: &Value) -> Result<(), Failure> {
        self.lines_as_they_are(&escape::json(&value.to_string()))
    }

    /// One or the other, as asked for.
    fn show(&self, object: impl FnOnce() -> Value, text: impl FnOnce() -> String) -> Result<(), Failure> {
        if self.json {
            self.object(&object())
        } else {
            self.out(&text())
        }
    }

    /// What was printed of something that is done: output that fails does not undo it, and a script that took it for a failure would do it again.
    ///
    /// # Errors
    /// What is no fault of the output.
    pub fn done(&self, printed: Result<(), Failure>, what: &str) -> Result<(), Failure> {
        match printed {
            Err(Failure::Io(error)) => {
                self.warning(&format!(
                    "{what}; that could not be printed ({error}). Do not do it again"
                ));
                Ok(())
            }
            other => other,
        }
    }

    /// A remark, on standard error. Whether anybody reads it does not matter.
    pub fn notice(&self, text: &str) {
        let mark = Style::new().for_stderr().cyan().apply_to("note:");
        self.remark("note", &mark.to_string(), text);
    }

    /// The same, and for programs also what it is about.
    pub fn notice_with(&self, text: &str, key: &str, about: &Value) {
        if self.json {
            let object = json!({ "note": wrap::free(text), key: about });
            let _ = writeln!(io::stderr().lock(), "{}", escape::json(&object.to_string()));
        } else {
            self.notice(text);
        }
    }

    /// A warning, on standard error.
    pub fn warning(&self, text: &str) {
        let mark = Style::new().for_stderr().yellow().bold().apply_to("warning:");
        self.remark("warning", &mark.to_string(), text);
    }

    /// Programs get an object whose one key says what it is.
    fn remark(&self, key: &str, mark: &str, text: &str) {
        let line = if self.json {
            escape::json(&json!({ key: wrap::free(text) }).to_string())
        } else {
            // Whoever wrote a part of it, a relay for example: here, so that no caller forgets.
            set_off(mark, key.len() + 2, &escape::paragraph(text))
        };
        let _ = writeln!(io::stderr().lock(), "{line}");
    }

    /// A failure, on standard error.
    pub fn failure(&self, failure: &Failure) {
        let text = escape::line(&said::said(failure, self.menu));
        let advice = self.advice(failure);
        if self.json {
            let mut object = json!({ "error": text, "exit": failure.exit() as u8 });
            if !advice.is_empty() {
                object["advice"] = advice.iter().map(|line| wrap::free(line)).collect();
            }
            let _ = writeln!(io::stderr().lock(), "{}", escape::json(&object.to_string()));
            return;
        }
        let mark = Style::new().for_stderr().red().bold().apply_to("error:");
        let all = [vec![text], advice].concat().join("\n");
        let _ = writeln!(
            io::stderr().lock(),
            "{}",
            set_off(&mark.to_string(), "error: ".len(), &all)
        );
    }

    /// Bytes that are a file's.
    ///
    /// # Errors
    /// Standard output.
    pub fn raw(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes)?;
        Ok(stdout.flush()?)
    }

    /// Plain lines of the interactive client.
    ///
    /// # Errors
    /// Standard output.
    pub fn text(&self, text: &str) -> Result<(), Failure> {
        self.out(text)
    }

    /// Rows that were made for this screen.
    ///
    /// # Errors
    /// Standard output.
    pub(crate) fn rows(&self, rows: &[String]) -> Result<(), Failure> {
        self.lines_as_they_are(&rows.join("\n"))
    }

    /// How many rows the terminal has to which results go, if they go to one.
    pub(crate) fn rows_of_screen(&self) -> Option<usize> {
        let screen = Term::stdout();
        (screen.is_term() && !self.json).then(|| screen.size().0.into())
    }

    /// A headline of the interactive client.
    ///
    /// # Errors
    /// Standard output.
    pub fn headline(&self, text: &str) -> Result<(), Failure> {
        self.out(&format!("\n{}", Style::new().bold().apply_to(text)))
    }

    /// How much was deleted.
    ///
    /// # Errors
    /// Standard output.
    pub fn cleared(&self, deleted: u64) -> Result<(), Failure> {
        self.show(
            || json!({ "deleted": deleted }),
            || format!("{} deleted at the relay", counted(deleted, "message")),
        )
    }

    /// The passphrase was changed.
    ///
    /// # Errors
    /// Standard output.
    pub fn passphrase_changed(&self) -> Result<(), Failure> {
        self.show(
            || json!({ "passphrase": "changed" }),
            || "The passphrase was changed.".to_owned(),
        )
    }
}

/// This version, for programs.
///
/// # Errors
/// Standard output.
pub fn version_object(version: &str) -> io::Result<()> {
    writeln!(
        io::stdout().lock(),
        "{}",
        json!({ "name": "latchkey", "version": version })
    )
}

/// What was wrong with a command line, for programs: the first paragraph is the error, the rest says what would have been right.
pub fn usage_object(text: &str) {
    let mut lines = text.lines().map(str::trim);
    let error: Vec<&str> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
    let error = error.join(" ");
    let advice: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    let mut object = json!({
        "error": escape::line(error.strip_prefix("error: ").unwrap_or(&error)), "exit": Exit::Usage as u8,
    });
    if !advice.is_empty() {
        object["advice"] = json!(advice);
    }
    let _ = writeln!(io::stderr().lock(), "{}", escape::json(&object.to_string()));
}

/// How wide help is; where it goes to no terminal, as wide as it may be.
#[must_use]
pub fn columns_for_help() -> usize {
    columns().unwrap_or(usize::MAX)
}

/// The command with the home that it was given; one from the environment is there for the next command too.
fn program(global: &Global) -> String {
    match &global.home {
        Some(home) if std::env::var_os("LATCHKEY_HOME").is_none_or(|from| from != *home.as_os_str()) => {
            format!("latchkey --home {}", quoted(&home.display().to_string()))
        }
        _ => "latchkey".to_owned(),
    }
}

/// For a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | '@' | ':');
    if text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", escape::line(text).replace('\'', "'\\''"))
    }
}

/// A remark behind its mark. Its other lines, and the rows of the terminal on which it goes on, stand under its first word.
fn set_off(mark: &str, width: usize, text: &str) -> String {
    let mut lines = text.lines();
    let first = format!("{mark} {}", lines.next().unwrap_or_default());
    let all: Vec<String> = std::iter::once(first)
        .chain(lines.map(|line| format!("{}{line}", " ".repeat(width))))
        .collect();
    wrap::fold(&all.join("\n"), columns_of_stderr(), width)
}

/// `name  value` lines.
fn table(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines: Vec<String> = rows
        .iter()
        .map(|(name, value)| format!("{}  {value}", Style::new().dim().apply_to(format!("{name:width$}"))))
        .collect();
    wrap::fold(&lines.join("\n"), columns(), width + 2)
}

/// An id's beginning: enough to type, nearly always unique.
fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

/// Why a limited message opens no more, in a word.
fn ended_word(ended: Option<Ended>) -> &'static str {
    match ended {
        None => "active",
        Some(Ended::Exhausted) => "exhausted",
        Some(Ended::Revoked) => "revoked",
        Some(Ended::Expired) => "expired",
    }
}

/// A point in time for people.
fn date(at: Timestamp) -> String {
    time::utc(at.as_millis())
}

/// How large the terminal is.
fn terminal_size() -> (usize, usize) {
    let (rows, columns) = Term::stdout().size();
    (rows.into(), columns.into())
}

/// How wide the terminal is to which results go, if they go to one.
fn columns() -> Option<usize> {
    columns_of(&Term::stdout())
}

fn columns_of_stderr() -> Option<usize> {
    columns_of(&Term::stderr())
}

fn columns_of(term: &Term) -> Option<usize> {
    term.is_term().then(|| term.size().1.into())
}
