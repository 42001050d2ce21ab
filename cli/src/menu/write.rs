//! Writing a message: who can get it is known before it is written, and what was written is kept until it is sent.

use client::{Address, Error, Messenger};
use zeroize::Zeroizing;

use super::arrivals::{Arrivals, Arrived};
use super::drafts::{Drafts, Written};
use super::limited::LimitQuestions;
use super::people::{Recipient, decide};
use crate::commands::messages::{self, Limit};
use crate::context::Context;
use crate::exit::Failure;
use crate::prompt::{self, Beside, Draft};

const HELP: &str = "Enter sends, Alt-Enter begins a new line, Esc goes back and keeps what you wrote.";
const KEPT: &str = "Not sent; what you wrote is still here. Enter tries again, Esc goes back and keeps it.";

/// What the interactive client has besides the account.
#[derive(Default)]
pub(super) struct Desk {
    pub(super) arrivals: Arrivals,
    pub(super) drafts: Drafts,
}

pub(super) fn send(
    context: &Context,
    messenger: &mut Messenger,
    desk: &mut Desk,
    limited: bool,
) -> Result<(), Failure> {
    let mut to = To::default();
    while let Some(peer) = to.ask(context, messenger, &desk.drafts, limited)? {
        if write_to(context, messenger, desk, &peer, limited)? {
            break;
        }
    }
    Ok(())
}

/// Who gets a message: one of the contacts, or somebody whose name is typed.
#[derive(Default)]
struct To {
    typed: String,
    /// Whether a name is being typed.
    typing: bool,
}

impl To {
    /// Somebody who can get a message; asked again when one steps back to it.
    fn ask(
        &mut self,
        context: &Context,
        messenger: &mut Messenger,
        drafts: &Drafts,
        limited: bool,
    ) -> Result<Option<Address>, Failure> {
        loop {
            let people = messenger.contacts()?;
            let none = people.is_empty();
            messenger.release()?;
            if !none && !self.typing {
                let mut recipients = Recipient::contacts(people, drafts, limited);
                recipients.push(Recipient::New);
                match prompt::choose_or_type("To:", recipients)? {
                    Some((Recipient::Known(person) | Recipient::Begun(person), _)) => return Ok(Some(person.address)),
                    Some((Recipient::New | Recipient::Stranger, typed)) => {
                        self.typing = true;
                        if !typed.is_empty() {
                            self.typed = typed;
                        }
                    }
                    None => return Ok(None),
                }
            }
            match self.ask_for_name(context, messenger)? {
                None if none => return Ok(None),
                None => self.typing = false,
                found => return Ok(found),
            }
        }
    }

    fn ask_for_name(&mut self, context: &Context, messenger: &mut Messenger) -> Result<Option<Address>, Failure> {
        loop {
            messenger.release()?;
            let help = "a name at this relay; Esc goes back";
            let Some(text) = prompt::text("To:", help, &self.typed)? else {
                return Ok(None);
            };
            let name = text.trim().to_owned();
            let found = match messenger.resolve(&name) {
                Ok(address) => context
                    .work("looking for them …", messenger.can_write_to(&address))
                    .map(|()| address),
                Err(error) => Err(error.into()),
            };
            self.typed = name;
            match found {
                Ok(address) => return Ok(Some(address)),
                Err(failure @ (Failure::Interrupted | Failure::Io(_))) => return Err(failure),
                Err(failure) => match undecided(failure) {
                    // Known already, with a question that is asked before the message is written.
                    Ok(peer) => return Ok(Some(peer)),
                    Err(failure) => context.render.failure(&failure),
                },
            }
        }
    }
}

/// A message to somebody, written and sent. False: the person stepped back. Whatever happens, what was written and not sent is kept.
pub(super) fn write_to(
    context: &Context,
    messenger: &mut Messenger,
    desk: &mut Desk,
    to: &Address,
    limited: bool,
) -> Result<bool, Failure> {
    match context.work("looking for them …", messenger.can_write_to(to)) {
        Ok(()) => {}
        Err(failure) => match undecided(failure)? {
            peer if decide(context, messenger, &peer)? => {}
            _ => {
                context.render.text("Nothing was sent.")?;
                return Ok(false);
            }
        },
    }
    let mut written = desk.drafts.take(to, limited);
    if limited && written.limit.is_none() {
        written.limit = Some(LimitQuestions::default());
    }
    let outcome = compose(context, messenger, &mut desk.arrivals, to, &mut written);
    if matches!(outcome, Ok(true)) {
        return outcome;
    }
    keep(context, desk, to, limited, written)?;
    outcome
}

/// Keeps what was not sent, and says so.
pub(super) fn keep(
    context: &Context,
    desk: &mut Desk,
    to: &Address,
    limited: bool,
    written: Written,
) -> Result<(), Failure> {
    if desk.drafts.keep(to, limited, written) {
        let user = to.user();
        context.render.text(&format!(
            "Not sent. What you wrote is kept until you quit: choose {user} again to go on."
        ))?;
    }
    Ok(())
}

/// Asks for the limit and the message, and sends it. False: the person stepped back from the first question.
fn compose(
    context: &Context,
    messenger: &mut Messenger,
    arrivals: &mut Arrivals,
    to: &Address,
    written: &mut Written,
) -> Result<bool, Failure> {
    let question = format!("Message to {}:", to.user());
    let (mut limit, mut help) = (None, HELP);
    loop {
        if let Some(questions) = &mut written.limit {
            messenger.release()?;
            limit = questions.ask(messenger, limit)?;
            if limit.is_none() {
                return Ok(false);
            }
        }
        messenger.release()?;
        loop {
            let draft = Draft::of_words(&question, help, &written.text);
            let tell = |messenger: &mut Messenger, arrivals: &Arrivals, arrived: &Arrived| {
                arrivals.tell(context, messenger, arrived, None)
            };
            let Some(text) = ask(context, messenger, arrivals, draft, written, tell)? else {
                break;
            };
            match deliver(context, messenger, to, &text, limit, false) {
                Ok(true) => return Ok(true),
                // Broken off before it was on its way, or not decided.
                Ok(false) | Err(Failure::Interrupted) => context.render.text("Nothing was sent.")?,
                Err(failure @ Failure::Io(_)) => return Err(failure),
                Err(failure @ Failure::Unsure) => {
                    context.render.failure(&failure);
                    return Ok(true);
                }
                Err(failure) => context.render.failure(&failure),
            }
            help = KEPT;
        }
        if written.limit.is_none() {
            return Ok(false);
        }
    }
}

/// Asks for the message while mail comes, which is told of above what is being written. However that ends, what was written is kept.
pub(super) fn ask(
    context: &Context,
    messenger: &mut Messenger,
    arrivals: &mut Arrivals,
    mut draft: Draft,
    written: &mut Written,
    came: impl Fn(&mut Messenger, &Arrivals, &Arrived) -> Result<(), Failure>,
) -> Result<Option<String>, Failure> {
    let outcome = loop {
        let told = match context.wait(draft.ask_beside(arrivals.next(messenger))) {
            Ok(Beside::Answered(answer)) => break Ok(answer),
            Ok(Beside::Done(arrived)) => came(messenger, arrivals, &arrived),
            Err(failure) => Err(failure),
        };
        if let Err(failure) = told {
            break Err(failure);
        }
    };
    written.text = Zeroizing::new(draft.written().to_owned());
    outcome
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
                    context.render.events(&sent.events);
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
