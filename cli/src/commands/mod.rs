//! The commands, one file a topic.

use client::Messenger;

use crate::context::Context;

pub(crate) mod account;
pub(crate) mod gate;
pub(crate) mod messages;
pub(crate) mod people;
pub(crate) mod plays;

/// What waits for the relay goes out with every command that reached it. A command that did what it was asked does not fail by that.
pub(crate) fn send_waiting(context: &Context, messenger: &mut Messenger) {
    match context.work("sending what waits …", messenger.send_waiting()) {
        Ok(events) => context.render.events(&events),
        Err(failure) => context.render.failure(&failure),
    }
}
