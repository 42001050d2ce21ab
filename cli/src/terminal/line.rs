//! The settings of the line.

use std::io;
use std::sync::OnceLock;

use rustix::termios::{InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

static BEFORE: OnceLock<Termios> = OnceLock::new();

pub(super) fn remember() -> io::Result<()> {
    if BEFORE.get().is_none() {
        let now = tcgetattr(io::stdin())?;
        let _ = BEFORE.set(now);
    }
    Ok(())
}

pub(super) fn quiet() -> io::Result<()> {
    let mut line = tcgetattr(io::stdin())?;
    line.local_modes
        .remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON);
    line.input_modes.remove(InputModes::ICRNL);
    line.special_codes[SpecialCodeIndex::VMIN] = 1;
    line.special_codes[SpecialCodeIndex::VTIME] = 0;
    Ok(tcsetattr(io::stdin(), OptionalActions::Now, &line)?)
}

pub(super) fn give_back() {
    if let Some(before) = BEFORE.get() {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
    }
}
