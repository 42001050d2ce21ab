//! The interactive client. While it waits for the person it receives.

mod arrivals;
mod conversation;
mod enter;
mod limited;
mod people;
mod settings;
mod write;

use std::fmt;
use std::time::Duration;

use arrivals::Arrivals;
use client::Messenger;

use crate::commands::{account, messages};
use crate::context::Context;
use crate::exit::Failure;
use crate::prompt::{Beside, Choices};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Inbox(usize),
    Send,
    SendLimited,
    Conversations,
    Contacts,
    Limited,
    Keys,
    Status,
    Settings,
    Quit,
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inbox(0) => f.write_str("Inbox"),
            Self::Inbox(unread) => write!(f, "Inbox ({unread} unread)"),
            Self::Send => f.write_str("Send a message"),
            Self::SendLimited => f.write_str("Send a message with a play limit"),
            Self::Conversations => f.write_str("Conversations"),
            Self::Contacts => f.write_str("Contacts: verify, block, unblock"),
            Self::Limited => f.write_str("Plays of your limited messages: count, take back"),
            Self::Keys => f.write_str("Keys"),
            Self::Status => f.write_str("Status"),
            Self::Settings => f.write_str("Settings"),
            Self::Quit => f.write_str("Quit"),
        }
    }
}

fn items(messenger: &mut Messenger) -> Result<Vec<Item>, Failure> {
    Ok(vec![
        Item::Inbox(messenger.own_status()?.unread),
        Item::Send,
        Item::SendLimited,
        Item::Conversations,
        Item::Contacts,
        Item::Limited,
        Item::Keys,
        Item::Status,
        Item::Settings,
        Item::Quit,
    ])
}

pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let Some(mut messenger) = enter::enter(context)? else {
        return Ok(());
    };
    let mut arrivals = Arrivals::default();
    loop {
        let item = match next(context, &mut messenger, &mut arrivals) {
            Ok(Some(Item::Quit)) | Err(Failure::Interrupted) => return Ok(()),
            Ok(Some(item)) => item,
            Ok(None) => continue,
            Err(failure) => return Err(failure),
        };
        let outcome = match item {
            Item::Inbox(_) => inbox(context, &mut messenger),
            Item::Send => write::send(context, &mut messenger, false),
            Item::SendLimited => write::send(context, &mut messenger, true),
            Item::Conversations => conversation::conversations(context, &mut messenger, &mut arrivals),
            Item::Contacts => people::contacts(context, &mut messenger),
            Item::Limited => limited::own(context, &mut messenger),
            Item::Keys => settings::keys(context, &mut messenger),
            Item::Status => account::show_status(context, &mut messenger),
            Item::Settings => settings::settings(context, &mut messenger),
            Item::Quit => return Ok(()),
        };
        match outcome {
            // Ctrl-C leaves what one was doing, not the client.
            Ok(()) | Err(Failure::Interrupted) => {}
            Err(failure @ Failure::Io(_)) => return Err(failure),
            Err(failure) => context.render.failure(&failure),
        }
    }
}

/// What the person wants next. Meanwhile mail comes, and is told of.
fn next(context: &Context, messenger: &mut Messenger, arrivals: &mut Arrivals) -> Result<Option<Item>, Failure> {
    let own = messenger.own_status()?;
    let waiting = if own.outbox > 0 {
        format!(", {} waiting for the relay", own.outbox)
    } else {
        String::new()
    };
    context.render.headline(&format!("{}{waiting}", own.address))?;
    let mut choices = Choices::new("What next?", items(messenger)?);
    loop {
        match context.wait(choices.ask_beside(arrivals.next(messenger)))? {
            Beside::Answered(item) => return Ok(item),
            Beside::Done(arrived) => {
                arrivals.tell(context, &arrived)?;
                choices.relabel(items(messenger)?);
            }
        }
    }
}

fn inbox(context: &Context, messenger: &mut Messenger) -> Result<(), Failure> {
    let received = context.work("receiving …", messenger.receive(Duration::ZERO));
    let unread = messenger.unread()?;
    match received {
        Ok(events) => context.render.events(&events),
        // What came before is shown without the relay too.
        Err(failure) if !unread.is_empty() => context.render.failure(&failure),
        Err(failure) => return Err(failure),
    }
    if unread.is_empty() {
        return context
            .render
            .text("No new messages. New ones are announced here and in their conversation.");
    }
    messages::show_unread(context, messenger)?;
    limited::offer_plays(context, messenger, &unread).map(drop)
}
