//! What the program says on its two streams.

use std::io::{self, Write as _};

use anyhow::Context as _;

/// What the operator asked for. A reader that has seen enough and left is no failure; a full disk is one.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    taken(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// Whether standard output took what was written.
pub(crate) fn taken(written: io::Result<()>) -> anyhow::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context(
            "what was to be shown is lost, because standard output takes nothing (a change that was to be made is made)",
        ),
    }
}

pub(crate) fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
