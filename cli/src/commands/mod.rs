//! The commands, one file a topic.

use client::Messenger;

use crate::context::Context;

pub(crate) mod account;
pub(crate) mod gate;
pub(crate) mod messages;
pub(crate) mod people;
pub(crate) mod plays;
pub(crate) mod shell;

/// What waits for the relay goes out with every command that reached it. A command that did what it was asked does not fail by that.
pub(crate) fn send_waiting(context: &Context, messenger: &mut Messenger) {
    match context.work("sending what waits …", messenger.send_waiting()) {
        Ok(events) => context.render.events(&events),
        Err(failure) => {
            context.render.events(&messenger.untold());
            context.render.failure(&failure);
        }
    }
}

/// Whether what is printed goes nowhere: standard output is the null device. A closed one is too, because the runtime opens that in its place.
pub(crate) fn nobody_reads() -> bool {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        use std::os::unix::fs::{FileTypeExt, MetadataExt};
        let Ok(null) = std::fs::metadata("/dev/null") else {
            return false;
        };
        let output = std::io::stdout().as_fd().try_clone_to_owned().map(std::fs::File::from);
        output
            .and_then(|output| output.metadata())
            .is_ok_and(|output| output.file_type().is_char_device() && output.rdev() == null.rdev())
    }
    #[cfg(not(unix))]
    false
}
