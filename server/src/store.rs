//! What the relay keeps, as verbs of its domain: one method is one transaction, and when it returns the change is durable.
//!
//! Not its concern: who may do what, sizes and quotas' values (the services decide those and hand them in), and time (handed in too).
//! Refusals that depend on what is stored are values, not errors: an error means that the store itself could not do it. That an account is not there is
//! such a value in every verb: the operator may remove it between a request's authentication and its work.

mod accounts;
mod activity;
mod audit;
pub mod files;
mod gate_keys;
mod invitations;
mod known_senders;
mod mail;
pub mod migrations;
mod plays;
mod public_status;
pub mod sqlite;
pub mod waiters;

use futures_util::future::BoxFuture;
use protocol::Timestamp;

pub use crate::store::accounts::*;
pub use crate::store::gate_keys::*;
pub use crate::store::invitations::*;
pub use crate::store::mail::*;
pub use crate::store::plays::*;
pub use crate::store::public_status::{RoughNumbers, ShownRow};
pub use activity::Activity;
pub use audit::{AuditEvent, AuditHead, AuditRecord, KeptHead};

use crate::model::{Bytes32, CommitCounter, GateKeyId, Incarnation, LicenseId, MailboxId};

/// The store could not do it. Nothing of the verb is half done.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The disk (or the database's size limit) is full, or the disk fails.
    #[error("the store has no room, or its disk fails: {0}")]
    Full(String),
    /// The queue of the writer is full.
    #[error("the store's queue is full")]
    Busy,
    /// The store is shutting down.
    #[error("the store is closed")]
    Closed,
    /// What is stored cannot be trusted: nothing is written any more.
    #[error(
        "the store is damaged, and nothing is written to it any more: {0}. Stop the relay, copy the data directory away, restore a backup"
    )]
    Damaged(String),
    /// Anything else; for the log, not for the caller.
    #[error("the store failed: {0}")]
    Fault(String),
}

/// What every verb answers.
pub type Result<T> = std::result::Result<T, StoreError>;
/// A verb under way.
pub type Verb<'a, T> = BoxFuture<'a, Result<T>>;

/// The store.
pub trait Store: Send + Sync + 'static {
    /// The name of the engine, for the status page.
    fn engine(&self) -> &'static str;
    /// The seed of the relay's own key: the stored one, or `fresh`, which is then the stored one.
    fn relay_seed(&self, fresh: Seed) -> Verb<'_, Seed>;
    /// Claims a name, publishes the first keys and signs in, whoever it is.
    fn register(&self, registration: Registration) -> Verb<'_, Registered> {
        self.admit(registration, Admission::Anyone)
    }
    /// The same, for who is admitted or has the name already. An invitation is spent by the registration alone, in the same transaction.
    fn admit(&self, registration: Registration, admission: Admission) -> Verb<'_, Registered>;
    /// Stores an invitation, and notes it in the audit log; one that is there already stays as it is. Those that have expired go.
    fn make_invite(&self, invite: NewInvite) -> Verb<'_, InviteMade>;
    /// Ends an invitation, and notes it in the audit log; false when there is none.
    fn revoke_invite(&self, hash: Bytes32, now: Timestamp) -> Verb<'_, bool>;
    /// Lets the name of a removed account be registered anew, and notes it in the audit log.
    fn release_name(&self, mailbox: MailboxId, removed: Timestamp, now: Timestamp) -> Verb<'_, Released>;
    /// Puts another identity in the place of the present one: its keys, its session, and an end to everything of the old one.
    fn succeed(&self, change: IdentityChange) -> Verb<'_, IdentityChanged>;
    /// The identity of an account, and the statements that led to it.
    fn identity(&self, mailbox: MailboxId) -> Verb<'_, Option<IdentityRow>>;
    /// An account.
    fn account(&self, mailbox: MailboxId) -> Verb<'_, Option<AccountRow>>;
    /// Publishes keys.
    fn publish(&self, publication: Publication) -> Verb<'_, Published>;
    /// What is left of the published keys.
    fn key_counts(&self, mailbox: MailboxId, now: Timestamp) -> Verb<'_, Option<KeyCounts>>;
    /// A bundle; takes one one-time prekey out, if it is to have one.
    fn take_bundle(&self, mailbox: MailboxId, now: Timestamp, one_time: bool) -> Verb<'_, Option<BundleRow>>;
    /// Stores a session, which ends the earlier one, and raises the commit counter, however far; answers the account's commit counter, none if there is no such
    /// account.
    fn put_token(&self, mailbox: MailboxId, token: TokenRow, counter: Option<CommitCounter>) -> Verb<'_, Option<u64>>;
    /// The live session of an account.
    fn token(&self, mailbox: MailboxId) -> Verb<'_, Option<TokenRow>>;
    /// The live session of an account, if the store has it at hand without asking the disk. None says nothing; what it answers is as true as
    /// [`token`](Self::token) would be.
    fn known_token(&self, _mailbox: MailboxId) -> Option<TokenRow> {
        None
    }
    /// Ends the session with this hash; a newer one stays.
    fn drop_token(&self, mailbox: MailboxId, hash: Bytes32) -> Verb<'_, ()>;
    /// Stores an envelope, with its license if it has one. Wakes the mailbox's owner.
    fn deposit(&self, deposit: Deposit) -> Verb<'_, Deposited>;
    /// Registers a delivery token by its hash, unless there are `most` already.
    fn put_delivery_token(&self, mailbox: MailboxId, hash: Bytes32, most: u32) -> Verb<'_, TokenPut>;
    /// Deletes a delivery token, if it is there; answers how many are left, none if there is no such mailbox.
    fn delete_delivery_token(&self, mailbox: MailboxId, hash: Bytes32) -> Verb<'_, Option<u32>>;
    /// Whether the mailbox holds this delivery token.
    fn holds_delivery_token(&self, mailbox: MailboxId, hash: Bytes32) -> Verb<'_, bool>;
    /// Whether the store knows without asking the disk that the mailbox holds this delivery token. False says nothing.
    fn knows_delivery_token(&self, _mailbox: MailboxId, _hash: Bytes32) -> bool {
        false
    }
    /// The mailbox takes nothing from this account any more, unless it blocks `most` already.
    fn block_account(&self, mailbox: MailboxId, account: MailboxId, most: u32) -> Verb<'_, BlockPut>;
    /// The mailbox takes mail from this account again; answers how many are left blocked, none if there is no such mailbox.
    fn unblock_account(&self, mailbox: MailboxId, account: MailboxId) -> Verb<'_, Option<u32>>;
    /// Whether the mailbox takes nothing from this account.
    fn blocks(&self, mailbox: MailboxId, account: MailboxId) -> Verb<'_, bool>;
    /// The same, if the store knows it without asking the disk.
    fn knows_block(&self, _mailbox: MailboxId, _account: MailboxId) -> Option<bool> {
        None
    }
    /// Deletes what was read, and raises the commit counter; a stale acknowledgement, and a counter that is too far above the kept one, do neither. However much it
    /// is, it keeps nobody waiting.
    fn acknowledge(
        &self,
        mailbox: MailboxId,
        ack: Option<Ack>,
        commit_counter: Option<CommitCounter>,
    ) -> Verb<'_, Acked>;
    /// The head of a mailbox, at most `limit` envelopes and, beyond the first, at most `max_bytes` of them.
    fn page(&self, mailbox: MailboxId, limit: u32, max_bytes: usize, now: Timestamp) -> Verb<'_, Option<Page>>;
    /// Deletes everything pending and begins a new life; answers how much that was, none if there is no such mailbox.
    fn clear(&self, mailbox: MailboxId, incarnation: Incarnation) -> Verb<'_, Option<u64>>;
    /// What a request to play meets; changes nothing.
    fn find_play(&self, lookup: PlayLookup) -> Verb<'_, PlayFound>;
    /// Makes an answer durable, with everything that pays for it, unless the license has moved on since it was looked at.
    fn commit_play(&self, commit: PlayCommit) -> Verb<'_, Committed>;
    /// Stores the deferred half of a play, if it is still due.
    fn commit_fold(&self, fold: FoldCommit) -> Verb<'_, Committed>;
    /// Shreds the kept answer of a play; false when there is no such license with this capability, or no such play.
    fn confirm_play(&self, license: LicenseId, capability_hash: Bytes32, play: [u8; 16]) -> Verb<'_, bool>;
    /// Looks at a license, for its owner.
    fn license(&self, license: LicenseId, owner_hash: Bytes32, now: Timestamp) -> Verb<'_, Option<LicenseView>>;
    /// Takes a license back, for its owner.
    fn revoke(
        &self,
        license: LicenseId,
        owner_hash: Bytes32,
        forget_at: Timestamp,
        now: Timestamp,
    ) -> Verb<'_, Option<LicenseView>>;
    /// A gate key.
    fn gate_key(&self, id: GateKeyId) -> Verb<'_, Option<GateKeyRow>>;
    /// Every gate key, to tell which files belong to none.
    fn gate_keys(&self) -> Verb<'_, Vec<GateKeyRow>>;
    /// How many gate keys there are.
    fn gate_key_use(&self, owner: MailboxId) -> Verb<'_, GateKeyUse>;
    /// Stores a gate key whose file is there.
    fn put_gate_key(&self, key: NewGateKey) -> Verb<'_, GateKeyPut>;
    /// From here on the key takes no license; false when the owner has no such key.
    fn retire_gate_key(&self, id: GateKeyId, owner: MailboxId) -> Verb<'_, bool>;
    /// Removes keys that have no license and either are retired or took none since `idle_since`, at most `step`; their files can go.
    fn sweep_gate_keys(&self, idle_since: Timestamp, step: u32) -> Verb<'_, Vec<GateKeyRow>>;
    /// The numbers of the status page, at the same cost however large the store is.
    fn totals(&self) -> Verb<'_, Totals>;
    /// Appends to the audit log; answers where it ends now.
    fn audit(&self, records: Vec<AuditRecord>) -> Verb<'_, AuditHead>;
    /// Appends a record, and keeps these numbers and where the log ends now, all or nothing: what everybody is shown.
    fn show(&self, numbers: RoughNumbers, record: AuditRecord) -> Verb<'_, AuditHead>;
    /// What was kept so last.
    fn shown(&self) -> Verb<'_, Option<ShownRow>>;
    /// Removes what has expired, a bounded piece of it.
    fn sweep(&self, rules: SweepRules) -> Verb<'_, Swept>;
    /// Removes an account and what was addressed to it, a bounded piece of it; from the first piece on nobody can claim the name until it is released.
    fn remove_account(&self, mailbox: MailboxId, registered: Timestamp, now: Timestamp, step: u32)
    -> Verb<'_, Removal>;
    /// What the database takes of the disk, at the same cost however large it is.
    fn disk_use(&self) -> Verb<'_, DiskUse>;
    /// What its writer is doing, if it counts.
    fn activity(&self) -> Option<&Activity> {
        None
    }
}
