//! The account itself.

use std::path::Path;

use client::vault::{Passphrase, VaultError};
use client::{
    Code, Error, Invite, Messenger, NameError, Options, Registration, RelayError, RelayStatus, RelayUrl, UserName,
};

use super::send_waiting;
use crate::args::{OnOff, ReadInvite, ReceiptKind};
use crate::context::{Context, DEFAULT_RELAY, read_passphrase};
use crate::exit::Failure;
use crate::prompt;

pub(crate) fn register(context: &Context, name: &str, invite: Option<ReadInvite>) -> Result<(), Failure> {
    let mut invite = invite
        .transpose()
        .map_err(|error| Failure::Usage(format!("--invite: {error}")))?;
    let given = relay_of(context, invite.as_ref())?;
    let name = UserName::parse(name).map_err(|error: NameError| Failure::Client(Error::Name(error)))?;
    let home = context.home()?;
    let default = || context.parse_relay(DEFAULT_RELAY);
    let (relay, passphrase) = if Messenger::exists(&home) {
        let passphrase = context.passphrase()?;
        let relay = match given {
            Some(relay) => relay,
            // One that was begun here goes on at its own relay.
            None => match unfinished(&home, &passphrase) {
                Some(Failure::Unfinished { relay, .. }) => relay,
                _ => default()?,
            },
        };
        (relay, passphrase)
    } else {
        let relay = given.map_or_else(default, Ok)?;
        // A person types it twice: what can fail without it comes first.
        if context.interactive() && !context.passphrase_is_given() {
            let status = context.work("asking the relay …", Messenger::relay_at(relay.clone()))?;
            if !admits(context, &relay, &status, &mut invite)? {
                return Err(Failure::Interrupted);
            }
        }
        (relay, context.new_passphrase()?.ok_or(Failure::Interrupted)?)
    };
    match register_with(context, &name, &passphrase, &relay, &mut invite)? {
        Some(_) => Ok(()),
        None => Err(Failure::Interrupted),
    }
}

/// Whether this relay may take a new account, with an invitation that is asked for if it wants one. False: the person has none to give.
pub(crate) fn admits(
    context: &Context,
    relay: &RelayUrl,
    status: &RelayStatus,
    invite: &mut Option<Invite>,
) -> Result<bool, Failure> {
    match status.registration {
        Registration::Closed => Err(RelayError::Refused {
            code: Code::RegistrationClosed,
            detail: "this relay takes no new accounts".to_owned(),
            action: "Ask the relay's operator, or choose another relay.".to_owned(),
            retry_after: None,
            next_slot: None,
        }
        .into()),
        Registration::Invite if invite.is_none() => {
            context
                .render
                .text(&format!("{} takes new accounts by invitation.", relay.as_str()))?;
            *invite = ask_for_invite(context, relay)?;
            Ok(invite.is_some())
        }
        _ => Ok(true),
    }
}

/// The relay that was asked for, by itself or in the link of an invitation.
fn relay_of(context: &Context, invite: Option<&Invite>) -> Result<Option<RelayUrl>, Failure> {
    let Some(link) = invite.and_then(Invite::relay) else {
        return context.relay();
    };
    let linked = context.parse_relay(link)?;
    if context.names_relay()
        && let Some(named) = context.relay()?
        && named.as_str() != linked.as_str()
    {
        return Err(Failure::Usage(format!(
            "the invitation is for {linked}, and --relay or LATCHKEY_RELAY names {named}; leave that out, or give the code alone if both are the same relay"
        )));
    }
    Ok(Some(linked))
}

/// Registers, shows the new account, and hands it on. An invitation is asked for when the relay wants one and somebody is there to be asked; `None`: the
/// person stepped back from that.
pub(crate) fn register_with(
    context: &Context,
    name: &UserName,
    passphrase: &Passphrase,
    relay: &RelayUrl,
    invite: &mut Option<Invite>,
) -> Result<Option<Messenger>, Failure> {
    let home = context.home()?;
    let mut messenger = loop {
        let attempt = Messenger::register_invited(
            &home,
            passphrase,
            name,
            relay.clone(),
            invite.as_ref(),
            Options::default(),
        );
        match context.work("registering …", attempt) {
            Err(failure) if wants_invite(&failure) && context.interactive() => {
                context.render.failure(&failure);
                match ask_for_invite(context, relay)? {
                    Some(another) => *invite = Some(another),
                    None => return Ok(None),
                }
            }
            Err(Failure::Interrupted) => {
                let left = unfinished(&home, passphrase);
                return Err(left.unwrap_or(Failure::Unregistered));
            }
            outcome => break outcome?,
        }
    };
    let (address, fingerprint) = (messenger.address()?, messenger.fingerprint()?);
    let printed = context
        .render
        .registered(address.as_str(), &fingerprint.to_string(), &home.display().to_string());
    context.render.done(printed, &format!("{address} is registered"))?;
    Ok(Some(messenger))
}

/// That a registration was begun in this home and is not finished, if that is so.
pub(crate) fn unfinished(home: &Path, passphrase: &Passphrase) -> Option<Failure> {
    if !Messenger::exists(home) {
        return None;
    }
    match Messenger::open(home, passphrase, None, Options::default()) {
        Err(Error::RegistrationPending { name, relay }) => Some(Failure::Unfinished { name, relay }),
        _ => None,
    }
}

fn wants_invite(failure: &Failure) -> bool {
    let Failure::Client(Error::Relay(error)) = failure else {
        return false;
    };
    matches!(error.code(), Some(Code::InviteRequired | Code::InviteRefused))
}

/// Said where one types or pastes, and no shell is in the way.
pub(crate) const NO_INVITE: &str = "this is not an invitation. An invitation is a link such as https://relay.example/#invite=… with 32 digits (0-9, a-f) at its end, or these digits alone";

/// An invitation to this relay, or none; what is no invitation, or one to another relay, is said and can be corrected.
fn ask_for_invite(context: &Context, relay: &RelayUrl) -> Result<Option<Invite>, Failure> {
    let parse = |text: &str| {
        let invite = Invite::parse(text).map_err(|_| NO_INVITE.to_owned())?;
        let linked = invite.relay().map(|link| context.parse_relay(link)).transpose();
        match linked.map_err(|failure| failure.to_string())? {
            Some(linked) if linked.as_str() != relay.as_str() => Err(format!(
                "this invitation is for {linked}, and you are registering at {relay}"
            )),
            _ => Ok(invite),
        }
    };
    let help = "The link or the code that the relay's operator gave you. Esc goes back.";
    prompt::secretly("Invitation:", help, "", "", |_| "********".to_owned(), parse)
}

pub(crate) fn status(context: &Context) -> Result<(), Failure> {
    let mut messenger = context.open_to_read()?;
    show_status(context, &mut messenger)
}

pub(crate) fn show_status(context: &Context, messenger: &mut Messenger) -> Result<(), Failure> {
    let own = messenger.own_status()?;
    // Nothing of the home is needed while the relay is asked.
    messenger.release()?;
    let relay = match context.work("asking the relay …", messenger.relay_status()) {
        Ok(relay) => relay,
        Err(failure) => {
            // What we know ourselves is worth showing without the relay.
            context.render.status(&own, None, None)?;
            return Err(failure);
        }
    };
    // To sign in would be to write.
    let account = match messenger.writable() {
        Ok(()) => context.work("asking the relay …", messenger.access()).map(drop),
        Err(error) => Err(error.into()),
    };
    let admitted = match &account {
        Ok(()) => {
            send_waiting(context, messenger);
            Some(true)
        }
        Err(Failure::Client(Error::ShutOut { .. })) => Some(false),
        Err(Failure::Client(Error::Vault(error @ (VaultError::Busy(_) | VaultError::Unwritable { .. })))) => {
            // The relay's state says nothing of the account.
            let relay = (&relay, messenger.clock_difference());
            context.render.status(&own, Some(relay), None)?;
            context.render.warning(&error.to_string());
            return Ok(());
        }
        Err(_) => None,
    };
    let own = messenger.own_status()?;
    let relay = (&relay, messenger.clock_difference());
    context.render.status(&own, Some(relay), admitted)?;
    account
}

pub(crate) fn token(context: &Context) -> Result<(), Failure> {
    let mut messenger = context.open_to_ask()?;
    let access = context.work("asking the relay …", messenger.access())?;
    context.render.access(&access)?;
    send_waiting(context, &mut messenger);
    Ok(())
}

pub(crate) fn keys(context: &Context) -> Result<(), Failure> {
    let mut messenger = context.open_to_ask()?;
    let keys = context.work("asking the relay …", messenger.keys())?;
    context.render.keys(&keys)?;
    send_waiting(context, &mut messenger);
    Ok(())
}

pub(crate) fn rotate_keys(context: &Context) -> Result<(), Failure> {
    let mut messenger = context.open()?;
    let keys = context.work("making and publishing new keys …", messenger.rotate_keys())?;
    let printed = context.render.keys(&keys);
    context.render.done(printed, "the keys were replaced")?;
    send_waiting(context, &mut messenger);
    Ok(())
}

pub(crate) fn clear_inbox(context: &Context, yes: bool) -> Result<(), Failure> {
    let asks = context.asks(yes, "whether to delete what waits at the relay, unread")?;
    let mut messenger = context.open()?;
    messenger.release()?;
    if asks
        && prompt::confirm_carefully("Delete everything that waits at the relay, unread? It cannot be undone.")?
            != Some(true)
    {
        return context.render.text("Nothing was deleted.");
    }
    let deleted = context.work("deleting …", messenger.clear_inbox())?;
    let printed = context.render.cleared(deleted);
    context.render.done(printed, "what waited at the relay was deleted")?;
    send_waiting(context, &mut messenger);
    Ok(())
}

pub(crate) fn passphrase(context: &Context, new: Option<&Path>) -> Result<(), Failure> {
    let home = context.home()?;
    if !Messenger::exists(&home) {
        return Err(Error::NotRegistered.into());
    }
    let current = context.passphrase()?;
    let mut messenger = Messenger::open(&home, &current, context.relay()?, Options::default())?;
    messenger.writable()?;
    let new = match new {
        Some(file) => read_passphrase(file, "--new-passphrase-file")?,
        None if context.interactive() => prompt::new_passphrase()?.ok_or(Failure::Interrupted)?,
        None => {
            return Err(Failure::Usage(
                "the new passphrase is missing; give it with --new-passphrase-file FILE".to_owned(),
            ));
        }
    };
    messenger.change_passphrase(&current, &new)?;
    let printed = context.render.passphrase_changed();
    context.render.done(printed, "the passphrase was changed")
}

pub(crate) fn receipts(context: &Context, what: Option<ReceiptKind>, state: Option<OnOff>) -> Result<(), Failure> {
    let (what, on) = match (what, state) {
        (None | Some(ReceiptKind::Delivery | ReceiptKind::Read), None) => {
            return context.render.receipts(context.open_to_read()?.receipts()?);
        }
        (Some(ReceiptKind::On), None) => (ReceiptKind::Delivery, true),
        (Some(ReceiptKind::Off), None) => (ReceiptKind::Delivery, false),
        (Some(kind @ (ReceiptKind::Delivery | ReceiptKind::Read)), Some(state)) => (kind, state == OnOff::On),
        (None | Some(ReceiptKind::On | ReceiptKind::Off), Some(_)) => {
            return Err(Failure::Usage(
                "receipts has no such form; write `receipts on`, `receipts off`, `receipts read on` or `receipts read off`".to_owned(),
            ));
        }
    };
    let mut messenger = context.open()?;
    let mut receipts = messenger.receipts()?;
    if what == ReceiptKind::Read {
        receipts.read = on;
    } else {
        receipts.delivery = on;
    }
    messenger.set_receipts(receipts)?;
    let printed = context.render.receipts(receipts);
    context.render.done(printed, "the receipts were set")
}

/// What a new identity means, before it is made.
pub(crate) const ROTATION: &str = "\
This makes a new identity for your name; the present one vouches for it and is then worthless.
Contacts follow by themselves. Those who compared your safety number have to compare the new one before they write to you again.
All conversations restart. Your name and everything kept here stay. It cannot be undone.";

pub(crate) fn rotate_identity(context: &Context, yes: bool) -> Result<(), Failure> {
    let asks = context.asks(yes, "whether to make a new identity, which cannot be taken back")?;
    let mut messenger = context.open()?;
    if asks {
        context.render.text(ROTATION)?;
        messenger.release()?;
        if prompt::confirm_carefully("Make a new identity now?")? != Some(true) {
            return context.render.text("Nothing was changed.");
        }
    }
    replace_identity(context, &mut messenger)
}

pub(crate) fn replace_identity(context: &Context, messenger: &mut Messenger) -> Result<(), Failure> {
    let events = context.work("making and publishing a new identity …", messenger.rotate_identity())?;
    context.render.events(&events);
    let (address, fingerprint) = (messenger.address()?, messenger.fingerprint()?);
    let printed = context
        .render
        .identity_replaced(address.as_str(), &fingerprint.to_string());
    context.render.done(printed, "the identity was replaced")
}
