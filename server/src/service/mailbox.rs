//! Envelopes: in (`sending`), out, gone.

mod sending;

use std::{pin::Pin, sync::Arc, time::Duration};

use protocol::address::UserName;
use tokio::{
    sync::{futures::OwnedNotified, watch},
    time::Instant,
};
use uuid::Uuid;

use super::{
    Refusal, Result, Rules, counter,
    floods::{self, Floods},
    gate_keys::GateKeys,
    sessions::Sessions,
    shares::Shares,
    tokens::Tokens,
};
use crate::{
    clock::Clock,
    model::{Bytes32, Incarnation, MailboxId, Principal, Sender},
    store::{
        Ack, Acked, Page, Quota, Store,
        waiters::{Wait, Waiters},
    },
};

pub use sending::Receipt;

/// Longest wait for mail. Proxies commonly cut idle connections after a minute.
pub const MAX_WAIT: Duration = Duration::from_secs(30);
/// Most envelopes in one answer.
pub const MAX_PAGE: u32 = 64;
/// Most bytes of envelopes in one answer, unless the first alone has more: 1 MiB as base64.
const MAX_PAGE_BYTES: usize = 768 * 1024;
/// How an inbox is to be read.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// What was read before: incarnation and sequence.
    pub ack: Option<(Uuid, u64)>,
    /// How many commits the client's vault has.
    pub commit_counter: Option<u64>,
    /// How long to wait when there is nothing.
    pub wait_seconds: u32,
    /// At most this many envelopes.
    pub limit: u32,
}

/// What reading an inbox came to.
#[derive(Debug)]
pub enum Inbox {
    /// An answer.
    Page(Page),
    /// Nothing yet.
    Waiting(Waiting),
}

/// A wait for mail; small, because there are many.
#[derive(Debug)]
pub struct Waiting {
    owner: Principal,
    limit: u32,
    deadline: Instant,
    /// When the session is over.
    ends: Instant,
    /// What is answered if nothing comes.
    empty: Page,
    /// Armed before the mailbox was found empty.
    wake: Pin<Box<OwnedNotified>>,
    place: Wait,
}

/// Of those whose sends were refused, so many are told of at once.
pub const MAX_TOLD: usize = floods::SENDERS;

/// Whose sends were refused.
#[derive(Debug, Clone)]
pub struct RefusedSender {
    /// Who.
    pub who: Known,
    /// How often at least.
    pub times: u64,
}

/// A sender by what a mailbox's owner knows it by.
#[derive(Debug, Clone)]
pub enum Known {
    /// An account, by its name.
    Account(UserName),
    /// Whoever holds the delivery token with this SHA-256.
    Token(Bytes32),
}

/// The mailboxes.
pub struct Mailboxes {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    tokens: Arc<Tokens>,
    gate_keys: Arc<GateKeys>,
    sessions: Arc<Sessions>,
    wakes: Arc<Waiters>,
    stopped: watch::Receiver<bool>,
    shares: Shares,
    floods: Floods,
    quota: Quota,
    envelope_ttl: Duration,
}

impl Mailboxes {
    pub(super) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        tokens: Arc<Tokens>,
        gate_keys: Arc<GateKeys>,
        sessions: Arc<Sessions>,
        stopped: watch::Receiver<bool>,
        rules: &Rules,
    ) -> Self {
        Self {
            store,
            clock,
            tokens,
            gate_keys,
            // The same bells: what ends a session wakes who waits with it.
            wakes: Arc::clone(sessions.wakes()),
            sessions,
            stopped,
            shares: Shares::new(rules.shares, rules.quota, rules.envelope_ttl),
            floods: Floods::default(),
            quota: rules.quota,
            envelope_ttl: rules.envelope_ttl,
        }
    }

    /// Acknowledges, then answers what follows, or, when there is nothing and the owner wants to wait, what to [`Self::wait`] with.
    ///
    /// # Errors
    /// [`Refusal::StaleIncarnation`], [`Refusal::Unauthorized`] when the account was removed meanwhile, [`Refusal::Busy`] when too many wait on this mailbox, and what is wrong with the form.
    pub async fn inbox(
        &self,
        owner: Principal,
        Reading {
            ack,
            commit_counter,
            wait_seconds,
            limit,
        }: Reading,
    ) -> Result<Inbox> {
        let wait = Duration::from_secs(u64::from(wait_seconds));
        if wait > MAX_WAIT {
            return Err(Refusal::BadRequest(format!(
                "wait_seconds is {wait_seconds} and must be 0 to {}",
                MAX_WAIT.as_secs()
            )));
        }
        if limit == 0 || limit > MAX_PAGE {
            return Err(Refusal::BadRequest(format!(
                "limit is {limit} and must be 1 to {MAX_PAGE}"
            )));
        }
        let commit_counter = counter(commit_counter)?;
        if ack.is_some() || commit_counter.is_some() {
            let ack = ack.map(|(incarnation, sequence)| Ack {
                incarnation: Incarnation(incarnation),
                sequence,
            });
            match self.store.acknowledge(owner.mailbox, ack, commit_counter).await? {
                Acked::Done(_) => {}
                Acked::Stale => return Err(Refusal::StaleIncarnation),
                Acked::CounterTooFar(kept) => return Err(Refusal::CounterTooFar { kept }),
                // The account was removed after its owner had been let in.
                Acked::NoSuchMailbox => return Err(Refusal::Unauthorized),
            }
        }
        let waiting = if wait.is_zero() {
            None
        } else {
            let place = self.wakes.wait(owner.mailbox).ok_or(Refusal::Busy)?;
            Some((place.armed(), place))
        };
        let page = self.page(owner.mailbox, limit).await?;
        match waiting {
            Some((wake, place)) if page.envelopes.is_empty() && !*self.stopped.borrow() => {
                Ok(Inbox::Waiting(Waiting {
                    owner,
                    limit,
                    deadline: Instant::now() + wait,
                    // After the wait was armed: a session that ends from here on wakes it.
                    ends: self.end_of(&owner).await?,
                    empty: page,
                    wake,
                    place,
                }))
            }
            _ => Ok(Inbox::Page(page)),
        }
    }

    /// Waits for mail, until the wait's time is over or the relay stops; then the page is empty. Ends when it is dropped.
    ///
    /// # Errors
    /// [`Refusal::Unauthorized`] as soon as the session is over; [`Refusal`] when the store fails.
    pub async fn wait(&self, mut waiting: Waiting) -> Result<Page> {
        let mut stopped = self.stopped.clone();
        loop {
            let until = waiting.deadline.min(waiting.ends);
            let woken = tokio::select! {
                () = waiting.wake.as_mut() => true,
                () = tokio::time::sleep_until(until) => false,
                _ = stopped.wait_for(|stopped| *stopped) => return Ok(waiting.empty),
            };
            if woken {
                waiting.wake = waiting.place.armed();
                waiting.empty = self.page(waiting.owner.mailbox, waiting.limit).await?;
            }
            // Whatever was read meanwhile is for a session that goes on.
            waiting.ends = self.end_of(&waiting.owner).await?;
            if !waiting.empty.envelopes.is_empty() || Instant::now() >= waiting.deadline {
                return Ok(waiting.empty);
            }
        }
    }

    /// When the owner's session is over, by this process's own clock: the other may be set.
    async fn end_of(&self, owner: &Principal) -> Result<Instant> {
        let ends = self.sessions.confirm(owner).await?;
        let left = ends.as_millis().saturating_sub(self.clock.now().as_millis());
        Ok(Instant::now() + Duration::from_millis(left))
    }

    async fn page(&self, mailbox: MailboxId, limit: u32) -> Result<Page> {
        let page = self
            .store
            .page(mailbox, limit, MAX_PAGE_BYTES, self.clock.now())
            .await?;
        page.ok_or(Refusal::Unauthorized)
    }

    /// The account of a mailbox was removed.
    pub(super) fn forget(&self, mailbox: MailboxId) {
        self.floods.forget(mailbox);
    }

    /// Whose sends to `owner` were refused because they were too many since this was last asked, and how often at least.
    ///
    /// # Errors
    /// [`Refusal`] when the store fails.
    pub async fn refused_senders(&self, owner: Principal) -> Result<Vec<RefusedSender>> {
        let mut told = Vec::new();
        for (sender, times) in self.floods.take(owner.mailbox) {
            let who = match sender {
                Sender::Token(hash) => Some(Known::Token(hash)),
                Sender::Account(account) => {
                    let row = self.store.account(account).await?;
                    // One that was removed since sends nothing any more.
                    row.map(|row| Known::Account(row.user))
                }
            };
            told.extend(who.map(|who| RefusedSender { who, times }));
        }
        Ok(told)
    }

    /// How many sends of strangers were refused since the start.
    #[must_use]
    pub fn strangers_refused(&self) -> u64 {
        self.shares.refused()
    }

    /// Deletes everything pending; answers how much that was.
    ///
    /// # Errors
    /// [`Refusal::Unauthorized`] when the account was removed meanwhile; [`Refusal`] when the store fails.
    pub async fn clear(&self, owner: Principal) -> Result<u64> {
        let cleared = self.store.clear(owner.mailbox, Incarnation(Uuid::new_v4())).await?;
        cleared.ok_or(Refusal::Unauthorized)
    }

    /// How many wait for mail at this moment.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.wakes.waiting()
    }
}
