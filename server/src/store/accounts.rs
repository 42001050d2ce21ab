//! Accounts, prekeys and sessions as the store takes and gives them.

use protocol::{
    Timestamp,
    address::UserName,
    prekey::{OneTimeEntry, PublishedOneTime, PublishedSignedPreKey},
    succession::PublishedSuccession,
};
use zeroize::Zeroizing;

use crate::model::{Bytes32, Incarnation, MailboxId};

/// 64 bytes from which the relay's own identity key grows.
pub type Seed = Zeroizing<[u8; 64]>;

/// A verified signed prekey.
#[derive(Debug, Clone)]
pub struct SignedPreKeyRow {
    /// Its id.
    pub id: u32,
    /// Its sequence number.
    pub seq: u64,
    /// When it expires.
    pub expires: Timestamp,
    /// As published.
    pub published: PublishedSignedPreKey,
}

/// A verified batch of one-time prekeys.
#[derive(Debug, Clone)]
pub struct BatchRow {
    /// Its sequence number.
    pub seq: u64,
    /// When its keys expire.
    pub expires: Timestamp,
    /// The signed bytes.
    pub payload: Vec<u8>,
    /// The signature over them.
    pub signature: Vec<u8>,
    /// The keys with their paths.
    pub entries: Vec<OneTimeEntry>,
}

/// A session to be stored; it ends the account's earlier one.
#[derive(Debug, Clone)]
pub struct TokenRow {
    /// SHA-256 of the token's secret.
    pub hash: Bytes32,
    /// When it ends.
    pub expires: Timestamp,
}

/// A claim to a name, already proved.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Whose.
    pub mailbox: MailboxId,
    /// The name; nobody else's before the operator has removed the account and released the name.
    pub user: UserName,
    /// The identity key, 2624 bytes.
    pub identity_key: Vec<u8>,
    /// The first signed prekey.
    pub signed_prekey: SignedPreKeyRow,
    /// The first batch.
    pub batch: Option<BatchRow>,
    /// At most this many one-time prekeys may be left afterwards.
    pub max_one_time: u32,
    /// The first session.
    pub token: TokenRow,
    /// For a new mailbox.
    pub incarnation: Incarnation,
    /// Now.
    pub now: Timestamp,
}

/// How a registration went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// The account is there (new, or the same as before) and signed in.
    Done,
    /// Another identity key has the name, or it is that of a removed account.
    NameTaken,
    /// Nobody new is admitted.
    Closed,
    /// Only who is invited is admitted, and there was no code.
    InviteMissing,
    /// The code is no invitation (any more).
    InviteRefused,
}

/// Another identity for an account, already proved by both.
#[derive(Debug, Clone)]
pub struct IdentityChange {
    /// Whose.
    pub mailbox: MailboxId,
    /// The old key with its word for the new one.
    pub statement: PublishedSuccession,
    /// The statement's counter.
    pub counter: u64,
    /// The new identity key, 2624 bytes.
    pub identity_key: Vec<u8>,
    /// Its first signed prekey.
    pub signed_prekey: SignedPreKeyRow,
    /// Its first batch.
    pub batch: Option<BatchRow>,
    /// Its first session.
    pub token: TokenRow,
    /// So many statements are kept.
    pub keep: u64,
}

/// How a change of identity went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityChanged {
    /// The account has the new identity (since now, or since an earlier attempt) and is signed in under it.
    Done,
    /// The account's key is neither the old nor the new one, or the counter does not go on; nothing changed.
    NotCurrent,
    /// There is no such account.
    NoSuchAccount,
}

/// The identity of an account and how it came to it.
#[derive(Debug, Clone)]
pub struct IdentityRow {
    /// The identity key, 2624 bytes.
    pub identity_key: Vec<u8>,
    /// The statements that led to it, oldest first.
    pub successions: Vec<PublishedSuccession>,
}

/// What is known of an account.
#[derive(Debug, Clone)]
pub struct AccountRow {
    /// The name.
    pub user: UserName,
    /// The identity key, 2624 bytes.
    pub identity_key: Vec<u8>,
}

/// New keys of an account.
#[derive(Debug, Clone)]
pub struct Publication {
    /// Whose.
    pub mailbox: MailboxId,
    /// A new signed prekey.
    pub signed_prekey: Option<SignedPreKeyRow>,
    /// A new batch.
    pub batch: Option<BatchRow>,
    /// Drop the one-time prekeys of earlier batches.
    pub replace_one_time: bool,
    /// At most this many one-time prekeys may be left afterwards.
    pub max_one_time: u32,
    /// Now.
    pub now: Timestamp,
}

/// How a publication went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// Done, or done before.
    Done(KeyCounts),
    /// Not above the published sequence number; nothing changed.
    Stale,
    /// Too many one-time prekeys; nothing changed.
    TooMany,
    /// There is no such account, any more perhaps.
    NoSuchAccount,
}

/// What is left of an account's published keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyCounts {
    /// One-time prekeys left that have not expired.
    pub one_time_left: u32,
    /// Id of the signed prekey.
    pub signed_prekey_id: u32,
    /// When that expires.
    pub signed_prekey_expires: Timestamp,
}

/// What a sender needs; the one-time prekey in it is gone from the store.
#[derive(Debug, Clone)]
pub struct BundleRow {
    /// The identity key, 2624 bytes.
    pub identity_key: Vec<u8>,
    /// The signed prekey.
    pub signed_prekey: PublishedSignedPreKey,
    /// A one-time prekey, if any was left.
    pub one_time: Option<PublishedOneTime>,
    /// The statements that led to the identity, oldest first.
    pub successions: Vec<PublishedSuccession>,
}
