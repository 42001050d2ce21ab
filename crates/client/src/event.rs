//! What a round of receiving brought, for a front end to show.

use protocol::address::Address;
use protocol::identity::Fingerprint;

use crate::clock::ClockOff;
use crate::error::Error;
use crate::relay::RelayError;
use crate::vault::{MessageId, StoredMessage};

/// Whose messages the relay refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flooder {
    /// An account that sends in its own name, contact or not.
    Account(Address),
    /// A contact, by the delivery token that we gave it.
    Contact(Address),
    /// Somebody with a delivery token that we do not know any more.
    Unknown,
}

/// One thing that happened. Messages are in the vault before their event exists.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A message came and is stored.
    Message(Box<StoredMessage>),
    /// This vault is an older copy of itself: keys are replaced and every conversation is begun anew.
    Restored,
    /// Our own identity was replaced; everybody gets a handshake, and the safety numbers are others.
    OwnSuccession,
    /// A peer's identity named its successor, which we follow.
    Succeeded {
        /// Whose.
        peer: Address,
        /// Whether the earlier one was verified: then nothing is sent until the user verifies or accepts the new one.
        was_verified: bool,
    },
    /// One identity of a peer named two successors. Everything with it stops until the user decides.
    IdentityForked {
        /// Whose.
        peer: Address,
    },
    /// Somebody wrote for the first time; compare the safety number.
    FirstContact {
        /// Who.
        peer: Address,
    },
    /// The peer's client has these messages of ours: each was named by a receipt, or was the last that an acknowledgement counts.
    Delivered {
        /// Which.
        ids: Vec<MessageId>,
    },
    /// The peer has seen these messages of ours, as it says.
    Read {
        /// Which.
        ids: Vec<MessageId>,
    },
    /// Envelopes that were sent and never came: messages, or receipts and other notes of the peer's client, which are numbered with them. The next message to the peer says so, and its
    /// client sends the messages again.
    Missing {
        /// From whom.
        peer: Address,
        /// How many are newly known to be missing.
        count: u64,
    },
    /// As [`Event::Missing`], of envelopes that are probably among those that [`Messenger::clear_inbox`](crate::Messenger::clear_inbox) deleted here.
    ClearedHere {
        /// From whom.
        peer: Address,
        /// How many are newly known to be missing.
        count: u64,
    },
    /// Messages that begin a conversation and are dated more than ten minutes ahead of this device's clock: one of the two clocks is wrong. They are kept, and open when
    /// that date comes near, or at once when the peer's client begins anew with a right date.
    TooEarly {
        /// From whom.
        peer: Address,
        /// How many were kept.
        kept: u64,
        /// How many were not, because too many wait already, or were given up because they had waited for seven days.
        dropped: u64,
        /// When the relay's clock says that ours is the wrong one: how far it is off.
        clock: Option<ClockOff>,
    },
    /// The clock of this device is more than ten minutes from the relay's. Conversations are not begun anew by themselves meanwhile. Told once a run.
    ClockWrong(ClockOff),
    /// A peer's identity changed; what they sent waits for the user's decision.
    IdentityChanged {
        /// Whose.
        peer: Address,
        /// The new one.
        offered: Fingerprint,
    },
    /// What waited for a decision about a changed identity was dropped: too much of it, or older than seven days.
    QuarantineDropped {
        /// From whom.
        peer: Address,
        /// How many envelopes.
        count: u64,
    },
    /// Envelopes that cannot be opened: not for us, damaged, or from a conversation that is gone.
    Unreadable {
        /// How many.
        count: u64,
        /// Why, for the first of them.
        reason: String,
    },
    /// A conversation is begun anew, because its keys were lost or disagree, or because the peer acknowledged nothing for a week. What it has not acknowledged of ours is sent again.
    /// What it sent on the earlier keys may not open any more.
    Restarted {
        /// With whom.
        peer: Address,
    },
    /// The peer opened a conversation without a one-time prekey: forward secrecy begins with the first answer.
    NoOneTimeKey {
        /// Who.
        peer: Address,
    },
    /// The relay dropped envelopes for us.
    DroppedByRelay {
        /// Undelivered for too long, newly reported.
        expired: u64,
        /// Refused because the mailbox was full, newly reported.
        refused: u64,
    },
    /// The relay refused messages to us because too many came from there: somebody floods the mailbox, or wrote while others did. Each is told once.
    Flooded {
        /// From whom.
        by: Flooder,
        /// How many at least.
        times: u64,
    },
    /// A message of ours was refused for good.
    Undeliverable {
        /// Which.
        id: MessageId,
        /// The relay's reason.
        reason: String,
    },
    /// What the relay signed about a play of this message contradicts what it did or signed before.
    RelayFault {
        /// The message that was played.
        id: MessageId,
        /// What is wrong.
        reason: String,
    },
    /// The relay cannot be reached, or asks for patience: [`Messenger::listen`](crate::Messenger::listen) goes on trying, and says no more until it is back.
    Disconnected {
        /// What failed.
        because: RelayError,
    },
    /// The relay is back.
    Reconnected,
    /// Something besides the messages could not be done now and is tried again next time.
    Postponed(Error),
}
