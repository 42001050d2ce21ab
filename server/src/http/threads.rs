//! The threads that serve HTTP.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// Of so many tasks that a thread takes up, one is from outside: answers of the store's writer. They are what clients wait for, and what they send next fills the next commit; by default
/// they would wait behind some dozens of other tasks.
const ANSWERS: u32 = 2;

/// Threads that serve HTTP: one fewer than there are cores, because the store's writer is a thread of its own and the busiest of all. On two cores one thread spends less on a
/// send than two, which wake each other (docs/performance.md). What computes for long is on none of them.
fn http_threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    cores.saturating_sub(1).max(1)
}

/// The runtime that a relay runs in.
///
/// # Errors
/// When the system gives it no threads.
pub fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(http_threads())
        .global_queue_interval(ANSWERS)
        .enable_all()
        .build()
}
