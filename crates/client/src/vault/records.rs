//! What the vault remembers, as records; messages and their limits are beside this in `messages.rs`. CBOR maps with integer keys: a later version adds fields without a migration.

use std::fmt;

use minicbor::{Decode, Encode};
use protocol::address::{Address, UserName};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::message_id::MessageId;
use super::record::{Record, record};
use super::{Kind, VaultError};

/// Keys of single-valued records.
pub(crate) mod key {
    /// [`super::Account`].
    pub(crate) const ACCOUNT: &[u8] = b"account";
    /// [`super::PinnedRelay`].
    pub(crate) const RELAY: &[u8] = b"relay";
    /// [`super::Session`].
    pub(crate) const SESSION: &[u8] = b"session";
    /// [`super::AckPosition`].
    pub(crate) const ACK: &[u8] = b"ack";
    /// [`super::Totals`].
    pub(crate) const TOTALS: &[u8] = b"totals";
    /// [`super::Moment`]: when the prekeys left at the relay were last counted.
    pub(crate) const KEYS_COUNTED: &[u8] = b"keys-counted";
    /// [`super::super::Receipts`].
    pub(crate) const RECEIPTS: &[u8] = b"receipts";
    /// [`super::Told`].
    pub(crate) const TOLD: &[u8] = b"told";
    /// [`super::Restarts`].
    pub(crate) const RESTARTS: &[u8] = b"restarts";
    /// [`super::Moment`]: when this vault was found to be restored, until the user is told.
    pub(crate) const RESTORED: &[u8] = b"restored";
    /// [`super::Moment`]: when our own identity was replaced, until the user is told.
    pub(crate) const SUCCEEDED: &[u8] = b"succeeded";
    /// [`super::Cleared`].
    pub(crate) const CLEARED: &[u8] = b"cleared";
    /// [`super::Silence`].
    pub(crate) const SILENCE: &[u8] = b"silence";
    /// [`super::super::AfterPlays`].
    pub(crate) const AFTER_PLAYS: &[u8] = b"after-plays";
    /// [`super::super::Decoys`].
    pub(crate) const DECOYS: &[u8] = b"decoys";
    /// [`super::super::RelayKey`].
    pub(crate) const RELAY_KEY: &[u8] = b"relay-key";

    /// A message that came from the holder of this fingerprint. Shown once, because it is stored once.
    pub(crate) fn incoming(fingerprint: &[u8; 32], id: super::MessageId) -> Vec<u8> {
        [b"in/".as_slice(), fingerprint, &id.0].concat()
    }

    /// A message of our own.
    pub(crate) fn outgoing(id: super::MessageId) -> Vec<u8> {
        [b"out/".as_slice(), &id.0].concat()
    }
}

/// An envelope that the relay has not confirmed.
#[derive(Clone, Encode, Decode)]
#[cbor(map)]
pub struct OutboxEntry {
    /// The recipient's user name.
    #[n(0)]
    pub to: UserName,
    /// The message id under which the relay stores it: a repetition is recognised.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub id: [u8; 16],
    /// The envelope, byte for byte as it goes out.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub envelope: Vec<u8>,
    /// The message inside, which is kept as one; none for receipts and the protocol's own traffic.
    #[n(3)]
    pub content: Option<MessageId>,
}

impl fmt::Debug for OutboxEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboxEntry")
            .field("to", &self.to)
            .field("content", &self.content)
            .finish_non_exhaustive()
    }
}

/// An envelope that waits: for the user's decision about a changed identity, or for its date.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Quarantined {
    /// Who seems to have sent it.
    #[n(0)]
    pub peer: Address,
    /// The envelope.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub envelope: Vec<u8>,
    /// When it came, in milliseconds since the epoch.
    #[n(2)]
    pub received_at: u64,
    /// The date of its handshake, in milliseconds since the epoch, when it is that which was to come; none when it waits for a decision.
    #[n(3)]
    pub dated: Option<u64>,
}

/// Whether the relay knows this account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Account {
    /// False from the moment the keys are stored until the relay answered.
    #[n(0)]
    pub registered: bool,
    /// When it was made, in milliseconds since the epoch.
    #[n(1)]
    pub created_at: u64,
}

/// The relay this account belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PinnedRelay {
    /// The name that is part of every address.
    #[n(0)]
    pub name: String,
    /// Fingerprint of its own key, as first seen.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub fingerprint: [u8; 32],
    /// Where it is reached: `scheme://host[:port]`.
    #[n(2)]
    pub url: String,
    /// SHA-256 of the certificate that is accepted there, when it is a certain one.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub certificate: Option<[u8; 32]>,
}

/// A signed-in session.
#[derive(Clone, Encode, Decode, Zeroize, ZeroizeOnDrop)]
#[cbor(map)]
pub struct Session {
    /// The bearer token.
    #[n(0)]
    pub token: String,
    /// When it ends, in milliseconds since the epoch.
    #[n(1)]
    pub expires_at: u64,
    /// The URL it was made for: it is never sent to another.
    #[n(2)]
    pub url: String,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// The last envelope that is safely stored here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct AckPosition {
    /// The mailbox's incarnation.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub incarnation: [u8; 16],
    /// Its sequence number.
    #[n(1)]
    pub sequence: u64,
}

/// What the relay said it dropped so far, as last reported to the user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Totals {
    /// Envelopes that expired undelivered.
    #[n(0)]
    pub expired: u64,
    /// Envelopes refused because the mailbox was full.
    #[n(1)]
    pub refused: u64,
}

/// A point in time, in milliseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Moment {
    /// Milliseconds since the epoch.
    #[n(0)]
    pub at: u64,
}

/// How far the relay knows that this vault has come: a number that grows before anything new is revealed, and that the relay keeps the greatest of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Told {
    /// The number that the relay was told last, or is told next.
    #[n(0)]
    pub value: u64,
    /// Whether something was kept since that the relay has to hear of under a greater number.
    #[n(1)]
    pub news: bool,
}

/// When everything was begun anew within the last day because the relay knew a greater number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Restarts {
    /// Milliseconds since the epoch.
    #[n(0)]
    pub at: Vec<u64>,
}

/// What this account deleted at the relay unread, as far as no gap has shown it yet. The next message of a sender shows how many of its own are missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Cleared {
    /// How many envelopes, as the relay counted them.
    #[n(0)]
    pub left: u64,
    /// The relay was asked, and its answer is not known.
    #[n(1)]
    pub unanswered: bool,
    /// When it was asked last, in milliseconds since the epoch.
    #[n(2)]
    pub at: u64,
}

/// That the relay did not answer: for the commands that wait for the vault meanwhile, so that each of them does not wait as long once more.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Silence {
    /// The relay's URL.
    #[n(0)]
    pub url: String,
    /// When its answer was waited for no longer, in milliseconds since the epoch.
    #[n(1)]
    pub at: u64,
    /// How long it had been waited for, in milliseconds.
    #[n(2)]
    pub patience: u64,
}

record!(OutboxEntry, Outbox, "outbox");
record!(Quarantined, Quarantine, "quarantine");
record!(Account, Setting, "account");
record!(PinnedRelay, Setting, "relay");
record!(Session, Setting, "session");
record!(AckPosition, Setting, "ack");
record!(Totals, Setting, "totals");
record!(Moment, Setting, "moment");
record!(Told, Setting, "told");
record!(Restarts, Setting, "restarts");
record!(Cleared, Setting, "cleared");
record!(Silence, Setting, "silence");
