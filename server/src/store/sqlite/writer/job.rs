//! Jobs of the writer: verbs over its connection, what they do besides, and who waits for them.

use protocol::Timestamp;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::{
    model::MailboxId,
    store::{Result, StoreError, known_senders::Change},
};

/// What a job wants done once it is durable.
#[derive(Debug, Default)]
pub(in crate::store::sqlite) struct Effects {
    /// Content was deleted: its traces in the log are to go.
    pub erases: bool,
    /// Someone has mail.
    pub wake: Option<MailboxId>,
    /// Envelopes of these mailboxes, up to these sequence numbers, do not count any more.
    pub gone: Vec<(MailboxId, u64)>,
    /// Receipts whose time was over at this moment are not remembered any more.
    pub forget: Option<Timestamp>,
    /// Licenses more that can be played, or fewer.
    pub licenses: i64,
    /// What was known until now and is not true any more.
    pub change: Option<Change>,
}

/// By how much a commit changed the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::store::sqlite) struct Sums {
    /// Accounts.
    pub accounts: i64,
    /// Licenses that can be played.
    pub licenses: i64,
}

/// One unit of work with its reply.
pub(super) trait Job: Send {
    /// False when nobody waits for the reply any more: then it is not begun.
    fn wanted(&self) -> bool;
    /// Does the work; the value is kept back. May be called again after what it did was undone.
    fn run(&mut self, connection: &Connection) -> Result<()>;
    /// What the last run did besides.
    fn effects(&self) -> &Effects;
    /// Gives the value out, or the reason why there is none.
    fn answer(self: Box<Self>, verdict: Result<()>);
}

/// A verb as a job.
pub(super) struct Task<T, F> {
    verb: F,
    value: Option<T>,
    effects: Effects,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F> Task<T, F> {
    /// A job whose value goes to `reply`.
    pub fn new(verb: F, reply: oneshot::Sender<Result<T>>) -> Self {
        Self {
            verb,
            value: None,
            effects: Effects::default(),
            reply,
        }
    }
}

impl<T: Send, F: FnMut(&Connection, &mut Effects) -> Result<T> + Send> Job for Task<T, F> {
    fn wanted(&self) -> bool {
        !self.reply.is_closed()
    }

    fn run(&mut self, connection: &Connection) -> Result<()> {
        self.effects = Effects::default();
        self.value = Some((self.verb)(connection, &mut self.effects)?);
        Ok(())
    }

    fn effects(&self) -> &Effects {
        &self.effects
    }

    fn answer(self: Box<Self>, verdict: Result<()>) {
        let Self { value, reply, .. } = *self;
        let answer = verdict.and_then(|()| value.ok_or_else(|| StoreError::Fault("a job gave no value".into())));
        // Whoever asked may be gone. That is theirs to settle: every verb can be repeated.
        let _ = reply.send(answer);
    }
}
