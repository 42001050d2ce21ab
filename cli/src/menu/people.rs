//! Contacts: who they are, and what becomes of them when their identity changes.

use std::fmt;

use client::{Messenger, Person, Standing};

use super::drafts::Drafts;
use crate::commands::people;
use crate::context::Context;
use crate::exit::Failure;
use crate::prompt;

/// Lines of a list with four entries, one of them in two lines.
const LIST: usize = 8;

/// A contact in a list, or somebody else.
pub(super) enum Recipient {
    Known(Person),
    /// With a message that was begun.
    Begun(Person),
    /// To write to.
    New,
    /// To block, or not any more.
    Stranger,
}

impl Recipient {
    /// Contacts, and for whom there is something written already.
    pub(super) fn contacts(people: Vec<Person>, drafts: &Drafts, limited: bool) -> Vec<Self> {
        let begun = |person: &Person| drafts.has(&person.address, limited);
        people
            .into_iter()
            .map(|person| {
                if begun(&person) {
                    Self::Begun(person)
                } else {
                    Self::Known(person)
                }
            })
            .collect()
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(person) => f.write_str(&known(person)),
            Self::Begun(person) => write!(f, "{} (draft)", known(person)),
            Self::New => f.write_str("somebody new …"),
            Self::Stranger => f.write_str("block someone who is not a contact …"),
        }
    }
}

fn known(person: &Person) -> String {
    let user = person.address.user();
    if person.blocked {
        return format!("{user} (blocked)");
    }
    match person.standing {
        Standing::Changed { .. } => format!("{user} (IDENTITY CHANGED)"),
        Standing::Succeeded { .. } => format!("{user} (new identity, compare again)"),
        Standing::Forked { .. } => format!("{user} (TWO SUCCESSORS)"),
        Standing::Verified => format!("{user} (verified)"),
        Standing::Unverified => user.to_string(),
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
        vec![verified, accept]
    } else {
        vec![accept, reject]
    };
    match prompt::choose_carefully("What now?", later, choices)? {
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
    loop {
        let people = messenger.contacts()?;
        if people.is_empty() {
            context.render.contacts(&people)?;
        }
        let mut recipients: Vec<Recipient> = people.into_iter().map(Recipient::Known).collect();
        recipients.push(Recipient::Stranger);
        messenger.release()?;
        let done = match prompt::choose("Contact:", recipients)? {
            Some(Recipient::Known(person) | Recipient::Begun(person)) => contact(context, messenger, &person)?,
            Some(Recipient::Stranger | Recipient::New) => stranger(context, messenger)?,
            None => true,
        };
        if done {
            return Ok(());
        }
    }
}

/// Looks after a contact; false: the person stepped back.
fn contact(context: &Context, messenger: &mut Messenger, person: &Person) -> Result<bool, Failure> {
    if !matches!(person.standing, Standing::Unverified | Standing::Verified) {
        return decide(context, messenger, &person.address);
    }
    let number = messenger.safety_number(&person.address)?;
    context.render.person(person, None)?;
    context.render.safety_number(person, &number, LIST)?;
    let (same, block, unblock) = (
        "It is the same on the other side, compared over another channel: verified",
        "Block: what they send is dropped, unseen and without a word to them",
        "Unblock: what was dropped stays dropped",
    );
    let mut choices = Vec::new();
    if person.standing == Standing::Unverified {
        choices.push(same);
    }
    choices.push(if person.blocked { unblock } else { block });
    let person = match prompt::choose_carefully("What now?", "Back", choices)? {
        Some(choice) if choice == same => Some(messenger.verify(&person.address)?),
        Some(choice) if choice == block => {
            let (person, events) = context.work("blocking …", messenger.block(&person.address))?;
            context.render.events(&events);
            person
        }
        Some(_) => {
            let (person, events) = context.work("unblocking …", messenger.unblock(&person.address))?;
            context.render.events(&events);
            person
        }
        None => return Ok(false),
    };
    if let Some(person) = person {
        context.render.person(&person, None)?;
    }
    Ok(true)
}

/// Somebody who is no contact, and floods; false: the person stepped back.
fn stranger(context: &Context, messenger: &mut Messenger) -> Result<bool, Failure> {
    let mut typed = String::new();
    loop {
        messenger.release()?;
        let help = "a name at this relay; Esc goes back";
        let Some(name) = prompt::text("Block whom?", help, &typed)? else {
            return Ok(false);
        };
        let found = match messenger.resolve(name.trim()) {
            Ok(peer) => people::exists(context, messenger, &peer).map(|()| peer),
            Err(error) => Err(error.into()),
        };
        typed = name;
        let peer = match found {
            Ok(peer) => peer,
            Err(failure @ (Failure::Interrupted | Failure::Io(_))) => return Err(failure),
            Err(failure) => {
                context.render.failure(&failure);
                continue;
            }
        };
        let (block, unblock) = (
            "Block: the relay takes nothing from them any more, without a word to them",
            "Unblock",
        );
        messenger.release()?;
        let blocked = match prompt::choose_carefully("What now?", "Back", vec![block, unblock])? {
            Some(choice) => choice == block,
            None => continue,
        };
        let (person, events) = if blocked {
            context.work("blocking …", messenger.block(&peer))?
        } else {
            context.work("unblocking …", messenger.unblock(&peer))?
        };
        context.render.events(&events);
        match person {
            Some(person) => context.render.person(&person, None)?,
            None => context.render.blocked(&peer, blocked)?,
        }
        return Ok(true);
    }
}
