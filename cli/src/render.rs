//! The only module that prints. Text for people, or one JSON object a line for programs; results on standard output, everything else
//! (notices, errors, spinners) on standard error.
//!
//! Whatever a peer or a relay wrote goes through [`escape`] on its way out.

pub mod escape;
mod gate;
pub(crate) mod messages;
mod people;
mod secret;
pub mod time;

use std::convert::Infallible;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use client::vault::Ended;
use client::{Error, Event, OwnStatus, RelayStatus, Timestamp};
use console::{Style, Term};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use crate::exit::Failure;

/// How often a spinner turns: fast enough to look alive, slow enough for a serial line.
const SPINNER_TICK: Duration = Duration::from_millis(100);
/// Work that is done before this needs no spinner.
const SPINNER_AFTER: Duration = Duration::from_millis(250);

/// Where output goes, and in what form.
#[derive(Clone, Debug)]
pub struct Render {
    json: bool,
}

impl Render {
    /// Decides on colours once: on a terminal, unless `NO_COLOR` is set (no-color.org) or the terminal is a dumb one.
    #[must_use]
    pub fn new(json: bool) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        console::set_colors_enabled(wanted && io::stdout().is_terminal());
        console::set_colors_enabled_stderr(wanted && io::stderr().is_terminal());
        Self { json }
    }

    /// Whether programs read this.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json
    }

    fn out(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.write_all(b"\n")?;
        stdout.flush()?;
        Ok(())
    }

    fn object(&self, value: &Value) -> Result<(), Failure> {
        self.out(&escape::json(&value.to_string()))
    }

    /// One or the other, as asked for.
    fn show(&self, object: impl FnOnce() -> Value, text: impl FnOnce() -> String) -> Result<(), Failure> {
        if self.json {
            self.object(&object())
        } else {
            self.out(&text())
        }
    }

    /// A remark, on standard error. Whether anybody reads it does not matter.
    pub fn notice(&self, text: &str) {
        let mark = Style::new().for_stderr().cyan().apply_to("note:");
        let _ = writeln!(io::stderr().lock(), "{mark} {text}");
    }

    /// A warning, on standard error.
    pub fn warning(&self, text: &str) {
        let mark = Style::new().for_stderr().yellow().bold().apply_to("warning:");
        let _ = writeln!(io::stderr().lock(), "{mark} {text}");
    }

    /// A failure, on standard error.
    pub fn failure(&self, failure: &Failure) {
        let text = escape::line(&failure.to_string());
        if self.json {
            let object = json!({ "error": text, "exit": failure.exit() as u8 });
            let _ = writeln!(io::stderr().lock(), "{}", escape::json(&object.to_string()));
            return;
        }
        let mark = Style::new().for_stderr().red().bold().apply_to("error:");
        let _ = writeln!(io::stderr().lock(), "{mark} {text}");
        if let Some(advice) = advice(failure) {
            let _ = writeln!(io::stderr().lock(), "       {advice}");
        }
    }

    /// Plain lines of the interactive client.
    ///
    /// # Errors
    /// Standard output.
    pub fn text(&self, text: &str) -> Result<(), Failure> {
        self.out(text)
    }

    /// A headline of the interactive client.
    ///
    /// # Errors
    /// Standard output.
    pub fn headline(&self, text: &str) -> Result<(), Failure> {
        self.out(&format!("\n{}", Style::new().bold().apply_to(text)))
    }

    /// What a round of receiving brought besides messages.
    pub fn events(&self, events: &[Event]) {
        for event in events {
            match event {
                // Messages are shown as such; deliveries are seen in the history.
                Event::Message(_) | Event::Delivered { .. } | Event::Read { .. } => {}
                Event::Disconnected { because } => self.notice(&format!("{because}; trying again until the wait is over")),
                Event::Reconnected => self.notice("the relay is back"),
                Event::Restored => self.warning(
                    "this vault is an older copy of itself: its keys are replaced and every conversation is begun anew; what came in between is not here",
                ),
                Event::Upgraded { peers } => self.notice(&format!(
                    "this version derives message keys in another way: the conversation(s) with {} are begun anew, and what had not arrived is sent \
                     again; they need this version too",
                    peers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
                )),
                Event::OwnSuccession => self.notice(
                    "your identity was replaced; conversations are begun anew, and your safety numbers are others than before",
                ),
                Event::Succeeded { peer, was_verified: false } => self.notice(&format!(
                    "{peer} has a new identity, named by the one you knew; the safety number is another"
                )),
                Event::Succeeded { peer, was_verified: true } => self.warning(&format!(
                    "{peer} has a new identity, named by the one you verified; nothing is sent until you compared the new safety number \
                     (latchkey safety-number {0}), then: latchkey verify {0}",
                    peer.user()
                )),
                Event::IdentityForked { peer } => self.warning(&format!(
                    "two identities say that they follow the one you knew of {peer}: somebody else has its key. Nothing is sent or shown. Meet or \
                     call, compare (latchkey safety-number {0}), then: latchkey verify {0} --accept, or: latchkey reject-identity {0}",
                    peer.user()
                )),
                Event::FirstContact { peer } => self.notice(&format!(
                    "{peer} wrote for the first time. Compare safety numbers over another channel: latchkey safety-number {}",
                    peer.user()
                )),
                Event::Missing { peer, count } => {
                    self.warning(&format!("{count} message(s) from {peer} were sent and have not arrived"));
                }
                Event::IdentityChanged { peer, .. } => self.warning(&format!(
                    "the identity of {peer} has changed; what they send waits. Compare the new safety number (latchkey safety-number {0}), \
                     then: latchkey verify {0} --accept, or: latchkey reject-identity {0}",
                    peer.user()
                )),
                Event::QuarantineDropped { peer, count } => {
                    self.warning(&format!("{count} message(s) that seemed to come from {peer} waited too long for a decision and are gone"));
                }
                Event::Unreadable { count, reason } => {
                    self.warning(&format!("{count} envelope(s) could not be opened: {}", escape::line(reason)));
                }
                Event::Restarted { peer } => {
                    self.notice(&format!("the conversation with {peer} was begun anew with fresh keys; nothing is lost"));
                }
                Event::NoOneTimeKey { peer } => {
                    self.notice(&format!("{peer} found no one-time key of ours; full forward secrecy begins with our first answer"));
                }
                Event::DroppedByRelay { expired, refused } => self.warning(&format!(
                    "the relay dropped {expired} message(s) that nobody fetched in time and refused {refused} because the mailbox was full"
                )),
                Event::Undeliverable { id, reason } => {
                    self.warning(&format!("message {} was not delivered: {}", short(&id.to_string()), escape::line(reason)));
                }
                Event::RelayFault { id, reason } => self.warning(&format!(
                    "about a play of message {}: {}; do not rely on its limit",
                    short(&id.to_string()),
                    escape::line(reason)
                )),
                Event::Postponed(error) => {
                    self.notice(&format!("put off until next time: {}", escape::line(&error.to_string())));
                }
                _ => {}
            }
        }
    }

    /// The state of the relay and our own.
    ///
    /// # Errors
    /// Standard output.
    pub fn status(&self, own: &OwnStatus, relay: Option<&RelayStatus>) -> Result<(), Failure> {
        self.show(
            || {
                json!({
                    "address": own.address.to_string(), "fingerprint": own.fingerprint.to_string(),
                    "relay": relay.map(|relay| json!({
                        "url": own.relay_url, "name": relay.name, "fingerprint": relay.fingerprint.to_string(),
                        "version": relay.version, "storage_engine": relay.storage_engine, "time": relay.time,
                        "accounts": relay.accounts, "messages_pending": relay.messages_pending,
                        "licenses_active": relay.licenses_active,
                    })),
                    "contacts": own.contacts, "messages": own.messages, "unread": own.unread, "outbox": own.outbox,
                    "quarantined": own.quarantined,
                })
            },
            || {
                let mut rows = vec![
                    ("you", own.address.to_string()),
                    ("fingerprint", own.fingerprint.to_string()),
                    ("contacts", own.contacts.to_string()),
                    ("messages", format!("{} kept, {} unread", own.messages, own.unread)),
                    ("outbox", format!("{} waiting for the relay", own.outbox)),
                ];
                if own.quarantined > 0 {
                    rows.push((
                        "quarantine",
                        format!("{} waiting for your decision about an identity", own.quarantined),
                    ));
                }
                rows.push(("relay", own.relay_url.clone()));
                match relay {
                    Some(relay) => rows.extend([
                        ("relay key", relay.fingerprint.to_string()),
                        (
                            "version",
                            escape::line(&format!("{} on {}", relay.version, relay.storage_engine)),
                        ),
                        ("accounts", relay.accounts.to_string()),
                        (
                            "waiting",
                            format!("{} message(s), in all mailboxes", relay.messages_pending),
                        ),
                        (
                            "licenses",
                            format!("{} that can still be played", relay.licenses_active),
                        ),
                    ]),
                    None => rows.push(("relay key", own.relay_fingerprint.to_string())),
                }
                table(&rows)
            },
        )
    }

    /// How much was deleted.
    ///
    /// # Errors
    /// Standard output.
    pub fn cleared(&self, deleted: u64) -> Result<(), Failure> {
        self.show(
            || json!({ "deleted": deleted }),
            || format!("{deleted} message(s) deleted at the relay"),
        )
    }

    /// The passphrase was changed.
    ///
    /// # Errors
    /// Standard output.
    pub fn passphrase_changed(&self) -> Result<(), Failure> {
        self.show(
            || json!({ "passphrase": "changed" }),
            || "The passphrase was changed.".to_owned(),
        )
    }

    /// A spinner on standard error while something takes long; nothing where nobody would see it.
    #[must_use]
    pub fn working(&self, text: &str) -> Working {
        if self.json || !io::stderr().is_terminal() {
            return Working { bar: None };
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style.tick_strings(&["|", "/", "-", "\\", " "]));
        }
        bar.set_message(text.to_owned());
        Working { bar: Some(bar) }
    }
}

/// A spinner; gone without a trace when dropped.
#[derive(Debug)]
pub struct Working {
    bar: Option<ProgressBar>,
}

impl Working {
    /// Shows the spinner once the work has taken a moment. Never returns: to be raced against the work.
    pub async fn appear(&self) -> Infallible {
        tokio::time::sleep(SPINNER_AFTER).await;
        if let Some(bar) = &self.bar {
            bar.set_draw_target(ProgressDrawTarget::stderr());
            bar.enable_steady_tick(SPINNER_TICK);
        }
        std::future::pending().await
    }
}

impl Working {
    /// Gone after Ctrl-C. The spinner's line is filled to its end, so that the terminal's own `^C` landed on the next one: that is where the
    /// cursor is, and the spinner is one line up.
    pub fn broken_off(self) {
        let drawn = self.bar.as_ref().is_some_and(|bar| !bar.is_hidden());
        drop(self);
        if drawn {
            // A terminal that does not take this shows a stale line: no harm.
            let _ = Term::stderr().clear_line();
            let _ = Term::stderr().clear_last_lines(1);
        }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// What else to say about a failure.
fn advice(failure: &Failure) -> Option<String> {
    match failure {
        Failure::Queued(_) => Some(
            "The message is kept and goes out with the next command that reaches the relay; do not send it again."
                .to_owned(),
        ),
        Failure::Client(Error::IdentityChanged { peer, .. }) => Some(format!(
            "New safety number: latchkey safety-number {0}\n       To accept it: latchkey verify {0} --accept\n       To keep the old one: latchkey reject-identity {0}",
            peer.user()
        )),
        Failure::Client(Error::IdentityForked(peer)) => Some(format!(
            "Safety number of the one that is offered: latchkey safety-number {0}\n       To accept it: latchkey verify {0} --accept\n       To keep the other: latchkey reject-identity {0}",
            peer.user()
        )),
        Failure::Client(Error::IdentitySucceeded { peer, .. }) => Some(format!(
            "New safety number: latchkey safety-number {0}\n       When it is the same on the other side: latchkey verify {0}\n       To go on without: latchkey verify {0} --accept",
            peer.user()
        )),
        Failure::Client(Error::NotRegistered) => Some("latchkey register NAME".to_owned()),
        Failure::Client(Error::RegistrationPending(name)) => Some(format!("latchkey register {name}")),
        _ => None,
    }
}

/// `name  value` lines.
fn table(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines: Vec<String> = rows
        .iter()
        .map(|(name, value)| format!("{}  {value}", Style::new().dim().apply_to(format!("{name:width$}"))))
        .collect();
    lines.join("\n")
}

/// An id's beginning: enough to type, nearly always unique.
fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

/// Why a limited message opens no more, in a word.
fn ended_word(ended: Option<Ended>) -> &'static str {
    match ended {
        None => "active",
        Some(Ended::Exhausted) => "exhausted",
        Some(Ended::Revoked) => "revoked",
        Some(Ended::Expired) => "expired",
    }
}

/// A point in time for people.
fn date(at: Timestamp) -> String {
    time::utc(at.as_millis())
}

/// How wide the terminal is, for wrapping.
fn terminal_size() -> (usize, usize) {
    let (rows, columns) = Term::stdout().size();
    (rows.into(), columns.into())
}
