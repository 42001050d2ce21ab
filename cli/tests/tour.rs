//! README's picture, `docs/tour.svg`: what two people see at a terminal of 100 columns, drawn from the program's own output.
//!
//! After a change to what the client prints: `LATCHKEY_UPDATE_TOUR=1 cargo test -p cli --test tour`, and look at the picture.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use support::{PASSPHRASE, Stage, latchkey};
use terminal::Terminal;

const README: &str = include_str!("../../README.md");
/// The picture, from this package.
const PICTURE: &str = "../docs/tour.svg";
/// Too low for the code beside a safety number, so that the picture stays short.
const ROWS: u16 = 24;
const COLUMNS: u16 = 100;
/// Points: of a character, a line, the margin, and the first line below the window's buttons.
const WIDE: f32 = 8.13;
const HIGH: usize = 19;
const MARGIN: usize = 20;
const TOP: usize = 52;
const STYLE: &str = "text{font:13.5px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#d7dae0;white-space:pre}\
    .p{fill:#7fb4ff}.q{fill:#c3a6ff}.d{fill:#8b93a1}.r{fill:#ff8f8f}.g{fill:#9fe0a8}.y{fill:#e8cf8a}.b{font-weight:bold}";

/// A piece of a line: how it is drawn, and what stands there.
type Piece = (&'static str, String);

/// Puts the same in the place of what differs from run to run, and as long: ids, fingerprints, safety numbers, times.
#[derive(Default)]
struct Steady {
    known: HashMap<String, String>,
    /// How many of each length were met.
    met: HashMap<usize, u8>,
}

impl Steady {
    fn line(&mut self, line: &str) -> String {
        let mut out = String::new();
        let mut rest = line;
        while !rest.is_empty() {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
            let (word, behind) = rest.split_at(end);
            if let Some(date) = date(rest) {
                out.push_str("2026-11-30 12:00");
                rest = &rest[date..];
                continue;
            }
            out.push_str(&self.word(word));
            let gap = behind.chars().next().map_or(0, char::len_utf8);
            out.push_str(&behind[..gap]);
            rest = &behind[gap..];
        }
        out
    }

    fn word(&mut self, word: &str) -> String {
        let number = word.len() == 5 && word.bytes().all(|byte| byte.is_ascii_digit());
        let id = matches!(word.len(), 8 | 64) && word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !number && !id {
            return word.to_owned();
        }
        if let Some(known) = self.known.get(word) {
            return known.clone();
        }
        let nth = self.met.entry(word.len()).or_default();
        *nth += 1;
        // A generator of no merit: the picture needs numbers that look like some.
        let mut state = u32::from(*nth) * 2_654_435 + u32::try_from(word.len()).unwrap();
        let digits: &[u8] = if number { b"0123456789" } else { b"0123456789abcdef" };
        let steady: String = (0..word.len())
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                char::from(digits[(state >> 16) as usize % digits.len()])
            })
            .collect();
        self.known.insert(word.to_owned(), steady.clone());
        steady
    }
}

/// How long a date and time at the beginning of a text is, `2026-11-30 12:00`, if there is one.
fn date(text: &str) -> Option<usize> {
    const SHAPE: &[u8] = b"0000-00-00 00:00";
    let begins = text.as_bytes().get(..SHAPE.len())?;
    let fits = |(byte, shape): (&u8, &u8)| {
        if *shape == b'0' {
            byte.is_ascii_digit()
        } else {
            byte == shape
        }
    };
    begins.iter().zip(SHAPE).all(fits).then_some(SHAPE.len())
}

/// What is drawn, line by line.
struct Tour {
    homes: PathBuf,
    relay: String,
    steady: Steady,
    lines: Vec<Vec<Piece>>,
}

impl Tour {
    /// A command of `who`, typed as it stands; the questions that it asks are answered. Gives what was seen.
    fn types(&mut self, who: &'static str, typed: &str, args: &[&str], answers: &[(&str, &str)]) -> String {
        let class = if who == "alice" { "p" } else { "q" };
        self.lines
            .push(vec![(class, format!("{who} $")), ("", format!(" latchkey {typed}"))]);
        let home = self.homes.join(who);
        let mut command = latchkey();
        // The home that a user has who names none: hints name none then either.
        command
            .env("HOME", &home)
            .env_remove("XDG_DATA_HOME")
            .env("LATCHKEY_PASSPHRASE", PASSPHRASE)
            .args(args);
        if args[0] == "register" {
            command.env("LATCHKEY_RELAY", &self.relay);
        } else {
            command.env_remove("LATCHKEY_RELAY");
        }
        let mut terminal = Terminal::start_sized(command, ROWS, COLUMNS);
        for (question, answer) in answers {
            terminal.sees(question);
            terminal.decides(answer);
        }
        let (_, shown) = terminal.ends();
        let mut parser = vt100::Parser::new(ROWS.try_into().unwrap(), COLUMNS.try_into().unwrap(), 0);
        parser.process(shown.as_bytes());
        let screen = parser.screen();
        assert!(
            screen.contents().lines().count() < usize::from(ROWS),
            "more than the screen holds: {}",
            screen.contents()
        );
        let mut rows: Vec<Vec<Piece>> = (0..ROWS).map(|row| pieces(screen, row)).collect();
        while rows.last().is_some_and(Vec::is_empty) {
            rows.pop();
        }
        let home = home.to_str().unwrap();
        for row in rows {
            let steady = row
                .into_iter()
                .map(|(class, text)| (class, self.steady.line(&text.replace(home, "~"))));
            self.lines.push(steady.collect());
        }
        screen.contents()
    }

    fn picture(&self, caption: &str) -> String {
        let width = 2 * MARGIN + (f32::from(COLUMNS) * WIDE) as usize;
        let height = TOP + HIGH * (self.lines.len() - 1) + MARGIN;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
             aria-label=\"{caption}\">\n<style>{STYLE}</style>\n<rect width=\"100%\" height=\"100%\" rx=\"10\" fill=\"#16181d\"/>\n"
        );
        for at in [22, 40, 58] {
            let _ = write!(svg, "<circle cx=\"{at}\" cy=\"20\" r=\"5\" fill=\"#3a3f4a\"/>");
        }
        svg.push('\n');
        for (n, line) in self.lines.iter().enumerate() {
            let _ = write!(svg, "<text x=\"{MARGIN}\" y=\"{}\">", TOP + HIGH * n);
            for (class, text) in line {
                let text = escape(text);
                let _ = match *class {
                    "" => write!(svg, "{text}"),
                    class => write!(svg, "<tspan class=\"{class}\">{text}</tspan>"),
                };
            }
            svg.push_str("</text>\n");
        }
        svg.push_str("</svg>\n");
        svg
    }
}

/// A row of the screen, by how it is drawn, without what is empty at its end.
fn pieces(screen: &vt100::Screen, row: u16) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for column in 0..COLUMNS {
        let cell = screen.cell(row, column).unwrap();
        if cell.is_wide_continuation() {
            continue;
        }
        let class = match cell.fgcolor() {
            vt100::Color::Idx(1 | 9) => "r",
            vt100::Color::Idx(2 | 10) => "g",
            vt100::Color::Idx(3 | 11) => "y",
            vt100::Color::Idx(4 | 6 | 12 | 14) => "p",
            vt100::Color::Idx(8) => "d",
            _ if cell.dim() => "d",
            _ if cell.bold() => "b",
            _ => "",
        };
        let text = if cell.has_contents() { cell.contents() } else { " " };
        match pieces.last_mut() {
            Some((last, piece)) if *last == class => piece.push_str(text),
            _ => pieces.push((class, text.to_owned())),
        }
    }
    while let Some((_, last)) = pieces.last_mut() {
        last.truncate(last.trim_end().len());
        if !last.is_empty() {
            break;
        }
        pieces.pop();
    }
    pieces
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The id of the latest message in an inbox, as its hint names it.
fn id_to_play(inbox: &str) -> String {
    let (_, behind) = inbox.split_once("latchkey play ").unwrap();
    behind.chars().take_while(char::is_ascii_hexdigit).collect()
}

#[test]
fn readmes_picture_is_what_the_program_shows() {
    let caption = README.split_once("](docs/tour.svg)").unwrap().0;
    let caption = caption.rsplit_once("![").unwrap().1;
    let stage = Stage::new();
    // A short path, because a table breaks long ones.
    let homes = tempfile::tempdir_in("/tmp").unwrap();
    let mut tour = Tour {
        homes: homes.path().to_owned(),
        relay: stage.url.clone(),
        steady: Steady::default(),
        lines: Vec::new(),
    };
    tour.types("alice", "register alice", &["register", "alice"], &[]);
    tour.types("bob", "register bob", &["register", "bob"], &[]);
    tour.types(
        "alice",
        "send bob 'lunch at one?'",
        &["send", "bob", "lunch at one?"],
        &[],
    );
    tour.types("bob", "inbox", &["inbox"], &[]);
    tour.types("bob", "verify alice", &["verify", "alice"], &[("(y/N)", "y")]);
    let send = ["send", "bob", "the door code is 4711", "--plays", "2"];
    tour.types("alice", "send bob 'the door code is 4711' --plays 2", &send, &[]);
    let id = id_to_play(&tour.types("bob", "inbox", &["inbox"], &[]));
    let typed = format!("play {}", tour.steady.word(&id));
    for opens in [true, true, false] {
        let seen = tour.types("bob", &typed, &["play", &id], &[]);
        assert_eq!(seen.contains("the door code is 4711"), opens, "{seen}");
    }

    let drawn = tour.picture(caption);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(PICTURE);
    if std::env::var_os("LATCHKEY_UPDATE_TOUR").is_some() {
        std::fs::write(&file, &drawn).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap();
    let differing: Vec<_> = kept
        .lines()
        .zip(drawn.lines())
        .filter(|(kept, drawn)| kept != drawn)
        .collect();
    assert!(
        kept == drawn,
        "docs/tour.svg is not what the program shows; run this test with LATCHKEY_UPDATE_TOUR=1, and look at it.\n{differing:#?}"
    );
}

#[test]
fn what_differs_from_run_to_run_is_replaced_by_as_much_and_the_same_by_the_same() {
    let mut steady = Steady::default();
    let line = "sent (0a1b2c3d) 12345 67890, since 2027-01-02 03:04 UTC: deadlock 4711";
    let once = steady.line(line);
    assert_eq!(once.len(), line.len());
    assert!(
        once.starts_with("sent (") && once.ends_with("UTC: deadlock 4711"),
        "{once}"
    );
    assert!(once.contains("since 2026-11-30 12:00 UTC"), "{once}");
    assert!(!once.contains("0a1b2c3d") && !once.contains("12345"), "{once}");
    assert_eq!(steady.line(line), once);
    let another = steady.line(&line.replace("0a1b2c3d", "0a1b2c3e"));
    assert_ne!(another, once);
    // Another run has other ids, and the same picture.
    let other = line
        .replace("0a1b2c3d", "ffffffff")
        .replace("12345", "54321")
        .replace("2027", "2028");
    assert_eq!(Steady::default().line(&other), once);
}
