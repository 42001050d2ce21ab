//! What a question looks like on the screen, drawn over what it looked like before.

use console::{Style, measure_text_width};
use crossterm::cursor::{Hide, MoveToColumn, MoveUp, Show};
use crossterm::terminal::{Clear, ClearType};
use crossterm::{Command, terminal};

use crate::exit::Failure;
pub(super) use crate::render::wrap::room as width;
use crate::render::{escape, wrap};
use crate::terminal as line;

/// A terminal that does not say how large it is.
const SIZE: (u16, u16) = (80, 24);

/// Said while keys are not taken yet.
pub(super) const HELD: &str = "Read it first: keys count in a moment.";

/// Columns and rows of the terminal.
pub(super) fn size() -> (usize, usize) {
    let (columns, rows) = terminal::size()
        .ok()
        .filter(|(columns, rows)| *columns > 0 && *rows > 0)
        .unwrap_or(SIZE);
    (columns.into(), rows.into())
}

/// Lines, and where the cursor is; `None`: it is hidden.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) lines: Vec<String>,
    pub(super) cursor: Option<(usize, usize)>,
}

/// The place on the screen that belongs to a question.
#[derive(Debug, Default)]
pub(super) struct Frame {
    /// Widths of the lines that are there.
    drawn: Vec<usize>,
    /// The line in which the cursor is.
    row: usize,
}

impl Frame {
    pub(super) fn draw(&mut self, view: &View) -> Result<(), Failure> {
        let mut out = self.cleared();
        for (row, text) in view.lines.iter().enumerate() {
            if row > 0 {
                out.push_str("\r\n");
            }
            out.push_str(text);
        }
        let last = view.lines.len().saturating_sub(1);
        let (row, column) = view.cursor.unwrap_or((last, 0));
        if let Some(up @ 1..) = last.checked_sub(row) {
            ansi(&mut out, MoveUp(narrow(up)));
        }
        ansi(&mut out, MoveToColumn(narrow(column)));
        if view.cursor.is_some() {
            ansi(&mut out, Show);
        } else {
            ansi(&mut out, Hide);
        }
        self.drawn = view.lines.iter().map(|text| measure_text_width(text)).collect();
        self.row = row;
        Ok(line::show(out.as_bytes())?)
    }

    /// Nothing is left; the cursor stands where the question began.
    pub(super) fn erase(&mut self) -> Result<(), Failure> {
        let mut out = self.cleared();
        ansi(&mut out, Show);
        *self = Self::default();
        Ok(line::show(out.as_bytes())?)
    }

    /// This is left in its place.
    pub(super) fn settle(&mut self, text: &str) -> Result<(), Failure> {
        self.erase()?;
        Ok(line::show(format!("{text}\r\n").as_bytes())?)
    }

    fn cleared(&self) -> String {
        let mut out = String::new();
        // A terminal that became narrower broke the lines that were too long.
        let columns = size().0.max(1);
        let rows: usize = self
            .drawn
            .iter()
            .take(self.row)
            .map(|width| width.div_ceil(columns).max(1))
            .sum();
        if rows > 0 {
            ansi(&mut out, MoveUp(narrow(rows)));
        }
        ansi(&mut out, MoveToColumn(0));
        ansi(&mut out, Clear(ClearType::FromCursorDown));
        out
    }
}

fn ansi(out: &mut String, command: impl Command) {
    // Writing to a string does not fail.
    let _ = command.write_ansi(out);
}

fn narrow(number: usize) -> u16 {
    number.try_into().unwrap_or(u16::MAX)
}

/// The mark and the question before an answer.
pub(super) fn question(text: &str, width: usize) -> Vec<String> {
    let mut lines = words(&format!("? {text}"), width);
    if let Some(rest) = lines.first().and_then(|first| first.strip_prefix('?')) {
        lines[0] = format!("{}{rest}", style().green().apply_to("?"));
    }
    lines
}

/// Most rows that stay of a question and its answer: every choice fits, and what was typed may be longer.
const SETTLED: usize = 5;

/// What stays of a question that was answered.
pub(super) fn settled(question: &str, answer: &str) -> String {
    settled_in(question, answer, width(size().0))
}

fn settled_in(question: &str, answer: &str, width: usize) -> String {
    let (first, more) = match answer.split_once('\n') {
        Some((first, _)) => (first, " …"),
        None => (answer, ""),
    };
    let answer = format!("{}{more}", escape::line(first));
    let text = format!(
        "{} {question} {}",
        style().green().apply_to(">"),
        style().cyan().apply_to(answer)
    );
    // What goes on stands under the question.
    let mut rows: Vec<String> = words(&text, width.saturating_sub(HANG + 1))
        .into_iter()
        .enumerate()
        .map(|(row, text)| format!("{}{text}", if row == 0 { "" } else { "  " }))
        .collect();
    if rows.len() > SETTLED {
        rows.truncate(SETTLED);
        if let Some(last) = rows.last_mut() {
            last.push('…');
        }
    }
    // A style that was cut off with its end, or goes on in another row, ends here.
    let reset = if text.contains('\u{1b}') { "\u{1b}[0m" } else { "" };
    format!("{}{reset}", rows.join("\r\n"))
}

/// How far rows that go on are set off.
pub(super) const HANG: usize = 2;

pub(super) fn style() -> Style {
    Style::new().for_stderr()
}

/// Plain text, broken between words.
pub(super) fn words(text: &str, width: usize) -> Vec<String> {
    wrap::rows(text, width).into_iter().map(str::to_owned).collect()
}

/// Text in lines of a width, broken between characters.
#[derive(Debug)]
pub(super) struct Rows {
    width: usize,
    column: usize,
    pub(super) lines: Vec<String>,
}

impl Rows {
    pub(super) fn new(width: usize) -> Self {
        Self {
            width,
            column: 0,
            lines: vec![String::new()],
        }
    }

    /// Where the next character will stand.
    pub(super) fn place(&self) -> (usize, usize) {
        (self.lines.len() - 1, self.column)
    }

    /// Styled text that is not broken.
    pub(super) fn begin(&mut self, text: &str) {
        self.put(text, measure_text_width(text));
    }

    pub(super) fn feed(&mut self) {
        self.lines.push(String::new());
        self.column = 0;
    }

    /// One character as a person counts them, made harmless.
    pub(super) fn push(&mut self, cluster: &str) {
        let shown = if cluster == "\t" {
            "    ".to_owned()
        } else {
            escape::line(cluster)
        };
        let width = measure_text_width(&shown);
        if self.column + width > self.width && self.column > 0 {
            self.feed();
        }
        self.put(&shown, width);
    }

    fn put(&mut self, text: &str, width: usize) {
        if let Some(last) = self.lines.last_mut() {
            last.push_str(text);
        }
        self.column += width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_is_one_harmless_line() {
        let text = settled("Message:", "one\ntwo");
        assert!(text.ends_with("one …"), "{text}");
        assert!(!settled("To:", "\u{202e}evil").contains('\u{202e}'));
    }

    #[test]
    fn a_choice_stays_whole_in_rows_of_the_screen() {
        let (question, choice) = (
            "What now, and why now?",
            "It is the same on the other side, compared over another channel: verified",
        );
        for width in [39, 79] {
            let text = settled_in(question, choice, width);
            assert!(text.split("\r\n").all(|row| measure_text_width(row) <= width), "{text}");
            let plain = console::strip_ansi_codes(&text).replace("\r\n", " ");
            let words: Vec<&str> = plain.split_whitespace().collect();
            assert_eq!(words.join(" "), format!("> {question} {choice}"));
        }
        let long = settled_in("Message:", &"word ".repeat(500), 39);
        assert_eq!(long.split("\r\n").count(), SETTLED);
        assert!(console::strip_ansi_codes(&long).ends_with("word…"), "{long}");
    }
}
