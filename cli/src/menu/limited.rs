//! Play limits in the interactive client: asking for one, opening, and looking after one's own.

use std::fmt;

use client::vault::{Direction, LimitMode, MessageBody, StoredMessage};
use client::{LimitRequest, Messenger};

use super::LATELY;
use crate::args;
use crate::commands::messages::Limit;
use crate::commands::plays;
use crate::context::Context;
use crate::exit::Failure;
use crate::prompt;
use crate::render::messages::used_up;
use crate::render::{escape, time};

/// `None`: the user stepped back.
pub(super) fn ask(messenger: &Messenger) -> Result<Option<Limit>, Failure> {
    let number = |text: &str| args::read_plays(text.trim());
    let help = "How often it may be opened: 1 to 255. Esc leaves.";
    let Some(plays) = prompt::checked("Play limit:", help, None, number)? else {
        return Ok(None);
    };
    let duration = |text: &str| args::parse_expiry(text.trim());
    let help = "A number and a unit: 30m, 12h, 7d, 2w. A minute at least, a year at most. Esc leaves.";
    let Some(expires) = prompt::checked("Can be opened for:", help, Some("90d"), duration)? else {
        return Ok(None);
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
    Ok(Some(Limit {
        request: LimitRequest {
            plays,
            expires_in: Some(expires),
        },
        mode,
    }))
}

/// A limited message in a list.
struct Choice(StoredMessage);

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MessageBody::Limited(terms, _) = &self.0.body else {
            return f.write_str("?");
        };
        let (used, limit, sent) = (terms.used, terms.limit, time::utc(self.0.sent_at));
        let peer = escape::line(self.0.peer.as_str());
        write!(f, "from {peer}, {sent}: {used} of {limit} plays used")
    }
}

/// Opens one of these; whether there was any.
pub(super) fn offer_plays(
    context: &Context,
    messenger: &mut Messenger,
    shown: &[StoredMessage],
) -> Result<bool, Failure> {
    let choices: Vec<Choice> = shown
        .iter()
        .filter(|message| message.direction == Direction::Incoming)
        .filter(|message| matches!(&message.body, MessageBody::Limited(terms, _) if terms.ended.is_none() && !used_up(terms)))
        .map(|message| Choice(message.clone()))
        .collect();
    if choices.is_empty() {
        return Ok(false);
    }
    messenger.release()?;
    if let Some(Choice(message)) =
        prompt::choose("Open a limited message? That uses one play. (Esc: not now)", choices)?
    {
        plays::play_on_screen(context, messenger, &message.id.to_string())?;
    }
    Ok(true)
}

/// A limited message of ours in a list.
struct Own(StoredMessage);

impl fmt::Display for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sent = time::utc(self.0.sent_at);
        let peer = escape::line(self.0.peer.as_str());
        match &self.0.body {
            MessageBody::Limited(terms, _) => write!(f, "to {peer}, {sent}, opens at most {} ×", terms.limit),
            _ => write!(f, "to {peer}, {sent}"),
        }
    }
}

/// How often our own were opened, and taking one back.
pub(super) fn own(context: &Context, messenger: &mut Messenger) -> Result<(), Failure> {
    let own: Vec<Own> = messenger
        .history(None, LATELY)?
        .into_iter()
        .filter(|message| message.direction == Direction::Outgoing && matches!(message.body, MessageBody::Limited(..)))
        .map(Own)
        .collect();
    if own.is_empty() {
        return context.render.text("You sent no limited message lately.");
    }
    messenger.release()?;
    let Some(Own(message)) = prompt::choose("Which one?", own)? else {
        return Ok(());
    };
    let id = message.id.to_string();
    let report = context.work("asking the relay …", messenger.license_state(&id))?;
    context.render.license(&report)?;
    messenger.release()?;
    if report.terms.ended.is_none() && prompt::confirm("Take it back?", false)? {
        let report = context.work("taking it back …", messenger.revoke(&id))?;
        context.render.license(&report)?;
    }
    Ok(())
}
