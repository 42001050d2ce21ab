//! Gate keys and decoys.

use client::{Address, Messenger};

use super::send_waiting;
use crate::args::OnOff;
use crate::context::Context;
use crate::exit::Failure;

pub(crate) fn status(context: &Context) -> Result<(), Failure> {
    let messenger = context.open_to_read()?;
    context.render.gate_keys(&messenger.gate_keys()?)
}

pub(crate) fn rotate(context: &Context, contact: Option<&str>) -> Result<(), Failure> {
    let mut messenger = context.open()?;
    let contact = contact.map(|name| messenger.resolve(name)).transpose()?;
    replace(context, &mut messenger, contact.as_ref())?;
    send_waiting(context, &mut messenger);
    Ok(())
}

/// Shared with the interactive client.
pub(crate) fn replace(context: &Context, messenger: &mut Messenger, contact: Option<&Address>) -> Result<(), Failure> {
    let (spinner, watch) = context.render.watching("making a gate key …");
    let report = context.work_on(spinner, messenger.rotate_gate_key(contact, &watch))?;
    let printed = context.render.gate_keys(&[report]);
    context.render.done(printed, "the gate key was replaced")
}

pub(crate) fn drop_own(context: &Context, contact: &str) -> Result<(), Failure> {
    let mut messenger = context.open()?;
    let contact = messenger.resolve(contact)?;
    context.work("retiring the gate key …", messenger.drop_gate_key(&contact))?;
    let printed = context.render.gate_keys(&messenger.gate_keys()?);
    context.render.done(printed, "the gate key was dropped")?;
    send_waiting(context, &mut messenger);
    Ok(())
}

pub(crate) fn decoys(context: &Context, state: Option<OnOff>) -> Result<(), Failure> {
    if let Some(state) = state {
        let mut messenger = context.open()?;
        messenger.set_decoys(state == OnOff::On)?;
        let printed = context.render.decoys(messenger.decoys()?);
        return context.render.done(printed, "the decoys were set");
    }
    context.render.decoys(context.open_to_read()?.decoys()?)
}
