//! Contacts and their identities.

use client::{Address, Error, Messenger, Standing};

use super::send_waiting;
use crate::context::Context;
use crate::exit::Failure;
use crate::prompt;

/// A line for the shell.
const SHELL: usize = 1;
/// A question, and what follows it.
const QUESTION: usize = 3;

pub(crate) fn contacts(context: &Context) -> Result<(), Failure> {
    let mut messenger = context.open_to_read()?;
    let people = messenger.contacts()?;
    context.render.contacts(&people)
}

pub(crate) fn safety_number(context: &Context, name: &str) -> Result<(), Failure> {
    let mut messenger = context.open_to_read()?;
    let peer = messenger.resolve(name)?;
    let (person, number) = (messenger.contact(&peer)?, messenger.safety_number(&peer)?);
    context.render.safety_number(&person, &number, SHELL)
}

/// Whether there is somebody to be blocked: the relay takes any name. Of somebody known here it is not asked.
pub(crate) fn exists(context: &Context, messenger: &mut Messenger, peer: &Address) -> Result<(), Failure> {
    match context.work("looking for them …", messenger.can_write_to(peer)) {
        // Known, and there is more to say of them than that they exist.
        Err(Failure::Client(
            Error::Blocked(_)
            | Error::IdentityChanged { .. }
            | Error::IdentitySucceeded { .. }
            | Error::IdentityForked(_),
        )) => Ok(()),
        outcome => outcome,
    }
}

pub(crate) fn block(context: &Context, name: &str, block: bool) -> Result<(), Failure> {
    let mut messenger = context.open()?;
    let peer = messenger.resolve(name)?;
    let (person, events) = if block {
        exists(context, &mut messenger, &peer)?;
        context.work("blocking …", messenger.block(&peer))?
    } else {
        context.work("unblocking …", messenger.unblock(&peer))?
    };
    context.render.events(&events);
    let printed = match person {
        Some(person) => context.render.person(&person, None),
        None => context.render.blocked(&peer, block),
    };
    let what = if block { "blocked" } else { "unblocked" };
    context.render.done(printed, &format!("{peer} was {what}"))?;
    send_waiting(context, &mut messenger);
    Ok(())
}

/// The numbers are shown and it is asked, unless `yes` says that they were compared.
pub(crate) fn verify(context: &Context, name: &str, accept: bool, yes: bool) -> Result<(), Failure> {
    let what = if accept {
        "whether to accept the new identity"
    } else {
        "whether the safety number is the same on both sides"
    };
    let asks = context.asks(yes, what)?;
    let mut messenger = context.open()?;
    let peer = messenger.resolve(name)?;
    let person = messenger.contact(&peer)?;
    let number = messenger.safety_number(&peer)?;
    match person.standing {
        Standing::Changed { offered } if !accept => {
            return Err(Error::IdentityChanged {
                peer,
                pinned: Some(person.fingerprint),
                offered: Some(offered),
            }
            .into());
        }
        Standing::Forked { .. } if !accept => return Err(Error::IdentityForked(peer).into()),
        // Said before a question that has no answer.
        Standing::Unverified | Standing::Verified if accept => return Err(Error::NothingToAccept(peer).into()),
        _ => {}
    }
    if accept {
        context
            .render
            .goes_to_new_identity(&peer, &messenger.not_arrived(&peer)?);
    }
    if asks {
        context.render.safety_number(&person, &number, QUESTION)?;
        let question = if accept {
            "Accept this new identity?"
        } else {
            "Is it the same on the other side?"
        };
        if prompt::confirm_carefully(question)? != Some(true) {
            return context.render.text("Nothing was changed.");
        }
    }
    if accept {
        let (person, events) = messenger.accept_identity(&peer)?;
        context.render.events(&events);
        let printed = context.render.person(&person, Some(&number));
        context
            .render
            .done(printed, &format!("the new identity of {peer} was accepted"))?;
        go_on(context, &mut messenger);
        return Ok(());
    }
    let waited = matches!(person.standing, Standing::Succeeded { .. });
    let person = messenger.verify(&peer)?;
    let printed = context.render.person(&person, Some(&number));
    context.render.done(printed, &format!("{peer} was verified"))?;
    if waited {
        go_on(context, &mut messenger);
    }
    Ok(())
}

/// The conversation goes on with fresh keys; what waited for the relay or for a decision goes out.
pub(crate) fn go_on(context: &Context, messenger: &mut Messenger) {
    match context.work("restarting the conversation …", messenger.catch_up()) {
        Ok(events) => context.render.events(&events),
        Err(failure) => context.render.failure(&failure),
    }
}

pub(crate) fn reject_identity(context: &Context, name: &str) -> Result<(), Failure> {
    let mut messenger = context.open()?;
    let peer = messenger.resolve(name)?;
    let (person, events) = messenger.reject_identity(&peer)?;
    context.render.events(&events);
    let printed = context.render.person(&person, None);
    context
        .render
        .done(printed, &format!("the other identity of {peer} was rejected"))
}
