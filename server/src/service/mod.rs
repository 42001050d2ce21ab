//! What the relay decides: sizes, quotas, lifetimes, and who may. Handlers translate into these calls; the store persists what they decide.
//!
//! Not its concern: HTTP (`api`) and SQL (`store`).

pub mod audit;
pub mod blocks;
pub mod challenges;
pub mod clock_guard;
pub mod compute;
pub mod directory;
mod floods;
pub mod gate;
pub mod gate_cache;
pub mod gate_keys;
mod gate_pool;
pub mod homomorphic;
mod identity;
mod license_queue;
pub mod licenses;
pub mod mailbox;
pub mod oblivious;
mod play_receipts;
pub mod plays;
pub mod public_status;
mod randomness;
pub mod rates;
mod refusal;
mod retention;
mod rules;
pub mod sessions;
pub mod shares;
mod token_buckets;
pub mod token_limiter;
pub mod tokens;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use protocol::{
    Timestamp,
    identity::{IdentityKeyPair, relay_fingerprint},
    primitives::secret::Secret,
};
use tokio::sync::watch;
use zeroize::Zeroizing;

pub(crate) use crate::service::randomness::fill;
use crate::{
    clock::Clock,
    metrics::Metrics,
    model::Bytes32,
    operator::errands::{self, Errand},
    proxies::Proxies,
    store::{Activity, DiskUse, STEP, Store, SweepRules, Totals, files::KeyFiles, waiters::Waiters},
};
use gate::Gate;
pub use identity::RelayIdentity;
pub use refusal::{Refusal, Result};
pub(crate) use refusal::{counter, exactly};
pub use retention::REMEMBERED;
pub use rules::{GateRules, Registrations, Rules, StatusRule};

/// Everything the handlers call, in one place.
pub struct Services {
    /// Accounts and keys.
    pub directory: directory::Directory,
    /// Challenges and sessions.
    pub sessions: Arc<sessions::Sessions>,
    /// Envelopes.
    pub mailboxes: mailbox::Mailboxes,
    /// Blocked accounts.
    pub blocks: blocks::Blocks,
    /// Delivery tokens.
    pub tokens: Arc<tokens::Tokens>,
    /// Play limits.
    pub plays: plays::Plays,
    /// The homomorphic side of play limits.
    pub oblivious: Arc<oblivious::Oblivious>,
    /// The keys that it computes with.
    pub gate_keys: Arc<gate_keys::GateKeys>,
    /// How much one address and one account may ask for.
    pub rates: Arc<rates::Rates>,
    /// The log of security events.
    pub audit: Arc<audit::Audit>,
    /// Where requests come from.
    pub proxies: Proxies,
    bulletin: public_status::PublicStatus,
    numbers: StatusRule,
    registrations: Registrations,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    identity: RelayIdentity,
    stop: watch::Sender<bool>,
    metrics: Arc<Metrics>,
}

/// The relay as everybody may see it.
#[derive(Debug, Clone)]
pub struct StatusReport {
    /// The relay's identity.
    pub identity: RelayIdentity,
    /// What it stores in.
    pub engine: &'static str,
    /// Now.
    pub now: Timestamp,
    /// Who may register.
    pub registrations: Registrations,
    /// The numbers, roughly, as they were taken this hour; none where the operator wants none to be shown.
    pub numbers: Option<public_status::RoughNumbers>,
    /// Where the audit log ended then.
    pub audit_head: Option<Bytes32>,
}

impl Services {
    /// Puts the services on a store and the files beside it. Makes the relay's own key when the store has none.
    ///
    /// # Errors
    /// [`Refusal`] when the store, the disk or the machine's randomness fails.
    pub async fn new(
        store: Arc<dyn Store>,
        files: KeyFiles,
        wakes: Arc<Waiters>,
        clock: Arc<dyn Clock>,
        gate: Arc<dyn Gate>,
        rules: Rules,
        metrics: Arc<Metrics>,
    ) -> Result<Self> {
        let mut fresh = Zeroizing::new([0; 64]);
        fill(&mut *fresh)?;
        let seed = store.relay_seed(fresh).await?;
        let keys = IdentityKeyPair::from_seed(Secret::new(*seed));
        let key = keys.public().clone();
        let identity = RelayIdentity {
            name: rules.name.clone(),
            fingerprint: relay_fingerprint(&key),
            key,
        };
        let (stop, stopped) = watch::channel(false);
        let compute = Arc::new(compute::Compute::default());
        let rates = Arc::new(rates::Rates::new(&rules.rates));
        let audit = Arc::new(audit::Audit::new(
            Arc::clone(&store),
            Arc::clone(&clock),
            Arc::clone(&metrics),
        ));
        let sessions = Arc::new(sessions::Sessions::new(
            Arc::clone(&store),
            Arc::clone(&clock),
            wakes,
            identity.clone(),
            Arc::clone(&compute),
            Arc::clone(&audit),
            &rules,
        )?);
        let tokens = Arc::new(tokens::Tokens::new(Arc::clone(&store), Arc::clone(&clock)));
        let oblivious = Arc::new(oblivious::Oblivious::new(
            Arc::clone(&store),
            files.clone(),
            gate,
            &rules.gate,
        )?);
        let gate_keys = Arc::new(gate_keys::GateKeys::new(
            Arc::clone(&store),
            Arc::clone(&clock),
            files,
            Arc::clone(&oblivious),
            Arc::clone(&sessions),
            &rules.gate,
        ));
        gate_keys.tidy().await?;
        let receipts = play_receipts::Receipts::new(keys, Arc::clone(&compute));
        let services = Self {
            directory: directory::Directory::new(
                Arc::clone(&store),
                Arc::clone(&clock),
                identity.clone(),
                compute,
                Arc::clone(&sessions),
                Arc::clone(&rates),
                rules.registrations,
            ),
            mailboxes: mailbox::Mailboxes::new(
                Arc::clone(&store),
                Arc::clone(&clock),
                Arc::clone(&tokens),
                Arc::clone(&gate_keys),
                Arc::clone(&sessions),
                stopped,
                &rules,
            ),
            blocks: blocks::Blocks::new(Arc::clone(&store)),
            tokens,
            plays: plays::Plays::new(Arc::clone(&store), Arc::clone(&clock), receipts, Arc::clone(&oblivious)),
            oblivious,
            gate_keys,
            sessions,
            rates,
            audit,
            proxies: Proxies::new(rules.proxies),
            bulletin: public_status::PublicStatus::default(),
            numbers: rules.status,
            registrations: rules.registrations,
            store,
            clock,
            identity,
            stop,
            metrics,
        };
        services.renew_status().await;
        Ok(services)
    }

    /// The relay as everybody may see it. Asks the store nothing.
    #[must_use]
    pub fn status(&self) -> StatusReport {
        let shown = self.bulletin.shown();
        StatusReport {
            identity: self.identity.clone(),
            engine: self.store.engine(),
            now: self.clock.now(),
            registrations: self.registrations,
            numbers: shown.numbers.filter(|_| self.numbers == StatusRule::Coarse),
            audit_head: shown.audit_head,
        }
    }

    /// Takes anew what [`status`](Self::status) shows, if it is time.
    pub async fn renew_status(&self) {
        if let Err(refusal) = self.bulletin.renew(&*self.store, self.clock.now()).await {
            tracing::warn!(%refusal, "what status shows could not be taken anew; trying again in a minute");
        }
    }

    /// The exact numbers, for the operator alone.
    ///
    /// # Errors
    /// [`Refusal`] when the store fails.
    pub async fn totals(&self) -> Result<Totals> {
        Ok(self.store.totals().await?)
    }

    /// Removes everything that has expired, in bounded steps between which others get their turn.
    ///
    /// # Errors
    /// [`Refusal`] when the store fails; what is left is swept the next time.
    pub async fn sweep(&self) -> Result<()> {
        let outcome = self.sweep_all().await;
        let sweeps = &self.metrics.sweeps;
        let counter = if outcome.is_ok() { &sweeps.done } else { &sweeps.failed };
        counter.fetch_add(1, Ordering::Relaxed);
        outcome
    }

    async fn sweep_all(&self) -> Result<()> {
        self.rates.purge();
        // That there is no room for the log is no reason to keep what takes room.
        let noted = self.audit.flush().await;
        loop {
            let now = self.clock.now();
            let rules = SweepRules {
                now,
                forget_at: now.plus(REMEMBERED),
                step: STEP,
            };
            let swept = self.store.sweep(rules).await?;
            self.metrics.sweeps.step(&swept);
            if !swept.more {
                return self.gate_keys.sweep().await.and(noted);
            }
            tokio::task::yield_now().await;
        }
    }

    /// Whether mail can be accepted and delivered at this moment; why not, in words.
    ///
    /// # Errors
    /// The reason, for whoever watches.
    pub async fn ready(&self) -> std::result::Result<(), &'static str> {
        if *self.stop.borrow() {
            return Err("the relay is shutting down");
        }
        let flag = |of: fn(&Activity) -> &AtomicBool| self.activity().is_some_and(|a| of(a).load(Ordering::Relaxed));
        if flag(|activity| &activity.damaged) {
            return Err("the store is damaged and takes nothing any more: see the log");
        }
        if flag(|activity| &activity.refusing) {
            return Err("the disk is full or fails: nothing can be stored");
        }
        self.store.totals().await.map_err(|error| {
            tracing::error!(%error, "the store does not answer");
            "the store does not answer: see the log"
        })?;
        Ok(())
    }

    /// Does what the operator asks for, and notes it in the audit log; false when there was nothing to be done.
    ///
    /// # Errors
    /// [`Refusal`] when the store fails; what is left is done by asking again.
    pub async fn do_errand(&self, errand: &Errand) -> Result<bool> {
        let done = errands::perform(&*self.store, errand, self.clock.now()).await?;
        if let (true, Errand::Remove { mailbox, .. }) = (done, *errand) {
            self.sessions.changed(mailbox);
            self.mailboxes.forget(mailbox);
            // Its gate keys, as far as nothing needs them.
            self.gate_keys.sweep().await?;
        }
        Ok(done)
    }

    /// What the relay counts about itself.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The same, to be kept.
    #[must_use]
    pub fn shared_metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }

    /// What the store's writer is doing, if it counts.
    #[must_use]
    pub fn activity(&self) -> Option<&Activity> {
        self.store.activity()
    }

    /// What the database takes of the disk.
    ///
    /// # Errors
    /// [`Refusal`] when the store fails.
    pub async fn disk_use(&self) -> Result<DiskUse> {
        Ok(self.store.disk_use().await?)
    }

    /// The relay's own identity.
    #[must_use]
    pub const fn identity(&self) -> &RelayIdentity {
        &self.identity
    }

    /// Does the deferred halves of oblivious plays, for ever.
    pub async fn fold_for_ever(&self) {
        self.oblivious.fold_for_ever().await;
    }

    /// What the relay's clock shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Ends every wait for mail, so that connections can close.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }
}
