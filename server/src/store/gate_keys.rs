//! What goes into the store's verbs about gate keys and what comes out of them.

use protocol::Timestamp;

use crate::model::{Bytes32, GateKeyId, MailboxId};

/// The part of a license that only oblivious ones have.
#[derive(Debug, Clone)]
pub struct ObliviousRow {
    /// The key under which it is computed.
    pub gate_key: GateKeyId,
    /// SHA-256 of the capability that was shown for the key.
    pub capability_hash: Bytes32,
    /// The greatest limit that the ciphertext can hold.
    pub class: u8,
    /// The encrypted counter.
    pub state: Vec<u8>,
}

/// A gate key: everything but its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateKeyRow {
    /// Its id.
    pub id: GateKeyId,
    /// Whose.
    pub owner: MailboxId,
    /// SHA-256 of its bytes.
    pub sha256: Bytes32,
    /// How many those are.
    pub bytes: u64,
    /// SHA-256 of the capability to attach licenses.
    pub capability_hash: Bytes32,
    /// It takes no new license, and goes with its last.
    pub retired: bool,
}

/// How many gate keys there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateKeyQuota {
    /// Keys of one account that take licenses.
    pub live: u64,
    /// Keys of one account, the retired ones included.
    pub kept: u64,
    /// Bytes of all keys of all accounts.
    pub bytes: u64,
}

/// How much of that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateKeyUse {
    /// Keys of this account that take licenses.
    pub live: u64,
    /// Keys of this account.
    pub kept: u64,
    /// Bytes of all keys of all accounts.
    pub bytes: u64,
}

impl GateKeyUse {
    /// Whether one more key of `bytes` bytes fits.
    #[must_use]
    pub const fn admits(&self, quota: &GateKeyQuota, bytes: u64) -> GateKeyRoom {
        if self.live >= quota.live || self.kept >= quota.kept {
            GateKeyRoom::AccountFull
        } else if self.bytes.saturating_add(bytes) > quota.bytes {
            GateKeyRoom::RelayFull
        } else {
            GateKeyRoom::Room
        }
    }
}

/// Whether there is room for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateKeyRoom {
    /// There is.
    Room,
    /// The account has as many as it may.
    AccountFull,
    /// All accounts together have.
    RelayFull,
}

/// How storing a gate key went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateKeyPut {
    /// It is there, now or before.
    Done,
    /// The id has other bytes, another owner or another capability, or is retired.
    Conflict,
    /// There is no room.
    NoRoom(GateKeyRoom),
}

/// A gate key to be stored, its file already on the disk.
#[derive(Debug, Clone, Copy)]
pub struct NewGateKey {
    /// The key.
    pub row: GateKeyRow,
    /// Another hash under this id gives way: its file is lost.
    pub replaces: Option<Bytes32>,
    /// How many there may be.
    pub quota: GateKeyQuota,
    /// Now.
    pub now: Timestamp,
}
