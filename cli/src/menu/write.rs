//! Writing a message: who can get it is known before it is written, and what was written is kept until it is sent.

use client::{Address, Error, Messenger};

use super::limited;
use super::people::{Recipient, decide};
use crate::commands::messages::{self, Limit};
use crate::context::Context;
use crate::exit::Failure;
use crate::prompt::{self, Draft};

const HELP: &str = "Enter sends, Alt-Enter begins a new line, Esc leaves without sending.";
const KEPT: &str = "Not sent; what you wrote is still here. Enter tries again, Esc throws it away.";

pub(super) fn send(context: &Context, messenger: &mut Messenger, limited: bool) -> Result<(), Failure> {
    let Some(to) = recipient(context, messenger)? else {
        return Ok(());
    };
    write_to(context, messenger, &to, limited)
}

/// Somebody who can get a message.
fn recipient(context: &Context, messenger: &mut Messenger) -> Result<Option<Address>, Failure> {
    let mut recipients: Vec<Recipient> = messenger.contacts()?.into_iter().map(Recipient::Known).collect();
    if !recipients.is_empty() {
        recipients.push(Recipient::New);
        messenger.release()?;
        match prompt::choose("To:", recipients)? {
            Some(Recipient::Known(person)) => return Ok(Some(person.address)),
            Some(Recipient::New | Recipient::Stranger) => {}
            None => return Ok(None),
        }
    }
    let mut typed: Option<String> = None;
    loop {
        messenger.release()?;
        let Some(text) = prompt::text("To:", "a name at this relay; Esc goes back", typed.as_deref())? else {
            return Ok(None);
        };
        let name = text.trim().to_owned();
        let found = match messenger.resolve(&name) {
            Ok(address) => context
                .work("looking for them …", messenger.can_write_to(&address))
                .map(|()| address),
            Err(error) => Err(error.into()),
        };
        match found {
            Ok(address) => return Ok(Some(address)),
            Err(failure @ (Failure::Interrupted | Failure::Io(_))) => return Err(failure),
            Err(failure) => match undecided(failure) {
                // Known already, with a question that is asked before the message is written.
                Ok(peer) => return Ok(Some(peer)),
                Err(failure) => context.render.failure(&failure),
            },
        }
        typed = Some(name);
    }
}

/// A message to somebody, written and sent.
pub(super) fn write_to(
    context: &Context,
    messenger: &mut Messenger,
    to: &Address,
    limited: bool,
) -> Result<(), Failure> {
    match context.work("looking for them …", messenger.can_write_to(to)) {
        Ok(()) => {}
        Err(failure) => match undecided(failure)? {
            peer if decide(context, messenger, &peer)? => {}
            _ => return context.render.text("Nothing was sent."),
        },
    }
    let limit = if limited {
        messenger.release()?;
        match limited::ask(messenger)? {
            Some(limit) => Some(limit),
            None => return Ok(()),
        }
    } else {
        None
    };
    let (mut written, mut help) = (String::new(), HELP);
    loop {
        let question = format!("Message to {}:", to.user());
        messenger.release()?;
        let Some(text) = Draft::new(&question, help, &written).ask()? else {
            return Ok(());
        };
        if text.trim().is_empty() {
            return Ok(());
        }
        match deliver(context, messenger, to, &text, limit, false) {
            Ok(true) => return Ok(()),
            // Broken off before it was on its way, or not decided.
            Ok(false) | Err(Failure::Interrupted) => context.render.text("Nothing was sent.")?,
            Err(failure @ Failure::Io(_)) => return Err(failure),
            Err(failure @ Failure::Unsure) => {
                context.render.failure(&failure);
                return Ok(());
            }
            Err(failure) => context.render.failure(&failure),
        }
        (written, help) = (text, KEPT);
    }
}

/// Sends. False: the person did not decide about an identity. In a chat the message itself is shown.
pub(super) fn deliver(
    context: &Context,
    messenger: &mut Messenger,
    to: &Address,
    text: &str,
    limit: Option<Limit>,
    chat: bool,
) -> Result<bool, Failure> {
    loop {
        let sent = if chat {
            messages::transmit(context, messenger, to, text, limit)
        } else {
            messages::deliver(context, messenger, to.as_str(), text, limit)
        };
        match sent {
            Ok(sent) => {
                if chat {
                    // As it stands in the history from now on.
                    let message = messenger.message(&sent.id.to_string())?;
                    context.render.history(&[message], messenger.address()?.as_str())?;
                }
                if let Some(error) = sent.because {
                    context.render.failure(&Failure::Queued(error));
                }
                return Ok(true);
            }
            Err(failure) => {
                let peer = undecided(failure)?;
                if !decide(context, messenger, &peer)? {
                    return Ok(false);
                }
            }
        }
    }
}

/// Whose identity waits for a decision, when that is what failed.
fn undecided(failure: Failure) -> Result<Address, Failure> {
    match failure {
        Failure::Client(
            Error::IdentityChanged { peer, .. } | Error::IdentitySucceeded { peer, .. } | Error::IdentityForked(peer),
        ) => Ok(peer),
        other => Err(other),
    }
}
