//! One of several, found by arrows or by typing a part of it.

use std::collections::VecDeque;
use std::fmt::Display;
use std::ops::Range;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::ask::{Question, Step};
use super::frame::{self, HANG, HELD, View, question, style, width, words};
use super::line::Line;

/// Entries on the screen at once: as many as one looks through.
const PAGE: usize = 12;

pub(super) struct List {
    question: String,
    labels: Vec<String>,
    /// Which of the labels match, in their order.
    shown: Vec<usize>,
    chosen: usize,
    filter: Line,
    held: bool,
    /// The last entry is there whatever was typed: it is for what no other one is.
    last_stays: bool,
    /// The first of all lists: Esc goes nowhere.
    top: bool,
    answered: Option<usize>,
}

impl List {
    pub(super) fn new<T: Display>(question: &str, options: &[T]) -> Self {
        Self {
            question: question.to_owned(),
            labels: options.iter().map(ToString::to_string).collect(),
            shown: (0..options.len()).collect(),
            chosen: 0,
            filter: Line::new(false),
            held: false,
            last_stays: false,
            top: false,
            answered: None,
        }
    }

    /// With this entry chosen at first.
    pub(super) fn at(mut self, entry: usize) -> Self {
        self.chosen = entry.min(self.labels.len().saturating_sub(1));
        self
    }

    /// With a last entry that stays, however little it matches.
    pub(super) fn last_stays(mut self) -> Self {
        self.last_stays = true;
        self
    }

    /// What was typed to find an entry.
    pub(super) fn typed(&self) -> &str {
        self.filter.text().trim()
    }

    /// There is nothing to go back to.
    pub(super) fn top(mut self) -> Self {
        self.top = true;
        self
    }

    /// Other words for the same entries; what was typed and chosen stays.
    pub(super) fn relabel<T: Display>(&mut self, options: &[T]) {
        let before = self.shown.get(self.chosen).copied();
        self.labels = options.iter().map(ToString::to_string).collect();
        self.find();
        self.chosen = self.shown.iter().position(|entry| Some(*entry) == before).unwrap_or(0);
    }

    /// Entries in which every word that was typed occurs; those that begin with all of it come first.
    fn find(&mut self) {
        let wanted = self.filter.text().trim().to_lowercase();
        let matches = |label: &str| {
            let label = label.to_lowercase();
            wanted.split_whitespace().all(|word| label.contains(word))
        };
        let labels: Vec<usize> = (0..self.labels.len()).filter(|at| matches(&self.labels[*at])).collect();
        let (first, then): (Vec<usize>, Vec<usize>) = labels
            .into_iter()
            .partition(|at| self.labels[*at].to_lowercase().starts_with(&wanted));
        self.shown = [first, then].concat();
        let last = self.labels.len().saturating_sub(1);
        if self.last_stays && !self.shown.contains(&last) {
            self.shown.push(last);
        }
        self.chosen = 0;
    }

    /// The entries around the chosen one that fit into so many rows, and the rows of each: whole sentences, because a part of one is no choice.
    fn around(&self, room: usize, width: usize) -> (Range<usize>, VecDeque<Vec<String>>) {
        let rows = |at: usize| {
            let label = self.shown.get(at).and_then(|entry| self.labels.get(*entry))?;
            Some(words(label, width.saturating_sub(HANG)))
        };
        let mut there = self.chosen..self.chosen;
        let mut around: VecDeque<Vec<String>> = VecDeque::new();
        let (mut above, mut below) = (0, 0);
        if let Some(chosen) = rows(self.chosen) {
            below = chosen.len();
            around.push_back(chosen);
            there.end += 1;
        }
        let (mut up, mut down) = (true, true);
        while (up || down) && around.len() < PAGE {
            let fits = |entry: &Vec<String>| above + below + entry.len() <= room;
            // By turns, so that the chosen one stands in the middle where it can.
            if up && (above < below || !down) {
                match there.start.checked_sub(1).and_then(rows).filter(fits) {
                    Some(entry) => {
                        above += entry.len();
                        around.push_front(entry);
                        there.start -= 1;
                    }
                    None => up = false,
                }
            } else {
                match rows(there.end).filter(fits) {
                    Some(entry) => {
                        below += entry.len();
                        around.push_back(entry);
                        there.end += 1;
                    }
                    None => down = false,
                }
            }
        }
        (there, around)
    }

    fn moved(&mut self, to: usize) -> Step<usize> {
        self.chosen = to.min(self.shown.len().saturating_sub(1));
        Step::Stay
    }

    /// From the first entry to the last and on.
    fn turned(&mut self, forward: bool) -> Step<usize> {
        let count = self.shown.len().max(1);
        self.moved((self.chosen + if forward { 1 } else { count - 1 }) % count)
    }
}

impl Question for List {
    type Answer = usize;

    fn enter(&mut self, _more: bool) -> Step<usize> {
        match self.shown.get(self.chosen) {
            Some(entry) => {
                self.answered = Some(*entry);
                Step::Answer(*entry)
            }
            None => Step::Stay,
        }
    }

    fn key(&mut self, key: &KeyEvent) -> Step<usize> {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Up | KeyCode::BackTab => self.turned(false),
            KeyCode::Down | KeyCode::Tab => self.turned(true),
            KeyCode::Char('p') if ctrl => self.turned(false),
            KeyCode::Char('n') if ctrl => self.turned(true),
            KeyCode::PageUp => self.moved(self.chosen.saturating_sub(PAGE)),
            KeyCode::PageDown => self.moved(self.chosen + PAGE),
            KeyCode::Home => self.moved(0),
            KeyCode::End => self.moved(usize::MAX),
            KeyCode::Enter => self.enter(false),
            KeyCode::Char('j') if ctrl => self.enter(false),
            KeyCode::Char('d') if ctrl && self.filter.is_empty() => Step::Back,
            _ => {
                if self.filter.key(key) {
                    self.find();
                }
                Step::Stay
            }
        }
    }

    /// A menu is no place for a text that came from elsewhere: none of it may choose something.
    fn paste(&mut self, _text: &str) {}

    fn hold(&mut self, held: bool) {
        self.held = held;
    }

    fn view(&self, columns: usize, rows: usize) -> View {
        let width = width(columns);
        let mut lines = question(&self.question, width);
        if let Some(last) = lines.last_mut() {
            *last = format!("{last} {}", crate::render::escape::line(self.filter.text()));
            *last = console::truncate_str(last, width, "…").into_owned();
        }
        let cursor = lines
            .last()
            .map(|last| (lines.len() - 1, console::measure_text_width(last)));
        let help = if self.shown.is_empty() {
            "Nothing here matches what you typed; Backspace takes it back."
        } else if self.held {
            HELD
        } else if self.top {
            "Arrows move, Enter chooses, typing searches."
        } else {
            "Arrows move, Enter chooses, Esc goes back, typing searches."
        };
        let help = words(help, width);
        // The last row stays free for the cursor of what is printed next.
        let room = rows.saturating_sub(1 + lines.len() + help.len()).max(1);
        let (there, around) = self.around(room, width);
        for (at, entry) in there.clone().zip(around) {
            for (row, line) in entry.into_iter().enumerate() {
                let mark = match (row, at) {
                    (1.., _) => " ",
                    (_, at) if at == self.chosen => ">",
                    (_, at) if at == there.start && at > 0 => "^",
                    (_, at) if at + 1 == there.end && there.end < self.shown.len() => "v",
                    _ => " ",
                };
                let line = format!("{mark} {line}");
                lines.push(if at == self.chosen {
                    style().cyan().apply_to(line).to_string()
                } else {
                    line
                });
            }
        }
        lines.extend(help.into_iter().map(|line| style().dim().apply_to(line).to_string()));
        lines.truncate(rows.saturating_sub(1).max(1));
        View { lines, cursor }
    }

    fn settled(&self) -> Option<String> {
        self.answered
            .and_then(|entry| self.labels.get(entry))
            .map(|label| frame::settled(&self.question, label))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(list: &mut List, text: &str) {
        for c in text.chars() {
            let _ = list.key(&KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
        }
    }

    #[test]
    fn what_begins_with_the_words_comes_first() {
        let mut list = List::new("?", &["Do not send", "Send a message", "Quit"]);
        typed(&mut list, "send");
        assert!(matches!(list.enter(false), Step::Answer(1)));
    }

    #[test]
    fn without_a_match_it_says_so_and_enter_chooses_nothing() {
        let mut list = List::new("?", &["one", "two"]);
        typed(&mut list, "xyz");
        assert!(matches!(list.enter(false), Step::Stay));
        let view = list.view(80, 24);
        assert!(view.lines.iter().any(|line| line.contains("Nothing here matches")));
    }

    #[test]
    fn a_paste_chooses_nothing() {
        let mut list = List::new("?", &["one", "two"]);
        list.paste("two\r");
        assert!(matches!(list.enter(false), Step::Answer(0)));
    }

    /// Every entry can be read to its end, chosen or not, on a screen that has the rows for it.
    #[test]
    fn no_choice_is_cut_on_a_narrow_screen() {
        let labels: Vec<String> = (1..10_usize)
            .map(|n| format!("{n}: {}end{n}", "a choice of several words, ".repeat(n / 2)))
            .collect();
        for columns in [40, 80] {
            let mut list = List::new("Which of these sentences, of which some are long?", &labels);
            for _ in 0..labels.len() {
                let view = list.view(columns, 60);
                let plain: Vec<String> = view
                    .lines
                    .iter()
                    .map(|line| console::strip_ansi_codes(line).into_owned())
                    .collect();
                assert!(
                    plain.iter().all(|line| console::measure_text_width(line) < columns),
                    "{plain:?}"
                );
                let words = plain.join(" ").replace('>', " ");
                let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
                for label in &labels {
                    assert!(words.contains(label), "{columns}: {label:?} is cut in {plain:?}");
                }
                assert!(!words.contains('…'), "{words}");
                let _ = list.key(&KeyEvent::new(KeyCode::Down, KeyModifiers::NONE));
            }
        }
    }

    /// Where not all fit, what is chosen is there with its neighbours, and marks say that there are more.
    #[test]
    fn what_is_chosen_is_shown_whole_with_its_neighbours() {
        let labels: Vec<String> = (10..40)
            .map(|n| format!("{n} with words that take more than a row of this screen, {n}"))
            .collect();
        let mut list = List::new("Which?", &labels);
        for chosen in 10..40 {
            let view = list.view(40, 16);
            let text = view
                .lines
                .iter()
                .map(|line| console::strip_ansi_codes(line).into_owned());
            let text: Vec<String> = text.collect();
            assert!(text.len() < 16, "{text:?}");
            let at = text
                .iter()
                .position(|line| line.starts_with(&format!("> {chosen} ")))
                .unwrap();
            assert!(text[at + 1].ends_with(&format!("{chosen}")), "{text:?}");
            assert_eq!(text.iter().any(|line| line.starts_with('^')), chosen > 13, "{text:?}");
            assert!(text.last().is_some_and(|line| line.contains("searches")), "{text:?}");
            let _ = list.key(&KeyEvent::new(KeyCode::Down, KeyModifiers::NONE));
        }
    }

    #[test]
    fn it_fits_on_a_small_screen() {
        let options: Vec<String> = (0..50).map(|n| format!("{n} {}", "words ".repeat(20))).collect();
        let mut list = List::new(
            "a question that is longer than the screen is wide, twice over?",
            &options,
        );
        for _ in 0..60 {
            for (columns, rows) in [(40, 10), (20, 5), (1, 1)] {
                let view = list.view(columns, rows);
                assert!(view.lines.len() < rows.max(2), "{} of {rows}", view.lines.len());
                assert!(
                    view.lines
                        .iter()
                        .all(|line| console::measure_text_width(line) < columns.max(9)),
                    "{columns}"
                );
            }
            let _ = list.key(&KeyEvent::new(KeyCode::Down, KeyModifiers::NONE));
        }
    }
}
