//! What goes into the store's verbs and what comes out of them.

use playgate::{PlayLimit, PlayShare};
use protocol::Timestamp;

use super::AuditHead;
use crate::model::{BodyDigest, Bytes32, Envelope, Incarnation, LicenseId, MailboxId, MessageId, Sender};
use crate::store::gate_keys::ObliviousRow;

/// The parts of a mailbox, each with the whole quota for itself: what strangers send takes no room from anybody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Of holders of delivery tokens and of the owner.
    Known,
    /// Of accounts without a delivery token.
    Stranger,
}

/// How much each part of a mailbox may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Envelopes.
    pub envelopes: u64,
    /// Bytes of envelopes.
    pub bytes: u64,
    /// Play licenses, spent ones included until they are forgotten.
    pub licenses: u64,
}

/// How a license is limited.
#[derive(Debug, Clone)]
pub enum LimitRow {
    /// The relay counts to this.
    Counted(PlayLimit),
    /// The relay holds a ciphertext.
    Oblivious(ObliviousRow),
}

/// A license to be stored with an envelope.
#[derive(Debug, Clone)]
pub struct LicenseRow {
    /// Its id.
    pub id: LicenseId,
    /// How often it may be played.
    pub limit: LimitRow,
    /// When it expires.
    pub expires: Timestamp,
    /// The relay's half of the content key.
    pub share: PlayShare,
    /// SHA-256 of the capability to play.
    pub play_hash: Bytes32,
    /// SHA-256 of the capability to inspect and revoke.
    pub owner_hash: Bytes32,
    /// SHA-256 over all of the above: two licenses with the same one are the same.
    pub parameters: Bytes32,
}

/// An envelope to be stored.
#[derive(Debug, Clone)]
pub struct Deposit {
    /// For whom.
    pub mailbox: MailboxId,
    /// From whom. Stored only inside a hash.
    pub principal: Sender,
    /// The sender's id for it.
    pub id: MessageId,
    /// The envelope.
    pub envelope: Envelope,
    /// Of the request's content.
    pub digest: BodyDigest,
    /// A license that goes with it; boxed, because most have none.
    pub license: Option<Box<LicenseRow>>,
    /// When the envelope expires.
    pub expires: Timestamp,
    /// Until when a repetition is recognised.
    pub forget_at: Timestamp,
    /// In which part of the mailbox it counts.
    pub part: Part,
    /// How much that part may hold.
    pub quota: Quota,
    /// Now.
    pub now: Timestamp,
}

/// How a deposit went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deposited {
    /// Stored, now or before.
    Done {
        /// When.
        stored_at: Timestamp,
        /// Until when it is kept.
        expires: Timestamp,
    },
    /// The id was used with another body.
    Conflict,
    /// The license id was used with other parameters.
    LicenseConflict,
    /// The license expires before it exists.
    LicenseExpired,
    /// There is no such gate key, it takes no new licenses, or the capability is not its own.
    NoSuchGateKey,
    /// The part of the mailbox is full. If it is not the strangers', the mailbox's count of refusals grew.
    Full,
    /// There is no such mailbox.
    NoSuchMailbox,
}

/// How registering a delivery token went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenPut {
    /// It is there, now or before; so many are.
    Done(u32),
    /// There are as many as there may be.
    TooMany,
    /// There is no such mailbox, any more perhaps.
    NoSuchMailbox,
}

/// How blocking an account went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockPut {
    /// It is blocked, now or before; so many are.
    Done(u32),
    /// As many are as may be.
    TooMany,
    /// There is no such mailbox, any more perhaps.
    NoSuchMailbox,
}

/// How far a mailbox was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack {
    /// In which life.
    pub incarnation: Incarnation,
    /// Up to and including this sequence number.
    pub sequence: u64,
}

/// Rows that one step of a sweep or a removal deletes at most: shares and ciphertexts are written over in their pages, and everybody who sends waits for that. 64 rows of
/// two pages each are half a megabyte in the log, two to four milliseconds (docs/performance.md).
pub const STEP: u32 = 64;

/// How an acknowledgement went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acked {
    /// So many were deleted.
    Done(u64),
    /// Another incarnation, or beyond what was ever stored: nothing was deleted.
    Stale,
    /// The commit counter is too far above the one that is kept, which is this: nothing was deleted, and it stays.
    CounterTooFar(u64),
    /// There is no such mailbox, any more perhaps.
    NoSuchMailbox,
}

/// An envelope with its place.
#[derive(Debug, Clone)]
pub struct EnvelopeRow {
    /// Its place.
    pub sequence: u64,
    /// When it was stored.
    pub stored_at: Timestamp,
    /// The envelope's bytes.
    pub body: Vec<u8>,
}

/// The head of a mailbox.
#[derive(Debug, Clone)]
pub struct Page {
    /// The mailbox's life.
    pub incarnation: Incarnation,
    /// The oldest envelopes.
    pub envelopes: Vec<EnvelopeRow>,
    /// Envelopes that ever expired here.
    pub expired_total: u64,
    /// Sends that were ever refused here because of the quota.
    pub refused_total: u64,
    /// The greatest commit counter its owner ever gave.
    pub commit_counter: u64,
}

/// What can still be done with a license.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LicenseState {
    /// Plays are left.
    Active,
    /// Every play is spent.
    Exhausted,
    /// Taken back.
    Revoked,
    /// Past its time.
    Expired,
}

/// The numbers of the status page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Accounts.
    pub accounts: u64,
    /// Envelopes pending.
    pub pending: u64,
    /// Bytes of those.
    pub pending_bytes: u64,
    /// Licenses that can still be played.
    pub licenses_active: u64,
    /// Gate keys stored.
    pub gate_keys: u64,
    /// Where the audit log ends.
    pub audit: AuditHead,
}

/// What one step of a sweep is to do.
#[derive(Debug, Clone, Copy)]
pub struct SweepRules {
    /// When tombstones made in this step go.
    pub forget_at: Timestamp,
    /// At most this many envelopes, licenses, plays and records in one step, all together; or one batch of one-time prekeys more.
    pub step: u32,
    /// Now.
    pub now: Timestamp,
}

/// What one step of a sweep removed: rows by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Envelopes that nobody fetched.
    pub envelopes: usize,
    /// Licenses that expired or whose tombstone's time is over, and plays remembered of those.
    pub licenses: usize,
    /// Kept answers to plays.
    pub answers: usize,
    /// Records against repeated sends.
    pub receipts: usize,
    /// One-time prekeys.
    pub prekeys: usize,
    /// There may be more.
    pub more: bool,
}

impl Swept {
    /// Each kind with its name in the metrics.
    #[must_use]
    pub const fn by_kind(&self) -> [(&'static str, usize); 5] {
        [
            ("envelopes", self.envelopes),
            ("licenses", self.licenses),
            ("answers", self.answers),
            ("receipts", self.receipts),
            ("prekeys", self.prekeys),
        ]
    }
}

/// What the database takes of the disk, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DiskUse {
    /// The database's pages.
    pub database: u64,
    /// Those of them that hold nothing and are used again.
    pub free: u64,
    /// The write-ahead log.
    pub log: u64,
}

/// How far the removal of an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// There is no such account.
    NoSuchAccount,
    /// There is more to remove.
    More,
    /// Nothing of it is left.
    Done,
}
