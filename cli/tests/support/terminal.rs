//! A terminal of the test's own, and a program at it.
#![allow(dead_code, reason = "each test file uses its part")]

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::support::{PASSPHRASE, Person};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Termios, Winsize, tcgetattr, tcsetwinsize};

/// Far longer than anything here takes: who waits so long waits in vain.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the screen is looked at while nothing is drawn.
const GLANCE: Duration = Duration::from_millis(100);

/// The key.
pub const DOWN: &str = "\u{1b}[B";

#[derive(Default)]
struct Shown {
    bytes: Vec<u8>,
    ended: bool,
}

/// A program at a terminal.
pub struct Terminal {
    child: Child,
    keyboard: File,
    screen: Arc<(Mutex<Shown>, Condvar)>,
    /// How much of what was shown has been looked at.
    seen: usize,
    line: OwnedFd,
    before: Termios,
    size: (u16, u16),
}

impl Terminal {
    pub fn start(command: Command) -> Self {
        Self::start_sized(command, 50, 160)
    }

    /// With this many rows and columns.
    pub fn start_sized(mut command: Command, rows: u16, columns: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&master, size).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let line = File::options()
            .read(true)
            .write(true)
            .open(OsStr::from_bytes(name.as_bytes()))
            .unwrap();
        let before = tcgetattr(&line).unwrap();
        let child = command
            .env("TERM", "xterm")
            .stdin(line.try_clone().unwrap())
            .stdout(line.try_clone().unwrap())
            .stderr(line.try_clone().unwrap())
            .spawn()
            .unwrap();
        let screen = Arc::new((Mutex::new(Shown::default()), Condvar::new()));
        let keyboard = File::from(master);
        let (mut from, shared) = (keyboard.try_clone().unwrap(), Arc::clone(&screen));
        // It ends with the terminal: when nobody has the line open any more there is an error.
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = from.read(&mut buffer) {
                shared.0.lock().unwrap().bytes.extend_from_slice(&buffer[..count]);
                shared.1.notify_all();
            }
            shared.0.lock().unwrap().ended = true;
            shared.1.notify_all();
        });
        Self {
            child,
            keyboard,
            screen,
            seen: 0,
            line: line.into(),
            before,
            size: (rows, columns),
        }
    }

    /// What a person has before their eyes.
    pub fn screen(&self) -> String {
        let mut parser = vt100::Parser::new(self.size.0.try_into().unwrap(), self.size.1.try_into().unwrap(), 0);
        parser.process(&self.screen.0.lock().unwrap().bytes);
        parser.screen().contents()
    }

    /// The same with its colours.
    pub fn cells(&self) -> vt100::Screen {
        let mut parser = vt100::Parser::new(self.size.0.try_into().unwrap(), self.size.1.try_into().unwrap(), 0);
        parser.process(&self.screen.0.lock().unwrap().bytes);
        parser.screen().clone()
    }

    /// Waits until the screen is like this; gives it.
    #[track_caller]
    pub fn looks(&self, what: &str, like: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if like(&screen) {
                return screen;
            }
            let shown = self.screen.0.lock().unwrap();
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && !shown.ended, "{what} was never so:\n{screen}");
            drop(self.screen.1.wait_timeout(shown, left.min(GLANCE)).unwrap());
        }
    }

    /// Waits until this question is gone, and says whether another has come. Otherwise the program ended.
    #[track_caller]
    pub fn has_another_question(&self, question: &str) -> bool {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            let asked = |row: &str| row.starts_with("? ");
            if screen.lines().any(asked) && !screen.contains(&format!("? {question}")) {
                return true;
            }
            if self.is_as_before() {
                return false;
            }
            assert!(Instant::now() < deadline, "{question}: it stays:\n{screen}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn sends(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// A signal that has no name.
    pub fn sends_number(&self, number: i32) {
        let kill = format!("kill -{number} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits until it was suspended.
    #[track_caller]
    pub fn is_suspended(&self) {
        let deadline = Instant::now() + PATIENCE;
        let pid = Some(Pid::from_child(&self.child));
        while !matches!(waitpid(pid, WaitOptions::UNTRACED | WaitOptions::NOHANG), Ok(Some((_, status))) if status.stopped())
        {
            assert!(Instant::now() < deadline, "it does not stop");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Local modes as they were before the program.
    pub fn is_as_before(&self) -> bool {
        tcgetattr(&self.line).unwrap().local_modes == self.before.local_modes
    }

    /// Waits until this is on the screen, behind what was looked at before; gives what was shown up to there.
    #[track_caller]
    pub fn sees(&mut self, text: &str) -> String {
        self.sees_within(text, PATIENCE)
    }

    /// With more patience: a gate key is made on a busy machine.
    #[track_caller]
    pub fn sees_within(&mut self, text: &str, patience: Duration) -> String {
        let deadline = Instant::now() + patience;
        let mut shown = self.screen.0.lock().unwrap();
        loop {
            let new = &shown.bytes[self.seen..];
            if let Some(at) = new.windows(text.len()).position(|window| window == text.as_bytes()) {
                let end = at + text.len();
                let before = String::from_utf8_lossy(&new[..end]).into_owned();
                self.seen += end;
                return before;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && !shown.ended,
                "{text:?} was never shown; behind what was seen there is {:?}",
                String::from_utf8_lossy(new)
            );
            shown = self.screen.1.wait_timeout(shown, left).unwrap().0;
        }
    }

    /// Types, without Enter.
    pub fn types(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    /// Pastes, as a terminal does that was asked to say what is pasted. It has to have been asked.
    #[track_caller]
    pub fn pastes(&mut self, text: &str) {
        let all = String::from_utf8_lossy(&self.screen.0.lock().unwrap().bytes).into_owned();
        let (marked, plain) = (all.rfind("\u{1b}[?2004h"), all.rfind("\u{1b}[?2004l"));
        assert!(marked.is_some() && marked > plain, "pastes are to be marked");
        self.types(&format!("\u{1b}[200~{}\u{1b}[201~", text.replace('\n', "\r")));
    }

    /// Types a line.
    pub fn enters(&mut self, text: &str) {
        self.types(text);
        self.types("\r");
    }

    pub fn presses_ctrl_c(&mut self) {
        self.types("\u{3}");
    }

    pub fn presses_escape(&mut self) {
        self.types("\u{1b}");
    }

    /// One step back, to this question.
    #[track_caller]
    pub fn goes_back_to(&mut self, question: &str) -> String {
        self.presses_escape();
        self.sees(question)
    }

    /// Answers yes or no to what cannot be undone, as soon as that is taken.
    #[track_caller]
    pub fn decides(&mut self, answer: &str) {
        self.sees("Enter alone: no.");
        self.enters(answer);
    }

    /// Waits until a list about what cannot be undone takes keys.
    #[track_caller]
    pub fn may_choose(&mut self) {
        self.sees("Arrows move");
    }

    /// Opens the first limited message of a list, and waits until it can be closed.
    #[track_caller]
    pub fn opens_the_first(&mut self) {
        self.sees("Open a limited message?");
        self.may_choose();
        self.types(DOWN);
        self.enters("");
        self.sees("Enter closes");
    }

    /// Whether the terminal hands on keys as they come, as it does for prompts.
    pub fn is_raw(&self) -> bool {
        !tcgetattr(&self.line).unwrap().local_modes.contains(LocalModes::ICANON)
    }

    /// Leaves the menu; what was on the screen in all.
    pub fn quits(mut self) -> String {
        self.enters("Quit");
        let (status, all) = self.ends();
        assert_eq!(status.code(), Some(0), "{all}");
        all
    }

    /// Waits for the end; what a person then has before their eyes.
    #[track_caller]
    pub fn ends_with_screen(self) -> String {
        let size = self.size;
        let mut parser = vt100::Parser::new(size.0.try_into().unwrap(), size.1.try_into().unwrap(), 0);
        parser.process(self.ends().1.as_bytes());
        parser.screen().contents()
    }

    /// Waits for the end. The terminal has to be as it was, its cursor visible.
    #[track_caller]
    pub fn ends(mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        };
        let after = tcgetattr(&self.line).unwrap();
        assert_eq!(after.local_modes, self.before.local_modes, "local modes are as before");
        assert_eq!(after.input_modes, self.before.input_modes, "input modes are as before");
        assert_eq!(
            after.output_modes, self.before.output_modes,
            "output modes are as before"
        );
        // What is still under way, to the very end.
        drop(self.line);
        let mut shown = self.screen.0.lock().unwrap();
        while !shown.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the terminal stays open");
            shown = self.screen.1.wait_timeout(shown, left).unwrap().0;
        }
        let all = String::from_utf8_lossy(&shown.bytes).into_owned();
        let (hidden, back) = (all.rfind("\u{1b}[?25l"), all.rfind("\u{1b}[?25h"));
        assert!(hidden.is_none() || hidden < back, "the cursor is visible");
        let (marked, plain) = (all.rfind("\u{1b}[?2004h"), all.rfind("\u{1b}[?2004l"));
        assert!(marked.is_none() || marked < plain, "pastes are not marked any more");
        (status, all)
    }
}

/// A command at a terminal, whose passphrase is asked for.
pub fn at_terminal(person: &Person, args: &[&str]) -> Terminal {
    at_terminal_sized(person, args, 50, 160)
}

pub fn at_terminal_sized(person: &Person, args: &[&str], rows: u16, columns: u16) -> Terminal {
    let mut command = person.command(args);
    command.env_remove("LATCHKEY_PASSPHRASE");
    Terminal::start_sized(command, rows, columns)
}

/// The menu of somebody who is registered.
pub fn menu(person: &Person) -> Terminal {
    menu_sized(person, 50, 160)
}

pub fn menu_sized(person: &Person, rows: u16, columns: u16) -> Terminal {
    let mut terminal = at_terminal_sized(person, &[], rows, columns);
    terminal.sees("Passphrase:");
    terminal.enters(PASSPHRASE);
    terminal.sees("What next?");
    terminal
}
