//! The only module that prints. Text for people, or one JSON object a line for programs; results on standard output, everything else
//! (notices, errors, spinners) on standard error.
//!
//! Whatever a peer or a relay wrote goes through [`escape`] on its way out.

mod advice;
pub mod escape;
mod gate;
pub(crate) mod messages;
mod people;
mod plural;
mod said;
mod secret;
pub mod time;
mod working;
pub(crate) mod wrap;

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use client::vault::Ended;
use client::{Address, ClockOff, Event, Flooder, OwnStatus, RelayStatus, Timestamp};
use console::{Style, Term};
use serde_json::{Value, json};

use crate::args::Global;
use crate::exit::{Exit, Failure};

use plural::counted;
pub use said::without_options;
pub use working::Working;

/// How far a line is set off where it goes on in another row.
const HANG: usize = 2;

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
            self.command(command)
        }
    }

    /// A command of this home. It is copied, so it does not break into rows.
    fn command(&self, command: &str) -> String {
        format!("{} {command}", self.program).replace(' ', wrap::HELD)
    }

    /// What to do about a contact's identity.
    fn decide(&self, user: &str, choices: &[&str]) -> String {
        if self.menu {
            return format!("choose Contacts, then {user}");
        }
        let commands: Vec<String> = choices
            .iter()
            .map(|choice| self.command(&choice.replace("NAME", user)))
            .collect();
        commands.join(", or: ")
    }

    /// Whether programs read this.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Lines of text, in rows of the terminal.
    fn out(&self, text: &str) -> Result<(), Failure> {
        self.lines_as_they_are(&wrap::fold(text, columns(), HANG))
    }

    fn lines_as_they_are(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.write_all(b"\n")?;
        stdout.flush()?;
        Ok(())
    }

    fn object(&self, value: &Value) -> Result<(), Failure> {
        self.lines_as_they_are(&escape::json(&value.to_string()))
    }

    /// One or the other, as asked for.
    fn show(&self, object: impl FnOnce() -> Value, text: impl FnOnce() -> String) -> Result<(), Failure> {
        if self.json {
            self.object(&object())
        } else {
            self.out(&text())
        }
    }

    /// What was printed of something that is done: output that fails does not undo it, and a script that took it for a failure would do it again.
    ///
    /// # Errors
    /// What is no fault of the output.
    pub fn done(&self, printed: Result<(), Failure>, what: &str) -> Result<(), Failure> {
        match printed {
            Err(Failure::Io(error)) => {
                self.warning(&format!(
                    "{what}; that could not be printed ({error}). Do not do it again"
                ));
                Ok(())
            }
            other => other,
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
            let object = json!({ "note": wrap::free(text), key: about });
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
            escape::json(&json!({ key: wrap::free(text) }).to_string())
        } else {
            // Whoever wrote a part of it, a relay for example: here, so that no caller forgets.
            set_off(mark, key.len() + 2, &escape::paragraph(text))
        };
        let _ = writeln!(io::stderr().lock(), "{line}");
    }

    /// A failure, on standard error.
    pub fn failure(&self, failure: &Failure) {
        let text = escape::line(&said::said(failure, self.menu));
        let advice = self.advice(failure);
        if self.json {
            let mut object = json!({ "error": text, "exit": failure.exit() as u8 });
            if !advice.is_empty() {
                object["advice"] = advice.iter().map(|line| wrap::free(line)).collect();
            }
            let _ = writeln!(io::stderr().lock(), "{}", escape::json(&object.to_string()));
            return;
        }
        let mark = Style::new().for_stderr().red().bold().apply_to("error:");
        let all = [vec![text], advice].concat().join("\n");
        let _ = writeln!(
            io::stderr().lock(),
            "{}",
            set_off(&mark.to_string(), "error: ".len(), &all)
        );
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

    /// Rows that were made for this screen.
    ///
    /// # Errors
    /// Standard output.
    pub(crate) fn rows(&self, rows: &[String]) -> Result<(), Failure> {
        self.lines_as_they_are(&rows.join("\n"))
    }

    /// How many rows the terminal has to which results go, if they go to one.
    pub(crate) fn rows_of_screen(&self) -> Option<usize> {
        let screen = Term::stdout();
        (screen.is_term() && !self.json).then(|| screen.size().0.into())
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
                Event::Disconnected { because } => {
                    let because = escape::line(&because.to_string());
                    self.notice(&format!("{because}; trying again until the wait is over"));
                }
                Event::Reconnected => self.notice("the relay is back"),
                Event::Restored => self.warning(
                    "this home is an older copy of itself, as after a backup was restored: its keys were replaced and every conversation restarts. Messages of the time in between are not here; ask your contacts for them",
                ),
                Event::OwnSuccession => self.notice(
                    "your identity was replaced: all conversations restart, and your safety numbers have changed",
                ),
                Event::Succeeded { peer, was_verified: false } => self.notice(&format!(
                    "{peer} has a new identity, and the one you knew vouches for it; the safety number has changed"
                )),
                // No alarm: this is what a contact does who changes keys. Who writes to it is stopped until the numbers were compared.
                Event::Succeeded { peer, was_verified: true } => self.notice(&format!(
                    "{peer} has a new identity, and the one you verified vouches for it. Its messages are shown; yours wait until you have compared the new safety number: {}",
                    self.decide(peer.user().as_str(), &["verify NAME"])
                )),
                Event::IdentityForked { peer } => self.warning(&format!(
                    "two identities claim to succeed the one you knew of {peer}, so another person has its key. Nothing is sent or shown. Meet or \
                     call {peer}, and compare: {}",
                    self.decide(peer.user().as_str(), &["safety-number NAME", "verify NAME --accept", "reject-identity NAME"])
                )),
                Event::FirstContact { peer } => self.notice(&format!(
                    "{peer} wrote for the first time. Compare safety numbers over another channel: {}",
                    self.decide(peer.user().as_str(), &["safety-number NAME"])
                )),
                Event::Missing { peer, count: 1 } => self.warning(&format!(
                    "1 envelope from {peer} did not arrive: a message, or a receipt or another note of its client. That client learns of it with your next message to {peer}, and sends it again if it is a message"
                )),
                Event::Missing { peer, count } => {
                    self.warning(&format!(
                        "{} from {peer} did not arrive: messages, or receipts and other notes of its client. That client learns of it with your next message to {peer}, and sends the messages again",
                        counted(*count, "envelope")
                    ));
                }
                Event::ClearedHere { peer, count: 1 } => self.notice(&format!(
                    "1 envelope from {peer} will not be shown: probably one that you deleted at the relay, unread. If it is a message, it comes again once its client learns of that"
                )),
                Event::ClearedHere { peer, count } => self.notice(&format!(
                    "{} from {peer} will not be shown: probably those that you deleted at the relay, unread. The messages among them come again once its client learns of that",
                    counted(*count, "envelope")
                )),
                Event::IdentityChanged { peer, .. } => self.warning(&format!(
                    "the identity of {peer} has changed; its messages wait for your decision. Compare the new safety number: {}",
                    self.decide(peer.user().as_str(), &["safety-number NAME", "verify NAME --accept", "reject-identity NAME"])
                )),
                Event::QuarantineDropped { peer, count } => {
                    self.warning(&format!("deleted {} from the undecided identity of {peer}: your decision took too long", counted(*count, "message")));
                }
                Event::TooEarly {
                    peer,
                    kept,
                    dropped,
                    clock,
                } => {
                    if *kept > 0 {
                        self.warning(&too_early(peer, *kept, *clock));
                    }
                    if *dropped > 0 {
                        self.warning(&format!(
                            "of {peer}, {} dated ahead and not kept: too many wait, or for seven days. When the clocks are right, ask {peer} to write again",
                            messages_are(*dropped)
                        ));
                    }
                }
                Event::ClockWrong(off) => self.warning(&format!(
                    "the clock of this device is {off} that of the relay. Set it: meanwhile your first messages may open late, and conversations that need it do not restart. If the clock is right, tell the relay's operator"
                )),
                Event::Unreadable { count, reason } => {
                    self.warning(&unreadable(*count, reason));
                }
                Event::Restarted { peer } => {
                    self.notice(&format!(
                        "the conversation with {peer} restarts with fresh keys. Messages of yours that {peer} has not acknowledged are sent again; what {peer} sent on the earlier keys may not open any more"
                    ));
                }
                Event::NoOneTimeKey { peer } => {
                    self.notice(&format!("{peer} found no one-time prekey of this account at the relay; full forward secrecy begins with your first answer"));
                }
                Event::DroppedByRelay { expired, refused } => self.warning(&format!(
                    "the relay dropped {} not fetched in time, and refused {refused} because the mailbox was full",
                    counted(*expired, "message")
                )),
                Event::Flooded { by: Flooder::Account(who) | Flooder::Contact(who), times } => self.warning(&format!(
                    "the relay refused {} of {who}: more than it takes at a time. To stop them: {}",
                    counted(*times, "message"),
                    self.how(&format!("block {}", who.user()), "choose Contacts, then block somebody")
                )),
                Event::Flooded { by: Flooder::Unknown, times } => self.warning(&format!(
                    "the relay refused {} that came with a delivery token of a contact that you do not have any more",
                    counted(*times, "message")
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
                    let until = if self.menu { ", and tried again by itself" } else { " until the next command" };
                    self.notice(&format!("put off{until}: {}", escape::line(&error.while_it_waits())));
                }
                _ => {}
            }
        }
    }

    /// The state of the relay and our own, and whether the relay knows this account, as far as it said so.
    ///
    /// # Errors
    /// Standard output.
    pub fn status(
        &self,
        own: &OwnStatus,
        relay: Option<(&RelayStatus, Option<ClockOff>)>,
        admitted: Option<bool>,
    ) -> Result<(), Failure> {
        self.show(
            || {
                json!({
                    "address": own.address.to_string(), "fingerprint": own.fingerprint.to_string(), "admitted": admitted,
                    "relay": relay.map(|(relay, clock)| json!({
                        "url": own.relay_url, "name": relay.name, "fingerprint": relay.fingerprint.to_string(),
                        "version": relay.version, "storage_engine": relay.storage_engine, "time": relay.time,
                        "registration": relay.registration.to_string(),
                        "accounts": relay.accounts, "messages_pending": relay.messages_pending,
                        "licenses_active": relay.licenses_active, "clock_off_seconds": clock.map(seconds_ahead),
                    })),
                    "contacts": own.contacts, "messages": own.messages, "unread": own.unread, "outbox": own.outbox,
                    "outbox_notes": own.outbox_notes,
                    "quarantined": own.quarantined, "early": own.early,
                })
            },
            || {
                let mut rows = vec![
                    ("you", own.address.to_string()),
                    ("fingerprint", own.fingerprint.to_string()),
                    ("contacts", own.contacts.to_string()),
                    ("messages", format!("{} kept, {} unread", own.messages, own.unread)),
                    ("outbox", format!("{} waiting for the relay", outbox(own))),
                ];
                if own.quarantined > 0 {
                    rows.push((
                        "quarantine",
                        format!("{} waiting for your decision about an identity", own.quarantined),
                    ));
                }
                if admitted == Some(false) {
                    rows.push(("account", "not known to the relay, see below".to_owned()));
                }
                if own.early > 0 {
                    rows.push(("early", format!("{} dated ahead, waiting for their date", own.early)));
                }
                rows.push(("relay", own.relay_url.clone()));
                match relay {
                    Some((relay, clock)) => {
                        if let Some(off) = clock.filter(|off| off.apart >= CLOCK_WORTH_TELLING) {
                            rows.push((
                                "clock",
                                format!("this device's is {off} the relay's; set it, or if it is right, tell the relay's operator"),
                            ));
                        }
                        rows.extend([
                            ("relay key", relay.fingerprint.to_string()),
                            (
                                "version",
                                escape::line(&format!("{} on {}", relay.version, relay.storage_engine)),
                            ),
                            ("registration", relay.registration.to_string()),
                        ]);
                        // Rough and an hour old, so that nobody sees others' messages in them.
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
            || format!("{} deleted at the relay", counted(deleted, "message")),
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

/// This version, for programs.
///
/// # Errors
/// Standard output.
pub fn version_object(version: &str) -> io::Result<()> {
    writeln!(
        io::stdout().lock(),
        "{}",
        json!({ "name": "latchkey", "version": version })
    )
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

/// How wide help is; where it goes to no terminal, as wide as it may be.
#[must_use]
pub fn columns_for_help() -> usize {
    columns().unwrap_or(usize::MAX)
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

/// What a relay adds to a number before it rounds it by chance, up or down, to a power of two.
const FEW: u64 = 64;

/// What a relay's rough number says of the true one: docs/decisions/0025-doors.md. They need not be alike: one message may be shown as 128.
fn roughly(shown: u64) -> String {
    match (shown / 2, shown.saturating_mul(2).saturating_sub(FEW)) {
        (0, _) => format!("fewer than {FEW}"),
        (least, most) if least <= FEW => format!("fewer than {most}"),
        (least, most) => format!("more than {} and fewer than {most}", least - FEW),
    }
}

/// Clocks of two machines differ by less than this when both are set by a time service.
const CLOCK_WORTH_TELLING: Duration = Duration::from_secs(60);

/// How far this device's clock is ahead, for programs.
fn seconds_ahead(off: ClockOff) -> i64 {
    let apart = i64::try_from(off.apart.as_secs()).unwrap_or(i64::MAX);
    if off.ahead { apart } else { -apart }
}

/// A remark behind its mark. Its other lines, and the rows of the terminal on which it goes on, stand under its first word.
fn set_off(mark: &str, width: usize, text: &str) -> String {
    let mut lines = text.lines();
    let first = format!("{mark} {}", lines.next().unwrap_or_default());
    let all: Vec<String> = std::iter::once(first)
        .chain(lines.map(|line| format!("{}{line}", " ".repeat(width))))
        .collect();
    wrap::fold(&all.join("\n"), columns_of_stderr(), width)
}

/// `name  value` lines.
fn table(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines: Vec<String> = rows
        .iter()
        .map(|(name, value)| format!("{}  {value}", Style::new().dim().apply_to(format!("{name:width$}"))))
        .collect();
    wrap::fold(&lines.join("\n"), columns(), width + 2)
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

/// How large the terminal is.
fn terminal_size() -> (usize, usize) {
    let (rows, columns) = Term::stdout().size();
    (rows.into(), columns.into())
}

/// How wide the terminal is to which results go, if they go to one.
fn columns() -> Option<usize> {
    columns_of(&Term::stdout())
}

fn columns_of_stderr() -> Option<usize> {
    columns_of(&Term::stderr())
}

fn columns_of(term: &Term) -> Option<usize> {
    term.is_term().then(|| term.size().1.into())
}

/// `1 message is`, `2 messages are`.
fn messages_are(number: u64) -> String {
    format!(
        "{} {}",
        counted(number, "message"),
        if number == 1 { "is" } else { "are" }
    )
}

/// Which clock is wrong is known only when the relay's agrees with the sender's.
/// The reason is that of the first one.
fn unreadable(count: u64, reason: &str) -> String {
    let about = if count == 1 { "" } else { " About the first of them:" };
    let end = if count == 1 { ':' } else { '.' };
    format!(
        "{} could not be opened{end}{about} {}",
        counted(count, "envelope"),
        escape::line(reason)
    )
}

/// What waits for the relay: what a person wrote, and apart from that what the client says by itself.
fn outbox(own: &OwnStatus) -> String {
    let messages = counted(own.outbox, "message");
    match own.outbox_notes {
        0 => messages,
        notes => format!(
            "{messages} and {} of this client (such as receipts)",
            counted(notes, "note")
        ),
    }
}

fn too_early(peer: &Address, kept: u64, clock: Option<ClockOff>) -> String {
    match clock {
        Some(off) => format!(
            "of {peer}, {} dated ahead of your clock, which is {off} that of the relay: your clock is wrong. What is kept opens when you have set it",
            messages_are(kept)
        ),
        None => format!(
            "of {peer}, {} dated more than ten minutes ahead: your clock or theirs is wrong. What is kept opens when the clocks agree",
            messages_are(kept)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_rough_number_holds_for_the_true_one() {
        assert_eq!(roughly(0), "fewer than 64");
        assert_eq!(roughly(128), "fewer than 192");
        assert_eq!(roughly(256), "more than 64 and fewer than 448");
        assert_eq!(roughly(4096), "more than 1984 and fewer than 8128");
        // As a relay rounds: what it shows of (n + 64) · 2^u, where u is uniform between 0 and 1.
        for n in (0..5_000_u32).chain([1 << 20, (1 << 20) - 65, 1 << 31]) {
            for part in 0..100 {
                let exponent = ((f64::from(n) + 64.0).log2() + f64::from(part) / 100.0).floor() as u32;
                let shown = if exponent <= 6 { 0 } else { 1_u64 << exponent };
                let said = roughly(shown);
                let bounds: Vec<u64> = said.split(' ').filter_map(|word| word.parse().ok()).collect();
                let n = u64::from(n);
                match bounds[..] {
                    [most] => assert!(n < most, "{n} as {said}"),
                    [least, most] => assert!(least < n && n < most, "{n} as {said}"),
                    _ => panic!("{said}"),
                }
            }
        }
    }
}
