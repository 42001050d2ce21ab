//! What can be typed. The command names are a contract with scripts.

use std::convert::Infallible;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use client::{BadInvite, Invite};

/// Longest `--wait`, in seconds: a day. Longer waits are what loops are for.
const MAX_WAIT: i64 = 86_400;
/// Messages that `history` shows when it is not told: a screen or two.
pub const DEFAULT_HISTORY: u32 = 50;

const AFTER_HELP: &str = r#"Without a command, on a terminal: the interactive client.

Passphrase: --passphrase-file, else LATCHKEY_PASSPHRASE, else a prompt (on a terminal only).
Without a terminal nothing is asked: what is missing is named, and the exit code is 2.

Exit codes:
  0  done
  1  anything not below
  2  wrong or missing arguments or input
  3  no name is registered in this home
  4  the relay cannot be reached (a message reported as queued goes out with the next command that reaches it)
  5  refused: by the relay, or because a limited message was revoked or has expired
  6  an identity changed: a contact's (see `verify NAME --accept`, `reject-identity NAME`), or the relay's (its key, or its
     pinned certificate)
  7  the play limit of a message is reached
  8  wrong passphrase
  9  another latchkey process kept this home busy for ten seconds; nothing was done
  130  interrupted

With --json every line on standard output is one object, and so is every line on standard error, by what it has:
  {"error": TEXT, "exit": CODE, "advice": [TEXT, …]}   why it failed; the last line; advice only where there is some
  {"warning": TEXT}                                    what somebody should look at
  {"note": TEXT, "goes_to_new_identity": [ID, …]}      which messages go to a new identity, before `verify NAME --accept` takes it
  {"note": TEXT}                                       anything else
Questions are asked in text all the same, and only where standard input and standard error are a terminal.

Proxies: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY (in small letters too) are honoured, but never for a relay on this machine.

Environment: LATCHKEY_HOME, LATCHKEY_RELAY, LATCHKEY_PIN, LATCHKEY_PASSPHRASE, NO_COLOR"#;

/// Post-quantum end-to-end encrypted chat through a relay that cannot read it.
#[derive(Debug, Parser)]
#[command(name = "latchkey", version, after_help = AFTER_HELP)]
pub struct Cli {
    /// Options that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do; the interactive client when absent.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options that every command takes.
#[derive(Args, Clone, Debug)]
pub struct Global {
    /// Where the account is kept [default: the platform's data directory]
    #[arg(long, global = true, value_name = "DIR", env = "LATCHKEY_HOME")]
    pub home: Option<PathBuf>,
    /// The relay, such as http://127.0.0.1:5000 [default: the one registered at; http://127.0.0.1:5000 at registration]
    #[arg(long, global = true, value_name = "URL", env = "LATCHKEY_RELAY")]
    pub relay: Option<String>,
    /// The fingerprint of the relay's certificate, as a relay with a self-signed one prints it; kept with the account
    ///
    /// That certificate is accepted and no other. Given again, it replaces the one that was kept.
    #[arg(long, global = true, value_name = "SHA256", env = "LATCHKEY_PIN")]
    pub pin: Option<String>,
    /// A file whose first line is the passphrase
    #[arg(long, global = true, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// One JSON object a line instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// Allow http:// to other machines (the network is protected by other means)
    #[arg(long, global = true)]
    pub allow_plain_http: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Claim a name at the relay and make an account in this home
    Register {
        /// 1 to 32 of a-z 0-9 _ . - beginning with a letter or digit; a name is given out once
        name: String,
        /// An invitation, for relays that ask for one; with a link the relay need not be named. Quote the link: a shell may take the # for itself
        #[arg(long, value_name = "LINK|CODE", value_parser = read_invite)]
        invite: Option<ReadInvite>,
    },
    /// Send a message
    ///
    /// The message may begin with a hyphen. `send --help` shows this; behind the name it is a message like any other. A message that is another option's
    /// name goes behind `--`: send bob -- --json
    #[command(disable_help_flag = true)]
    Send {
        /// NAME or NAME@RELAY
        to: String,
        /// The text; `-` reads it from standard input; asked for on a terminal when absent
        #[arg(allow_hyphen_values = true)]
        message: Option<String>,
        /// The message opens this often, and is never stored in the clear
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..))]
        plays: Option<u8>,
        /// With --plays: the relay enforces the limit without learning it, or how often the message was opened
        ///
        /// The first such message makes a gate key (some seconds of arithmetic) and uploads it (23 MB, once). Opening one takes the relay a fraction of a second of
        /// arithmetic. docs/play-limits.md says what this hides and what it does not.
        #[arg(long, requires = "plays")]
        oblivious: bool,
        /// With --plays: how long it can be opened: 30m, 12h, 7d, … [default: 90d]
        #[arg(long, value_name = "DURATION", value_parser = parse_duration, requires = "plays")]
        expires: Option<Duration>,
    },
    /// Receive, and show what is new
    Inbox {
        /// When nothing is there, wait this long for it
        #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=MAX_WAIT))]
        wait: u32,
    },
    /// Open a play-limited message; that uses one play
    Play {
        /// The id as `inbox` shows it, or the beginning of it
        message_id: String,
    },
    /// Show earlier messages, both ways
    ///
    /// Of ours it says how far each came: `waiting for the relay` (queued); `sent`, the relay has it, and more is not known: it may have arrived, or have expired or been
    /// cleared unread; `delivered`, their client has it; `read`, if they tell that; `not delivered`, with the reason (failed). The words in brackets are those of `--json`, where theirs
    /// are `new` until `inbox` has shown them, then `seen`.
    History {
        /// Only with this contact
        with: Option<String>,
        /// At most this many, the latest
        #[arg(long, value_name = "N", default_value_t = DEFAULT_HISTORY, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Show everyone known, and how sure their identity is
    Contacts,
    /// Note that a contact's safety number was compared; or decide about a changed identity
    ///
    /// With `--accept` it names the messages that go to the new identity: ours of which it is not known that they arrived. What was said to be delivered, or not to be, does not go again
    /// by itself.
    Verify {
        /// The contact
        name: String,
        /// Accept a changed identity, or a verified one's successor; compare the new safety number first
        #[arg(long)]
        accept: bool,
        /// Do not show the number and ask on a terminal: it was compared
        #[arg(long)]
        yes: bool,
    },
    /// Keep the known identity of a contact, and forget the one that is offered with what it sent
    RejectIdentity {
        /// The contact
        name: String,
    },
    /// Replace our own identity by a new one, which the old one vouches for
    ///
    /// For when keys may have been stolen, or from time to time. Contacts follow by themselves; who had verified us has to compare the new safety number before
    /// writing to us again. All conversations are begun anew. The name and what is kept here stay. A run that was cut off is finished by the next command.
    RotateIdentity {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Block a contact, or somebody who floods you: the relay takes nothing from them any more, without a word to them
    ///
    /// Their delivery token is deleted at the relay, and their account is refused there as if it had sent too much. What had come already is dropped after it is
    /// opened. It is not shown later either. Nothing is sent to them until `unblock`.
    Block {
        /// Their name; they need not be a contact
        name: String,
    },
    /// Take a block back; what was dropped meanwhile stays dropped, and what still waits on their side comes
    Unblock {
        /// Their name
        name: String,
    },
    /// Show or change what contacts are told about their messages: `receipts on|off` that they arrived, `receipts read on|off` that they were shown
    ///
    /// Arrivals are told by default, showing is not. One receipt for all that gathered, sent within a minute or with the next command after that; never to blocked
    /// contacts, nor to whoever we have not written to or verified; never of a limited message that it was shown or played. Without a receipt the next
    /// message to its author still shows that the last message arrived.
    Receipts {
        /// `on` or `off` for arrivals; `delivery` or `read` to say which; all shown when absent
        what: Option<ReceiptKind>,
        /// With `delivery` or `read`
        state: Option<OnOff>,
    },
    /// Show the number to compare with a contact over another channel
    SafetyNumber {
        /// The contact
        name: String,
    },
    /// Show our own keys; `keys rotate` makes new prekeys
    Keys {
        /// What to do with them
        #[command(subcommand)]
        action: Option<KeysAction>,
    },
    /// Show the relay's state and our own
    Status,
    /// Print the bearer token of this home's session, for the relay's page /docs and for curl
    ///
    /// A program that has it can fetch and delete this account's mail, send in its name, and block people, until the token ends. It opens no message. It is the session that this home goes on to
    /// use, so nothing is signed out by it: curl -H "Authorization: Bearer $(latchkey token)" http://127.0.0.1:5000/v1/keys
    Token,
    /// Delete everything that waits at the relay, unread
    ///
    /// On a terminal it asks first.
    ClearInbox {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Take back a play-limited message: it opens no more
    Revoke {
        /// The id as `send` or `history` shows it, or the beginning of it
        message_id: String,
    },
    /// Show how often a play-limited message of ours was opened
    Plays {
        /// The id as `send` or `history` shows it, or the beginning of it
        message_id: String,
    },
    /// Show our gate keys, which seal oblivious limits; `gate-key rotate` makes a new one
    GateKey {
        /// What to do with them
        #[command(subcommand)]
        action: Option<GateKeyAction>,
    },
    /// Show or change whether decoys hide how often oblivious messages are opened
    ///
    /// Off by default. While this client waits for messages (`inbox --wait`, the interactive client) it asks the relay, at random times, for plays that are none: ten minutes
    /// apart on average, at most eight for a message. They never cost a play. A play by command, when no decoys are sent, still shows as a request.
    Decoys {
        /// Shown when absent
        state: Option<OnOff>,
    },
    /// Change the passphrase of this home
    Passphrase {
        /// A file whose first line is the new passphrase; asked for on a terminal when absent
        #[arg(long, value_name = "FILE")]
        new_passphrase_file: Option<PathBuf>,
    },
    /// Print what a shell needs to complete this command line
    ///
    /// bash: latchkey completions bash > ~/.local/share/bash-completion/completions/latchkey
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one for every command into a directory
    Man {
        /// Where to write them
        directory: Option<PathBuf>,
    },
}

/// An invitation as it was read. It is refused later: what the command line's own errors refuse they repeat.
pub type ReadInvite = Result<Invite, BadInvite>;

#[allow(clippy::unnecessary_wraps, reason = "the form of a value parser")]
fn read_invite(text: &str) -> Result<ReadInvite, Infallible> {
    Ok(Invite::parse(text))
}

/// What `receipts` is about; a bare switch is that of arrivals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ReceiptKind {
    /// Tell of arrivals
    On,
    /// Do not tell of arrivals
    Off,
    /// That a message arrived
    Delivery,
    /// That a message was shown
    Read,
}

/// A switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum OnOff {
    /// Do
    On,
    /// Do not
    Off,
}

/// What to do with our gate keys.
#[derive(Debug, Subcommand)]
pub enum GateKeyAction {
    /// Show them: when they were made, whether the relay has them (also without a subcommand)
    Status,
    /// Make a new one and upload it (23 MB); what the old one sealed can be opened to its end
    Rotate {
        /// A key of this contact's own: the relay cannot link its messages to others', and other recipients cannot read its counts
        #[arg(long, value_name = "NAME")]
        contact: Option<String>,
    },
    /// Go back to the general key for a contact that has one of its own
    Drop {
        /// The contact
        #[arg(long, value_name = "NAME")]
        contact: String,
    },
}

/// What to do with our keys.
#[derive(Debug, Subcommand)]
pub enum KeysAction {
    /// Make new prekeys and publish them
    Rotate,
}

/// `90s`, `30m`, `12h`, `7d`, `2w`.
///
/// # Errors
/// A sentence that says what is accepted.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || "write a number and a unit: 90s, 30m, 12h, 7d or 2w".to_owned();
    let split = text
        .len()
        .checked_sub(1)
        .filter(|at| text.is_char_boundary(*at))
        .ok_or_else(wrong)?;
    let (number, unit) = text.split_at(split);
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        "w" => 7 * 24 * 3600,
        _ => return Err(wrong()),
    };
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_contract_parses() {
        for line in [
            "register alice",
            "register alice --invite https://relay.example/#invite=00112233445566778899aabbccddeeff",
            "register alice --invite nonsense-that-is-refused-later",
            "send bob hello",
            "send bob -",
            "send bob -5°C",
            "send bob -h",
            "send bob --help",
            "send bob --unknown",
            "send bob -- --json",
            "send --plays 3 bob -5°C",
            "send bob --plays 3 -- -x",
            "verify bob --yes",
            "clear-inbox --yes",
            "completions bash",
            "man",
            "send bob",
            "send bob@relay.example hello --plays 3 --expires 7d",
            "send bob hello --plays 3 --oblivious",
            "gate-key",
            "gate-key status",
            "gate-key rotate",
            "gate-key rotate --contact bob",
            "gate-key drop --contact bob",
            "decoys",
            "decoys on",
            "inbox",
            "inbox --wait 30",
            "play 1234",
            "history",
            "history bob",
            "contacts",
            "verify bob",
            "verify bob --accept",
            "safety-number bob",
            "receipts",
            "receipts on",
            "receipts off",
            "receipts read on",
            "receipts delivery off",
            "reject-identity bob",
            "rotate-identity",
            "rotate-identity --yes",
            "block bob",
            "unblock bob",
            "keys",
            "keys rotate",
            "status",
            "clear-inbox",
            "revoke 1234",
            "--home d --relay http://127.0.0.1:1 --passphrase-file f --json inbox",
            "inbox --json --home d",
        ] {
            let words = std::iter::once("latchkey").chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_ok(), "{line}");
        }
        for line in [
            "register",
            "send",
            "send bob hi --plays 0",
            "send bob hi --plays 256",
            "send bob hi --expires 1h",
            "send bob hi --oblivious",
            "gate-key drop",
            "nonsense",
            "block",
            "receipts maybe",
            "receipts read maybe",
            "reject-identity",
            "rotate-identity now",
        ] {
            let words = std::iter::once("latchkey").chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_err(), "{line}");
        }
    }

    #[test]
    fn durations_are_a_number_and_a_unit() {
        for (text, seconds) in [
            ("90s", 90),
            ("30m", 1800),
            ("12h", 43_200),
            ("7d", 604_800),
            ("2w", 1_209_600),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "d",
            "7",
            "7 d",
            "-1d",
            "+1d",
            "1.5h",
            "7y",
            "é",
            "99999999999999999999d",
            "18446744073709551615w",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
