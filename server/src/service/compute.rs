//! Work that keeps a core busy (hybrid signatures, hash trees), away from the threads that serve connections.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::{Refusal, Result};

/// Verifications that may wait or run at once. One takes about a millisecond, so the last in line waits a fraction of a second; more would only
/// time out.
const ADMITTED: usize = 256;

/// A bounded pool.
pub struct Compute {
    admitted: Semaphore,
    cores: Arc<Semaphore>,
}

impl Default for Compute {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            admitted: Semaphore::new(ADMITTED),
            cores: Arc::new(Semaphore::new(cores)),
        }
    }
}

impl Compute {
    /// Runs `work` as soon as a core is free.
    ///
    /// # Errors
    /// [`Refusal::Busy`] when too much is waiting.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let _admitted = self.admitted.try_acquire().map_err(|_| Refusal::Busy)?;
        let core = Arc::clone(&self.cores)
            .acquire_owned()
            .await
            .map_err(|_| Refusal::Busy)?;
        let task = tokio::task::spawn_blocking(move || {
            let outcome = work();
            drop(core);
            outcome
        });
        task.await.map_err(|error| {
            tracing::error!(%error, "a computation failed");
            Refusal::Internal
        })
    }
}
