//! A conversation: what comes is shown, what is written is sent.

use client::vault::StoredMessage;
use client::{Address, Messenger};
use zeroize::Zeroizing;

use super::arrivals::{Arrivals, Arrived};
use super::drafts::Written;
use super::limited::{self, LATELY, Offer};
use super::people::Recipient;
use super::write::{self, Desk};
use crate::commands::messages::note_seen;
use crate::context::Context;
use crate::exit::Failure;
use crate::prompt::{self, Draft};

const HELP: &str = "Enter sends, Alt-Enter begins a new line, Enter with no text: more, Esc: back.";
const KEPT: &str = "Not sent; what you wrote is still here. Enter tries again, Esc goes back and keeps it.";

pub(super) fn conversations(context: &Context, messenger: &mut Messenger, desk: &mut Desk) -> Result<(), Failure> {
    loop {
        let people = messenger.contacts()?;
        if people.is_empty() {
            return context.render.contacts(&people);
        }
        let recipients = Recipient::contacts(people, &desk.drafts, false);
        messenger.release()?;
        match prompt::choose("Conversation with:", recipients)? {
            Some(Recipient::Known(person) | Recipient::Begun(person)) => {
                if conversation(context, messenger, desk, &person.address)? {
                    return Ok(());
                }
            }
            _ => return Ok(()),
        }
    }
}

/// False: the person stepped back. What was written and not sent is kept.
fn conversation(
    context: &Context,
    messenger: &mut Messenger,
    desk: &mut Desk,
    peer: &Address,
) -> Result<bool, Failure> {
    let own = messenger.address()?;
    let shown = messenger.history(Some(peer), LATELY)?;
    context.render.headline(&format!("Conversation with {peer}"))?;
    context.render.history(&shown, own.as_str())?;
    note_seen(context, messenger, &shown)?;
    let mut written = desk.drafts.take(peer, false);
    let outcome = talk(context, messenger, desk, peer, &mut written);
    write::keep(context, desk, peer, false, written)?;
    outcome
}

fn talk(
    context: &Context,
    messenger: &mut Messenger,
    desk: &mut Desk,
    peer: &Address,
    written: &mut Written,
) -> Result<bool, Failure> {
    let question = format!("To {}:", peer.user());
    let mut help = HELP;
    loop {
        let draft = Draft::new(&question, help, &written.text);
        let came = |messenger: &mut Messenger, arrivals: &Arrivals, arrived: &Arrived| {
            came(context, messenger, arrivals, peer, arrived)
        };
        let Some(text) = write::ask(context, messenger, &mut desk.arrivals, draft, written, came)? else {
            return Ok(false);
        };
        help = HELP;
        if text.trim().is_empty() {
            written.text = Zeroizing::default();
            if !more(context, messenger, desk, peer)? {
                return Ok(true);
            }
            continue;
        }
        match write::deliver(context, messenger, peer, &text, None, true) {
            Ok(true) => written.text = Zeroizing::default(),
            Ok(false) | Err(Failure::Interrupted) => help = KEPT,
            Err(failure @ Failure::Io(_)) => return Err(failure),
            Err(failure @ Failure::Unsure) => {
                context.render.failure(&failure);
                written.text = Zeroizing::default();
            }
            Err(failure) => {
                context.render.failure(&failure);
                help = KEPT;
            }
        }
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
    arrivals.tell(context, messenger, arrived, Some(peer))?;
    let unread = messenger.unread()?;
    let here: Vec<StoredMessage> = unread.into_iter().filter(|message| message.peer == *peer).collect();
    if !here.is_empty() {
        context.render.inbox(&here)?;
        messenger.mark_seen(&here)?;
    }
    Ok(())
}

/// What else there is to do here; false: nothing, leave. Who steps back from what was chosen is asked again.
fn more(context: &Context, messenger: &mut Messenger, desk: &mut Desk, peer: &Address) -> Result<bool, Failure> {
    let (reply, limit, open, leave) = (
        "Go on writing",
        "Write with a play limit",
        "Open a limited message",
        "Leave the conversation",
    );
    let choices = [reply, limit, open, leave];
    let mut at = 0;
    loop {
        messenger.release()?;
        let Some(choice) = prompt::choose_from("What else?", choices.to_vec(), at)? else {
            return Ok(true);
        };
        at = choices.iter().position(|known| *known == choice).unwrap_or_default();
        let stepped_back = if choice == leave {
            return Ok(false);
        } else if choice == limit {
            write::write_to(context, messenger, desk, peer, true).map(|written| !written)
        } else if choice == open {
            match limited::offer_plays(context, messenger, &messenger.history(Some(peer), LATELY)?) {
                Ok(Offer::Nothing) => context
                    .render
                    .text("There is no limited message here that opens again.")
                    .map(|()| false),
                other => other.map(|offer| matches!(offer, Offer::Later)),
            }
        } else {
            Ok(false)
        };
        match stepped_back {
            Ok(true) => {}
            Ok(false) => return Ok(true),
            Err(failure @ (Failure::Io(_) | Failure::Interrupted)) => return Err(failure),
            // A refusal is no reason to leave the conversation.
            Err(failure) => {
                context.render.failure(&failure);
                return Ok(true);
            }
        }
    }
}
