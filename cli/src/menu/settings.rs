//! Keys and settings.

use client::vault::{Receipts, VaultError};
use client::{Address, Messenger};

use super::people::Recipient;
use crate::commands::{account, gate};
use crate::context::Context;
use crate::exit::Failure;
use crate::prompt;

pub(super) fn keys(context: &Context, messenger: &mut Messenger) -> Result<(), Failure> {
    let keys = context.work("asking the relay …", messenger.keys())?;
    context.render.keys(&keys)?;
    let (prekeys, identity, back) = (
        "Make and publish new prekeys",
        "Replace the identity by a new one",
        "Back",
    );
    messenger.release()?;
    match prompt::choose("Keys:", vec![back, prekeys, identity])? {
        Some(choice) if choice == prekeys => {
            let keys = context.work("making and publishing new keys …", messenger.rotate_keys())?;
            context.render.keys(&keys)
        }
        Some(choice) if choice == identity => {
            context.render.text(account::ROTATION)?;
            if prompt::confirm("Make a new identity now?", false)? {
                account::replace_identity(context, messenger)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

pub(super) fn settings(context: &Context, messenger: &mut Messenger) -> Result<(), Failure> {
    let told = messenger.receipts()?;
    let hidden = messenger.decoys()?;
    let (passphrase, receipts, read, decoys, gate_keys, clear, back) = (
        "Change the passphrase",
        if told.delivery {
            "Delivery receipts are on: turn them off"
        } else {
            "Delivery receipts are off: turn them on"
        },
        if told.read {
            "Read receipts are on: turn them off"
        } else {
            "Read receipts are off: turn them on"
        },
        if hidden {
            "Decoys for oblivious messages are on: turn them off"
        } else {
            "Decoys for oblivious messages are off: turn them on"
        },
        "Gate keys, which seal oblivious limits",
        "Delete everything that waits at the relay",
        "Back",
    );
    context.render.text(&format!(
        "Home: {}\nRelay: {}",
        messenger.home().display(),
        messenger.pinned_relay().url
    ))?;
    let choices = vec![passphrase, receipts, read, decoys, gate_keys, clear, back];
    messenger.release()?;
    match prompt::choose("Settings:", choices)? {
        Some(choice) if choice == passphrase => {
            let current = prompt::passphrase("Current passphrase:")?;
            if !messenger.check_passphrase(&current)? {
                return Err(VaultError::WrongPassphrase.into());
            }
            let new = prompt::new_passphrase()?;
            messenger.change_passphrase(&current, &new)?;
            context.render.passphrase_changed()
        }
        Some(choice) if choice == receipts => {
            let changed = Receipts {
                delivery: !told.delivery,
                ..told
            };
            messenger.set_receipts(changed)?;
            context.render.receipts(changed)
        }
        Some(choice) if choice == read => {
            let changed = Receipts {
                read: !told.read,
                ..told
            };
            messenger.set_receipts(changed)?;
            context.render.receipts(changed)
        }
        Some(choice) if choice == decoys => {
            messenger.set_decoys(!hidden)?;
            context.render.decoys(!hidden)
        }
        Some(choice) if choice == gate_keys => self::gate_keys(context, messenger),
        Some(choice) if choice == clear => {
            if !prompt::confirm("Delete all of it, unread?", false)? {
                return Ok(());
            }
            let deleted = context.work("deleting …", messenger.clear_inbox())?;
            context.render.cleared(deleted)
        }
        _ => Ok(()),
    }
}

fn gate_keys(context: &Context, messenger: &mut Messenger) -> Result<(), Failure> {
    let keys = messenger.gate_keys()?;
    context.render.gate_keys(&keys)?;
    let own: Vec<Address> = keys
        .into_iter()
        .filter(|key| !key.retired)
        .filter_map(|key| key.contact)
        .collect();
    let (back, general, one, drop_one) = (
        "Back",
        "Replace the general one (some seconds, and 23 MB to upload)",
        "Make one for a contact alone: your other contacts, even together with the relay, learn nothing of its limits",
        "Go back to the general one for a contact",
    );
    let mut choices = vec![back, general, one];
    if !own.is_empty() {
        choices.push(drop_one);
    }
    messenger.release()?;
    match prompt::choose("Gate keys:", choices)? {
        Some(choice) if choice == general => gate::replace(context, messenger, None),
        Some(choice) if choice == one => {
            let people = messenger.contacts()?;
            if people.is_empty() {
                return context.render.contacts(&people);
            }
            let people = people.into_iter().map(Recipient::Known).collect();
            messenger.release()?;
            match prompt::choose("For whom?", people)? {
                Some(Recipient::Known(person)) => gate::replace(context, messenger, Some(&person.address)),
                _ => Ok(()),
            }
        }
        Some(choice) if choice == drop_one => match prompt::choose("For whom?", own)? {
            Some(contact) => {
                context.work("retiring the gate key …", messenger.drop_gate_key(&contact))?;
                context.render.gate_keys(&messenger.gate_keys()?)
            }
            None => Ok(()),
        },
        _ => Ok(()),
    }
}
