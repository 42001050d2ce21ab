//! The only module that prints. Text for people, or one JSON object a line for programs; results on standard output, everything else
//! (notices, errors, spinners) on standard error.
//!
//! Whatever a peer or a relay wrote goes through [`escape`] on its way out.

mod advice;
pub mod escape;
mod gate;
pub(crate) mod messages;
mod people;
mod secret;
pub mod time;
mod working;

use std::io::{self, IsTerminal, Write};

use client::vault::Ended;
use client::{Event, Flooder, OwnStatus, RelayStatus, Timestamp};
use console::{Style, Term};
use serde_json::{Value, json};

use crate::args::Global;
use crate::exit::{Exit, Failure};

pub use working::Working;

/// Where output goes, and in what form.
#[derive(Clone, Debug)]
pub struct Render {
    json: bool,
    menu: bool,
    program: String,
}

impl Render {
    /// Decides on colours once: on a terminal, unless `NO_COLOR` is set (no-color.org) or the terminal is a dumb one.
    #[must_use]
    pub fn new(global: &Global, menu: bool) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        console::set_colors_enabled(wanted && io::stdout().is_terminal());
        console::set_colors_enabled_stderr(wanted && io::stderr().is_terminal());
        Self {
            json: global.json,
            menu,
            program: program(global),
        }
    }

    /// What to do, as a command of this home, or where the menu has it.
    fn how(&self, command: &str, menu: &str) -> String {
        if self.menu {
            menu.to_owned()
        } else {
            format!("{} {command}", self.program)
        }
    }

    /// What to do about a contact's identity.
    fn decide(&self, user: &str, choices: &[&str]) -> String {
        if self.menu {
            return format!("choose Contacts, then {user}");
        }
        let commands: Vec<String> = choices
            .iter()
            .map(|choice| format!("{} {}", self.program, choice.replace("NAME", user)))
            .collect();
        commands.join(", or: ")
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
        self.remark("note", &mark.to_string(), text);
    }

    /// The same, and for programs also what it is about.
    pub fn notice_with(&self, text: &str, key: &str, about: &Value) {
        if self.json {
            let object = json!({ "note": text, key: about });
            let _ = writeln!(io::stderr().lock(), "{}", escape::json(&object.to_string()));
        } else {
            self.notice(text);
        }
    }

    /// A warning, on standard error.
    pub fn warning(&self, text: &str) {
        let mark = Style::new().for_stderr().yellow().bold().apply_to("warning:");
        self.remark("warning", &mark.to_string(), text);
    }

    /// Programs get an object whose one key says what it is.
    fn remark(&self, key: &str, mark: &str, text: &str) {
        let line = if self.json {
            escape::json(&json!({ key: text }).to_string())
        } else {
            // Whoever wrote a part of it, a relay for example: here, so that no caller forgets.
            format!("{mark} {}", escape::paragraph(text))
        };
        let _ = writeln!(io::stderr().lock(), "{line}");
    }

    /// A failure, on standard error.
    pub fn failure(&self, failure: &Failure) {
        let text = escape::line(&advice::said(failure));
        let advice = self.advice(failure);
        if self.json {
            let mut object = json!({ "error": text, "exit": failure.exit() as u8 });
            if !advice.is_empty() {
                object["advice"] = json!(advice);
            }
            let _ = writeln!(io::stderr().lock(), "{}", escape::json(&object.to_string()));
            return;
        }
        let mark = Style::new().for_stderr().red().bold().apply_to("error:");
        let _ = writeln!(io::stderr().lock(), "{mark} {text}");
        for line in advice {
            let _ = writeln!(io::stderr().lock(), "       {line}");
        }
    }

    /// Bytes that are a file's.
    ///
    /// # Errors
    /// Standard output.
    pub fn raw(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes)?;
        Ok(stdout.flush()?)
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
                    "{peer} has a new identity, named by the one you verified; nothing is sent until you compared the new safety number: {}",
                    self.decide(peer.user().as_str(), &["verify NAME"])
                )),
                Event::IdentityForked { peer } => self.warning(&format!(
                    "two identities say that they follow the one you knew of {peer}: somebody else has its key. Nothing is sent or shown. Meet or \
                     call, and compare: {}",
                    self.decide(peer.user().as_str(), &["safety-number NAME", "verify NAME --accept", "reject-identity NAME"])
                )),
                Event::FirstContact { peer } => self.notice(&format!(
                    "{peer} wrote for the first time. Compare safety numbers over another channel: {}",
                    self.decide(peer.user().as_str(), &["safety-number NAME"])
                )),
                Event::Missing { peer, count } => {
                    self.warning(&format!("{count} message(s) from {peer} were sent and have not arrived"));
                }
                Event::IdentityChanged { peer, .. } => self.warning(&format!(
                    "the identity of {peer} has changed; what they send waits. Compare the new safety number: {}",
                    self.decide(peer.user().as_str(), &["safety-number NAME", "verify NAME --accept", "reject-identity NAME"])
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
                Event::Flooded { by: Flooder::Account(who) | Flooder::Contact(who), times } => self.warning(&format!(
                    "the relay refused {times} message(s) of {who}: more than it takes at a time. To stop them: latchkey block {}",
                    who.user()
                )),
                Event::Flooded { by: Flooder::Unknown, times } => self.warning(&format!(
                    "the relay refused {times} message(s) that came with a delivery token of nobody you know any more"
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
                        "registration": relay.registration.to_string(),
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
                    Some(relay) => {
                        rows.extend([
                            ("relay key", relay.fingerprint.to_string()),
                            (
                                "version",
                                escape::line(&format!("{} on {}", relay.version, relay.storage_engine)),
                            ),
                            ("registration", relay.registration.to_string()),
                        ]);
                        // Rough, so that nobody sees others' messages in them.
                        let numbers = [
                            ("accounts", relay.accounts, ""),
                            ("waiting", relay.messages_pending, " messages, in all mailboxes"),
                            ("licenses", relay.licenses_active, " that can still be played"),
                        ];
                        rows.extend(
                            numbers
                                .into_iter()
                                .filter_map(|(name, number, of)| Some((name, format!("{}{of}", roughly(number?))))),
                        );
                    }
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
}

/// What was wrong with a command line, for programs: the first paragraph is the error, the rest says what would have been right.
pub fn usage_object(text: &str) {
    let mut lines = text.lines().map(str::trim);
    let error: Vec<&str> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
    let error = error.join(" ");
    let advice: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    let mut object = json!({
        "error": escape::line(error.strip_prefix("error: ").unwrap_or(&error)), "exit": Exit::Usage as u8,
    });
    if !advice.is_empty() {
        object["advice"] = json!(advice);
    }
    let _ = writeln!(io::stderr().lock(), "{}", escape::json(&object.to_string()));
}

/// The command with the home that it was given; one from the environment is there for the next command too.
fn program(global: &Global) -> String {
    match &global.home {
        Some(home) if std::env::var_os("LATCHKEY_HOME").is_none_or(|from| from != *home.as_os_str()) => {
            format!("latchkey --home {}", quoted(&home.display().to_string()))
        }
        _ => "latchkey".to_owned(),
    }
}

/// For a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | '@' | ':');
    if text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", escape::line(text).replace('\'', "'\\''"))
    }
}

/// What a relay shows of its numbers: powers of two, and 0 for few.
fn roughly(number: u64) -> String {
    match number {
        0 => "few".to_owned(),
        number => format!("about {number}"),
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
