//! The interactive client. While it waits for the person it receives.

mod arrivals;
mod conversation;
mod drafts;
mod enter;
mod inbox;
mod limited;
mod people;
mod settings;
mod write;

use std::fmt;

use client::{Messenger, OwnStatus};
use drafts::Drafts;
use write::Desk;

use crate::commands::account;
use crate::context::Context;
use crate::exit::Failure;
use crate::prompt::{self, Beside, Choices};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Inbox(usize),
    /// With so many drafts.
    Send(usize),
    SendLimited(usize),
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
            Self::Send(drafts) => write!(f, "Send a message{}", counted(*drafts)),
            Self::SendLimited(drafts) => write!(f, "Send a message with a play limit{}", counted(*drafts)),
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

fn counted(drafts: usize) -> String {
    match drafts {
        0 => String::new(),
        1 => " (1 draft)".to_owned(),
        more => format!(" ({more} drafts)"),
    }
}

fn items(own: &OwnStatus, drafts: &Drafts) -> Vec<Item> {
    vec![
        Item::Inbox(own.unread),
        Item::Send(drafts.count(false)),
        Item::SendLimited(drafts.count(true)),
        Item::Conversations,
        Item::Contacts,
        Item::Limited,
        Item::Keys,
        Item::Status,
        Item::Settings,
        Item::Quit,
    ]
}

pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let Some(mut messenger) = enter::enter(context)? else {
        return Ok(());
    };
    let mut desk = Desk::default();
    loop {
        let item = match next(context, &mut messenger, &mut desk) {
            Ok(item) => item,
            Err(Failure::Interrupted) => Item::Quit,
            Err(failure) => return Err(failure),
        };
        let outcome = match item {
            Item::Inbox(_) => inbox::inbox(context, &mut messenger),
            Item::Send(_) => write::send(context, &mut messenger, &mut desk, false),
            Item::SendLimited(_) => write::send(context, &mut messenger, &mut desk, true),
            Item::Conversations => conversation::conversations(context, &mut messenger, &mut desk),
            Item::Contacts => people::contacts(context, &mut messenger),
            Item::Limited => limited::own(context, &mut messenger),
            Item::Keys => settings::keys(context, &mut messenger),
            Item::Status => status(context, &mut messenger),
            Item::Settings => settings::settings(context, &mut messenger),
            Item::Quit if leaves(&mut messenger, &desk.drafts)? => return Ok(()),
            Item::Quit => Ok(()),
        };
        match outcome {
            // Ctrl-C leaves what one was doing, not the client.
            Ok(()) | Err(Failure::Interrupted) => {}
            Err(failure @ Failure::Io(_)) => return Err(failure),
            Err(failure) => context.render.failure(&failure),
        }
    }
}

/// Whether the client may end: what was written and not sent ends with it. Ctrl-C at the question is an answer.
fn leaves(messenger: &mut Messenger, drafts: &Drafts) -> Result<bool, Failure> {
    let people = drafts.people();
    if people.is_empty() {
        return Ok(true);
    }
    messenger.release()?;
    let question = format!(
        "What you wrote to {} was not sent. Throw it away and quit?",
        people.join(", ")
    );
    match prompt::confirm_carefully(&question) {
        Ok(answer) => Ok(answer == Some(true)),
        Err(Failure::Interrupted) => Ok(true),
        Err(failure) => Err(failure),
    }
}

/// What the person wants next. Meanwhile mail comes, and is told of.
fn next(context: &Context, messenger: &mut Messenger, desk: &mut Desk) -> Result<Item, Failure> {
    let own = messenger.own_status()?;
    let waiting = if own.outbox > 0 {
        format!(", {} waiting for the relay", own.outbox)
    } else {
        String::new()
    };
    context.render.headline(&format!("{}{waiting}", own.address))?;
    desk.arrivals.told_of(&own);
    let mut list = Choices::new("What next?", items(&own, &desk.drafts));
    let mut waiting = own.outbox;
    loop {
        match context.wait(list.ask_beside(desk.arrivals.next(messenger)))? {
            Beside::Answered(Some(item)) => return Ok(item),
            // There is nothing to go back to.
            Beside::Answered(None) => list = Choices::new("What next?", items(&messenger.own_status()?, &desk.drafts)),
            Beside::Done(arrived) => {
                desk.arrivals.tell(context, messenger, &arrived, None)?;
                let own = messenger.own_status()?;
                desk.arrivals.told_of_unread(own.unread);
                // Here nothing is sent meanwhile: another process has written something.
                if own.outbox > waiting {
                    context.render.notice(&format!("{} waiting for the relay", own.outbox));
                }
                waiting = own.outbox;
                list.relabel(items(&own, &desk.drafts));
            }
        }
    }
}

/// It is longer than what a small screen shows above the menu.
fn status(context: &Context, messenger: &mut Messenger) -> Result<(), Failure> {
    match account::show_status(context, messenger) {
        Ok(()) => {}
        Err(failure @ (Failure::Io(_) | Failure::Interrupted)) => return Err(failure),
        Err(failure) => context.render.failure(&failure),
    }
    messenger.release()?;
    prompt::choose("Status:", vec!["Back"]).map(drop)
}
