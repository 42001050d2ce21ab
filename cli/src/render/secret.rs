//! A limited message on the alternate screen: shown, then gone, without a trace in the scrollback.

use std::io::{self, Write};

use client::Playback;
use crossterm::cursor::MoveTo;
use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::queue;
use crossterm::terminal::{Clear, ClearType};
use zeroize::Zeroizing;

use super::{Render, escape, terminal_size};
use crate::exit::Failure;
use crate::terminal;

/// Lines that are not text: headline, blank, blank, help.
const FRAME: usize = 4;

impl Render {
    /// Shows a play until a key closes it.
    ///
    /// # Errors
    /// The terminal.
    pub fn secret(&self, playback: &Playback) -> Result<(), Failure> {
        let text = Zeroizing::new(escape::paragraph(&playback.text));
        let headline = format!(
            "Play {} of {}   from {}",
            playback.play,
            playback.plays,
            escape::line(playback.from.as_str())
        );
        let screen = terminal::alternate()?;
        let mut top = 0;
        loop {
            let (rows, columns) = terminal_size();
            let lines = wrap(&text, columns.max(1));
            let room = rows.saturating_sub(FRAME).max(1);
            let last = lines.len().saturating_sub(room);
            top = top.min(last);
            draw(&headline, &lines[top..lines.len().min(top + room)], last > 0, rows)?;
            match next_key()? {
                Key::Close => break,
                Key::Up => top = top.saturating_sub(1),
                Key::Down => top = (top + 1).min(last),
                Key::PageUp => top = top.saturating_sub(room),
                Key::PageDown => top = (top + room).min(last),
                Key::Redraw => {}
                Key::Suspend => terminal::suspend()?,
            }
        }
        drop(screen);
        Ok(())
    }
}

enum Key {
    Close,
    Up,
    Down,
    PageUp,
    PageDown,
    Redraw,
    Suspend,
}

fn next_key() -> io::Result<Key> {
    Ok(match event::read()? {
        Event::Key(key) if key.kind != KeyEventKind::Release => match key.code {
            KeyCode::Up => Key::Up,
            KeyCode::Down => Key::Down,
            KeyCode::PageUp => Key::PageUp,
            KeyCode::PageDown | KeyCode::Char(' ') => Key::PageDown,
            KeyCode::Enter | KeyCode::Esc | KeyCode::Char('q') => Key::Close,
            KeyCode::Char('z') if key.modifiers.contains(KeyModifiers::CONTROL) => Key::Suspend,
            KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => Key::Close,
            _ => Key::Redraw,
        },
        _ => Key::Redraw,
    })
}

fn draw(headline: &str, lines: &[&str], scrolls: bool, rows: usize) -> io::Result<()> {
    let _held = terminal::hold();
    let mut out = io::stdout().lock();
    queue!(out, Clear(ClearType::All), MoveTo(0, 0))?;
    write!(out, "{}\r\n\r\n", console::Style::new().bold().apply_to(headline))?;
    for line in lines {
        write!(out, "{line}\r\n")?;
    }
    let help = if scrolls {
        "arrows and space scroll, Enter closes"
    } else {
        "Enter closes; then it is gone"
    };
    queue!(
        out,
        MoveTo(0, u16::try_from(rows.saturating_sub(1)).unwrap_or(u16::MAX))
    )?;
    write!(out, "{}", console::Style::new().dim().apply_to(help))?;
    out.flush()
}

/// Breaks lines at the terminal's width: after the last space that fits, else between characters. A wide character counts as two columns.
fn wrap(text: &str, columns: usize) -> Vec<&str> {
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut rest = line;
        while let Some(end) = overflow(rest, columns) {
            let at = rest[..end].rfind(' ').map_or(end, |space| space + 1);
            lines.push(&rest[..at]);
            rest = &rest[at..];
        }
        lines.push(rest);
    }
    lines
}

/// Where the first character stands that does not fit any more; at least one always fits.
fn overflow(text: &str, columns: usize) -> Option<usize> {
    let mut width = 0;
    for (at, c) in text.char_indices() {
        width += console::measure_text_width(c.encode_utf8(&mut [0; 4]));
        if width > columns && at > 0 {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn long_lines_are_broken_and_nothing_is_lost() {
        assert_eq!(wrap("abcdef\n\ngh", 4), ["abcd", "ef", "", "gh"]);
        assert_eq!(wrap("日本語", 4), ["日本", "語"]);
        assert_eq!(wrap("日本", 1), ["日", "本"]);
        assert_eq!(wrap("ab cd efghijk", 6), ["ab cd ", "efghij", "k"]);
        assert_eq!(wrap("", 4), Vec::<&str>::new());
    }
}
