//! Work that keeps a core busy (hybrid signatures, hash trees), away from the threads that serve connections.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::{Refusal, Result, rates::Network};
use crate::model::MailboxId;

/// Verifications that may wait or run at once. One takes about a millisecond, so the last in line waits a fraction of a second; more would only
/// time out.
const ADMITTED: usize = 256;
/// Of these, for all who have shown nothing yet: whoever signs in, registers or replaces an identity. The rest is for accounts that go on, whose plays and keys wait for no sign-in.
const STRANGERS: usize = 192;
/// Of these, for one address or one account: a proof that does not hold costs as much as one that does, and costs its maker nothing. An office behind one address signs in thirty people at
/// a moment, and the next thirty some milliseconds later.
const SHARE: usize = 32;

/// For whom something is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Asker {
    /// Who is at this address, and has shown nothing; none where addresses do not count.
    Stranger(Option<Network>),
    /// Who has a session of this account, or a license that is in its mailbox.
    Account(MailboxId),
}

/// Who waits, or is computed for.
#[derive(Default)]
struct Waiting {
    all: usize,
    strangers: usize,
    each: HashMap<Asker, usize>,
}

/// A bounded pool.
pub struct Compute {
    waiting: Mutex<Waiting>,
    cores: Arc<Semaphore>,
}

impl Default for Compute {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            waiting: Mutex::default(),
            cores: Arc::new(Semaphore::new(cores)),
        }
    }
}

/// A place among those who wait; given back when it is dropped.
struct Admitted<'a> {
    compute: &'a Compute,
    asker: Asker,
}

impl Asker {
    /// Of the places, those that it may have.
    const fn share(self) -> usize {
        match self {
            Self::Stranger(None) => STRANGERS,
            Self::Stranger(Some(_)) | Self::Account(_) => SHARE,
        }
    }
}

impl Compute {
    /// Runs `work` as soon as a core is free.
    ///
    /// # Errors
    /// [`Refusal::Busy`] when too much is waiting, or too much of this asker.
    pub async fn run<T: Send + 'static>(&self, asker: Asker, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let _admitted = self.admit(asker).ok_or(Refusal::Busy)?;
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

    fn admit(&self, asker: Asker) -> Option<Admitted<'_>> {
        let stranger = matches!(asker, Asker::Stranger(_));
        let mut waiting = self.waiting.lock();
        let own = waiting.each.get(&asker).copied().unwrap_or_default();
        if waiting.all >= ADMITTED || own >= asker.share() || (stranger && waiting.strangers >= STRANGERS) {
            return None;
        }
        waiting.all += 1;
        waiting.strangers += usize::from(stranger);
        waiting.each.insert(asker, own + 1);
        Some(Admitted { compute: self, asker })
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        let mut waiting = self.compute.waiting.lock();
        waiting.all -= 1;
        waiting.strangers -= usize::from(matches!(self.asker, Asker::Stranger(_)));
        // Nothing is kept of who does not wait, so that there are never more than may wait.
        if let Some(own) = waiting.each.get_mut(&self.asker) {
            *own -= 1;
            if *own == 0 {
                waiting.each.remove(&self.asker);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, pin::Pin};

    use futures_util::{future::join_all, poll};

    use super::*;

    fn address(n: u8) -> Asker {
        Asker::Stranger(Some(std::net::IpAddr::from(Ipv4Addr::new(192, 0, 2, n)).into()))
    }

    /// Work that has begun, or waits; it goes on when all cores are given back.
    type Work<'a> = Pin<Box<dyn Future<Output = Result<()>> + 'a>>;

    /// As many as find a place, of `most` that ask.
    async fn fill<'a>(compute: &'a Compute, asker: Asker, most: usize) -> Vec<Work<'a>> {
        let mut there = Vec::new();
        for _ in 0..most {
            let mut work: Work<'a> = Box::pin(compute.run(asker, || ()));
            if poll!(work.as_mut()).is_ready() {
                break;
            }
            there.push(work);
        }
        there
    }

    #[tokio::test]
    async fn no_address_and_no_account_takes_the_places_of_others() {
        let compute = Compute::default();
        let all = u32::try_from(compute.cores.available_permits()).unwrap();
        let cores = compute.cores.acquire_many(all).await.unwrap();
        let mut there = fill(&compute, address(1), ADMITTED).await;
        assert_eq!(there.len(), SHARE, "one address");
        assert!(matches!(compute.run(address(1), || ()).await, Err(Refusal::Busy)));
        let unknown = fill(&compute, Asker::Stranger(None), ADMITTED).await;
        assert_eq!(
            unknown.len(),
            STRANGERS - SHARE,
            "without addresses there are no shares of them"
        );
        drop(unknown);
        there.extend(fill(&compute, address(2), 1).await);
        assert_eq!(there.len(), SHARE + 1, "another address");
        for n in 2..=u8::MAX {
            there.extend(fill(&compute, address(n), ADMITTED).await);
        }
        assert_eq!(there.len(), STRANGERS, "all addresses");
        // Those who have an account find places, and none of them takes all.
        let account = |n| Asker::Account(MailboxId::from_bytes([n; 16]));
        let own = fill(&compute, account(1), ADMITTED).await;
        assert_eq!(own.len(), SHARE, "one account");
        there.extend(own);
        there.extend(fill(&compute, account(2), ADMITTED).await);
        there.extend(fill(&compute, account(3), ADMITTED).await);
        assert_eq!(there.len(), ADMITTED, "all");
        // Who goes away before its turn gives its place back.
        drop(there.pop());
        there.extend(fill(&compute, account(3), 1).await);
        assert_eq!(there.len(), ADMITTED);
        drop(cores);
        assert!(join_all(there).await.into_iter().all(|outcome| outcome.is_ok()));
        let waiting = compute.waiting.lock();
        assert_eq!((waiting.all, waiting.strangers, waiting.each.len()), (0, 0, 0));
    }
}
