//! Threads for homomorphic work, and for nothing else.
//!
//! A play keeps a core busy for a tenth of a second, loading a key for seconds. On the threads that serve connections, or on those that check signatures, that
//! would hold up everybody's messages. So it has threads of its own, one fewer than there are cores, which yield to the others where the
//! system knows how.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::JoinHandle,
};

use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::sync::oneshot;

use super::{Refusal, Result};

/// How much the threads yield to others: 10 of 19 on Unix, a tenth of an ordinary thread's share when the machine is full.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Queues {
    /// Somebody waits for these.
    urgent: VecDeque<Job>,
    /// Nobody waits for these; done when nothing else is to be done.
    idle: VecDeque<Job>,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    queues: Mutex<Queues>,
    work: Condvar,
    busy: AtomicUsize,
}

/// The threads.
pub(super) struct GatePool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    longest: usize,
}

impl GatePool {
    /// Starts `threads` threads behind queues of at most `longest` jobs of each kind.
    ///
    /// # Errors
    /// [`Refusal::Internal`] when the system gives no threads.
    pub fn start(threads: usize, longest: usize) -> Result<Self> {
        let mut pool = Self {
            shared: Arc::default(),
            threads: Vec::new(),
            longest,
        };
        for n in 0..threads.max(1) {
            let shared = Arc::clone(&pool.shared);
            let thread = std::thread::Builder::new()
                .name(format!("gate-{n}"))
                .spawn(move || {
                    yield_to_others();
                    work(&shared);
                })
                .map_err(|error| {
                    tracing::error!(%error, "a thread for homomorphic work cannot be started");
                    Refusal::Internal
                })?;
            pool.threads.push(thread);
        }
        Ok(pool)
    }

    /// Runs `job` when a thread is free.
    ///
    /// # Errors
    /// [`Refusal::Busy`] when too many wait; [`Refusal::Internal`] when the job panicked.
    pub async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        self.enqueue(|queues| &mut queues.urgent, job).await
    }

    /// Runs `job` when nothing else is to be done.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn run_when_idle<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        self.enqueue(|queues| &mut queues.idle, job).await
    }

    async fn enqueue<T: Send + 'static>(
        &self,
        queue: impl FnOnce(&mut Queues) -> &mut VecDeque<Job>,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        {
            let mut queues = self.lock();
            let queue = queue(&mut queues);
            if queue.len() >= self.longest {
                return Err(Refusal::Busy);
            }
            queue.push_back(Box::new(move || {
                // Whoever asked may be gone by now; then the work is not begun.
                if !reply.is_closed() {
                    drop(reply.send(job()));
                }
            }));
        }
        self.shared.work.notify_one();
        answer.await.map_err(|_| Refusal::Internal)
    }

    /// How many jobs wait that somebody waits for.
    pub fn waiting(&self) -> usize {
        self.lock().urgent.len()
    }

    /// How many threads there are.
    pub fn threads(&self) -> usize {
        self.threads.len()
    }

    /// How many of them work.
    pub fn busy(&self) -> usize {
        self.shared.busy.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.shared.queues.lock()
    }
}

impl Drop for GatePool {
    /// Does not wait for the threads: what they compute was not revealed to anybody, and a process need not outlive its work.
    fn drop(&mut self) {
        {
            let mut queues = self.lock();
            queues.closed = true;
            queues.urgent.clear();
            queues.idle.clear();
        }
        self.shared.work.notify_all();
        self.threads.clear();
    }
}

fn work(shared: &Shared) {
    loop {
        let job = {
            let mut queues = shared.queues.lock();
            loop {
                if let Some(job) = queues.urgent.pop_front() {
                    break job;
                }
                if queues.closed {
                    return;
                }
                if let Some(job) = queues.idle.pop_front() {
                    break job;
                }
                shared.work.wait(&mut queues);
            }
        };
        // A job that panics must not take the thread along; whoever waits for it sees its reply go.
        shared.busy.fetch_add(1, Ordering::Relaxed);
        let outcome = catch_unwind(AssertUnwindSafe(job));
        shared.busy.fetch_sub(1, Ordering::Relaxed);
        if outcome.is_err() {
            tracing::error!("homomorphic work panicked");
        }
    }
}

fn yield_to_others() {
    // Without a process: this thread. One that yields more already stays as it is.
    #[cfg(target_os = "linux")]
    if rustix::process::getpriority_process(None).is_ok_and(|now| now < NICENESS)
        && let Err(error) = rustix::process::setpriority_process(None, NICENESS)
    {
        tracing::debug!(%error, "homomorphic work runs at ordinary priority");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    /// A pool of one thread that is busy until the sender is used or dropped.
    async fn held(longest: usize) -> (GatePool, std::sync::mpsc::Sender<()>) {
        let pool = GatePool::start(1, longest).unwrap();
        let (go, gate) = channel::<()>();
        let (busy, is_busy) = oneshot::channel();
        {
            let mut hold = Box::pin(pool.run(move || {
                busy.send(()).unwrap();
                let _ = gate.recv();
            }));
            assert!(futures_util::poll!(&mut hold).is_pending());
            is_busy.await.unwrap();
        }
        (pool, go)
    }

    #[tokio::test]
    async fn a_full_queue_is_busy_and_idle_work_comes_last() {
        let (pool, go) = held(3).await;
        let (said, order) = channel();
        let say = |word: &'static str| {
            let said = said.clone();
            move || said.send(word).unwrap()
        };
        let idle = futures_util::future::join_all((0..4).map(|_| pool.run_when_idle(say("idle"))));
        let urgent = futures_util::future::join_all((0..4).map(|_| pool.run(say("urgent"))));
        let release = async {
            assert_eq!(pool.waiting(), 3);
            go.send(()).unwrap();
        };
        let (idle, urgent, ()) = tokio::join!(biased; idle, urgent, release);
        for answers in [idle, urgent] {
            assert_eq!(answers.iter().filter(|a| matches!(a, Err(Refusal::Busy))).count(), 1);
        }
        let words: Vec<_> = (0..6).map(|_| order.recv().unwrap()).collect();
        assert_eq!(words, ["urgent", "urgent", "urgent", "idle", "idle", "idle"]);
    }

    #[tokio::test]
    async fn a_panic_is_a_fault_of_one_job() {
        let pool = GatePool::start(1, 4).unwrap();
        let panicked = pool.run(|| -> u8 { panic!("on purpose") }).await;
        assert!(matches!(panicked, Err(Refusal::Internal)));
        assert_eq!(pool.run(|| 7).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn nobody_computes_for_one_who_is_gone() {
        let (pool, go) = held(4).await;
        let (ran, did_run) = channel();
        {
            let mut given_up = Box::pin(pool.run(move || ran.send(()).unwrap()));
            assert!(futures_util::poll!(&mut given_up).is_pending());
        }
        go.send(()).unwrap();
        assert_eq!(pool.run(|| 1).await.unwrap(), 1);
        assert!(did_run.try_recv().is_err());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_threads_yield_and_no_other_does() {
        let pool = GatePool::start(1, 4).unwrap();
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let before = niceness();
        assert_eq!(pool.run(niceness).await.unwrap(), before.max(NICENESS));
        assert_eq!(niceness(), before);
    }
}
