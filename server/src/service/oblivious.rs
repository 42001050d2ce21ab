//! The homomorphic half of a play: which key, on which thread, and how much at once.

use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::Arc,
};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::{
    GateRules, Refusal, Result,
    gate::{Computed, Gate, GateContext, GateError, LoadedKey},
    gate_cache::Cache,
    gate_pool::GatePool,
};
use crate::service::play_receipts::rng;
use crate::{
    model::{GateKeyId, LicenseId},
    store::{FoldCommit, LicenseView, LimitView, OpenLicense, PlayLookup, Store, StoreError, files::KeyFiles},
};

/// Plays that may wait or run at once, of all licenses. At a tenth of a second each the last in line waits some seconds; more would only
/// time out.
pub const ADMITTED: usize = 32;
/// Plays of one license that may wait or run at once: a device and its impatience. The other places are for others.
pub const LINE: usize = 4;
/// Keys that may be checked at once besides. Seconds each.
const CHECKS: usize = 4;
/// Folds that may be due, 20 KB each. Beyond that the next play does it itself.
const FOLDS: usize = 256;
/// Requests that one license answers: sixteen for each play of the greatest limit. Each leaves a row for as long as the license is remembered, so there has to be an end,
/// and one that says nothing of the limit.
pub const MAX_REQUESTS: u64 = 4096;

/// A fold that is due.
struct Fold {
    number: u64,
    gate_key: GateKeyId,
    state: Vec<u8>,
}

#[derive(Default)]
struct Folds {
    order: VecDeque<LicenseId>,
    due: HashMap<LicenseId, Fold>,
}

/// The homomorphic side of the relay.
pub struct Oblivious {
    store: Arc<dyn Store>,
    files: KeyFiles,
    gate: Arc<dyn Gate>,
    pool: GatePool,
    keys: Cache<GateKeyId, Box<dyn LoadedKey>>,
    admitted: Arc<Semaphore>,
    folds: Mutex<Folds>,
    fold_due: Notify,
}

impl Oblivious {
    pub(super) fn new(store: Arc<dyn Store>, files: KeyFiles, gate: Arc<dyn Gate>, rules: &GateRules) -> Result<Self> {
        Ok(Self {
            store,
            files,
            gate,
            pool: GatePool::start(rules.threads, ADMITTED + CHECKS)?,
            keys: Cache::new(rules.memory),
            admitted: Arc::new(Semaphore::new(ADMITTED)),
            folds: Mutex::default(),
            fold_due: Notify::new(),
        })
    }

    pub(super) fn gate(&self) -> &Arc<dyn Gate> {
        &self.gate
    }

    /// A place among those who play.
    ///
    /// # Errors
    /// [`Refusal::Busy`] when all are taken.
    pub(super) fn admit(&self) -> Result<OwnedSemaphorePermit> {
        Arc::clone(&self.admitted)
            .try_acquire_owned()
            .map_err(|_| Refusal::Busy)
    }

    /// Whether these bytes are a request at all.
    ///
    /// # Errors
    /// [`Refusal::BadRequest`].
    pub(super) fn check_request(&self, request: &[u8]) -> Result<()> {
        self.gate
            .check_request(request)
            .map_err(|reason| Refusal::BadRequest(format!("request: {reason}")))
    }

    /// Computes the answer to a request. Nothing is stored.
    ///
    /// # Errors
    /// [`Refusal::SlotUsed`], [`Refusal::RequestsSpent`], [`Refusal::NoSuchGateKey`] when the key's file is lost, [`Refusal::Busy`], [`Refusal::BadRequest`] when
    /// key, license and request are not of one kind.
    pub(super) async fn play(
        &self,
        lookup: &PlayLookup,
        open: &OpenLicense,
        gate_key: GateKeyId,
        state: &[u8],
        request: &[u8],
    ) -> Result<Computed> {
        if open.number >= MAX_REQUESTS {
            return Err(Refusal::RequestsSpent);
        }
        // This play does it, if it is still due.
        self.folds().due.remove(&lookup.license);
        let key = self.key(gate_key).await?;
        let context = GateContext {
            license: lookup.license.to_bytes(),
            play_id: lookup.play,
        };
        let (state, request, share, mut rng) = (state.to_vec(), request.to_vec(), open.share.clone(), rng()?);
        let computed = self
            .pool
            .run(move || key.play(&state, &request, &share, &context, &mut rng))
            .await?;
        computed.map_err(|error| match error {
            GateError::Slot { next } => Refusal::SlotUsed { next },
            GateError::Mismatch(reason) => Refusal::BadRequest(format!("the play cannot be computed: {reason}")),
        })
    }

    /// The key, loaded if it is not.
    async fn key(&self, id: GateKeyId) -> Result<Arc<Box<dyn LoadedKey>>> {
        self.keys
            .get(id, || async move {
                let row = self.store.gate_key(id).await?.ok_or(Refusal::NoSuchGateKey)?;
                let (files, gate) = (self.files.clone(), Arc::clone(&self.gate));
                let loaded = self
                    .pool
                    .run(move || {
                        let bytes = files.read(&row).map_err(|error| match error.kind() {
                            io::ErrorKind::NotFound => Refusal::NoSuchGateKey,
                            io::ErrorKind::InvalidData | io::ErrorKind::FileTooLarge => {
                                tracing::error!(%error, key = %id, "the file of a gate key is damaged; `check` says which others are");
                                Refusal::Internal
                            }
                            _ => disk(&error),
                        })?;
                        gate.load(&bytes).map_err(|reason| {
                            tracing::error!(%reason, key = %id, "a stored gate key cannot be loaded");
                            Refusal::Internal
                        })
                    })
                    .await??;
                let bytes = loaded.bytes();
                Ok((loaded, bytes))
            })
            .await
    }

    /// Runs work on the pool that belongs to no play: checking a key.
    pub(super) async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        self.pool.run(job).await
    }

    /// A key is gone.
    pub(super) fn forget(&self, id: GateKeyId) {
        self.keys.forget(&id);
    }

    /// What only the owner can read, instead of what is stored.
    pub(super) fn readable(&self, mut view: LicenseView) -> Result<LicenseView> {
        if let LimitView::Oblivious { state: Some(state), .. } = &mut view.limit {
            *state = self.gate.view(state).map_err(|error| {
                tracing::error!(%error, "a stored counter is damaged");
                Refusal::Internal
            })?;
        }
        Ok(view)
    }

    /// Keys in memory and their bytes; plays that wait for a thread.
    #[must_use]
    pub fn load(&self) -> GateLoad {
        let (keys, key_bytes) = self.keys.held();
        GateLoad {
            keys,
            key_bytes,
            waiting: self.pool.waiting(),
            threads: self.pool.threads(),
            busy: self.pool.busy(),
        }
    }

    /// The other half of a play is to be done when there is time; if it is not, the next play does it.
    pub(super) fn fold_later(&self, license: LicenseId, number: u64, gate_key: GateKeyId, state: Vec<u8>) {
        let fold = Fold {
            number,
            gate_key,
            state,
        };
        let mut folds = self.folds();
        if folds.order.len() < FOLDS {
            folds.order.push_back(license);
            folds.due.insert(license, fold);
            self.fold_due.notify_one();
        }
    }

    /// Does what is due, for ever; one after the other, since nobody waits for it.
    pub(super) async fn fold_for_ever(&self) {
        loop {
            let due = self.fold_due.notified();
            while let Some((license, fold)) = self.next_fold() {
                match self.fold(license, fold).await {
                    Ok(()) | Err(Refusal::Busy) => {}
                    Err(refusal) => {
                        tracing::warn!(%refusal, "the deferred half of a play was not done; the next play does it");
                    }
                }
            }
            due.await;
        }
    }

    async fn fold(&self, license: LicenseId, fold: Fold) -> Result<()> {
        // Not worth loading a key for.
        let Some(key) = self.keys.loaded(&fold.gate_key) else {
            return Ok(());
        };
        let state = self.pool.run_when_idle(move || key.fold(&fold.state)).await?;
        let state = state.map_err(|error| {
            tracing::error!(%error, "a stored counter cannot be folded");
            Refusal::Internal
        })?;
        let commit = FoldCommit {
            license,
            number: fold.number,
            state,
        };
        match self.store.commit_fold(commit).await {
            // Lost: a play was quicker, and did it.
            Ok(_) | Err(StoreError::Busy) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn next_fold(&self) -> Option<(LicenseId, Fold)> {
        let mut folds = self.folds();
        loop {
            let license = folds.order.pop_front()?;
            if let Some(fold) = folds.due.remove(&license) {
                return Some((license, fold));
            }
        }
    }

    fn folds(&self) -> MutexGuard<'_, Folds> {
        self.folds.lock()
    }
}

/// How busy the gate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateLoad {
    /// Keys in memory.
    pub keys: usize,
    /// Their bytes.
    pub key_bytes: u64,
    /// Jobs that wait for a thread.
    pub waiting: usize,
    /// Threads.
    pub threads: usize,
    /// Those of them that compute.
    pub busy: usize,
}

/// A disk that fails, for the log; the caller is told that there is no room, which is what it mostly is.
pub(super) fn disk(error: &io::Error) -> Refusal {
    tracing::error!(%error, "a gate key's file failed");
    Refusal::StorageFull
}
