//! A limited message on the alternate screen: shown, then gone, without a trace in the scrollback.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use client::Playback;
use crossterm::cursor::MoveTo;
use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::queue;
use crossterm::terminal::{Clear, ClearType};
use zeroize::Zeroizing;

use super::{Render, escape, terminal_size, wrap};
use crate::exit::Failure;
use crate::grace::Grace;
use crate::terminal;

/// Lines that are neither text nor headline: blank, blank, help.
const FRAME: usize = 3;
const SCROLLS: &str = "arrows and space scroll, Enter closes";
const CLOSES: &str = "Enter closes; then it is gone";
/// Most keys that are thrown away when it is opened: what a terminal's line holds at once.
const MOST_AHEAD: usize = 4096;
/// What is there already is there within this time.
const AT_ONCE: Duration = Duration::from_millis(1);

impl Render {
    /// Shows a play until a key closes it. One that was typed before it was shown does not: the play is used, and would be lost unread.
    ///
    /// # Errors
    /// The terminal.
    pub fn secret(&self, playback: &Playback) -> Result<(), Failure> {
        let text = Zeroizing::new(wrap::tabless(&Zeroizing::new(escape::paragraph(&playback.text))));
        let headline = format!(
            "Play {} of {}   from {}",
            playback.play,
            playback.plays,
            escape::line(playback.from.as_str())
        );
        let screen = terminal::alternate()?;
        let (mut top, mut grace) = (0, None);
        loop {
            let (rows, columns) = terminal_size();
            let width = wrap::room(columns).saturating_sub(wrap::BAR);
            let lines: Vec<&str> = text.lines().flat_map(|line| wrap::rows(line, width)).collect();
            let heads = wrap::rows(&headline, wrap::room(columns));
            let room = rows.saturating_sub(FRAME + heads.len()).max(1);
            let last = lines.len().saturating_sub(room);
            top = top.min(last);
            let help = match last {
                _ if grace.is_none_or(Grace::holds) => "",
                0 => CLOSES,
                _ => SCROLLS,
            };
            draw(&heads, &lines[top..lines.len().min(top + room)], help, rows)?;
            if grace.is_none() {
                forget_what_was_typed()?;
            }
            let grace = grace.get_or_insert_with(|| Grace::begin(Instant::now()));
            match next_key(grace)? {
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

fn forget_what_was_typed() -> io::Result<()> {
    for _ in 0..MOST_AHEAD {
        if !event::poll(AT_ONCE)? {
            break;
        }
        let _ = event::read()?;
    }
    Ok(())
}

fn next_key(grace: &mut Grace) -> io::Result<Key> {
    if grace.holds() {
        match grace.left(Instant::now()) {
            Some(left) if event::poll(left)? => {}
            Some(_) => return Ok(Key::Redraw),
            None => {
                forget_what_was_typed()?;
                grace.end();
                // Which the help says.
                return Ok(Key::Redraw);
            }
        }
    }
    let event = event::read()?;
    if !grace.takes(&event) {
        return Ok(Key::Redraw);
    }
    Ok(match event {
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

fn draw(headline: &[&str], lines: &[&str], help: &str, rows: usize) -> io::Result<()> {
    let _held = terminal::hold();
    let mut out = io::stdout().lock();
    queue!(out, Clear(ClearType::All), MoveTo(0, 0))?;
    for row in headline {
        write!(out, "{}\r\n", console::Style::new().bold().apply_to(row))?;
    }
    write!(out, "\r\n")?;
    for line in lines {
        let line = Zeroizing::new(format!("{} {line}", console::Style::new().dim().apply_to(wrap::MARK)));
        write!(out, "{}\r\n", wrap::steady(&line))?;
    }
    queue!(
        out,
        MoveTo(0, u16::try_from(rows.saturating_sub(1)).unwrap_or(u16::MAX))
    )?;
    write!(out, "{}", console::Style::new().dim().apply_to(help))?;
    out.flush()
}
