//! Play limits in the interactive client: asking for one, opening, and looking after one's own.

use std::fmt;
use std::time::Duration;

use client::vault::{Direction, LimitMode, MessageBody, StoredMessage};
use client::{LimitRequest, Messenger};

use crate::args;
use crate::commands::messages::Limit;
use crate::commands::plays;
use crate::context::Context;
use crate::exit::Failure;
use crate::prompt::{self, Entry};
use crate::render::messages::used_up;
use crate::render::{escape, time};

/// Messages of a conversation that are shown, and looked through for limited ones: a screen or two.
pub(super) const LATELY: usize = 50;

/// What is asked about a limit, one question after the other. What was answered stays, for who steps back and comes again.
pub(super) struct LimitQuestions {
    plays: Entry<u8>,
    expires: Entry<Duration>,
    mode: LimitMode,
}

impl Default for LimitQuestions {
    fn default() -> Self {
        let plays = "How often it may be opened: 1 to 255. Esc goes back.";
        let expires = "A number and a unit: 30m, 12h, 7d, 2w. A minute at least, a year at most. Esc goes back.";
        Self {
            plays: Entry::new("Play limit:", plays, "", |text| args::read_plays(text.trim())),
            expires: Entry::new("Can be opened for:", expires, "90d", |text| {
                args::parse_expiry(text.trim())
            }),
            mode: LimitMode::Counted,
        }
    }
}

/// Where one is in it.
enum At {
    Plays,
    Expires(u8),
    Mode(LimitRequest),
}

impl LimitQuestions {
    /// Asks from the first question on, or from the last when one comes back to it. `None`: the person stepped back from the first.
    pub(super) fn ask(&mut self, messenger: &Messenger, back: Option<Limit>) -> Result<Option<Limit>, Failure> {
        let mut at = back.map_or(At::Plays, |limit| At::Mode(limit.request));
        loop {
            at = match at {
                At::Plays => match self.plays.ask()? {
                    Some(plays) => At::Expires(plays),
                    None => return Ok(None),
                },
                At::Expires(plays) => match self.expires.ask()? {
                    Some(expires) => At::Mode(LimitRequest {
                        plays,
                        expires_in: Some(expires),
                    }),
                    None => At::Plays,
                },
                At::Mode(request) => match self.ask_for_mode(messenger)? {
                    Some(mode) => return Ok(Some(Limit { request, mode })),
                    None => At::Expires(request.plays),
                },
            };
        }
    }

    fn ask_for_mode(&mut self, messenger: &Messenger) -> Result<Option<LimitMode>, Failure> {
        let counted = "The relay counts: quick, and it knows how often";
        let there = messenger.gate_keys()?.iter().any(|key| key.uploaded && !key.retired);
        let oblivious = if there {
            "Obliviously: the relay learns neither limit nor count (slower to open)"
        } else {
            "Obliviously: the relay learns neither limit nor count (slower to open; the first time uploads a 23 MB key)"
        };
        let at = usize::from(self.mode == LimitMode::Oblivious);
        let mode = prompt::choose_from("How is it enforced?", vec![counted, oblivious], at)?.map(|choice| {
            if choice == oblivious {
                LimitMode::Oblivious
            } else {
                LimitMode::Counted
            }
        });
        self.mode = mode.unwrap_or(self.mode);
        Ok(mode)
    }
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

/// What became of an offer to open something.
pub(super) enum Offer {
    /// There is nothing to open.
    Nothing,
    Taken,
    Later,
}

/// Opens one of these.
pub(super) fn offer_plays(
    context: &Context,
    messenger: &mut Messenger,
    shown: &[StoredMessage],
) -> Result<Offer, Failure> {
    let choices: Vec<Choice> = shown
        .iter()
        .filter(|message| message.direction == Direction::Incoming)
        .filter(|message| matches!(&message.body, MessageBody::Limited(terms, _) if terms.ended.is_none() && !used_up(terms)))
        .map(|message| Choice(message.clone()))
        .collect();
    if choices.is_empty() {
        return Ok(Offer::Nothing);
    }
    messenger.release()?;
    let question = "Open a limited message? That uses one play.";
    match prompt::choose_carefully(question, "Not now", choices)? {
        Some(Choice(message)) => {
            plays::play_on_screen(context, messenger, &message.id.to_string())?;
            Ok(Offer::Taken)
        }
        None => Ok(Offer::Later),
    }
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
    loop {
        let own: Vec<Own> = messenger
            .history(None, LATELY)?
            .into_iter()
            .filter(|message| {
                message.direction == Direction::Outgoing && matches!(message.body, MessageBody::Limited(..))
            })
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
        if report.terms.ended.is_some() {
            return Ok(());
        }
        messenger.release()?;
        match prompt::confirm_carefully("Take it back?")? {
            Some(true) => {
                let report = context.work("taking it back …", messenger.revoke(&id))?;
                return context.render.license(&report);
            }
            Some(false) => return Ok(()),
            None => {}
        }
    }
}
