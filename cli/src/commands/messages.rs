//! Messages: send, receive, look back.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use client::vault::{LimitMode, MessageState, StoredMessage, VaultError};
use client::{Address, Code, Error, Event, LimitRequest, Messenger, Sent};

use super::nobody_reads;
use crate::context::Context;
use crate::exit::Failure;
use crate::prompt::{self, Draft};

/// Longest text read from standard input, in bytes: more than a message holds, to notice that it is longer.
const MAX_STDIN: u64 = 256 * 1024;
/// Pause between polls.
const BETWEEN_POLLS: Duration = Duration::from_millis(250);
/// The relay's longest poll.
const LONGEST_POLL: Duration = Duration::from_secs(30);

/// What a poll may take beyond its wait before it is given up at the end of the whole wait.
const PATIENCE: Duration = Duration::from_secs(5);

/// A limit, and who enforces it how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    /// How often and how long.
    pub(crate) request: LimitRequest,
    /// Counted or oblivious.
    pub(crate) mode: LimitMode,
}

pub(crate) fn send(context: &Context, to: &str, message: Option<&str>, limit: Option<Limit>) -> Result<(), Failure> {
    let given = match message {
        Some("-") => Some(read_stdin()?),
        Some(text) => Some(text.to_owned()),
        None if context.interactive() => None,
        None => {
            return Err(Failure::Usage(
                "the message is missing; give it after the name, or `-` to read standard input. A message that is also the name of an option \
                 (--json, --plays, …) goes behind `--`"
                    .to_owned(),
            ));
        }
    };
    let mut messenger = context.open()?;
    let text = match given {
        Some(text) => text,
        None => {
            // What can fail without the message comes before it is written.
            let address = messenger.resolve(to)?;
            context.work("looking for them …", messenger.can_write_to(&address))?;
            messenger.release()?;
            match write() {
                Ok(Some(text)) => text,
                Ok(None) | Err(Failure::Interrupted) => return Err(Failure::Unsent),
                Err(failure) => return Err(failure),
            }
        }
    };
    let sent = match deliver(context, &mut messenger, to, &text, limit) {
        Err(Failure::Interrupted) => return Err(Failure::Unsent),
        sent => sent?,
    };
    match sent.because {
        Some(error) => Err(Failure::Queued(error)),
        None => Ok(()),
    }
}

/// A message, written at the terminal. What was written is not thrown away without a question.
fn write() -> Result<Option<String>, Failure> {
    let help = "Enter sends, Alt-Enter begins a new line, Esc leaves without sending.";
    let mut draft = Draft::of_words("Message:", help, "");
    loop {
        let text = draft.ask()?;
        if text.is_some()
            || draft.written().trim().is_empty()
            || prompt::confirm_carefully("Throw away what you wrote?")? == Some(true)
        {
            return Ok(text);
        }
    }
}

/// Sends and shows what became of it; shared with the interactive client.
pub(crate) fn deliver(
    context: &Context,
    messenger: &mut Messenger,
    to: &str,
    text: &str,
    limit: Option<Limit>,
) -> Result<Sent, Failure> {
    let to = messenger.resolve(to)?;
    let sent = transmit(context, messenger, &to, text, limit)?;
    let number = if sent.first_contact {
        Some(messenger.safety_number(&to)?)
    } else {
        None
    };
    let limit = limit.map(|limit| (limit.request.plays, limit.mode));
    let what = if sent.because.is_none() {
        "the relay has the message"
    } else {
        "the message is kept and goes out later"
    };
    let printed = context.render.sent(&sent, limit, number.as_ref());
    context.render.done(printed, what)?;
    context.render.events(&sent.events);
    if let Some(error) = &sent.unnoted {
        context.render.warning(&format!(
            "the relay has this message, but this home could not note it: {error}. Do not send it again: the next command repeats the send, and the \
             relay keeps one copy"
        ));
    }
    Ok(sent)
}

/// Sends and does not show what became of it. [`Failure::Interrupted`]: nothing was sent; what was on its way is [`Failure::Unsure`].
pub(crate) fn transmit(
    context: &Context,
    messenger: &mut Messenger,
    to: &Address,
    text: &str,
    limit: Option<Limit>,
) -> Result<Sent, Failure> {
    let before = messenger.own_status()?.messages;
    let outcome = hand_over(context, messenger, to, text, limit);
    if outcome.is_err() {
        // What had waited and was refused before this failed.
        context.render.events(&messenger.untold());
    }
    match outcome {
        // Beyond being kept, a vault that fails is told of with what became of the message.
        Err(Failure::Client(error))
            if leaves_it_open(&error) && messenger.own_status().is_ok_and(|status| status.messages == before) =>
        {
            Err(Failure::NotKept(error))
        }
        // It is kept before it goes.
        Err(Failure::Interrupted) if messenger.own_status()?.messages > before => Err(Failure::Unsure),
        outcome => outcome,
    }
}

/// Whether the text of an error says nothing of what became of a message. Where the relay has no such account, no message is thought of.
fn leaves_it_open(error: &Error) -> bool {
    match error {
        Error::Vault(VaultError::Database(_) | VaultError::Io { .. } | VaultError::Unwritable { .. }) => true,
        Error::Relay(error) => error.code() != Some(Code::NoSuchUser),
        _ => false,
    }
}

fn hand_over(
    context: &Context,
    messenger: &mut Messenger,
    to: &Address,
    text: &str,
    limit: Option<Limit>,
) -> Result<Sent, Failure> {
    let sent = match limit {
        Some(Limit {
            request,
            mode: LimitMode::Counted,
        }) => context.work("sending …", messenger.send_limited(to, text, request))?,
        Some(Limit {
            request,
            mode: LimitMode::Oblivious,
        }) => {
            let (spinner, watch) = context.render.watching("sending …");
            context.work_on(spinner, messenger.send_oblivious(to, text, request, &watch))?
        }
        None => context.work("sending …", messenger.send_text(to, text))?,
    };
    Ok(sent)
}

pub(crate) fn inbox(context: &Context, wait: u32) -> Result<(), Failure> {
    let mut messenger = context.open_to_ask()?;
    let deadline = Instant::now() + Duration::from_secs(wait.into());
    // What an earlier run received and did not get to show is shown even when the relay is away.
    let mut outcome = Ok(());
    let (mut reached, mut away) = (false, None);
    loop {
        let left = deadline.saturating_duration_since(Instant::now()).min(LONGEST_POLL);
        // A wrong address is said at once; a relay that goes away while we wait may come back while we wait.
        let received = if reached {
            // Made inside: a timer belongs to the runtime that waits for it.
            context.work("receiving …", async {
                let listening = tokio::time::timeout(left + PATIENCE, messenger.listen(left));
                listening.await.unwrap_or_else(|_| Ok(Vec::new()))
            })
        } else {
            context.work("receiving …", messenger.receive(left))
        };
        match received {
            Ok(events) => {
                reached = true;
                for event in &events {
                    match event {
                        Event::Disconnected { because } => away = Some(because.clone()),
                        Event::Reconnected => away = None,
                        _ => {}
                    }
                }
                context.render.events(&events);
            }
            Err(failure) => {
                context.render.events(&messenger.untold());
                outcome = Err(failure);
            }
        }
        // The relay counts whole seconds; a fraction is not worth another round.
        let over = deadline.saturating_duration_since(Instant::now()) < Duration::from_secs(1);
        if outcome.is_err() || over || !messenger.unread()?.is_empty() {
            break;
        }
        // An answer without messages came early: the protocol's own traffic, or a relay that does not wait. Do not hurry it.
        context.work("receiving …", async {
            tokio::time::sleep(BETWEEN_POLLS).await;
            Ok::<_, Failure>(())
        })?;
    }
    if let (Ok(()), Some(because)) = (&outcome, away) {
        outcome = Err(because.into());
    }
    if outcome.is_ok() || !messenger.unread()?.is_empty() {
        let shown = show_unread(context, &mut messenger);
        // What failed first is said; what failed after that has the same cause, or follows from it.
        outcome = outcome.and(shown);
    }
    outcome
}

/// Shows what is unread, then notes that it was shown: whoever dies in between shows it again.
pub(crate) fn show_unread(context: &Context, messenger: &mut Messenger) -> Result<(), Failure> {
    let unread = messenger.unread()?;
    context.render.inbox(&unread)?;
    if !nobody_reads() {
        messenger.mark_seen(&unread)?;
    }
    Ok(())
}

pub(crate) fn history(context: &Context, with: Option<&str>, limit: u32) -> Result<(), Failure> {
    let mut messenger = context.open_to_read()?;
    let with = with.map(|name| messenger.resolve(name)).transpose()?;
    let own = messenger.address()?;
    let messages = messenger.history(with.as_ref(), usize::try_from(limit).unwrap_or(usize::MAX))?;
    if let (Some(peer), true) = (&with, messages.is_empty()) {
        // Somebody unknown is no conversation without messages.
        messenger.contact(peer)?;
    }
    context.render.history(&messages, own.as_str())?;
    // A message seen in the history is seen.
    let fresh: Vec<_> = messages
        .into_iter()
        .filter(|message| message.state == MessageState::New)
        .collect();
    if nobody_reads() {
        return Ok(());
    }
    note_seen(context, &mut messenger, &fresh)
}

/// Notes that what is kept was shown. It was: a home that cannot note it says so, and that is no failure.
pub(crate) fn note_seen(context: &Context, messenger: &mut Messenger, shown: &[StoredMessage]) -> Result<(), Failure> {
    match messenger.mark_seen(shown) {
        Err(Error::Vault(error)) => {
            context.render.warning(&format!(
                "{error}. What was new stays new, and the inbox shows it once more"
            ));
            Ok(())
        }
        noted => Ok(noted?),
    }
}

fn read_stdin() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    io::stdin()
        .lock()
        .take(MAX_STDIN)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::Usage(format!("standard input cannot be read ({error}); nothing was sent")))?;
    if bytes.len() as u64 >= MAX_STDIN {
        return Err(Error::TooLarge.into());
    }
    let mut text = String::from_utf8(bytes)
        .map_err(|_| Failure::Usage("standard input is not UTF-8 text; nothing was sent".to_owned()))?;
    // The line break that `echo` and editors add is not part of the message.
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}
