//! Text under a cursor, and the keys that edit it. No terminal here.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use unicode_segmentation::UnicodeSegmentation;
use zeroize::Zeroizing;

/// Room from the start, so that a passphrase (at most 1024 bytes) is never moved to a larger buffer and left behind in the old one.
const ROOM: usize = 1024;

/// A text and a place in it, between two characters as a person counts them.
#[derive(Debug)]
pub(super) struct Line {
    text: Zeroizing<String>,
    at: usize,
    /// Whether a line break is a character like others.
    lines: bool,
}

impl Line {
    pub(super) fn new(lines: bool) -> Self {
        Self {
            text: Zeroizing::new(String::with_capacity(ROOM)),
            at: 0,
            lines,
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(super) fn take(&mut self) -> Zeroizing<String> {
        self.at = 0;
        std::mem::replace(&mut self.text, Zeroizing::new(String::with_capacity(ROOM)))
    }

    /// At the cursor. Line breaks of any kind are one kind, and a space where there is one line only. What a person cannot type is left out: a
    /// terminal would act on it.
    pub(super) fn insert(&mut self, text: &str) {
        let mut clean = Zeroizing::new(String::with_capacity(text.len()));
        let mut behind_return = false;
        for c in text.chars() {
            let pair = behind_return && c == '\n';
            behind_return = c == '\r';
            match c {
                '\n' if pair => {}
                '\r' | '\n' => clean.push(if self.lines { '\n' } else { ' ' }),
                '\t' => clean.push('\t'),
                c if c.is_control() => {}
                c => clean.push(c),
            }
        }
        self.text.insert_str(self.at, &clean);
        self.at += clean.len();
    }

    /// A paste. Behind it may stand the line break that was copied with a line: where there is one line only it is no part of it.
    pub(super) fn paste(&mut self, text: &str) {
        if self.lines {
            self.insert(text);
        } else {
            self.insert(text.trim_end_matches(['\r', '\n']));
        }
    }

    /// Edits, and says whether this was a key for that.
    pub(super) fn key(&mut self, key: &KeyEvent) -> bool {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        // AltGr is both there.
        let typed = !(ctrl || alt) || (cfg!(windows) && ctrl && alt);
        match key.code {
            KeyCode::Char(c) if typed => self.insert(c.encode_utf8(&mut [0; 4])),
            KeyCode::Left if ctrl || alt => self.at = self.word_left(),
            KeyCode::Right if ctrl || alt => self.at = self.word_right(),
            KeyCode::Char('b') if alt => self.at = self.word_left(),
            KeyCode::Char('f') if alt => self.at = self.word_right(),
            KeyCode::Left => self.at = self.left(),
            KeyCode::Right => self.at = self.right(),
            KeyCode::Char('b') if ctrl => self.at = self.left(),
            KeyCode::Char('f') if ctrl => self.at = self.right(),
            KeyCode::Home => self.at = self.start(),
            KeyCode::End => self.at = self.end(),
            KeyCode::Char('a') if ctrl => self.at = self.start(),
            KeyCode::Char('e') if ctrl => self.at = self.end(),
            KeyCode::Up if self.lines => self.at = self.beside(true),
            KeyCode::Down if self.lines => self.at = self.beside(false),
            KeyCode::Backspace if ctrl || alt => self.cut(self.word_left(), self.at),
            KeyCode::Char('w') if ctrl => self.cut(self.word_left(), self.at),
            KeyCode::Char('d') if alt => self.cut(self.at, self.word_right()),
            KeyCode::Backspace => self.cut(self.left(), self.at),
            KeyCode::Char('h') if ctrl => self.cut(self.left(), self.at),
            KeyCode::Delete => self.cut(self.at, self.right()),
            KeyCode::Char('d') if ctrl => self.cut(self.at, self.right()),
            KeyCode::Char('u') if ctrl => self.cut(self.start(), self.at),
            KeyCode::Char('k') if ctrl => self.cut(self.at, self.end()),
            _ => return false,
        }
        true
    }

    fn cut(&mut self, from: usize, to: usize) {
        self.text.replace_range(from..to, "");
        self.at = from;
    }

    fn left(&self) -> usize {
        let last = self.text[..self.at].graphemes(true).next_back();
        self.at - last.map_or(0, str::len)
    }

    fn right(&self) -> usize {
        let next = self.text[self.at..].graphemes(true).next();
        self.at + next.map_or(0, str::len)
    }

    fn word_left(&self) -> usize {
        let before = self.text[..self.at].trim_end();
        before.rfind(char::is_whitespace).map_or(0, |space| {
            space + before[space..].chars().next().map_or(0, char::len_utf8)
        })
    }

    fn word_right(&self) -> usize {
        let behind = &self.text[self.at..];
        let word = behind.len() - behind.trim_start().len();
        let end = behind[word..].find(char::is_whitespace);
        end.map_or(self.text.len(), |end| self.at + word + end)
    }

    /// Where the line begins in which the cursor is.
    fn start(&self) -> usize {
        self.text[..self.at].rfind('\n').map_or(0, |at| at + 1)
    }

    fn end(&self) -> usize {
        self.text[self.at..]
            .find('\n')
            .map_or(self.text.len(), |length| self.at + length)
    }

    /// The same place in the line above or below.
    fn beside(&self, up: bool) -> usize {
        let column = self.text[self.start()..self.at].graphemes(true).count();
        let line = if up {
            match self.start().checked_sub(1) {
                Some(end) => {
                    let start = self.text[..end].rfind('\n').map_or(0, |at| at + 1);
                    start..end
                }
                None => return 0,
            }
        } else {
            let start = self.end() + 1;
            if start > self.text.len() {
                return self.text.len();
            }
            let end = self.text[start..].find('\n').map_or(self.text.len(), |at| start + at);
            start..end
        };
        let before: usize = self.text[line.clone()].graphemes(true).take(column).map(str::len).sum();
        line.start + before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(line: &mut Line, code: KeyCode, modifiers: KeyModifiers) -> bool {
        line.key(&KeyEvent::new(code, modifiers))
    }

    fn written(text: &str, lines: bool) -> Line {
        let mut line = Line::new(lines);
        line.insert(text);
        line
    }

    #[test]
    fn no_letter_with_ctrl_or_alt_is_typed() {
        for modifiers in [KeyModifiers::CONTROL, KeyModifiers::ALT] {
            for c in 'a'..='z' {
                let mut line = Line::new(true);
                press(&mut line, KeyCode::Char(c), modifiers);
                assert_eq!(line.text(), "", "{modifiers:?} {c}");
            }
        }
        let mut line = Line::new(false);
        press(&mut line, KeyCode::Char('E'), KeyModifiers::SHIFT);
        assert_eq!(line.text(), "E");
    }

    #[test]
    fn the_usual_keys_edit() {
        let ctrl = KeyModifiers::CONTROL;
        let mut line = written("one two three", false);
        press(&mut line, KeyCode::Char('w'), ctrl);
        assert_eq!(line.text(), "one two ");
        press(&mut line, KeyCode::Char('a'), ctrl);
        press(&mut line, KeyCode::Char('d'), ctrl);
        assert_eq!(line.text(), "ne two ");
        press(&mut line, KeyCode::Char('f'), KeyModifiers::ALT);
        press(&mut line, KeyCode::Char('k'), ctrl);
        assert_eq!(line.text(), "ne");
        press(&mut line, KeyCode::Char('e'), ctrl);
        press(&mut line, KeyCode::Char('u'), ctrl);
        assert_eq!(line.text(), "");
        let mut line = written("añ👩‍👩‍👧z", false);
        press(&mut line, KeyCode::Left, KeyModifiers::NONE);
        press(&mut line, KeyCode::Backspace, KeyModifiers::NONE);
        assert_eq!(line.text(), "añz", "a family is one character");
    }

    #[test]
    fn line_breaks_of_all_kinds_are_one_kind() {
        assert_eq!(written("a\r\nb\nc\rd\r\re", true).text(), "a\nb\nc\nd\n\ne");
        assert_eq!(written("a\r\nb\nc", false).text(), "a b c");
        let mut line = Line::new(false);
        line.paste("alice\r\n");
        assert_eq!(line.text(), "alice");
        assert_eq!(written("a\x1b[2Jb\tc\x07", true).text(), "a[2Jb\tc");
    }

    #[test]
    fn lines_are_walked() {
        let mut line = written("first\nab\nthird", true);
        press(&mut line, KeyCode::Up, KeyModifiers::NONE);
        line.insert("|");
        assert_eq!(line.text(), "first\nab|\nthird");
        press(&mut line, KeyCode::Up, KeyModifiers::NONE);
        line.insert("|");
        assert_eq!(line.text(), "fir|st\nab|\nthird");
        for _ in 0..3 {
            press(&mut line, KeyCode::Down, KeyModifiers::NONE);
        }
        assert_eq!(line.at(), line.text().len());
        for _ in 0..9 {
            press(&mut line, KeyCode::Up, KeyModifiers::NONE);
        }
        assert_eq!(line.at(), 0);
    }
}
