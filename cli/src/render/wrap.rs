//! Text in rows of the terminal's width.
//!
//! A terminal that breaks a long line itself begins the next row at its left edge, where the client's own lines begin. So no line that holds another's words
//! is left to it. (textwrap does not serve: it counts a heart with a variation selector as one column, and breaks up characters of several code points.)

use std::borrow::Cow;
use std::ops::Range;

use console::{AnsiCodeIterator, Style};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthChar;

/// Narrower is treated as this: a mark and a character have to fit.
const NARROWEST: usize = 8;
/// Asks for a picture in two columns of a character that has one.
const PICTURE: char = '\u{fe0f}';

/// Room for a line: the last column stays free, because terminals differ in where the cursor is behind it.
#[must_use]
pub fn room(columns: usize) -> usize {
    columns.saturating_sub(1).max(NARROWEST)
}

/// One line in rows: broken behind the last word that fits, and between characters as a person counts them where a word is longer than a row. Styles count as
/// nothing. Spaces at a break are left out.
#[must_use]
pub fn rows(line: &str, width: usize) -> Vec<&str> {
    hanging(line, width, width)
}

/// As [`rows`], with another width for all but the first.
fn hanging(line: &str, first: usize, then: usize) -> Vec<&str> {
    let mut width = first.max(1);
    let mut rows = Vec::new();
    let (mut row, mut column) = (0..0, 0);
    for word in words(line) {
        if column + word.gap + word.width <= width {
            row.end = word.at.end;
            column += word.gap + word.width;
            continue;
        }
        // One that is longer than any row is broken anyhow, and goes on from here.
        let long = word.width > then && column + word.gap < width;
        if long && !row.is_empty() {
            row.end = word.at.start;
            column += word.gap;
        } else {
            if !row.is_empty() {
                rows.push(&line[row]);
                width = then.max(1);
            }
            (row, column) = (word.at.start..word.at.start, 0);
        }
        for atom in atoms(&line[word.at.clone()]) {
            let at = word.at.start + atom.at.start;
            if column + atom.width > width && column > 0 {
                rows.push(&line[row]);
                width = then.max(1);
                (row, column) = (at..at, 0);
            }
            row.end = word.at.start + atom.at.end;
            column += atom.width;
        }
    }
    rows.push(&line[row]);
    rows
}

/// A space at which a row does not break (U+00A0). Where it is shown it is an ordinary one.
pub(super) const HELD: &str = "\u{a0}";

/// With ordinary spaces alone.
pub(super) fn free(text: &str) -> String {
    text.replace(HELD, " ")
}

/// Lines of the client's own, in rows of the terminal. `None`: there is none, and lines stay as they are. What goes on in a further row is set off by `hang`.
#[must_use]
pub fn fold(text: &str, columns: Option<usize>, hang: usize) -> String {
    let Some(columns) = columns else {
        return free(text);
    };
    let width = room(columns);
    let hang = hang.min(width / 2);
    let set_off = format!("\n{}", " ".repeat(hang));
    let lines = text.split('\n').map(|line| {
        let rows = hanging(line, width, width - hang);
        rows.into_iter().map(steady).collect::<Vec<_>>().join(&set_off)
    });
    free(&lines.collect::<Vec<_>>().join("\n"))
}

/// A text of another's: each of its rows stands behind a bar, so that none can pass for a line of the client's. Without a terminal each of its lines is one.
#[must_use]
pub fn behind_bar(text: &str, columns: Option<usize>) -> String {
    let bar = Style::new().dim().apply_to(MARK).to_string();
    let put = |row: &str| format!("{bar} {row}").trim_end().to_owned();
    let rows: Vec<String> = match columns {
        None => text.lines().map(put).collect(),
        Some(columns) => tabless(text)
            .lines()
            .flat_map(|line| rows(line, room(columns).saturating_sub(BAR)))
            .map(|row| steady(&put(row)).into_owned())
            .collect(),
    };
    rows.join("\n")
}

/// Before each row of a text of another's.
pub(super) const MARK: char = '│';
/// Columns of the mark and the space behind it.
pub(super) const BAR: usize = 2;
/// From here on the terminal cuts a row that is too long, and up to there (DECAWM).
const CUTS: &str = "\u{1b}[?7l";
const BREAKS: &str = "\u{1b}[?7h";

/// With spaces for tabs: how far a tab goes depends on where it stands.
pub(super) fn tabless(text: &str) -> String {
    text.replace('\t', "    ")
}

/// A row that stays one where a terminal counts a character for more columns than we do: it is cut there and not broken. Of ASCII all think the same, and
/// for the mark the last column is left free.
pub(super) fn steady(row: &str) -> Cow<'_, str> {
    let dumb = || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let certain = row.chars().all(|c| c.is_ascii() || c == MARK);
    if certain || row.contains(CUTS) || dumb() {
        return row.into();
    }
    format!("{CUTS}{row}{BREAKS}").into()
}

/// Something that is not broken where it can be helped, and how many spaces stand before it.
struct Word {
    gap: usize,
    at: Range<usize>,
    width: usize,
}

fn words(line: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let (mut gap, mut open) = (0, false);
    for atom in atoms(line) {
        if &line[atom.at.clone()] == " " {
            (gap, open) = (gap + 1, false);
            continue;
        }
        // Scripts whose characters take two columns have no spaces between words, and break anywhere.
        let wide = atom.width > 1;
        match words.last_mut() {
            Some(word) if gap == 0 && (atom.width == 0 || open && !wide) => {
                word.at.end = atom.at.end;
                word.width += atom.width;
            }
            _ => words.push(Word {
                gap: std::mem::take(&mut gap),
                at: atom.at,
                width: atom.width,
            }),
        }
        open = !wide;
    }
    words
}

/// A character as a person counts them, or a change of style.
struct Atom {
    at: Range<usize>,
    width: usize,
}

fn atoms(line: &str) -> impl Iterator<Item = Atom> {
    let mut start = 0;
    AnsiCodeIterator::new(line).flat_map(move |(part, style)| {
        let from = start;
        start += part.len();
        let atoms: Vec<Atom> = if style {
            vec![Atom {
                at: from..from + part.len(),
                width: 0,
            }]
        } else {
            part.grapheme_indices(true)
                .map(|(at, cluster)| Atom {
                    at: from + at..from + at + cluster.len(),
                    width: most(cluster),
                })
                .collect()
        };
        atoms
    })
}

/// Columns that a character takes on the terminal that takes most for it: one that does not join pictures shows a family as three people.
fn most(cluster: &str) -> usize {
    let mut width = 0;
    let mut last = 0;
    for c in cluster.chars() {
        // The others make no difference where this makes none.
        let more = if c == PICTURE {
            usize::from(last == 1)
        } else {
            c.width().unwrap_or(0)
        };
        width += more;
        last = more;
    }
    width
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words_and_long_words_anywhere() {
        assert_eq!(rows("one two three", 7), ["one two", "three"]);
        assert_eq!(rows("one two  three", 8), ["one two", "three"]);
        assert_eq!(rows("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(rows("ab cd efghijk", 6), ["ab cd", "efghij", "k"]);
        assert_eq!(rows("ab efghijk", 6), ["ab efg", "hijk"]);
        assert_eq!(rows("", 4), [""]);
        assert_eq!(rows("  a  b", 80), ["  a  b"]);
        assert_eq!(rows("          a", 4), ["a"]);
        assert_eq!(rows("      ", 4), [""]);
    }

    #[test]
    fn characters_that_take_two_columns_are_counted_so_and_no_character_is_broken() {
        assert_eq!(rows("日本語", 4), ["日本", "語"]);
        assert_eq!(rows("ab日本語", 4), ["ab日", "本語"]);
        assert_eq!(rows("日本", 1), ["日", "本"]);
        assert_eq!(rows("e\u{301}e\u{301}e\u{301}", 2), ["e\u{301}e\u{301}", "e\u{301}"]);
        assert_eq!(rows("❤\u{fe0f}❤\u{fe0f}", 3), ["❤\u{fe0f}", "❤\u{fe0f}"]);
        let family = "👩\u{200d}👩\u{200d}👧";
        assert_eq!(rows(&family.repeat(2), 8), [family, family]);
        assert_eq!(rows(family, 1), [family]);
    }

    #[test]
    fn styles_take_no_room() {
        let line = "\u{1b}[1mone two\u{1b}[0m three";
        assert_eq!(rows(line, 7), ["\u{1b}[1mone two\u{1b}[0m", "three"]);
        assert_eq!(rows("\u{1b}[1mabcdef\u{1b}[0m", 4), ["\u{1b}[1mabcd", "ef\u{1b}[0m"]);
    }

    #[test]
    fn what_goes_on_is_set_off() {
        assert_eq!(
            fold("note: one two three\nfour", Some(15), 6),
            "note: one two\n      three\nfour"
        );
        assert_eq!(fold("note: one two three", None, 6), "note: one two three");
        assert_eq!(
            behind_bar("one\ttwo three\n\nfour", Some(13)),
            "│ one    two\n│ three\n│\n│ four"
        );
        assert_eq!(
            behind_bar("one\ttwo three\n\nfour", None),
            "│ one\ttwo three\n│\n│ four"
        );
    }

    #[test]
    fn a_row_that_is_too_long_for_the_terminal_is_cut_there() {
        let text = behind_bar("plain\nжж", Some(20));
        assert_eq!(text, format!("│ plain\n{CUTS}│ жж{BREAKS}"));
        assert_eq!(fold(&text, Some(20), 4), text, "once");
        assert_eq!(behind_bar("жж", None), "│ жж");
    }

    #[test]
    fn no_row_is_longer_than_it_may_be_and_no_word_is_lost() {
        let line = "a bc  日本語 def\u{301} ghijklmnop ❤\u{fe0f}q  r";
        for width in 2..30 {
            let rows = rows(line, width);
            assert!(
                rows.iter()
                    .all(|row| atoms(row).map(|atom| atom.width).sum::<usize>() <= width),
                "{width}: {rows:?}"
            );
            let kept: String = rows.concat().split_whitespace().collect();
            assert_eq!(kept, line.split_whitespace().collect::<String>(), "{width}");
        }
    }
}
