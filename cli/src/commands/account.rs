//! The account itself.

use std::path::Path;

use client::{Error, Messenger, NameError, Options, RelayUrl, UserName};

use super::send_waiting;
use crate::args::{OnOff, ReceiptKind};
use crate::context::{Context, DEFAULT_RELAY, read_passphrase};
use crate::exit::Failure;
use crate::prompt;

pub(crate) fn register(context: &Context, name: &str) -> Result<(), Failure> {
    let relay = match context.relay()? {
        Some(relay) => relay,
        None => context.parse_relay(DEFAULT_RELAY)?,
    };
    register_at(context, name, relay).map(drop)
}

/// Registers, shows the new account, and hands it on.
pub(crate) fn register_at(context: &Context, name: &str, relay: RelayUrl) -> Result<Messenger, Failure> {
    let name = UserName::parse(name).map_err(|error: NameError| Failure::Client(Error::Name(error)))?;
    let home = context.home()?;
    let passphrase = if Messenger::exists(&home) {
        context.passphrase()?
    } else {
        context.new_passphrase()?
    };
    let mut messenger = context.work(
        "registering …",
        Messenger::register(&home, &passphrase, &name, relay, Options::default()),
    )?;
    let (address, fingerprint) = (messenger.address()?, messenger.fingerprint()?);
    context
        .render
        .registered(address.as_str(), &fingerprint.to_string(), &home.display().to_string())?;
    Ok(messenger)
}

pub(crate) fn status(context: &Context) -> Result<(), Failure> {
    let mut messenger = context.open()?;
    show_status(context, &mut messenger)
}

pub(crate) fn show_status(context: &Context, messenger: &mut Messenger) -> Result<(), Failure> {
    let own = messenger.own_status()?;
    let relay = context.work("asking the relay …", messenger.relay_status());
    match relay {
        Ok(relay) => {
            send_waiting(context, messenger);
            let own = messenger.own_status()?;
            context.render.status(&own, Some(&relay))
        }
        Err(failure) => {
            // What we know ourselves is worth showing without the relay.
            context.render.status(&own, None)?;
            Err(failure)
        }
    }
}

pub(crate) fn keys(context: &Context) -> Result<(), Failure> {
    let mut messenger = context.open()?;
    let keys = context.work("asking the relay …", messenger.keys())?;
    context.render.keys(&keys)?;
    send_waiting(context, &mut messenger);
    Ok(())
}

pub(crate) fn rotate_keys(context: &Context) -> Result<(), Failure> {
    let mut messenger = context.open()?;
    let keys = context.work("making and publishing new keys …", messenger.rotate_keys())?;
    context.render.keys(&keys)?;
    send_waiting(context, &mut messenger);
    Ok(())
}

pub(crate) fn clear_inbox(context: &Context) -> Result<(), Failure> {
    let mut messenger = context.open()?;
    let deleted = context.work("deleting …", messenger.clear_inbox())?;
    context.render.cleared(deleted)?;
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
    let new = match new {
        Some(file) => read_passphrase(file)?,
        None if context.interactive() => prompt::new_passphrase()?,
        None => {
            return Err(Failure::Usage(
                "the new passphrase is missing; give it with --new-passphrase-file FILE".to_owned(),
            ));
        }
    };
    messenger.change_passphrase(&current, &new)?;
    context.render.passphrase_changed()
}

pub(crate) fn receipts(context: &Context, what: Option<ReceiptKind>, state: Option<OnOff>) -> Result<(), Failure> {
    let mut messenger = context.open()?;
    let mut receipts = messenger.receipts()?;
    let wanted = state.map(|state| state == OnOff::On);
    match (what, wanted) {
        (Some(ReceiptKind::On), None) => receipts.delivery = true,
        (Some(ReceiptKind::Off), None) => receipts.delivery = false,
        (Some(ReceiptKind::Delivery), Some(on)) => receipts.delivery = on,
        (Some(ReceiptKind::Read), Some(on)) => receipts.read = on,
        (None | Some(ReceiptKind::Delivery | ReceiptKind::Read), None) => return context.render.receipts(receipts),
        (None | Some(ReceiptKind::On | ReceiptKind::Off), Some(_)) => {
            return Err(Failure::Usage(
                "write `receipts on`, `receipts off`, `receipts read on` or `receipts read off`".to_owned(),
            ));
        }
    }
    messenger.set_receipts(receipts)?;
    context.render.receipts(receipts)
}

/// What a new identity means, before it is made.
pub(crate) const ROTATION: &str = "\
This makes a new identity for your name; the present one vouches for it and is then worthless.
Contacts follow by themselves. Those who compared your safety number have to compare the new one before they write to you again.
All conversations are begun anew. Your name and everything kept here stay. It cannot be undone.";

pub(crate) fn rotate_identity(context: &Context, yes: bool) -> Result<(), Failure> {
    let mut messenger = context.open()?;
    if !yes {
        if !context.interactive() || context.render.is_json() {
            return Err(Failure::Usage(
                "a new identity cannot be taken back; to make one without being asked, say --yes".to_owned(),
            ));
        }
        context.render.text(ROTATION)?;
        if !prompt::confirm("Make a new identity now?", false)? {
            return context.render.text("Nothing was changed.");
        }
    }
    replace_identity(context, &mut messenger)
}

pub(crate) fn replace_identity(context: &Context, messenger: &mut Messenger) -> Result<(), Failure> {
    let events = context.work("making and publishing a new identity …", messenger.rotate_identity())?;
    context.render.events(&events);
    let (address, fingerprint) = (messenger.address()?, messenger.fingerprint()?);
    context
        .render
        .identity_replaced(address.as_str(), &fingerprint.to_string())
}
