//! Contacts: who they are, and what becomes of them when their identity changes.

use std::fmt;

use client::{Messenger, Person, Standing};

use crate::commands::people;
use crate::context::Context;
use crate::exit::Failure;
use crate::prompt;

/// Lines of a list with four entries, one of them in two lines.
const LIST: usize = 8;

/// A contact in a list, or somebody else.
pub(super) enum Recipient {
    Known(Person),
    /// To write to.
    New,
    /// To block, or not any more.
    Stranger,
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(person) if person.blocked => write!(f, "{} (blocked)", person.address.user()),
            Self::Known(person) => match person.standing {
                Standing::Changed { .. } => write!(f, "{} (IDENTITY CHANGED)", person.address.user()),
                Standing::Succeeded { .. } => write!(f, "{} (new identity, compare again)", person.address.user()),
                Standing::Forked { .. } => write!(f, "{} (TWO SUCCESSORS)", person.address.user()),
                Standing::Verified => write!(f, "{} (verified)", person.address.user()),
                Standing::Unverified => write!(f, "{}", person.address.user()),
            },
            Self::New => f.write_str("somebody new …"),
            Self::Stranger => f.write_str("block someone who is not a contact …"),
        }
    }
}

/// The user's decision about another identity; true when there is one to write to.
pub(super) fn decide(context: &Context, messenger: &mut Messenger, peer: &client::Address) -> Result<bool, Failure> {
    let (person, number) = (messenger.contact(peer)?, messenger.safety_number(peer)?);
    let what = match person.standing {
        Standing::Succeeded { .. } => format!(
            "{peer} has a new identity, named by the one you verified. Whoever stole that one could have done it too: compare this number with \
             them, not through Latchkey."
        ),
        Standing::Forked { .. } => format!(
            "two identities say that they follow the one you knew of {peer}: somebody else has its key. Meet or call, and compare this number \
             of the one that is offered, before you accept it."
        ),
        _ => format!(
            "the identity of {peer} has changed. Either they began anew, or somebody stands between you. Compare this number with them, \
             not through Latchkey, before you accept it."
        ),
    };
    context.render.warning(&what);
    context.render.safety_number(&person, &number, LIST)?;
    context.render.goes_to_new_identity(peer, &messenger.not_arrived(peer)?);
    let (later, verified, accept, reject) = (
        "Decide later: nothing is sent",
        "It is the same on the other side: verified",
        "Accept the new identity",
        "Reject it: keep the old identity, forget what the new one sent",
    );
    let same_line = matches!(person.standing, Standing::Succeeded { .. });
    let choices = if same_line {
        vec![later, verified, accept]
    } else {
        vec![later, accept, reject]
    };
    match prompt::choose("What now?", choices)? {
        Some(choice) if choice == verified => {
            let person = messenger.verify(peer)?;
            context.render.person(&person, None)?;
        }
        Some(choice) if choice == accept => {
            let (_, events) = messenger.accept_identity(peer)?;
            context.render.events(&events);
        }
        Some(choice) if choice == reject => {
            let (person, events) = messenger.reject_identity(peer)?;
            context.render.events(&events);
            context.render.person(&person, None)?;
            return Ok(true);
        }
        _ => return Ok(false),
    }
    people::go_on(context, messenger);
    Ok(true)
}

pub(super) fn contacts(context: &Context, messenger: &mut Messenger) -> Result<(), Failure> {
    let people = messenger.contacts()?;
    if people.is_empty() {
        context.render.contacts(&people)?;
    }
    let mut recipients: Vec<Recipient> = people.into_iter().map(Recipient::Known).collect();
    recipients.push(Recipient::Stranger);
    messenger.release()?;
    let person = match prompt::choose("Contact:", recipients)? {
        Some(Recipient::Known(person)) => person,
        Some(Recipient::Stranger) => return stranger(context, messenger),
        _ => return Ok(()),
    };
    if !matches!(person.standing, Standing::Unverified | Standing::Verified) {
        return decide(context, messenger, &person.address).map(drop);
    }
    let number = messenger.safety_number(&person.address)?;
    context.render.person(&person, None)?;
    context.render.safety_number(&person, &number, LIST)?;
    let (back, same, block, unblock) = (
        "Back",
        "It is the same on the other side, compared over another channel: verified",
        "Block: what they send is dropped, unseen and without a word to them",
        "Unblock: what was dropped stays dropped",
    );
    let mut choices = vec![back];
    if person.standing == Standing::Unverified {
        choices.push(same);
    }
    choices.push(if person.blocked { unblock } else { block });
    let person = match prompt::choose("What now?", choices)? {
        Some(choice) if choice == same => Some(messenger.verify(&person.address)?),
        Some(choice) if choice == block => {
            let (person, events) = context.work("blocking …", messenger.block(&person.address))?;
            context.render.events(&events);
            person
        }
        Some(choice) if choice == unblock => {
            let (person, events) = context.work("unblocking …", messenger.unblock(&person.address))?;
            context.render.events(&events);
            person
        }
        _ => return Ok(()),
    };
    match person {
        Some(person) => context.render.person(&person, None),
        None => Ok(()),
    }
}

/// Somebody who is no contact, and floods.
fn stranger(context: &Context, messenger: &mut Messenger) -> Result<(), Failure> {
    let mut typed: Option<String> = None;
    loop {
        messenger.release()?;
        let Some(name) = prompt::text("Block whom?", "a name at this relay; Esc goes back", typed.as_deref())? else {
            return Ok(());
        };
        let found = match messenger.resolve(name.trim()) {
            Ok(peer) => people::exists(context, messenger, &peer).map(|()| peer),
            Err(error) => Err(error.into()),
        };
        let peer = match found {
            Ok(peer) => peer,
            Err(failure @ (Failure::Interrupted | Failure::Io(_))) => return Err(failure),
            Err(failure) => {
                context.render.failure(&failure);
                typed = Some(name);
                continue;
            }
        };
        let (back, block, unblock) = (
            "Back",
            "Block: the relay takes nothing from them any more, without a word to them",
            "Unblock",
        );
        messenger.release()?;
        let blocked = match prompt::choose("What now?", vec![back, block, unblock])? {
            Some(choice) if choice == block => true,
            Some(choice) if choice == unblock => false,
            _ => return Ok(()),
        };
        let (person, events) = if blocked {
            context.work("blocking …", messenger.block(&peer))?
        } else {
            context.work("unblocking …", messenger.unblock(&peer))?
        };
        context.render.events(&events);
        return match person {
            Some(person) => context.render.person(&person, None),
            None => context.render.blocked(&peer, blocked),
        };
    }
}
