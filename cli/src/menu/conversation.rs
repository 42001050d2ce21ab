//! A conversation: what comes is shown, what is written is sent.

use client::vault::StoredMessage;
use client::{Address, Messenger};

use super::arrivals::{Arrivals, Arrived};
use super::limited::{self, LATELY};
use super::people::Recipient;
use super::write;
use crate::context::Context;
use crate::exit::Failure;
use crate::prompt::{self, Beside, Draft};

const HELP: &str = "Enter sends, Alt-Enter begins a new line, Enter with no text: more, Esc: back.";
const KEPT: &str = "Not sent; what you wrote is still here. Enter tries again, Esc goes back.";

pub(super) fn conversations(
    context: &Context,
    messenger: &mut Messenger,
    arrivals: &mut Arrivals,
) -> Result<(), Failure> {
    let people = messenger.contacts()?;
    if people.is_empty() {
        return context.render.contacts(&people);
    }
    let recipients = people.into_iter().map(Recipient::Known).collect();
    messenger.release()?;
    match prompt::choose("Conversation with:", recipients)? {
        Some(Recipient::Known(person)) => conversation(context, messenger, arrivals, &person.address),
        _ => Ok(()),
    }
}

fn conversation(
    context: &Context,
    messenger: &mut Messenger,
    arrivals: &mut Arrivals,
    peer: &Address,
) -> Result<(), Failure> {
    let own = messenger.address()?;
    let question = format!("To {}:", peer.user());
    let shown = messenger.history(Some(peer), LATELY)?;
    context.render.headline(&format!("Conversation with {peer}"))?;
    context.render.history(&shown, own.as_str())?;
    messenger.mark_seen(&shown)?;
    let mut draft = Draft::new(&question, HELP, "");
    loop {
        let text = match context.wait(draft.ask_beside(arrivals.next(messenger)))? {
            Beside::Answered(Some(text)) => text,
            Beside::Answered(None) => return Ok(()),
            Beside::Done(arrived) => {
                came(context, messenger, arrivals, peer, &arrived)?;
                continue;
            }
        };
        if text.trim().is_empty() {
            if !more(context, messenger, peer)? {
                return Ok(());
            }
            draft = Draft::new(&question, HELP, "");
            continue;
        }
        draft = match write::deliver(context, messenger, peer, &text, None, true) {
            Ok(true) => Draft::new(&question, HELP, ""),
            Ok(false) | Err(Failure::Interrupted) => Draft::new(&question, KEPT, &text),
            Err(failure @ Failure::Io(_)) => return Err(failure),
            Err(failure @ Failure::Unsure) => {
                context.render.failure(&failure);
                Draft::new(&question, HELP, "")
            }
            Err(failure) => {
                context.render.failure(&failure);
                Draft::new(&question, KEPT, &text)
            }
        };
    }
}

/// Shows what came from this person; the others' is told of.
fn came(
    context: &Context,
    messenger: &mut Messenger,
    arrivals: &Arrivals,
    peer: &Address,
    arrived: &Arrived,
) -> Result<(), Failure> {
    arrivals.tell(context, arrived)?;
    let unread = messenger.unread()?;
    let here: Vec<StoredMessage> = unread.into_iter().filter(|message| message.peer == *peer).collect();
    if !here.is_empty() {
        context.render.inbox(&here)?;
        messenger.mark_seen(&here)?;
    }
    Ok(())
}

/// What else there is to do here; false: nothing, go back.
fn more(context: &Context, messenger: &mut Messenger, peer: &Address) -> Result<bool, Failure> {
    let (reply, limit, open, back) = (
        "Go on writing",
        "Write with a play limit",
        "Open a limited message",
        "Back",
    );
    messenger.release()?;
    let outcome = match prompt::choose("What next?", vec![reply, limit, open, back])? {
        Some(choice) if choice == reply => Ok(()),
        Some(choice) if choice == limit => write::write_to(context, messenger, peer, true),
        Some(choice) if choice == open => {
            match limited::offer_plays(context, messenger, &messenger.history(Some(peer), LATELY)?) {
                Ok(false) => context
                    .render
                    .text("There is no limited message here that opens again."),
                other => other.map(drop),
            }
        }
        _ => return Ok(false),
    };
    match outcome {
        Ok(()) => Ok(true),
        Err(failure @ (Failure::Io(_) | Failure::Interrupted)) => Err(failure),
        // A refusal is no reason to leave the conversation.
        Err(failure) => {
            context.render.failure(&failure);
            Ok(true)
        }
    }
}
