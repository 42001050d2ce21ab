//! What can be typed. The command names, and the keys of `--json`, are a contract with scripts.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand};

mod after;
mod keys;
mod values;

pub use values::{ReadInvite, parse_duration, parse_expiry, read_plays};
use values::{directory, read_invite, read_limit, read_wait};

/// Messages that `history` shows when it is not told: a screen or two.
pub const DEFAULT_HISTORY: u32 = 50;

/// Post-quantum end-to-end encrypted chat through a relay that cannot read it.
#[derive(Debug, Parser)]
#[command(name = "latchkey", version)]
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
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "LATCHKEY_HOME",
        hide_env_values = true,
        value_parser = directory()
    )]
    pub home: Option<PathBuf>,
    /// The relay's URL [default: the relay of this account; for `register` http://127.0.0.1:5000]
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "LATCHKEY_RELAY",
        hide_env_values = true
    )]
    pub relay: Option<String>,
    /// The fingerprint of the relay's self-signed certificate, as the relay prints it at its start; needs --relay
    ///
    /// Only that certificate is accepted. The fingerprint is kept with the account; a new one replaces it.
    #[arg(
        long,
        global = true,
        value_name = "SHA256",
        env = "LATCHKEY_PIN",
        hide_env_values = true
    )]
    pub pin: Option<String>,
    /// A file whose first line is the passphrase
    #[arg(long, global = true, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Print one JSON object a line instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// Allow http:// to another machine, for networks that are protected by other means
    #[arg(long, global = true)]
    pub allow_plain_http: bool,
}

/// The whole definition, with help for a screen of this many columns.
#[must_use]
pub fn command(columns: usize) -> clap::Command {
    // The last column stays free: terminals differ in where the cursor is behind it.
    let mut command = Cli::command()
        .after_help(after::text(columns))
        .max_term_width(columns.saturating_sub(1).max(1));
    command.build();
    in_our_words(command)
}

/// The same with a sentence of ours for the command `help`, here and below: the library's has a plural in brackets.
fn in_our_words(command: clap::Command) -> clap::Command {
    let names: Vec<String> = command
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect();
    names.into_iter().fold(command, |command, name| {
        let is_help = name == "help";
        command.mut_subcommand(name, |below| {
            let below = in_our_words(below);
            if is_help {
                below.about("Print this help, or that of a command")
            } else {
                below
            }
        })
    })
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Claim a name at the relay and make an account in this home
    ///
    /// A registration that was cut off is finished by giving the same command again.
    #[command(after_help = keys::REGISTER)]
    Register {
        /// 1 to 32 of a-z 0-9 _ . - beginning with a letter or digit; a name is given out once
        name: String,
        /// An invitation, for a relay that asks for one; a link names the relay, so --relay can be left out. Quote the link: a shell may read its # as a comment
        #[arg(long, value_name = "LINK|CODE", value_parser = read_invite)]
        invite: Option<ReadInvite>,
    },
    /// Send a message, with a play limit if you like
    ///
    /// A message may begin with a hyphen: `send bob --help` sends "--help". Put a message that is the name of an option behind `--`: send bob -- --json
    ///
    /// When the relay cannot be reached, the message is kept and goes out with the next command that reaches the relay: do not send it again.
    #[command(disable_help_flag = true, after_help = keys::SEND)]
    Send {
        /// NAME or NAME@RELAY
        to: String,
        /// The text; `-` reads it from standard input; without it, a terminal asks for it
        #[arg(allow_hyphen_values = true)]
        message: Option<String>,
        /// Let the recipient open the message N times, 1 to 255; its text is not shown in an inbox or history
        #[arg(long, value_name = "N", value_parser = read_plays, allow_negative_numbers = true)]
        plays: Option<u8>,
        /// With --plays: the relay enforces the limit without learning N, or how often the message was opened
        ///
        /// The first such message makes a gate key (some seconds of arithmetic) and uploads it (23 MB, once). The relay computes for a fraction of a second each time
        /// the message is opened. docs/play-limits.md says what this hides and what it does not.
        #[arg(long, requires = "plays")]
        oblivious: bool,
        /// With --plays: for how long it can be opened, a minute to a year: 30m, 12h, 7d, 2w [default: 90d]
        #[arg(long, value_name = "DURATION", value_parser = parse_expiry, requires = "plays", allow_negative_numbers = true)]
        expires: Option<Duration>,
    },
    /// Receive messages, and show those that were not shown yet
    ///
    /// A limited message is listed without its text: `play` opens it. What waits to be sent goes out too.
    #[command(after_help = keys::INBOX)]
    Inbox {
        /// When nothing is there, wait up to this long for a message, at most 86400
        #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = read_wait, allow_negative_numbers = true)]
        wait: u32,
    },
    /// Open a limited message; that uses one play
    ///
    /// The text alone goes to standard output. No play is used when standard output is closed or /dev/null.
    #[command(after_help = keys::PLAY)]
    Play {
        /// The id as `inbox` shows it, or the beginning of it
        message_id: String,
    },
    /// Show earlier messages, sent and received, the oldest first
    ///
    /// It reads this home and does not ask the relay. Of your own messages it says how far each came: `waiting for the relay` (queued); `sent`, the relay has it and no more
    /// is known, so it may have arrived, expired or been cleared unread (what never came is sent again when the contact's client says so); `delivered`, the contact's client has it; `read`, if the contact tells that; `not delivered`, with the reason (failed).
    /// The words in brackets are those of `--json`. There a message of the contact is `new` until `inbox` has shown it, then `seen`.
    #[command(after_help = keys::HISTORY)]
    History {
        /// Only messages with this contact
        with: Option<String>,
        /// The latest N messages
        #[arg(long, value_name = "N", default_value_t = DEFAULT_HISTORY, value_parser = read_limit, allow_negative_numbers = true)]
        limit: u32,
    },
    /// Show every contact, and whether its identity was verified
    #[command(after_help = keys::CONTACTS)]
    Contacts,
    /// Note that you compared a contact's safety number, or accept its changed identity
    ///
    /// On a terminal it shows the number and asks. Without one, and with --json, it does nothing unless --yes is given.
    /// With --accept it first names your messages that go to the new identity: those that may not have arrived. A message that was reported as delivered, or as not
    /// delivered, does not go again.
    #[command(after_help = keys::VERIFY)]
    Verify {
        /// The contact
        name: String,
        /// Accept a changed identity, or the successor of a verified one; compare the new safety number first
        #[arg(long)]
        accept: bool,
        /// Do not ask: the number was compared
        #[arg(long)]
        yes: bool,
    },
    /// Keep the known identity of a contact; forget the one that is offered, and what it sent
    #[command(after_help = keys::REJECT_IDENTITY)]
    RejectIdentity {
        /// The contact
        name: String,
    },
    /// Replace your identity by a new one, which the old one vouches for
    ///
    /// Use it when keys may have been stolen, or from time to time. Contacts accept the new identity automatically; a contact that had verified you has to compare the new
    /// safety number before writing to you again. All conversations restart. The name and everything in this home stay. A run that was cut off is finished by the next
    /// command. It asks first, on a terminal; without one, and with --json, it does nothing unless --yes is given.
    #[command(after_help = keys::ROTATE_IDENTITY)]
    RotateIdentity {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Block an account: the relay accepts nothing from it any more, and does not tell it why
    ///
    /// Its delivery token is deleted at the relay, which refuses the account as if it had sent too much. What had arrived and was not shown yet is dropped after it is opened, and
    /// is not shown later either. Nothing is sent to it until `unblock`.
    #[command(after_help = keys::BLOCK)]
    Block {
        /// The name of an account at this relay; it need not be a contact
        name: String,
    },
    /// Unblock an account
    ///
    /// What was dropped stays dropped; what its client still keeps is delivered.
    #[command(after_help = keys::BLOCK)]
    Unblock {
        /// The name of the account
        name: String,
    },
    /// Show or change which receipts contacts get: `receipts on|off` for delivery, `receipts read on|off` for reading
    ///
    /// Delivery receipts are on by default, read receipts are off. One receipt covers all messages of up to a minute; it goes out then, or with the next command after
    /// that. Blocked contacts get none, nor do those whom you have neither written to nor verified. A limited message has no read receipt. Without receipts, your next message to
    /// a contact still shows which of its messages arrived.
    #[command(after_help = keys::RECEIPTS)]
    Receipts {
        /// `on` or `off` for delivery receipts; `delivery` or `read` names the kind; without it both are shown
        what: Option<ReceiptKind>,
        /// With `delivery` or `read`: whether they are sent
        state: Option<OnOff>,
    },
    /// Show the safety number, to compare with a contact over another channel
    ///
    /// Both sides see the same sixty digits. On a terminal with colours a QR code is shown too, where it fits: a phone that scans it shows the digits, to be compared by eye.
    #[command(after_help = keys::SAFETY_NUMBER)]
    SafetyNumber {
        /// The contact
        name: String,
    },
    /// Show the keys of this account; `keys rotate` makes new prekeys
    #[command(after_help = keys::KEYS)]
    Keys {
        /// What to do with them
        #[command(subcommand)]
        action: Option<KeysAction>,
    },
    /// Show the state of this account and of its relay
    ///
    /// The relay's numbers are rough and up to an hour old; a relay can be set to show none. When the relay cannot be reached, this account's state is shown all the same, and the
    /// command fails.
    #[command(after_help = keys::STATUS)]
    Status,
    /// Print the bearer token of this home's session, for the relay's page /docs and for curl
    ///
    /// A program that has the token can fetch and delete this account's mail, send in its name, and block accounts, until the token expires. It cannot open a message. This home
    /// uses the same session, so printing its token signs nothing out: curl -H "Authorization: Bearer $(latchkey token)" http://127.0.0.1:5000/v1/keys
    #[command(after_help = keys::TOKEN)]
    Token,
    /// Delete all messages that wait at the relay, unread
    ///
    /// On a terminal it asks first. Without one, and with --json, it does nothing unless --yes is given. The client of a contact with whom you go on talking learns that its
    /// messages never came, and sends them again; to keep a contact's mail away, block it.
    #[command(after_help = keys::CLEAR_INBOX)]
    ClearInbox {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Take back a limited message that you sent: it does not open any more
    #[command(after_help = keys::PLAYS)]
    Revoke {
        /// The id as `send` or `history` shows it, or the beginning of it
        message_id: String,
    },
    /// Show how often a limited message that you sent was opened
    #[command(after_help = keys::PLAYS)]
    Plays {
        /// The id as `send` or `history` shows it, or the beginning of it
        message_id: String,
    },
    /// Show your gate keys, which seal oblivious limits; `gate-key rotate` makes a new one
    #[command(after_help = keys::GATE_KEY)]
    GateKey {
        /// What to do with them
        #[command(subcommand)]
        action: Option<GateKeyAction>,
    },
    /// Show or change whether decoys hide how often oblivious messages are opened
    ///
    /// Off by default. Decoys look like plays to the relay and never cost a play. While this client waits for messages (`inbox --wait`, the interactive client) it sends
    /// decoys at random times, ten minutes apart on average and at most eight for a message. The relay still sees a request for each `play`.
    #[command(after_help = keys::DECOYS)]
    Decoys {
        /// Whether decoys are sent; without it, the present state is shown
        state: Option<OnOff>,
    },
    /// Change the passphrase of this home
    #[command(after_help = keys::PASSPHRASE)]
    Passphrase {
        /// A file whose first line is the new passphrase; without it, a terminal asks for it
        #[arg(long, value_name = "FILE")]
        new_passphrase_file: Option<PathBuf>,
    },
    /// Print the completions of this command line for a shell
    ///
    /// bash: latchkey completions bash > ~/.local/share/bash-completion/completions/latchkey
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one for every command into a directory
    ///
    /// latchkey man | man -l -
    Man {
        /// The directory; it is made where it does not exist
        directory: Option<PathBuf>,
    },
}

/// What `receipts` is about; a bare switch is that of arrivals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ReceiptKind {
    /// Send delivery receipts
    On,
    /// Send no delivery receipts
    Off,
    /// Delivery receipts: that a message arrived
    Delivery,
    /// Read receipts: that a message was shown
    Read,
}

/// A switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum OnOff {
    /// Yes
    On,
    /// No
    Off,
}

/// What to do with our gate keys.
#[derive(Debug, Subcommand)]
pub enum GateKeyAction {
    /// Show them: when they were made, and whether the relay has them; the same as `gate-key` alone
    #[command(after_help = keys::GATE_KEY)]
    Status,
    /// Make a new one and upload it (23 MB); messages that the old one sealed stay playable
    #[command(after_help = keys::GATE_KEY)]
    Rotate {
        /// Make a key for this contact alone: the relay cannot link its messages to others', and other recipients cannot read its counts
        #[arg(long, value_name = "NAME")]
        contact: Option<String>,
    },
    /// Drop a contact's own key; the general one seals later messages to that contact
    #[command(after_help = keys::GATE_KEY)]
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
    #[command(after_help = keys::KEYS)]
    Rotate,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
        command(80).debug_assert();
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
}
