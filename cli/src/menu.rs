//! The interactive client.

mod people;
mod settings;

use std::fmt;
use std::time::Duration;

use client::vault::{Direction, LimitMode, MessageBody, StoredMessage};
use client::{Error, LimitRequest, Messenger, Options};
use people::{Recipient, contacts, decide};

use crate::args::{self, DEFAULT_HISTORY};
use crate::commands::messages::Limit;
use crate::commands::{account, messages, plays};
use crate::context::{Context, DEFAULT_RELAY};
use crate::exit::Failure;
use crate::prompt;
use crate::render::messages::used_up;
use crate::render::time;

/// How long "wait for messages" waits in one go: the relay's longest poll.
const WAIT: Duration = Duration::from_secs(30);
/// Attempts at the passphrase before giving up: a mistyped one is common, a fifth is not.
const PASSPHRASE_ATTEMPTS: u32 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Inbox(usize),
    Send,
    Conversations,
    Contacts,
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
            Self::Conversations => f.write_str("Conversations"),
            Self::Contacts => f.write_str("Contacts and verification"),
            Self::Keys => f.write_str("Keys"),
            Self::Status => f.write_str("Status"),
            Self::Settings => f.write_str("Settings"),
            Self::Quit => f.write_str("Quit"),
        }
    }
}

pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let Some(mut messenger) = enter(context)? else {
        return Ok(());
    };
    loop {
        let own = messenger.own_status()?;
        let waiting = if own.outbox > 0 {
            format!(", {} waiting for the relay", own.outbox)
        } else {
            String::new()
        };
        context.render.headline(&format!("{}{waiting}", own.address))?;
        let items = vec![
            Item::Inbox(own.unread),
            Item::Send,
            Item::Conversations,
            Item::Contacts,
            Item::Keys,
            Item::Status,
            Item::Settings,
            Item::Quit,
        ];
        let outcome = match prompt::choose("What next?", items) {
            Ok(Some(Item::Quit)) | Err(Failure::Interrupted) => return Ok(()),
            Ok(None) => continue,
            Ok(Some(Item::Inbox(_))) => inbox(context, &mut messenger),
            Ok(Some(Item::Send)) => send(context, &mut messenger),
            Ok(Some(Item::Conversations)) => conversations(context, &mut messenger),
            Ok(Some(Item::Contacts)) => contacts(context, &mut messenger),
            Ok(Some(Item::Keys)) => settings::keys(context, &mut messenger),
            Ok(Some(Item::Status)) => account::show_status(context, &mut messenger),
            Ok(Some(Item::Settings)) => settings::settings(context, &mut messenger),
            Err(failure) => return Err(failure),
        };
        match outcome {
            // Ctrl-C leaves what one was doing, not the client.
            Ok(()) | Err(Failure::Interrupted) => {}
            Err(failure @ Failure::Io(_)) => return Err(failure),
            Err(failure) => context.render.failure(&failure),
        }
    }
}

/// Opens the account, or makes one.
fn enter(context: &Context) -> Result<Option<Messenger>, Failure> {
    let home = context.home()?;
    if !Messenger::exists(&home) {
        context.render.headline("Welcome to Latchkey")?;
        context
            .render
            .text(&format!("There is no account in {} yet.", home.display()))?;
        return first_run(context, None);
    }
    for attempt in 1.. {
        let passphrase = context.passphrase()?;
        match Messenger::open(&home, &passphrase, context.relay()?, Options::default()) {
            Ok(messenger) => return Ok(Some(messenger)),
            Err(Error::RegistrationPending(name)) => {
                context.render.text(&format!(
                    "The registration of {name} was not finished; finishing it now."
                ))?;
                return first_run(context, Some(&name));
            }
            Err(Error::NotRegistered) => return first_run(context, None),
            Err(Error::Vault(error @ client::vault::VaultError::WrongPassphrase)) if attempt < PASSPHRASE_ATTEMPTS => {
                context.render.failure(&error.into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

fn first_run(context: &Context, name: Option<&str>) -> Result<Option<Messenger>, Failure> {
    loop {
        let chosen = match name {
            Some(name) => name.to_owned(),
            None => {
                let help = "1 to 32 of a-z 0-9 _ . - beginning with a letter or digit. Esc leaves.";
                match prompt::text("Your name at the relay:", help, None)? {
                    Some(name) => name.trim().to_owned(),
                    None => return Ok(None),
                }
            }
        };
        // Before anything else is asked: a name that cannot be registered, or none.
        if name.is_none()
            && let Err(why) = client::UserName::parse(&chosen)
        {
            context.render.failure(&Failure::Usage(why.to_string()));
            continue;
        }
        let outcome = relay(context)?.map(|relay| account::register_at(context, &chosen, &relay));
        match outcome {
            None => return Ok(None),
            Some(Ok(messenger)) => return Ok(Some(messenger)),
            Some(Err(Failure::Interrupted)) => return Ok(None),
            Some(Err(failure)) => {
                context.render.failure(&failure);
                if !prompt::confirm("Try again?", true)? {
                    return Ok(None);
                }
            }
        }
    }
}

fn relay(context: &Context) -> Result<Option<client::RelayUrl>, Failure> {
    if let Some(relay) = context.relay()? {
        return Ok(Some(relay));
    }
    loop {
        let Some(url) = prompt::text("Relay:", "scheme://host[:port]", Some(DEFAULT_RELAY))? else {
            return Ok(None);
        };
        match context.parse_relay(&url) {
            Ok(relay) => return Ok(Some(relay)),
            Err(failure) => context.render.failure(&failure),
        }
    }
}

fn inbox(context: &Context, messenger: &mut Messenger) -> Result<(), Failure> {
    let events = context.work("receiving …", messenger.receive(Duration::ZERO))?;
    context.render.events(&events);
    while messenger.unread()?.is_empty() {
        context.render.inbox(&[])?;
        if !prompt::confirm("Wait for new messages? (30 seconds, Ctrl-C stops)", false)? {
            return Ok(());
        }
        let events = context.work("waiting …", messenger.receive(WAIT))?;
        context.render.events(&events);
        if messages::noteworthy(&events) && messenger.unread()?.is_empty() {
            return Ok(());
        }
    }
    let unread = messenger.unread()?;
    messages::show_unread(context, messenger)?;
    offer_plays(context, messenger, &unread).map(drop)
}

/// A limited message in a list.
struct Choice(StoredMessage);

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MessageBody::Limited(terms, _) = &self.0.body else {
            return f.write_str("?");
        };
        let (used, limit, sent) = (terms.used, terms.limit, time::utc(self.0.sent_at));
        write!(f, "from {}, {sent}: {used} of {limit} plays used", self.0.peer)
    }
}

/// Opens one of these; whether there was any.
fn offer_plays(context: &Context, messenger: &mut Messenger, shown: &[StoredMessage]) -> Result<bool, Failure> {
    let choices: Vec<Choice> = shown
        .iter()
        .filter(|message| message.direction == Direction::Incoming)
        .filter(|message| matches!(&message.body, MessageBody::Limited(terms, _) if terms.ended.is_none() && !used_up(terms)))
        .map(|message| Choice(message.clone()))
        .collect();
    if choices.is_empty() {
        return Ok(false);
    }
    if let Some(Choice(message)) =
        prompt::choose("Open a limited message? That uses one play. (Esc: not now)", choices)?
    {
        plays::play_on_screen(context, messenger, &message.id.to_string())?;
    }
    Ok(true)
}

fn send(context: &Context, messenger: &mut Messenger) -> Result<(), Failure> {
    let mut recipients: Vec<Recipient> = messenger.contacts()?.into_iter().map(Recipient::Known).collect();
    let to = if recipients.is_empty() {
        prompt::text("To:", "a name at this relay", None)?
    } else {
        recipients.push(Recipient::New);
        match prompt::choose("To:", recipients)? {
            Some(Recipient::Known(person)) => Some(person.address.to_string()),
            Some(Recipient::New) => prompt::text("To:", "a name at this relay", None)?,
            None => None,
        }
    };
    match to {
        Some(to) => write_to(context, messenger, to.trim()),
        None => Ok(()),
    }
}

fn write_to(context: &Context, messenger: &mut Messenger, to: &str) -> Result<(), Failure> {
    let Some(text) = prompt::text("Message:", "Esc leaves without sending", None)? else {
        return Ok(());
    };
    if text.is_empty() {
        return Ok(());
    }
    let Some(limit) = ask_limit(messenger)? else {
        return Ok(());
    };
    loop {
        match messages::deliver(context, messenger, to, &text, limit) {
            Ok(sent) => {
                if let Some(error) = sent.because {
                    context.render.failure(&Failure::Queued(error));
                }
                return Ok(());
            }
            Err(Failure::Client(
                Error::IdentityChanged { peer, .. }
                | Error::IdentitySucceeded { peer, .. }
                | Error::IdentityForked(peer),
            )) => {
                if !decide(context, messenger, &peer)? {
                    return context.render.text("Nothing was sent.");
                }
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// `None`: the user stepped back. `Some(None)`: no limit.
fn ask_limit(messenger: &Messenger) -> Result<Option<Option<Limit>>, Failure> {
    loop {
        let help = "a number: how often it may be opened; empty: no limit";
        let Some(plays) = prompt::text("Play limit:", help, Some(""))? else {
            return Ok(None);
        };
        if plays.trim().is_empty() {
            return Ok(Some(None));
        }
        let Ok(plays @ 1..) = plays.trim().parse::<u8>() else {
            continue;
        };
        let Some(expires) = prompt::text("Can be opened for:", "30m, 12h, 7d, …", Some("90d"))? else {
            return Ok(None);
        };
        let Ok(expires) = args::parse_duration(expires.trim()) else {
            continue;
        };
        let counted = "The relay counts: quick, and it knows how often";
        let there = messenger.gate_keys()?.iter().any(|key| key.uploaded && !key.retired);
        let oblivious = if there {
            "Obliviously: the relay learns neither limit nor count (slower to open)"
        } else {
            "Obliviously: the relay learns neither limit nor count (slower to open; the first time uploads a 23 MB key)"
        };
        let mode = match prompt::choose("How is it enforced?", vec![counted, oblivious])? {
            Some(choice) if choice == oblivious => LimitMode::Oblivious,
            Some(_) => LimitMode::Counted,
            None => return Ok(None),
        };
        return Ok(Some(Some(Limit {
            request: LimitRequest {
                plays,
                expires_in: Some(expires),
            },
            mode,
        })));
    }
}

fn conversations(context: &Context, messenger: &mut Messenger) -> Result<(), Failure> {
    let people = messenger.contacts()?;
    if people.is_empty() {
        return context.render.contacts(&people);
    }
    let recipients = people.into_iter().map(Recipient::Known).collect();
    let Some(Recipient::Known(person)) = prompt::choose("Conversation with:", recipients)? else {
        return Ok(());
    };
    let own = messenger.address()?;
    loop {
        let shown = messenger.history(Some(&person.address), DEFAULT_HISTORY)?;
        context
            .render
            .headline(&format!("Conversation with {}", person.address))?;
        context.render.history(&shown, own.as_str())?;
        messenger.mark_seen(&shown)?;
        let (reply, open, fetch, back) = ("Write", "Open a limited message", "Look for new messages", "Back");
        let outcome = match prompt::choose("What next?", vec![reply, open, fetch, back])? {
            Some(choice) if choice == reply => write_to(context, messenger, person.address.as_str()),
            Some(choice) if choice == open => match offer_plays(context, messenger, &shown) {
                Ok(false) => context
                    .render
                    .text("There is no limited message here that opens again."),
                other => other.map(drop),
            },
            Some(choice) if choice == fetch => context
                .work("receiving …", messenger.receive(Duration::ZERO))
                .map(|events| context.render.events(&events)),
            _ => return Ok(()),
        };
        match outcome {
            Ok(()) => {}
            Err(failure @ (Failure::Io(_) | Failure::Interrupted)) => return Err(failure),
            // A refusal is no reason to leave the conversation.
            Err(failure) => context.render.failure(&failure),
        }
    }
}
