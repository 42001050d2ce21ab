//! What the writer asks of whoever keeps the envelopes.

use std::time::Duration;

use protocol::Timestamp;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::{
    model::{Bytes32, MailboxId},
    store::{Deposit, Deposited, Result},
};

/// A send that waits for its turn.
#[derive(Debug)]
pub(in crate::store) struct Sending {
    /// What is to be stored.
    pub deposit: Box<Deposit>,
    /// The idempotency key.
    pub key: Bytes32,
    /// The envelope's check.
    pub check: u32,
    /// Who waits for it.
    pub reply: oneshot::Sender<Result<Deposited>>,
}

/// How a send went.
#[derive(Debug)]
pub(in crate::store) struct Outcome {
    /// What is answered.
    pub answer: Result<Deposited>,
    /// Whether it was stored now, so that its recipient is to be woken.
    pub stored: bool,
}

/// What is left to do between commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Upkeep {
    /// Nothing.
    Done,
    /// Something, in a while.
    Later,
    /// Something, at once if nothing else is.
    More,
}

/// The envelopes, as the writer's thread has them. No transaction of the database is open when any of this is called.
pub(in crate::store) trait Mail: Send {
    /// Stores what is to be stored; durable when this returns. An outcome for each.
    fn send(&mut self, c: &Connection, tasks: &[Sending]) -> Vec<Outcome>;
    /// Envelopes of a mailbox, up to a sequence number, do not count any more: the database says so, durably.
    fn gone(&mut self, mailbox: MailboxId, up_to: u64);
    /// What is known of a mailbox besides what waits there is not true any more.
    fn forget(&mut self, mailbox: MailboxId);
    /// Receipts whose time is over are not remembered any more.
    fn forget_receipts(&mut self, now: Timestamp);
    /// Does one piece, of a few milliseconds, of what there is to do. `idle` says that nobody waits.
    ///
    /// # Errors
    /// When the disk refuses. It will be called again.
    fn upkeep(&mut self, c: &Connection, idle: bool) -> Result<Upkeep>;
    /// How long until there is something to do without anyone asking for it.
    fn patience(&self) -> Option<Duration>;
    /// The disk is full: what is kept for convenience goes.
    fn give_room(&mut self);
}
