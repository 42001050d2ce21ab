//! What can go wrong, each with what to do about it.

use std::time::Duration;

use protocol::address::{Address, NameError, RelayName, UserName};
use protocol::content::MAX_CONTENT;
use protocol::identity::Fingerprint;
use protocol::party::MAX_PENDING;

use crate::clock::ClockOff;
use crate::relay::{Code, RelayError, RelayUrl};
use crate::vault::{Ended, VaultError};

/// Why the messenger did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The relay did what it was asked, and the vault failed before that was noted.
    #[error(
        "the relay has done it, and this home could not note that: {0}. Give the same command again once that is mended"
    )]
    Unnoted(VaultError),
    /// The relay, or the way to it.
    #[error(transparent)]
    Relay(#[from] RelayError),
    /// A name or address that is none.
    #[error("{0}")]
    Name(#[from] NameError),
    /// There is a vault, and no account in it yet.
    #[error("no name is registered in this home; register one first")]
    NotRegistered,
    /// There is an account already.
    #[error("{0} is registered in this home already; use another home for another name")]
    AlreadyRegistered(Address),
    /// A registration was begun and its outcome never learned.
    #[error(
        "the registration of {name} at {relay} was begun in this home and not finished; register {name} there again to finish it"
    )]
    RegistrationPending {
        /// Under which name.
        name: UserName,
        /// Where, with the certificate that was pinned.
        relay: RelayUrl,
    },
    /// The relay said too often within a day that this vault is an older copy of itself.
    #[error(
        "the relay says for the {}th time within a day that this home is an older copy of itself. Conversations restart at most {} times a day, so nothing was sent or fetched. If two copies of this home are in use, use only one of them. Otherwise the relay lies, or another program holds a token of this account: ask the relay's operator. The next attempt is possible within a day",
        crate::messenger::MAX_RESTARTS + 1,
        crate::messenger::MAX_RESTARTS
    )]
    RestartsSpent,
    /// The relay told a number that no later copy of this vault can have.
    #[error(
        "the relay says that a copy of this home has come to {at_relay}, and this one is at {ours}: no copy can be that far ahead. Nothing was taken over, sent or fetched. The relay lies, or its database is damaged; ask its operator, and try again when that is mended"
    )]
    NumberImplausible {
        /// The relay's number.
        at_relay: u64,
        /// Ours.
        ours: u64,
    },
    /// The relay does not know our identity under our name.
    #[error(
        "the relay at {url} no longer admits {address}: the account was removed there, or its identity was replaced from another copy of this home. Nothing was sent, and nothing can be sent. What is kept here can still be read; ask the relay's operator, or register a name in another home"
    )]
    ShutOut {
        /// Who we are.
        address: Address,
        /// Where.
        url: String,
    },
    /// An address at another relay.
    #[error(
        "{address} is at another relay than this account, which is at {own}, and relays do not forward to each other; to write there, register a name at that relay in another home"
    )]
    ForeignRelay {
        /// Who was meant.
        address: Address,
        /// Our own relay's name.
        own: RelayName,
    },
    /// The relay has no account of a contact, and had one before.
    #[error(
        "the relay has no account of {0} any more, so nothing can be sent to {0}; ask {0} over another channel which address counts now. The history stays here"
    )]
    AccountGone(Address),
    /// A message to oneself.
    #[error("that is your own address; name another recipient")]
    Oneself,
    /// The peer's identity is another than the pinned one: nothing is sent until the user decided.
    #[error(
        "the identity of {peer} has changed; nothing is sent. Compare safety numbers with {peer} over another channel, then accept or reject the new one"
    )]
    IdentityChanged {
        /// Whose.
        peer: Address,
        /// What was seen at first contact or accepted since.
        pinned: Option<Fingerprint>,
        /// What is offered now.
        offered: Option<Fingerprint>,
    },
    /// The identity that was verified named another: nothing is sent until the user looked.
    #[error(
        "{peer} has a new identity, and the one that you verified vouches for it; nothing is sent. Compare the new safety number over another channel and verify {peer} again, or accept the new identity without comparing"
    )]
    IdentitySucceeded {
        /// Whose.
        peer: Address,
        /// The identity that was verified.
        verified: Fingerprint,
    },
    /// One identity named two successors.
    #[error(
        "two identities claim to succeed the one you knew of {0}, so another person has its key. Nothing is sent or shown. Meet or call {0}, compare the safety number, then accept or reject the identity that is offered"
    )]
    IdentityForked(Address),
    /// A contact that does not exist.
    #[error(
        "there is no contact {0}; check the spelling against the list of contacts, or send or receive a message first"
    )]
    UnknownContact(Address),
    /// A contact that we blocked.
    #[error("you blocked {0}; nothing is sent. Unblock {0} first")]
    Blocked(Address),
    /// Nothing to reject.
    #[error(
        "no other identity of {0} waits for a decision, so there is none to reject; to receive nothing more from {0}, block {0}"
    )]
    NothingToReject(Address),
    /// Nothing to accept.
    #[error(
        "the identity of {0} has not changed, so there is nothing to accept; to confirm it, compare the safety number and verify {0}"
    )]
    NothingToAccept(Address),
    /// The relay served keys that do not verify.
    #[error(
        "the relay's keys for {peer} are refused: {reason}. Nothing was sent; try again when {peer} has been online, and ask the relay's operator if that does not help"
    )]
    KeysRefused {
        /// Whose keys.
        peer: Address,
        /// Why.
        reason: String,
    },
    /// The message does not fit.
    #[error("the message is too long, so nothing was sent; a message holds about {} KB: send it in parts", MAX_CONTENT / 1000)]
    TooLarge,
    /// An empty message.
    #[error("the message is empty, so nothing was sent; give it some text")]
    Empty,
    /// Too many messages that were never acknowledged.
    #[error(
        "{0} has not acknowledged the last {MAX_PENDING} messages, and more are not kept; nothing was sent. Send it again when the client of {0} has been online"
    )]
    PeerSilent(Address),
    /// A limit of no plays, or of more than 255, or one that ends before it begins.
    #[error(
        "a play limit is 1 to 255 plays and ends between a minute and a year from now; change the number or the time"
    )]
    BadLimit,
    /// No message begins like that.
    #[error("no message has an id that begins with {0:?}; the history lists all ids")]
    NoSuchMessage(String),
    /// A play was shown, and the vault failed before that was noted.
    #[error(
        "the message was shown, and this could not be noted: {0}. Until it is, the next play of it shows this one again without using another, for ten minutes at most; after that it uses another"
    )]
    PlayUnnoted(VaultError),
    /// Several do.
    #[error("several messages have an id that begins with {0:?}; give more characters of the id")]
    AmbiguousMessage(String),
    /// A message without a limit.
    #[error("that message has no play limit; read it in the history")]
    NotLimited,
    /// Only the recipient plays.
    #[error(
        "you sent that message: only its recipient can play it, and its text is not kept here. You can read its count or take it back"
    )]
    NotPlayable,
    /// Only the sender revokes.
    #[error(
        "only the sender of a limited message can take it back or read its count, and you received that one; ask its sender"
    )]
    NotOurs,
    /// Only what came is answered.
    #[error("that message is your own, and only a received one can be answered; choose a received one")]
    NotReceived,
    /// It opens no more.
    #[error("{}", ended(*.0))]
    Ended(Ended),
    /// The share was released and does not open the message.
    #[error("{0}")]
    Unopened(#[from] playgate::OpenError),
    /// What the relay signed about plays is not what it should be.
    #[error("{0}; do not rely on the count, and ask the relay's operator")]
    Receipt(#[from] protocol::play_receipt::ReceiptError),
    /// A contact without a gate key of its own.
    #[error("{0} has no gate key of its own, so there is none to drop; the general one seals messages to {0}")]
    NoGateKey(Address),
    /// The relay has another's gate key under the id of ours.
    #[error(
        "the relay lost the gate key that sealed this message and has another one under its id, so the message was not sent; send it again: a new \
         gate key is made"
    )]
    GateKeyTaken,
    /// Another process made another gate key while this one was uploaded.
    #[error(
        "another latchkey process of this home replaced the gate key while it was uploaded, so nothing was sealed with it; give the same command again"
    )]
    GateKeyReplaced,
    /// The protocol refused, for a reason that users do not meet.
    #[error("the protocol refused: {0}. Nothing was sent; try again, and report it if it happens again")]
    Protocol(String),
    /// The clocks of this device and the relay are so far apart that keys look expired, or like ones from the future: ours to the relay, or those of contacts to us.
    #[error(
        "the clock of this device is {} that of the relay, so keys are refused as expired or as not yet valid. Set the clock, then try again; if the clock is right, tell the relay's operator",
        ClockOff { apart: *.apart, ahead: *.ahead }
    )]
    ClockWrong {
        /// By how much.
        apart: Duration,
        /// Whether ours is ahead.
        ahead: bool,
    },
    /// No random bytes.
    #[error("the operating system's random generator does not answer; nothing was done, try again")]
    Randomness,
}

impl Error {
    /// The text about what is kept here and goes out by itself: as [`RelayError::while_it_waits`].
    #[must_use]
    pub fn while_it_waits(&self) -> String {
        match self {
            Self::Relay(error) => error.while_it_waits(),
            Self::Vault(VaultError::Busy(dir)) => {
                format!("another latchkey process keeps the home {} busy", dir.display())
            }
            other => other.to_string(),
        }
    }

    /// The same, met about a contact: the name was not misspelled then.
    pub(crate) fn about_contact(self, peer: &Address) -> Self {
        match self {
            Self::Relay(error) if error.code() == Some(Code::NoSuchUser) => Self::AccountGone(peer.clone()),
            other => other,
        }
    }
}

impl Error {
    /// Of what follows when the relay has done it: a person who hears of the vault alone believes that nothing was done.
    pub(crate) fn behind_the_relay(self) -> Self {
        match self {
            Self::Vault(error) => Self::Unnoted(error),
            other => other,
        }
    }

    /// Of what was done on the way to something else: "the relay has done it" would be said of that. What was not noted is found out and noted the next time.
    pub(crate) fn on_the_way(self) -> Self {
        match self {
            Self::Unnoted(error) => Self::Vault(error),
            other => other,
        }
    }
}

impl From<ClockOff> for Error {
    fn from(off: ClockOff) -> Self {
        let ClockOff { apart, ahead } = off;
        Self::ClockWrong { apart, ahead }
    }
}

fn ended(how: Ended) -> &'static str {
    match how {
        Ended::Exhausted => "all plays of this message are used; ask the sender to send it again",
        Ended::Revoked => "the sender took this message back, so it does not open any more; ask the sender",
        Ended::Expired => "this message has expired, so it does not open any more; ask the sender to send it again",
    }
}

#[cfg(test)]
#[path = "../tests/unit/error.rs"]
mod tests;
