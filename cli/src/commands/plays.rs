//! Play-limited messages.

use client::Messenger;
use client::vault::{LimitMode, MessageBody};

use super::{nobody_reads, send_waiting};
use crate::context::Context;
use crate::exit::Failure;
use crate::prompt;

pub(crate) fn play(context: &Context, message_id: &str) -> Result<(), Failure> {
    if nobody_reads() {
        return Err(Failure::Usage(
            "standard output is closed or goes to /dev/null, so the message would be lost; no play was used. Send the output to a terminal, a pipe or a file"
                .to_owned(),
        ));
    }
    let mut messenger = context.open()?;
    let playback = context.work(waiting(&messenger, message_id), messenger.play(message_id))?;
    // Shown first, counted as shown afterwards: a run that dies in between is repeated at no cost.
    context.render.play(&playback)?;
    context.work("confirming …", messenger.finish_play(playback))?;
    send_waiting(context, &mut messenger);
    Ok(())
}

/// On the alternate screen of the interactive client.
pub(crate) fn play_on_screen(context: &Context, messenger: &mut Messenger, message_id: &str) -> Result<(), Failure> {
    let playback = context.work(waiting(messenger, message_id), messenger.play(message_id))?;
    messenger.release()?;
    prompt::forget_what_was_typed()?;
    context.render.secret(&playback)?;
    let (play, plays) = (playback.play, playback.plays);
    context.work("confirming …", messenger.finish_play(playback))?;
    context.render.text(&format!("Play {play} of {plays} used."))
}

/// What happens while one waits.
fn waiting(messenger: &Messenger, message_id: &str) -> &'static str {
    let body = messenger.message(message_id).map(|message| message.body);
    match body {
        Ok(MessageBody::Limited(terms, _)) if terms.mode == LimitMode::Oblivious => {
            "the relay computes on the encrypted count; only this client will see whether it opens …"
        }
        _ => "asking for a play …",
    }
}

pub(crate) fn revoke(context: &Context, message_id: &str) -> Result<(), Failure> {
    let mut messenger = context.open()?;
    let report = context.work("taking it back …", messenger.revoke(message_id))?;
    let printed = context.render.license(&report);
    context.render.done(printed, "the message was taken back")?;
    send_waiting(context, &mut messenger);
    Ok(())
}

pub(crate) fn plays(context: &Context, message_id: &str) -> Result<(), Failure> {
    let mut messenger = context.open()?;
    let report = context.work("asking the relay …", messenger.license_state(message_id))?;
    context.render.license(&report)?;
    send_waiting(context, &mut messenger);
    Ok(())
}
