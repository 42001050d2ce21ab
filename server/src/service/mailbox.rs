//! Envelopes: in, out, gone.

use std::{pin::Pin, sync::Arc, time::Duration};

use protocol::{Timestamp, address::UserName};
use tokio::{
    sync::{futures::OwnedNotified, watch},
    time::Instant,
};
use twox_hash::XxHash3_128;
use uuid::Uuid;

use super::{
    REMEMBERED, Refusal, Result, Rules, counter,
    floods::Floods,
    gate_keys::GateKeys,
    licenses::{self, LicenseParts},
    sessions::Sessions,
    shares::{LATER, Shares, Taken, UsedUp},
    tokens::Tokens,
};
use crate::{
    clock::Clock,
    model::{BodyDigest, Bytes32, Envelope, Incarnation, MailboxId, MessageId, Principal, Sender},
    store::{
        Ack, Acked, Deposit, Deposited, LicenseRow, LimitRow, Page, Part, Quota, Store,
        wakes::{Wait, Wakes},
    },
};

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

/// Where an envelope went.
#[derive(Debug, Clone, Copy)]
pub struct Receipt {
    /// The sender's id for it.
    pub id: MessageId,
    /// When it was stored.
    pub stored_at: Timestamp,
    /// Until when it is kept.
    pub expires: Timestamp,
}

/// The mailboxes.
pub struct Mailboxes {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    tokens: Arc<Tokens>,
    gate_keys: Arc<GateKeys>,
    sessions: Arc<Sessions>,
    wakes: Arc<Wakes>,
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

    /// Stores an envelope, with a license if one goes with it; when this returns it is on the disk.
    ///
    /// To an account an unknown recipient is said to be one: it is signed in, and `fetch_key` shows which names exist anyway. To the holder of a
    /// token it is not.
    ///
    /// # Errors
    /// [`Refusal::Unauthorized`] when the token is not one of the recipient's, [`Refusal::RateLimited`], [`Refusal::StrangersWait`],
    /// [`Refusal::MailboxFull`], [`Refusal::MessageConflict`], [`Refusal::LicenseConflict`], [`Refusal::NoSuchGateKey`], [`Refusal::NoSuchUser`], [`Refusal::StorageFull`],
    /// and what is wrong with the form.
    pub async fn deposit(
        &self,
        from: Sender,
        to: &str,
        id: Uuid,
        envelope: Vec<u8>,
        license: Option<LicenseParts>,
    ) -> Result<Receipt> {
        let user = UserName::parse(to)?;
        let envelope = Envelope::new(envelope)?;
        let (gate, now) = (self.gate_keys.gate(), self.clock.now());
        let license = license
            .map(|parts| licenses::read(parts, MailboxId::of(&user), gate, now).map(Box::new))
            .transpose()?;
        self.put(from, user, id, envelope, license).await
    }

    /// [`Self::deposit`] of what is parsed already.
    ///
    /// # Errors
    /// As there, except what is wrong with the form.
    pub(crate) async fn put(
        &self,
        from: Sender,
        user: UserName,
        id: Uuid,
        envelope: Envelope,
        license: Option<Box<LicenseRow>>,
    ) -> Result<Receipt> {
        let mailbox = MailboxId::of(&user);
        let id = MessageId::new(id);
        let stranger = match from {
            // What looks into the database is boxed: hardly any send needs it, and each would have room for it.
            Sender::Token(hash) => {
                let admitted = Box::pin(self.tokens.admit(mailbox, &hash)).await;
                if matches!(admitted, Err(Refusal::RateLimited)) {
                    self.floods.note(mailbox, from);
                }
                admitted?;
                None
            }
            Sender::Account(account) => Some(account).filter(|account| *account != mailbox),
        };
        let taken = match stranger {
            Some(account) => {
                let (bytes, license) = (envelope.as_bytes().len(), license.is_some());
                self.admit(account, &user, id, bytes, license).await?
            }
            None => None,
        };
        let part = match stranger {
            Some(_) if self.shares.are_on() => Part::Stranger,
            _ => Part::Known,
        };
        let outcome = self.store(from, part, user, id, envelope, license).await;
        match (&outcome, stranger, &taken) {
            (Ok(_), Some(account), Some(_)) => self.shares.note_stored(mailbox, account, id, self.clock.now()),
            (Err(_), _, Some(taken)) => self.shares.give_back(taken, self.clock.now()),
            _ => {}
        }
        outcome
    }

    /// Lets a stranger's send go on, or not: decided in memory, as long as its recipient was written to lately. What it took of the shares, if it is no repetition.
    async fn admit(
        &self,
        account: MailboxId,
        user: &UserName,
        id: MessageId,
        bytes: usize,
        license: bool,
    ) -> Result<Option<Taken>> {
        let mailbox = MailboxId::of(user);
        if self.shares.was_stored(mailbox, account, id, self.clock.now()) {
            return Ok(None);
        }
        let wait = || Refusal::StrangersWait {
            user: user.clone(),
            wait: LATER,
        };
        let blocked = match self.store.knows_block(mailbox, account) {
            Some(blocked) => blocked,
            None => Box::pin(self.store.blocks(mailbox, account)).await?,
        };
        if blocked {
            self.shares.note_refused();
            return Err(wait());
        }
        let taken = self.shares.take(mailbox, account, bytes, license, self.clock.now());
        taken.map_err(|used_up| {
            // Who came when the share of all was used up did not use it up.
            if used_up == UsedUp::Own {
                self.floods.note(mailbox, Sender::Account(account));
            }
            wait()
        })
    }

    async fn store(
        &self,
        from: Sender,
        part: Part,
        user: UserName,
        id: MessageId,
        envelope: Envelope,
        license: Option<Box<LicenseRow>>,
    ) -> Result<Receipt> {
        let (mailbox, now) = (MailboxId::of(&user), self.clock.now());
        if let Some(LimitRow::Oblivious(gate)) = license.as_ref().map(|license| &license.limit) {
            Box::pin(self.gate_keys.check_file(gate.gate_key)).await?;
        }
        let deposit = Deposit {
            mailbox,
            principal: from,
            id,
            digest: digest(&envelope, license.as_deref()),
            envelope,
            license,
            expires: now.plus(self.envelope_ttl),
            forget_at: now.plus(REMEMBERED.max(self.envelope_ttl)),
            part,
            quota: self.quota,
            now,
        };
        match self.store.deposit(deposit).await? {
            Deposited::Done { stored_at, expires } => Ok(Receipt { id, stored_at, expires }),
            Deposited::Conflict => Err(Refusal::MessageConflict),
            Deposited::LicenseConflict => Err(Refusal::LicenseConflict),
            Deposited::LicenseExpired => Err(Refusal::BadRequest("license.expires_at is in the past".into())),
            Deposited::NoSuchGateKey => Err(Refusal::NoSuchGateKey),
            Deposited::Full => {
                // The owner knows what it sends itself.
                if from != Sender::Account(mailbox) {
                    self.floods.note(mailbox, from);
                }
                Err(match part {
                    Part::Known => Refusal::MailboxFull(user),
                    // Only after restarts of the relay, which fill the shares. A stranger is told what it always is.
                    Part::Stranger => {
                        self.shares.note_refused();
                        Refusal::StrangersWait { user, wait: LATER }
                    }
                })
            }
            Deposited::NoSuchMailbox => Err(Refusal::NoSuchUser(user)),
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

/// What a repetition must repeat: the envelope, and the license with it, whose parameters are hashed by SHA-256 already.
fn digest(envelope: &Envelope, license: Option<&LicenseRow>) -> BodyDigest {
    let of = XxHash3_128::oneshot(envelope.as_bytes()).to_be_bytes();
    BodyDigest::from_bytes(match license {
        None => of,
        // Another seed, so that no envelope alone passes for one with a license.
        Some(license) => XxHash3_128::oneshot_with_seed(1, &[&of[..], &license.parameters].concat()).to_be_bytes(),
    })
}

#[cfg(test)]
mod tests {
    use playgate::{PlayLimit, PlayShare};

    use super::*;
    use crate::model::LicenseId;

    /// What is remembered for thirty days must be read by the next build, on another processor perhaps. Values of the reference implementation (xxHash 0.8, `xxhsum -H2`).
    #[test]
    fn digests_are_the_same_everywhere() {
        for (length, expected) in [
            (1, "a6cd5e9392000f6ac44bdff4074eecdb"),
            (64, "d547448717805e49ab83f2ba7371c91f"),
            (200, "5451071ed36ad47079ad90815b45bbd9"),
            (4096, "dec463517b2529a15d9027c84d5f33f7"),
            (256 << 10, "91fbf8f6934b1863789173d32626cddb"),
        ] {
            let bytes: Vec<u8> = (0..length).map(|n| (n * 7 % 251) as u8).collect();
            let digest = digest(&Envelope::new(bytes).unwrap(), None);
            assert_eq!(hex::encode(digest.as_bytes()), expected, "{length} bytes");
        }
        let license = LicenseRow {
            id: LicenseId::parse(&"00".repeat(32)).unwrap(),
            limit: LimitRow::Counted(PlayLimit::new(1).unwrap()),
            expires: Timestamp(0),
            share: PlayShare::from_bytes([0; 32]),
            play_hash: [0; 32],
            owner_hash: [0; 32],
            parameters: [9; 32],
        };
        let limited = digest(&Envelope::new(vec![1; 100]).unwrap(), Some(&license));
        assert_eq!(hex::encode(limited.as_bytes()), "560fc4701c418ca5c2c0ae1b6ad35f08");
    }
}
