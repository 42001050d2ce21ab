//! Keys and settings.

use std::fmt;

use client::vault::{Receipts, VaultError};
use client::{Address, Messenger};

use crate::commands::{account, gate};
use crate::context::Context;
use crate::exit::Failure;
use crate::prompt;

pub(super) fn keys(context: &Context, messenger: &mut Messenger) -> Result<(), Failure> {
    loop {
        let keys = context.work("asking the relay …", messenger.keys())?;
        context.render.keys(&keys)?;
        let (prekeys, identity) = ("Make and publish new prekeys", "Replace the identity by a new one");
        messenger.release()?;
        match prompt::choose_carefully("Keys:", "Back", vec![prekeys, identity])? {
            Some(choice) if choice == prekeys => {
                let keys = context.work("making and publishing new keys …", messenger.rotate_keys())?;
                return context.render.keys(&keys);
            }
            Some(_) => {
                context.render.text(account::ROTATION)?;
                messenger.release()?;
                match prompt::confirm_carefully("Make a new identity now?")? {
                    Some(true) => return account::replace_identity(context, messenger),
                    Some(false) => return Ok(()),
                    None => {}
                }
            }
            None => return Ok(()),
        }
    }
}

/// What can be set.
#[derive(Clone, Copy)]
enum Setting {
    Passphrase,
    Delivery(bool),
    Read(bool),
    Decoys(bool),
    GateKeys,
    Clear,
    Back,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, on) = match self {
            Self::Passphrase => return f.write_str("Change the passphrase"),
            Self::GateKeys => return f.write_str("Gate keys, which seal oblivious limits"),
            Self::Clear => return f.write_str("Delete everything that waits at the relay"),
            Self::Back => return f.write_str("Back"),
            Self::Delivery(on) => ("Delivery receipts", on),
            Self::Read(on) => ("Read receipts", on),
            Self::Decoys(on) => ("Decoys for oblivious messages", on),
        };
        let (now, then) = if *on { ("on", "off") } else { ("off", "on") };
        write!(f, "{what} are {now}: turn them {then}")
    }
}

pub(super) fn settings(context: &Context, messenger: &mut Messenger) -> Result<(), Failure> {
    loop {
        let told = messenger.receipts()?;
        context.render.text(&format!(
            "Home: {}\nRelay: {}",
            messenger.home().display(),
            messenger.pinned_relay().url
        ))?;
        let choices = vec![
            Setting::Passphrase,
            Setting::Delivery(told.delivery),
            Setting::Read(told.read),
            Setting::Decoys(messenger.decoys()?),
            Setting::GateKeys,
            Setting::Clear,
            Setting::Back,
        ];
        messenger.release()?;
        let Some(setting) = prompt::choose("Settings:", choices)? else {
            return Ok(());
        };
        if set(context, messenger, setting, told)? {
            return Ok(());
        }
    }
}

/// False: the person stepped back.
fn set(context: &Context, messenger: &mut Messenger, setting: Setting, told: Receipts) -> Result<bool, Failure> {
    match setting {
        Setting::Passphrase => return passphrase(context, messenger),
        Setting::Delivery(on) => {
            let changed = Receipts { delivery: !on, ..told };
            messenger.set_receipts(changed)?;
            context.render.receipts(changed)?;
        }
        Setting::Read(on) => {
            let changed = Receipts { read: !on, ..told };
            messenger.set_receipts(changed)?;
            context.render.receipts(changed)?;
        }
        Setting::Decoys(on) => {
            messenger.set_decoys(!on)?;
            context.render.decoys(!on)?;
        }
        Setting::GateKeys => return gate_keys(context, messenger),
        Setting::Clear => match prompt::confirm_carefully("Delete all of it, unread?")? {
            Some(true) => {
                let deleted = context.work("deleting …", messenger.clear_inbox())?;
                context.render.cleared(deleted)?;
            }
            Some(false) => {}
            None => return Ok(false),
        },
        Setting::Back => {}
    }
    Ok(true)
}

fn passphrase(context: &Context, messenger: &mut Messenger) -> Result<bool, Failure> {
    let current = loop {
        let Some(current) = prompt::passphrase("Current passphrase:")? else {
            return Ok(false);
        };
        if messenger.check_passphrase(&current)? {
            break current;
        }
        // Hands type it again at once: what they meet is this question, and no list that shows what is typed.
        context.render.failure(&VaultError::WrongPassphrase.into());
    };
    let Some(new) = prompt::new_passphrase()? else {
        return Ok(false);
    };
    messenger.change_passphrase(&current, &new)?;
    context.render.passphrase_changed()?;
    Ok(true)
}

/// Gate keys; false: the person stepped back.
fn gate_keys(context: &Context, messenger: &mut Messenger) -> Result<bool, Failure> {
    let (general, one, drop_one) = (
        "Replace the general one (some seconds, and 23 MB to upload)",
        "Make one for a contact alone: your other contacts, even together with the relay, learn nothing of its limits",
        "Go back to the general one for a contact",
    );
    loop {
        let keys = messenger.gate_keys()?;
        context.render.gate_keys(&keys)?;
        let own: Vec<Address> = keys
            .into_iter()
            .filter(|key| !key.retired)
            .filter_map(|key| key.contact)
            .collect();
        let mut choices = vec![general, one];
        if !own.is_empty() {
            choices.push(drop_one);
        }
        messenger.release()?;
        match prompt::choose_carefully("Gate keys:", "Back", choices)? {
            Some(choice) if choice == general => {
                gate::replace(context, messenger, None)?;
                return Ok(true);
            }
            Some(choice) if choice == one => {
                let people = messenger.contacts()?;
                if people.is_empty() {
                    context.render.contacts(&people)?;
                    return Ok(true);
                }
                let people = people.into_iter().map(|person| person.address).collect();
                messenger.release()?;
                if let Some(contact) = prompt::choose_carefully("For whom?", NOBODY, people)? {
                    gate::replace(context, messenger, Some(&contact))?;
                    return Ok(true);
                }
            }
            Some(_) => {
                if let Some(contact) = prompt::choose_carefully("For whom?", NOBODY, own)? {
                    context.work("retiring the gate key …", messenger.drop_gate_key(&contact))?;
                    context.render.gate_keys(&messenger.gate_keys()?)?;
                    return Ok(true);
                }
            }
            None => return Ok(false),
        }
    }
}

/// The way out of a list of people.
const NOBODY: &str = "For no one: back";
