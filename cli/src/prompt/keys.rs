//! Waiting for keys beside something else.
//!
//! Not by crossterm's own stream: when that ends it leaves a wake-up behind, and a key that comes together with it waits for the next key. Here the terminal
//! is only asked what is there, whenever the system says that something came.

use std::io;
use std::time::Duration;

use crossterm::event::{self, Event};

/// How long one waits at once for keys. The terminal's size changes without one, and a wait that is not needed any more goes on to its end.
#[cfg(unix)]
const GLANCE: Duration = Duration::from_millis(100);
/// Where the system does not tell of keys they are looked for so often.
#[cfg(not(unix))]
const GLANCE: Duration = Duration::from_millis(25);

/// The next key, or whatever else the terminal tells of.
pub(super) async fn next() -> io::Result<Event> {
    while !event::poll(Duration::ZERO)? {
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
        match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], patience.as_ref()) {
            // A signal: look again.
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(io::Error::from(error)),
        }
    };
    tokio::task::spawn_blocking(look).await.map_err(io::Error::other)?
}

#[cfg(not(unix))]
async fn came() -> io::Result<()> {
    tokio::time::sleep(GLANCE).await;
    Ok(())
}
