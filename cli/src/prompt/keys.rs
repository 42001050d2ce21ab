//! Waiting for keys beside something else.
//!
//! Not by crossterm's own stream, which leaves a wake-up behind when it ends. The terminal is only asked what is there, whenever the system says that
//! something came.

use std::io;
use std::time::Duration;

use crossterm::event::{self, Event};

/// How long one waits at once for keys. The terminal's size changes without one, and a wait that is not needed any more goes on to its end.
#[cfg(unix)]
const GLANCE: Duration = Duration::from_millis(100);
/// Where the system does not tell of keys they are looked for so often.
#[cfg(not(unix))]
const GLANCE: Duration = Duration::from_millis(25);

/// What is there already is there within this time. (crossterm does not look at all when it has none.)
pub(super) const AT_ONCE: Duration = Duration::from_millis(1);

/// The next key, or whatever else the terminal tells of.
pub(super) async fn next() -> io::Result<Event> {
    while !event::poll(AT_ONCE)? {
        came().await?;
    }
    event::read()
}

/// Waits until something may have come.
#[cfg(unix)]
async fn came() -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let look = || {
        let stdin = io::stdin();
        let patience = Timespec::try_from(GLANCE).ok();
        let mut line = [PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut line, patience.as_ref()) {
            // A signal: look again.
            Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(io::Error::from(error)),
            // Nothing to read, and never will be: the terminal is gone.
            Ok(1..) if !line[0].revents().contains(PollFlags::IN) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(()),
        }
    };
    tokio::task::spawn_blocking(look).await.map_err(io::Error::other)?
}

#[cfg(not(unix))]
async fn came() -> io::Result<()> {
    tokio::time::sleep(GLANCE).await;
    Ok(())
}
