//! The state of the terminal, and its way back.
//!
//! From the first question on, what is typed between questions is neither shown nor acted on line by line ([`Mode::Quiet`]); while a question is asked
//! every key is handed on ([`Mode::Raw`]). However the program ends (done, failed, a panic, a signal of [`signals`]), and while Ctrl-Z suspends it, the
//! terminal is as it was before. Signals that leave it as it is: KILL and STOP, which no program sees; TTIN and TTOU, which the terminal sends to who must not
//! touch it; and SEGV, BUS, ILL and FPE, a fault of the program after which none of its code can be relied on. After these, `stty sane` helps.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crossterm::cursor::{MoveTo, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::execute;
use crossterm::terminal::{self, Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen};
use tokio::sync::oneshot;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Nothing was asked yet, or everything is over.
    Untouched,
    /// No echo. Ctrl-C and Ctrl-Z are signals. What is pasted is marked.
    Quiet,
    /// Keys as they come.
    Raw,
}

#[derive(Debug)]
struct State {
    mode: Mode,
    alternate: bool,
    watched: bool,
}

static STATE: Mutex<State> = Mutex::new(State {
    mode: Mode::Untouched,
    alternate: false,
    watched: false,
});
/// Ctrl-C ends the work, not the program: [`crate::context::Context::work`] waits for it.
static WORK: Mutex<Work> = Mutex::new(Work::None);

/// What an interrupt is about. It is decided when it comes, and not when the work has ended because of it.
#[derive(Debug)]
enum Work {
    /// Nothing: it ends the program.
    None,
    /// This, which is told.
    Going(oneshot::Sender<()>),
    /// This, which was told and is about to end.
    Ending,
}

fn work() -> MutexGuard<'static, Work> {
    WORK.lock().unwrap_or_else(PoisonError::into_inner)
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Nothing else changes the terminal or draws while this is held.
#[derive(Debug)]
pub struct Held {
    _state: MutexGuard<'static, State>,
}

/// To be held while drawing, so that a signal finds whole frames and nothing is drawn after the terminal was given back.
#[must_use]
pub fn hold() -> Held {
    Held { _state: state() }
}

/// Gives the terminal back when dropped; held by the whole program.
#[derive(Debug)]
pub struct Session;

impl Drop for Session {
    fn drop(&mut self) {
        state().enter(Mode::Untouched);
    }
}

/// Keys come as they are pressed until this is dropped.
#[derive(Debug)]
pub struct Raw;

/// Begins a question.
///
/// # Errors
/// The terminal.
pub fn raw() -> io::Result<Raw> {
    let mut state = state();
    signals::watch(&mut state)?;
    state.begin()?;
    terminal::enable_raw_mode()?;
    state.mode = Mode::Raw;
    Ok(Raw)
}

impl Drop for Raw {
    fn drop(&mut self) {
        state().enter(Mode::Quiet);
    }
}

/// Whether what is typed is kept and not shown: from the first question on.
#[must_use]
pub fn is_quiet() -> bool {
    state().mode != Mode::Untouched
}

/// Until this is dropped Ctrl-C and SIGINT end the work alone.
#[derive(Debug)]
pub struct Working {
    told: oneshot::Receiver<()>,
}

/// Begins work that hears Ctrl-C itself.
#[must_use]
pub fn working() -> Working {
    let (tell, told) = oneshot::channel();
    *work() = Work::Going(tell);
    Working { told }
}

impl Working {
    /// Waits until the work is to end.
    pub async fn broken_off(&mut self) {
        if signals::watched() {
            let _ = (&mut self.told).await;
        } else {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        *work() = Work::None;
    }
}

/// The alternate screen, in raw mode. However this ends it is wiped, and the terminal is as it was.
#[derive(Debug)]
pub struct Alternate {
    _raw: Raw,
}

/// Opens the alternate screen.
///
/// # Errors
/// The terminal.
pub fn alternate() -> io::Result<Alternate> {
    // From here on Drop puts things right, also when entering fails half-way.
    let screen = Alternate { _raw: raw()? };
    let mut state = state();
    state.alternate = true;
    enter_alternate()?;
    drop(state);
    Ok(screen)
}

impl Drop for Alternate {
    fn drop(&mut self) {
        let mut state = state();
        state.alternate = false;
        leave_alternate();
    }
}

fn enter_alternate() -> io::Result<()> {
    execute!(
        io::stdout(),
        EnterAlternateScreen,
        crossterm::cursor::Hide,
        Clear(ClearType::All),
        MoveTo(0, 0)
    )
}

fn leave_alternate() {
    let _ = execute!(
        io::stdout(),
        Clear(ClearType::All),
        MoveTo(0, 0),
        Show,
        LeaveAlternateScreen
    );
}

impl State {
    /// From untouched to quiet, at the first question.
    fn begin(&mut self) -> io::Result<()> {
        if self.mode == Mode::Untouched {
            line::remember()?;
            self.mode = Mode::Quiet;
            line::quiet()?;
            let mut stderr = io::stderr().lock();
            execute!(stderr, EnableBracketedPaste)?;
        }
        Ok(())
    }

    /// As far back as asked. What fails cannot be helped: the terminal is gone then.
    fn enter(&mut self, mode: Mode) {
        if self.mode == Mode::Raw && mode != Mode::Raw {
            let _ = terminal::disable_raw_mode();
            self.mode = Mode::Quiet;
        }
        if self.mode == Mode::Quiet && mode == Mode::Untouched {
            let _ = execute!(io::stderr(), DisableBracketedPaste, Show);
            line::give_back();
            self.mode = Mode::Untouched;
        }
    }

    /// Everything back as it was.
    #[cfg(unix)]
    fn leave(&mut self) {
        if self.alternate {
            leave_alternate();
        }
        self.enter(Mode::Untouched);
    }

    /// Stops the process, with the terminal given back meanwhile.
    #[cfg(unix)]
    fn suspend(&mut self) -> io::Result<()> {
        let (mode, alternate) = (self.mode, self.alternate);
        self.leave();
        signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)?;
        if mode != Mode::Untouched {
            self.begin()?;
        }
        if mode == Mode::Raw {
            terminal::enable_raw_mode()?;
            self.mode = Mode::Raw;
        }
        if alternate {
            enter_alternate()?;
        }
        // The screen shows the shell's doings: everything is drawn anew, as after a change of its size.
        signal_hook::low_level::raise(signal_hook::consts::SIGWINCH)?;
        Ok(())
    }
}

/// Ctrl-Z: stops the process and comes back when it goes on. Elsewhere than on Unix nothing happens.
///
/// # Errors
/// The terminal.
pub fn suspend() -> io::Result<()> {
    #[cfg(unix)]
    state().suspend()?;
    Ok(())
}

/// Bytes to the person, at once.
///
/// # Errors
/// The terminal.
pub fn show(bytes: &[u8]) -> io::Result<()> {
    let _held = hold();
    let mut stderr = io::stderr().lock();
    stderr.write_all(bytes)?;
    stderr.flush()
}

#[cfg(unix)]
mod line;

#[cfg(not(unix))]
mod line {
    use std::io;

    pub(super) fn remember() -> io::Result<()> {
        Ok(())
    }
    pub(super) fn quiet() -> io::Result<()> {
        Ok(())
    }
    pub(super) fn give_back() {}
}

#[cfg(unix)]
mod signals;

#[cfg(not(unix))]
mod signals {
    use std::io;

    use super::State;

    pub(super) fn watched() -> bool {
        false
    }

    pub(super) fn watch(state: &mut State) -> io::Result<()> {
        state.watched = true;
        Ok(())
    }
}
