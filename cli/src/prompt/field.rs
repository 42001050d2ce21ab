//! A question that is answered by text.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use unicode_segmentation::UnicodeSegmentation;
use zeroize::Zeroizing;

use super::ask::{Question, Step};
use super::frame::{self, HELD, Rows, View, question, style, width, words};
use super::line::Line;

/// What stays when it was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stays {
    /// The question and the answer, or its beginning.
    Answer,
    /// The question alone.
    Nothing,
}

/// Turns text into an answer, or says what is wrong with it.
pub(super) type Check<'a, T> = Box<dyn Fn(&str) -> Result<T, String> + 'a>;

pub(super) struct Field<'a, T> {
    question: String,
    help: String,
    default: String,
    check: Check<'a, T>,
    line: Line,
    masked: bool,
    hidden: bool,
    lines: bool,
    keeps: bool,
    held: bool,
    stays: Stays,
    shown_as: fn(&str) -> String,
    wrong: Option<String>,
    answered: String,
}

impl<'a, T> Field<'a, T> {
    pub(super) fn new(question: &str, check: Check<'a, T>) -> Self {
        Self {
            question: question.to_owned(),
            help: String::new(),
            default: String::new(),
            check,
            line: Line::new(false),
            masked: false,
            hidden: false,
            lines: false,
            keeps: false,
            held: false,
            stays: Stays::Answer,
            shown_as: str::to_owned,
            wrong: None,
            answered: String::new(),
        }
    }

    pub(super) fn help(mut self, help: &str) -> Self {
        help.clone_into(&mut self.help);
        self
    }

    /// Taken when nothing is typed.
    pub(super) fn default(mut self, default: &str) -> Self {
        default.clone_into(&mut self.default);
        self
    }

    /// Text of several lines.
    pub(super) fn lines(mut self) -> Self {
        self.lines = true;
        self.line = Line::new(true);
        self
    }

    /// What was typed stays in it when it was answered, for the next time.
    pub(super) fn keeps(mut self) -> Self {
        self.keeps = true;
        self
    }

    /// What is in it.
    pub(super) fn text(&self) -> &str {
        self.line.text()
    }

    /// Stars for characters.
    pub(super) fn masked(mut self) -> Self {
        self.masked = true;
        self
    }

    /// Stars for what is typed, and the answer behind it: hands may go on with a secret.
    pub(super) fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    pub(super) fn stays(mut self, stays: Stays) -> Self {
        self.stays = stays;
        self
    }

    /// What stays of an answer.
    pub(super) fn shown_as(mut self, shown: fn(&str) -> String) -> Self {
        self.shown_as = shown;
        self
    }

    /// As if it had been typed before.
    pub(super) fn written(mut self, text: &str) -> Self {
        self.line.insert(text);
        self
    }

    fn edited(&mut self) -> Step<T> {
        self.wrong = None;
        Step::Stay
    }
}

impl<T> Question for Field<'_, T> {
    type Answer = T;

    fn enter(&mut self, more: bool) -> Step<T> {
        if more && !self.masked && !self.hidden {
            self.line.insert("\n");
            return self.edited();
        }
        let text = if self.line.is_empty() {
            Zeroizing::new(self.default.clone())
        } else {
            Zeroizing::new(self.line.text().to_owned())
        };
        match (self.check)(&text) {
            Ok(answer) => {
                if !self.masked {
                    self.answered = (self.shown_as)(&text);
                }
                if !self.keeps {
                    drop(self.line.take());
                }
                Step::Answer(answer)
            }
            Err(wrong) => {
                self.wrong = Some(wrong);
                if self.masked || self.hidden {
                    // Nobody can see what is wrong with it.
                    drop(self.line.take());
                }
                Step::Stay
            }
        }
    }

    fn key(&mut self, key: &KeyEvent) -> Step<T> {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            // Alt-Enter, Shift-Enter where the terminal tells it, Ctrl-J: a new line where there may be one.
            KeyCode::Enter if self.lines => self.line.insert("\n"),
            KeyCode::Char('j') if ctrl && self.lines => self.line.insert("\n"),
            KeyCode::Enter => return self.enter(false),
            KeyCode::Char('j') if ctrl => return self.enter(false),
            KeyCode::Char('d') if ctrl && self.line.is_empty() => return Step::Back,
            _ => {
                if !self.line.key(key) {
                    return Step::Stay;
                }
            }
        }
        self.edited()
    }

    fn paste(&mut self, text: &str) {
        self.line.paste(text);
        self.wrong = None;
    }

    fn hold(&mut self, held: bool) {
        self.held = held;
    }

    fn is_secret(&self) -> bool {
        self.masked
    }

    fn view(&self, columns: usize, rows: usize) -> View {
        let width = width(columns);
        let help = if self.held { HELD } else { &self.help };
        let mut lines = question(&self.question, width);
        let mut text = Rows::new(width);
        if let Some(last) = lines.pop() {
            text.begin(&last);
            text.begin(" ");
        }
        if self.line.is_empty() && !self.default.is_empty() {
            let default = format!("({})", crate::render::escape::line(&self.default));
            // On a row of its own where it does not fit behind the question, and as much of it as fits there.
            if text.place().1 + console::measure_text_width(&default) >= width {
                text.feed();
            }
            let default = console::truncate_str(&default, width.saturating_sub(1), "…");
            text.begin(&style().dim().apply_to(format!("{default} ")).to_string());
        }
        let mut cursor = text.place();
        for (at, cluster) in self.line.text().grapheme_indices(true) {
            if at == self.line.at() {
                cursor = text.place();
            }
            match cluster {
                _ if self.masked || self.hidden => text.push("*"),
                "\n" => text.feed(),
                cluster => text.push(cluster),
            }
        }
        if self.line.at() == self.line.text().len() {
            cursor = text.place();
        }
        cursor.0 += lines.len();
        lines.append(&mut text.lines);
        let below = match &self.wrong {
            Some(wrong) => paint(words(wrong, width), |text| style().red().apply_to(text).to_string()),
            None => paint(words(help, width), |text| style().dim().apply_to(text).to_string()),
        };
        let below = if self.wrong.is_none() && help.is_empty() {
            Vec::new()
        } else {
            below
        };
        // As much as fits, with the cursor's line.
        let room = rows.saturating_sub(1 + below.len()).max(1);
        let first = (cursor.0 + 1).saturating_sub(room);
        let mut shown: Vec<String> = lines.into_iter().skip(first).take(room).collect();
        shown.extend(below.into_iter().take(rows.saturating_sub(1)));
        View {
            lines: shown,
            cursor: Some((cursor.0 - first, cursor.1)),
        }
    }

    fn settled(&self) -> Option<String> {
        (self.stays == Stays::Answer).then(|| {
            let answer = if self.masked { "********" } else { &self.answered };
            frame::settled(&self.question, answer)
        })
    }
}

fn paint(lines: Vec<String>, paint: impl Fn(String) -> String) -> Vec<String> {
    lines.into_iter().map(paint).collect()
}
