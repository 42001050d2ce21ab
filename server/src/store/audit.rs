//! The audit log's records, and the chain that holds them together.
//!
//! `hash = SHA-256("latchkey/1/audit" ‖ hash before ‖ u64 sequence ‖ u64 time ‖ u8 event ‖ u8 1 ‖ mailbox[16] ‖ u64 times)`, or `u8 0` in place of the mailbox
//! where there is none; before the first stand 32 zero bytes. Whoever edits a record has to redo every hash after it, and from time to time one is published by
//! `status`: a head that was kept elsewhere gives an edit and a cut away.

use protocol::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::model::{Bytes32, MailboxId};

const LABEL: &[u8] = b"latchkey/1/audit";

/// What happened. The numbers are in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum AuditEvent {
    /// A name was claimed, or claimed again by its own key.
    Registered = 1,
    /// A signed prekey was published.
    KeysPublished = 2,
    /// Sign-ins that were not proved, put together for a minute.
    SignInFailed = 3,
    /// A license was taken back. The mailbox is the recipient's.
    LicenseRevoked = 4,
    /// A mailbox was cleared unread.
    MailboxCleared = 5,
    /// A session was ended by its owner.
    SignedOut = 6,
    /// A delivery token was deleted.
    TokenDeleted = 7,
    /// A relay was started from a backup.
    Restored = 8,
    /// An identity was replaced by its successor.
    IdentitySucceeded = 9,
    /// An account was removed by the operator.
    AccountRemoved = 10,
    /// The name of a removed account was released by the operator.
    NameReleased = 11,
    /// An invitation was made by the operator; as often as it can be used.
    InviteMade = 12,
    /// An invitation was revoked by the operator; as often as it could still be used.
    InviteRevoked = 13,
    /// The head after this record is shown to everyone. In place of a mailbox there are 16 random bytes: who knows the head before and guesses what came between cannot
    /// confirm the guess by the hash.
    HeadShown = 14,
    /// A mailbox blocked an account.
    AccountBlocked = 15,
    /// A mailbox took a block back.
    AccountUnblocked = 16,
}

/// One record, not yet in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditRecord {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: AuditEvent,
    /// To whom.
    pub mailbox: Option<MailboxId>,
    /// How often.
    pub times: u64,
}

/// How long the chain is and where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AuditHead {
    /// Records.
    pub length: u64,
    /// The hash of the last; zeros before the first.
    pub hash: Bytes32,
}

impl AuditHead {
    /// The head after one more record, whose event is given by its number.
    #[must_use]
    pub fn next(&self, at: Timestamp, event: u8, mailbox: Option<MailboxId>, times: u64) -> Self {
        let length = self.length + 1;
        let mut hash = Sha256::new()
            .chain_update(LABEL)
            .chain_update(self.hash)
            .chain_update(length.to_be_bytes())
            .chain_update(at.as_millis().to_be_bytes())
            .chain_update([event]);
        match mailbox {
            Some(mailbox) => {
                hash.update([1]);
                hash.update(mailbox.as_bytes());
            }
            None => hash.update([0]),
        }
        Self {
            length,
            hash: hash.chain_update(times.to_be_bytes()).finalize().into(),
        }
    }
}

impl std::fmt::Display for AuditHead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.length, hex::encode(self.hash))
    }
}

/// A head that somebody kept elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptHead {
    /// After how many records it was, if that is known: `status` does not show it.
    pub length: Option<u64>,
    /// The hash.
    pub hash: Bytes32,
}

impl KeptHead {
    /// Whether it is this one.
    #[must_use]
    pub fn is(&self, head: &AuditHead) -> bool {
        self.hash == head.hash && self.length.is_none_or(|length| length == head.length)
    }
}

impl std::fmt::Display for KeptHead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(length) = self.length {
            write!(f, "{length}:")?;
        }
        f.write_str(&hex::encode(self.hash))
    }
}
